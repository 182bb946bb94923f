"""Periods over which returns are told: which sessions belong to each.

Belongs here: names of periods, their first session in each book, where its sessions stand. Does not belong here: what
was earned in them (``returns``, ``money_weighted``), effects linked over them (``daybook.attribution``).

Conventions: every period ends with the session of the date. ``day`` is that session; ``month``, ``quarter`` and
``year`` are the calendar's, to date; ``one_year`` to ``ten_years`` run from the same day so many years before (of
29 February, from the 28th), and are there only for a book that had a session on or before that day; ``inception`` is
everything since the book's first session. A book younger than a calendar period has it from its first session on.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]

TO_DATE = {"month": "M", "quarter": "Q", "year": "Y"}
"""Calendar periods, to date, and their frequency in pandas."""
TRAILING = {"one_year": 1, "three_years": 3, "five_years": 5, "ten_years": 10}
"""Periods that end on the date, and their years."""
PERIODS = ("day", *TO_DATE, *TRAILING, "inception")
"""Every period, shortest first."""
COLUMNS = ("book", "period", "period_start", "period_end", "session_count")


def spans(performance: pd.DataFrame, date: pd.Timestamp) -> pd.DataFrame:
    """The periods that end with ``date``, of every book that has a session then.

    Args:
        performance: business_date and book of every session since each book's first one; other columns are not read.
        date: last session.

    Returns:
        book, period, period_start (first session in it), period_end (``date``), session_count; sorted by book, in the
        order of ``PERIODS``.
    """
    rows = performance.loc[performance["business_date"] <= date, ["book", "business_date"]]
    rows = rows.sort_values(["book", "business_date"], ignore_index=True)
    book = rows.groupby("book")["business_date"].agg(first="min", last="max", size="size").reset_index()
    begins = np.cumsum(book["size"].to_numpy()) - book["size"].to_numpy()
    days = rows["business_date"].to_numpy("datetime64[us]")
    found = []
    for number, (name, after) in enumerate(_afters(date).items()):
        # Sorted by book and session, the sessions of a book up to ``after`` are counted by a running sum.
        before = np.concatenate([[0], np.cumsum(days <= after)])
        skipped = before[begins + book["size"].to_numpy()] - before[begins]
        there = book["last"].eq(date).to_numpy() & ((skipped > 0) | (name not in TRAILING))
        first = begins[there] + skipped[there]
        part = pd.DataFrame(
            {
                "book": book.loc[there, "book"].to_numpy(),
                "period": name,
                "period_start": days[first],
                "period_end": date,
                "session_count": (book["size"].to_numpy() - skipped)[there],
                "number": number,
            }
        )
        found.append(part)
    both = pd.concat(found).sort_values(["book", "number"], ignore_index=True)
    types = {"period": "str", "period_start": "datetime64[us]", "period_end": "datetime64[us]"}
    return both[list(COLUMNS)].astype(types)


def _afters(date: pd.Timestamp) -> dict[str, np.datetime64]:
    """Period -> the day after which its sessions begin."""
    day = pd.Timedelta(days=1)
    begin = {"day": date - day}
    begin |= {name: date.to_period(frequency).start_time - day for name, frequency in TO_DATE.items()}
    begin |= {name: date - pd.DateOffset(years=years) for name, years in TRAILING.items()}
    begin["inception"] = pd.Timestamp("1900-01-01")
    return {name: begin[name].to_datetime64().astype("datetime64[us]") for name in PERIODS}


def bounds(rows: pd.DataFrame, spans: pd.DataFrame) -> tuple[Ints, Ints]:
    """Where the sessions of each period stand: ``rows.iloc[low:high]`` is one period of one book.

    Args:
        rows: business_date and book, sorted by book and business_date.
        spans: from ``spans``.

    Returns:
        low and high, one number per row of ``spans``. With running sums S of a column (a zero first), the sum over
        each period is S[high] - S[low].
    """
    # A place in line for each (book, day): books by number, days within.
    names = pd.Index(rows["book"].unique())
    day = np.timedelta64(1, "D")
    width = 1 << 20  # days; 2,800 years
    epoch = np.datetime64("1900-01-01", "us")

    def place(books: pd.Series, dates: pd.Series) -> Ints:
        number = names.get_indexer(pd.Index(books)).astype(np.int64)
        return np.asarray(number * width + (dates.to_numpy("datetime64[us]") - epoch) // day, np.int64)

    line = place(rows["book"], rows["business_date"])
    low = np.searchsorted(line, place(spans["book"], spans["period_start"]), "left")
    high = np.searchsorted(line, place(spans["book"], spans["period_end"]), "right")
    return low.astype(np.int64), high.astype(np.int64)
