import numpy as np
import pandas as pd
import pytest

from daybook import calendars, tables
from daybook.market import quality
from tests.frames import frame, sessions

DAYS = calendars.sessions("XNYS", "2019-09-03", "2020-01-17")
D = DAYS[-1]
VALUATIONS = "business_date book instrument quantity price currency fx_rate market_value_base status reason"
NAV = frame("nav", "business_date book nav status base_currency", (D, "P", 10000.0, "ok", "USD"))
INSTRUMENTS = frame(
    "instruments",
    "instrument exchange asset_class",
    ("A", "XNYS", "equity"),
    ("L", "XLON", "equity"),
    ("B", "X", "bond"),
)
LOTS = "business_date book instrument lot opened_on"
ACTIONS = "action_id instrument kind ex_date amount numerator denominator status"


def held(*rows, date=D):
    """(instrument, quantity, value) of book P, in dollars."""
    return frame("valuations", VALUATIONS, *[(date, "P", i, q, v / q, "USD", 1.0, v, "ok", "") for i, q, v in rows])


def prices(*rows):
    return frame("prices", "business_date instrument status price_basis", *[(D, *row) for row in rows])


def calm(instrument: str, size: float, last: float) -> pd.DataFrame:
    """Returns of +size and -size in turn, and ``last`` on the last session."""
    values = [(d, instrument, size * (-1) ** k) for k, d in enumerate(DAYS[:-1])] + [(D, instrument, last)]
    return frame("returns", "business_date instrument price_return", *values)


def said(found: pd.DataFrame) -> list:
    return found[["check", "book", "instrument", "severity", "reason"]].to_numpy().tolist()


def test_collect_measures_against_nav_and_conforms():
    nav = pd.concat([NAV, frame("nav", "business_date book nav status", (D, "N", -5.0, "ok"))])
    rows = frame("valuations", VALUATIONS, *[(D, b, "A", 1.0, np.nan, "", np.nan, 1.0, "failed", "why") for b in "PN"])
    found = quality.unvalued(rows).assign(impact_base=[25.0, 25.0])
    table = quality.collect([found, pd.DataFrame()], nav)
    assert table["impact_bp"].tolist()[1] == 25.0
    assert np.isnan(table["impact_bp"][0]), "a share of a negative NAV says nothing"
    assert set(table["status"]) == {"open"}
    assert list(quality.collect([], nav).columns) == list(tables.TABLES["findings"].names)


def test_unvalued_rows_and_failed_books_block():
    rows = frame(
        "valuations",
        VALUATIONS,
        (D, "P", "A", 1.0, np.nan, "", np.nan, np.nan, "failed", "no price was ever delivered"),
        (D, "P", "L", 1.0, 5.0, "GBP", np.nan, np.nan, "failed", "no exchange rate"),
        (D, "P", "F", 1.0, 5.0, "USD", 1.0, np.nan, "failed", "a future is not supported yet"),
    )
    assert [row[0] for row in said(quality.unvalued(rows))] == ["price_missing", "fx_missing", "not_valued"]
    nav = frame("nav", "business_date book status reason", (D, "P", "failed", "A: no price"), (D, "Q", "ok", ""))
    assert said(quality.failed_books(nav)) == [["book_failed", "P", "", "blocking", "A: no price"]]
    pnl = frame("pnl", "business_date book instrument", (D, "Z", "A"))
    assert [row[:2] for row in said(quality.missing_pnl(nav, pnl))] == [["pnl_missing", "Q"]]


@pytest.mark.parametrize(("age", "severity"), [(1, "warning"), (5, "warning"), (6, "blocking")])
def test_a_stale_price_blocks_after_five_sessions(age, severity):
    raw = frame("raw_prices", "business_date instrument close", (DAYS[-1 - age], "A", 10.0), (DAYS[-9], "A", 9.0))
    found = quality.stale_prices(
        held(("A", -10.0, -100.0)), prices(("A", "stale", "raw")), raw, calm("A", 0.01, 0.0), INSTRUMENTS
    )
    assert found["severity"].tolist() == [severity]
    assert found["reason"].tolist() == [f"price of {DAYS[-1 - age]:%Y-%m-%d}: {age} session(s) old"]
    deviation = 0.01 * np.sqrt(60 / 59)  # of +1 % and -1 % in turn
    assert found["impact_base"].tolist() == pytest.approx([100.0 * deviation * np.sqrt(age)])


