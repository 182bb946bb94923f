"""Matching: which lines of two sides answer each other.

Belongs here: pairs, sums and parts of lines, on arrays, all groups at once. Does not belong here: what a line is, which
lines take part, and what a difference means (``transactions``).

Lines find each other in stages, each among what the one before left over:

1. by id: the other side names ours. Several lines of one id answer it together, unless one alone does.
2. exactly: the same group, quantity and money, the first to the first, the second to the second.
3. closely: within tolerance, the nearest first.
4. one to many: one line is the sum of all others left in its group; else of some of them. All subsets of up to ``MOST``
   lines are tried, of longer lists every run of neighbours: never 2^n of anything large.
5. net: what is left of a group, purchases less sales, is the same on both sides.
6. partial: the likeliest of what is left, which differs. First the same quantity with other money; then another
   quantity at nearly the same price; then another date, then another direction.

Within a group lines stand in the order that they are given in, and every choice goes by values and that order: the
order of arrival never decides.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daybook.market import dated

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Accepts = Callable[[Ints, Ints], Flags]

ONE, MANY, NET, PARTIAL = "one_to_one", "one_to_many", "net", "partial"
MOST = 10
"""Lines of which every subset is tried: 1,023 sums."""
ROUNDS = 32
"""Lines of one group for which parts are sought, the largest first; and rounds of finding the nearest."""
CELLS = 4_000_000
"""Sums looked at in one go, 32 MB."""
HALF = 0.5
"""Differences beyond this share of the larger number are two lines and not one that differs."""
NEARLY = 0.05
"""Prices with charges that differ by no more than this share may be of one trade with two quantities."""
WINDOW = 7
"""Calendar days within which a line may be the same with another date."""


@dataclass(frozen=True)
class Lines:
    """One side.

    Attributes:
        key: group of each line; only lines of one group answer each other, but by id and in the last stage.
        net_key: group without the direction.
        id_key: group by the id that the line has or names; -1 where there is none.
        date_key: group without the date.
        turn_key: group without the direction, of date, quantity and money without sign.
        quantity: without sign.
        signed: quantity with the sign of its direction.
        money: received positive.
        quantity_slack: how much its quantity may differ.
        money_slack: how much its money may differ.
        day: day number.
    """

    key: Ints
    net_key: Ints
    id_key: Ints
    date_key: Ints
    turn_key: Ints
    quantity: Floats
    signed: Floats
    money: Floats
    quantity_slack: Floats
    money_slack: Floats
    day: Ints

    def __len__(self) -> int:
        return len(self.key)


@dataclass
class Matching:
    """Two sides and what answers what so far.

    Attributes:
        match_ours, match_theirs: number of the match of each line, -1 for none.
        kinds: kind of each match.
    """

    ours: Lines
    theirs: Lines
    match_ours: Ints = field(init=False)
    match_theirs: Ints = field(init=False)
    kinds: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.match_ours = np.full(len(self.ours), -1, np.int64)
        self.match_theirs = np.full(len(self.theirs), -1, np.int64)

    def left(self) -> tuple[Ints, Ints]:
        """Lines of both sides that nothing answers yet."""
        return np.flatnonzero(self.match_ours < 0), np.flatnonzero(self.match_theirs < 0)

    def join(self, ours: Ints, theirs: Ints, groups_ours: Ints, groups_theirs: Ints, kind: str) -> None:
        """Let lines of one group answer each other; every group has lines of both sides."""
        names, number = np.unique(np.r_[groups_ours, groups_theirs], return_inverse=True)
        self.match_ours[ours] = len(self.kinds) + number[: len(ours)]
        self.match_theirs[theirs] = len(self.kinds) + number[len(ours) :]
        self.kinds += [kind] * len(names)

    def pair(self, ours: Ints, theirs: Ints, kind: str) -> None:
        """Let lines answer each other one by one."""
        self.join(ours, theirs, np.arange(len(ours)), np.arange(len(ours)), kind)


def matched(ours: Lines, theirs: Lines, grouping: str) -> Matching:
    """Which lines answer each other.

    Args:
        ours: lines of the books, in an order that does not depend on their arrival.
        theirs: lines of the other side, likewise.
        grouping: one_to_one (stages 1, 2, 3, 6), one_to_many (also 4) or net (also 5).
    """
    found = Matching(ours, theirs)
    if not len(ours) or not len(theirs):
        return found
    _by_id(found, grouping)
    _exactly(found)
    _nearest(found, "key", ("quantity",), "money", lambda o, t: _agree(found, o, t), ONE)
    if grouping != ONE:
        _in_sum(found)
        _in_parts(found)
    if grouping == NET:
        _net(found)
    if grouping != ONE:
        _nearly_in_sum(found)
    _nearest(found, "key", ("quantity",), "money", lambda o, t: _alike(ours.money[o], theirs.money[t]), PARTIAL)
    _nearest(found, "key", (), "quantity", lambda o, t: _same_price(found, o, t), PARTIAL)
    _nearest(found, "date_key", (), "day", lambda o, t: np.abs(ours.day[o] - theirs.day[t]) <= WINDOW, PARTIAL)
    _nearest(found, "turn_key", (), "day", lambda o, t: np.ones(len(o), bool), PARTIAL)
    return found


def _agree(found: Matching, ours: Ints, theirs: Ints) -> Flags:
    """Whether quantity and money of two lines agree within tolerance."""
    mine, other = found.ours, found.theirs
    near = np.abs(mine.signed[ours] - other.signed[theirs]) <= np.maximum(
        mine.quantity_slack[ours], other.quantity_slack[theirs]
    )
    close: Flags = near & (
        np.abs(mine.money[ours] - other.money[theirs]) <= np.maximum(mine.money_slack[ours], other.money_slack[theirs])
    )
    return close


def _alike(one: Floats, other: Floats) -> Flags:
    similar: Flags = np.abs(one - other) <= HALF * np.maximum(np.abs(one), np.abs(other))
    return similar


def _same_price(found: Matching, ours: Ints, theirs: Ints) -> Flags:
    """Whether two lines may be one trade: about as large, or with another quantity at nearly the same price."""
    q, r = found.ours.quantity[ours], found.theirs.quantity[theirs]
    m, n = np.abs(found.ours.money[ours]), np.abs(found.theirs.money[theirs])
    # m / q against n / r without a division by zero.
    nearly = np.abs(m * r - n * q) <= NEARLY * np.maximum(m * r, n * q)
    same: Flags = _alike(found.ours.signed[ours], found.theirs.signed[theirs]) & _alike(
        found.ours.money[ours], found.theirs.money[theirs]
    )
    return same | (nearly & (q > 0) & (r > 0))


def _sums(groups: Ints, size: int, values: Floats) -> Floats:
    return np.bincount(groups, values, size).astype(np.float64)


def _largest(groups: Ints, size: int, values: Floats) -> Floats:
    found = np.zeros(size)
    np.maximum.at(found, groups, values)
    return found


def _by_id(found: Matching, grouping: str) -> None:
    """Lines that name an id of ours."""
    ours, theirs = found.ours, found.theirs
    size = int(max(ours.id_key.max(initial=-1), theirs.id_key.max(initial=-1))) + 1
    owner = np.full(size, -1, np.int64)
    named = np.flatnonzero(ours.id_key >= 0)[::-1]
    owner[ours.id_key[named]] = named
    answer = np.flatnonzero((theirs.id_key >= 0) & (owner[theirs.id_key] >= 0) if size else np.zeros(len(theirs), bool))
    if not len(answer):
        return
    code = theirs.id_key[answer]
    line = owner[code]
    together = np.abs(_sums(code, size, theirs.signed[answer])[code] - ours.signed[line]) <= np.maximum(
        _largest(code, size, theirs.quantity_slack[answer])[code], ours.quantity_slack[line]
    )
    together &= np.abs(_sums(code, size, theirs.money[answer])[code] - ours.money[line]) <= np.maximum(
        _largest(code, size, theirs.money_slack[answer])[code], ours.money_slack[line]
    )
    alone = _agree(found, line, answer)
    first = np.full(size, len(theirs), np.int64)
    np.minimum.at(first, code[alone], answer[alone])
    earliest = np.full(size, len(theirs), np.int64)
    np.minimum.at(earliest, code, answer)
    if grouping == ONE:
        keep = answer == np.where(first[code] < len(theirs), first[code], earliest[code])
    else:
        keep = together | np.where(first[code] < len(theirs), answer == first[code], True)
    answer, code = answer[keep], code[keep]
    count = np.bincount(code, minlength=size)
    for kind, chosen in ((ONE, count[code] == 1), (MANY, count[code] > 1)):
        groups = np.unique(code[chosen])
        found.join(owner[groups], answer[chosen], groups, code[chosen], kind)


def _exactly(found: Matching) -> None:
    """The same group, quantity and money, in the order of both sides."""
    mine, other = found.left()
    ours, theirs = found.ours, found.theirs
    exact = [
        [lines.key[at], np.rint(lines.signed[at] * 1e8), np.rint(lines.money[at] * 1e6)]
        for lines, at in ((ours, mine), (theirs, other))
    ]
    left, right = dated.codes(exact[0], exact[1])
    left, right = dated.codes([left, _turn(left)], [right, _turn(right)])
    _, at_ours, at_theirs = np.intersect1d(left, right, assume_unique=True, return_indices=True)
    found.pair(mine[at_ours], other[at_theirs], ONE)


def _turn(codes: Ints) -> Ints:
    """How many of the same code stand before each."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    begins = np.r_[True, ordered[1:] != ordered[:-1]] if len(order) else np.zeros(0, bool)
    since = np.flatnonzero(begins)[np.cumsum(begins) - 1]
    turn = np.empty(len(codes), np.int64)
    turn[order] = np.arange(len(codes)) - since
    return turn


