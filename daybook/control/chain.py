"""The chain of acts: how an act of a person is written down, sealed with the one before, and looked at again.

Belongs here: the canonical text of an act, its hashes, and what is wrong with a chain. Does not belong here: the
database (``resources.audit``), which act says what (the modules that record them).

Conventions: acts are numbered 1, 2, 3 without gaps. ``payload`` is canonical JSON: keys sorted, no spaces, ASCII only,
exact numbers and dates as text, no NaN. ``marks`` has a short digest of each column of ``SAID``, by which a changed
column is named; ``event_hash`` is SHA-256 over the hash of the act before and all that was said. An instant is UTC to
the microsecond.

What a chain can prove by itself: nobody changed, removed, inserted or moved an act and left all later ones as they
were. Whoever writes every later hash anew, or cuts off the end, is found by what was kept elsewhere: number and hash of
an act (an anchor) in every close and every pack, and the tables that say what was done (``unmatched``).
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

START = "0" * 64
"""The hash before the first act."""
FAULTS = ("event", "column", "fault")
"""Columns of what is wrong: number of the act, the column where one can be named, and what is wrong in words."""
NAME, REASON = 100, 5_000
"""Characters of the longest name of a person, and of the longest reason: a page or two, read in every pack."""
SAID = ("event", "at", "person", "act", "subject", "reason", "payload")
"""What an act says, in the order in which it is hashed."""


def canonical(payload: Mapping[str, Any]) -> str:
    """``payload`` as the one JSON text that equal content has.

    Raises:
        ValueError: it holds NaN or infinity.
        TypeError: it holds what JSON, ``Decimal``, dates and instants cannot say.
    """
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)


def objection(person: str, reason: str) -> str:
    """Why a name or a reason cannot be kept, in one line; "" where both can.

    Neither may be longer than ``NAME`` and ``REASON``, nor hold a control character, line ends and tabs of a reason
    aside: nobody who reads the act would see it.
    """
    for what, text, most, allowed in (("name", person, NAME, ""), ("reason", reason, REASON, "\n\t\r")):
        if len(text) > most:
            return f"the {what} has {len(text):,} characters, and {most:,} are kept: say it in fewer"
        for character in text:
            if unicodedata.category(character) == "Cc" and character not in allowed:
                return f"the {what} holds the control character {character!r}: leave it out"
    return ""


def seal(act: Mapping[str, Any], previous_hash: str) -> dict[str, Any]:
    """``act``, the columns of ``SAID``, with ``marks``, ``previous_hash`` and ``event_hash``."""
    texts = [_text(act[name]) for name in SAID]
    # JSON of the list, not the texts joined: no text can pose as the end of the one before.
    said = json.dumps([previous_hash, *texts], separators=(",", ":"))
    return {name: act[name] for name in SAID} | {
        "marks": " ".join(_sha256(text)[:8] for text in texts),
        "previous_hash": previous_hash,
        "event_hash": _sha256(said),
    }


def faults(acts: Sequence[Mapping[str, Any]], anchors: Iterable[tuple[int, str, str]] = ()) -> pd.DataFrame:
    """What is wrong with a chain, the first act first; no rows where it is whole.

    Args:
        acts: every act by number: the columns of ``SAID``, marks, previous_hash and event_hash.
        anchors: number and hash of an act as something else has kept it, and what that is.

    Returns:
        ``FAULTS``. An act that was rewritten breaks no other: each is judged by the hash that is written before it, so
        that every changed act is named and nothing else.
    """
    found: list[tuple[int, str, str]] = []
    number, before = 0, START
    for act in acts:
        event, follows = int(act["event"]), act["previous_hash"]
        changed = _changed(act, before)
        if event != number + 1:
            gone = f"{number + 1}" + (f" to {event - 1}" if event > number + 2 else "")
            found.append((number + 1, "event", f"there is no act {gone}: removed, or given another number"))
        elif follows != before and "previous_hash" not in dict(changed) and not _of(found, number):
            words = (
                f"act {event} follows {follows[:12]}, and it is {before[:12]}: it was written anew, or is another act"
            )
            found.append((max(number, 1), "event_hash", words))
        found += [(event, column, fault) for column, fault in changed]
        number, before = event, act["event_hash"]
    known = {int(act["event"]): act["event_hash"] for act in acts}
    for event, sealed, keeper in anchors:
        if event > number:
            found.append((event, "event", f"{keeper} saw act {event}, and the chain ends with {number}: cut off"))
        elif event and event in known and known[event] != sealed:
            found.append(
                (event, "event_hash", f"{keeper} saw {sealed[:12]}, and it is {known[event][:12]}: written anew")
            )
    return _faults(found)


def unmatched(acts: pd.DataFrame, done: pd.DataFrame) -> pd.DataFrame:
    """Where the chain and the tables that say what was done do not say the same.

    Args:
        acts: of the chain, those that a table keeps too: event, person, act, subject, reason, payload.
        done: of the tables, in the order in which it was done: person, act, subject, reason, payload (a mapping), and
            ``where``, table and row in words. Of a payload what both have is compared.

    Returns:
        ``FAULTS``: what was done without an act (event 0), an act that no table keeps, and acts of which a table says
        something else. The second act of one kind on one subject is compared with the second row, and so on.
    """
    key = ["act", "subject", "turn"]
    left, right = (
        rows.assign(turn=rows.groupby(["act", "subject"]).cumcount()) for rows in (acts.sort_values("event"), done)
    )
    both = left.merge(right, on=key, how="outer", suffixes=("", "_kept"), indicator=True)
    found: list[tuple[int, str, str]] = []
    for row in _rows(both[both["_merge"] == "right_only"]):
        did = f"{row['person_kept']} did {row['act']} {row['subject']}"
        found.append((0, "subject", f"{row['where']}: {did}, and no act says so"))
    for row in _rows(both[both["_merge"] == "left_only"]):
        did = f"{row['person']} did {row['act']} {row['subject']}"
        found.append((int(row["event"]), "subject", f"{did}, and no table says so"))
    for row in _rows(both[both["_merge"] == "both"]):
        pairs = {name: (row[name], row[f"{name}_kept"].strip()) for name in ("person", "reason")}
        own, kept = json.loads(row["payload"]), json.loads(canonical(row["payload_kept"]))
        for name in own:
            if name in kept:
                pairs |= _apart(f"payload.{name}", own[name], kept[name])
        for column, (one, other) in pairs.items():
            if one != other:
                found.append((int(row["event"]), column, f"{row['where']} says {_short(other)}, the act {_short(one)}"))
    return _faults(found)


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _apart(name: str, one: Any, other: Any) -> dict[str, tuple[Any, Any]]:
    """What two values say, name by name where both are mappings; None where one of them does not say it."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return {name: (one, other)}
    parts: dict[str, tuple[Any, Any]] = {}
    for key in sorted({*one, *other}):
        parts |= _apart(f"{name}.{key}", one.get(key), other.get(key))
    return parts