def test_a_price_older_than_all_that_was_given_blocks_and_is_not_forgotten():
    raw = frame("raw_prices", "business_date instrument close", (D, "B", 10.0))
    golden, returns = prices(("A", "stale", "raw")), calm("A", 0.01, 0.0)
    for known in (raw, raw.head(0)):
        found = quality.stale_prices(held(("A", 1.0, 10.0)), golden, known, returns, INSTRUMENTS)
        reason = "the last price is older than all prices that were looked at"
        assert said(found) == [["price_stale", "P", "A", "blocking", reason]]
        assert np.isnan(found["impact_base"].tolist()[0])


def test_a_closed_market_ages_by_its_own_sessions():
    boxing_day = sessions("2019-12-26")[0]  # London is closed on the 25th and 26th
    rows = held(("L", 1.0, 5.0), date=boxing_day)
    golden = frame("prices", "business_date instrument status", (boxing_day, "L", "closed"))
    none = frame("returns", "business_date")
    for last, expected in (("2019-12-24", []), ("2019-12-23", ["price of 2019-12-23: 1 session(s) old"])):
        raw = frame("raw_prices", "business_date instrument close", (last, "L", 5.0))
        found = quality.stale_prices(rows, golden, raw, none, INSTRUMENTS)
        assert found["reason"].tolist() == expected


def test_a_spike_against_its_own_volatility():
    rows = held(("A", 10.0, 1100.0), ("B", 10.0, 1100.0), ("C", 10.0, 1100.0))
    returns = pd.concat([calm("A", 0.01, 0.10), calm("B", 0.02, 0.10), calm("C", 0.01, 0.10).tail(15)])
    found = quality.spikes(rows, returns)  # B moved five of its own volatilities, C has too short a history
    assert said(found) == [["price_spike", "P", "A", "warning", "moved by +10.0%, 10 times its own daily volatility"]]
    assert found["impact_base"].tolist() == pytest.approx([-100.0])
    calmer = quality.spikes(rows, calm("A", 0.01, -0.05))
    assert calmer.empty


def test_sources_that_disagree():
    columns = "business_date instrument source close price_basis"
    raw = frame(
        "raw_prices",
        columns,
        (D, "A", "x", 100.0, "raw"),
        (D, "A", "y", 101.0, "raw"),
        (D, "A", "z", 50.0, "adjusted"),
        (D, "B", "x", 100.0, "raw"),
        (D, "B", "y", 100.4, "raw"),
        (DAYS[0], "A", "y", 500.0, "raw"),
    )
    found = quality.unequal_prices(held(("A", -1.0, -200.0), ("B", 1.0, 1.0)), raw)
    assert said(found) == [["price_unequal", "P", "A", "warning", "sources differ: from 100 to 101"]]
    assert found["impact_base"].tolist() == pytest.approx([2.0])


def test_sources_in_a_minor_unit_and_in_its_currency_are_compared():
    columns = "business_date instrument source close currency"
    for pence, expected in (
        (251.0, []),
        (252.0, ["sources differ: from 2.5 to 2.52"]),
        (2.5, ["sources differ: from 0.025 to 2.5"]),
    ):
        raw = frame("raw_prices", columns, (D, "L", "x", 2.5, "GBP"), (D, "L", "y", pence, "GBX"))
        assert quality.unequal_prices(held(("L", 1.0, 2.5)), raw)["reason"].tolist() == expected


def test_an_adjusted_price_with_an_action_that_was_booked_blocks():
    rows = held(("A", 10.0, 100.0), ("B", 10.0, 100.0), ("C", 10.0, 100.0), ("E", 10.0, 100.0))
    golden = prices(("A", "ok", "adjusted"), ("B", "ok", "raw"), ("C", "ok", "adjusted"), ("E", "ok", "adjusted"))
    lots = frame("lots", LOTS, *[(D, "P", i, "t", DAYS[5]) for i in "ABE"], (D, "P", "C", "t", DAYS[20]))
    acts = frame(
        "corporate_actions",
        ACTIONS,
        *[(f"{i}1", i, "cash_dividend", DAYS[10], 0.5, np.nan, np.nan, "confirmed") for i in "ABC"],
        ("A2", "A", "cash_dividend", DAYS[12], 0.25, np.nan, np.nan, "confirmed"),
        ("A3", "A", "cash_dividend", DAYS[13], 0.25, np.nan, np.nan, "cancelled"),
        ("A4", "A", "cash_dividend", "2020-03-01", 0.25, np.nan, np.nan, "confirmed"),
        ("E1", "E", "split", DAYS[11], np.nan, 2.0, 1.0, "confirmed"),
    )
    found = quality.adjusted_with_action(rows, golden, lots, acts)
    name = "adjusted_price_with_action"
    assert said(found) == [
        [name, "P", "A", "blocking", "the price is adjusted and cash_dividend of 2019-09-19 and 1 more was booked"],
        [name, "P", "E", "blocking", "the price is adjusted and split of 2019-09-18 was booked"],
    ]
    assert found["impact_base"].tolist()[0] == 7.5
    assert np.isnan(found["impact_base"].tolist()[1])


