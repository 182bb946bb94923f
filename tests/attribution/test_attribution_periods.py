import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.attribution import contributions, effects, periods
from daybook.intake.terms import LINKINGS
from daybook.performance import periods as spans
from tests.frames import frame

DAYS = ["2020-02-27", "2020-02-28", "2020-03-02", "2020-03-03"]
DATE = pd.Timestamp(DAYS[-1])
FIGURES = ["allocation", "allocation_above", "selection", "interaction", "trading"]


def measured(*books, days=DAYS, active=True):
    """Table performance: book -> returns of the book and of its benchmark by day; None is unknown."""
    rows = []
    for book, own, base in books:
        for day, r, b in zip(days, own, base, strict=True):
            rows.append((day, book, r, b, None if r is None or b is None else r - b, "ok" if active else "?"))
    return frame("performance", "business_date book daily_return benchmark_return active_return status", *rows)


def tree(book, days, *nodes, method="brinson_fachler"):
    """Table attribution_nodes: (node, parent, depth, effects by day in the order of FIGURES); wholes are added."""
    rows, whole = [], {}
    for node, parent, depth, by_day in nodes:
        for day, parts in zip(days, by_day, strict=True):
            if parts is None:
                continue
            rows.append((day, book, method, node, parent, "sector", depth, 0.5, 0.4, 0.01, 0.02, *parts, sum(parts)))
            if depth == 1:
                whole.setdefault(day, []).append(parts)
    for day, parts in whole.items():
        sums = np.sum(parts, axis=0)
        rows.append((day, book, method, "", "", "", 0, 1.0, 1.0, None, None, *sums, sum(sums)))
    names = "business_date book method node parent_node dimension depth portfolio_weight benchmark_weight"
    names += " portfolio_return benchmark_return " + " ".join(FIGURES) + " total"
    return frame("attribution_nodes", names, *rows)


def gathered(nodes, currencies=None, factors=None):
    found = (
        part if part is not None else tables.empty(name)
        for name, part in (("currency_attribution", currencies), ("factor_attribution", factors))
    )
    return effects.gathered(nodes, *found)


def ruled(*books, linking="carino"):
    return pd.DataFrame({"book": books, "method": "brinson_fachler", "linking": linking}).astype("str")


def split(active, tech):
    """Tech has ``tech`` of each day's active return, Cash the rest."""
    return (
        ("Tech", "", 1, [(0.0, 0.0, a * tech, 0.0, 0.0) for a in active]),
        ("Cash", "", 1, [(a * (1 - tech), 0.0, 0.0, 0.0, 0.0) for a in active]),
    )


OWN, BASE = [0.02, -0.01, 0.03, 0.01], [0.01, 0.01, 0.01, 0.02]
ACTIVE = [r - b for r, b in zip(OWN, BASE, strict=True)]


def linked(performance, rows, rules, only=None):
    """Table period_attribution, or its rows of some periods."""
    if only is None:
        return periods.period_attribution(performance, rows, rules, DATE)
    wanted = spans.spans(performance, DATE).query("period in @only")
    found = [periods.linked(part) for part in periods.linkable(performance, rows, rules, wanted)]
    return pd.concat(found).sort_values(["book", "period", "method", "linking", "node"], ignore_index=True)


