"""Attribution of one period by three methods and by a tree, against figures printed elsewhere.

Bacon, C., "Practical Portfolio Performance Measurement and Attribution", 2nd edition, Wiley 2008: tables 5.2 (Brinson,
Hood and Beebower), 5.3 (Brinson and Fachler), 5.4 (interaction in selection) and the first quarter of table 8.6
(geometric). Morningstar, "Equity Performance Attribution Methodology" (methodology paper): the example of three
decisions, region, sector and market cap, with a segment that the portfolio lacks and one that the benchmark lacks.
Both as quoted in the public tests of the R package PortfolioAttribution (github.com/anandkkumar/PortfolioAttribution,
tests/testthat: test_arithmetic.R, test_geometric_multi_period.R, test_morningstar_examples.R).
"""

import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.attribution import brinson, geometric, rules, tree
from tests.frames import frame, sessions

HELD, LISTED = np.array([0.4, 0.3, 0.3]), np.array([0.4, 0.2, 0.4])
EARNED, INDEX = np.array([0.20, -0.05, 0.06]), np.array([0.10, -0.04, 0.08])
BENCHMARK = float(LISTED @ INDEX)


def test_bacon_tables_5_2_to_5_4():
    hood = brinson.effects(HELD, LISTED, HELD * EARNED, INDEX, np.zeros(3))
    assert hood[0] == pytest.approx([0, -0.004, -0.008], abs=1e-10)
    allocation, selection, interaction = brinson.effects(HELD, LISTED, HELD * EARNED, INDEX, np.full(3, BENCHMARK))
    assert allocation == pytest.approx([0, -0.0104, -0.0016], abs=1e-10)
    assert selection == pytest.approx([0.04, -0.002, -0.008], abs=1e-10)
    assert interaction == pytest.approx([0, -0.001, 0.002], abs=1e-10)
    assert [part.sum() for part in (allocation, selection, interaction)] == pytest.approx([-0.012, 0.03, 0.001])


@pytest.mark.parametrize(
    ("rule", "allocation", "selection"),
    [
        ("selection", [0, -0.0104, -0.0016, -0.012], [0.04, -0.003, -0.006, 0.031]),
        ("allocation", [0, -0.0114, 0.0004, -0.011], [0.04, -0.002, -0.008, 0.03]),
    ],
)
def test_bacon_top_down_and_bottom_up(rule, allocation, selection):
    names = ["GB", "JP", "US"]
    rows = lines(names, HELD, HELD * EARNED, LISTED, INDEX)
    instruments = frame("instruments", "instrument country", *[(name, name) for name in names])
    found = nodes(rows, instruments, levels="country", interaction_rule=rule)
    assert found.loc[[*names, ""], "allocation"].tolist() == pytest.approx(allocation, abs=1e-10)
    assert found.loc[[*names, ""], "selection"].tolist() == pytest.approx(selection, abs=1e-10)
    assert found["interaction"].eq(0).all()


def test_bacon_table_8_6_first_quarter():
    allocation, selection = geometric.effects(HELD, LISTED, HELD * EARNED, INDEX, np.full(3, BENCHMARK), HELD @ INDEX)
    assert allocation == pytest.approx([0, -0.0098, -0.0015], abs=1e-4)
    assert selection == pytest.approx([0.038, -0.0029, -0.0057], abs=1e-4)
    assert [allocation.sum(), selection.sum()] == pytest.approx([-0.0113, 0.0295], abs=1e-4)


def test_morningstar_three_decisions():
    """The paper's effects are geometric: each is ours over the growth of the level above. Printed to 0.01 %."""
    names = ["ACL", "ACS", "ADL", "ADS", "ECL", "ECS", "EDL", "EDS"]
    held = np.array([0.15, 0.1, 0.05, 0.23, 0, 0.12, 0.18, 0.17])
    earned = np.array([0.1, 0.2, 0.07, 0.133, 0.1476, 0.07, 0.05, -0.1])
    listed = np.array([0.05, 0.25, 0.1, 0.05, 0.1, 0.25, 0, 0.2])
    index = np.array([-0.08, 0.08, 0.18, -0.01, 0.1476, 0.0586, 0.05, -0.05])
    regions, sectors = {"A": "Asia", "E": "Europe"}, {"C": "Cyclical", "D": "Defensive"}
    instruments = frame(
        "instruments", "instrument country sector", *[(name, regions[name[0]], sectors[name[1]]) for name in names]
    )
    found = nodes(lines(names, held, held * earned, listed, index), instruments, levels="country sector instrument")
    assert found.loc["Asia", ["portfolio_return", "benchmark_return"]].tolist() == pytest.approx(
        [0.1304, 0.0744], abs=8e-5
    )
    # What the benchmark would have earned at the portfolio's weights of each level; the last one is each segment's own.
    growth = [1 + found.loc["", "benchmark_return"]]
    for depth in (1, 2, 3):
        level = found[found["depth"] == depth]
        growth.append(1 + (level["portfolio_weight"] * level["benchmark_return"]).sum())
    printed = {
        "Asia": 0.0016, "Europe": 0.0013,
        "Asia / Cyclical": 0.0021, "Asia / Defensive": 0.0041,
        "Europe / Cyclical": -0.0083, "Europe / Defensive": -0.0145,
        "Asia / Cyclical / ACL": -0.0139, "Asia / Cyclical / ACS": -0.0028, "Asia / Defensive / ADL": -0.0083,
        "Asia / Defensive / ADS": -0.0167, "Europe / Cyclical / ECL": -0.0021, "Europe / Cyclical / ECS": -0.0008,
        "Europe / Defensive / EDL": 0.0173, "Europe / Defensive / EDS": 0.0,
    }  # fmt: skip
    rows = found.loc[list(printed)]
    above = np.array(growth)[rows["depth"].to_numpy() - 1]
    assert (rows["allocation"] / above).tolist() == pytest.approx(list(printed.values()), abs=8e-5)
    names_alone = found[found["depth"] == 3].drop("Cash", errors="ignore")
    chosen = (names_alone["selection"] + names_alone["interaction"]) / growth[3]
    assert chosen.tolist() == pytest.approx([0.0267, 0.0119, -0.0054, 0.0326, 0, 0.0014, 0, -0.0084], abs=8e-5)
    assert (found.loc["", "total"] / growth[0]) == pytest.approx(0.01576598, abs=8e-5)


def lines(names, held, earned, listed, index):
    """One book's lines and the empty one of its flows."""
    rows = pd.DataFrame(
        {"instrument": names, "opened": held, "earned": earned, "weight": listed, "weighted": listed * index}
    )
    flows = pd.DataFrame({"instrument": ["CASH:"], "opened": 0.0, "earned": 0.0, "weight": 0.0, "weighted": 0.0})
    rows = pd.concat([rows, flows]).sort_values("instrument", ignore_index=True).astype({"instrument": "str"})
    same = {"business_date": sessions("2020-03-03")[0], "traded": 0.0, "denominator": 1.0, "risk_free": 0.0}
    return rows.assign(book=pd.Series(["b"] * len(rows), dtype="str"), base_currency="USD", **same)


def nodes(rows, instruments, **rule):
    """The tree of the book, by node."""
    keys = rows[["business_date", "book"]].head(1)
    declared = rules.in_force(tables.empty("attribution_rules"), keys).assign(**rule)
    whole = np.array([rows["earned"].sum() - rows["weighted"].sum()])
    return tree.rounded(tree.nodes(rows, declared, instruments), whole).set_index("node")
