import numpy as np
import pandas as pd

from daybook import tables
from daybook.risk import exposures
from tests.frames import frame, sessions
from tests.risk.firm import firm

TODAY = sessions("2020-01-31")


def run(*held, nav=1000.0, status="ok"):
    columns = "business_date book instrument currency market_value_base exposure_base"
    valuations = frame("valuations", columns, *[("2020-01-31", "b", n, c, v, v) for n, c, v in held])
    instruments = frame(
        "instruments",
        "instrument asset_class issuer sector country valid_from",
        ("A", "equity", "Acme", "Tech", "US", "2000-01-01"),
        ("B", "equity", "Acme", "Energy", "US", "2000-01-01"),
        ("B", "equity", "Acme", "Tech", "US", "2020-01-31"),
        ("C", "etf", "", "", "", "2000-01-01"),
    )
    books = frame("nav", "business_date book nav status", ("2020-01-31", "b", nav, status))
    return exposures.exposures(valuations, instruments, books, TODAY)


def test_long_short_gross_and_net_by_hand():
    found = run(("A", "USD", 600.0), ("B", "EUR", -200.0), ("CASH:USD", "USD", 500.0), ("CASH:EUR", "EUR", -50.0))
    rows = found.set_index(["dimension", "bucket"])
    columns = ["long", "short", "gross", "net", "gross_fraction", "net_fraction"]
    assert rows.loc[("sector", "Tech"), columns].tolist() == [600.0, -200.0, 800.0, 400.0, 0.8, 0.4]
    assert rows.loc[("issuer", "Acme"), columns].tolist() == [600.0, -200.0, 800.0, 400.0, 0.8, 0.4]
    assert rows.loc[("currency", "USD"), "long"] == 1100.0
    assert rows.loc[("currency", "EUR"), "short"] == -250.0
    assert rows.loc[("asset_class", "cash"), columns].tolist() == [500.0, -50.0, 550.0, 450.0, 0.55, 0.45]
    assert "CASH:USD" not in found["bucket"].tolist()
    assert found["dimension"].value_counts().to_dict() == {
        "instrument": 2, "currency": 2, "asset_class": 2, "issuer": 1, "sector": 1, "country": 1,
        "parent": 1, "strategy": 1, "counterparty": 1,
    }  # fmt: skip


def test_what_has_no_name_is_unclassified():
    rows = run(("C", "USD", 10.0), ("UNKNOWN", "USD", 5.0)).set_index(["dimension", "bucket"])
    for dimension in ("issuer", "sector", "country"):
        assert rows.loc[(dimension, "Unclassified"), "net"] == 15.0
    assert rows.loc[("asset_class", "Unclassified"), "net"] == 5.0


def test_no_fraction_without_a_positive_nav_and_no_row_without_a_nav():
    assert run(("A", "USD", 10.0), nav=0.0)[["gross_fraction", "net_fraction"]].isna().all(axis=None)
    assert run(("A", "USD", 10.0), status="failed").empty


def test_every_dimension_adds_up_to_the_positions_and_a_range_to_single_sessions():
    f = firm(6, seed=7)
    found = exposures.exposures(f.valuations, f.instruments, f.nav, f.sessions)
    cash = f.valuations["instrument"].str.startswith("CASH:")
    for dimension in exposures.DIMENSIONS:
        counted = f.valuations if dimension in exposures.CASH_DIMENSIONS else f.valuations.loc[~cash]
        expected = counted.groupby(["business_date", "book"])["exposure_base"].sum()
        rows = found.loc[found["dimension"].eq(dimension)].groupby(["business_date", "book"])
        assert np.allclose(rows["net"].sum(), expected, atol=1e-5)
        assert np.allclose(rows["gross"].sum(), counted["exposure_base"].abs().groupby(
            [counted["business_date"], counted["book"]]).sum(), atol=1e-5)  # fmt: skip
    assert (found["long"] >= 0).all()
    assert (found["short"] <= 0).all()
    one = exposures.exposures(f.valuations, f.instruments, f.nav, f.sessions[4:5])
    expected = found.loc[found["business_date"].eq(f.sessions[4])].reset_index(drop=True)
    pd.testing.assert_frame_equal(one, expected, check_exact=True)
    assert exposures.exposures(tables.empty("valuations"), f.instruments, f.nav, f.sessions).empty


def test_a_forward_is_exposure_to_the_currency_that_it_buys():
    """A euro asset of 600 sold forward against dollars: nothing of it is left in the currency."""
    columns = "business_date book instrument currency market_value_base exposure_base"
    held = [("A", "EUR", 600.0, 600.0), ("W", "USD", -3.0, -600.0), ("CASH:USD", "USD", 403.0, 403.0)]
    valuations = frame("valuations", columns, *[("2020-01-31", "b", *row) for row in held])
    terms = "instrument asset_class underlying valid_from"
    instruments = frame(
        "instruments", terms, ("A", "equity", "", "2000-01-01"), ("W", "forward", "CASH:EUR", "2000-01-01")
    )
    books = frame("nav", "business_date book nav status", ("2020-01-31", "b", 1000.0, "ok"))
    rows = exposures.exposures(valuations, instruments, books, TODAY).set_index(["dimension", "bucket"])
    assert rows.loc[("currency", "EUR"), ["long", "short", "net"]].tolist() == [600.0, -600.0, 0.0]
    assert rows.loc[("currency", "USD"), ["long", "short", "net"]].tolist() == [403.0, 0.0, 403.0]
    assert rows.loc[("instrument", "W"), "net"] == -600.0
