"""Ratios of risk and return: the table, its conventions, and why a figure is empty.

Belongs here: which returns, rules and risk-free rates a ratio is computed from; what it says of itself. Does not belong
here: formulas (``ratio_definitions``), loops (``kernel``), periods (``periods``).

Conventions. A ratio reads the daily returns of the sessions of its period that have one; how many were left out stands
in ``status``. What concerns the benchmark reads the sessions in which both have a return. A book that was empty
(``returns.NO_CAPITAL``) had no session. Scale of a year, minimum acceptable return and confidence are those of
``performance_rules`` on the date; the risk-free return is that of the book's currency (``risk_free``), 0 where no rate
is given. Where a ratio is not defined its value is empty and ``status`` says why: it is never infinite.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.market.declared import rule_in_force
from daybook.market.security_master import effective
from daybook.performance import returns
from daybook.performance.period_returns import YEAR_DAYS
from daybook.performance.periods import TRAILING, bounds
from daybook.performance.ratio_definitions import REGISTRY, Ratio
from daybook.performance.risk_free import risk_free_returns
from daybook.performance.sample import NEARLY_A_YEAR, Floats, Sample

Ints = NDArray[np.int64]

PERIODS = ("year", "one_year", "three_years", "five_years", "inception")
"""Periods that ratios are computed over."""
RATIOS: Mapping[str, Ratio] = {ratio.name: ratio for ratio in REGISTRY}
"""Every ratio by its name."""
HEADLINE = (
    *("annual_return", "annual_benchmark", "active_return", "volatility", "benchmark_volatility", "tracking_error"),
    *("sharpe", "sortino", "information_ratio", "beta", "alpha", "jensen_alpha", "treynor", "m_squared"),
    *("max_drawdown", "calmar", "ulcer_index", "value_at_risk", "up_capture", "down_capture", "hit_rate"),
)
"""What a reader looks at first."""
RULES = ("periods_per_year", "target_return", "confidence")
NO_RETURN = "no session with a return"
NO_BENCHMARK = "no benchmark return"
NO_TAIL = "fewer than 1 / (1 - confidence) sessions"
SHORT = "shorter than a year: not scaled up to one"
RUIN = "a return below -100 %"


def measured(
    performance: pd.DataFrame,
    spans: pd.DataFrame,
    performance_rules: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    books: pd.DataFrame,
) -> pd.DataFrame:
    """Table ``ratios`` of the date that ``spans`` end on.

    Args:
        performance: table ``performance`` of every session since each book's first one.
        spans: periods of the books (``periods.spans``); those that are not in ``PERIODS`` are left out.
        performance_rules: facts.
        risk_free_rates: facts.
        books: facts, dated by valid_from.
    """
    spans = spans.loc[spans["period"].isin(PERIODS)].reset_index(drop=True)
    if spans.empty:
        return tables.empty("ratios")
    sample, idle, texts = _read(performance, spans, performance_rules, risk_free_rates, books)
    left_out = spans["session_count"].to_numpy() - idle - sample.n
    return tables.conform("ratios", _table(spans, sample, left_out, texts))


def scales(
    performance: pd.DataFrame,
    spans: pd.DataFrame,
    performance_rules: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    books: pd.DataFrame,
) -> pd.DataFrame:
    """Sessions of a year and yearly risk-free return of each book since inception, for whoever computes elsewhere.

    Args:
        performance: as of ``measured``.
        spans: as of ``measured``.
        performance_rules: facts.
        risk_free_rates: facts.
        books: facts, dated by valid_from.

    Returns:
        book (index), periods_per_year, risk_free: what (1 + risk_free) ^ (1 / periods_per_year) - 1 earns in each
        session links to the risk-free return of all sessions with a return; 0 for a book without one.
    """
    spans = spans.loc[spans["period"].eq("inception")].reset_index(drop=True)
    sample = _read(performance, spans, performance_rules, risk_free_rates, books)[0]
    free = np.where(sample.n > 0, sample["free"], 1.0) ** (sample.periods_per_year / np.maximum(sample.n, 1)) - 1
    index = pd.Index(spans["book"], name="book")
    return pd.DataFrame({"periods_per_year": sample.periods_per_year, "risk_free": free}, index=index)


def figures(sample: Sample) -> dict[str, Floats]:
    """Ratio -> one number for each span, NaN where it is not defined: every formula of ``RATIOS`` on ``sample``."""
    found = {}
    with np.errstate(all="ignore"):
        for name, ratio in RATIOS.items():
            values = np.asarray(ratio.of(sample), np.float64)
            found[name] = np.where(np.isfinite(values), values, np.nan)
    return found


def _table(spans: pd.DataFrame, sample: Sample, left_out: Floats, texts: pd.DataFrame) -> pd.DataFrame:
    """One row for each span and ratio."""
    found = figures(sample)
    counts = {True: sample["pairs"], False: sample.n}
    reasons = list(dict.fromkeys(why for ratio in REGISTRY for why in _reasons(ratio)))
    place = {why: at for at, why in enumerate(reasons)}
    notes, note = _notes(spans, left_out, sample)
    kinds, kind = np.unique(texts.astype("str").agg("|".join, axis=1).to_numpy(object), return_inverse=True)
    examples = [texts.iloc[int(np.argmax(kind == at))] for at in range(len(kinds))]
    said = [_said(ratio, example) for ratio in REGISTRY for example in examples]
    size = len(spans)
    value = np.empty((len(REGISTRY), size))
    status = np.empty((len(REGISTRY), size), np.int64)
    for at, ratio in enumerate(REGISTRY):
        bad = [(place[why], where) for why, where in _undefined(ratio, sample, counts[ratio.beside])]
        values = found[ratio.name]
        missing = np.isnan(values)
        code = np.where(missing, place[ratio.empty or "not defined"], len(reasons) + note[int(ratio.beside)])
        for which, where in reversed(bad):
            code = np.where(where, which, code)
            values = np.where(where, np.nan, values)
        value[at], status[at] = values, code
    span = np.repeat(np.arange(size), len(REGISTRY))
    convention = (np.arange(len(REGISTRY)) * len(kinds) + kind[:, None]).ravel()
    beside = np.array([ratio.beside for ratio in REGISTRY])
    return pd.DataFrame(
        {
            "business_date": spans["period_end"].to_numpy()[span],
            "book": spans["book"].array.take(span),
            "period": spans["period"].array.take(span),
            "ratio": pd.array([ratio.name for ratio in REGISTRY], dtype="str").take(
                np.tile(np.arange(len(REGISTRY)), size)
            ),
            "value": np.round(value.T.ravel(), 12) + 0.0,
            "observations": np.where(beside, counts[True][:, None], counts[False][:, None]).ravel().astype(np.int64),
            "convention": pd.array(said, dtype="str").take(convention),
            "status": pd.array([*reasons, *notes], dtype="str").take(status.T.ravel()),
        }
    )


def _undefined(ratio: Ratio, sample: Sample, count: Floats) -> list[tuple[str, NDArray[np.bool_]]]:
    """Why ``ratio`` is not computed, and where; what comes first is said first."""
    ruined = sample["worst"] < -1
    short = sample.years < NEARLY_A_YEAR
    return [
        (why, where)
        for why, where, applies in (
            (NO_RETURN, sample.n == 0, True),
            (NO_BENCHMARK, sample["pairs"] == 0, ratio.beside),
            (_few(ratio), count < ratio.minimum, ratio.minimum > 1),
            (NO_TAIL, ~(count * (1 - sample.confidence) >= 1 - 1e-9), ratio.tail),
            (SHORT, short, ratio.yearly),
            (RUIN, ruined, ratio.yearly),
        )
        if applies
    ]


def _few(ratio: Ratio) -> str:
    return f"fewer than {ratio.minimum} sessions"


def _reasons(ratio: Ratio) -> tuple[str, ...]:
    """What may be said of ``ratio`` where it is empty."""
    return NO_RETURN, NO_BENCHMARK, _few(ratio), NO_TAIL, SHORT, RUIN, ratio.empty or "not defined"


def _notes(spans: pd.DataFrame, left_out: Floats, sample: Sample) -> tuple[list[str], tuple[Ints, Ints]]:
    """Distinct statuses of figures that there are, and which one holds for each span: alone, beside the benchmark."""
    apart = sample.n - sample["pairs"]
    count = np.concatenate([left_out, left_out + apart]).astype(np.int64)
    total = np.tile(spans["session_count"].to_numpy(), 2)
    pairs, at = np.unique(np.column_stack([count, np.where(count > 0, total, 0)]), axis=0, return_inverse=True)
    notes = [f"ok; {n} of {of} sessions without a return are left out" if n else "ok" for n, of in pairs.tolist()]
    at = at.ravel().astype(np.int64)
    return notes, (at[: len(spans)], at[len(spans) :])


def _said(ratio: Ratio, rules: "pd.Series[Any]") -> str:
    """The convention of ``ratio`` in words, under the rules of a book."""
    return ratio.convention.format(
        periods=f"{rules['periods_per_year']:g} sessions a year",
        target=f"a target of {rules['target_return']:.6g} a year / {rules['periods_per_year']:g}",
        confidence=f"{rules['confidence']:g}",
        risk_free=rules["risk_free"],
    )


def _rules(performance_rules: pd.DataFrame, names: "pd.Index[str]", date: pd.Timestamp) -> pd.DataFrame:
    """periods_per_year, target_return and confidence of each book on the date."""
    asked = pd.DataFrame({"business_date": date, "book": names.array})
    return rule_in_force("performance_rules", performance_rules, asked).set_index("book")[list(RULES)]


def _risk_free(
    rates: pd.DataFrame,
    books: pd.DataFrame,
    names: "pd.Index[str]",
    sessions: pd.DatetimeIndex,
    date: pd.Timestamp,
) -> dict[str, Any]:
    """Risk-free returns by currency and calendar (``returns``), which of them is each book's (``of``), what it says."""
    known = effective(books, "book", pd.DatetimeIndex([date])).set_index("book").reindex(names)
    views = known[["base_currency", "calendar"]].astype("str").fillna("")
    kinds = views.drop_duplicates().reset_index(drop=True)
    matrix = np.zeros((len(kinds), len(sessions)))
    said = []
    first = rates.groupby("currency")["business_date"].min()
    for at, (currency, calendar) in enumerate(kinds.itertuples(index=False)):
        opened = sessions[calendars.is_session(calendar, sessions)]
        found = risk_free_returns(rates, [currency], calendar, opened)
        matrix[at, sessions.get_indexer(pd.DatetimeIndex(found["business_date"]))] = found["risk_free"]
        said.append(_of_rates(currency, first.get(currency, pd.NaT), opened))
    of = kinds.assign(at=range(len(kinds))).merge(views.reset_index(), on=["base_currency", "calendar"], how="right")
    place = of["at"].to_numpy(np.int64)
    return {"returns": matrix, "of": place, "said": pd.Series(said, dtype="str").iloc[place].to_numpy()}


