"""The vendor ``edgar``: figures that companies filed with the SEC, from its company-facts files, read as they are.

Belongs here: what the files of that format mean, and saying it in the words of the contract. Does not belong here:
checking figures; that is the inbox's, and which of them counts is ``daybook.market.fundamentals``.

What the folder holds (``DAYBOOK_EDGAR_DATA``): ``CIK##########.json``, one for each company, as
https://data.sec.gov/api/xbrl/companyfacts serves them: cik, entityName, facts by taxonomy, tag and unit. A figure has
``end`` (and ``start`` if it is about a period), ``val``, ``accn`` (the filing), ``form``, ``filed``. Its ``fy`` and
``fp`` are those of the filing, the same for the comparative figures of earlier years in it, and are not read.

* ``published_at`` is 22:00 New York time on the day ``filed``, when EDGAR closes: a filing begun by 17:30 bears that
  day's date, a later one the next business day's (Regulation S-T, rule 13), so every filing of that date is public by
  then. In UTC that is the next day.
* ``field`` is taxonomy, tag, length and unit: ``us-gaap:Assets``, ``us-gaap:NetIncomeLoss.12M``,
  ``us-gaap:EarningsPerShareBasic.3M.USD/shares``. The length keeps quarter, half-year and year apart that end on the
  same day; it is the number of whole months nearest to the days (of 30.4375 each, so that 13 and 14 weeks are 3, 52 and
  53 weeks 12), and days (``.9D``) below half a month. Figures at an instant have none, nor has USD.
* Later filings repeat figures as comparatives. A figure is delivered when it is first filed and each time that its
  value changes: a repeat says nothing new. Filings of one day that agree are one row; where they contradict each other
  all are delivered, and quarantined.

A company is named by its CIK, which the firm gives to one instrument in its identifiers.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resources.settings import Settings, SettingsError

CLOSES = pd.Timedelta(hours=22)
"""When EDGAR stops accepting filings, New York time."""
MONTH = 30.4375
"""Days, on average."""

_FILE = re.compile(r"CIK(\d{10})\.json")
_FILED = re.compile(rb'"filed"\s*:\s*"([^"]*)"')
_ENTRY = ("start", "end", "val", "form", "filed", "accn")


class EdgarDataError(ValueError):
    """A file of the folder is not in the format; the message names file, place and reason."""


class EdgarVendor:
    """Fundamentals of US registrants, one delivery for each company that filed.

    One company is held in memory at a time, and one that filed nothing new is searched for dates but not parsed.

    Raises:
        SettingsError: ``DAYBOOK_EDGAR_DATA`` is not set, or is no folder.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.edgar_data is None:
            raise SettingsError("DAYBOOK_EDGAR_DATA is not set: the vendor edgar needs the folder of its data")
        if not settings.edgar_data.is_dir():
            raise SettingsError(f"DAYBOOK_EDGAR_DATA={str(settings.edgar_data)!r} is not a folder")
        self._folder = settings.edgar_data

    def last_session(self) -> pd.Timestamp:
        """The last date on which any company published something.

        Raises:
            EdgarDataError: there is no company, or a file is not in the format.
        """
        return pd.Timestamp(max(days.max() for days in self._published.values()))

    def default_date(self) -> pd.Timestamp:
        """The last session."""
        return self.last_session()

    def deliver(self, after: pd.Timestamp | None, through: pd.Timestamp) -> Iterator[tuple[str, bytes]]:
        """A file ``fundamentals_<through>_edgar-<cik>.csv`` for each company that published after ``after``.

        Raises:
            EdgarDataError: a file is not in the format.
        """
        last = pd.Timestamp(through)
        for path, days in self._published.items():
            if not _within(days, after, last).any():
                continue
            figures = _figures(path)
            wanted = figures[_within(figures.pop("day").to_numpy(), after, last)]
            if len(wanted):
                text = wanted.to_csv(index=False, lineterminator="\n")
                yield f"fundamentals_{last:%Y-%m-%d}_edgar-{_cik(path)}.csv", text.encode()

    @cached_property
    def _published(self) -> Mapping[Path, NDArray[np.datetime64]]:
        """The dates on which each company published something, by its file."""
        paths = sorted(path for path in self._folder.iterdir() if _FILE.fullmatch(path.name))
        found = {path: _published_days(path) for path in paths}
        if not any(len(days) for days in found.values()):
            raise EdgarDataError(f"{self._folder}: there is no CIK##########.json with a figure in it")
        return {path: days for path, days in found.items() if len(days)}


def _published_days(path: Path) -> NDArray[np.datetime64]:
    """The dates of publication in the file, found without parsing it; a file that is cut off is an error."""
    data = path.read_bytes()
    if not data.strip().endswith(b"}"):
        raise EdgarDataError(f"{path}: does not end as JSON does: cut off, or something else")
    filed = sorted({found.group(1).decode(errors="replace") for found in _FILED.finditer(data)})
    return np.unique(_days(_instants(path, pd.Series(filed, dtype="str"))))