def test_bonds_rates_and_overdrafts_warn():
    assert [row[:3] for row in said(quality.unknown_accruals(held(("B", 1.0, 1.0), ("A", 1.0, 1.0)), INSTRUMENTS))] == [
        ["accrued_interest_missing", "P", "B"]
    ]
    rates = frame(
        "fx_rates",
        "business_date base quote status reason",
        (D, "EUR", "USD", "stale", "why"),
        (D, "EUR", "JPY", "stale", "why"),
        (D, "GBP", "USD", "ok", ""),
    )
    rows = frame("valuations", VALUATIONS, (D, "P", "CASH:EUR", 1.0, 1.0, "EUR", 1.0, 1.0, "ok", ""))
    assert said(quality.stale_rates(rows, rates, NAV)) == [["fx_stale", "", "EUR/USD", "warning", "why"]]
    money = frame("cash", "business_date book currency balance", (D, "P", "EUR", -1234.5), (D, "P", "USD", 0.0))
    assert said(quality.negative_cash(money)) == [
        ["cash_negative", "P", "CASH:EUR", "warning", "the balance is -1,234.50 EUR"]
    ]


def breaks(*rows):
    columns = "business_date book instrument kind difference impact_base impact_bp cause opened_on"
    return frame("reconciliation_breaks", columns, *[(D, "P", *row, "unexplained", DAYS[-3]) for row in rows])


def test_breaks_block_in_sum_or_when_their_effect_is_unknown():
    small = [("A", "position", 2.5, 30.0, 30.0), ("CASH:USD", "cash", -1234.0, -20.0, -20.0)]
    found = quality.breaks(breaks(*small))
    assert found["reason"].tolist() == [
        "position: the custodian has 2.5 more than the books, unexplained, open since 2020-01-15",
        "cash: the custodian has 1,234.00 USD less than the books, unexplained, open since 2020-01-15",
    ]
    assert found["check"].tolist() == ["break_open", "break_open"]
    assert set(found["severity"]) == {"warning"}
    found = quality.breaks(breaks(*small, ("B", "position", 1.0, 1.0, 1.0)))
    assert said(found)[-1] == ["break_material", "P", "", "blocking", "breaks sum up to 51.0 bp of NAV"]
    assert found["impact_base"].tolist()[-1] == 11.0
    found = quality.breaks(breaks(("B", "position", 1.0, np.nan, np.nan)))
    assert said(found)[-1][3:] == ["blocking", "the effect of a break on NAV is not known"]


def test_what_the_custodian_did_not_report_blocks_the_books_it_reported_before():
    nav = frame("nav", "business_date book status", *[(D, b, "ok") for b in "PQR"])
    cash = "business_date book currency"
    found = quality.missing_custodian(
        nav,
        held(("A", 1.0, 1.0)),
        frame("custodian_positions", "business_date book", (DAYS[-2], "P"), (DAYS[-2], "Q")),
        frame("custodian_cash", cash, (DAYS[-2], "P", "USD"), (D, "P", "USD"), (DAYS[-2], "Q", "USD"), (D, "R", "USD")),
    )
    # Q holds no securities; R is reported for the first time.
    assert [row[:2] for row in said(found)] == [
        ["feed_missing_custodian_positions", "P"], ["feed_missing_custodian_cash", "Q"],
    ]  # fmt: skip
    assert set(found["severity"]) == {"blocking"}


def test_a_session_without_any_price():
    raw = frame("raw_prices", "business_date instrument close", (DAYS[-2], "A", 1.0))
    assert [row[0] for row in said(quality.missing_prices(prices(("A", "stale", "raw")), raw))] == [
        "feed_missing_prices"
    ]
    assert quality.missing_prices(prices(("A", "closed", "raw")), raw).empty
    assert quality.missing_prices(prices(("A", "stale", "raw"), ("B", "ok", "raw")), raw.assign(business_date=D)).empty


def deliveries(*rows):
    names = ["seq", "file", "table_name", "delivered", "suffix", "outcome", "reason"]
    return pd.DataFrame([(k, f"f{k}", *row) for k, row in enumerate(rows)], columns=names).astype(
        dict.fromkeys(["file", "table_name", "suffix", "outcome", "reason"], "str")
    )


