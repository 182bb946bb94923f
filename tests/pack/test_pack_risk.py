"""What the pack says of risk: figures worked by hand, and what is said where there are none."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.pack import charts, models, page
from daybook.pack.day import Day

D = pd.Timestamp("2022-12-27")


def rows(table: str, *told: dict[str, object]) -> pd.DataFrame:
    """Rows of ``table`` on the date; what is not told is missing in its type."""
    blank = {"text": "", "int": 0, "float": np.nan, "date": pd.NaT, "time": pd.NaT, "bool": False, "floats": None}
    columns = {
        column.name: [row.get(column.name, D if column.name == "business_date" else blank[column.type]) for row in told]
        for column in tables.TABLES[table].columns
    }
    return tables.conform(table, pd.DataFrame(columns))


def day(**frames: pd.DataFrame) -> Day:
    """A firm of two books, a in USD and b in EUR."""
    nav = rows(
        "nav", {"book": "a", "nav": 1000.0, "base_currency": "USD"}, {"book": "b", "nav": 500.0, "base_currency": "EUR"}
    )
    return Day(D, {"a": "candidate", "b": "candidate"}, "", {"nav": nav, **frames})


def section(html: str, key: str) -> str:
    """The words of one section of a page, tags taken away, spaces made single."""
    found = re.search(rf'<section id="{key}".*?</section>', html, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split())


def var(book: str, method: str = "historical", confidence: float = 0.99, **more: object) -> dict[str, object]:
    return {
        "book": book, "method": method, "confidence": confidence, "horizon_days": 1, "var": 20.0, "es": 25.0,
        "nav_fraction": 0.02, "scenarios": 500, "coverage": 1.0, "proxy_coverage": 0.0, "status": "ok",
        "convention": f"{method} in words", **more,
    }  # fmt: skip


def test_the_main_model_is_historical_at_its_shortest_horizon_and_highest_confidence() -> None:
    frame = rows(
        "var",
        var("a", "filtered"),
        var("a", horizon_days=10),
        var("a", confidence=0.95),
        var("a"),
        var("b", "parametric", horizon_days=10),
        var("b", "monte_carlo", horizon_days=10),
    )
    main = models.main(frame)
    assert main[["book", "method", "horizon_days", "confidence"]].to_numpy().tolist() == [
        ["a", "historical", 1, 0.99],
        ["b", "monte_carlo", 10, 0.99],
    ]
    assert models.labels(main) == ["historical", "Monte Carlo, 10 sessions"]
    assert models.named(main.head(1)) == "historical, 99%, 1 session ahead"
    assert models.named(main) == ""
    assert list(models.ordered(frame)["method"])[:3] == ["historical"] * 3


def test_coverage_is_a_sentence() -> None:
    proxied = {"coverage": 0.924, "proxy_coverage": 0.06}
    said = section(
        page.book(day(var=rows("var", var("a", **proxied), var("a", confidence=0.95, **proxied))), "a"), "var"
    )
    assert "92.4 % of value on own history, 6.0 % by proxy, 1.6 % without." in said
    firm = section(page.firm(day(var=rows("var", var("a", **proxied), var("b")))), "var")
    assert (
        "a: 92.4 % of value on own history, 6.0 % by proxy, 1.6 % without; b: 100.0 % of value on own history" in firm
    )
    whole = section(page.firm(day(var=rows("var", var("a"), var("b")))), "var")
    assert "100.0 % of value on own history in every book." in whole


def test_a_figure_of_var_that_is_missing_is_a_dash_with_its_status() -> None:
    short = rows("var", var("a", var=np.nan, es=np.nan, nav_fraction=np.nan, status="12 scenarios, 100 needed"))
    said = section(page.book(day(var=short), "a"), "var")
    assert "historical – – – 500 12 scenarios, 100 needed" in said
    assert "– in VaR 99%, ES 99%: no figure, see the status." in said
    assert "VaR has not been computed for this date." in section(page.book(day(), "a"), "var")


def group(grouping: str, member: str, **more: object) -> dict[str, object]:
    return {
        "grouping": grouping, "member": member, "method": "historical", "confidence": 0.99, "horizon_days": 1,
        "var": 30.0, "es": 40.0, "nav": 1500.0, "undiversified": 40.0, "diversification": 0.25, "currency": "USD",
        "coverage": 1.0, "status": "ok", **more,
    }  # fmt: skip


def test_groups_of_the_same_books_are_one_line_and_books_add_up_to_the_firm() -> None:
    key = {"method": "historical", "confidence": 0.99, "horizon_days": 1}
    parts = rows(
        "group_var_components",
        *(
            {**key, "grouping": g, "member": m, "book": b, "component": c, "incremental": c}
            for g, m, b, c in [
                ("firm", "firm", "a", 36.0),
                ("firm", "firm", "b", -6.0),
                ("entity", "House", "a", 36.0),
                ("entity", "House", "b", -6.0),
                ("strategy", "value", "a", 20.0),
            ]
        ),
    )
    groups = rows("group_var", group("firm", "firm"), group("entity", "House"), group("strategy", "value", var=20.0))
    frames = {"var": rows("var", var("a"), var("b")), "group_var": groups, "group_var_components": parts}
    said = section(page.firm(day(**frames)), "var")
    assert "Firm; entity House 2 30 USD 2.00% 40 40 25.00% 100.00%" in said
    assert "strategy value" not in said
    assert "a +36 120.00% +36 b −6 −20.00% −6 Sum +30" in said
    failed = groups.assign(status="left out: b, NAV failed")
    assert "strategy value 1 20 USD" in section(page.firm(day(**{**frames, "group_var": failed})), "var")
    assert "it is not the sum of theirs" in section(page.firm(day(var=frames["var"])), "var")


def test_the_steps_from_yesterdays_var_lead_to_todays() -> None:
    told = {"book": "a", "method": "historical", "confidence": 0.99, "horizon_days": 1, "status": "ok"}
    steps = {"opening_var": 10.0, "data_effect": 1.0, "model_effect": 0.0, "position_effect": 12.0,
             "market_effect": -3.0, "closing_var": 20.0}  # fmt: skip
    frames = {"var": rows("var", var("a")), "var_explain": rows("var_explain", {**told, **steps})}
    html = page.book(day(**frames), "a")
    assert "99% 10 +1 0 +12 −3 +10" in section(html, "var")
    assert "USD; from 10 to 20; the axis starts at the opening VaR." in section(html, "var")
    lost = dict.fromkeys(("data_effect", "model_effect", "position_effect", "market_effect"), np.nan)
    unsplit = {**told, **steps, **lost, "status": "not split: nav failed"}
    broken = section(page.book(day(**{**frames, "var_explain": rows("var_explain", unsplit)}), "a"), "var")
    assert "99% 10 – – – – +10" in broken
    assert "In every row: not split: nav failed." in broken
    assert "the axis starts at the opening VaR" not in broken


def test_contributions_are_drawn_and_their_sums_are_var() -> None:
    key = {"book": "a", "method": "historical", "confidence": 0.99, "horizon_days": 1}
    components = rows("var_components", {**key, "instrument": "X", "component": 20.0, "marginal": 0.1},
                      {**key, "instrument": "X", "method": "parametric", "component": 17.0})  # fmt: skip
    buckets = [("sector", "Energy", 26.0), ("sector", "Cash", -6.0), ("factor", "low_risk", 15.0),
               ("factor", "specific", 5.0), ("strategy", "value", 20.0)]  # fmt: skip
    parts = rows("var_contributions", *({**key, "dimension": d, "bucket": b, "component": c} for d, b, c in buckets))
    html = page.book(day(var=rows("var", var("a")), var_components=components, var_contributions=parts), "a")
    said = section(html, "components")
    assert "Adds up: components 20 USD, VaR 20 USD." in said
    assert "X +20 100.00% +17 0.1000" in said  # the parametric component beside the historical one
    assert "Energy +26 130.00% – Cash −6 −30.00% – Sum +20" in said
    assert "low risk +15" in said
    assert "VaR by strategy" not in said  # one bucket says nothing that VaR does not
    bare = section(page.book(day(var=rows("var", var("a")), var_components=components), "a"), "components")
    assert "VaR by sector and factor has not been computed." in bare


def record(book: str, basis: str, method: str = "historical", **more: object) -> dict[str, object]:
    return {
        "book": book, "method": method, "confidence": 0.99, "horizon_days": 1, "pnl_basis": basis,
        "observations": 250, "exceptions": 6, "kupiec_lr": 3.56, "kupiec_p": 0.0594, "mixed_lr": 19.0,
        "mixed_p": 0.0004, "zone": "yellow", "plus_factor": 0.5, "es_z": -1.32, "es_p": 0.034, "struck": 3,
        "status": "ok", **more,
    }  # fmt: skip


def test_the_record_of_the_main_model_comes_first_and_every_test_is_in_a_line() -> None:
    other = [record("a", basis, "filtered", exceptions=2, zone="green") for basis in ("clean", "actual")]
    frame = rows("var_backtest", record("a", "clean"), record("a", "actual", exceptions=5, plus_factor=0.4), *other)
    said = section(page.book(day(var_backtest=frame), "a"), "backtest")
    assert "clean 250 6 2.5 ▲ yellow 0.50 3" in said
    assert "actual 250 5 2.5 ▲ yellow 0.40 3" in said
    assert "Number as many as claimed (Kupiec 1995)" in said
    assert "LR 3.56, p 0.059" in said
    assert "LR 19.00, p ✕ &lt;0.001" in said
    assert "Z −1.32, p ✕ 0.034" in said
    assert "Independence one does not follow another (Christoffersen 1998) – –" in said
    assert said.index("The other models") < said.index("both 250 2 2.5 ✓ green")  # clean and actual said the same
    firm = section(page.firm(day(var_backtest=frame)), "backtest")
    assert "historical 6 yellow filtered 2 green" in firm


def test_stress_names_the_worst_and_what_could_not_be_computed() -> None:
    told = [("mild", -10.0, ""), ("crash_1987", -200.0, "88.8 % by beta"), ("rates", np.nan, "no curve")]
    stress = rows(
        "stress",
        *(
            {"book": "a", "scenario": s, "kind": "replay", "pnl": p, "pnl_fraction": p / 1000, "coverage": 1.0,
             "proxy_coverage": 0.0, "reason": r}
            for s, p, r in told
        ),
    )  # fmt: skip
    parts = rows(
        "stress_components",
        {"book": "a", "scenario": "crash_1987", "instrument": "X", "pnl": -260.0, "basis": "beta"},
        {"book": "a", "scenario": "crash_1987", "instrument": "Y", "pnl": 60.0, "basis": "own"},
        {"book": "a", "scenario": "mild", "instrument": "Y", "pnl": -10.0, "basis": "own"},
    )
    html = page.book(day(stress=stress, stress_components=parts), "a")
    said = section(html, "stress")
    assert "Not computed: rates: no curve." in said
    assert "rates replay – – 100.00% 0.00% no curve crash 1987 replay −200 −20.00%" in said
    assert "What loses in the worst: crash 1987" in said
    assert "X −260; Y +60." in said
    assert "Returns of those named: 1 by beta; 1 by own." in said
    firm = section(page.firm(day(stress=stress, stress_components=parts)), "stress")
    assert "a crash 1987 −200 USD −20.00% 100.00% 0.00% X 88.8 % by beta" in firm
    assert "rates – crash 1987 −20.00% mild −1.00%" in firm


def test_reverse_stress_has_a_column_for_each_loss_and_its_distance() -> None:
    shocks = [("market", 0.05, -0.04, -45.0), ("specific", 0.05, -0.005, -5.0), ("market", 0.1, -0.08, -90.0),
              ("specific", 0.1, -0.01, -10.0)]  # fmt: skip
    reverse = rows("reverse_stress", *(
        {"book": "a", "loss_fraction": f, "factor": n, "shock": s, "pnl": p, "distance": 94.0 * f}
        for n, f, s, p in shocks
    ))  # fmt: skip
    stress = rows("stress", {"book": "a", "scenario": "mild", "pnl": -1.0, "pnl_fraction": -0.001})
    said = section(page.book(day(stress=stress, reverse_stress=reverse), "a"), "stress")
    assert "market 90.00% −4.00% −8.00% specific 10.00% −0.50% −1.00%" in said
    assert "A loss of 5%, 10% of NAV lies 4.7, 9.4 standard deviations of a session away." in said
    silent = reverse.head(1).assign(shock=np.nan, reason="no factor model")
    failed = section(page.book(day(stress=stress, reverse_stress=silent), "a"), "stress")
    assert "Reverse stress: no factor model." in failed


def test_volatility_by_factor_adds_up_and_what_failed_says_why() -> None:
    key = {"book": "a", "risk_model": "time_series", "coverage": 0.9, "status": "1 instrument without history"}
    risk = rows(
        "factor_risk",
        {**key, "factor": "market", "exposure": 0.8, "factor_volatility": 0.01, "volatility_part": 0.009},
        {**key, "factor": "specific", "factor_volatility": 0.004, "volatility_part": 0.001},
    )
    book = {"subject_kind": "book", "subject": "a"}
    betas = rows("betas", {**book, "factor": "value", "status": "12 of 60 observations"},
                 {**book, "factor": "market", "beta": 0.7, "standard_error": 0.028, "status": "ok"})  # fmt: skip
    forecasts = rows("volatility_forecasts", {**book, "volatility_model": "garch", "status": "not converged"})
    frames = {"factor_risk": risk, "betas": betas, "volatility_forecasts": forecasts}
    said = section(page.book(day(**frames), "a"), "factors")
    assert "Volatility, GARCH – not converged" in said
    assert "Volatility, time series factors 1.00% 1 instrument without history" in said
    assert "market 0.80 1.00% 0.90% 90.00% specific – 0.40% 0.10% 10.00% Book 1.00%" in said
    assert "Estimated for 90.00% of gross value." in said
    firm = section(page.firm(day(**frames)), "factors")
    assert "a 0.70 ± 0.03 –" in firm
    assert "a, value: 12 of 60 observations" in firm


def test_liquidity_says_what_can_be_paid_and_what_nobody_knows() -> None:
    profile = rows("liquidity_profile", *(
        {"book": "a", "horizon_days": h, "liquidated_fraction": f, "redemption_fraction": 0.2, "redemption_coverage": c}
        for h, f, c in [(1, 0.1, 0.5), (5, 0.6, 3.25)]
    ))  # fmt: skip
    held = rows("liquidity", {"book": "a", "instrument": "X", "days_to_liquidate": 2.5, "liquidity_bucket": "illiquid"},
                {"book": "a", "instrument": "Y", "reason": "no volume"})  # fmt: skip
    values = rows("valuations", {"book": "a", "instrument": "X", "exposure_base": -300.0},
                  {"book": "a", "instrument": "Y", "exposure_base": 100.0})  # fmt: skip
    said = section(page.book(day(liquidity_profile=profile, liquidity=held, valuations=values), "a"), "liquidity")
    assert "A redemption of 20.00% of NAV could be paid within 5 sessions, 3.2 times over." in said
    assert "Nobody knows how fast these can be sold: Y (no volume)." in said
    assert "illiquid 1 75.00% not known 1 25.00%" in said
    assert said.index("Y – –") < said.index("X 2.5 –")
    assert "could not be paid within 1 session." in section(
        page.book(day(liquidity_profile=profile.head(1)), "a"), "liquidity"
    )
    undeclared = profile.assign(redemption_fraction=np.nan, redemption_coverage=np.nan)
    assert "is not known" in section(page.book(day(liquidity_profile=undeclared), "a"), "liquidity")


def test_exposures_by_beta_and_looked_through() -> None:
    fund = {"book": "a", "long": 400.0, "short": 0.0, "gross": 400.0, "net": 400.0, "gross_fraction": 0.4,
            "net_fraction": 0.4, "beta_adjusted": 300.0, "notional_base": 400.0, "beta_coverage": 1.0}  # fmt: skip
    direct = rows("exposures", {**fund, "dimension": "instrument", "bucket": "F"},
                  {**fund, "dimension": "sector", "bucket": "Funds"})  # fmt: skip
    half = {**fund, "net_fraction": 0.2, "gross": 200.0}
    through = rows(
        "look_through_exposures",
        {**half, "dimension": "instrument", "bucket": "F", "coverage": 0.0},
        {**half, "dimension": "instrument", "bucket": "X", "coverage": 1.0},
        {**half, "dimension": "sector", "bucket": "Funds", "coverage": 0.0},
        {**half, "dimension": "sector", "bucket": "Energy", "coverage": 1.0},
    )
    frames = {"exposures": direct, "look_through_exposures": through}
    said = section(page.book(day(**frames), "a"), "exposures")
    assert "50.00% of gross exposure stands in funds whose constituents nobody delivered." in said
    assert "Funds 400 0 400 400 40.00% 40.00% 30.00% 20.00%" in said
    assert "Held through funds alone: Energy." in said
    firm = section(page.firm(day(**frames)), "exposures")
    assert "a USD 400 0 400 400 40.00% 40.00% 30.00% 100.00% 40.00% 50.00%" in firm


def test_a_limit_has_its_levels_headroom_and_the_trade_that_used_it() -> None:
    place = {"book": "a", "limit": "NAME", "dimension": "instrument", "bucket": "X"}
    usage = rows("limit_usage", {**place, "measure": "long", "basis": "nav", "value": 0.09, "threshold": 0.1,
                 "utilisation": 0.9, "headroom": 0.01, "soft": 0.08, "warning": 0.05, "reached": "soft",
                 "previous": 0.02, "status": "warning", "owner": "risk"})  # fmt: skip
    used = rows("limit_consumption", {**place, "transaction_id": "t1", "consumed": 0.07})
    html = page.book(day(limit_usage=usage, limit_consumption=used), "a")
    said = section(html, "limits")
    assert "NAME long, instrument X 9.00% 2.00% 5.00% 8.00% 10.00% 1.00% 90.00% ▲ warning soft risk" in said
    assert "NAME X t1 7.00% +70.00%" in said
    assert '<path class="early" d="M30.0 2V10M48.0 2V10"/>' in html  # half and eight tenths of the way to 100 % at 60


def test_breaches_without_an_answer_come_first_with_their_clock() -> None:
    due = pd.Timestamp("2022-12-28 21:00", tz="UTC")
    breaches = rows(
        "breaches",
        {"breach_id": "b1", "book": "a", "limit": "NAME", "reached": "hard", "utilisation": 1.2,
         "status": "acknowledged", "due_at": due, "acknowledged_by": "ann", "comment": "sold tomorrow"},
        {"breach_id": "b2", "book": "a", "limit": "GROSS", "reached": "soft", "utilisation": 0.9, "status": "open",
         "due_at": due + pd.Timedelta("1h")},
    )  # fmt: skip
    said = section(page.book(dataclasses.replace(day(), breaches=breaches), "a"), "limits")
    assert "2 breaches of limits stand, 1 waits for an answer." in said
    assert said.index("GROSS 2022-12-27 soft 90.00% ✕ open 2022-12-28 22:00 UTC") < said.index("NAME 2022-12-27 hard")
    assert "ann sold tomorrow" in said


def test_a_total_beyond_the_bars_is_within_the_axis() -> None:
    svg = charts.bars("k", "t", ["x"], {"Net": np.array([0.1])}, "percent", total=np.array([0.5]))
    diamond = re.search(r'class="sum" d="M([\d.]+) (?!3\.5)', svg)  # not that of the legend
    bar = re.search(r'<rect class="c0" x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="13"', svg)
    assert diamond
    assert bar
    start, width = float(bar[1]), float(bar[2])
    assert float(diamond[1]) == pytest.approx(start + 5 * width, abs=0.3)
