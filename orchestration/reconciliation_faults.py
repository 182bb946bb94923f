"""``make faults``: docs/reconciliation_faults.md, what reconciliation says of thirty faults in the demonstration firm.

Belongs here: planting each fault by itself, by its own arithmetic, and asking the step of reconciliation what it finds.
Does not belong here: finding and explaining (``daybook.reconciliation``), faults of files and prices (``faults``).

The firm is closed through the front door, with three corporate actions that its data has not. Then a custodian is made
who agrees with the books to the last place on every session since ``START``, and for each fault his statements are
changed by hand; the step is called as it is, on these statements and on everything else of the installation. What is
counted as found is a break of exactly the lines that were changed; as named, the word that was expected of each.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from orchestration.console import complain
from orchestration.faults import daybook

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reconciliation_faults.md"
DAY = pd.Timestamp("2022-12-27")
START = pd.Timestamp("2022-11-15")
ACTIONS = """action_id,instrument,kind,announced_date,ex_date,pay_date,numerator,denominator,amount,withholding_rate
planted-split,BBY,split,2022-12-01,2022-12-20,,3,1,,
planted-dividend,WMT,cash_dividend,2022-12-01,2022-12-08,2022-12-22,,,0.56,0.15
planted-later,PG,cash_dividend,2022-12-01,2022-12-22,2023-01-05,,,0.91,
"""
"""What the books apply: a split, a dividend that was paid, and one that is only due."""
READ = (
    *("positions", "cash", "valuations", "nav", "prices", "model_prices", "fx_rates", "accruals", "confirmations"),
    *("book_failures", "transfer_prices", "entitlements", "share_class_nav"),
)
"""Results that the step reads."""
THEIRS = ("custodian_positions", "custodian_cash", "custodian_transactions", "broker_transactions", "administrator_nav")
SOURCES = {"custodian_transactions": "custodian", "broker_transactions": "broker", "administrator_nav": "admin"}
"""Suffixes of the files of others."""
Frames = dict[str, pd.DataFrame]
Line = tuple[str, str]


class Planted:
    """The records of others, which begin by agreeing with the books, and what is changed in them."""

    def __init__(self, agreed: Frames, log: pd.DataFrame) -> None:
        self.frames = {name: frame.copy() for name, frame in agreed.items()}
        self.log = log.set_index("transaction_id")
        self.lines: set[Line] = set()

    def units(self, book: str, instrument: str, number: float, settled: str, traded: str = "") -> None:
        """The custodian has so many units more, settled from one session on, traded from another."""
        held = self.frames["custodian_positions"]
        item = (held["book"] == book) & (held["instrument"] == instrument)
        days = self._days(book, "position")
        absent = days[~days.isin(held.loc[item, "business_date"])]
        if len(absent):
            line = {"book": book, "instrument": instrument, "quantity": 0.0, "settled_quantity": 0.0, "currency": "USD"}
            made = self._rows("custodian_positions", [{**line, "business_date": day} for day in absent])
            held = pd.concat([held, made], ignore_index=True)
            item = (held["book"] == book) & (held["instrument"] == instrument)
        price = held["market_value"] / held["quantity"]
        held.loc[item & (held["business_date"] >= (traded or settled)), "quantity"] += number
        held.loc[item & (held["business_date"] >= settled), "settled_quantity"] += number
        held.loc[item, "market_value"] = (price * held["quantity"])[item]
        self.frames["custodian_positions"] = held[(held["quantity"] != 0) | (held["settled_quantity"] != 0)]
        self.lines.add((book, instrument))

    def money(self, book: str, currency: str, amount: float, since: str) -> None:
        """The custodian has so much more money from a session on."""
        held = self.frames["custodian_cash"]
        item = (held["book"] == book) & (held["currency"] == currency) & (held["business_date"] >= since)
        held.loc[item, "balance"] = (held.loc[item, "balance"] + amount).round(6)
        self.lines.add((book, f"CASH:{currency}"))

    def effect(self, name: str) -> tuple[str, str, str, float, float]:
        """Book, instrument, settlement date, units and money of a trade, each as the books have it."""
        row = self.log.loc[name]
        sign = 1 if row["kind"] == "buy" else -1
        units, worth = sign * float(row["quantity"]), -sign * float(row["quantity"]) * float(row["price"])
        return row["book"], row["instrument"], f"{row['settle_date']:%Y-%m-%d}", units, worth - float(row["fees"])

    def times(self, name: str, times: float) -> None:
        """The custodian has a trade so many times more often than the books."""
        book, instrument, settled, units, money = self.effect(name)
        self.units(book, instrument, times * units, settled, f"{self.log.loc[name, 'trade_date']:%Y-%m-%d}")
        self.money(book, "USD", times * money, settled)

    def turned(self, name: str) -> None:
        """The custodian has a purchase as a sale."""
        book, instrument, settled, units, money = self.effect(name)
        fees = float(self.log.loc[name, "fees"])
        self.units(book, instrument, -2 * units, settled, f"{self.log.loc[name, 'trade_date']:%Y-%m-%d}")
        self.money(book, "USD", -2 * (money + fees), settled)

    def unsettled(self, name: str) -> None:
        """A trade has not settled at the custodian."""
        book, instrument, settled, units, money = self.effect(name)
        self.units(book, instrument, -units, settled, "9999-01-01")
        self.money(book, "USD", -money, settled)

    def settled(self, name: str, on: str) -> None:
        """A trade has settled at the custodian before its day."""
        book, instrument, _, units, money = self.effect(name)
        self.units(book, instrument, units, on, "9999-01-01")
        self.money(book, "USD", money, on)

    def fee(self, name: str, times: float, since: str = "") -> None:
        """The custodian has a movement of money so many times more often than the books."""
        row = self.log.loc[name]
        sign = -1 if row["kind"] in ("fee", "tax") else 1
        amount = sign * times * float(row["quantity"])
        self.money(row["book"], row["currency"], amount, since or f"{row['trade_date']:%Y-%m-%d}")

    def record(self, table: str, **terms: Any) -> None:
        """A row in the records of others."""
        source = SOURCES[table]
        file = f"{table}_{DAY:%Y-%m-%d}_{source}.csv"
        made = self._rows(table, [{"file": file, "source": source, "line": 2, **terms}])
        self.frames[table] = pd.concat([self.frames[table], made], ignore_index=True)

    def confirmed(self, book: str, on: str, drop: tuple[str, ...] = ()) -> None:
        """The broker has confirmed the trades of a book, without those to ``drop``, and reports on every session."""
        rows = self.log[(self.log["book"] == book) & (self.log["trade_date"] == on)].drop(list(drop))
        for number, (name, row) in enumerate(rows.iterrows()):
            _, _, _, _, money = self.effect(name) if row["kind"] != "fx" else ("", "", "", 0.0, self._paid(row))
            shared = {key: row[key] for key in ("book", "instrument", "kind", "trade_date", "settle_date", "currency")}
            numbers = {"quantity": float(row["quantity"]), "price": float(row["price"]), "net_amount": round(money, 6)}
            self.record("broker_transactions", business_date=on, reference=f"B{number}", **shared, **numbers)
        days = self.frames["custodian_reports"]
        more = days[(days["book"] == book) & (days["kind"] == "position") & (days["business_date"] >= on)]
        self.frames["custodian_reports"] = pd.concat([days, more.assign(kind="confirmation", source="broker")])

    def ecb(self, day: str) -> float:
        """Dollars for one euro on a day."""
        rows = self.frames["raw_fx_rates"]
        of = (rows["business_date"] == day) & (rows["base"] == "EUR") & (rows["quote"] == "USD")
        return float(rows.loc[of, "rate"].iloc[-1])

    def _paid(self, row: "pd.Series[Any]") -> float:
        return -float(row["quantity"]) * float(row["price"])

    def _days(self, book: str, kind: str) -> pd.DatetimeIndex:
        reports = self.frames["custodian_reports"]
        return pd.DatetimeIndex(reports.loc[(reports["book"] == book) & (reports["kind"] == kind), "business_date"])

    def _rows(self, table: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
        made = pd.DataFrame(rows).reindex(columns=self.frames[table].columns)
        text = [name for name, kind in self.frames[table].dtypes.items() if kind == "str"]
        made = made.astype(dict.fromkeys(text, object)).fillna(dict.fromkeys(text, ""))
        whole = [name for name in ("line", "delivery") if name in made]
        made[whole] = made[whole].astype("float64").fillna(0)
        return made.astype(self.frames[table].dtypes.to_dict())


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: what is wrong.
        planted: where and how, in words.
        cause: the word that must be said of it; "" where nothing must be found.
        plant: does it.
        kind: kinds of the breaks that are looked at; "" for all.
        day: session of the breaks.
    """

    name: str
    planted: str
    cause: str
    plant: Callable[[Planted], None]
    kind: str = ""
    day: pd.Timestamp = DAY


