"""The fifteen sessions of ``december``, all at once: what each convention of the contract says about them.

The same facts give the same tables, whatever the order: all at once or day by day, a range or single sessions. That is
here and not in a file of its own, for each worker of the tests closes the fifteen sessions by itself.
"""

import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from tests.contract import december as d
from tests.contract.december import FIRST, LAST, price, rate


@pytest.fixture
def firm(december):
    return december


def before(day: str) -> str:
    return d.MARKET[d.MARKET.index(day) - 1]


def test_every_book_has_rows_from_its_first_activity_on(firm):
    nav = firm.show("nav")
    assert nav.groupby("book")["business_date"].apply(list).to_dict() == dict.fromkeys(
        ("ALPHA", "EURO", "FLOWS", "YEN"), d.SESSIONS
    )
    failed = nav[nav["status"] != "ok"]
    # The last rate is of the 20th: it serves on five sessions, the 21st to the 28th.
    assert list(zip(failed["book"], failed["business_date"], strict=True)) == [
        ("YEN", day) for day in ("2022-12-29", "2022-12-30", "2023-01-03")
    ]
    assert failed["nav"].isna().all()
    assert "JPY" in firm.said


def test_weekend_and_holiday_money_is_booked_on_the_next_session(firm):
    assert firm.row("nav", FIRST, book="ALPHA")["flows"] == 200000
    assert firm.row("nav", "2022-12-27", book="ALPHA")["flows"] == 5000
    assert firm.rows("nav", book="ALPHA")["flows"].sum() == 205000


def test_a_trade_of_a_market_that_is_open_while_the_book_is_closed(firm):
    lot = firm.row("lots", LAST, book="ALPHA", instrument="EEE")
    assert (lot["lot"], lot["opened_on"], lot["quantity"], lot["cost"]) == ("A8", "2023-01-02", 10, 601)
    # No rate of 2023-01-02: the last one before.
    assert lot["cost_base"] == pytest.approx(601 * rate("EURUSD", "2022-12-30"), abs=1e-6)
    assert firm.rows("lots", "2022-12-30", book="ALPHA", instrument="EEE").empty


def test_corrections_cancellations_and_back_dated_trades_count_from_their_trade_date(firm):
    lots = firm.rows("lots", "2022-12-14", book="ALPHA").set_index("lot")
    assert list(lots.index) == ["A2", "A4C", "A3"]
    assert (lots.loc["A4C", "quantity"], lots.loc["A4C", "cost"]) == (120, 120 * 101 + 1)
    assert firm.rows("positions", "2022-12-15", book="ALPHA", instrument="CCC").empty
    sold = firm.row("realised", "2022-12-19", book="ALPHA", instrument="BBB")
    assert (sold["transaction_id"], sold["lot"], sold["quantity"]) == ("A7", "A3", 100)
    assert sold["gain"] == pytest.approx(4050 - 1 - 20055 / 5, abs=1e-6)
    assert firm.row("positions", "2022-12-20", book="ALPHA", instrument="BBB")["quantity"] == 400
    assert firm.row("positions", "2022-12-21", book="ALPHA", instrument="BBB")["quantity"] == 800


def test_golden_prices(firm):
    corrected = firm.row("prices", "2022-12-15", instrument="AAA")
    assert (corrected["close"], corrected["status"], corrected["source"]) == (101.75, "ok", "correction")
    split = firm.row("prices", d.SPLIT, instrument="BBB")
    assert (split["close"], split["status"]) == (price("BBB", "2022-12-20") / 2, "stale")
    assert split["currency"] == "USD"
    assert firm.row("prices", "2022-12-23", instrument="CCC")["close"] == price("CCC", "2022-12-22")
    assert firm.row("fx_rates", "2022-12-28", base="USD", quote="JPY")["status"] == "stale"


