import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from daybook.market.quality import moves
from tests.frames import frame, sessions
from tests.market.quality.holdings import DAILY, DAYS, MARKET, D, calm, day, held, market, prices

cells = st.one_of(st.just(np.nan), st.integers(-5, 5).map(float))


@settings(max_examples=200)
@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=7), elements=cells))
def test_the_median_of_the_others_is_that_of_the_row_without_the_cell(values):
    median, count = moves.others_median(values)
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            others = np.delete(values[row], column)
            others = others[np.isfinite(others)]
            known = np.isfinite(values[row, column])
            assert count[row, column] == (len(others) if known else 0)
            if known and len(others):
                assert median[row, column] == np.median(others)
            else:
                assert np.isnan(median[row, column])


def test_own_volatility_is_the_larger_one_of_the_quarter_and_of_lately_and_one_bad_price_does_not_move_it():
    past = np.tile([[0.01], [-0.01]], (30, 3))
    past[5, 1] = 99.0
    past[-10:, 2] *= 4
    assert moves.volatilities(past).tolist() == pytest.approx([DAILY, DAILY, 4 * DAILY])
    few = np.full((60, 2), np.nan)
    few[:19, 0] = 0.01
    few[:20, 1] = 0.02
    found = moves.volatilities(few)
    assert np.isnan(found[0])
    assert found[1] == moves.FLOOR, "twenty equal returns have no deviation"


def test_a_move_is_measured_against_its_peers():
    alone = day(0.05)
    assert (alone["peers"][0], alone["has_peers"][0]) == (0.0, False)
    assert alone["times"][0] == pytest.approx(0.05 / DAILY)
    assert alone["since"][0] == DAYS[-2]
    among = day(0.05, 0.02, 0.01, 0.03, 0.02, 0.02)
    assert (among["peers"][0], among["has_peers"][0]) == (0.02, True)
    assert among["times"][0] == pytest.approx(0.03 / DAILY), "peers differ by less than their own volatility"
    four = day(0.05, 0.02, 0.01, 0.03, 0.02)
    assert not four["has_peers"][0], "four are too few"


def test_in_a_crash_nothing_is_odd_but_what_did_not_fall_with_the_others():
    crash = day(-0.13, -0.12, -0.11, -0.12, -0.13, -0.11, -0.12)
    assert abs(crash["times"][0]) < 1.0
    still = day(0.0, -0.12, -0.11, -0.12, -0.13, -0.11, -0.12)
    assert still["times"][0] == pytest.approx(0.12 / DAILY)


def test_peers_that_lie_far_apart_make_the_yardstick_longer():
    wide = day(0.20, -0.30, -0.20, -0.10, 0.10, 0.0, -0.10)
    assert wide["peers"][0] == pytest.approx(-0.10)
    peers = [-0.30, -0.20, -0.10, 0.10, 0.0, -0.10]
    apart = []
    for k, own in enumerate(peers):
        others = [0.20, *peers[:k], *peers[k + 1 :]]
        apart.append(abs(own - np.median(others)) / DAILY)
    assert wide["times"][0] == pytest.approx(0.30 / DAILY / (moves.NORMAL * np.median(apart)))


def test_peers_are_of_the_sector_else_of_the_class_else_of_the_currency():
    names = ["A", *"bcdef", *"ghijk", *"lmnop"]
    sectors = ["Tech", *["Tech"] * 5, *["Oil"] * 5, *["Oil"] * 5]
    kinds = ["equity", *["equity"] * 5, *["equity"] * 5, *["etf"] * 5]
    last = {"A": 0.0} | dict.fromkeys("bcdef", 0.01) | dict.fromkeys("ghijk", 0.03) | dict.fromkeys("lmnop", 0.05)

    def found(sectors, kinds):
        terms = frame("instruments", "instrument sector asset_class", *zip(names, sectors, kinds, strict=True))
        returns = pd.concat([calm(name, 0.01, move) for name, move in last.items()])
        return moves.measured(held(("A", 1.0, 1.0)), prices(("A", "ok", "raw")), returns, terms)["peers"][0]

    assert found(sectors, kinds) == 0.01
    assert found(["", *sectors[1:]], kinds) == 0.02, "ten equities in two halves"
    assert found(["", *sectors[1:]], ["fund", *kinds[1:]]) == 0.03, "fifteen of the currency"


