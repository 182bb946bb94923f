"""The journal: everything that the books have posted, in order and exact; each result of the ledger is read from it.

Belongs here: putting transactions and corporate actions together, which books fail and why, the day's activity. Does
not belong here: the rules of a single transaction (``transactions``), what an action does (``entitlements``), lots,
cash, anything with a market value.

Nothing depends on the order in which facts arrived, nor on how far the journal reaches beyond a session: results for a
session are the same from every journal that goes through it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars
from daybook.ledger import cash, entitlements, exact, forwards, spans
from daybook.ledger import lots as lots_of
from daybook.ledger import pools as pools_of
from daybook.ledger import transactions as posted
from daybook.ledger.pools import Pools
from daybook.market import dated, security_master
from daybook.tables import conform, empty

if TYPE_CHECKING:
    from daybook.ledger.checkpoint import Checkpoint

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_ROW = ["session", "book", "instrument", "currency"]
_CONFIRMED = ["business_date", "book", "instrument", "action_id", "currency"]
_HELD = ["book", "pool_scope", "pool", "instrument", "currency", "underlying", "session", "date"]
_AMOUNTS = (
    *("traded", "bought", "consideration", "fees", "income", "external", "transferred", "fee_kind"),
    *("inflow", "transferred_in", "subscribed", "redeemed", "variation", "notional"),
)


@dataclass(frozen=True)
class Journal:
    """Postings of every book, exact: money in 10^-6, quantities in 10^-8, dates as days since 1970-01-01.

    Attributes:
        books: reference facts, dated by valid_from.
        instruments: reference facts, dated by valid_from.
        pools: whose holdings are matched together.
        entries: transactions that were posted (``transactions.entries``), without dividends that confirm an action; the
            tax that pays a reclaim has in ``charges`` what it pays beyond it.
        events: what happened to lots, in the order of contract 2.1: columns of ``lots.match``, with book ("" for every
            book of the holding), instrument, currency, transaction_id (the action_id of an action), kind, opened_on,
            account, shorts, fx_rate, entry (position in ``entries``, -1 for an action).
        matched: lots of those events.
        parts: what was realised, with gain, gain_base, market_gain_base and currency_gain_base.
        payments: money of corporate actions (``entitlements.payments``).
        entitled: what each action did to each book (``entitlements.entitled``), and each exercise.
        confirmed: what dividend transactions that name an action say (theirs) and what it had posted by then (ours),
            with session, book, instrument, action_id and currency.
        flows: movements of money (``cash.flows``).
        failed: book, business_date (first session without results) and reason, one row per failed book.
    """

    books: pd.DataFrame
    instruments: pd.DataFrame
    pools: Pools
    entries: pd.DataFrame
    events: pd.DataFrame
    matched: lots_of.Matched
    parts: pd.DataFrame
    payments: pd.DataFrame
    entitled: pd.DataFrame
    confirmed: pd.DataFrame
    flows: pd.DataFrame
    failed: pd.DataFrame

    @property
    def holdings(self) -> pd.DataFrame:
        """pool_scope, pool, instrument and currency of each holding; its number is the position of the row."""
        return self.pools.holdings

    def book_of(self, holding: Any, member: Any) -> NDArray[np.object_]:
        """Name of each member of the pools of those holdings; "" for -1, which means every one."""
        return self.pools.book_of(holding, member)

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
    elections: pd.DataFrame | None = None,
    opening: "Checkpoint | None" = None,
) -> Journal:
    """Post ``transactions`` and the corporate actions on what they hold.

    Args:
        transactions: result of ``transactions.live``, exact columns as Decimals or None.
        corporate_actions: current facts. One that cannot be posted stops the books that hold the instrument, by name.
        books: reference facts, dated by valid_from.
        instruments: reference facts, dated by valid_from.
        raw_fx_rates: facts; closing rates for trades without their own, and for what actions buy and close.
        order: preference among the sources of exchange rates.
        through: last session that matters.
        elections: facts; without them every action with a choice goes by its default.
        opening: what the books were at the close of a session before; then ``transactions`` are those that it says
            are to be followed, and the journal knows nothing of sessions up to that one.
    """
    last = int(dated.days([through])[0])
    entries = posted.entries(transactions, books, instruments, raw_fx_rates, order, through)
    entries = forwards.settled(entries, books, instruments, raw_fx_rates, order, through)
    good = entries[entries["reason"] == ""].reset_index(drop=True)
    trades = good[good["quantity"] != 0]
    due = entitlements.due(corporate_actions, through)
    ever = trades if opening is None else pd.concat([opening.holdings, trades[_HELD]], ignore_index=True)
    pools, holding, member = pools_of.pooled(ever, entitlements.links(due))
    before = len(ever) - len(trades)
    trades = trades.assign(holding=holding[before:], member=member[before:], entry=trades.index)
    carried = np.isin(np.arange(len(pools.holdings)), holding[:before])
    since = (spans.NEVER, spans.NEVER) if opening is None else (opening.day, opening.settled)
    actions = entitlements.touching(due, pools, books, instruments, raw_fx_rates, order, last, carried, *since)
    elected = empty("elections") if elections is None else elections
    taken = entitlements.subscriptions(actions, pools, elected, raw_fx_rates, order)
    events = _events(trades, entitlements.events(actions, taken, last), pools, opening)
    matched = lots_of.match(events)
    names, held = lots_of.carried(events, matched)
    holders = entitlements.holders(actions, names, held, pools)
    dividends = entitlements.dividends(holders)
    done = entitlements.caused(actions, events, matched, pools)
    good = _turned(good, events, matched)
    payments = entitlements.payments(dividends, done, actions, _reclaimed(good))
    if opening is not None:
        payments = pd.concat([entitlements.paid_back(opening.payments, _reclaimed(good)), payments], ignore_index=True)
    exercised = _exercised(good, events, matched)
    counting = ~_confirmed(good, payments)
    confirmed = _confirmations(good[~counting], payments, corporate_actions)
    kept = _net_of_reclaims(good[counting].reset_index(drop=True), payments)
    events["entry"] = np.append(np.cumsum(counting) - 1, -1)[events["entry"]]
    entitled = entitlements.entitled(holders, dividends, taken, done, last)
    parts, parts_good = _gains(matched.parts, events)
    moved = cash.flows(kept, payments)
    if opening is not None:
        moved = pd.concat([opening.flows, moved], ignore_index=True)
    failed = [
        entries.loc[entries["reason"] != "", ["book", "session", "reason"]],
        pools_of.failed(ever, books),
        holders.loc[holders["reason"] != "", ["book", "session", "reason"]],
        _failed_elections(taken, holders),
        _failed_events(events, matched, pools),
        _too_large(_of_books(events.take(parts.loc[~parts_good, "closing"].to_numpy()), pools), "a gain"),
        _too_large(payments[~payments["good"].astype(bool)], "a payment"),
        _too_large(cash.overflows(moved), "the cash balance"),
    ]
    return Journal(
        books,
        instruments,
        pools,
        kept,
        events,
        matched,
        parts,
        payments,
        pd.concat([entitled, exercised], ignore_index=True),
        confirmed,
        moved,
        _first_failures(_with_pools(failed, trades)),
    )


def failures(journal: Journal) -> pd.DataFrame:
    """Books that could not be computed: book, business_date (the first session without results), reason.

    One row per book, for its earliest failure; several reasons of that session are joined by "; ".
    """
    return journal.failed.copy()


def activity(journal: Journal, sessions: pd.DatetimeIndex, beside: pd.DataFrame | None = None) -> pd.DataFrame:
    """What happened on each of ``sessions``, per book, instrument and currency; local money, no market values.

    Args:
        journal: of the books.
        sessions: midnight, naive.
        beside: what the day brought that no transaction says (``cash.beside``).

    Returns:
        business_date, book, instrument (a security, or CASH:<CCY>), currency (of the amounts) and

        * traded_quantity: signed units in terms of that session, without those that corporate actions and deliveries
          of options bring and take (``entitlement_table``); of an fx trade, in the row of the cash bought, the
          amount bought (its currency is the one paid);
        * consideration: of trades, received positive, with accrued interest and without charges; and the money of
          corporate actions that is no income, in the row of the action's instrument;
        * fees: charges of trades in the security's row, the kinds fee and tax in the cash row; a cost is negative;
        * income: net of withholding that is not claimed back; dividends on their ex session in the security's row,
          interest and dividends without an instrument in the cash row;
        * external: money from (+) or to (-) the outside;
        * transferred_quantity: signed units by transfer_in and transfer_out;
        * fee_kind: the part of fees that is of kind ``fee``;
        * inflow, transferred_in: the part of external and of transferred_quantity that came in, whatever went out on
          the same day (contract 2.8);
        * subscribed, redeemed: the part of external that came in (>= 0) and went out (<= 0) by the kinds subscription
          and redemption; a subscription of a negative amount is a redemption;
        * variation: what futures gained, in the row of the future;
        * notional: what trades in futures and forwards agreed to pay (+) or to receive (-).
    """
    entries, units = journal.entries, own_units(journal)
    kind = entries["kind"]
    transferred = units.where(kind.isin(posted.TRANSFERS), 0)
    dealt = entries["external"].where(kind.isin(("subscription", "redemption")), 0)
    own = entries[[*_ROW, "consideration", "income", "external", "bought", "notional"]].assign(
        traded=units.where(~kind.isin(posted.TRANSFERS) & (entries["underlying"] == ""), 0),
        fees=entries["charges"],
        transferred=transferred,
        fee_kind=entries["charges"].where(kind == "fee", 0),
        inflow=entries["external"].clip(lower=0),
        transferred_in=transferred.clip(lower=0),
        subscribed=dealt.clip(lower=0),
        redeemed=dealt.clip(upper=0),
        variation=0,
    )
    paid = journal.payments
    amounts = {
        "income": paid["amount"].where(paid["income"], 0),
        "consideration": paid["amount"].mask(paid["income"], 0),
    }
    accrued = paid[_ROW].assign(**{name: amounts.get(name, 0) for name in _AMOUNTS})
    both = pd.concat([own, accrued], ignore_index=True)
    day = both["session"].to_numpy()
    row, business_date = journal.rows(both["book"], day, day + 1, sessions)
    chosen = both.take(row).assign(business_date=business_date)
    keys = ["business_date", "book", "instrument", "currency"]
    if beside is not None and len(beside):
        nothing = dict.fromkeys([name for name in _AMOUNTS if name not in beside], 0)
        chosen = pd.concat([chosen, beside.assign(**nothing)], ignore_index=True)
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
        subscribed=exact.money(exactly["subscribed"]),
        redeemed=exact.money(exactly["redeemed"]),
        variation=exact.money(exactly["variation"]),
        notional=exact.money(exactly["notional"]),
    )


def entitlement_table(journal: Journal, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Table ``entitlements``: what corporate actions and exercises did to each book on ``sessions``."""
    rows = journal.entitled
    day = rows["session"].to_numpy(np.int64)
    row, business_date = journal.rows(rows["book"], day, day + 1, sessions)
    chosen = rows.take(row).assign(business_date=business_date)
    money = ("gross_amount", "withheld", "reclaimable", "net_amount", "moved_cost")
    units = ("entitled_quantity", "new_quantity", "given_quantity")
    frame = chosen.assign(
        pay_date=spans.dates(chosen["pay_on"].to_numpy(np.int64)),
        **{name: exact.money(chosen[name].to_numpy(np.int64)) for name in money},
        **{name: exact.units(chosen[name].to_numpy(np.int64)) for name in units},
    )
    keys = ["business_date", "book", "instrument", "action_id"]
    return conform("entitlements", frame.drop(columns=["session", "pay_on"]).sort_values(keys, kind="stable"))


