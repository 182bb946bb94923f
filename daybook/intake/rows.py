"""Rows: the text of one file as typed facts, and each row that is none with column, value and reason.

Belongs here: the checks of a row against its table, against the other rows of its file, and against the reference
data known so far. Does not belong here: reading bytes (``reading``), and whether a fact is plausible (``daybook.market.
quality``): a strange price is a finding, not a refusal.

Every check looks at whole columns; a row with several faults is reported once for each column at fault.
"""

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from daybook import tables
from daybook.intake import actions, closed_periods, confirmations, instruments, terms, transactions, values
from daybook.intake import draft as draft_
from daybook.intake.draft import Bools, Draft, Reference
from daybook.intake.names import Name
from daybook.intake.sheet import FileRefused, Sheet, shown
from daybook.market import currencies, dated, intraday, security_master

PROBLEMS = ("line", "column", "value", "reason", "waits_for", "business_date", "row")
"""Columns of ``Checked.problems``."""

_OURS = ("recorded_at", "file", "delivery", "line")


@dataclass(frozen=True)
class Checked:
    """The outcome of one file.

    Attributes:
        facts: the good rows: the table's columns and ``line``, without file, delivery and recorded_at.
        problems: one row for each bad column of each bad row (``PROBLEMS``); ``waits_for`` is "" unless all that the
            row lacks is something that may still be delivered.
        rejected: number of lines that are not among ``facts`` because of ``problems``.
        notes: what was noticed and does no harm.
        known: keys of rows that were left out because an equal one is known already.
    """

    facts: pd.DataFrame
    problems: pd.DataFrame
    rejected: int
    notes: tuple[str, ...]
    known: tuple[str, ...] = ()


def check(name: Name, sheet: Sheet, arrived: pd.Timestamp, reference: Reference) -> Checked:
    """Type and judge the rows of ``sheet``.

    Args:
        name: what the file's name says.
        sheet: its rows as text.
        arrived: when it arrived (UTC): the default and the upper bound of known_at.
        reference: what is known already.

    Raises:
        FileRefused: the header lacks a column that every row needs.
    """
    draft = Draft(name, sheet, reference, arrived, {}, dropped=np.zeros(len(sheet.lines), bool))
    _header(draft)
    _complete(draft)
    _type(draft)
    _identify(draft)
    if name.table == "transactions":
        transactions.complete(draft)
        transactions.check(draft)
    elif name.table == "corporate_actions":
        actions.check(draft)
    elif name.table == "instruments":
        instruments.check(draft)
    elif name.table in confirmations.TABLES:
        confirmations.check(draft)
    _require(draft)
    _judge(draft)
    if name.table == "transactions":
        transactions.recognise(draft)
        closed_periods.judge(draft)
        transactions.place(draft)
    _repeated(draft)
    if name.table == "transactions":
        transactions.follow(draft)
    return _checked(draft)


def _header(draft: Draft) -> None:
    """Refuse a header without the columns that every row needs; name those that nobody knows."""
    table, given = draft.table, draft.sheet.columns
    ours = {*_OURS, tables.DERIVED.get(table.name)}
    columns = [column for column in table.names if column not in ours]
    stand_ins = {*(("exchange", *terms.SCHEMES) if "instrument" in columns else ()), "account"}
    unknown = [column for column in given if column not in columns and column not in stand_ins]
    if unknown:
        draft.notes.append(shown(f"unknown columns were ignored: {', '.join(unknown)}"))
    undoing = terms.UNDOING.get(table.name)
    needed = table.required
    if undoing is not None and _all_undo(given.get(undoing[0]), undoing[1]):
        needed = table.key
    missing = [column for column in needed if not _supplied(draft, column)]
    if missing:
        header = ",".join(given)
        hint = "; columns are separated by commas" if len(given) == 1 and (";" in header or "\t" in header) else ""
        raise FileRefused(
            f"the header lacks {', '.join(missing)}{hint}", line=1, column=missing[0], value=shown(header)
        )
    empty = pa.repeat(pa.scalar("", pa.large_string()), len(draft))
    draft.texts = {column: given.get(column, empty) for column in columns}


