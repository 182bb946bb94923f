"""Replay: what the books would say if something had happened otherwise.

Belongs here: following the log once more for many hypotheses at once, each in a world of its own. Does not belong here:
which hypotheses there are (``hypotheses``) and which of them is believed (``causes``).

A world is a copy of what one book ever did in the instruments that a hypothesis is about, and in those that corporate
actions and options join with them, under names of its own, with one transaction or action less or more. Beside each
hypothesis stands the same world unchanged, so that what is told is the difference between the two. All worlds are one
log and one journal: the cost grows with the hypotheses and with what happened in their instruments, not with the firm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.ledger import cash, journal, positions
from daybook.ledger.pools import joint
from daybook.ledger.transactions import CASH
from daybook.tables import empty

Ints = NDArray[np.int64]

ITEM = ["kind", "instrument"]
EFFECT = ["number", *ITEM, "settled", "traded"]
NOTHING = -1
_MARK = "\x1f"
"""Stands between a name and the number of its world; no name of a file has it."""
_OF_EACH: dict[str, Any] = {"lot_pool": "book", "strategy": "", "entity": "", "shorts": True}
"""Terms of a book in its world: what others hold and whether it may be short change no quantity and no money."""


@dataclass(frozen=True)
class Facts:
    """What the ledger is derived from, as ``ledger.derive`` takes it.

    Attributes:
        transactions: result of ``transactions.live`` on the log, with a fresh index.
        corporate_actions: current facts.
        elections: facts.
        books: facts, dated by valid_from.
        instruments: facts, dated by valid_from.
        raw_fx_rates: facts since the first transaction.
        order: preference among the sources of exchange rates.
    """

    transactions: pd.DataFrame
    corporate_actions: pd.DataFrame
    elections: pd.DataFrame
    books: pd.DataFrame
    instruments: pd.DataFrame
    raw_fx_rates: pd.DataFrame
    order: Sequence[str]


def effects(hypotheses: pd.DataFrame, added: pd.DataFrame, actions: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """By how much each hypothesis would change the positions and the cash of its book at the close of its session.

    Args:
        hypotheses: number, business_date, book, instrument (of the family that is followed; CASH:<CCY> or "" for money
            alone), dropped (position in ``facts.transactions`` of the transaction that is left out, or -1) and undone
            (action_id of the action that is left out, or "").
        added: number and the columns of ``transactions`` of what is posted besides.
        actions: number and the columns of ``corporate_actions`` of what is posted besides.
        facts: as they are.

    Returns:
        number, kind (position or cash), instrument (CASH:<CCY> of money), settled and traded (changes of what is
        settled and of what is held on trade date). A hypothesis that the ledger cannot follow has no rows.
    """
    if hypotheses.empty:
        return pd.DataFrame({"number": pd.Series(dtype="int64")}).reindex(columns=EFFECT)
    family = families(facts)
    worlds = _worlds(hypotheses, family)
    log, actions = _log(worlds, hypotheses, added, family, facts), _actions(worlds, hypotheses, actions, family, facts)
    sessions = pd.DatetimeIndex(sorted(hypotheses["business_date"].unique())).as_unit("us")
    posted = journal.journal(
        log,
        actions,
        _books(worlds, facts.books),
        _instruments(worlds, family, facts.instruments),
        facts.raw_fx_rates,
        facts.order,
        sessions[-1],
        _elections(worlds, family, facts),
    )
    levels = _levels(posted, worlds, sessions)
    own = hypotheses[["number", "business_date"]].merge(worlds[["number", "world", "plain"]], on="number")
    sides = []
    for plain, sign in ((False, 1.0), (True, -1.0)):
        side = own[own["plain"] == plain].merge(levels, on=["world", "business_date"])
        sides.append(side.assign(settled=sign * side["settled"], traded=sign * side["traded"]))
    total = pd.concat(sides).groupby(["number", *ITEM], as_index=False)[["settled", "traded"]].sum()
    failing = posted.failed["book"].to_numpy(object)
    failed = own.loc[_book(own["world"]).isin(failing), "number"]
    # Money has 6 places and units 8: what is left by the subtraction of floats is nothing.
    total = total.assign(settled=total["settled"].round(8), traded=total["traded"].round(8))
    changed = (total["settled"] != 0) | (total["traded"] != 0)
    return total.loc[changed & ~total["number"].isin(failed), EFFECT].reset_index(drop=True)


def families(facts: Facts) -> "pd.Series[int]":
    """Number of the family of each instrument: those between which actions and options move units."""
    terms = facts.instruments
    under = terms[(terms["underlying"] != "") & ~terms["underlying"].str.startswith(CASH)]
    made = facts.corporate_actions[facts.corporate_actions["new_instrument"] != ""]
    names = pd.Index(
        pd.unique(pd.concat([terms["instrument"], under["underlying"], made["instrument"], made["new_instrument"]]))
    )
    one = names.get_indexer(pd.Index(pd.concat([under["instrument"], made["instrument"]])))
    other = names.get_indexer(pd.Index(pd.concat([under["underlying"], made["new_instrument"]])))
    return pd.Series(joint(one, other, len(names)), names)


def _worlds(hypotheses: pd.DataFrame, family: "pd.Series[int]") -> pd.DataFrame:
    """Two worlds for each hypothesis: number, world, plain (nothing is changed in it), book, business_date, family."""
    of = family.reindex(hypotheses["instrument"]).fillna(NOTHING).astype("int64").to_numpy()
    rows = hypotheses[["number", "book", "business_date", "dropped", "undone"]].assign(family=of)
    # The unchanged world of a family is the same for every hypothesis about it; one of money alone is about one row.
    alone = np.where(of == NOTHING, rows["number"], NOTHING)
    shared = rows.assign(alone=alone).groupby(["book", "business_date", "family", "alone"]).ngroup().to_numpy()
    changed = rows.assign(world=np.arange(len(rows)), plain=False)
    return pd.concat([changed, rows.assign(world=len(rows) + shared, plain=True)], ignore_index=True)


def _log(
    worlds: pd.DataFrame, hypotheses: pd.DataFrame, added: pd.DataFrame, family: "pd.Series[int]", facts: Facts
) -> pd.DataFrame:
    """Transactions of every world, under its names."""
    one = worlds.drop_duplicates("world")
    log = facts.transactions
    kept = log["book"].isin(one["book"].unique()).to_numpy()
    rows = pd.DataFrame({"at": np.flatnonzero(kept), "book": log["book"].to_numpy(object)[kept]}).astype(
        {"book": "str"}
    )
    rows["family"] = _family(log["instrument"].iloc[rows["at"]], family)
    rows["trade_date"] = log["trade_date"].to_numpy()[rows["at"]]
    followed = one[one["family"] != NOTHING].merge(rows[rows["family"] != NOTHING], on=["book", "family"])
    followed = followed[followed["trade_date"] <= followed["business_date"]]
    followed = followed[followed["plain"] | (followed["at"] != followed["dropped"])]
    # Of money alone the world unchanged is the row that is left out, and the other world is empty.
    money = one[(one["family"] == NOTHING) & one["plain"] & (one["dropped"] >= 0)].assign(at=lambda it: it["dropped"])
    of = pd.concat([followed[["world", "at"]], money[["world", "at"]]], ignore_index=True)
    copied = log.take(of["at"].to_numpy(np.int64)).reset_index(drop=True).assign(world=of["world"])
    more = added.merge(worlds.loc[~worlds["plain"], ["number", "world"]], on="number").drop(columns="number")
    both = pd.concat([copied, more[[*log.columns, "world"]]], ignore_index=True) if len(more) else copied
    world = both.pop("world").to_numpy(np.int64)
    return both.assign(
        transaction_id=_named(both["transaction_id"], world),
        book=_book(world),
        instrument=_members(both["instrument"], world, family),
        action_id=_named(both["action_id"], world),
        # Which lot is sold changes no quantity and no money; the lot that was named may not be there.
        lot_id="",
        lot_method="fifo",
        corrects="",
    )


def _actions(
    worlds: pd.DataFrame, hypotheses: pd.DataFrame, actions: pd.DataFrame, family: "pd.Series[int]", facts: Facts
) -> pd.DataFrame:
    """Corporate actions of every world, under its names."""
    one = worlds[worlds["family"] != NOTHING].drop_duplicates("world")
    known = facts.corporate_actions
    of = known.assign(family=_family(known["instrument"], family)).merge(
        one[["world", "family", "plain", "undone"]], on="family"
    )
    of = of[of["plain"] | (of["action_id"] != of["undone"])]
    more = actions.merge(worlds.loc[~worlds["plain"], ["number", "world"]], on="number")
    both = pd.concat([of[[*known.columns, "world"]], more[[*known.columns, "world"]]], ignore_index=True)
    world = both.pop("world").to_numpy(np.int64)
    return both.assign(
        action_id=_named(both["action_id"], world),
        instrument=_members(both["instrument"], world, family),
        new_instrument=_members(both["new_instrument"], world, family),
    )


def _elections(worlds: pd.DataFrame, family: "pd.Series[int]", facts: Facts) -> pd.DataFrame:
    one = worlds[worlds["family"] != NOTHING].drop_duplicates("world")
    of = facts.elections.merge(one[["world", "book"]], on="book")
    world = of.pop("world").to_numpy(np.int64)
    return of.assign(action_id=_named(of["action_id"], world), book=_book(world))


def _books(worlds: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    of = books.merge(worlds.drop_duplicates("world")[["world", "book"]], on="book")
    world = of.pop("world").to_numpy(np.int64)
    return of.assign(book=_book(world), **_OF_EACH).astype({name: books[name].dtype for name in _OF_EACH})


def _instruments(worlds: pd.DataFrame, family: "pd.Series[int]", instruments: pd.DataFrame) -> pd.DataFrame:
    one = worlds[worlds["family"] != NOTHING].drop_duplicates("world")
    of = instruments.assign(family=_family(instruments["instrument"], family)).merge(
        one[["world", "family"]], on="family"
    )
    world = of.pop("world").to_numpy(np.int64)
    return of.drop(columns="family").assign(
        instrument=_members(of["instrument"], world, family), underlying=_members(of["underlying"], world, family)
    )


def _levels(posted: journal.Journal, worlds: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """world, business_date, kind, instrument, settled and traded of what each world holds on each session."""
    held = positions.positions(posted, sessions, empty("prices"), empty("fx_rates"))
    units = held[["business_date", "book", "instrument"]].assign(
        kind="position",
        instrument=held["instrument"].str.split(_MARK).str[0],
        settled=held["settled_quantity"],
        traded=held["quantity"],
    )
    nothing = pd.DataFrame({"business_date": [], "book": [], "currency": [], "amount": []}).astype(
        {"business_date": "datetime64[us]", "book": "str", "currency": "str", "amount": "int64"}
    )
    balances = cash.cash(posted, nothing, sessions)
    money = balances[["business_date", "book"]].assign(
        kind="cash", instrument=CASH + balances["currency"], settled=balances["settled"], traded=balances["balance"]
    )
    both = pd.concat([units, money], ignore_index=True)
    number = both["book"].str.split(_MARK).str[1].astype("int64")
    return both.drop(columns="book").assign(world=number)


def _family(instruments: Any, family: "pd.Series[int]") -> Ints:
    return np.asarray(family.reindex(pd.Index(instruments)).fillna(NOTHING), np.int64)


def _named(names: "pd.Series[str]", world: Ints) -> "pd.Series[str]":
    """Each name with its world; "" stays."""
    mark = _MARK + pd.Series(world, names.index).astype("str")
    return (names + mark).mask(names == "", "").astype("str")


def _members(names: "pd.Series[str]", world: Ints, family: "pd.Series[int]") -> "pd.Series[str]":
    """Each instrument with its world; cash and what is no instrument stay."""
    return _named(names, world).where(names.isin(family.index) & ~names.str.startswith(CASH), names)


def _book(world: Any) -> "pd.Series[str]":
    numbers = pd.Series(world) if not isinstance(world, pd.Series) else world
    return "book" + _MARK + numbers.astype("str")
