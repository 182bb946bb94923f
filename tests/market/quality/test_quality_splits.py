import pytest

from daybook.market.quality import splits
from tests.frames import frame
from tests.market.quality.holdings import ACTIONS, DAYS, NO_ACTIONS, D, day, said


def action(kind, numerator, denominator, ex_date=D, status="confirmed"):
    return frame("corporate_actions", ACTIONS, ("a", "A", kind, ex_date, 0.5, numerator, denominator, status))


@pytest.mark.parametrize(
    ("kind", "terms", "move", "text", "impact"),
    [
        # The restated return of a raw price that did not move: twice, a tenth, one and a half times.
        ("split", (2, 1), 1.0, "a split of 2 for 1 is in force and the price moved by +0.0%", -500.0),
        ("split", (1, 10), -0.9, "a split of 1 for 10 is in force and the price moved by +0.0%", 9000.0),
        ("stock_dividend", (1, 2), 0.53, "a split of 3 for 2 is in force and the price moved by +2.0%", -1000 / 3),
    ],
)
def test_a_split_that_the_price_does_not_show(kind, terms, move, text, impact):
    found = splits.not_in_price(day(move, value=1000.0), action(kind, *terms))
    assert said(found) == [["split_not_in_price", "P", "A", "by impact", text]]
    assert found["impact_base"].tolist() == pytest.approx([impact])


def test_a_split_that_the_price_shows_and_moves_that_have_another_cause():
    assert splits.not_in_price(day(0.02), action("split", 2, 1)).empty
    assert splits.not_in_price(day(-0.3), action("split", 2, 1)).empty, "it fell, and not by what the split explains"
    assert splits.not_in_price(day(1.0), action("split", 2, 1, DAYS[-2])).empty, "the split was yesterday"
    assert splits.not_in_price(day(1.0), action("split", 2, 1, status="cancelled")).empty
    assert splits.not_in_price(day(1.0, basis="adjusted"), action("split", 2, 1)).empty
    assert splits.not_in_price(day(0.05), action("stock_dividend", 1, 20)).empty, "a twentieth is an ordinary move"


@pytest.mark.parametrize(
    ("move", "terms", "impact"),
    [(-0.5, "2 for 1", 1000.0), (-0.86, "7 for 1", 6000.0), (-0.335, "3 for 2", 500.0), (3.05, "1 for 4", -750.0)],
)
def test_a_jump_like_a_split_without_an_action(move, terms, impact):
    found = splits.missing(day(move, value=1000.0), NO_ACTIONS)
    reason = f"moved by {move:+.1%} like a split of {terms}, and no action says so"
    assert said(found) == [["split_missing", "P", "A", "by impact", reason]]
    assert found["impact_base"].tolist() == pytest.approx([impact])


def test_jumps_that_are_no_split():
    assert splits.missing(day(-0.42), NO_ACTIONS).empty, "between 3 for 2 and 2 for 1"
    assert splits.missing(day(-0.5, basis="adjusted"), NO_ACTIONS).empty
    assert splits.missing(day(-0.5).assign(back=True), NO_ACTIONS).empty
    assert splits.missing(day(-0.5), action("spin_off", 1, 1)).empty, "an action explains it"
    assert len(splits.missing(day(-0.5), action("spin_off", 1, 1, DAYS[-2]))) == 1
    assert len(splits.missing(day(-0.5), action("spin_off", 1, 1, status="cancelled"))) == 1
    fallen = splits.missing(day(-0.55, *[-0.1] * 6), NO_ACTIONS)
    assert fallen["reason"].tolist() == ["moved by -55.0% like a split of 2 for 1, and no action says so"]
