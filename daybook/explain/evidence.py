"""What a number of one book and session is explained with: rows of results, the facts behind them, and the journal.

Belongs here: finding the row, the price, the rate, the transaction and the action that a node names. Does not belong
here: reading any of it (``resources.evidence``), the trees themselves.

The journal is posted again from the facts of the book, once; a result that does not agree with it has a gap in its
tree, and is never made to fit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.explain.tree import Tree
from daybook.ledger import journal, transfers, valuation
from daybook.ledger.journal import Journal
from daybook.ledger.transactions import live
from daybook.market import dated, fx, security_master

Ints = NDArray[np.int64]
Objects = NDArray[np.object_]

CASH = "CASH:"
MARKET = ("prices", "model_prices", "fx_rates")
"""Tables of every book that a number stands on."""


class Unexplained(ValueError):
    """There is no such number; the message says what there is."""


@dataclass(frozen=True)
class Evidence:
    """One book on one session.

    Attributes:
        book: its name.
        session: midnight, naive.
        results: rows by name of a table of results: those of the book, of ``MARKET`` all; of ``session`` and of the
            session before.
        versions: the version of each of these tables in the lake.
        log: table ``transactions``, every row that is the book's, that of a book which shares its lots, or that
            corrects any.
        corporate_actions: current facts.
        elections: facts.
        books: facts, dated by valid_from.
        instruments: facts, dated by valid_from.
        raw_fx_rates: facts up to the session.
        price_overrides: facts.
        transfer_prices: table, where securities came in without a cost.
        order: preference among the sources of exchange rates.
    """

    book: str
    session: pd.Timestamp
    results: Mapping[str, pd.DataFrame]
    versions: Mapping[str, int]
    log: pd.DataFrame
    corporate_actions: pd.DataFrame
    elections: pd.DataFrame
    books: pd.DataFrame
    instruments: pd.DataFrame
    raw_fx_rates: pd.DataFrame
    price_overrides: pd.DataFrame
    transfer_prices: pd.DataFrame
    order: Sequence[str]

    @cached_property
    def terms(self) -> Mapping[str, Any]:
        """base_currency and calendar of the book on the session."""
        row = pd.DataFrame({"business_date": [self.session], "book": [self.book]})
        found = security_master.attributes(self.books, "book", row, ["base_currency", "calendar", "lot_pool"])
        return dict(found.iloc[0])

    @property
    def base(self) -> str:
        """The book's currency."""
        return str(self.terms["base_currency"])

    @cached_property
    def previous(self) -> pd.Timestamp:
        """The book's session before."""
        before = calendars.previous_session(str(self.terms["calendar"]), pd.DatetimeIndex([self.session]))
        return pd.Timestamp(pd.DatetimeIndex(before)[0])

    @cached_property
    def day(self) -> int:
        """Number of the session."""
        return int(dated.days([self.session])[0])

    def rows(self, table: str, session: pd.Timestamp | None = None) -> pd.DataFrame:
        """Rows of a table of results, of the session unless another is named."""
        frame = self.results.get(table)
        found = tables.empty(table) if frame is None else frame
        return found[found["business_date"] == (self.session if session is None else session)].reset_index(drop=True)

    def version(self, table: str) -> int:
        """The version of ``table`` that was read, -1 when it was not."""
        return self.versions.get(table, -1)

    @cached_property
    def counting(self) -> pd.DataFrame:
        """The transactions that count, transfers in at their price."""
        return transfers.priced(live(self.log), self.transfer_prices, self.books)

    @cached_property
    def journal(self) -> Journal:
        """What the books posted up to the session."""
        return journal.journal(
            self.counting,
            self.corporate_actions,
            self.books,
            self.instruments,
            self.raw_fx_rates,
            self.order,
            self.session,
            self.elections,
        )

    @cached_property
    def entries(self) -> pd.DataFrame:
        """Transactions of the book on the session as they were posted."""
        entries = self.journal.entries
        return entries[(entries["session"] == self.day).to_numpy() & (entries["book"] == self.book).to_numpy()]

    @cached_property
    def paid(self) -> pd.DataFrame:
        """What corporate actions brought and took on the session."""
        paid = self.journal.payments
        return paid[(paid["session"] == self.day).to_numpy() & (paid["book"] == self.book).to_numpy()]

    @cached_property
    def quoted(self) -> pd.DataFrame:
        """What values each instrument on the session and on the one before."""
        known = {name: self.results.get(name, tables.empty(name)) for name in ("prices", "model_prices")}
        return valuation.quoted(known["prices"], known["model_prices"])

    def units(self, instruments: Any, session: pd.Timestamp | None = None) -> pd.DataFrame:
        """``valuation.unit_values`` of each of ``instruments``."""
        rows = pd.DataFrame({"instrument": pd.Series(instruments, dtype="str").reset_index(drop=True)})
        rows.insert(0, "business_date", self.session if session is None else session)
        return valuation.unit_values(rows.astype({"business_date": "datetime64[us]"}), self.quoted, self.instruments)

    def rates(self, currencies: Any, session: pd.Timestamp | None = None) -> NDArray[np.float64]:
        """Golden rate of each of ``currencies`` into the book's."""
        names = pd.Series(currencies, dtype="str").reset_index(drop=True)
        dates = np.full(len(names), np.datetime64(self.session if session is None else session, "us"))
        return fx.rates(self.results["fx_rates"], names, np.full(len(names), self.base, object), dates)

    @cached_property
    def _log_at(self) -> "pd.Index[Any]":
        return _index(self.counting["transaction_id"])

    @cached_property
    def _actions_at(self) -> "pd.Index[Any]":
        return _index(self.corporate_actions["action_id"])

    def told(self, ids: Any) -> pd.DataFrame:
        """What there is to say of transactions or corporate actions by their ids, a row for each.

        Returns:
            label (the kind, what of, at what price, when, the id), source (``transactions``, ``corporate_actions`` or
            "" when neither knows it), file and line.
        """
        names = pd.Index(np.asarray(ids, object))
        said = pd.DataFrame({"label": pd.Series(names, dtype="str"), "source": "", "file": "", "line": 0})
        for source, frame, index, text in (
            ("transactions", self.counting, self._log_at, _transaction),
            ("corporate_actions", self.corporate_actions, self._actions_at, _action),
        ):
            at = index.get_indexer(names)
            hit = np.flatnonzero((at >= 0) & (said["source"] == "").to_numpy())
            if not len(hit):
                continue
            rows = frame.take(at[hit]).reset_index(drop=True)
            columns = {"label": text(rows), "source": source, "file": rows["file"], "line": rows["line"]}
            for name, values in columns.items():
                column = said[name].to_numpy(object, copy=True)
                column[hit] = values
                said[name] = column
        return said.astype({"label": "str", "source": "str", "file": "str", "line": "int64"})

    def show_prices(self, tree: Tree, parent: Ints, instruments: Any, session: pd.Timestamp | None = None) -> None:
        """Add to each of ``parent`` the price that values its instrument, with the fact or the decision behind it."""
        when = self.session if session is None else session
        names = pd.Index(np.asarray(instruments, object))
        security = ~np.char.startswith(names.to_numpy().astype(str), CASH) if len(names) else np.zeros(0, bool)
        quoted = self.quoted[self.quoted["business_date"] == when].reset_index(drop=True)
        at = pd.Index(quoted["instrument"]).get_indexer(names)
        known = security & (at >= 0)
        found = quoted.take(at[known]).reset_index(drop=True)
        if found.empty:
            return
        golden = self.rows("prices", when)
        fact = pd.Index(golden["instrument"]).get_indexer(pd.Index(found["instrument"]))
        model = (found["source"] == "model").to_numpy()
        own = (fact >= 0) & ~model
        file, line = np.full(len(found), "", object), np.zeros(len(found), np.int64)
        if "file" in golden:
            file[own], line[own] = golden["file"].to_numpy(object)[fact[own]], golden["line"].to_numpy()[fact[own]]
        how = "golden price, " + found["status"] + ", source " + found["source"]
        how = how.mask(pd.Series(model), "") + found["reason"].where(model, _after(found["reason"]))
        nodes = tree.add(
            parent[known],
            "price of " + found["instrument"] + f" on {when:%Y-%m-%d}",
            found["close"],
            part=False,
            currency=found["currency"],
            how=how,
            source=np.where(model, "model_prices", "prices"),
            file=file,
            line=line,
            version=np.where(model, self.version("model_prices"), self.version("prices")),
        )
        self._show_overrides(tree, nodes, found, when)

    def _show_overrides(self, tree: Tree, parent: Ints, prices: pd.DataFrame, when: pd.Timestamp) -> None:
        """Add to each price that people decided who did, why and until when."""
        decided = prices[(prices["status"] == "override").to_numpy()].assign(at=lambda rows: rows.index)
        said = self.price_overrides
        said = said[(said["valid_from"] <= when) & (said["valid_to"] >= when)]
        both = decided[["instrument", "at"]].merge(said, on="instrument")
        if both.empty:
            return
        # The latest decision is the one in force.
        both = both.sort_values(["known_at", "recorded_at", "delivery", "line"]).drop_duplicates("at", keep="last")
        until = both["valid_to"].dt.strftime("%Y-%m-%d")
        tree.add(
            parent[both["at"].to_numpy(np.int64)],
            "overridden by " + both["entered_by"] + ", approved by " + both["approved_by"] + ", until " + until,
            both["price"],
            part=False,
            currency=both["currency"],
            how=both["reason"],
            source="price_overrides",
            file=both["file"],
            line=both["line"],
        )

    def show_rates(self, tree: Tree, parent: Ints, currencies: Any, session: pd.Timestamp | None = None) -> None:
        """Add to each of ``parent`` the rate of its currency into the book's, with the delivered rates it is made of.

        Nothing is added where the currency is the book's own.
        """
        when = self.session if session is None else session
        names = np.asarray(currencies, object)
        foreign = names != self.base
        if not foreign.any():
            return
        rate = self.rates(names[foreign], when)
        nodes = tree.add(
            parent[foreign],
            "rate " + names[foreign] + "/" + self.base + f" on {when:%Y-%m-%d}",
            rate,
            part=False,
            how=f"{self.base} for one unit",
            source="fx_rates",
            version=self.version("fx_rates"),
        )
        legs = self._legs(when)
        code = pd.Series(names[foreign], dtype="str")
        both = pd.DataFrame({"currency": code, "node": nodes}).merge(legs, on="currency")
        if len(both):
            tree.add(
                both["node"].to_numpy(np.int64),
                both["pair"],
                both["rate"],
                part=False,
                how=both["how"],
                source="fx_rates",
                file=both["file"],
                line=both["line"],
                version=self.version("fx_rates"),
            )

    def _legs(self, when: pd.Timestamp) -> pd.DataFrame:
        """Delivered rates that the rate of each currency into the book's is made of: the pair, or those of a cross."""
        golden = self.rows("fx_rates", when)
        rows = golden.assign(pair=golden["base"] + "/" + golden["quote"])
        facts = self.raw_fx_rates
        facts = facts[(facts["business_date"] <= when).to_numpy()]
        newest = facts.sort_values(["business_date", "known_at", "delivery"]).drop_duplicates(
            ["base", "quote", "source"], keep="last"
        )
        rows = rows.merge(
            newest[["base", "quote", "source", "file", "line"]], on=["base", "quote", "source"], how="left"
        )
        rows = rows.assign(file=rows["file"].fillna(""), line=rows["line"].fillna(0).astype("int64"))
        rows["how"] = rows["status"] + ", source " + rows["source"] + _after(rows["reason"])
        ways = [set(pair) for pair in zip(rows["base"], rows["quote"], strict=True)]
        found = []
        for currency in sorted({*rows["base"], *rows["quote"]} - {self.base}):
            wanted = float(self.rates([currency], when)[0])
            at = _way(ways, rows, currency, self.base, wanted)
            found.append(rows.iloc[at].assign(currency=currency))
        columns = ["currency", "pair", "rate", "how", "file", "line"]
        return pd.concat(found)[columns] if found else pd.DataFrame(columns=columns)


