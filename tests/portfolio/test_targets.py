"""Targets: the optimum against its closed form and its proof, what a policy is told, and which books are left out."""

import numpy as np
import pandas as pd
import pytest
from frames import frame
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import calendars
from daybook.performance.benchmarks import Sources
from daybook.portfolio import rebalanced
from daybook.portfolio import targets as module
from daybook.portfolio.policies import MINIMUM_SESSIONS, NoTargets, Problem, benchmark_tracking, history, minimum_risk
from daybook.portfolio.targets import REGISTRY, targets
from daybook.portfolio.variance import covariance, least_variance

SESSIONS = calendars.sessions("XNYS", "2019-01-02", "2020-01-31")
DAY = SESSIONS[-1]
NAMES = [f"I{number}" for number in range(10)]


@pytest.fixture(scope="module")
def market() -> pd.DataFrame:
    """Returns of ten names with one factor, a fixed draw."""
    draw = np.random.default_rng(7)
    factor = draw.normal(0, 0.008, len(SESSIONS))
    own = draw.normal(0, 0.01, (len(SESSIONS), len(NAMES)))
    return pd.DataFrame(factor[:, None] * np.linspace(0.6, 1.4, 10) + own, index=SESSIONS, columns=NAMES)


def long(market: pd.DataFrame) -> pd.DataFrame:
    rows = market.rename_axis("business_date").reset_index().melt("business_date", var_name="instrument")
    return rows.rename(columns={"value": "local_return"}).assign(
        price_return=0.0, currency="USD", status="ok", instrument=lambda f: f["instrument"].astype("str")
    ).astype({"currency": "str", "status": "str"})  # fmt: skip


class Firm:
    """Books of one session by (book, strategy, benchmark), all with the same holdings and benchmark weights."""

    def __init__(self, market, *books, base="USD", nav=1_000_000.0, status="ok"):
        self.returns = long(market)
        self.books = frame("books", "book strategy benchmark base_currency", *[(*book, base) for book in books])
        self.nav = frame(
            "nav", "business_date book nav status reason", *[(DAY, book[0], nav, status, "why not") for book in books]
        )
        self.held = {"I0": 300_000.0, "I1": 100_000.0, "CASH:USD": 600_000.0}
        self.delivered = frame(
            "benchmark_weights",
            "business_date benchmark instrument weight",
            *[(SESSIONS[-11], "Q", n, 0.2) for n in NAMES[:5]],
        )
        self.fx_rates = frame("fx_rates", "business_date base quote rate status", (DAY, "EUR", "USD", 1.1, "ok"))
        self.declared = {}

    def sources(self):
        return Sources(self.delivered, self.returns, self.fx_rates, **self.declared)

    def targets(self):
        valuations = frame(
            "valuations",
            "business_date book instrument quantity market_value_base",
            *[(DAY, book, name, 1.0, value) for book in self.books["book"] for name, value in self.held.items()],
        )
        found, failures = targets(self.books, self.nav, valuations, self.sources(), DAY)
        return found, dict(zip(failures["book"], failures["reason"], strict=True))


def asked(firm: Firm, monkeypatch, book="X") -> Problem:
    """The question that the policy of ``book`` is asked."""
    seen = []

    def policy(problem):
        seen.append(problem)
        return pd.Series({"I0": 0.5})

    monkeypatch.setattr(module, "REGISTRY", {"minimum_risk": policy})
    firm.targets()
    return seen[0]


def test_two_names_have_the_least_variance_of_the_closed_form():
    # w1 = (s2^2 - s12) / (s1^2 + s2^2 - 2 s12) = (0.09 - 0.01) / (0.04 + 0.09 - 0.02) = 8/11.
    matrix = pd.DataFrame([[0.04, 0.01], [0.01, 0.09]], index=["a", "b"], columns=["a", "b"])
    guess = pd.Series({"a": 0.5, "b": 0.5})
    for scale in (1.0, 1e-6):
        found = least_variance(matrix * scale, guess, invested=1.0, largest=1.0)
        assert found.to_dict() == {"a": pytest.approx(8 / 11, abs=2e-6), "b": pytest.approx(3 / 11, abs=2e-6)}
    # A bound of 60 % binds; with 90 % invested the weights shrink in proportion.
    assert least_variance(matrix, guess, 1.0, 0.6).to_dict() == {"a": 0.6, "b": 0.4}
    assert least_variance(matrix, guess, 0.9, 1.0)["a"] == pytest.approx(0.9 * 8 / 11, abs=2e-6)


@settings(max_examples=15)
@given(
    st.integers(2, 12).flatmap(
        lambda n: st.tuples(st.integers(0, 10**6), st.just(n), st.floats(1 / n + 0.01, 1.0), st.floats(1e-8, 1.0))
    )
)
def test_no_admissible_weights_have_less_variance(case):
    seed, count, largest, scale = case
    draw = np.random.default_rng(seed)
    names = [f"n{i}" for i in range(count)]
    root = draw.normal(0, 1, (count, count))
    matrix = pd.DataFrame((root @ root.T + 0.01 * np.eye(count)) * scale, index=names, columns=names)
    found = least_variance(matrix, pd.Series(1 / count, index=names), 1.0, largest)
    assert found.between(0, largest).all()
    assert found.sum() == pytest.approx(1.0, abs=2e-5)
    least = found @ matrix @ found
    for _ in range(50):
        other = np.minimum(draw.dirichlet(np.ones(count) * 0.5), largest)
        other += (largest - other) * (1 - other.sum()) / (largest - other).sum()
        assert other @ matrix @ other >= least * (1 - 2e-3)


