"""What the pack says of performance and attribution: figures worked by hand, and what is said where there are none."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.pack import attribution, charts, contributions, effects, figures, page, periods
from daybook.pack.day import Day

D = pd.Timestamp("2022-12-27")


def rows(table: str, *told: dict[str, object]) -> pd.DataFrame:
    """Rows of ``table`` on the date, of the book a; what is not told is missing in its type."""
    blank = {"text": "", "int": 0, "float": np.nan, "date": pd.NaT, "time": pd.NaT, "bool": False, "floats": None}
    always = {"business_date": D, "book": "a"}
    columns = {
        column.name: [row.get(column.name, always.get(column.name, blank[column.type])) for row in told]
        for column in tables.TABLES[table].columns
    }
    return tables.conform(table, pd.DataFrame(columns))


def nodes(table: str, **more: object) -> pd.DataFrame:
    """A tree of two sectors and three names: 10 + 20 + 5 + 1 = 36 bp."""
    found = []
    for node, parent, dimension, depth, weight, allocation, selection, interaction, trading in (
        ("", "", "", 0, 1.0, 0.001, 0.002, 0.0005, 0.0001),
        ("Tech", "", "sector", 1, 0.7, 0.002, 0.0025, 0.0005, 0.0),
        ("Cash", "", "sector", 1, 0.3, -0.001, -0.0005, 0.0, 0.0001),
        ("Tech / AAPL", "Tech", "instrument", 2, 0.4, 0.004, 0.0, 0.0, 0.0),
        ("Tech / MSFT", "Tech", "instrument", 2, 0.3, 0.001, 0.0, 0.0, 0.0),
    ):
        found.append({
            "node": node, "parent_node": parent, "dimension": dimension, "depth": depth, "portfolio_weight": weight,
            "benchmark_weight": weight, "allocation": allocation, "selection": selection, "interaction": interaction,
            "trading": trading, "total": allocation + selection + interaction + trading,
            "method": "brinson_fachler", **more,
        })  # fmt: skip
    return rows(table, *found)


def period(name: str, **more: object) -> dict[str, object]:
    return {
        "period": name, "period_start": pd.Timestamp("2022-12-01"), "period_end": D, "session_count": 18,
        "time_weighted": 0.05, "benchmark_return": 0.0464, "active_return": 0.0036,
        "active_geometric": 0.0034, "money_weighted": 0.065,
        "timing_effect": 0.015, "gross_return": 0.052, "local_return": 0.04, "currency_return": 0.01,
        "hedged_return": 0.041, "convention": "in at the start, out at the end", "status": "ok", **more,
    }  # fmt: skip


def day(**frames: pd.DataFrame) -> Day:
    """A book in EUR with a benchmark and two names."""
    dates = pd.DatetimeIndex(["2022-11-30", "2022-12-23", "2022-12-27"]).as_unit("us")
    past = tables.conform(
        "performance",
        tables.empty("performance").reindex(range(3)).assign(
            business_date=dates, book="a", daily_return=[0.25, -0.2, 0.05], benchmark_return=[0.1, 0.0, 0.02],
            active_return=[0.15, -0.2, 0.03], cumulative_return=[0.25, 0.0, 0.05], status="ok", convention="",
        ),
    )  # fmt: skip
    nav = rows("nav", {"nav": 1000.0, "base_currency": "EUR"})
    books = pd.DataFrame({"book": ["a"], "name": ["A"], "base_currency": ["EUR"], "benchmark": ["ix"]}).astype("str")
    names = pd.DataFrame({"instrument": ["AAPL"], "name": ["Apple Inc."]}).astype("str")
    performance = past[past["business_date"] == D]
    return Day(D, {"a": "candidate"}, "", {"nav": nav, "performance": performance, **frames}, {"performance": past},
               books=books, instruments=names)  # fmt: skip


def section(html: str, key: str) -> str:
    """The words of one section of a page, tags taken away, spaces made single."""
    found = re.search(rf'<section id="{key}".*?</section>', html, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split())


def test_returns_of_time_and_of_money_stand_side_by_side_with_the_flows_between_them() -> None:
    flow = {"period": "inception", "flow_date": pd.Timestamp("2022-12-20"), "kind": "transfer_in"}
    flows = rows(
        "flow_effects",
        {**flow, "flows": 500.0, "day_weight": 0.25, "growth": 0.05, "effect": 0.019},
        {**flow, "kind": "deposit", "flows": -100.0, "day_weight": 0.5, "growth": 0.01, "effect": -0.004},
    )
    returns = rows("period_returns", period("inception", annual_return=0.1), period("month"))
    said = section(page.book(day(period_returns=returns, flow_effects=flows), "a"), "performance")
    assert "Month to date 2022-12-01 18 +5.00% +4.64% +0.36% +0.34% – –" in said
    assert "Since inception +5.00% +6.50% +1.50%" in said
    assert "Why the two differ, since inception" in said
    assert "2022-12-20 transfer in +500 25.00% +5.00% +1.90% 2022-12-20 deposit −100 50.00% +1.00% −0.40%" in said
    assert "Sum +1.50%" in said
    # Net 5.0, gross 5.2: fees took 0.2; local 4.0, so exchange rates gave 1.0.
    assert "Month to date +5.00% +5.20% −0.20% +4.00% +1.00% +4.10%" in said
    assert "All in at the start, out at the end" in said


def test_what_was_signed_stands_beside_what_is_computed_otherwise_now() -> None:
    changed = period("year", restated_sessions=3, signed_return=0.048, status="ok; 3 sessions are not as they were")
    said = section(page.book(day(period_returns=rows("period_returns", changed, period("month"))), "a"), "performance")
    assert "as closes signed it" in said
    assert "Year to date 2022-12-01 18 +5.00% +4.64% +0.36% +0.34% +4.80%" in said
    assert "3 sessions are not as they were" in said


def test_a_period_without_a_return_says_why() -> None:
    hole = dict.fromkeys(("time_weighted", "active_return", "money_weighted", "timing_effect"), np.nan)
    returns = rows(
        "period_returns", period("month"), period("year", **hole, status="2 of 21 sessions without a return")
    )
    said = section(page.book(day(period_returns=returns), "a"), "performance")
    assert "Year to date 2022-12-01 18 – +4.64% –" in said
    assert "Year to date: 2 of 21 sessions without a return." in said
    assert "Returns by period have not been computed for this date." in section(page.book(day(), "a"), "performance")


def test_ratios_stand_in_their_unit_beside_their_convention_and_a_dash_says_why() -> None:
    of = {"period": "one_year", "status": "ok"}
    frame = rows(
        "ratios",
        {**of, "ratio": "volatility", "value": 0.125, "convention": "sample deviation"},
        {**of, "ratio": "sharpe", "value": 1.5, "convention": "excess / deviation"},
        {**of, "ratio": "sortino", "status": "no loss in the period", "convention": "excess / downside"},
        {**of, "ratio": "skewness", "value": -0.5, "convention": "third moment"},
    )
    peak = {"peak_date": pd.Timestamp("2022-11-30"), "trough_date": pd.Timestamp("2022-12-23")}
    deepest = rows("drawdowns", {"drawdown_rank": 1, "drawdown": -0.2, **peak, "sessions_to_trough": 1,
                                 "sessions_under_water": 2})  # fmt: skip
    html = page.book(day(ratios=frame, drawdowns=deepest), "a")
    said = section(html, "ratios")
    assert "Volatility 12.50% sample deviation Sharpe 1.50 excess / deviation Sortino – excess / downside" in said
    assert "Sortino (1 year): no loss in the period." in said
    assert "All other ratios" in said
    assert "Skewness −0.50 third moment" in said
    assert "2022-11-30 2022-12-23 not yet −20.00% 1 2" in said
    # 1.25 is the peak; it fell to 1.0 and stands at 1.05: 16 % below.
    assert "Book: last −16.00%, lowest −20.00%, highest 0.00%." in section(html, "performance")
    assert "a 12.50% 1.50 –" in section(page.firm(day(ratios=frame)), "ratios")


def test_months_without_capital_are_no_months_and_a_month_links_its_days() -> None:
    found = day()
    past = found.history["performance"]
    empty = past.iloc[:1].assign(business_date=pd.Timestamp("2022-12-01"), daily_return=np.nan, status="no capital")
    html = page.book(dataclasses.replace(found, history={"performance": pd.concat([past, empty])}), "a")
    # December: 0.8 x 1.05 - 1 = -16 %; the year 1.25 x 0.84 - 1 = +5 %, the benchmark 1.1 x 1.02 - 1 = +12.2 %.
    assert "2022 +25.00 −16.00 +5.00 +12.20 −7.20" in section(html, "performance")


def test_effects_of_the_day_and_of_periods_lead_to_the_active_return() -> None:
    today = rows(
        "attribution",
        *(
            {"method": m, "segment": s, "portfolio_weight": 0.5, "benchmark_weight": 0.5, "allocation": a,
             "selection": 0.0, "interaction": 0.0, "currency_effect": 0.0, "trading": 0.0, "total": a}
            for m, s, a in [("brinson_fachler", "Tech", 0.04), ("brinson_fachler", "Cash", -0.01),
                            ("brinson_hood_beebower", "Tech", 9.0)]
        ),
    )  # fmt: skip
    linked = nodes("period_attribution", period="inception", linking="menchero", status="ok")
    shallow = nodes("period_attribution", period="inception", linking="carino", status="ok")
    shallow = shallow[shallow["depth"] <= 1].assign(allocation=7.0)
    html = page.book(day(attribution=today, period_attribution=pd.concat([shallow, linked])), "a")
    said = section(html, "attribution")
    assert "Adds up, this date: effects +300.00 bp, active return +300.00 bp." in said
    assert "Effects by sector, since inception, linked by Menchero" in said
    assert "Tech 70.00% 70.00% – – +20.00 +25.00 +5.00 0.00 +50.00" in said
    assert (
        "In basis points. Allocation +10.00; Selection +20.00; Interaction +5.00; Trades, fees +1.00; Active +36.00."
        in said
    )
    assert "Apple Inc." in said, "the tree names its leaves"
    assert html.count('<summary class="row">') == 1, "one node has others below it"
    assert "Effects by method of linking" in said
    assert "Effects by sector and name, since inception, linked by Menchero" in said


def test_a_period_that_could_not_be_explained_is_told_and_draws_nothing() -> None:
    odd = {"period": "month", "method": "brinson_fachler", "linking": "carino", "status": "no active return on 3 of 21"}
    said = section(page.book(day(period_attribution=rows("period_attribution", odd)), "a"), "attribution")
    assert "Month to date: no active return on 3 of 21." in said
    assert "There is no attribution of this date alone." in said


def test_effects_in_money_are_held_against_the_books_to_the_cent() -> None:
    parts = {"passive_pnl": 60.0, "allocation_pnl": 20.0, "selection_pnl": 10.0, "interaction_pnl": 5.0,
             "trading_pnl": 6.0, "fees": -1.0, "total": 100.0}  # fmt: skip
    money = rows("attribution_pnl", {"segment": "Tech", **parts})
    earned = rows("pnl", {"instrument": "X", "total": 100.004})
    said = section(page.book(day(attribution_pnl=money, pnl=earned), "a"), "attribution")
    assert "Adds up to the cent: sectors +100.00 EUR, P&amp;L of the book +100.00 EUR." in said
    assert "Tech +60.00 +20.00 +10.00 +5.00 +6.00 −1.00 +100.00" in said
    off = section(page.book(day(attribution_pnl=money, pnl=earned.assign(total=100.01)), "a"), "attribution")
    assert "Does not add up: sectors +100.00 EUR, P&amp;L of the book +100.01 EUR." in off


def test_contributions_add_up_to_the_return_and_the_ends_are_drawn() -> None:
    names = [f"I{n:02d}" for n in range(30)]
    each = [{"period": "inception", "instrument": name, "average_weight": 0.02, "contribution": (n - 14.5) / 1e4,
             "local_contribution": 0.0, "currency_contribution": 0.0, "trading": 0.0, "status": "ok"}
            for n, name in enumerate(names)]  # fmt: skip
    frame = rows("contributions", *each, {"period": "month", "status": "2 sessions without a return"})
    returns = rows("period_returns", period("inception", time_weighted=0.0))
    said = section(page.book(day(contributions=frame, period_returns=returns), "a"), "contributions")
    assert "Adds up, since inception: contributions 0.00 bp, return 0.00 bp." in said
    assert "Month to date: 2 sessions without a return." in said
    drawn = contributions.picture("k", "t", frame[frame["period"] == "inception"].assign(label=names * 1))
    assert [name for name in names if name in drawn] == [*names[:10], *names[20:]]


def test_currencies_and_factors_add_up_with_their_periods_beside() -> None:
    currency = {"method": "karnosky_singer", "allocation": 0.0001, "selection": 0.0, "interaction": 0.0, "trading": 0.0}
    currencies = rows(
        "currency_attribution",
        {**currency, "currency": "USD", "portfolio_weight": 0.6, "benchmark_weight": 1.0, "hedge_weight": -0.5,
         "currency_effect": 0.0002, "hedge_effect": 0.0003, "total": 0.0006},
        {**currency, "currency": "EUR", "portfolio_weight": 0.4, "benchmark_weight": 0.0, "hedge_weight": 0.5,
         "currency_effect": 0.0, "hedge_effect": 0.0, "total": 0.0001},
    )  # fmt: skip
    factor = {"method": "factor_holdings", "risk_model": "time_series", "portfolio_exposure": 1.1}
    factors = rows(
        "factor_attribution",
        {
            **factor,
            "factor": "market",
            "benchmark_exposure": 1.0,
            "exposure": 0.1,
            "factor_return": 0.02,
            "total": 0.002,
        },
        {**factor, "factor": "specific", "portfolio_exposure": np.nan, "total": -0.003},
    )
    linked = rows(
        "period_attribution",
        *({"period": "month", "method": "factor_holdings", "linking": "carino", "node": n, "depth": d, "total": t}
          for n, d, t in [("", 0, 0.03), ("market", 1, 0.01), ("specific", 1, 0.02)]),
    )  # fmt: skip
    frames = {"currency_attribution": currencies, "factor_attribution": factors, "period_attribution": linked}
    said = section(page.book(day(**frames), "a"), "sources")
    assert "USD 60.00% 100.00% −50.00% – – – –" in said
    assert "USD +1.00 0.00 0.00 +2.00 +3.00 0.00 +6.00 EUR +1.00 0.00 0.00 0.00 0.00 0.00 +1.00" in said
    assert "market 1.10 1.00 0.10 +2.00% +20.00 +100.00" in said
    assert "Sum −10.00 +300.00" in said


def test_active_risk_stands_beside_active_return_on_the_same_tree() -> None:
    risk = [{"node": n, "parent_node": p, "dimension": "sector" if d == 1 else "instrument", "depth": d,
             "active_weight": 0.1, "allocation_risk": r / 4, "selection_risk": 3 * r / 4, "active_risk": r,
             "observations": 500, "convention": "500 sessions", "status": "ok"}
            for n, p, d, r in [("", "", 0, 0.04), ("Tech", "", 1, 0.05), ("Cash", "", 1, -0.01),
                               ("Tech / AAPL", "Tech", 2, 0.05)]]  # fmt: skip
    linked = nodes("period_attribution", period="one_year", linking="carino", status="ok")
    html = page.book(day(risk_attribution=rows("risk_attribution", *risk), period_attribution=linked), "a")
    said = section(html, "active_risk")
    assert "Adds up, by the year: parts +400.00 bp, tracking error +400.00 bp." in said
    assert "Tech +10.00% +125.00 +375.00 +500.00 125.00% +50.00" in said
    assert "Tracking error +100.00 +300.00 +400.00 +36.00" in said
    assert "Computed over 500 sessions: 500 sessions." in said
    assert "Apple Inc." in said
    none = rows("risk_attribution", {"node": "", "status": "no benchmark"})
    assert "No tracking error: no benchmark." in section(page.book(day(risk_attribution=none), "a"), "active_risk")


def test_many_names_of_a_node_are_shown_together_and_still_add_up() -> None:
    top = {"node": "Tech", "dimension": "sector", "depth": 1, "total": 0.02, "allocation": 0.02, "selection": 0.0,
           "interaction": 0.0, "trading": 0.0, "method": "brinson_fachler"}  # fmt: skip
    leaf = {**top, "parent_node": "Tech", "dimension": "instrument", "depth": 2, "total": 1e-4, "allocation": 1e-4}
    frame = rows("attribution_nodes", top, *({**leaf, "node": f"Tech / I{n}"} for n in range(200)))
    said = section(page.book(day(attribution_nodes=frame, attribution=_one_segment()), "a"), "attribution")
    assert "the other 40" in said
    assert said.count("+1.00 0.00 0.00 0.00 +1.00") == 160
    assert "the other 40 – – +40.00 0.00 0.00 0.00 +40.00" in said


def _one_segment() -> pd.DataFrame:
    whole = {"method": "brinson_fachler", "segment": "Tech", "total": 0.03, "allocation": 0.03}
    nothing = {"selection": 0.0, "interaction": 0.0, "trading": 0.0, "currency_effect": 0.0}
    return rows("attribution", {**whole, **nothing})


def test_the_declared_linking_is_the_one_that_goes_to_the_names() -> None:
    deep = nodes("period_attribution", period="month", linking="grap")
    flat = nodes("period_attribution", period="month", linking="carino")
    flat = flat[flat["depth"] <= 1]
    both = pd.concat([flat, deep])
    assert set(effects.declared(both, both)["linking"]) == {"grap"}
    shallow = pd.concat([deep[deep["depth"] <= 1], flat])
    assert set(effects.declared(shallow, shallow)["linking"]) == {"carino"}
    currencies = flat.assign(method="karnosky_singer", linking="grap")
    assert set(effects.declared(shallow, pd.concat([shallow, currencies]))["linking"]) == {"grap"}


def test_periods_are_read_shortest_first_and_one_reason_is_told_once() -> None:
    frame = pd.DataFrame(
        {"period": ["inception", "one_year", "day"], "status": ["ok; a late start", "x", "ok; a late start"]}
    )
    ordered = periods.ordered(frame)
    assert list(ordered["period"]) == ["day", "one_year", "inception"]
    assert periods.statuses(ordered) == ["Day, Since inception: a late start.", "1 year: x."]


def test_an_area_is_filled_to_zero_and_a_waterfall_may_be_in_basis_points() -> None:
    dates = pd.bdate_range("2020-01-01", periods=3).to_numpy("datetime64[D]")
    svg = charts.line("k", "t", dates, [charts.Line("x", np.array([0.0, -0.1, np.nan]), "area")], "percent")
    path = re.search(r'class="fill c0" d="M([\d.]+) ([\d.]+)L([^"]*)Z"', svg)
    assert path
    assert path[3].split("L")[0].split()[1] == path[2] == path[3].split("L")[2].split()[1]
    assert float(path[3].split("L")[1].split()[1]) > float(path[2]), "a loss hangs below zero"
    steps = attribution.picture("k", "t", pd.Series({"allocation": 0.001, "selection": -0.003, "currency_effect": 0.0}))
    assert steps is not None
    assert "Allocation +10.00; Selection −30.00; Active −20.00." in steps
    assert attribution.picture("k", "t", pd.Series({"allocation": np.nan})) is None


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_no_hole_is_a_number(hole: float) -> None:
    frames = {
        "period_returns": rows("period_returns", period("month"), period("inception")),
        "flow_effects": rows("flow_effects", {"period": "month", "kind": "deposit", "effect": 0.1}),
        "attribution": _one_segment(),
        "attribution_nodes": nodes("attribution_nodes"),
        "period_attribution": nodes("period_attribution", period="month", linking="carino", status="ok"),
        "attribution_pnl": rows("attribution_pnl", {"segment": "Tech"}),
        "currency_attribution": rows("currency_attribution", {"method": "geometric", "currency": "USD"}),
        "factor_attribution": rows("factor_attribution", {"method": "factor_regression", "factor": "market"}),
        "contributions": rows("contributions", {"period": "month", "instrument": "AAPL"}),
        "risk_attribution": rows("risk_attribution", {"node": "", "active_risk": 0.1}, {"node": "Tech", "depth": 1}),
    }
    holed = {
        name: frame.assign(**dict.fromkeys(frame.select_dtypes("float64").columns, hole))
        for name, frame in frames.items()
    }
    found = day(**holed)
    for html in (page.firm(found), page.book(found, "a")):
        text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)
        assert not re.search(r"\b(nan|inf|infinity|nat)\b", text, re.IGNORECASE)
        assert figures.DASH in text


def test_a_book_without_a_benchmark_is_told_once_and_has_no_column_of_dashes() -> None:
    none = dict.fromkeys(("benchmark_return", "active_return", "active_geometric"), np.nan)
    money = {"segment": "Tech", "passive_pnl": 0.0, "allocation_pnl": 0.0, "interaction_pnl": 0.0,
             "selection_pnl": 102.0, "trading_pnl": -1.0, "fees": -1.0, "total": 100.0}  # fmt: skip
    odd = {"period": "month", "method": "brinson_fachler", "linking": "carino", "status": "no active return"}
    factor = {"method": "factor_holdings", "factor": "market", "portfolio_exposure": 0.5, "exposure": 0.5,
              "factor_return": 0.02, "total": 0.01, "coverage": 1.0, "convention": "exposures x weights",
              "status": "own return: no benchmark"}  # fmt: skip
    found = day(
        period_returns=rows("period_returns", period("month", **none, status="ok; no benchmark")),
        attribution_pnl=rows("attribution_pnl", money),
        pnl=rows("pnl", {"instrument": "X", "total": 100.0}),
        period_attribution=rows("period_attribution", odd),
        factor_attribution=rows("factor_attribution", factor),
    )
    html = page.book(dataclasses.replace(found, books=found.books.assign(benchmark="")), "a")
    said = section(html, "performance")
    assert "The book has no benchmark: there is no active return." in said
    assert "Period From Sessions Book net return Book a year Month to date 2022-12-01 18 +5.00% – – in Book" in said
    attributed = section(html, "attribution")
    assert "The book has no benchmark, so there is nothing to attribute." in attributed
    assert "no active return" not in attributed
    assert "Sector Holdings EUR Trading EUR Fees EUR P&amp;L EUR Tech +102.00 −1.00 −1.00 +100.00" in attributed
    assert "Return by factor, from holdings Factor Book exposure Factor return" in section(html, "sources")
    assert "Exposures × weights; 100.00% of both sides" in section(html, "sources")
    assert "No benchmark, so nothing to attribute: a." in section(
        page.firm(dataclasses.replace(found, status={**found.status, "b": "candidate"},
                                      books=pd.DataFrame({"book": ["a", "b"], "benchmark": ["", "ix"]}).astype("str"))),
        "attribution",
    )  # fmt: skip


def test_currencies_of_a_book_in_one_currency_are_one_sentence() -> None:
    none = {"premium_effect": 0.0, "currency_effect": 0.0, "hedge_effect": 0.0}
    row = {"method": "karnosky_singer", "currency": "EUR", "allocation": 0.0, "selection": 0.001, "total": 0.001}
    for effect, plain in ((0.0, True), (0.0001, False), (np.nan, False)):
        one = rows("currency_attribution", {**row, **none, "currency_effect": effect})
        said = section(page.book(day(currency_attribution=one), "a"), "sources")
        assert ("The book and its benchmark are in EUR alone: currencies made no difference." in said) == plain
        assert ("Currencies held" in said) != plain


def test_what_many_ratios_share_is_told_once_below_them() -> None:
    of = {"period": "one_year", "status": "ok", "value": 1.0}
    names = ("sharpe", "treynor", "m_squared", "beta")
    frame = rows("ratios", *({**of, "ratio": n, "convention": f"{n[0]}; risk-free 0"} for n in names[:3]),
                 {**of, "ratio": "beta", "convention": "slope; a sample"})  # fmt: skip
    said = section(page.book(day(ratios=frame), "a"), "ratios")
    assert "Sharpe 1.00 s Beta 1.00 slope; a sample Treynor 1.00 t M² 100.00% m" in said
    assert "Sharpe, Treynor, M²: risk-free 0." in said
    assert said.count("risk-free 0") == 1


def test_levels_of_a_tree_are_read_from_the_top_though_cash_has_fewer() -> None:
    frame = nodes("attribution_nodes")
    cash = frame.iloc[[3]].assign(node="Cash / CASH:EUR", parent_node="Cash")
    industry = frame.iloc[[3]].assign(node="Tech / Hardware", dimension="industry")
    deep = frame.iloc[[3]].assign(node="Tech / Hardware / AAPL", parent_node="Tech / Hardware", depth=3)
    tree = pd.concat([frame.iloc[:3], cash, industry, deep])
    said = section(page.book(day(attribution_nodes=tree, attribution=_one_segment()), "a"), "attribution")
    assert "Effects by sector, industry and name, this date" in said
    assert "Cash in EUR" in said


def test_the_last_value_of_a_line_has_room_beside_a_short_label() -> None:
    dates = pd.bdate_range("2020-01-01", periods=3).to_numpy("datetime64[D]")
    svg = charts.line("k", "t", dates, [charts.Line("B", np.array([0.0, 0.1, -0.2412]))], "percent")
    place = re.search(r'<text class="c0" x="([\d.]+)" y="[\d.]+">−24.12%', svg)
    assert place
    assert charts.WIDTH - float(place[1]) >= 40
    path = re.search(r'<path class="line c0 main" d="M([\d.]+) ([\d.]+)l([^l]*)l([^"]*)"', svg)
    dot = re.search(r'<circle class="dot c0" cx="([\d.]+)" cy="([\d.]+)"', svg)
    assert path
    assert dot
    steps = [tuple(map(float, part.split())) for part in (path[3], path[4])]
    assert float(path[1]) + sum(x for x, _ in steps) == pytest.approx(float(dot[1]), abs=0.051)
    assert float(path[2]) + sum(y for _, y in steps) == pytest.approx(float(dot[2]), abs=0.051)
