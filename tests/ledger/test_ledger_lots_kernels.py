"""The kernels of lots beside each other and beside a slow model."""

import lot_model
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook.ledger import lots

FIFO, AVERAGE, UK = (lots.METHODS[name] for name in ("fifo", "average", "uk"))
quantity = st.integers(-40, 40).filter(bool)


@st.composite
def event(draw, methods):
    if draw(st.integers(0, 9)) == 0:
        new, old = draw(st.sampled_from([(2, 1), (1, 3), (7, 2)]))
        return {"event": lots.SPLIT, "quantity": new, "cost": old}
    units, price = draw(quantity), draw(st.integers(1, 9))
    kind = lots.TRADE if draw(st.integers(0, 5)) else lots.TRANSFER
    cost = units * price + draw(st.integers(0, 3))
    return {"event": kind, "quantity": units, "cost": cost, "cost_base": 2 * cost, "method": draw(methods)}


def histories(*methods):
    return st.lists(event(st.sampled_from([lots.METHODS[name] for name in methods])), max_size=14)


def open_lots(matched, holding=0):
    last = matched.states[(matched.states["until"] < 0) & (matched.states["holding"] == holding)]
    return sorted(last[["lot", "quantity", "cost", "cost_base"]].itertuples(index=False, name=None))


def parts(matched):
    names = ["closing", "lot", "quantity", "proceeds", "cost", "proceeds_base", "cost_base"]
    return sorted(matched.parts[names].itertuples(index=False, name=None))


def general(events):
    """The same events where an action makes the general kernel do them."""
    return lots.match(lot_model.frame([*events, {"event": lots.RECORD, "register": 0, "member": -1}]))


def same(matched, events):
    held, realised = lot_model.match(events)
    assert open_lots(matched) == sorted(held)
    assert parts(matched) == sorted(realised)


@settings(max_examples=150)
@given(histories("fifo"))
def test_the_short_path_of_fifo_the_general_kernel_and_the_model_agree(events):
    matched = lots.match(lot_model.frame(events))
    same(matched, events)
    same(general(events), events)
    assert matched.positions.empty


@settings(max_examples=150)
@given(histories("average"))
def test_the_short_path_of_average_cost_the_general_kernel_and_the_model_agree(events):
    same(lots.match(lot_model.frame(events)), events)
    same(general(events), events)


@settings(max_examples=200)
@given(histories("fifo", "lifo", "highest", "lowest", "average"))
def test_methods_may_change_from_trade_to_trade(events):
    matched = lots.match(lot_model.frame(events))
    same(matched, events)
    position = sum(lot[1] for lot in open_lots(matched))
    now = matched.positions[matched.positions["until"] < 0]["quantity"].sum()
    assert matched.positions.empty or now == position


@settings(max_examples=50)
@given(st.lists(histories("fifo"), min_size=2, max_size=4), st.lists(histories("lifo"), min_size=1, max_size=2))
def test_groups_do_not_see_each_other(plain, other):
    histories_of = [*plain, *other]
    rows = [row | {"group": g, "holding": g} for g, of in enumerate(histories_of) for row in of]
    number = np.cumsum([0, *map(len, histories_of)])
    matched = lots.match(lot_model.frame(rows))
    for g, of in enumerate(histories_of):
        held, _ = lot_model.match(of)
        shifted = [(~(~lot[0] + number[g]) if lot[0] < 0 else lot[0] + number[g], *lot[1:]) for lot in held]
        assert open_lots(matched, g) == sorted(shifted)


@st.composite
def uk_history(draw):
    """Trades of one share that is never short by the end of a day, on days in order."""
    rows, held, day = [], 0, 0
    for _ in range(draw(st.integers(1, 14))):
        step = draw(st.sampled_from([0, 0, 1, 9, 29, 30, 31, 40]))
        day += step
        units = draw(st.integers(-30, 30).filter(bool))
        if held + units < 0:
            units = -units
        held += units
        rows.append({"event": lots.TRADE, "quantity": units * 1000, "cost": units * 1000 * draw(st.integers(1, 9))})
        rows[-1] |= {"cost_base": rows[-1]["cost"], "method": UK, "date": day, "session": day, "settle": day}
    return rows


@settings(max_examples=300)
@given(uk_history())
def test_the_uk_rules_come_to_what_is_right_in_the_end(events):
    matched = lots.match(lot_model.frame(events))
    wanted, pool = lot_model.section_104(events)
    found = matched.parts.assign(lot=matched.parts["lot"].where(matched.parts["lot"] >= 0, -1))
    totals = found.groupby(["closing", "lot"])[["quantity", "proceeds", "cost"]].sum()
    days = {row["date"]: [] for row in events}
    for i, row in enumerate(events):
        days[row["date"]].append(i)
    for of in days.values():
        # The sales and the purchases of a day are one each.
        for name, at in (("quantity", 0), ("proceeds", 1), ("cost", 2)):
            ours = totals[totals.index.get_level_values("closing").isin(of)][name].sum()
            theirs = sum(value[at] for (sale, _), value in wanted.items() if sale in of)
            assert abs(ours - theirs) <= 20, name
    for purchase in [i for i, row in enumerate(events) if row["quantity"] > 0]:
        ours = totals[totals.index.get_level_values("lot") == purchase]["quantity"].sum()
        same_day = [i for i in days[events[purchase]["date"]] if events[i]["quantity"] > 0]
        if same_day == [purchase]:
            assert ours == sum(value[0] for (_, lot), value in wanted.items() if lot == purchase)
    left = matched.states[matched.states["until"] < 0]
    assert left["quantity"].sum() == pool[0]
    assert abs(left["cost"].sum() - pool[1]) <= 20


@settings(max_examples=150)
@given(uk_history(), st.integers(0, 120))
def test_what_uk_sales_realised_by_a_day_does_not_change_later(events, until):
    known = [row for row in events if row["date"] <= until]
    before, after = (lots.match(lot_model.frame(rows)) for rows in (known, events))
    posted = after.parts["posted"] < len(known)
    assert parts(before) == sorted(parts_of(after, posted))


def parts_of(matched, rows):
    names = ["closing", "lot", "quantity", "proceeds", "cost", "proceeds_base", "cost_base"]
    return matched.parts[rows][names].itertuples(index=False, name=None)
