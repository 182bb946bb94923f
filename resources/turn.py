"""One turn at the inbox: a delivery is registered, judged, taken in; then what waited is tried again.

Belongs here: the steps of taking in, in the order that survives being killed anywhere. Does not belong here: the
folder and what people decide (``resources.inbox``), judging rows (``daybook.intake``), the register of deliveries.

A delivery is all or nothing: it is registered as ``received``, its facts go to the lake under a key that Delta accepts
once, and one transaction in PostgreSQL records the quarantine and makes it ``done``. Only rows of deliveries that are
done count. Whoever comes next first finishes what was left ``received``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from daybook import tables
from daybook.intake import changes, names, reading, rows, terms
from daybook.intake.draft import Reference
from daybook.intake.names import Name
from daybook.intake.rows import Checked
from daybook.intake.sheet import FileRefused, Sheet, of_rows
from daybook.intake.transactions import shadowed
from daybook.ledger import exact, postings
from daybook.market import custodian_reports
from resources import audit, bulk, closes, deliveries, quarantine, records
from resources.deliveries import Taken
from resources.facts import GOOD, Facts
from resources.lake import Lake
from resources.quarantine import BY_ITSELF, SHADOWED
from resources.settings import Settings

_entries, _log = records.quarantine, records.transactions
_LOGGED = [_log.c[name] for name in tables.TABLES["transactions"].names]


@dataclass
class Turn:
    """One turn at the inbox, holding the lock.

    ``views`` are facts read so far that no delivery has changed since.
    """

    settings: Settings
    lake: Lake
    engine: sa.Engine
    clock: Callable[[], datetime]
    views: dict[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        """What is known so far."""
        return Facts(self.settings, self.lake, self.engine)

    # -- files -------------------------------------------------------------------------------------------------------

    def recover(self) -> list[Taken]:
        """Finish what a killed process left behind; nothing else may be taken in before."""
        self._post_unposted()
        with self.engine.connect() as connection:
            left = [row for row in deliveries.begun(connection) if row["kind"] != "retry"]
        kept = ((row, deliveries.kept(self.settings.home, row["sha256"])) for row in left)
        return [*(self._process(row, _read(data, names.parse(row["file"]))) for row, data in kept), *self._retry()]

    def deliver(self, file: str, data: bytes, kind: str) -> Taken:
        """Take in ``data`` under the name ``file``."""
        try:
            name = names.parse(shown(file))
        except names.BadName as error:
            return self.refuse(file, data, kind, str(error))
        with self.engine.connect() as connection:
            if deliveries.newest_bytes(connection, deliveries.same_file(name)) == deliveries.digest(data):
                return _unchanged(name.file, name.table)
        # Read before it is registered: a file that takes the process down with it can then be taken away.
        read = _read(data, name)
        with self.engine.begin() as connection:
            sha = deliveries.keep(self.settings.home, data)
            row = deliveries.of_file(name.file, name, sha, kind, self.clock())
            registered = deliveries.register(connection, row)
        return self._process(registered, read)

    def refuse(self, file: str, data: bytes, kind: str, reason: str) -> Taken:
        """Something that cannot even be read as a file of a table."""
        file = shown(file)
        same_name = sa.and_(records.deliveries.c.file == file, records.deliveries.c.table_name == "")
        with self.engine.begin() as connection:
            if deliveries.newest_bytes(connection, same_name) == deliveries.digest(data):
                return _unchanged(file, "")
            sha = deliveries.keep(self.settings.home, data)
            row = deliveries.register(connection, deliveries.of_file(file, None, sha, kind, self.clock()))
            return self._failed(connection, row, FileRefused(reason))

    def _failed(self, connection: sa.Connection, row: Mapping[str, Any], error: FileRefused, header: str = "") -> Taken:
        taken = Taken(row["file"], row["table_name"], 0, 1, "failed", error.reason, int(row["seq"]))
        quarantine.record(connection, row, quarantine.of_file(error), row["recorded_at"])
        deliveries.finish(connection, taken, None, header)
        return taken

    def _process(self, row: Mapping[str, Any], sheet: Sheet | FileRefused) -> Taken:
        """Check, append and finish a delivery that is registered and was read."""
        name = names.parse(row["file"])
        header = ""
        try:
            if isinstance(sheet, FileRefused):
                raise sheet
            header = deliveries.columns(sheet)
            reference = self._reference(name.table, sheet)
            checked = _checked(name, sheet, row, reference)
        except FileRefused as error:
            with self.engine.begin() as connection:
                return self._failed(connection, row, error, header)
        outcome = _outcome(sheet, checked)
        notes = list(checked.notes)
        affected = None
        if outcome in GOOD:
            affected = changes.affects_from(name.table, checked.facts, self._before(name, checked, reference))
            if outcome == "empty" and name.table in custodian_reports.REPORTED:
                affected = name.delivered  # from now on the custodian has nothing where it had something
        else:
            notes.insert(0, "no row could be taken in")
        facts = _stamped(checked.facts, row)
        self._append(name.table, facts, int(row["seq"]))
        with self.engine.begin() as connection:
            if outcome != "empty" and (other := deliveries.other_name(connection, row)):
                notes.append(f"the same bytes as {other}")
            self._enter(connection, name.table, facts)
            if outcome in GOOD:
                quarantine.supersede(connection, row, name, checked)
            quarantine.record(connection, row, checked.problems, row["recorded_at"])
            numbers = len(facts), checked.rejected
            taken = Taken(row["file"], name.table, *numbers, outcome, "; ".join(notes), int(row["seq"]))
            deliveries.finish(connection, taken, affected, header)
        self.views.pop(name.table, None)
        return taken

    # -- facts -------------------------------------------------------------------------------------------------------

    def _view(self, table: str) -> pd.DataFrame:
        if table not in self.views:
            self.views[table] = self.facts.latest(table)
        return self.views[table]

    def _reference(self, table: str, sheet: Sheet) -> Reference:
        log = _nothing("transactions")
        if table == "transactions":
            ids, corrected = (
                {word for word in sheet.columns[column].to_pylist() if word} if column in sheet.columns else set()
                for column in ("transaction_id", "corrects")
            )
            log = self._amending(ids | corrected) if corrected else self._logged(sorted(ids))
        closed = self._closed(sheet, log) if table == "transactions" else _nothing("closes")
        return Reference(
            books=self._view("books"),
            instruments=self._view("instruments"),
            accounts=self._view("accounts"),
            identifiers=self._view("identifiers"),
            corporate_actions=self._view("corporate_actions"),
            transactions=log,
            share_classes=self._view("share_classes"),
            closes=closed,
            close_rules=_nothing("close_rules") if closed.empty else self._view("close_rules"),
        )

    def _closed(self, sheet: Sheet, log: pd.DataFrame) -> pd.DataFrame:
        """The newest signed session of each book, where rows of ``sheet``, or what they amend, may be before it."""
        texts = sheet.columns["trade_date"].unique().to_pylist() if "trade_date" in sheet.columns else []
        first = pd.concat(
            [pd.Series(pd.to_datetime(texts, format="%Y-%m-%d", errors="coerce")), log["trade_date"]]
        ).min()
        return _nothing("closes") if pd.isna(first) else closes.newest(self.engine, first)

    def _logged(self, ids: Sequence[str]) -> pd.DataFrame:
        """Every row of the log whose id is among ``ids``."""
        wanted = sa.select(*_LOGGED).where(_log.c.transaction_id == sa.any_(sa.cast(ids, sa.ARRAY(sa.Text))))
        with self.engine.connect() as connection:
            return records.read(connection, wanted.order_by(_log.c.delivery, _log.c.line))

    def _amending(self, ids: set[str]) -> pd.DataFrame:
        """Every row of the log whose id is among ``ids``, with what amends it and what that amends, to the end."""
        found, more = set[str](), set(ids)
        while more - found:
            found |= more
            asked = sa.any_(sa.cast(sorted(more), sa.ARRAY(sa.Text)))
            either = sa.or_(_log.c.transaction_id == asked, sa.and_(_log.c.corrects != "", _log.c.corrects == asked))
            with self.engine.connect() as connection:
                pairs = connection.execute(sa.select(_log.c.transaction_id, _log.c.corrects).where(either)).all()
            more = {word for pair in pairs for word in pair if word} - found
        return self._logged(sorted(found))

    def _before(self, name: Name, checked: Checked, reference: Reference) -> pd.DataFrame:
        """What counted until now in place of the facts of a file."""
        table, facts = name.table, checked.facts
        if table == "transactions":
            replaced = [*facts["corrects"][facts["corrects"] != ""], *facts["transaction_id"]]
            return reference.transactions[reference.transactions["transaction_id"].isin(replaced)]
        if table in tables.SNAPSHOTS:
            return self._replaced(name)
        known = self._view(table)
        if table in terms.BY_DELIVERY:
            return known
        key = list(tables.TABLES[table].key)
        return known[pd.MultiIndex.from_frame(known[key]).isin(pd.MultiIndex.from_frame(facts[key]))]

    def _replaced(self, name: Name) -> pd.DataFrame:
        """The rows in force of an earlier file of the same table, date and suffix."""
        table = records.deliveries
        query = sa.select(table.c.seq).where(deliveries.same_file(name), table.c.status == "done", table.c.rows > 0)
        with self.engine.connect() as connection:
            group: list[int] = list(connection.execute(query).scalars())
        if not group:
            return _nothing(name.table)
        return self.facts.rows_of(name.table, np.intersect1d(group, self.facts.deliveries_in_force(name.table)))

    def _append(self, table: str, facts: pd.DataFrame, seq: int) -> None:
        if table != "transactions" and len(facts):
            self.lake.append(table, facts, f"delivery-{seq}")

    def _enter(self, connection: sa.Connection, table: str, facts: pd.DataFrame) -> None:
        if table == "transactions" and len(facts):
            bulk.copy(connection, _log, {column: _plain(facts[column]) for column in facts.columns})
            self._post(connection, facts)

    def _post(self, connection: sa.Connection, log: pd.DataFrame) -> None:
        """Store what rows of the log debit and credit; the commit fails unless every one of them balances."""
        made = postings.of_log(log, self._view("books"), self._view("instruments"))
        columns = {column: made[column].tolist() for column in made.columns}
        for column, places in (("debit", exact.MONEY), ("quantity", exact.QUANTITY)):
            columns[column] = [Decimal(value).scaleb(-places) for value in columns[column]]
        bulk.copy(connection, records.postings, columns)

    def _post_unposted(self) -> None:
        """Post the transactions that a release without postings has left."""
        with self.engine.begin() as connection:
            left = sa.select(records.unposted.c.delivery).distinct().order_by(records.unposted.c.delivery)
            found: list[int] = list(connection.execute(left).scalars())
            for seq in found:
                log = records.read(connection, sa.select(*_LOGGED).where(_log.c.delivery == seq).order_by(_log.c.line))
                connection.execute(sa.delete(records.unposted).where(records.unposted.c.delivery == seq))
                self._post(connection, log)

    # -- what waits --------------------------------------------------------------------------------------------------

    def follow_up(self, taken: list[Taken]) -> list[Taken]:
        """``taken`` and what comes of it: what waited for it, and dividends that an action posts by itself."""
        while found := self._retry():
            taken = [*taken, *found]
        return self._hold_dividends(taken)

    def _retry(self) -> list[Taken]:
        """Try once more the rows whose wait is over; what came in, by the file that had brought it."""
        waiting = quarantine.entries(self.engine, ("waiting",))
        if waiting.empty:
            return []
        over = waiting["waits_for"].isin(self._arrived(waiting["waits_for"].unique().tolist()))
        line = pd.MultiIndex.from_frame(waiting[["delivery", "line"]])
        ready = waiting[over & ~line.isin(line[~over])]
        taken: list[Taken] = []
        for table in sorted(ready["table_name"].unique(), key=_place):
            taken += self._retry_table(table, ready[ready["table_name"] == table])
        return taken

    def _arrived(self, waits: Sequence[str]) -> set[str]:
        """Those things waited for that are known by now."""
        identifiers = self._view("identifiers")
        known: set[str] = set(identifiers["scheme"] + ":" + identifiers["value"])
        named = {"instrument": "instruments", "book": "books", "account": "accounts", "share_class": "share_classes"}
        for kind, table in named.items():
            known |= set(kind + ":" + self._view(table)[kind])
        asked = [wait.removeprefix("transaction:") for wait in waits if wait.startswith("transaction:")]
        if asked:
            known |= set("transaction:" + self._logged(asked)["transaction_id"])
        return known

    def _retry_table(self, table: str, entries: pd.DataFrame) -> list[Taken]:
        """One batch: all rows of one table whose wait is over, each under a delivery that names the original."""
        batch: list[tuple[dict[str, Any], Checked, Reference]] = []
        with self.engine.begin() as connection:
            interrupted = {row["original"]: row for row in deliveries.begun(connection)}
            for root in entries["delivery"].unique().tolist():
                original = deliveries.find(connection, root)
                own = entries[entries["delivery"] == root]
                checked, reference = self._again(original, own, pd.Timestamp(original["recorded_at"]))
                self._restate(connection, original, own, checked)
                if len(checked.facts):
                    row = interrupted.get(root)
                    if row is None:
                        row = deliveries.register(connection, deliveries.of_rows(original, "retry", self.clock()))
                    batch.append((row, checked, reference))
        if not batch:
            return []
        facts = pd.concat([_stamped(checked.facts, row) for row, checked, _ in batch], ignore_index=True)
        self._append(table, facts, int(batch[0][0]["seq"]))
        with self.engine.begin() as connection:
            self._enter(connection, table, facts)
            taken = [self._retried(connection, row, checked, known, entries) for row, checked, known in batch]
        self.views.pop(table, None)
        return taken

    def _again(
        self, original: Mapping[str, Any], entries: pd.DataFrame, arrived: pd.Timestamp
    ) -> tuple[Checked, Reference]:
        """Check rows of an earlier delivery again."""
        name = names.parse(original["file"])
        once = entries.drop_duplicates("line")
        sheet = of_rows(once["row"].tolist(), once["line"].tolist())
        reference = self._reference(name.table, sheet)
        return rows.check(name, sheet, arrived, reference), reference

    def _restate(
        self, connection: sa.Connection, original: Mapping[str, Any], entries: pd.DataFrame, checked: Checked
    ) -> None:
        """What stands against a row now replaces what stood against it, where that is something else."""
        before = entries.groupby("line")["reason"].agg(list)
        after = checked.problems.groupby("line")["reason"].agg(list)
        changed = [line for line in after.index if after[line] != before[line]]
        ids = entries.loc[entries["line"].isin(changed), "id"].tolist()
        now = self.clock()
        quarantine.close(connection, ids, "superseded", BY_ITSELF, "tried again, and refused for another reason", now)
        quarantine.record(connection, original, checked.problems[checked.problems["line"].isin(changed)], now)

    def _retried(
        self,
        connection: sa.Connection,
        row: Mapping[str, Any],
        checked: Checked,
        reference: Reference,
        entries: pd.DataFrame,
    ) -> Taken:
        name = names.parse(row["file"])
        done = entries[(entries["delivery"] == row["original"]) & entries["line"].isin(checked.facts["line"])]
        why = "what it waited for arrived"
        quarantine.close(connection, done["id"].tolist(), "released", BY_ITSELF, why, self.clock())
        quarantine.supersede(connection, row, name, checked)
        reason = f"rows of delivery {row['original']} that had waited"
        taken = Taken(row["file"], name.table, len(checked.facts), 0, "complete", reason, int(row["seq"]))
        deliveries.finish(connection, taken, self._affected_late(name, checked, reference))
        return taken

    def _affected_late(self, name: Name, checked: Checked, reference: Reference) -> pd.Timestamp | None:
        """From which date on rows that come in later than their file change a result."""
        late = name.table in tables.SNAPSHOTS
        old = _nothing(name.table) if late else self._before(name, checked, reference)
        return changes.affects_from(name.table, checked.facts, old)

    # -- decisions ---------------------------------------------------------------------------------------------------

    def redo(
        self, entry: Mapping[str, Any], status: str, values: Mapping[str, str], decision: tuple[str, str]
    ) -> Taken:
        """Check the row of one entry again, with other values, and take it in if it is good."""
        with self.engine.connect() as connection:
            found = deliveries.find(connection, entry["delivery"])
            original = found if found["original"] is None else deliveries.find(connection, found["original"])
        held = entry["waits_for"] == quarantine.HELD
        row = {key: value for key, value in entry["row"].items() if key} | dict(values)
        if held and values:
            row["corrects"] = row["transaction_id"]
        # A released row is as old as its file; a corrected one is news.
        arrived = pd.Timestamp(original["recorded_at"] if status == "released" else self.clock())
        refused = Taken(original["file"], original["table_name"], 0, 1, "failed")
        try:
            one = pd.DataFrame({"line": [entry["line"]], "row": [row]})
            checked, reference = self._again(original, one, arrived)
        except FileRefused as error:
            return replace(refused, reason=error.reason)
        reasons = [f"{column}: {reason}" for column, reason in checked.problems[["column", "reason"]].to_numpy()]
        if not reasons and self._still_held(entry, checked):
            reasons = [f"action_id: {SHADOWED}"]
        if reasons:
            return replace(refused, reason="; ".join(reasons))
        return self._redone({**entry, "corrected": dict(values)}, original, (checked, reference), status, decision)

    def _still_held(self, entry: Mapping[str, Any], checked: Checked) -> bool:
        """Whether an action would post what the row says; a held row tried as it is stands in the log already."""
        if entry["table_name"] != "transactions":
            return False
        candidates = checked.facts if len(checked.facts) else self._logged([entry["row"]["transaction_id"]])
        return bool(shadowed(candidates, self.facts.current("corporate_actions")).any())

    def _redone(
        self,
        entry: Mapping[str, Any],
        original: Mapping[str, Any],
        found: tuple[Checked, Reference],
        status: str,
        decision: tuple[str, str],
    ) -> Taken:
        checked, reference = found
        name = names.parse(original["file"])
        row = deliveries.of_rows(original, "correction", self.clock())
        with self.engine.begin() as connection:
            row["seq"] = deliveries.reserve(connection)
        facts = _stamped(checked.facts, row)
        affected = self._affected_late(name, checked, reference)
        self._append(name.table, facts, row["seq"])
        taken = Taken(name.file, name.table, len(facts), 0, "complete", decision[1], row["seq"])
        with self.engine.begin() as connection:
            deliveries.register(connection, row)
            self._enter(connection, name.table, facts)
            ids = quarantine.of_line(connection, entry)
            quarantine.close(connection, ids, status, *decision, self.clock())
            deliveries.finish(connection, taken, affected)
            said = quarantine.said(entry, ids, corrected=entry["corrected"], delivery=row["seq"])
            audit.record_each(connection, decision[0], quarantine.ACTS[status], said, decision[1])
        self.views.pop(name.table, None)
        return taken

    def decide(
        self,
        connection: sa.Connection,
        table: str,
        facts: pd.DataFrame,
        file: str,
        affected: pd.Timestamp,
        at: datetime,
    ) -> None:
        """Take in facts that people decided, as a delivery of kind ``decision``.

        They count once ``connection`` commits, together with whatever else it says of the decision. Killed before
        that, they lie in the lake under a number that no delivery has, and never count.

        Args:
            connection: in a transaction.
            table: table of facts in the lake.
            facts: its columns without those of every fact.
            file: what stands in the place of a file's name.
            affected: the earliest date that they change.
            at: when they decided: since then it is known.
        """
        seq = deliveries.reserve(connection)
        row = {"seq": seq, "file": file, "table_name": table, "delivered": affected.date(), "recorded_at": at}
        row |= {"kind": "decision", "status": "received"}
        known = facts.assign(known_at=pd.Timestamp(at).tz_convert("UTC").as_unit("us"), line=1)
        self._append(table, _stamped(known, row), seq)
        deliveries.register(connection, row)
        deliveries.finish(connection, Taken(file, table, len(facts), 0, "complete", delivery=seq), affected)
        self.views.pop(table, None)

    # -- dividends that an action posts by itself --------------------------------------------------------------------

    def _hold_dividends(self, taken: list[Taken]) -> list[Taken]:
        """Keep the quarantine in step with ``shadowed``, whichever of dividend and action came first.

        The log keeps such a dividend and ``Facts`` leaves it out, so that it counts again by itself when the action is
        cancelled. Here only its entry is opened and closed.
        """
        replaced = sa.select(_log.c.corrects).where(_log.c.corrects != "").distinct()
        candidates = sa.select(*_LOGGED).where(
            _log.c.kind == "dividend",
            _log.c.action_id == "",
            _log.c.instrument != "",
            _log.c.transaction_id.not_in(replaced),
        )
        with self.engine.begin() as connection:
            found = records.read(connection, candidates)
            entries = quarantine.held(connection)
            if found.empty and entries.empty:
                return taken
            judged = found[shadowed(found, self.facts.current("corporate_actions"))]
            line = pd.MultiIndex.from_frame(judged[["delivery", "line"]])
            there = pd.MultiIndex.from_frame(entries[["delivery", "line"]])
            now, still = self.clock(), entries["status"].isin(["open", "discarded"]).to_numpy()
            gone = entries[(entries["status"] == "open").to_numpy() & ~there.isin(line)]
            quarantine.close(connection, gone["id"].tolist(), "superseded", BY_ITSELF, "no action posts it now", now)
            new = judged[~line.isin(there[still])]
            for row in new.to_dict("records"):
                stamp = {"seq": row["delivery"], "file": row["file"], "table_name": "transactions"}
                quarantine.record(connection, stamp, quarantine.of_dividend(row), now)
        return _with_held(taken, new)


@lru_cache
def _nothing(table: str) -> pd.DataFrame:
    """No rows of ``table``; made once, as each column of it costs as much as a query."""
    return tables.empty(table)


def _with_held(taken: list[Taken], held: pd.DataFrame) -> list[Taken]:
    """``taken`` with the dividends ``held`` counted as quarantined, not as taken in."""
    counts: dict[Any, int] = held["delivery"].value_counts().to_dict()
    told = [
        replace(one, rows=one.rows - counts[one.delivery], quarantined=one.quarantined + counts[one.delivery],
                outcome="partial") if one.delivery in counts else one
        for one in taken
    ]  # fmt: skip
    earlier = held[~held["delivery"].isin([one.delivery for one in taken])]
    others = earlier.groupby("file").size().to_dict()
    return [*told, *(Taken(str(file), "transactions", 0, n, "partial", SHADOWED) for file, n in others.items())]


def _read(data: bytes, name: Name) -> Sheet | FileRefused:
    """The rows of a file, or why there are none."""
    try:
        return reading.read(data, name.format)
    except FileRefused as error:
        return error


def _checked(name: Name, sheet: Sheet, row: Mapping[str, Any], reference: Reference) -> Checked:
    try:
        return rows.check(name, sheet, pd.Timestamp(row["recorded_at"]), reference)
    except FileRefused:
        raise
    # A file that breaks a check must not keep every other file out for ever, so it is refused with what broke.
    except Exception as error:
        raise FileRefused(f"the checks broke on this file: {type(error).__name__}: {error}") from error


def _outcome(sheet: Sheet, checked: Checked) -> str:
    """How much of a file that could be read was taken in."""
    if not len(sheet.lines) and not sheet.bad:
        return "empty"
    waits = (checked.problems["waits_for"] != "").any()
    if checked.rejected and not len(checked.facts) and not checked.known and not waits:
        return "failed"
    return "partial" if checked.rejected else "complete"


def _unchanged(file: str, table: str) -> Taken:
    return Taken(file, table, outcome="unchanged", reason="the same bytes were delivered before")


def _stamped(facts: pd.DataFrame, row: Mapping[str, Any]) -> pd.DataFrame:
    """Facts with where they come from, in the columns of their table."""
    recorded_at = pd.Timestamp(row["recorded_at"]).tz_convert("UTC").as_unit("us")
    stamped = facts.assign(recorded_at=recorded_at, file=row["file"], delivery=int(row["seq"]))
    return stamped[list(tables.TABLES[row["table_name"]].names)]


def _plain(values: "pd.Series[Any]") -> list[Any]:
    """Values for PostgreSQL: None for what is missing, exact numbers as they are."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        kept = np.asarray(values.dt.to_pydatetime(), object)
    elif values.dtype.kind == "M":
        kept = np.asarray(values.dt.date, object)
    else:
        return [None if value is None else value for value in values.tolist()]
    return list(np.where(values.isna().to_numpy(), np.array(None, object), kept))


def _place(table: str) -> int:
    return names.order(Name("", table, pd.Timestamp(0), "", ""))[0]


def shown(file: str) -> str:
    """A file name that can be recorded: bytes that are no UTF-8, and control characters, are written out."""
    safe = file.encode("utf-8", "backslashreplace").decode()
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in safe)
