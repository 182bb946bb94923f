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


def write_tearsheets(performance: pd.DataFrame, session: pd.Timestamp) -> list[Path]:
    """quantstats tear sheet of each book from its daily returns up to ``session``; the paths."""
    import matplotlib

    matplotlib.use("Agg")
    # quantstats asks for Arial; the font that matplotlib carries does as well, and needs no warning for each label.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    import quantstats

    folder = pack_folder(session)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for book, rows in performance.groupby("book"):
        returns = rows.set_index("business_date")["daily_return"].dropna()
        benchmark = rows.set_index("business_date")["benchmark_return"].reindex(returns.index)
        path = folder / f"tearsheet-{page.file_name(str(book))}"
        quantstats.reports.html(
            returns,
            benchmark=None if benchmark.isna().any() else benchmark,
            title=escape(str(book)),  # quantstats puts it into its page as it is
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
