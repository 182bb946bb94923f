"""``make faults``: docs/faults.md, the faults that were planted in the demonstration firm and what found each of them.

Belongs here: planting, and asking the command what it found. Does not belong here: finding (``daybook.market.quality``,
``daybook.intake``). Nothing is looked up in the product's insides: files go in, ``daybook show`` comes out.
"""

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from orchestration.console import complain

PAGE = Path(__file__).resolve().parent.parent / "docs" / "faults.md"
DAY = "2022-12-27"
STALE = 10
"""Sessions for which the stale price stands still."""
Texts = pd.DataFrame
"""Rows of a file as text."""


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: what is wrong.
        planted: where and how, in words.
        finds: checks of which one must name it, separated by spaces.
        about: the instrument or feed that the finding must name.
    """

    name: str
    planted: str
    finds: str
    about: str


PRICES = f"prices_{DAY}_sample.csv"
CUSTODIAN = f"custodian_positions_{DAY}_sample.csv"
LEVELS = f"benchmark_levels_{DAY}_sample.csv"
FAULTS = [
    Fault(*(part.strip() for part in line.split("|")))
    for line in f"""
    price x 100 | AAPL's close times 100 | price_scale | AAPL
    price of another currency | KO's close divided by the euro's rate, called USD | price_currency price_spike | KO
    swapped currency | JPM's row says EUR | price_currency | JPM
    price of another name | HD has the close of LLY | price_spike price_peers split_missing price_scale | HD
    stale price | WMT's close stands still for {STALE} sessions | price_unchanged | WMT
    missing name | no row for PFE | price_stale price_missing | PFE
    wrong split | a split of 2 for 1 of MRK that its raw price does not show | split_not_in_price | MRK
    split on an adjusted price | a split of 3 for 1 of XOM, whose prices are adjusted | adjusted_price_with_action | XOM
    crossed high and low | BBY's high is below its low | price_crossed | BBY
    zero price | GE's close is 0 | quarantine_raw_prices | GE
    locale decimals | RRC's close is written "24,93" | quarantine_raw_prices | RRC
    unknown name | a price of NOBODY | quarantine_raw_prices | NOBODY
    rates that disagree | EUR/USD, GBP/USD and EUR/GBP whose round trip gains 3 % | fx_triangle | GBP
    wrong check digit | the last digit of LLY's ISIN | identifier_isin | LLY
    half file | the custodian's positions, cut within a line | feed_failed feed_partial | custodian_positions
    duplicate file | the bytes of the benchmark levels once more, as another file | duplicate_file | benchmark_levels
    column lost | the custodian's cash without its column account | schema_drift | custodian_cash
    """.strip().splitlines()
]


def main() -> int:
    """Plant, close the day, and write the page; the exit code says whether every fault was found."""
    with tempfile.TemporaryDirectory(prefix="daybook-faults-") as folder:
        home = Path(folder) / "home"
        try:
            before, after = closed(home, Path(folder))
        finally:
            daybook(home, "stop")
    results = [(fault, found(fault, before, after)) for fault in FAULTS]
    PAGE.write_text(page(results))
    for fault, rows in results:
        if rows.empty:
            complain(f"not found: {fault.name}: {fault.planted}")
    return int(any(rows.empty for _, rows in results))


def closed(home: Path, folder: Path) -> tuple[Texts, Texts]:
    """The findings of the day as it was delivered, and with the faults planted."""
    daybook(home, "eod", "--date", DAY)
    before = show(home, "findings")
    files = []
    for name, data in planted(home):
        files.append(folder / name)
        files[-1].write_bytes(data)
    daybook(home, "ingest", *map(str, files))
    daybook(home, "eod", "--date", DAY)
    return before, show(home, "findings")


def planted(home: Path) -> Iterator[tuple[str, bytes]]:
    """The files of the vendor ``sample`` that hold a fault, and those that are one."""
    os.environ["DAYBOOK_HOME"] = str(home)
    from resources.settings import settings
    from resources.vendors.sample import SampleVendor

    delivered = dict(SampleVendor(settings()).deliver(None, pd.Timestamp(DAY)))
    yield PRICES, written(prices(rows(delivered[PRICES])))
    yield CUSTODIAN, delivered[CUSTODIAN][: len(delivered[CUSTODIAN]) * 99 // 100]
    yield f"benchmark_levels_{DAY}_again.csv", delivered[LEVELS]
    cash = f"custodian_cash_{DAY}_sample.csv"
    yield cash, written(rows(delivered[cash]).drop(columns="account"))
    yield f"corporate_actions_{DAY}_faults.csv", ACTIONS.encode()
    yield f"fx_rates_{DAY}_desk.csv", RATES.encode()
    identifiers = rows(delivered[f"identifiers_{DAY}_sample.csv"])
    yield f"identifiers_{DAY}_faults.csv", written(isin(identifiers))


ACTIONS = f"""action_id,instrument,kind,ex_date,numerator,denominator
planted-1,MRK,split,{DAY},2,1
planted-2,XOM,split,{DAY},3,1
"""
RATES = f"""business_date,base,quote,rate
{DAY},EUR,USD,1.0624
{DAY},GBP,USD,1.2030
{DAY},EUR,GBP,0.9096
"""


def prices(delivered: Texts) -> Texts:
    """The prices with their faults."""
    frame = delivered.assign(high="", low="")
    today = frame["business_date"] == DAY

    def at(name: str) -> "pd.Series[bool]":
        return today & (frame["instrument"] == name)

    def close(name: str) -> float:
        return float(frame.loc[at(name), "close"].iloc[0])

    changed = {
        "AAPL": f"{100 * close('AAPL'):.4f}",
        "KO": f"{close('KO') / 1.0624:.4f}",
        "HD": f"{close('LLY')}",
        "GE": "0",
        "RRC": "24,93",
    }
    for name, text in changed.items():
        frame.loc[at(name), "close"] = text
    frame.loc[at("JPM"), "currency"] = "EUR"
    frame.loc[at("BBY"), ["high", "low"]] = ["70", "90"]
    frame.loc[frame["instrument"] == "MRK", "price_basis"] = "raw"
    last = frame.index[frame["instrument"] == "WMT"][-STALE:]
    frame.loc[last, "close"] = frame.loc[last[0], "close"]
    nobody = frame[at("AAPL")].assign(instrument="NOBODY")
    return pd.concat([frame[~at("PFE")], nobody])


def isin(identifiers: Texts) -> Texts:
    """LLY's ISIN with another last digit."""
    row = identifiers[(identifiers["instrument"] == "LLY") & (identifiers["scheme"] == "isin")]
    return row.assign(value=row["value"].str[:-1] + ((row["value"].str[-1].astype(int) + 1) % 10).astype(str))


