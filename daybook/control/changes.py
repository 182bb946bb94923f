"""What changed between two states of a day: which NAV moved, by how much, and through what.

Belongs here: taking the change of each book's NAV apart by cause, naming the facts that came, went or were corrected,
and which rows of a table differ. Does not belong here: reading two versions (``resources.states``), what follows from
an error (``daybook.control.restatement``).

A row of ``valuations`` is worth q P X: quantity, value per unit and exchange rate. With 0 for then and 1 for now, its
change is taken apart in this order, the market first, as the day's P&L is (contract 2.7):

* value per unit: q0 (P1 - P0) X0
* exchange rate: q0 P1 (X1 - X0)
* quantity, or the balance of a cash row: (q1 - q0) P1 X1, split over what the journals of both states posted otherwise

so a trade that came late counts with its quantity at the prices of now less what was paid for it, in every currency.
Amounts are whole millionths; the last part of each row takes what rounding leaves, and what no posting tells is named
``rest``. The effects of a book therefore add up to the change of its NAV exactly, and nothing is hidden in one of them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger.transactions import UNITS, live

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

COLUMNS = (
    *("business_date", "book", "cause", "instrument", "currency", "transaction_id", "quantity", "effect", "effect_bp"),
    *("reason", "file", "line"),
)
"""Columns of ``changes``."""
FIGURES = ("nav", "valuations", "prices")
"""Tables of one session that ``changes`` takes apart, beside the journal (``postings``)."""
FACTS = ("transactions", "corporate_actions", "elections")
"""Facts that say who changed a quantity or a balance."""
MONEY = ("cash", "unsettled", "receivables")
"""Accounts that make up the cash row of a currency: its balance and what is accrued."""
ADDED, CANCELLED, CORRECTED = "transaction_added", "transaction_cancelled", "transaction_corrected"
ACTION, ELECTION, ENTITLEMENT = "corporate_action", "election", "entitlement"
PRICE, OVERRIDE, ACCRUED, VALUE, FX = "price", "price_override", "accrued_interest", "value_per_unit", "fx_rate"
INTEREST, MARGIN, FEE, REST, FAILED = "interest", "variation_margin", "fee_accrual", "rest", "book_failed"
CASH = "CASH:"

_MICRO = 1e6
_UNITS = 1e8
_ROW = ["book", "instrument"]
_ITEM = [*_ROW, "transaction_id"]
_ORIGIN = ["transaction_id", "book", "cause", "name", "reason", "file", "line"]
_PROVENANCE = (*tables.FACT_COLUMNS, "source")


@dataclass(frozen=True)
class State:
    """One state of a day.

    Attributes:
        nav: table ``nav`` of the session.
        valuations: table ``valuations`` of the session.
        prices: table ``prices`` of the session.
        postings: table ``postings`` of every session up to it whose journal is another one in the other state, of every
            book: of a pool of lots they stand in the book that opened the lots.
        raw_fx_rates: facts of the session.
    """

    nav: pd.DataFrame
    valuations: pd.DataFrame
    prices: pd.DataFrame
    postings: pd.DataFrame
    raw_fx_rates: pd.DataFrame


def changes(then: State, now: State, origins: pd.DataFrame, actions: "pd.Series[str]") -> pd.DataFrame:
    """Why the NAV of each book of ``then`` is another one ``now``, the largest effect of each book first.

    Args:
        then: the first state; books that are in it count.
        now: the second one.
        origins: which facts came, went or were corrected in between (``origins``).
        actions: ids of the corporate actions in force now.

    Returns:
        ``COLUMNS``. cause is one of the words of this module; quantity is the change in units, or in money of the cash
        row; effect is in the book's base currency, effect_bp of the NAV then, missing where that is not positive. The
        effects of a book add up to the change of its NAV. A book without a NAV in one of the states has one row,
        ``book_failed``, without an effect; a book whose NAV did not move may have rows that cancel out, or none.
    """
    both = then.nav[["business_date", "book", "nav", "base_currency", "reason"]].merge(
        now.nav[["book", "nav", "reason"]], on="book", how="left", suffixes=("_then", "_now")
    )
    sound = both[["nav_then", "nav_now"]].notna().all(axis=1)
    books = both.loc[sound, "book"]
    rows = _valued(then.valuations, now.valuations, books)
    parts = [
        _repriced(rows, then, now),
        _exchanged(rows, both, then, now),
        *_moved(rows, _items(then.postings, now.postings, books), origins, actions),
    ]
    found = _margined(pd.concat(parts, ignore_index=True), then, now)
    gap = micros(both.loc[sound, "nav_now"]) - micros(both.loc[sound, "nav_then"])
    told = found.groupby("book")["micros"].sum().reindex(books, fill_value=0)
    left = pd.DataFrame({"book": books.to_numpy(), "micros": gap - told.to_numpy(np.int64)})
    left = left[left["micros"] != 0].assign(cause=REST, reason="NAV is not the sum of its rows")
    found = pd.concat([found, left], ignore_index=True)
    found = found[(found["micros"] != 0) | (found["quantity"].fillna(0.0) != 0)]
    found["effect"] = found["micros"] / _MICRO
    failed = both.loc[~sound, ["book", "reason_then", "reason_now"]]
    said = failed["reason_now"].fillna("there is no such book any more").where(failed["reason_now"] != "", "")
    said = said.where(said != "", "then: " + failed["reason_then"])
    found = pd.concat([found, pd.DataFrame({"book": failed["book"], "cause": FAILED, "reason": said})])
    return _table(found, both)


def micros(values: Any) -> Ints:
    """Money as whole millionths."""
    return np.rint(np.asarray(values, np.float64) * _MICRO).astype(np.int64)


def origins(then: Mapping[str, pd.DataFrame], now: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The transactions, corporate actions and elections that came, went or were corrected between two states of facts.

    Args:
        then: ``FACTS``, as they counted then; transactions as delivered, with cancels and corrected rows.
        now: the same now.

    Returns:
        transaction_id (or action_id), book ("" of every book), cause, name (of a corrected transaction the id of the
        one that counts now), reason, file and line of the fact that made the change.
    """
    found = [_transactions(then["transactions"], now["transactions"]), *_actions(then, now)]
    return pd.concat(found, ignore_index=True)[_ORIGIN]


