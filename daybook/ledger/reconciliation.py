"""Differences between the books and the records of others: the custodian, and who confirms a dividend.

Belongs here: comparing positions, cash and confirmed dividends, what a difference would do to NAV, since when it has
been open, and a simple guess at its cause. Does not belong here: who works on a break, and whether it blocks a close
(``daybook.market.quality``).
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.ledger.valuation import KEY, on_own_sessions, unit_values
from daybook.market import dated, fx

ITEM = ["kind", "book", "instrument"]
TOLERANCE = {"position": 5e-9, "cash": 5e-7, "transaction": 5e-7}
"""Half a unit in the last place kept: 10^-8 for quantities, 10^-6 for money."""
ROUNDING = {"position": 1e-6, "cash": 0.005, "transaction": 0.005}
"""Differences below which rounding at the custodian is the likely cause: cash is often kept in whole cents."""
LOOKBACK = pd.Timedelta(days=92)
"""How long before a cash break opened its amount may have been booked: a dividend waits for its pay_date."""


def breaks(
    positions: pd.DataFrame,
    cash: pd.DataFrame,
    custodian_positions: pd.DataFrame,
    custodian_cash: pd.DataFrame,
    reports: pd.DataFrame,
    confirmations: pd.DataFrame,
    activity: pd.DataFrame,
    failures: pd.DataFrame,
    nav: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Positions and cash in which the custodian differs from the books, difference = theirs - ours.

    Settled quantities are compared where the custodian gives them, else quantities; cash with what is settled. The
    positions of a book are compared on sessions on which the custodian reported positions of that book, cash likewise;
    what one side does not list is 0 there, except what a report that is not whole does not list (``uncompared``): that
    is not known. impact_base = difference x value of one unit x FX: what NAV would gain if
    the custodian is right. opened_on is the first session of the unbroken run of compared sessions with a difference,
    and part of break_id: a break that comes back is another one.

    A dividend transaction that confirms a corporate action with another amount is a break of kind transaction, from
    its session on until all that is confirmed is what the action pays.

    Args:
        positions: table of ``sessions`` and of all sessions before on which the custodian reported.
        cash: table of the same sessions.
        custodian_positions: facts of the same sessions.
        custodian_cash: facts of the same sessions.
        reports: custodian_reports of the same sessions.
        confirmations: table of ``sessions`` and of all before.
        activity: what ``journal.activity`` says of the same sessions; explains cash breaks.
        failures: table ``book_failures`` of the same sessions: books that were not computed and so are not compared.
        nav: table of ``sessions``.
        prices: golden, of ``sessions``.
        fx_rates: golden, of ``sessions``.
        books: reference facts.
        instruments: reference facts.
        sessions: midnight, naive.

    Returns:
        Table ``reconciliation_breaks``, status ``open``. impact_base is missing where there is no price or rate,
        impact_bp also where NAV is not positive or not known.
    """
    sides = _both(positions, cash, custodian_positions, custodian_cash, reports)
    compared = _computed(sides[sides["known"]].drop(columns="known"), books, failures)
    open_ones = _opened(compared)
    open_ones = open_ones[open_ones["business_date"].isin(sessions)]
    unequal = _computed(_unconfirmed(confirmations, sessions), books, failures)
    rows = pd.concat([open_ones, unequal], ignore_index=True) if len(unequal) else open_ones.reset_index(drop=True)

    paid = rows["kind"] == "transaction"
    unit = unit_values(
        rows.assign(instrument=rows["instrument"].mask(paid, "CASH:" + rows["currency"])), prices, instruments
    )
    quoted = unit["currency"].where(unit["failure"] == "", rows["currency"])
    rate = fx.rates(fx_rates, quoted, rows["base_currency"], rows["business_date"])
    # A contract that is worth nothing by itself, a future, is missed with all that it exposes to.
    impact = (rows["difference"] * unit["unit"].mask(unit["unit"] == 0, unit["exposure"]) * rate).round(6)
    worth = rows[KEY].merge(nav[[*KEY, "nav"]], how="left", on=KEY)["nav"]
    stable = rows["kind"] + ":" + rows["book"] + ":" + rows["instrument"] + ":"
    named = rows.assign(
        currency=rows["currency"].where(rows["currency"] != "", quoted),
        break_id=stable + rows["opened_on"].dt.strftime("%Y-%m-%d"),
        impact_base=impact,
        impact_bp=(impact / worth.where(worth > 0) * 1e4).round(12),
        cause=_causes(rows, activity),
        status="open",
        owner="",
        reconciliation=rows["kind"],
        source="",
        age=1,
        reason="",
    )
    ordered = named.sort_values([*KEY, "kind", "instrument"])
    return tables.conform("reconciliation_breaks", ordered[list(tables.TABLES["reconciliation_breaks"].names)])


