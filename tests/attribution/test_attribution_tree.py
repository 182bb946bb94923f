import numpy as np
import pandas as pd
import pytest

from daybook import attribution, tables
from daybook.attribution import brinson, geometric, money, rules, segments, tree
from tests.frames import frame, sessions

TODAY = sessions("2020-03-03")
DEFAULT = ("b", "2000-01-01", "brinson_fachler", "sector industry instrument", "shown", "parent", "portfolio")
# Software and Chips are half of the benchmark's Tech of 40 %; the book has 50 % of Tech, four fifths of it Software.
# instrument -> opened, earned, traded, weight, return
HELD = {
    "S1": (400.0, 24.0, 0.0, 0.2, 0.05),
    "C1": (100.0, 2.0, 1.0, 0.2, 0.01),
    "E1": (300.0, -3.0, 0.0, 0.6, -0.02),
    "CASH:USD": (150.0, 0.0, 0.0, 0.0, 0.0),
    "CASH:": (50.0, 0.0, 0.0, 0.0, 0.0),
}
SECTORS = {
    "S1": ("Tech", "Software"),
    "C1": ("Tech", "Chips"),
    "E1": ("Energy", ""),
    "X1": ("Tech", ""),
    "N1": ("", ""),
}
INSTRUMENTS = frame("instruments", "instrument sector industry", *[(name, *words) for name, words in SECTORS.items()])


def lines(held=HELD, denominator=1000.0, risk_free=0.0):
    rows = pd.DataFrame(
        [
            ("b", name, opened, earned, traded, weight, weight * earned_there)
            for name, (opened, earned, traded, weight, earned_there) in sorted(held.items())
        ],
        columns=["book", "instrument", "opened", "earned", "traded", "weight", "weighted"],
    ).astype({"book": "str", "instrument": "str"})
    given = rows.assign(business_date=TODAY[0], denominator=denominator, risk_free=risk_free, base_currency="USD")
    return given.assign(trading_pnl=rows["traded"], fees=0.0, total=rows["earned"] + rows["traded"])


def scope(rows):
    divisor = rows["denominator"].iloc[0]
    daily = round(float(rows["total"].sum() / divisor), 12)
    index = round(float(rows["weighted"].sum()), 12)
    found = rows[["business_date", "book"]].head(1)
    return found.assign(daily_return=daily, benchmark_return=index, active_return=round(daily - index, 12))


def effects(rows, **rule):
    declared = frame("attribution_rules", "book valid_from method levels interaction_rule anchor imputation", DEFAULT)
    keys = scope(rows)
    in_force = rules.in_force(declared.assign(**rule), keys)
    found = attribution.nodes(rows, keys, in_force, INSTRUMENTS)
    assert tree.identity_gaps(found, keys).empty
    return found.loc[found["method"] != "geometric"].set_index("node")


