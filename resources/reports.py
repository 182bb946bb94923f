"""Reports on disk, under ``DAYBOOK_HOME/reports``.

Belongs here: where a report is written, and that it is written whole. Does not belong here: what it says.
"""

import logging
import os
from collections.abc import Mapping
from html import escape
from pathlib import Path

import pandas as pd

from daybook.pack import page
from resources.settings import settings


def pack_folder(session: pd.Timestamp) -> Path:
    """The folder of the pack of ``session``."""
    return settings().home / "reports" / f"{session:%Y-%m-%d}"


def write_pages(session: pd.Timestamp, pages: Mapping[str, str]) -> Path:
    """Write the pages (file name to HTML) of a pack; the path of its first page."""
    folder = pack_folder(session)
    folder.mkdir(parents=True, exist_ok=True)
    for name, html in pages.items():
        _write(folder / name, html)
    return folder / "index.html"


def write_morning(session: pd.Timestamp, html: str) -> Path:
    """Write the morning page of ``session`` beside its pack; its path."""
    folder = pack_folder(session)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "morning.html", html)
    return folder / "morning.html"


def write_tearsheets(performance: pd.DataFrame, scales: pd.DataFrame, session: pd.Timestamp) -> list[Path]:
    """quantstats tear sheet of each book that has a return, from its daily returns up to ``session``; the paths.

    The benchmark stands beside a book where it has a return in every session that the book has one in; where it has
    not, the title says so.

    Args:
        performance: business_date, book, daily_return and benchmark_return of every session up to ``session``.
        scales: periods_per_year and risk_free (a year) by book (``ratios.scales``).
        session: the folder is that of its pack.
    """
    import matplotlib

    matplotlib.use("Agg")
    # quantstats asks for Arial; the font that matplotlib carries does as well, and needs no warning for each label.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    import quantstats

    folder = pack_folder(session)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for book, rows in performance.loc[performance["daily_return"].notna()].groupby("book"):
        dated = rows.set_index("business_date").sort_index()
        missing = int(dated["benchmark_return"].isna().sum())
        late = f", without its benchmark: {missing} of {len(dated)} sessions have no return of it"
        path = folder / f"tearsheet-{page.file_name(str(book))}"
        quantstats.reports.html(
            dated["daily_return"],
            benchmark=None if missing else dated["benchmark_return"],
            rf=float(scales["risk_free"][book]),
            periods_per_year=round(float(scales["periods_per_year"][book])),
            title=escape(f"{book}{late if 0 < missing < len(dated) else ''}"),  # quantstats prints it as it is
            output=str(path),
            match_dates=False,
        )
        paths.append(path)
    return paths


def _write(path: Path, text: str) -> None:
    # A reader sees the old page or the new one, never half of it.
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
