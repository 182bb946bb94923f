"""What each kind of event does to lots, by hand: money in whole 10^-6, units in 10^-8 where whole units matter."""

import lot_model
import pytest

from daybook.ledger import lots

METHODS = lots.METHODS
UNIT = 10**8


def trade(quantity, cost, **more):
    return {"event": lots.TRADE, "quantity": quantity, "cost": cost, "cost_base": cost, **more}


def act(event, **more):
    return {"event": event, "member": -1, **more}


def match(*events):
    return lots.match(lot_model.frame(events))


def held(matched, holding=0):
    """Open lots by name (letters of the events in order): quantity and cost."""
    last = matched.states[(matched.states["until"] < 0) & (matched.states["holding"] == holding)]
    return dict(zip(names(matched, last), zip(last["quantity"], last["cost"], strict=True), strict=True))


def names(matched, rows):
    ids = [chr(ord("a") + at) for at in range(len(matched.outcome))]
    return lots.names(rows["lot"].to_numpy(), matched.derived, ids)


def realised(matched):
    """Closing event and lot: quantity, proceeds and cost."""
    rows = matched.parts
    keys = zip(["abcdefghij"[at] for at in rows["closing"]], names(matched, rows), strict=True)
    return dict(zip(keys, zip(rows["quantity"], rows["proceeds"], rows["cost"], strict=True), strict=True))


def amounts(matched):
    return [tuple(row) for row in matched.amounts.itertuples(index=False)]


def position(matched, holding=0):
    now = matched.positions[(matched.positions["until"] < 0) & (matched.positions["holding"] == holding)]
    return dict(zip(now["member"], now["quantity"], strict=True))


@pytest.mark.parametrize(
    ("method", "closed"),
    [
        ("fifo", {("d", "a"): (10, 140, 100), ("d", "b"): (5, 70, 75)}),
        ("lifo", {("d", "c"): (10, 140, 120), ("d", "b"): (5, 70, 75)}),
        ("highest", {("d", "b"): (10, 140, 150), ("d", "c"): (5, 70, 60)}),
        ("lowest", {("d", "a"): (10, 140, 100), ("d", "c"): (5, 70, 60)}),
        ("average", {("d", "pool"): (15, 210, 185)}),
    ],
)
def test_each_method_closes_its_own_lots(method, closed):
    rows = [(10, 100), (10, 150), (10, 120), (-15, -210)]
    assert realised(match(*(trade(*row, method=METHODS[method]) for row in rows))) == closed


def test_a_named_lot_is_closed_first_and_the_rest_by_the_method():
    rows = [trade(10, 100), trade(10, 150), trade(10, 120), trade(-15, -210, lot=1, method=METHODS["lifo"])]
    matched = match(*rows)
    assert realised(matched) == {("d", "b"): (10, 140, 150), ("d", "c"): (5, 70, 60)}
    assert [lots.RULES[code] for code in matched.parts["rule"]] == ["specific", "lifo"]


@pytest.mark.parametrize("lot", [1, -2])
def test_a_lot_that_is_not_open_stops_its_group(lot):
    matched = match(trade(10, 100), trade(10, 150), trade(-10, -1, lot=1), trade(-1, -9, lot=lot), trade(5, 5))
    assert matched.outcome.tolist() == [0, 0, 0, lots.UNKNOWN_LOT, 0]
    assert held(matched) == {"a": (10, 100)}


def test_earlier_lots_join_the_pool_at_the_first_trade_at_average_cost_and_stay_in_it():
    average = METHODS["average"]
    matched = match(trade(10, 100), trade(10, 150), trade(-5, -60, method=average), trade(10, 200))
    assert realised(matched) == {("c", "pool"): (5, 60, 62)}
    assert held(matched) == {"pool": (15, 188), "d": (10, 200)}


def test_a_pool_that_was_flat_begins_anew():
    average = METHODS["average"]
    matched = match(*(trade(*row, method=average) for row in [(10, 100), (-25, -250), (20, 160)]))
    assert realised(matched) == {("b", "pool"): (10, 100, 100), ("c", "pool"): (15, -120, -150)}
    assert held(matched) == {"pool": (5, 40)}
    last = matched.states[matched.states["until"] < 0].iloc[0]
    assert last["opened"] == 2


