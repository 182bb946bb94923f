"""Whether a book's compliance lets it trade.

Belongs here: the reasons against orders, in the data. Does not belong here: proposing, approving, sending.
"""

from collections.abc import Mapping

import pandas as pd

from daybook.control.closes import refusals

CLEAN = ("pass", "warning")


def unclean(nav: pd.DataFrame, compliance_results: pd.DataFrame, findings: pd.DataFrame) -> Mapping[str, str]:
    """For each book of ``nav`` why it must not trade, "" where it may.

    A rule that was breached or could not be evaluated stands against trading, and so does whatever stands against
    signing the day.

    Args:
        nav: table ``nav`` of one session.
        compliance_results: table ``compliance_results`` of the same session.
        findings: table ``findings`` of the same session.
    """
    bad = compliance_results[~compliance_results["status"].isin(CLEAN)]
    said = "rule " + bad["rule"] + " " + bad["status"] + " " + bad["bucket"]
    rules = said.str.strip().groupby(bad["book"]).agg("; ".join).to_dict()
    return {
        book: "; ".join([*([rules[book]] if book in rules else []), *reasons])
        for book, reasons in refusals(nav, findings).items()
    }
