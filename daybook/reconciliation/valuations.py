"""What a custodian says that positions are worth.

Belongs here: our value of their quantity against theirs. Does not belong here: how many there are (``positions``).

Ours is our value of one unit x THEIR quantity, so that a quantity that differs is not a difference of price as well. A
line of which the whole value agrees with ours has no difference either: it is in other units, such as before a split,
and the position tells that.
"""

import numpy as np
import pandas as pd

from daybook.market import fx, security_master
from daybook.reconciliation import reports
from daybook.reconciliation.breaks import OPEN, Rules, opened
from daybook.reconciliation.sides import KEY, LINE, answering
from daybook.reconciliation.statements import Statements

TABLE, FIELD = "custodian_positions", "market_value"
COLUMNS = ["quantity", "market_value", "currency", "price", "price_source", "status"]
"""What is read of the table ``valuations``, besides its key."""
NOT_LINEAR = ("future", "forward")
"""Asset classes of which the value is not that of one unit x quantity."""


def compared(
    custodian: pd.DataFrame,
    valuations: pd.DataFrame,
    reported: pd.DataFrame,
    instruments: pd.DataFrame,
    rules: Rules,
) -> pd.DataFrame:
    """Values of what both sides hold, where they differ by more than may be allowed.

    Our value is turned into the custodian's currency at the closing rate where that is another.

    Args:
        custodian: custodian_positions, facts of all sessions that were reported; lines without market_value count not.
        valuations: table of the same sessions; positions that could not be valued count not.
        reported: custodian_reports of kind position: business_date, book, source, whole.
        instruments: reference facts.
        rules: what is allowed.

    Returns:
        Columns ``sides.LINE``, kind ``price``, compared_field ``market_value``, and reason. ours and difference are
        missing where there is no rate between the two currencies.
    """
    stated = custodian[custodian["market_value"].notna() & custodian["quantity"].ne(0)].reset_index(drop=True)
    held = valuations["quantity"].ne(0) & valuations["market_value"].abs().gt(0)
    known = valuations[held].reset_index(drop=True)
    sides = answering(known, stated, reported, "instrument")
    value, quantity = sides.of_ours(known["market_value"]), sides.of_theirs(stated["quantity"])
    ours, theirs = value / sides.of_ours(known["quantity"]) * quantity, sides.of_theirs(stated["market_value"])
    off = np.abs(theirs - ours) > rules.least(TABLE, FIELD, np.abs(ours))
    at = np.flatnonzero(off)
    line = pd.concat(
        [
            reported[[*KEY, "source"]].take(sides.report[at]).reset_index(drop=True),
            known[["instrument", *COLUMNS[1:]]].take(sides.ours[at]).reset_index(drop=True),
        ],
        axis=1,
    )
    other = stated["currency"].take(sides.theirs[at]).reset_index(drop=True)
    other = other.where(other != "", line["currency"])
    rate = fx.rates(rules.fx_rates, line["currency"], other, line["business_date"])
    line = line.assign(ours=ours[at], theirs=theirs[at], units=quantity[at], currency=other, rate=rate)
    line = line[~_alike(line["market_value"] * line["rate"], line["theirs"])].reset_index(drop=True)
    asset_class = security_master.attributes(instruments, "instrument", line, ["asset_class"])["asset_class"]
    line = line[~asset_class.isin(NOT_LINEAR)].reset_index(drop=True)
    return _named(line.assign(ours=(line["ours"] * line["rate"]).round(6)))


def breaks(
    statements: Statements,
    valuations: pd.DataFrame,
    instruments: pd.DataFrame,
    accounts: pd.DataFrame,
    rules: Rules,
) -> pd.DataFrame:
    """Values that differ by more than is allowed, of all sessions: columns ``breaks.OPEN``, cause ``price``.

    Args:
        statements: what is compared.
        valuations: see ``compared``.
        instruments: reference facts.
        accounts: reference facts.
        rules: what is allowed.
    """
    custodian, reports_of = statements.custodian_positions, statements.of("position")
    lines = compared(custodian, valuations, reports_of, instruments, rules)
    found = opened(rules.beyond(lines, TABLE), reports_of)
    some = custodian[custodian["business_date"].isin(found["business_date"]) & custodian["market_value"].notna()]
    stated = some.assign(quantity=some["market_value"])[[*KEY, "instrument", "quantity", "account"]]
    rows = reports.told(found, lines, stated, reports_of, accounts, rules.books)
    return rows.assign(cause=rows["cause"].replace("", "price"))[OPEN]


def _alike(ours: "pd.Series[float]", theirs: "pd.Series[float]") -> "pd.Series[bool]":
    """Whether whole values agree, to a basis point or a cent."""
    return (ours - theirs).abs() <= np.maximum(0.01, 1e-4 * ours.abs())


def _named(line: pd.DataFrame) -> pd.DataFrame:
    """Columns of the result."""
    unit = [(line[side] / line["units"]).map("{:,.8g}".format).astype("str") for side in ("theirs", "ours")]
    source = line["price_source"].where(line["price_source"] != "", "no source")
    price = line["price"].map("{:.10g}".format).astype("str")
    how = (", " + line["status"]).where(line["status"] != "ok", "")
    reason = "one unit is " + unit[0] + " " + line["currency"] + " there and " + unit[1] + " here, by the price "
    reason += price + " of " + source + how
    unknown = line["ours"].isna()
    reason = reason.mask(unknown, "the custodian values it in " + line["currency"] + ", for which there is no rate")
    found = line.assign(
        kind="price",
        compared_field=FIELD,
        difference=(line["theirs"] - line["ours"]).round(6),
        known=True,
        reason=reason,
    )
    return found[[*LINE, "reason"]]