def _nearest(found: Matching, key: str, same: tuple[str, ...], value: str, accepts: Accepts, kind: str) -> None:
    """Pairs of lines of one ``key`` that are nearest to each other in ``value``, as far as they are acceptable.

    What is nearest to each other stands side by side once both are sorted. In each round all pairs that are nearer than
    those at both their sides leave the row together.
    """
    for _ in range(ROUNDS):
        mine, other = found.left()
        sides = ((found.ours, mine), (found.theirs, other))
        columns = [[getattr(lines, name)[at] for name in (key, *same)] for lines, at in sides]
        left, right = dated.codes(columns[0], columns[1])
        unknown = [getattr(lines, key)[at] < 0 for lines, at in sides]
        common = np.isin(left, right) & ~unknown[0], np.isin(right, left) & ~unknown[1]
        mine, left, other, right = mine[common[0]], left[common[0]], other[common[1]], right[common[1]]
        if not len(mine) or not len(other):
            return
        code = np.r_[left, right]
        worth = np.r_[getattr(found.ours, value)[mine], getattr(found.theirs, value)[other]].astype(np.float64)
        side = np.r_[np.zeros(len(mine), np.int64), np.ones(len(other), np.int64)]
        tied, _ = dated.codes([code, worth, side], [code[:0], worth[:0], side[:0]])
        order = np.lexsort((side, _turn(tied), worth, code))
        code, worth, side, line = code[order], worth[order], side[order], np.r_[mine, other][order]
        opposite = (code[1:] == code[:-1]) & (side[1:] != side[:-1])
        one = np.where(side[:-1] == 0, line[:-1], line[1:])
        two = np.where(side[:-1] == 0, line[1:], line[:-1])
        good = opposite.copy()
        good[opposite] = accepts(one[opposite], two[opposite])
        gap = np.where(good, worth[1:] - worth[:-1], np.inf)
        chosen = _lowest(gap)
        if not chosen.any():
            return
        found.pair(one[chosen], two[chosen], kind)


