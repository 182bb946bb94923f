"""Day over day: why value at risk is not what it was the session before.

Belongs here: the steps from one session's VaR to the next one's, each with one thing changed, and their identity. Does
not belong here: where the VaR of one session comes from (``components``), whether it was right (``backtest``).

Conventions: five figures, of which each effect is the difference of two neighbours, so that they add up exactly:

1. opening: VaR of the book's session before, as it was struck; derived again, which ``status`` says, where it was not;
2. of that session as its facts are now known: the step is ``data_effect``;
3. the same with the models declared for this session: ``model_effect``;
4. this session's quantities at the prices, rates and scenarios of the session before: ``position_effect``, in which is
   what was traded, paid in and accrued. Quantities after a split are put into the terms of the session before by the
   price return. What was not held then and has no return since stands at its price of now, which ``status`` counts;
5. closing, VaR of this session: the step is ``market_effect``, that of prices and of the scenarios that came and went.

Quantities come before the market, so what both change together is in ``market_effect``.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger.valuation import KEY
from daybook.market import dated
from daybook.market.fx import rates
from daybook.risk import var as value_at_risk
from daybook.risk.models import Model, in_force
from daybook.risk.scenarios import CASH, Facts, days

MODEL = ["book", "method", "confidence", "horizon_days"]
LEVELS = ("opening_var", "derived", "modelled", "moved", "closing_var")
EFFECTS = ("data_effect", "model_effect", "position_effect", "market_effect")
FIRST = "first session of the book"
_SPLIT = 1e-6
"""By how much a price may differ from the last one and its return before units must have changed."""


def explain(
    var: pd.DataFrame,
    struck_var: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    facts: Facts | None = None,
) -> pd.DataFrame:
    """Table ``var_explain``: one row per session, book, model and confidence; every row of ``var`` has one.

    Args:
        var: table ``var`` of the sessions and of the books' sessions before.
        struck_var: table of the same.
        valuations: table of the same.
        nav: table of the same.
        returns: as of ``scenarios.days`` for the session before the first.
        fx_rates: likewise.
        instruments: facts, dated by valid_from.
        sessions: sessions to explain.
        facts: what else ``scenarios.days`` reads.

    Returns:
        ``status`` is "ok", or what is not as it should be. Where one of the five figures is missing the effects are
        empty, and ``status`` begins with "not split". On the first session of a book all is ``position_effect``.
    """
    # Benchmarks have no part in the VaR of a book.
    facts = replace(facts or Facts(), books=tables.empty("books"))
    closing = var.loc[var["business_date"].isin(sessions), ["business_date", *MODEL, "var", "status"]]
    rows = closing.rename(columns={"var": "closing_var", "status": "said"})
    rows = rows.merge(_before(nav, sessions), on=KEY, how="left")
    pairs = rows[["business_date", "before"]].dropna().drop_duplicates()
    steps = [
        _steps(date, before, rows.loc[rows["business_date"].eq(date) & rows["before"].eq(before), "book"].unique(),
               valuations, nav, returns, fx_rates, instruments, facts)
        for date, before in pairs.sort_values(["business_date", "before"]).itertuples(index=False)
    ]  # fmt: skip
    columns = {"modelled": "float64", "moved": "float64", "unpriced": "int64"}
    found = pd.concat(steps) if steps else rows[["business_date", *MODEL]].iloc[:0].assign(**dict.fromkeys(columns, 0))
    earlier = ["before", *MODEL]
    derived = var[["business_date", *MODEL, "var", "status"]].set_axis([*earlier, "derived", "said_before"], axis=1)
    struck = struck_var[["business_date", *MODEL, "var"]].set_axis([*earlier, "opening_var"], axis=1)
    rows = rows.merge(found, on=["business_date", *MODEL], how="left")
    rows = rows.merge(derived, on=earlier, how="left").merge(struck, on=earlier, how="left")
    return _split(rows)


def _before(nav: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The last session before each of ``sessions`` on which the book has a row of ``nav``."""
    known = nav[KEY].sort_values([*reversed(KEY)])
    before = known.groupby("book")["business_date"].shift()
    return known.assign(before=before)[known["business_date"].isin(sessions)]