def _short(value: Any) -> str:
    """``value`` as it can stand in a line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}... ({len(text):,} characters)"


def _faults(found: Sequence[tuple[int, str, str]]) -> pd.DataFrame:
    made = pd.DataFrame(found, columns=list(FAULTS)).drop_duplicates(ignore_index=True)
    made = made.astype({"event": "int64", "column": "str", "fault": "str"})
    return made.sort_values("event", kind="stable", ignore_index=True)


def _changed(act: Mapping[str, Any], before: str) -> list[tuple[str, str]]:
    """What was changed in one act, ``before`` being the hash of the one before it: column and words."""
    again = seal(act, act["previous_hash"])
    marks, own = str(act["marks"]).split(" "), again["marks"].split(" ")
    if again["event_hash"] == act["event_hash"]:
        return [] if marks == own else [("marks", "its marks were changed; what it says was not")]
    if seal(act, before)["event_hash"] == act["event_hash"]:
        return [("previous_hash", "previous_hash is not what it was: the act was sealed with the one before it")]
    if len(marks) != len(own):
        return [("marks", "it has not one mark for each column, and its hash is that of another act")]
    columns = [name for name, kept, made in zip(SAID, marks, own, strict=True) if kept != made]
    if columns:
        return [(name, f"{name} is not what it was: its mark is that of another text") for name in columns]
    return [("event_hash", "event_hash is not what it was: what the act says is what its marks say")]


def _of(found: Sequence[tuple[int, str, str]], event: int) -> bool:
    """Whether the hash of an act is among what is wrong already."""
    return any(one[:2] == (event, "event_hash") for one in found[-2:])


def _text(value: Any) -> str:
    return _instant(value) if isinstance(value, datetime) else str(value)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"an act cannot say {value!r}: text, numbers, dates, lists and mappings alone")
