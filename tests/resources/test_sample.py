import io
import os
import socket
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from daybook import calendars, tables
from daybook.market import alternative
from resources.settings import SettingsError, settings
from resources.vendors import vendors
from resources.vendors.sample import SampleVendor, custodian, firm, prices

DEFAULT, LAST = pd.Timestamp("2022-12-27"), pd.Timestamp("2022-12-28")
ROOT = Path(__file__).parents[2]
LONG_ONLY = ("US-CORE", "LOW-VOL", "EURO-MULTI")


def vendor(start="2016-01-04"):
    return SampleVendor(replace(settings(), sample_start=date.fromisoformat(start)))


def parsed(data):
    return pd.read_csv(io.BytesIO(data), dtype="str", keep_default_na=False)


def by_table(*deliveries):
    """Table -> the rows of all deliveries, as text."""
    frames = defaultdict(list)
    for files in deliveries:
        for name, data in files:
            frames[name.split("_20")[0]].append(parsed(data))
    return {table: pd.concat(parts, ignore_index=True) for table, parts in frames.items()}


def in_another_process(code):
    """What ``code`` prints, run with the settings of ``vendor``."""
    environment = os.environ | {"DAYBOOK_SAMPLE_START": "2016-01-04"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT, env=environment
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def whole():
    return list(vendor().deliver(None, LAST))


@pytest.fixture(scope="module")
def told(whole):
    return by_table(whole)


def test_the_vendors_named_by_the_settings_come_in_order_and_the_inbox_is_none_of_them():
    assert list(vendors(replace(settings(), vendors=("files", "sample")))) == ["sample"]
    assert vendors(replace(settings(), vendors=("files",))) == {}
    with pytest.raises(SettingsError, match=r"'bloomberg'.*sample, lean, edgar, files"):
        vendors(replace(settings(), vendors=("sample", "bloomberg")))


def test_the_default_date_leaves_one_session_for_its_orders_to_be_filled():
    assert vendor().default_date() == DEFAULT
    assert vendor().last_session() == LAST
    assert calendars.next_session("XNYS", [DEFAULT])[0] == LAST


def test_delivering_needs_no_network_and_imports_none_of_the_packages(monkeypatch):
    def refuse(*_):
        raise AssertionError("the sample vendor opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    for read in (prices.closes, prices.index_level, prices.fx_rates, prices.series):
        read.cache_clear()
    assert list(vendor("2022-12-01").deliver(None, LAST))
    in_another_process(
        "import sys; from resources.settings import settings; from resources.vendors.sample import SampleVendor;"
        "v = SampleVendor(settings()); list(v.deliver(None, v.last_session()));"
        "assert not {'skfolio', 'arch', 'currency_converter'} & set(sys.modules)"
    )


def test_the_same_arguments_give_the_same_bytes_in_another_process(whole):
    again = in_another_process(
        "import hashlib, pandas as pd; from resources.settings import settings;"
        "from resources.vendors.sample import SampleVendor;"
        "files = SampleVendor(settings()).deliver(None, pd.Timestamp('2022-12-28'));"
        "print(hashlib.sha256(b''.join(n.encode() + d for n, d in files)).hexdigest())"
    )
    assert again == sha256(b"".join(name.encode() + data for name, data in whole)).hexdigest()


@pytest.mark.parametrize(
    "cuts", [("2022-12-27",), ("2019-06-03", "2020-10-01", "2021-04-05", "2021-04-10", "2022-12-23")]
)
def test_a_span_cut_into_deliveries_gives_the_same_facts(told, cuts):
    bounds = [None, *map(pd.Timestamp, cuts), LAST]
    source = vendor()
    pieces = by_table(*(source.deliver(a, b) for a, b in pairwise(bounds)))
    assert pieces.keys() == told.keys()
    for table, frame in told.items():
        key = list(frame.columns)
        expected, found = (f.sort_values(key, ignore_index=True) for f in (frame, pieces[table]))
        pd.testing.assert_frame_equal(found, expected)


def test_a_delivery_holds_nothing_of_later_dates_and_no_reference_tables_twice():
    names = {name.split("_20")[0] for name, _ in vendor().deliver(DEFAULT, LAST)}
    assert names == {"prices", "fx_rates", "benchmark_levels", "custodian_positions", "custodian_cash"}
    early = by_table(vendor().deliver(None, pd.Timestamp("2021-01-15")))
    dated = {"business_date", "trade_date", "observed_on"}
    for frame in early.values():
        for column in dated & set(frame.columns):
            assert frame[column].max() <= "2021-01-15"
    assert list(vendor().deliver(LAST, LAST)) == []


def test_files_are_named_and_headed_as_the_contract_says(whole):
    for name, data in whole:
        table, day, suffix = name.rsplit("_", 2)
        assert (day, suffix) == ("2022-12-28", "sample.csv")
        fact = tables.TABLES[tables.FILES[table]]
        frame = parsed(data)
        assert set(frame.columns) <= set(fact.names), name
        assert set(fact.required) <= set(frame.columns), name
        assert not frame.duplicated(list(fact.key)).any(), name
        assert len(frame) > 0


def test_the_rates_are_declared_for_the_days_on_which_the_ecb_published(told):
    assert told["expected_feeds"].to_dict("records") == [
        {"feed": "fx_rates", "source": "sample", "valid_from": "2020-10-01", "calendar": "XPAR"}
    ]
    published = pd.DatetimeIndex(told["fx_rates"]["business_date"].unique())
    assert list(published) == list(calendars.sessions("XPAR", "2016-01-04", "2022-12-28"))


def test_prices_are_the_adjusted_closes_of_the_package_and_nothing_else(told):
    frame = told["prices"]
    assert set(frame["price_basis"]) == {"adjusted"}
    assert not {"open", "high", "low", "volume"} & set(frame.columns)
    # Read off the packaged file by eye.
    apple = frame[frame["instrument"].eq("AAPL")].set_index("business_date")["close"]
    assert (apple["2016-01-04"], apple["2022-12-28"]) == ("24.041", "125.674")
    found = frame.assign(close=frame["close"].astype("float64")).pivot(
        index="business_date", columns="instrument", values="close"
    )
    expected = prices.closes().loc["2016-01-04":, found.columns]
    assert np.array_equal(found.to_numpy(), expected.to_numpy())
    assert list(found.index) == [f"{s:%Y-%m-%d}" for s in calendars.sessions("XNYS", "2016-01-04", LAST)]


def test_there_are_no_dividends_and_no_corporate_actions_beside_adjusted_prices(told):
    assert "corporate_actions" not in told
    assert "dividend" not in set(told["transactions"]["kind"])


def test_exchange_rates_are_those_of_the_ecb_and_missing_where_it_published_none(told):
    rates = told["fx_rates"].set_index(["business_date", "quote"])["rate"]
    # ECB euro foreign exchange reference rates of 27 December 2022.
    assert [float(rates["2022-12-27", quote]) for quote in ("USD", "GBP", "CHF", "JPY")] == [
        1.0624, 0.88333, 0.9885, 141.68,
    ]  # fmt: skip
    assert calendars.is_session("XNYS", ["2021-04-05"]).all()
    assert ("2021-04-05", "USD") not in rates.index


def test_series_that_ended_just_end_and_may_be_used_only_later(told):
    frame = told["alternative_data"]
    assert set(frame["instrument"]) == {""}
    assert frame.groupby("series")["observed_on"].max().to_dict() == {
        "vix": "2019-01-03", "ff_mkt_rf": "2018-11-30", "ff_smb": "2018-11-30", "ff_hml": "2018-11-30",
        "ff_rf": "2018-11-30", "moodys_aaa": "2018-12-31", "moodys_baa": "2018-12-31", "crude_brent": "2020-01-15",
        "crude_wti": "2020-01-15",
    }  # fmt: skip
    assert (frame["usable_from"] > frame["observed_on"]).all()
    assert alternative.withheld(frame["licence"]).all(), "no source lets us publish its figures"
    # A month of factors is known two months later: on the last session of 2018 October's is the latest.
    known = frame.assign(known_at=pd.Timestamp("2026-01-01", tz="UTC"), value=frame["value"].astype("float64"))
    dates = {name: pd.to_datetime(known[name]).astype("datetime64[us]") for name in ("observed_on", "usable_from")}
    at = alternative.usable(known.assign(**dates), pd.DatetimeIndex(["2018-12-31"]).as_unit("us")).set_index("series")
    assert f"{at.loc['ff_rf', 'observed_on']:%Y-%m-%d}" == "2018-10-31"
    assert f"{at.loc['vix', 'observed_on']:%Y-%m-%d}" == "2018-12-28"
    assert f"{at.loc['moodys_aaa', 'observed_on']:%Y-%m-%d}" == "2018-11-30"
    vix = frame[frame["series"].eq("vix")].set_index("observed_on")["value"]
    assert (vix["2019-01-03"], vix["2016-01-04"]) == ("25.45", "20.7")


def test_benchmark_weights_are_delivered_at_the_close_before_each_quarter(told):
    weights = told["benchmark_weights"]
    core = weights[weights["benchmark"].eq("US20-EW")]
    assert list(core["business_date"].unique()) == [
        "2020-09-30", "2020-12-31", "2021-03-31", "2021-06-30", "2021-09-30", "2021-12-31", "2022-03-31",
        "2022-06-30", "2022-09-30",
    ]  # fmt: skip
    assert set(core["weight"]) == {"0.05"}
    sums = weights.assign(weight=weights["weight"].astype("float64")).groupby(["business_date", "benchmark"])["weight"]
    assert np.allclose(sums.sum(), 1.0, atol=1e-12)
    levels = told["benchmark_levels"]
    assert set(levels["return_kind"]) == {"price"}
    assert set(levels["benchmark"]).isdisjoint(set(weights["benchmark"]))


def test_every_isin_has_a_right_check_digit(told):
    identifiers = told["identifiers"]
    isins = identifiers[identifiers["scheme"].eq("isin")]
    for isin in isins["value"]:
        digits = "".join(str(int(character, 36)) for character in isin)
        doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(digits))]
        assert sum(n // 10 + n % 10 for n in doubled) % 10 == 0, isin
    ge = isins[isins["instrument"].eq("GE")].set_index("value")
    assert ge.loc["US3696041033", "valid_to"] < ge.loc["US3696043013", "valid_from"]


RAISED = ("limits", "limit_raises")


def test_every_reference_is_to_something_delivered(told):
    books, instruments = set(told["books"]["book"]), set(told["instruments"]["instrument"])
    cash = {"CASH:USD", "CASH:EUR"}
    assert set(told["transactions"]["instrument"]) <= instruments | cash | {""}
    assert set(told["prices"]["instrument"]) == instruments
    for table in ("transactions", "custodian_positions", "custodian_cash"):
        assert set(told[table]["book"]) == books
    assert set(told["limits"]["book"]) == books
    limits, raises = (set(told[table][["limit", "book"]].itertuples(index=False, name=None)) for table in RAISED)
    assert raises <= limits
    assert set(told["books"]["benchmark"]) - {""} == set(told["benchmark_weights"]["benchmark"])
    assert set(told["instruments"]["issuer"]) == set(told["issuers"]["issuer"])
    factors = told["risk_factors"]
    assert set(factors["instrument"]) - {""} <= instruments
    assert set(factors["benchmark"]) - {""} == set(told["benchmark_levels"]["benchmark"])
    assert set(factors["currency"]) - {""} <= {"EUR"} | set(told["fx_rates"]["quote"])
    assert (factors[["instrument", "benchmark", "currency"]].ne("").sum(axis=1) == 1).all(), "one source each"
    assert dict(zip(told["books"]["book"], told["books"]["custodian_account"], strict=True)) == dict(
        zip(told["accounts"]["book"], told["accounts"]["account"], strict=True)
    )


def test_every_trade_is_at_the_real_close_of_its_session_and_settles_two_sessions_later(told):
    trades = told["transactions"][told["transactions"]["kind"].isin(["buy", "sell"])]
    closes = prices.closes()
    rows, columns = closes.index.get_indexer(pd.DatetimeIndex(trades["trade_date"])), closes.columns
    expected = closes.to_numpy()[rows, columns.get_indexer(trades["instrument"])].tolist()
    assert trades["price"].astype("float64").tolist() == expected
    assert trades["quantity"].str.fullmatch(r"[1-9]\d*").all()
    late = trades[trades["trade_date"].eq("2022-12-23")]
    # Christmas was observed on Monday 26 December 2022.
    assert set(late["settle_date"]) == {"2022-12-28"}


def test_currency_trades_are_near_the_rate_of_the_ecb(told):
    trades = told["transactions"][told["transactions"]["kind"].eq("fx")]
    fixing = prices.fx_rates()["USD"].reindex(prices.closes().index, method="ffill")
    rate = fixing.loc[pd.DatetimeIndex(trades["trade_date"])].to_numpy()
    price = trades["price"].astype("float64").to_numpy()
    ratio = np.where(trades["currency"].eq("EUR"), price * rate, price / rate)
    assert np.abs(ratio - 1).max() <= 0.00081
    assert np.abs(ratio - 1).mean() > 0.0001
    assert (trades["instrument"] == trades["currency"].map({"EUR": "CASH:USD", "USD": "CASH:EUR"})).all()
    assert set(trades["book"]) == {"EURO-MULTI"}


def test_the_firm_has_two_years_of_every_kind_of_event_and_leaves_the_last_session_alone(told):
    log = told["transactions"]
    assert 2000 <= len(log) <= 5000
    assert log["trade_date"].min() == "2020-10-01"
    assert log["trade_date"].max() < "2022-12-28"
    for book, rows in log.groupby("book"):
        assert {"buy", "sell", "deposit", "withdrawal", "fee"} <= set(rows["kind"]), book
        assert rows["trade_date"].max() >= "2022-12-01"
    interest = log[log["kind"].eq("interest")]
    assert set(interest["book"]) == {"LONG-SHORT"}
    assert interest["quantity"].str.startswith("-").all()


def settled_by_hand(log):
    """Cash in plain decimals, session by session: (book, currency) -> settle date -> amount."""
    moves = defaultdict(lambda: defaultdict(Decimal))
    for row in log.itertuples():
        cash = moves[row.book, row.currency]
        quantity, fees = Decimal(row.quantity), Decimal(row.fees)
        match row.kind:
            case "buy":
                cash[row.settle_date] -= quantity * Decimal(row.price) + fees
            case "sell":
                cash[row.settle_date] += quantity * Decimal(row.price) - fees
            case "fx":
                cash[row.settle_date] -= round(quantity * Decimal(row.price), 6)
                moves[row.book, row.instrument[-3:]][row.settle_date] += quantity
            case "deposit" | "interest":
                cash[row.settle_date] += quantity
            case "withdrawal" | "fee":
                cash[row.settle_date] -= quantity
    return moves


def holdings_by_hand(log, date_column):
    """(book, instrument) -> date -> signed change."""
    moves = defaultdict(lambda: defaultdict(int))
    for row in log[log["kind"].isin(["buy", "sell"])].itertuples():
        sign = 1 if row.kind == "buy" else -1
        moves[row.book, row.instrument][getattr(row, date_column)] += sign * int(row.quantity)
    return moves


def running(moves, sessions):
    """Key -> list of sums at each session; every change must fall on a session or after the last one."""
    result, known = {}, set(sessions)
    for key, changes in moves.items():
        assert all(day in known or day > sessions[-1] for day in changes)
        total, sums = 0, []
        for session in sessions:
            total += changes.get(session, 0)
            sums.append(total)
        result[key] = sums
    return result


@pytest.fixture(scope="module")
def sessions():
    return [f"{session:%Y-%m-%d}" for session in calendars.sessions("XNYS", "2020-10-01", LAST)]


def test_long_only_books_never_go_short_nor_run_out_of_cash(told, sessions):
    log = told["transactions"]
    for column in ("trade_date", "settle_date"):
        for (book, instrument), held in running(holdings_by_hand(log, column), sessions).items():
            assert book == "LONG-SHORT" or min(held) >= 0, (book, instrument)
    on_trade_date = settled_by_hand(log.assign(settle_date=log["trade_date"]))
    for moves in (on_trade_date, settled_by_hand(log)):
        for (book, currency), balance in running(moves, sessions).items():
            assert book not in LONG_ONLY or min(balance) >= 0, (book, currency)


def test_the_long_short_book_crosses_zero_in_one_trade_in_some_names_both_ways(told, sessions):
    held = running(holdings_by_hand(told["transactions"], "trade_date"), sessions)
    short = [np.array(sums) for (book, _), sums in held.items() if book == "LONG-SHORT"]
    assert sum(((sums[:-1] > 0) & (sums[1:] < 0)).sum() for sums in short) > 5
    assert sum(((sums[:-1] < 0) & (sums[1:] > 0)).sum() for sums in short) > 5


def test_the_custodians_positions_agree_but_for_three_planted_shares(told, sessions):
    theirs = told["custodian_positions"].set_index(["book", "instrument", "business_date"])
    for ours_dated, column in (("trade_date", "quantity"), ("settle_date", "settled_quantity")):
        ours = {
            (*key, session): quantity
            for key, sums in running(holdings_by_hand(told["transactions"], ours_dated), sessions).items()
            for session, quantity in zip(sessions, sums, strict=True)
        }
        said = theirs[column].astype("int64").to_dict()
        different = {key: said.get(key, 0) - ours[key] for key in ours if said.get(key, 0) != ours[key]}
        days = [day for day in sessions if day >= "2022-12-20"]
        assert different == {("LOW-VOL", "KO", day): -3 for day in days}
    value = theirs.loc[("LOW-VOL", "KO", "2022-12-27")]
    assert float(value["market_value"]) == round(int(value["quantity"]) * 63.24, 2)


def test_the_custodians_cash_agrees_but_for_two_planted_amounts(told, sessions):
    theirs = told["custodian_cash"].set_index(["book", "currency", "business_date"])["balance"].map(Decimal).to_dict()
    different = {}
    for (book, currency), sums in running(settled_by_hand(told["transactions"]), sessions).items():
        for session, amount in zip(sessions, sums, strict=True):
            gap = theirs[book, currency, session] - amount
            if gap:
                different[book, currency, session] = gap
    assert different == {
        **{("US-CORE", "USD", day): Decimal("-12.50") for day in sessions if day >= "2022-12-22"},
        **{("EURO-MULTI", "EUR", day): Decimal("0.01") for day in sessions if day >= "2022-12-23"},
    }


def test_the_planted_breaks_are_far_below_what_would_hold_up_a_close(told):
    close = prices.closes().loc[DEFAULT]
    cash = told["custodian_cash"]
    positions = told["custodian_positions"]
    for planted in custodian.PLANTED:
        impact = abs(float(planted.difference)) * close.get(planted.name, 1.0)
        mine = cash["book"].eq(planted.book) & cash["business_date"].eq("2022-12-27")
        held = positions["book"].eq(planted.book) & positions["business_date"].eq("2022-12-27")
        amounts = pd.concat([cash.loc[mine, "balance"], positions.loc[held, "market_value"]])
        assert 0 < impact / amounts.astype("float64").sum() < 0.1e-4


def test_a_later_start_is_a_shorter_firm_with_the_weights_and_prices_that_it_needs():
    told = by_table(vendor("2022-10-03").deliver(None, LAST))
    assert told["prices"]["business_date"].min() == "2022-10-03"
    assert told["benchmark_weights"]["business_date"].unique().tolist() == ["2022-10-03"]
    assert told["transactions"]["trade_date"].min() == "2022-10-04"
    assert set(told["books"]["inception_date"]) == {"2022-10-04"}
    assert set(told["transactions"].groupby("book")["kind"].first()) == {"deposit"}


def test_noise_is_fixed_for_ever_and_spread_over_its_range():
    # SHA-256("20201001|US-CORE|2020-10-01|AAPL"), first eight bytes as a fraction of 2**63, less 1.
    digest = int(sha256(b"20201001|US-CORE|2020-10-01|AAPL").hexdigest()[:16], 16)
    assert firm.noise("US-CORE", pd.Timestamp("2020-10-01"), ["AAPL"])[0] == digest / 2**63 - 1
    drawn = firm.noise("LOW-VOL", pd.Timestamp("2021-03-01"), [str(i) for i in range(2000)])
    assert drawn.min() >= -1
    assert drawn.max() < 1
    assert abs(drawn.mean()) < 0.05


def test_a_trade_depends_on_no_later_price():
    closes = prices.closes()
    eur_usd = prices.fx_rates()["USD"].reindex(closes.index, method="ffill")
    first = pd.Timestamp("2022-09-01")
    shocked = closes.copy()
    shocked.loc["2022-11-16":] *= 1.5
    known = firm.transactions(closes, eur_usd, first)
    other = firm.transactions(shocked, eur_usd, first)
    pd.testing.assert_frame_equal(*(f[f["trade_date"] <= "2022-11-15"].reset_index(drop=True) for f in (known, other)))
    assert not known.equals(other)


def weights_on_the_default_date(told):
    """Book -> weight of each instrument and of "cash", from positions at the close and cash on trade date."""
    close, rate = prices.closes().loc[DEFAULT], float(prices.fx_rates().at[DEFAULT, "USD"])
    log = told["transactions"]
    days = [f"{DEFAULT:%Y-%m-%d}"]
    values = defaultdict(dict)
    for (book, instrument), changes in holdings_by_hand(log, "trade_date").items():
        values[book][instrument] = float(sum(changes.values()) * close[instrument])
    for (book, currency), changes in settled_by_hand(log.assign(settle_date=days[0])).items():
        held = float(sum(changes.values())) * (rate if currency == "EUR" else 1.0)
        values[book]["cash"] = values[book].get("cash", 0.0) + held
    return {book: pd.Series(found) / sum(found.values()) for book, found in values.items()}


def test_every_rule_passes_on_the_default_date_and_could_fail(told):
    rules = told["rules"].set_index("rule")
    instruments = told["instruments"].set_index("instrument")
    assert set(rules["kind"]) == {"max_weight", "min_weight", "prohibited"}
    for book, weights in weights_on_the_default_date(told).items():
        mine = rules[rules["book"].isin(["", book])]
        for rule in mine[mine["kind"].eq("max_weight")].itertuples():
            bucket = instruments[rule.dimension].reindex(weights.index.drop("cash"))
            largest = weights.drop("cash").groupby(bucket).sum().max()
            assert 0.3 * float(rule.threshold) < largest < float(rule.warning), (book, rule.Index)
        for rule in mine[mine["kind"].eq("min_weight")].itertuples():
            assert (rule.dimension, rule.bucket) == ("asset_class", "cash")
            assert float(rule.threshold) < float(rule.warning) < weights["cash"], (book, rule.Index)
        held = instruments.loc[weights[weights != 0].index.drop("cash")]
        for rule in mine[mine["kind"].eq("prohibited")].itertuples():
            assert rule.bucket not in set(held[rule.dimension]), (book, rule.Index)


def test_exposure_limits_leave_room_on_the_default_date(told):
    limits = told["limits"].astype({"warning": "float64", "hard": "float64"})
    assert (limits["warning"] < limits["hard"]).all()
    soft = pd.to_numeric(limits["soft"])
    assert soft.notna().sum() == 2
    assert not (soft <= limits["warning"]).any()
    assert not (soft >= limits["hard"]).any()
    held = weights_on_the_default_date(told)
    for limit in limits[limits["measure"].isin(["gross", "net", "short"]) & limits["dimension"].eq("")].itertuples():
        weights = held[limit.book].drop("cash")
        used = {"gross": weights.abs().sum(), "net": weights.sum(), "short": -weights.clip(upper=0).sum()}
        assert 0.5 * limit.hard < used[limit.measure] < limit.warning, limit.limit