def test_a_tree_by_hand():
    # Benchmark: Tech 3 %, all 0.4 x 3 % - 0.6 x 2 % = 0. Tech is 0.5 of the book: 0.1 x 3 %.
    found = effects(lines())
    assert found.index.tolist() == [
        *("", "Cash", "Cash / CASH:USD", "Energy", "Energy / E1", "Tech", "Tech / Chips", "Tech / Chips / C1"),
        *("Tech / Software", "Tech / Software / S1"),
    ], "Energy has no industries: that level is left out there"
    assert found.loc["Tech", "allocation"] == pytest.approx(0.003)
    # Held like the benchmark's Tech, Software would be 0.25 of the book: (0.4 - 0.25)(5 % - 3 %).
    assert found.loc["Tech / Software", "allocation"] == pytest.approx(0.15 * 0.02)
    assert found.loc["Tech / Chips", "allocation"] == pytest.approx((0.1 - 0.25) * (0.01 - 0.03))
    # S1 is all of Software: no bet within it. It earned 6 % where the benchmark's did 5 %: 0.2 and (0.4 - 0.2) x 1 %.
    assert found.loc["Tech / Software / S1", "allocation"] == 0
    assert found.loc["Tech / Software / S1", ["selection", "interaction"]].tolist() == pytest.approx([0.002, 0.002])
    # What the nodes above did: all of Software's, 0.2 x 5 %, less its own bet.
    assert found.loc["Tech / Software", "allocation_above"] == pytest.approx(0.2 * 0.05 - 0.003)
    assert found.loc["Tech / Software / S1", "allocation_above"] == pytest.approx(0.01)
    within = found[["selection", "interaction"]].sum(axis=1)
    below = found.loc[["Tech / Software", "Tech / Chips"], ["allocation", "selection", "interaction"]].to_numpy().sum()
    assert within["Tech"] == pytest.approx(below) == pytest.approx(0.026 - 0.5 * 0.03)
    assert found.loc["Tech", "trading"] == pytest.approx(0.001)
    assert found.loc["Tech", "total"] == pytest.approx(0.003 + 0.011 + 0.001)
    assert found.loc["", "total"] == pytest.approx(0.024)
    assert found.loc["", "allocation"] == pytest.approx(0.003 + (0.3 - 0.6) * -0.02)
    assert found.loc["", "contribution"] == pytest.approx(0.024)
    assert found.loc["Tech / Chips / C1", ["parent_node", "dimension", "depth"]].tolist() == [
        *("Tech / Chips", "instrument", 3)
    ]


def test_anchored_to_the_total_the_bets_above_are_in_each_node():
    found, parent = effects(lines(), anchor="total"), effects(lines())
    assert found["allocation"].drop("").tolist() == pytest.approx(
        (parent["allocation"] + parent["allocation_above"]).drop("").tolist()
    )
    assert found["allocation_above"].eq(0).all()
    assert found["total"].tolist() == parent["total"].tolist()


def test_hood_and_beebower_judge_against_nothing():
    found = effects(lines(dict(HELD, E1=(300.0, -3.0, 0.0, 0.6, -0.01))), method="brinson_hood_beebower")
    assert found.loc["Tech", "allocation"] == pytest.approx(0.1 * 0.03)
    assert found.loc["Energy", "allocation"] == pytest.approx(-0.3 * -0.01)
    assert found.loc["Tech / Software", "allocation"] == pytest.approx(0.15 * 0.05)
    fachler = effects(lines(dict(HELD, E1=(300.0, -3.0, 0.0, 0.6, -0.01))))
    assert fachler.loc["Tech", "allocation"] == pytest.approx(0.1 * (0.03 - 0.006))
    assert found.loc["", ["allocation", "total"]].tolist() == pytest.approx(
        fachler.loc["", ["allocation", "total"]].tolist()
    )


def test_interaction_is_shown_folded_or_split():
    shown, total = effects(lines()), effects(lines())["total"].tolist()
    for rule, weighting, choosing in (("selection", 0, 1), ("allocation", 1, 0), ("split", 0.5, 0.5)):
        found = effects(lines(), interaction_rule=rule)
        assert found["interaction"].eq(0).all()
        assert found["total"].tolist() == total
        assert found["allocation"].tolist() == pytest.approx(
            (shown["allocation"] + weighting * shown["interaction"]).tolist(), abs=1e-11
        )
        assert found["selection"].tolist() == pytest.approx(
            (shown["selection"] + choosing * shown["interaction"]).tolist(), abs=1e-11
        )


def test_what_the_benchmark_lacks():
    held = dict(HELD, X1=(100.0, 7.0, 0.0, 0.0, 0.0), N1=(0.0, 2.0, 0.0, 0.0, 0.0))
    own = effects(lines(held, risk_free=0.001))
    # X1 has no industry where others have one. Its own 7 % stand in: it is all allocation, against Tech's 3 %.
    assert own.loc["Tech / Unclassified / X1", ["selection", "interaction"]].tolist() == [0, 0]
    assert own.loc["Tech / Unclassified", "allocation"] == pytest.approx(0.1 * (0.07 - 0.03))
    # What was bought and sold within the day has no weight: the return of the node above, all of it interaction.
    assert own.loc["Unclassified / N1", ["benchmark_return", "allocation", "interaction"]].tolist() == [0, 0, 0.002]
    assert np.isnan(own.loc["Unclassified", "portfolio_return"])
    assert own.loc["Cash", "benchmark_return"] == 0.001
    theirs = effects(lines(held), imputation="benchmark")
    assert theirs.loc["Tech / Unclassified", "benchmark_return"] == pytest.approx(0.03)
    assert theirs.loc["Tech / Unclassified", "allocation"] == 0
    assert theirs.loc["Tech / Unclassified", "interaction"] == pytest.approx(0.1 * (0.07 - 0.03))


