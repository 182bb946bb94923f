"""The risk models of one session, as tables.

Belongs here: which returns each model is given, and what of it is kept. Does not belong here: the models themselves
(``factor_models``, ``fundamental_factors``, ``betas``, ``volatility``).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from daybook import tables
from daybook.market.security_master import attributes
from daybook.risk import betas, factor_models, factors, fundamental_factors, volatility
from daybook.risk.factor_models import FactorModel
from daybook.risk.factors import Factors, Flags, Floats, Texts
from daybook.risk.scenarios import positions

BEFORE = factor_models.WINDOW + fundamental_factors.BEFORE
"""Sessions of returns before the session: a window of a model, and what the styles of its first session need."""
NAMES = ("volatility_forecasts", "factor_returns", "factor_exposures", "specific_risks", "factor_risk", "betas")
SCENARIO_SET = "historical"
"""The scenarios in which what books hold today is followed: past sessions, one ahead."""


@dataclass(frozen=True)
class Facts:
    """What the models of a session are made of: tables and facts by name, each reaching as far back as said.

    Attributes:
        returns: ``BEFORE`` sessions.
        fx_rates: a session more.
        prices, valuations, nav, scenario_pnl, latest_fundamentals: the session.
        instruments, risk_factors, benchmark_levels, alternative_data: all.
    """

    returns: pd.DataFrame
    fx_rates: pd.DataFrame
    prices: pd.DataFrame
    valuations: pd.DataFrame
    nav: pd.DataFrame
    scenario_pnl: pd.DataFrame
    instruments: pd.DataFrame
    risk_factors: pd.DataFrame
    benchmark_levels: pd.DataFrame
    alternative_data: pd.DataFrame
    latest_fundamentals: pd.DataFrame


def risk_models(facts: Facts, date: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """The tables ``NAMES`` of one session."""
    every = factors.series(
        facts.risk_factors,
        facts.returns,
        facts.benchmark_levels,
        facts.alternative_data,
        facts.fx_rates,
        facts.instruments,
        date,
    ).window(date, BEFORE)
    instruments, local, known = factors.local_returns(facts.returns, every.dates)
    window = every.window(date, factor_models.WINDOW)
    part = slice(len(every.dates) - len(window.dates), None)
    models = [
        factor_models.time_series(instruments, local[:, part], known[:, part], window),
        factor_models.statistical(instruments, local[:, part], known[:, part], window),
        fundamental_factors.fundamental(instruments, local, known, _characteristics(facts, instruments, date), window),
    ]
    held = positions(facts.valuations, facts.nav, facts.instruments, pd.DatetimeIndex([date]))
    books, earned, followed = _books(facts, window, date)
    return {
        "volatility_forecasts": volatility.table(
            [
                volatility.forecasts(date, "instrument", instruments, local[:, part], known[:, part], ()),
                volatility.forecasts(date, "factor", window.names, window.returns, window.known, volatility.FAMILY),
                volatility.forecasts(date, "book", books, earned, followed, volatility.FAMILY_OF_BOOKS),
            ]
        ),
        **_tables(models, date),
        "factor_risk": _sorted(
            "factor_risk",
            [factor_models.book_risk(date, model, held, facts.nav) for model in models],
        ),
        "betas": _betas(date, every, instruments, local, known, books, earned, followed),
    }


def _characteristics(facts: Facts, instruments: Texts, date: pd.Timestamp) -> fundamental_factors.Characteristics:
    rows = pd.DataFrame({"instrument": instruments, "business_date": date}).astype({"instrument": "str"})
    known = attributes(facts.instruments, "instrument", rows, ["asset_class", "sector", "currency"])
    figures, prices = (
        frame.loc[frame["business_date"].eq(date)] for frame in (facts.latest_fundamentals, facts.prices)
    )
    return fundamental_factors.characteristics(instruments, known, figures, prices)


def _books(facts: Facts, window: Factors, date: pd.Timestamp) -> tuple[Texts, Floats, Flags]:
    """Books of a positive NAV, what their holdings would have returned on the dates of ``window``, and whether that is
    known: scenarios are the last sessions with a return, the same ones.
    """
    sets = facts.scenario_pnl
    rows = sets.loc[sets["business_date"].eq(date) & sets["scenario_set"].eq(SCENARIO_SET)]
    worth = facts.nav.loc[facts.nav["status"].eq("ok") & facts.nav["nav"].gt(0), ["business_date", "book", "nav"]]
    rows = rows.merge(worth, on=["business_date", "book"]).sort_values("book", ignore_index=True)
    sessions = len(window.dates)
    earned, known = np.zeros((len(rows), sessions)), np.zeros((len(rows), sessions), bool)
    for i, (pnl, nav) in enumerate(zip(rows["pnl"], rows["nav"], strict=True)):
        length = min(len(pnl), sessions)
        if length:
            earned[i, -length:] = np.asarray(pnl, np.float64)[-length:] / nav
            known[i, -length:] = True
    return rows["book"].to_numpy(object), earned, known


def _tables(models: list[FactorModel], date: pd.Timestamp) -> dict[str, pd.DataFrame]:
    return {
        "factor_returns": _sorted("factor_returns", [_factor_returns(model, date) for model in models]),
        "factor_exposures": _sorted("factor_exposures", [_exposures(model, date) for model in models]),
        "specific_risks": _sorted("specific_risks", [_specific(model, date) for model in models]),
    }


def _factor_returns(model: FactorModel, date: pd.Timestamp) -> pd.DataFrame:
    kept = pd.DataFrame(
        {
            "factor": model.factors,
            "return_series": list(model.returns.round(12) + 0.0),
            "volatility": np.sqrt(np.diag(model.covariance)),
            "observations": len(model.dates),
            "window_start": model.dates[0] if len(model.dates) else pd.NaT,
            "window_end": model.dates[-1] if len(model.dates) else pd.NaT,
            "status": "ok",
        }
    )
    left = pd.DataFrame(
        {
            "factor": list(model.left_out),
            "return_series": [np.zeros(0) for _ in model.left_out],
            "observations": 0,
            "status": list(model.left_out.values()),
        }
    )
    rows = [frame for frame in (kept, left) if len(frame)]
    return pd.concat(rows, ignore_index=True).assign(business_date=date, risk_model=model.name) if rows else kept


def _exposures(model: FactorModel, date: pd.Timestamp) -> pd.DataFrame:
    """One row for each instrument that has exposures and each factor of local returns."""
    own = np.flatnonzero(model.local)
    good = np.flatnonzero(model.status == "ok")
    return pd.DataFrame(
        {
            "business_date": date,
            "risk_model": model.name,
            "instrument": np.repeat(model.instruments[good], len(own)),
            "factor": np.tile(model.factors[own], len(good)),
            "exposure": model.exposures[np.ix_(good, own)].ravel(),
            "standard_error": model.standard_errors[np.ix_(good, own)].ravel(),
        }
    )


def _specific(model: FactorModel, date: pd.Timestamp) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "business_date": date,
            "risk_model": model.name,
            "instrument": model.instruments,
            "specific_volatility": model.specific,
            "r_squared": model.r_squared,
            "observations": model.observations,
            "status": model.status,
        }
    )


def _betas(
    date: pd.Timestamp,
    every: Factors,
    instruments: Texts,
    local: Floats,
    known: Flags,
    books: Texts,
    earned: Floats,
    followed: Flags,
) -> pd.DataFrame:
    window = every.window(date, betas.WINDOW)
    part = slice(len(every.dates) - len(window.dates), None)
    short = slice(earned.shape[1] - len(window.dates), None)
    return betas.table(
        [
            betas.rows(
                date, "instrument", instruments, betas.regressed(local[:, part], known[:, part], window), window
            ),
            betas.rows(date, "book", books, betas.regressed(earned[:, short], followed[:, short], window), window),
        ]
    )


def _sorted(name: str, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """A table of ``frames``, fractions rounded to 12 places, in the order of its key."""
    table = tables.TABLES[name]
    rows = pd.concat(frames, ignore_index=True).reindex(columns=list(table.names))
    numbers = rows.select_dtypes("float64").columns
    rows[numbers] = rows[numbers].round(12)
    return tables.conform(name, rows.sort_values(list(table.key), ignore_index=True))
