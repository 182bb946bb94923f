"""Deliveries by hand, as the register, the facts and the quarantine would hold them."""

from dataclasses import dataclass, field

import pandas as pd

from daybook import tables
from daybook.market import feeds
from tests.frames import frame, sessions

# New York trades on all three; the third is Culture Day, on which Tokyo is closed.
D0, D1, D2 = "2023-11-01", "2023-11-02", "2023-11-03"
INSTRUMENTS = frame("instruments", "instrument exchange", ("A", "XNYS"), ("B", "XNYS"), ("J", "XTKS"), ("K", "XTKS"))
BOOKS = frame("books", "book calendar", ("NY", "XNYS"), ("TK", "XTKS"))
NEW_YORK = BOOKS[BOOKS["book"] == "NY"]


@dataclass
class Post:
    """Deliveries as the register and the facts would hold them."""

    register: list = field(default_factory=list)
    facts: dict = field(default_factory=lambda: {name: [] for name in feeds.ITEMS})
    waiting: list = field(default_factory=list)

    def file(self, feed, date, source="", rows=(), outcome="", quarantined=0, header="", original=None, reason=""):
        """A file of ``feed`` with the name's date; ``rows`` are (business_date, item) for the feeds of ITEMS."""
        seq = len(self.register) + 1
        dates = [pd.Timestamp(day) for day, *_ in rows] if feed in self.facts else [pd.Timestamp(date)] * len(rows)
        name = f"{feed}_{date}{'_' * bool(source)}{source}.csv" if date else source
        self.register.append(
            {
                "seq": seq, "file": name, "table_name": tables.FILES.get(feed, ""), "delivered": pd.Timestamp(date),
                "suffix": source, "kind": "retry" if original else "file",
                "outcome": outcome or ("partial" if quarantined else "complete"), "rows": len(rows),
                "affects_from": min(dates, default=pd.NaT), "original": original, "reason": reason, "header": header,
            }
        )  # fmt: skip
        if feed in self.facts:
            self.facts[feed] += [(day, item, seq) for day, item in rows]
        self.waiting += [(seq, line + 2, pd.NaT) for line in range(quarantined)]
        return seq

    def outcomes(self, *days, held=(), declared=(), books=NEW_YORK):
        """Table feed_outcomes, a dict of its row for each (date, feed, source)."""
        table = self.table(*days, held=held, declared=declared, books=books)
        keys = zip(table["business_date"].dt.strftime("%Y-%m-%d"), table["feed"], table["source"], strict=True)
        return dict(zip(keys, table.to_dict("records"), strict=True))

    def table(self, *days, held=(), declared=(), books=NEW_YORK):
        arrived = {}
        for feed, rows in self.facts.items():
            item = "base" if feeds.ITEMS[feed] == "pair" else feeds.ITEMS[feed]
            built = frame(tables.FILES[feed], f"business_date {item} delivery", *rows)
            if item == "base" and rows:
                built = built.assign(base=built["base"].str[:3], quote=built["base"].str[3:])
            arrived[feed] = built
        return feeds.outcomes(
            deliveries(self.register),
            self.quarantine(),
            arrived,
            frame("expected_feeds", "feed source valid_from valid_to calendar", *declared),
            INSTRUMENTS,
            books,
            frame("positions", "business_date book instrument", *held),
            sessions(*days),
        )  # fmt: skip

    def quarantine(self):
        found = pd.DataFrame(self.waiting, columns=["delivery", "line", "business_date"])
        return found.astype({"business_date": "datetime64[us]"})


def deliveries(rows):
    columns = [
        "seq",
        "file",
        "table_name",
        "delivered",
        "suffix",
        "kind",
        "outcome",
        "rows",
        "affects_from",
        "original",
    ]
    found = pd.DataFrame(rows, columns=[*columns, "reason", "header"])
    dates = dict.fromkeys(["delivered", "affects_from"], "datetime64[us]")
    texts = dict.fromkeys(["file", "table_name", "suffix", "kind", "outcome", "reason", "header"], "str")
    return found.astype({**dates, **texts, "original": "Int64", "seq": "int64", "rows": "int64"})


def on(day, *items):
    return [(day, item) for item in items]
