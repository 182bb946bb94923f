import pytest

from orchestration.commands.show import By, _check_by
from orchestration.console import Misused


@pytest.mark.parametrize("by", [By.firm, By.strategy, By.manager, By.entity, By.parent_book])
def test_var_is_told_of_groups(by):
    _check_by("var", by, None)
    with pytest.raises(Misused, match="books together"):
        _check_by("var", by, "US-CORE")


@pytest.mark.parametrize(
    ("table", "by", "said"),
    [
        ("var", By.book, "not var: that by strategy, manager"),
        ("pnl", By.manager, "not pnl: that by book"),
        ("nav", By.firm, "not nav$"),
    ],
)
def test_what_cannot_be_taken_together_says_what_can(table, by, said):
    with pytest.raises(Misused, match=said):
        _check_by(table, by, None)
    _check_by("pnl", By.book, "US-CORE")
