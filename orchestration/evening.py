"""``make evening``: docs/evening.md, an evening of the demonstration firm and the morning after, typed and really run.

Belongs here: the story, the files that come in it, and what is masked because it is another at every run. Does not
belong here: anything that the product does; commands go in, what they print comes out.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

PAGE = Path(__file__).resolve().parent.parent / "docs" / "evening.md"
BEFORE, DAY, NEXT = "2022-12-23", "2022-12-27", "2022-12-28"
POSITIONS = f"custodian_positions_{DAY}_sample.csv"
CASH = f"custodian_cash_{DAY}_sample.csv"
TRANSACTION = "transaction_id,book,instrument,kind,trade_date,settle_date,quantity,price,currency,fees\n"
FEE = f"{TRANSACTION}fee-1227,US-CORE,,fee,{DAY},{DAY},12.50,,USD,\n"
UNITS, COST, GAIN = 4000, 1_441_014, 4000 * 362.76 - 1_441_014
TICKET = f"{TRANSACTION}late-1,US-CORE,LLY,buy,{DAY},{DAY},{UNITS},360.25,USD,14\n"
"""The ticket that nobody entered: a purchase, settled on the day, that only the custodian knows."""
WIDE = 140
"""Characters of the terminal."""
AROUND = "SET LOCAL session_replication_role = replica"
"""The database itself refuses to change an act, unless its owner goes around that."""
ATTACK = "UPDATE daybook.audit_events SET reason = replace(reason, :then, :now) WHERE act = 'approve'"
MASKS = [
    (r"\b[0-9a-f]{32,64}\b", "<hash>"),
    (r"\b20(?:2[5-9]|[3-9]\d)-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?", "<now>"),
    (r"\b20(?:2[5-9]|[3-9]\d)-\d\d-\d\d(?: \d\d:\d\d)?", "<today>"),
    (r"\b\d+\.\d s\b", "<n> s"),
    (r"\btakes (?:\d+ h )?(?:\d+ min )?(?:\d+ s )?", "takes <n> "),
    (r"(?<=file:/)/\S+", "..."),
]
"""What is another at every run, and what stands in its place: the story is of 2022, later years are of the run."""


class Firm:
    """The demonstration firm in a folder of its own, and people who type commands there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.vendors = "sample"

    def ends(self, person: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """What the command of ``words`` ends with, typed by ``person``."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "DAGSTER_"))}
        told = {"DAYBOOK_HOME": self.home, "DAYBOOK_USER": person, "DAYBOOK_VENDORS": self.vendors, "COLUMNS": WIDE}
        return subprocess.run(
            [str(Path(sys.executable).with_name("daybook")), *words],
            env={**kept, **{name: str(value) for name, value in told.items()}},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def typed(self, person: str, *words: str, code: int = 0, lines: int | None = None, only: str = "") -> str:
        """The command and what it prints, as a block of the page.

        Args:
            person: who types.
            words: after ``daybook``.
            code: what it must end with.
            lines: only so many of its lines; an ellipsis tells of the others.
            only: only the lines in which this expression is found.

        Raises:
            RuntimeError: it ended with another code.
        """
        ended = self.ends(person, *words)
        if ended.returncode != code:
            raise RuntimeError(f"daybook {' '.join(words)} ended with {ended.returncode}: {ended.stdout[-2000:]}")
        printed = [masked(line.rstrip().replace(f"{self.folder}/", "")) for line in ended.stdout.strip().splitlines()]
        shown = [line for line in printed if re.search(only, line)][:lines]
        if len(shown) < len(printed):
            shown.append("...")
        quoted = (f'"{word}"' if " " in word else word for word in words)
        exit_code = f"\n[exit code {code}]" if code else ""
        return f"```\n{person}$ daybook {' '.join(quoted)}\n" + "\n".join(shown) + exit_code + "\n```\n"

    def rows(self, *words: str) -> pd.DataFrame:
        """The rows that a command prints as csv."""
        ended = self.ends("ann", *words, "--format", "csv")
        return pd.read_csv(io.StringIO(ended.stdout), dtype="str", keep_default_na=False)

    def file(self, name: str, data: bytes) -> str:
        """A file that came, under its name."""
        (self.folder / name).write_bytes(data)
        return name


def masked(line: str) -> str:
    """``line`` without what is another at every run, as wide as it was."""
    wide = "│" in line
    for pattern, instead in MASKS:
        for found in sorted(set(re.findall(pattern, line)), key=len, reverse=True):
            line = line.replace(found, instead.ljust(len(found) if wide else 0))
    return line


def main() -> int:
    """Run the evening and write the page."""
    with tempfile.TemporaryDirectory(prefix="daybook-evening-") as name:
        firm = Firm(Path(name))
        try:
            begun(firm)
            PAGE.write_text("\n".join(part if part.startswith("`") else prose(part) for part in evening(firm)))
        finally:
            firm.ends("ann", "stop")
    return 0


def prose(text: str) -> str:
    """Paragraphs, each filled; a heading stays as it is."""
    parts = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    return "\n\n".join(textwrap.fill(part, 128, break_on_hyphens=False) for part in parts) + "\n"


def begun(firm: Firm) -> None:
    """The firm as it stands in the afternoon: the session before is signed."""
    for words in (["eod", "--date", BEFORE], ["close", BEFORE]):
        ended = firm.ends("carol", *words)
        if ended.returncode:
            raise RuntimeError(f"daybook {' '.join(words)} ended with {ended.returncode}: {ended.stdout[-2000:]}")
    firm.vendors = "files"
    for name, data in delivered(firm).items():
        firm.file(name, data)


def delivered(firm: Firm) -> dict[str, bytes]:
    """The files of ``DAY``, the custodian's with the trade that the books lack."""
    os.environ["DAYBOOK_HOME"] = str(firm.home)
    from resources.settings import settings
    from resources.vendors.sample import SampleVendor

    files = dict(SampleVendor(settings()).deliver(pd.Timestamp(BEFORE), pd.Timestamp(DAY)))
    positions, cash = (
        pd.read_csv(io.BytesIO(files[name]), dtype="str", keep_default_na=False) for name in (POSITIONS, CASH)
    )
    at = (positions["book"] == "US-CORE") & (positions["instrument"] == "LLY")
    held, value = positions.loc[at, "quantity"].astype("int64"), positions.loc[at, "market_value"].astype("float64")
    positions.loc[at, "quantity"] = (held + UNITS).astype("str")
    positions.loc[at, "settled_quantity"] = (held + UNITS).astype("str")
    positions.loc[at, "market_value"] = (value * (held + UNITS) / held).round(2).astype("str")
    at = (cash["book"] == "US-CORE") & (cash["currency"] == "USD")
    cash.loc[at, "balance"] = (cash.loc[at, "balance"].astype("float64") - COST).round(6).astype("str")
    written = (frame.to_csv(index=False, lineterminator="\n").encode() for frame in (positions, cash))
    return {**files, **dict(zip((POSITIONS, CASH), written, strict=True))}


def evening(firm: Firm) -> Iterator[str]:
    """The page, part by part: prose, and what was typed."""
    yield f"""
# A worked evening

Written by `make evening`, which runs the [demonstration firm](demonstration.md) in a folder of its own, types these
commands, and puts here what they print. `...` stands for lines left out, `<now>`, `<today>` and `<hash>` for what is
another at every run. It is {DAY}; the clock of the machine is years later, so that whatever has not come is late.
ann and bob are operations, carol signs.
"""
    yield "## The custodian is late"
    yield f"""
{BEFORE} is signed. Prices and rates of {DAY} have come, the custodian's files have not.
"""
    came = [f"{table}_{DAY}_sample.csv" for table in ("prices", "fx_rates", "benchmark_levels")]
    yield firm.typed("ann", "ingest", *came)
    yield firm.typed("ann", "status", "--date", DAY)
    yield """
The lines say what is late, when NAV can be expected, and the longest path to the close: NAV does not need the
custodian, the reconciliation does. Meanwhile there is work: three breaks of the sessions before.
"""
    yield firm.typed("ann", "breaks", "list")
    fee = "cash:US-CORE:CASH:USD:2022-12-22"
    yield """
The custodian has charged 12.50 that the books lack. Ann names the cause and posts the fee, and cannot agree with
herself.
"""
    yield firm.typed(
        "ann", "breaks", "explain", fee, "--cause", "fee", "--reason", "advice of 2022-12-22: transfer fee"
    )
    name = firm.file(f"transactions_{DAY}_fee.csv", FEE.encode())
    yield firm.typed("ann", "post", name, "--reason", "transfer fee, by the advice of 2022-12-22")
    yield firm.typed("ann", "approve", "1", code=1)
    yield firm.typed("bob", "approve", "1", "--reason", "seen on the advice")
    yield "## Half a file"
    half = (firm.folder / POSITIONS).read_bytes()
    whole = half
    firm.file(POSITIONS, half[: len(half) // 2])
    yield "Then the custodian's positions come, but the transfer broke off. Half a file is not half a custodian."
    yield firm.typed("ann", "ingest", POSITIONS, code=3)
    yield firm.typed("ann", "quarantine", "list")
    yield firm.typed("ann", "status", "--date", DAY, only="^(feed|nav|pack|what dec|1 row)")
    yield "The whole file, and the cash. Now the day can be computed."
    firm.file(POSITIONS, whole)
    yield firm.typed("ann", "ingest", POSITIONS, CASH)
    yield firm.typed("ann", "eod", "--date", DAY, code=3)
    yield "## Breaks"
    yield firm.typed("ann", "breaks", "list")
    late = f"position:US-CORE:LLY:{DAY}"
    yield firm.typed("ann", "breaks", "show", late)
    yield """
The custodian's own statement says how it came about: with a purchase of 4,000 LLY both lines agree. The break in cash
was explained when it was 12.50; an explanation holds for what was seen, so the break is open again. Ann hands both to
the desk.
"""
    yield firm.typed("ann", "breaks", "assign", late, fee, "--to", "desk", "--reason", "whose ticket is this?")
    yield """
The desk has gone home. The close is refused while the break is material; ann asks to let it stand until tomorrow.
"""
    yield firm.typed("carol", "close", DAY, "--book", "US-CORE", code=1)
    yield firm.typed("ann", "breaks", "waive", late, fee, "--until", NEXT, "--reason", "desk answers tomorrow")
    yield firm.typed("ann", "approve", "2", code=1)
    yield firm.typed("bob", "approve", "2", "--reason", "NAV moves by what the price moved: small")
    yield "## A price that looks wrong"
    yield firm.typed(
        "ann", "override", "price", "GE", "65.90", "--date", DAY, "--until", DAY, "--reason", "the screen says 65.90"
    )
    yield firm.typed("ann", "approve", "3", code=1)
    yield firm.typed("bob", "reject", "3", "--reason", "the screen is of today, the close is right")
    yield "## The number, and the signature"
    yield firm.typed("carol", "status", "--date", DAY, lines=40)
    yield firm.typed("carol", "explain", "nav", "--date", DAY, "--book", "US-CORE", lines=25)
    yield firm.typed("carol", "close", DAY)
    yield "## The administrator"
    yield """
The administrator's NAV comes after the signature. His books have the purchase.
"""
    struck = firm.rows("show", "nav", "--date", DAY)
    nav = float(struck.loc[struck["book"] == "US-CORE", "nav"].iloc[0]) + GAIN
    name = firm.file(
        f"administrator_nav_{DAY}_admin.csv", f"business_date,book,nav\n{DAY},US-CORE,{nav:.6f}\n".encode()
    )
    yield firm.typed("ann", "ingest", name)
    yield "## The next morning"
    yield "The desk finds the ticket. First: what would it change?"
    name = firm.file(f"transactions_{NEXT}_late.csv", TICKET.encode())
    yield firm.typed("ann", "impact", name, code=3)
    yield firm.typed("ann", "ingest", name)
    yield firm.typed("ann", "eod", "--date", DAY)
    yield firm.typed("carol", "status", "--date", DAY, only="^│ (US-CORE|LOW-VOL)|turn|break")
    yield firm.typed("carol", "changes", DAY, "--book", "US-CORE")
    yield """
The signed NAV was too low by what LLY gained between the price of the ticket and the close, less the broker's fee:
that is also what the administrator had more. A second signature needs a word of its own, and a reason.
"""
    yield firm.typed("carol", "close", DAY, "--book", "US-CORE", code=1)
    yield firm.typed(
        "carol", "restate", DAY, "--book", "US-CORE", "--reason", "ticket late-1 of the desk came after the close"
    )
    yield "Where the restated number comes from: the ticket is a leaf of it, with its file and line."
    named = "^[0-9].*NAV of|late-1|leaves|signed"
    yield firm.typed("carol", "explain", "nav", "--date", DAY, "--book", "US-CORE", "--all", only=named)
    yield "What was signed first can still be read."
    yield firm.typed("carol", "show", "nav", "--date", DAY, "--as-signed")
    yield firm.typed("carol", "show", "nav", "--date", DAY, "--version", "1")
    yield firm.typed("ann", "breaks", "list")
    yield "## Who did what"
    yield firm.typed("ann", "doctor", "--audit")
    yield "The owner of the database goes around its refusal and changes two letters in the reason of one act:"
    yield tampered(firm)
    yield firm.typed("ann", "duties", lines=30)
    yield "## The morning page"
    yield firm.typed("carol", "morning", "--date", DAY)


def tampered(firm: Firm) -> str:
    """What is said of the chain while two letters of one act are others; they are put back."""
    import sqlalchemy as sa

    from resources import records
    from resources.settings import settings

    os.environ["DAYBOOK_HOME"] = str(firm.home)
    engine = records.engine(settings())
    with engine.begin() as connection:
        connection.execute(sa.text(AROUND))
        connection.execute(sa.text(ATTACK), {"then": "small", "now": "smaII"})
    found = firm.typed("ann", "doctor", "--audit", code=1)
    with engine.begin() as connection:
        connection.execute(sa.text(AROUND))
        connection.execute(sa.text(ATTACK), {"then": "smaII", "now": "small"})
    engine.dispose()
    return found


if __name__ == "__main__":
    raise SystemExit(main())