def _all_undo(texts: pa.Array | None, word: str) -> bool:
    return texts is not None and len(texts) > 0 and bool(pc.all(pc.equal(texts, word)).as_py())


def _supplied(draft: Draft, column: str) -> bool:
    """Whether the header gives ``column``, something in its place, or it has a default."""
    given, table = draft.sheet.columns, draft.table
    in_place = {"instrument": terms.SCHEMES, "book": ("account",)}.get(column, ())
    own = column == table.key[0] and table.name in ("instruments", "books")
    if column in given or column in table.defaults or column == "source":
        return True
    return (not own and any(other in given for other in in_place)) or (table.name, column) in terms.MAY_BE_EMPTY


def _complete(draft: Draft) -> None:
    """Defaults for what was left out or is empty."""
    if draft.name.table == "corporate_actions":
        actions.complete(draft)
    everywhere = np.ones(len(draft), bool)
    for column, default in draft.table.defaults.items():
        draft.fill(column, everywhere, default)
    if draft.has("source"):
        draft.fill("source", everywhere, draft.name.source)
    if draft.name.table == "books":
        draft.fill("entity", everywhere, draft.strings("book"))
    if draft.name.table in ("books", "instruments"):
        draft.fill("name", everywhere, draft.strings(draft.table.key[0]))
    if draft.name.table == "corporate_actions":
        draft.fill("pay_date", everywhere, draft.strings("ex_date"))


def _type(draft: Draft) -> None:
    """Every column in its type; what has another format is refused."""
    for column in draft.table.columns:
        if draft.has(column.name):
            _typed(draft, column)
    if draft.has("asset_class"):
        lower = {word: word.lower() for word in set(draft.cells["asset_class"])}
        draft.cells["asset_class"] = np.array(
            [lower[word] if lower[word] in terms.ASSET_CLASSES else word for word in draft.cells["asset_class"]],
            object,
        )
    if draft.name.table == "identifiers":
        bare = security_master.canonical("cik", draft.cells["value"])
        draft.cells["value"] = np.where(draft.cells["scheme"] == "cik", bare, draft.cells["value"])
    if draft.name.table in terms.BY_DELIVERY:
        draft.cells["valid_from"] = draft.dates()


def _typed(draft: Draft, column: tables.Column) -> None:
    texts, places = draft.texts[column.name], terms.PLACES.get(column.name)
    exact = draft.name.table == "transactions" and column.type == "float"
    reason = f"not a {_FORMATS.get(column.type, column.type)}"
    if exact:
        found, bad = values.decimals(texts)
    elif column.type == "float":
        found, bad = values.numbers(texts) if places is None else values.rounded(texts, places)
    elif column.type == "text":
        codes, words = values.words(texts)
        distinct = np.array([*words, ""], object)
        found, bad = distinct[codes], np.zeros(len(draft), bool)
        draft.coded[column.name] = (found, codes, distinct[:-1])
    else:
        parse = {"date": values.dates, "time": values.times, "bool": values.truths}[column.type]
        found, bad = parse(texts)
    draft.cells[column.name] = found
    draft.refuse(bad, column.name, reason)
    if places is not None and not exact:
        with np.errstate(invalid="ignore"):
            draft.refuse(np.abs(found) >= terms.LIMITS[places], column.name, draft_.beyond(places))


_FORMATS = {
    "float": "number",
    "date": "date written as 2024-01-31",
    "time": "time written as 2024-01-31T15:30:00Z",
    "bool": "true or false",
}


def _identify(draft: Draft) -> None:
    """Book from account, instrument from another identifier; then both must be known."""
    if draft.has("instrument") and draft.name.table != "instruments":
        for scheme in terms.SCHEMES:
            if scheme in draft.sheet.columns:
                _resolve(draft, scheme)
        draft_.known_instruments(draft, "instrument")
    if draft.name.table == "intraday_prices":
        seen = draft.cells["instrument"], draft.cells["observed_at"]
        draft.cells["business_date"] = intraday.trading_dates(draft.reference.instruments, *seen)
    for column in ("new_instrument", "fund"):
        if draft.has(column):
            draft_.known_instruments(draft, column)
    if draft.has("book") and draft.name.table != "books":
        if "account" in draft.sheet.columns and draft.name.table != "accounts":
            _resolve_account(draft)
        known = draft.reference.books["book"].to_numpy(object)
        unknown = draft.matching("book", lambda words: (words != "") & ~values.among(words, known))
        draft.refuse(unknown & draft.sound("book"), "book", "unknown book", "book:" + draft.cells["book"])


