"""What-if: trades that nobody has made, asked from the Dagster UI or by the command.

Belongs here: which tables the answer is made of, and how it is shown in the UI. The arithmetic is in
``daybook.risk.what_if``. Nothing is stored but the metadata of the run, and nothing of the end of day reads it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from assets.metadata import table
from assets.partitions import PRIOR, session_days
from assets.sessions import OWNER
from daybook.market.security_master import attributes
from daybook.risk import liquidity, models
from daybook.risk.stress import Replay, Scenario
from daybook.risk.what_if import FACTS, OF_THE_SESSION, TRADE, Answer, what_if
from daybook.tables import empty
from resources import stress_scenarios
from resources.feeds import Feeds, FeedsResource
from resources.lake_io import given

GROUP = "what_if"


class Trade(dg.Config):  # type: ignore[misc]
    """One hypothetical trade; without a price it is done at the closing price."""

    book: str
    instrument: str
    quantity: float
    price: float | None = None


class Trades(dg.Config):  # type: ignore[misc]
    """The close that is asked about, the last one where it is empty, and the trades."""

    date: str = ""
    trades: list[Trade]


@dg.asset(group_name=GROUP, owners=[OWNER], kinds={"python"})
def hypothetical_trades(
    context: dg.AssetExecutionContext, feeds: FeedsResource, config: Trades
) -> dg.MaterializeResult[Any]:
    """What trades that nobody has made would do to VaR, stress, exposures, limits and compliance of their books.

    Launch the job ``what_if`` with ``date`` and ``trades`` in the launchpad; the tables are in the metadata.
    """
    rows = [(each.book, each.instrument, each.quantity, each.price) for each in config.trades]
    found = answer(feeds.open(), listed(rows), pd.Timestamp(config.date) if config.date else None)
    for row in found.refused.itertuples():
        context.log.error(f"{row.book}: {row.quantity:g} {row.instrument} is refused: {row.reason}")
    shown = {name: table(frame) for name, frame in found.views.items()}
    return dg.MaterializeResult(metadata={"date": f"{found.session:%Y-%m-%d}", **shown})


def listed(rows: Iterable[tuple[str, str, float, float | None]]) -> pd.DataFrame:
    """Trades (book, instrument, quantity, price or None) as ``what_if`` takes them."""
    frame = pd.DataFrame(list(rows), columns=TRADE)
    return frame.astype({"book": "str", "instrument": "str", "quantity": "float64", "price": "float64"})


def answer(feeds: Feeds, trades: pd.DataFrame, session: pd.Timestamp | None = None) -> Answer:
    """What ``trades`` (``listed``) would do at the close of ``session``, the last one closed by default.

    Raises:
        ValueError: the session is not closed.
    """
    closed = feeds.lake.sessions("exposures")
    if session is None and closed.empty:
        raise ValueError("no session is closed: run daybook eod first; what-if reads what it stores")
    day: pd.Timestamp = closed[-1] if session is None else session
    if day not in closed:
        raise ValueError(f"{day:%Y-%m-%d} is not closed: run daybook eod --date {day:%Y-%m-%d} first")
    stresses = stress_scenarios.declared().scenarios
    return what_if(trades, day, known(feeds, trades, day, stresses), stresses, feeds.settings.vendors)


def known(
    feeds: Feeds, trades: pd.DataFrame, session: pd.Timestamp, stresses: Mapping[str, Scenario]
) -> dict[str, pd.DataFrame]:
    """The tables that ``what_if`` reads, by name."""
    lake, days = feeds.lake, session_days(feeds.settings.calendars)

    def back(steps: int) -> pd.Timestamp:
        return days[max(int(days.searchsorted(session)) - steps, 0)]

    read = {name: lake.read(name, session, session) for name in OF_THE_SESSION}
    read |= {name: lake.read(name, back(PRIOR), session) for name in ("valuations", "nav")}
    read["performance"] = lake.read("performance", None, session)
    read |= {name: given(feeds.facts, name, None, session) for name in FACTS}
    read["raw_prices"] = given(feeds.facts, "raw_prices", back(liquidity.WINDOW), session)
    moved = pd.concat([read["positions"]["instrument"], trades["instrument"]]).drop_duplicates().to_frame()
    moved = moved.assign(business_date=session)
    classes = attributes(read["instruments"], "instrument", moved, ["asset_class"])["asset_class"]
    bonds = sorted(moved.loc[classes.eq("bond"), "instrument"])
    prices = [lake.read("prices", session, session)]
    if bonds:
        prices.append(lake.read("prices", back(models.BACK + 1), back(1), instruments=bonds))
    read["prices"] = pd.concat(prices, ignore_index=True)
    with_forwards = classes.eq("forward").any()
    read["transactions"] = given(feeds.facts, "transactions", None, None) if with_forwards else empty("transactions")
    relative = read["limits"]["basis"].eq("benchmark").any()
    parts = spans(days, session, read["var_models"], stresses, models.BACK + 1 if relative else 0)
    for name in ("returns", "fx_rates"):
        read[name] = pd.concat([lake.read(name, *span) for span in parts], ignore_index=True)
    return read


def spans(
    days: pd.DatetimeIndex,
    session: pd.Timestamp,
    var_models: pd.DataFrame,
    stresses: Mapping[str, Scenario],
    least: int = 0,
) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """First and last of the sessions in a row whose returns and rates are read: those of the longest window of the
    models in force, ``least`` at least (over which benchmarks drift), and those of each replay.
    """
    longest = max(model.window for model in models.in_force(var_models, session)) + models.BACK - models.MOST + 1
    longest = max(longest, least)
    place = int(days.searchsorted(session))
    wanted = np.zeros(len(days), bool)
    wanted[max(place - longest, 0) : place + 1] = True
    for each in stresses.values():
        if isinstance(each, Replay) and each.last <= session:
            wanted |= np.asarray((days >= each.first) & (days <= each.last))
    edges = np.flatnonzero(np.diff(np.r_[False, wanted, False]))
    return [(days[first], days[end - 1]) for first, end in zip(edges[::2], edges[1::2], strict=True)]
