"""Transactions: what their kinds need, which are known already, and what they correct.

Belongs here: checks of delivered transactions, and which dividends an action makes superfluous. Does not belong here:
signs, amounts and postings (``daybook.ledger``).
"""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.intake import terms, values
from daybook.intake.draft import Bools, Draft, beyond, content, is_cash, is_currency
from daybook.ledger import units
from daybook.ledger.transactions import contested
from daybook.market import currencies, security_master

EXACT = tuple(column.name for column in tables.TABLES["transactions"].columns if column.type == "float")
"""Columns that hold exact numbers."""

# Two rows are the same transaction whoever delivers it, wherever it was booked, and whether or not both say when, where
# and with whom.
_WHOSE = ("source", "booked_on")
_OPTIONAL = ("executed_at", "account", "counterparty")


def shadowed(transactions: pd.DataFrame, corporate_actions: pd.DataFrame) -> Bools:
    """Dividends that do not count, because a corporate action posts them by itself.

    A dividend transaction with an instrument and without action_id is cash income only while no action that pays cash
    on that instrument has its trade_date as ex or pay date (CONTRACT section 1). The answer depends on the facts alone,
    not on which came first: both a dividend delivered after its action and one delivered before it are shadowed, and
    are so no longer once the action is cancelled.

    Args:
        transactions: rows of the log.
        corporate_actions: the actions in force.

    Returns:
        For each transaction whether it is such a dividend.
    """
    candidate = (transactions["kind"] == "dividend") & (transactions["action_id"] == "")
    candidate &= transactions["instrument"] != ""
    found = candidate.to_numpy(bool, copy=True)
    paying = corporate_actions[
        corporate_actions["kind"].isin(terms.PAYS_CASH) & (corporate_actions["status"] != "cancelled")
    ]
    if not found.any() or paying.empty:
        return np.zeros(len(transactions), bool)
    days = pd.concat(
        [paying[["instrument", column]].rename(columns={column: "on"}) for column in ("ex_date", "pay_date")]
    )
    paid = pd.MultiIndex.from_frame(days.dropna())
    at = np.flatnonzero(found)
    asked = pd.MultiIndex.from_frame(transactions.iloc[at][["instrument", "trade_date"]])
    found[at] = asked.isin(paid)
    return found


def complete(draft: Draft) -> None:
    """A cancel need not say more than what it cancels: the rest is what is known of that."""
    cancels = draft.cells["kind"] == "cancel"
    if not cancels.any():
        return
    columns = ["transaction_id", "book", "instrument", "trade_date", "currency"]
    here = pd.DataFrame({column: draft.cells[column] for column in columns})
    known = pd.concat([here, draft.reference.transactions[columns].astype({"trade_date": "datetime64[us]"})])
    known = known.drop_duplicates("transaction_id", keep="last")
    at = pd.Index(known["transaction_id"]).get_indexer(pd.Index(draft.cells["corrects"], dtype="object"))
    for column in columns[1:]:
        cells = draft.cells[column]
        empty = np.isnat(cells) if cells.dtype.kind == "M" else cells == ""
        draft.cells[column] = np.where(cancels & (at >= 0) & empty, known[column].to_numpy(cells.dtype)[at], cells)


def check(draft: Draft) -> None:
    """Needs, signs, scales and markets by kind; the currency of units is the instrument's where none is given."""
    kinds = draft.cells["kind"]
    money = values.among(kinds, terms.MONEY_KINDS)
    units = values.among(kinds, terms.UNIT_KINDS)
    instruments = draft.reference.instruments
    at = security_master.in_force(instruments, "instrument", draft.cells["instrument"], draft.dates())
    own = np.append(instruments["currency"].to_numpy(object), "")[at]
    draft.cells["currency"] = np.where(units & (draft.cells["currency"] == ""), own, draft.cells["currency"])
    _needs(draft, kinds)
    _cash(draft, kinds, money, units)
    _scale(draft, money | (kinds == "fx"))
    _quantities(draft, kinds, money)
    _absurd(draft, units, np.append(instruments["asset_class"].to_numpy(object), "")[at])
    _same_currency(draft, units, own)
    # A bond's price is per 100.
    point = np.where(instruments["asset_class"] == "bond", 0.01, instruments["multiplier"].to_numpy(np.float64))
    _amounts(draft, np.append(point, 1.0)[at])
    _markets(draft, np.append(instruments["exchange"].to_numpy(object), "")[at], values.among(kinds, terms.TRADES))