def _resolve(draft: Draft, scheme: str) -> None:
    texts = security_master.canonical(scheme, values.strings(draft.sheet.columns[scheme]))
    given = texts != ""
    if not given.any():
        return
    places = draft.sheet.columns.get("exchange")
    exchanges = np.full(len(draft), "", object) if places is None else values.strings(places)
    listed = np.where(exchanges == "", "XNYS", exchanges) if scheme == "ticker" else np.full(len(draft), "", object)
    found, reasons = _looked_up(draft, scheme, texts, listed, given)
    unsure = given & (found == "") & (exchanges != "") & ~_unknown(reasons)
    if unsure.any():
        found[unsure], reasons[unsure] = (part[unsure] for part in _looked_up(draft, scheme, texts, exchanges, unsure))
    present = draft.cells["instrument"]
    unknown = given & _unknown(reasons)
    draft.refuse(given & (found == "") & ~unknown, scheme, reasons)
    draft.refuse(unknown & (present == ""), scheme, reasons, scheme + ":" + texts)
    other = given & (found != "") & (present != "") & (present != found)
    draft.refuse(other, scheme, scheme + " belongs to " + found + ", but the row also names " + present)
    draft.cells["instrument"] = np.where(given & (present == ""), found, present)


def _unknown(reasons: NDArray[Any]) -> Bools:
    return np.array([reason.startswith("no instrument") for reason in reasons], bool)


def _looked_up(
    draft: Draft, scheme: str, texts: NDArray[Any], exchanges: NDArray[Any], where: Bools
) -> tuple[NDArray[Any], NDArray[Any]]:
    found, reasons = np.full(len(draft), "", object), np.full(len(draft), "", object)
    found[where], reasons[where] = security_master.resolve(
        draft.reference.identifiers, scheme, texts[where], exchanges[where], draft.dates()[where]
    )
    return found, reasons


def _resolve_account(draft: Draft) -> None:
    accounts, texts = draft.reference.accounts, values.strings(draft.sheet.columns["account"])
    wanted = (texts != "") & (draft.cells["book"] == "")
    if not wanted.any():
        return
    at = security_master.in_force(accounts, "account", texts, draft.dates())
    draft.refuse(wanted & (at < 0), "account", "unknown account", "account:" + texts)
    books = np.append(accounts["book"].to_numpy(object), "")[at]
    draft.cells["book"] = np.where(wanted, books, draft.cells["book"])


def _require(draft: Draft) -> None:
    """What every row of the table must say."""
    table = draft.table
    column, word = terms.UNDOING.get(table.name, ("", ""))
    undoes = draft.cells[column] == word if column else np.zeros(len(draft), bool)
    for column in table.required:
        if (table.name, column) in terms.MAY_BE_EMPTY or not draft.has(column):
            continue
        empty = _empty(draft, column) & draft.sound(column)
        if column == "instrument" and table.name != "instruments":
            empty &= draft.sound(*terms.SCHEMES)
        if column == "book" and table.name != "books":
            empty &= draft.sound("account")
        draft.refuse(empty & ~undoes, column, "missing")
        if table.name == "corporate_actions":
            # A cancel of a transaction waits for it; an action is cancelled only after it was announced.
            draft.refuse(empty & undoes, column, "missing, and no action of that id is known")


def _empty(draft: Draft, column: str) -> Bools:
    """Where nothing stands, after identifiers were resolved and gaps filled."""
    kind = tables.COLUMNS[column].type
    found = draft.cells[column]
    if found.dtype.kind == "M":
        return np.asarray(np.isnat(found), bool)
    return ~draft.filled(column) if kind == "float" and found.dtype != object else np.asarray(found == "", bool)


