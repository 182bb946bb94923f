"""Reports on disk: whole pages, and tear sheets of real returns."""

import numpy as np
import pandas as pd

from daybook import calendars
from resources import reports

D = pd.Timestamp("2022-12-27")


def test_a_page_replaces_the_one_before_and_leaves_nothing_else(settings):
    reports.write_pages(D, {"index.html": "old"})
    path = reports.write_pages(D, {"index.html": "new", "A.html": "book"})
    assert path == settings.home / "reports" / "2022-12-27" / "index.html"
    assert path.read_text() == "new"
    assert sorted(file.name for file in path.parent.iterdir()) == ["A.html", "index.html"]


def test_tear_sheets_of_a_book_with_a_benchmark_and_of_one_whose_benchmark_is_late(settings):
    days = calendars.sessions("XNYS", "2022-01-03", D)
    earned = np.resize([0.01, -0.008, 0.003], len(days))
    late = np.where(np.arange(len(days)) < 3, np.nan, earned / 2)
    rows = [
        pd.DataFrame({"business_date": days, "book": book, "daily_return": earned, "benchmark_return": benchmark})
        for book, benchmark in (("PLAIN", earned / 2), ("../A <b>", late))
    ]
    scales = pd.DataFrame({"periods_per_year": 252.0, "risk_free": 0.02}, index=["PLAIN", "../A <b>"])
    paths = reports.write_tearsheets(pd.concat(rows), scales, D)
    folder = settings.home / "reports" / "2022-12-27"
    assert [path.name for path in paths] == ["tearsheet-..%2FA%20%3Cb%3E.html", "tearsheet-PLAIN.html"]
    assert all(path.parent == folder and path.stat().st_size > 100_000 for path in paths)
    texts = [path.read_text() for path in paths]
    assert all("A <b>" not in text for text in texts), "a name is no HTML"
    assert all("RF: 2.0%" in text for text in texts)
    linked = f"{np.prod(1 + earned) - 1:.2%}"
    assert all(linked.lstrip("-") in text for text in texts), linked
    told = f", without its benchmark: 3 of {len(days)} sessions have no return of it"
    assert [told in text for text in texts] == [True, False]
