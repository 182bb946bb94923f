"""Simulation: random numbers that depend on a seed and on nothing else.

Belongs here: the draws of Monte Carlo scenarios, and of specific returns. Does not belong here: what is drawn from
(``scenarios``).

Conventions: numpy's Philox generator, so that a seed gives the same numbers on every machine. A path is a mix of the S
centred scenarios, X' w / sqrt(S - 1) with w independent standard normal: its covariance is the sample covariance of all
lines at once, which is never inverted, so it may be singular. Student's t with n degrees of freedom divides each path
by sqrt(chi2_n / (n - 2)), one number a path: all lines have the same variance as before, and jointly fat tails. Each
path has a mirror image, X' (-w): the mean of every line is 0.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]


@lru_cache(maxsize=2)
def draws(scenarios: int, paths: int, seed: int, degrees_of_freedom: float) -> Floats:
    """Independent draws of unit variance, shape (scenarios, paths), in units of 1 / sqrt(scenarios); not to be changed.

    Args:
        scenarios: most scenarios that are ever mixed; fewer use the first rows.
        paths: how many, mirror images not counted.
        seed: of numpy's Philox.
        degrees_of_freedom: of Student's t, above 2; NaN for normal.
    """
    source = np.random.Generator(np.random.Philox(seed))
    mix = source.standard_normal((scenarios, paths))
    if not np.isnan(degrees_of_freedom):
        mix /= np.sqrt(source.chisquare(degrees_of_freedom, paths) / (degrees_of_freedom - 2))
    mix.flags.writeable = False
    return mix


def paths(base: Floats, mix: Floats) -> Floats:
    """Every path of each row of ``base``, the mirror images after the others.

    Args:
        base: scenarios about their mean, shape (N, S).
        mix: ``draws`` of at least S rows, shape (>= S, P).

    Returns:
        Shape (N, 2 P); 0 where there are fewer than two scenarios.
    """
    from daybook.risk.mixing import mixed

    rows, scenarios = base.shape
    half = mix.shape[1]
    made = np.zeros((rows, 2 * half))
    mixed(np.ascontiguousarray(base / np.sqrt(max(scenarios - 1, 1))), mix, made)
    np.negative(made[:, :half], out=made[:, half:])
    return made


def at(base: Floats, mix: Floats, which: Ints) -> Floats:
    """One path of each row of ``base``: column ``which[i]`` of row i of ``paths``, shape (N,)."""
    half = mix.shape[1]
    sign = np.where(which < half, 1.0, -1.0)
    scenarios = base.shape[1]
    mixed = np.einsum("ns,ns->n", base, mix[:scenarios, which % half].T)
    return np.asarray(sign * mixed / np.sqrt(max(scenarios - 1, 1)))


def shuffled(residuals: Floats, known: Flags, words: Words, sessions: Ints, seed: int) -> Floats:
    """Residuals of each row from sessions drawn at random, with replacement, each row by itself.

    Args:
        residuals: shape (N, T).
        known: which of them there are, shape (N, T).
        words: hash of each row's name: the same name has the same draws whatever other rows there are, shape (N,).
        sessions: days since 1970 of each scenario, shape (S,).
        seed: whole number.

    Returns:
        Shape (N, S); 0 for a row without residuals.
    """
    drawn = _scramble(words[:, None] ^ _scramble(np.uint64(seed) + sessions.astype(np.uint64))[None, :])
    count = known.sum(axis=1)
    place = (drawn % np.maximum(count, 1).astype(np.uint64)[:, None]).astype(np.int64)
    # Those known, in order, before the others.
    order = np.argsort(~known, axis=1, kind="stable")
    found = np.take_along_axis(residuals, np.take_along_axis(order, place, axis=1), axis=1)
    return np.where(count[:, None] > 0, found, 0.0)


def _scramble(words: Words) -> Words:
    """splitmix64 (Steele, Lea and Flood 2014): 64 bits of a counter made to look independent of each other."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)), np.uint64)
