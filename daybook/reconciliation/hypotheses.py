"""Hypotheses: what may have happened otherwise at a custodian, or in the books, that would make a break.

Belongs here: finding the events whose amounts and dates can explain a difference. Does not belong here: what the books
would say then (``replay``), and which hypothesis is believed (``causes``).

A hypothesis changes the log or the corporate actions of one book by one event: so the books become what the custodian
has, whoever of the two is right. A few are about the statement and not about events: yesterday's sent again, another
unit, rounding; they say by themselves what would be left (``shifts``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.ledger import exact, spans
from daybook.ledger import transactions as posted
from daybook.ledger.transactions import CASH
from daybook.market import dated, fx, security_master
from daybook.reconciliation.replay import Facts
from daybook.reconciliation.sides import KEY
from daybook.tables import empty

Flags = NDArray[np.bool_]

PLACE = [*KEY, "kind", "target"]
"""A line of a statement: target is its instrument, CASH:<CCY> of money."""
DEFAULTS: dict[str, Any] = {
    "instrument": "",
    "cause": "",
    "weight": 3,
    "free": 0.0,
    "distance": 0.0,
    "text": "",
    "dropped": -1,
    "undone": "",
    "template": -1,
    **dict.fromkeys(("to_quantity", "to_price", "to_fees", "to_taxes"), np.nan),
    **dict.fromkeys(("to_settle", "to_date"), pd.NaT),
    **dict.fromkeys(("to_kind", "to_instrument", "to_currency"), ""),
    "action": -1,
    "to_rate": np.nan,
    "to_pay": pd.NaT,
    "top": np.nan,
    "bottom": np.nan,
}
"""Columns of hypotheses beside ``PLACE``, the line that each is about, and what they are where nothing is said.

