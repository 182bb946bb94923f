"""A small firm whose tables agree with each other, made from a seed.

For identities, and for a range of sessions against single ones.
"""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from daybook import calendars, tables
from daybook.risk.scenarios import Facts

CURRENCIES = np.array(["USD", "EUR", "GBP"])
BASES = np.array(["USD", "EUR", "USD", "EUR"])
SECTORS = ["Technology", "Energy", "", "Health"]
BOOKS = np.array(["alpha", "beta", "delta", "gamma"])


def firm(count: int, seed: int = 0, names: int = 12, history: int = 0) -> SimpleNamespace:
    """Tables of four books over ``count`` sessions that follow ``history`` sessions of returns alone."""
    draw = np.random.default_rng(seed)
    days = calendars.sessions("XNYS", "2018-01-02")[: history + count]
    sessions = days[history:]
    instruments = [f"I{i:02d}" for i in range(names)]
    own = CURRENCIES[np.arange(names) % 3]

    # Prices and rates; the rate of a currency into base is worth[currency] / worth[base].
    move = np.round(draw.normal(0, 0.01, (len(days), names)), 12)
    close = 50 * np.cumprod(1 + move, axis=0)
    worth = np.cumprod(1 + draw.normal(0, 0.004, (len(days), 3)) * [0, 1, 1], axis=0) * [1, 1.2, 1.4]
    fx_rates = _long(days, {"base": ["EUR", "GBP"], "quote": ["USD", "USD"]}, worth[:, 1:], "rate")
    fx_rates = tables.conform("fx_rates", fx_rates.assign(source="x", status="ok", reason="", cut=""))
    returns = _long(days, {"instrument": instruments, "currency": own}, move, "local_return")
    returns = tables.conform("returns", returns.assign(price_return=returns["local_return"], status="ok"))

    # Quantities held over each session and at its close, by book; the trade is at the close less a spread.
    held = np.cumsum(draw.integers(-30, 40, (count + 1, 4, names)), axis=0).astype(float)
    held[0] = 0
    rate = worth[history:, None, :] / worth[history:, [["USD", "EUR", "GBP"].index(b) for b in BASES], None]
    into = rate[:, :, np.arange(names) % 3]
    price = close[history:, None, :]
    value = np.round(held[1:] * price * into, 6)
    before = np.concatenate([np.zeros_like(value[:1]), value[:-1]])
    prior_price, prior_into = np.concatenate([price[:1], price[:-1]]), np.concatenate([into[:1], into[:-1]])
    traded = np.diff(held, axis=0)
    trading = np.round(traded * 0.01 * into, 6)
    paid = -traded * (price - 0.01) * into
    fx_pnl = np.round(held[:-1] * prior_price * (into - prior_into), 6)
    price_pnl = np.round(value - before + paid - trading - fx_pnl, 6)

    # Cash in base and in GBP. Deposits come in base; fees of kind fee are paid in base.
    gbp = np.full((count, 4), 1000.0)
    gbp_value = np.round(gbp * rate[:, :, 2], 6)
    gbp_before = np.concatenate([np.zeros((1, 4)), gbp_value[:-1]])
    flows = np.where(draw.random((count, 4)) < 0.1, np.round(draw.normal(0, 20_000, (count, 4)), 2), 0.0)
    flows[0] = 1_000_000
    fee = np.where(draw.random((count, 4)) < 0.1, -50.0, 0.0)
    opened_gbp = np.concatenate([-gbp_value[:1], np.zeros((count - 1, 4))])
    cash = np.round(np.cumsum(paid.sum(axis=2) + flows + fee + opened_gbp, axis=0), 6)
    cash_before = np.concatenate([np.zeros((1, 4)), cash[:-1]])
    gbp_pnl = np.round(gbp_value - gbp_before, 6)
    gbp_pnl[0] = 0
    rounding = np.round(cash - cash_before - fee - flows - paid.sum(axis=2) - opened_gbp, 6)

    rows, line = [], {"instrument": [*instruments, "CASH:GBP"], "currency": [*own, "GBP"]}
    pnl = []
    for b, book in enumerate(BOOKS):
        base = BASES[b]
        columns = {"instrument": [*line["instrument"], f"CASH:{base}"], "currency": [*line["currency"], base]}
        values = np.concatenate([value[:, b], gbp_value[:, b, None], cash[:, b, None]], axis=1)
        rows.append(_long(sessions, columns, values, "market_value_base").assign(book=book))
        parts = {
            "price_pnl": np.concatenate([price_pnl[:, b], np.zeros((count, 2))], axis=1),
            "fx_pnl": np.concatenate([fx_pnl[:, b], gbp_pnl[:, b, None], rounding[:, b, None]], axis=1),
            "trading_pnl": np.concatenate([trading[:, b], np.zeros((count, 2))], axis=1),
            "fees": np.concatenate([np.zeros((count, names + 1)), fee[:, b, None]], axis=1),
        }
        each = _long(sessions, {"instrument": columns["instrument"]}, values, "income").assign(book=book, income=0.0)
        pnl.append(each.assign(**{name: part.ravel() for name, part in parts.items()}))
    valuations = pd.concat(rows)
    valuations["exposure_base"] = valuations["market_value_base"]
    for name in ("quantity", "price", "fx_rate", "market_value", "accrued_interest", "weight"):
        valuations[name] = 0.0
    valuations = valuations.assign(price_source="", fair_value_level=1, status="ok", reason="")
    parts = pd.concat(pnl)
    parts["total"] = parts[["price_pnl", "fx_pnl", "income", "trading_pnl", "fees"]].sum(axis=1).round(6)
    nav = pd.DataFrame(
        {
            "business_date": np.repeat(sessions.to_numpy(), 4),
            "book": np.tile(BOOKS, count),
            "base_currency": np.tile(BASES, count),
            "nav": np.round(value.sum(axis=2) + gbp_value + cash, 6).ravel(),
            "market_value": value.sum(axis=2).ravel(),
            "cash": (gbp_value + cash).ravel(),
            "accruals": 0.0,
            "flows": flows.ravel(),
            "status": "ok",
            "reason": "",
        }
    )
    key = nav[["business_date", "book"]]
    activity = key.assign(instrument="CASH:" + nav["base_currency"], currency=nav["base_currency"])
    activity = activity.assign(external=flows.ravel(), fees=fee.ravel(), fee_kind=fee.ravel())
    activity["inflow"] = activity["external"].clip(lower=0)
    unused = ("traded_quantity", "consideration", "income", "transferred_quantity", "transferred_in")
    for name in (*unused, "subscribed", "redeemed", "variation", "notional"):
        activity[name] = 0.0
    reference = tables.empty("instruments").reindex(range(names))
    reference = reference.assign(
        instrument=instruments,
        asset_class=["equity", "etf"] * (names // 2),
        currency=own,
        sector=[SECTORS[i % 4] for i in range(names)],
        country=["US", "DE", "GB"] * (names // 3),
        issuer=[f"issuer {i // 2}" for i in range(names)],
        valid_from=pd.Timestamp("2018-01-02"),
    ).fillna({"name": "", "exchange": "XNYS", "multiplier": 1.0, "lot_size": 1.0})
    books = tables.empty("books").reindex(range(4))
    books = books.assign(
        book=BOOKS, base_currency=BASES, benchmark=["world", "world", "tech", ""], calendar="XNYS", shorts=True
    ).assign(valid_from=pd.Timestamp("2018-01-02"))
    delivered = np.repeat(days.to_numpy()[[0, *range(20, len(days), 63)]], names)
    repeats = len(delivered) // names
    world = pd.DataFrame({"business_date": delivered, "instrument": np.tile(instruments, repeats), "weight": 0.2})
    tech = world.loc[world["instrument"].isin(instruments[::4])]
    weights = pd.concat([world.assign(benchmark="world"), tech.assign(benchmark="tech")], ignore_index=True)
    return SimpleNamespace(
        sessions=sessions,
        days=days,
        fx_rates=fx_rates,
        returns=returns,
        valuations=tables.conform("valuations", valuations[list(tables.TABLES["valuations"].names)]),
        nav=tables.conform("nav", nav),
        pnl=tables.conform("pnl", parts[list(tables.TABLES["pnl"].names)]),
        prices=tables.empty("prices"),
        activity=tables.conform("activity", activity),
        instruments=reference,
        books=books,
        benchmark_weights=weights,
    )


def _long(days: pd.DatetimeIndex, columns: dict[str, object], values: np.ndarray, name: str) -> pd.DataFrame:
    """One row per session and column of ``values``."""
    width = values.shape[1]
    labels = {key: np.tile(np.asarray(names, object), len(days)) for key, names in columns.items()}
    return pd.DataFrame({"business_date": np.repeat(days.to_numpy(), width), **labels, name: values.ravel()})


def declared() -> Facts:
    """A simulation that takes no time."""
    models = tables.empty("var_models").reindex(range(1)).assign(method="monte_carlo", horizon_days=1.0, paths=200.0)
    text = ["scaling", "volatility_model", "distribution", "confidences"]
    return Facts(var_models=models.assign(valid_from=pd.Timestamp("2018-01-02"), **dict.fromkeys(text, "")))
