"""What is compiled at installation is what runs."""

import numpy as np
import pandas as pd

from daybook.ledger import lot_general, lots
from orchestration import kernels


def test_the_general_loop_has_one_signature_whatever_columns_the_events_have():
    kernels.compile_all()
    held = {"event": [lots.TRADE, lots.SPLIT, lots.TRADE], "quantity": [5, 2, -4], "cost": [9, 1, -8]}
    events = pd.DataFrame(held | {"cost_base": [9, 0, -8], "group": 0, "session": [1, 2, 3], "settle": [3, 2, 5]})
    every = events.assign(**lots.DEFAULTS, holding=0, date=[1, 2, 3], opened_on=np.array([1, 2, 3], np.int32))
    narrow = every.assign(event=every["event"].astype(np.int8), method=np.int8(lots.METHODS["lifo"]))
    for given in (events.assign(method=lots.METHODS["lifo"]), narrow):
        states = lots.match(given).states
        assert states["quantity"].tolist() == [5, 10, 6]
    assert len(lot_general.run.signatures) == 1