def test_periods_add_up_by_every_method_and_start_where_they_should():
    performance = measured(("b", OWN, BASE))
    found = linked(performance, gathered(tree("b", DAYS, *split(ACTIVE, 0.75))), ruled("b", linking="menchero"))
    assert set(found["linking"]) == set(LINKINGS)
    whole = found.loc[found["node"].eq("") & found["linking"].eq("menchero")].set_index("period")
    assert whole.index.tolist() == ["day", "inception", "month", "quarter", "year"]
    # March: 1.03 x 1.01 - 1.01 x 1.02; everything: 1.02 x 0.99 x 1.03 x 1.01 - 1.01^3 x 1.02.
    assert whole.loc["day", "total"] == -0.01
    assert whole.loc["month", ["portfolio_return", "benchmark_return", "total"]].tolist() == pytest.approx(
        [0.0403, 0.0302, 0.0101], abs=1e-15
    )
    assert whole.loc["year", "total"] == round(1.02 * 0.99 * 1.03 * 1.01 - 1.01**3 * 1.02, 12)
    geometric = found.loc[found["linking"].eq("geometric") & found["period"].eq("month") & found["node"].eq("")]
    assert geometric["total"].tolist() == [round(1.0403 / 1.0302 - 1, 12)]
    # Carino of March by hand: 0.02 and -0.01 times k / K.
    k = [np.log(1.03 / 1.01) / 0.02, np.log(1.01 / 1.02) / -0.01]
    K = np.log(1.0403 / 1.0302) / 0.0101
    carino = found.loc[found["linking"].eq("carino") & found["period"].eq("month")].set_index("node")
    assert carino.loc["Tech", "selection"] == pytest.approx(0.75 * (0.02 * k[0] - 0.01 * k[1]) / K, abs=1e-12)
    assert carino.loc["Tech", ["portfolio_weight", "benchmark_weight"]].tolist() == [0.5, 0.4]
    assert carino.loc["Tech", ["portfolio_return", "benchmark_return"]].tolist() == pytest.approx([0.0201, 0.0404])
    assert (found["total"] - found[[*FIGURES, "currency_effect"]].sum(axis=1))[
        found["linking"].ne("geometric")
    ].abs().max() < 1e-15


def test_children_add_up_to_their_parents_and_other_methods_show_the_first_level():
    nodes = (
        *split(ACTIVE, 0.75),
        ("Tech / A", "Tech", 2, [(0.001, 0.0, a / 3, 0.0, 0.0) for a in ACTIVE]),
        ("Tech / B", "Tech", 2, [(-0.001, 0.0, a * 0.75 - a / 3, 0.0, 0.0) for a in ACTIVE]),
    )
    found = linked(measured(("b", OWN, BASE)), gathered(tree("b", DAYS, *nodes)), ruled("b"), ["year"])
    assert set(found.loc[found["linking"].eq("carino"), "node"]) == {"", "Cash", "Tech", "Tech / A", "Tech / B"}
    assert set(found.loc[found["linking"].eq("grap"), "node"]) == {"", "Cash", "Tech"}
    for _, rows in found.groupby(["period", "linking"]):
        below = rows.groupby("parent_node")["total"].sum().round(12)
        by_node = rows.set_index("node")["total"]
        assert below[""] - by_node[""] == pytest.approx(by_node[""], abs=1e-15), "the whole is its own parent's row"
        if "Tech / A" in by_node:
            assert below["Tech"] == by_node["Tech"]


def test_what_rounding_leaves_is_in_the_largest_leaf():
    parts = [(f"n{n}", "", 1, [(0.0, 0.0, a / 7, 0.0, 0.0) for a in ACTIVE]) for n in range(6)]
    parts.append(("n6", "", 1, [(0.0, 0.0, a - 6 * (a / 7), 0.0, 0.0) for a in ACTIVE]))
    found = linked(measured(("b", OWN, BASE)), gathered(tree("b", DAYS, *parts)), ruled("b"), ["day", "month", "year"])
    for _, rows in found.groupby(["period", "linking"]):
        by_node = rows.set_index("node")
        own, base = by_node.loc["", ["portfolio_return", "benchmark_return"]]
        wanted = (1 + own) / (1 + base) - 1 if rows["linking"].iloc[0] == "geometric" else own - base
        assert by_node.loc["", "total"] == round(wanted, 12)
        assert round(by_node["total"].drop("").sum(), 12) == round(wanted, 12)
    assert found["trading"].abs().gt(0).any(), "a seventh has no end"