LS, EM, UC, LV = "LONG-SHORT", "EURO-MULTI", "US-CORE", "LOW-VOL"
S1215, T1223 = f"{LS}-20221215-", f"{EM}-20221223-"


def held(there: Planted, book: str, instrument: str) -> float:
    """Units that the custodian has on the day."""
    rows = there.frames["custodian_positions"]
    of = (rows["book"] == book) & (rows["instrument"] == instrument) & (rows["business_date"] == DAY)
    return float(rows.loc[of, "quantity"].iloc[0])


def unsplit(there: Planted) -> None:
    """Two thirds of what is there after 3 for 1 are missing."""
    there.units(LS, "BBY", round(-held(there, LS, "BBY") * 2 / 3, 8), "2022-12-20", "2022-12-20")


def split_there(there: Planted) -> None:
    """As many units again."""
    there.units(UC, "MRK", held(there, UC, "MRK"), "2022-12-21", "2022-12-21")


def dividend(there: Planted, part: float, rate: float, since: str, instrument: str = "WMT") -> None:
    """So much of a gross dividend on what LOW-VOL holds all December, more."""
    there.money(LV, "USD", round(part * rate * held(there, LV, instrument), 6), since)


def stale(there: Planted) -> None:
    """The statement of the session before is sent again: what LONG-SHORT settles that day is not in it."""
    for table in ("custodian_positions", "custodian_cash"):
        rows = there.frames[table]
        of = rows["book"] == LS
        before = rows[of & (rows["business_date"] == SETTLING - pd.Timedelta(days=3))]
        there.lines |= {(LS, name) for name in there.log.loc[there.log["settle_date"] == SETTLING, "instrument"]}
        there.lines.add((LS, "CASH:USD"))
        there.frames[table] = pd.concat(
            [rows[~(of & (rows["business_date"] == SETTLING))], before.assign(business_date=SETTLING)]
        )


