"""What the pack shows of one business date, gathered from the lake and the records.

Belongs here: reading. Does not belong here: what the pages say (``daybook.pack``).
"""

from collections.abc import Mapping

import pandas as pd

from daybook import tables
from daybook.market.alternative import usable
from daybook.market.overrides import in_force
from daybook.market.security_master import effective
from daybook.pack.day import PNL_COLUMNS, TABLES, Day
from resources import audit, closes, overrides, requests, waivers
from resources.breaches import STANDING
from resources.facts import Facts
from resources.feeds import Feeds
from resources.lake import Lake


def gather(feeds: Feeds, session: pd.Timestamp, run_id: str) -> Day:
    """Everything that the pack of ``session`` shows."""
    lake, facts = feeds.lake, feeds.facts
    rows = {name: lake.read(name, session, session) for name in TABLES}
    told = {name: feeds.lay_over(name, rows[name]) for name in ("findings", "reconciliation_breaks")}
    states = closes.states(feeds.engine, session)
    status = dict.fromkeys(rows["nav"]["book"], "candidate") | dict(zip(states["book"], states["status"], strict=True))
    days = pd.DatetimeIndex([session])
    books = effective(facts.current("books"), "book", days)
    orders = feeds.orders.frame()
    return Day(
        business_date=session,
        status={book: status[book] for book in rows["nav"]["book"]},
        run_id=run_id,
        tables=rows | told,
        history=_history(lake, session),
        previous_nav=_previous(lake.read("nav", None, session), session),
        quarantine=feeds.inbox.entries()[list(tables.TABLES["quarantine"].names)],
        versions={name: _version(lake, name, frame) for name, frame in rows.items()} | _chain(feeds),
        orders=orders[(orders["business_date"] == session) | orders["status"].isin(["approved", "sent"])],
        closes=_signed(feeds.record("closes"), session),
        books=books,
        instruments=effective(facts.current("instruments"), "instrument", days),
        limits=_in_force(facts, "limits", session),
        breaches=_standing(feeds, session),
        rules=_in_force(facts, "rules", session),
        overrides=in_force(facts.current("price_overrides"), days).drop(columns="business_date"),
        waiting=overrides.waiting(feeds.engine),
        waivers=_waived(feeds, session),
        waiver_requests=_waiting(feeds),
        series=usable(facts.current("alternative_data", None, session), days),
        reconciled=_reconciled(facts, session),
    )


def _standing(feeds: Feeds, session: pd.Timestamp) -> pd.DataFrame:
    breaches = feeds.breaches.frame()
    return breaches[breaches["status"].isin(STANDING) & (breaches["business_date"] <= session)]


def _waived(feeds: Feeds, session: pd.Timestamp) -> pd.DataFrame:
    rows = feeds.record("waivers")
    return rows[(rows["valid_from"] <= session) & (rows["valid_to"] >= session)].reset_index(drop=True)


def _waiting(feeds: Feeds) -> pd.DataFrame:
    rows = requests.pending(feeds.engine)
    return rows[rows["kind"] == waivers.KIND]


def _signed(register: pd.DataFrame, session: pd.Timestamp) -> pd.DataFrame:
    return register[(register["business_date"] == session) & (register["version"] > 0)]


def _history(lake: Lake, session: pd.Timestamp) -> Mapping[str, pd.DataFrame]:
    pnl = lake.read("pnl", None, session)
    by_book = pnl.groupby(["business_date", "book"], as_index=False)[list(PNL_COLUMNS[2:])].sum(min_count=1)
    return {name: lake.read(name, None, session) for name in ("nav", "performance", "var")} | {"pnl": by_book}


def _previous(nav: pd.DataFrame, session: pd.Timestamp) -> pd.DataFrame:
    before = nav[nav["business_date"] < session].sort_values("business_date")
    return before.drop_duplicates("book", keep="last")


def _version(lake: Lake, name: str, frame: pd.DataFrame) -> tuple[int, str]:
    return lake.version(name) or 0, tables.content_hash(name, frame)


def _chain(feeds: Feeds) -> dict[str, tuple[int, str]]:
    """Number and hash of the last act, which the pack holds on to."""
    with feeds.engine.connect() as connection:
        event, sealed = audit.head(connection)
    return {"audit_events": (event, sealed)} if event else {}


def _in_force(facts: Facts, name: str, session: pd.Timestamp) -> pd.DataFrame:
    rows = facts.current(name)
    return rows[(rows["valid_from"] <= session) & ~(rows["valid_to"] < session)]


def _reconciled(facts: Facts, session: pd.Timestamp) -> tuple[str, ...]:
    return tuple(sorted(set(facts.current("custodian_reports", session, session)["book"])))