def _index(ids: "pd.Series[str]") -> "pd.Index[Any]":
    found: pd.Index[Any] = pd.Index(ids)
    return found


def _way(ways: Sequence[set[str]], rows: pd.DataFrame, one: str, other: str, wanted: float) -> list[int]:
    """Positions of the golden rates that ``wanted`` is made of: of the pair, or of the two of a cross that gives it."""
    direct = [at for at, pair in enumerate(ways) if pair == {one, other}]
    if direct:
        given = [at for at in direct if np.isclose(_turned(rows, at, one), wanted, rtol=1e-12, atol=0.0)]
        if given:
            return given[:1]
    for first, pair in enumerate(ways):
        third = pair - {one}
        if one not in pair or other in pair:
            continue
        for second in (at for at, each in enumerate(ways) if each == third | {other}):
            through = _turned(rows, first, one) * _turned(rows, second, next(iter(third)))
            if np.isclose(through, wanted, rtol=1e-12, atol=0.0):
                return [first, second]
    return direct[:1]


def _turned(rows: pd.DataFrame, at: int, base: str) -> float:
    rate = float(rows["rate"].iloc[at])
    return rate if rows["base"].iloc[at] == base else 1.0 / rate


def _after(reason: "pd.Series[str]") -> "pd.Series[str]":
    return (": " + reason).where(reason != "", "")