def test_a_price_that_came_back_is_told_from_one_that_went_away():
    def found(before, last):
        returns = calm("A", 0.01, last)
        returns.loc[returns["business_date"] == DAYS[-2], "price_return"] = before
        return moves.measured(held(("A", 1.0, 1.0)), prices(("A", "ok", "raw")), returns, market())["back"][0]

    assert found(99.0, -0.99)
    assert found(-0.5, 1.02)
    assert not found(0.01, -0.5)
    assert not found(-0.5, -0.5), "it went on falling"
    assert not found(-0.5, 0.3)


def test_sessions_without_a_price_of_their_own_are_no_moves():
    stale = calm("A", 0.01, 0.0).assign(status="ok")
    stale.loc[stale["business_date"] == D, "status"] = "stale"
    assert moves.measured(held(("A", 1.0, 1.0)), prices(("A", "stale", "raw")), stale, market()).empty
    assert moves.measured(held(("A", 1.0, 1.0)), prices(("A", "ok", "raw")), stale, market()).empty
    rows = pd.DataFrame({"business_date": [D, D], "instrument": ["A", "Z"]})
    found = moves.own_volatility(rows, stale)
    assert found[0] == pytest.approx(DAILY)
    assert np.isnan(found[1])


def test_a_standstill_counts_the_sessions_on_which_peers_moved():
    returns = pd.concat([calm(name, 0.01, 0.01) for name in MARKET])
    own = returns["instrument"] == "A"
    still = returns.assign(price_return=returns["price_return"].mask(own & (returns["business_date"] >= DAYS[-6]), 0.0))

    def found(table):
        return moves.measured(held(("A", 1.0, 1.0)), prices(("A", "ok", "raw")), table, market()).iloc[0]

    assert found(still)["unchanged"] == 6
    # The peers' six moves in per cent: +1 -1 +1 -1 +1, and +1 on the last.
    assert found(still)["missed"] == pytest.approx(0.99**2 * 1.01**4 - 1)
    long = returns["price_return"].mask(own & (returns["business_date"] >= DAYS[-60]), 0.0)
    assert found(returns.assign(price_return=long))["unchanged"] == 60, "it moved sixty sessions ago"
    nobody = still.assign(price_return=still["price_return"].mask(returns["business_date"] == DAYS[-3], 0.0))
    assert found(nobody)["unchanged"] == 2, "on that session nothing moved"
    never = returns.assign(price_return=returns["price_return"].mask(own, 0.0))
    assert found(never)["unchanged"] == 0, "a price that never moves has not stopped"


def test_a_range_gives_the_figures_of_single_sessions():
    rng = np.random.default_rng(5)
    days, names = DAYS[-12:], [*MARKET, "Z"]
    rows = [(d, i, rng.normal() / (5 if k % 11 == 0 else 100)) for k, d in enumerate(DAYS) for i in names]
    returns = frame("returns", "business_date instrument price_return", *rows)
    terms = pd.concat(
        [market(), frame("instruments", "instrument exchange sector valid_from", ("Z", "XNYS", "Tech", days[6]))]
    )
    valued = pd.concat([held(("A", 1.0, 10.0), ("Z", 2.0, 7.0), date=d) for d in days])
    golden = pd.concat([prices(("A", "ok", "raw"), ("Z", "ok", "raw"), date=d) for d in days])
    whole = moves.measured(valued, golden, returns, terms)
    single = [
        moves.measured(
            valued[valued["business_date"] == d],
            golden[golden["business_date"] == d],
            returns[(returns["business_date"] <= d) & (returns["business_date"] >= DAYS[list(DAYS).index(d) - 60])],
            terms,
        )
        for d in days
    ]
    assert len(whole) == 24
    pd.testing.assert_frame_equal(whole, pd.concat(single, ignore_index=True), check_exact=True)
    assert moves.measured(valued.head(0), golden, returns, terms).empty
    assert moves.measured(valued, golden, returns.head(0), terms).empty
    assert sessions(D)[0] in set(whole["business_date"])
