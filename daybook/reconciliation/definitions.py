"""What is compared with whom, and how closely: definitions and tolerances as they are declared, and what holds without.

Belongs here: which definition compares a field of a report, the tolerances in force, how large a difference they allow.
Does not belong here: the two sides (``positions``, ``cash``, ``valuations``, ``administrator``, ``transactions``).

Every table of ``FIELDS`` has a definition of its own name, which compares what nobody declared otherwise. A declared
definition compares the fields that its tolerances name, all of its table where they name none. One that names the
source of a report goes before one for every source, and that before the built-in one, field by field. Of a field that
several declared definitions compare each finds its own breaks.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.market import declared

Floats = NDArray[np.float64]

REPORT = ["business_date", "book", "source"]
TOLERANCES = ["tolerance_amount", "tolerance_fraction", "tolerance_bp", "tolerance_days"]
FIELDS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "custodian_positions": {
        "quantity": {"tolerance_amount": 5e-9},
        "settled": {"tolerance_amount": 5e-9},
        "market_value": {"tolerance_amount": 0.01, "tolerance_fraction": 1e-4},
    },
    "custodian_cash": {"settled": {"tolerance_amount": 5e-7}},
    "custodian_transactions": {
        "quantity": {"tolerance_amount": 5e-9},
        "price": {"tolerance_fraction": 1e-6},
        "net_amount": {"tolerance_amount": 0.005},
        "trade_date": {"tolerance_days": 0.0},
        "settle_date": {"tolerance_days": 0.0},
    },
    "broker_transactions": {
        "quantity": {"tolerance_amount": 5e-9},
        "price": {"tolerance_fraction": 1e-6},
        "net_amount": {"tolerance_amount": 0.005},
        "trade_date": {"tolerance_days": 0.0},
        "settle_date": {"tolerance_days": 0.0},
    },
    "administrator_nav": {
        "nav": {"tolerance_amount": 0.01},
        "units": {"tolerance_amount": 5e-7},
        "nav_per_unit": {"tolerance_amount": 0.005},
    },
}
"""Fields that are compared of each table, and their tolerances where nobody declared any: half a unit in the last place
kept of quantities and settled cash, a cent of money, a basis point of a valuation, half a cent of a published NAV."""
EXACT = 1e-12
"""Fraction of the larger side by which floats of one number may differ."""


def in_force(
    reconciliations: pd.DataFrame, tolerances: pd.DataFrame, theirs_table: str, reports: pd.DataFrame
) -> pd.DataFrame:
    """The definitions and tolerances that hold for each report.

    Args:
        reconciliations: facts.
        tolerances: facts.
        theirs_table: which of ``FIELDS`` the reports are.
        reports: business_date, book, source; each once.

    Returns:
        One row for each report, definition and field that it compares: ``REPORT``, reconciliation, match_keys,
        grouping, owner, answer_hours, compared_field, and ``TOLERANCES``, missing where none of that sort holds.
    """
    rows = _definitions(reconciliations, theirs_table, reports)
    usual = pd.DataFrame(list(FIELDS[theirs_table].values()), columns=TOLERANCES, dtype="float64")
    rows = rows.merge(usual.assign(compared_field=pd.Series(list(FIELDS[theirs_table]), dtype="str")), how="cross")
    pair = pd.MultiIndex.from_frame(rows[["reconciliation", "compared_field"]])
    names = pd.MultiIndex.from_frame(tolerances[["reconciliation", "compared_field"]])
    selective = rows["reconciliation"].isin(tolerances["reconciliation"]) & rows["precedence"].gt(0)
    rows = rows[pair.isin(names) | ~selective]
    highest = rows.groupby([*REPORT, "compared_field"])["precedence"].transform("max")
    rows = rows[rows["precedence"] == highest].drop(columns="precedence")
    return _with_tolerances(rows, tolerances)


def allowed(tolerance: pd.DataFrame, size: "pd.Series[float]", nav: "pd.Series[float]") -> "pd.Series[float]":
    """The largest difference that is no break, in the unit of the field.

    Args:
        tolerance: rows with ``TOLERANCES``; the largest of those given counts, days aside.
        size: the books' figure of each row, whatever its sign.
        nav: of the book, in the unit of the field; tolerance_bp gives nothing where it is missing or not positive.
    """
    given = pd.DataFrame(
        {
            "amount": tolerance["tolerance_amount"],
            "fraction": tolerance["tolerance_fraction"] * size.abs(),
            "bp": tolerance["tolerance_bp"] / 1e4 * nav.where(nav > 0),
        }
    )
    return given.max(axis=1).fillna(0.0) + EXACT * size.abs()


def least(
    reconciliations: pd.DataFrame, tolerances: pd.DataFrame, theirs_table: str, field: str, size: Floats
) -> Floats:
    """The smallest difference of ``field`` that may be a break under any definition at any time.

    Of a million lines nearly all are within it, and need not be looked at one by one.

    Args:
        reconciliations: facts.
        tolerances: facts.
        theirs_table: which of ``FIELDS`` the lines are compared with.
        field: one of its fields.
        size: the books' figure of each line, without sign.
    """
    of_table = reconciliations.loc[reconciliations["theirs_table"] == theirs_table, "reconciliation"]
    mine = tolerances["reconciliation"].isin([theirs_table, *of_table]) & (tolerances["compared_field"] == field)
    given = tolerances.loc[mine, ["tolerance_amount", "tolerance_fraction"]].drop_duplicates()
    usual = FIELDS[theirs_table][field]
    found = np.maximum(usual.get("tolerance_amount", 0.0), usual.get("tolerance_fraction", 0.0) * size)
    for amount, fraction in given.fillna(0.0).itertuples(index=False):
        found = np.minimum(found, np.maximum(amount, fraction * size))
    return np.asarray(found)


def unknown(reconciliations: pd.DataFrame, tolerances: pd.DataFrame) -> pd.DataFrame:
    """Tolerances that name no definition, or a field that its table has not, with the reason."""
    tables_of = pd.concat(
        [
            pd.DataFrame({"reconciliation": list(FIELDS), "theirs_table": list(FIELDS)}),
            reconciliations[["reconciliation", "theirs_table"]],
        ]
    ).drop_duplicates()
    known = pd.DataFrame(
        [(table, field) for table, fields in FIELDS.items() for field in fields],
        columns=["theirs_table", "compared_field"],
    ).astype("str")
    pairs = pd.MultiIndex.from_frame(tables_of.merge(known, on="theirs_table")[["reconciliation", "compared_field"]])
    lost = ~tolerances["reconciliation"].isin(tables_of["reconciliation"])
    other = ~lost & ~pd.MultiIndex.from_frame(tolerances[["reconciliation", "compared_field"]]).isin(pairs)
    reason = ("no reconciliation is called " + tolerances["reconciliation"]).where(
        lost, tolerances["reconciliation"] + " does not compare " + tolerances["compared_field"]
    )
    return tolerances.assign(reason=reason)[lost | other].reset_index(drop=True)


def sources(facts: pd.DataFrame) -> "pd.Series[str]":
    """The source of each row of a snapshot table: the suffix of its file's name, "" where there is none."""
    name = facts["file"].str.extract(r"_\d{4}-\d{2}-\d{2}(?:_(.+))?\.[a-z]+$")[0]
    return name.fillna("").astype("str")