def test_long_and_short_of_the_benchmark_that_cancel():
    held = {
        "S1": (1000.0, 10.0, 0.0, 0.3, 0.05),
        "C1": (0.0, 0.0, 0.0, -0.3, 0.01),
        "E1": (0.0, 0.0, 0.0, 1.0, 0.0),
        "CASH:": (0.0,) * 5,
    }
    found = effects(lines(held))
    assert found.loc["Tech", "benchmark_weight"] == 0
    assert found.loc["Tech", "benchmark_return"] == 0.01, "the book's own"
    assert found.loc["Tech", "selection"] == pytest.approx(-0.012), "what the pair earned the benchmark"
    assert found.loc["", "total"] == pytest.approx(0.01 - 0.012)


def test_levels_are_what_the_book_declares():
    found = effects(lines(), levels="industry")
    assert found.index.tolist() == ["", "Cash", "Chips", "Software", "Unclassified"]
    assert found.loc["Unclassified", "portfolio_weight"] == 0.3
    names = rules.unknown_levels(pd.Series(["sector colour shape", "instrument", " "], dtype="str"))
    assert names.tolist() == ["colour shape", "", "no level"]
    rows = lines()
    keys = scope(rows)
    wrong = rules.in_force(frame("attribution_rules", "book valid_from levels", ("b", "2000-01-01", "colour")), keys)
    none = attribution.nodes(rows, keys, wrong, INSTRUMENTS)
    assert none.empty
    assert tree.identity_gaps(none, keys)["reason"].tolist() == [
        "no tree: attribution_rules name a level that instruments do not have"
    ]


def test_the_rule_that_names_the_book_goes_first():
    declared = frame(
        "attribution_rules",
        "book valid_from valid_to levels linking",
        ("", "2020-01-01", "", "sector", "grap"),
        ("b", "2020-01-01", "2020-01-31", "country", ""),
        ("b", "2020-02-01", "", "currency", "menchero"),
    )
    keys = pd.DataFrame({"business_date": sessions("2019-12-31", "2020-01-15", "2020-03-02")})
    asked = pd.concat([keys.assign(book="b"), keys.assign(book="c")], ignore_index=True).astype({"book": "str"})
    found = rules.in_force(declared, asked)
    assert found["levels"].tolist() == [
        *("sector industry instrument", "country", "currency"),
        *("sector industry instrument", "sector", "sector"),
    ]
    assert found["linking"].tolist() == ["carino", "carino", "menchero", "carino", "grap", "grap"]


def test_a_real_gap_is_named():
    rows = lines()
    keys = scope(rows)
    found = attribution.nodes(rows, keys, rules.in_force(tables.empty("attribution_rules"), keys), INSTRUMENTS)
    off = found.assign(total=found["total"].mask(found["node"] == "Tech / Software", found["total"] + 1e-11))
    assert tree.identity_gaps(off, keys)["reason"].str.startswith("children do not add up to node").all()
    off = keys.assign(active_return=keys["active_return"] + 1e-11)
    assert tree.identity_gaps(found, off)["gap"].tolist() == pytest.approx([-1e-11])