def different(name: str, then: pd.DataFrame, now: pd.DataFrame, without: Collection[str] = ()) -> pd.DataFrame:
    """Rows of table ``name`` that are not the same in two states: the key and ``change``: added, removed, changed.

    Numbers that agree to 11 significant digits are the same, as two that have the same content hash are. Columns
    ``without`` do not count.
    """
    table = tables.TABLES[name]
    key, values = list(table.key), [column for column in table.columns if column.name not in (*table.key, *without)]
    both = then.merge(now, on=key, how="outer", suffixes=("_then", "_now"), indicator="change")
    changed: Flags = np.zeros(len(both), bool)
    for column in values:
        if column.name not in tables.UNHASHED:
            changed = changed | ~_same(both[f"{column.name}_then"], both[f"{column.name}_now"], column.type)
    words = both["change"].astype("str").map({"both": "changed", "left_only": "removed", "right_only": "added"})
    keep = (both["change"] != "both") | changed
    return both.loc[keep, key].assign(change=words[keep]).reset_index(drop=True)


def _same(one: "pd.Series[Any]", other: "pd.Series[Any]", kind: str) -> Flags:
    if kind == "float":
        a, b = one.to_numpy(np.float64), other.to_numpy(np.float64)
        near = np.abs(a - b) <= 1e-11 * np.maximum(np.abs(a), np.abs(b))
        return np.asarray(near | (a == b) | (np.isnan(a) & np.isnan(b)))
    if kind == "floats":
        bits = [values.map(lambda numbers: np.asarray(numbers, np.float64).tobytes()) for values in (one, other)]
        return np.asarray(bits[0] == bits[1])
    return np.asarray((one == other) | (one.isna() & other.isna()))


