"""What should have been delivered and was not, could not be read, or came in another shape.

Belongs here: how grave the outcome of a feed is, and for whom. Does not belong here: what the outcome is
(``daybook.market.feeds``), single rows (``quarantine``), single prices (``held``).
"""

import numpy as np
import pandas as pd

from daybook.market import custodian_reports, dated, feeds
from daybook.market.quality.finding import finding, holdings

DAY = ["business_date", "book"]
AS_DECLARED = ("transactions", "corporate_actions", "books", "instruments", "identifiers", "accounts", "price_sources")
"""Feeds that NAV is made of and that are expected only where the firm says so: without them it is not the day's."""
NOT_SIGNED = ("fundamentals", "alternative_data", "benchmark_levels", "intraday_prices", "administrator_nav")
"""Feeds that nothing is made of that anybody signs."""
FEED_OF = {kind: feed for feed, kind in custodian_reports.KINDS.items()}


def incomplete(outcomes: pd.DataFrame, by_book: pd.DataFrame) -> pd.DataFrame:
    """Feeds that are not complete: ``feed_<outcome>``; ``instrument`` is the name of the feed, such as prices_acme.

    * failed blocks, unless nothing is made of the feed that anybody signs (``NOT_SIGNED``): then it is a warning.
    * missing: blocking if no price at all was delivered, or a feed that NAV is made of was declared and did not come;
      else a warning. The last exchange rate stands for five sessions (contract 2.14), and ``price_stale`` says of each
      holding what the want of its price may cost. What other sources delivered in full is info.
    * empty where something was expected, and partial where something did not come: a warning, or as missing.

    What a custodian did not report is said of each book (``unreported``), and rows in quarantine by their own finding.

    Args:
        outcomes: table feed_outcomes.
        by_book: what ``unreported`` returns of the same sessions; what it says is not said again.
    """
    rows = outcomes[outcomes["outcome"] != "complete"]
    of_prices = (rows["feed"] == "prices").to_numpy()
    came = outcomes[outcomes["feed"] == "prices"].groupby("business_date")["rows"].sum()
    no_price = of_prices & (rows["business_date"].map(came) == 0).to_numpy()
    outcome = rows["outcome"]
    declared = rows["feed"].isin(AS_DECLARED) & (outcome == "missing")
    elsewhere = (rows["expected_rows"] > 0) & (rows["absent"] == 0)
    severity = np.select(
        [outcome == "failed", no_price | declared, elsewhere],
        [np.where(rows["feed"].isin(NOT_SIGNED), "warning", "blocking"), "blocking", "info"],
        "warning",
    )
    of_custodian = rows["feed"].isin(list(custodian_reports.KINDS)) & outcome.isin(["missing", "partial"])
    nothing_lacks = (outcome == "partial") & ~(rows["coverage"] < 1)
    unasked = (outcome == "empty") & (rows["expected_rows"] == 0)
    named = rows.assign(instrument=feeds.feed_name(rows), check="feed_" + outcome)
    same = ["business_date", "check", "instrument"]
    told = ~(of_custodian | nothing_lacks | unasked | _keys(named, same).isin(_keys(by_book, same)))
    reason = (named["instrument"] + ": ").where(named["feed"] != "", "") + named["reason"]
    return finding(named[told], named.loc[told, "check"], severity[told], reason[told])


def unreported(
    nav: pd.DataFrame,
    valuations: pd.DataFrame,
    reports: pd.DataFrame,
    expected_feeds: pd.DataFrame,
    outcomes: pd.DataFrame,
) -> pd.DataFrame:
    """Books that a custodian reported before and not for the session: blocking, ``instrument`` the name of the feed.

    ``feed_missing``, or ``feed_failed`` where its file could not be read. Positions are expected only
    where the book holds some. No report is not the same as no breaks. It ends when another custodian reports the book,
    or when the firm declares the end of the feed.

    Args:
        nav: table of the sessions that are checked.
        valuations: table of the same sessions.
        reports: custodian_reports of the same sessions and, to know what is expected, from before.
        expected_feeds: facts.
        outcomes: table feed_outcomes of the same sessions.
    """
    holds = _keys(nav, DAY).isin(_keys(holdings(valuations), DAY))
    rows = pd.concat([nav.loc[holds, DAY].assign(kind="position"), nav[DAY].assign(kind="cash")], ignore_index=True)
    before = rows["business_date"] - pd.Timedelta(days=1)
    same = ["book", "kind"]
    known, wanted = dated.codes([reports[name] for name in same], [rows[name] for name in same])
    at = dated.last(known, reports["business_date"], wanted, before)
    source = reports["source"].reset_index(drop=True).reindex(at).set_axis(rows.index)
    rows = rows.assign(source=source, feed=rows["kind"].map(FEED_OF))
    rows = rows[source.notna() & ~_keys(rows, [*DAY, "kind"]).isin(_keys(reports, [*DAY, "kind"]))]
    sessions = pd.DatetimeIndex(nav["business_date"].unique())
    rows = rows[~_keys(rows, feeds.KEY).isin(_keys(feeds.ended(expected_feeds, sessions), feeds.KEY))]
    rows = rows.merge(outcomes[[*feeds.KEY, "outcome", "reason"]], how="left", on=feeds.KEY)
    word = rows["outcome"].where(rows["outcome"] == "failed", "missing")
    none = "no " + rows["feed"] + " were delivered for this session"
    reason = none + (": " + rows["reason"]).where(rows["reason"].fillna("") != "", "")
    return finding(rows.assign(instrument=feeds.feed_name(rows)), "feed_" + word, "blocking", reason)


