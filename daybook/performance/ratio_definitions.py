"""Every ratio, once: its name, its formula, its convention in words, its source.

Belongs here: the list. Does not belong here: what is read of the returns (``sample``, ``kernel``), the table and its
empty rows (``ratios``).

A formula maps a ``Sample`` to one number for each span, NaN where it is not defined. The convention may name
``{periods}`` (sessions in a year), ``{target}`` (yearly minimum acceptable return), ``{confidence}`` and
``{risk_free}``, which the table fills in. Losses, drawdowns and the worst returns are negative; VaR, expected shortfall
and every measure of risk is positive where something is lost.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from daybook.performance.sample import FLAT, Floats, Sample, over, root

A_MONTH = 20
"""Sessions without which a deviation, a slope or a tail says little."""
BACON = "Bacon 2008, Practical Portfolio Performance Measurement and Attribution"


@dataclass(frozen=True)
class Ratio:
    """One ratio.

    Attributes:
        name: its name in the table.
        group: return, risk, efficiency, drawdown or benchmark.
        unit: percent (a fraction, shown as one), number or count.
        of: the formula.
        convention: how it is computed, in words.
        source: who defined it.
        empty: why it is not defined where every return is there.
        minimum: sessions that it needs.
        yearly: whether it needs a linked return of a year.
        beside: whether it needs a benchmark.
        tail: whether it needs 1 / (1 - confidence) sessions.
    """

    name: str
    group: str
    unit: str
    of: Callable[[Sample], Floats]
    convention: str
    source: str = BACON
    empty: str = ""
    minimum: int = 1
    yearly: bool = False
    beside: bool = False
    tail: bool = False


def _sharpe_error(sharpe: Floats, skewness: Floats, kurtosis: Floats) -> Floats:
    """Standard deviation of the estimated Sharpe ratio of a session, times the root of n - 1."""
    return root(1 - skewness * sharpe + (kurtosis + 2) / 4 * sharpe**2)


def probability_above(sharpe: Floats, skewness: Floats, kurtosis: Floats, n: Floats) -> Floats:
    """Chance that the true Sharpe ratio is above 0 (Bailey and Lopez de Prado 2012).

    Args:
        sharpe: estimated from ``n`` returns, not scaled to a year.
        skewness: of the returns.
        kurtosis: of the returns, less 3.
        n: number of returns.
    """
    from scipy.special import ndtr

    found: Floats = ndtr(over(sharpe * np.sqrt(n - 1), _sharpe_error(sharpe, skewness, kurtosis)))
    return found


def _timing(s: Sample) -> Floats:
    m, z2, z3, z4 = s.pairs, s["market_excess_second"], s["market_third"], s["market_fourth"]
    curved = z2 * (z4 - z2**2 / m) - z3**2
    # A benchmark that takes two values only has no curve: what is left of the difference is rounding.
    return over(s["bent"] * z2 - s["covariance"] * z3, curved, np.maximum(FLAT * z2 * z4, FLAT**6))


def _alpha_t(s: Sample) -> Floats:
    m = s["pairs"]
    market = s["market_mean"] - s["pair_free_mean"]
    spread = over(s.residual, m - 2) * (over(1.0, m) + over(market**2, s["market_excess_second"], FLAT**2))
    return over(s.intercept, root(spread))


def _kelly(s: Sample) -> Floats:
    return s["won"] / s.n - over(s["lost"] / s.n, _payoff(s))


def _payoff(s: Sample) -> Floats:
    return over(over(s["gains"], s["won"]), over(s["losses"], s["lost"]))


def _capture(s: Sample, side: str) -> Floats:
    return over(s[f"{side}_book"] * np.sign(s[f"{side}_market"]), np.abs(s[f"{side}_market"]))


def _slope(s: Sample, side: str) -> Floats:
    return over(s[side], s[f"{side}_second"], FLAT**2)


RETURN: tuple[Ratio, ...] = (
    Ratio("mean_return", "return", "percent", lambda s: s["mean"] * s.periods_per_year,
          "mean return of a session x {periods}"),
    Ratio("annual_return", "return", "percent", lambda s: s.annual,
          "linked return to the power of 1 / years; of about a year it stands as it is", yearly=True),
    Ratio("annual_risk_free", "return", "percent", lambda s: s.annual_free,
          "{risk_free}, linked as annual_return", yearly=True),
    Ratio("excess_return", "return", "percent", lambda s: s.excess,
          "annual_return - annual_risk_free; {risk_free}", yearly=True),
    Ratio("geometric_excess_return", "return", "percent", lambda s: (1 + s.annual) / (1 + s.annual_free) - 1,
          "(1 + annual_return) / (1 + annual_risk_free) - 1; {risk_free}", yearly=True),
    Ratio("best_session", "return", "percent", lambda s: s["best"], "largest return of a session"),
    Ratio("worst_session", "return", "percent", lambda s: s["worst"], "smallest return of a session"),
    Ratio("best_month", "return", "percent", lambda s: s["best_month"],
          "largest linked return of a calendar month; the first and the last as far as they lie in the period"),
    Ratio("worst_month", "return", "percent", lambda s: s["worst_month"],
          "smallest linked return of a calendar month; the first and the last as far as they lie in the period"),
    Ratio("average_gain", "return", "percent", lambda s: over(s["gains"], s["won"]),
          "mean of the returns above 0", empty="no session gained"),
    Ratio("average_loss", "return", "percent", lambda s: -over(s["losses"], s["lost"]),
          "mean of the returns below 0", empty="no session lost"),
    Ratio("hit_rate", "return", "percent", lambda s: s["won"] / s.n, "sessions with a return above 0 / sessions"),
    Ratio("monthly_hit_rate", "return", "percent", lambda s: s["months_up"] / s["months"],
          "calendar months that gained / months; the first and the last as far as they lie in the period"),
    Ratio("payoff_ratio", "return", "number", _payoff, "average_gain / -average_loss",
          "Kelly 1956, Bell System Technical Journal 35", "no session lost, or none gained"),
    Ratio("kelly_fraction", "return", "number", _kelly,
          "sessions that gained / sessions - sessions that lost / sessions / payoff_ratio",
          "Kelly 1956, Bell System Technical Journal 35", "no session lost, or none gained", A_MONTH),
    Ratio("longest_gain", "return", "count", lambda s: s["longest_gain"], "most sessions in a row above 0"),
    Ratio("longest_loss", "return", "count", lambda s: s["longest_loss"], "most sessions in a row below 0"),
)  # fmt: skip
"""What was earned, and how often."""

RISK: tuple[Ratio, ...] = (
    Ratio("volatility", "risk", "percent", lambda s: s.volatility,
          "deviation of the returns (n - 1) x root of {periods}", minimum=A_MONTH),
    Ratio("mean_absolute_deviation", "risk", "percent", lambda s: s["absolute"] / s.n,
          "mean of |return - mean|, of a session", minimum=A_MONTH),
    Ratio("semi_deviation", "risk", "percent", lambda s: root(s["semi"] / s.n) * s.scale,
          "root mean square of the returns below the mean (n) x root of {periods}", minimum=A_MONTH),
    Ratio("downside_deviation", "risk", "percent", lambda s: s.downside * s.scale,
          "root mean square of the shortfalls below {target} (n) x root of {periods}",
          "Sortino and van der Meer 1991, Journal of Portfolio Management 17", minimum=A_MONTH),
    Ratio("upside_deviation", "risk", "percent", lambda s: root(s["high_second"] / s.n) * s.scale,
          "root mean square of what exceeds {target} (n) x root of {periods}", minimum=A_MONTH),
    Ratio("downside_potential", "risk", "percent", lambda s: s["low"] / s.n,
          "mean shortfall below {target} (n), of a session", minimum=A_MONTH),
    Ratio("upside_potential", "risk", "percent", lambda s: s["high"] / s.n,
          "mean of what exceeds {target} (n), of a session", minimum=A_MONTH),
    Ratio("downside_frequency", "risk", "percent", lambda s: s["below"] / s.n,
          "sessions with a return below {target} / sessions", minimum=A_MONTH),
    Ratio("skewness", "risk", "number", lambda s: s.skewness, "third standardised moment (n)",
          empty="no volatility", minimum=A_MONTH),
    Ratio("sample_skewness", "risk", "number",
          lambda s: s.skewness * np.sqrt(s.n * np.maximum(s.n - 1, 0)) / np.maximum(s.n - 2, 1),
          "skewness x root of n (n - 1) / (n - 2)", empty="no volatility", minimum=A_MONTH),
    Ratio("excess_kurtosis", "risk", "number", lambda s: s.kurtosis, "fourth standardised moment (n) - 3",
          empty="no volatility", minimum=A_MONTH),
    Ratio("sample_excess_kurtosis", "risk", "number",
          lambda s: over((s.n - 1) * ((s.n + 1) * s.kurtosis + 6), (s.n - 2) * (s.n - 3)),
          "(n - 1) ((n + 1) excess_kurtosis + 6) / ((n - 2) (n - 3))", empty="no volatility", minimum=A_MONTH),
    Ratio("jarque_bera", "risk", "number", lambda s: s.n / 6 * (s.skewness**2 + s.kurtosis**2 / 4),
          "n / 6 (skewness^2 + excess_kurtosis^2 / 4)", "Jarque and Bera 1980, Economics Letters 6",
          "no volatility", A_MONTH),
    Ratio("normality", "risk", "percent",
          lambda s: np.exp(-s.n / 12 * (s.skewness**2 + s.kurtosis**2 / 4)),
          "chance of so large a jarque_bera if returns were normal: exp(-jarque_bera / 2)",
          "Jarque and Bera 1980, Economics Letters 6", "no volatility", A_MONTH),
    Ratio("autocorrelation", "risk", "number", lambda s: over(s["lagged"], s["second"], FLAT**2),
          "of each return with the next, around one mean", "Box and Jenkins 1970, Time Series Analysis",
          "no volatility", A_MONTH),
    Ratio("hurst_index", "risk", "number",
          lambda s: np.log(over(s["range"], root(s["second"] / s.n))) / np.log(np.maximum(s.n, 2)),
          "log of (range of the cumulated deviations from the mean / deviation (n)) / log of n",
          "Hurst 1951, Transactions of the American Society of Civil Engineers 116; " + BACON,
          "no volatility", A_MONTH),
    Ratio("value_at_risk", "risk", "percent", lambda s: -s["tail"],
          "minus the k-th smallest return of a session, k = n (1 - {confidence}), rounded up",
          "as of table var (contract 2.11)", minimum=A_MONTH, tail=True),
    Ratio("expected_shortfall", "risk", "percent", lambda s: -s["tail_mean"],
          "minus the mean of the k smallest returns of a session, k = n (1 - {confidence}), rounded up",
          "Acerbi and Tasche 2002, Journal of Banking and Finance 26", minimum=A_MONTH, tail=True),
    Ratio("gaussian_var", "risk", "percent", lambda s: s.gaussian,
          "normal quantile at {confidence} x deviation (n - 1) - mean, of a session",
          empty="the confidence is not between 0 and 1", minimum=A_MONTH),
    Ratio("modified_var", "risk", "percent", lambda s: s.modified,
          "as gaussian_var with the quantile bent by skewness and excess_kurtosis",
          "Cornish and Fisher 1938, Revue de l'Institut International de Statistique 5",
          "no volatility, or the bent quantile falls where the normal one rises", A_MONTH),
    Ratio("tail_ratio", "risk", "number", lambda s: over(-s["upper"], -s["tail"]),
          "k-th largest return / minus the k-th smallest, k = n (1 - {confidence}), rounded up",
          "empyrical 2015", "no loss in the tail", A_MONTH, tail=True),
    Ratio("rachev_ratio", "risk", "number", lambda s: over(-s["upper_mean"], -s["tail_mean"]),
          "mean of the k largest returns / minus the mean of the k smallest, k = n (1 - {confidence}), rounded up",
          "Biglova, Ortobelli, Rachev and Stoyanov 2004, Journal of Portfolio Management 31",
          "no loss in the tail", A_MONTH, tail=True),
)  # fmt: skip
"""How much returns vary, and how."""

EFFICIENCY: tuple[Ratio, ...] = (
    Ratio("sharpe", "efficiency", "number", lambda s: s.sharpe * s.scale,
          "mean excess return / deviation of the excess returns (n - 1), x root of {periods}; {risk_free}",
          "Sharpe 1994, Journal of Portfolio Management 21", "no volatility", A_MONTH),
    Ratio("geometric_sharpe", "efficiency", "number",
          lambda s: over((1 + s.annual) / (1 + s.annual_free) - 1, s.excess_volatility),
          "geometric_excess_return / yearly deviation of the excess returns (n - 1); {risk_free}", BACON,
          "no volatility", A_MONTH, True),
    Ratio("sharpe_error", "efficiency", "number",
          lambda s: over(_sharpe_error(s.sharpe, s.skewness, s.kurtosis), np.sqrt(s.n - 1)) * s.scale,
          "standard error of sharpe, by skewness and kurtosis; {risk_free}",
          "Mertens 2002; Lo 2002, Financial Analysts Journal 58", "no volatility", A_MONTH),
    Ratio("probabilistic_sharpe", "efficiency", "percent",
          lambda s: probability_above(s.sharpe, s.skewness, s.kurtosis, s.n),
          "chance that the true sharpe is above 0, by skewness and kurtosis; {risk_free}",
          "Bailey and Lopez de Prado 2012, Journal of Risk 15", "no volatility", A_MONTH),
    Ratio("adjusted_sharpe", "efficiency", "number",
          lambda s: s.scale * s.sharpe * (
              1 + s.skewness / 6 * s.scale * s.sharpe - s.kurtosis / 24 * (s.scale * s.sharpe) ** 2),
          "sharpe (1 + skewness / 6 sharpe - excess_kurtosis / 24 sharpe^2); {risk_free}",
          "Pezier and White 2006, ICMA discussion paper", "no volatility", A_MONTH),
    Ratio("gaussian_var_sharpe", "efficiency", "number", lambda s: over(s["excess_mean"], s.gaussian),
          "mean excess return of a session / gaussian_var; {risk_free}",
          "Dowd 2000, Journal of Performance Measurement", "gaussian_var is not positive", A_MONTH),
    Ratio("modified_sharpe", "efficiency", "number", lambda s: over(s["excess_mean"], s.modified),
          "mean excess return of a session / modified_var; {risk_free}",
          "Gregoriou and Gueyie 2003, Journal of Wealth Management 6",
          "no modified_var, or it is not positive", A_MONTH),
    Ratio("conditional_sharpe", "efficiency", "number", lambda s: over(s["excess_mean"], -s["tail_mean"]),
          "mean excess return of a session / expected_shortfall; {risk_free}",
          "Martin, Rachev and Siboulet 2003, Wilmott", "no loss in the tail", A_MONTH, tail=True),
    Ratio("sortino", "efficiency", "number", lambda s: over(s["mean"] - s.session_target, s.downside) * s.scale,
          "mean of return - {target} / downside deviation of a session, x root of {periods}",
          "Sortino and van der Meer 1991, Journal of Portfolio Management 17", "no session below the target", A_MONTH),
    Ratio("kappa_three", "efficiency", "number",
          lambda s: over(s["mean"] - s.session_target, np.cbrt(s["low_third"] / s.n)),
          "mean of return - {target} / third root of the mean cubed shortfall, of a session",
          "Kaplan and Knowles 2004", "no session below the target", A_MONTH),
    Ratio("omega", "efficiency", "number", lambda s: over(s["high"], s["low"]),
          "sum of what exceeds {target} / sum of the shortfalls",
          "Keating and Shadwick 2002, Journal of Performance Measurement 6", "no session below the target", A_MONTH),
    Ratio("omega_sharpe", "efficiency", "number", lambda s: over(s["mean"] - s.session_target, s["low"] / s.n),
          "mean of return - {target} / downside_potential", BACON, "no session below the target", A_MONTH),
    Ratio("upside_potential_ratio", "efficiency", "number", lambda s: over(s["high"] / s.n, s.downside),
          "upside_potential / downside deviation of a session",
          "Sortino, van der Meer and Plantinga 1999, Journal of Portfolio Management 26",
          "no session below the target", A_MONTH),
    Ratio("volatility_skewness", "efficiency", "number",
          lambda s: over(s["high_second"], s["low_second"], FLAT**2),
          "upside_deviation^2 / downside_deviation^2", BACON, "no session below the target", A_MONTH),
    Ratio("variability_skewness", "efficiency", "number", lambda s: over(root(s["high_second"]), root(s["low_second"])),
          "upside_deviation / downside_deviation", BACON, "no session below the target", A_MONTH),
    Ratio("bernardo_ledoit", "efficiency", "number", lambda s: over(s["gains"], s["losses"]),
          "sum of the gains / sum of the losses (omega at 0; also profit factor, gain-loss ratio)",
          "Bernardo and Ledoit 2000, Journal of Political Economy 108", "no session lost", A_MONTH),
    Ratio("d_ratio", "efficiency", "number", lambda s: over(s["lost"] * s["losses"], s["won"] * s["gains"]),
          "sessions lost x sum of the losses / (sessions gained x sum of the gains)",
          "Lavinio 2000, The Hedge Fund Handbook", "no session gained", A_MONTH),
    Ratio("prospect_ratio", "efficiency", "number",
          lambda s: over((s["gains"] - 2.25 * s["losses"]) / s.n - s.session_target, s.downside) * s.scale,
          "mean of gains and 2.25 x losses, less {target}, / downside deviation of a session, x root of {periods}",
          "Watanabe 2006, Journal of Performance Measurement 11", "no session below the target", A_MONTH),
    Ratio("skewness_kurtosis_ratio", "efficiency", "number", lambda s: over(s.skewness, s.kurtosis + 3),
          "skewness / (excess_kurtosis + 3)", "Watanabe 2006, Journal of Performance Measurement 11",
          "no volatility", A_MONTH),
    Ratio("manipulation_proof", "efficiency", "percent",
          lambda s: -s.periods_per_year / 2 * np.log(s["manipulated"] / s.n * s.sure),
          "yearly certainty equivalent of the excess return for a risk aversion of 3; {risk_free}",
          "Goetzmann, Ingersoll, Spiegel and Welch 2007, Review of Financial Studies 20",
          "a return of -100 %", A_MONTH),
)  # fmt: skip
"""What was earned for the risk."""

DRAWDOWN: tuple[Ratio, ...] = (
    Ratio("max_drawdown", "drawdown", "percent", lambda s: s["deepest"],
          "deepest fall of the linked returns below their highest level since the period began"),
    Ratio("current_drawdown", "drawdown", "percent", lambda s: s["now"],
          "fall below the highest level at the end of the period"),
    Ratio("average_drawdown", "drawdown", "percent", lambda s: over(s["fall_sums"], s["falls"]),
          "mean of the lowest point of each drawdown, from its peak until that is reached again",
          empty="no drawdown"),
    Ratio("drawdown_count", "drawdown", "count", lambda s: s["falls"], "number of drawdowns"),
    Ratio("conditional_drawdown", "drawdown", "percent", lambda s: s["depth_tail_mean"],
          "mean of the k deepest distances from the peak, k = n (1 - {confidence}), rounded up",
          "Chekhlov, Uryasev and Zabarankin 2005, International Journal of Theoretical and Applied Finance 8",
          minimum=A_MONTH, tail=True),
    Ratio("longest_under_water", "drawdown", "count", lambda s: s["longest_under"],
          "most sessions from a peak until it is reached again, or to the end of the period"),
    Ratio("time_under_water", "drawdown", "percent", lambda s: s["under"] / s.n,
          "sessions below the highest level / sessions"),
    Ratio("average_recovery", "drawdown", "number", lambda s: over(s["recovering"], s["recovered"]),
          "mean number of sessions from the lowest point until the peak is reached again; open drawdowns do not count",
          empty="no drawdown has recovered"),
    Ratio("longest_recovery", "drawdown", "count",
          lambda s: np.where(s["recovered"] > 0, s["slowest"], np.nan),
          "most sessions from a lowest point until the peak was reached again; open drawdowns do not count",
          empty="no drawdown has recovered"),
    Ratio("pain_index", "drawdown", "percent", lambda s: s.pain, "mean distance from the highest level",
          "Zephyr Associates 2006"),
    Ratio("ulcer_index", "drawdown", "percent", lambda s: s.ulcer,
          "root mean square distance from the highest level",
          "Martin and McCann 1989, The Investor's Guide to Fidelity Funds"),
    Ratio("calmar", "drawdown", "number", lambda s: over(s.annual, -s["deepest"]),
          "annual_return / -max_drawdown", "Young 1991, Futures 20", "no drawdown", A_MONTH, True),
    Ratio("sterling", "drawdown", "number", lambda s: over(s.annual, 0.1 - s["deepest"]),
          "annual_return / (10 % - max_drawdown)", "Kestner 1996, Futures 25", "", A_MONTH, True),
    Ratio("sterling_calmar", "drawdown", "number",
          lambda s: over(s.excess, over(-s["fall_sums"], s["falls"])),
          "excess_return / -average_drawdown; {risk_free}", BACON, "no drawdown", A_MONTH, True),
    Ratio("burke", "drawdown", "number", lambda s: over(s.excess, root(s["fall_squares"])),
          "excess_return / root of the sum of the squares of the drawdowns; {risk_free}",
          "Burke 1994, Futures 23", "no drawdown", A_MONTH, True),
    Ratio("modified_burke", "drawdown", "number", lambda s: over(s.excess * np.sqrt(s.n), root(s["fall_squares"])),
          "burke x root of n; {risk_free}", BACON, "no drawdown", A_MONTH, True),
    Ratio("martin", "drawdown", "number", lambda s: over(s.excess, s.ulcer),
          "excess_return / ulcer_index; {risk_free}",
          "Martin and McCann 1989, The Investor's Guide to Fidelity Funds", "no drawdown", A_MONTH, True),
    Ratio("pain_ratio", "drawdown", "number", lambda s: over(s.excess, s.pain),
          "excess_return / pain_index; {risk_free}", "Zephyr Associates 2006", "no drawdown", A_MONTH, True),
    Ratio("recovery_factor", "drawdown", "number", lambda s: over((s["wealth"] - 1), -s["deepest"]),
          "linked return of the period / -max_drawdown", "Vince 1990, Portfolio Management Formulas", "no drawdown",
          A_MONTH),
)  # fmt: skip
"""Falls from the highest level, and what was earned for them."""

BENCHMARK: tuple[Ratio, ...] = (
    Ratio("annual_benchmark", "benchmark", "percent", lambda s: s.market_annual,
          "the benchmark's return, linked as annual_return", yearly=True, beside=True),
    Ratio("active_return", "benchmark", "percent", lambda s: s.pair_annual - s.market_annual,
          "annual_return - annual_benchmark", yearly=True, beside=True),
    Ratio("geometric_active_return", "benchmark", "percent",
          lambda s: (1 + s.pair_annual) / (1 + s.market_annual) - 1,
          "(1 + annual_return) / (1 + annual_benchmark) - 1", yearly=True, beside=True),
    Ratio("benchmark_volatility", "benchmark", "percent", lambda s: s.market_volatility,
          "deviation of the benchmark's returns (n - 1) x root of {periods}", minimum=A_MONTH, beside=True),
    Ratio("tracking_error", "benchmark", "percent", lambda s: s.tracking_error,
          "deviation of return - benchmark (n - 1) x root of {periods}", minimum=A_MONTH, beside=True),
    Ratio("information_ratio", "benchmark", "number",
          lambda s: over((s["pair_mean"] - s["market_mean"]) * s.periods_per_year, s.tracking_error),
          "mean of return - benchmark x {periods} / tracking_error",
          "Grinold and Kahn 1995, Active Portfolio Management", "no tracking error", A_MONTH, beside=True),
    Ratio("linked_information_ratio", "benchmark", "number",
          lambda s: over(s.pair_annual - s.market_annual, s.tracking_error),
          "active_return / tracking_error", BACON, "no tracking error", A_MONTH, True, True),
    Ratio("geometric_information_ratio", "benchmark", "number",
          lambda s: over(
              (1 + s.pair_annual) / (1 + s.market_annual) - 1,
              s.spread(s["geometric_second"], "pairs") * s.scale),
          "geometric_active_return / yearly deviation (n - 1) of (1 + return) / (1 + benchmark) - 1", BACON,
          "no tracking error", A_MONTH, True, True),
    Ratio("active_drawdown", "benchmark", "percent", lambda s: s["active_deepest"],
          "deepest fall of the book's level divided by the benchmark's", empty="a return of -100 %",
          beside=True),
    Ratio("benchmark_hit_rate", "benchmark", "percent", lambda s: s["ahead"] / s.pairs,
          "sessions with a return above the benchmark's / sessions", beside=True),
    Ratio("beta", "benchmark", "number", lambda s: s.beta,
          "slope of the excess returns on the benchmark's; {risk_free}",
          "Sharpe 1964, Journal of Finance 19", "the benchmark does not move", A_MONTH, beside=True),
    Ratio("bull_beta", "benchmark", "number", lambda s: _slope(s, "bull"),
          "slope of returns, not of excess returns, in the sessions in which the benchmark rose",
          BACON, "the benchmark does not rise", A_MONTH, beside=True),
    Ratio("bear_beta", "benchmark", "number", lambda s: _slope(s, "bear"),
          "slope of returns, not of excess returns, in the sessions in which the benchmark fell",
          BACON, "the benchmark does not fall", A_MONTH, beside=True),
    Ratio("timing_ratio", "benchmark", "number", lambda s: over(_slope(s, "bull"), _slope(s, "bear")),
          "bull_beta / bear_beta", BACON, "bear_beta is not positive", A_MONTH, beside=True),
    Ratio("market_timing", "benchmark", "number", _timing,
          "coefficient of the benchmark's squared excess return beside the plain one; {risk_free}",
          "Treynor and Mazuy 1966, Harvard Business Review 44", "the benchmark does not move", A_MONTH, beside=True),
    Ratio("alpha", "benchmark", "percent", lambda s: s.intercept * s.periods_per_year,
          "intercept of the excess returns on the benchmark's x {periods}; {risk_free}",
          "Sharpe 1964, Journal of Finance 19", "the benchmark does not move", A_MONTH, beside=True),
    Ratio("alpha_t", "benchmark", "number", _alpha_t, "alpha / its standard error (n - 2)",
          "Sharpe 1964, Journal of Finance 19", "the benchmark does not move, or explains everything", A_MONTH,
          beside=True),
    Ratio("jensen_alpha", "benchmark", "percent", lambda s: s.jensen,
          "excess_return - beta x the benchmark's; {risk_free}", "Jensen 1968, Journal of Finance 23",
          "the benchmark does not move", A_MONTH, True, True),
    Ratio("correlation", "benchmark", "number", lambda s: s.correlation,
          "of the excess returns with the benchmark's; {risk_free}", "Pearson 1895", "no volatility", A_MONTH,
          beside=True),
    Ratio("r_squared", "benchmark", "percent", lambda s: s.correlation**2, "correlation^2", "Pearson 1895",
          "no volatility", A_MONTH, beside=True),
    Ratio("systematic_risk", "benchmark", "percent", lambda s: s.systematic,
          "|beta| x deviation of the benchmark's excess returns (n - 1) x root of {periods}", BACON,
          "the benchmark does not move", A_MONTH, beside=True),
    Ratio("specific_risk", "benchmark", "percent", lambda s: s.specific,
          "deviation of what the regression leaves (n - 2) x root of {periods}", BACON,
          "the benchmark does not move", A_MONTH, beside=True),
    Ratio("treynor", "benchmark", "number", lambda s: over(s.pair_excess, s.beta), "excess_return / beta; {risk_free}",
          "Treynor 1965, Harvard Business Review 43", "beta is not positive", A_MONTH, True, True),
    Ratio("modified_treynor", "benchmark", "number", lambda s: over(s.pair_excess, s.systematic),
          "excess_return / systematic_risk; {risk_free}", BACON, "no systematic risk", A_MONTH, True, True),
    Ratio("appraisal", "benchmark", "number", lambda s: over(s.jensen, s.specific),
          "jensen_alpha / specific_risk; {risk_free}", "Treynor and Black 1973, Journal of Business 46",
          "no specific risk", A_MONTH, True, True),
    Ratio("modified_jensen", "benchmark", "percent", lambda s: over(s.jensen, s.beta),
          "jensen_alpha / beta; {risk_free}", "Smith and Tito 1969, Financial Analysts Journal 25",
          "beta is not positive", A_MONTH, True, True),
    Ratio("alternative_jensen", "benchmark", "number", lambda s: over(s.jensen, s.systematic),
          "jensen_alpha / systematic_risk; {risk_free}", BACON, "no systematic risk", A_MONTH, True, True),
    Ratio("fama_beta", "benchmark", "number", lambda s: over(s.pair_volatility, s.market_volatility),
          "volatility / benchmark_volatility", "Fama 1972, Journal of Finance 27", "the benchmark does not move",
          A_MONTH, beside=True),
    Ratio("diversification", "benchmark", "percent",
          lambda s: (over(s.pair_volatility, s.market_volatility) - s.beta) * s.market_excess,
          "(fama_beta - beta) x the benchmark's excess return; {risk_free}", "Fama 1972, Journal of Finance 27",
          "the benchmark does not move", A_MONTH, True, True),
    Ratio("net_selectivity", "benchmark", "percent",
          lambda s: s.pair_excess - over(s.pair_volatility, s.market_volatility) * s.market_excess,
          "jensen_alpha - diversification; {risk_free}", "Fama 1972, Journal of Finance 27",
          "the benchmark does not move", A_MONTH, True, True),
    Ratio("m_squared", "benchmark", "percent",
          lambda s: s.pair_free_annual + over(s.pair_excess, s.pair_volatility) * s.market_volatility,
          "annual_risk_free + excess_return x benchmark_volatility / volatility; {risk_free}",
          "Modigliani and Modigliani 1997, Journal of Portfolio Management 23", "no volatility", A_MONTH, True, True),
    Ratio("m_squared_excess", "benchmark", "percent",
          lambda s: over(s.pair_excess, s.pair_volatility) * s.market_volatility - s.market_excess,
          "m_squared - annual_benchmark; {risk_free}",
          "Modigliani and Modigliani 1997, Journal of Portfolio Management 23", "no volatility", A_MONTH, True, True),
    Ratio("geometric_m_squared_excess", "benchmark", "percent",
          lambda s: (1 + s.pair_free_annual + over(s.pair_excess, s.pair_volatility) * s.market_volatility)
          / (1 + s.market_annual) - 1,
          "(1 + m_squared) / (1 + annual_benchmark) - 1; {risk_free}", BACON, "no volatility", A_MONTH, True, True),
    Ratio("up_capture", "benchmark", "number", lambda s: _capture(s, "up"),
          "mean return / the benchmark's mean return in the sessions in which it rose", BACON,
          "the benchmark does not rise", A_MONTH, beside=True),
    Ratio("down_capture", "benchmark", "number", lambda s: _capture(s, "down"),
          "mean return / the benchmark's mean return in the sessions in which it fell", BACON,
          "the benchmark does not fall", A_MONTH, beside=True),
    Ratio("capture_ratio", "benchmark", "number", lambda s: over(_capture(s, "up"), _capture(s, "down")),
          "up_capture / down_capture", "Morningstar 2011, Upside and Downside Capture Ratio",
          "down_capture is not positive", A_MONTH, beside=True),
    Ratio("up_number", "benchmark", "percent", lambda s: over(s["both_up"], s["up"]),
          "sessions with a gain / sessions, of those in which the benchmark rose", BACON,
          "the benchmark does not rise", beside=True),
    Ratio("down_number", "benchmark", "percent", lambda s: over(s["both_down"], s["down"]),
          "sessions with a loss / sessions, of those in which the benchmark fell", BACON,
          "the benchmark does not fall", beside=True),
    Ratio("up_percentage", "benchmark", "percent", lambda s: over(s["ahead_up"], s["up"]),
          "sessions with a return above the benchmark's / sessions, of those in which it rose", BACON,
          "the benchmark does not rise", beside=True),
    Ratio("down_percentage", "benchmark", "percent", lambda s: over(s["ahead_down"], s["down"]),
          "sessions with a return above the benchmark's / sessions, of those in which it fell", BACON,
          "the benchmark does not fall", beside=True),
)  # fmt: skip
"""Beside the benchmark: read in the sessions in which both have a return."""

REGISTRY: tuple[Ratio, ...] = (*RETURN, *RISK, *EFFICIENCY, *DRAWDOWN, *BENCHMARK)
"""Every ratio, in the order in which it is shown."""
