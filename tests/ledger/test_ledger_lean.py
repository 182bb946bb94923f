"""Real names through one book for twenty years: LEAN's prices, splits and dividends, trades every quarter.

The data are QuantConnect's (see the README beside them) and no part of the repository: they stand beside it where
Daybook is built.
"""

import io
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from histories import LEDGER, OF_THE_BOOKS, Told, gaps, made
from ledger_facts import book, facts

from daybook import calendars, tables
from resources.settings import settings
from resources.vendors.lean import LeanVendor

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "lean"
CAPITAL = 10_000_000


def delivered(last):
    """Prices, instruments and corporate actions of the whole folder up to ``last``, as typed facts."""
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not there")
    found = {}
    for name, data in LeanVendor(replace(settings(), lean_data=REAL)).deliver(None, last):
        table = tables.FILES[name.rsplit("_", 2)[0]]
        frame = pd.read_csv(io.BytesIO(data), dtype="str", keep_default_na=False)
        for column in tables.TABLES[table].columns:
            if column.name in frame and column.type == "float":
                frame[column.name] = pd.to_numeric(frame[column.name].replace("", None))
            elif column.name in frame and column.type == "date":
                frame[column.name] = pd.to_datetime(frame[column.name].replace("", None)).astype("datetime64[us]")
            elif column.name in frame:
                frame[column.name] = frame[column.name].astype("str")
        found[table] = frame.fillna({"withholding_rate": 0.0, "reclaim_rate": 0.0})
    return found


def quarterly(prices, actions, days):
    """Trades on the first session of each quarter: what is held moves to equal weights, one name of them short.

    A name is held only over quarters at whose end it still has a price. Quantities are whole shares; positions between
    the trades follow from the splits.
    """
    closes = prices.pivot(index="business_date", columns="instrument", values="close").reindex(days)
    starts = list(days[~days.to_period("Q").duplicated()])
    ratios = actions[actions["kind"] == "split"].sort_values("ex_date")
    rows, held, before = [], defaultdict(Decimal), days[0]
    for number, (day, following) in enumerate(zip(starts, [*starts[1:], days[-1]], strict=True)):
        for one in (
            ratios[(ratios["ex_date"] > before) & (ratios["ex_date"] <= day)].sort_values("ex_date").itertuples()
        ):
            held[one.instrument] = held[one.instrument] * Decimal(str(one.numerator)) / Decimal(str(one.denominator))
        names = [name for name in closes if np.isfinite(closes.loc[[day, following], name]).all()]
        for at, name in enumerate(sorted({*names, *(name for name, units in held.items() if units)})):
            wanted = 0 if name not in names else int(CAPITAL / 20 / closes.loc[day, name])
            wanted = -wanted if at == number % len(names) else wanted
            # What a split leaves of a 10^-8 of a share is left.
            change = (Decimal(wanted) - held[name]).quantize(Decimal(1))
            if not change:
                continue
            kind = "buy" if change > 0 else "sell"
            row = {"transaction_id": f"T{len(rows):05}", "book": "LEAN", "instrument": name, "kind": kind}
            row |= {"trade_date": day, "quantity": abs(change), "price": Decimal(str(closes.loc[day, name]))}
            rows.append(row | {"currency": "USD", "fees": Decimal("9.95"), "taxes": Decimal("0")})
            held[name] += change
        before = day
    money = {"transaction_id": "D", "book": "LEAN", "kind": "deposit", "trade_date": days[0], "currency": "USD"}
    return [money | {"quantity": Decimal(CAPITAL)}, *rows]


def plain(rows, actions, prices, days):
    """NAV on each session by a loop: shares, restated and paid on, and cash."""
    closes = prices.pivot(index="business_date", columns="instrument", values="close").reindex(days)
    shares, cash, navs = defaultdict(float), 0.0, []
    by_day, of_day = defaultdict(list), defaultdict(list)
    for row in rows:
        by_day[row["trade_date"]].append(row)
    for one in actions.itertuples():
        of_day[one.ex_date].append(one)
    for day in days:
        for one in of_day[day]:
            if one.kind == "cash_dividend":
                cash += shares[one.instrument] * one.amount
        for one in of_day[day]:
            if one.kind == "split":
                shares[one.instrument] *= one.numerator / one.denominator
        for row in by_day[day]:
            if row["kind"] == "deposit":
                cash += float(row["quantity"])
                continue
            units = float(row["quantity"]) * (1 if row["kind"] == "buy" else -1)
            shares[row["instrument"]] += units
            cash -= units * float(row["price"]) + float(row["fees"])
        value = sum(units * closes.loc[day, name] for name, units in shares.items() if abs(units) > 1e-6)
        navs.append(cash + value)
    return np.array(navs)


def carried(first, last):
    """The book's results on every session from ``first`` to ``last``, and NAV by the plain loop."""
    told = delivered(pd.Timestamp(last))
    days = calendars.sessions("XNYS", first, last)
    actions = told["corporate_actions"]
    actions = actions[actions["ex_date"] > days[0]].reset_index(drop=True)
    rows = quarterly(told["raw_prices"], actions, days)
    given = Told.of(
        raw_prices=told["raw_prices"],
        corporate_actions=actions,
        instruments=told["instruments"].assign(valid_from=pd.Timestamp("1998-01-02").as_unit("us")),
        books=facts("books", book("LEAN")),
        transactions=facts("transactions", *rows),
    )
    found = made(given, days, tuple(dict.fromkeys((*LEDGER, *OF_THE_BOOKS, "book_failures", "prices"))))
    assert found["book_failures"].empty, found["book_failures"]["reason"].tolist()[:1]
    assert gaps(given, found, days) == {}
    return found, plain(rows, actions, found["prices"], days), days, rows


def test_four_years_with_apple_s_and_google_s_splits():
    found, expected, days, _ = carried("2012-12-31", "2016-01-15")
    assert found["nav"]["nav"].to_numpy() == pytest.approx(expected, abs=0.02)
    assert len(found["nav"]) == len(days)


@pytest.mark.soak
def test_twenty_years_of_every_name():
    found, expected, days, rows = carried("2000-12-29", "2021-03-31")
    assert len(days) > 5000
    assert len(rows) > 800
    assert found["nav"]["nav"].to_numpy() == pytest.approx(expected, abs=0.05)
    assert (found["nav"]["status"] == "ok").all()