def uncompared(left: pd.DataFrame) -> pd.DataFrame:
    """Holdings that a torn report does not list: ``feed_partial`` of their book, blocking.

    Args:
        left: what ``statements.uncompared`` returns.
    """
    first = left.groupby([*DAY, "kind"], as_index=False).head(feeds.NAMED)
    names = first.groupby([*DAY, "kind"], as_index=False).agg(names=("instrument", ", ".join))
    rows = names.merge(left.groupby([*DAY, "kind"], as_index=False).agg(count=("instrument", "size")))
    more = rows["count"] - feeds.NAMED
    tail = (" and " + more.astype("str") + " more").where(more > 0, "")
    named = rows.assign(instrument=rows["kind"].map(FEED_OF).astype("str"))
    reason = (
        named["instrument"]
        + ": not compared, as a line of the report is in quarantine and it does not list: "
        + rows["names"]
        + tail
    )
    return finding(named, "feed_partial", "blocking", reason)


def odd_reports(odd: pd.DataFrame) -> pd.DataFrame:
    """Reports that are odd as a whole, by book, ``instrument`` the feed.

    ``custodian_units``: in other units than the books, blocking; ``custodian_account``: with lines of an account that
    is another's, a warning, since those that differ are breaks.

    Args:
        odd: what ``Statements.findings`` returns.
    """
    severity = np.where(odd["check"] == "custodian_units", "blocking", "warning")
    reason = odd["reason"].groupby([odd[name] for name in [*DAY, "check", "feed", "source"]]).transform("; ".join)
    rows = odd.assign(instrument=feeds.feed_name(odd), severity=severity, reason=reason)
    rows = rows.drop_duplicates([*DAY, "check", "instrument"])
    return finding(rows, rows["check"], rows["severity"].to_numpy(), rows["reason"])


def unknown_tolerances(unknown: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Tolerances that nothing is compared by: ``tolerance_unknown``, warning, of their book.

    Args:
        unknown: what ``definitions.unknown`` returns.
        sessions: that are checked; a tolerance is told while it holds.
    """
    rows = unknown.merge(pd.DataFrame({"business_date": sessions}), how="cross")
    ended = rows["valid_to"].notna() & (rows["valid_to"] < rows["business_date"])
    rows = rows[(rows["valid_from"] <= rows["business_date"]) & ~ended]
    rows = rows.assign(instrument=rows["reconciliation"]).sort_values(["business_date", "book", "reason"])
    return finding(rows, "tolerance_unknown", "warning", "a tolerance serves nothing: " + rows["reason"])


def schema_drift(drift: pd.DataFrame) -> pd.DataFrame:
    """Files whose columns are not those of the file before: ``schema_drift``, warning, ``instrument`` the feed.

    Args:
        drift: what ``files.drift`` returns.
    """
    return finding(drift.assign(instrument=feeds.feed_name(drift)), "schema_drift", "warning", drift["reason"])


def duplicate_files(copies: pd.DataFrame) -> pd.DataFrame:
    """Files with the bytes of an earlier one of another name: ``duplicate_file``, warning, ``instrument`` the feed.

    Args:
        copies: what ``files.copies`` returns.
    """
    return finding(copies.assign(instrument=feeds.feed_name(copies)), "duplicate_file", "warning", copies["reason"])


def _keys(rows: pd.DataFrame, columns: list[str]) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(rows[columns])