def uncompared(
    positions: pd.DataFrame,
    cash: pd.DataFrame,
    custodian_positions: pd.DataFrame,
    custodian_cash: pd.DataFrame,
    reports: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """What the books have and a report that is not whole does not list: business_date, book, instrument, kind, ours.

    A line of the custodian's that could not be read may be about any of it, so it is no break, and no agreement.
    """
    sides = _both(positions, cash, custodian_positions, custodian_cash, reports)
    rows = sides[~sides["known"] & (sides["ours"] != 0) & sides["business_date"].isin(sessions)]
    return rows[[*KEY, "instrument", "kind", "ours"]].sort_values([*KEY, "kind", "instrument"], ignore_index=True)


def _computed(rows: pd.DataFrame, books: pd.DataFrame, failures: pd.DataFrame) -> pd.DataFrame:
    """``rows`` on sessions of their book, with its base currency, without books that were not computed."""
    own = on_own_sessions(rows, books, pd.DatetimeIndex(rows["business_date"].unique()))
    return own[~pd.MultiIndex.from_frame(own[KEY]).isin(pd.MultiIndex.from_frame(failures[KEY]))]


def _unconfirmed(confirmations: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Confirmed dividends that differ from what the action pays, on each of ``sessions``; one row an instrument."""
    asked = pd.DataFrame({"business_date": sessions})
    rows = confirmations.rename(columns={"business_date": "opened_on"}).merge(asked, how="cross")
    rows = rows[rows["opened_on"] <= rows["business_date"]].sort_values("opened_on", kind="stable")
    keys = [*KEY, "instrument", "currency"]
    each = rows.groupby([*keys, "action_id"], as_index=False).agg(
        ours=("ours", "last"), theirs=("theirs", "sum"), opened_on=("opened_on", "first")
    )
    each = each[(each["theirs"] - each["ours"]).abs() > TOLERANCE["transaction"]]
    found = each.groupby(keys, as_index=False).agg(
        ours=("ours", "sum"), theirs=("theirs", "sum"), opened_on=("opened_on", "min")
    )
    return found.assign(kind="transaction", difference=(found["theirs"] - found["ours"]).round(6))


def _both(
    positions: pd.DataFrame,
    cash: pd.DataFrame,
    custodian_positions: pd.DataFrame,
    custodian_cash: pd.DataFrame,
    reports: pd.DataFrame,
) -> pd.DataFrame:
    """Both sides of all that was reported: KEY, instrument, kind, currency, ours, theirs, difference, known."""
    of = {kind: rows[[*KEY, "whole"]] for kind, rows in reports.groupby("kind")}
    none = reports.loc[:, [*KEY, "whole"]].head(0)
    return pd.concat(
        [
            _positions(positions, custodian_positions, of.get("position", none)),
            _cash(cash, custodian_cash, of.get("cash", none)),
        ],
        ignore_index=True,
    )


def _positions(positions: pd.DataFrame, custodian: pd.DataFrame, reports: pd.DataFrame) -> pd.DataFrame:
    """Both sides of every position of a book that was reported."""
    theirs = custodian[[*KEY, "instrument", "quantity", "settled_quantity", "currency"]]
    settled = theirs["settled_quantity"].notna()
    # A book whose custodian gives settled quantities is compared with those also where a line is missing.
    basis = theirs.assign(settled=settled).groupby(KEY, as_index=False)["settled"].any()
    theirs = theirs.assign(
        theirs=theirs["settled_quantity"].where(settled, theirs["quantity"]), line_settled=settled.astype("float64")
    )
    ours = positions[[*KEY, "instrument", "quantity", "settled_quantity", "currency"]].merge(reports, on=KEY)
    ours = ours.merge(basis, how="left", on=KEY)
    both = ours.merge(
        theirs[[*KEY, "instrument", "theirs", "currency", "line_settled"]],
        how="outer",
        on=[*KEY, "instrument"],
        suffixes=("", "_theirs"),
    )
    # A report without a line gives neither; then it is settled quantities that the custodian does not have.
    use_settled = both["line_settled"].fillna(both["settled"].astype("float64")).fillna(1.0) > 0
    mine = both["settled_quantity"].where(use_settled, both["quantity"])
    currency = both["currency"].fillna(both["currency_theirs"]).fillna("")
    return _differences(both.assign(kind="position", currency=currency, ours=mine))


def _cash(cash: pd.DataFrame, custodian: pd.DataFrame, reports: pd.DataFrame) -> pd.DataFrame:
    """Both sides of every settled balance of a book that was reported; instrument is CASH:<CCY>."""
    ours = cash[[*KEY, "currency", "settled"]].merge(reports, on=KEY)
    both = ours.merge(custodian[[*KEY, "currency", "balance"]], how="outer", on=[*KEY, "currency"])
    named = both.assign(
        kind="cash", instrument="CASH:" + both["currency"], ours=both["settled"], theirs=both["balance"]
    )
    return _differences(named)


def _differences(both: pd.DataFrame) -> pd.DataFrame:
    ours, theirs = both["ours"].fillna(0.0), both["theirs"].fillna(0.0)
    # What only the custodian lists is known; of what it does not list it has none where its report is whole.
    known = both["theirs"].notna() | both["whole"].eq(True)
    columns = [*KEY, "instrument", "kind", "currency"]
    return both[columns].assign(ours=ours, theirs=theirs, difference=(theirs - ours).round(8), known=known)


def _opened(compared: pd.DataFrame) -> pd.DataFrame:
    """The rows that differ, with opened_on: the first of the unbroken run of compared sessions they belong to."""
    day = compared.assign(day=dated.days(compared["business_date"]))
    turn = day.groupby(["kind", "book"])["day"].rank("dense")
    size = np.maximum(compared["ours"].abs(), compared["theirs"].abs())
    allowed = compared["kind"].map(TOLERANCE).astype("float64") + 1e-12 * size
    differ = compared.assign(turn=turn)[compared["difference"].abs() > allowed]
    rows = differ.sort_values([*ITEM, "business_date"], ignore_index=True)
    same = (rows[ITEM] == rows[ITEM].shift()).all(axis=1)
    begins = ~(same & (rows["turn"] == rows["turn"].shift() + 1))
    return rows.assign(opened_on=rows["business_date"].where(begins).ffill()).drop(columns="turn")


def _causes(rows: pd.DataFrame, activity: pd.DataFrame) -> "pd.Series[str]":
    """Rounding, the fee or income of the same amount booked last before, or unexplained."""
    cause = pd.Series("unexplained", rows.index, dtype="str")
    wanted = rows.loc[rows["kind"] == "cash", ["book", "currency", "business_date", "opened_on", "difference"]]
    amount = wanted["difference"].abs().round(6)
    found = wanted.assign(amount=amount).reset_index().merge(_amounts(activity), on=["book", "currency", "amount"])
    timely = (found["booked"] <= found["business_date"]) & (found["booked"] >= found["opened_on"] - LOOKBACK)
    likely = found[timely].sort_values(["index", "booked"], kind="stable").drop_duplicates("index", keep="last")
    text = "equals the " + likely["what"] + " of " + likely["booked"].dt.strftime("%Y-%m-%d")
    cause.loc[likely["index"]] = text.to_numpy()
    return cause.mask(rows["difference"].abs() < rows["kind"].map(ROUNDING).astype("float64"), "rounding")


def _amounts(activity: pd.DataFrame) -> pd.DataFrame:
    """Fees and income that were booked: book, currency, amount without sign, booked, what."""
    of = (" of " + activity["instrument"]).mask(activity["instrument"].str.startswith("CASH:"), "")
    columns = activity[["book", "currency"]].assign(booked=activity["business_date"])
    fees = columns.assign(amount=activity["fees"].abs().round(6), what="fees" + of)
    income = columns.assign(amount=activity["income"].abs().round(6), what="income" + of)
    both = pd.concat([income, fees], ignore_index=True)
    return both[both["amount"] > 0]