def test_a_spin_off_takes_its_part_of_each_lot_and_of_its_cost():
    matched = match(
        trade(10, 100),
        trade(-4, -60, group=0),
        trade(9, 99),
        act(lots.DELIVER, target=1, quantity=1, cost=2, share=1, share_of=4, register=0),
        trade(-1, -30, holding=1, lot=0, lot_by=3),
    )
    assert held(matched) == {"a": (6, 45), "c": (9, 74)}
    # 6 and 15 units make 3 and 8 of the 7.5 of all; half of 15 is even.
    assert held(matched, 1) == {"a:d": (2, 10), "c:d": (5, 25)}
    assert realised(matched)["e", "a:d"] == (1, 30, 5)
    assert amounts(matched) == [(3, 0, 8, 0)]
    assert matched.moved.to_numpy().tolist() == [[3, 40, 40]]
    assert (position(matched), position(matched, 1)) == ({0: 15}, {0: 7})


def test_a_spin_off_of_a_short_position_is_owed():
    matched = match(trade(-10, -100), act(lots.DELIVER, target=1, quantity=1, cost=2, share=1, share_of=4))
    assert (held(matched), held(matched, 1)) == ({"a": (-10, -75)}, {"a:b": (-5, -25)})


def test_a_spin_off_into_what_is_short_closes_it():
    matched = match(
        trade(-2, -30, holding=1), trade(10, 100), act(lots.DELIVER, target=1, quantity=1, cost=2, share=1, share_of=4)
    )
    # The 5 units cost 25: two of them, 10, cover what was sold for 30.
    assert realised(matched) == {("c", "a"): (2, -10, -30)}
    assert position(matched, 1) == {0: 3}
    assert sum(quantity for quantity, _ in held(matched, 1).values()) == 3


@pytest.mark.parametrize("method", ["fifo", "average"])
def test_a_spin_off_that_brings_less_than_the_smallest_unit_takes_no_cost(method):
    # 2 short in the last place, one for four: half of the smallest unit, which rounds to none.
    short = trade(-2, -100, method=METHODS[method])
    spun = act(lots.DELIVER, target=1, quantity=1, cost=4, share=1, share_of=5, method=METHODS[method])
    matched = match(short, spun)
    assert list(held(matched).values()) == [(-2, -100)]
    assert held(matched, 1) == {}
    assert matched.moved.to_numpy().tolist() == [[1, 0, 0]]


def test_a_merger_into_less_than_the_smallest_unit_loses_its_cost():
    matched = match(trade(2, 100), act(lots.REPLACE, target=1, quantity=1, cost=4))
    assert (held(matched), held(matched, 1)) == ({}, {})
    assert realised(matched) == {("b", "a"): (2, 0, 100)}


def test_a_merger_keeps_the_names_of_lots_and_realises_against_cash_what_cost_is_left():
    matched = match(
        trade(10, 100, session=1),
        trade(10, 200, session=2),
        act(lots.REPLACE, target=1, quantity=3, cost=2, share=3, share_of=4, money=6, per=1),
    )
    assert held(matched) == {}
    assert held(matched, 1) == {"a": (15, 75), "b": (15, 150)}
    assert realised(matched) == {("c", "a"): (10, 60, 25), ("c", "b"): (10, 60, 50)}
    assert amounts(matched) == [(2, 0, 30, 120)]


def test_a_merger_in_shares_alone_realises_nothing():
    matched = match(trade(10, 100), act(lots.REPLACE, target=1, quantity=1, cost=3))
    assert matched.parts.empty
    assert held(matched, 1) == {"a": (3, 100)}


def test_a_pool_that_merges_into_a_pool_is_one():
    average = METHODS["average"]
    matched = match(
        trade(10, 100, holding=1, method=average),
        trade(10, 50, method=average),
        act(lots.REPLACE, target=1, quantity=1, cost=1, method=average),
    )
    assert held(matched, 1) == {"pool": (20, 150)}


