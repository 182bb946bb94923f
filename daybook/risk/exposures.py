"""Exposures: how much of a book stands in each instrument, issuer, group, sector, country, currency, asset class and
strategy, and with each counterparty.

Belongs here: what a position is exposed to, and sums by dimension. Does not belong here: what funds hold
(``look_through``), what is allowed (``limits``, ``daybook.compliance``), the estimate of betas (``betas``).

Conventions (CONTRACT 2.12): exposure is ``exposure_base``, so an option counts by its delta; long >= 0, short <= 0,
gross = long - short, net = long + short, in base currency; fractions are of NAV, empty when nav <= 0. Cash counts in
the dimensions currency, asset_class and counterparty only. What is written on a currency, a forward say, is exposure to
that one, not to the one it is quoted in. An empty issuer, sector, country or strategy is the bucket ``Unclassified``.

* ``parent`` is the issuer at the top of the group on that session; issuers that stand above each other in a circle are
  the bucket ``circle of <issuer>``. ``strategy`` is that of the book.
* ``counterparty`` is who would owe, so it is measured by value and not by exposure: a forward's market value, by whom
  it was traded with (each trade's signed quantity / the position); a cash row, with the custodian of the account. The
  account of a balance is the one in its currency, else the book's custodian_account, else the first by name.
* ``beta_adjusted`` is the sum of exposure x beta to the market. The beta of a derivative is its underlying's, since its
  exposure is in units of that one; cash and what is written on a currency have beta 0. Where no beta was estimated it
  is 1, and ``beta_coverage`` is the share of gross exposure whose beta is known, cash and currencies left out.
* ``notional_base`` is never netted: the size of the exposure of futures and forwards; of options |quantity| x
  multiplier x price of the underlying, without delta (the strike where no price of the underlying is known); of
  everything else, cash included, the size of its value.
"""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from daybook import tables
from daybook.ledger.transactions import dated_on, live
from daybook.market.security_master import attributes, ultimate_parents
from daybook.performance.benchmarks import VIEW, Sources
from daybook.risk.benchmark import closing_weights
from daybook.risk.betas import to_market

DIMENSIONS = ("instrument", "issuer", "sector", "country", "currency", "asset_class")
"""Dimensions that an instrument alone tells (CONTRACT, values)."""
GROUPED = ("parent", "strategy", "counterparty")
"""Dimensions that need to be told by issuers, books, accounts and transactions."""
CASH_DIMENSIONS = ("currency", "asset_class")
UNCLASSIFIED = "Unclassified"
CASH = "CASH:"
KEY = ["business_date", "book"]
PLACE = [*KEY, "dimension", "bucket"]
_TERMS = ("asset_class", "underlying", "multiplier", "strike")


def _no_betas() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "business_date": pd.Series(dtype="datetime64[us]"),
            "instrument": pd.Series(dtype="str"),
            "beta": pd.Series(dtype="float64"),
        }
    )


@dataclass(frozen=True)
class Reference:
    """What tells groups, counterparties, betas and notionals; each is empty where it is not known.

    Attributes:
        issuers: facts.
        books: facts, dated by valid_from.
        accounts: facts, dated by valid_from.
        transactions: the log.
        model_prices: table of the sessions: the price of the underlying of options.
        betas: business_date, instrument, beta to the market; missing or NaN where none was estimated.
    """

    issuers: pd.DataFrame = field(default_factory=partial(tables.empty, "issuers"))
    books: pd.DataFrame = field(default_factory=partial(tables.empty, "books"))
    accounts: pd.DataFrame = field(default_factory=partial(tables.empty, "accounts"))
    transactions: pd.DataFrame = field(default_factory=partial(tables.empty, "transactions"))
    model_prices: pd.DataFrame = field(default_factory=partial(tables.empty, "model_prices"))
    betas: pd.DataFrame = field(default_factory=_no_betas)


NOTHING = Reference()


def exposures(
    valuations: pd.DataFrame,
    instruments: pd.DataFrame,
    nav: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    reference: Reference = NOTHING,
) -> pd.DataFrame:
    """Table ``exposures`` of ``sessions``; books without a NAV have no rows.

    Args:
        valuations: table ``valuations`` of the sessions, cash rows included.
        instruments: facts, dated by valid_from.
        nav: table ``nav`` of the sessions.
        sessions: sessions to compute.
        reference: what tells groups, counterparties, betas and notionals.
    """
    owed = counterparties(valuations, instruments, nav, sessions, reference)
    return summed([placed(held(valuations, instruments, nav, sessions, reference), instruments, reference), owed], nav)