def _lowest(gap: Floats) -> Flags:
    """Gaps that are lower than those beside them; of several equal ones in a row every other one."""
    begins = np.r_[True, gap[1:] != gap[:-1]]
    run = np.cumsum(begins) - 1
    start = np.flatnonzero(begins)
    height = gap[start]
    before, after = np.r_[np.inf, height[:-1]], np.r_[height[1:], np.inf]
    low = np.isfinite(height) & (height < before) & (height < after)
    lowest: Flags = low[run] & ((np.arange(len(gap)) - start[run]) % 2 == 0)
    return lowest


@dataclass(frozen=True)
class _Groups:
    """What is left of both sides, by the groups that both have."""

    mine: Ints
    other: Ints
    left: Ints
    right: Ints
    size: int

    def count(self) -> tuple[Ints, Ints]:
        return np.bincount(self.left, minlength=self.size), np.bincount(self.right, minlength=self.size)


def _groups(found: Matching, key: str) -> _Groups:
    mine, other = found.left()
    left, right = dated.codes([getattr(found.ours, key)[mine]], [getattr(found.theirs, key)[other]])
    here, there = np.isin(left, right), np.isin(right, left)
    names, codes = np.unique(np.r_[left[here], right[there]], return_inverse=True)
    return _Groups(mine[here], other[there], codes[: here.sum()], codes[here.sum() :], len(names))