def test_both_policies_give_whole_and_bounded_targets(market):
    firm = Firm(market, ("L", "minimum_risk", "Q"), ("T", "benchmark_tracking", "Q"), ("S", "long_short", "Q"))
    firm.held |= {"I8": 50_000.0, "I9": 50_000.0}
    found, failures = firm.targets()
    assert failures == {}
    assert set(found["book"]) == {"L", "T"}
    assert (found["policy"] == found["book"].map({"L": "minimum_risk", "T": "benchmark_tracking"})).all()
    low, tracking = (found[found["book"] == name].set_index("instrument")["target_weight"] for name in "LT")
    # Held and benchmark names are the universe; tracking takes benchmark names alone and so sells I8 and I9 whole.
    assert tracking.index.tolist() == low.index.tolist() == [*NAMES[:5], "I8", "I9"]
    assert tracking[["I8", "I9"]].tolist() == [0.0, 0.0]
    assert tracking.sum() == pytest.approx(0.99, abs=1e-5)
    # Seven names of at most 15 %, 99 % in all: each has at least 9 %.
    assert low.sum() == pytest.approx(0.99, abs=1e-5)
    assert low.between(0.09 - 1e-5, minimum_risk.LARGEST_WEIGHT).all()


def test_tracking_has_a_smaller_tracking_error_than_the_benchmark_scaled_to_the_cash(market):
    weights = pd.Series(0.1, index=NAMES)
    problem = Problem("T", pd.Series(dtype="float64"), weights, market[-250:])
    found = benchmark_tracking.weights(problem)
    risk = covariance(market[-250:])

    def tracking_error(mix):
        return np.sqrt((mix - weights) @ risk @ (mix - weights))

    scaled = weights * 0.99
    assert 0.5 * tracking_error(scaled) < tracking_error(found) < tracking_error(scaled)
    assert (found - scaled).abs().max() < 0.01


def test_a_bound_that_cannot_be_kept_leaves_the_book_out_by_name(market):
    firm = Firm(market, ("L", "minimum_risk", "Q"), ("T", "benchmark_tracking", ""))
    found, failures = firm.targets()
    assert found.empty
    assert failures == {
        "L": "5 names of at most 15.00% each cannot hold 99.00% of NAV",
        "T": "the benchmark has no weights yet",
    }


def test_a_solver_that_finds_nothing_or_something_poor_is_no_answer(monkeypatch):
    import riskfolio

    matrix = pd.DataFrame([[0.04, 0.01], [0.01, 0.09]], index=["a", "b"], columns=["a", "b"])
    guess = pd.Series({"a": 0.5, "b": 0.5})
    answers = iter([None, [0.5, 0.5], [0.9, 0.2]])

    def optimization(self, **_):
        answer = next(answers)
        return None if answer is None else pd.DataFrame({"weights": answer})

    monkeypatch.setattr(riskfolio.Portfolio, "optimization", optimization)
    for reason in ("found no weights", "not proven to have the least variance", "break their bounds"):
        with pytest.raises(NoTargets, match=reason):
            least_variance(matrix, guess, 1.0, 1.0)


def test_a_book_without_a_sound_nav_has_no_targets(market):
    assert Firm(market, ("X", "minimum_risk", "Q"), status="failed").targets()[1] == {"X": "its NAV failed: why not"}
    assert Firm(market, ("X", "minimum_risk", "Q"), nav=-1.0).targets()[1] == {"X": "its NAV is not above 0"}
    firm = Firm(market, ("X", "minimum_risk", "Q"))
    firm.nav = firm.nav.iloc[:0]
    found, failures = firm.targets()
    assert found.empty
    assert failures == {}


def test_a_policy_is_told_weights_of_nav_and_benchmark_weights_of_the_close(market, monkeypatch):
    problem = asked(Firm(market, ("X", "minimum_risk", "Q")), monkeypatch)
    assert problem.held.to_dict() == {"I0": 0.3, "I1": 0.1}
    # Delivered ten sessions ago: ten returns of drift, that of DAY included, and nothing from before.
    grown = 0.2 * (1 + market[NAMES[:5]].iloc[-10:]).prod()
    assert problem.benchmark.to_dict() == pytest.approx((grown / grown.sum()).to_dict(), rel=1e-12)
    assert problem.returns.shape == (module.WINDOW, 5)
    pd.testing.assert_frame_equal(problem.returns, market[NAMES[:5]].iloc[-250:], check_names=False, check_freq=False)


