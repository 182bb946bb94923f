"""docs/formats.md and docs/ratios.md, written from what the code declares: ``make docs``. A test compares the two.

Belongs here: the layout of these pages. Every fact on them stands in ``daybook.tables`` and ``ratio_definitions``.
"""

from pathlib import Path

from daybook.performance.ratio_definitions import REGISTRY, Ratio
from daybook.tables import DECIDED, DERIVED, FACT_COLUMNS, FILES, READ_OFF, SNAPSHOTS, TABLES, Column, Table

_DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = _DOCS / "formats.md"
RATIOS = _DOCS / "ratios.md"
_TYPES = {"floats": "list of float", "time": "instant", "text": "text"}


def page() -> str:
    """The whole page as Markdown."""
    files = "\n".join(_file(name, TABLES[table]) for name, table in sorted(FILES.items()))
    others = "\n".join(_table(table) for name, table in TABLES.items() if name in (*DECIDED, *READ_OFF))
    results = "\n".join(_table(table) for table in TABLES.values() if table.kind == "result")
    records = "\n".join(_table(table) for table in TABLES.values() if table.kind == "record")
    return f"""# Formats

Written by `make docs` from `daybook/tables.py`; do not edit.

## Files in

Files named `<table>_<YYYY-MM-DD>[_<suffix>].<csv|parquet>` go into `DAYBOOK_HOME/inbox/`. The key is in bold; a column
without a default that is not marked *required* may be left out. Every row taken in also carries
{", ".join(f"`{name}`" for name in FACT_COLUMNS)}; of these a file may give `known_at` alone.

{files}
## Facts that no file delivers

{others}
## Tables out

Delta tables at `DAYBOOK_LAKE_URI/<table>`, partitioned by `business_date`.

{results}
## Records

Kept in PostgreSQL, schema `daybook`, and shown by `daybook show`.

{records}"""


def ratios() -> str:
    """The page of ratios as Markdown."""
    groups = dict.fromkeys(ratio.group for ratio in REGISTRY)
    head = "| ratio | unit | convention | sessions | source |\n|---|---|---|---|---|\n"
    parts = [
        f"## {group.capitalize()}\n\n{head}"
        + "\n".join(_ratio(each) for each in REGISTRY if each.group == group)
        + "\n"
        for group in groups
    ]
    return """# Ratios

Written by `make docs` from `daybook/performance/ratio_definitions.py`; do not edit. What all of them have in common is
in [performance.md](performance.md#ratios). The column sessions is the number that a ratio needs; `a year` says that it
needs a period of a year, `benchmark` that it reads the sessions in which the benchmark has a return too.

""" + "\n".join(parts)


def _ratio(ratio: Ratio) -> str:
    words = {"periods": "`periods_per_year`", "target": "`target_return` a session", "confidence": "`confidence`"}
    said = ratio.convention.format(**words, risk_free="risk-free").replace("|", "\\|")
    needs = [str(ratio.minimum), *(["a year"] * ratio.yearly), *(["benchmark"] * ratio.beside)]
    return f"| `{ratio.name}` | {ratio.unit} | {said} | {', '.join(needs)} | {ratio.source} |"


def _file(name: str, table: Table) -> str:
    how = "a newer file of the same date and suffix replaces the older" if table.name in SNAPSHOTS else "files add"
    rows = [
        f"| {_name(table, c.name)} | {_kind(c)} | {c.unit} | {_default(table, c.name)} | {c.meaning} |"
        for c in table.columns
        if c.name not in FACT_COLUMNS and c.name != DERIVED.get(table.name)
    ]
    head = "| column | type | unit | default | meaning |\n|---|---|---|---|---|\n"
    return f"### {name}\n\n{table.meaning} Table `{table.name}`; {how}.\n\n{head}" + "\n".join(rows) + "\n"


def _default(table: Table, column: str) -> str:
    if column in table.required:
        return "*required*"
    return f"`{table.defaults[column]}`" if column in table.defaults else ""


def _table(table: Table) -> str:
    rows = [f"| {_name(table, c.name)} | {_kind(c)} | {c.unit} | {c.meaning} |" for c in table.columns]
    head = "| column | type | unit | meaning |\n|---|---|---|---|\n"
    return f"### {table.name}\n\n{table.meaning}\n\n{head}" + "\n".join(rows) + "\n"


def _kind(column: Column) -> str:
    return _TYPES.get(column.type, column.type)


def _name(table: Table, column: str) -> str:
    return f"**{column}**" if column in table.key else column


if __name__ == "__main__":
    PAGE.write_text(page())
    RATIOS.write_text(ratios())
