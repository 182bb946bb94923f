"""The state machine of orders: by hand, and against a plain model under random events."""

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from daybook import tables
from daybook.trading import orders
from daybook.trading.orders import IllegalEvent, apply, order_id, states

COLUMNS = ["order_id", "kind", "quantity", "reason", "business_date", "book", "instrument", "side"]
TEXTS = ["order_id", "kind", "reason", "book", "instrument", "side"]


def log(*events: tuple) -> pd.DataFrame:
    """Events as (order, kind, quantity or None, reason)."""
    rows = []
    for name, kind, quantity, reason in events:
        described = (pd.Timestamp("2020-01-31"), "X", "A", "buy") if kind == "proposed" else (pd.NaT, "", "", "")
        rows.append((name, kind, quantity, reason, *described))
    frame = pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(TEXTS, "str"))
    return frame.astype({"quantity": "object", "business_date": "datetime64[us]"})


PROPOSED = ("o1", "proposed", Decimal(100), "target 6.10 %, holds 5.42 %")
APPROVED, SENT = ("o1", "approved", None, ""), ("o1", "sent", None, "")


def test_an_order_from_proposal_to_its_last_fill():
    events = [PROPOSED, APPROVED, SENT, ("o1", "filled", Decimal("40.5"), ""), ("o1", "filled", Decimal("59.5"), "")]
    expected = ["proposed", "approved", "sent", "partially_filled", "filled"]
    filled = [0, 0, 0, 40.5, 100]
    for count, (status, quantity) in enumerate(zip(expected, filled, strict=True), start=1):
        row = apply(log(*events[:count])).iloc[0]
        assert (row["status"], row["filled"], row["quantity"]) == (status, quantity, 100.0)
    assert row["reason"] == "target 6.10 %, holds 5.42 %"
    assert row[["business_date", "book", "instrument", "side"]].tolist() == [
        pd.Timestamp("2020-01-31"),
        "X",
        "A",
        "buy",
    ]


def test_orders_do_not_mix():
    events = [PROPOSED, ("o2", "proposed", 7.0, "b"), APPROVED, ("o2", "rejected", None, "too late"), SENT]
    rows = apply(log(*events)).set_index("order_id")
    assert rows["status"].to_dict() == {"o1": "sent", "o2": "rejected"}
    assert rows["reason"].to_dict() == {"o1": "target 6.10 %, holds 5.42 %", "o2": "too late"}
    assert rows["quantity"].to_dict() == {"o1": 100.0, "o2": 7.0}


def test_what_was_replaced_is_cancelled_and_may_be_proposed_again():
    replaced = ("o1", "replaced", None, "a newer proposal")
    assert apply(log(PROPOSED, replaced)).loc[0, ["status", "reason"]].tolist() == ["cancelled", "a newer proposal"]
    assert states(log(PROPOSED, replaced))["state"].tolist() == ["replaced"]
    assert apply(log(PROPOSED, replaced, PROPOSED))["status"].tolist() == ["proposed"]


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([APPROVED], "order o1: event 'approved' cannot happen to an order that is new"),
        ([PROPOSED, SENT], "order o1: event 'sent' cannot happen to an order that is proposed"),
        ([PROPOSED, PROPOSED], "order o1: event 'proposed' cannot happen to an order that is proposed"),
        (
            [PROPOSED, APPROVED, ("o1", "rejected", None, "")],
            "'rejected' cannot happen to an order that is approved",
        ),
        ([PROPOSED, APPROVED, ("o1", "filled", 1.0, "")], "event 'filled' cannot happen to an order that is approved"),
        ([PROPOSED, ("o1", "lost", None, "")], "order o1: event 'lost' cannot happen to an order that is proposed"),
        ([PROPOSED, ("o1", "cancelled", None, ""), APPROVED], "cannot happen to an order that is cancelled"),
        ([PROPOSED, APPROVED, SENT, ("o1", "filled", 101.0, "")], "'filled' of 101 does not fit the 100 that are left"),
        ([PROPOSED, APPROVED, SENT, ("o1", "filled", 0.0, "")], "'filled' of 0 does not fit the 100 that are left"),
        ([PROPOSED, APPROVED, SENT, ("o1", "filled", 60, ""), ("o1", "filled", 41, "")], "fit the 40 that are left"),
    ],
)
def test_what_cannot_happen_is_named(events, message):
    with pytest.raises(IllegalEvent, match=message.replace("(", r"\(")):
        apply(log(*events))


def test_no_events_no_orders():
    assert apply(log()).equals(tables.empty("orders"))


def test_the_id_of_an_order_depends_on_all_of_it_and_nothing_else():
    base = ("2020-01-31", "X", "A", "buy", 100.0, 12.5)
    assert order_id(*base) == order_id(pd.Timestamp("2020-01-31"), "X", "A", "buy", 100, 12.5)
    others = [("2020-02-03", "Y", "B", "sell", 101.0, 12.6)[i] for i in range(6)]
    changed = {order_id(*(*base[:i], others[i], *base[i + 1 :])) for i in range(6)}
    assert len(changed | {order_id(*base)}) == 7
    assert len(order_id(*base)) == 16


class Life(RuleBasedStateMachine):
    """Random events on several orders; a plain model of one order at a time says what must come out."""

    names = Bundle("names")

    def __init__(self):
        super().__init__()
        self.events, self.model = [], {}

    @rule(target=names, quantity=st.integers(1, 10))
    def propose(self, quantity):
        name = f"o{len(self.model)}"
        self.events.append((name, "proposed", Decimal(quantity), "why"))
        self.model[name] = ["proposed", quantity, 0]
        return name

    @rule(name=names, kind=st.sampled_from(["approved", "rejected", "replaced", "cancelled", "sent", "proposed"]))
    def happen(self, name, kind):
        after = orders.TRANSITIONS.get((self.model[name][0], kind))
        self._try((name, kind, Decimal(self.model[name][1]) if kind == "proposed" else None, ""), after is not None)
        if after is not None:
            self.model[name][0] = after

    @rule(name=names, quantity=st.integers(0, 6))
    def fill(self, name, quantity):
        state, size, filled = self.model[name]
        legal = state in ("sent", "partially_filled") and 0 < quantity <= size - filled
        self._try((name, "filled", Decimal(quantity), ""), legal)
        if legal:
            done = filled + quantity == size
            self.model[name] = ["filled" if done else "partially_filled", size, filled + quantity]

    def _try(self, event, legal):
        if legal:
            self.events.append(event)
        else:
            with pytest.raises(IllegalEvent, match=event[0]):
                apply(log(*self.events, event))

    @invariant()
    def agrees(self):
        found = states(log(*self.events)).set_index("order_id")
        assert {n: [r["state"], r["quantity"], r["filled"]] for n, r in found.iterrows()} == self.model


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=15, stateful_step_count=20)