def account(there: Planted) -> None:
    """Every line of the book's positions is of an account that is none of its."""
    rows = there.frames["custodian_positions"]
    of = (rows["book"] == LV) & (rows["business_date"] == DAY)
    rows.loc[of, "account"] = "CUST-9999"
    rows.loc[of & (rows["instrument"] == "KO"), ["quantity", "settled_quantity"]] += 10
    there.lines.add((LV, "KO"))


def thousands(there: Planted) -> None:
    """Every quantity of the day is in thousands."""
    rows = there.frames["custodian_positions"]
    of = rows["business_date"] == DAY
    rows.loc[of, ["quantity", "settled_quantity"]] /= 1000
    of &= rows["settled_quantity"] != 0
    there.lines |= {(book, name) for book, name in zip(rows.loc[of, "book"], rows.loc[of, "instrument"], strict=True)}


def emptied(there: Planted) -> None:
    """The report of the book has no line."""
    rows = there.frames["custodian_positions"]
    of = (rows["book"] == LV) & (rows["business_date"] == DAY)
    there.lines |= {(LV, name) for name in rows.loc[of & (rows["settled_quantity"] != 0), "instrument"]}
    there.frames["custodian_positions"] = rows[~of]


def torn(there: Planted) -> None:
    """The second half of the day's file is gone, and the report is known not to be whole."""
    rows = there.frames["custodian_positions"]
    of = rows.index[rows["business_date"] == DAY]
    there.frames["custodian_positions"] = rows.drop(of[len(of) // 2 :])
    reports = there.frames["custodian_reports"]
    reports.loc[(reports["business_date"] == DAY) & (reports["kind"] == "position"), "whole"] = False


def absent(there: Planted) -> None:
    """Nothing of the day has come."""
    for name in ("custodian_positions", "custodian_cash", "custodian_reports"):
        rows = there.frames[name]
        there.frames[name] = rows[rows["business_date"] != DAY]


def struck(there: Planted, book: str, amount: float, day: pd.Timestamp = DAY) -> None:
    """The administrator's NAV is ours of ``day``, so much more."""
    rows = there.frames["nav"]
    ours = float(rows.loc[(rows["book"] == book) & (rows["business_date"] == day), "nav"].iloc[0])
    there.record("administrator_nav", business_date=DAY, book=book, nav=round(ours + amount, 6))
    there.lines.add((book, ""))


def accrued(there: Planted) -> None:
    """The dividend of PG that is due in January is not in the administrator's NAV."""
    struck(there, LV, -round(0.91 * held(there, LV, "PG"), 6))


def marked(there: Planted) -> None:
    """The custodian values CVX of LONG-SHORT two per cent higher."""
    rows = there.frames["custodian_positions"]
    of = (rows["book"] == LS) & (rows["instrument"] == "CVX") & (rows["business_date"] == DAY)
    rows.loc[of, "market_value"] *= 1.02
    there.lines.add((LS, "CVX"))


def trade(there: Planted, **terms: Any) -> None:
    """US-CORE bought 500 KO at 63.50 on 2022-12-20 at the custodian."""
    there.units(UC, "KO", 500, "2022-12-22", "2022-12-20")
    there.money(UC, "USD", -31_750.0, "2022-12-22")
    if terms:
        there.record("custodian_transactions", **terms)


def dearer(there: Planted, by: float) -> None:
    """The custodian paid so much more for each PFE of LONG-SHORT."""
    there.money(LS, "USD", -round(by * 66552, 6), "2022-12-19")


def more(there: Planted) -> None:
    """12,582 JNJ of LONG-SHORT are 12,852 there."""
    there.units(LS, "JNJ", 270, "2022-12-19", "2022-12-15")
    there.money(LS, "USD", -round(270 * 174.903, 6), "2022-12-19")


def rate(there: Planted, price: float) -> None:
    """EURO-MULTI's 215,967.99 EUR of 2022-12-01 cost another rate."""
    there.money(EM, "USD", -round(215_967.99 * (price - 1.045162), 6), "2022-12-05")


def converted(there: Planted) -> None:
    """The custodian made 40,000 EUR of EURO-MULTI into dollars at 1.0610 by itself."""
    there.money(EM, "EUR", -40_000.0, "2022-12-22")
    there.money(EM, "USD", 42_440.0, "2022-12-22")


def moved(there: Planted) -> None:
    """The purchase of 8,225 KO of LOW-VOL stands in the account of US-CORE."""
    there.times("LOW-VOL-20221205-003", -1)
    _, instrument, settled, units, money = there.effect("LOW-VOL-20221205-003")
    there.units(UC, instrument, units, settled, "2022-12-05")
    there.money(UC, "USD", money, settled)


def two(there: Planted) -> None:
    """A trade is missing and a fee is charged twice, in one balance."""
    there.times(f"{S1215}009", -1)
    there.fee("LONG-SHORT-20221201-001", 1, "2022-12-19")


def all_settled(there: Planted) -> None:
    """Every trade of EURO-MULTI of 2022-12-23 has settled there on the 27th."""
    for number in range(2, 12):
        there.settled(f"{T1223}{number:03d}", "2022-12-27")
    there.money(EM, "EUR", 526_903.82, "2022-12-27")
    there.money(EM, "USD", -round(526_903.82 * 1.061585, 6), "2022-12-27")


def fills(there: Planted) -> None:
    """The broker confirms 165,903 BAC of LONG-SHORT in three fills."""
    name = f"{S1215}002"
    there.confirmed(LS, "2022-12-15", drop=(name,))
    row = there.log.loc[name]
    left = round(there.effect(name)[4], 6)
    for number, (units, fees) in enumerate(((100_000, 350.0), (60_000, 210.0), (5_903, 20.66))):
        money = round(units * float(row["price"]) - fees, 6)
        left = round(left - money, 6)
        terms = {key: row[key] for key in ("book", "instrument", "kind", "trade_date", "settle_date", "currency")}
        there.record(
            "broker_transactions",
            business_date="2022-12-15",
            reference=f"F{number}",
            quantity=float(units),
            price=float(row["price"]),
            net_amount=money,
            **terms,
        )
    if left:
        raise RuntimeError(f"the fills leave {left}")


def other_price(there: Planted) -> None:
    """The broker confirms another price for XOM of LONG-SHORT."""
    name = f"{S1215}012"
    there.confirmed(LS, "2022-12-15")
    rows = there.frames["broker_transactions"]
    of = rows["instrument"] == there.log.loc[name, "instrument"]
    rows.loc[of, "price"] = 103.935
    rows.loc[of, "net_amount"] = round(-1473 * 103.935 - 5.16, 6)
    there.lines.add((LS, "XOM"))


SETTLING = pd.Timestamp("2022-12-19")
KO500 = {
    "business_date": "2022-12-20",
    "book": UC,
    "instrument": "KO",
    "kind": "buy",
    "trade_date": "2022-12-20",
    "settle_date": "2022-12-22",
    "quantity": 500.0,
    "price": 63.5,
    "net_amount": -31_750.0,
    "currency": "USD",
    "reference": "C-77",
}
FAULTS = [
    Fault("missing trade", "a sale of 969 MRK of LONG-SHORT is not there", "missing_trade",
          lambda it: it.times(f"{S1215}008", -1)),
    Fault("trade that only they have", "500 KO at 63.50 in US-CORE", "missing_trade", trade),
    Fault("the same, with their record", "and it is in custodian_transactions", "missing_trade",
          lambda it: trade(it, **KO500)),
    Fault("doubled trade", "a purchase of 3,570 GE of LONG-SHORT is there twice", "doubled_trade",
          lambda it: it.times(f"{S1215}005", 1)),
    Fault("wrong side", "a purchase of 10,711 HD of LONG-SHORT is a sale there", "wrong_sign",
          lambda it: it.turned(f"{S1215}006")),
    Fault("wrong quantity", "12,582 JNJ of LONG-SHORT are 12,852 there", "quantity", more),
    Fault("wrong price", "66,552 PFE of LONG-SHORT cost 51.995 there, not 51.975", "price",
          lambda it: dearer(it, 0.02)),
    Fault("split not applied by the custodian", "3 for 1 of BBY in LONG-SHORT", "split", unsplit),
    Fault("split that nobody delivered", "2 for 1 of MRK in US-CORE, there alone", "split", split_there),
    Fault("dividend not paid", "WMT in LOW-VOL", "dividend", lambda it: dividend(it, -0.85, 0.56, "2022-12-22")),
    Fault("dividend net of another tax", "WMT in LOW-VOL net of 30 %, not of 15 %", "withholding",
          lambda it: dividend(it, -0.15, 0.56, "2022-12-22")),
    Fault("dividend paid early", "PG in LOW-VOL, due on 2023-01-05", "dividend",
          lambda it: dividend(it, 1.0, 0.91, "2022-12-27", "PG")),
    Fault("FX cut", "the deal of 2022-12-01 in EURO-MULTI at the ECB's rate of 2022-12-02", "fx_cut",
          lambda it: rate(it, it.ecb("2022-12-02"))),
    Fault("FX rate of nobody", "the same at 1.047391", "fx_cut", lambda it: rate(it, 1.047391)),
    Fault("conversion", "40,000 EUR of EURO-MULTI made into dollars by the custodian", "fx_cut", converted),
    Fault("settlement fail", "a sale of 32,412 CVX of LONG-SHORT", "settlement_fail",
          lambda it: it.unsettled(f"{S1215}004")),
    Fault("early settlement", "a purchase of 52,955 AMD of EURO-MULTI", "settlement_timing",
          lambda it: it.settled(f"{T1223}003", "2022-12-27")),
    Fault("statement on trade date", "all trades of EURO-MULTI of 2022-12-23 are settled there", "settlement_timing",
          all_settled),
    Fault("rounding", "a cent of EURO-MULTI", "rounding", lambda it: it.money(EM, "EUR", 0.01, "2022-12-23")),
    Fault("wrong account", "a purchase of 8,225 KO of LOW-VOL stands in US-CORE", "wrong_account", moved),
    Fault("file for another account", "the lines of LOW-VOL are of CUST-9999, and KO differs", "wrong_account",
          account),
    Fault("other units", "all quantities in thousands", "units", thousands, "position"),
    Fault("fee not booked there", "the management fee of LONG-SHORT", "fee",
          lambda it: it.fee("LONG-SHORT-20221201-001", -1)),
    Fault("fee charged twice there", "that of US-CORE, once more on 2022-12-22", "fee",
          lambda it: it.fee("US-CORE-20221201-001", 1, "2022-12-22")),
    Fault("fee that only they have", "17.33 USD in US-CORE, recorded nowhere", "fee",
          lambda it: it.money(UC, "USD", -17.33, "2022-12-22")),
    Fault("interest not charged there", "that of LONG-SHORT", "interest",
          lambda it: it.fee("LONG-SHORT-20221201-002", -1)),
    Fault("shares missing", "3 KO of LOW-VOL, and no money for them", "unexplained",
          lambda it: it.units(LV, "KO", -3, "2022-12-20", "2022-12-20")),
    Fault("two faults in one balance", "66,552 PFE are missing and a fee is charged twice", "missing_trade", two),
    Fault("stale statement", "that of 2022-12-16 is sent again on 2022-12-19 for LONG-SHORT", "stale_statement", stale,
          "position cash", SETTLING),
    Fault("empty file", "no position of LOW-VOL", "empty_statement", emptied, "position"),
    Fault("half a file", "the positions, cut: what is not listed is not known", "", torn),
    Fault("late file", "nothing of the day has come: nothing is compared", "", absent),
    Fault("other valuation", "CVX of LONG-SHORT 2 % higher", "price", marked, "price"),
    Fault("accrual missing at the administrator", "the dividend of PG in LOW-VOL", "dividend", accrued, "nav"),
    Fault("yesterday's NAV from the administrator", "US-CORE", "stale_statement",
          lambda it: struck(it, UC, 0.0, pd.Timestamp("2022-12-23")), "nav"),
    Fault("broker confirms another price", "1,473 XOM of LONG-SHORT at 103.935, not 103.735", "price", other_price,
          "transaction"),
    Fault("block trade in three fills", "165,903 BAC of LONG-SHORT", "", fills),
]  # fmt: skip


def main() -> int:
    """Close the firm, plant each fault, and write the page; the exit code says whether every fault was found."""
    with tempfile.TemporaryDirectory(prefix="daybook-faults-") as folder:
        home = Path(folder) / "home"
        inbox = home / "inbox"
        inbox.mkdir(parents=True)
        (inbox / f"corporate_actions_{DAY:%Y-%m-%d}_faults.csv").write_text(ACTIONS)
        try:
            daybook(home, "eod", "--date", f"{DAY:%Y-%m-%d}")
            results = judged(home)
        finally:
            daybook(home, "stop")
    PAGE.write_text(page(results))
    for result in results:
        if not result.found:
            complain(f"not found: {result.fault.name}: {result.fault.planted}")
    return int(not all(result.found for result in results))


@dataclass(frozen=True)
class Result:
    """What reconciliation said of a fault.

    Attributes:
        fault: what was planted.
        breaks: what it found, the largest first.
        found: whether these are the lines that were changed.
        named: whether the word is the one expected, for each of them.
    """

    fault: Fault
    breaks: pd.DataFrame
    found: bool
    named: bool


def judged(home: Path) -> list[Result]:
    """Every fault, planted by itself in the installation at ``home``.

    Raises:
        RuntimeError: the custodian who agrees with the books has breaks.
    """
    os.environ["DAYBOOK_HOME"] = str(home)
    from assets.reconciliation import reconciliation_tables as step
    from orchestration.derivation import Derivation, inputs
    from resources.feeds import feeds

    doors = feeds()
    plain = Derivation(doors.facts, None, DAY, {name: doors.lake.read(name, None, DAY) for name in READ})
    facts = {read.table: plain.given(read.table, None) for read in inputs(step) if read.table not in plain.frames}
    agreed = {**facts, **agreeing(plain.frames, facts)}

    def breaks(frames: Frames, day: pd.Timestamp) -> pd.DataFrame:
        known = {name: frames[name] for name in plain.frames}
        made = Derivation(doors.facts, None, day, known)
        for read in inputs(step):
            if read.table in facts:
                rows = frames[read.table]
                dated = rows["business_date"] <= day if "business_date" in rows else slice(None)
                first = None if read.back is None else made.back(day, read.back)
                made.read[read.table, first] = rows[dated].reset_index(drop=True)
        made.call(step, pd.DatetimeIndex([day]))
        found = made.frames["reconciliation_breaks"]
        return found.sort_values("impact_base", key=abs, ascending=False, ignore_index=True)

    frames = {**plain.frames, **agreed}
    if not (first := breaks(frames, DAY)).empty:
        raise RuntimeError(f"the custodian who agrees has breaks: {first.to_string()}")
    results = []
    for fault in FAULTS:
        there = Planted(frames, facts["transactions"])
        fault.plant(there)
        rows = breaks(there.frames, fault.day)
        rows = rows[rows["kind"].isin(fault.kind.split())] if fault.kind else rows
        of = set(zip(rows["book"], rows["instrument"], strict=True))
        found = of == (there.lines if fault.cause else set())
        results.append(Result(fault, rows, found, found and bool((rows["cause"] == fault.cause).all())))
    return results


def agreeing(results: Frames, facts: Frames) -> Frames:
    """Records of a custodian who agrees with the books on every session from ``START`` on, and none of others."""
    held = results["positions"]
    held = held[held["business_date"] >= START]
    key = ["business_date", "book", "instrument"]
    held = held.merge(results["valuations"][[*key, "market_value"]], how="left", on=key)
    money = results["cash"][results["cash"]["business_date"] >= START]
    money = money.assign(balance=money["settled"])
    kinds = {"custodian_positions": held, "custodian_cash": money}
    made = {
        name: rows.reindex(columns=facts[name].columns).assign(account="", file=f"{name}_custodian.csv", line=1)
        for name, rows in kinds.items()
    }
    reports = facts["custodian_reports"]
    reports = reports[reports["kind"].isin(["position", "cash"]) & (reports["business_date"] >= START)]
    nothing = {name: facts[name].head(0) for name in THEIRS if name not in made}
    typed = {name: rows.fillna({"delivery": 0}).astype(facts[name].dtypes.to_dict()) for name, rows in made.items()}
    return {**typed, **nothing, "custodian_reports": reports.assign(source="custodian", whole=True)}


def page(results: list[Result]) -> str:
    """The page as Markdown."""
    found, named = sum(result.found for result in results), sum(named_right(result) for result in results)
    table = [
        f"| {result.fault.name} | {result.fault.planted} | {yes(result.found)} ({len(result.breaks)}) "
        f"| {result.fault.cause or 'no break'} | {words(result)} | {yes(named_right(result))} | {said(result)} |"
        for result in results
    ]
    return (
        f"""# Faults planted in the records of others, and what is said of them

Written by `make faults`. The demonstration firm is closed as of {DAY:%Y-%m-%d}, with a split and two dividends that its
data has not. A custodian is made who agrees with the books to the last place; then each fault is planted by itself in
his statements, by arithmetic, and the step of reconciliation is asked. A fault is found when exactly the lines that
were changed are breaks (their number in brackets), or none where nothing is wrong; its cause is right when every line
has the word expected. Found: {found} of {len(results)}. Cause right: {named} of {len(results)}.
The faults were known when the hypotheses were written, so this is no measure of faults that nobody thought of.
Where `unexplained` is expected nothing in the books or the records tells why.

| fault | planted | found | expected | said | right | the largest break says |
|---|---|---|---|---|---|---|
"""
        + "\n".join(table)
        + "\n"
    )


def named_right(result: Result) -> bool:
    """Whether the word is right; where nothing is wrong, whether nothing was found."""
    return result.named if result.fault.cause else result.found


def words(result: Result) -> str:
    """The causes that were said, the largest break's first."""
    return ", ".join(dict.fromkeys(result.breaks["cause"])) or "nothing"


def said(result: Result) -> str:
    """What the largest break says."""
    return "" if result.breaks.empty else str(result.breaks["reason"].iloc[0]).replace("|", "\\|")


def yes(right: bool) -> str:
    """A word for it that is seen."""
    return "yes" if right else "**no**"


if __name__ == "__main__":
    raise SystemExit(main())
