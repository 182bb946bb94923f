"""Linking: effects of many sessions as effects of a period, so that they add up (or compound) to its active return.

Belongs here: the coefficients of six methods and the effects that they adjust; arrays alone. Does not belong here:
which sessions a period has, and the tables (``periods``); Carino for ten thousand books by running sums (``kernel``).

Conventions. p and b are the returns of the book and of its benchmark in a session, P and B those of the period; returns
are fractions and link by multiplication. Effects of a session add up to p - b. Every method but Frongello's multiplies
an effect by a coefficient of its session, so whatever adds up in each session adds up over the period.

* ``carino`` (Carino 1999): k_t / K, k = ln((1 + p) / (1 + b)) / (p - b) of the session and of the period; 1 / (1 + b)
  where p = b.
* ``menchero`` (Menchero 2000): M + a (p - b), M = ((P - B) / n) / ((1 + P)^(1/n) - (1 + B)^(1/n)), (1 + B)^(1 - 1/n)
  where P = B, and the a that leaves nothing over: the coefficients that differ least from each other.
* ``grap`` (Groupe de Recherche en Attribution de Performance 1997): the growth of the book before the session times
  that of the benchmark after it.
* ``frongello`` (Frongello 2002): an effect grows with the book before it, and what was linked before earns the
  benchmark's return in each later session. Effects of the period are those of ``grap``; those of sessions are not,
  and do not change as sessions are added.
* ``davies_laker`` (Davies and Laker 2001): allocation and selection are what the notional funds b + allocation and
  b + selection earned over the period beyond B; exact for the whole, and silent on its parts: within an effect,
  sessions and nodes share by Carino's coefficients of that fund. Currency and trading are linked as by ``carino``, and
  interaction is the rest, as in the original.
* ``geometric`` (Burnie, Knowles and Teder 1998; Bacon 2008): each kind of effect is divided by the growth that it is
  added to (allocation by 1 + b, selection by 1 + b + allocation, and so on), so that kinds compound in each session,
  over sessions, and to (1 + P) / (1 + B) - 1. Within a kind, sessions and nodes share by logarithms; ``total`` is
  shared by those of the whole, so that totals add up to (1 + P) / (1 + B) - 1.

Where a method divides by, or takes the logarithm of, a growth that is not positive, or below a millionth, the period
has no linked effects: the coefficients are NaN. Nor has one in which a fund grew more than a million times.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KINDS = ("allocation", "allocation_above", "selection", "interaction", "currency_effect", "trading")
"""Kinds of effects, in the order in which geometric linking compounds them; coefficients have ``total`` after them.

``allocation_above`` is the bets of nodes above as they fall on a node: it counts for what allocation counts for.
"""
LEAST, MOST = 1e-6, 1e6
"""Growth between which returns are linked: 12 places of anything beyond are not to be had of numbers of 16 digits."""
LOST = 1e-13
"""Part of what is added up that adding and compounding may lose: a thousand times 2^-53."""
_OTHERS = [at for at, kind in enumerate(KINDS) if kind != "interaction"]


def coefficients(method: str, portfolio: Floats, benchmark: Floats, kinds: Floats, count: Ints) -> Floats:
    """What an effect of each kind and session counts for over the period.

    Args:
        method: one of ``daybook.intake.terms.LINKINGS``.
        portfolio: returns of each period (rows) in its sessions (columns), 0 after its last one.
        benchmark: likewise.
        kinds: effects of the whole, shape (len(KINDS), periods, sessions), 0 after the last session.
        count: sessions of each period.

    Returns:
        Shape (len(KINDS) + 1, periods, sessions), ``total`` last; NaN for a period that the method cannot link.
        ``davies_laker`` says of interaction what ``adjusted`` says: it is the rest.
    """
    shape = (len(KINDS) + 1, *portfolio.shape)
    if method == "carino":
        return np.broadcast_to(_carino(portfolio, benchmark), shape)
    if method == "menchero":
        return np.broadcast_to(_menchero(portfolio, benchmark, count), shape)
    if method in ("grap", "frongello"):
        return np.broadcast_to(_grap(portfolio, benchmark), shape)
    if method == "davies_laker":
        return _davies_laker(portfolio, benchmark, kinds)
    return _geometric(portfolio, benchmark, kinds)


def rested(method: str, linked: Floats) -> Floats:
    """``linked`` (last axis: KINDS, then ``total``) with the interaction of ``davies_laker``: what is left of total."""
    if method != "davies_laker":
        return linked
    found = linked.copy()
    found[..., KINDS.index("interaction")] = linked[..., -1] - linked[..., _OTHERS].sum(axis=-1)
    return found


def adjusted(method: str, portfolio: Floats, benchmark: Floats, kinds: Floats, effects: Floats, count: Ints) -> Floats:
    """Effects of each session as they count over the period: added up over sessions they are those of the period.

    Under ``geometric`` too: kinds of the whole then compound over kinds, and not over sessions.

    Args:
        method: as in ``coefficients``, and so are portfolio, benchmark, kinds and count.
        effects: shape (periods, sessions, nodes, len(KINDS) + 1), ``total`` last.

    Returns:
        The shape of ``effects``.
    """
    if method == "frongello":
        return carried(portfolio, benchmark, effects)
    factors = np.moveaxis(coefficients(method, portfolio, benchmark, kinds, count), 0, -1)
    return rested(method, effects * factors[:, :, None, :])


def carried(portfolio: Floats, benchmark: Floats, effects: Floats) -> Floats:
    """Effects of sessions by Frongello: its own, grown with the book before it, and b times all linked before.

    F_t = e_t (growth of the book before t) + b_t (F_1 + ... + F_t-1). The sum C_t = C_t-1 (1 + b_t) + e_t (growth) is
    growth of the benchmark times a running sum, so no session waits for the one before.

    Args:
        portfolio: returns, shape (periods, sessions); so is benchmark.
        effects: shape (periods, sessions, ...).
    """
    tail = (..., *([None] * (effects.ndim - 2)))
    behind = np.cumprod(1 + benchmark, axis=1)
    behind = np.where((behind > 0).all(axis=1, keepdims=True), behind, np.nan)
    whole = np.cumsum(effects * (_before(portfolio) / behind)[tail], axis=1) * behind[tail]
    return np.asarray(np.diff(whole, axis=1, prepend=0.0))


def compounded(returns: Floats) -> Floats:
    """Return of each row's sessions, linked."""
    return np.asarray(np.cumprod(1 + returns, axis=-1)[..., -1] - 1)


