"""The books as a session goes: positions, exposures and limits at the newest prices.

Belongs here: putting the intraday prices through the same ledger, valuation and risk as the close. Does not belong
here: the choice of those prices (``daybook.market.intraday``), anything that is signed.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from daybook import ledger, tables
from daybook.ledger import fees, pricing, units, valuation
from daybook.ledger.transactions import dated_on, live
from daybook.market import intraday
from daybook.risk import limits as limit
from daybook.risk.exposures import Reference, exposures
from daybook.risk.look_through import look_through_exposures

BOOK = ["business_date", "book"]


def refresh(
    intraday_prices: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    transactions: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    share_classes: pd.DataFrame,
    fee_accruals: pd.DataFrame,
    limits: pd.DataFrame,
    limit_raises: pd.DataFrame,
    constituents: pd.DataFrame,
    issuers: pd.DataFrame,
    accounts: pd.DataFrame,
    lost: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    volatilities: pd.DataFrame,
    elections: pd.DataFrame,
    cash_rates: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    order: Sequence[str],
) -> dict[str, pd.DataFrame]:
    """Tables ``intraday_positions``, ``intraday_exposures`` and ``intraday_limit_usage`` of ``sessions``.

    Everything that is dated up to a session counts in it, trades of the session included. A position is valued at its
    newest observation of the session, else at its golden price; bonds, options and forwards as at the close, by models
    of what was seen (``valuation.quoted``). A session in which no price was seen and nothing was
    traded has no rows.

    Args:
        intraday_prices: facts of the sessions.
        prices: golden prices of the sessions, made of what was delivered until now.
        fx_rates: golden rates of the sessions, likewise.
        transactions: the log.
        corporate_actions: current facts.
        books: facts, dated by valid_from.
        instruments: facts, dated by valid_from.
        raw_fx_rates: facts since the first transaction.
        share_classes: facts.
        fee_accruals: table of sessions before, from ``LAST_CLOSE`` days before on: what share classes owe counts as at
            the last close, less what was paid since; nothing accrues within the day.
        limits: facts. One by betas, by liquidity or on exposures against the benchmark is measured at the close alone.
        limit_raises: facts.
        constituents: facts.
        issuers: facts.
        accounts: facts, dated by valid_from.
        lost: ``daybook.risk.limits.losses`` of the sessions from ``LAST_CLOSE`` days before on: measures that need a
            close are those of the book's last one, and the reason says so.
        risk_free_rates: facts.
        volatilities: facts.
        elections: facts.
        cash_rates: facts.
        sessions: midnight, naive.
        order: preference among sources.

    Returns:
        ``observed_at`` is the instant of the price of a position, in the other tables the newest one of the book;
        empty where no observation was used. Status of a position: ``failed`` where it cannot be valued, else that of
        its price; ``ok`` for cash and for what a model values.
    """
    sessions = _lively(sessions, intraday_prices, transactions)
    if sessions.empty:
        return {name: tables.empty(name) for name in tables.INTRADAY}
    golden = prices[prices["business_date"].isin(sessions)]
    seen = intraday.observed(intraday_prices, instruments, sessions)
    latest = intraday.newest(seen, order)
    used = intraday.prices(golden, latest)
    derived = ledger.derive(
        transactions,
        corporate_actions,
        books,
        instruments,
        raw_fx_rates,
        used,
        fx_rates,
        sessions,
        order,
        cash_rates=cash_rates,
        elections=elections,
    )
    held = pricing.held(derived["positions"], derived["activity"])
    models = pricing.model_prices(held, used, fx_rates, risk_free_rates, volatilities, instruments, sessions, order)
    quoted = valuation.quoted(used, models)
    dealt = units.dealings(transactions, share_classes, quoted, fx_rates, books, instruments, sessions)
    owed = fees.owing(fee_accruals, dealt, sessions)
    derived |= fees.with_fees({name: derived[name] for name in fees.BOOKED}, owed, tables.empty("book_failures"))
    cash, activity, failures = (derived[name] for name in ("cash", "activity", "book_failures"))
    valued = valuation.valuations(derived["positions"], cash, quoted, fx_rates, books, instruments, sessions)
    nav = valuation.nav(valued, cash, activity, failures, quoted, fx_rates, books, instruments, sessions)
    positions = _positions(valued, used, latest, intraday.closes(golden, seen, instruments))
    reference = Reference(issuers, books, accounts, transactions, models)
    exposed = exposures(valued, instruments, nav, sessions, reference)
    through = look_through_exposures(valued, instruments, nav, sessions, constituents, reference)
    measures = limit.Measures(
        nav,
        exposed.assign(beta_adjusted=np.nan),
        through.assign(beta_adjusted=np.nan),
        limit.no_benchmarks(),
        tables.empty("liquidity"),
        limit.last_losses(lost, nav),
    )
    usage = limit.usage(limits, limit_raises, measures, sessions)
    return {
        "intraday_positions": positions,
        "intraday_exposures": _dated("intraday_exposures", exposed, positions),
        "intraday_limit_usage": _dated("intraday_limit_usage", usage, positions),
    }


def unclosed(prices: pd.DataFrame, positions: pd.DataFrame) -> list[str]:
    """Held instruments that have no close of their session though a price was seen in it, one sentence each.

    What was seen is never used as the close: the last close is carried forward, and somebody may ask for the missing
    one or override it.

    Args:
        prices: table ``prices`` of one session, as closed.
        positions: table ``intraday_positions`` of it.
    """
    seen = positions[positions["observed_at"].notna()].drop_duplicates("instrument")
    rows = prices[prices["status"] == "stale"].merge(seen, on=["business_date", "instrument"], suffixes=("", "_seen"))
    return [
        f"{row.instrument}: no close was delivered, though {row.price:.10g} {row.currency_seen} was seen at"
        f" {row.observed_at:%H:%M:%S} UTC from {row.price_source}"
        for row in rows.itertuples()
    ]


def _lively(sessions: pd.DatetimeIndex, intraday_prices: pd.DataFrame, transactions: pd.DataFrame) -> pd.DatetimeIndex:
    """Those of ``sessions`` in which a price was seen or something was traded."""
    dates = pd.concat([intraday_prices["business_date"], dated_on(live(transactions))])
    return sessions[sessions.isin(dates)]


def _positions(valued: pd.DataFrame, used: pd.DataFrame, latest: pd.DataFrame, closes: pd.DataFrame) -> pd.DataFrame:
    """Table ``intraday_positions``: the valuations with the instant and state of each price."""
    key = ["business_date", "instrument"]
    priced = used[[*key, "status", "file", "line"]].rename(columns={"status": "priced"})
    rows = valued.merge(priced, on=key, how="left")
    rows = rows.merge(latest[[*key, "observed_at", "file", "line"]], on=[*key, "file", "line"], how="left")
    rows = rows.merge(closes, on=key, how="left")
    of_price = rows["priced"].fillna("ok")
    status = of_price.mask(rows["price_source"] == "model", "ok").mask(rows["status"] == "failed", "failed")
    apart = ("; " + rows["made_by"]).where(rows["reason"] != "", rows["made_by"]).fillna("")
    rows = rows.assign(status=status, reason=rows["reason"] + apart)
    return tables.conform("intraday_positions", rows[list(tables.TABLES["intraday_positions"].names)])


def _dated(name: str, rows: pd.DataFrame, positions: pd.DataFrame) -> pd.DataFrame:
    """``rows`` of each book with the newest instant of its prices."""
    newest = positions.groupby(BOOK, as_index=False)["observed_at"].max()
    return tables.conform(name, rows.merge(newest, on=BOOK, how="left")[list(tables.TABLES[name].names)])