def test_a_failed_feed_blocks_until_another_takes_its_place():
    days = sessions("2020-01-15", "2020-01-16", "2020-01-17")
    found = quality.failed_feeds(
        deliveries(
            ("raw_prices", "2020-01-15", "x", "failed", "binary"),
            ("raw_prices", "2020-01-16", "x", "complete", ""),
            ("transactions", "2020-01-15", "x", "failed", "no header"),
            ("transactions", "2020-01-16", "x", "complete", ""),
            ("", None, "", "failed", "no date in the name"),
            ("raw_fx_rates", "2020-01-17", "", "empty", ""),
        ),
        days,
    )
    when = {name: sorted(rows["business_date"].dt.day) for name, rows in found.groupby("check")}
    assert when == {
        "feed_failed_raw_prices": [15],
        "feed_failed_transactions": [15, 16, 17],
        "feed_failed": [15, 16, 17],
        "feed_empty_raw_fx_rates": [17],
    }
    severity = found.drop_duplicates("check").set_index("check")["severity"].to_dict()
    assert severity.pop("feed_empty_raw_fx_rates") == "warning"
    assert set(severity.values()) == {"blocking"}
    mended = quality.failed_feeds(
        deliveries(
            ("transactions", "2020-01-15", "x", "failed", "no header"),
            ("transactions", "2020-01-15", "x", "complete", ""),
        ),
        days,
    )
    assert mended.empty
    assert quality.failed_feeds(deliveries(), days).empty


def test_quarantined_rows_of_money_block_from_the_date_they_are_about():
    names = ["file", "line", "column", "reason", "status", "table_name", "business_date"]
    rows = [
        ("p.csv", 3, "close", "not a number", "open", "raw_prices", pd.Timestamp("2020-01-16")),
        ("p.csv", 2, "", "unknown instrument ZZ", "waiting", "raw_prices", pd.Timestamp("2020-01-16")),
        ("p.csv", 1, "close", "negative", "discarded", "raw_prices", pd.NaT),
        ("w.csv", 9, "weight", "negative", "open", "benchmark_weights", pd.NaT),
    ]
    found = quality.open_quarantine(pd.DataFrame(rows, columns=names), sessions("2020-01-15", "2020-01-16"))
    assert said(found) == [
        ["quarantine_raw_prices", "", "", "blocking", "p.csv line 2: unknown instrument ZZ (and 1 more)"],
        ["quarantine_benchmark_weights", "", "", "warning", "w.csv line 9, column weight: negative"],
        ["quarantine_benchmark_weights", "", "", "warning", "w.csv line 9, column weight: negative"],
    ]
    assert found["business_date"].iloc[0] == pd.Timestamp("2020-01-16")


def test_weights_that_do_not_add_up_and_identities_that_do_not_hold():
    columns = "business_date benchmark instrument weight"
    rows = [(D, "X", "A", 0.5), (D, "X", "B", 0.5015), (D, "Y", "A", 0.9995)]
    weights = frame("benchmark_weights", columns, *rows)
    found = quality.benchmark_weights(weights, sessions(D))
    assert said(found) == [
        ["benchmark_weights", "", "X", "warning", "weights add up to 1.001500; they are divided by that"]
    ]
    nav = pd.DataFrame({"business_date": [D], "book": ["P"], "gap": [2.0], "reason": ["NAV changed"]})
    quantity = nav.assign(instrument="A", gap=7.0, reason="holds 7")
    found = quality.identities({"nav": nav, "quantity": quantity})
    assert said(found) == [
        ["identity_nav", "P", "", "blocking", "NAV changed"], ["identity_quantity", "P", "A", "blocking", "holds 7"],
    ]  # fmt: skip
    assert found["impact_base"].tolist()[0] == 2.0
    assert np.isnan(found["impact_base"].tolist()[1])
    assert quality.identities({}).empty


def given(**changed):
    """Empty tables for all checks but those given."""
    names = "nav valuations cash lots pnl prices fx_rates returns raw_prices instruments corporate_actions"
    names += " raw_fx_rates reconciliation_breaks custodian_positions custodian_cash alternative_data identifiers"
    frames = {name: tables.empty(name) for name in names.split()} | {"weights": tables.empty("benchmark_weights")}
    columns = ["file", "line", "column", "reason", "status", "table_name", "business_date"]
    quarantine = pd.DataFrame({name: pd.Series(dtype="str") for name in columns})
    return frames | {"quarantine": quarantine, "deliveries": deliveries(), "gaps": {}} | changed


