"""Postings: double entry. What each transaction, action and settlement debits (+) and credits (-), in each currency.

Belongs here: the chart of accounts, the postings of rows of the log as they are stored, the journal of a session, and
whether debits are credits. Does not belong here: the amounts (``transactions``, ``entitlements``), lots, market values.

The chart of accounts (``ledger_account``):

* securities: holdings at cost, with charges; a sale credits the cost of what it closes.
* contracts: what futures and forwards agree to pay, against their cost in ``securities``, and what futures gained.
* cash: settled. unsettled: traded, until the settlement date. receivables: accrued, also what is owed.
* capital: money and securities from (credit) and to (debit) the outside.
* income: dividends and interest. fees, taxes: of those kinds, and charges that are no part of a cost.
* realised_gains: proceeds less cost.
* fx_trading: one currency against the other, where something is exchanged.
* between_books: what books that share a pool of lots owe each other at cost.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger import exact, spans
from daybook.ledger import transactions as posted
from daybook.market import security_master

if TYPE_CHECKING:
    from daybook.ledger.journal import Journal

Ints = NDArray[np.int64]

ACCOUNTS = (
    *("securities", "contracts", "cash", "unsettled", "receivables", "capital", "income", "fees", "taxes"),
    *("realised_gains", "fx_trading", "between_books"),
)
"""The chart of accounts."""
_WHOSE = ["session", "book", "transaction_id", "kind"]
_LEG = ["row", "ledger_account", "instrument", "currency", "debit", "quantity"]


def of_log(log: pd.DataFrame, books: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """The postings with which rows of the log are stored: before lots, so that a sale credits its proceeds.

    A cancel posts nothing: which rows of the log count is for ``transactions.live`` to say.

    Args:
        log: rows of table ``transactions``, exact columns as Decimals or None.
        books: reference facts, dated by valid_from.
        instruments: reference facts, dated by valid_from.

    Returns:
        delivery, line, posting (1, 2, ...), transaction_id, book, kind, ledger_account, instrument, currency, debit
        (10^-6) and quantity (10^-8), at least two rows for each row of ``log`` that is no cancel, in its order.
    """
    rows = log[log["kind"] != "cancel"].reset_index(drop=True)
    if rows.empty:
        return pd.DataFrame(columns=["delivery", "line", "posting", "transaction_id", "book", "kind", *_LEG[1:]])
    # The id of a row need not be unique in several deliveries; its place is.
    numbered = rows.assign(transaction_id=rows.index.astype("str"))
    through = posted.dated_on(rows).max() + pd.Timedelta(days=60)
    entries = posted.entries(numbered, books, instruments, tables.empty("raw_fx_rates"), (), through)
    entries = entries.set_index(entries["transaction_id"].astype("int64")).sort_index()
    out = entries["quantity"] * 0 + np.where(entries["kind"] == "transfer_out", entries["notional"], 0)
    legs = _ordered(pd.concat([*_money(entries), *_held(entries, entries["cost"] + out)], ignore_index=True))
    # A row with a number beyond 64 bits posts nothing: its book fails by name from there on.
    gaps = legs.groupby(["row", "currency"])["debit"].sum()
    beyond = gaps.index[gaps != 0].get_level_values("row").intersection(entries.index[entries["reason"] != ""])
    legs["debit"] = legs["debit"].where(~legs["row"].isin(beyond), 0)
    whose = (
        rows[["delivery", "line", "transaction_id", "book", "kind"]].take(legs["row"].to_numpy()).reset_index(drop=True)
    )
    return pd.concat([whose, legs.drop(columns="row")], axis=1)


def postings(journal: "Journal", marks: pd.DataFrame, earned: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The journal of each of ``sessions``.

    Nothing is posted to make ends meet, except what a transfer is worth to the outside, what two currencies cost in
    each other, and what books of a shared pool owe each other; each of these comes in one kind of transaction alone.

    Args:
        journal: of the books.
        marks: what futures gained in ``sessions`` (``margin.marks``).
        earned: interest accrued in ``sessions`` (``interest.earned``).
        sessions: midnight, naive.

    Returns:
        Table ``postings``; the transaction_id of what an action does is its action_id, of a mark to the market
        ``variation_margin:<instrument>``, of accrued interest ``interest:<currency>``. A settlement is posted on its
        own session under the id of its trade.
    """
    own = _own(journal)
    legs = pd.concat([*own, _payments(journal), _settlements(journal)], ignore_index=True)
    row, business_date = journal.rows(
        legs["book"], legs["session"].to_numpy(), legs["session"].to_numpy() + 1, sessions
    )
    legs = pd.concat(
        [legs.take(row).assign(business_date=business_date).drop(columns="session"), *_accrued(marks, earned)],
        ignore_index=True,
    )
    keys = ["business_date", "book", "transaction_id"]
    summed = [*keys, "kind", "ledger_account", "instrument", "currency"]
    total = pd.DataFrame(legs.groupby(summed, as_index=False)[["debit", "quantity"]].sum())
    total = pd.concat([total, _exchanged(total, _shared(journal))], ignore_index=True)
    total["place"] = total["ledger_account"].map({name: at for at, name in enumerate(ACCOUNTS)})
    total = total.sort_values([*keys, "place", "currency", "instrument", "kind"], kind="stable", ignore_index=True)
    total["posting"] = total.groupby(keys).cumcount() + 1
    total["debit"] = exact.money(total["debit"].to_numpy(np.int64))
    total["quantity"] = exact.units(total["quantity"].to_numpy(np.int64))
    return tables.conform("postings", total.drop(columns="place"))


