"""Returns of periods: time-weighted and money-weighted side by side, and why they differ.

Belongs here: the tables ``period_returns`` and ``flow_effects``. Does not belong here: which sessions belong to a
period (``periods``), daily returns (``returns``), finding an internal rate (``money_weighted``).

Conventions.

* Time-weighted figures link the daily ones. A session that has none makes the figure of its period empty, and
  ``status`` says how many there are and which is the first. Sessions without capital, or with a tiny one, are passed
  over, by the benchmark too; status says how many. Nothing links across a loss of more than the capital.
* Time runs in calendar days from the day before the first session with capital to ``period_end``; the start of a
  session is the end of the day before it, its middle half a day later, its end the date itself. So over a single
  session Modified Dietz and the money-weighted return are the daily return, whatever is declared of its flows.
* What a book opens with is its NAV before; where that is 0, the first inflows are.
* money_weighted is the internal rate of the whole period; xirr the same by the year, ACT/365. Modified Dietz (Dietz
  1966) = P&L / (opening + flows x day weight), simple Dietz (Dietz 1966) = P&L / (opening + half of the flows);
  linked_dietz links the Modified Dietz returns of calendar months, each cut before a large flow (after it, where large
  flows count at the end) and where the book empties or comes back. Each is empty where its average capital is not above
  a millionth of opening + gross flows.
* annual_return, annual_benchmark and xirr are empty up to 366 days: nothing shorter than a year is scaled up. Trailing
  periods have their number of years, all others days / 365.25.
* signed_return links the daily returns of signed sessions as they stand signed, and those of the others as they are
  computed; status says how many signed ones are computed otherwise now, which only another signature makes official.
* timing_effect = money_weighted - time_weighted. A flow F made it differ by F x (G - growth ^ w) / opening, with G the
  linked growth of the book from the flow to the end, growth = 1 + money_weighted, and w the part of the period left:
  it is what the flow earned in the book less what it would have at the internal rate. P&L of sessions that linking
  passes over is an effect of its own kind, ``not_linked``. The effects add up exactly; what 12 places leave is in the
  largest one.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.performance import flows, local, money_weighted, periods, returns, signed

KEY = ["business_date", "book"]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

YEAR_DAYS = 365.25
"""Calendar days of a year, by which long periods are annualised."""
A_YEAR = 366
"""Calendar days up to which nothing is annualised."""
XIRR_DAYS = 365.0
SMALLEST = 1e-6
"""Average capital, as a part of opening + gross flows, up to which no Dietz return is computed."""
ROUNDING = 1e-11
"""What a session's return, kept to 12 places, may be off by in the effects of flows, with room for its growth."""
NOT_LINKED = "not_linked"
IDLE = "no capital in the period"
RETURNS = {
    "time_weighted": "daily_return",
    "gross_return": "gross_return",
    "local_return": "local_return",
    "hedged_return": "hedged_return",
    "benchmark_return": "benchmark_return",
}
"""Linked figures, and the daily ones that they link."""


