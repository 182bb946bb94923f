"""Other data series that may be published: what could be used on the date, without what a licence keeps in the house.

Belongs here: the section series. Does not belong here: which observation counts and which licence forbids what
(``daybook.market.alternative``).
"""

from daybook.market.alternative import withheld
from daybook.pack.blocks import Block, Section, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, grid
from daybook.pack.money import listed

_SERIES = "The latest observation of each series that could be used on the date. Series that have ended are left out."
_MOST = 40


def series(day: Day) -> list[Section]:
    """The living series of the firm, in one section; none where there are none."""
    findings = day.rows("findings")
    ended = findings.loc[findings["check"] == "series_ended", "instrument"]
    rows = day.series.assign(name=day.series["series"].str.cat(day.series["instrument"], sep=" ").str.strip())
    rows = rows[~rows["name"].isin(ended)]
    if rows.empty:
        return []
    kept = withheld(rows["licence"])
    blocks: list[Block] = []
    if kept.any():
        names = listed(sorted(rows.loc[kept, "name"]))
        blocks.append(Words(f"Not shown, because no licence lets the house publish the values: {names}."))
    shown = rows[~kept]
    if len(shown):
        blocks.append(
            grid(
                "Series",
                [
                    Column("Series", shown["series"]),
                    Column("Instrument", shown["instrument"], optional=True),
                    Column("Value", shown["value"], "quantity"),
                    Column("Observed", shown["observed_on"], "day"),
                    Column("Usable from", shown["usable_from"], "day"),
                    Column("Licence", shown["licence"]),
                ],
                limit=_MOST,
                more="All: daybook show alternative_data",
            )
        )
    return [Section("series", "Other data", _SERIES, blocks)]
