"""Tracking error by node: what can be worked by hand, every scenario attributed by itself, and what has no figure."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from daybook import calendars, tables
from daybook.attribution import active_risk, rules, tree
from daybook.performance.benchmarks import Sources
from daybook.risk.scenarios import Facts
from tests.frames import frame
from tests.risk.firm import firm

COUNT = 80
DAYS = calendars.sessions("XNYS", "2021-01-04")[:COUNT]
D = DAYS[-1]
DRAW = np.random.default_rng(11).normal(0, 0.01, (3, COUNT)).round(5)
A, B, EURO = DRAW
YEAR = np.sqrt(252)


def world(held, index, sectors=("X", "Y"), base="USD", nav=None, count=COUNT, **facts):
    """Arguments for one book that holds ``held`` (instrument -> value) against ``index`` (instrument -> weight).

    A is in USD; B is in EUR, whose rate moves by EURO.
    """
    local = {"A": A[-count:], "B": B[-count:]}
    days = DAYS[-count:]
    own = {"A": "USD", "B": "EUR"}
    rate = 1.2 * np.cumprod(1 + EURO[-count:])
    before = days[0] - pd.Timedelta(days=3)
    delivered = [(D, "i", name, weight) for name, weight in index.items()]
    sources = Sources(
        benchmark_weights=frame(
            "benchmark_weights",
            "business_date benchmark instrument weight",
            *delivered,
        ),
        returns=frame(
            "returns",
            "business_date instrument local_return currency status",
            *[(day, name, float(x[i]), own[name], "ok") for i, day in enumerate(days) for name, x in local.items()],
        ),
        fx_rates=frame(
            "fx_rates",
            "business_date base quote rate status",
            (before, "EUR", "USD", 1.2, "ok"),
            *[(day, "EUR", "USD", rate[i], "ok") for i, day in enumerate(days)],
        ),
    )
    sources = replace(sources, **facts)
    money = {name: own.get(name, name[5:]) for name in held}
    return {
        "valuations": frame(
            "valuations",
            "business_date book instrument currency market_value_base exposure_base",
            *[(D, "b", name, money[name], value, value) for name, value in held.items()],
        ),
        "nav": frame(
            "nav",
            "business_date book base_currency nav status",
            (D, "b", base, sum(held.values()) if nav is None else nav, "ok"),
        ),
        "sources": sources,
        "instruments": frame(
            "instruments", "instrument currency sector", ("A", "USD", sectors[0]), ("B", "EUR", sectors[1])
        ),
        "attribution_rules": tables.empty("attribution_rules"),
        "performance_rules": tables.empty("performance_rules"),
        "facts": Facts(books=frame("books", "book base_currency benchmark", ("b", base, "i"))),
        "date": D,
    }


def by_node(found):
    return found.set_index("node")


def abroad():
    """Return of B in USD."""
    return (1 + B) * (1 + EURO) - 1


def test_two_sectors_share_the_risk_of_one_bet():
    found = by_node(active_risk.risk_attribution(**world({"A": 60.0, "B": 40.0}, {"A": 0.5, "B": 0.5})))
    # 0.1 A - 0.1 B; each sector adds 0.1 (A - (A + B) / 2), or the same with both signs turned: half of it.
    whole = 0.1 * np.std(A - abroad(), ddof=1) * YEAR
    assert found.loc["", "active_risk"] == pytest.approx(whole, abs=1e-12)
    for node in ("X", "Y", "X / A", "Y / B"):
        assert found.loc[node, "active_risk"] == pytest.approx(whole / 2, abs=1e-12)
        assert found.loc[node, "standalone_risk"] == pytest.approx(whole / 2, abs=1e-12)
    assert found.loc["X", "allocation_risk"] == pytest.approx(whole / 2, abs=1e-12)
    assert found.loc["X", "selection_risk"] == pytest.approx(0, abs=2e-12)
    assert found.loc["X", "active_weight"] == pytest.approx(0.1, abs=1e-12)
    assert found.loc["Y", "active_weight"] == pytest.approx(-0.1, abs=1e-12)
    assert found.loc["", "observations"] == COUNT
    assert found.loc["", "coverage"] == 1
    assert found.loc["", "convention"] == (
        "standard deviation of 80 historical scenarios x root of 252 sessions a year; weights at the close"
    )


def test_a_bet_within_a_sector_is_selection():
    given = world({"A": 60.0, "B": 40.0}, {"A": 0.5, "B": 0.5}, sectors=("X", "X"))
    found = by_node(active_risk.risk_attribution(**given))
    whole = 0.1 * np.std(A - abroad(), ddof=1) * YEAR
    assert found.loc["X", "selection_risk"] == pytest.approx(whole, abs=2e-12)
    assert found.loc["X", "allocation_risk"] == pytest.approx(0, abs=2e-12)
    # The names of the sector are bets of their own.
    assert found.loc["X / A", "allocation_risk"] == pytest.approx(whole / 2, abs=2e-12)


def test_cash_is_riskless_and_keeps_from_the_risk_of_the_benchmark():
    given = world({"A": 70.0, "CASH:USD": 30.0}, {"A": 1.0})
    given["performance_rules"] = frame("performance_rules", "book periods_per_year", ("b", 100.0))
    found = by_node(active_risk.risk_attribution(**given))
    sd = np.std(A, ddof=1) * 10
    assert found.loc["", "active_risk"] == pytest.approx(0.3 * sd, abs=1e-12)
    # Cash: 0.3 (0 - A), all of it. A: -0.3 (A - A).
    assert found.loc["Cash", "active_risk"] == pytest.approx(0.3 * sd, abs=1e-12)
    assert found.loc["X", "active_risk"] == pytest.approx(0, abs=1e-12)
    assert "root of 100 sessions" in found.loc["", "convention"]


def test_what_hedges_the_rest_has_a_negative_part():
    moved = active_risk.parts(
        np.array([[0.02, 0.0, -0.02], [-0.01, 0.0, 0.01]]), np.array([[0.01, 0.0, -0.01]]), np.zeros(2, int), np.ones(1)
    )
    np.testing.assert_allclose(moved, [0.02, -0.01], rtol=0, atol=1e-15)


def test_a_hedged_benchmark_has_no_currency_risk():
    hedged = frame("benchmark_terms", "benchmark return_kind rebalancing hedge_ratio", ("i", "total", "daily", 1.0))
    given = world({"B": 100.0}, {"B": 1.0}, benchmark_terms=hedged)
    found = by_node(active_risk.risk_attribution(**given))
    assert found.loc["", "active_risk"] == pytest.approx(np.std(EURO, ddof=1) * YEAR, abs=1e-12)
    plain = by_node(active_risk.risk_attribution(**world({"B": 100.0}, {"B": 1.0})))
    assert plain["active_risk"].tolist() == [0.0] * len(plain)
    assert plain["status"].eq("ok").all()


def test_a_benchmark_of_which_only_levels_are_known_is_one_line():
    level = 100 * np.cumprod(1 + B)
    levels = frame(
        "benchmark_levels",
        "business_date benchmark level return_kind currency",
        ("2020-12-31", "i", 100.0, "total", "USD"),
        *[(day, "i", level[i], "total", "USD") for i, day in enumerate(DAYS)],
    )
    terms = frame("benchmark_terms", "benchmark return_kind rebalancing hedge_ratio", ("i", "total", "daily", 0.0))
    given = world({"A": 100.0}, {}, benchmark_levels=levels, benchmark_terms=terms)
    found = by_node(active_risk.risk_attribution(**given))
    assert found.loc["", "active_risk"] == pytest.approx(np.std(A - B, ddof=1) * YEAR, abs=1e-10)
    assert found.loc["Unclassified / i", "active_weight"] == -1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"index": {}}, "no weights of benchmark i at the close"),
        ({"nav": -5.0}, "nav is not above 0"),
        ({"nav": 0.0}, "nav is not above 0"),
        ({"count": 30}, "30 of 60 scenarios that a tracking error needs"),
    ],
)
def test_a_book_without_a_figure_says_why(change, said):
    found = active_risk.risk_attribution(**world(**{"held": {"A": 60.0}, "index": {"A": 1.0}, **change}))
    assert found[["node", "status"]].to_numpy().tolist() == [["", said]]
    assert found[["active_risk", "allocation_risk", "coverage"]].isna().all(axis=None)
    assert not len(active_risk.identity_gaps(found))


@pytest.fixture(scope="module")
def made():
    facts = firm(2, seed=4, history=110)
    day = facts.sessions[-1]
    given = {
        "valuations": facts.valuations.loc[facts.valuations["business_date"].eq(day)],
        "nav": facts.nav.loc[facts.nav["business_date"].eq(day)],
        "sources": Sources(facts.benchmark_weights, facts.returns, facts.fx_rates),
        "instruments": facts.instruments,
        "attribution_rules": frame(
            "attribution_rules",
            "book method levels interaction_rule anchor imputation",
            ("", "brinson_fachler", "sector country instrument", "shown", "parent", "portfolio"),
            ("beta", "brinson_hood_beebower", "currency instrument", "allocation", "total", "benchmark"),
        ),
        "performance_rules": tables.empty("performance_rules"),
        "facts": Facts(books=facts.books),
        "date": day,
    }
    return facts, given, active_risk.risk_attribution(**given)


def test_nodes_add_up_to_the_tracking_error(made):
    _facts, _, found = made
    assert not len(active_risk.identity_gaps(found))
    assert found.loc[found["node"].eq(""), "status"].tolist() == ["ok", "ok", "ok", "no benchmark"]
    broken = found.assign(active_risk=found["active_risk"] * 1.01)
    assert len(active_risk.identity_gaps(broken))


@pytest.mark.parametrize("book", ["alpha", "beta", "delta"])
def test_the_part_of_an_effect_is_its_covariance_over_all_scenarios(made, book):
    """Each scenario is attributed as if it were a session; effects and active return then covary as the table says."""
    facts, given, found = made
    mine = by_node(found.loc[found["book"].eq(book)])
    base = facts.books.set_index("book").loc[book, "base_currency"]
    held = given["valuations"].loc[given["valuations"]["book"].eq(book)].set_index("instrument")["market_value_base"]
    nav = given["nav"].set_index("book").loc[book, "nav"]
    local = facts.returns.pivot_table(index="business_date", columns="instrument", values="local_return")
    worth = facts.fx_rates.pivot_table(index="business_date", columns="base", values="rate").assign(USD=1.0)
    move = worth.div(worth[base], axis=0).pct_change()
    move[base] = 0.0
    own = facts.instruments.set_index("instrument")["currency"]
    names = sorted({*held.index, *own.index, "CASH:"})
    returns = pd.DataFrame(0.0, index=local.index, columns=names)
    for name in names:
        own_return = local.get(name, 0.0)
        currency = name[5:] or base if name.startswith("CASH:") else own[name]
        returns[name] = ((1 + own_return) * (1 + move[currency]) - 1).fillna(0.0)
    leaf = mine.loc[mine["dimension"].eq("instrument")]
    weight = held.reindex(names).fillna(0.0) / nav
    weight.loc["CASH:" + base] += weight.pop("CASH:")
    bench = pd.Series({node.split(" / ")[-1]: -row["active_weight"] for node, row in leaf.iterrows()})
    bench = (bench + weight.reindex(bench.index)).reindex(names).fillna(0.0).round(11)
    opened = held.reindex(names).fillna(0.0)
    count = len(local)
    lines = pd.DataFrame(
        {
            "business_date": np.repeat(local.index.to_numpy("datetime64[us]"), len(names)),
            "book": book,
            "instrument": np.tile(names, count),
            "opened": np.tile(opened, count),
            "earned": (returns * opened).to_numpy().ravel(),
            "traded": 0.0,
            "denominator": nav,
            "weight": np.tile(bench, count),
            "weighted": (returns * bench).to_numpy().ravel(),
            "risk_free": 0.0,
            "base_currency": base,
        }
    ).astype({"book": "str", "instrument": "str", "base_currency": "str"})
    rule = rules.in_force(given["attribution_rules"], lines[["business_date", "book"]].drop_duplicates())
    effects = tree.rounded(tree.nodes(lines, rule, facts.instruments), np.zeros(count))
    effects["allocated"] = effects["allocation"] + effects["allocation_above"]
    wide = {name: effects.pivot(index="business_date", columns="node", values=name) for name in ("total", "allocated")}
    active = wide["total"][""]
    for node in mine.index:
        part = np.cov(wide["total"][node], active)[0, 1] / active.std() * YEAR
        assert mine.loc[node, "active_risk"] == pytest.approx(part, abs=1e-9)
        weighting = np.cov(wide["allocated"][node], active)[0, 1] / active.std() * YEAR
        assert mine.loc[node, "allocation_risk"] == pytest.approx(weighting, abs=1e-9)
        assert mine.loc[node, "standalone_risk"] == pytest.approx(wide["total"][node].std() * YEAR, abs=1e-9)
    assert mine.loc["", "active_risk"] == pytest.approx(active.std() * YEAR, abs=1e-9)


def test_other_books_and_the_order_of_rows_do_not_matter(made, monkeypatch):
    _facts, given, found = made
    alone = {name: given[name].loc[given[name]["book"].eq("beta")].sample(frac=1) for name in ("valuations", "nav")}
    again = active_risk.risk_attribution(**{**given, **alone})
    mine = found.loc[found["book"].eq("beta")].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, mine, check_exact=False, rtol=0, atol=2e-12)
    monkeypatch.setattr(active_risk, "LINES_AT_ONCE", 5)
    split = active_risk.risk_attribution(**given)
    pd.testing.assert_frame_equal(split, found, check_exact=False, rtol=0, atol=2e-12)


def test_a_rule_with_a_level_that_instruments_do_not_have_says_so_and_leaves_the_others_alone():
    given = world({"A": 60.0, "B": 40.0}, {"A": 0.5, "B": 0.5})
    alone = active_risk.risk_attribution(**given)
    for name in ("valuations", "nav"):
        given[name] = pd.concat([given[name], given[name].assign(book="c")], ignore_index=True)
    books = given["facts"].books
    given["facts"] = replace(given["facts"], books=pd.concat([books, books.assign(book="c")], ignore_index=True))
    given["attribution_rules"] = frame("attribution_rules", "book levels", ("c", "sector colour"))
    found = active_risk.risk_attribution(**given)
    assert found.loc[found["book"].eq("c"), ["node", "status"]].to_numpy().tolist() == [
        ["", "no tree: instruments have no level colour"]
    ]
    pd.testing.assert_frame_equal(found.loc[found["book"].eq("b")].reset_index(drop=True), alone)
