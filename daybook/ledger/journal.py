"""The journal: everything that the books have posted, in order and exact; each result of the ledger is read from it.

Belongs here: putting transactions and corporate actions together, which books fail and why, the day's activity. Does
not belong here: the rules of a single transaction (``transactions``), lots, dividends, cash, anything with a market
value.

Nothing depends on the order in which facts arrived, nor on how far the journal reaches beyond a session: results for a
session are the same from every journal that goes through it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars
from daybook.ledger import cash, entitlements, exact, spans
from daybook.ledger import lots as lots_of
from daybook.ledger import transactions as posted
from daybook.market import dated, security_master

Ints = NDArray[np.int64]

_ROW = ["session", "book", "instrument", "currency"]
_AMOUNTS = (
    *("traded", "bought", "consideration", "fees", "income", "external", "transferred", "fee_kind"),
    *("inflow", "transferred_in"),
)


@dataclass(frozen=True)
class Journal:
    """Postings of every book, exact: money in 10^-6, quantities in 10^-8, dates as days since 1970-01-01.

    Attributes:
        books: reference facts, dated by valid_from.
        instruments: reference facts, dated by valid_from.
        entries: transactions that were posted (``transactions.entries``), without dividends that confirm an action.
        events: trades, transfers and splits of every holding in the order of contract 2.1, with the number of the
            holding (``group``).
        matched: lots of those events.
        parts: what was realised, with gain, gain_base, market_gain_base and currency_gain_base.
        dividends: derived from corporate actions (``entitlements.dividends``).
        flows: movements of money (``cash.flows``).
        failed: book, business_date (first session without results) and reason, one row per failed book.
    """

    books: pd.DataFrame
    instruments: pd.DataFrame
    entries: pd.DataFrame
    events: pd.DataFrame
    matched: lots_of.Matched
    parts: pd.DataFrame
    dividends: pd.DataFrame
    flows: pd.DataFrame
    failed: pd.DataFrame

    def rows(self, book: Any, start: Ints, end: Ints, sessions: pd.DatetimeIndex) -> tuple[Ints, pd.DatetimeIndex]:
        """The (row, session) pairs in which rows that hold from ``start`` to the day before ``end`` appear.

        Args:
            book: book of each row.
            start: first day.
            end: day after the last.
            sessions: sorted; a row appears on those of its book's calendar, before the session on which it failed.

        Returns:
            Position of the row, and the session.
        """
        code, names = pd.factorize(np.asarray(book, object))
        failing = dict(zip(self.failed["book"], dated.days(self.failed["business_date"]), strict=True))
        last = np.array([failing.get(name, spans.FOREVER) for name in names], np.int64)
        days = dated.days(sessions)
        row, at = spans.covered(start, np.minimum(end, last[code]) if len(code) else end, days)
        keep = self._open(names, sessions)[code[row], at]
        return row[keep], sessions[at[keep]]

    def _open(self, names: Any, sessions: pd.DatetimeIndex) -> NDArray[np.bool_]:
        """Whether the calendar of each of ``names`` is open on each of ``sessions``."""
        book, date = np.repeat(np.asarray(names, object), len(sessions)), np.tile(sessions.to_numpy(), len(names))
        at = security_master.in_force(self.books, "book", book, date)
        calendar = self.books["calendar"].to_numpy(object)[at]
        found = np.zeros(len(book), bool)
        for name in pd.unique(calendar):
            of = calendar == name
            found[of] = calendars.is_session(name, date[of])
        return found.reshape(len(names), len(sessions))


def journal(
    transactions: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    order: Sequence[str],
    through: pd.Timestamp,
) -> Journal:
    """Post ``transactions`` and the corporate actions on what they hold.

    Args:
        transactions: result of ``transactions.live``, exact columns as Decimals or None.
        corporate_actions: current facts; splits and cash dividends are posted, another kind stops the books that hold
            the instrument, by name.
        books: reference facts, dated by valid_from.
        instruments: reference facts, dated by valid_from.
        raw_fx_rates: facts; closing rates for trades without their own.
        order: preference among the sources of exchange rates.
        through: last session that matters.
    """
    entries = posted.entries(transactions, books, instruments, raw_fx_rates, order, through)
    good = entries[entries["reason"] == ""].reset_index(drop=True)
    trades, holdings = _holdings(good)
    actions = entitlements.touching(corporate_actions, holdings, books, through)
    events = _events(trades, actions[(actions["kind"] == entitlements.SPLIT) & (actions["reason"] == "")])
    matched = lots_of.match(events[list(lots_of.REQUIRED)])
    held = holding_spans(events, matched)
    parts, parts_good = _gains(matched.parts, events)
    dividends = entitlements.dividends(actions, held)
    kept = good[~_confirmed(good, dividends)].reset_index(drop=True)
    moved = cash.flows(kept, dividends)
    failed = [
        entries.loc[entries["reason"] != "", ["book", "session", "reason"]],
        _failed_actions(actions, held),
        _failed_events(events, matched),
        _too_large(events.take(parts.loc[~parts_good, "closing"].to_numpy()), "a gain"),
        _too_large(dividends[~dividends["good"]], "a dividend"),
        _too_large(cash.overflows(moved), "the cash balance"),
    ]
    return Journal(books, instruments, kept, events, matched, parts, dividends, moved, _first_failures(failed))


def failures(journal: Journal) -> pd.DataFrame:
    """Books that could not be computed: book, business_date (the first session without results), reason.

    One row per book, for its earliest failure; several reasons of that session are joined by "; ".
    """
    return journal.failed.copy()


def activity(journal: Journal, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """What happened on each of ``sessions``, per book, instrument and currency; local money, no market values.

    Returns:
        business_date, book, instrument (a security, or CASH:<CCY>), currency (of the amounts) and

        * traded_quantity: signed units in terms of that session; of an fx trade, in the row of the cash bought, the
          amount bought (its currency is the one paid);
        * consideration: of trades, received positive, with accrued interest and without charges;
        * fees: charges of trades in the security's row, the kinds fee and tax in the cash row; a cost is negative;
        * income: net of withholding; dividends on their ex session in the security's row, interest and dividends
          without an instrument in the cash row;
        * external: money from (+) or to (-) the outside;
        * transferred_quantity: signed units by transfer_in and transfer_out;
        * fee_kind: the part of fees that is of kind ``fee``;
        * inflow, transferred_in: the part of external and of transferred_quantity that came in, whatever went out on
          the same day (contract 2.8).
    """
    entries, units = journal.entries, _own_units(journal)
    kind = entries["kind"]
    transferred = units.where(kind.isin(posted.TRANSFERS), 0)
    own = entries[[*_ROW, "consideration", "income", "external", "bought"]].assign(
        traded=units.where(kind.isin(posted.TRADES), 0),
        fees=entries["charges"],
        transferred=transferred,
        fee_kind=entries["charges"].where(kind == "fee", 0),
        inflow=entries["external"].clip(lower=0),
        transferred_in=transferred.clip(lower=0),
    )
    nothing = dict.fromkeys([name for name in _AMOUNTS if name != "income"], 0)
    accrued = journal.dividends[[*_ROW, "amount"]].rename(columns={"amount": "income"}).assign(**nothing)
    both = pd.concat([own, accrued], ignore_index=True)
    day = both["session"].to_numpy()
    row, business_date = journal.rows(both["book"], day, day + 1, sessions)
    chosen = both.take(row).assign(business_date=business_date)
    keys = ["business_date", "book", "instrument", "currency"]
    total = chosen.groupby(keys, as_index=False)[list(_AMOUNTS)].sum()
    exactly = {name: total[name].to_numpy(np.int64) for name in _AMOUNTS}
    return total[keys].assign(
        # A row is of a security or of cash, so one of the two is 0.
        traded_quantity=exact.units(exactly["traded"]) + exact.money(exactly["bought"]),
        consideration=exact.money(exactly["consideration"]),
        fees=exact.money(exactly["fees"]),
        income=exact.money(exactly["income"]),
        external=exact.money(exactly["external"]),
        transferred_quantity=exact.units(exactly["transferred"]),
        fee_kind=exact.money(exactly["fee_kind"]),
        inflow=exact.money(exactly["inflow"]),
        transferred_in=exact.units(exactly["transferred_in"]),
        variation=0.0,
    )


def holding_spans(events: pd.DataFrame, matched: lots_of.Matched) -> spans.Spans:
    """Quantity, cost and cost_base of each holding over time: the sums of its lots."""
    states, session = matched.states, events["session"].to_numpy()
    group = events["group"].to_numpy()[states["opened"]]
    ended = (states["until"] >= 0).to_numpy()
    values = [states[name].to_numpy() for name in ("quantity", "cost", "cost_base")]
    return spans.running(
        np.r_[group, group[ended]],
        np.r_[session[states["since"]], session[states.loc[ended, "until"]]],
        *(np.r_[value, -value[ended]] for value in values),
    )


def _holdings(good: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trades and transfers with the number of their holding, and the book, instrument and currency of each number."""
    trades = good[good["kind"].isin(posted.SECURITIES)].assign(entry=lambda rows: rows.index)
    keys = ["book", "instrument"]
    trades["group"] = trades.groupby(keys).ngroup().astype(np.int64)
    holdings = trades.drop_duplicates("group")[["group", *keys, "currency"]].sort_values("group", ignore_index=True)
    return trades, holdings


