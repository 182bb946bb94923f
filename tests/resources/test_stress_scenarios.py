import pandas as pd
import pytest

from daybook.risk.stress import Replay, Shock, Unreadable
from resources import stress_scenarios

GOOD = """
replays:
  crash:
    first: 2020-02-19
    last: 2020-03-23
    market: -0.34
    currencies: {EUR: -0.01}
shocks:
  oil:
    local: {sector: {Energy: -0.3}}
    currencies: {USD: 0.1}
    factors: {market: -0.1}
    rates: 0.01
    volatility: 0.5
    correlated: true
reverse:
  losses: [0.2, 0.1]
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return stress_scenarios.read(path), path

    return read


def test_the_packaged_file_has_no_mistakes_and_keeps_the_names_of_the_contract(monkeypatch):
    monkeypatch.delenv("DAYBOOK_STRESS", raising=False)
    found = stress_scenarios.declared()
    assert found.problems == ()
    covid, shock = (found.scenarios[name] for name in ("covid_2020", "equities_down_20_fx_down_10"))
    assert (covid.first, covid.last) == (pd.Timestamp("2020-02-19"), pd.Timestamp("2020-03-23"))
    assert shock == Shock({"asset_class": dict.fromkeys(("equity", "etf", "fund", "index"), -0.2)}, -0.1)
    years = {s.last.year for s in found.scenarios.values() if isinstance(s, Replay)}
    assert years == {1987, 1998, 2001, 2008, 2011, 2020, 2022}
    assert found.losses == (0.05, 0.1, 0.2)


def test_a_file_of_the_firm_takes_the_place_of_the_packaged_one(read, monkeypatch):
    _, path = read(GOOD)
    monkeypatch.setenv("DAYBOOK_STRESS", str(path))
    found = stress_scenarios.declared()
    assert found.scenarios == {
        "crash": Replay(pd.Timestamp("2020-02-19"), pd.Timestamp("2020-03-23"), -0.34, {"EUR": -0.01}),
        "oil": Shock({"sector": {"Energy": -0.3}}, 0, {"USD": 0.1}, {"market": -0.1}, 0.01, 0.5, True),
    }
    assert found.losses == (0.1, 0.2)


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("2020-03-23", "2020-13-01", "line 5, crash.last: '2020-13-01'", "is no date: write it as 2020-02-19"),
        ("2020-03-23", "2020-02-19", "line 5, crash.last: '2020-02-19'", "is not after 2020-02-19"),
        ("    last: 2020-03-23\n", "", "line 4, crash.last:", "is missing"),
        ("market: -0.34", "market: minus", "line 6, crash.market: 'minus'", "is no number"),
        ("market: -0.34", "market: -34", "line 6, crash.market: '-34'", "is no return"),
        ("market: -0.34", "markt: -0.34", "line 6, crash: 'markt'", "is unknown: there are first, last, market"),
        ("{EUR: -0.01}", "[EUR]", "line 7, crash.currencies:", "is no mapping"),
        ("{Energy: -0.3}", "{Energy: .nan}", "line 10, oil.local.sector.Energy: '.nan'", "is no number"),
        ("sector:", "region:", "line 10, oil.local: 'region'", "is unknown: there are instrument, issuer"),
        ("    rates", "    foreign_currency: 0.1\n    rates", "line 11, oil.currencies:", "not together"),
        ("correlated: true", "correlated: perhaps", "line 15, oil.correlated: 'perhaps'", "neither true nor false"),
        ("[0.2, 0.1]", "[0.2, -0.1]", "line 17, reverse.losses: '-0.1'", "is no loss"),
        ("[0.2, 0.1]", "often", "line 17, reverse.losses: 'often'", "is no list"),
        ("oil:", "crash:", "line 10, crash:", "names a scenario that there is already"),
    ],
)
def test_a_mistake_costs_its_scenario_and_says_where_it_is(read, old, new, where, what):
    found, path = read(GOOD.replace(old, new, 1))
    (problem,) = found.problems
    assert problem.startswith(f"{path}, {where}")
    assert what in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("- a\n- b\n", ", line 1, the file: is no mapping"),
        ("replays:\n  a: [1\n", "line 3: is not YAML"),
        ("scenarios: {}\n", ", line 1, the file: 'scenarios' is unknown: there are replays, shocks, reverse"),
        ("replays: 3\n", ", line 1, replays: '3' is no mapping"),
        ("shocks: {still: {}}\n", ", line 1, still: shocks nothing"),
        ("shocks: {a: {rates: 0.1, correlated: yes}}\n", ", line 1, a.correlated: 'yes' is neither"),
        ("shocks: {a: {rates: 0.1, correlated: true}}\n", ", line 1, a.correlated: 'true' needs factors"),
        ("shocks: {a: {rates: 0.1, rates: 0.2}}\n", ", line 1, a: 'rates' stands there twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_scenario_without_a_figure(read, text, problem):
    found, path = read(text)
    (said,) = found.problems
    assert said.startswith(str(path))
    assert problem in said
    assert list(found.scenarios.values()) == [Unreadable(said)]


def test_a_file_that_is_not_there_or_no_text_is_said_too(tmp_path):
    missing = stress_scenarios.read(tmp_path / "none.yaml")
    assert missing.problems == (f"{tmp_path / 'none.yaml'}: cannot be read: No such file or directory",)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in stress_scenarios.read(tmp_path / "bytes.yaml").problems[0]
    (tmp_path / "bell.yaml").write_bytes(b"a: \x07")
    assert "is not YAML" in stress_scenarios.read(tmp_path / "bell.yaml").problems[0]