def imbalances(postings: pd.DataFrame) -> pd.DataFrame:
    """Where debits are not credits: business_date, book, transaction_id, currency and gap, of table ``postings``.

    Books that share a pool of lots balance each by itself too.
    """
    keys = ["business_date", "book", "transaction_id", "currency"]
    micro = np.rint(postings["debit"] * 10.0**exact.MONEY).astype(np.int64)
    gap = pd.DataFrame(postings[keys].assign(gap=micro).groupby(keys, as_index=False)["gap"].sum())
    gap["gap"] = exact.money(gap["gap"].to_numpy())
    offenders: pd.DataFrame = gap[gap["gap"] != 0].reset_index(drop=True)
    return offenders


def trial_balance(postings: pd.DataFrame) -> pd.DataFrame:
    """Balance of each account: book, ledger_account, currency and debit (a credit is negative), zero ones included.

    Args:
        postings: table ``postings`` of every session up to the day.
    """
    keys = ["book", "ledger_account", "currency"]
    micro = np.rint(postings["debit"] * 10.0**exact.MONEY).astype(np.int64)
    total = pd.DataFrame(postings[keys].assign(debit=micro).groupby(keys, as_index=False)["debit"].sum())
    total["debit"] = exact.money(total["debit"].to_numpy())
    return total


def _leg(rows: pd.DataFrame, account: Any, debit: Any, where: Any, **other: Any) -> pd.DataFrame:
    """One posting of each of ``rows`` ``where`` it applies; by default in its instrument and currency, no quantity."""
    made = pd.DataFrame({"row": rows.index, "ledger_account": account}, index=rows.index)
    made["instrument"] = other.get("instrument", "")
    made["currency"] = other.get("currency", rows["currency"])
    made["debit"], made["quantity"] = debit, other.get("quantity", 0)
    chosen: pd.DataFrame = made[np.asarray(where, bool)]
    return chosen


def _held(entries: pd.DataFrame, cost: "pd.Series[int]") -> list[pd.DataFrame]:
    """Securities at ``cost``, what an exercise delivers, and the other side of a transfer."""
    units, transfer = entries["kind"].isin(posted.UNITS), entries["kind"].isin(posted.TRANSFERS)
    own = {"instrument": entries["instrument"], "quantity": entries["quantity"]}
    delivered = {"instrument": entries["underlying"], "quantity": entries["underlying_quantity"]}
    return [
        _leg(entries, "securities", cost, units, **own),
        _leg(entries, "securities", entries["underlying_cost"], entries["underlying"] != "", **delivered),
        _leg(entries, "capital", entries["notional"] - cost, transfer, instrument=entries["instrument"]),
    ]


