"""Causes of breaks: what a custodian has whose log or actions differ by one thing, and what is said of it."""

import pytest

from tests.reconciliation import custodian_by_hand as firm


@pytest.fixture(scope="module")
def told():
    """Every fault in a book of its own, explained in one call."""
    return firm.explained(firm.FAULTS)


@pytest.mark.parametrize("name", list(firm.FAULTS))
def test_the_cause_is_what_went_otherwise_there(told, name):
    found, fault = told[0][told[0]["book"] == name], firm.FAULTS[name]
    assert sorted(found["instrument"]) == sorted(fault.lines)
    shown = found[["instrument", "difference", "cause", "reason"]].to_string()
    assert set(found["cause"]) == {fault.cause}, shown
    assert found["reason"].str.contains(fault.says, regex=False).all(), shown