def test_dividends_of_a_long_and_a_short(firm):
    received = firm.row("pnl", "2022-12-16", book="ALPHA", instrument="AAA")
    assert received["income"] == pytest.approx(1120 * 0.5 * 0.7, abs=1e-6)
    cash = firm.show("cash").query("book == 'ALPHA' and currency == 'USD'").set_index("business_date")["accrued"]
    assert cash["2022-12-15"] == 0
    assert cash["2022-12-16"] == cash["2022-12-19"] == pytest.approx(392)
    assert cash["2022-12-20"] == 0
    # 200 sold short, 400 after the split, 300 bought back on the 28th: 100 owe the gross amount from the 29th on.
    owed = firm.row("cash", "2022-12-29", book="EURO", currency="USD")
    assert owed["accrued"] == pytest.approx(-100 * 0.1)


def test_cover_of_a_short(firm):
    covered = firm.row("realised", "2022-12-28", book="EURO", instrument="BBB")
    assert (covered["transaction_id"], covered["lot"], covered["quantity"]) == ("E5", "E3", 300)
    assert covered["proceeds"] == pytest.approx(-(300 * 20.2 + 3), abs=1e-6)
    assert covered["cost"] == pytest.approx(-(200 * 40 - 2) * 300 / 400, abs=1e-6)
    assert covered["gain"] == pytest.approx(covered["proceeds"] - covered["cost"], abs=1e-6)
    closing = 1 / rate("EURUSD", "2022-12-28")
    assert covered["market_gain_base"] == pytest.approx(covered["gain"] * closing, abs=2e-6)
    assert covered["gain_base"] == pytest.approx(
        covered["proceeds"] * closing - covered["cost"] / rate("EURUSD", "2022-12-14"), abs=2e-6
    )
    assert covered["currency_gain_base"] == pytest.approx(covered["gain_base"] - covered["market_gain_base"], abs=1e-6)


def test_identities_hold_in_every_session(firm):
    nav = firm.rows("nav", status="ok").sort_values(["book", "business_date"])
    totals = firm.show("pnl").groupby(["book", "business_date"])["total"].sum()
    opening = nav.groupby("book")["nav"].shift().fillna(0)
    key = pd.MultiIndex.from_frame(nav[["book", "business_date"]])
    assert (nav["nav"] - opening - nav["flows"]).to_numpy() == pytest.approx(totals[key].to_numpy(), abs=2e-6)
    assert nav["nav"].to_numpy() == pytest.approx(
        (nav["market_value"] + nav["cash"] + nav["accruals"]).to_numpy(), abs=2e-6
    )
    values = firm.rows("valuations", status="ok").groupby(["book", "business_date"])["market_value_base"].sum()
    assert values[key].to_numpy() == pytest.approx(nav["nav"].to_numpy(), abs=2e-6)
    lots = firm.show("lots").groupby(["business_date", "book", "instrument"])[["quantity", "cost", "cost_base"]].sum()
    held = firm.show("positions").query("quantity != 0")
    held = held.set_index(["business_date", "book", "instrument"])[["quantity", "cost", "cost_base"]].sort_index()
    pd.testing.assert_frame_equal(lots.sort_index(), held, atol=2e-6, check_exact=False)


def test_flows_of_both_directions_on_one_day(firm):
    row = firm.row("performance", "2022-12-14", book="FLOWS")
    assert row["flows"] == 300
    assert row["denominator"] == 1500
    assert row["daily_return"] == pytest.approx(15 / 1500, abs=1e-12)
    first = firm.row("performance", FIRST, book="ALPHA")
    assert first["denominator"] == 200000
    assert first["daily_return"] == pytest.approx((1000 * (price("AAA", FIRST) - 99.5) - 10) / 200000, abs=1e-12)


def test_returns_link(firm):
    rows = firm.rows("performance", book="ALPHA").sort_values("business_date")
    assert rows["cumulative_return"].iloc[-1] == pytest.approx((1 + rows["daily_return"]).prod() - 1, abs=1e-10)


def total_return(instrument: str, day: str) -> float:
    split = {("BBB", d.SPLIT): 2.0}.get((instrument, day), 1.0)
    paid = {("AAA", "2022-12-16"): 0.5, ("BBB", "2022-12-29"): 0.1}.get((instrument, day), 0.0)

    def last(at: str) -> float:
        if (instrument, at) == ("BBB", d.SPLIT):
            return price("BBB", before(at)) / 2  # stale, restated
        return price(instrument, before(at) if (instrument, at) in d.NO_PRICE else at)

    return (last(day) * split + paid) / last(before(day)) - 1