def _of_rates(currency: str, first: Any, sessions: pd.DatetimeIndex) -> str:
    if pd.isna(first) or not len(sessions) or first >= sessions[-1]:
        return f"risk-free 0: no rate of {currency} is given"
    if first >= sessions[0]:
        return f"risk-free of {currency}, 0 until {first:%Y-%m-%d}"
    return f"risk-free of {currency}"


def _at(names: "pd.Index[str]", books: "pd.Series[str]") -> Ints:
    return names.get_indexer(pd.Index(books)).astype(np.int64)


def _read(
    performance: pd.DataFrame,
    spans: pd.DataFrame,
    performance_rules: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    books: pd.DataFrame,
) -> tuple[Sample, Ints, pd.DataFrame]:
    """What formulas read of each span, its sessions without capital, and what its conventions name."""
    from daybook.performance import kernel

    date = spans["period_end"].iloc[0]
    rows = performance.loc[(performance["business_date"] <= date) & performance["book"].isin(spans["book"].unique())]
    rows = rows.sort_values(["book", "business_date"], ignore_index=True)
    sessions = pd.DatetimeIndex(np.unique(rows["business_date"].to_numpy("datetime64[us]")))
    names = pd.Index(spans["book"].unique(), dtype="str").sort_values()
    rules = _rules(performance_rules, names, date)
    free = _risk_free(risk_free_rates, books, names, sessions, date)
    idle, years = _lengths(rows, spans)
    at = _at(names, rows["book"]), sessions.get_indexer(pd.DatetimeIndex(rows["business_date"]))
    earned, beside = np.full((2, len(names), len(sessions)), np.nan)
    earned[at], beside[at] = rows["daily_return"].where(returns.standing(rows)[0]), rows["benchmark_return"]
    book = _at(names, spans["book"])
    confidence = rules["confidence"].to_numpy()
    confidence = np.where((confidence > 0) & (confidence < 1), confidence, np.nan)
    distinct, which = np.unique(confidence, return_inverse=True)
    tails = [1 - Fraction(str(c)) if c == c else Fraction(1) for c in distinct.tolist()]
    parts = np.array([[tail.numerator, tail.denominator] for tail in tails], np.int64)[which.ravel()]
    days = sessions.to_numpy()
    first = np.searchsorted(days, spans["period_start"].to_numpy("datetime64[us]"))
    stop = np.searchsorted(days, spans["period_end"].to_numpy("datetime64[us]"), "right")
    where = np.column_stack([book, book, free["of"][book], first, stop, parts[book]])
    scale, target = (rules[name].to_numpy()[book] for name in ("periods_per_year", "target_return"))
    months = (sessions.year * 12 + sessions.month).to_numpy(np.int64)
    read = kernel.readings(earned, beside, free["returns"], months, where, target / scale)
    said = pd.DataFrame({**{name: rules[name].to_numpy() for name in RULES}, "risk_free": free["said"]})
    return Sample(read, years, scale, target, confidence[book]), idle, said.iloc[book].reset_index(drop=True)


def _lengths(rows: pd.DataFrame, spans: pd.DataFrame) -> tuple[Ints, Floats]:
    """Sessions of each period in which the book held nothing, and its years: those that count in years have them.

    Every other period has calendar days / 365.25, from its first session on in which the book held something.
    """
    low, high = bounds(rows, spans)
    idle = rows["status"].str.startswith(returns.NO_CAPITAL).to_numpy(bool)
    sums = np.concatenate([[0], np.cumsum(idle)])
    busy = np.flatnonzero(~idle)
    first = np.minimum(np.append(busy, len(rows) - 1)[np.searchsorted(busy, low)], high - 1)
    days = (spans["period_end"].to_numpy() - rows["business_date"].to_numpy()[first]) / np.timedelta64(1, "D") + 1
    years = spans["period"].map(TRAILING).astype("float64").to_numpy()
    return sums[high] - sums[low], np.where(np.isnan(years), days / YEAR_DAYS, years)
