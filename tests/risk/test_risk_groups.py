import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from daybook.risk import groups, scenarios, var
from daybook.risk.models import Model
from tests.frames import frame, sessions
from tests.risk.firm import declared, firm
from tests.risk.test_risk_full_revaluation import inputs as revalued
from tests.risk.test_risk_full_revaluation import priced

HISTORICAL = Model("historical", confidences=(0.9,))
NAMES = "book strategy manager entity parent_book"


def inputs(f):
    return f.valuations, f.nav, f.returns, f.fx_rates, f.instruments, f.sessions


def grouped(f, books=None, nav=None, facts=None):
    facts = facts or declared()
    days = scenarios.days(f.valuations, f.nav if nav is None else nav, *inputs(f)[2:], facts)
    return groups.group_var(
        days,
        f.nav if nav is None else nav,
        f.books if books is None else books,
        f.fx_rates,
        facts.var_models,
        f.sessions,
    )


def test_who_belongs_together():
    books = frame(
        "books", NAMES,
        ("a", "value", "Ann", "Fund I", "top"), ("b", "value", "Bob", "", "a"), ("c", "", "Ann", "Fund I", "b"),
        ("top", "", "", "", ""), ("x", "", "", "", "y"), ("y", "", "", "", "x"),
    )  # fmt: skip
    found = groups.members(books).groupby(["grouping", "member"])["book"].agg("".join).to_dict()
    assert {member: names for (grouping, member), names in found.items() if grouping == "firm"} == {"firm": "abctopxy"}
    assert found["strategy", "value"] == "ab"
    assert found["strategy", "c"] == "c"
    assert found["manager", "Ann"] == "ac"
    assert found["entity", "Fund I"] == "ac"
    parents = {member: names for (grouping, member), names in found.items() if grouping == "parent_book"}
    # Two that are above each other, which is a mistake, both hold both; a book below another is not on its own.
    assert parents == {"top": "abctop", "a": "abc", "b": "bc", "x": "xy", "y": "xy"}
    assert not groups.members(books).duplicated().any()


def test_the_reporting_currency_is_that_of_most_books():
    assert groups.reporting_currency(pd.Series(["USD", "EUR", "USD"])) == "USD"
    assert groups.reporting_currency(pd.Series(["USD", "EUR"])) == "EUR"


@settings(max_examples=15, deadline=None)
@given(arrays(np.int64, (5, 12), elements=st.integers(-(10**9), 10**9)), st.permutations(range(5)))
def test_sums_are_exact_in_any_order(micros, order):
    of = np.array([0, 0, 1, 1, 1])
    pnl = micros / 1e6
    expected = np.stack([micros[:2].sum(axis=0), micros[2:].sum(axis=0)]) / 1e6
    assert np.array_equal(groups.added(pnl, of, np.arange(5), 2), expected)
    assert np.array_equal(groups.added(pnl, of[order], np.array(order), 2), expected)


def two(rate=1.0, currency="USD", **reasons):
    """Books x and y of twenty scenarios in one strategy; amounts of y are multiplied by ``rate``."""
    firm_ = pd.DataFrame(
        {
            "book": ["x", "y"],
            "strategy": "s",
            **dict.fromkeys(("manager", "entity", "parent_book"), ""),
            "nav": [100.0, 50.0 * rate],
            "reason": [reasons.get("x", ""), reasons.get("y", "")],
            "currency": currency,
        }
    )
    vectors = np.array([[-8.0, -5.0, -2.0, *range(17)], [6.0, -4.0, -3.0, *range(17)]]) * [[1.0], [rate]]
    at = np.array([-1 if reasons.get(name) else i for i, name in enumerate("xy")])
    found = groups.grouped(
        HISTORICAL,
        groups.Vectors(vectors, at, None, 20, np.array([90.0, 10.0]), np.array([90.0, 5.0])),
        firm_,
        groups.Groups.of(firm_),
    )
    return [rows[rows["grouping"].eq("strategy")].reset_index(drop=True) for rows in found]