def test_the_benchmark_drifts_from_its_weights(firm):
    first = firm.row("performance", FIRST, book="ALPHA")
    assert math.isnan(first["benchmark_return"])
    assert first["status"].startswith("ok; ")
    second = firm.row("performance", "2022-12-13", book="ALPHA")
    a, b = total_return("AAA", "2022-12-13"), total_return("BBB", "2022-12-13")
    assert second["benchmark_return"] == pytest.approx(0.6 * a + 0.4 * b, abs=1e-12)
    third = firm.row("performance", "2022-12-14", book="ALPHA")
    drifted = 0.6 * (1 + a) / (1 + 0.6 * a + 0.4 * b)
    expected = drifted * total_return("AAA", "2022-12-14") + (1 - drifted) * total_return("BBB", "2022-12-14")
    assert third["benchmark_return"] == pytest.approx(expected, abs=1e-12)
    assert third["active_return"] == pytest.approx(third["daily_return"] - third["benchmark_return"], abs=1e-12)
    last = firm.row("performance", LAST, book="ALPHA")
    new = 0.5 * total_return("AAA", LAST) + 0.25 * total_return("BBB", LAST) + 0.25 * total_return("CCC", LAST)
    assert last["benchmark_return"] == pytest.approx(new, abs=1e-12)
    ex = firm.row("performance", "2022-12-16", book="ALPHA")
    assert not math.isnan(ex["benchmark_return"])
    other = firm.row("performance", "2022-12-14", book="EURO")
    assert math.isnan(other["benchmark_return"])
    assert other["status"].startswith("ok; ")


def test_attribution_adds_up_in_every_session(firm):
    rows = firm.show("attribution")
    assert set(rows["book"]) == {"ALPHA"}
    assert sorted(set(rows["business_date"])) == d.SESSIONS[1:]
    active = firm.rows("performance", book="ALPHA").set_index("business_date")["active_return"]
    totals = rows.groupby("business_date")["total"].sum()
    assert totals.to_numpy() == pytest.approx(active[totals.index].to_numpy(), abs=1e-10)
    parts = rows[["allocation", "selection", "interaction", "currency_effect", "trading"]].fillna(0).sum(axis=1)
    assert parts.to_numpy() == pytest.approx(rows["total"].to_numpy(), abs=1e-11)
    last = rows[rows["business_date"] == LAST].set_index("segment")
    assert set(last.index) == {"Tech", "Energy", "Cash", "Unclassified"}
    opening = firm.row("nav", "2022-12-30", book="ALPHA")["nav"]
    assert last.loc["Tech", "portfolio_weight"] == pytest.approx(1120 * price("AAA", "2022-12-30") / opening, abs=1e-11)
    assert last.loc["Unclassified", "benchmark_weight"] == 0.25
    tech, energy = last.loc["Tech"], last.loc["Energy"]
    r_b = firm.row("performance", LAST, book="ALPHA")["benchmark_return"]
    for name, row in (("AAA", tech), ("BBB", energy)):
        r_s = total_return(name, LAST)
        weight = row["portfolio_weight"] - row["benchmark_weight"]
        assert row["allocation"] == pytest.approx(weight * (r_s - r_b), abs=1e-11)
    # EEE was bought on the day: its trading P&L is trading of Tech, with its fee.
    bought = firm.row("pnl", LAST, book="ALPHA", instrument="EEE")
    assert tech["trading"] == pytest.approx((bought["trading_pnl"] + bought["fees"]) / opening, abs=1e-11)
    cash = last.loc["Cash"]
    assert cash["benchmark_weight"] == 0
    assert cash["allocation"] == pytest.approx(cash["portfolio_weight"] * (0 - r_b), abs=1e-11)