def _steps(
    date: pd.Timestamp,
    before: pd.Timestamp,
    books: NDArray[np.object_],
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    facts: Facts,
) -> pd.DataFrame:
    """VaR of the session before with this session's models, and with its quantities too: ``modelled`` and ``moved``."""
    models = in_force(facts.var_models, date)
    (held, held_then), (worth, worth_then) = (
        [table[table["business_date"].eq(day) & table["book"].isin(books)] for day in (date, before)]
        for table in (valuations, nav)
    )
    held = held.merge(worth[["book", "base_currency"]], on="book")
    moved = rewound(held, held_then, returns, fx_rates, date, before)
    states = {"modelled": (held_then, worth_then), "moved": (moved, worth.assign(business_date=before))}
    figures = [
        _figures(*state, returns, fx_rates, instruments, before, facts, models).rename(columns={"var": name})
        for name, state in states.items()
    ]
    unpriced = moved.groupby("book")["unpriced"].sum().astype("int64").reset_index()
    both = figures[0].merge(figures[1], on=MODEL, how="outer").merge(unpriced, on="book", how="left")
    return both.assign(business_date=date, unpriced=both["unpriced"].fillna(0).astype("int64"))


def _figures(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    session: pd.Timestamp,
    facts: Facts,
    models: tuple[Model, ...],
) -> pd.DataFrame:
    """VaR of every book of one session under ``models``, whichever are in force on it: book, model, var."""
    one = pd.DatetimeIndex([session])
    found = days(valuations, nav, returns, fx_rates, instruments, one, facts)
    computed = [pd.DataFrame(rows)[[*MODEL, "var"]] for day in found for rows in value_at_risk.of_models(day, models)]
    if not computed:
        return tables.empty("var")[[*MODEL, "var"]]
    return pd.concat(computed).astype({"book": "str", "method": "str"})


def rewound(
    now: pd.DataFrame,
    then: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    date: pd.Timestamp,
    before: pd.Timestamp,
) -> pd.DataFrame:
    """Positions of ``date`` at the prices and exchange rates of the session ``before``.

    Args:
        now: rows of table ``valuations`` of ``date``, with base_currency.
        then: rows of the same books of ``before``.
        returns: table ``returns``, of the sessions since at least.
        fx_rates: golden rates of both sessions.
        date: the session.
        before: the one before.

    Returns:
        Columns of ``valuations`` dated ``before``, and ``unpriced``: whether the price is that of ``date``.
    """
    kept = ["quantity", "price", "market_value_base", "exposure_base", "price_source", "status"]
    old = then[["book", "instrument", *kept]].rename(columns={name: f"{name}_then" for name in kept})
    rows = now.merge(old, on=["book", "instrument"], how="left")
    since = returns[returns["business_date"].gt(before) & returns["business_date"].le(date)]
    growth = (1 + since["price_return"]).groupby(since["instrument"]).prod(skipna=False)
    cash = rows["instrument"].str.startswith(CASH)
    grown = rows["instrument"].map(growth).astype("float64").mask(cash, 1.0)
    day = np.full(len(rows), np.datetime64(before, "us"))
    exchange = pd.Series(rates(fx_rates, rows["currency"], rows["base_currency"], day), rows.index)
    held = rows["status_then"].eq("ok") & rows["quantity_then"].fillna(0.0).ne(0.0) & ~cash
    # Units of then for one of now: a split moves the price by more than its return. A model's price has none.
    unit = rows["price"] / (rows["price_then"] * grown)
    market = rows["price_source"].ne("model") & rows["price_source_then"].ne("model")
    unit = unit.where(market & unit.notna() & np.isfinite(unit) & (unit - 1).abs().gt(_SPLIT), 1.0)
    more = rows["quantity"] * unit / rows["quantity_then"]
    back = 1 / (grown * (rows["fx_rate"] / exchange))
    fresh = ~held & back.notna() & np.isfinite(back) & (cash | market)
    balance = (rows["quantity"] * exchange).round(6)
    for name in ("market_value_base", "exposure_base"):
        worth = rows[name].where(~fresh, rows[name] * back).mask(held, rows[f"{name}_then"] * more).round(6)
        rows[name] = worth.mask(cash & exchange.notna(), balance)
    rows["price"] = (rows["price"] / grown).where(fresh & ~cash, rows["price"])
    rows["price"] = rows["price"].mask(held, rows["price_then"] * unit)
    rows["fx_rate"] = exchange.where((held | fresh | cash) & exchange.notna(), rows["fx_rate"])
    unpriced = ~held & ~fresh & rows["quantity"].ne(0)
    columns = [name for name in tables.TABLES["valuations"].names if name != "business_date"]
    return rows[columns].assign(business_date=before, unpriced=unpriced)


