"""Golden prices: the one closing price of each instrument on each session, and how good it is.

Belongs here: choosing among sources, and carrying the last price forward, restated for splits. Does not belong here:
the declared order of sources (``price_sources``), prices that people put in its place (``overrides``), judging whether
a price is plausible (``quality``), returns (``actions``), value (``daybook.ledger.valuation``).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from daybook import calendars, tables
from daybook.market import actions, currencies, dated, overrides, price_sources, security_master

_KEY = ["business_date", "instrument"]


def golden(
    raw_prices: pd.DataFrame,
    instruments: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    declared: pd.DataFrame,
    price_overrides: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    order: Sequence[str],
) -> pd.DataFrame:
    """Golden price of each instrument that ever had one, on each session (contract 2.16).

    An override in force is the price (``overrides``). Else a price delivered for the session is used as it is: that
    of the best source under the policy in force for the instrument's asset class. Where none was delivered, the last
    one is used, chosen in the same way on its own date: restated for the splits since then if it is a raw one, status
    ``closed`` if the instrument's market was closed that session, ``stale`` if not. A price in a minor unit
    (``currencies``) is turned into the currency itself: 250 GBX are 2.5 GBP.

    Args:
        raw_prices: facts; for each instrument at least the last one at or before the first session.
        instruments: reference facts; the exchange in force tells whether the market was open, an exchange without a
            known calendar counts as open. The currency in force serves where the price names none.
        corporate_actions: facts; only splits that are not cancelled count.
        declared: facts of table ``price_sources``.
        price_overrides: facts.
        sessions: midnight, naive.
        order: sources, the preferred one first, where no policy is in force (``dated.ranks``).

    Returns:
        Table ``prices``; no row before an instrument's first price or override. ``reason`` says what was used and why,
        where that is not the first source's price of the session as it was delivered, and which other sources differ
        by more than the tolerance.
    """
    facts, told = _chosen(raw_prices, instruments, declared, sessions, order)
    wanted = dated.grid(sessions, facts[["instrument"]].drop_duplicates(ignore_index=True))
    known, sought = dated.codes([facts["instrument"]], [wanted["instrument"]])
    at = dated.last(known, facts["business_date"], sought, wanted["business_date"])
    rows = wanted[at >= 0].reset_index(drop=True)
    used = facts.take(at[at >= 0]).reset_index(drop=True)
    terms = security_master.attributes(instruments, "instrument", rows, ["exchange", "currency"])

    raw = (used["price_basis"] != "adjusted").to_numpy()
    ratio = actions.split_ratio(corporate_actions, rows["instrument"], used["business_date"], rows["business_date"])
    ratio = np.where(raw, ratio, 1.0)
    delivered = (used["business_date"] == rows["business_date"]).to_numpy()
    closed = ~delivered & ~_open(terms["exchange"], rows["business_date"])
    named = used["currency"].where(used["currency"] != "", terms["currency"])
    currency, parts = currencies.major(named)

    reason = told.take(at[at >= 0]).reset_index(drop=True).where(delivered, "")
    old = np.flatnonzero(~delivered)
    if len(old):
        limit = price_sources.policy(declared, instruments, rows.take(old))["max_stale"]
        carried = _carried(rows.take(old), used.take(old), terms["exchange"].take(old), closed[old], ratio[old], limit)
        reason = reason.mask(~delivered, carried.reindex(reason.index))
    minor = parts != 1.0
    if minor.any():
        in_parts = pd.Series("delivered in " + named + ", turned into " + currency).where(minor, "")
        reason = reason + np.where(minor & (reason != ""), "; ", "") + in_parts
    market = rows.assign(
        close=used["close"] / ratio / parts,
        currency=currency,
        source=used["source"],
        status=np.where(delivered, "ok", np.where(closed, "closed", "stale")),
        price_basis=used["price_basis"],
        reason=reason,
        market_close=np.nan,
        file=used["file"],
        line=used["line"],
    )
    by_hand = overrides.prices(price_overrides, market, instruments, corporate_actions, sessions)
    return tables.conform("prices", _replaced(market, by_hand) if len(by_hand) else market)


def _replaced(market: pd.DataFrame, by_hand: pd.DataFrame) -> pd.DataFrame:
    """``market`` with the rows ``by_hand`` in the place of its own, sorted by date and instrument."""
    touched = market["instrument"].isin(by_hand["instrument"]) & market["business_date"].isin(by_hand["business_date"])
    few = pd.concat([market[touched], by_hand]).drop_duplicates(_KEY, keep="last")
    whole = pd.concat([market[~touched], few])
    names, _ = pd.factorize(whole["instrument"], sort=True)
    return whole.iloc[np.lexsort((names, whole["business_date"].to_numpy()))]


def _chosen(
    raw_prices: pd.DataFrame,
    instruments: pd.DataFrame,
    declared: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    order: Sequence[str],
) -> tuple[pd.DataFrame, "pd.Series[str]"]:
    """The best source's price of each instrument and date, sorted by them, and what is to be told of it.

    Nothing is told of dates that are no session: their prices serve only as the last ones before another.
    """
    policy = price_sources.in_force(declared, instruments, raw_prices)
    rank = price_sources.ranks(declared, policy, raw_prices["source"], order)
    names = ["business_date", "instrument", "source", "close", "currency", "price_basis", "file", "line"]
    facts = dated.best(raw_prices.assign(policy=policy, rank=rank), ("instrument",), rank)
    facts = facts[[*names, "policy", "rank"]]
    told = pd.Series("", index=facts.index, dtype="str")
    wanted = facts["business_date"].isin(sessions)
    second = facts[wanted & (facts["policy"] >= 0) & (facts["rank"] > 0)]
    if len(second):
        told[second.index] = _fallback(second, declared)
    if len(facts) < len(raw_prices):
        apart = _apart(raw_prices[raw_prices["business_date"].isin(sessions)], facts[wanted], declared, instruments)
        both = (told[apart.index] != "") & (apart != "")
        told[apart.index] = told[apart.index] + np.where(both, "; ", "") + apart
    return facts, told


def _fallback(rows: pd.DataFrame, declared: pd.DataFrame) -> "pd.Series[str]":
    """Why a source that is not the first of its policy is used: each policy, rank and source is put into words once."""
    case = rows[["policy", "rank", "source"]].drop_duplicates()
    said = []
    for policy, rank, source in case.itertuples(index=False):
        line, of = declared["sources"].iloc[policy].split(), declared["asset_class"].iloc[policy] or "other classes"
        missing = " ".join(line[:rank])
        named = f"{source}, which is not among them," if source not in line and dated.FILES not in line else source
        said.append(f"{missing}, first of {' '.join(line)} for {of}, delivered none; {named} is used")
    words = rows[["policy", "rank", "source"]].merge(case.assign(said=pd.Series(said, case.index, dtype="str")))
    return words["said"].set_axis(rows.index)


def _apart(
    delivered: pd.DataFrame, chosen: pd.DataFrame, declared: pd.DataFrame, instruments: pd.DataFrame
) -> "pd.Series[str]":
    """What other sources say that differs from the chosen price by more than the tolerance; index of ``chosen``.

    Raw and adjusted prices, and other currencies, do not mean the same and are not compared.
    """
    rows = delivered[["business_date", "instrument", "source", "close", "currency", "price_basis"]]
    rows = rows[rows.duplicated(_KEY, keep=False)]
    mine = chosen[rows.columns].assign(at=chosen.index)
    pairs = rows.merge(mine, on=_KEY, suffixes=("", "_chosen"))
    pairs = pairs[(pairs["source"] != pairs["source_chosen"]) & (pairs["price_basis"] == pairs["price_basis_chosen"])]
    listed = security_master.attributes(instruments, "instrument", pairs, ["currency"])["currency"]
    (theirs, parts), (ours, own_parts) = (
        currencies.major(pairs[name].where(pairs[name] != "", listed)) for name in ("currency", "currency_chosen")
    )
    fraction = (pairs["close"] / parts) / (pairs["close_chosen"] / own_parts) - 1.0
    pairs = pairs.assign(fraction=fraction.abs().round(12))[(theirs == ours).to_numpy()]
    pairs["tolerance"] = price_sources.policy(declared, instruments, pairs)["tolerance"]
    pairs = pairs[pairs["fraction"] > pairs["tolerance"]].sort_values(["at", "source"], kind="stable")
    price, percent = pairs["close"].map("{:.10g}".format), (pairs["fraction"] * 100).map("{:.3g}".format)
    most = pairs["tolerance"].map({value: f"{value * 100:.3g}" for value in pairs["tolerance"].unique()})
    texts = [values.astype("str") for values in (price, percent, most)]
    said = (pairs["source"] + " says " + texts[0] + ", " + texts[1] + " % away, tolerance " + texts[2] + " %").set_axis(
        pd.Index(pairs["at"], dtype="int64")
    )
    several = said.index.duplicated(keep=False)
    return pd.concat([said[~several], said[several].groupby(level=0).agg("; ".join).astype("str")])


def _carried(
    rows: pd.DataFrame,
    used: pd.DataFrame,
    exchange: "pd.Series[str]",
    closed: np.ndarray,
    ratio: np.ndarray,
    limit: "pd.Series[float]",
) -> "pd.Series[str]":
    """Why a price of another session is used, and how old it is in sessions of its own market."""
    age = pd.Series(calendars.sessions_between(exchange, used["business_date"], rows["business_date"]), rows.index)
    unit, bound = np.where(age == 1, " session", " sessions"), np.where(age > limit, "more than ", "of at most ")
    most = limit.map("{:g}".format).astype("str")
    aged = age.astype("str").radd(" (").add(unit).add(" old, ").add(bound).add(most).add(")")
    why = exchange.add(" was closed").where(closed, "no price was delivered for this session")
    restated = np.where(ratio != 1.0, ", restated for the splits since", "")
    date = dated.iso(used["business_date"]).set_axis(rows.index)
    return why.add(": the last one, of ").add(date).add(restated).add(", is used").add(aged.where(age > 0, ""))


def _open(exchanges: "pd.Series[str]", dates: "pd.Series[pd.Timestamp]") -> np.ndarray:
    """Whether each exchange was open on its date; one turn of the loop is one exchange."""
    is_open = np.ones(len(exchanges), bool)
    for exchange in exchanges.unique():
        if calendars.is_calendar(exchange):
            here = (exchanges == exchange).to_numpy()
            is_open[here] = calendars.is_session(exchange, dates[here])
    return is_open
