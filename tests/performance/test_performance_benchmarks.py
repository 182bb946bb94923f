import numpy as np
import pandas as pd
import pytest

from daybook import calendars, tables
from daybook.performance import benchmarks
from tests.frames import frame, sessions
from tests.risk.firm import firm

DAYS = ("2020-03-02", "2020-03-03", "2020-03-04", "2020-03-05")
USD = pd.DataFrame({"benchmark": ["index"], "base_currency": ["USD"], "calendar": ["XNYS"]})


def weights(*rows):
    return frame(
        "benchmark_weights", "business_date benchmark instrument weight", *[(d, "index", i, w) for d, i, w in rows]
    )


def moves(*rows):
    return frame("returns", "business_date instrument local_return currency status", *[(*row, "ok") for row in rows])


NO_RATES = tables.empty("fx_rates")


def computed(delivered, earned, rates, views, days):
    """Lines, and returns of the sessions on which weights are known."""
    found = benchmarks.computed(benchmarks.Sources(delivered, earned, rates), views, days)
    return found.lines, found.returns[found.returns["status"].ne(benchmarks.NONE_YET)]


def test_weights_count_from_the_next_session_on_and_drift():
    delivered = weights((DAYS[0], "A", 60.0), (DAYS[0], "B", 40.0), (DAYS[2], "A", 0.5), (DAYS[2], "B", 0.5))
    earned = moves(
        (DAYS[0], "A", 0.9, "USD"), (DAYS[0], "B", -0.9, "USD"),
        (DAYS[1], "A", 0.10, "USD"), (DAYS[1], "B", -0.05, "USD"),
        (DAYS[2], "A", 0.01, "USD"), (DAYS[2], "B", 0.02, "USD"),
        (DAYS[3], "A", 0.02, "USD"), (DAYS[3], "B", 0.00, "USD"),
    )  # fmt: skip
    opening, found = computed(delivered, earned, NO_RATES, USD, sessions(*DAYS))
    assert opening["business_date"].unique().tolist() == list(sessions(*DAYS[1:]))
    by_day = opening.pivot(index="business_date", columns="instrument", values="weight").to_numpy()
    assert by_day == pytest.approx(np.array([[0.6, 0.4], [66 / 104, 38 / 104], [0.5, 0.5]]))
    assert found["benchmark_return"].tolist() == pytest.approx([0.04, (0.66 + 0.76) / 104, 0.01], abs=1e-12)


def test_a_foreign_instrument_drifts_and_earns_in_base_currency():
    delivered = weights((DAYS[0], "A", 0.5), (DAYS[0], "E", 0.5))
    earned = moves(*[(day, name, 0.0, ccy) for day in DAYS[1:3] for name, ccy in (("A", "USD"), ("E", "EUR"))])
    rates = frame(
        "fx_rates",
        "business_date base quote rate status",
        *[(day, "EUR", "USD", rate, "ok") for day, rate in zip(DAYS[:3], (1.0, 1.2, 1.2), strict=True)],
    )
    opening, found = computed(delivered, earned, rates, USD, sessions(*DAYS[1:3]))
    assert opening["weight"].tolist() == pytest.approx([0.5, 0.5, 1 / 2.2, 1.2 / 2.2])
    assert found["benchmark_return"].tolist() == pytest.approx([0.1, 0.0])
    euro, seen = computed(delivered, earned, rates, USD.assign(base_currency="EUR"), sessions(*DAYS[1:3]))
    assert euro["weight"].tolist() == pytest.approx(opening["weight"].tolist()), (
        "drift does not depend on the numeraire"
    )
    assert seen["benchmark_return"].iloc[0] == pytest.approx(0.5 / 1.2 - 0.5)


def test_cash_in_a_benchmark_earns_its_currency():
    rates = frame(
        "fx_rates",
        "business_date base quote rate status",
        (DAYS[0], "EUR", "USD", 1.0, "ok"),
        (DAYS[1], "EUR", "USD", 1.1, "ok"),
    )
    delivered = weights((DAYS[0], "CASH:EUR", 1.0), (DAYS[0], "CASH:USD", 1.0), (DAYS[0], "A", 2.0))
    _, found = computed(delivered, moves((DAYS[1], "A", 0.0, "USD")), rates, USD, sessions(DAYS[1]))
    assert found["benchmark_return"].tolist() == [pytest.approx(0.025)]


def test_a_member_without_a_return_leaves_the_benchmark_without_one():
    delivered = weights((DAYS[0], "A", 0.5), (DAYS[0], "B", 0.5), (DAYS[0], "C", 0.0))
    earned = moves((DAYS[1], "A", 0.1, "USD"), *[(DAYS[2], name, 0.0, "USD") for name in "AB"])
    opening, found = computed(delivered, earned, NO_RATES, USD, sessions(*DAYS[1:3]))
    assert found["status"].tolist() == [
        "benchmark: no return of B",
        "ok; weights held over 1 missing returns of members",
    ]
    assert found["benchmark_return"].isna().tolist() == [True, False]
    assert opening.query("instrument == 'B'")["weight"].tolist() == [0.5, pytest.approx(0.5 / 1.05)]