def number(values: Any) -> "pd.Series[str]":
    """Quantities and prices as people read them."""
    return pd.Series(values).reset_index(drop=True).map(_plain).astype("str")


def _plain(value: Any) -> str:
    if value is None or value != value:
        return ""
    return f"{float(value):,.10g}"


def iso(dates: Any) -> "pd.Series[str]":
    """Dates as text, "" where there is none."""
    return pd.Series(pd.DatetimeIndex(dates).strftime("%Y-%m-%d")).fillna("").astype("str")


def _transaction(rows: pd.DataFrame) -> "pd.Series[str]":
    amount, price = number(rows["quantity"]), number(rows["price"])
    what = rows["instrument"].where(rows["instrument"] != "", rows["currency"])
    price = (" at " + price).where(price != "", "")
    corrects = (", which corrects " + rows["corrects"]).where(rows["corrects"] != "", "")
    done = rows["kind"] + " " + amount + " " + what + price + " on " + iso(rows["trade_date"])
    done += (", booked on " + iso(rows["booked_on"])).where(rows["booked_on"].notna().to_numpy(), "")
    return done + ", " + rows["transaction_id"] + corrects


def _action(rows: pd.DataFrame) -> "pd.Series[str]":
    given, amount = number(rows["numerator"]), number(rows["amount"])
    ratio = (" " + given + " for " + number(rows["denominator"])).where(given != "", "")
    money = (" of " + amount + " " + rows["currency"]).where(amount != "", "")
    return (
        rows["kind"]
        + " of "
        + rows["instrument"]
        + ratio
        + money
        + " ex "
        + iso(rows["ex_date"])
        + ", "
        + rows["action_id"]
    )