def confirmations(journal: Journal, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Table ``confirmations``: on ``sessions``, what dividend transactions say of the actions that they name."""
    rows = journal.confirmed
    day = rows["session"].to_numpy(np.int64)
    row, business_date = journal.rows(rows["book"], day, day + 1, sessions)
    chosen = rows.take(row).assign(business_date=business_date)
    frame = chosen.assign(**{name: exact.money(chosen[name].to_numpy(np.int64)) for name in ("ours", "theirs")})
    return conform("confirmations", frame.drop(columns="session").sort_values([*_CONFIRMED], kind="stable"))


def _events(trades: pd.DataFrame, derived: pd.DataFrame, pools: Pools, opening: "Checkpoint | None") -> pd.DataFrame:
    """What happens to lots, in order; what an action does comes before the trades of its date."""
    kind, exercise = trades["kind"], trades["underlying"] != ""
    code = np.select(
        [kind.isin(posted.TRANSFERS), kind == "expiry", exercise],
        [lots_of.TRANSFER, lots_of.EXPIRE, lots_of.EXERCISE],
        lots_of.TRADE,
    )
    expiry = (kind == "expiry").to_numpy()
    # An expiry says what it closes and what it pays; which side that is, the position says.
    charges, _ = exact.products(0, np.where(expiry, -trades["charges"], 0), trades["fx_rate"])
    cost, cost_base = (trades[name].to_numpy(np.int64) for name in ("cost", "cost_base"))
    names = ["book", "instrument", "currency", "session", "date", "transaction_id", "kind", "settle", "opened_on"]
    own = trades[[*names, "fx_rate", "shorts", "entry", "holding", "member", "account", "pool", "lot_id"]].assign(
        event=code.astype(np.int8),
        quantity=np.where(expiry, -trades["quantity"], trades["quantity"]),
        cost=np.where(expiry, -cost + trades["charges"], cost),
        cost_base=np.where(expiry, -cost_base - charges, cost_base),
        method=trades["lot_method"].map(lots_of.METHODS).astype("int8"),
        action=-1,
        first=False,
    )
    if expiry.any():
        own = own.assign(charges=np.where(expiry, -trades["charges"], 0), charges_base=charges)
    if exercise.any():
        own = own.assign(
            target=pools.number(trades, "underlying"),
            target_quantity=trades["underlying_quantity"],
            target_cost=trades["underlying_cost"],
            target_base=trades["underlying_cost_base"],
        )
    if opening is not None:
        kept = _carried(opening, pools)
        plain = {name: value for name, value in lots_of.DEFAULTS.items() if name in own and name not in kept}
        own = pd.concat([kept.assign(**plain), own])
    own = own.reset_index(drop=True)
    if len(derived):
        both = _given(_made(derived, pools)), _given(own)
        names = [name for name in lots_of.DEFAULTS if any(name in frame for frame in both)]
        # A column of integers stays one, so that none of its digits is lost.
        whole = [
            frame.assign(**{name: lots_of.DEFAULTS[name] for name in names if name not in frame}) for frame in both
        ]
        own = pd.concat(whole, ignore_index=True).sort_values(
            ["session", "first", "date"], ascending=[True, False, True], kind="stable", ignore_index=True
        )
    own = own.assign(group=pools.holdings["group"].to_numpy(np.int64)[own["holding"]])
    return own.assign(**lots_of.named(own)) if (own["lot_id"] != "").any() else own


def _carried(opening: "Checkpoint", pools: Pools) -> pd.DataFrame:
    """Open lots of ``opening`` as transfers at its close, which realise nothing."""
    rows = opening.lots
    names = ["book", "instrument", "currency", "transaction_id", "opened_on", "account", "pool"]
    amounts = ["quantity", "cost", "cost_base"]
    method = np.where(rows["pooled"], lots_of.METHODS["average"], lots_of.METHODS["fifo"]).astype(np.int8)
    return rows[[*names, *amounts]].assign(
        method=method,
        event=np.int8(lots_of.TRANSFER),
        kind="opening",
        session=opening.day,
        # As if it was traded then: it stands behind what is older, without being looked for.
        date=rows["opened_on"],
        settle=opening.day,
        fx_rate=pd.Series(exact.decimal(1), rows.index, dtype=object),
        shorts=True,
        entry=-1,
        holding=pools.number(rows, "instrument"),
        lot_id="",
        action=-1,
        first=False,
    )


def _given(events: pd.DataFrame) -> pd.DataFrame:
    """``events`` without the columns that say nothing but what ``lots.match`` takes for granted."""
    return events.drop(
        columns=[
            name
            for name, plain in lots_of.DEFAULTS.items()
            if name in events and name != "member" and (events[name] == plain).all()
        ]
    )


def _made(derived: pd.DataFrame, pools: Pools) -> pd.DataFrame:
    """Events of actions with the columns of those of transactions."""
    holding = derived["holding"].to_numpy(np.int64)
    own = pools.holdings.take(holding).reset_index(drop=True)
    # Every book of a pool that has one is that book.
    member = derived["member"].mask((own["books"] == 1).to_numpy(), 0)
    names = ["action", "transaction_id", "kind", "event", "session", "date", "first", "holding", "fx_rate"]
    numbers = ["quantity", "cost", *(name for name in lots_of.DEFAULTS if name in derived)]
    return derived[[*names, *numbers]].assign(
        member=member,
        book=pools.book_of(holding, member),
        instrument=own["instrument"],
        currency=own["currency"],
        pool=own["pool"],
        settle=derived["session"],
        opened_on=derived["date"],
        account="",
        lot_id="",
        shorts=True,
        entry=-1,
        cost_base=0,
        method=derived["method"].map(lots_of.METHODS).astype("int8"),
    )


def _turned(good: pd.DataFrame, events: pd.DataFrame, matched: lots_of.Matched) -> pd.DataFrame:
    """Entries with expiries of short positions turned round: they buy where ``transactions`` took them for sales."""
    amounts = matched.amounts
    expired = amounts[(events["event"] == lots_of.EXPIRE).to_numpy()[amounts["event"]] & (amounts["quantity"] > 0)]
    if expired.empty:
        return good
    at = events["entry"].to_numpy(np.int64)[expired["event"]]
    sign = np.ones(len(good), np.int64)
    sign[at] = -1
    return good.assign(**{name: good[name] * sign for name in ("quantity", "consideration", "notional")})


def _confirmed(good: pd.DataFrame, payments: pd.DataFrame) -> Flags:
    """Dividend transactions that add nothing: they name an action, or one of their book and date was posted."""
    own = payments[payments["accrual_kind"].isin(entitlements.CONFIRMED)]
    paid = pd.concat([own[["book", "instrument"]].assign(date=own[name]) for name in ("date", "pay_on")])
    known = pd.MultiIndex.from_frame(paid)
    same = pd.MultiIndex.from_frame(good[["book", "instrument", "date"]]).isin(known)
    return np.asarray((good["kind"] == "dividend") & ((good["action_id"] != "") | same))


def _confirmations(dividends: pd.DataFrame, payments: pd.DataFrame, corporate_actions: pd.DataFrame) -> pd.DataFrame:
    """What ``dividends`` that name an action say, beside the money that it had posted by their session.

    Fees and taxes of a transaction are taken off: it confirms what came in. One that names an action which gives the
    book nothing, or is not known, is set against nothing.
    """
    keys = ["session", "book", "instrument", "action_id", "currency"]
    named = dividends[dividends["action_id"] != ""]
    about = corporate_actions.drop_duplicates("action_id").set_index("action_id")["instrument"]
    instrument = named["action_id"].map(about).fillna(named["instrument"]).astype("str")
    rows = named.assign(instrument=instrument, theirs=named["income"] + named["charges"])
    rows = rows.groupby(keys, as_index=False).agg(theirs=("theirs", "sum"))
    own = payments[payments["accrual_kind"].isin(entitlements.CONFIRMED)]
    pairs = rows.reset_index().merge(
        own[["action_id", "book", "currency", "session", "amount"]],
        on=["action_id", "book", "currency"],
        suffixes=("", "_posted"),
    )
    posted_by_then = pairs[pairs["session_posted"] <= pairs["session"]]
    ours = posted_by_then.groupby("index")["amount"].sum().reindex(rows.index, fill_value=0)
    return rows.assign(ours=ours)


def _reclaims(entries: pd.DataFrame) -> "pd.Series[bool]":
    """Entries that the tax authority pays back: of kind tax, naming an action, and received."""
    return (entries["kind"] == "tax") & (entries["action_id"] != "") & (entries["charges"] > 0)


def _reclaimed(good: pd.DataFrame) -> pd.DataFrame:
    """action_id, book and session of the first payment of each reclaim."""
    return good.loc[_reclaims(good), ["action_id", "book", "session"]].drop_duplicates(["action_id", "book"])


def _net_of_reclaims(kept: pd.DataFrame, payments: pd.DataFrame) -> pd.DataFrame:
    """Entries of which the first that pays a reclaim has in ``charges`` only what it pays beyond what was accrued."""
    first = kept[_reclaims(kept)].drop_duplicates(["action_id", "book"])
    claims = payments[payments["accrual_kind"] == entitlements.RECLAIM].set_index(["action_id", "book"])["amount"]
    if first.empty or claims.empty:
        return kept
    known = claims.reindex(pd.MultiIndex.from_frame(first[["action_id", "book"]])).fillna(0).to_numpy(np.int64)
    charges = kept["charges"].to_numpy(np.int64, copy=True)
    charges[first.index] -= known
    return kept.assign(charges=charges)


def _exercised(good: pd.DataFrame, events: pd.DataFrame, matched: lots_of.Matched) -> pd.DataFrame:
    """Exercises and assignments with delivery, in the form of ``entitlements.entitled``: the option turns into units.

    moved_cost is the premium that goes into the units.
    """
    entry = events["entry"].to_numpy(np.int64)
    exercise = (events["event"] == lots_of.EXERCISE).to_numpy()
    states = matched.states
    own = states["holding"].to_numpy() == events["holding"].to_numpy()[states["until"].clip(lower=0)]
    ended = states[(states["until"] >= 0).to_numpy() & exercise[states["until"]] & own]
    own = states["holding"].to_numpy() == events["holding"].to_numpy()[states["since"]]
    begun = states[exercise[states["since"]] & own]
    premium = pd.concat([ended.assign(event=ended["until"]), begun.assign(event=begun["since"], cost=-begun["cost"])])
    moved = premium.groupby("event")["cost"].sum().reindex(np.flatnonzero(exercise)).fillna(0).to_numpy(np.int64)
    rows = good.take(entry[exercise])
    return pd.DataFrame(
        {
            **{name: rows[name] for name in ("session", "book", "instrument", "kind", "currency")},
            "action_id": rows["transaction_id"],
            "pay_on": rows["settle"],
            "choice": "",
            "entitled_quantity": -rows["quantity"],
            "gross_amount": rows["consideration"],
            "withheld": 0,
            "reclaimable": 0,
            "net_amount": rows["consideration"],
            "new_instrument": rows["underlying"],
            "new_quantity": rows["underlying_quantity"],
            "given_quantity": -rows["quantity"],
            "moved_cost": moved,
        }
    )


def _gains(parts: pd.DataFrame, events: pd.DataFrame) -> tuple[pd.DataFrame, Flags]:
    """Realised parts with their gains, and whether these fit into 64 bits."""
    gain = parts["proceeds"] - parts["cost"]
    gain_base = parts["proceeds_base"] - parts["cost_base"]
    rate = events["fx_rate"].to_numpy()[parts["closing"]]
    market, good = exact.products(0, gain.to_numpy(), rate)
    currency = gain_base - market
    good = good & (np.abs(gain_base.to_numpy(np.float64) - market) < float(exact.LIMIT))
    return parts.assign(gain=gain, gain_base=gain_base, market_gain_base=market, currency_gain_base=currency), good


def _failed_elections(taken: pd.DataFrame, holders: pd.DataFrame) -> pd.DataFrame:
    """Books that chose units which cannot be posted."""
    bad = taken.loc[taken["reason"] != "", ["action", "member", "book", "elects", "reason"]]
    held = pd.MultiIndex.from_frame(holders[["action", "member"]])
    failed = bad[pd.MultiIndex.from_frame(bad[["action", "member"]]).isin(held)]
    return failed.rename(columns={"elects": "session"})[["book", "session", "reason"]]


def _failed_events(events: pd.DataFrame, matched: lots_of.Matched, pools: Pools) -> pd.DataFrame:
    """Events that the lots do not allow."""
    kind = events["kind"]
    whose = np.where(events["entry"] < 0, "corporate action ", "transaction ")
    name = pd.Series(whose, events.index, dtype="str") + events["transaction_id"] + ": "
    opened = np.zeros(len(events), bool)
    opened[matched.states["opened"]] = True
    listed = pools.holdings["currency"].take(events["holding"].to_numpy(np.int64)).set_axis(events.index)
    tests: list[tuple[Any, Any]] = [
        (matched.overflowed, "a lot does not fit into 64 bits"),
        (
            matched.short & (kind == "sell") & ~events["shorts"].astype(bool),
            "sells more " + events["instrument"] + " than the book holds, and it may not be short",
        ),
        ((kind == "transfer_out") & opened, "transfers out more " + events["instrument"] + " than the book holds"),
        (
            (matched.outcome == lots_of.BEYOND)
            | (kind.isin(posted.EXERCISES) & (events["event"] == lots_of.TRADE) & opened),
            "closes more " + events["instrument"] + " than the book holds",
        ),
        (matched.outcome == lots_of.UNKNOWN_LOT, "the lot that it names is not open"),
        (
            events["currency"] != listed,
            events["instrument"] + " in both " + listed + " and " + events["currency"] + " is not supported yet",
        ),
    ]
    found = [
        _of_books(events.assign(reason=name + text)[np.asarray(bad, bool)], pools)[["book", "session", "reason"]]
        for bad, text in tests
    ]
    return pd.concat(found)


def _of_books(events: pd.DataFrame, pools: Pools) -> pd.DataFrame:
    """``events`` with a row for each book of those that are about every book of their holding."""
    every = events["member"].to_numpy() < 0
    held = pools.holdings.take(events["holding"].to_numpy(np.int64))
    count = np.where(every, held["books"].to_numpy(np.int64), 1)
    at = np.repeat(np.arange(len(events)), count)
    number = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    rows = events.take(at)
    return rows.assign(book=pools.book_of(rows["holding"], np.where(every[at], number, rows["member"])))


def _too_large(rows: pd.DataFrame, what: str) -> pd.DataFrame:
    return rows[["book", "session"]].assign(reason=what + " in " + rows["currency"] + " does not fit into 64 bits")


def _with_pools(found: Sequence[pd.DataFrame], trades: pd.DataFrame) -> Sequence[pd.DataFrame]:
    """Failures, each also as one of the other books whose lots are in the same pool."""
    members = trades.loc[trades["pool_scope"] != "book", ["pool_scope", "pool", "book"]].drop_duplicates()
    own = pd.concat(found, ignore_index=True).merge(members, on="book")
    others = own.merge(members, on=["pool_scope", "pool"], suffixes=("", "_other"))
    others = others[others["book"] != others["book_other"]]
    reason = "shares lot pool " + others["pool"] + " with " + others["book"] + ", of which " + others["reason"]
    return [*found, others[["session"]].assign(book=others["book_other"], reason=reason)]


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


def own_units(journal: Journal) -> "pd.Series[int]":
    """Signed quantity of each entry in terms of its own session: restated by splits that come after it that session."""
    units = journal.entries["quantity"].copy()
    pairs, events = journal.matched.restated, journal.events
    session = events["session"].to_numpy()
    same = pairs[session[pairs["trade"]] == session[pairs["split"]]].drop_duplicates("trade", keep="last")
    same = same[events["entry"].to_numpy()[same["trade"]] >= 0]
    entry = events["entry"].to_numpy()[same["trade"]]
    units.iloc[entry] = same["quantity"].to_numpy()
    return units