def _judge(draft: Draft) -> None:
    """Words, signs, ranges and dates, whatever the table."""
    table = draft.name.table
    for (owner, column), most in terms.LONGEST.items():
        if owner == table:
            long = values.matching(draft.texts[column], lambda word, most=most: len(word) > most)  # type: ignore[misc]
            draft.refuse(long, column, f"longer than {most} characters")
    for (owner, column), allowed in terms.ONE_OF.items():
        if owner == table:
            wrong = values.matching(draft.texts[column], lambda word, allowed=allowed: word not in ("", *allowed))  # type: ignore[misc]
            draft.refuse(wrong, column, f"unknown {column}; known are {', '.join(allowed)}")
    for (owner, column), allowed in terms.WORDS_OF.items():
        if owner == table:
            wrong = values.matching(draft.texts[column], lambda text, of=allowed: not {*of}.issuperset(text.split()))  # type: ignore[misc]
            draft.refuse(wrong, column, f"unknown word; known are {', '.join(allowed)}")
    if table in terms.CLOCKS:
        _clocks(draft)
    _currencies(draft)
    _signs(draft)
    _dates(draft)
    _reference(draft)
    known_at, bad = draft.cells["known_at"], draft.sound("known_at")
    arrived = np.datetime64(draft.arrived.tz_convert("UTC").tz_localize(None), "us")
    draft.refuse(bad & (known_at > arrived), "known_at", "later than the arrival of the file")
    draft.cells["known_at"] = np.where(np.isnat(known_at), arrived, known_at)


def _clocks(draft: Draft) -> None:
    """A time of day, in a time zone that is known."""
    wrong = values.matching(draft.texts["due_time"], lambda word: word != "" and not re.match(terms.CLOCK, word))
    draft.refuse(wrong, "due_time", "not a time of day: write it as 18:30")
    unknown = values.matching(draft.texts["timezone"], lambda word: word not in ("", *_zones()))
    draft.refuse(unknown, "timezone", "not a time zone: write it as America/New_York")


@lru_cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _currencies(draft: Draft) -> None:
    """Three capital letters; a minor unit only where a price is turned into its currency later."""
    undoing, word = terms.UNDOING.get(draft.name.table, ("", ""))
    undoes = draft.cells[undoing] == word if undoing else np.zeros(len(draft), bool)
    for column in terms.CURRENCIES:
        if not draft.has(column):
            continue
        # Cells and not texts: a transaction takes the currency of its instrument. What undoes another row says nothing.
        minor = draft.matching(column, lambda words: values.among(words, tuple(currencies.MINOR))) & ~undoes
        if minor.any() and (draft.name.table, column) not in terms.MINOR_UNITS:
            draft.refuse(minor, column, np.array([currencies.refusal(word) for word in draft.cells[column]], object))
        wrong = values.matching(draft.texts[column], lambda word: word != "" and not draft_.is_currency(word))
        draft.refuse(wrong & ~minor, column, "not a currency: three capital letters")


def _signs(draft: Draft) -> None:
    table = draft.name.table
    for column in terms.POSITIVE.get(table, ()):
        found = draft.cells[column]
        given = ~pd.isna(found)
        low = np.zeros(len(draft), bool)
        low[given] = found[given] <= 0
        draft.refuse(low, column, "not above zero")
    for column in terms.NOT_NEGATIVE.get(table, ()):
        draft.refuse(draft.cells[column] < 0, column, "below zero")
    for column in terms.FRACTIONS.get(table, ()):
        found = draft.cells[column]
        draft.refuse((found < 0) | (found > 1), column, "not between 0 and 1")
    for column in terms.WHOLE.get(table, ()):
        found = draft.cells[column]
        with np.errstate(invalid="ignore"):
            draft.refuse((found % 1 != 0) & ~np.isnan(found), column, "not a whole number")
            draft.refuse(np.abs(found) > terms.COUNTABLE, column, f"more than {terms.COUNTABLE}")
    if table == "raw_fx_rates":
        same = (draft.cells["base"] == draft.cells["quote"]) & draft.filled("base")
        draft.refuse(same, "quote", "base and quote are the same currency")