def recognise(draft: Draft) -> None:
    """Leave out what is known already; refuse an id that stands for something else and names no correction."""
    log = draft.reference.transactions
    mine = content(draft, _WHOSE)
    mine = mine.assign(at=np.arange(len(mine)))[draft.sound()]
    pairs = mine.merge(_comparable(log), on="transaction_id", suffixes=("", "_known"))
    if pairs.empty:
        return
    equal = np.ones(len(pairs), bool)
    for column in mine.columns.difference(["transaction_id", "at"]):
        left, right = pairs[column].to_numpy(object), pairs[f"{column}_known"].to_numpy(object)
        same = np.asarray(left == right, bool) | np.asarray(pd.isna(left) & pd.isna(right), bool)
        if column in _OPTIONAL:
            same |= pd.isna(left) | np.asarray(left == "", bool)
        equal &= same
    known = np.zeros(len(draft), bool)
    known[pairs.loc[equal, "at"].to_numpy()] = True
    taken = np.zeros(len(draft), bool)
    taken[pairs["at"].to_numpy()] = True
    draft.dropped |= known
    draft.known = tuple(draft.cells["transaction_id"][known])
    if known.any():
        draft.notes.append(f"transactions known already: {known.sum()}")
    other = taken & ~known & (draft.cells["corrects"] == "")
    where = pairs.drop_duplicates("at", keep="last").set_index("at")
    reasons = np.full(len(draft), "", object)
    reasons[where.index] = (
        "the id stands for a transaction with other content (" + where["from"] + "); a correction names it in corrects"
    )
    draft.refuse(other, "transaction_id", reasons)


def place(draft: Draft) -> None:
    """A share class that is named must be one of the book, and money of a book with several must name one.

    Which one is in force on the session that books the row is judged as the ledger judges it (``units.placed``). A name
    that no book has waits until it is delivered.
    """
    classes = draft.reference.share_classes
    named, books = draft.cells["share_class"], draft.cells["book"]
    good = draft.sound() & ~draft.dropped & (draft.cells["kind"] != "cancel")
    good &= (named != "") | values.among(books, classes["book"].to_numpy(object))
    if not good.any():
        return
    pairs = pd.MultiIndex.from_frame(classes[["book", "share_class"]])
    own = pd.MultiIndex.from_arrays([books, named]).isin(pairs)
    stranger = good & (named != "") & ~own
    unknown = stranger & ~values.among(named, classes["share_class"].to_numpy(object))
    draft.refuse(unknown, "share_class", "unknown share class", "share_class:" + named)
    draft.refuse(stranger & ~unknown, "share_class", "a share class of another book")
    at = np.flatnonzero(good & ~stranger & values.among(draft.cells["kind"], units.EXTERNAL))
    rows = pd.DataFrame({name: draft.cells[name][at] for name in ("book", "trade_date", "booked_on", "share_class")})
    reasons = np.full(len(draft), "", object)
    if len(at):
        reasons[at] = units.placed(rows, classes, draft.reference.books)["reason"]
    draft.refuse(reasons != "", "share_class", reasons)


def follow(draft: Draft) -> None:
    """What a row corrects must be there, be in force, and be corrected by that row alone.

    A correction may be corrected or cancelled in turn, by naming it: the last one of the chain counts. Refused are

    * a correction of nothing: it waits until the transaction that it names is there;
    * a second correction of a transaction that another one replaced or cancelled: it names what is no longer in force,
      and which of the two is meant would depend on what came last;
    * a correction of a cancel by anything but another cancel;
    * corrections in a circle.
    """
    _cancels(draft)
    _contested(draft)
    corrects, ids = draft.cells["corrects"], draft.cells["transaction_id"]
    there = draft.reference.transactions["transaction_id"].to_numpy(object)
    while True:
        good = draft.sound()
        found = values.among(corrects, there) | values.among(corrects, ids[good & (corrects != ids)])
        missing = good & ~draft.dropped & (corrects != "") & ~found
        if not missing.any():
            return
        draft.refuse(missing, "corrects", "unknown transaction", "transaction:" + corrects)