def test_a_node_that_is_a_leaf_on_some_days_has_an_unclassified_child_on_them():
    half = [a / 2 for a in ACTIVE]
    nodes = (
        ("Tech", "", 1, [(0.001, 0.0, a - 0.001, 0.0, 0.0) for a in half]),
        ("Cash", "", 1, [(a, 0.0, 0.0, 0.0, 0.0) for a in half]),
        ("Tech / A", "Tech", 2, [None, None, *((0.002, 0.001, a - 0.003, 0.0, 0.0) for a in half[2:])]),
    )
    found = linked(measured(("b", OWN, BASE)), gathered(tree("b", DAYS, *nodes)), ruled("b"), ["month", "year"])
    year = found.loc[found["period"].eq("year") & found["linking"].eq("carino")].set_index("node")
    parts = year.loc[["Tech / A", "Tech / Unclassified"]]
    assert parts["total"].sum() == pytest.approx(year.loc["Tech", "total"], abs=1e-15)
    assert parts["portfolio_weight"].sum() == pytest.approx(year.loc["Tech", "portfolio_weight"], abs=1e-12)
    assert year.loc["Tech / Unclassified", "allocation"] == 0
    assert year.loc["Tech / Unclassified", "allocation_above"] > 0
    month = found.loc[found["period"].eq("month") & found["linking"].eq("carino"), "node"]
    assert "Tech / Unclassified" not in set(month), "in March it never was a leaf"


def test_what_is_unknown_leaves_the_period_empty_and_says_why():
    performance = measured(
        ("b", OWN, [None, *BASE[1:]]), ("none", OWN, [None] * 4), ("gone", [0.02, -1.0, 0.03, 0.01], BASE)
    )
    performance.loc[performance["benchmark_return"].isna(), "status"] = "ok; no benchmark weights yet"
    gone = [r - b for r, b in zip([0.02, -1.0, 0.03, 0.01], BASE, strict=True)]
    rows = pd.concat(
        [tree("b", DAYS[1:], *split(ACTIVE[1:], 0.5)), tree("gone", DAYS, *split(gone, 0.5))], ignore_index=True
    )
    found = linked(performance, gathered(rows), ruled("b", "none", "gone"), ["month", "year"])
    one = found.loc[found["book"].eq("b")]
    assert one.loc[one["period"].eq("month"), "status"].eq("ok").all()
    year = one.loc[one["period"].eq("year")]
    assert year["status"].tolist() == [
        "no active return in 1 of 4 sessions, first 2020-02-27: no benchmark weights yet"
    ]
    assert year[["node", "linking"]].to_numpy().tolist() == [["", "carino"]]
    assert year[[*FIGURES, "total", "portfolio_return", "portfolio_weight"]].isna().all(axis=None)
    assert found.loc[found["book"].eq("none"), "status"].str.contains("no benchmark weights yet").all()
    # A day that lost all has no logarithm: carino says so, grap does not need one.
    lost = found.loc[found["book"].eq("gone") & found["period"].eq("year") & found["node"].eq("")].set_index("linking")
    assert lost.loc["carino", "status"].startswith("carino cannot link")
    assert lost.loc["grap", ["total", "status"]].tolist() == [round(-1 - (1.01**3 * 1.02 - 1), 12), "ok"]
    assert not np.isinf(found.select_dtypes("number")).any(axis=None)


def test_what_all_but_vanished_or_grew_a_millionfold_is_not_linked():
    own = {"rocket": [0.02, 1e7, -0.5, 0.01], "ash": [0.02, 1e-9 - 1, 0.03, 0.01]}
    performance = measured(*((book, returns, BASE) for book, returns in own.items()))
    rows = pd.concat(
        [tree(b, DAYS, *split([r - i for r, i in zip(x, BASE, strict=True)], 0.5)) for b, x in own.items()]
    )
    found = linked(performance, gathered(rows.reset_index(drop=True)), ruled(*own), ["year"])
    said = found.loc[found["node"].eq("")].set_index(["book", "linking"])["status"]
    assert said["rocket"].str.contains("cannot link").all()
    assert said["ash"].drop(["grap", "frongello"]).str.contains("cannot link").all()
    assert said["ash"]["grap"] == "ok"


def test_missing_effects_and_empty_days():
    performance = measured(("b", OWN, BASE))
    rows = tree("b", DAYS[:3], *split(ACTIVE[:3], 0.5))
    found = linked(performance, gathered(rows), ruled("b"), ["day"])
    assert found["status"].unique().tolist()[0] == "no effects in 1 of 1 sessions, first 2020-03-03"
    # A day that the book spent empty is no session at all.
    performance.loc[performance["business_date"].eq("2020-02-28"), ["daily_return", "active_return"]] = np.nan
    performance.loc[performance["business_date"].eq("2020-02-28"), "status"] = "no capital: the book was empty"
    rows = tree("b", [DAYS[0], *DAYS[2:]], *split([ACTIVE[0], *ACTIVE[2:]], 0.5))
    year = linked(performance, gathered(rows), ruled("b")).query(
        "period == 'year' and node == '' and linking == 'grap'"
    )
    assert year["total"].tolist() == [round(1.02 * 1.03 * 1.01 - 1.01 * 1.01 * 1.02, 12)]


