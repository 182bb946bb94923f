"""``daybook show attribution --period``: effects linked over a period, and of its sessions or months.

Belongs here: what may be asked together, and how it is printed. Does not belong here: the rows
(``orchestration.linked_effects``).
"""

import pandas as pd

from daybook.attribution.effects import FIGURES, RETURNS, WEIGHTS
from daybook.attribution.factors import HOLDINGS, REGRESSION
from daybook.attribution.tree import SEPARATOR
from daybook.intake.terms import ONE_OF
from daybook.performance.periods import PERIODS
from orchestration import linked_effects
from orchestration.commands.installation import opened
from orchestration.console import Misused, Refused, complain, machine
from orchestration.console import table as print_table

METHODS = (
    *(word for column in ("method", "currency_method") for word in ONE_OF["attribution_rules", column]),
    *(HOLDINGS, REGRESSION, "all"),
)
"""What --method may name."""


def check(table: str, period: str | None, by: str | None, method: str | None, known_or_instrument: bool) -> None:
    """That effects can be linked so.

    Raises:
        Misused: another table, no such period or method, or with what a period cannot be asked by.
    """
    if table != "attribution":
        raise Misused(f"--period, --linking, --method and --by session or month are of attribution, not of {table}")
    if period not in PERIODS:
        raise Misused(f"a period is one of {', '.join(PERIODS)}" + (f", not {period!r}" if period else ": --period"))
    if method is not None and method not in METHODS:
        raise Misused(f"--method is one of {', '.join(METHODS)}, not {method!r}")
    if by is not None and by not in linked_effects.PARTS:
        raise Misused(f"effects of a period are taken apart by {' or '.join(linked_effects.PARTS)}, not by {by}")
    if known_or_instrument:
        raise Misused("effects of a period are linked from what is computed: leave --known-at and --instrument out")


def show(
    period: str,
    when: pd.Timestamp | None,
    book: str | None,
    linking: str | None,
    method: str | None,
    by: str | None,
    form: str,
) -> None:
    """Print the effects of a period; what cannot be linked is said on standard error, by book and method.

    Raises:
        Refused: no book has that period.
    """
    parts = linked_effects.linked(opened(), period, when, book, linking, method)
    if not parts:
        who, to = (f" {book!r}" if book else ""), (f" to {when:%Y-%m-%d}" if when is not None else "")
        raise Refused(f"no book{who} has computed sessions over {period}{to}: `daybook eod` computes them")
    rows = linked_effects.rows(parts)
    for line in rows.loc[rows["status"].ne("ok")].itertuples():
        complain(f"not linked: {line.book} {line.method} {line.linking}: {line.status}")
    if by is not None:
        rows = linked_effects.taken_apart(parts, by)
    if form != "table":
        machine(rows, form)
        return
    lines = pd.concat([part.lines for part in parts])
    for line in lines.loc[lines["reason"].eq("")].itertuples():
        own = rows.loc[rows["book"].eq(str(line.book)) & rows["method"].eq(str(line.method))]
        days = f"{period} from {line.period_start:%Y-%m-%d} to {line.period_end:%Y-%m-%d}"
        print_table(f"{line.book}, {line.method}, {line.linking}, {days}: weights and returns in %", _for_people(own))


def _for_people(rows: pd.DataFrame) -> pd.DataFrame:
    """Percent, children below their parents, and no column without a figure; parts of a period without what is below.

    Effects of 0 all the way down are left out: nobody needs to read that currencies did nothing to a book in one.
    """
    apart = [name for name in ("business_date", "month") if name in rows and "period" not in rows]
    kept = rows.loc[rows["depth"] <= 1] if apart else rows
    figures = [name for name in (*WEIGHTS, *RETURNS, *FIGURES) if name in kept and kept[name].fillna(0.0).ne(0).any()]
    name = kept["node"].str.rsplit(SEPARATOR, n=1).str[-1].mask(kept["node"].eq(""), "whole")
    indent = kept["depth"].sub(1).clip(lower=0).map(lambda depth: "  " * depth).astype("str")
    return kept.assign(node=indent + name, **{column: (kept[column] * 100).round(4) + 0.0 for column in figures})[
        [*apart, "node", *figures]
    ]