def _cancels(draft: Draft) -> None:
    """A cancel is taken back by another cancel; no trade can stand in its place."""
    here = draft.cells["kind"] == "cancel"
    log = draft.reference.transactions
    named = np.append(draft.cells["transaction_id"][here], log.loc[log["kind"] == "cancel", "transaction_id"])
    wrong = ~here & (draft.cells["corrects"] != "") & values.among(draft.cells["corrects"], named)
    draft.refuse(wrong & ~draft.dropped, "corrects", "it names a cancel, which only another cancel takes back")


def _contested(draft: Draft) -> None:
    """Two rows that correct one transaction, and rows that correct one another."""
    at = np.flatnonzero(draft.sound() & ~draft.dropped)
    if not (draft.cells["corrects"][at] != "").any():
        return
    log = draft.reference.transactions
    names = ("transaction_id", "kind", "corrects")
    here = pd.DataFrame({name: draft.cells[name][at] for name in names})
    # It came after everything that is known, and its lines one after the other.
    arrival = pd.Timestamp(draft.arrived).tz_convert("UTC").as_unit("us")
    here["known_at"] = pd.Series(draft.cells["known_at"][at]).dt.tz_localize("UTC")
    here = here.assign(recorded_at=arrival, delivery=np.iinfo(np.int64).max, line=draft.sheet.lines[at])
    here["file"] = "line " + here["line"].astype("str")
    known = log[[*here.columns.drop("file")]].assign(file=log["file"] + " line " + log["line"].astype("str"))
    rows = pd.concat([known, here], ignore_index=True)
    found = contested(rows)
    found = found[found["at"] >= len(known)]
    other = rows.take(found["by"].clip(lower=0).to_numpy())
    verb = np.where(other["kind"] == "cancel", " is cancelled by ", " is replaced by ")
    reasons = (
        rows["corrects"].take(found["at"].to_numpy()).to_numpy(object) + verb + other["transaction_id"].to_numpy(object)
    )
    reasons += " (" + other["file"].to_numpy(object) + "); a correction names the transaction that is in force"
    where = at[found["at"].to_numpy(np.int64) - len(known)]
    shown = np.full(len(draft), "", object)
    shown[where] = np.where(found["by"] < 0, "corrections that name one another in a circle", reasons)
    wrong = np.zeros(len(draft), bool)
    wrong[where] = True
    draft.refuse(wrong, "corrects", shown)


def _comparable(log: pd.DataFrame) -> pd.DataFrame:
    """The log without what tells how a row arrived, which stands in ``from`` as text."""
    origin = log["file"] + " line " + log["line"].astype("str")
    left_out = [*tables.FACT_COLUMNS, *_WHOSE]
    executed = log["executed_at"].dt.tz_convert("UTC").dt.tz_localize(None)
    return log.drop(columns=left_out).assign(executed_at=executed, **{"from": origin.to_numpy()})


def _needs(draft: Draft, kinds: NDArray[Any]) -> None:
    for kind, needs in terms.TRANSACTION_NEEDS.items():
        here = kinds == kind
        if not here.any():
            continue
        for column in needs:
            empty = here & _empty(draft, column) & draft.sound(column)
            if column in ("instrument", "currency"):
                empty &= draft.sound("instrument", *terms.SCHEMES)
            draft.refuse(empty, column, f"missing: {kind} needs it")


def _empty(draft: Draft, column: str) -> Bools:
    found = draft.cells[column]
    return values.missing(found) if column in EXACT else np.asarray(found == "", bool)


def _cash(draft: Draft, kinds: NDArray[Any], money: Bools, units: Bools) -> None:
    """Only an exchange of currencies is in cash, and it is in nothing else."""
    words = draft.cells["instrument"]
    cash, given = is_cash(words), words != ""
    fx = kinds == "fx"
    draft.refuse(fx & given & ~cash, "instrument", "an exchange of currencies buys CASH:<CCY>")
    draft.refuse(units & cash, "instrument", "cash is bought and sold by kind fx, moved by deposit and withdrawal")
    draft.refuse(money & cash, "instrument", "leave empty: the currency says which cash it is")
    bought = np.array([word[5:] for word in words], object)
    same = fx & cash & (bought == draft.cells["currency"])
    draft.refuse(same, "currency", "the currency paid is the one bought")
    priced = money & draft.filled("price") & draft.sound("price")
    draft.refuse(priced, "price", "leave empty: the quantity is the amount of money")