def test_currencies_and_factors_are_nodes_of_the_first_level():
    performance = measured(("b", OWN, BASE), ("free", OWN, [None] * 4))
    money = frame(
        "currency_attribution",
        "business_date book method currency portfolio_weight benchmark_weight portfolio_local_return allocation"
        " selection interaction premium_effect currency_effect hedge_effect trading total",
        *[(day, "b", "karnosky_singer", "EUR", 0.6, 0.5, 0.01, 0, a / 2, 0, a / 8, a / 4, a / 8, 0, a)
          for day, a in zip(DAYS, ACTIVE, strict=True)],
    )  # fmt: skip
    factors = frame(
        "factor_attribution",
        "business_date book method risk_model factor total",
        *[(day, "b", "factor_holdings", "m", name, a / 2)
          for day, a in zip(DAYS, ACTIVE, strict=True) for name in ("market", "specific")],
        *[(day, "free", "factor_holdings", "m", "market", r) for day, r in zip(DAYS, OWN, strict=True)],
    )  # fmt: skip
    nodes = tree("b", DAYS, *split(ACTIVE, 0.5))
    found = linked(performance, gathered(nodes, money, factors), ruled("b", "free"), ["month"])
    month = found.loc[found["period"].eq("month") & found["linking"].eq("carino")].set_index(["book", "method", "node"])
    euro = month.loc[("b", "karnosky_singer", "EUR")]
    assert euro[["currency_effect", "selection", "total"]].tolist() == pytest.approx([0.00505, 0.00505, 0.0101])
    assert euro[["portfolio_weight", "portfolio_return"]].tolist() == pytest.approx([0.6, 0.0201])
    assert month.loc[("b", "karnosky_singer", ""), "total"] == 0.0101
    market = month.loc[("b", "factor_holdings", "market")]
    assert market["total"] == pytest.approx(0.00505)
    assert np.isnan(market["selection"])
    # Without a benchmark factors explain the book's own return.
    own = month.loc[("free", "factor_holdings", "")]
    assert own[["portfolio_return", "total", "status"]].tolist() == [0.0403, 0.0403, "ok"]
    assert np.isnan(own["benchmark_return"])
    assert month.loc[("free", "brinson_fachler", ""), "status"].startswith("no active return in 2 of 2 sessions")
    assert set(found.loc[found["method"].ne("brinson_fachler"), "linking"]) == {"carino"}


def test_sessions_of_a_period_add_up_to_it():
    performance, rows = measured(("b", OWN, BASE)), gathered(tree("b", DAYS, *split(ACTIVE, 0.75)))
    year = spans.spans(performance, DATE).query("period == 'year'")
    period = periods.linkable(performance, rows, ruled("b"), year)[0]
    table = linked(performance, rows, ruled("b"), ["year"])
    for method in LINKINGS:
        by_day = periods.of_sessions(period, method)
        assert by_day["business_date"].nunique() == 4
        sums = by_day.groupby("node")[["selection", "total"]].sum()
        whole = table.loc[table["linking"].eq(method)].set_index("node")[["selection", "total"]]
        assert (sums - whole).abs().to_numpy().max() < 1e-11


def test_a_book_alone_gives_the_rows_that_it_has_beside_others():
    performance = measured(("b", OWN, BASE), ("c", BASE, OWN))
    nodes = [tree("b", DAYS, *split(ACTIVE, 0.3)), tree("c", DAYS, *split([-a for a in ACTIVE], 0.9))]
    both = linked(performance, gathered(pd.concat(nodes, ignore_index=True)), ruled("b", "c"), ["year"])
    one = linked(performance[performance["book"] == "b"], gathered(nodes[0]), ruled("b"), ["year"])
    pd.testing.assert_frame_equal(both[both["book"] == "b"].reset_index(drop=True), one, check_exact=True)
    shuffled = gathered(pd.concat(nodes, ignore_index=True).sample(frac=1, random_state=1))
    again = linked(performance.sample(frac=1, random_state=2), shuffled, ruled("c", "b"), ["year"])
    pd.testing.assert_frame_equal(again, both, check_exact=True)


