"""What a trade costs beside its price.

Belongs here: the firm's declared estimate of commission and half spread, used to size orders and by the simulated
broker. Does not belong here: what a real broker charged, which arrives with the fill.
"""

from decimal import ROUND_HALF_EVEN, Decimal

COMMISSION = Decimal("0.00005")
"""Commission as a fraction of value, 0.5 bp: an institutional rate for electronic closing auctions."""
MINIMUM_COMMISSION = Decimal("1.00")
"""Least commission of one order, in the currency of the trade."""
HALF_SPREAD = Decimal("0.0001")
"""Half the bid-ask spread as a fraction of value, 1 bp: a large liquid stock. It is charged as a fee, so that the
price of the trade stays the session's real one."""
CENT = Decimal("0.01")


def fees(value: Decimal) -> Decimal:
    """Fees of one order of ``value`` (above 0), in its currency, to the cent, half to even."""
    return (max(MINIMUM_COMMISSION, value * COMMISSION) + value * HALF_SPREAD).quantize(CENT, ROUND_HALF_EVEN)


def bound() -> tuple[float, float]:
    """(a, b) such that fees of any order are at most a + b x value, the cent's rounding included."""
    return float(MINIMUM_COMMISSION + CENT), float(COMMISSION + HALF_SPREAD)
