"""A firm of many small books: the custodian of each has posted the same with one thing that went otherwise there."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from daybook import calendars, ledger, tables
from daybook.ledger import transactions as log_of
from daybook.reconciliation import causes
from daybook.reconciliation.replay import Facts
from daybook.reconciliation.statements import Statements
from tests.frames import frame
from tests.ledger.ledger_facts import book, dividend, facts, rate, security, split, trade, transaction

SESSIONS = calendars.sessions("XNYS", "2021-02-16", "2021-03-05")
DAY = pd.Timestamp("2021-03-05")
PRICES = {
    "ACME": 50.0,
    "BOLT": 20.0,
    "CORE": 100.0,
    "DUST": 8.0,
    "DEBT": 99.0,
    "TWIN": 30.0,
    "MULT": 15.0,
    "PAYS": 40.0,
    "PAYT": 40.0,
    "PAYE": 40.0,
}
SECURITIES = [*(security(name) for name in PRICES if name != "DEBT"), security("DEBT", asset_class="bond")]
RATES = [
    *(rate(f"{day:%Y-%m-%d}", "EUR", "USD", 1.2 + 0.001 * n) for n, day in enumerate(SESSIONS)),
    {**rate("2021-03-03", "EUR", "USD", 1.2095), "source": "wm", "cut": "LON-16:00"},
]
TAXED = dividend("dv2", "2021-02-24", 0.75, instrument="PAYT", pay_date="2021-03-04", withholding_rate=0.15)
AHEAD = dividend("dv3", "2021-03-02", 0.5, instrument="PAYE", pay_date="2021-03-10")
ACTIONS = [
    split("sp1", "2021-03-03", 3, instrument="TWIN"),
    dividend("dv1", "2021-02-24", 0.75, instrument="PAYS", pay_date="2021-03-04"),
    TAXED,
    AHEAD,
]
THEIR_ACTIONS = [
    {**TAXED, "withholding_rate": 0.30},
    {**AHEAD, "pay_date": "2021-03-05"},
    split("own", "2021-03-02", 2, instrument="MULT"),
]
LOG = [
    transaction("d1", "deposit", "2021-02-16", quantity=1_000_000),
    transaction("d2", "deposit", "2021-02-16", quantity=50_000, currency="EUR"),
    trade("b1", "buy", "2021-02-17", 1000, 50, fees=5),
    trade("b2", "buy", "2021-02-17", 500, 20, instrument="BOLT", fees=3),
    trade("b3", "buy", "2021-02-18", 40, 100, instrument="CORE", fees=1),
    trade("s1", "sell", "2021-03-01", 120, "51.25", fees=4),
    trade("b5", "buy", "2021-03-02", 70, "20.10", instrument="BOLT", fees="2.75"),
    trade("b6", "buy", "2021-03-02", 25, "101.5", instrument="CORE", fees=1),
    trade("b7", "buy", "2021-03-04", 60, "51.5", fees=1),
    trade("b8", "buy", "2021-03-02", 10_000, "99.25", instrument="DEBT", accrued_interest="25.50"),
    transaction("f0", "fee", "2021-02-16", quantity="87.21"),
    transaction("f1", "fee", "2021-03-01", quantity="312.5"),
    transaction("i1", "interest", "2021-03-01", quantity="44.21"),
    transaction("x1", "fx", "2021-03-02", instrument="CASH:EUR", quantity=20_000, price="1.2110",
                settle_date="2021-03-04"),
]  # fmt: skip
USD, EUR = "CASH:USD", "CASH:EUR"


@dataclass(frozen=True)
class Fault:
    """What went otherwise, and what must be said of it.

    Attributes:
        cause: the word.
        says: what every reason has in it.
        lines: instruments of the breaks.
        held: a security that this book alone has.
        without: transactions of ``LOG`` that neither side has.
        left_out: transactions that the custodian does not have.
        terms: transactions that it has with other terms.
        more: transactions that only it has.
        ours: transactions that only the books have.
        stated: changes of its cash by currency, and of its positions by instrument, that nothing caused.
    """

    cause: str
    says: str
    lines: tuple[str, ...]
    held: str = ""
    without: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    terms: dict[str, dict[str, Any]] = field(default_factory=dict)
    more: tuple[dict[str, Any], ...] = ()
    ours: tuple[dict[str, Any], ...] = ()
    stated: dict[str, float] = field(default_factory=dict)


B5 = trade("b5", "buy", "2021-03-02", 70, "20.10", instrument="BOLT", fees="2.75")
DEALT = transaction("x", "fx", "2021-03-03", instrument=EUR, quantity=3000, price="1.2113", settle_date="2021-03-03")
UNHEARD = trade("q", "buy", "2021-03-02", 30, "8.05", instrument="DUST", fees=1)
MOVED = trade("w", "buy", "2021-03-02", 33, "20.20", instrument="BOLT", fees=1)
SETTLED = trade("b10", "buy", "2021-02-24", 100, 50)
FEE = transaction("z", "fee", "2021-03-03", quantity="17.33")
FAULTS = {
    "absent": Fault("missing_trade", "s1 of 2021-03-01 (120 ACME at 51.25 USD)", ("ACME", USD), left_out=("s1",)),
    "doubled": Fault("doubled_trade", "b5 of 2021-03-02", ("BOLT", USD), more=(B5,)),
    "ourtwice": Fault("doubled_trade", "is booked twice here", ("BOLT", USD), ours=(B5,)),
    "turned": Fault("wrong_sign", "is a sell there", ("BOLT", USD), terms={"b5": {"kind": "sell"}}),
    "more": Fault("quantity", "is of 52 there", ("CORE", USD), terms={"b6": {"quantity": 52}}),
    "dearer": Fault("price", "is at 107.5 there", (USD,), terms={"b6": {"price": "107.5"}}, without=("b8", "x1")),
    "late": Fault("settlement_fail", "due on 2021-03-04", ("CORE", USD), terms={"b6": {"settle_date": "2021-03-20"}}),
    "early": Fault(
        "settlement_timing", "due on 2021-03-08", ("ACME", USD), terms={"b7": {"settle_date": "2021-03-05"}}
    ),
    "unsplit": Fault("split", "split sp1 of TWIN (ex 2021-03-03)", ("TWIN",), held="TWIN"),
    "resplit": Fault("split", "2 for 1", ("MULT",), held="MULT"),
    "unpaid": Fault("dividend", "cash dividend dv1 of PAYS", (USD,), held="PAYS"),
    "taxed": Fault("withholding", "net of 30 % tax, not of 15 %", (USD,), held="PAYT"),
    "paid": Fault("dividend", "before its day", (USD,), held="PAYE"),
    "cut": Fault("fx_cut", "1.2095 there, the rate of wm LON-16:00", (USD,), terms={"x1": {"price": "1.2095"}}),
    "rate": Fault("fx_cut", "is at 1.2177 there", (USD,), terms={"x1": {"price": "1.2177"}}),
    "changed": Fault("fx_cut", "3,633.90 USD was changed there into 3,000.00 EUR", (USD, EUR), more=(DEALT,)),
    "uncharged": Fault("fee", "f1 of 2021-03-01 (312.5 USD) is missing", (USD,), left_out=("f1",)),
    "recharged": Fault("fee", "f0 of 2021-02-16", (USD,), more=({**FEE, "quantity": "87.21"},)),
    "free": Fault("fee", "b5 of 2021-03-02", (USD,), terms={"b5": {"fees": 0}}),
    "uncredited": Fault("interest", "i1 of 2021-03-01", (USD,), left_out=("i1",)),
    "theirs": Fault("missing_trade", "only they have", ("DUST", USD), more=(UNHEARD,)),
    "tiny": Fault("rounding", "last place", (USD,), stated={USD: 0.004}),
    "silent": Fault("unexplained", "hypotheses explains it", (USD,), more=(FEE,)),
    # With the 90 of another tax that come a day later it is 40 % of the dividend, which was paid after it opened.
    "sooner": Fault("unexplained", "which leaves -60", (USD,), held="PAYT", without=("s1",), stated={USD: -60.0}),
    # 1.52 on each of 100 that settled on 2021-02-26, when both sides agreed.
    "agreed": Fault(
        "unexplained",
        "chosen for it: buy",
        (USD,),
        without=("s1",),
        more=(SETTLED,),
        ours=(SETTLED,),
        stated={USD: 152},
    ),
    "giver": Fault("wrong_account", "stands in the account of taker", ("BOLT", USD), ours=(MOVED,)),
    "taker": Fault("wrong_account", "of giver stands in the account of this", ("BOLT", USD), more=(MOVED,)),
    # Two books lack what one has too much: nobody can tell whose it is.
    "absent2": Fault("missing_trade", "s1 of 2021-03-01", ("ACME", USD), left_out=("s1",)),
    "sold2": Fault("doubled_trade", "is booked twice there", ("ACME", USD), more=(LOG[5],)),
    "short": Fault("unexplained", "none of 1 hypotheses", ("CORE",), stated={"CORE": -3}),
}
"""One fault by book."""
PLAIN = Fault("", "", ())


def of_book(name: str, rows: tuple[dict, ...] | list[dict], mark: str = "") -> list[dict]:
    """``rows`` as transactions of a book, their ids its own."""
    return [{**row, "book": name, "transaction_id": f"{name}:{mark}{row['transaction_id']}"} for row in rows]


def log(name: str, fault: Fault) -> list[dict]:
    """The books' log of a book, without what only one side has."""
    held = [trade("b9", "buy", "2021-02-17", 800, 40, instrument=fault.held)] if fault.held else []
    own = [row for row in LOG if row["transaction_id"] not in fault.without]
    return of_book(name, own + held)


