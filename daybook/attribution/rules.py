"""How each book's active return is attributed: the declared rules in force.

Belongs here: choosing the rule of a book on a session, and what its words mean. Does not belong here: the effects.
"""

import pandas as pd

from daybook.intake.terms import TREE_LEVELS
from daybook.market.declared import rule_in_force


def in_force(attribution_rules: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """The rule of every book and session.

    Args:
        attribution_rules: facts; the row that names the book goes before one of every book, the later valid_from before
            the earlier one.
        keys: business_date and book wanted.

    Returns:
        One row per row of ``keys``, in its order: business_date, book and the columns of the rule, with the defaults
        of the table where none is declared, and for a word that is left empty.
    """
    return rule_in_force("attribution_rules", attribution_rules, keys)


def unknown_levels(levels: "pd.Series[str]") -> "pd.Series[str]":
    """The words of each of ``levels`` that are no attribute of instruments, separated by spaces; empty: all are."""
    known = {
        text: " ".join(word for word in text.split() if word not in TREE_LEVELS) or ("" if text.split() else "no level")
        for text in levels.unique()
    }
    return levels.map(known).astype("str")
