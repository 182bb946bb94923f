import numpy as np
import pandas as pd

from daybook import tables
from daybook.risk import exposures
from tests.frames import frame, sessions
from tests.risk.firm import firm

TODAY = sessions("2020-01-31")


INSTRUMENTS = frame(
    "instruments",
    "instrument asset_class issuer sector country underlying strike multiplier valid_from",
    ("A", "equity", "Acme", "Tech", "US", "", np.nan, 1.0, "2000-01-01"),
    ("B", "equity", "Acme", "Energy", "US", "", np.nan, 1.0, "2000-01-01"),
    ("B", "equity", "Acme", "Tech", "US", "", np.nan, 1.0, "2020-01-31"),
    ("C", "etf", "", "", "", "", np.nan, 1.0, "2000-01-01"),
    ("OPT", "option", "Acme", "Tech", "US", "A", 40.0, 100.0, "2000-01-01"),
    ("FUT", "future", "", "", "US", "", np.nan, 50.0, "2000-01-01"),
    ("W", "forward", "", "", "", "CASH:EUR", np.nan, 1.0, "2000-01-01"),
)


def run(*held, nav=1000.0, status="ok", known=exposures.NOTHING):
    columns = "business_date book instrument currency market_value_base exposure_base"
    valuations = frame("valuations", columns, *[("2020-01-31", "b", n, c, v, v) for n, c, v in held])
    books = frame("nav", "business_date book nav status", ("2020-01-31", "b", nav, status))
    return exposures.exposures(valuations, INSTRUMENTS, books, TODAY, known)


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


def test_groups_custodians_and_strategies_are_told_by_reference_data():
    held = [("A", "USD", 600.0), ("B", "EUR", -200.0), ("CASH:USD", "USD", 500.0), ("CASH:EUR", "EUR", -50.0)]
    known = exposures.Reference(
        issuers=frame(
            "issuers", "issuer parent valid_from", ("Acme", "Group", "2000-01-01"), ("Group", "Top", "2020-02-01")
        ),
        books=frame("books", "book strategy custodian_account", ("b", "value", "A2")),
        accounts=frame(
            "accounts", "account book custodian currency", ("A1", "b", "First", ""), ("A2", "b", "Second", ""),
            ("A3", "b", "Euro Bank", "EUR"), ("A0", "other", "Nobody", "USD"),
        ),
    )  # fmt: skip
    rows = run(*held, known=known).set_index(["dimension", "bucket"])
    assert rows.loc[("parent", "Group"), ["long", "short"]].tolist() == [600.0, -200.0]
    assert rows.loc[("strategy", "value"), "net"] == 400.0
    assert rows.loc[("counterparty", "Second"), "net"] == 500.0
    assert rows.loc[("counterparty", "Euro Bank"), ["short", "beta_adjusted"]].tolist()[0] == -50.0
    assert np.isnan(rows.loc[("counterparty", "Euro Bank"), "beta_adjusted"])


def test_issuers_in_a_circle_are_named():
    circle = frame("issuers", "issuer parent valid_from", ("Acme", "B", "2000-01-01"), ("B", "Acme", "2000-01-01"))
    rows = run(("A", "USD", 600.0), known=exposures.Reference(issuers=circle)).set_index(["dimension", "bucket"])
    assert rows.loc[("parent", "circle of Acme"), "net"] == 600.0


def test_beta_is_the_underlyings_zero_for_cash_and_one_where_none_is_known():
    """600 x 1.5 of A, -200 x 1 of B (no beta), an option on A of exposure 100 x 1.5, cash 0: 850; known 700 of 900."""
    betas = pd.DataFrame({"business_date": TODAY.repeat(2), "instrument": ["A", "OPT"], "beta": [1.5, 9.0]})
    betas = betas.astype({"instrument": "str"})
    held = [("A", "USD", 600.0), ("B", "EUR", -200.0), ("OPT", "USD", 100.0), ("CASH:USD", "USD", 500.0)]
    rows = run(*held, known=exposures.Reference(betas=betas)).set_index(["dimension", "bucket"])
    assert rows.loc[("strategy", "Unclassified"), "beta_adjusted"] == 850.0
    assert rows.loc[("strategy", "Unclassified"), "beta_coverage"] == round(700 / 900, 12)
    assert rows.loc[("asset_class", "cash"), "beta_adjusted"] == 0.0
    assert np.isnan(rows.loc[("asset_class", "cash"), "beta_coverage"])


def test_the_notional_of_an_option_is_its_underlying_and_nothing_is_netted():
    """-3 calls of 100 on A, which stands at 50 and was struck at 40: 15,000, or 12,000 without a price."""
    columns = "business_date book instrument currency quantity fx_rate market_value_base exposure_base"
    held = [("OPT", -3.0, -900.0, -7000.0), ("FUT", -2.0, 0.0, -800.0), ("A", 10.0, 600.0, 600.0)]
    rows = [("2020-01-31", "b", name, "USD", q, 1.0, v, e) for name, q, v, e in held]
    books = frame("nav", "business_date book nav status", ("2020-01-31", "b", 1000.0, "ok"))
    spot = frame("model_prices", "business_date instrument spot", ("2020-01-31", "OPT", 50.0))
    for known, option in ((exposures.Reference(model_prices=spot), 15_000.0), (exposures.NOTHING, 12_000.0)):
        found = exposures.exposures(frame("valuations", columns, *rows), INSTRUMENTS, books, TODAY, known)
        size = found[found["dimension"].eq("instrument")].set_index("bucket")["notional_base"]
        assert size.to_dict() == {"A": 600.0, "FUT": 800.0, "OPT": option}


def test_a_forward_is_owed_by_whom_it_was_traded_with():
    """Bought 10 from X, sold 4 to Y; worth 60: X owes 100, and Y is owed 40."""
    columns = "business_date book instrument currency quantity market_value_base exposure_base"
    values = frame("valuations", columns, ("2020-01-31", "b", "W", "USD", 6.0, 60.0, 6000.0))
    log = frame(
        "transactions", "transaction_id book instrument kind trade_date quantity counterparty",
        ("1", "b", "W", "buy", "2020-01-10", 10.0, "X"), ("2", "b", "W", "sell", "2020-01-31", 4.0, "Y"),
        ("3", "b", "W", "sell", "2020-02-03", 1.0, "Y"),
    )  # fmt: skip
    books = frame("nav", "business_date book nav status", ("2020-01-31", "b", 1000.0, "ok"))
    rows = exposures.exposures(values, INSTRUMENTS, books, TODAY, exposures.Reference(transactions=log))
    rows = rows[rows["dimension"].eq("counterparty")].set_index("bucket")
    assert rows[["long", "short", "notional_base"]].to_numpy().tolist() == [[100.0, 0.0, 10000.0], [0.0, -40.0, 4000.0]]
    alone = exposures.exposures(values, INSTRUMENTS, books, TODAY).set_index(["dimension", "bucket"])
    assert alone.loc[("counterparty", "Unclassified"), "net"] == 60.0
