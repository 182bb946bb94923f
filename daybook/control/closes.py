"""Whether a book's day can be signed.

Belongs here: the reasons that stand against a close, in the data. Does not belong here: signing, and who may.
"""

from collections.abc import Mapping

import pandas as pd


def blocking(findings: pd.DataFrame) -> pd.DataFrame:
    """The findings that stand against a close: severity blocking, not waived."""
    return findings[(findings["severity"] == "blocking") & (findings["status"] == "open")]


def refusals(nav: pd.DataFrame, findings: pd.DataFrame) -> Mapping[str, tuple[str, ...]]:
    """For each book of ``nav`` why its day cannot be signed; an empty tuple where it can.

    A finding without a book stands against every book. A book without a NAV is refused whatever the findings say.

    Args:
        nav: table ``nav`` of one session.
        findings: table ``findings`` of the same session.
    """
    against = blocking(findings)
    firm = tuple(_said(against[against["book"] == ""]))
    reasons = {}
    for book, status, reason in zip(nav["book"], nav["status"], nav["reason"], strict=True):
        failed = () if status == "ok" else (f"NAV {status}: {reason}",)
        reasons[book] = (*failed, *firm, *_said(against[against["book"] == book]))
    return reasons


def _said(findings: pd.DataFrame) -> list[str]:
    return [f"{check}: {reason}" for check, reason in zip(findings["check"], findings["reason"], strict=True)]
