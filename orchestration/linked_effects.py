"""Effects of a period as somebody asks for them: by any linking and method, whole or by session or month.

Belongs here: which stored rows the command ``show attribution --period`` is made of. Does not belong here: the linking
(``daybook.attribution``), printing (``orchestration.commands``).
"""

from typing import TYPE_CHECKING

import pandas as pd

from daybook.attribution import effects, periods, rules
from daybook.performance import periods as spans

if TYPE_CHECKING:
    from resources.feeds import Feeds

PARTS = ("session", "month")
"""What a period can be taken apart by."""
_SHOWN = ["book", "method", "linking", "node", "parent_node", "dimension", "depth"]


def linked(
    feeds: "Feeds",
    period: str,
    date: pd.Timestamp | None,
    book: str | None,
    linking: str | None,
    method: str | None,
) -> list[periods.Linkable]:
    """What the period that ends on ``date`` gives the linking; nothing where no book has it.

    Args:
        feeds: doors to what was computed.
        period: one of ``performance.periods.PERIODS``.
        date: its last session; the last one computed by default.
        book: only this one.
        linking: in place of the declared one.
        method: in place of the declared one; ``all`` for every method that there is.
    """
    performance = feeds.lake.read("performance", None, date)
    if book is not None:
        performance = performance.loc[performance["book"].eq(book)]
    if performance.empty:
        return []
    last = performance["business_date"].max()
    found = spans.spans(performance, last)
    found = found.loc[found["period"].eq(period)]
    if found.empty or (date is not None and last != date):
        return []
    declared = rules.in_force(feeds.facts.current("attribution_rules"), found.assign(business_date=last))
    declared = declared.assign(linking=linking or declared["linking"])
    first = found["period_start"].min()
    names = ("attribution_nodes", "currency_attribution", "factor_attribution")
    rows = effects.gathered(*(feeds.lake.read(name, first, last) for name in names))
    if method not in (None, "all"):
        declared = declared.assign(method=method)
    if method != "all":
        rows = rows.merge(declared[["book", "method"]], on=["book", "method"])
    return periods.linkable(performance, rows, declared, found)


def rows(parts: list[periods.Linkable]) -> pd.DataFrame:
    """Rows of ``period_attribution``, those of the linking asked for."""
    found = pd.concat([periods.linked(part) for part in parts], ignore_index=True)
    lines = pd.concat([part.lines for part in parts])
    asked = lines[["book", "method", "period", "linking"]].drop_duplicates()
    return found.merge(asked, on=list(asked.columns))


def taken_apart(parts: list[periods.Linkable], by: str) -> pd.DataFrame:
    """Adjusted effects by session or by month: the parts of a period add up to it."""
    found = []
    for part in parts:
        for linking in part.lines["linking"].unique():
            lines = part.lines.loc[part.lines["linking"].eq(linking), ["book", "method"]]
            found.append(periods.of_sessions(part, str(linking)).merge(lines, on=["book", "method"]))
    adjusted = pd.concat(found, ignore_index=True)
    name = "business_date" if by == "session" else "month"
    if by == "month":
        adjusted["month"] = adjusted["business_date"].dt.strftime("%Y-%m").astype("str")
    sums = adjusted.groupby([name, *_SHOWN], as_index=False, sort=False)[effects.FIGURES].sum(min_count=1)
    sums[effects.FIGURES] = sums[effects.FIGURES].round(12) + 0.0
    return sums.sort_values([name, "book", "method", "node"], ignore_index=True)