instrument names the family that is replayed; weight is the smaller the fewer things must come together, and decides
between those that leave equally many lines; free is how many lines it would explain by chance, because a number in it
was chosen so that it does; distance counts the days between the event and the break, and ten
per cent between two prices like a day; dropped and template are positions
in the log of what is left out and of what is posted instead, with the terms ``to_``; undone is the action that is left
out, action the position of the one that is posted instead, with withholding rate to_rate and pay date to_pay; top for
bottom is a split that nobody delivered.
"""
COLUMNS = [*PLACE, *DEFAULTS]
TYPES: dict[str, Any] = {
    **dict.fromkeys(COLUMNS, "float64"),
    **dict.fromkeys((*PLACE, "instrument", "cause", "text", "undone"), "str"),
    **dict.fromkeys(("to_kind", "to_instrument", "to_currency"), "str"),
    **dict.fromkeys(("weight", "dropped", "template", "action"), "int64"),
    **dict.fromkeys(("to_settle", "to_date", "to_pay", "business_date"), "datetime64[us]"),
}
NONE = pd.DataFrame({name: pd.Series(dtype=TYPES[name]) for name in COLUMNS})
"""No hypothesis."""
OF_MONEY = {"fee": "fee", "tax": "withholding", "interest": "interest", "dividend": "dividend"}
"""Cause of a transaction that moves money alone, by its kind."""

ROUNDING = {"position": 1e-6, "cash": 0.005}
"""Differences below which rounding is the cause: custodians keep money in cents, fractions of units to six places."""
EXACTLY = {"position": 5e-9, "cash": 0.00501}
"""How near the amount of an event must come to a difference: cents of money, since the other side may round."""
NEAR = 7
"""Days between an event and the break that it explains: a settlement cycle over a holiday week-end."""
LOOKBACK = 92
"""Days for which a fee or income may come once more: a quarter."""
UNITS = (1e3, 1e-3, 1e6, 1e-6, 100.0, 0.01)
"""Factors between the units of two statements: thousands, millions, per cent and hundredths."""
RATIOS = (
    *((float(new), 1.0) for new in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 50)),
    *((1.0, float(old)) for old in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50)),
    *((3.0, 2.0), (5.0, 4.0), (4.0, 3.0), (5.0, 2.0), (5.0, 3.0), (11.0, 10.0), (21.0, 20.0)),
)
"""Splits and stock dividends that are thought of when nobody delivered one: so many new units for so many old ones."""
PRICES_APART, RATES_APART = 0.10, 0.03
"""By how much the price of a trade, and an exchange rate, may be another one."""
AT_MARKET = 0.02
"""How near the close a price must be that says by itself that a trade was made."""
TELLING = 0.2
"""Money that the last place of a price must make, so that a difference is no multiple of it by chance: 1 in 20."""
LARGEST_TAX = 0.5
"""Largest rate of withholding that is thought of."""
STEPS = 20
"""Changes of one break that are looked at, the newest."""


@dataclass(frozen=True)
class Case:
    """What is known of the books that have breaks.

    Attributes:
        lines: both sides of every line of their statements, of the sessions asked and of those before: ``PLACE``,
            currency, ours, theirs, difference, field (quantity or settled), traded (difference of the quantities on
            trade date of a line that is compared by what has settled; missing where nobody says it), source, value (the
            custodian's, of a position; missing where it gives none).
        entries: what their transactions post: ``at`` (position in the log), book, event (kind of the transaction),
            named (its instrument), kind and target (the line that it changes), effect, session, settle, twin (another
            one of the same terms).
        theirs: transactions in the custodian's and the broker's records that the books do not have, with party.
        told: those that the books have by the same id, with party and ``at``.
        facts: as they are.
        prices: golden, of the sessions and of those on which breaks opened.
        fx_rates: golden, of the sessions.
    """

    lines: pd.DataFrame
    entries: pd.DataFrame
    theirs: pd.DataFrame
    told: pd.DataFrame
    facts: Facts
    prices: pd.DataFrame
    fx_rates: pd.DataFrame


def entries(facts: Facts, books: Any, since: pd.Timestamp, through: pd.Timestamp) -> pd.DataFrame:
    """``Case.entries`` of transactions of ``books`` traded from ``since`` on and booked by ``through``."""
    log = facts.transactions
    chosen = log["book"].isin(books) & posted.dated_on(log).between(since, through)
    chosen &= ~((log["kind"] == "dividend") & (log["action_id"] != ""))
    rows = log[chosen].rename_axis("at").reset_index()
    made = posted.entries(
        rows.drop(columns="at"), facts.books, facts.instruments, facts.raw_fx_rates, facts.order, through
    )
    made = made[made["reason"] == ""].merge(rows[["transaction_id", "at"]], on="transaction_id")
    same = ["book", "instrument", "kind", "trade_date", "quantity", "price", "currency"]
    twins = pd.Series(
        rows.astype({"quantity": "str", "price": "str"}).duplicated(same, keep=False).to_numpy(), rows["at"]
    )
    base = (
        made[["at", "book", "named", "kind"]]
        .rename(columns={"kind": "event"})
        .assign(
            session=spans.dates(made["session"].to_numpy(np.int64)),
            settle=spans.dates(made["settle"].to_numpy(np.int64)),
            twin=made["at"].map(twins).to_numpy(bool),
        )
    )
    paid = made[["consideration", "charges", "income", "external", "variation"]].sum(axis=1).to_numpy(np.int64)
    still = made["kind"].isin(posted.TRANSFERS).to_numpy()
    parts = [
        base.assign(kind="position", target=made["named"], effect=exact.units(made["quantity"].to_numpy(np.int64))),
        base.assign(kind="cash", target=CASH + made["currency"], effect=np.where(still, 0.0, exact.money(paid))),
        base.assign(
            kind="cash", target=CASH + made["bought_currency"], effect=exact.money(made["bought"].to_numpy(np.int64))
        ),
    ]
    both = pd.concat(parts, ignore_index=True)
    return both[both["effect"] != 0].reset_index(drop=True)


def steps(found: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """When and by how much each break became what it is: an event explains a change of the difference.

    Args:
        found: breaks with ``PLACE``, opened_on and difference.
        lines: ``Case.lines``.

    Returns:
        ``PLACE``, on (session of the change), change, ours (on business_date), until (what came later is no cause of
        it); one row for each change since the break opened, the newest ``STEPS``, and one for the whole difference.
    """
    whole = found.assign(on=found["opened_on"], change=found["difference"])
    past = lines[["business_date", "book", "kind", "target", "difference"]].rename(
        columns={"business_date": "on", "difference": "then"}
    )
    each = found.merge(past, on=["book", "kind", "target"])
    each = each[(each["on"] >= each["opened_on"]) & (each["on"] <= each["business_date"])]
    each = each.sort_values([*PLACE, "on"], kind="stable")
    before = each.groupby(PLACE)["then"].shift().fillna(0.0)
    each = each.assign(change=(each["then"] - before).round(8))
    each = each[each["change"].abs() > each["kind"].map(EXACTLY).astype("float64")]
    each = each[each.groupby(PLACE).cumcount(ascending=False) < STEPS]
    both = pd.concat([each, whole], ignore_index=True)[[*PLACE, "on", "change", "ours"]]
    return both.assign(until=both["on"]).drop_duplicates([*PLACE, "change"], ignore_index=True)


def events(case: Case, steps: pd.DataFrame) -> pd.DataFrame:
    """Hypotheses about what is in the log, in the actions, or in the other side's records alone."""
    pairs = _pairs(case, steps)
    drops = _left_out(pairs)
    parts = [
        drops,
        _once_more(pairs),
        _turned_round(pairs),
        _settled(pairs),
        _other_quantity(case, pairs),
        _other_price(case, pairs),
        _other_charges(case, pairs),
        _other_rate(case, pairs),
        _conversions(case, steps),
        _undone(case, steps),
        _unheard_splits(steps),
        _their_own(case, steps),
        _their_terms(case, pairs),
        _implied(case, steps),
        *_in_another_book(case, drops, steps),
    ]
    return stacked(parts)


def taxed(case: Case, steps: pd.DataFrame, undone: pd.DataFrame) -> pd.DataFrame:
    """Dividends paid net of another tax.

    Args:
        case: of the books.
        steps: what is to be explained.
        undone: ``PLACE``, undone (action_id) and paid, what the action brought to that line.
    """
    pairs = steps.merge(undone[[*PLACE, "undone", "paid"]], on=PLACE)
    known = case.facts.corporate_actions.reset_index(drop=True).rename_axis("action").reset_index()
    pairs = pairs.merge(
        known[["action", "action_id", "withholding_rate", "instrument", "kind", "ex_date", "pay_date"]].rename(
            columns={"kind": "event", "action_id": "undone"}
        ),
        on="undone",
    )
    came = pairs["pay_date"].fillna(pairs["ex_date"])
    pairs = pairs.assign(agreed=came <= _compared_before(case.lines, pairs))
    pairs = pairs[(pairs["event"] == "cash_dividend") & (pairs["paid"] != 0) & (came <= pairs["until"])]
    before = pairs["withholding_rate"].fillna(0.0)
    gross = pairs["paid"] / (1 - before)
    # Tax rates have at most four decimals of a per cent; a cent of the payment decides which one it is.
    rate = (before - pairs["change"] / gross).round(6)
    fits = ((before - rate) * gross - pairs["change"]).abs() <= EXACTLY["cash"]
    rows = pairs[fits & rate.between(0, LARGEST_TAX) & (rate != before)]
    rate = rate[rows.index]
    nice = (rate * 4000).round(0) == (rate * 4000).round(6)
    text = "the dividend " + rows["undone"] + " of " + rows["instrument"] + " was paid there net of " + _percent(rate)
    text = text + " tax, not of " + _percent(before[rows.index])
    return _filled(
        rows,
        instrument=rows["instrument"],
        cause="withholding",
        weight=np.where(nice, 2, 4),
        free=rows["agreed"] + np.where(nice, 0.0, 1.0),
        text=text,
        undone=rows["undone"],
        action=rows["action"],
        to_rate=rate,
    )


def shifts(case: Case, found: pd.DataFrame, steps: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hypotheses about the statement, with what they explain of each line: ``PLACE`` of the hypothesis and of the line.

    Returns:
        Hypotheses, and their effects: number (position of the hypothesis), kind, target, settled, traded.
    """
    parts = [
        _rounded(case, found, steps),
        _other_units(case, found),
        _sent_again(case, found),
        _emptied(case, found),
        _together(case, found, early=True),
        _together(case, found, early=False),
        _mirrored(case, steps),
    ]
    hypotheses, effects, count = [], [], 0
    for rows, explained in parts:
        hypotheses.append(rows)
        effects.append(explained.assign(number=explained["number"] + count))
        count += len(rows)
    return stacked(hypotheses), pd.concat(effects, ignore_index=True)


def stacked(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Hypotheses of several kinds under one another."""
    rows = [part for part in parts if len(part)]
    return pd.concat(rows, ignore_index=True)[COLUMNS] if rows else NONE


def postings(hypotheses: pd.DataFrame, facts: Facts) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What each hypothesis posts besides: transactions and corporate actions, with its number."""
    return _transactions(hypotheses, facts.transactions), _actions(hypotheses, facts.corporate_actions)


def told(hypotheses: pd.DataFrame, log: pd.DataFrame) -> "pd.Series[str]":
    """The sentence of each hypothesis, with the transaction that it is about: kind, id, date, terms, file and line."""
    at = np.where(hypotheses["dropped"] >= 0, hypotheses["dropped"], hypotheses["template"])
    names = [_named(log, int(position)) if position >= 0 else "" for position in at]
    texts = [text.replace("{t}", name) for text, name in zip(hypotheses["text"], names, strict=True)]
    return pd.Series(texts, hypotheses.index, dtype="str")


def _named(log: pd.DataFrame, at: int) -> str:
    row = log.iloc[at]
    terms = f"{_plain(row['quantity'])} {row['instrument'] or row['currency']}".strip()
    price = "" if pd.isna(row["price"]) else f" at {_plain(row['price'])} {row['currency']}"
    place = f"; {row['file'].rsplit('/', 1)[-1]}:{row['line']}" if row["file"] else ""
    return f"{row['kind']} {row['transaction_id']} of {row['trade_date']:%Y-%m-%d} ({terms}{price}{place})"


def _plain(value: Any) -> str:
    """A number as it would be written, without an exponent and trailing zeros."""
    text = f"{Decimal(str(value)):f}" if value is not None else ""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _written(values: "pd.Series[float]") -> "pd.Series[str]":
    return values.map(_plain).astype("str")


def _transactions(hypotheses: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    """Transactions that are posted besides: the template with other terms, or new ones."""
    rows = hypotheses[(hypotheses["template"] >= 0) | (hypotheses["to_kind"] != "")]
    made = log.reindex(rows["template"].where(rows["template"] >= 0, -1).to_numpy()).reset_index(drop=True)
    blank = (rows["template"] < 0).to_numpy()
    if blank.any():
        nothing = empty("transactions").reindex(range(int(blank.sum())))
        texts = [name for name in nothing if nothing[name].dtype == "str"]
        made = made.astype({name: object for name in made if made[name].dtype != object})
        made.loc[blank, texts] = ""
        made.loc[blank, ["line", "delivery"]] = 0
        made = made.where(made.notna(), None)
        made = made.astype({name: log[name].dtype for name in made})
    rows = rows.reset_index(drop=True)
    for column in ("quantity", "price", "fees", "taxes"):
        given = rows[f"to_{column}"].notna().to_numpy()
        values = made[column].to_numpy(object, copy=True)
        values[given] = [exact.decimal(value) for value in rows.loc[given, f"to_{column}"]]
        made[column] = pd.Series(values, made.index, dtype=object)
    for column, name in (("to_kind", "kind"), ("to_instrument", "instrument"), ("to_currency", "currency")):
        made[name] = made[name].mask((rows[column] != "") | blank, rows[column]).astype("str")
    for column, name in (("to_date", "trade_date"), ("to_settle", "settle_date")):
        made[name] = made[name].mask(rows[column].notna(), rows[column])
    return made.assign(
        number=rows["number"],
        book=rows["book"],
        transaction_id="hypothesis",
        action_id="",
        corrects="",
        executed_at=made["executed_at"],
    )[["number", *log.columns]]


def _actions(hypotheses: pd.DataFrame, actions: pd.DataFrame) -> pd.DataFrame:
    """Corporate actions that are posted besides: one with another tax or pay date, or a split of its own."""
    known = actions.reset_index(drop=True)
    changed = hypotheses[hypotheses["action"] >= 0]
    made = known.take(changed["action"].to_numpy(np.int64)).reset_index(drop=True)
    rate, pay = (changed[name].reset_index(drop=True) for name in ("to_rate", "to_pay"))
    made = made.assign(
        number=changed["number"].to_numpy(),
        withholding_rate=made["withholding_rate"].mask(rate.notna(), rate),
        pay_date=made["pay_date"].mask(pay.notna(), pay),
    )
    new = hypotheses[hypotheses["top"].notna()].reset_index(drop=True)
    split = empty("corporate_actions").reindex(range(len(new)))
    split = split.assign(**{str(name): "" for name in split if split[name].dtype == "str"}, line=0, delivery=0)
    split = split.assign(
        number=new["number"],
        action_id="hypothesis",
        instrument=new["target"],
        kind="split",
        ex_date=new["to_date"],
        pay_date=new["to_date"],
        numerator=new["top"],
        denominator=new["bottom"],
        status="confirmed",
    )
    parts = [part[["number", *known.columns]] for part in (made, split) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else split[["number", *known.columns]]


def _filled(rows: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    """``rows`` as hypotheses: ``PLACE`` is theirs, ``columns`` are given, the rest has its default."""
    if rows.empty:
        return NONE
    given = rows[PLACE].assign(**columns)
    filled = given.assign(**{name: value for name, value in DEFAULTS.items() if name not in columns})
    return filled[COLUMNS].astype(TYPES).reset_index(drop=True)


def _days(one: Any, other: Any) -> Any:
    return np.abs(dated.days(one) - dated.days(other))


def _compared_before(lines: pd.DataFrame, rows: pd.DataFrame) -> "pd.Series[Any]":
    """The last session before ``on`` on which the custodian reported the kind of line of each of ``rows``, or none."""
    asked = rows[["book", "kind", "on"]].drop_duplicates()
    both = asked.merge(lines[["book", "kind", "business_date"]].drop_duplicates(), on=["book", "kind"])
    last = both[both["business_date"] < both["on"]].groupby(["book", "kind", "on"])["business_date"].max()
    found: pd.Series[Any] = last.reindex(pd.MultiIndex.from_frame(rows[["book", "kind", "on"]]))
    return found.set_axis(rows.index)


def _pairs(case: Case, steps: pd.DataFrame) -> pd.DataFrame:
    """Each change of a break with every transaction booked by then that changed the same line.

    Adds to ``steps`` the columns of ``Case.entries``; distance in days, near, ``seen``: what the transaction has
    changed of our side of the line so far, later: it came after the change, and agreed: it was there when both sides
    last agreed.
    """
    field = case.lines[[*PLACE, "field"]]
    both = steps.merge(field, on=PLACE, how="left").merge(case.entries, on=["book", "kind", "target"])
    both = both[both["session"] <= both["business_date"]].reset_index(drop=True)
    traded = (both["kind"] == "position") & (both["field"] == "quantity")
    done = (both["settle"] <= both["business_date"]) | traded
    # What has not settled may have been booked there on its trade date.
    came = both["settle"].mask(traded | ~done, both["session"])
    distance = _days(came, both["on"])
    both = both.assign(
        distance=distance,
        near=distance <= NEAR,
        seen=both["effect"].where(done, 0.0),
        later=came > both["until"],
        agreed=came <= _compared_before(case.lines, both),
    )
    pairs: pd.DataFrame = both[distance <= LOOKBACK]
    return pairs


def _equal(rows: pd.DataFrame, amount: "pd.Series[float]") -> "pd.Series[bool]":
    """Whether ``amount`` is the change that is to be explained."""
    near = rows["kind"].map(EXACTLY).astype("float64") + 1e-12 * rows["change"].abs()
    return ((amount - rows["change"]).abs() <= near) & (amount != 0)


def _left_out(pairs: pd.DataFrame) -> pd.DataFrame:
    """Ours is not in their records; or we have it twice."""
    rows = pairs[pairs["near"] & ~pairs["later"] & _equal(pairs, -pairs["seen"])]
    twin = rows["twin"].to_numpy()
    of_kind = rows["event"].map(OF_MONEY)
    text = np.where(twin, "{t} is booked twice here", "{t} is missing there")
    return _filled(
        rows,
        instrument=rows["named"],
        cause=np.where(twin, "doubled_trade", of_kind.fillna("missing_trade")),
        weight=np.where(twin, 1, 2),
        distance=rows["distance"],
        text=text,
        dropped=rows["at"],
    )


def _once_more(pairs: pd.DataFrame) -> pd.DataFrame:
    """They have ours twice; a fee or income like an earlier one came once more."""
    again = pairs["event"].isin((*posted.COSTS, *posted.INCOME))
    rows = pairs[(pairs["near"] | again) & ~pairs["later"] & (pairs["seen"] != 0) & _equal(pairs, pairs["effect"])]
    near = rows["near"].to_numpy()
    cause = np.where(near, "doubled_trade", rows["event"].map(OF_MONEY).fillna("doubled_trade"))
    text = np.where(near, "{t} is booked twice there", "the amount of {t} was booked there once more")
    return _filled(
        rows,
        instrument=rows["named"],
        cause=cause,
        weight=np.where(near, 2, 4),
        distance=rows["distance"],
        text=text,
        template=rows["at"],
    )


def _turned_round(pairs: pd.DataFrame) -> pd.DataFrame:
    """They have a sale where we have a purchase, or the other sign."""
    other = {"buy": "sell", "sell": "buy", "transfer_in": "transfer_out", "transfer_out": "transfer_in"}
    other |= {
        "deposit": "withdrawal",
        "withdrawal": "deposit",
        "subscription": "redemption",
        "redemption": "subscription",
    }
    turned = pairs["event"].map(other)
    rows = pairs[pairs["near"] & ~pairs["later"] & turned.notna() & _equal(pairs, -2 * pairs["seen"])]
    text = "{t} is a " + rows["event"].map(other).astype("str") + " there"
    return _filled(
        rows,
        instrument=rows["named"],
        cause="wrong_sign",
        distance=rows["distance"],
        text=text,
        dropped=rows["at"],
        template=rows["at"],
        to_kind=rows["event"].map(other),
    )


def _settled(pairs: pd.DataFrame) -> pd.DataFrame:
    """Ours has settled and theirs has not, or the other way."""
    waits = pairs["event"].isin((*posted.UNITS, "fx")) & ((pairs["kind"] == "cash") | (pairs["field"] == "settled"))
    due = pairs["near"] & ~pairs["later"] & ~pairs["agreed"] & (pairs["settle"] <= pairs["business_date"])
    late = pairs[waits & due & _equal(pairs, -pairs["seen"])]
    early = pairs[waits & (pairs["settle"] > pairs["business_date"]) & _equal(pairs, pairs["effect"])]
    failing = _filled(
        late,
        instrument=late["named"],
        cause="settlement_fail",
        # After a week without settlement a trade that they do not know is likelier.
        weight=np.where(_days(late["business_date"], late["settle"]) <= NEAR, 1, 3),
        distance=late["distance"],
        text="{t} was due on " + late["settle"].dt.strftime("%Y-%m-%d") + " and has not settled there",
        dropped=late["at"],
        template=late["at"],
        to_settle=late["business_date"] + pd.Timedelta(days=NEAR),
    )
    before = _filled(
        early,
        instrument=early["named"],
        cause="settlement_timing",
        weight=1,
        text="{t} is due on " + early["settle"].dt.strftime("%Y-%m-%d") + " and has settled there",
        dropped=early["at"],
        template=early["at"],
        to_settle=early["business_date"],
    )
    return stacked([failing, before])


def _terms(case: Case, rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with the quantity, price, fees, taxes and currency of their transaction, and the value of a point."""
    log = case.facts.transactions.take(rows["at"].to_numpy(np.int64))
    number = {
        name: pd.to_numeric(log[name]).to_numpy("float64", na_value=np.nan)
        for name in ("quantity", "price", "fees", "taxes")
    }
    found = rows.assign(**number, currency=log["currency"].to_numpy(object), trade_date=log["trade_date"].to_numpy())
    return found.assign(point=_point(case, found["named"], found["trade_date"]))


def _point(case: Case, instruments: Any, dates: Any) -> Any:
    """Money per unit and point of price."""
    terms = case.facts.instruments
    at = security_master.in_force(terms, "instrument", instruments, dates)
    of = terms[["asset_class", "multiplier"]].reset_index(drop=True).reindex(at)
    return security_master.point_value(of["asset_class"].fillna(""), of["multiplier"].fillna(1.0)).to_numpy()


def _other_quantity(case: Case, pairs: pd.DataFrame) -> pd.DataFrame:
    """They have another number of units of the same trade."""
    trades = pairs["event"].isin(posted.TRADES) & (pairs["kind"] == "position") & pairs["near"] & ~pairs["later"]
    rows = _terms(case, pairs[trades & (pairs["seen"] != 0)])
    quantity = (rows["quantity"] + rows["change"] * np.sign(rows["effect"])).round(8)
    rows = rows.assign(quantity=quantity)[(quantity > 0) & ~_equal(rows, rows["effect"])]
    return _filled(
        rows,
        instrument=rows["named"],
        cause="quantity",
        free=1.0 + rows["agreed"],
        distance=rows["distance"],
        text="{t} is of " + _written(rows["quantity"]) + " there",
        dropped=rows["at"],
        template=rows["at"],
        to_quantity=rows["quantity"],
    )


def _other_price(case: Case, pairs: pd.DataFrame) -> pd.DataFrame:
    """They have another price of the same trade; of many that might be it, those whose price is a round number."""
    trades = pairs["event"].isin(posted.TRADES) & (pairs["kind"] == "cash") & pairs["near"] & ~pairs["later"]
    rows = _terms(case, pairs[trades & (pairs["seen"] != 0)])
    direction = np.where(rows["event"] == "buy", -1.0, 1.0)
    price = rows["price"] + direction * rows["change"] / (rows["quantity"] * rows["point"])
    # Of a price with as many decimals as ours the money is a multiple of what the last of them makes.
    last = 10.0 ** -_decimals(rows["price"])
    tidy = ((price / last).round() * last).round(6)
    left = (tidy - price).abs() * rows["quantity"] * rows["point"]
    telling = rows["quantity"] * rows["point"] * last >= TELLING
    apart = (price / rows["price"] - 1).abs() <= PRICES_APART
    likely = apart & telling & (left < EXACTLY["cash"]) & (tidy != rows["price"])
    rows = rows.assign(to_price=tidy, distance=rows["distance"] + 10 * (price / rows["price"] - 1).abs())[likely]
    return _filled(
        rows,
        instrument=rows["named"],
        cause="price",
        weight=4,
        free=0.5 + rows["agreed"],
        distance=rows["distance"],
        text="{t} is at " + _written(rows["to_price"]) + " there",
        dropped=rows["at"],
        template=rows["at"],
        to_price=rows["to_price"],
    )


def _decimals(prices: "pd.Series[float]") -> "pd.Series[float]":
    """Decimals of each price: from 2, as prices are quoted in cents at least, to 6."""
    found = pd.Series(6.0, prices.index)
    for number in range(5, 1, -1):
        found = found.mask((prices.round(number) - prices).abs() < 1e-9, float(number))
    return found


def _other_charges(case: Case, pairs: pd.DataFrame) -> pd.DataFrame:
    """They have no charges on the same trade, or twice."""
    trades = pairs["event"].isin(posted.UNITS) & (pairs["kind"] == "cash") & pairs["near"] & ~pairs["later"]
    rows = _terms(case, pairs[trades & (pairs["seen"] != 0)])
    charges = rows[["fees", "taxes"]].fillna(0.0).sum(axis=1)
    parts = []
    for times, words in ((0.0, "without its charges"), (2.0, "with its charges twice")):
        of = rows[(charges != 0) & _equal(rows, (1 - times) * charges)]
        parts.append(
            _filled(
                of,
                instrument=of["named"],
                cause="fee",
                free=of["agreed"].astype("float64"),
                distance=of["distance"],
                text="{t} is there " + words,
                dropped=of["at"],
                template=of["at"],
                to_fees=times * of["fees"].fillna(0.0),
                to_taxes=times * of["taxes"].fillna(0.0),
            )
        )
    return stacked(parts)


def _other_rate(case: Case, pairs: pd.DataFrame) -> pd.DataFrame:
    """They have another rate of the same exchange: that of a source or cut that is known, or any other."""
    deals = (pairs["event"] == "fx") & (pairs["kind"] == "cash") & pairs["near"] & ~pairs["later"]
    rows = _terms(case, pairs[deals & (pairs["seen"] != 0)])
    bought = rows["target"] == rows["named"]
    quantity = rows["quantity"] + rows["change"].where(bought, 0.0)
    price = (rows["price"] * rows["quantity"] - rows["change"].mask(bought, 0.0)) / quantity
    likely = (price / rows["price"] - 1).abs().between(0, RATES_APART, inclusive="right") & (quantity > 0)
    apart = 10 * (price / rows["price"] - 1).abs()
    rows = rows.assign(to_quantity=quantity.where(bought), to_price=price.round(12), distance=rows["distance"] + apart)
    rows = rows[likely].reset_index(drop=True)
    known = _known_rate(case, rows)
    last = 10.0 ** -_decimals(rows["price"]).clip(lower=4)
    tidy = (((rows["to_price"] / last).round() * last - rows["to_price"]) * rows["quantity"]).abs() <= EXACTLY["cash"]
    text = "{t} is at " + _written(rows["to_price"].round(6)) + " there" + known
    return _filled(
        rows,
        cause="fx_cut",
        weight=np.where(known != "", 2, 4),
        free=rows["agreed"]
        + np.where(known != "", 0.0, np.where(tidy & (rows["quantity"] * last >= TELLING), 0.5, 1.0)),
        distance=rows["distance"],
        text=text,
        dropped=rows["at"],
        template=rows["at"],
        to_quantity=rows["to_quantity"],
        to_price=rows["to_price"],
        to_instrument=rows["named"],
    )


def _known_rate(case: Case, rows: pd.DataFrame) -> "pd.Series[str]":
    """``, the rate of <source> <cut> of <date>`` where such a rate gives the amount to the cent; else ""."""
    rates = case.facts.raw_fx_rates[["business_date", "base", "quote", "source", "rate", "cut"]]
    either = pd.concat(
        [rates, rates.rename(columns={"base": "quote", "quote": "base"}).assign(rate=1 / rates["rate"])],
        ignore_index=True,
    )
    wanted = rows[["named", "currency", "quantity", "to_price", "trade_date"]].assign(
        base=rows["named"].str[len(CASH) :]
    )
    both = wanted.reset_index().merge(either, left_on=["base", "currency"], right_on=["base", "quote"])
    near = _days(both["business_date"], both["trade_date"]) <= NEAR
    fits = ((both["rate"] - both["to_price"]) * both["quantity"]).abs() <= EXACTLY["cash"]
    both = both[near & fits].assign(days=lambda it: _days(it["business_date"], it["trade_date"]))
    first = both.sort_values(["index", "days", "source", "cut"]).drop_duplicates("index").set_index("index")
    words = (
        ", the rate of "
        + (first["source"] + " " + first["cut"]).str.strip()
        + " of "
        + first["business_date"].dt.strftime("%Y-%m-%d")
    )
    found: pd.Series[str] = words.reindex(rows.index).fillna("").astype("str")
    return found


def _conversions(case: Case, steps: pd.DataFrame) -> pd.DataFrame:
    """They have changed money of one currency into another: less of one, more of the other, at about the day's rate."""
    money = steps[steps["kind"] == "cash"]
    more, less = money[money["change"] > 0], money[money["change"] < 0]
    rows = more.merge(less[[*KEY, "target", "change", "on"]], on=KEY, suffixes=("", "_paid"))
    base, quote = rows["target"].str[len(CASH) :], rows["target_paid"].str[len(CASH) :]
    price = -rows["change_paid"] / rows["change"]
    golden = fx.rates(case.fx_rates, base, quote, rows["business_date"])
    rows = rows.assign(to_price=price.round(12), to_currency=quote)[np.abs(price / golden - 1) <= RATES_APART]
    text = _plain_money(-rows["change_paid"]) + " " + rows["to_currency"] + " was changed there into "
    text = text + _plain_money(rows["change"]) + " " + base[rows.index] + " (one "
    text = text + rows["to_currency"] + " for " + _written((1 / rows["to_price"]).round(6)) + ")"
    return _filled(
        rows,
        cause="fx_cut",
        weight=4,
        free=1.0,
        distance=_days(rows["on"], rows["on_paid"]),
        text=text,
        to_kind="fx",
        to_quantity=rows["change"],
        to_price=rows["to_price"],
        to_instrument=rows["target"],
        to_currency=rows["to_currency"],
        to_date=rows["business_date"],
        to_settle=rows["business_date"],
    )


def _plain_money(values: "pd.Series[float]") -> "pd.Series[str]":
    return values.map("{:,.2f}".format).astype("str")


def _percent(values: "pd.Series[float]") -> "pd.Series[str]":
    return _written((values * 100).round(4)) + " %"


def _undone(case: Case, steps: pd.DataFrame) -> pd.DataFrame:
    """They have not applied an action of these days, or have paid it before its day."""
    actions = case.facts.corporate_actions.reset_index(drop=True).rename_axis("action").reset_index()
    actions = actions[actions["status"] != "cancelled"].rename(columns={"kind": "event"})
    names = ["action", "action_id", "instrument", "new_instrument", "event", "ex_date", "pay_date", "currency"]
    actions = actions[names].assign(pay_date=actions["pay_date"].fillna(actions["ex_date"]))
    units = steps[steps["kind"] == "position"]
    given = units.merge(actions, left_on="target", right_on="instrument")
    taken = units.merge(actions[actions["new_instrument"] != ""], left_on="target", right_on="new_instrument")
    held = case.facts.transactions[["book", "instrument"]].drop_duplicates()
    paying = actions.merge(held[held["book"].isin(steps["book"])], on="instrument")
    paid = steps[steps["kind"] == "cash"].merge(paying, on="book")
    paid = paid[(CASH + paid["currency"] == paid["target"]) | (paid["currency"] == "")]
    both = pd.concat([given, taken, paid], ignore_index=True)
    distance = np.minimum(_days(both["ex_date"], both["on"]), _days(both["pay_date"], both["on"]))
    # A pay date on a holiday is paid on the session after.
    both = both.assign(distance=distance)[(distance <= NEAR) & (both["ex_date"] <= both["business_date"])]
    came = both["pay_date"].where(both["kind"] == "cash", both[["ex_date", "pay_date"]].min(axis=1))
    fresh = (came <= both["until"]) & ~(came <= _compared_before(case.lines, both))
    both = both.assign(fresh=fresh)
    cause = {"split": "split", "stock_dividend": "split", "cash_dividend": "dividend", "return_of_capital": "dividend"}
    words = (
        both["event"].str.replace("_", " ")
        + " "
        + both["action_id"]
        + " of "
        + both["instrument"]
        + " (ex "
        + (both["ex_date"].dt.strftime("%Y-%m-%d") + ")")
    )
    both = both.assign(cause=both["event"].map(cause).fillna("corporate_action"), words=words)
    new = both[both["fresh"]]
    missing = _filled(
        new,
        instrument=new["instrument"],
        cause=new["cause"],
        weight=1,
        distance=new["distance"],
        text="the " + new["words"] + " was not applied there",
        undone=new["action_id"],
    )
    early = both[(both["pay_date"] > both["business_date"]) & (both["kind"] == "cash")]
    before = _filled(
        early,
        instrument=early["instrument"],
        cause=early["cause"],
        weight=2,
        distance=early["distance"],
        text="the " + early["words"] + " was paid there before its day",
        undone=early["action_id"],
        action=early["action"],
        to_pay=early["business_date"],
    )
    return stacked([missing, before])


def _unheard_splits(steps: pd.DataFrame) -> pd.DataFrame:
    """Their position is a simple multiple of ours: a split that nobody delivered."""
    rows = steps[(steps["kind"] == "position") & (steps["ours"] != 0)]
    ratio, size = ((rows["ours"] + rows["change"]) / rows["ours"]).to_numpy(), rows["ours"].abs().to_numpy()
    tops, bottoms = np.array(RATIOS).T
    fits = np.abs(ratio[:, None] - tops / bottoms) * size[:, None] <= EXACTLY["position"]
    at, which = np.nonzero(fits)
    rows, top, bottom = rows.take(at), tops[which], bottoms[which]
    text = [
        f"a split of {up:.0f} for {down:.0f} is applied there that nobody delivered here"
        for up, down in zip(top, bottom, strict=True)
    ]
    return _filled(
        rows,
        instrument=rows["target"],
        cause="split",
        weight=3,
        free=0.5,
        text=text,
        top=top,
        bottom=bottom,
        to_date=rows["business_date"],
    )


def _their_own(case: Case, steps: pd.DataFrame) -> pd.DataFrame:
    """A transaction in the other side's records that ours do not have."""
    theirs = case.theirs
    lines = pd.concat(
        [
            theirs.assign(kind="position", target=theirs["instrument"]),
            theirs.assign(kind="cash", target=CASH + theirs["currency"]),
        ],
        ignore_index=True,
    ).drop(columns="business_date")
    rows = steps.merge(lines, on=["book", "kind", "target"])
    distance = np.minimum(
        _days(rows["trade_date"], rows["on"]), _days(rows["settle_date"].fillna(rows["trade_date"]), rows["on"])
    )
    rows = rows.assign(distance=distance)[(distance <= NEAR) & (rows["trade_date"] <= rows["business_date"])]
    security = rows["event"].isin(posted.UNITS)
    point = _point(case, rows["instrument"], rows["trade_date"])
    price = rows["price"].fillna(rows["net_amount"].abs() / (rows["quantity"] * point))
    costs = rows["event"].isin(posted.COSTS + posted.OUTFLOWS)
    quantity = rows["quantity"].where(
        security | (rows["event"] == "fx"), rows["net_amount"].mask(costs, -rows["net_amount"])
    )
    worth = quantity * price * point * np.where(rows["event"].isin(("buy", "transfer_in")), -1.0, 1.0)
    fees = (worth - rows["net_amount"]).round(6).where(rows["event"].isin(posted.TRADES), 0.0).fillna(0.0)
    place = rows["party"] + " has " + rows["event"].str.replace("_", " ") + " " + rows["reference"] + " of "
    place = place + rows["trade_date"].dt.strftime("%Y-%m-%d") + " (" + rows["file"].str.rsplit("/", n=1).str[-1] + ":"
    text = "the " + place + rows["line"].astype("str") + "), which is missing here"
    return _filled(
        rows,
        instrument=rows["instrument"].where(security | (rows["event"] == "dividend"), ""),
        cause=rows["event"].map(OF_MONEY).fillna("missing_trade"),
        weight=1,
        distance=rows["distance"],
        text=text,
        to_kind=rows["event"],
        to_quantity=quantity.round(8),
        to_price=price.where(security | (rows["event"] == "fx")),
        to_fees=fees,
        to_instrument=rows["instrument"],
        to_currency=rows["currency"],
        to_date=rows["trade_date"],
        to_settle=rows["settle_date"],
    )


def _their_terms(case: Case, pairs: pd.DataFrame) -> pd.DataFrame:
    """The other side's record of the same transaction has another quantity, price or settlement date."""
    told = case.told.rename(columns={name: f"their_{name}" for name in ("quantity", "price", "settle_date")})
    terms = ["party", "reference", "file", "line", "their_quantity", "their_price", "their_settle_date"]
    rows = _terms(case, pairs[pairs["near"]].merge(told[["at", *terms]], on="at"))
    apart = {
        "quantity": (rows["their_quantity"] - rows["quantity"]).abs() > EXACTLY["position"],
        "price": (rows["their_price"] - rows["price"]).abs() > 1e-9 * rows["price"].abs(),
        "settlement_timing": rows["their_settle_date"].notna() & (rows["their_settle_date"] != rows["settle"]),
    }
    words = pd.Series(np.select(list(apart.values()), list(apart), ""), rows.index, dtype="str")
    late = (words == "settlement_timing") & (rows["their_settle_date"] > rows["settle"])
    rows = rows.assign(cause=words.mask(late, "settlement_fail"))[words != ""]
    place = rows["party"] + " has it as " + rows["reference"] + " (" + rows["file"].str.rsplit("/", n=1).str[-1] + ":"
    given = pd.Series(
        np.select(
            [rows["cause"] == "quantity", rows["cause"] == "price"],
            ["of " + _written(rows["their_quantity"]), "at " + _written(rows["their_price"])],
            "settling on " + rows["their_settle_date"].dt.strftime("%Y-%m-%d").fillna(""),
        ),
        rows.index,
    )
    text = "{t} is otherwise there: the " + place + rows["line"].astype("str") + ") " + given.astype("str")
    return _filled(
        rows,
        instrument=rows["named"],
        cause=rows["cause"],
        weight=1,
        distance=rows["distance"],
        text=text,
        dropped=rows["at"],
        template=rows["at"],
        to_quantity=rows["their_quantity"],
        to_price=rows["their_price"],
        to_settle=rows["their_settle_date"],
    )


def _implied(case: Case, steps: pd.DataFrame) -> pd.DataFrame:
    """A trade that only they know: units and money that give a price near the day's."""
    units = steps[steps["kind"] == "position"]
    # The price of the day on which it came: later ones have moved, and the cause would with them.
    priced = units.merge(
        case.prices[["business_date", "instrument", "close", "currency"]].rename(
            columns={"instrument": "target", "business_date": "on"}
        ),
        on=["on", "target"],
    )
    money = steps.loc[steps["kind"] == "cash", [*KEY, "target", "change", "on"]]
    rows = priced.assign(cash=CASH + priced["currency"]).merge(
        money.rename(columns={"target": "cash", "change": "paid", "on": "paid_on"}), on=[*KEY, "cash"]
    )
    price = -rows["paid"] / (rows["change"] * _point(case, rows["target"], rows["business_date"]))
    rows = rows.assign(to_price=price.round(8))[(price / rows["close"] - 1).abs() <= PRICES_APART]
    kind = np.where(rows["change"] > 0, "buy", "sell")
    text = "a " + pd.Series(kind, rows.index, dtype="str") + " of " + _written(rows["change"].abs()) + " at about "
    text = text + _written(rows["to_price"].round(4)) + " " + rows["currency"] + ", which only they have"
    return _filled(
        rows,
        instrument=rows["target"],
        cause="missing_trade",
        weight=5,
        free=np.where((rows["to_price"] / rows["close"] - 1).abs() <= AT_MARKET, 1.0, 2.0),
        distance=_days(rows["on"], rows["paid_on"]),
        text=text,
        to_kind=kind,
        to_quantity=rows["change"].abs(),
        to_price=rows["to_price"],
        to_fees=0.0,
        to_instrument=rows["target"],
        to_currency=rows["currency"],
        to_date=rows["business_date"],
        to_settle=rows["business_date"],
    )


def _mirrors(case: Case, steps: pd.DataFrame) -> pd.DataFrame:
    """Changes that stand with the opposite sign in one other book: columns of ``steps`` and other, its book.

    Both may have come on one session: neither book was reported without it when the other had it already. Where several
    books have the same change nobody can tell which of them has what is missing.
    """
    line = ["business_date", "kind", "target"]
    since = steps.assign(before=_compared_before(case.lines, steps).fillna(pd.Timestamp.min.as_unit("us")))
    both = since.merge(since[[*line, "book", "change", "on", "before"]], on=line, suffixes=("", "_other"))
    opposite = (both["change"] + both["change_other"]).abs() <= both["kind"].map(EXACTLY).astype("float64")
    at_once = (both["before"] < both["on_other"]) & (both["before_other"] < both["on"])
    found = both[opposite & at_once & (both["book"] != both["book_other"])].rename(columns={"book_other": "other"})
    found = found.drop_duplicates([*PLACE, "change", "other"], ignore_index=True)
    mine = found.groupby([*PLACE, "change"])["other"].transform("size")
    theirs = found.groupby([*line, "other", "change_other"])["book"].transform("size")
    return found[(mine == 1) & (theirs == 1)].sort_values(PLACE, ignore_index=True)


def _in_another_book(case: Case, drops: pd.DataFrame, steps: pd.DataFrame) -> list[pd.DataFrame]:
    """What is missing there of one book stands in another: left out of one, posted in the other."""
    mirrors = _mirrors(case, steps)[[*PLACE, "other"]].drop_duplicates()
    rows = drops[drops["cause"] == "missing_trade"].merge(mirrors, on=PLACE)
    mine = rows.assign(cause="wrong_account", weight=1, text="{t} stands in the account of " + rows["other"] + " there")
    text = "{t} of " + rows["book"] + " stands in the account of this book there"
    theirs = rows.assign(
        book=rows["other"], cause="wrong_account", weight=1, text=text, template=rows["dropped"], dropped=-1
    )
    return [mine[COLUMNS], theirs[COLUMNS]]


Shift = tuple[pd.DataFrame, pd.DataFrame]
_EFFECT = ["number", "kind", "target", "settled", "traded"]


def _mirrored(case: Case, steps: pd.DataFrame) -> Shift:
    """Units or money that stand in another book, whatever brought them there."""
    rows = _mirrors(case, steps)
    text = "what is too much or too little here stands with the opposite sign in " + rows["other"]
    explained = rows.assign(number=np.arange(len(rows)), settled=rows["change"], traded=rows["change"])
    return _filled(rows, cause="wrong_account", weight=3, text=text), explained[_EFFECT]


def _rounded(case: Case, found: pd.DataFrame, steps: pd.DataFrame) -> Shift:
    """Less than the last place kept; a whole number of units, or whole cents; cents that several bookings left."""
    rows = found.merge(case.lines[[*PLACE, "traded"]], on=PLACE, how="left")
    size, places = rows["difference"].abs(), np.where(rows["kind"] == "cash", 2, 0)
    whole = pd.Series(
        [round(value, int(n)) for value, n in zip(rows["ours"], places, strict=True)], rows.index, dtype="float64"
    )
    cut = np.where(rows["kind"] == "cash", np.trunc(rows["ours"] * 100) / 100, np.trunc(rows["ours"]))
    tiny = size < rows["kind"].map(ROUNDING).astype("float64")
    rounded = (rows["theirs"] - whole).abs() <= 1e-9
    truncated = (rows["theirs"] - cut).abs() <= 1e-9
    pairs = _pairs(case, steps)
    counted = pairs[pairs["near"]].groupby(PLACE)["at"].nunique()
    number = counted.reindex(pd.MultiIndex.from_frame(rows[PLACE])).fillna(0).to_numpy()
    left = (rows["kind"] == "cash") & (size <= np.clip(0.005 * number, 0.01, 0.05) + 1e-9)
    kept = tiny | rounded | truncated | left
    text = np.select(
        [tiny, rounded, truncated],
        [
            "less than the last place that is kept there",
            "theirs is ours in whole cents or units",
            "theirs is ours without what is less than a cent or a unit",
        ],
        pd.Series(np.maximum(number, 2), rows.index).map("{:.0f} figures rounded to the cent leave as much".format),
    )
    weight = np.where(tiny | rounded, 0, np.where(truncated, 1, 5))
    rows, text, weight = rows[kept], text[kept], weight[kept]
    explained = rows.assign(number=np.arange(len(rows)), settled=rows["difference"], traded=rows["traded"].fillna(0.0))
    return _filled(rows, cause="rounding", weight=weight, text=text), explained[_EFFECT]


def _other_units(case: Case, found: pd.DataFrame) -> Shift:
    """All positions of a book, or this one, are given there in other units."""
    lines = case.lines.merge(
        found[["business_date", "book", "kind"]].drop_duplicates(), on=["business_date", "book", "kind"]
    )
    lines = lines[(lines["ours"] != 0) & (lines["theirs"] != 0)]
    ratio = lines["theirs"] / lines["ours"]
    hypotheses, effects, count = [], [], 0
    for factor in UNITS:
        of = lines[(ratio / factor - 1).abs() <= 1e-6]
        first = of.merge(found[PLACE], on=PLACE).sort_values(PLACE).drop_duplicates([*KEY, "kind"], ignore_index=True)
        text = "quantities or money are given there times " + f"{factor:,g}"
        hypotheses.append(_filled(first, cause="units", weight=1, text=text))
        numbered = first[[*KEY, "kind"]].assign(number=count + np.arange(len(first)))
        of = of.merge(numbered, on=[*KEY, "kind"])
        effects.append(of.assign(settled=of["difference"], traded=of["traded"])[_EFFECT])
        count += len(first)
    return stacked(hypotheses), pd.concat(effects, ignore_index=True)


def _sent_again(case: Case, found: pd.DataFrame) -> Shift:
    """Their statement is that of the session before: then the differences of that session are what is left.

    It is not where a value of a position is another one. Where no values are given, one line that has not moved is what
    anything missing there looks like too.
    """
    slots = (
        case.lines[["business_date", "book", "kind"]].drop_duplicates().sort_values(["book", "kind", "business_date"])
    )
    before = slots.groupby(["book", "kind"])["business_date"].shift()
    slots = slots.assign(before=before)[before.notna().to_numpy()]
    slots = slots.merge(found[["business_date", "book", "kind"]].drop_duplicates())
    side = [*PLACE, "ours", "theirs", "difference", "traded"]
    now = case.lines[side].merge(slots, on=["business_date", "book", "kind"])
    then = case.lines[side].rename(columns={"business_date": "before"}).merge(slots, on=["before", "book", "kind"])
    both = now.drop(columns="before").merge(then.drop(columns="before"), how="outer", on=PLACE, suffixes=("", "_then"))
    numbers = ["ours", "theirs", "difference", "traded"]
    both = both.fillna({name + tail: 0.0 for name in numbers for tail in ("", "_then")})
    group = [both[name] for name in ("business_date", "book", "kind")]
    same = (both["theirs"] == both["theirs_then"]).groupby(group).transform("all")
    moved = (both["ours"] != both["ours_then"]).groupby(group).transform("any")
    fresh, valued = _revalued(case)
    rows = both[same & moved & ~pd.MultiIndex.from_frame(both[KEY]).isin(fresh)]
    first = rows.merge(found[PLACE], on=PLACE).sort_values(PLACE).drop_duplicates(KEY, ignore_index=True)
    first = first.merge(slots, on=["business_date", "book", "kind"])
    text = "the statement of " + first["before"].dt.strftime("%Y-%m-%d") + " was sent again"
    rows = rows.merge(first[KEY].assign(number=np.arange(len(first))), on=KEY)
    explained = rows.assign(
        settled=rows["difference"] - rows["difference_then"], traded=rows["traded"] - rows["traded_then"]
    )
    count = (
        explained[explained["settled"] != 0].groupby("number").size().reindex(range(len(first))).fillna(0).to_numpy()
    )
    telling = pd.MultiIndex.from_frame(first[KEY]).isin(valued) | (count > 1)
    weight = np.where(telling, 0, 3)
    return _filled(first, cause="stale_statement", weight=weight, text=text), explained[_EFFECT]


def _revalued(case: Case) -> "tuple[pd.Index[Any], pd.Index[Any]]":
    """KEY of the statements that value a position otherwise than the one before, and of those that value all alike."""
    rows = case.lines.loc[case.lines["kind"] == "position", [*KEY, "target", "value"]]
    slots = rows[KEY].drop_duplicates().sort_values(["book", "business_date"])
    slots = slots.assign(before=slots.groupby("book")["business_date"].shift()).dropna()
    then = rows.rename(columns={"business_date": "before", "value": "then"})
    both = rows.merge(slots, on=KEY).merge(then, on=["before", "book", "target"]).dropna(subset=["value", "then"])
    changed = (both["value"] != both["then"]).groupby([both[name] for name in KEY]).any()
    return changed.index[changed.to_numpy(bool)], changed.index[~changed.to_numpy(bool)]


def _emptied(case: Case, found: pd.DataFrame) -> Shift:
    """Their statement of a book lists no position, and perhaps no money either."""
    lines = case.lines.merge(found[KEY].drop_duplicates(), on=KEY)
    slot = [*KEY, "kind"]
    nothing = (lines["theirs"] == 0).groupby([lines[name] for name in slot]).transform("all")
    lines = lines[nothing & (lines["ours"] != 0)]
    held = lines[lines["kind"] == "position"].groupby(KEY).size().rename("held").reset_index()
    lines = lines.merge(held[held["held"] > 1], on=KEY)
    first = lines.merge(found[PLACE], on=PLACE).sort_values(PLACE).drop_duplicates(KEY, ignore_index=True)
    rows = lines.merge(first[KEY].assign(number=np.arange(len(first))), on=KEY)
    explained = rows.assign(settled=rows["difference"])
    money = pd.MultiIndex.from_frame(first[KEY]).isin(pd.MultiIndex.from_frame(lines.loc[lines["kind"] == "cash", KEY]))
    text = np.where(money, "the statement lists nothing", "the statement lists no position")
    return _filled(first, cause="empty_statement", weight=0, text=text), explained[_EFFECT]


def _together(case: Case, found: pd.DataFrame, early: bool) -> Shift:
    """All trades that settle on one day have settled there before it; or none of them has."""
    waits = case.entries["event"].isin((*posted.UNITS, "fx")) & (case.entries["settle"] > case.entries["session"])
    rows = case.entries[waits].merge(found[KEY].drop_duplicates(), on="book")
    rows = rows[rows["session"] <= rows["business_date"]]
    days = dated.days(rows["settle"]) - dated.days(rows["business_date"])
    rows = rows[days > 0] if early else rows[(days <= 0) & (days >= -NEAR)]
    field = case.lines[[*PLACE, "field"]]
    rows = rows.merge(field, on=PLACE, how="left")
    rows = rows[(rows["kind"] == "cash") | (rows["field"] != "quantity")]
    slot = [*KEY, "settle"]
    rows = rows[rows.groupby(slot)["at"].transform("nunique") > 1]
    lines = rows.groupby([*slot, "kind", "target"], as_index=False).agg(effect=("effect", "sum"))
    lines = lines.merge(rows.groupby(slot, as_index=False).agg(trades=("at", "nunique")), on=slot)
    first = lines.merge(found[PLACE], on=PLACE).sort_values([*PLACE, "settle"]).drop_duplicates(slot, ignore_index=True)
    count, due = first["trades"].astype("str"), first["settle"].dt.strftime("%Y-%m-%d")
    lines = lines.merge(first[slot].assign(number=np.arange(len(first))), on=slot)
    explained = lines.assign(settled=lines["effect"] if early else -lines["effect"], traded=0.0)
    words = " trades that are due on " + due + " have settled there already"
    text = (
        "all " + count + words
        if early
        else "none of the " + count + " trades that were due on " + due + " has settled there"
    )
    cause = "settlement_timing" if early else "settlement_fail"
    return _filled(first, cause=cause, weight=1, text=text), explained[_EFFECT]