def test_by_hand():
    figures, parts = two()
    # Sums: -2, -9, -5, 0, 2, ...: k = 2, the third scenario; alone the second smallest are -5 and -3.
    row = figures.iloc[0]
    assert row[["var", "es", "undiversified", "nav"]].tolist() == [5.0, 7.0, 8.0, 150.0]
    assert row["diversification"] == 0.375
    assert row["coverage"] == 0.95
    assert row["status"] == "ok"
    assert row["convention"].endswith("; vectors of 2 books added, in USD at the closing rate")
    assert parts["component"].tolist() == [2.0, 3.0]
    # Without x: 3, without y: 5.
    assert parts["incremental"].tolist() == [2.0, 0.0]


def test_a_failed_book_is_left_out_and_named():
    figures, parts = two(y="nav failed: no price of Z")
    assert figures[["var", "undiversified", "nav"]].iloc[0].tolist() == [5.0, 5.0, 100.0]
    assert figures["status"].tolist() == ["without y (nav failed: no price of Z)"]
    assert "vectors of 1 book added" in figures["convention"].iloc[0]
    assert parts["book"].tolist() == ["x"]
    figures, parts = two(x="one", y="other")
    assert figures[["var", "es", "undiversified", "diversification", "nav"]].isna().all(axis=None)
    assert figures["status"].tolist() == ["without x (one), y (other)"]
    assert parts.empty


def test_many_failed_books_are_counted():
    names = [f"b{i}" for i in range(groups.NAMED + 3)]
    firm_ = frame("books", NAMES, *[(name, "s", "", "", "") for name in names]).assign(reason="r")
    found = groups.Groups.of(firm_)
    left_out = dict(zip(map(tuple, found.names), found.left_out, strict=True))
    assert left_out["firm", "firm"] == "without b0 (r), b1 (r), b2 (r), b3 (r), b4 (r) and 3 more"
    assert left_out["entity", "b7"] == "without b7 (r)"


def test_a_group_is_the_book_that_holds_all_of_it():
    f = firm(2, seed=6, history=150)
    euro = ["beta", "gamma"]
    books = f.books.assign(strategy=f.books["book"].isin(euro).map({True: "both", False: ""}))
    figures, parts = grouped(f, books)
    # The same holdings in one book.
    merged = f.valuations.loc[f.valuations["book"].isin(euro)].assign(book="beta")
    nav = f.nav.loc[f.nav["book"].eq("beta")]
    whole = var.var(merged, nav, *inputs(f)[2:], declared()).set_index(["business_date", "method", "confidence"])
    both = figures.query("member == 'both'").set_index(["business_date", "method", "confidence"])
    assert len(both) == len(whole)
    assert np.allclose(both["var"], whole["var"].reindex(both.index), rtol=1e-9, atol=1e-4)
    assert np.allclose(both["es"], whole["es"].reindex(both.index), rtol=1e-9, atol=1e-4)
    # It is the sum of the vectors to the last bit.
    vectors = scenarios.scenario_pnl(scenarios.days(*inputs(f), declared())).query("scenario_set == 'historical'")
    micros = (
        vectors[vectors["book"].isin(euro)]
        .groupby("business_date")["pnl"]
        .agg(lambda all_: np.rint(np.stack(list(all_)) * 1e6).sum(axis=0))
    )
    historical = figures.query("member == 'both' and method == 'historical' and confidence == 0.95")
    assert historical["var"].tolist() == [-np.sort(sums)[var.tail(len(sums), 0.95) - 1] / 1e6 for sums in micros]
    # Parts add up, a group of one is itself, and undiversified is the sum of what each has alone.
    key = ["business_date", "grouping", "member", "method", "confidence"]
    total = parts.groupby(key)["component"].sum()
    assert np.allclose(total, figures.set_index(key)["var"].reindex(total.index), atol=1e-4)
    own = var.var(*inputs(f), declared()).set_index(["business_date", "method", "confidence"])
    alone = own[own["book"].isin(euro)].groupby(level=[0, 1, 2])["var"].sum()
    assert np.allclose(both["undiversified"], alone.reindex(both.index), atol=1e-5)
    assert (both["nav"] == f.nav[f.nav["book"].isin(euro)].groupby("business_date")["nav"].sum().iloc[0]).any()