def _money(entries: pd.DataFrame) -> list[pd.DataFrame]:
    """Money, and whatever it stands against beside securities."""
    kind = entries["kind"]
    where = np.where(entries["settle"] > entries["session"], "unsettled", "cash")
    charges = entries["charges"].where(~kind.isin((*posted.TRADES, *posted.CLOSINGS)), 0)
    received = entries[["consideration", "charges", "income", "external", "variation"]].sum(axis=1)
    own, bought = {"instrument": entries["instrument"]}, {"currency": entries["bought_currency"]}
    fx = kind == "fx"
    moved = (received != 0) | (~kind.isin(posted.TRANSFERS) & ~fx)
    return [
        _leg(entries, where, received, moved | fx),
        _leg(entries, where, entries["bought"], fx, **bought),
        _leg(entries, "fx_trading", -entries["consideration"], fx),
        _leg(entries, "fx_trading", -entries["bought"], fx, **bought),
        _leg(entries, "capital", -entries["external"], entries["external"] != 0),
        _leg(entries, "income", -entries["income"], entries["income"] != 0, **own),
        _leg(entries, np.where(kind == "tax", "taxes", "fees"), -charges, charges != 0),
        _leg(entries, "receivables", -entries["variation"], kind == "variation_margin", **own),
        _leg(entries, "contracts", -entries["notional"], entries["notional"] != 0, **own),
    ]


def _ordered(legs: pd.DataFrame) -> pd.DataFrame:
    """Postings by row, securities first, numbered from 1."""
    place = legs["ledger_account"].map({name: at for at, name in enumerate(ACCOUNTS)})
    order = np.lexsort((legs["currency"], legs["instrument"], place, legs["row"]))
    legs = legs.take(order).reset_index(drop=True)
    legs["posting"] = legs.groupby("row").cumcount() + 1
    return legs[["row", "posting", *_LEG[1:]]]


def _own(journal: "Journal") -> list[pd.DataFrame]:
    """What transactions and actions do on their own session, money of actions apart."""
    entries, events = journal.entries, journal.events
    held = _securities(journal)
    moved = held.groupby("event")["debit"].sum()
    entry = events["entry"].to_numpy()[moved.index.to_numpy(np.int64)]
    cost = pd.Series(moved.to_numpy(np.int64)[entry >= 0]).groupby(entry[entry >= 0]).sum()
    transfer = entries["kind"].isin(posted.TRANSFERS)
    worth = entries["notional"] - cost.reindex(entries.index, fill_value=0)
    matured = entries["kind"] == posted.SETTLEMENT
    # A forward's own currency pays for the one that it delivers; its position closes at the rate of the day.
    exchanged = -(entries["cost"] + entries["consideration"] - entries["notional"])
    legs = pd.concat(
        [
            *_money(entries),
            _leg(entries, "capital", worth, transfer, instrument=entries["instrument"]),
            _leg(entries, "fx_trading", exchanged, matured),
        ],
        ignore_index=True,
    )
    money = pd.concat([entries[_WHOSE].take(legs["row"].to_numpy()).reset_index(drop=True), legs], axis=1)
    parts = journal.parts
    gains = pd.DataFrame(
        {
            "event": parts["posted"].to_numpy(np.int64),
            "book": journal.book_of(parts["holding"], parts["member"]),
            **_of_holding(journal, parts["holding"]),
            "ledger_account": "realised_gains",
            "debit": -parts["gain"].to_numpy(np.int64),
            "quantity": 0,
        }
    )
    both = pd.concat([held, gains], ignore_index=True)
    at = both["event"].to_numpy(np.int64)
    both = both.assign(**{name: events[name].to_numpy()[at] for name in ("session", "transaction_id", "kind")})
    return [money.drop(columns=["row"]), both.drop(columns="event")]


def _securities(journal: "Journal") -> pd.DataFrame:
    """By how much each event changes the cost and the quantity of each holding: the sums over its lots."""
    states = journal.matched.states
    ended = (states["until"] >= 0).to_numpy()
    gone = states[ended]
    both = pd.concat([states, gone.assign(quantity=-gone["quantity"], cost=-gone["cost"])], ignore_index=True)
    found = pd.DataFrame(
        {
            "event": np.r_[states["since"].to_numpy(np.int64), gone["until"].to_numpy(np.int64)],
            "book": journal.book_of(both["holding"], both["member"]),
            **_of_holding(journal, both["holding"]),
            "ledger_account": "securities",
            "debit": both["cost"].to_numpy(np.int64),
            "quantity": both["quantity"].to_numpy(np.int64),
        }
    )
    keys = ["event", "book", "instrument", "currency", "ledger_account"]
    summed = pd.DataFrame(found.groupby(keys, as_index=False)[["debit", "quantity"]].sum())
    changed: pd.DataFrame = summed[(summed["debit"] != 0) | (summed["quantity"] != 0)]
    return changed


def _of_holding(journal: "Journal", holding: Any) -> dict[str, Any]:
    at = np.asarray(holding, np.int64)
    return {name: journal.holdings[name].to_numpy(object)[at] for name in ("instrument", "currency")}


