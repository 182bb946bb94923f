"""Confirmations: transactions in the records of custodians and brokers.

Belongs here: what their kinds need, and the signs of units and money. Does not belong here: our own transactions
(``transactions``), and which of them a row answers (``daybook.reconciliation``).

Signs are those of our transactions: ``quantity`` is positive and signed by the kind, of money kinds a negative one
turns the direction round. ``net_amount`` is signed by itself: positive where the book receives money. A custodian that
writes it the other way round is refused line by line, because no sum would tell a purchase from a sale.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from daybook.intake import terms, values
from daybook.intake.draft import Bools, Draft, is_cash
from daybook.market import security_master

TABLES = ("custodian_transactions", "broker_transactions")
"""Tables of facts that hold what others say of transactions."""
RECEIVED = ("sell", "deposit", "subscription", "dividend", "interest", "variation_margin")
"""Kinds by which the book receives money."""
PAID = ("buy", "withdrawal", "redemption", "fee", "tax", "fx")
"""Kinds by which it pays some; of an fx trade the currency that is not bought."""


def check(draft: Draft) -> None:
    """Needs and signs by kind; the currency of units is the instrument's where none is given."""
    kinds = draft.cells["kind"]
    units, money = values.among(kinds, terms.UNIT_KINDS), values.among(kinds, terms.MONEY_KINDS)
    instruments = draft.reference.instruments
    at = security_master.in_force(instruments, "instrument", draft.cells["instrument"], draft.dates())
    own = np.append(instruments["currency"].to_numpy(object), "")[at]
    draft.cells["currency"] = np.where(units & (draft.cells["currency"] == ""), own, draft.cells["currency"])
    dates = draft.cells["trade_date"]
    draft.cells["trade_date"] = np.where(money & np.isnat(dates), draft.cells["business_date"], dates)
    point = np.where(instruments["asset_class"] == "bond", 0.01, instruments["multiplier"].to_numpy(np.float64))
    _needs(draft, kinds, units, money)
    _cash(draft, kinds, units, money)
    _signs(draft, kinds, money, np.append(point, 1.0)[at])


def _needs(draft: Draft, kinds: NDArray[Any], units: Bools, money: Bools) -> None:
    fx = kinds == "fx"
    traded = values.among(kinds, terms.TRADES)
    empty = {name: draft.cells[name] == "" for name in ("instrument", "currency")}
    lacking = {name: np.isnan(draft.cells[name]) & draft.sound(name) for name in ("quantity", "price", "net_amount")}
    named = draft.sound("instrument", *terms.SCHEMES)
    draft.refuse((units | fx) & empty["instrument"] & named, "instrument", "missing: a trade needs it")
    draft.refuse((money | fx) & empty["currency"] & named, "currency", "missing: money needs it")
    draft.refuse((units | fx) & lacking["quantity"], "quantity", "missing: a trade needs it")
    unsaid = money & lacking["quantity"] & lacking["net_amount"]
    draft.refuse(unsaid, "net_amount", "missing: neither net_amount nor quantity says how much money it is")
    unpriced = (traded | fx) & lacking["price"] & lacking["net_amount"]
    draft.refuse(unpriced, "net_amount", "missing: neither net_amount nor price says how much money it is")


def _cash(draft: Draft, kinds: NDArray[Any], units: Bools, money: Bools) -> None:
    """Only an exchange of currencies is in cash, and it is in nothing else."""
    words = draft.cells["instrument"]
    cash = is_cash(words)
    fx = kinds == "fx"
    draft.refuse(fx & (words != "") & ~cash, "instrument", "an exchange of currencies buys CASH:<CCY>")
    draft.refuse(units & cash, "instrument", "cash is bought and sold by kind fx, moved by deposit and withdrawal")
    draft.refuse(money & cash, "instrument", "leave empty: the currency says which cash it is")


def _signs(draft: Draft, kinds: NDArray[Any], money: Bools, point: NDArray[np.float64]) -> None:
    quantity, price, net = (draft.cells[name] for name in ("quantity", "price", "net_amount"))
    draft.refuse(quantity == 0, "quantity", "zero")
    reason = "negative: the kind tells the direction, the quantity is positive"
    draft.refuse(~money & (quantity < 0), "quantity", reason)
    sign = values.among(kinds, RECEIVED).astype(np.int64) - values.among(kinds, PAID)
    with np.errstate(over="ignore", invalid="ignore"):
        # Charges may exceed what a sale brings; a sign that is wrong has the size of the trade.
        amount = np.where(money, np.abs(quantity), quantity * price * point)
        large = np.isnan(amount) | (np.abs(np.abs(net) - amount) <= 0.5 * amount)
        turned = sign * np.where(money & (quantity < 0), -1, 1)
    opposite = (turned * np.sign(net) < 0) & large
    draft.refuse(
        opposite,
        "net_amount",
        "the sign contradicts the kind: net_amount is positive where the book receives money, negative where it pays",
    )