def within_reach(portfolio: Floats, benchmark: Floats) -> NDArray[np.bool_]:
    """Whether neither side of a period (row) grows beyond ``MOST`` at any time."""
    grown = np.maximum(*(np.cumprod(1 + part, axis=1).max(axis=1, initial=1.0) for part in (portfolio, benchmark)))
    return np.asarray(grown <= MOST)


def share(growth: Floats) -> Floats:
    """ln(1 + x) / x, and 1 where x = 0; NaN where 1 + x is not between ``LEAST`` and ``MOST``."""
    known = np.where((growth >= LEAST - 1) & (growth <= MOST), growth, np.nan)
    return np.divide(np.log1p(known), known, out=np.where(np.isnan(known), np.nan, 1.0), where=known != 0)


def beyond(portfolio: Floats, benchmark: Floats) -> Floats:
    """(1 + p) / (1 + b) - 1; NaN where either growth is below ``LEAST``."""
    fine = (portfolio >= LEAST - 1) & (benchmark >= LEAST - 1)
    return np.asarray(np.divide(portfolio - benchmark, 1 + benchmark, out=np.full(fine.shape, np.nan), where=fine))


def contributing(returns: Floats) -> Floats:
    """Carino's coefficients of contributions to returns themselves: as against a benchmark that earns nothing."""
    return _carino(returns, np.zeros_like(returns))


def _carino(portfolio: Floats, benchmark: Floats) -> Floats:
    whole, base = _whole(portfolio, benchmark)
    daily = share(beyond(portfolio, benchmark)) / np.where(benchmark > -1, 1 + benchmark, np.nan)
    scaled = daily * ((1 + base) / share(whole))[:, None]
    return np.where(np.isnan(daily).any(axis=1, keepdims=True), np.nan, scaled)


def _whole(portfolio: Floats, benchmark: Floats) -> tuple[Floats, Floats]:
    """(1 + P) / (1 + B) - 1 and B of each period."""
    base = compounded(benchmark)
    return beyond(compounded(portfolio), base), base


def _menchero(portfolio: Floats, benchmark: Floats, count: Ints) -> Floats:
    whole, base = _whole(portfolio, benchmark)
    sessions = np.maximum(count, 1)
    # (1 + P)^(1/n) - (1 + B)^(1/n) = (1 + B)^(1/n) (exp(ln(1 + X) / n) - 1): the difference is never taken, so that
    # nothing cancels where P and B are close.
    step = np.expm1(np.log1p(whole) / sessions)
    mean = np.divide(whole / sessions, step, out=np.where(np.isnan(whole), np.nan, 1.0), where=step != 0)
    level = mean * np.exp(np.log1p(np.where(base > -1, base, np.nan)) * (1 - 1 / sessions))
    active = portfolio - benchmark
    left = (compounded(portfolio) - base) - level * np.cumsum(active, axis=1)[:, -1]
    squares = np.cumsum(active**2, axis=1)[:, -1]
    slope = np.divide(left, squares, out=np.zeros(len(left)), where=squares > 0)
    return np.asarray(level[:, None] + slope[:, None] * active)


def _before(returns: Floats) -> Floats:
    """Growth before each session."""
    grown = np.cumprod(1 + returns, axis=1)
    return np.concatenate([np.ones((len(returns), 1)), grown[:, :-1]], axis=1)


def _grap(portfolio: Floats, benchmark: Floats) -> Floats:
    return _before(portfolio) * _before(benchmark[:, ::-1])[:, ::-1]


def _davies_laker(portfolio: Floats, benchmark: Floats, kinds: Floats) -> Floats:
    whole = _carino(portfolio, benchmark)
    allocated = _carino(benchmark + kinds[0] + kinds[1], benchmark)
    selected = _carino(benchmark + kinds[KINDS.index("selection")], benchmark)
    found = np.stack([allocated, allocated, selected, whole, whole, whole, whole])
    return np.where(np.isnan(found).any(axis=(0, 2), keepdims=True), np.nan, found)


def _geometric(portfolio: Floats, benchmark: Floats, kinds: Floats) -> Floats:
    _, base = _whole(portfolio, benchmark)
    total = _carino(portfolio, benchmark) / (1 + base)[:, None]
    fund = 1 + benchmark
    found = []
    for effect in (kinds[0] + kinds[1], *kinds[2:]):
        positive = (fund >= LEAST) & (fund + effect >= LEAST)
        own = np.divide(effect, fund, out=np.full(fund.shape, np.nan), where=positive)
        found.append(share(own) / share(compounded(own))[:, None] / np.where(positive, fund, np.nan))
        fund = fund + effect
    stacked = np.stack([found[0], *found, total])
    return np.where(np.isnan(stacked).any(axis=(0, 2), keepdims=True), np.nan, stacked)
