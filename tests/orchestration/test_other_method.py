"""The facts of another lot method; what is made of them is in the tests of the ledger."""

import pandas as pd
import pytest

from orchestration.other_method import OtherMethod
from resources.facts import Facts

FRAMES = {
    "books": pd.DataFrame({"book": ["A"], "lot_method": ["fifo"]}),
    "instruments": pd.DataFrame({"instrument": ["X"], "lot_method": ["lifo"]}),
    "transactions": pd.DataFrame({"transaction_id": ["t"], "lot_method": ["highest"], "lot_id": ["b"]}),
    "accounts": pd.DataFrame({"account": ["C"]}),
}


@pytest.mark.parametrize(("method", "lot_id"), [("uk", ""), ("specific", "b")])
def test_one_method_takes_the_place_of_every_other(monkeypatch, method, lot_id):
    monkeypatch.setattr(Facts, "current", lambda self, table, *_: FRAMES[table])
    facts = OtherMethod(None, None, None, method)
    assert facts.current("books")["lot_method"].tolist() == [method]
    assert facts.current("instruments")["lot_method"].tolist() == [""]
    assert facts.current("transactions")[["lot_method", "lot_id"]].to_numpy().tolist() == [["", lot_id]]
    assert facts.current("accounts") is FRAMES["accounts"]