def by_dimension(positions: pd.DataFrame, instruments: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """``exposures`` of any positions by ``DIMENSIONS``, also of some that no book has; beta and notional are empty.

    Args:
        positions: business_date, book, instrument, currency, exposure_base.
        instruments: facts, dated by valid_from.
        nav: table ``nav``.
    """
    rows = positions.merge(_good(nav)[KEY], on=KEY).sort_values([*KEY, "instrument"], ignore_index=True)
    rows = _spread(classified(rows.assign(notional_base=np.nan), instruments), DIMENSIONS)
    sums = summed([rows.assign(beta=np.nan)], nav)
    return tables.conform("exposures", sums.assign(beta_adjusted=np.nan, notional_base=np.nan, beta_coverage=np.nan))


def held(
    valuations: pd.DataFrame,
    instruments: pd.DataFrame,
    nav: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    reference: Reference,
) -> pd.DataFrame:
    """What each book with a NAV holds: business_date, book, instrument, currency, exposure_base, notional_base; by
    book and instrument.
    """
    rows = valuations.loc[valuations["business_date"].isin(sessions)].merge(_good(nav)[KEY], on=KEY)
    rows = rows.sort_values([*KEY, "instrument"], ignore_index=True)
    terms = attributes(instruments, "instrument", rows, _TERMS)
    spot = rows[["business_date", "instrument"]].merge(
        reference.model_prices[["business_date", "instrument", "spot"]], on=["business_date", "instrument"], how="left"
    )["spot"]
    price = spot.fillna(terms["strike"])
    optioned = rows["quantity"].abs() * terms["multiplier"].fillna(1.0) * price * rows["fx_rate"]
    size = rows["exposure_base"].abs()
    notional = rows["market_value_base"].abs().mask(terms["asset_class"].isin(("future", "forward")), size)
    notional = notional.mask(terms["asset_class"].eq("option"), optioned.fillna(size))
    return rows[[*KEY, "instrument", "currency", "exposure_base"]].assign(notional_base=notional)


def placed(positions: pd.DataFrame, instruments: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """``positions`` (as ``held``) once for each dimension of which they have a bucket, all but counterparty.

    Returns:
        The columns of ``positions``, and dimension, bucket, beta (NaN where none is known).
    """
    rows = classified(positions, instruments)
    rows["parent"] = _parents(rows, reference.issuers)
    strategy = attributes(reference.books, "book", rows, ["strategy"])["strategy"]
    rows["strategy"] = strategy.replace("", UNCLASSIFIED)
    rows["beta"] = _betas(rows, instruments, reference.betas)
    return _spread(rows, (*DIMENSIONS, "parent", "strategy"))


def summed(parts: list[pd.DataFrame], nav: pd.DataFrame) -> pd.DataFrame:
    """Table ``exposures`` of rows that have a dimension, bucket, exposure_base, notional_base and beta."""
    good = _good(nav)
    rows = pd.concat(parts).sort_values(PLACE, kind="stable", ignore_index=True)
    amount = rows["exposure_base"]
    counted = ~rows["instrument"].str.startswith(CASH) & rows["beta"].ne(0)
    gross = amount.abs().where(counted, 0.0)
    rows = rows[PLACE].assign(
        long=amount.clip(lower=0),
        short=amount.clip(upper=0),
        beta_adjusted=amount * rows["beta"].fillna(1.0),
        notional_base=rows["notional_base"],
        beta_coverage=gross.where(rows["beta"].notna(), 0.0),
        counted=gross,
    )
    sums = rows.groupby(PLACE, as_index=False).sum()
    sums = sums.round(dict.fromkeys(("long", "short", "beta_adjusted", "notional_base"), 6))
    sums["gross"] = (sums["long"] - sums["short"]).round(6)
    sums["net"] = (sums["long"] + sums["short"]).round(6)
    sums["beta_coverage"] = (sums["beta_coverage"] / sums["counted"].where(sums["counted"] > 0)).round(12)
    # What a counterparty would owe is no exposure to the market.
    owed = sums["dimension"].eq("counterparty")
    sums["beta_adjusted"], sums["beta_coverage"] = sums["beta_adjusted"].mask(owed), sums["beta_coverage"].mask(owed)
    sums = sums.merge(good, on=KEY)
    divisor = sums["nav"].where(sums["nav"] > 0)
    sums["gross_fraction"] = (sums["gross"] / divisor).round(12)
    sums["net_fraction"] = (sums["net"] / divisor).round(12)
    return tables.conform("exposures", sums.drop(columns=["nav", "counted"]))


def classified(rows: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """``rows`` (business_date, instrument, currency) with issuer, sector, country and asset_class of the session, and
    the currency that they are exposed to.
    """
    known = attributes(instruments, "instrument", rows, ["issuer", "sector", "country", "asset_class", "underlying"])
    under = known.pop("underlying")
    known = known.replace("", UNCLASSIFIED)
    known["asset_class"] = known["asset_class"].mask(rows["instrument"].str.startswith(CASH), "cash")
    exposed = rows["currency"].mask(under.str.startswith(CASH), under.str[len(CASH) :])
    return pd.concat([rows.assign(currency=exposed), known], axis=1)


def counterparties(
    valuations: pd.DataFrame,
    instruments: pd.DataFrame,
    nav: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    reference: Reference,
) -> pd.DataFrame:
    """What forwards are worth, by whom they were traded with, and cash, by custodian: rows as ``placed`` gives them."""
    rows = valuations.loc[valuations["business_date"].isin(sessions)].merge(_good(nav)[KEY], on=KEY)
    rows = rows.sort_values([*KEY, "instrument"], ignore_index=True)
    cash = rows["instrument"].str.startswith(CASH)
    forward = attributes(instruments, "instrument", rows, ["asset_class"])["asset_class"].eq("forward") & ~cash
    over = pd.concat([_custodians(rows[cash], reference), _traded_with(rows[forward], instruments, reference)])
    return over[[*KEY, "instrument", "bucket"]].assign(
        dimension="counterparty",
        exposure_base=over["market_value_base"] * over["share"],
        notional_base=(over["notional"] * over["share"]).abs(),
        beta=np.nan,
    )


def of_benchmarks(
    sources: Sources,
    books: pd.DataFrame,
    nav: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """What each book would hold of its benchmark at the close, its NAV in the benchmark's weights: as ``held``.

    The weights are those of ``benchmark.closing_weights``; what is hedged is cash below zero. Books without a
    benchmark, and those of one of which nothing is known yet, have no rows.

    Args:
        sources: what benchmarks are computed from, as ``benchmark.closing_weights`` needs them.
        books: facts, dated by valid_from: whose benchmarks are wanted.
        nav: table ``nav`` of the sessions.
        instruments: facts: the currency of each member.
        sessions: sessions to compute.
    """
    views, weights = closing_weights(sources, books, instruments, sessions)
    rows = views.merge(_good(nav), on=KEY).merge(weights, on=["business_date", *VIEW])
    rows = rows.loc[(rows["nav"] > 0) & rows["weight"].ne(0)].sort_values([*KEY, "instrument"], ignore_index=True)
    money = rows["weight"] * rows["nav"]
    return rows[[*KEY, "instrument", "currency"]].assign(exposure_base=money, notional_base=money.abs())


def market_betas(betas: pd.DataFrame, risk_factors: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """``Reference.betas`` of ``sessions``, from table ``betas`` and the facts ``risk_factors``."""
    parts = [to_market(betas, risk_factors, day).rename("beta") for day in sessions]
    known = [
        part.rename_axis("instrument").reset_index().assign(business_date=day)
        for day, part in zip(sessions, parts, strict=True)
    ]
    return pd.concat([_no_betas(), *known], ignore_index=True)


def _good(nav: pd.DataFrame) -> pd.DataFrame:
    return nav.loc[nav["status"].eq("ok"), [*KEY, "nav"]]


def _spread(rows: pd.DataFrame, dimensions: tuple[str, ...]) -> pd.DataFrame:
    """``rows`` once for each of ``dimensions``; cash only where cash counts."""
    security = ~rows["instrument"].str.startswith(CASH)
    columns = [name for name in rows.columns if name not in dimensions or name == "instrument"]
    parts = [
        rows.loc[security | (dimension in CASH_DIMENSIONS), columns].assign(dimension=dimension, bucket=rows[dimension])
        for dimension in dimensions
    ]
    return pd.concat(parts, ignore_index=True)


def _parents(rows: pd.DataFrame, issuers: pd.DataFrame) -> "pd.Series[str]":
    """The top of each row's group on its session."""
    known = rows[["business_date", "issuer"]].drop_duplicates(ignore_index=True)
    top = pd.Series(ultimate_parents(issuers, known["issuer"], known["business_date"]), known.index, dtype="str")
    known["parent"] = top.mask(top.eq(""), "circle of " + known["issuer"])
    return rows[["business_date", "issuer"]].merge(known, how="left")["parent"].set_axis(rows.index)


def _betas(rows: pd.DataFrame, instruments: pd.DataFrame, betas: pd.DataFrame) -> "pd.Series[float]":
    """Beta of what each row is exposed to; 0 for cash and currencies, NaN where none is known."""
    under = attributes(instruments, "instrument", rows, ["underlying"])["underlying"]
    subject = rows[["business_date"]].assign(instrument=rows["instrument"].mask(under.ne(""), under))
    found = subject.merge(betas, on=["business_date", "instrument"], how="left")["beta"].set_axis(rows.index)
    return found.mask(subject["instrument"].str.startswith(CASH), 0.0)


def _custodians(rows: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """``rows`` of cash with the custodian of the account that it is on, as ``bucket``."""
    rows = rows.reset_index(drop=True)
    known = reference.accounts["account"].drop_duplicates()
    days = rows["business_date"].drop_duplicates()
    grid = pd.DataFrame({"business_date": days}).merge(known.to_frame(), how="cross")
    columns = ["book", "custodian", "currency"]
    grid = pd.concat([grid, attributes(reference.accounts, "account", grid, columns)], axis=1)
    grid = grid.loc[grid["custodian"].ne("")].rename(columns={"currency": "account_currency"})
    wanted = rows[[*KEY, "instrument", "currency"]].assign(
        preferred=attributes(reference.books, "book", rows, ["custodian_account"])["custodian_account"]
    )
    found = wanted.merge(grid, on=KEY)
    found["own"] = found["account_currency"].eq(found["currency"])
    found["named"] = found["account"].eq(found["preferred"])
    found = found.sort_values(
        [*KEY, "instrument", "own", "named", "account"], ascending=[True] * 3 + [False] * 2 + [True]
    )
    found = found.drop_duplicates([*KEY, "instrument"])
    bucket = rows[[*KEY, "instrument"]].merge(found, on=[*KEY, "instrument"], how="left")["custodian"]
    return rows.assign(bucket=bucket.fillna(UNCLASSIFIED), share=1.0, notional=rows["market_value_base"])


def _traded_with(rows: pd.DataFrame, instruments: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """``rows`` of forwards, once for each counterparty, as ``bucket``, with its share of the position."""
    rows = rows.reset_index(drop=True).assign(row=range(len(rows)))
    names = rows["instrument"].unique()
    log = reference.transactions
    trades = live(log.loc[log["instrument"].isin(names)]) if len(names) else log[:0]
    trades = trades.loc[trades["kind"].isin(("buy", "sell")) & trades["counterparty"].ne("")]
    quantity = trades["quantity"].astype("float64")
    trades = trades[["book", "instrument", "counterparty"]].assign(
        traded=quantity.mask(trades["kind"].eq("sell"), -quantity), since=dated_on(trades)
    )
    pairs = rows[["row", *KEY, "instrument", "quantity"]].merge(trades, on=["book", "instrument"])
    pairs = pairs.loc[pairs["since"] <= pairs["business_date"]]
    by = pairs.groupby(["row", "counterparty"], as_index=False)["traded"].sum()
    total = by.groupby("row")["traded"].sum().reindex(rows["row"]).fillna(0.0)
    rest = pd.DataFrame(
        {"row": rows["row"], "counterparty": UNCLASSIFIED, "traded": rows["quantity"] - total.to_numpy()}
    )
    flat = rows["quantity"].eq(0).to_numpy()  # sold out, and something is still to be settled
    by = pd.concat([by.loc[~by["row"].isin(rows["row"][flat])], rest.loc[(rest["traded"].abs() > 1e-8) | flat]])
    found = rows.merge(by.rename(columns={"counterparty": "bucket"}), on="row")
    share = (found["traded"] / found["quantity"].where(found["quantity"] != 0)).fillna(1.0)
    return found.assign(share=share, notional=found["exposure_base"])