def _scale(draft: Draft, money: Bools) -> None:
    """Round quantities and money to what the ledger keeps, and refuse what it cannot hold."""
    for column in EXACT:
        places = terms.PLACES.get(column)
        if places is None:
            continue
        found = draft.cells[column]
        at = np.flatnonzero(~values.missing(found))
        limit = np.full(len(at), terms.LIMITS[places])
        scale = np.full(len(at), places)
        if column == "quantity":
            limit = np.where(money[at], terms.LIMITS[terms.MONEY_PLACES], limit)
            scale = np.where(money[at], terms.MONEY_PLACES, scale)
        kept = np.frompyfunc(_kept, 3, 1)(found[at], scale, limit) if len(at) else found[at]
        over = np.zeros(len(draft), bool)
        over[at] = values.missing(kept)
        replaced = found.copy()
        replaced[at] = kept
        draft.cells[column] = replaced
        for width in np.unique(scale):
            wide = np.zeros(len(draft), bool)
            wide[at] = scale == width
            draft.refuse(over & wide, column, beyond(int(width)))


def _kept(value: Decimal, places: int, limit: float) -> Decimal | None:
    return values.shorten(value, int(places)) if abs(value) < limit else None


def _quantities(draft: Draft, kinds: NDArray[Any], money: Bools) -> None:
    sign = _floats(draft, "quantity")
    counted = kinds != "cancel"
    draft.refuse(counted & (sign == 0), "quantity", "zero")
    reason = "negative: the kind tells the direction, the quantity is positive"
    draft.refuse(counted & ~money & (sign < 0), "quantity", reason)
    entering = (kinds == "transfer_in") & (_floats(draft, "cost") < 0)
    draft.refuse(entering, "cost", "negative: what is transferred in was paid for")


def _absurd(draft: Draft, units: Bools, classes: NDArray[Any]) -> None:
    """Quantities that no market knows."""
    sign = _floats(draft, "quantity")
    for asset_class, most in terms.ABSURD.items():
        wrong = units & (classes == asset_class) & (sign >= most)
        draft.refuse(wrong, "quantity", f"absurd: no one trades {most:.0e} contracts of {asset_class}s at once")


def _same_currency(draft: Draft, units: Bools, listed: NDArray[Any]) -> None:
    """Units are traded in the currency of their instrument; money may be paid in any."""
    major = np.array([currencies.MINOR.get(name, (name, 1))[0] for name in listed], object)
    proper = draft.matching("currency", lambda words: np.array([is_currency(word) for word in words], bool))
    wrong = units & proper & (listed != "") & (draft.cells["currency"] != major)
    draft.refuse(wrong, "currency", "another currency than the instrument's, " + major)


def _amounts(draft: Draft, multiplier: NDArray[np.float64]) -> None:
    rate = _floats(draft, "fx_rate")
    amount = _floats(draft, "quantity") * _floats(draft, "price") * multiplier
    with np.errstate(invalid="ignore"):
        largest = np.abs(amount) * np.fmax(1.0, np.where(np.isnan(rate), 1.0, rate))
        over = largest >= terms.LIMITS[terms.MONEY_PLACES]
    draft.refuse(over & draft.sound("quantity", "price"), "price", "quantity x price: " + beyond(terms.MONEY_PLACES))


def _floats(draft: Draft, column: str) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else float(value) for value in draft.cells[column]], np.float64)


def _markets(draft: Draft, exchanges: NDArray[Any], trades: Bools) -> None:
    """A trade on a day on which its own market was closed cannot be right."""
    days = draft.cells["trade_date"]
    judged = trades & ~np.isnat(days)
    early = judged & (days < calendars.FIRST_SESSION.to_datetime64())
    draft.refuse(early, "trade_date", f"before {calendars.FIRST_SESSION:%Y-%m-%d}, the first session that is kept")
    for exchange in sorted(set(exchanges[judged & ~early]) - {""}):
        if not calendars.is_calendar(exchange):
            continue
        at = np.flatnonzero(judged & ~early & (exchanges == exchange))
        closed = np.zeros(len(draft), bool)
        closed[at] = ~calendars.is_session(exchange, days[at])
        draft.refuse(closed, "trade_date", f"market {exchange} was closed on that day")