def _totals_agree(found: Matching, of: _Groups) -> Flags:
    """Whether the sums of each group agree on both sides."""
    ours, theirs = found.ours, found.theirs
    good = np.ones(of.size, bool)
    for value, slack in (("signed", "quantity_slack"), ("money", "money_slack")):
        gap = _sums(of.left, of.size, getattr(ours, value)[of.mine]) - _sums(
            of.right, of.size, getattr(theirs, value)[of.other]
        )
        allowed = np.maximum(
            _largest(of.left, of.size, getattr(ours, slack)[of.mine]),
            _largest(of.right, of.size, getattr(theirs, slack)[of.other]),
        )
        good &= np.abs(gap) <= allowed
    return good


def _join_groups(found: Matching, of: _Groups, chosen: Flags, kind: str) -> None:
    here, there = chosen[of.left], chosen[of.right]
    found.join(of.mine[here], of.other[there], of.left[here], of.right[there], kind)


def _in_sum(found: Matching) -> None:
    """One line that is all others of its group together."""
    of = _groups(found, "key")
    here, there = of.count()
    _join_groups(found, of, _totals_agree(found, of) & ((here == 1) | (there == 1)) & (here + there > 2), MANY)


def _net(found: Matching) -> None:
    """Purchases less sales."""
    of = _groups(found, "net_key")
    here, there = of.count()
    _join_groups(found, of, _totals_agree(found, of) & (here + there > 2), NET)


def _nearly_in_sum(found: Matching) -> None:
    """One line and several that together come nearer to it than any of them alone."""
    of = _groups(found, "key")
    here, there = of.count()
    q, r = found.ours.quantity[of.mine], found.theirs.quantity[of.other]
    gap = np.abs(_sums(of.left, of.size, q) - _sums(of.right, of.size, r))
    single = np.where(here == 1, _sums(of.left, of.size, q), _sums(of.right, of.size, r))
    best = np.full(of.size, np.inf)
    np.minimum.at(best, of.left[there[of.left] == 1], np.abs(q - single[of.left])[there[of.left] == 1])
    np.minimum.at(best, of.right[here[of.right] == 1], np.abs(r - single[of.right])[here[of.right] == 1])
    several = ((here == 1) & (there > 1)) | ((there == 1) & (here > 1))
    _join_groups(found, of, several & (gap < best) & (gap <= HALF * single), PARTIAL)


def _in_parts(found: Matching) -> None:
    """One line that is the sum of some of the others of its group; ours of theirs, then theirs of ours."""
    for turned in (False, True):
        of = _groups(found, "key")
        if turned:
            of = _Groups(of.other, of.mine, of.right, of.left, of.size)
        lines = (found.theirs, found.ours) if turned else (found.ours, found.theirs)
        wanted = np.lexsort((of.mine, -lines[0].quantity[of.mine], of.left))
        many = np.argsort(of.right, kind="stable")
        of = _Groups(of.mine[wanted], of.other[many], of.left[wanted], of.right[many], of.size)
        rows = [*_subsets(lines, of), *_runs(lines, of)]
        if not rows:
            continue
        ones = np.concatenate([one for one, _, _ in rows])
        parts = np.concatenate([part for _, part, _ in rows])
        owners = np.concatenate([owner for _, _, owner in rows])
        sides = (parts, ones, owners, ones) if turned else (ones, parts, ones, owners)
        found.join(*sides, MANY)


@cache
def _masks(size: int) -> tuple[Ints, NDArray[np.bool_]]:
    """Every set of two or more of ``size`` lines, the smaller first: as numbers, and as sets x lines."""
    numbers = np.arange(1, 2**size)
    members = (numbers[:, None] >> np.arange(size)) & 1 == 1
    count = members.sum(axis=1)
    order = np.lexsort((numbers, count))
    order = order[count[order] >= 2]
    return numbers[order], members[order]