def test_geometric_effects_compound():
    rows = lines(dict(HELD, E1=(300.0, -3.0, 0.0, 0.6, -0.01)))
    keys = scope(rows)
    found = attribution.nodes(rows, keys, rules.in_force(tables.empty("attribution_rules"), keys), INSTRUMENTS)
    found = found.loc[found["method"] == geometric.METHOD].set_index("node")
    assert found.index.tolist() == ["", "Cash", "Energy", "Tech"]
    # Benchmark 0.6 %; at the book's weights 0.5 x 3 % - 0.3 x 1 % = 1.2 %; the book 2.3 % before trading, 2.4 % after.
    whole = found.loc[""]
    assert whole["allocation"] == pytest.approx(1.012 / 1.006 - 1)
    assert whole["selection"] == pytest.approx(1.023 / 1.012 - 1)
    assert whole["trading"] == pytest.approx(1.024 / 1.023 - 1)
    assert whole["total"] == pytest.approx(1.024 / 1.006 - 1)
    assert found.loc["Tech", "allocation"] == pytest.approx(0.1 * (1.03 / 1.006 - 1))
    assert found.loc["Tech", "selection"] == pytest.approx((0.026 - 0.5 * 0.03) / 1.012)
    assert found["interaction"].eq(0).all()


def test_a_geometric_growth_that_is_not_positive_has_no_rows():
    rows = lines(dict(HELD, E1=(300.0, -1200.0, 0.0, 0.6, -0.01)))
    keys = scope(rows)
    found = attribution.nodes(rows, keys, rules.in_force(tables.empty("attribution_rules"), keys), INSTRUMENTS)
    assert set(found["method"]) == {"brinson_fachler"}
    assert np.isfinite(found["total"]).all()


def test_the_same_in_money():
    rows = lines()
    by_sector = segments.sectors(rows, rows.head(1), "brinson_fachler", INSTRUMENTS)
    found = money.attribution_pnl(rows, by_sector, np.array([True])).set_index("segment")
    # Tech at the benchmark's 0.4 x 3 % and the rest of it at 0: 12 of 1000; then 0.1 x 3 %, and so on.
    assert found.loc["Tech"].tolist()[2:] == pytest.approx(
        [12.0, 3.0, 0.4 * (26 / 0.5 - 30), 0.1 * (26 / 0.5 - 30), 1, 0, 27]
    )
    assert found.loc["Energy", "passive_pnl"] == pytest.approx(-12.0)
    pnl = rows[["business_date", "book", "total"]]
    assert money.identity_gaps(found.reset_index(), pnl).empty
    assert found["total"].sum() == 24.0
    alone = money.attribution_pnl(rows, by_sector, np.array([False])).set_index("segment")
    assert alone.loc["Tech"].tolist()[2:] == [0, 0, 26, 0, 1, 0, 27], "without a benchmark all is the book's own choice"
    off = found.reset_index().assign(selection_pnl=found["selection_pnl"].to_numpy() + np.array([0, 0, 1e-4]))
    assert money.identity_gaps(off, pnl)["gap"].tolist() == pytest.approx([1e-4])
    assert money.identity_gaps(found.reset_index().iloc[1:], pnl).empty, "Cash earned nothing"
    assert money.identity_gaps(found.reset_index().iloc[:2], pnl)["gap"].tolist() == [-27.0]
    assert len(money.identity_gaps(tables.empty("attribution_pnl"), pnl)) == 1


