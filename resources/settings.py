"""Settings: every environment variable that Daybook reads, each with a default that works.

Belongs here: reading the environment, and switching off the telemetry of dependencies. Does not belong here: opening
anything that the settings name.

| variable | default | meaning |
|---|---|---|
| DAYBOOK_HOME | .daybook | folder of postgres, lake, inbox, files, reports and dagster; made absolute when read |
| DAYBOOK_INBOX_URI | DAYBOOK_HOME/inbox | where files are put: a folder, or a URI of an object store |
| DAYBOOK_LAKE_URI | DAYBOOK_HOME/lake | where the Delta tables are: a folder or the URI of an object store |
| DAYBOOK_POSTGRES_URL | the embedded server under DAYBOOK_HOME/postgres | an SQLAlchemy or libpq URL; never shown |
| DAYBOOK_VENDORS | sample | what feeds the firm, in order of preference, comma separated; ``files``: the inbox alone |
| DAYBOOK_CALENDARS | XNYS | exchange calendars whose sessions are partitions, comma separated |
| DAYBOOK_USER | the system's user | who signs, approves and decides |
| DAYBOOK_SAMPLE_START | 2018-01-02 | first date that the vendor ``sample`` delivers |
| DAYBOOK_LEAN_DATA | none | folder that the vendor ``lean`` reads; it must be set where that is among the vendors |
| DAYBOOK_EDGAR_DATA | none | folder that the vendor ``edgar`` reads; it must be set where that is among the vendors |
| DAYBOOK_STRESS | the packaged stress.yaml | YAML file of the scenarios of stress, in place of that one |
| DAGSTER_HOME | DAYBOOK_HOME/dagster | Dagster's home, with its dagster.yaml |
"""

import getpass
import os
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

_QUIET = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
}


class SettingsError(ValueError):
    """An environment variable has a value that cannot be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    """What the environment says, read once.

    Attributes:
        home: absolute folder of everything that this installation keeps.
        inbox_uri: absolute folder or URI where files are put; None for ``inbox`` under home.
        lake_uri: folder or URI of the Delta tables.
        postgres_url: URL of a PostgreSQL server as given, or None for the embedded one; may hold a password and is
            therefore left out of ``repr``.
        vendors: what feeds the firm, in order of preference.
        calendars: exchange calendars whose sessions are partitions.
        user: who acts.
        dagster_home: absolute folder with dagster.yaml.
        sample_start: first date of the demonstration data.
        lean_data: absolute folder of data in the LEAN format, or None.
        edgar_data: absolute folder of the SEC's company facts, or None.
        stress: absolute path of the firm's own scenarios of stress, or None.
    """

    home: Path
    inbox_uri: str | None
    lake_uri: str
    postgres_url: str | None = field(repr=False)
    vendors: tuple[str, ...]
    calendars: tuple[str, ...]
    user: str
    dagster_home: Path
    sample_start: date
    lean_data: Path | None
    edgar_data: Path | None
    stress: Path | None


def settings() -> Settings:
    """The settings that the environment describes now; each call reads it again.

    Raises:
        SettingsError: a variable cannot be understood.
    """
    home = Path(os.environ.get("DAYBOOK_HOME") or ".daybook").expanduser().absolute()
    return Settings(
        home=home,
        inbox_uri=_uri("DAYBOOK_INBOX_URI"),
        lake_uri=_uri("DAYBOOK_LAKE_URI") or str(home / "lake"),
        postgres_url=os.environ.get("DAYBOOK_POSTGRES_URL") or None,
        vendors=_names("DAYBOOK_VENDORS", "sample"),
        calendars=_names("DAYBOOK_CALENDARS", "XNYS"),
        user=os.environ.get("DAYBOOK_USER") or getpass.getuser(),
        dagster_home=Path(os.environ.get("DAGSTER_HOME") or home / "dagster").expanduser().absolute(),
        sample_start=_date("DAYBOOK_SAMPLE_START", "2018-01-02"),
        lean_data=_path("DAYBOOK_LEAN_DATA"),
        edgar_data=_path("DAYBOOK_EDGAR_DATA"),
        stress=_path("DAYBOOK_STRESS"),
    )


def quiet_telemetry() -> None:
    """Switch off the telemetry of every dependency, in this process and in those that it starts.

    Entry points call it before they import dagster, dbt or great_expectations.
    """
    os.environ.update(_QUIET)


def _uri(variable: str) -> str | None:
    """A URI as it is, a folder made absolute."""
    given = os.environ.get(variable)
    return given if not given or "://" in given else str(Path(given).expanduser().absolute())


def _path(variable: str) -> Path | None:
    given = os.environ.get(variable)
    return Path(given).expanduser().absolute() if given else None


def _names(variable: str, default: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in (os.environ.get(variable) or default).split(",") if part.strip())
    if not names:
        raise SettingsError(f"{variable} names nothing: give a comma separated list such as {default}")
    return names


def _date(variable: str, default: str) -> date:
    given = os.environ.get(variable) or default
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise SettingsError(f"{variable}={given!r} is not a date: write it as {default}") from error