def test_cash_is_paid_for_the_fraction_of_a_unit():
    matched = match(
        trade(10 * UNIT, 100),
        act(lots.SPLIT, quantity=1, cost=4, register=0),
        act(lots.LIEU, register=0, money=80, per=UNIT),
    )
    # 2.5 units; the half is sold at 80 a unit and had cost a fifth.
    assert realised(matched) == {("c", "a"): (UNIT // 2, 40, 20)}
    assert amounts(matched) == [(1, 0, 5 * UNIT // 2, 0), (2, 0, -UNIT // 2, 40)]
    assert position(matched) == {0: 2 * UNIT}


def test_the_fraction_of_a_short_position_is_bought_back():
    matched = match(
        trade(-10 * UNIT, -100),
        act(lots.SPLIT, quantity=1, cost=4, register=0),
        act(lots.LIEU, register=0, money=80, per=UNIT),
    )
    assert realised(matched) == {("c", "a"): (UNIT // 2, -40, -20)}
    assert amounts(matched)[1] == (2, 0, UNIT // 2, -40)


def test_a_takeover_for_cash_closes_each_book():
    matched = match(trade(10, 100, member=0), trade(6, 90, member=1), act(lots.CLOSE, money=12, per=1, fx=5, fx_of=4))
    assert position(matched) == {0: 0, 1: 0}
    assert amounts(matched) == [(2, 0, -10, 120), (2, 1, -6, 72)]
    assert realised(matched) == {("c", "a"): (10, 120, 100), ("c", "b"): (6, 72, 90)}
    assert matched.parts["proceeds_base"].tolist() == [150, 90]
    assert matched.parts["member"].tolist() == [0, 1]


def test_capital_that_comes_back_lowers_cost_and_what_exceeds_it_is_a_gain():
    matched = match(trade(10, 100), trade(10, 30), act(lots.CAPITAL, money=5, per=1))
    assert held(matched) == {"a": (10, 50), "b": (10, 0)}
    assert realised(matched) == {("c", "b"): (10, 20, 0)}
    assert amounts(matched) == [(2, 0, 0, 100)]


def test_capital_that_a_short_owes_takes_from_what_the_sale_brought():
    matched = match(trade(-10, -30), act(lots.CAPITAL, money=5, per=1))
    assert held(matched) == {"a": (-10, 0)}
    assert realised(matched) == {("b", "a"): (10, -20, 0)}
    assert amounts(matched) == [(1, 0, 0, -50)]


def test_rights_are_taken_up_on_what_was_held_then():
    matched = match(
        trade(10 * UNIT, 100),
        act(lots.RECORD, register=0),
        trade(5 * UNIT, 50),
        act(lots.SUBSCRIBE, register=0, quantity=1, cost=4, money=7, per=UNIT, whole=1),
    )
    # One for four on 10 is 2.5: two are bought at 7.
    assert held(matched)["d"] == (2 * UNIT, 14)
    assert amounts(matched) == [(1, 0, 10 * UNIT, 0), (3, 0, 2 * UNIT, -14)]


def test_rights_are_taken_up_for_no_more_than_was_elected():
    matched = match(
        trade(10 * UNIT, 100),
        act(lots.RECORD, register=0),
        act(lots.SUBSCRIBE, register=0, quantity=1, cost=2, money=7, per=UNIT, at_most=4 * UNIT),
    )
    assert held(matched)["c"] == (2 * UNIT, 14)


@pytest.mark.parametrize(
    ("opening", "part"),
    [(trade(10, 100), (4, 79, 40)), (trade(-10, -100), (4, -81, -40))],
)
def test_an_expiry_closes_whichever_side_is_held(opening, part):
    matched = match(opening, {"event": lots.EXPIRE, "quantity": 4, "cost": 80, "cost_base": 80, "charges": 1})
    assert realised(matched) == {("b", "a"): part}
    assert amounts(matched)[0][3] == part[1]


def test_an_expiry_of_more_than_is_held_stops_the_group():
    assert match(trade(3, 9), {"event": lots.EXPIRE, "quantity": 4}).outcome.tolist() == [0, lots.BEYOND]


@pytest.mark.parametrize(
    ("premium", "closing", "units", "strike", "lot"),
    [
        # Long call: the premium adds to the cost of what it buys. Short put: it takes from it.
        (trade(1, 30), -1, 100, 5000, (100, 5030)),
        (trade(-1, -30), 1, 100, 5000, (100, 4970)),
        # Long put: the premium takes from what the sale brings. Short call: it adds to it.
        (trade(1, 30), -1, -100, -5000, (-100, -4970)),
        (trade(-1, -30), 1, -100, -5000, (-100, -5030)),
    ],
)
def test_the_premium_of_an_exercise_goes_into_the_underlying_trade(premium, closing, units, strike, lot):
    exercise = {"event": lots.EXERCISE, "quantity": closing, "target": 1, "target_quantity": units}
    matched = match(premium, exercise | {"target_cost": strike, "target_base": strike})
    assert matched.parts.empty
    assert (held(matched), held(matched, 1)) == ({}, {"b": lot})


@pytest.mark.parametrize("units", [-2, 1])
def test_an_exercise_of_what_is_not_held_stops_the_group(units):
    exercise = {"event": lots.EXERCISE, "quantity": units, "target": 1, "target_quantity": 100}
    assert match(trade(1, 30), exercise).outcome.tolist() == [0, lots.BEYOND]


def test_books_of_a_pool_share_lots_and_have_positions_of_their_own():
    average = METHODS["average"]
    rows = [
        trade(10, 100, member=0, method=average),
        trade(30, 500, member=1, method=average),
        trade(-8, -160, member=0, method=average),
        act(lots.SPLIT, quantity=1, cost=3),
    ]
    matched = match(*rows)
    assert realised(matched) == {("c", "pool"): (8, 160, 120)}
    assert held(matched) == {"pool": (11, 480)}
    # 2 and 32 are 11 by three in all: round(2 / 3) is 1, and the rest is the other's.
    assert position(matched) == {0: 1, 1: 10}
    names_, levels = lots.carried(lot_model.frame(rows), matched)
    of = {(row.holding, row.member): at for at, row in names_.iterrows()}
    cost = {}
    for member in (0, 1):
        at = of[0, member] if of[0, member] else 1 + member
        cost[member] = [int(level[0]) for level in levels.before(*map(lot_model.array, ([at], [9])))]
    # 480 x 1 / 11 is 43.6, 480 x 10 / 11 is 436.4.
    assert cost == {0: [1, 44, 44], 1: [10, 436, 436]}


def test_a_number_that_does_not_fit_stops_its_group_alone():
    large = 2**62
    rows = [trade(large, 1, group=0, holding=0), trade(large, 1, group=0, holding=0, lot=-1, register=0)]
    matched = match(*rows, trade(5, 5, group=1, holding=1))
    assert matched.outcome.tolist() == [0, lots.OVERFLOW, 0]
    assert held(matched, 1) == {"c": (5, 5)}


def test_unsettled_units_are_restated_in_their_own_holding_alone():
    rows = [
        trade(10, 100, session=1, settle=3, holding=0),
        trade(10, 100, session=1, settle=3, holding=1),
        act(lots.SPLIT, session=2, settle=2, quantity=2, cost=1, holding=1),
    ]
    assert match(*rows).restated.to_numpy().tolist() == [[1, 2, 20]]


@pytest.mark.parametrize(("method", "closed", "cost"), [("fifo", "b", 30), ("lifo", "a", 10), ("specific", "b", 30)])
def test_what_was_opened_first_is_first_whenever_it_came_in(method, closed, cost):
    matched = match(
        trade(10, 100, session=20, date=20, opened_on=20),
        {**trade(10, 300, session=21, date=21, opened_on=5), "event": lots.TRANSFER},
        {**trade(10, 400, session=22, date=22, opened_on=5), "event": lots.TRANSFER},
        trade(-1, -50, session=23, date=23, opened_on=23, method=METHODS[method]),
    )
    # Of the two of one day, the one that came in first.
    assert realised(matched) == {("d", closed): (1, 50, cost)}