def _valued(then: pd.DataFrame, now: pd.DataFrame, books: "pd.Series[str]") -> pd.DataFrame:
    """The rows of both states side by side; what is in one of them alone has the value per unit and rate of that one.

    ``*_then`` and ``*_now``: quantity, unit (value of one in currency), rate, value (millionths of base currency).
    """
    sides = []
    for frame in (then, now):
        rows = frame.loc[frame["book"].isin(books), [*_ROW, "currency", "quantity", "market_value"]]
        held = rows["quantity"].to_numpy(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            unit = np.where(held != 0, rows["market_value"].to_numpy(np.float64) / held, np.nan)
        detail = frame.loc[rows.index, ["price", "accrued_interest", "fx_rate", "market_value_base"]]
        rows = rows.drop(columns="market_value").assign(
            unit=unit,
            rate=detail["fx_rate"],
            price=detail["price"],
            accrued=detail["accrued_interest"],
            value=micros(detail["market_value_base"].fillna(0.0)),
        )
        sides.append(rows)
    both = sides[0].merge(sides[1], on=_ROW, how="outer", suffixes=("_then", "_now"), sort=True)
    for name in ("unit", "rate", "price", "accrued", "currency"):
        one, other = both[f"{name}_then"], both[f"{name}_now"]
        both[f"{name}_then"], both[f"{name}_now"] = one.fillna(other), other.fillna(one)
    for name in ("quantity", "value"):
        for side in ("then", "now"):
            both[f"{name}_{side}"] = both[f"{name}_{side}"].fillna(0)
    q0, q1 = both["quantity_then"], both["quantity_now"]
    p0, p1, x0, x1 = (both[f"{name}_{side}"] for name in ("unit", "rate") for side in ("then", "now"))
    whole = (both["value_now"].astype("int64") - both["value_then"].astype("int64")).to_numpy()
    price, rate = (_rounded(part) for part in (q0 * (p1 - p0) * x0, q0 * p1 * (x1 - x0)))
    traded = np.rint(((q1 - q0) * _UNITS).to_numpy(np.float64)) != 0
    left = whole - price - rate
    # What rounding leaves is the last part's: that of the quantity, else of the rate, else of the price.
    by_rate = ~traded & (x1 != x0).to_numpy() & (q0 != 0).to_numpy()
    by_price = ~traded & ~by_rate & (p1 != p0).to_numpy() & (q0 != 0).to_numpy()
    return both.assign(
        by_price=price + np.where(by_price, left, 0),
        by_rate=rate + np.where(by_rate, left, 0),
        moved=np.where(by_rate | by_price, 0, left),
        by=(q1 - q0).to_numpy(),
        worth=(p1 * x1).to_numpy(),
    )


def _rounded(values: Any) -> Ints:
    return np.rint(np.nan_to_num(np.asarray(values, np.float64) * _MICRO)).astype(np.int64)


def _repriced(rows: pd.DataFrame, then: State, now: State) -> pd.DataFrame:
    """What other values per unit do: golden prices with file and line, overrides, accrued interest, terms."""
    found = rows[rows["by_price"] != 0]
    names = pd.Index(found["instrument"].unique())
    at = names.get_indexer(pd.Index(found["instrument"]))
    one, other = (
        prices.set_index("instrument")[["close", "status", "file", "line"]].reindex(names).reset_index(drop=True)
        for prices in (then.prices, now.prices)
    )
    same = _same(one["close"], other["close"], "float") & (one["status"] == other["status"]).to_numpy()
    overridden = ((one["status"] == "override") | (other["status"] == "override")).to_numpy()
    unpriced = one["close"].isna().to_numpy() & other["close"].isna().to_numpy()
    golden = (~same & (overridden | ~unpriced))[at]
    accrued = ~_same(found["accrued_then"], found["accrued_now"], "float")
    cause = np.select([golden & overridden[at], golden, accrued], [OVERRIDE, PRICE, ACCRUED], VALUE)
    words = (_priced(one) + " -> " + _priced(other))[at]
    words[~golden] = _units(found[~golden])
    file, line = other["file"].fillna("").to_numpy()[at], other["line"].fillna(0).to_numpy()[at]
    return pd.DataFrame(
        {
            "book": found["book"].to_numpy(),
            "instrument": found["instrument"].to_numpy(),
            "currency": found["currency_now"].to_numpy(),
            "cause": cause,
            "micros": found["by_price"].to_numpy(),
            "reason": words,
            "file": np.where(golden, file, ""),
            "line": np.where(golden, line, 0),
        }
    )


def _margined(found: pd.DataFrame, then: State, now: State) -> pd.DataFrame:
    """``found`` with the golden prices of the session behind what margin moved, where they are others now."""
    margin = found[found["cause"] == MARGIN]
    if margin.empty:
        return found
    names = margin["transaction_id"].str.removeprefix("variation_margin:")
    one, other = (prices.set_index("instrument").reindex(names) for prices in (then.prices, now.prices))
    moved = ~_same(one["close"], other["close"], "float")
    words = margin["reason"] + ": " + _priced(one) + " -> " + _priced(other)
    told = {"reason": words, "file": other["file"].fillna(""), "line": other["line"].fillna(0)}
    for name, values in told.items():
        found.loc[margin.index[moved], name] = np.asarray(values)[moved]
    return found


def _priced(prices: pd.DataFrame) -> NDArray[np.object_]:
    """A golden price in words: how much, whose, where it stands."""
    file, line = prices["file"].fillna(""), prices["line"].fillna(0).astype("int64").astype("str")
    where = (" (" + file + " line " + line + ")").where(file != "", "")
    status = (" " + prices["status"].fillna("")).where(~prices["status"].isin(["ok"]) & prices["status"].notna(), "")
    return np.asarray((_numbers(prices["close"]) + status + where).to_numpy(object))


def _units(found: pd.DataFrame) -> NDArray[np.object_]:
    value = _numbers(found["unit_then"]) + " -> " + _numbers(found["unit_now"])
    return np.asarray(("value of one unit " + value).to_numpy(object))


def _numbers(values: "pd.Series[Any]") -> "pd.Series[str]":
    return pd.Series([_number(value) for value in values], values.index, dtype="str")


def _number(value: Any) -> str:
    return "none" if pd.isna(value) else f"{float(value):.10g}"


def _exchanged(rows: pd.DataFrame, both: pd.DataFrame, then: State, now: State) -> pd.DataFrame:
    """What other exchange rates do, with the rate that was delivered, or crossed."""
    found = rows[rows["by_rate"] != 0]
    pair = pd.DataFrame(
        {
            "currency": found["currency_now"],
            "base": found["book"].map(both.set_index("book")["base_currency"]),
            "one": found["rate_then"],
            "other": found["rate_now"],
        }
    )
    few = pair[["currency", "base"]].drop_duplicates(ignore_index=True)  # whatever the number of rows
    legs = [
        _legs(currency, into, then.raw_fx_rates, now.raw_fx_rates)
        for currency, into in zip(few["currency"], few["base"], strict=True)
    ]
    told = pd.concat([few, pd.DataFrame(legs, columns=["words", "file", "line"])], axis=1)
    once = pair.drop_duplicates().merge(told, on=["currency", "base"])
    rates = "1 " + once["currency"] + " = " + _numbers(once["one"]) + " -> " + _numbers(once["other"])
    once = once.assign(reason=rates + " " + once["base"] + once["words"])
    told = pair.merge(once, on=["currency", "base", "one", "other"], how="left")
    return pd.DataFrame(
        {
            "book": found["book"].to_numpy(),
            "instrument": found["instrument"].to_numpy(),
            "currency": found["currency_now"].to_numpy(),
            "cause": FX,
            "micros": found["by_rate"].to_numpy(),
            "reason": told["reason"].to_numpy(object),
            "file": told["file"].to_numpy(object),
            "line": told["line"].to_numpy(),
        }
    )


def _legs(currency: str, base: str, then: pd.DataFrame, now: pd.DataFrame) -> tuple[str, str, int]:
    """Which delivered rates of the two currencies are others now, in words, and file and line of the first."""
    key = ["business_date", "base", "quote", "source"]
    touching = [
        frame[frame["base"].isin([currency, base]) | frame["quote"].isin([currency, base])] for frame in (then, now)
    ]
    legs = touching[0].merge(touching[1], on=key, how="outer", suffixes=("_then", "_now"))
    legs = legs[~_same(legs["rate_then"], legs["rate_now"], "float")]
    direct = legs[legs["base"].isin([currency, base]) & legs["quote"].isin([currency, base])]
    legs = (direct if len(direct) else legs).sort_values(key)
    shown = legs.head(3)
    at = [shown[f"{name}_now"].fillna(shown[f"{name}_then"]) for name in ("file", "line")]
    words = (
        shown["base"] + shown["quote"] + " " + _numbers(shown["rate_then"]) + " -> " + _numbers(shown["rate_now"])
        + " (" + at[0] + " line " + _numbers(at[1]) + ")"
    )  # fmt: skip
    if shown.empty:
        return "", "", 0
    return "; " + ", ".join(words), str(at[0].iloc[0]), int(at[1].iloc[0])


def _items(then: pd.DataFrame, now: pd.DataFrame, books: "pd.Series[str]") -> pd.DataFrame:
    """What each transaction and action posted otherwise: ``_ITEM``, kind and units (10^-8), of cash rows 10^-6."""
    # A settlement moves money between two accounts of the same cash row, so it tells nothing.
    both = [_by_trade(frame) for frame in (then, now)]
    named = pd.concat([frame[frame["kind"] != "settlement"] for frame in both])
    kinds = named.drop_duplicates(["book", "transaction_id"]).set_index(["book", "transaction_id"])["kind"]
    sides = []
    for frame, sign in zip(both, (-1, 1), strict=True):
        money = frame["ledger_account"].isin(MONEY)
        rows = frame[(money | (frame["ledger_account"] == "securities")) & frame["book"].isin(books)]
        cash = money.loc[rows.index].to_numpy()
        amount = np.where(cash, rows["debit"] * _MICRO, rows["quantity"] * _UNITS)
        instrument = np.where(cash, CASH + rows["currency"], rows["instrument"])
        units = sign * np.rint(amount).astype(np.int64)
        sides.append(rows[["book", "transaction_id"]].assign(instrument=instrument, units=units))
    total = pd.DataFrame(pd.concat(sides).groupby(_ITEM, as_index=False)["units"].sum())
    total = total[total["units"] != 0].reset_index(drop=True)
    whose = pd.MultiIndex.from_frame(total[["book", "transaction_id"]])
    return total.assign(kind=kinds.reindex(whose).fillna("").to_numpy())


def _by_trade(postings: pd.DataFrame) -> pd.DataFrame:
    """``postings`` with the units of each trade in the book that traded, not in that whose lots of a pool it closed."""
    between = postings["ledger_account"] == "between_books"
    pooled = between & postings["kind"].isin(UNITS)
    if not pooled.any():
        return postings
    trades = postings["transaction_id"].isin(postings.loc[pooled, "transaction_id"])
    units = postings["ledger_account"] == "securities"
    traded = postings[trades & ~units & ~between].drop_duplicates("transaction_id").set_index("transaction_id")["book"]
    whose = postings["transaction_id"].map(traded)
    return postings.assign(book=postings["book"].where(~(trades & units) | whose.isna(), whose))


def _moved(
    rows: pd.DataFrame, items: pd.DataFrame, origins: pd.DataFrame, actions: "pd.Series[str]"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What other quantities and balances do, by transaction and action; and what no posting tells."""
    at = pd.MultiIndex.from_frame(rows[_ROW]).get_indexer(pd.MultiIndex.from_frame(items[_ROW]))
    # A holding that came and went leaves no row of valuations; its money is in the cash row.
    items, at = items[at >= 0].reset_index(drop=True), at[at >= 0]
    cash = rows["instrument"].str.startswith(CASH).to_numpy()
    scale = np.where(cash, _MICRO, _UNITS)
    shared = _shared(rows, items, at)
    if len(shared):
        items = pd.concat([items, shared], ignore_index=True)
        at = pd.MultiIndex.from_frame(rows[_ROW]).get_indexer(pd.MultiIndex.from_frame(items[_ROW]))
    effect = _rounded(items["units"].to_numpy() / scale[at] * rows["worth"].to_numpy()[at])
    moved, by = rows["moved"].to_numpy(np.int64), np.rint(rows["by"].to_numpy() * scale).astype(np.int64)
    told = np.zeros(len(rows), np.int64)
    np.add.at(told, at, items["units"].to_numpy())
    left = moved.copy()
    np.subtract.at(left, at, effect)
    whole = told == by
    # The largest part takes what rounding leaves, where the journal tells the whole quantity.
    order = np.lexsort((items["transaction_id"].to_numpy(object).astype("U"), -np.abs(effect), at))
    first = order[np.r_[True, at[order][1:] != at[order][:-1]]] if len(order) else order
    takes = first[whole[at[first]]]
    effect[takes] += left[at[takes]]
    left[at[takes]] = 0
    named = _caused(items, origins, actions)
    parts = pd.DataFrame(
        {
            "book": items["book"],
            "instrument": items["instrument"],
            "currency": rows["currency_now"].to_numpy()[at],
            "transaction_id": named["name"],
            "quantity": items["units"].to_numpy() / scale[at],
            "cause": named["cause"],
            "micros": effect,
            "reason": named["reason"],
            "file": named["file"],
            "line": named["line"],
        }
    )
    keys = ["book", "cause", "transaction_id", "instrument", "currency"]
    how = {"quantity": "sum", "micros": "sum", "reason": "first", "file": "first", "line": "first"}
    parts = pd.DataFrame(parts.groupby(keys, as_index=False, sort=False).agg(how))
    untold = rows[left != 0]
    rest = pd.DataFrame(
        {
            "book": untold["book"].to_numpy(),
            "instrument": untold["instrument"].to_numpy(),
            "currency": untold["currency_now"].to_numpy(),
            "quantity": (by - told)[left != 0] / scale[left != 0],
            "cause": REST,
            "micros": left[left != 0],
            "reason": "no posting tells this change of the quantity",
        }
    )
    return parts, rest


def _shared(rows: pd.DataFrame, items: pd.DataFrame, at: Ints) -> pd.DataFrame:
    """What an action did to each book of a pool, less what it posted there: it posts in the book whose lots it changes.

    Where the postings of several books tell too much and too little by the same quantity in all, and one action alone
    touched the instrument.
    """
    told = np.zeros(len(rows), np.int64)
    np.add.at(told, at, items["units"].to_numpy(np.int64))
    gap = rows[_ROW].assign(units=np.rint(rows["by"].to_numpy() * _UNITS).astype(np.int64) - told)
    gap = gap[(gap["units"] != 0) & ~gap["instrument"].str.startswith(CASH)]
    even = gap[gap.groupby("instrument")["units"].transform("sum") == 0]
    acted = items[items["instrument"].isin(even["instrument"]) & ~items["kind"].isin(UNITS)]
    one = acted.groupby("instrument").agg(
        transaction_id=("transaction_id", "first"), kind=("kind", "first"), count=("transaction_id", "nunique")
    )
    return even.merge(one[one["count"] == 1].drop(columns="count"), on="instrument")[[*_ITEM, "units", "kind"]]


def _caused(items: pd.DataFrame, origins: pd.DataFrame, actions: "pd.Series[str]") -> pd.DataFrame:
    """Cause, name, reason, file and line of each item: the fact that changed, else the kind of what was posted."""
    found = items[["book", "transaction_id", "kind"]].assign(at=np.arange(len(items)))
    own = origins[origins["book"] != ""].drop_duplicates(["transaction_id", "book"])
    any_book = origins[origins["book"] == ""].drop_duplicates("transaction_id").drop(columns="book")
    mine = found.merge(own, on=["transaction_id", "book"], how="left")
    firms = found[["transaction_id"]].merge(any_book, on="transaction_id", how="left")
    known = pd.DataFrame({name: mine[name].fillna(firms[name]) for name in ("cause", "name", "reason", "file", "line")})
    kind, id_ = found["kind"], found["transaction_id"]
    of_action, fee = id_.isin(actions).to_numpy(), kind.str.endswith("_fee").to_numpy()
    interest = id_.str.startswith("interest:").to_numpy()
    margin = id_.str.startswith("variation_margin:").to_numpy()
    cause = np.select([of_action, fee, interest, margin], [ENTITLEMENT, FEE, INTEREST, MARGIN], REST)
    said = np.select(
        [of_action, fee, interest, margin],
        [
            kind + " on another quantity than then",
            kind + " accrued on another value than then",
            "interest accrued on another balance or rate than then",
            "margin on another price or quantity than then",
        ],
        kind + " " + id_ + " posted otherwise than then",
    )
    return pd.DataFrame(
        {
            "cause": known["cause"].fillna(pd.Series(cause, dtype="str")),
            "name": known["name"].fillna(id_),
            "reason": known["reason"].fillna(pd.Series(said, dtype="str")),
            "file": known["file"].fillna(""),
            "line": known["line"].fillna(0),
        }
    )


def _transactions(then: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Transactions that count in one of the states alone, or in other words than then."""
    place = ["delivery", "line"]
    one, other = live(then), live(now)
    gone = one[~pd.MultiIndex.from_frame(one[place]).isin(pd.MultiIndex.from_frame(other[place]))]
    come = other[~pd.MultiIndex.from_frame(other[place]).isin(pd.MultiIndex.from_frame(one[place]))]
    if gone.empty and come.empty:
        return pd.DataFrame(columns=_ORIGIN)
    first = _first(now, come["transaction_id"])
    replaced = first.isin(gone["transaction_id"])
    old = gone.drop_duplicates("transaction_id", keep="last").set_index("transaction_id")
    instead = (" in place of " + _trade(old).reindex(first[replaced])).to_numpy(object)
    book, before = come["book"][replaced].to_numpy(object), old["book"].reindex(first[replaced]).to_numpy(object)
    instead = instead + np.where(book == before, "", " in " + before + ", now in " + book)
    said = _trade(come.set_index("transaction_id"))
    words = said.to_numpy(object)
    words[replaced.to_numpy()] += instead
    added = come.assign(
        name=come["transaction_id"],
        cause=np.where(replaced, CORRECTED, ADDED),
        reason=words,
    )[_ORIGIN]
    # What was there under another id is told under the id that counts now.
    aliases = pd.Series(come["transaction_id"].to_numpy()[replaced], first[replaced].to_numpy())
    lost = gone[~gone["transaction_id"].isin(come["transaction_id"])]
    corrected = lost["transaction_id"].isin(aliases.index)
    by_new = added.drop_duplicates("transaction_id").set_index("transaction_id")
    new = lost["transaction_id"].map(aliases)
    cancels = now[now["kind"] == "cancel"]
    cancels = cancels.assign(corrects=_first(now, cancels["corrects"]))  # a correction may be what is cancelled
    cancels = cancels.drop_duplicates("corrects", keep="last").set_index("corrects")
    at = cancels.reindex(lost["transaction_id"])
    cancelled = np.where(
        at["transaction_id"].notna(), " cancelled by " + at["transaction_id"].fillna(""), " no longer counts"
    )
    words = _trade(lost.set_index("transaction_id")).to_numpy(object) + cancelled
    at = at.set_axis(lost.index)
    removed = lost.assign(
        name=new.where(corrected, lost["transaction_id"]),
        cause=np.where(corrected, CORRECTED, CANCELLED),
        reason=np.where(corrected, new.map(by_new["reason"]), words),
        file=np.where(corrected, new.map(by_new["file"]), at["file"].fillna(lost["file"])),
        line=np.where(corrected, new.map(by_new["line"]), at["line"].fillna(lost["line"])),
    )[_ORIGIN]
    return pd.concat([added, removed], ignore_index=True)


def _first(log: pd.DataFrame, ids: "pd.Series[str]") -> "pd.Series[str]":
    """The transaction that each of ``ids`` stands in the place of in the end, itself where it corrects none."""
    rows = log[(log["corrects"] != "") & (log["kind"] != "cancel") & (log["corrects"] != log["transaction_id"])]
    above = rows.drop_duplicates("transaction_id", keep="last").set_index("transaction_id")["corrects"]
    found = ids.reset_index(drop=True)
    for _ in range(len(above)):  # ends with the longest chain of corrections, which intake keeps from being a circle
        up = found.map(above).fillna(found)
        if (up == found).all():
            break
        found = up
    return found.set_axis(ids.index)


def _trade(rows: pd.DataFrame) -> "pd.Series[str]":
    """Transactions in words, by the index of ``rows``."""
    said = [
        " ".join(
            part
            for part in (
                row["kind"],
                _number(row["quantity"]),
                row["instrument"],
                "" if pd.isna(row["price"]) else f"at {_number(row['price'])}",
                row["currency"],
                f"of {row['trade_date']:%Y-%m-%d}",
                "" if pd.isna(row["booked_on"]) else f"booked on {row['booked_on']:%Y-%m-%d}",
            )
            if part
        )
        for row in rows[["kind", "quantity", "instrument", "price", "currency", "trade_date", "booked_on"]].to_dict(
            "records"
        )
    ]
    return pd.Series(said, rows.index, dtype="str")


def _actions(then: Mapping[str, pd.DataFrame], now: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """Corporate actions and elections that came, went or say something else."""
    found = []
    for name, cause, key in (
        ("corporate_actions", ACTION, ["action_id"]),
        ("elections", ELECTION, ["action_id", "book"]),
    ):
        words = [column for column in tables.TABLES[name].names if column not in (*key, *_PROVENANCE)]
        both = then[name].merge(now[name], on=key, how="outer", suffixes=("_then", "_now"), indicator="change")
        said = pd.Series("", both.index, dtype="str")
        for word in words:
            one, other = both[f"{word}_then"], both[f"{word}_now"]
            kind = "float" if one.dtype.kind == "f" else ""
            differs = ~_same(one, other, kind) & (both["change"] == "both").to_numpy()
            told = [f", {word} {_plain(a)} -> {_plain(b)}" for a, b in zip(one[differs], other[differs], strict=True)]
            said.loc[differs] = said.loc[differs] + pd.Series(told, said.index[differs], dtype="str")
        alone = (both["change"] != "both").to_numpy()
        came = np.where(both["change"] == "right_only", "new", "no longer in force")
        keep = alone | (said != "").to_numpy()
        rows = both[keep]
        title = (rows["action_id"] + ": ").to_numpy(object)
        found.append(
            pd.DataFrame(
                {
                    "transaction_id": rows["action_id"].to_numpy(),
                    "book": rows["book"].to_numpy() if "book" in key else "",
                    "cause": cause,
                    "name": rows["action_id"].to_numpy(),
                    "reason": title + np.where(alone, came, said.str.removeprefix(", ").to_numpy(object))[keep],
                    "file": rows["file_now"].fillna(rows["file_then"]).to_numpy(),
                    "line": rows["line_now"].fillna(rows["line_then"]).to_numpy(),
                }
            )
        )
    return found


def _plain(value: Any) -> str:
    if value is None or value is pd.NaT or value == "" or value != value:
        return "none"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _table(found: pd.DataFrame, both: pd.DataFrame) -> pd.DataFrame:
    """``found`` with every column, by book and size."""
    rows = found.reindex(columns=["micros", *COLUMNS])
    of = both.set_index("book").reindex(rows["book"])
    rows["business_date"] = of["business_date"].to_numpy()
    nav = of["nav_then"].where(of["nav_then"] > 0).to_numpy()
    rows["effect_bp"] = (rows["effect"].to_numpy() / nav * 1e4).round(12)
    for name in ("cause", "instrument", "currency", "transaction_id", "reason", "file"):
        rows[name] = rows[name].astype("str").where(rows[name].notna(), "").astype("str")
    rows["line"] = rows["line"].fillna(0).astype("int64")
    rows["size"] = -rows["effect"].abs().fillna(np.inf)
    rows = rows.sort_values(["book", "size", "cause", "instrument", "transaction_id"], ignore_index=True)
    return rows[list(COLUMNS)]
