"""Transactions of the books against those of custodians and brokers: what answers what, and what is a break.

Belongs here: which lines take part, the groups by which they find each other, what must agree, who of three is the odd
one out, and the breaks. Does not belong here: what a line is (``dealings``), the search (``matching``).

Conventions:

* A line of the other side is expected in the books on the date under which the other side says so. A line of the books
  is expected there on its settlement date by a custodian and on its trade date by a broker, unless the declared
  match_keys name one of the two dates. Until then it may be answered and its absence is no break.
* What is absent counts only if there is a whole report of the book for the very session on which the line is due
  (``custodian_reports``): a file that failed says nothing. Once a break, it stands until it is answered.
* Of brokers' own kinds (``DEALT``) alone is the absence a break. A line of the books is expected of the broker that it
  names in ``counterparty`` (the source of his files, or what he writes there); where it names none that is known, of
  the only broker who ever confirmed something of the book, and of nobody where there are several.
* Groups: ``match_keys``, default ``KEYS``, always within a book and a currency. The date of a dividend is its payment.
* A definition that compares some fields alone leaves the others out of the breaks, not out of the search.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger.transactions import UNITS
from daybook.ledger.valuation import unit_values
from daybook.market import custodian_reports, dated, fx, security_master
from daybook.reconciliation import breaks, dealings, definitions, matching
from daybook.reconciliation.definitions import TOLERANCES
from daybook.reconciliation.reports import POWERS

PARTY = {"custodian_transactions": "custodian", "broker_transactions": "broker"}
DUE = {"custodian_transactions": "settled", "broker_transactions": "booked"}
"""By when a line of the books is expected there."""
DUE_BY = {"trade_date": "booked", "settle_date": "settled"}
"""What match_keys may say of it."""
KEYS = "instrument kind trade_date"
DEALT = ("buy", "sell", "fx")
"""Kinds that brokers confirm."""
CHARGES = 0.01
"""Share of a trade that its charges may be, where the other side gives no money with them."""
CENTS = 0.05
"""Money below which a difference is likely rounding."""
NAMED = 3
"""Most lines that the reason of a break tells."""
OF_KIND = {"dividend": "dividend", "interest": "interest", "fee": "fee", "tax": "withholding"}
"""Causes of money that one side does not have."""
SHOWN = {
    **{name: name for name in ("kind", "instrument", "quantity", "price")},
    "net_amount": "money",
    "trade_date": "trade_date_last",
    "settle_date": "settle_date_last",
}
"""What may differ, and the sum that is told of it."""
OPEN = ("differs", "unanswered")
"""Status of lines that are breaks; the others are matched, not_due and not_compared."""
ITEM = ["business_date", "book", "instrument", "kind", "currency"]


@dataclass(frozen=True)
class Matched:
    """What was found on a session.

    Attributes:
        matches: table ``transaction_matches``: what was answered on the session, and all that is open.
        breaks: table ``reconciliation_breaks`` of kind transaction, the open lines of one key summed.
    """

    matches: pd.DataFrame
    breaks: pd.DataFrame


def matches(
    session: pd.Timestamp,
    log: pd.DataFrame,
    entitlements: pd.DataFrame,
    custodian_transactions: pd.DataFrame,
    broker_transactions: pd.DataFrame,
    reports: pd.DataFrame,
    reconciliations: pd.DataFrame,
    tolerances: pd.DataFrame,
    failures: pd.DataFrame,
    nav: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> Matched:
    """What of the transactions up to ``session`` answers each other, and what does not.

    impact_base of a break is what NAV would gain if the other side is right: the money and the units that it has more,
    at the session's prices and rates. A trade that one side lacks moves both, so that it is worth little more than what
    the price did since.

    Args:
        session: midnight, naive.
        log: what ``ledger.transactions.live`` returns of the log.
        entitlements: table, of all sessions up to ``session``.
        custodian_transactions: facts up to ``session``.
        broker_transactions: facts up to ``session``.
        reports: custodian_reports up to ``session``.
        reconciliations: facts.
        tolerances: facts.
        failures: table ``book_failures``; books that were not computed on ``session`` are not compared.
        nav: table, of ``session`` at least.
        prices: what ``valuation.quoted`` returns of ``session``.
        fx_rates: golden, of ``session``.
        books: reference facts.
        instruments: reference facts.
    """
    facts = {"custodian_transactions": custodian_transactions, "broker_transactions": broker_transactions}
    known = reports[reports["kind"].isin(custodian_reports.TRANSACTIONS.values())]
    known = known[known["business_date"] <= session]
    today = known[["book"]].drop_duplicates().assign(business_date=session)
    today = breaks.compared_sessions(today, books, failures)
    known = known[known["book"].isin(today["book"])]
    if known.empty:
        return Matched(tables.empty("transaction_matches"), tables.empty("reconciliation_breaks"))
    nav = nav[nav["business_date"] == session]
    rates = _rates(nav, fx_rates, books)
    wanted = pd.Index(known["book"].unique())
    mine = dealings.ours(log, entitlements, books, instruments, wanted, session)
    found = []
    for table, party in PARTY.items():
        of = known[known["kind"] == custodian_reports.TRANSACTIONS[table]]
        if of.empty:
            continue
        rows = facts[table]
        rows = rows[rows["book"].isin(of["book"].unique()) & (rows["business_date"] <= session)]
        other = dealings.theirs(rows, books, instruments)
        pairs = of[["book", "source"]].drop_duplicates().assign(business_date=session)
        rules = _whole(definitions.in_force(reconciliations, tolerances, table, pairs))
        for name, rule in rules.groupby("reconciliation", sort=True):
            mine_of, their_of = _taking_part(mine, other, rule, of, party)
            lines = _compared(mine_of, their_of, rule, of, table, rates, session)
            found.append(lines.assign(reconciliation=name, table=table, owner=rule["owner"].iloc[0]))
    lines = _third(pd.concat(found, ignore_index=True))
    return Matched(_table(lines, session), _breaks(lines, session, nav, prices, fx_rates, books, instruments))


def _rates(nav: pd.DataFrame, fx_rates: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """NAV of each book in every currency: book, currency, nav."""
    own = nav[["business_date", "book", "nav"]].reset_index(drop=True)
    base = security_master.attributes(books, "book", own, ["base_currency"])["base_currency"]
    names = pd.concat([fx_rates["base"], fx_rates["quote"], base]).drop_duplicates().rename("currency")
    rows = own.assign(base_currency=base).merge(names, how="cross")
    rate = fx.rates(fx_rates, rows["base_currency"], rows["currency"], rows["business_date"])
    return rows[["book", "currency"]].assign(nav=rows["nav"] * rate)


def _whole(rules: pd.DataFrame) -> pd.DataFrame:
    """``rules`` in which every line is matched once by each declared definition.

    Fields that no declared definition of a report compares are compared by the first of them, not by the built-in one.
    """
    pair = ["book", "source"]
    built_in = rules["reconciliation"].isin(list(PARTY))
    columns = ["reconciliation", "match_keys", "grouping", "owner"]
    first = rules.loc[~built_in, [*pair, *columns]].sort_values([*pair, "reconciliation"]).drop_duplicates(pair)
    both = rules[pair].merge(first, how="left", on=pair).set_axis(rules.index)
    moved = built_in & both["reconciliation"].notna()
    return rules.assign(**{name: rules[name].mask(moved, both[name]) for name in columns})


def _taking_part(
    mine: pd.DataFrame, other: pd.DataFrame, rule: pd.DataFrame, reports: pd.DataFrame, party: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines that a definition is about, each with the source that it is of, "?" where that is not known."""
    pairs = pd.MultiIndex.from_frame(rule[["book", "source"]].drop_duplicates())
    other = other[pd.MultiIndex.from_frame(other[["book", "source"]]).isin(pairs)].reset_index(drop=True)
    mine = mine[mine["book"].isin(pairs.get_level_values("book"))].reset_index(drop=True)
    if party == "custodian":
        return mine.assign(side="?"), other.assign(side="?")
    named = mine["whose"].str.casefold()
    sources = reports["source"].drop_duplicates()
    says = pd.concat(
        [
            pd.DataFrame({"name": sources.str.casefold(), "side": sources, "place": 0}),
            pd.DataFrame({"name": other["whose"].str.casefold(), "side": other["source"], "place": 1}),
        ]
    )
    says = says[says["name"] != ""].sort_values(["name", "place", "side"]).drop_duplicates("name")
    side = named.map(says.set_index("name")["side"]).fillna("?")
    return mine.assign(side=side.astype("str")), other.assign(side=other["source"])


