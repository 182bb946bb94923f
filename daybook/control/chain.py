"""The chain of acts: how an act of a person is written down, sealed with the one before, and looked at again.

Belongs here: the canonical text of an act, its hashes, and what is wrong with a chain. Does not belong here: the
database (``resources.audit``), which act says what (the modules that record them).

Conventions: acts are numbered 1, 2, 3 without gaps. ``payload`` is canonical JSON: keys sorted, no spaces, ASCII only,
exact numbers and dates as text, no NaN. ``marks`` has a short digest of each column of ``SAID``, by which a changed
column is named; ``event_hash`` is SHA-256 over the hash of the act before and all that was said. An instant is UTC to
the microsecond.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

START = "0" * 64
"""The hash before the first act."""
SAID = ("event", "at", "person", "act", "subject", "reason", "payload")
"""What an act says, in the order in which it is hashed."""


def canonical(payload: Mapping[str, Any]) -> str:
    """``payload`` as the one JSON text that equal content has.

    Raises:
        ValueError: it holds NaN or infinity.
        TypeError: it holds what JSON, ``Decimal``, dates and instants cannot say.
    """
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)


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
