"""Checkpoints: the ledger at the close of a session, small, from which it goes on without the log before it.

Belongs here: what is kept of the past, which of it must be followed from its beginning all the same, whether the past
is still what it was. Does not belong here: what the journal makes of it (``journal``), where checkpoints are stored.

What follows from a checkpoint is the same to the last digit as what follows from the whole log, so only that is cut
which is settled for good: a book's holding in an instrument becomes its open lots when nothing that comes later can
look behind them. Followed from the beginning are

* books that failed, and books whose lots are in a pool of several: their lots are one, and so are their failures;
* holdings between which lots can move (spin-offs, mergers, rights, exercises), futures and forwards;
* what was traded or realised within ``WINDOW`` days, or is not settled: wash sales and the UK rules look back;
* what may still be elected, lots that a split rounded to nothing, and lots beside a pool.

Money becomes one sum for each book and currency, except what is to settle, dividends to be paid or confirmed, claims
to tax, and settled balances on which interest accrues since it was last paid.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars
from daybook.ledger import cash, elections, entitlements, exact, interest, lots, spans
from daybook.ledger import transactions as posted
from daybook.market import dated, security_master
from daybook.tables import FACT_COLUMNS, empty

if TYPE_CHECKING:
    from daybook.ledger.journal import Journal

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

WINDOW = 31
"""Calendar days in which a trade can still be matched with a later one: 30 for wash sales and the UK rules."""
_HOLDING = ["book", "instrument"]
_LARGEST_RATE = 1000.0


@dataclass(frozen=True)
class Checkpoint:
    """The ledger at the close of ``session``: exact, money in 10^-6, units in 10^-8, dates as days since 1970-01-01.

    Attributes:
        session: the last one that it knows.
        settled: a date up to which, on the calendar of every book, all was booked by the session: the last session
            before it of the market that was closed for longest.
        key: of the facts that it was made of; ``usable`` compares it.
        log: the transactions up to the session that are still followed one by one, as ``transactions.live`` has them.
        holdings: book, pool_scope, pool, instrument and currency of the holdings that are cut, open or not, with what
            ``pools.pooled`` asks of a trade.
        lots: their open lots, the oldest first: the same columns and transaction_id (the lot's name), opened_on,
            account, quantity, cost, cost_base and pooled.
        payments: of actions on these holdings (``entitlements.payments``) that are not paid, or may be confirmed.
        flows: all other money of the past (``cash.flows``), added up.
    """

    session: pd.Timestamp
    settled: int
    key: str
    log: pd.DataFrame
    holdings: pd.DataFrame
    lots: pd.DataFrame
    payments: pd.DataFrame
    flows: pd.DataFrame

    @property
    def day(self) -> int:
        """Day number of the session."""
        return int(dated.days([self.session])[0])

    def followed(self, rows: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
        """Transactions from which the ledger goes on: those of ``log``, and of ``rows`` those that came after.

        Args:
            rows: result of ``transactions.live``; what the checkpoint knows may be among them or not.
            books: reference facts, dated by valid_from.
        """
        later = rows[_sessions(rows, books) > self.day]
        if self.log.empty or later.empty:
            return (later if self.log.empty else self.log).reset_index(drop=True)
        return pd.concat([self.log, later], ignore_index=True)


def taken(
    transactions: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    session: pd.Timestamp,
    order: Sequence[str],
    *,
    cash_rates: pd.DataFrame | None = None,
    elections: pd.DataFrame | None = None,
) -> Checkpoint:
    """The checkpoint at the close of ``session``; the arguments are those of ``ledger.derive``."""
    from daybook.ledger import journal

    rates = empty("cash_rates") if cash_rates is None else cash_rates
    rows = posted.live(transactions)
    rows = rows[_sessions(rows, books) <= dated.days([session])[0]].reset_index(drop=True)
    made = journal.journal(rows, corporate_actions, books, instruments, raw_fx_rates, order, session, elections)
    facts = (corporate_actions, books, instruments, raw_fx_rates, session, order)
    settled = _settled(books, session)
    return _of(made, rows, corporate_actions, rates, session, settled, _key(rows, *facts, rates, elections))


def usable(
    opening: Checkpoint,
    transactions: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    order: Sequence[str],
    *,
    cash_rates: pd.DataFrame | None = None,
    elections: pd.DataFrame | None = None,
) -> bool:
    """Whether the facts up to the session of ``opening`` are those that it was made of, and nothing later needs more.

    A dividend that confirms an action which was paid before, and is set against what it brought, does; so does a
    transaction of the past that is booked later, which tax rules set beside trades of its date. The arguments are those
    of ``ledger.derive``; the log must be the whole.
    """
    rates = empty("cash_rates") if cash_rates is None else cash_rates
    rows = posted.live(transactions)
    known = _sessions(rows, books) <= opening.day
    if (~known & rows["booked_on"].notna().to_numpy() & (dated.days(rows["trade_date"]) <= opening.day)).any():
        return False
    confirming = rows.loc[~known & (rows["kind"] == "dividend").to_numpy(), "action_id"]
    paid = dated.days(corporate_actions["pay_date"].fillna(corporate_actions["ex_date"])) <= opening.settled
    past = paid & (corporate_actions["ex_date"] <= opening.session).to_numpy()
    if corporate_actions.loc[past, "action_id"].isin(confirming).any():
        return False
    facts = (corporate_actions, books, instruments, raw_fx_rates, opening.session, order)
    return _key(rows[known], *facts, rates, elections) == opening.key


def _sessions(rows: pd.DataFrame, books: pd.DataFrame) -> Ints:
    """Day number of the session on which each transaction is booked."""
    at = security_master.in_force(books, "book", rows["book"], rows["trade_date"])
    calendar = pd.Series(np.append(books["calendar"].to_numpy(object), "")[at], rows.index, dtype="str")
    return posted.booked(calendar, posted.dated_on(rows))


def _key(
    rows: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    session: pd.Timestamp,
    order: Sequence[str],
    cash_rates: pd.DataFrame,
    elected: pd.DataFrame | None,
) -> str:
    """Hash of all that the books up to ``session`` follow from, in whatever order and however it came."""
    elected = empty("elections") if elected is None else elected
    own = books[books["book"].isin(rows["book"])]
    terms = instruments[instruments["instrument"].isin(rows["instrument"])]
    under = instruments[instruments["instrument"].isin(terms["underlying"]) & ~instruments.index.isin(terms.index)]
    parts = [
        rows,
        corporate_actions[corporate_actions["ex_date"] <= session],
        _known(own, "book", session),
        _known(pd.concat([terms, under]), "instrument", session),
        raw_fx_rates[raw_fx_rates["business_date"] <= session],
        cash_rates[cash_rates["valid_from"] <= session],
        elected[elected["elected_on"] <= session],
    ]
    digest = hashlib.sha256(repr((str(session), tuple(order))).encode())
    for part in parts:
        content = part.drop(columns=[name for name in FACT_COLUMNS if name in part])
        digest.update(np.sort(pd.util.hash_pandas_object(content, index=False).to_numpy()).tobytes() + b"|")
    return digest.hexdigest()


def _known(facts: pd.DataFrame, name: str, session: pd.Timestamp) -> pd.DataFrame:
    """Facts in force by ``session``; before its first one, that one is."""
    first = facts["valid_from"] == facts.groupby(name)["valid_from"].transform("min")
    known: pd.DataFrame = facts[first | (facts["valid_from"] <= session)]
    return known


def _of(
    made: "Journal",
    rows: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    cash_rates: pd.DataFrame,
    session: pd.Timestamp,
    settled: int,
    key: str,
) -> Checkpoint:
    """What is kept of the journal ``made`` of ``rows``."""
    day = int(dated.days([session])[0])
    entries, held = made.entries, made.holdings
    whole = _whole(made, cash_rates)
    cut = _cut(made, corporate_actions, whole, settled)
    known = pd.MultiIndex.from_arrays([held["pool"].to_numpy(object)[cut], held["instrument"].to_numpy(object)[cut]])

    def of_cut(frame: pd.DataFrame) -> Flags:
        return np.asarray(pd.MultiIndex.from_frame(frame[_HOLDING]).isin(known))

    done = _done(entries, day, settled) & ~entries["book"].isin(whole).to_numpy()
    done &= ~entries["kind"].isin(posted.UNITS).to_numpy() | of_cut(entries)
    followed = rows["book"].isin(whole) | rows["transaction_id"].isin(entries["transaction_id"][~done])
    payments = made.payments[of_cut(made.payments)]
    late = (payments["pay"] > day) | (payments[["pay_on", "date"]].max(axis=1) > settled)
    late |= payments["accrual_kind"] == entitlements.RECLAIM
    flows = cash.flows(entries[done], payments[~late])
    cut_off = held.loc[cut, ["pool_scope", "pool", "instrument", "currency"]]
    return Checkpoint(
        session,
        settled,
        key,
        rows[followed].reset_index(drop=True),
        cut_off.assign(book=cut_off["pool"], underlying="", session=day, date=day).reset_index(drop=True),
        _lots(made, cut),
        payments[late].reset_index(drop=True),
        _summed(flows, entries, cash_rates, day),
    )


def _whole(made: "Journal", cash_rates: pd.DataFrame) -> "pd.Index[Any]":
    """Books that are followed from the beginning."""
    entries, flows = made.entries, made.flows
    shared = entries.loc[entries["pool_scope"] != "book", "book"]
    # Sums that come near to 64 bits might go beyond them when they are taken in another order.
    size = flows["amount"].abs().astype("float64").groupby(flows["book"]).sum()
    large = size.index[size >= float(exact.LIMIT) / 4]
    rated = _rated(flows[cash.STREAM].drop_duplicates(), cash_rates)
    unknown = ~rated["day_count"].isin(["", *interest.YEARS])
    for name in ("credit_rate", "debit_rate"):
        unknown |= rated[name].abs().fillna(0.0) > _LARGEST_RATE
    found: list[Any] = [made.failed["book"], shared, pd.Series(large, dtype="str"), rated.loc[unknown, "book"]]
    named: pd.Index[Any] = pd.Index(pd.concat(found).unique(), dtype="str")
    return named


def _rated(streams: pd.DataFrame, cash_rates: pd.DataFrame) -> pd.DataFrame:
    """Books and currencies with each rate that they may have."""
    general = cash_rates[cash_rates["book"] == ""].drop(columns="book")
    own = cash_rates[cash_rates["book"] != ""]
    return pd.concat([streams.merge(general, on="currency"), streams.merge(own, on=cash.STREAM)], ignore_index=True)


def _cut(made: "Journal", corporate_actions: pd.DataFrame, whole: "pd.Index[Any]", settled: int) -> Flags:
    """Which holdings are given by their open lots."""
    held, events, states = made.holdings, made.events, made.matched.states
    group = held["group"].to_numpy(np.int64)
    alone = np.bincount(group)[group] == 1 if len(group) else np.zeros(0, bool)
    cut = alone & (held["pool_scope"] == "book").to_numpy() & ~held["pool"].isin(whole).to_numpy()
    own = (events["entry"] >= 0).to_numpy()
    # What an action realises can be a loss too.
    realised = own.copy()
    realised[made.parts["closing"]] = True
    recent = realised & ((events["date"] > settled - WINDOW) | (events["settle"] > settled)).to_numpy()
    of = events["entry"].to_numpy(np.int64)[own]
    unfunded = own.copy()
    unfunded[own] = made.entries["asset_class"].isin(posted.UNFUNDED).to_numpy()[of]
    ends = elections.deadline(corporate_actions)
    pending = corporate_actions.loc[dated.days(ends) > settled, "action_id"]
    chosen = (events["event"] == lots.RECORD).to_numpy() & events["transaction_id"].isin(pending).to_numpy()
    cut[events["holding"].to_numpy(np.int64)[recent | unfunded | chosen]] = False
    still = states[states["until"].to_numpy() < 0]
    sign, holding = np.sign(still["quantity"].to_numpy()), still["holding"].to_numpy(np.int64)
    side = np.zeros(len(held), np.int64)
    side[holding] = sign
    # A pool would take in the lots beside it.
    mixed = (still["lot"] < 0).to_numpy() & (np.bincount(holding, minlength=len(held))[holding] > 1)
    cut[holding[(sign == 0) | (sign != side[holding]) | mixed]] = False
    return np.asarray(cut, bool)


def _lots(made: "Journal", cut: Flags) -> pd.DataFrame:
    """Open lots of the holdings that are cut, the first in first."""
    states = made.matched.states
    rows = states[(states["until"].to_numpy() < 0) & cut[states["holding"]]].assign(pooled=lambda r: r["lot"] < 0)
    since = made.events["opened_on"].to_numpy(np.int64)[rows["opened"]]
    rows = rows.assign(since=since).sort_values(["holding", "since", "opened"], kind="stable")
    held = made.holdings.take(rows["holding"].to_numpy(np.int64))[["pool_scope", "pool", "instrument", "currency"]]
    opened = made.events.take(rows["opened"].to_numpy(np.int64))[["transaction_id", "opened_on", "account"]]
    amounts = rows[["quantity", "cost", "cost_base", "pooled"]]
    parts = [part.reset_index(drop=True) for part in (held, opened, amounts)]
    return pd.concat(parts, axis=1).assign(book=lambda found: found["pool"])


def _settled(books: pd.DataFrame, session: pd.Timestamp) -> int:
    """The last session of the calendar of each book by ``session``, of these the first."""
    last = [
        calendars.previous_session(name, [session + pd.Timedelta(days=1)])
        for name in books["calendar"].unique()
        if calendars.is_calendar(name)
    ]
    known = [dated.days(one)[0] for one in last if one.notna().all()]
    return int(min(known)) if len(known) == len(last) and known else spans.NEVER


def _done(entries: pd.DataFrame, day: int, settled: int) -> Flags:
    """Entries of which nothing but their money matters any more, as far as they tell themselves."""
    kind = entries["kind"]
    reclaim = (kind == "tax") & (entries["action_id"] != "")
    unfunded = entries["asset_class"].isin(posted.UNFUNDED) | (kind == "variation_margin")
    done = (entries["settle"] <= settled) & ~reclaim & ~unfunded
    paid = (kind == "interest") & (entries["named"] == "")
    return np.asarray(done & ~(paid & (entries["session"] >= _paid(entries, entries, day))))


def _paid(rows: pd.DataFrame, entries: pd.DataFrame, day: int) -> Ints:
    """Session on which interest on the cash of each row's book and currency was last paid, by ``day``."""
    paid = entries[(entries["kind"] == "interest") & (entries["named"] == "") & (entries["session"] <= day)]
    last = paid.groupby(cash.STREAM)["session"].max()
    at = last.index.get_indexer(pd.MultiIndex.from_frame(rows[cash.STREAM]))
    return np.append(last.to_numpy(np.int64), np.iinfo(np.int64).min)[at]


def _summed(flows: pd.DataFrame, entries: pd.DataFrame, cash_rates: pd.DataFrame, day: int) -> pd.DataFrame:
    """``flows`` as one sum for each book and currency; where interest accrues, for each day since it was paid."""
    rated = pd.MultiIndex.from_frame(_rated(flows[cash.STREAM].drop_duplicates(), cash_rates)[cash.STREAM])
    bears = pd.MultiIndex.from_frame(flows[cash.STREAM]).isin(rated)
    on = np.where(bears, np.maximum(flows["settle"].to_numpy(np.int64), _paid(flows, entries, day)), day)
    sums = flows.assign(settle=on).groupby([*cash.STREAM, "settle"], as_index=False)["amount"].sum()
    return pd.DataFrame(sums.assign(session=sums["settle"], accrue=sums["settle"], accrual_kind=""))