def test_var_by_hand(firm):
    few = firm.rows("var", FIRST, book="ALPHA")
    assert few["var"].isna().all()
    assert few["es"].isna().all()
    assert few["status"].str.contains("scenarios").all()
    many = firm.rows("var", LAST, book="ALPHA", method="historical").set_index("confidence")
    days = d.MARKET[1:]
    assert set(many["scenarios"]) == {len(days)}
    values = firm.rows("valuations", LAST, book="ALPHA").set_index("instrument")["market_value_base"]

    def fx(day: str) -> float:
        return rate("EURUSD", day) / rate("EURUSD", before(day))

    pnl = []
    for day in days:
        moves = {name: total_return(name, day) for name in ("AAA", "BBB", "CCC")}
        moves |= {"EEE": (1 + total_return("EEE", day)) * fx(day) - 1, "CASH:EUR": fx(day) - 1, "CASH:USD": 0.0}
        pnl.append(sum(value * moves[name] for name, value in values.items()))
    worst = sorted(pnl)
    k = math.ceil(len(days) * 0.05 - 1e-12)
    assert k == 2
    assert many.loc[0.95, "var"] == pytest.approx(-worst[1], abs=1e-4)
    assert many.loc[0.95, "es"] == pytest.approx(-(worst[0] + worst[1]) / 2, abs=1e-4)
    assert math.isnan(many.loc[0.99, "var"])
    assert many.loc[0.99, "status"] != "ok"
    components = firm.rows("var_components", LAST, book="ALPHA", method="historical", confidence=0.95)
    assert components["component"].sum() == pytest.approx(many.loc[0.95, "var"], abs=1e-5)
    vector = firm.row("scenario_pnl", LAST, book="ALPHA", scenario_set="historical")["pnl"]
    assert json.loads(vector) == pytest.approx(pnl, abs=1e-4)


def test_custodian_breaks(firm):
    breaks = firm.show("reconciliation_breaks", LAST)
    assert set(breaks["book"]) >= {"EURO", "FLOWS"}
    short = breaks.query("book == 'EURO' and instrument == 'BBB'").iloc[0]
    assert (short["kind"], short["ours"], short["theirs"], short["difference"]) == ("position", -100, -600, -500)
    money = breaks.query("book == 'FLOWS'").iloc[0]
    assert (money["kind"], money["ours"], money["theirs"], money["difference"]) == ("cash", 1315, 1314.5, -0.5)
    assert breaks.query("book == 'ALPHA' and instrument in ['AAA', 'BBB', 'CCC']").empty
    assert money["opened_on"] == LAST
    blocked = firm.rows("findings", LAST, severity="blocking")
    assert "EURO" in set(blocked["book"])
    assert "FLOWS" not in set(blocked["book"])


def test_rules_and_limits(firm):
    results = firm.rows("compliance_results", LAST)
    said = {(row.book, row.rule, row.bucket): row for row in results.itertuples()}
    nav = firm.row("nav", LAST, book="ALPHA")["nav"]
    tech = said["ALPHA", "tech", "Tech"]
    assert tech.status == "breach"
    assert tech.value > 0.3
    assert tech.denominator == nav
    assert said["ALPHA", "ccc", "CCC"].status == "breach"
    assert said["ALPHA", "energy", "Energy"].status == "pass"
    big = {row.bucket: row.status for row in results.itertuples() if (row.book, row.rule) == ("ALPHA", "big")}
    assert big.get("AAA") == "warning"
    yen = results[results["book"] == "YEN"]
    assert len(yen) >= 1
    assert set(yen["status"]) == {"failed"}
    limits = firm.rows("limit_usage", LAST)
    at = {(row.book, row.limit): row for row in limits.itertuples()}
    assert at["ALPHA", "lev"].status == "pass"
    assert at["ALPHA", "tight"].status == "breach"
    assert at["ALPHA", "nearly"].status == "warning"
    assert at["ALPHA", "nearly"].value == pytest.approx(1120 * price("AAA", LAST), abs=1e-6)
    assert at["ALPHA", "nearly"].utilisation == pytest.approx(1120 * price("AAA", LAST) / 1e7, abs=1e-12)
    assert at["ALPHA", "v99"].status == "failed"
    assert at["YEN", "lev"].status == "failed"


