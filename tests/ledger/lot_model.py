"""Lots as a slow model: lists of plain integers, for tests that compare the kernels with it.

Events are dicts with the columns of ``lots.match``. The model rounds where the contract does: each share once, half to
even, the last part takes what is left.
"""

import math
from fractions import Fraction

import numpy as np
import pandas as pd

from daybook.ledger import lots

METHOD = {code: name for name, code in lots.METHODS.items()}


def share(whole, part, of):
    return round(Fraction(whole * part, of))


def frame(events):
    """Events as ``lots.match`` takes them; what a row does not say is the default, of the days the row's number."""
    days = {"session", "settle", "date"}
    plain = {"group": 0, "holding": 0, "event": lots.TRADE, "quantity": 0, "cost": 0, "cost_base": 0, **lots.DEFAULTS}
    if any("opened_on" in row for row in events):
        days.add("opened_on")
    names = [*plain, *sorted(days)]
    rows = [[row.get(name, at if name in days else plain.get(name)) for name in names] for at, row in enumerate(events)]
    return pd.DataFrame(rows, columns=names, dtype="int64").astype({"event": "int8", "method": "int8"})


def match(events):
    """Lots open at the end and parts realised of one holding of trades, transfers and splits, without UK rules.

    Returns:
        Open lots as (lot, quantity, cost, cost_base), oldest first; parts as (closing, lot, quantity, proceeds, cost,
        proceeds_base, cost_base).
    """
    held, parts = [], []
    for i, row in enumerate(events):
        quantity, cost, base = row["quantity"], row["cost"], row.get("cost_base", row["cost"])
        if row["event"] == lots.SPLIT:
            before = upto = 0
            for lot in held:
                before += lot[1]
                total = share(before, quantity, cost)
                lot[1], upto = total - upto, total
            continue
        method = METHOD[row.get("method", 0)]
        if method == "average":
            held = merged(held)
        named = row.get("lot", -1)
        while quantity and held:
            lot = next(lot for lot in held if lot[0] == named) if named >= 0 else chosen(held, method)
            if lot[1] != 0 and (lot[1] > 0) == (quantity > 0):
                break
            named = -1
            step = min(abs(quantity), abs(lot[1]))
            size, wanted = abs(lot[1]), abs(quantity)
            gives = [share(value, step, size) if step < size else value for value in lot[2:]]
            paid = [share(value, step, wanted) if step < wanted else value for value in (cost, base)]
            if row["event"] == lots.TRADE:
                parts.append((i, lot[0], step, -paid[0], gives[0], -paid[1], gives[1]))
            moved = step if quantity > 0 else -step
            quantity, cost, base = quantity - moved, cost - paid[0], base - paid[1]
            lot[1:] = [lot[1] + moved, lot[2] - gives[0], lot[3] - gives[1]]
            if step == size:
                held.remove(lot)
        if quantity and method == "average" and held:
            held[0][1:] = [held[0][1] + quantity, held[0][2] + cost, held[0][3] + base]
        elif quantity:
            held.append([~i if method == "average" else i, quantity, cost, base])
    return [tuple(lot) for lot in held], parts


def merged(held):
    if not held:
        return held
    name = held[0][0] if held[0][0] < 0 else ~held[0][0]
    return [[name, *(sum(lot[at] for lot in held) for at in (1, 2, 3))]]


def chosen(held, method):
    """The lot that ``method`` closes next; of equal ones the oldest."""
    if method == "lifo":
        return held[-1]
    if method not in ("highest", "lowest"):
        return held[0]
    sign = 1 if method == "highest" else -1
    return max(held, key=lambda lot: sign * unit_cost(*lot[1:3]))


def unit_cost(quantity, cost):
    """Exact; a lot that a split rounded to nothing is dearer than any when it cost something."""
    if quantity == 0:
        return math.inf * cost if cost else 0
    return Fraction(cost, quantity)


def section_104(events):
    """What UK sales realise in the end: (sale, lot) -> units, proceeds, cost, as fractions; ``pool`` for the pool.

    From all that is known at the end: same day, the 30 days after, then the pool, as the law has it. Events are trades
    of one holding that is never short, of days in order; splits are not known here. All purchases of a day are one.
    """
    left = [Fraction(row["quantity"]) for row in events]
    unit = [Fraction(row["cost"], row["quantity"]) for row in events]
    for i, row in enumerate(events):
        if row["quantity"] > 0:
            day = [of for of in events if of["date"] == row["date"] and of["quantity"] > 0]
            unit[i] = Fraction(sum(of["cost"] for of in day), sum(of["quantity"] for of in day))
    found = {}

    def pair(sale, purchase):
        step = min(-left[sale], left[purchase])
        if step > 0:
            left[sale] += step
            left[purchase] -= step
            old = found.get((sale, purchase), (0, 0, 0))
            found[sale, purchase] = (old[0] + step, old[1] + step * unit[sale], old[2] + step * unit[purchase])

    sales = [i for i, row in enumerate(events) if row["quantity"] < 0]
    purchases = [i for i, row in enumerate(events) if row["quantity"] > 0]
    for sale in sales:
        for purchase in purchases:
            if events[sale]["date"] == events[purchase]["date"]:
                pair(sale, purchase)
    for sale in sales:
        for purchase in purchases:
            if 0 < events[purchase]["date"] - events[sale]["date"] <= 30:
                pair(sale, purchase)
    units = cost = Fraction(0)
    for i in sorted(range(len(events)), key=lambda i: (events[i]["date"], events[i]["quantity"] < 0)):
        if left[i] > 0:
            units, cost = units + left[i], cost + left[i] * unit[i]
        elif left[i] < 0:
            found[i, "pool"] = (-left[i], -left[i] * unit[i], -left[i] * cost / units)
            units, cost = units + left[i], cost + left[i] * cost / units
    return found, (units, cost)


def array(values):
    return np.array(values, np.int64)