def _dates(draft: Draft) -> None:
    delivered = draft.name.delivered
    for column in terms.DATED:
        if draft.has(column):
            late = draft.cells[column] >= np.datetime64(delivered + pd.Timedelta(days=1), "us")
            if late.any():
                # 19:30 in New York is the next day in UTC, 08:00 in Tokyo the day before: the earlier of both counts.
                late &= values.matching(draft.texts[column], lambda word: word[:10] > f"{delivered:%Y-%m-%d}")
            draft.refuse(late, column, f"later than the file's date {delivered:%Y-%m-%d}")
    for first, last in terms.ORDERED:
        if draft.has(first) and draft.has(last):
            draft.refuse(draft.cells[first] > draft.cells[last], last, f"{last} before {first}")


def _reference(draft: Draft) -> None:
    """What books, sources and rules say of themselves."""
    from daybook import calendars

    table = draft.name.table
    if table == "books":
        unknown = values.matching(draft.texts["calendar"], lambda word: not calendars.is_calendar(word))
        draft.refuse(unknown, "calendar", "unknown exchange calendar")
    elif table == "price_sources":
        lines = draft.texts["sources"]
        draft.refuse(values.matching(lines, lambda line: "," in line or ";" in line), "sources", "separate by spaces")
        again = values.matching(lines, lambda line: len(set(line.split())) < len(line.split()))
        draft.refuse(again, "sources", "a source is named twice")
    elif table == "var_models":
        wrong = values.matching(draft.texts["confidences"], lambda words: not all(map(_probable, words.split())))
        draft.refuse(wrong, "confidences", "not numbers between 0 and 1, separated by spaces: 0.95 0.99")
    elif table == "proxies":
        itself = (draft.cells["dimension"] == "instrument") & (draft.cells["bucket"] == draft.cells["proxy"])
        draft.refuse(itself & draft.filled("proxy"), "proxy", "an instrument does not stand for itself")
    elif table == "constituents":
        itself = (draft.cells["fund"] == draft.cells["instrument"]) & draft.filled("fund")
        draft.refuse(itself, "instrument", "a fund does not hold itself")
    elif table in ("limits", "limit_raises"):
        above = np.abs(draft.cells["soft"]) > np.abs(draft.cells["hard"])
        draft.refuse(above, "soft", "above the hard level")
    elif table == "rules":
        needs = draft.cells["kind"] != "prohibited"
        draft.refuse(needs & ~draft.filled("threshold"), "threshold", "missing")


def _probable(word: str) -> bool:
    """Whether ``word`` is a number above 0 and below 1."""
    try:
        return 0 < float(word) < 1
    except ValueError:
        return False


def _repeated(draft: Draft) -> None:
    """The same key twice: equal rows count once, others not at all."""
    key = list(draft.table.key)
    usable = draft.sound(*key, *terms.SCHEMES, "account") & ~draft.dropped
    again = pd.Series(_numbered(draft, key)).duplicated(keep=False).to_numpy() & usable
    if not again.any():
        return
    found = pd.DataFrame({column: draft.cells[column] for column in key}, copy=False)
    at = np.flatnonzero(again)
    rows = draft_.content(draft).iloc[at].assign(sound=draft.sound()[at])
    first = ~found.iloc[at].duplicated().to_numpy()
    equal = rows.duplicated(keep=False).to_numpy() & rows["sound"].to_numpy()
    same, _ = dated.codes([found.iloc[at][column] for column in key], [found.iloc[:0][column] for column in key])
    contradicts = np.zeros(same.max() + 1, bool)
    group, _ = dated.codes([rows[column] for column in rows], [rows.iloc[:0][column] for column in rows])
    spread = pd.DataFrame({"key": same, "content": group}).groupby("key")["content"].nunique()
    contradicts[spread.index[spread.to_numpy() > 1]] = True
    wrong = np.zeros(len(draft), bool)
    wrong[at[contradicts[same]]] = True
    named = next((column for column in key if column not in terms.DATED and column in draft.sheet.columns), key[0])
    lines = pd.Series(draft.sheet.lines[at].astype(str)).groupby(same).transform(", ".join)
    reasons = np.full(len(draft), "", object)
    reasons[at] = "the same key with other content in lines " + lines.to_numpy(object)
    draft.refuse(wrong, named, reasons)
    spare = np.zeros(len(draft), bool)
    spare[at[equal & ~first & ~contradicts[same]]] = True
    draft.dropped |= spare
    if spare.any():
        draft.notes.append(f"rows that repeat another and count once: {spare.sum()}")