def _definitions(reconciliations: pd.DataFrame, theirs_table: str, reports: pd.DataFrame) -> pd.DataFrame:
    """Every definition that may compare a report, with precedence: 0 built in, 1 of every source, 2 of its source."""
    columns = ["reconciliation", "match_keys", "grouping", "owner", "answer_hours"]
    defaults = tables.TABLES["reconciliations"].defaults
    built_in = reports[REPORT].assign(
        **dict.fromkeys(["match_keys", "owner"], ""),
        reconciliation=theirs_table,
        grouping=defaults["grouping"],
        answer_hours=float(defaults["answer_hours"]),
        precedence=0,
    )
    if not reconciliations["theirs_table"].eq(theirs_table).any():
        return built_in
    days = pd.DataFrame({"business_date": reports["business_date"].unique()}).assign(book="")
    holding = declared.in_force(reconciliations.assign(book=""), "reconciliation", days)
    holding = holding[holding["theirs_table"] == theirs_table]
    rows = reports[REPORT].merge(
        holding[["business_date", "source", *columns]], on="business_date", suffixes=("", "_declared")
    )
    named = rows["source_declared"] == rows["source"]
    rows = rows.assign(precedence=1 + named.astype("int64"))[named | rows["source_declared"].eq("")]
    return pd.concat([rows[[*REPORT, *columns, "precedence"]], built_in], ignore_index=True)


def _with_tolerances(rows: pd.DataFrame, tolerances: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with the tolerances declared for them in the place of the defaults, where any is given."""
    pair = ["reconciliation", "compared_field"]
    if not tolerances["reconciliation"].isin(rows["reconciliation"]).any():
        return rows.reset_index(drop=True)
    keyed = tolerances.assign(rule=tolerances["reconciliation"] + "\n" + tolerances["compared_field"])
    holding = declared.in_force(keyed, "rule", rows[declared.KEY].drop_duplicates())
    holding = holding.loc[holding[TOLERANCES].notna().any(axis=1), [*declared.KEY, *pair, *TOLERANCES]]
    both = rows.merge(holding, how="left", on=[*declared.KEY, *pair], suffixes=("", "_declared"))
    names = [f"{name}_declared" for name in TOLERANCES]
    given = both[names].notna().any(axis=1)
    replaced = {name: both[name].where(~given, both[f"{name}_declared"]) for name in TOLERANCES}
    return both.assign(**replaced).drop(columns=names)