def test_books_of_two_base_currencies_meet_at_the_closing_rate():
    f = firm(1, seed=7, history=120)
    figures, _ = grouped(f)
    assert set(figures["currency"]) == {"EUR"}, "two books of each: the first by name"
    vectors = (
        scenarios.scenario_pnl(scenarios.days(*inputs(f), declared()))
        .query("scenario_set == 'historical'")
        .set_index("book")
    )
    rate = f.fx_rates.loc[f.fx_rates["business_date"].eq(f.sessions[0]) & f.fx_rates["base"].eq("EUR"), "rate"].iloc[0]
    euros = sum(
        np.asarray(vectors.loc[name, "pnl"]) / (rate if name in ("alpha", "delta") else 1.0) for name in vectors.index
    )
    one = figures.query("grouping == 'firm' and method == 'historical' and confidence == 0.95").iloc[0]
    assert one["var"] == pytest.approx(-np.sort(euros)[var.tail(len(euros), 0.95) - 1], abs=5e-6)
    nav = f.nav.set_index("book")["nav"]
    assert one["nav"] == pytest.approx((nav["alpha"] + nav["delta"]) / rate + nav["beta"] + nav["gamma"], abs=1e-5)
    no_rate = firm(1, seed=7, history=120)
    no_rate.fx_rates = no_rate.fx_rates[no_rate.fx_rates["base"].ne("EUR")]
    status = grouped(no_rate)[0].query("grouping == 'firm' and method == 'historical'")["status"].iloc[0]
    assert "alpha (no rate from USD to EUR)" in status


def test_a_book_without_nav_is_named():
    f = firm(1, seed=8, history=120)
    bad = f.nav.assign(status=f.nav["status"].mask(f.nav["book"].eq("beta"), "failed"), reason="no price of I01")
    figures, parts = grouped(f, nav=bad)
    whole = figures.query("grouping == 'firm'")
    assert whole["status"].str.contains("beta \\(nav failed: no price of I01\\)").all()
    assert "beta" not in set(parts["book"])
    all_failed, none = grouped(f, nav=f.nav.assign(status="failed", reason="no rate"))
    assert all_failed["var"].isna().all()
    assert all_failed.query("grouping == 'firm'")["status"].str.startswith("without alpha (nav failed: no rate)").all()
    assert none.empty


def test_a_holiday_of_one_calendar_is_told():
    # 16 July 2018 was Marine Day in Tokyo, and a session in New York.
    day = sessions("2018-07-16")
    books = frame(
        "books", "book base_currency calendar inception_date",
        ("ny", "USD", "XNYS", None), ("tokyo", "JPY", "XTKS", None), ("later", "JPY", "XTKS", "2019-01-01"),
    )  # fmt: skip
    nav = frame(
        "nav", "business_date book base_currency nav status reason",
        ("2018-07-16", "ny", "USD", np.nan, "failed", "no price of X"),
    )  # fmt: skip
    rates = frame("fx_rates", "business_date base quote rate status", ("2018-07-16", "USD", "JPY", 112.0, "ok"))
    figures, _ = groups.group_var([], nav, books, rates, declared().var_models, day)
    status = figures.query("grouping == 'firm'")["status"]
    assert set(status) == {"without ny (nav failed: no price of X), tokyo (no session of its calendar)"}
    assert groups.group_var([], nav.iloc[:0], books, rates, declared().var_models, day)[0].empty


def test_coverage_counts_what_is_revalued():
    option, stock = ("O", 3, priced(100.0), 300 * priced(100.0)), ("A", 1, 100.0, 100.0)
    *given, facts = revalued(option, stock)
    books = frame("books", "book base_currency", ("b", "USD"))
    days = scenarios.days(*given, facts)
    figures, _ = groups.group_var(days, given[1], books, given[3], facts.var_models, given[-1])
    whole = figures.query("grouping == 'firm' and method == 'historical'")["coverage"]
    assert whole.tolist() == pytest.approx([100 / (100 + option[3])] * 2)


def test_a_session_alone_gives_the_rows_of_a_range():
    f = firm(3, seed=9, history=120)
    figures, parts = grouped(f)
    f.sessions = f.sessions[2:]
    for whole, alone in zip((figures, parts), grouped(f), strict=True):
        same = whole[whole["business_date"].eq(f.sessions[0])].reset_index(drop=True)
        assert len(alone)
        assert alone.equals(same)