def _figures(path: Path) -> pd.DataFrame:
    """Every figure of a company when it was first filed and when it changed, oldest first: columns of the delivery and
    ``day``, the date of publication."""
    blocks = list(_blocks(path))
    counts = [len(entries) for _, _, entries in blocks]
    entries = list(chain.from_iterable(entries for _, _, entries in blocks))
    frame = pd.DataFrame(entries, columns=list(_ENTRY), dtype="object").fillna("").astype("str")
    tag, unit = (pd.Series(np.repeat([block[part] for block in blocks], counts), dtype="str") for part in (0, 1))
    instants = _instants(path, frame["filed"])
    frame = frame.assign(
        field=tag + _length(frame) + ("." + unit).mask(unit == "USD", ""),
        unit=unit,
        published_at=instants.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        day=_days(instants),
    )
    frame = _changes(frame).sort_values(["filed", "field", "end", "accn"], kind="stable", ignore_index=True)
    return pd.DataFrame(
        {
            "cik": _cik(path).lstrip("0"),
            "period_end": frame["end"],
            "field": frame["field"],
            "published_at": frame["published_at"],
            "value": frame["val"],
            "unit": frame["unit"],
            "period_start": frame["start"],
            "form": frame["form"],
            "day": frame["day"],
        }
    )


def _changes(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that say something new: the first of a figure, and those whose value is not the one filed before."""
    figure = ["field", "end"]
    number = pd.to_numeric(frame["val"], errors="coerce")
    told = number.astype("str").where(number.notna(), frame["val"])
    ordered = frame.assign(told=told).sort_values([*figure, "filed", "accn"], kind="stable")
    ordered = ordered.drop_duplicates([*figure, "filed", "told"])
    before = ordered[[*figure, "told"]].shift()
    return ordered[(before != ordered[[*figure, "told"]]).any(axis=1)]


def _length(frame: pd.DataFrame) -> "pd.Series[str]":
    """``.12M`` for a year, ``.9D`` for nine days, nothing for an instant or a start that is no date."""
    start, end = (pd.to_datetime(frame[name], format="%Y-%m-%d", errors="coerce") for name in ("start", "end"))
    days = (end - start).dt.days + 1
    months = (days / MONTH).round().fillna(0).astype("int64").astype("str")
    text = ("." + months + "M").where(days >= MONTH / 2, "." + days.fillna(0).astype("int64").astype("str") + "D")
    return text.where(days.notna(), "")


def _blocks(path: Path) -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    """(taxonomy:tag, unit, figures) of a company; a tag without units says nothing."""
    told = _parsed(path)
    cik = str(told.get("cik", "")).zfill(10)
    if cik != _cik(path):
        raise EdgarDataError(f"{path}: cik is {cik}, but the name of the file says {_cik(path)}")
    for taxonomy, tags in _mapping(path, "facts", told.get("facts")).items():
        for tag, concept in _mapping(path, taxonomy, tags).items():
            name = f"{taxonomy}:{tag}"
            for unit, figures in _mapping(path, name, _mapping(path, name, concept).get("units")).items():
                for at, figure in enumerate(figures if isinstance(figures, list) else [figures]):
                    if not isinstance(figure, tuple):
                        raise EdgarDataError(f"{path}: {name}, {unit}, figure {at + 1}: has no date `filed`")
                yield name, unit, figures


def _parsed(path: Path) -> Mapping[str, Any]:
    """The file, numbers as the text that they are, each figure as a tuple of ``_ENTRY``."""
    # A large company files the same dates and forms a hundred thousand times: one text of each will do.
    texts: dict[Any, Any] = {}

    def slim(found: dict[str, Any]) -> Any:
        if "filed" not in found:
            return found
        values = (found.get(name) for name in _ENTRY)
        return tuple(texts.setdefault(value, value) if isinstance(value, str) else value for value in values)

    try:
        told = json.loads(
            path.read_bytes().decode("utf-8-sig"),
            object_hook=slim,
            parse_int=str,
            parse_float=str,
            parse_constant=str,
        )
    except json.JSONDecodeError as error:
        raise EdgarDataError(f"{path}: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise EdgarDataError(f"{path}: {error}") from error
    return _mapping(path, "the file", told)


def _mapping(path: Path, place: str, found: Any) -> Mapping[str, Any]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise EdgarDataError(f"{path}: {place}: {str(found)[:40]!r} stands where names and values should")
    return found


def _instants(path: Path, filed: "pd.Series[str]") -> "pd.Series[pd.Timestamp]":
    """When filings dated ``filed`` are public at the latest."""
    dates = pd.to_datetime(filed, format="%Y-%m-%d", errors="coerce")
    if dates.isna().any():
        raise EdgarDataError(f"{path}: filed: {filed[dates.isna()].iloc[0]!r} is not a date written as 2024-01-31")
    return (dates + CLOSES).dt.tz_localize("America/New_York").dt.tz_convert("UTC")


def _days(instants: "pd.Series[pd.Timestamp]") -> NDArray[np.datetime64]:
    return np.asarray(instants.dt.tz_localize(None).dt.normalize(), "datetime64[us]")


def _within(days: NDArray[np.datetime64], after: pd.Timestamp | None, through: pd.Timestamp) -> NDArray[np.bool_]:
    inside = days <= np.datetime64(through)
    return np.asarray(inside if after is None else inside & (days > np.datetime64(pd.Timestamp(after))), bool)


def _cik(path: Path) -> str:
    return path.stem.removeprefix("CIK")