def test_gaps_are_named():
    performance, rows = measured(("b", OWN, BASE)), gathered(tree("b", DAYS, *split(ACTIVE, 0.75)))
    table = linked(performance, rows, ruled("b"), ["month", "year"]).assign(business_date=DATE)
    whole = table.loc[table["node"].eq("") & table["linking"].isin(["carino", "geometric"])]
    told = whole.pivot(index=["business_date", "book", "period"], columns="linking", values="total").reset_index()
    told = told.rename(columns={"carino": "active_return", "geometric": "active_geometric"}).assign(time_weighted=0.0)
    assert periods.identity_gaps(table, told).empty
    off = table.assign(total=table["total"] + 1e-11 * table["node"].eq("Tech"))
    assert periods.identity_gaps(off, told)["gap"].round(12).tolist() == [-1e-11]
    wrong = periods.identity_gaps(table, told.assign(active_return=told["active_return"] + 1e-6))
    assert wrong["gap"].round(12).tolist() == [-1e-6]
    assert wrong["reason"].str.fullmatch(r"effects of \w+ brinson_fachler \w+ do not add up: off by -1e-06").all()
    assert len(periods.identity_gaps(table.iloc[:0], told)) == 1


def held(first_value=100.0):
    """A USD book that holds Z in euros: values, P&L and rates of three sessions."""
    days = ["2020-02-28", "2020-03-02", "2020-03-03"]
    performance = frame(
        "performance",
        "business_date book daily_return denominator status",
        (days[0], "b", 0.0, first_value, "ok"),
        (days[1], "b", 0.05, 100.0, "ok"),
        (days[2], "b", 0.02, 125.0, "ok"),
    )
    nav = frame("nav", "business_date book nav base_currency status", *[(d, "b", 1.0, "USD", "ok") for d in days])
    valuations = frame(
        "valuations",
        "business_date book instrument market_value_base",
        (days[0], "b", "Z", 60.0), (days[0], "b", "CASH:USD", 40.0),
        (days[1], "b", "Z", 65.0), (days[1], "b", "CASH:USD", 40.0),
    )  # fmt: skip
    pnl = frame(
        "pnl",
        "business_date book instrument price_pnl fx_pnl income trading_pnl fees total",
        (days[1], "b", "Z", 4.4, 6.0, 0.0, 0.0, 0.0, 10.4), (days[1], "b", "CASH:USD", 0, 0, 0, 0.0, -5.4, -5.4),
        (days[2], "b", "Z", 2.0, 0.0, 0.0, 0.5, 0.0, 2.5),
    )  # fmt: skip
    fx = frame(
        "fx_rates", "business_date base quote rate",
        (days[0], "EUR", "USD", 1.0), (days[1], "EUR", "USD", 1.1), (days[2], "EUR", "USD", 1.1),
    )  # fmt: skip
    instruments = frame("instruments", "instrument currency asset_class", ("Z", "EUR", "equity"))
    return performance, pnl, valuations, nav, fx, instruments