def _numbered(draft: Draft, key: Sequence[str]) -> NDArray[np.int64]:
    """A number for each row, the same for two rows if and only if they agree in all of ``key``."""
    combined, size = np.zeros(len(draft), np.int64), 1
    for column in key:
        cells = draft.cells[column]
        if cells.dtype == object:
            codes, distinct = draft.words(column)
        else:
            codes, distinct = pd.factorize(cells)
        if size * (len(distinct) + 1) >= 2**62:
            combined, seen = pd.factorize(combined)
            size = len(seen)
        combined, size = combined * (len(distinct) + 1) + codes, size * (len(distinct) + 1)
    return combined


def _checked(draft: Draft) -> Checked:
    problems, bad = _problems(draft)
    good = ~bad & ~draft.dropped
    chosen = slice(None) if good.all() else good
    columns = {
        column.name: _text(draft, column.name, chosen)
        if column.type == "text"
        else _series(draft.cells[column.name][chosen], column.type, draft.name.table)
        for column in draft.table.columns
        if column.name in draft.cells
    }
    facts = pd.DataFrame({**columns, "line": draft.sheet.lines[chosen]}, copy=False)
    return Checked(facts, problems, int(bad.sum()) + len(draft.sheet.bad), tuple(draft.notes), draft.known)


def _text(draft: Draft, column: str, chosen: Any) -> "pd.Series[str]":
    codes, distinct = draft.words(column)
    found = pa.DictionaryArray.from_arrays(pa.array(codes[chosen]), pa.array(distinct, pa.large_string()))
    return pd.Series(found.dictionary_decode(), dtype="str")


def _series(found: NDArray[Any], kind: str, table: str) -> "pd.Series[Any]":
    if kind == "time":
        return pd.Series(found).dt.tz_localize("UTC")
    if kind == "float" and table == "transactions":
        return pd.Series(found, dtype="object")
    return pd.Series(found)


def _problems(draft: Draft) -> tuple[pd.DataFrame, Bools]:
    """What was refused, once for each row and column, in the order of the file; and the rows concerned."""
    bad = np.zeros(len(draft), bool)
    if not draft.refusals and not draft.sheet.bad:
        return _no_problems(), bad
    torn = pd.DataFrame(
        {
            "line": [wrong.line for wrong in draft.sheet.bad],
            "column": "",
            "value": [wrong.value for wrong in draft.sheet.bad],
            "reason": [wrong.reason for wrong in draft.sheet.bad],
            "waits_for": "",
            "business_date": np.full(len(draft.sheet.bad), "NaT", "datetime64[us]"),
            "row": [dict(wrong.row) for wrong in draft.sheet.bad],
        }
    )
    if not draft.refusals:
        return _sorted(torn), bad
    found = pd.concat(draft.refusals, ignore_index=True).drop_duplicates(["at", "column"], ignore_index=True)
    found = found[~draft.dropped[found["at"].to_numpy()]]
    at = found["at"].to_numpy(np.int64)
    bad[at] = True
    hard = found.loc[found["waits_for"] == "", "at"].unique()
    found.loc[found["at"].isin(hard), "waits_for"] = ""
    rows = {row: draft.sheet.row(int(row)) for row in np.unique(at)}
    found = found.assign(
        line=draft.sheet.lines[at],
        business_date=draft.dates()[at],
        row=[rows[row] for row in at],
    )
    return _sorted(pd.concat([torn, found[list(PROBLEMS)]] if len(torn) else [found], ignore_index=True)), bad


@lru_cache
def _no_problems() -> pd.DataFrame:
    return _sorted(pd.DataFrame(columns=list(PROBLEMS)))


def _sorted(problems: pd.DataFrame) -> pd.DataFrame:
    typed = problems.reindex(columns=list(PROBLEMS)).astype({"business_date": "datetime64[us]"})
    return typed.sort_values("line", kind="stable", ignore_index=True)
