"""Look-through: exposures of each book with funds, ETFs and index futures replaced by what they hold.

Belongs here: what a fund holds on a session down to what is no fund, and exposures of a book by it. Does not belong
here: sums by dimension (``exposures``), what is allowed (``limits``).

Conventions:

* A delivery of ``constituents`` is the whole fund and holds from its business_date until the next one, at the weights
  delivered: they do not drift. Where they add up to less or more than 1, the rest stands in the fund itself, so that
  exposure is kept.
* A position is looked through by the constituents of its instrument or, where it has none, of its underlying: an index
  future is as much exposure as its index. What a fund holds is looked through likewise, ``LEVELS`` deep.
* Funds that hold each other in a circle are not looked through; ``circles`` names them.
* What a book holds itself and what it holds through funds of the same instrument is one position: long and short are of
  its sum. notional_base is never netted: that of the fund times the size of the weight.
* ``coverage`` is the part of gross exposure, before netting, that does not stand in a fund nobody looked through: an
  instrument of the asset classes ``FUNDS``, or one written on such, whose constituents are not known, are too deep or
  go in a circle.
* Counterparties are those of what the book holds itself.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.market import dated
from daybook.market.security_master import attributes
from daybook.risk.exposures import CASH, KEY, PLACE, Reference, counterparties, held, placed, summed

LEVELS = 5
FUNDS = ("etf", "fund", "index")
"""Asset classes that hold something else."""
DAY = ["business_date", "fund"]


def look_through_exposures(
    valuations: pd.DataFrame,
    instruments: pd.DataFrame,
    nav: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    constituents: pd.DataFrame,
    reference: Reference,
) -> pd.DataFrame:
    """Table ``look_through_exposures`` of ``sessions``; arguments as of ``exposures``.

    Args:
        valuations: table ``valuations`` of the sessions, cash rows included.
        instruments: facts, dated by valid_from.
        nav: table ``nav`` of the sessions.
        sessions: sessions to compute.
        constituents: facts.
        reference: what tells groups, counterparties, betas and notionals.
    """
    known = leaves(constituents, instruments, sessions)
    owned = held(valuations, instruments, nav, sessions, reference)
    owed = counterparties(valuations, instruments, nav, sessions, reference)
    return of_positions(owned, owed, known, instruments, nav, reference)


def of_positions(
    owned: pd.DataFrame,
    owed: pd.DataFrame,
    known: pd.DataFrame,
    instruments: pd.DataFrame,
    nav: pd.DataFrame,
    reference: Reference,
) -> pd.DataFrame:
    """``look_through_exposures`` of any positions.

    Args:
        owned: positions as ``exposures.held`` gives them.
        owed: rows as ``exposures.counterparties`` gives them.
        known: ``leaves`` of their sessions.
        instruments: facts, dated by valid_from.
        nav: table ``nav``.
        reference: what tells groups and betas.
    """
    inside = expanded(owned, known, instruments)
    rows = pd.concat([placed(inside, instruments, reference), owed.assign(clear=1.0, whole=1.0)])
    sums = summed([rows], nav)
    share = rows.groupby(PLACE, as_index=False)[["clear", "whole"]].sum()
    share["coverage"] = (share["clear"] / share["whole"].where(share["whole"] > 0)).round(12)
    found = sums.merge(share[[*PLACE, "coverage"]], on=PLACE, how="left")
    return tables.conform("look_through_exposures", found)


def expanded(owned: pd.DataFrame, known: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """``owned`` with funds replaced by what they hold, one row for each book and instrument.

    Returns:
        The columns of ``owned``; ``clear`` and ``whole``: gross exposure, before netting, that stands in no fund, and
        all of it.
    """
    rows = owned.assign(fund=_through(owned, known, instruments))
    opened = rows["fund"].ne("")
    inside = rows[opened].drop(columns="instrument").merge(known, on=DAY)
    money = inside["exposure_base"] * inside["weight"]
    own = attributes(instruments, "instrument", inside, ["currency"])["currency"]
    cash = inside["instrument"].str.startswith(CASH)
    own = own.mask(cash, inside["instrument"].str.removeprefix(CASH))
    inside = inside.assign(
        exposure_base=money,
        notional_base=inside["notional_base"] * inside["weight"].abs(),
        currency=own.mask(own.eq(""), inside["currency"]),
        clear=money.abs().where(~(inside["opaque"] | _fund_like(inside, instruments)), 0.0),
    )
    direct = rows[~opened]
    direct = direct.assign(clear=direct["exposure_base"].abs().where(~_fund_like(direct, instruments), 0.0))
    both = pd.concat([direct, inside])
    both = both.assign(whole=both["exposure_base"].abs()).sort_values([*KEY, "instrument"], kind="stable")
    whole = ["exposure_base", "notional_base", "clear", "whole"]
    return both.groupby([*KEY, "instrument"], as_index=False).agg({"currency": "first", **dict.fromkeys(whole, "sum")})


def leaves(constituents: pd.DataFrame, instruments: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """What each fund holds on each session in the end.

    Args:
        constituents: facts.
        instruments: facts, dated by valid_from: the underlying of what a fund holds.
        sessions: midnight, naive.

    Returns:
        business_date, fund, instrument, weight (of the fund; they add up to 1), opaque (whether this stands in a fund
        that is not looked through); by business_date, fund, instrument. No row of a fund before its first delivery.
    """
    edges = _edges(constituents, instruments, sessions)
    circular = _circular(edges)
    edges = edges.loc[~_among(edges, DAY, circular, DAY)]
    known = edges[DAY].drop_duplicates()
    rows = edges.assign(opaque=False)
    for _ in range(LEVELS - 1):
        deeper = rows["through"].ne("") & _among(rows, ["business_date", "through"], known, DAY)
        if not deeper.any():
            break
        nested = rows.loc[deeper, [*DAY, "through", "weight"]].merge(
            edges.rename(columns={"fund": "through", "through": "next", "weight": "part"}),
            on=["business_date", "through"],
        )
        nested["weight"] *= nested["part"]
        # What is left over in a nested fund names that fund, and is not opened again.
        nested = nested.assign(through=nested["next"], opaque=False)[rows.columns]
        rows = pd.concat([rows[~deeper], nested])
    closed = rows["through"].ne("") | rows["rest"]
    rows = rows.assign(opaque=closed).sort_values([*DAY, "instrument"], kind="stable")
    key = [*DAY, "instrument", "opaque"]
    total = pd.DataFrame(rows.groupby(key, as_index=False)["weight"].sum())
    return total[[*DAY, "instrument", "weight", "opaque"]]


def circles(constituents: pd.DataFrame, instruments: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Funds that hold each other in a circle: business_date, fund."""
    return _circular(_edges(constituents, instruments, sessions))