def test_a_change_within_the_month_replaces_every_member_at_the_next_open():
    # B leaves at the close of the second day, without a price from then on; C, weightless before, takes its place.
    delivered = weights(
        (DAYS[0], "A", 0.5), (DAYS[0], "B", 0.5), (DAYS[0], "C", 0.0),
        (DAYS[1], "A", 0.75), (DAYS[1], "C", 0.25),
    )  # fmt: skip
    earned = moves(
        (DAYS[1], "A", 0.10, "USD"), (DAYS[1], "B", 0.20, "USD"),
        (DAYS[2], "A", 0.04, "USD"), (DAYS[2], "C", 0.08, "USD"),
    )  # fmt: skip
    opening, found = computed(delivered, earned, NO_RATES, USD, sessions(*DAYS[1:3]))
    assert opening.loc[opening["business_date"] == DAYS[2], "instrument"].tolist() == ["A", "C"]
    assert found["benchmark_return"].tolist() == [pytest.approx(0.15), pytest.approx(0.05)]
    assert found["status"].tolist() == ["ok", "ok"], "a member of weight 0 needs no price"


def test_returns_of_days_on_which_the_book_is_closed_are_linked_into_its_next_session():
    # New York was closed on 2020-01-20, London was not.
    days = calendars.sessions("XLON", "2020-01-17", "2020-01-21")
    earned = moves(*[(day, "A", 0.1, "USD") for day in days])
    delivered = weights((days[0], "A", 1.0))
    opening, _ = computed(delivered, earned, NO_RATES, USD, days)
    assert opening["business_date"].tolist() == [days[2]]
    assert opening["total_return"].tolist() == [pytest.approx(0.21)]
    london, _ = computed(delivered, earned, NO_RATES, USD.assign(calendar="XLON"), days)
    assert london["total_return"].tolist() == [pytest.approx(0.1)] * 2


def test_weights_that_do_not_add_up_to_anything_are_empty():
    delivered = weights((DAYS[0], "A", 1.0), (DAYS[0], "B", -1.0))
    earned = moves((DAYS[1], "A", 0.1, "USD"), (DAYS[1], "B", 0.1, "USD"))
    opening, found = computed(delivered, earned, NO_RATES, USD, sessions(DAYS[1]))
    assert opening["weight"].isna().all()
    assert found["benchmark_return"].isna().all()


def test_the_risk_free_return_is_that_of_the_shortest_tenor_over_calendar_days():
    rates = frame(
        "risk_free_rates",
        "business_date currency tenor rate day_count",
        ("2020-03-06", "USD", "3M", 0.05, ""),
        ("2020-03-06", "USD", "1D", 0.0365, ""),
        ("2020-03-06", "EUR", "1W", 0.036, "ACT/360"),
        ("2020-03-09", "USD", "1D", 9.0, ""),
    )
    monday = sessions("2020-03-09")
    found = benchmarks.risk_free_returns(rates, ["USD", "EUR", "GBP"], "XNYS", monday).set_index("base_currency")
    assert found["risk_free"].to_dict() == {"EUR": pytest.approx(0.0003), "GBP": 0.0, "USD": pytest.approx(0.0003)}
    assert (found["business_date"] == monday[0]).all()


@pytest.mark.parametrize(
    ("count", "days"), [("Actual/360", 3 / 360), ("ACT/365F", 3 / 365), ("30/360", 2 / 360), ("x", 3 / 365)]
)
def test_the_risk_free_return_counts_days_as_curves_do(count, days):
    # From Friday, May 29 to Monday, June 1 are three days, and two in months of 30 days.
    rates = frame(
        "risk_free_rates", "business_date currency tenor rate day_count", ("2020-05-29", "USD", "1D", 0.036, count)
    )
    monday = calendars.sessions("XNYS", "2020-06-01", "2020-06-01")
    found = benchmarks.risk_free_returns(rates, ["USD"], "XNYS", monday)
    assert found["risk_free"].tolist() == [pytest.approx(0.036 * days, abs=1e-15)]


def test_the_weights_of_every_session_add_up_to_one():
    f = firm(70, seed=4)
    views = benchmarks.book_views(f.books, f.sessions)
    opening, _ = computed(f.benchmark_weights, f.returns, f.fx_rates, views, f.sessions)
    whole = opening.groupby(["business_date", *benchmarks.VIEW])["weight"].sum()
    assert np.allclose(whole, 1, atol=1e-14)
    assert views.loc[views["book"].eq("gamma"), "benchmark"].unique().tolist() == [""]
