"""What every command stands on: the settings, the prepared environment, the doors that it opens, and what came in.

Belongs here: opening them once, and what several commands say. Heavy imports stay inside, so that ``daybook --help``
answers at once.
"""

from typing import TYPE_CHECKING

import pandas as pd

from orchestration.console import Misused, Refused, complain
from orchestration.services import prepare
from resources.settings import Settings, settings

if TYPE_CHECKING:
    from resources.feeds import Feeds
    from resources.inbox import Intake


def here() -> Settings:
    """The settings, with folders and environment prepared."""
    found = settings()
    prepare(found)
    return found


def opened() -> "Feeds":
    """The doors to what was delivered and computed."""
    here()
    from resources.feeds import feeds

    return feeds()


def day(text: str | None) -> pd.Timestamp | None:
    """``text`` as a date, None where nothing was said.

    Raises:
        Misused: it is not a date.
    """
    return None if text is None else date_of(text)


def date_of(text: str) -> pd.Timestamp:
    """``text`` as a date.

    Raises:
        Misused: it is not a date, or empty.
    """
    try:
        found = pd.to_datetime(text, format="%Y-%m-%d")
    except ValueError as error:
        raise Misused(f"{text!r} is not a date: write it as 2022-12-27") from error
    if pd.isna(found):
        raise Misused(f"{text!r} is not a date: write it as 2022-12-27")
    return pd.Timestamp(found)


def given(reason: str) -> None:
    """Insist on a reason for what a second person, or whoever relies on the figures, must judge.

    Raises:
        Refused: it is empty.
    """
    if not reason.strip():
        raise Refused("--reason is empty: say why; it is kept with your name")


def instant(text: str) -> pd.Timestamp:
    """``text`` as an instant in UTC.

    Raises:
        Misused: it is not an instant.
    """
    try:
        found = pd.Timestamp(text)
    except ValueError as error:
        raise Misused(f"{text!r} is not an instant: write it as 2022-12-27T22:00:00Z") from error
    return found.tz_localize("UTC") if found.tz is None else found.tz_convert("UTC")


def tell(intake: "Intake") -> None:
    """Say on standard error what was quarantined, and what could not be had."""
    for file in intake.files:
        if file.quarantined:
            complain(f"quarantined: {file.file}: {file.quarantined} rows ({file.outcome}) {file.reason}")
    for file in intake.unreached:
        complain(f"failed: {file.file}: {file.reason}")
