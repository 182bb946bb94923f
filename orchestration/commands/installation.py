"""What every command stands on: the settings, the prepared environment, the doors that it opens, and what came in.

Belongs here: opening them once, and what several commands say. Heavy imports stay inside, so that ``daybook --help``
answers at once.
"""

from typing import TYPE_CHECKING

import pandas as pd

from orchestration.console import Misused, complain
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
    """``text`` as a date.

    Raises:
        Misused: it is not a date.
    """
    if text is None:
        return None
    try:
        return pd.Timestamp(pd.to_datetime(text, format="%Y-%m-%d"))
    except ValueError as error:
        raise Misused(f"{text!r} is not a date: write it as 2022-12-27") from error


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