def _events(trades: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Trades, transfers and splits in order; a split comes before the trades of its date."""
    transfers = trades["kind"].isin(posted.TRANSFERS)
    names = ["group", "book", "instrument", "currency", "session", "date"]
    traded = trades[[*names, "transaction_id", "kind", "settle", "opened_on", "quantity", "cost", "cost_base"]].assign(
        fx_rate=trades["fx_rate"],
        shorts=trades["shorts"],
        entry=trades["entry"],
        event=np.where(transfers, lots_of.TRANSFER, lots_of.TRADE).astype(np.int8),
    )
    restating = splits[[*names, "cash_in_lieu_price"]].assign(
        transaction_id=splits["action_id"],
        kind=splits["kind"],
        settle=splits["session"],
        opened_on=splits["session"],
        quantity=splits["numerator"],
        cost=splits["denominator"],
        cost_base=0,
        fx_rate=np.full(len(splits), exact.decimal(1), object),
        shorts=True,
        entry=-1,
        event=np.int8(lots_of.SPLIT),
    )
    traded["cash_in_lieu_price"] = np.nan
    events = pd.concat([restating, traded], ignore_index=True) if len(restating) else traded
    return events.sort_values(["session", "date"], kind="stable", ignore_index=True)


def _gains(parts: pd.DataFrame, events: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Realised parts with their gains, and whether these fit into 64 bits."""
    gain = parts["proceeds"] - parts["cost"]
    gain_base = parts["proceeds_base"] - parts["cost_base"]
    rate = events["fx_rate"].to_numpy()[parts["closing"]]
    market, good = exact.products(0, gain.to_numpy(), rate)
    currency = gain_base - market
    good = good & (np.abs(gain_base.to_numpy(np.float64) - market) < float(exact.LIMIT))
    return parts.assign(gain=gain, gain_base=gain_base, market_gain_base=market, currency_gain_base=currency), good


def _confirmed(good: pd.DataFrame, dividends: pd.DataFrame) -> NDArray[np.bool_]:
    """Dividend transactions that add nothing: they name an action, or one of their book and date was posted."""
    paid = pd.concat([dividends[["book", "instrument"]].assign(date=dividends[name]) for name in ("date", "pay_on")])
    known = pd.MultiIndex.from_frame(paid)
    same = pd.MultiIndex.from_frame(good[["book", "instrument", "date"]]).isin(known)
    return np.asarray((good["kind"] == "dividend") & ((good["action_id"] != "") | same))


def _failed_actions(actions: pd.DataFrame, held: spans.Spans) -> pd.DataFrame:
    """Actions that cannot be posted, of the books that hold the instrument before ex_date."""
    bad = actions[actions["reason"] != ""]
    quantity = held.before(bad["group"].to_numpy(), bad["session"].to_numpy())[0]
    failed: pd.DataFrame = bad.loc[quantity != 0, ["book", "session", "reason"]]
    return failed


def _failed_events(events: pd.DataFrame, matched: lots_of.Matched) -> pd.DataFrame:
    """Events that the lots do not allow."""
    kind, name = events["kind"], "transaction " + events["transaction_id"] + ": "
    opened = np.zeros(len(events), bool)
    opened[matched.states["opened"]] = True
    first = events.groupby("group")["currency"].transform("first")
    tests: list[tuple[Any, Any]] = [
        (matched.overflowed, "a lot does not fit into 64 bits"),
        (
            matched.short & (kind == "sell") & ~events["shorts"].astype(bool),
            "sells more " + events["instrument"] + " than the book holds, and it may not be short",
        ),
        ((kind == "transfer_out") & opened, "transfers out more " + events["instrument"] + " than the book holds"),
        (
            events["currency"] != first,
            events["instrument"] + " in both " + first + " and " + events["currency"] + " is not supported yet",
        ),
        (_fractions(events, matched), "cash in lieu of fractions of " + events["instrument"] + " is not supported yet"),
    ]
    found = [events.loc[np.asarray(bad, bool), ["book", "session"]].assign(reason=name + text) for bad, text in tests]
    return pd.concat(found)


def _fractions(events: pd.DataFrame, matched: lots_of.Matched) -> NDArray[np.bool_]:
    """Splits that pay out fractions and leave some."""
    states = matched.states
    held = np.zeros(len(events), np.int64)
    np.add.at(held, states["since"].to_numpy(), states["quantity"].to_numpy())
    return np.asarray(events["cash_in_lieu_price"].notna() & (held % 10**exact.QUANTITY != 0))


def _too_large(rows: pd.DataFrame, what: str) -> pd.DataFrame:
    return rows[["book", "session"]].assign(reason=what + " in " + rows["currency"] + " does not fit into 64 bits")


def _first_failures(found: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The earliest failures of each book."""
    every = pd.concat(found, ignore_index=True).drop_duplicates().sort_values(["book", "session", "reason"])
    first = every[every["session"] == every.groupby("book")["session"].transform("min")]
    reasons = first.groupby("book", as_index=False).agg(session=("session", "first"), reason=("reason", "; ".join))
    return pd.DataFrame(
        {
            "book": reasons["book"].astype("str"),
            "business_date": spans.dates(reasons["session"].to_numpy(np.int64)),
            "reason": reasons["reason"].astype("str"),
        }
    )


def _own_units(journal: Journal) -> "pd.Series[int]":
    """Signed quantity of each entry in terms of its own session: restated by splits that come after it that session."""
    units = journal.entries["quantity"].copy()
    pairs, events = journal.matched.restated, journal.events
    session = events["session"].to_numpy()
    same = pairs[session[pairs["trade"]] == session[pairs["split"]]].drop_duplicates("trade", keep="last")
    entry = events["entry"].to_numpy()[same["trade"]]
    units.iloc[entry] = same["quantity"].to_numpy()
    return units