def their_log(name: str, fault: Fault) -> list[dict]:
    """The custodian's log of a book."""
    rows = [
        {**row, **fault.terms.get(row["transaction_id"].split(":")[1], {})}
        for row in log(name, fault)
        if row["transaction_id"].split(":")[1] not in fault.left_out
    ]
    return rows + of_book(name, fault.more, "their:")


def posted(rows: list[dict], actions: list[dict]) -> dict[str, pd.DataFrame]:
    """Tables of the ledger."""
    return ledger.derive(
        facts("transactions", *rows),
        facts("corporate_actions", *actions),
        facts("books", *(book(name) for name in sorted({row["book"] for row in rows}))),
        facts("instruments", *SECURITIES),
        facts("raw_fx_rates", *RATES),
        tables.empty("prices"),
        tables.empty("fx_rates"),
        SESSIONS,
        ["files"],
    )


def rows_of(table: str, made: pd.DataFrame, **columns: str) -> pd.DataFrame:
    """Facts of ``table``: its columns by the names that they have in ``made``."""
    names = ["business_date", "book", *columns]
    return frame(table, " ".join(names), *made[["business_date", "book", *columns.values()]].itertuples(index=False))


def statements(faults: dict[str, Fault]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the custodians state: custodian_positions and custodian_cash."""
    made = posted([row for name, fault in faults.items() for row in their_log(name, fault)], THEIR_ACTIONS)
    held, money = made["positions"], made["cash"].assign(settled=lambda it: it["settled"].round(6))
    for name, fault in faults.items():
        for item, amount in fault.stated.items():
            of = (money["book"] == name) & ("CASH:" + money["currency"] == item)
            money.loc[of & (money["business_date"] >= "2021-03-03"), "settled"] += amount
            of = (held["book"] == name) & (held["instrument"] == item) & (held["business_date"] >= "2021-03-03")
            held.loc[of, ["quantity", "settled_quantity"]] += amount
    held = held[(held["quantity"] != 0) | (held["settled_quantity"] != 0)]
    return (
        rows_of(
            "custodian_positions", held, **{n: n for n in ("instrument", "quantity", "settled_quantity", "currency")}
        ),
        rows_of("custodian_cash", money, currency="currency", balance="settled"),
    )


def broken(lines: pd.DataFrame, days: tuple[pd.Timestamp, ...]) -> pd.DataFrame:
    """Table reconciliation_breaks of ``days``: every line that differs, open since it last agreed."""
    item = ["book", "kind", "instrument"]
    rows = lines.assign(agreed=lines["business_date"].where(lines["difference"].abs() < 5e-7))
    rows = rows.sort_values([*item, "business_date"], ignore_index=True)
    last = rows.groupby(item)["agreed"].ffill().fillna(SESSIONS[0] - pd.Timedelta(days=1))
    opened = SESSIONS[SESSIONS.searchsorted(last, side="right").clip(max=len(SESSIONS) - 1)]
    found = rows.assign(opened_on=opened)[rows["agreed"].isna() & rows["business_date"].isin(days)]
    value = found["instrument"].map(PRICES).fillna(1.0) * found["difference"]
    named = found["kind"] + ":" + found["book"] + ":" + found["instrument"] + ":"
    rows = found.assign(
        break_id=named + found["opened_on"].dt.strftime("%Y-%m-%d"),
        impact_base=value,
        impact_bp=value / 100,
        cause="unexplained",
        status="open",
        reconciliation="bank",
        owner="",
        reason="",
        age=1,
    )
    return tables.conform("reconciliation_breaks", rows[list(tables.TABLES["reconciliation_breaks"].names)])


def explained(
    faults: dict[str, Fault],
    stated: tuple[pd.DataFrame, pd.DataFrame] | None = None,
    their_transactions: tuple[dict, ...] = (),
    days: tuple[pd.Timestamp, ...] = (DAY,),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Breaks of ``days`` with their causes, and the hypotheses."""
    units, balances = statements(faults) if stated is None else stated
    rows = [row for name, fault in faults.items() for row in log(name, fault) + of_book(name, fault.ours, "ours:")]
    made = posted(rows, ACTIONS)
    listed = pd.concat([units.assign(kind="position"), balances.assign(kind="cash")])
    listed = listed[["business_date", "book", "kind"]].drop_duplicates().assign(source="bank", whole=True)
    reports = rows_of("custodian_reports", listed, kind="kind", source="source", whole="whole")
    books, instruments = facts("books", *(book(name) for name in faults)), facts("instruments", *SECURITIES)
    compared = Statements(made["positions"], made["cash"], units, balances, reports).compared(
        books, made["book_failures"]
    )
    nav = frame("nav", "business_date book nav", *[(day, name, 1e6) for day in SESSIONS for name in faults])
    close = [(day, name, value) for day in SESSIONS for name, value in PRICES.items()]
    prices = frame("prices", "business_date instrument close", *close)
    rates = frame("fx_rates", "business_date base quote rate", *[(day, "EUR", "USD", 1.21) for day in days])
    table = broken(compared.whole(books["book"]), days)
    return causes.causes(
        table,
        compared,
        Facts(
            log_of.live(facts("transactions", *rows)),
            facts("corporate_actions", *ACTIONS),
            tables.empty("elections"),
            books,
            instruments,
            facts("raw_fx_rates", *RATES),
            ["files"],
        ),
        prices=prices,
        fx_rates=rates,
        accruals=tables.empty("accruals"),
        nav=nav,
        custodian_transactions=facts("custodian_transactions", *their_transactions),
        broker_transactions=tables.empty("broker_transactions"),
    )