def _payments(journal: "Journal") -> pd.DataFrame:
    """Money of actions: accrued on their session, cash on the day of payment."""
    paid = journal.payments.rename(columns={"action_id": "transaction_id", "accrual_kind": "kind"}).reset_index(
        drop=True
    )
    own, later = {"instrument": paid["instrument"]}, paid["pay"] > paid["session"]
    first = [
        _leg(paid, np.where(later, "receivables", "cash"), paid["amount"], paid["amount"] != 0),
        _leg(paid, "income", -paid["amount"], paid["income"].astype(bool), **own),
    ]
    then = later & (paid["pay"] < spans.FOREVER)
    second = [_leg(paid, "cash", paid["amount"], then), _leg(paid, "receivables", -paid["amount"], then)]
    accruing, paying = (pd.concat(legs, ignore_index=True) for legs in (first, second))
    rows = pd.concat(
        [
            paid[_WHOSE].take(accruing["row"].to_numpy()),
            paid[_WHOSE].assign(session=paid["pay"]).take(paying["row"].to_numpy()),
        ],
        ignore_index=True,
    )
    return pd.concat([rows, pd.concat([accruing, paying], ignore_index=True).drop(columns="row")], axis=1)


def _settlements(journal: "Journal") -> pd.DataFrame:
    """From unsettled to cash, on the book's session at or after the settlement date."""
    entries = journal.entries[journal.entries["settle"] > journal.entries["session"]].reset_index(drop=True)
    legs = pd.concat(_money(entries), ignore_index=True)
    legs = legs[legs["ledger_account"] == "unsettled"]
    whose = entries[_WHOSE].assign(kind="settlement", session=_session(journal, entries))
    whose = whose.take(legs["row"].to_numpy()).reset_index(drop=True)
    legs = legs.drop(columns="row").reset_index(drop=True)
    left = pd.concat([whose, legs.assign(debit=-legs["debit"])], axis=1)
    return pd.concat([left, left.assign(ledger_account="cash", debit=legs["debit"])], ignore_index=True)


def _session(journal: "Journal", entries: pd.DataFrame) -> Ints:
    dates = pd.Series(spans.dates(entries["settle"].to_numpy(np.int64)))
    at = security_master.in_force(journal.books, "book", entries["book"], dates)
    return posted.booked(pd.Series(journal.books["calendar"].to_numpy(object)[at], dtype="str"), dates)


def _accrued(marks: pd.DataFrame, earned: pd.DataFrame) -> list[pd.DataFrame]:
    """What futures gained and what interest accrued, each against its receivable."""
    marks, earned = marks[marks["variation"] != 0], earned[earned["income"] != 0]
    gained = marks[["business_date", "book", "instrument", "currency"]].assign(
        transaction_id="variation_margin:" + marks["instrument"], kind="variation_margin", quantity=0
    )
    interest = earned[["business_date", "book", "currency"]].assign(
        transaction_id="interest:" + earned["currency"], kind="interest", instrument="", quantity=0
    )
    return [
        gained.assign(ledger_account="receivables", debit=marks["variation"]),
        gained.assign(ledger_account="contracts", debit=-marks["variation"]),
        interest.assign(ledger_account="receivables", debit=earned["income"]),
        interest.assign(ledger_account="income", debit=-earned["income"]),
    ]


def _shared(journal: "Journal") -> "pd.Series[Any]":
    """Books that share a pool of lots with others."""
    entries = journal.entries
    return entries.loc[entries["pool_scope"] != "book", "book"].drop_duplicates()


def _exchanged(total: pd.DataFrame, shared: "pd.Series[Any]") -> pd.DataFrame:
    """What books of a pool owe each other, and what an action pays in one currency for lots in another."""
    keys = ["business_date", "book", "transaction_id", "currency"]
    gap = pd.DataFrame(total.groupby(keys, as_index=False).agg(debit=("debit", "sum"), kind=("kind", "first")))
    gap = gap[gap["debit"] != 0]
    together = gap.groupby(["business_date", "transaction_id", "currency"])["debit"].transform("sum") == 0
    between = gap[gap["book"].isin(shared) & together].assign(ledger_account="between_books")
    currencies = gap.groupby(["business_date", "book", "transaction_id"])["currency"].transform("nunique")
    across = gap[~gap.index.isin(between.index) & (currencies > 1)].assign(ledger_account="fx_trading")
    found = pd.concat([between, across], ignore_index=True)
    return found.assign(debit=-found["debit"], instrument="", quantity=0)