def test_every_node_of_every_book_is_the_sum_of_what_is_below_it():
    # Three hundred books of every rule; weights that are 0, negative or nearly cancel on either side.
    draw, count, names = np.random.default_rng(11), 300, ["C1", "E1", "N1", "S1", "X1"]
    opened = np.round(draw.normal(10_000, 30_000, (count, 5)) * (draw.random((count, 5)) < 0.7), 6)
    opened[:20, 0] = -opened[:20, 3] + 1e-6
    weight = draw.normal(0.3, 0.4, (count, 5)) * (draw.random((count, 5)) < 0.6)
    weight[:, 1] += 1 - weight.sum(axis=1)
    earned, traded = (np.round(draw.normal(0, scale, (count, 5)), 6) for scale in (900, 50))
    books = np.char.add("b", np.char.zfill(np.arange(count).astype(str), 3))
    rows = pd.DataFrame(
        {
            "book": np.repeat(books, 5),
            "instrument": names * count,
            "opened": opened.ravel(),
            "earned": earned.ravel(),
            "traded": traded.ravel(),
            "weight": weight.ravel(),
            "weighted": (weight * draw.normal(0, 0.05, (count, 5))).ravel(),
        }
    )
    cash = {"earned": 0.0, "traded": -1.0, "weight": 0.0, "weighted": 0.0}
    rest = pd.DataFrame({"book": books, "instrument": "CASH:", "opened": 100_000 - opened.sum(axis=1), **cash})
    rows = pd.concat([rows, rest]).sort_values(["book", "instrument"], ignore_index=True)
    rows = rows.astype({"book": "str", "instrument": "str"}).assign(
        business_date=TODAY[0], denominator=100_000.0, risk_free=0.0001, base_currency="USD"
    )
    sums = rows.assign(total=rows["earned"] + rows["traded"]).groupby(["business_date", "book"], as_index=False)
    keys = sums[["total", "weighted"]].sum()
    keys = keys.assign(daily_return=(keys["total"] / 100_000).round(12), benchmark_return=keys["weighted"].round(12))
    keys = keys.assign(active_return=(keys["daily_return"] - keys["benchmark_return"]).round(12))
    words = {
        "levels": ["sector industry instrument", "industry sector", "instrument", "sector"],
        "interaction_rule": ["shown", "selection", "allocation", "split"],
        "imputation": ["portfolio", "benchmark"],
        "method": ["brinson_fachler", "brinson_hood_beebower"],
        "anchor": ["parent", "total"],
    }
    rule = keys[["business_date", "book"]].assign(
        **{name: pd.Series(draw.choice(each, count), dtype="str") for name, each in words.items()}
    )
    found = attribution.nodes(rows, keys, rule, INSTRUMENTS)
    assert tree.identity_gaps(found, keys).empty
    assert set(found["book"]) == set(books)
    assert np.isfinite(found.drop(columns=["portfolio_return"]).select_dtypes("number").to_numpy()).all()
    effects_of = found.loc[found["method"] != "geometric"]
    parts = effects_of[["allocation", "allocation_above", "selection", "interaction", "trading"]]
    off = (parts.sum(axis=1) - effects_of["total"]).abs()
    assert (off <= 3e-12 + 1e-15 * parts.abs().max(axis=1)).all()
    # One book alone has the rows that it has among the others.
    alone = keys["book"].eq("b007")
    single = attribution.nodes(rows[rows["book"] == "b007"], keys[alone], rule[alone], INSTRUMENTS)
    expected = found[found["book"] == "b007"].reset_index(drop=True)
    pd.testing.assert_frame_equal(single, expected, check_exact=True)
    by_sector = segments.sectors(rows, keys, "brinson_fachler", INSTRUMENTS)
    amounts = rows.assign(trading_pnl=rows["traded"], fees=0.0, total=rows["earned"] + rows["traded"])
    in_money = money.attribution_pnl(amounts, by_sector, np.ones(count, bool))
    assert money.identity_gaps(in_money, amounts).empty


def test_a_cent_left_behind_that_earns_millions_is_no_gap():
    draw = np.random.default_rng(4)
    held = {name: (draw.normal(0, 9), draw.normal(0, 9e6), 0.0, 0.25, 0.01) for name in ("S1", "C1", "E1", "X1")}
    rest = 0.01 - sum(part[0] for part in held.values())
    rows = lines(held | {"CASH:": (rest, 0.0, 0.0, 0.0, 0.0)}, denominator=0.01)
    keys = scope(rows)
    found = attribution.nodes(rows, keys, rules.in_force(tables.empty("attribution_rules"), keys), INSTRUMENTS)
    assert found["total"].abs().max() > 1e7
    assert tree.identity_gaps(found, keys).empty
    by_sector = segments.sectors(rows, keys, "brinson_fachler", INSTRUMENTS)
    sectors = segments.attribution(by_sector, keys["active_return"].to_numpy(), "brinson_fachler")
    assert brinson.identity_gaps(sectors, keys).empty
