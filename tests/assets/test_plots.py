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