def test_rates_of_one_source_that_contradict_each_other():
    columns = "business_date base quote source rate"
    right = [(D, "EUR", "USD", "ecb", 1.10), (D, "GBP", "USD", "ecb", 1.25)]
    wide, wider = (D, "EUR", "GBP", "ecb", 0.80), [(*row[:3], "desk", row[4]) for row in right]
    assert quality.fx_triangles(frame("raw_fx_rates", columns, *right, (*wide[:4], 0.884)), sessions(D)).empty
    raw = frame("raw_fx_rates", columns, *right, wide)
    legs = "EUR/GBP 0.8, GBP/USD 1.25, EUR/USD 1.1 do not agree: 1 EUR to GBP to USD and back gives 0.909091"
    assert said(quality.fx_triangles(raw, sessions(D))) == [
        ["fx_triangle", "", "EUR/GBP/USD", "warning", f"source ecb: {legs}"]
    ]
    assert quality.findings(sessions(D), **given(raw_fx_rates=raw))["check"].tolist() == ["fx_triangle"]
    both = frame("raw_fx_rates", columns, *right, wide, *wider, (D, "EUR", "GBP", "desk", 1.10))
    found = quality.fx_triangles(both, sessions(D))
    assert found["reason"].str[:11].tolist() == ["source desk"]


def test_a_quiet_day_has_no_findings_and_a_noisy_one_has_each_once():
    assert quality.findings(sessions(D), **given()).empty
    raw = frame("raw_prices", "business_date instrument close", (DAYS[-3], "A", 10.0))
    found = quality.findings(
        sessions(D),
        **given(
            nav=NAV, valuations=held(("A", 10.0, 100.0)), prices=prices(("A", "stale", "raw")), raw_prices=raw,
            instruments=INSTRUMENTS, returns=calm("A", 0.01, 0.2),
        ),
    )  # fmt: skip
    assert found["check"].tolist() == ["feed_missing_prices", "pnl_missing", "price_spike", "price_stale"]
    assert found.set_index("check").loc["price_spike", "impact_bp"] == pytest.approx(-100 * 0.2 / 1.2)


def test_a_range_gives_the_findings_of_single_sessions():
    rng = np.random.default_rng(5)
    days = DAYS[-30:]
    returns = frame(
        "returns",
        "business_date instrument price_return",
        *[(d, i, rng.normal() / (5 if k % 11 == 0 else 100)) for k, d in enumerate(DAYS) for i in "ABL"],
    )
    valued = pd.concat([held(("A", 1.0, 10.0), ("B", 2.0, 7.0), ("L", 3.0, 9.0), date=d) for d in days])
    whole = quality.spikes(valued, returns)
    single = [
        quality.spikes(valued[valued["business_date"] == d], returns[returns["business_date"] <= d]) for d in days
    ]
    assert len(whole) > 1
    pd.testing.assert_frame_equal(whole, pd.concat(single, ignore_index=True), check_exact=True)


def series(name, *dates):
    return pd.DataFrame({"instrument": "", "series": name, "observed_on": pd.to_datetime(list(dates)), "value": 1.0})


def test_a_series_that_ended_is_told_and_a_slow_one_is_not():
    known = pd.concat(
        [
            series("monthly", "2022-08-31", "2022-09-30", "2022-10-31"),
            series("ended", "2022-01-31", "2022-02-28", "2022-03-31"),
            series("daily", "2022-12-14", "2022-12-15", "2022-12-16"),
            series("lone", "2020-01-31"),
        ],
        ignore_index=True,
    )
    found = quality.ended_series(known, pd.DatetimeIndex(["2022-12-27"]))
    assert found["instrument"].tolist() == ["daily", "ended"]
    assert found["reason"].str[-10:].tolist() == ["2022-12-16", "2022-03-31"]
    assert set(found["severity"]) == {"info"}


def test_an_identifier_with_a_wrong_check_digit_is_told_when_its_instrument_is_held():
    known = frame(
        "identifiers",
        "instrument scheme exchange value valid_from valid_to",
        ("A", "isin", "", "US0378331006", "2019-01-01", None),
        ("A", "cusip", "", "037833100", "2019-01-01", None),
        ("A", "sedol", "", "B0YBKJ1", "2019-01-01", "2019-12-31"),
        ("L", "isin", "", "US0378331006", "2019-01-01", None),
        ("A", "ticker", "XNYS", "US0378331006", "2019-01-01", None),
    )
    found = quality.identifier_forms(known, held(("A", 10.0, 100.0)))
    reason = "US0378331006 is not an ISIN: its check digit is 6, expected 5"
    assert said(found) == [["identifier_isin", "", "A", "warning", reason]]
    assert quality.identifier_forms(known, held()).empty
