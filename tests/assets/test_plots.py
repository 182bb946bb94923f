"""Pictures in an asset's metadata: what they tell in words, for whom, and that a missing figure draws nothing."""

import base64
import re

import numpy as np
import pandas as pd

from assets import plots
from daybook import tables

D = pd.Timestamp("2022-12-27")
MODEL = {"business_date": D, "method": "historical", "confidence": 0.99, "horizon_days": 1}


def told(metadata: dict) -> dict[str, str]:
    """The text alternative of each picture."""
    found = {}
    for name, value in metadata.items():
        svg = base64.b64decode(re.search(r"base64,([^)]*)\)", value.value)[1]).decode()
        found[name] = re.search(r"<desc[^>]*>([^<]*)</desc>", svg)[1]
        assert 'xmlns="http://www.w3.org/2000/svg" width=' in svg  # it stands alone
    return found


def test_a_firm_without_books_has_no_pictures() -> None:
    assert plots.var_steps(tables.empty("var_explain")) == {}
    assert plots.component_bars(tables.empty("var_components")) == {}
    assert plots.tornadoes(tables.empty("stress")) == {}
    assert plots.exposure_bars(tables.empty("exposures")) == {}
    assert plots.sold(tables.empty("liquidity_profile")) == {}
    assert plots.headroom(tables.empty("limit_usage"))["headroom"].value == "none"
    assert plots.under_water(tables.empty("performance")) == {}
    assert plots.sectors(tables.empty("attribution")) == {}
    assert plots.waterfalls(tables.empty("period_attribution")) == {}
    assert plots.contributed(tables.empty("contributions")) == {}
    assert plots.tracking(tables.empty("risk_attribution")) == {}


def test_components_are_drawn_by_the_main_model() -> None:
    other = {**MODEL, "book": "a", "method": "parametric"}
    frame = pd.DataFrame([
        {**MODEL, "book": "a", "instrument": "X", "component": 30.0},
        {**MODEL, "book": "a", "instrument": "Y", "component": -10.0},
        {**other, "instrument": "X", "component": 99.0},
        {**MODEL, "book": "b", "instrument": "X", "component": np.nan},
    ])  # fmt: skip
    assert told(plots.component_bars(frame)) == {"plot a": "X +30; Y −10."}


def test_a_var_that_could_not_be_split_has_no_picture() -> None:
    steps = {
        "opening_var": 10.0,
        "data_effect": 0.0,
        "model_effect": 0.0,
        "position_effect": 5.0,
        "market_effect": -2.0,
    }
    frame = pd.DataFrame([{**MODEL, "book": "a", **steps}, {**MODEL, "book": "b", **steps, "market_effect": np.nan}])
    found = told(plots.var_steps(frame))
    assert list(found) == ["plot a"]
    assert found["plot a"].endswith("Positions +5.00; Market −2.00; Change +3.00.")


def test_stress_exposure_and_liquidity_are_drawn_worst_largest_and_soonest_first() -> None:
    stressed = pd.DataFrame({"business_date": D, "book": "a", "scenario": ["up", "crash_1987", "lost"],
                             "pnl_fraction": [0.02, -0.3, np.nan]})  # fmt: skip
    assert told(plots.tornadoes(stressed)) == {"plot a": "crash 1987 −30.00%; up +2.00%."}
    exposed = pd.DataFrame({"business_date": D, "book": "a", "dimension": ["sector", "sector", "issuer"],
                            "bucket": ["Small", "Large", "X"], "gross": [1.0, 4.0, 5.0],
                            "gross_fraction": [0.1, 0.4, 0.5], "net_fraction": [0.1, -0.2, 0.5]})  # fmt: skip
    assert told(plots.exposure_bars(exposed)) == {"plot a": "Large −20.00%; Small +10.00%."}
    profile = pd.DataFrame({"business_date": D, "book": "a", "horizon_days": [1, 5], "liquidated_fraction": [0.5, 1.0]})
    assert told(plots.sold(profile)) == {"plot a": "1 session 50.00%; 5 sessions 100.00%."}


def test_the_way_under_water_starts_from_the_last_peak() -> None:
    dates = pd.DatetimeIndex(["2022-12-22", "2022-12-23", "2022-12-27"])
    frame = pd.DataFrame({"business_date": dates, "book": "a", "daily_return": [0.25, -0.2, 0.05]}).assign(status="ok")
    shown = told(plots.under_water(frame))["plot a"]
    assert shown.endswith("Book: last −16.00%, lowest −20.00%, highest 0.00%.")


def test_effects_are_drawn_by_sector_and_by_kind_contributions_by_name_and_risk_by_node() -> None:
    parts = {"allocation": 0.001, "selection": -0.003, "interaction": 0.0, "currency_effect": 0.0, "trading": 0.0005}
    effects = {"business_date": D, "book": "a", "method": "brinson_fachler", **parts, "total": -0.0015}
    assert told(plots.sectors(pd.DataFrame([{**effects, "segment": "Tech"}]))) == {"plot a": "Tech −15.0."}
    linked = {**effects, "period": "inception", "linking": "carino", "node": "", "depth": 0}
    unknown = {**linked, "book": "b", "total": np.nan}
    found = told(plots.waterfalls(pd.DataFrame([linked, {**linked, "period": "month", "total": 9.0}, unknown])))
    said = "Allocation +10.00; Selection −30.00; Interaction 0.00; Trades, fees +5.00; Active −15.00."
    assert found == {"plot a": f"In basis points. {said}"}
    held = {"business_date": D, "book": "a", "period": "inception"}
    names = [{**held, "instrument": "X", "contribution": 0.02}, {**held, "instrument": "Y", "contribution": -0.01}]
    assert told(plots.contributed(pd.DataFrame(names))) == {"plot a": "X +200.0; Y −100.0."}
    risk = {"business_date": D, "book": "a", "allocation_risk": 0.01, "selection_risk": 0.02, "active_risk": 0.03}
    nodes = [{**risk, "node": "", "depth": 0}, {**risk, "node": "Tech", "depth": 1}]
    assert told(plots.tracking(pd.DataFrame(nodes))) == {"plot a": "Tech +300.0."}


def test_only_the_first_books_are_drawn() -> None:
    many = pd.DataFrame({"business_date": D, "book": [f"b{n:03d}" for n in range(100)], "horizon_days": 1,
                         "liquidated_fraction": 1.0})  # fmt: skip
    assert list(plots.sold(many)) == [f"plot b{n:03d}" for n in range(plots.MOST)]


def test_limits_that_failed_come_first_and_the_bar_is_full_at_the_hard_level() -> None:
    usage = pd.DataFrame(
        {
            "book": ["a", "a", "b"],
            "limit": ["kept", "over", "lost"],
            "measure": "gross",
            "dimension": "",
            "bucket": "",
            "value": [1.0, 3.0, np.nan],
            "threshold": 2.0,
            "utilisation": [0.5, 1.5, np.nan],
            "headroom": [1.0, -1.0, np.nan],
            "status": ["pass", "breach", "failed"],
            "reason": ["", "", "no NAV"],
        }
    )
    lines = plots.headroom(usage)["headroom"].value.splitlines()[2:]
    assert [line.split("|")[2].strip() for line in lines] == ["lost", "over", "kept"]
    assert ["▮" * 10 in line for line in lines] == [False, True, False]
    assert "▮▮▮▮▮▯▯▯▯▯" in lines[2]