def test_weights_delivered_for_the_day_count_at_its_close(market, monkeypatch):
    firm = Firm(market, ("X", "minimum_risk", "Q"))
    firm.delivered = frame(
        "benchmark_weights", "business_date benchmark instrument weight", (DAY, "Q", "I2", 0.25), (DAY, "Q", "I3", 0.75)
    )
    assert asked(firm, monkeypatch).benchmark.to_dict() == {"I2": 0.25, "I3": 0.75}


def test_a_blend_is_tracked_by_what_it_is_made_of_and_levels_cannot_be(market, monkeypatch):
    firm = Firm(market, ("X", "minimum_risk", "mix"), ("Y", "benchmark_tracking", "index"))
    firm.delivered = frame(
        "benchmark_weights", "business_date benchmark instrument weight",
        (DAY, "Q", "I2", 0.25), (DAY, "Q", "I3", 0.75), (DAY, "R", "I3", 0.5), (DAY, "R", "I4", 0.5),
    )  # fmt: skip
    made = [("mix", "Q", SESSIONS[0], 0.8), ("mix", "R", SESSIONS[0], 0.2)]
    firm.declared = {
        "benchmark_blends": frame("benchmark_blends", "benchmark constituent valid_from weight", *made),
        "benchmark_levels": frame("benchmark_levels", "business_date benchmark level", (DAY, "index", 100.0)),
        "benchmark_terms": frame("benchmark_terms", "benchmark valid_from", ("index", SESSIONS[0])),
    }
    assert firm.targets()[1]["Y"] == "the benchmark has no weights yet"
    assert asked(firm, monkeypatch).benchmark.to_dict() == pytest.approx({"I2": 0.2, "I3": 0.7, "I4": 0.1})


def test_returns_are_turned_into_the_base_currency(market, monkeypatch):
    firm = Firm(market, ("X", "minimum_risk", "Q"), base="EUR")
    rates = np.linspace(1.0, 1.25, len(SESSIONS))
    firm.fx_rates = frame(
        "fx_rates",
        "business_date base quote rate status",
        *[(session, "EUR", "USD", rate, "ok") for session, rate in zip(SESSIONS, rates, strict=True)],
    )
    found = asked(firm, monkeypatch).returns
    # The dollar falls: 1 USD was 1 / rates EUR.
    expected = (1 + market["I0"]) * pd.Series(rates, SESSIONS).shift() / rates - 1
    assert found["I0"].iloc[1:].to_numpy() == pytest.approx(expected.iloc[-249:].to_numpy(), rel=1e-12)
    assert np.isnan(found["I0"].iloc[0])


def test_a_rate_that_is_missing_leaves_the_book_out(market):
    firm = Firm(market, ("X", "minimum_risk", "Q"), base="EUR")
    assert "only 0 sessions have a return for every name" in firm.targets()[1]["X"]


def test_history_is_complete_or_refused(market):
    holes = market.copy()
    holes.loc[SESSIONS[::2], "I1"] = np.nan
    empty = pd.Series(dtype="float64")
    problem = Problem("X", empty, empty, holes)
    assert len(history(problem, pd.Index(["I0", "I1"]))) == len(SESSIONS) // 2
    holes.loc[SESSIONS[MINIMUM_SESSIONS - 1] :, "I1"] = np.nan
    with pytest.raises(NoTargets, match="fewest: I1 with 29"):
        history(problem, pd.Index(["I0", "I1"]))
    with pytest.raises(NoTargets, match="there is nothing to choose from"):
        minimum_risk.weights(Problem("X", empty, empty, market))


def test_a_policy_is_registered_by_the_name_of_its_strategy():
    assert set(REGISTRY) == {"benchmark_tracking", "minimum_risk"}


def test_derivatives_are_left_alone(market):
    """A future and its open order beside shares: no target for it, no order in it, and the shares' are as without."""
    firm = Firm(market, ("X", "benchmark_tracking", "Q"))
    instruments = frame(
        "instruments",
        "instrument asset_class lot_size",
        *[(name, "equity", 1.0) for name in NAMES],
        ("F", "future", 1.0),
    )
    names = ["I0", "I1", "F"]
    held = frame(
        "valuations",
        "business_date book instrument quantity market_value_base",
        *[(DAY, "X", name, 1000.0, value) for name, value in zip(names, (300_000.0, 100_000.0, 0.0), strict=True)],
    )
    prices = frame(
        "prices", "business_date instrument close currency", *[(DAY, name, 100.0, "USD") for name in [*NAMES, "F"]]
    )
    cash = frame("cash", "business_date book currency balance", (DAY, "X", "USD", 600_000.0))
    orders = pd.DataFrame({"book": ["X"], "instrument": ["F"], "quantity": [3.0]})

    def made(valuations, open_orders):
        return rebalanced(
            firm.books, firm.nav, valuations, firm.sources(), cash, prices, instruments, open_orders, DAY
        )  # fmt: skip

    found = made(held, orders)
    assert found["portfolio_failures"].empty, found["portfolio_failures"]
    assert sorted(found["targets"]["instrument"]) == NAMES[:5]
    without = made(held[held["instrument"] != "F"], orders.head(0))
    for name, table in found.items():
        pd.testing.assert_frame_equal(table, without[name])
    assert len(found["proposed_orders"])