def test_contributions_add_up_in_local_and_currency_parts():
    found = contributions.contributions(*held(), DATE)
    month = found.loc[found["period"].eq("month")].set_index("instrument")
    # 5 % and 2 % are 7.1 %; k = ln 1.05 / 0.05 and ln 1.02 / 0.02 over ln 1.071 / 0.071.
    k = [np.log(1.05) / 0.05, np.log(1.02) / 0.02]
    K = np.log(1.071) / 0.071
    assert month["contribution"].sum() == pytest.approx(0.071, abs=1e-15)
    assert month.loc["Z", "contribution"] == pytest.approx((0.104 * k[0] + 0.02 * k[1]) / K, abs=1e-12)
    # At opening rates Z made 4.4 / 1.1 = 4 on the first day: 6.4 of its 10.4 are currency.
    assert month.loc["Z", "currency_contribution"] == pytest.approx(0.064 * k[0] / K, abs=1e-12)
    assert month.loc["CASH:USD", ["currency_contribution"]].tolist() == [0.0]
    assert month.loc["CASH:USD", "trading"] == pytest.approx(-0.054 * k[0] / K, abs=1e-12)
    split_up = month["local_contribution"] + month["currency_contribution"]
    assert (split_up - month["contribution"]).abs().max() < 1e-15
    # Opening weights 60 % and 65 / 125; the second day's inflow of 20 is cash.
    assert month["average_weight"].to_dict() == pytest.approx({"CASH:USD": (0.4 + 60 / 125) / 2, "Z": (0.6 + 0.52) / 2})
    since = found.loc[found["period"].eq("inception")].set_index("instrument")["average_weight"]
    assert since.to_dict() == pytest.approx({"CASH:USD": (1 + 0.4 + 60 / 125) / 3, "Z": (0.6 + 0.52) / 3})
    told = found.groupby(["business_date", "book", "period"], as_index=False)["contribution"].sum()
    told = told.rename(columns={"contribution": "time_weighted"})
    assert contributions.identity_gaps(found, told).empty
    gaps = contributions.identity_gaps(found, told.assign(time_weighted=told["time_weighted"] + 1e-9))
    assert gaps["gap"].round(12).tolist() == [-1e-9]


def test_what_rounding_leaves_of_a_return_is_in_the_largest_contribution():
    performance, pnl, valuations, nav, fx, instruments = held()
    seven = [pnl.iloc[2:].assign(instrument=f"n{n}", total=1 / 7, trading_pnl=0.0) for n in range(7)]
    performance.loc[2, "daily_return"] = round(1 / 125, 12)
    found = contributions.contributions(performance, pd.concat(seven), valuations, nav, fx, instruments, DATE)
    day = found.loc[found["period"].eq("day")]
    assert round(day["contribution"].sum(), 12) == 0.008
    assert day["contribution"].nunique() > 2, "six are a seventh, one has the rest, what was not traded has 0"


def test_rounded_returns_of_many_sessions_are_no_gap_in_a_book_of_one_holding():
    """A third of 10^-4 loses 3 x 10^-13 in each return: 8 x 10^-11 over a year, which the holding has to carry."""
    performance, pnl, valuations, nav, fx, instruments = held()
    days = pd.bdate_range("2019-03-04", DATE).as_unit("us")

    def daily(rows, **columns):
        return rows.iloc[[-1]].loc[lambda last: last.index.repeat(len(days))].assign(business_date=days, **columns)

    lines = (daily(pnl, total=1 / 3, trading_pnl=0.0), daily(valuations), daily(nav))
    performance = daily(performance, daily_return=round(1 / 30000, 12), denominator=10000.0)
    found = contributions.contributions(performance, *lines, fx, instruments, DATE)
    whole = found.loc[found["period"].eq("inception"), "contribution"]
    assert whole.sum() == round(np.prod(1 + performance["daily_return"].to_numpy()) - 1, 12)


def test_contributions_of_a_period_with_an_unknown_return_say_so():
    performance, *rest = held()
    performance.loc[performance["business_date"].eq("2020-03-02"), ["daily_return", "status"]] = [np.nan, "nav failed"]
    found = contributions.contributions(performance, *rest, DATE).set_index(["period", "instrument"])
    assert found.loc[("day", "Z"), "contribution"] == 0.02
    assert found.loc[("month", ""), "status"] == "no return in 1 of 2 sessions, first 2020-03-02: nav failed"
    assert np.isnan(found.loc[("month", ""), "contribution"])


def test_a_method_declared_anew_within_a_period_is_why_it_has_no_effects():
    days = DAYS[2:]
    old = tree("b", days[:1], *split([0.01], 0.5))
    new = tree("b", days[1:], *split([0.02], 0.5), method="brinson_hood_beebower")
    table = measured(("b", [0.02, 0.03], [0.01, 0.01]), days=days)
    found = linked(table, gathered(pd.concat([old, new])), ruled("b"), ["month"])
    told = "no effects by this method (another one was declared) in 1 of 2 sessions, first "
    assert dict(zip(found["method"], found["status"], strict=True)) == {
        "brinson_fachler": told + days[1],
        "brinson_hood_beebower": told + days[0],
    }