def _compared(
    mine: pd.DataFrame,
    other: pd.DataFrame,
    rule: pd.DataFrame,
    reports: pd.DataFrame,
    table: str,
    rates: pd.DataFrame,
    session: pd.Timestamp,
) -> pd.DataFrame:
    """Lines of both sides with match, match_kind, status, opened_on, newest and what they say of each other."""
    keys = rule["match_keys"].iloc[0] or KEYS
    mine, other = (_slack(rows, rule, rates) for rows in (mine, other))
    match_mine, match_other, kinds = _answers(mine, other, keys.split(), rule["grouping"].iloc[0])
    mine = _due(mine.assign(match=match_mine, party="books"), rule, reports, table, session)
    other = other.assign(match=match_other, party=PARTY[table], due=other["booked"], status="unanswered")
    lines = pd.concat([mine, other], ignore_index=True)
    judged = _judged(lines, rule, PARTY[table])
    at = lines["match"].to_numpy()
    answered = at >= 0
    status = lines["status"].mask(answered, np.append(judged["status"].to_numpy(object), "")[at]).astype("str")
    both = lines.assign(
        match_kind=np.append(np.array(kinds, object), "none")[at],
        status=status,
        says=np.append(judged["says"].to_numpy(object), "")[at],
        cause=np.append(judged["cause"].to_numpy(object), "")[at],
        their_quantity=np.append(judged["their_quantity"].to_numpy(), np.nan)[at],
        their_money=np.append(judged["their_money"].to_numpy(), np.nan)[at],
    )
    newest = both.groupby("match")["booked"].transform("max")
    both = both.assign(opened_on=newest.where(answered, lines["due"]))
    return _alone(both, PARTY[table])


