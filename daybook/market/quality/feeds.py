"""What should have been delivered and was not, or could not be read.

Belongs here: findings about deliveries as a whole. Does not belong here: single rows (``quarantine``).
"""

import pandas as pd

from daybook import tables
from daybook.market import dated
from daybook.market.quality.finding import finding, holdings, joined


def missing_custodian(
    nav: pd.DataFrame, valuations: pd.DataFrame, custodian_positions: pd.DataFrame, custodian_cash: pd.DataFrame
) -> pd.DataFrame:
    """Books that the custodian reported before and not for the session: ``feed_missing_custodian_...``, blocking.

    Positions are expected only where the book holds some. No report is not the same as no breaks.

    Args:
        nav: table of the sessions that are checked.
        valuations: table of the same sessions.
        custodian_positions: facts of the same sessions and, to know what is expected, from before.
        custodian_cash: facts, likewise.
    """
    day = ["business_date", "book"]
    holds = pd.MultiIndex.from_frame(holdings(valuations)[day])
    open_books = nav[pd.MultiIndex.from_frame(nav[day]).isin(holds)]
    parts = []
    for name, facts, expected in (
        ("custodian_positions", custodian_positions, open_books),
        ("custodian_cash", custodian_cash, nav),
    ):
        first = facts.groupby("book", as_index=False)[["business_date"]].min().set_axis(["book", "since"], axis=1)
        rows = expected.merge(first, on="book")
        there = pd.MultiIndex.from_frame(rows[day]).isin(pd.MultiIndex.from_frame(facts[day]))
        late = rows[(rows["since"] < rows["business_date"]) & ~there]
        parts.append(finding(late, f"feed_missing_{name}", "blocking", f"no {name} were delivered for this session"))
    return pd.concat(parts)


def missing_prices(prices: pd.DataFrame, raw_prices: pd.DataFrame) -> pd.DataFrame:
    """Sessions for which no price at all was delivered while markets were open: ``feed_missing_prices``, blocking."""
    waiting = prices[prices["status"] == "stale"]
    delivered = raw_prices["business_date"].unique()
    rows = waiting.loc[~waiting["business_date"].isin(delivered), ["business_date"]].drop_duplicates()
    return finding(rows, "feed_missing_prices", "blocking", "no prices were delivered for this session")


def failed_feeds(deliveries: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Files that could not be read, until a newer one takes their place: ``feed_failed_<table>``, blocking.

    Of a snapshot table a newer file of the same suffix takes the place; of other tables one of the same date and
    suffix. An empty delivery is a warning, ``feed_empty_<table>``. A file whose name tells no table or date counts for
    every session.

    Args:
        deliveries: the file register: seq, file, table_name, delivered, suffix, outcome, reason.
        sessions: midnight, naive.
    """
    known = deliveries.assign(delivered=pd.to_datetime(deliveries["delivered"]).astype("datetime64[us]"))
    known = known.merge(pd.DataFrame({"business_date": sessions}), how="cross")
    known = known[known["delivered"].isna() | (known["delivered"] <= known["business_date"])]
    lasting = ~known["table_name"].isin(tables.SNAPSHOTS)
    known["slot"] = known["suffix"].mask(lasting, dated.iso(known["delivered"]).to_numpy() + known["suffix"])
    known["slot"] = known["slot"].mask(known["table_name"] == "", known["file"])
    known = known.sort_values(["delivered", "seq"], kind="stable", na_position="first")
    newest = known.drop_duplicates(["business_date", "table_name", "slot"], keep="last")
    parts = []
    for outcome, severity, word in (("failed", "blocking", "failed"), ("empty", "warning", "empty")):
        rows = newest[newest["outcome"] == outcome]
        check = (f"feed_{word}_" + rows["table_name"]).mask(rows["table_name"] == "", f"feed_{word}")
        text = rows["file"] + ": " + rows["reason"].mask(rows["reason"] == "", "no rows")
        parts.append(joined(rows.assign(check=check, text=text), severity))
    return pd.concat(parts)
