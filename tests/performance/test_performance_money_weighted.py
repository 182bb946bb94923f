import numpy as np
import pytest

from daybook.performance import money_weighted


@pytest.mark.parametrize(("near", "said"), [((0.1, 0.12), "several roots: 3"), ((2.0, 3.0), "several roots: 3")])
def test_a_root_beside_which_others_are_is_none_however_little_the_book_owes_at_it(near, said):
    # (g - 1)(g - a)(g - b) in thirds of the period: at g = 1 the book of the first case owes 9 % of what moved.
    amounts = np.poly([1.0, *near])
    found, why = money_weighted.growth(np.zeros(4, np.int64), np.array([1, 2 / 3, 1 / 3, 0]), amounts, 1)
    assert (np.isnan(found[0]), why[0]) == (True, said)
