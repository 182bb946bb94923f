"""Reference and context facts that cannot be right: identifiers, benchmark weights, series that ended.

Belongs here: findings about facts that no book is valued by. Does not belong here: prices and rates.
"""

import pandas as pd

from daybook.market import check_digits, constituents, dated, security_master
from daybook.market.constituents import WEIGHT_SUM
from daybook.market.quality.finding import finding

ENDED = 4.0
"""Usual distances between a series' observations after which it has ended: a monthly series in the fifth month."""
OF_ISSUERS = ("cik",)
"""Schemes of which the classes of one company share an identifier."""
_NO_RETURN = "ok; benchmark: "


def identifier_forms(identifiers: pd.DataFrame, valuations: pd.DataFrame) -> pd.DataFrame:
    """Identifiers of held instruments that are none of their scheme: ``identifier_<scheme>``, warning.

    An identifier is taken as delivered, since what it names is known by it alone; a wrong check digit says that
    somebody mistyped it, and that the next file may not find its instrument.

    Args:
        identifiers: facts; those in force on the session count.
        valuations: table of the sessions that are checked.
    """
    held = valuations[["business_date", "instrument"]].drop_duplicates()
    rows = identifiers[identifiers["scheme"].isin(check_digits.SCHEMES)].merge(held, on="instrument")
    rows = rows[(rows["valid_from"] <= rows["business_date"]) & ~(rows["valid_to"] < rows["business_date"])]
    reasons = pd.Series("", index=rows.index, dtype="str")
    for scheme, group in rows.groupby("scheme"):
        reasons[group.index] = check_digits.faults(str(scheme), group["value"])
    wrong = rows.assign(reason=rows["value"] + " is " + reasons)[reasons != ""]
    wrong = wrong.drop_duplicates(["business_date", "instrument", "scheme"])
    return finding(wrong, "identifier_" + wrong["scheme"], "warning", wrong["reason"])


def identifier_overlaps(identifiers: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Identifiers that two instruments claim on one exchange and date: ``identifier_overlap``, warning.

    A row that comes with one of them finds neither, and waits in quarantine. A scheme of ``OF_ISSUERS`` may be shared,
    since it names who filed and not what is traded.

    Args:
        identifiers: facts.
        sessions: midnight, naive.
    """
    claims = security_master.overlaps(identifiers[~identifiers["scheme"].isin(OF_ISSUERS)])
    rows = claims.merge(pd.DataFrame({"business_date": sessions}), how="cross")
    rows = rows[(rows["valid_from"] <= rows["business_date"]) & ~(rows["valid_to"] < rows["business_date"])]
    place = (" on " + rows["exchange"]).where(rows["exchange"] != "", "")
    rows = rows.assign(text=rows["scheme"] + " " + rows["value"] + place + " is claimed by " + rows["other"] + " too")
    each = rows.groupby(["business_date", "instrument"], as_index=False)["text"].agg(["first", "size"])
    more = (" (and " + (each["size"] - 1).astype("str") + " more)").where(each["size"] > 1, "")
    return finding(each, "identifier_overlap", "warning", each["first"] + more)


def benchmark_weights(weights: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Benchmarks whose weights do not add up to 1 within ``WEIGHT_SUM``: ``benchmark_weights``, warning.

    It stands on every session until other weights are delivered, because all of them are computed with these.
    """
    rows = constituents.in_force(weights, sessions)
    each = rows.groupby(["business_date", "benchmark", "delivered"], as_index=False)["weight"].sum()
    off = each[(each["weight"] - 1.0).abs() > WEIGHT_SUM]
    text = "weights of " + dated.iso(off["delivered"]).set_axis(off.index) + " add up to "
    text += off["weight"].map("{:.6f}".format).astype("str") + "; they are divided by that"
    return finding(off.rename(columns={"benchmark": "instrument"}), "benchmark_weights", "warning", text)


def blend_weights(benchmark_blends: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Blends whose weights do not add up to 1 within ``WEIGHT_SUM``: ``benchmark_blends``, warning.

    It stands on every session on which the blend does. One without a return is a ``benchmark_return`` of its books.
    """
    rows = constituents.blends_in_force(benchmark_blends, sessions)
    each = rows.groupby(["business_date", "benchmark", "valid_from"], as_index=False)["weight"].sum()
    off = each[(each["weight"] - 1.0).abs() > WEIGHT_SUM]
    text = "weights of the blend since " + dated.iso(off["valid_from"]).set_axis(off.index) + " add up to "
    text += off["weight"].map("{:.6f}".format).astype("str") + "; they are divided by that"
    return finding(off.rename(columns={"benchmark": "instrument"}), "benchmark_blends", "warning", text)


def fund_weights(funds: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Funds whose constituents weigh more than 1 and ``WEIGHT_SUM``: ``constituents_weights``, warning.

    Less than 1 is no finding: what is left stands in the fund, and the coverage of look-through says so.

    Args:
        funds: facts of table ``constituents``.
        sessions: midnight, naive.
    """
    rows = constituents.in_force(funds.rename(columns={"fund": "benchmark"}), sessions)
    each = rows.groupby(["business_date", "benchmark", "delivered"], as_index=False)["weight"].sum()
    over = each[each["weight"] > 1.0 + WEIGHT_SUM]
    text = "constituents of " + dated.iso(over["delivered"]).set_axis(over.index) + " weigh "
    text += over["weight"].map("{:.6f}".format).astype("str") + "; what is above 1 counts as short of the fund itself"
    return finding(over.rename(columns={"benchmark": "instrument"}), "constituents_weights", "warning", text)


def fund_circles(circles: pd.DataFrame) -> pd.DataFrame:
    """Funds that hold each other: ``constituents_circle``, warning.

    Args:
        circles: business_date, fund.
    """
    text = "it holds itself through other funds, and is not looked through"
    return finding(circles.rename(columns={"fund": "instrument"}), "constituents_circle", "warning", text)


def benchmark_returns(performance: pd.DataFrame) -> pd.DataFrame:
    """Books whose benchmark has weights but no return, because a member has none: ``benchmark_return``, warning.

    Args:
        performance: table of the sessions that are checked.
    """
    lacking = performance[performance["status"].str.startswith(_NO_RETURN)]
    text = lacking["status"].str.removeprefix(_NO_RETURN) + ": no benchmark return, no attribution"
    return finding(lacking, "benchmark_return", "warning", text)


def ended_series(alternative_data: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Series that have no recent observation: ``series_ended``, info. A series that ended has not failed.

    It has ended when its last observation is further back than ``ENDED`` times the usual distance between two of its
    observations (the median); with fewer than three observations there is no usual distance.
    """
    known = alternative_data.sort_values("observed_on").assign(name=alternative_data["series"].str.cat(
        alternative_data["instrument"], sep=" ").str.strip())  # fmt: skip
    known = known.drop_duplicates(["name", "observed_on"])
    step = known.groupby("name")["observed_on"].diff().groupby(known["name"]).median().rename("step")
    each = pd.concat([step, known.groupby("name")["observed_on"].max().rename("last")], axis=1).dropna().reset_index()
    rows = each.merge(pd.DataFrame({"business_date": sessions}), how="cross")
    rows = rows[(rows["business_date"] - rows["last"]) > ENDED * rows["step"]]
    reason = "the last observation is of " + dated.iso(rows["last"])
    return finding(rows.rename(columns={"name": "instrument"}), "series_ended", "info", reason)