def derive(
    performance: pd.DataFrame,
    nav: pd.DataFrame,
    external_flows: pd.DataFrame,
    signed_returns: pd.DataFrame,
    spans: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Tables ``period_returns`` and ``flow_effects`` of the date that ``spans`` end with.

    Args:
        performance: table of every session since each book's first one.
        nav: table likewise.
        external_flows: table likewise.
        signed_returns: table likewise; empty where nothing is signed.
        spans: from ``periods.spans``.
    """
    rows = performance.merge(nav[[*KEY, "nav"]], on=KEY, how="left")
    rows = rows.sort_values(["book", "business_date"], ignore_index=True)
    rows["opening"] = returns.opening_nav(rows)
    linked, unknown = (flags.to_numpy() for flags in returns.standing(rows))
    frame = _begun(rows, spans)
    low, high = frame["low"].to_numpy(), frame["high"].to_numpy()
    frame["linked"] = _counted(linked, low, high)
    for name, column in RETURNS.items():
        values = rows[column].to_numpy()
        missing = unknown | (linked & np.isnan(values))
        frame[name] = _linked(values, linked, missing, low, high)
        frame[f"{name}_reason"] = _missing(rows, missing, linked & (values < -1), frame, name)
    frame = _signed(rows, signed_returns, frame, linked)
    moved = _moved(rows, external_flows, frame, linked)
    frame = _capital(rows, frame, moved)
    frame = _money_weighted(frame, moved)
    frame["linked_dietz"] = _linked_dietz(rows, frame, moved, ~linked & ~unknown)
    same = ~_any(moved, len(frame)) & frame["time_weighted"].notna() & frame["money_weighted"].notna()
    frame["money_weighted"] = frame["money_weighted"].mask(same, frame["time_weighted"])
    frame["timing_effect"] = (frame["money_weighted"] - frame["time_weighted"]).round(12)
    frame["convention"] = _conventions(rows, frame)
    frame["status"] = _status(rows, frame, linked, unknown)
    found = {"period_returns": _finished(frame), "flow_effects": _effects(frame, moved)}
    return {name: tables.conform(name, made[list(tables.TABLES[name].names)]) for name, made in found.items()}


def _begun(rows: pd.DataFrame, spans: pd.DataFrame) -> pd.DataFrame:
    """``spans`` with low, high (positions in ``rows``, from the first session with capital on), days and years."""
    frame = spans.reset_index(drop=True)
    low, high = periods.bounds(rows, frame)
    busy = np.flatnonzero(~rows["status"].str.startswith(returns.NO_CAPITAL).to_numpy())
    first = np.append(busy, len(rows))[np.searchsorted(busy, low)]
    low = np.minimum(first, high)
    day = rows["business_date"].to_numpy("datetime64[us]").astype("datetime64[D]").astype(np.int64)
    end = frame["period_end"].to_numpy("datetime64[us]").astype("datetime64[D]").astype(np.int64)
    days = np.where(low < high, end - np.append(day, 0)[low] + 1, 0)
    years = frame["period"].map(periods.TRAILING).astype("float64").to_numpy()
    years = np.where(np.isnan(years), days / YEAR_DAYS, years)
    return frame.assign(low=low, high=high, end=end, days=days, years=np.where(days > A_YEAR, years, np.nan))


def over(values: Floats, low: Ints, high: Ints, how: np.ufunc, empty: float) -> Floats:
    """``how`` over values[low:high] of each pair, ``empty`` where there is none; nothing else enters a figure."""
    if not len(low):
        return np.zeros(0)
    ends = np.stack([low, high], axis=1).ravel()
    found = how.reduceat(np.append(values, empty), np.minimum(ends, len(values)))[::2]
    return np.where(low < high, found, empty).astype(np.float64)


def _counted(flags: Flags, low: Ints, high: Ints) -> Ints:
    """How many of ``flags`` are set in each of the stretches."""
    sums = np.concatenate([[0], np.cumsum(flags)])
    return np.asarray(sums[high] - sums[low], np.int64)


def _linked(values: Floats, linked: Flags, missing: Flags, low: Ints, high: Ints) -> Floats:
    """Product of 1 + value over the linked sessions, less 1; NaN where one is missing, below -1, or none is linked."""
    growth = over(np.where(linked & ~missing, 1 + np.nan_to_num(values), 1.0), low, high, np.multiply, 1.0)
    off = _counted(missing | (linked & (values < -1)), low, high) > 0
    return np.where(off | (_counted(linked, low, high) == 0), np.nan, (growth - 1).round(12))


def _first(flags: Flags, rows: pd.DataFrame, frame: pd.DataFrame) -> "pd.Series[str]":
    """Date of the first set flag of each stretch; anything where there is none."""
    at = np.flatnonzero(flags)
    dates = rows["business_date"].dt.strftime("%Y-%m-%d").to_numpy(object)
    found = np.append(at, 0)[np.searchsorted(at, frame["low"].to_numpy())]
    return pd.Series(dates[found] if len(dates) else [], index=frame.index, dtype="str")


def _missing(rows: pd.DataFrame, missing: Flags, lost: Flags, frame: pd.DataFrame, name: str) -> "pd.Series[str]":
    """Why a linked figure of each period is empty, "" where it is not."""
    low, high = frame["low"].to_numpy(), frame["high"].to_numpy()
    words = "return" if name == "time_weighted" else name.replace("_", " ")
    count = pd.Series(_counted(missing, low, high), index=frame.index)
    beyond = pd.Series(_counted(lost, low, high), index=frame.index)
    of = count.astype("str") + " of " + pd.Series(high - low, index=frame.index).astype("str")
    said = f"no {words} on " + of + " sessions, first " + _first(missing, rows, frame)
    broken = f"{words} below -100% on " + _first(lost, rows, frame) + ": nothing links across it"
    reason = broken.where(beyond > 0, "").mask(count > 0, said)
    return reason.mask(frame["linked"].eq(0) & reason.eq(""), IDLE)


def _signed(rows: pd.DataFrame, signed_returns: pd.DataFrame, frame: pd.DataFrame, linked: Flags) -> pd.DataFrame:
    """``frame`` with signed_return, restated_sessions and signed_reason, which says so in words."""
    stand = rows[KEY].merge(signed.standing(signed_returns), on=KEY, how="left", indicator="there")
    there = stand["there"].eq("both").to_numpy()
    low, high = frame["low"].to_numpy(), frame["high"].to_numpy()
    values = np.where(there, stand["daily_return"], rows["daily_return"])
    missing = np.isnan(values) & (linked | there)
    figure = _linked(values, linked | (there & ~np.isnan(values)), missing, low, high)
    other = there & signed.differs(rows, stand)
    count = pd.Series(_counted(other, low, high), index=frame.index)
    said = "sessions not as they were signed: " + count.astype("str") + ", first " + _first(other, rows, frame)
    none = _counted(there, low, high) == 0
    signed_return = np.where(none, np.nan, figure)
    return frame.assign(signed_return=signed_return, restated_sessions=count, signed_reason=said.where(count > 0, ""))


def _moved(rows: pd.DataFrame, external_flows: pd.DataFrame, frame: pd.DataFrame, linked: Flags) -> pd.DataFrame:
    """Every flow of every period, and the P&L of sessions that are not linked.

    Returns:
        span (position in ``frame``), at (position in ``rows``), business_date, kind, flows, timing, large, weight (part
        of the period left), growth (linked from it to the end, plus 1), opening (whether the book opened with it).
    """
    key = pd.MultiIndex.from_frame(rows[KEY])
    out = external_flows.assign(at=key.get_indexer(pd.MultiIndex.from_frame(external_flows[KEY])))
    out = out.assign(large=flows.is_large(out)).loc[out["at"] >= 0, ["at", "kind", "flows", "timing", "large"]]
    # What a session earned that linking passes over stays in the book from its end on, like a flow.
    idle = np.where(linked, 0.0, (rows["daily_return"] * rows["denominator"]).fillna(0.0).round(6))
    at = np.flatnonzero(idle)
    rest = pd.DataFrame({"at": at, "kind": NOT_LINKED, "flows": idle[at], "timing": flows.END, "large": False})
    both = pd.concat([out, rest.astype({"kind": "str", "timing": "str"})]).sort_values(["at", "kind"], kind="stable")
    at = both["at"].to_numpy()
    first, last = (np.searchsorted(at, frame[name].to_numpy()) for name in ("low", "high"))
    count = np.maximum(last - first, 0)
    span = np.repeat(np.arange(len(frame)), count)
    step = np.arange(len(span)) - np.repeat(np.cumsum(count) - count, count)
    moved = both.take(np.repeat(first, count) + step).assign(span=span).reset_index(drop=True)
    at = moved["at"].to_numpy()
    moved["business_date"] = rows["business_date"].to_numpy()[at]
    day = moved["business_date"].to_numpy("datetime64[us]").astype("datetime64[D]").astype(np.int64)
    part = moved["timing"].map(flows.COUNTED).astype("float64").to_numpy()
    days = frame["days"].to_numpy()[span]
    moved["weight"] = (frame["end"].to_numpy()[span] - day + part) / np.maximum(days, 1)
    # The linked growth after each session, and within it by the part of the session that the flow was there for.
    daily = np.where(linked, rows["daily_return"].fillna(0.0), 0.0)
    after = over(1 + daily, at + 1, frame["high"].to_numpy()[span], np.multiply, 1.0)
    moved["growth"] = (1 + part * daily[at]) * after
    opened = rows["opening"].to_numpy()[frame["low"].to_numpy()[span] % max(len(rows), 1)]
    started = (at == frame["low"].to_numpy()[span]) & (part == 1.0) & (opened == 0)
    return moved.assign(opening=started)


def _summed(values: "pd.Series[float]", moved: pd.DataFrame, count: int) -> Floats:
    return np.bincount(moved["span"], values, count).astype(np.float64)


def _any(moved: pd.DataFrame, count: int) -> Flags:
    """Whether a period has anything that makes its two returns differ."""
    return np.asarray(np.bincount(moved["span"], ~moved["opening"], count) > 0)


def _capital(rows: pd.DataFrame, frame: pd.DataFrame, moved: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with opening, closing, flows, total, capital (what the period opened with) and both Dietz returns."""
    low, high, count = frame["low"].to_numpy(), frame["high"].to_numpy(), len(frame)
    there = low < high
    flowed = moved.loc[moved["kind"].ne(NOT_LINKED)]
    opening = np.where(there, np.append(rows["opening"].to_numpy(), np.nan)[low], np.nan)
    closing = np.where(there, np.append(rows["nav"].to_numpy(), np.nan)[high - 1], np.nan)
    # The flows of a session whose NAV failed are not known.
    failed = _counted(rows["flows"].isna().to_numpy(), low, high) > 0
    amount = np.where(failed, np.nan, _summed(flowed["flows"], flowed, count)).round(6)
    begun = _summed(flowed["flows"].where(flowed["opening"], 0.0), flowed, count)
    later = flowed["flows"].mask(flowed["opening"], 0.0)
    capital = opening + begun
    total = (closing - opening - amount).round(6)
    gross = np.abs(opening) + _summed(flowed["flows"].abs(), flowed, count)
    weighted = capital + _summed(later * flowed["weight"], flowed, count)
    halved = capital + _summed(later, flowed, count) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        dietz = {
            name: np.where(average > SMALLEST * gross, total / average, np.nan).round(12)
            for name, average in (("modified_dietz", weighted), ("simple_dietz", halved))
        }
    small = pd.Series(there & ~(weighted > SMALLEST * gross) & np.isfinite(weighted), index=frame.index)
    return frame.assign(
        opening=opening.round(6), closing=closing, flows=amount, total=total, capital=capital, small=small, **dietz
    )


def _money_weighted(frame: pd.DataFrame, moved: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with money_weighted, xirr and money_reason."""
    known = frame[["opening", "closing", "flows"]].notna().all(axis=1) & frame["capital"].gt(0)
    number = np.flatnonzero(known)
    flowed = moved.loc[moved["kind"].ne(NOT_LINKED) & ~moved["opening"] & known.to_numpy()[moved["span"]]]
    problem = np.concatenate([number, number, flowed["span"]])
    weight = np.concatenate([np.ones(len(number)), np.zeros(len(number)), flowed["weight"]])
    capital, closing = frame["capital"].to_numpy()[number], frame["closing"].to_numpy()[number]
    amount = np.concatenate([capital, -closing, flowed["flows"]])
    growth, why = money_weighted.growth(problem, weight, amount, len(frame))
    reason = pd.Series(why, index=frame.index, dtype="str")
    reason = reason.mask(~known, "opening nav is not positive")
    reason = reason.mask(frame[["opening", "closing", "flows"]].isna().any(axis=1), "a nav is not known")
    # Beyond a year alone, so that the exponent is below 1 and nothing overflows.
    yearly = np.where(frame["years"].notna(), XIRR_DAYS / frame["days"].clip(lower=1), np.nan)
    xirr = (growth**yearly - 1).round(12)
    return frame.assign(growth=growth, money_weighted=(growth - 1).round(12), xirr=xirr, money_reason=reason)


def _linked_dietz(rows: pd.DataFrame, frame: pd.DataFrame, moved: pd.DataFrame, passed: Flags) -> Floats:
    """Modified Dietz of each calendar month of each period, cut at large flows and where capital comes or goes, linked.

    ``passed`` are the sessions that linking passes over: they are pieces of their own, which earn nothing.
    """
    day = rows["business_date"].to_numpy("datetime64[us]").astype("datetime64[D]")
    cut = np.append(True, np.diff(day.astype("datetime64[M]").astype(np.int64)) != 0)[: len(rows)]
    cut |= np.append(False, passed[1:] != passed[:-1])[: len(rows)]
    large = moved.loc[moved["large"]]
    late = large["timing"].eq(flows.END)
    cut[large["at"].to_numpy()[~late]] = True
    cut[np.minimum(large["at"].to_numpy()[late] + 1, len(rows) - 1)] |= large["at"].to_numpy()[late] + 1 < len(rows)
    low, high = frame["low"].to_numpy(), frame["high"].to_numpy()
    cuts = np.flatnonzero(cut)
    skipped, last = np.searchsorted(cuts, low, "right"), np.searchsorted(cuts, high, "left")
    pieces = np.where(low < high, np.maximum(last - skipped, 0) + 1, 0)
    first = np.cumsum(pieces) - pieces
    span = np.repeat(np.arange(len(frame)), pieces)
    step = np.arange(len(span)) - np.repeat(first, pieces)
    if not len(span):
        return np.full(len(frame), np.nan)
    begin = np.where(step == 0, low[span], np.append(cuts, 0)[skipped[span] + step - 1])
    end = np.where(step == pieces[span] - 1, high[span], np.append(begin[1:], 0))
    width = len(rows) + 1
    flowed = moved.loc[moved["kind"].ne(NOT_LINKED)]
    place = np.searchsorted(span * width + begin, flowed["span"] * width + flowed["at"], "right") - 1
    final, days = day[end - 1], ((day[end - 1] - day[begin]).astype(np.int64) + 1).astype(np.float64)
    part = flowed["timing"].map(flows.COUNTED).astype("float64").to_numpy()
    left = (final[place] - day[flowed["at"].to_numpy()]).astype(np.int64) + part
    amount = flowed["flows"].to_numpy()
    opening, closing = rows["opening"].to_numpy()[begin], rows["nav"].to_numpy()[end - 1]
    average = opening + np.bincount(place, amount * left / days[place], len(span))
    gross = np.abs(opening) + np.bincount(place, np.abs(amount), len(span))
    total = (closing - opening - np.bincount(place, amount, len(span))).round(6)
    usable = average > SMALLEST * gross
    piece = np.divide(total, average, out=np.full(len(span), np.nan), where=usable)
    piece = np.where(passed[begin], 0.0, piece)
    return _linked(piece, np.ones(len(span), bool), np.isnan(piece), first, first + pieces)


def _conventions(rows: pd.DataFrame, frame: pd.DataFrame) -> "pd.Series[str]":
    """How the figures of each period were computed, in words."""
    low, high = frame["low"].to_numpy(), frame["high"].to_numpy()
    own, declared = (
        rows["convention"].to_numpy(object),
        rows["convention"].str.split(local.HEDGED).str[0].to_numpy(object),
    )
    other = np.append(
        False, (declared[1:] != declared[:-1]) & (rows["book"].to_numpy()[1:] == rows["book"].to_numpy()[:-1])
    )
    changes = pd.Series(_counted(other[: len(rows)], np.minimum(low + 1, high), high), index=frame.index)
    last = pd.Series(np.append(own, "")[np.where(low < high, high - 1, len(rows))], index=frame.index)
    text = "daily returns linked; " + last.astype("str")
    text += "; money-weighted by calendar days (" + frame["days"].astype("str") + "), xirr ACT/365"
    years = frame["years"].map("{:.6g}".format).astype("str")
    text += ("; annualised over " + years + " years").mask(frame["years"].isna(), "; not annualised up to 366 days")
    said = "; changes of flow timing or benchmark within the period: " + changes.astype("str")
    return text + said.where(changes > 0, "")


def _status(rows: pd.DataFrame, frame: pd.DataFrame, linked: Flags, unknown: Flags) -> "pd.Series[str]":
    """``ok`` and what there is to say, or why there is no time-weighted return."""
    low, high = frame["low"].to_numpy(), frame["high"].to_numpy()
    passed = pd.Series(_counted(~linked & ~unknown, low, high), index=frame.index)
    without = rows["benchmark_return"].isna() & rows["status"].str.contains("; no benchmark(?:;|$)")
    never = _counted(linked & without.to_numpy(), low, high) == frame["linked"].to_numpy()
    fine, some = frame["time_weighted_reason"].eq(""), frame["linked"].gt(0)
    benchmark = frame["benchmark_return_reason"].mask(never, "no benchmark").where(some, "")
    notes = [
        ("passed over " + passed.astype("str") + " sessions without capital, or with a tiny one").where(passed > 0, ""),
        benchmark,
        *(frame[f"{name}_reason"].where(fine, "") for name in ("gross_return", "local_return", "hedged_return")),
        ("money-weighted: " + frame["money_reason"]).where(frame["money_reason"].ne(""), ""),
        frame["signed_reason"],
        pd.Series("Dietz: average capital is not positive", index=frame.index).where(frame["small"], ""),
    ]
    said = frame["time_weighted_reason"].mask(fine, "ok")
    bare = said.eq(IDLE)
    for note in notes:
        said = said + ("; " + note).where(note.ne("") & ~bare, "")
    return said


def _finished(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns that follow from the others."""
    own, theirs = frame["time_weighted"], frame["benchmark_return"]
    geometric = ((1 + own) / (1 + theirs).where(theirs > -1) - 1).round(12)
    annual = {
        name: ((1 + frame[column]) ** (1 / frame["years"]) - 1).round(12)
        for name, column in (("annual_return", "time_weighted"), ("annual_benchmark", "benchmark_return"))
    }
    return frame.assign(
        business_date=frame["period_end"],
        currency_return=(own - frame["local_return"]).round(12),
        active_return=(own - theirs).round(12),
        active_geometric=geometric,
        **annual,
    )


def _effects(frame: pd.DataFrame, moved: pd.DataFrame) -> pd.DataFrame:
    """Table ``flow_effects`` of the periods that have both returns."""
    span = moved["span"].to_numpy()
    rows = moved.loc[~moved["opening"] & frame["timing_effect"].notna().to_numpy()[span]].reset_index(drop=True)
    whole = frame.take(rows["span"].to_numpy()).reset_index(drop=True)
    # Unrounded: a growth of 10^-15 is a loss of everything to 12 places, but what it made of a late flow is not 0.
    rate = whole["growth"] ** rows["weight"]
    rate = rate.mask(rows["kind"].eq(NOT_LINKED), 0.0)
    rows["effect"] = (rows["flows"] * (rows["growth"] - rate) / whole["capital"]).round(12)
    rows = rows.assign(
        business_date=whole["period_end"],
        book=whole["book"],
        period=whole["period"],
        flow_date=rows["business_date"],
        day_weight=rows["weight"].round(12),
        growth=(rows["growth"] - 1).round(12),
        size=rows["effect"].abs(),
        target=whole["timing_effect"],
        room=ROUNDING * (whole["session_count"] + 1) * (1 + whole["flows"].abs() / whole["capital"]),
    )
    # What 12 places leave, of the daily returns too, goes to the largest effect of the period.
    left = (rows["target"] - rows.groupby("span")["effect"].transform("sum")).round(12)
    largest = rows.sort_values(["span", "size"], kind="stable").drop_duplicates("span", keep="last").index
    taken = left.where(rows.index.isin(largest) & (left.abs() <= rows["room"]), 0.0)
    return pd.DataFrame(rows.assign(effect=(rows["effect"] + taken).round(12)))


def identity_gaps(period_returns: pd.DataFrame, flow_effects: pd.DataFrame) -> pd.DataFrame:
    """Periods whose flow effects do not add up to the gap between their two returns.

    Returns:
        business_date, book, gap = sum of effects - timing_effect, reason; empty when all is well.
    """
    key = [*KEY, "period"]
    sums = flow_effects.groupby(key, as_index=False)["effect"].sum()
    both = period_returns.loc[period_returns["timing_effect"].notna(), [*key, "timing_effect"]]
    both = both.merge(sums, on=key, how="left")
    both["gap"] = (both["effect"].fillna(0.0) - both["timing_effect"]).round(12)
    both = both.loc[both["gap"].ne(0)].reset_index(drop=True)
    off = both["gap"].map("{:g}".format).astype("str")
    reason = "effects of flows do not add up to the timing effect of period " + both["period"] + ": off by " + off
    return both[[*KEY, "gap"]].assign(reason=reason)