def _slack(rows: pd.DataFrame, rule: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with how much quantity, money and price may differ, by the tolerances of their book."""
    worth = rows[["book", "currency"]].merge(rates, how="left", on=["book", "currency"])["nav"]
    values = {"quantity": ("quantity", "quantity_slack"), "net_amount": ("money", "money_slack")}
    values["price"] = ("price", "price_slack")
    found = {}
    for field, (column, name) in values.items():
        of = rule.loc[rule["compared_field"] == field, ["book", *TOLERANCES]].drop_duplicates("book")
        each = rows[["book"]].merge(of, how="left", on="book")
        # A field that is not compared still tells which lines belong together.
        usual = definitions.FIELDS["broker_transactions"][field]
        unsaid = each[TOLERANCES].isna().all(axis=1)
        each = each.assign(**{name: each[name].mask(unsaid, usual.get(name, np.nan)) for name in TOLERANCES})
        nothing = pd.Series(np.nan, rows.index)
        allowed = definitions.allowed(each, rows[column].abs(), worth if field == "net_amount" else nothing)
        found[name] = allowed.to_numpy()
    charged = np.where(rows["derived"], CHARGES * rows["money"].abs(), 0.0)
    return rows.assign(**{**found, "money_slack": np.maximum(found["money_slack"], charged)})


def _answers(
    mine: pd.DataFrame, other: pd.DataFrame, keys: list[str], grouping: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """The match of each line, and the kinds of the matches."""
    match_mine, match_other = np.full(len(mine), -1, np.int64), np.full(len(other), -1, np.int64)
    kinds: list[str] = []
    # Those whose counterparty is known first, each with his own; then whoever is left.
    for whose in (["side"], []):
        left = np.flatnonzero((match_mine < 0) & ((mine["side"] == "?") | bool(whose)).to_numpy())
        right = np.flatnonzero(match_other < 0)
        sides = mine.take(left).reset_index(drop=True), other.take(right).reset_index(drop=True)
        ours, theirs = _lines(*sides, ["book", "currency", *whose], keys)
        found = matching.matched(ours, theirs, grouping)
        for match, at, answer in ((match_mine, left, found.match_ours), (match_other, right, found.match_theirs)):
            match[at] = np.where(answer >= 0, answer + len(kinds), -1)
        kinds += found.kinds
        if (mine["side"] == "?").all() and (other["side"] == "?").all():
            break
    return match_mine, match_other, kinds


def _lines(
    mine: pd.DataFrame, other: pd.DataFrame, always: list[str], keys: list[str]
) -> tuple[matching.Lines, matching.Lines]:
    """Both sides as arrays, with the groups in which lines find each other."""
    sides = [rows.assign(trade_date=_date(rows), transaction_id=rows["id"]) for rows in (mine, other)]
    exact = [
        rows.assign(
            units=np.rint(rows["quantity"] * 1e8),
            amount=np.rint(rows["money"] * 1e2),
            size=np.rint(rows["money"].abs() * 1e2),
        )
        for rows in sides
    ]
    groups = {
        "key": [*always, *keys],
        "net_key": [*always, *(key for key in keys if key != "kind")],
        "id_key": ["book", "id"],
        "date_key": [*always, "instrument", "kind", "units", "amount"],
        "turn_key": [*always, "instrument", "trade_date", "units", "size"],
    }
    codes = {
        name: dated.codes([exact[0][column] for column in columns], [exact[1][column] for column in columns])
        for name, columns in groups.items()
    }
    codes["id_key"] = tuple(  # type: ignore[assignment]
        np.where(rows["id"] != "", code, -1) for rows, code in zip(sides, codes["id_key"], strict=True)
    )
    numbers = ("quantity", "signed", "money", "quantity_slack", "money_slack")
    one, two = (
        {name: pair[side] for name, pair in codes.items()}
        | {name: rows[name].to_numpy(np.float64) for name in numbers}
        | {"day": dated.days(rows["trade_date"].fillna(rows["booked"]))}
        for side, rows in enumerate(sides)
    )
    return matching.Lines(**one), matching.Lines(**two)


def _date(rows: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    """The date by which lines find each other: the trade's; of a dividend that of its payment."""
    paid = (rows["kind"] == "dividend") & rows["settle_date"].notna()
    return rows["trade_date"].mask(paid, rows["settle_date"])


def _due(
    mine: pd.DataFrame, rule: pd.DataFrame, reports: pd.DataFrame, table: str, session: pd.Timestamp
) -> pd.DataFrame:
    """``mine`` with due, and status unanswered where the other side should have it; else not_due or not_compared.

    Lines of kinds that brokers do not confirm are left out, unless one confirmed them.
    """
    named = [name for name in DUE_BY if name in rule["match_keys"].iloc[0].split()]
    due: pd.Series[Any] = mine[DUE_BY[named[0]] if len(named) == 1 else DUE[table]]
    pairs = rule[["book", "source"]].drop_duplicates()
    whole = reports[reports["whole"]].merge(pairs, on=["book", "source"])
    asked = mine[["book"]].assign(business_date=due)
    columns = ["business_date", "book"]
    if table == "broker_transactions":
        brokers = pairs.groupby("book")["source"].agg(["size", "first"])
        only = mine["book"].map(brokers["first"].where(brokers["size"] == 1, "?"))
        asked = asked.assign(source=mine["side"].mask(mine["side"] == "?", only))
        columns = [*columns, "source"]
    covered = pd.MultiIndex.from_frame(asked[columns]).isin(pd.MultiIndex.from_frame(whole[columns]))
    status = np.where(due.isna() | (due > session), "not_due", np.where(covered, "unanswered", "not_compared"))
    found = mine.assign(due=due, status=pd.Series(status, mine.index, dtype="str"))
    confirmed = (table != "broker_transactions") | mine["kind"].isin(DEALT) | (mine["match"] >= 0)
    return found[confirmed].reset_index(drop=True)


def _judged(lines: pd.DataFrame, rule: pd.DataFrame, party: str) -> pd.DataFrame:
    """One row for each match, by its number: status, says, cause, their_quantity, their_money."""
    both = lines[lines["match"] >= 0]
    count = int(lines["match"].max()) + 1 if len(lines) else 0
    one, two = (_summed(both[(both["party"] == "books") == flag], count) for flag in (True, False))
    dates = rule.loc[rule["compared_field"].isin(["trade_date", "settle_date"])]
    days = dates.drop_duplicates(["book", "compared_field"]).set_index(["book", "compared_field"])["tolerance_days"]
    pairs = pd.MultiIndex.from_frame(rule[["book", "compared_field"]].drop_duplicates())

    def compared(field: str) -> NDArray[np.bool_]:
        return np.asarray(pd.MultiIndex.from_arrays([one["book"], [field] * count]).isin(pairs), bool)

    def apart(field: str) -> NDArray[np.bool_]:
        allowed = days.reindex(pd.MultiIndex.from_arrays([one["book"], [field] * count])).fillna(0.0).to_numpy()
        gaps = [(one[f"{field}_{end}"] - two[f"{field}_{end}"]).abs().dt.days for end in ("first", "last")]
        return np.asarray(np.fmax(gaps[0].to_numpy(), gaps[1].to_numpy()) > allowed, bool)

    def beyond(column: str) -> NDArray[np.bool_]:
        allowed = np.fmax(one[f"{column}_slack"].to_numpy(), two[f"{column}_slack"].to_numpy())
        return np.asarray((one[column] - two[column]).abs().to_numpy() > allowed, bool)

    alone = ((one["count"] == 1) & (two["count"] == 1)).to_numpy()
    turned = alone & (one["kind"] != two["kind"]).to_numpy()
    differ = {
        "kind": turned,
        "instrument": alone & (one["instrument"] != two["instrument"]).to_numpy(),
        "quantity": compared("quantity")
        & beyond("signed")
        & ~(turned & (one["quantity"] == two["quantity"]).to_numpy()),
        "price": compared("price") & alone & beyond("price"),
        "net_amount": compared("net_amount") & ~two["derived"].to_numpy(bool) & beyond("money"),
        "trade_date": compared("trade_date") & (one["kind"] != "dividend").to_numpy() & apart("trade_date"),
        "settle_date": compared("settle_date") & apart("settle_date"),
    }
    wrong = np.logical_or.reduce(list(differ.values())) if count else np.zeros(0, bool)
    says, cause = (pd.Series("", range(count), dtype="str") for _ in range(2))
    if wrong.any():
        says[wrong] = _told(one[wrong], two[wrong], {name: flags[wrong] for name, flags in differ.items()}, party)
        cause[wrong] = _cause(one[wrong], two[wrong], {name: flags[wrong] for name, flags in differ.items()})
    return pd.DataFrame(
        {
            "status": np.where(wrong, "differs", "matched"),
            "says": says,
            "cause": cause,
            "their_quantity": two["signed"],
            "their_money": two["money"],
        },
        index=range(count),
    )


def _told(one: pd.DataFrame, two: pd.DataFrame, differ: dict[str, NDArray[np.bool_]], party: str) -> "pd.Series[str]":
    """In what both sides of each match differ."""
    texts = []
    for side in (two, one):
        said = pd.Series("", side.index, dtype="str")
        for name, column in SHOWN.items():
            word = "money" if name == "net_amount" else name
            said = said + (f", {word} " + _written(side[column])).where(differ[name], "")
        texts.append(said.str[2:])
    theirs = f"{party} " + two["reference"] + _in_brackets(two["where"]) + " has " + texts[0]
    return theirs + "; the books in " + one["reference"] + _in_brackets(one["where"]) + ": " + texts[1]


def _cause(one: pd.DataFrame, two: pd.DataFrame, differ: dict[str, NDArray[np.bool_]]) -> NDArray[np.object_]:
    """The likely cause of each match that differs, in a word."""
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.log10(np.abs(two["quantity"].to_numpy() / one["quantity"].to_numpy()))
    turned = np.sign(one["signed"]) * np.sign(two["signed"]) < 0
    turned |= (one["signed"] == 0) & (np.sign(one["money"]) * np.sign(two["money"]) < 0)
    gap = (one["money"] - two["money"]).abs()
    dates = differ["trade_date"] | differ["settle_date"]
    return np.select(
        [
            turned,
            differ["quantity"] & np.isin(np.rint(power), POWERS) & (np.abs(power - np.rint(power)) < 1e-9),
            differ["quantity"],
            differ["price"],
            differ["net_amount"] & (gap <= CENTS),
            differ["net_amount"],
            dates,
        ],
        ["wrong_sign", "units", "quantity", "price", "rounding", _of_money(one["kind"]), "settlement_timing"],
        "unexplained",
    ).astype(object)


def _of_money(kind: "pd.Series[str]") -> NDArray[np.object_]:
    """What a difference of money alone is likely to be: of trades their charges, of a dividend its tax."""
    words = {**OF_KIND, "dividend": "withholding"}
    trades = np.where(kind.isin(UNITS), "fee", "unexplained")
    return np.where(kind.isin(list(words)), kind.map(words), trades).astype(object)


def _summed(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """What the lines of each match say together."""
    by = rows.groupby("match")
    found = by.agg(
        book=("book", "first"), instrument=("instrument", "first"), kind=("kind", "first"), signed=("signed", "sum"),
        money=("money", "sum"), price=("price", "first"), derived=("derived", "any"), where=("where", "first"),
        signed_slack=("quantity_slack", "max"), money_slack=("money_slack", "max"), price_slack=("price_slack", "max"),
        trade_date_first=("trade_date", "min"), trade_date_last=("trade_date", "max"),
        settle_date_first=("settle_date", "min"), settle_date_last=("settle_date", "max"), count=("match", "size"),
        reference=("reference", "first"),
    )  # fmt: skip
    more = (" and " + (found["count"] - 1).astype("str") + " more").where(found["count"] > 1, "")
    found = found.assign(reference=found["reference"] + more, quantity=found["signed"].abs())
    return found.reindex(range(count))


def _written(values: "pd.Series[Any]") -> "pd.Series[str]":
    """Numbers without needless digits, dates as 2024-01-31."""
    texts: pd.Series[str] = values.astype("str")
    if values.dtype.kind == "M":
        texts = values.dt.strftime("%Y-%m-%d").fillna("none").astype("str")
    elif values.dtype.kind == "f":
        texts = values.map(lambda number: np.format_float_positional(number, 8, trim="-")).astype("str")
    return texts


def _in_brackets(where: "pd.Series[str]") -> "pd.Series[str]":
    bracketed: pd.Series[str] = (" (" + where + ")").where(where != "", "")
    return bracketed


def _alone(lines: pd.DataFrame, party: str) -> pd.DataFrame:
    """``lines`` with what is said of those that nothing answers: booked twice, in another book, or not at all."""
    left = lines[lines["status"] == "unanswered"]
    if left.empty:
        return lines
    same = ["instrument", "kind", "currency", "trade_date", "units", "amount"]
    rows = lines.assign(units=np.rint(lines["signed"] * 1e8), amount=np.rint(lines["money"] * 1e2))
    left = rows.loc[left.index]
    own = ["party", "book", *same]
    answered = rows[rows["match"] >= 0].drop_duplicates(own)[[*own, "reference"]]
    twin = left[own].merge(answered, how="left", on=own)["reference"].set_axis(left.index)
    elsewhere = _first_elsewhere(left, same)
    mine = left["party"] == "books"
    has = ("the books have " + _described(left) + ", ").where(mine, f"{party} has " + _described(left) + ", ")
    hasnt = pd.Series(f"{party} has not", left.index, dtype="str").where(mine, "the books have not")
    says = has + hasnt
    says = says.mask(elsewhere.notna(), says + ", but in another book: " + elsewhere.fillna(""))
    says = says.mask(twin.notna(), has + "which is the same as " + twin.fillna("") + ": booked twice")
    cause = left["kind"].map(OF_KIND).fillna("missing_trade")
    cause = cause.mask(elsewhere.notna(), "wrong_account").mask(twin.notna(), "doubled_trade")
    found = lines.copy()
    found.loc[left.index, "says"] = says
    found.loc[left.index, "cause"] = cause
    return found


def _first_elsewhere(left: pd.DataFrame, same: list[str]) -> "pd.Series[str]":
    """For each of ``left`` the first line of the other side in another book that says the same."""
    opposite = left.assign(at=left.index)[["at", "party", "book", *same, "reference", "where"]]
    pairs = opposite.merge(opposite, on=same, suffixes=("", "_other"))
    pairs = pairs[
        ((pairs["party"] == "books") != (pairs["party_other"] == "books")) & (pairs["book"] != pairs["book_other"])
    ]
    pairs = pairs.drop_duplicates("at").set_index("at")
    return (pairs["book_other"] + ", " + pairs["reference_other"] + _in_brackets(pairs["where_other"])).reindex(
        left.index
    )


def _described(rows: pd.DataFrame) -> "pd.Series[str]":
    """Reference, file and line, kind, date, quantity, price and money in words."""
    price = (" at " + _written(rows["price"])).where(rows["price"].notna(), "")
    size = (", quantity " + _written(rows["quantity"]) + price).where(rows["quantity"] > 0, "")
    date = rows["kind"] + " of " + _written(rows["trade_date"])
    return (
        rows["reference"]
        + _in_brackets(rows["where"])
        + " ("
        + date
        + size
        + ", money "
        + _written(rows["money"])
        + ")"
    )


def _third(lines: pd.DataFrame) -> pd.DataFrame:
    """``lines`` with the word of the third party added to what is said of those that are open."""
    says = lines["says"]
    for table, party in PARTY.items():
        third = next(name for name in PARTY if name != table)
        other = lines[lines["table"] == third]
        here = lines[(lines["table"] == table) & lines["status"].isin(OPEN)]
        if other.empty or here.empty:
            continue
        word = pd.concat([_of_ours(here, other, party, PARTY[third]), _of_theirs(here, other, party, PARTY[third])])
        says = says + word.reindex(lines.index).fillna("")
    return lines.assign(says=says.astype("str"))


def _of_ours(here: pd.DataFrame, other: pd.DataFrame, party: str, third: str) -> "pd.Series[str]":
    """What the third party says of lines of the books."""
    key = ["book", "reference"]
    rows = here[here["party"] == "books"]
    known = other[other["party"] == "books"].sort_values("reconciliation").drop_duplicates(key)
    both = rows.merge(known, how="left", on=key, suffixes=("", "_third")).set_index(rows.index)
    differs = both["status"] == "differs"
    agree = (both["their_quantity"] == both["their_quantity_third"]) & (
        (both["their_money"] - both["their_money_third"]).abs() <= both["money_slack"]
    )
    odd = f"{third} agrees with the books: {party} is the odd one out"
    united = f"{third} agrees with {party}: the books are the odd one out"
    apart = (f"{third} has quantity " + _written(both["their_quantity_third"].abs())) + (
        ", money " + _written(both["their_money_third"])
    )
    word = pd.Series("", both.index, dtype="str")
    word = word.mask(both["status_third"] == "matched", odd)
    word = word.mask(differs & (both["status_third"] == "differs"), apart.where(~agree, united))
    word = word.mask(~differs & (both["status_third"] == "differs"), apart)
    word = word.mask(differs & (both["status_third"] == "unanswered"), f"{third} has not got it")
    word = word.mask(~differs & (both["status_third"] == "unanswered"), f"{third} has not got it either")
    return ("; " + word).where(word != "", "")


def _of_theirs(here: pd.DataFrame, other: pd.DataFrame, party: str, third: str) -> "pd.Series[str]":
    """What the third party says of lines that the books do not have."""
    same = ["book", "instrument", "kind", "currency", "trade_date", "signed"]
    rows = here[(here["party"] != "books") & (here["status"] == "unanswered")]
    known = other[(other["party"] != "books") & (other["status"] == "unanswered")].drop_duplicates(same)
    both = rows.merge(known[[*same, "reference"]], how="left", on=same, suffixes=("", "_third")).set_index(rows.index)
    has = f"; {third} has it too (" + both["reference_third"] + "): the books are the odd one out"
    silent = rows["book"].isin(other.loc[other["party"] != "books", "book"]) & rows["kind"].isin(DEALT)
    return has.where(
        both["reference_third"].notna(), pd.Series(f"; {third} has not got it", rows.index).where(silent, "")
    )


def _table(lines: pd.DataFrame, session: pd.Timestamp) -> pd.DataFrame:
    """What was answered on ``session``, and all that is open."""
    shown = lines["status"].isin(OPEN) | (lines["status"] == "not_due")
    shown |= lines["status"].isin(["matched", "not_compared"]) & (lines["opened_on"] == session)
    rows = lines[shown]
    first = rows.assign(mine=rows["party"] == "books").sort_values(["mine", "reference"], ascending=[False, True])
    name = first.groupby(["reconciliation", "book", "match"])["reference"].transform("first").reindex(rows.index)
    name = name.where(rows["match"] >= 0, rows["party"] + ":" + rows["reference"])
    table = rows.assign(
        business_date=session,
        match_id=rows["reconciliation"] + ":" + rows["book"] + ":" + name,
        net_amount=rows["money"],
        quantity=rows["quantity"].where(rows["signed"] != 0),
        reason=rows["says"],
    )
    ordered = table.sort_values(list(tables.TABLES["transaction_matches"].key), kind="stable")
    return tables.conform("transaction_matches", ordered[list(tables.TABLES["transaction_matches"].names)])


def _breaks(
    lines: pd.DataFrame,
    session: pd.Timestamp,
    nav: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> pd.DataFrame:
    """Table ``reconciliation_breaks`` of kind transaction, one row for each key."""
    rows = lines[lines["status"].isin(OPEN)]
    if rows.empty:
        return tables.empty("reconciliation_breaks")
    sign = np.where(rows["party"] == "books", -1.0, 1.0)
    place = rows["table"].map({table: at for at, table in enumerate(PARTY)})
    rows = rows.assign(
        business_date=session,
        ours=np.where(sign < 0, rows["money"], 0.0),
        theirs=np.where(sign > 0, rows["money"], 0.0),
        more=sign * rows["signed"],
        agreed_more=sign * rows["agreed"],
        place=place,
        size=rows["money"].abs(),
        source=rows["source"].mask(rows["source"] == "", rows["side"].mask(rows["side"] == "?", "")),
    )
    # A match says once what its lines differ in, under the instrument of the books.
    of = ["place", "reconciliation", "book"]
    rows = rows.assign(line=np.where(rows["match"] >= 0, rows["match"], -1 - np.arange(len(rows))))
    rows = rows.sort_values([*of, "party", "reference"], kind="stable")
    mine_first = rows.assign(other=rows["party"] != "books").sort_values([*of, "line", "other"], kind="stable")
    one = mine_first.groupby([*of, "line"], as_index=False).agg(
        instrument=("instrument", "first"), currency=("currency", "first"), ours=("ours", "sum"),
        theirs=("theirs", "sum"), more=("more", "sum"), agreed_more=("agreed_more", "sum"), size=("size", "max"),
        opened_on=("opened_on", "min"), cause=("cause", "first"), says=("says", "first"), owner=("owner", "first"),
        source=("source", "max"), reference=("reference", "first"),
    )  # fmt: skip
    return _of_key(one.assign(business_date=session, kind="transaction"), nav, prices, fx_rates, books, instruments)


def _of_key(
    found: pd.DataFrame,
    nav: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> pd.DataFrame:
    """One row for each key: the sums of the first definition that has any, the reasons of all, the largest first."""
    key = [*ITEM, "place", "reconciliation"]
    ordered = found.sort_values([*key, "size", "opened_on", "reference"], ascending=[True] * 7 + [False, True, True])
    told = ordered.groupby(key).head(NAMED).groupby(key, as_index=False).agg(reason=("says", "; ".join))
    summed = ordered.groupby(key, as_index=False).agg(
        ours=("ours", "sum"), theirs=("theirs", "sum"), more=("more", "sum"), agreed_more=("agreed_more", "sum"),
        opened_on=("opened_on", "min"), cause=("cause", "first"), owner=("owner", "first"), source=("source", "first"),
        count=("size", "size"),
    )  # fmt: skip
    rows = summed.merge(told, on=key)
    more = (" and " + (rows["count"] - NAMED).astype("str") + " more").where(rows["count"] > NAMED, "")
    rows = rows.assign(reason=rows["reason"] + more).sort_values(key, kind="stable")
    reasons = rows.groupby(ITEM)["reason"].agg("; ".join).rename("reason")
    rows = rows.drop_duplicates(ITEM).drop(columns="reason").merge(reasons.reset_index(), on=ITEM)
    unit = unit_values(rows, prices, instruments)
    base = security_master.attributes(books, "book", rows, ["base_currency"])["base_currency"]
    dates = rows["business_date"]
    into_base = fx.rates(fx_rates, rows["currency"], base, dates)
    of_units = fx.rates(fx_rates, unit["currency"].where(unit["failure"] == "", rows["currency"]), base, dates)
    # A contract is worth nothing by itself: what it exposes to is worth what changed since it was agreed.
    worth = np.where(rows["more"].abs() > 0, rows["more"] * unit["unit"].mask(unit["unit"] == 0, unit["exposure"]), 0.0)
    difference = (rows["theirs"] - rows["ours"]).round(6)
    impact = ((difference + rows["agreed_more"]) * into_base + np.where(worth == 0, 0.0, worth * of_units)).round(6)
    value = rows[["book"]].merge(nav[["book", "nav"]], how="left", on="book")["nav"]
    named = rows.assign(
        difference=difference,
        impact_base=impact,
        impact_bp=(impact / value.where(value > 0) * 1e4).round(12),
        break_id="transaction:" + rows["book"] + ":" + rows["instrument"] + ":" + _written(rows["opened_on"]),
        status="open",
    )
    table = breaks.aged(named, books)
    return tables.conform("reconciliation_breaks", table[list(tables.TABLES["reconciliation_breaks"].names)])