def _split(rows: pd.DataFrame) -> pd.DataFrame:
    """The effects between the five figures, and what is to be said of them."""
    first = rows["before"].isna()
    at = "of " + dated.iso(rows["before"])
    again = rows["opening_var"].isna() & rows["derived"].notna()
    levels = rows[list(LEVELS)].astype("float64")
    levels["opening_var"] = levels["opening_var"].where(~again, levels["derived"])
    # Without a session before there was nothing: what there is now was bought.
    levels.loc[first, ["opening_var", "derived", "modelled"]] = 0.0
    levels.loc[first, "moved"] = levels.loc[first, "closing_var"]
    whole = levels.notna().all(axis=1)
    steps = levels.diff(axis=1).iloc[:, 1:].round(6).where(whole)
    said = rows["said_before"].fillna("no VaR of this model")
    lost = pd.Series("no figure of this session: ", rows.index, dtype="str") + rows["said"]
    lost = lost.where(levels["closing_var"].isna(), "no figure " + at + ": " + said)
    remade = levels["modelled"].isna() | levels["moved"].isna()
    lost = lost.mask(remade & levels[["opening_var", "derived", "closing_var"]].notna().all(axis=1), _REMADE)
    notes = pd.Series("", rows.index, dtype="str").mask(first, "; " + FIRST)
    notes = notes.mask(again, "; opening derived again: not struck")
    few = rows["unpriced"].fillna(0).astype("int64")
    notes = notes.mask(few > 0, notes + "; no price " + at + " for so many positions: " + few.astype("str"))
    status = notes.str[2:].where(notes.ne(""), "ok").where(whole, "not split: " + lost)
    found = rows[["business_date", *MODEL]].assign(
        opening_var=levels["opening_var"],
        **{name: steps[level] for name, level in zip(EFFECTS, LEVELS[1:], strict=True)},
        closing_var=levels["closing_var"],
        status=status,
    )
    return tables.conform("var_explain", found.sort_values(["business_date", *MODEL], ignore_index=True))


_REMADE = "no figure of the session before with the models or quantities of this one"


def identity_gaps(var_explain: pd.DataFrame, var: pd.DataFrame) -> pd.DataFrame:
    """Rows whose effects do not lead from the opening to the closing VaR, or whose closing VaR is not that of ``var``.

    Args:
        var_explain: table of some sessions.
        var: table ``var`` of the same.

    Returns:
        business_date, book, method, confidence, horizon_days, gap in base currency; empty when all is well.
    """
    key = ["business_date", *MODEL]
    rows = var_explain.merge(var[[*key, "var"]], on=key, how="left")
    split = rows[list(EFFECTS)].notna().all(axis=1)
    led = rows["opening_var"] + rows[list(EFFECTS)].sum(axis=1) - rows["closing_var"]
    off = (rows["closing_var"] - rows["var"]).where(rows["closing_var"].notna() & rows["var"].notna(), 0.0)
    other = rows["closing_var"].isna() != rows["var"].isna()
    gap = led.where(split, 0.0).fillna(0.0) + off
    allowed = 1e-7 + 4e-15 * rows[["opening_var", "closing_var"]].abs().max(axis=1).fillna(0.0)
    wrong = gap.abs().gt(allowed) | other
    return rows[key].assign(gap=gap)[wrong].reset_index(drop=True)
