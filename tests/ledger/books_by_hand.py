"""A small firm written down by hand or simulated: what the ledger would say, for tests of what is built on it."""

from dataclasses import dataclass

import pandas as pd

from daybook.ledger import pnl, valuation
from tests.frames import frame, sessions

ACTIVITY = (
    "business_date book instrument currency traded_quantity consideration fees income external transferred_quantity"
    " variation notional"
)
ENTITLED = (
    "business_date book instrument action_id kind choice gross_amount net_amount new_instrument new_quantity"
    " given_quantity"
)
FAILURE = {"book": "str", "business_date": "datetime64[us]", "reason": "str"}


def activity(*rows: dict) -> pd.DataFrame:
    """Rows of activity; amounts left out are 0."""
    names = ACTIVITY.split()
    built = pd.DataFrame([{name: row.get(name, 0.0) for name in names} for row in rows], columns=names)
    texts = dict.fromkeys(["book", "instrument", "currency"], "str")
    numbers = dict.fromkeys(names[4:], "float64")
    return built.astype(texts | numbers | {"business_date": "datetime64[us]"})


@dataclass
class Firm:
    """Facts and ledger tables; ``through`` values them."""

    days: pd.DatetimeIndex
    books: pd.DataFrame
    instruments: pd.DataFrame
    prices: pd.DataFrame
    rates: pd.DataFrame
    positions: pd.DataFrame
    cash: pd.DataFrame
    activity: pd.DataFrame
    failures: pd.DataFrame
    entitlements: pd.DataFrame

    def valuations(self, days=None) -> pd.DataFrame:
        days = self.days if days is None else days
        return valuation.valuations(
            self.positions, self.cash, self.prices, self.rates, self.books, self.instruments, days
        )

    def nav(self, days=None) -> pd.DataFrame:
        days = self.days if days is None else days
        return valuation.nav(
            self.valuations(days), self.cash, self.activity, self.failures, self.prices, self.rates, self.books,
            self.instruments, days,
        )  # fmt: skip

    def pnl(self, days=None) -> pd.DataFrame:
        """P&L of ``days`` from valuations of all sessions of the firm."""
        return pnl.pnl(
            self.valuations(), self.activity, self.entitlements, self.prices, self.rates, self.books, self.instruments,
            self.nav(), self.days if days is None else days,
        )  # fmt: skip


def firm(
    *, prices=(), rates=(), positions=(), cash=(), acts=(), entitled=(), books=(("P", "USD", "XNYS"),), failures=()
) -> Firm:
    """A firm with a US share A, a London share L, a bond B and a future F; C and N are what actions deliver.

    Prices: (date, instrument, close, currency). Rates: (date, base, quote, rate). Positions: (date, book, instrument,
    quantity). Cash: (date, book, currency, balance, accrued). Entitled: (date, book, instrument, action_id, kind,
    choice, gross_amount, net_amount, new_instrument, new_quantity, given_quantity).
    """
    listed = frame(
        "instruments",
        "instrument asset_class currency exchange multiplier",
        ("A", "equity", "USD", "XNYS", 1.0),
        ("L", "equity", "GBP", "XLON", 1.0),
        ("M", "equity", "USD", "XNYS", 10.0),
        ("B", "bond", "USD", "XNYS", 1.0),
        ("F", "future", "USD", "XNYS", 50.0),
        ("C", "equity", "USD", "XNYS", 1.0),
        ("N", "equity", "GBP", "XLON", 1.0),
    )
    table = {
        "prices": frame("prices", "business_date instrument close currency status", *[(*p, "ok") for p in prices]),
        "rates": frame("fx_rates", "business_date base quote rate status", *[(*r, "ok") for r in rates]),
        "positions": frame("positions", "business_date book instrument quantity", *positions),
        "entitlements": frame("entitlements", ENTITLED, *entitled),
        "cash": frame("cash", "business_date book currency balance accrued", *cash),
    }
    named = [row[0] for row in (*positions, *cash)] + [act["business_date"] for act in acts]
    days = pd.DatetimeIndex(sorted({pd.Timestamp(date) for date in named}))
    known = frame("books", "book base_currency calendar", *books)
    barred = pd.DataFrame(list(failures), columns=list(FAILURE)).astype(FAILURE)
    return Firm(
        sessions(*days), known, listed, table["prices"], table["rates"], table["positions"], table["cash"],
        activity(*acts), barred, table["entitlements"],
    )  # fmt: skip