def test_show_prints_full_precision_and_nothing_else(firm):
    code, out, err = firm.daybook("show", "nav", "--date", LAST, "--book", "EURO", "--format", "csv")
    assert (code, err) == (0, "")
    header, row = out.splitlines()
    assert header.split(",")[:8] == [
        "business_date", "book", "nav", "market_value", "cash", "accruals", "flows", "status",
    ]  # fmt: skip
    from resources.lake import Lake

    when = pd.Timestamp(LAST)
    stored = Lake(str(firm.home / "lake")).read("nav", when, when).set_index("book")
    assert float(row.split(",")[2]) == stored.loc["EURO", "nav"]
    code, out, err = firm.daybook("show", "nav", "--date", LAST, "--book", "EURO", "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)[0]["nav"] == stored.loc["EURO", "nav"]
    code, out, err = firm.daybook("show", "nav", "--date", LAST)
    assert code == 0
    assert "EURO" in out


def test_close_is_refused_while_something_blocks_and_signs_once(firm):
    code, _, err = firm.daybook("close", LAST, "--book", "YEN")
    assert code == 1
    assert err.startswith("daybook: ")
    assert len(err.strip().splitlines()) == 1
    assert "JPY" in err
    assert firm.daybook("close", LAST, "--book", "EURO")[0] == 1
    assert firm.rows("closes", LAST, book="EURO", status="closed").empty
    code, out, _ = firm.daybook("close", LAST, "--book", "ALPHA", user="anna")
    assert code == 0
    signed = firm.row("closes", LAST, book="ALPHA", status="closed")
    assert signed["signed_by"] == "anna"
    assert firm.daybook("close", LAST, "--book", "ALPHA", user="anna")[0] == 0
    assert len(firm.rows("closes", LAST, book="ALPHA", status="closed")) == 1
    code, out, _ = firm.daybook("status", "--date", LAST)
    assert code == 0
    assert "anna" in out


def test_the_pack_opens_without_a_network(firm):
    pages = list((firm.home / "reports").rglob("*.html"))
    assert {"index.html"} < {page.name for page in pages}
    for page in pages:
        text = page.read_text()
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert 'src="http' not in text


OF_EVERY_SESSION = (
    "prices", "fx_rates", "returns", "lots", "realised", "positions", "cash", "activity", "book_failures",
    "valuations", "nav", "pnl", "lot_pnl", "nav_bridge", "performance", "attribution", "var",
)  # fmt: skip


def differing(one, other) -> list[tuple[str, str]]:
    """The tables and sessions whose content hash is not the same."""
    return [
        (table, day)
        for table in OF_EVERY_SESSION
        for day in d.SESSIONS
        if one.hash(table, day) != other.hash(table, day)
    ]


def runs(firm, *spans: tuple[str, str], job: str = "history") -> None:
    """Runs of one of the history's own Dagster jobs, one for each span of sessions."""
    import dagster as dg

    from orchestration.definitions import defs
    from orchestration.eod import run

    with firm.inside(), dg.DagsterInstance.get() as instance:
        for first, last in spans:
            run(defs, instance, job, (pd.Timestamp(first), pd.Timestamp(last)), lambda *_: None)


def test_what_if_begins_from_the_tables_of_the_date_and_stores_nothing(firm):
    tables = ("nav", "valuations", "var", "stress", "exposures", "limit_usage", "compliance_results")
    versions = firm.versions(*tables)
    asked = ("--trade", "ALPHA:AAA:10", "--trade", "NONE:AAA:1", "--trade", "YEN:AAA:1", "--format", "csv")
    code, out, err = firm.daybook("what-if", *asked)
    assert (code, err.count("refused")) == (1, 2)
    assert "there is no book NONE" in err
    assert "YEN:AAA:1: its NAV failed" in err
    rows = pd.read_csv(io.StringIO(out), keep_default_na=False)
    rows = rows[rows["kind"] != "refused"]
    assert set(rows["book"]) == {"ALPHA"}
    before = rows.assign(before=pd.to_numeric(rows["before"])).set_index(["kind", "name", "bucket", "figure"])["before"]
    assert before["nav", "USD", "", "nav"] == firm.row("nav", LAST, book="ALPHA")["nav"]
    for row in firm.rows("exposures", LAST, book="ALPHA").itertuples():
        assert before["exposure", row.dimension, row.bucket, "beta_adjusted"] == pytest.approx(
            row.beta_adjusted, nan_ok=True
        )
        assert before["exposure", row.dimension, row.bucket, "gross"] == row.gross
    stress = firm.rows("stress", LAST, book="ALPHA").set_index("scenario")["pnl"]
    assert before["stress", "covid_2020", "", "pnl"] == pytest.approx(stress["covid_2020"], nan_ok=True)
    limits = firm.rows("limit_usage", LAST, book="ALPHA")
    assert len(limits)
    for row in limits.itertuples():
        assert before["limit", row.limit, row.bucket, "value"] == pytest.approx(float(row.value), nan_ok=True)
    assert firm.versions(*tables) == versions
    code, _, err = firm.daybook("what-if", "--trade", "ALPHA:AAA:10", "--date", "2022-12-11")
    assert (code, "2022-12-11 is not closed" in err) == (1, True)
    file = firm.home / "trades.csv"
    file.write_text("book,instrument,quantity\nALPHA,AAA,10\nALPHA,AAA,ten\n")
    code, _, err = firm.daybook("what-if", str(file))
    assert (code, "line 3, quantity: 'ten' is not a number" in err) == (1, True)


@pytest.mark.parametrize(
    "cuts",
    [
        # A range, a session alone between two, a range, and the last one alone; soak has every session alone.
        pytest.param([0, 5, 6, 14, 15], id="spans"),
        pytest.param(list(range(len(d.SESSIONS) + 1)), id="alone", marks=pytest.mark.soak),
    ],
)
def test_a_range_gives_the_tables_of_single_sessions(december, installation, cuts):
    firm = installation()
    days = list(d.files().values())
    for group in (days[8:], days[4:8], days[:4]):
        names = [name for files in group for name in files]
        for files in group:
            for name, text in files.items():
                firm.put(name, text)
        # Of two prices the later delivery counts: that alone is about the order of arrival.
        last = [name for name in names if "correction" in name]
        waiting = [name for name in names if name not in last]
        code, out, err = firm.daybook("ingest", *(str(firm.inbox / name) for name in waiting))
        assert code in (0, 3), out + err
    assert firm.daybook("ingest", str(firm.inbox / "prices_2022-12-19_correction.csv"))[0] == 0
    assert firm.show("quarantine").query("status in ['open', 'waiting']").empty
    runs(firm, (d.MARKET[0], d.MARKET[d.MARKET.index(FIRST) - 1]), job="market_history")
    runs(firm, *((d.SESSIONS[first], d.SESSIONS[end - 1]) for first, end in pairwise(cuts)))
    assert not differing(firm, december)


@pytest.mark.soak
def test_every_day_closed_as_its_files_arrive(december, installation):
    firm = installation()
    for day, files in d.files().items():
        for name, text in files.items():
            firm.put(name, text)
        code, out, err = firm.daybook("eod", "--date", day)
        assert code in (0, 3), out + err
    assert not differing(firm, december)


@pytest.mark.soak
@pytest.mark.parametrize("seconds", [4, 8, 12])
def test_killed_anywhere_and_run_again(december, installation, seconds):
    firm = installation()
    for files in d.files().values():
        for name, text in files.items():
            firm.put(name, text)
    words = [str(Path(sys.executable).with_name("daybook")), "eod", "--date", LAST]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "DAGSTER_"))}
    process = subprocess.Popen(words, env=environment | firm.environment, start_new_session=True)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    again = subprocess.run(words, env=environment | firm.environment, capture_output=True, text=True, check=False)
    assert again.returncode == 3, again.stderr
    assert not differing(firm, december)


@pytest.mark.soak
def test_every_session_of_the_demonstration_firm_alone(installation):
    """Computed once more by itself, no session changes a table: a write of equal content makes no commit."""
    from resources.lake import Lake

    firm = installation(DAYBOOK_VENDORS="sample")
    firm.eod()
    sessions = [f"{day:%Y-%m-%d}" for day in Lake(str(firm.home / "lake")).sessions("nav")]
    before = firm.versions(*OF_EVERY_SESSION)
    runs(firm, *((day, day) for day in sessions))
    assert firm.versions(*OF_EVERY_SESSION) == before