def found(fault: Fault, before: Texts, after: Texts) -> Texts:
    """The findings that name ``fault`` and were not there before it was planted, the gravest first."""
    rows = after[after["check"].isin(fault.finds.split())]
    told = rows["instrument"].eq(fault.about) | rows["reason"].str.contains(fault.about, regex=False)
    old = pd.MultiIndex.from_frame(before[["check", "book", "instrument", "reason"]])
    new = ~pd.MultiIndex.from_frame(rows[["check", "book", "instrument", "reason"]]).isin(old)
    order = rows["severity"].map({"blocking": 0, "warning": 1, "info": 2})
    return rows.assign(order=order)[told & new].sort_values(["order", "book"], kind="stable")


def page(results: list[tuple[Fault, Texts]]) -> str:
    """The page as Markdown."""
    lines = [
        f"| {fault.name} | {fault.planted} | {gravest(rows, 'check')} | {gravest(rows, 'severity')} | {first(rows)} |"
        for fault, rows in results
    ]
    number = sum(not rows.empty for _, rows in results)
    return (
        f"""# Faults planted and faults found

Written by `make faults`, which closes {DAY} of the demonstration firm, plants these faults in the files of that day,
takes them in through `daybook ingest`, closes the day again and asks `daybook show findings`.
Found: {number} of {len(results)}.

| fault | planted | found by | severity | the gravest of its findings says |
|---|---|---|---|---|
"""
        + "\n".join(lines)
        + "\n"
    )


def gravest(rows: Texts, column: str) -> str:
    """What the gravest finding has in ``column``."""
    return "**nothing**" if rows.empty else str(rows[column].iloc[0])


def first(rows: Texts) -> str:
    """What the gravest finding says."""
    if rows.empty:
        return ""
    row = rows.iloc[0]
    impact = f" ({float(row['impact_bp']):+,.1f} bp of {row['book']})" if row["impact_bp"] else ""
    return str(row["reason"]).replace("|", "\\|") + impact


def rows(data: bytes) -> Texts:
    """A CSV file as text."""
    return pd.read_csv(io.BytesIO(data), dtype="str", keep_default_na=False)


def written(frame: Texts) -> bytes:
    """Text as a CSV file."""
    return frame.to_csv(index=False, lineterminator="\n").encode()


def show(home: Path, table: str) -> Texts:
    """The rows of ``table`` on the day, as the command prints them."""
    return rows(daybook(home, "show", table, "--date", DAY, "--format", "csv").encode())


def daybook(home: Path, *words: str) -> str:
    """What the command prints; codes 0 and 3 (not closable) are what is expected of it.

    Raises:
        RuntimeError: it ended with another code.
    """
    command = [str(Path(sys.executable).with_name("daybook")), *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "DAGSTER_"))}
    ended = subprocess.run(
        command, env={**environment, "DAYBOOK_HOME": str(home)}, capture_output=True, text=True, check=False
    )
    if ended.returncode not in (0, 3):
        raise RuntimeError(f"daybook {' '.join(words)} ended with {ended.returncode}: {ended.stderr[-2000:]}")
    return ended.stdout


if __name__ == "__main__":
    raise SystemExit(main())
