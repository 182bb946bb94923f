import pandas as pd

from daybook.market import currencies


def test_what_a_minor_unit_is_and_what_it_is_not():
    names = pd.Series(["GBX", "GBP", "GBp", "ZAc", "ILA", "", "gbp"], index=range(3, 10), dtype="str")
    found, parts = currencies.major(names)
    assert found.tolist() == ["GBP", "GBP", "GBP", "ZAR", "ILS", "", "gbp"]
    assert parts.tolist() == [100.0, 1.0, 100.0, 100.0, 100.0, 1.0, 1.0]
    assert found.index.equals(names.index)
    assert found.dtype == "str"


def test_nothing_to_turn():
    for names in (pd.Series(["USD", "GBP"], dtype="str"), pd.Series([], dtype="str")):
        found, parts = currencies.major(names)
        assert found.tolist() == names.tolist()
        assert parts.tolist() == [1.0] * len(names)


def test_why_it_cannot_stand_for_a_currency():
    assert currencies.refusal("ILA") == "ILA is no currency but 1/100 of ILS: give ILS, and amounts in ILS"
    assert currencies.refusal("ILS") == ""