def _subsets(lines: tuple[Lines, Lines], of: _Groups) -> list[tuple[Ints, Ints, Ints]]:
    """For lines of the first side the sets of the second that they are the sum of: (line, parts, line of each part)."""
    here, there = of.count()
    starts, begins = np.r_[0, np.cumsum(there)], np.r_[0, np.cumsum(here)]
    rows: list[tuple[Ints, Ints, Ints]] = []
    for size in range(2, MOST + 1):
        numbers, members = _masks(size)
        share = max(CELLS // len(numbers), 1)
        every = np.flatnonzero((there == size) & (here > 0))
        for chunk in (every[at : at + share] for at in range(0, len(every), share)):
            rows += _of_size(lines, of, chunk, starts, begins, here, (numbers, members))
    return rows


def _of_size(
    lines: tuple[Lines, Lines], of: _Groups, chunk: Ints, starts: Ints, begins: Ints, here: Ints, sets: Any
) -> list[tuple[Ints, Ints, Ints]]:
    """``_subsets`` of groups that all have as many lines on the second side."""
    numbers, members = sets
    rows = []
    part = of.other[starts[chunk][:, None] + np.arange(members.shape[1])]
    quantity, money = (getattr(lines[1], name)[part] @ members.T.astype(np.float64) for name in ("signed", "money"))
    taken = np.zeros(len(chunk), np.int64)
    for rank in range(min(int(here[chunk].max()), ROUNDS)):
        at = np.flatnonzero(here[chunk] > rank)
        one = of.mine[begins[chunk[at]] + rank]
        free = (numbers[None, :] & taken[at][:, None]) == 0
        good = free & (np.abs(quantity[at] - lines[0].signed[one][:, None]) <= lines[0].quantity_slack[one][:, None])
        good &= np.abs(money[at] - lines[0].money[one][:, None]) <= lines[0].money_slack[one][:, None]
        hit = good.any(axis=1)
        which = good.argmax(axis=1)[hit]
        taken[at[hit]] |= numbers[which]
        chosen = members[which]
        rows.append((one[hit], part[at[hit]][chosen], np.repeat(one[hit], chosen.sum(axis=1))))
    return [row for row in rows if len(row[0])]


def _runs(lines: tuple[Lines, Lines], of: _Groups) -> list[tuple[Ints, Ints, Ints]]:
    """As ``_subsets`` where there are more than ``MOST`` lines: runs of neighbours, the first that fits."""
    here, there = of.count()
    begins = np.r_[0, np.cumsum(here)]
    large = (there > MOST) & (here > 0)
    rows = []
    part, group = of.other[large[of.right]], of.right[large[of.right]]
    for rank in range(min(int(here[large].max(initial=0)), ROUNDS)):
        # Sums of long lists, looked at to 10^-8: 64 bits of mantissa. Quantities are positive, so the sums are sorted.
        quantity = np.r_[0, np.cumsum(lines[1].quantity[part].astype(np.longdouble))]
        money = np.r_[0, np.cumsum(lines[1].money[part].astype(np.longdouble))]
        asked = here[group] > rank
        one = of.mine[np.minimum(begins[group] + rank, len(of.mine) - 1)]
        slack = lines[0].quantity_slack[one]
        start = np.arange(len(part))
        end = np.searchsorted(quantity, quantity[start] + lines[0].quantity[one] - slack)
        inside = asked & (end <= len(part)) & (end - start >= 2)
        stop = np.minimum(end, len(part))
        inside &= group[np.maximum(stop - 1, 0)] == group
        inside &= np.abs(quantity[stop] - quantity[start] - lines[0].quantity[one]) <= slack
        inside &= np.abs(money[stop] - money[start] - lines[0].money[one]) <= lines[0].money_slack[one]
        found = np.flatnonzero(inside)
        found = found[np.unique(group[found], return_index=True)[1]]
        if not len(found):
            continue
        length = stop[found] - found
        at = np.repeat(found, length) + np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        rows.append((one[found], part[at], np.repeat(one[found], length)))
        keep = np.ones(len(part), bool)
        keep[at] = False
        part, group = part[keep], group[keep]
    return rows
