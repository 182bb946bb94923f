"""What is declared for books: the row that holds on a session.

Belongs here: the choice among rows with valid_from and valid_to, of which some name a book and others hold for every
one. Does not belong here: what a row means.
"""

import pandas as pd

from daybook import tables

KEY = ["business_date", "book"]


def in_force(facts: pd.DataFrame, name: str, books: pd.DataFrame) -> pd.DataFrame:
    """The rows of dated limits, rules or terms that hold for each book and session.

    Args:
        facts: rows with ``name``, book ("" for every book), valid_from and valid_to (NaT for no end).
        name: the column that says which rows are versions of each other.
        books: business_date and book wanted.
    """
    named = facts.loc[facts["book"].ne("")].merge(books, on="book")
    general = facts.loc[facts["book"].eq("")].drop(columns="book").merge(books, how="cross")
    rows = pd.concat([general.assign(own=0), named.assign(own=1)], ignore_index=True)
    begun = rows["valid_from"].isna() | (rows["valid_from"] <= rows["business_date"])
    rows = rows.loc[begun].sort_values([*KEY, name, "own", "valid_from"], na_position="first")
    latest = rows.drop_duplicates([*KEY, name, "own"], keep="last")
    ended = latest["valid_to"].notna() & (latest["valid_to"] < latest["business_date"])
    return latest.loc[~ended].drop_duplicates([*KEY, name], keep="last").drop(columns="own").reset_index(drop=True)


def rule_in_force(name: str, facts: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """The one row that holds for each book and session, of a table in which a book has a single rule at a time.

    Args:
        name: of the table.
        facts: the table.
        books: business_date and book wanted.

    Returns:
        One row per row of ``books``, in its order: business_date, book and the columns that have a default in the
        table; the default where nothing is declared, and where a word or number is left empty.
    """
    defaults = tables.TABLES[name].defaults
    found = in_force(facts.assign(rule=""), "rule", books[KEY])
    rows = books[KEY].merge(found[[*KEY, *defaults]], on=KEY, how="left")
    for column, default in defaults.items():
        given = rows[column]
        number = given.dtype.kind == "f"
        rows[column] = given.fillna(float(default)) if number else given.replace("", pd.NA).fillna(default)
    return rows