def _edges(constituents: pd.DataFrame, instruments: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """business_date (session), fund, instrument, weight; ``through``: the fund that the instrument is looked through
    by, "" for none; ``rest``: whether the row is what the delivered weights leave in the fund itself.
    """
    deliveries = constituents[["fund", "business_date"]].drop_duplicates(ignore_index=True)
    wanted = dated.grid(sessions, deliveries[["fund"]].drop_duplicates().sort_values("fund"))
    codes, asked = dated.codes([deliveries["fund"]], [wanted["fund"]])
    at = dated.last(codes, deliveries["business_date"], asked, wanted["business_date"])
    begun = wanted[at >= 0].assign(delivered=deliveries["business_date"].to_numpy()[at[at >= 0]])
    given = constituents[["fund", "business_date", "instrument", "weight"]]
    rows = begun.merge(given.rename(columns={"business_date": "delivered"}), on=["fund", "delivered"])
    rows = rows.loc[rows["weight"].ne(0), [*DAY, "instrument", "weight"]]
    left = begun[DAY].merge(rows.groupby(DAY, as_index=False)["weight"].sum(), on=DAY, how="left")
    left = left.assign(weight=1 - left["weight"].fillna(0.0), instrument=left["fund"], rest=True)
    # Weights of six places of a hundred names need not add up to 1 to the last of them.
    left = left.loc[left["weight"].abs() > 1e-12]
    rows["through"] = _through(rows, rows, instruments)
    return pd.concat([rows.assign(rest=False), left.assign(through="")], ignore_index=True)


def _through(rows: pd.DataFrame, known: pd.DataFrame, instruments: pd.DataFrame) -> "pd.Series[str]":
    """The fund of ``known`` that each of ``rows`` (business_date, instrument) is looked through by, "" for none."""
    funds = known[DAY].drop_duplicates()
    under = attributes(instruments, "instrument", rows, ["underlying"])["underlying"]
    itself = _among(rows, ["business_date", "instrument"], funds, DAY)
    below = _among(rows.assign(under=under), ["business_date", "under"], funds, DAY)
    return rows["instrument"].where(itself, under.where(below, ""))


def _fund_like(rows: pd.DataFrame, instruments: pd.DataFrame) -> "pd.Series[bool]":
    """Whether each row is an instrument that holds something else, or is written on one."""
    terms = attributes(instruments, "instrument", rows, ["asset_class", "underlying"])
    below = rows[["business_date"]].assign(instrument=terms["underlying"])
    under = attributes(instruments, "instrument", below, ["asset_class"])["asset_class"]
    return terms["asset_class"].isin(FUNDS) | under.isin(FUNDS)


def _circular(edges: pd.DataFrame) -> pd.DataFrame:
    """DAY of the funds that hold themselves, through whatever funds: those that no peeling reaches."""
    pairs = edges.loc[edges["through"].ne(""), [*DAY, "through"]].drop_duplicates()
    while len(pairs):
        holds = _among(pairs, ["business_date", "through"], pairs, DAY)  # goes on to another fund of a pair
        is_held = _among(pairs, DAY, pairs, ["business_date", "through"])
        if (holds & is_held).all():
            break
        pairs = pairs[holds & is_held]
    return pairs[DAY].drop_duplicates(ignore_index=True)


def _among(rows: pd.DataFrame, columns: list[str], others: pd.DataFrame, names: list[str]) -> "pd.Series[bool]":
    """Whether each of ``rows`` has its ``columns`` among ``names`` of ``others``."""
    wanted, known = dated.codes([rows[c] for c in columns], [others[n] for n in names])
    return pd.Series(np.isin(wanted, known), rows.index)
