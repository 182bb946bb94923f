"""The pages of the pack, on a made-up firm whose figures tie, and on everything that can be missing or hostile."""

import dataclasses
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from daybook import tables
from daybook.pack import charts, figures, page
from daybook.pack.bridge import bridges
from daybook.pack.day import PNL_COLUMNS, Day
from daybook.pack.performance import benchmark_line
from daybook.pack.verdict import verdicts

D = pd.Timestamp("2022-12-27")
FIRM_SECTIONS = (
    "close nav breaks overrides waivers performance ratios attribution var components backtest stress factors liquidity"
    " exposures limits compliance orders quality timeline versions"
).split()
BOOK_SECTIONS = (
    "close nav holdings breaks overrides waivers performance ratios contributions attribution sources active_risk"
).split() + FIRM_SECTIONS[8:]
BOOKS = {"growth": "USD", "longshort": "USD", "lowvol": "USD", "multi": "EUR"}
SECTORS = ["Technology", "Health Care", "Energy", "Consumer Staples", "Financials", ""]
NAMES = {
    "AAPL": "Apple Inc.", "AMD": "Advanced Micro Devices", "BAC": "Bank of America", "BBY": "Best Buy",
    "CVX": "Chevron", "GE": "General Electric", "HD": "Home Depot", "JNJ": "Johnson & Johnson", "JPM": "JPMorgan Chase",
    "KO": "Coca-Cola", "LLY": "Eli Lilly", "MRK": "Merck & Co.", "MSFT": "Microsoft", "PEP": "PepsiCo",
    "PFE": "Pfizer", "PG": "Procter & Gamble", "RRC": "Range Resources", "UNH": "UnitedHealth", "WMT": "Walmart",
    "XOM": "Exxon Mobil",
}  # fmt: skip


def rows(table: str, /, **columns: object) -> pd.DataFrame:
    """A frame of ``table``: what is not given is missing in its type."""
    size = max(len(v) for v in columns.values() if isinstance(v, list | np.ndarray | pd.Index | pd.Series))
    blank = tables.empty(table).reindex(range(size))
    given = {
        column.name: columns.get(column.name, "" if column.type == "text" else 0 if column.type == "int" else None)
        for column in tables.TABLES[table].columns
    }
    return pd.DataFrame(
        {
            c: pd.Series(v if not np.isscalar(v) else [v] * size, index=range(size)) if v is not None else blank[c]
            for c, v in given.items()
        }
    ).astype({c.name: tables.PANDAS[c.type] for c in tables.TABLES[table].columns if c.type != "bool"})


def made_up(sessions: int = 560) -> Day:
    """A firm of four books; opening + flows + P&L = closing in each, to the millionth."""
    rng = np.random.default_rng(7)
    dates = pd.bdate_range(end=D, periods=sessions).as_unit("us")
    codes = list(NAMES)
    history: dict[str, list[pd.DataFrame]] = {k: [] for k in ("nav", "performance", "var", "pnl")}
    pnl, val, pos = [], [], []
    attribution, exposures, comps, var_d = [], [], [], []
    for n, (book, currency) in enumerate(BOOKS.items()):
        market = rng.standard_t(4, sessions) * 0.006 + 0.0003
        returns = market * (0.6 + 0.2 * n) + rng.normal(0, 0.002, sessions)
        flows = np.zeros(sessions)
        flows[[0, sessions // 2]] = [4e7 + 1e7 * n, -3e6]
        navs = np.empty(sessions)
        level = 0.0
        for t in range(sessions):
            level = level + flows[t] + (level + max(flows[t], 0)) * returns[t]
            navs[t] = round(level, 6)
        total = np.round(np.diff(navs, prepend=0.0) - flows, 6)
        clean = total * 0.97
        history["nav"].append(
            rows("nav", business_date=dates, book=book, nav=navs, flows=flows, status="ok", base_currency=currency)
        )
        benchmark = market.copy()
        if book == "multi":
            benchmark[: sessions // 3] = np.nan
        if book == "longshort":
            benchmark[:] = np.nan
        history["performance"].append(
            rows(
                "performance",
                business_date=dates,
                book=book,
                daily_return=returns,
                gross_return=returns,
                benchmark_return=benchmark,
                active_return=returns - benchmark,
                flows=flows,
                denominator=navs,
                cumulative_return=np.cumprod(1 + returns) - 1,
                status="ok",
            )
        )
        window = pd.Series(total).rolling(100, min_periods=20).std().to_numpy()
        for c, k in ((0.95, 1.6), (0.99, 2.6)):
            history["var"].append(
                rows(
                    "var",
                    business_date=dates,
                    book=book,
                    method="historical",
                    confidence=[c] * sessions,
                    horizon_days=1,
                    var=window * k,
                    es=window * k * 1.2,
                    nav_fraction=window * k / navs,
                    scenarios=500,
                    coverage=1.0,
                    convention="500 scenarios, k = 5, one session, equal weights",
                    status="ok",
                )
            )
        parts = np.column_stack([clean * 0.9, clean * 0.06, clean * 0.04, total - clean, 0 * total])
        history["pnl"].append(
            pd.DataFrame(
                {
                    "business_date": dates,
                    "book": book,
                    **dict(zip(PNL_COLUMNS[2:7], parts.T, strict=True)),
                    "total": total,
                }
            )
        )
        # The rows of D: positions whose P&L sums to the change of NAV, the remainder in cash.
        held = codes if book != "lowvol" else codes[:9]
        side = np.where(np.arange(len(held)) % 4 == 3, -1.0, 1.0) if book == "longshort" else np.ones(len(held))
        weights = side * rng.dirichlet(np.ones(len(held))) * 0.95
        values = np.round(weights * navs[-1], 6)
        gains = np.round(rng.normal(0, 0.008, len(held)) * values, 6)
        cash = f"CASH:{currency}"
        price = np.round(rng.uniform(20, 400, len(held)), 2)
        cash_value = round(navs[-1] - values.sum(), 6)
        names = [*held, cash]
        mv = np.append(values, cash_value)
        val.append(
            rows(
                "valuations",
                business_date=D,
                book=book,
                instrument=names,
                quantity=np.append(np.round(values / price), cash_value),
                price=np.append(price, 1.0),
                currency=["USD"] * len(held) + [currency],
                fx_rate=1.0,
                market_value=mv,
                market_value_base=mv,
                exposure_base=mv,
                weight=mv / navs[-1],
                price_source="sample",
                status=["stale" if i == "RRC" else "ok" for i in names],
                reason=["last price of 2022-12-23" if i == "RRC" else "" for i in names],
            )
        )
        pos.append(
            rows(
                "positions",
                business_date=D,
                book=book,
                instrument=held,
                quantity=np.round(values / price),
                unrealised_base=gains * 9,
                currency="USD",
            )
        )
        micro = np.rint(np.array([navs[-1], navs[-2], flows[-1]]) * 1e6)
        change = (micro[0] - micro[1] - micro[2]) / 1e6
        fee = -round(navs[-1] * 0.00002, 6)
        rest = round(change - round(gains.sum(), 6) - fee, 6)
        split = np.round(np.append(gains, rest), 6)
        pnl.append(
            rows(
                "pnl",
                business_date=D,
                book=book,
                instrument=names,
                price_pnl=np.append(np.round(gains * 0.8, 6), 0.0),
                fx_pnl=np.append(0 * gains, rest),
                income=np.append(np.round(gains - np.round(gains * 0.8, 6), 6), 0.0),
                trading_pnl=0.0,
                fees=np.append(0 * gains, fee),
                total=split + np.append(0 * gains, fee),
            )
        )
        sectors = [SECTORS[i % 6] or "Unclassified" for i in range(len(held))]
        frame = (
            pd.DataFrame({"bucket": sectors, "mv": values})
            .groupby("bucket")["mv"]
            .agg(long=lambda v: v[v > 0].sum(), short=lambda v: v[v < 0].sum())
            .reset_index()
        )
        for dimension, part in (
            ("sector", frame),
            (
                "instrument",
                pd.DataFrame({"bucket": held, "long": np.maximum(values, 0), "short": np.minimum(values, 0)}),
            ),
            (
                "currency",
                pd.DataFrame({"bucket": ["USD", "EUR"], "long": [navs[-1] * 0.8, navs[-1] * 0.2], "short": [0.0, 0.0]}),
            ),
        ):
            gross, net = part["long"] - part["short"], part["long"] + part["short"]
            exposures.append(
                rows(
                    "exposures",
                    business_date=D,
                    book=book,
                    dimension=dimension,
                    bucket=part["bucket"].tolist(),
                    long=part["long"],
                    short=part["short"],
                    gross=gross,
                    net=net,
                    gross_fraction=gross / navs[-1],
                    net_fraction=net / navs[-1],
                )
            )
        if book != "longshort":
            active = returns[-1] - benchmark[-1]
            effects = rng.normal(0, 0.0008, (5, 4))
            effects[-1, -1] += active - effects.sum()
            attribution.append(
                rows(
                    "attribution",
                    business_date=D,
                    book=book,
                    method="brinson_fachler",
                    segment=[*sorted(set(sectors))[:4], "Cash"],
                    portfolio_weight=np.full(5, 0.2),
                    benchmark_weight=[0.25, 0.25, 0.25, 0.25, 0.0],
                    portfolio_return=rng.normal(0, 0.01, 5),
                    benchmark_return=[0.01, -0.004, 0.002, 0.0, np.nan],
                    allocation=effects[:, 0],
                    selection=effects[:, 1],
                    interaction=effects[:, 2],
                    currency_effect=0.0,
                    trading=effects[:, 3],
                    total=effects.sum(axis=1),
                )
            )
        var_d.append(float(window[-1] * 2.6))
        share = rng.normal(1, 1.2, len(names))
        component = share / share.sum() * var_d[-1]
        comps.append(
            rows(
                "var_components",
                business_date=D,
                book=book,
                instrument=names,
                method="historical",
                confidence=0.99,
                horizon_days=1,
                marginal=component / mv,
                component=component,
                incremental=component * 0.9,
            )
        )
    past = {name: pd.concat(frames, ignore_index=True) for name, frames in history.items()}
    last = {name: frame[frame["business_date"] == D] for name, frame in past.items()}
    names = list(BOOKS)
    stress = rows(
        "stress",
        business_date=D,
        book=np.repeat(names, 2),
        scenario=["Covid fall 2020-02-19 to 2020-03-23", "Equities −20 %, foreign currencies −10 %"] * 4,
        pnl=np.linspace(-2e7, -3e6, 8),
        pnl_fraction=np.linspace(-0.34, -0.05, 8),
        coverage=1.0,
    )
    day_tables = {
        "nav": last["nav"].assign(market_value=last["nav"]["nav"] * 0.95, cash=last["nav"]["nav"] * 0.05, accruals=0.0),
        "pnl": pd.concat(pnl, ignore_index=True),
        "valuations": pd.concat(val, ignore_index=True),
        "positions": pd.concat(pos, ignore_index=True),
        "performance": last["performance"],
        "var": last["var"],
        "attribution": pd.concat(attribution, ignore_index=True),
        "exposures": pd.concat(exposures, ignore_index=True),
        "var_components": pd.concat(comps, ignore_index=True),
        "var_backtest": rows(
            "var_backtest",
            business_date=D,
            book=np.repeat(names, 2),
            method="historical",
            confidence=0.99,
            horizon_days=1,
            pnl_basis=["clean", "actual"] * 4,
            observations=250,
            exceptions=[2, 2, 4, 5, 1, 1, 11, 10],
            kupiec_lr=np.linspace(0, 9, 8),
            kupiec_p=np.linspace(0.9, 0.002, 8),
            christoffersen_lr=0.03,
            christoffersen_p=0.86,
            zone=["green", "green", "green", "yellow", "green", "green", "red", "red"],
            status="ok",
        ),
        "stress": stress,
        "prices": rows(
            "prices",
            business_date=D,
            instrument=[*codes, "SPARE"],
            close=101.5,
            currency="USD",
            source="sample",
            status=["stale" if i in ("RRC", "SPARE") else "ok" for i in [*codes, "SPARE"]],
            price_basis="adjusted",
            reason=["no price delivered for this session" if i == "RRC" else "" for i in [*codes, "SPARE"]],
        ),
        "feed_outcomes": rows(
            "feed_outcomes",
            business_date=D,
            feed=["custodian_cash", "fx_rates", "prices", "prices", "transactions"],
            source=["cust", "ecb", "sample", "backup", "desk"],
            calendar=["XNYS", "XNYS", "XNYS", "XNYS", ""],
            outcome=["partial", "missing", "complete", "failed", "complete"],
            rows=[3, 0, 26, 0, 12],
            expected_rows=[4, 4, 26, 20, 0],
            coverage=[0.75, 0.0, 1.0, 0.0, np.nan],
            absent=[1, 4, 0, 0, 0],
            file=["custodian_cash.csv", "", "prices_sample.csv", "prices_backup.csv", "transactions_desk.csv"],
            reason=["1 of 4 expected did not come: multi", "nothing came", "", "prices_backup.csv: binary", ""],
        ),
        "reconciliation_breaks": rows(
            "reconciliation_breaks",
            business_date=D,
            book=["growth", "multi", "multi"],
            instrument=["AAPL", "JNJ", ""],
            kind=["position", "price", "cash"],
            currency=["USD", "USD", "EUR"],
            break_id=["b1", "b2", "b3"],
            ours=[1200.0, 177.66, 1043210.55],
            theirs=[1100.0, 177.6, 1043410.55],
            difference=[-100.0, -0.06, 200.0],
            impact_base=[-13002.0, -410.0, 200.0],
            impact_bp=[-2.44, -0.05, 0.03],
            cause=["trade not settled at the custodian", "other price source", "interest not booked"],
            status="open",
            opened_on=pd.Timestamp("2022-12-21"),
        ),
        "limit_usage": rows(
            "limit_usage",
            business_date=D,
            book=np.repeat(names, 3),
            limit=["single name", "VaR 99", "gross"] * 4,
            dimension=["instrument", "", ""] * 4,
            bucket=["AAPL", "", ""] * 4,
            measure=["long", "var", "gross"] * 4,
            basis=["nav", "money", "nav"] * 4,
            value=[0.11, 812000.0, 0.95] * 4,
            threshold=[0.10, 1e6, 2.0] * 4,
            utilisation=[1.1, 0.812, 0.475] * 4,
            status=["breach", "warning", "pass"] * 4,
        ),
        "compliance_results": rows(
            "compliance_results",
            business_date=D,
            book=np.repeat(names, 3),
            rule=["no tobacco", "sector at most 40 %", "issuer at most 10 %"] * 4,
            bucket=["Tobacco", "Technology", "Apple"] * 4,
            status=["pass", "pass", "pass"] * 3 + ["pass", "warning", "breach"],
            value=[0.0, 0.31, 0.07] * 3 + [0.0, 0.385, 0.109],
            threshold=[0.0, 0.4, 0.1] * 4,
            denominator=5e7,
            cause=[""] * 11 + ["passive"],
        ),
        "targets": rows(
            "targets",
            business_date=D,
            book=["growth"] * 3,
            instrument=["AAPL", "MSFT", "KO"],
            target_weight=[0.09, 0.08, 0.05],
            policy="benchmark_tracking",
        ),
        "proposed_orders": rows(
            "proposed_orders",
            business_date=D,
            book=["growth"] * 3 + ["multi"],
            instrument=["AAPL", "MSFT", "KO", "PG"],
            side=["sell", "buy", "buy", "sell_short"],
            quantity=[1200.0, 350.0, 90.0, 14.0],
            reference_price=[130.03, 236.96, 63.77, 152.5],
            reason="target less position",
        ),
        "findings": rows(
            "findings",
            business_date=D,
            check=["stale_price", "price_spike", "fx_stale"],
            book=["growth", "multi", ""],
            instrument=["RRC", "AMD", ""],
            severity=["warning", "warning", "info"],
            reason=[
                "Last price of 2022-12-23.",
                "Moved 6.1 of its own standard deviations.",
                "GBP/USD is of 2022-12-23.",
            ],
            impact_base=[1200.0, np.nan, np.nan],
            impact_bp=[0.2, np.nan, np.nan],
            status="open",
        ),
    }
    previous = past["nav"][past["nav"]["business_date"] == dates[-2]]
    return Day(
        business_date=D,
        status=dict.fromkeys(BOOKS, "candidate"),
        run_id="8f2c1b6e",
        tables=day_tables,
        history=past,
        previous_nav=previous,
        quarantine=rows(
            "quarantine",
            file=["prices_2022-12-27_backup.csv"],
            line=[17],
            column="close",
            value="12,3O",
            reason="not a number",
            status="open",
            table_name="raw_prices",
        ),
        versions={name: (40 + n, f"{n:064x}") for n, name in enumerate(day_tables)},
        orders=rows(
            "orders",
            order_id=["o-1", "o-2"],
            business_date=pd.Timestamp("2022-12-23"),
            book="growth",
            instrument=["JPM", "XOM"],
            side=["buy", "sell"],
            quantity=[100.0, 40.0],
            filled=[60.0, 0.0],
            status=["partially_filled", "approved"],
        ),
        books=rows(
            "books",
            book=names,
            name=["Growth", "Global Long/Short", "Low Volatility", "Multi-Strategy Europe"],
            base_currency=list(BOOKS.values()),
            benchmark=["us_equal", "", "us_equal", "us_equal"],
        ),
        instruments=rows("instruments", instrument=codes, name=list(NAMES.values()), currency="USD", multiplier=1.0),
        limits=rows(
            "limits",
            limit=["single name", "VaR 99", "gross"],
            measure=["long", "var", "gross"],
            basis=["nav", "money", "nav"],
            owner=["PM", "CRO", "CRO"],
        ),
        rules=rows(
            "rules",
            rule=["no tobacco", "sector at most 40 %", "issuer at most 10 %"],
            kind=["prohibited", "max_weight", "max_weight"],
            basis="nav",
        ),
        reconciled=frozenset(["growth", "lowvol", "multi"]),
    )


class Reading(HTMLParser):
    """A page as a reader gets it: the tags, the text of each section, the cells of each table."""

    VOID = frozenset(["meta", "br", "hr", "img", "input", "link"])

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, str] = {}
        self.tables: dict[str, list[list[str]]] = {}
        self.section, self.caption, self.visible = "", "", ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = found["id"] or ""
        elif tag == "caption":
            self.caption = ""
        elif tag == "tr":
            self.tables.setdefault(self.caption, []).append([])
        elif tag in ("td", "th"):
            self.tables[self.caption][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag
        if tag == "section":
            self.section = ""

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.visible += data + " "
        self.sections[self.section] = self.sections.get(self.section, "") + data
        if "caption" in self.open:
            self.caption += data
        if "td" in self.open or "th" in self.open:
            self.tables[self.caption][-1][-1] += data

    @property
    def top(self) -> str:
        """The words of the first screen, spaces made single."""
        return " ".join(self.sections["close"].split())


def read(html: str) -> Reading:
    """The page, after the checks that hold for every page."""
    found = Reading(html)
    assert not found.open
    names = {tag for tag, _ in found.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "audio", "video"}
    assert not re.search(r"https?:|url\(|@import|javascript:", html, re.IGNORECASE)
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in found.tags:
        assert not {"src", "srcset", "xlink:href", "data", "action"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        href = attributes.get("href")
        if href is not None:
            assert href.startswith("./") or href[0] == "#"
            assert href[0] != "#" or href[1:] in ids
        if "aria-labelledby" in attributes:
            assert set((attributes["aria-labelledby"] or "").split()) <= set(ids)
    assert not re.search(r"\b(nan|none|inf|infinity|nat|null)\b", found.visible, re.IGNORECASE), (
        "a missing value is shown"
    )
    return found


def money(text: str) -> int:
    """An amount as whole cents."""
    return round(float(text.replace(",", "").replace(figures.MINUS, "-")) * 100)


def blocking(book: str, **changes: object) -> pd.DataFrame:
    given = {"check": ["missing_price"], "instrument": "AMD", "severity": "blocking", "reason": "AMD was never priced.",
             "impact_base": -65000.4, "impact_bp": -8.9, "status": "open", **changes}  # fmt: skip
    return rows("findings", business_date=D, book=book, **given)


def having(day: Day, **frames: pd.DataFrame) -> Day:
    """``day`` with some of its tables replaced."""
    return dataclasses.replace(day, tables={**day.tables, **frames})


@pytest.fixture(scope="module")
def day() -> Day:
    return made_up(150)


# Many tests read the same pages of the one ``day``: each is made once. A day that is kept here keeps its id.
_PAGES: dict[tuple[int, str], tuple[Day, str]] = {}


def firm_of(day: Day) -> str:
    """The page of the firm."""
    if (id(day), "") not in _PAGES:
        _PAGES[id(day), ""] = day, page.firm(day)
    return _PAGES[id(day), ""][1]


def book_of(day: Day, book: str) -> str:
    """The page of ``book``."""
    if (id(day), book) not in _PAGES:
        _PAGES[id(day), book] = day, page.book(day, book)
    return _PAGES[id(day), book][1]


def nothing(status: dict[str, str]) -> Day:
    return Day(business_date=D, status=status, run_id="", tables={})


def one_book(opening: float | None, closing: float, flows: float, **pnl: float) -> Day:
    """A firm of one book with one row of P&L."""
    nav = rows("nav", business_date=[D], book="a", nav=closing, flows=flows, status="ok", base_currency="USD")
    parts = dict.fromkeys(("price_pnl", "fx_pnl", "income", "trading_pnl", "fees"), 0.0) | pnl
    line = rows("pnl", business_date=[D], book="a", instrument="X", total=sum(parts.values()), **parts)
    before = nav.assign(nav=opening) if opening is not None else tables.empty("nav")
    return Day(D, {"a": "candidate"}, "", {"nav": nav, "pnl": line}, previous_nav=before)


def test_every_page_is_whole_and_fetches_nothing(day: Day) -> None:
    firm = read(firm_of(day))
    assert [key for key in firm.sections if key] == FIRM_SECTIONS
    for book in day.names:
        found = read(book_of(day, book))
        assert [key for key in found.sections if key] == BOOK_SECTIONS


def test_pages_link_to_each_other_and_to_their_sections(day: Day) -> None:
    for html, here in ((firm_of(day), "Firm"), (book_of(day, "multi"), "multi")):
        links = [a["href"] for tag, a in Reading(html).tags if tag == "a"]
        assert {"./index.html", *(f"./{book}.html" for book in BOOKS)} <= set(links)
        assert f'aria-current="page">{here}<' in html
    assert {f"#{key}" for key in BOOK_SECTIONS} <= set(links)


def test_every_chart_has_a_text_alternative(day: Day) -> None:
    for html in (firm_of(day), book_of(day, "growth")):
        found = Reading(html)
        pictures = [a for tag, a in found.tags if tag == "svg" and a.get("class") == "chart"]
        assert len(pictures) >= 8
        assert all(a["role"] == "img" and a["aria-labelledby"] for a in pictures)
        assert sum(tag == "desc" for tag, _ in found.tags) == len(pictures)


def test_a_page_is_the_same_for_the_same_facts(day: Day) -> None:
    assert book_of(day, "growth") == page.book(made_up(150), "growth")


def test_a_day_without_blockers_can_close(day: Day) -> None:
    assert "Can close: 4 of 4 books to sign" in read(firm_of(day)).top
    top = read(book_of(day, "growth")).top
    assert "Can it close? Can close Nothing blocks it" in top
    assert "daybook close 2022-12-27 --book growth" in top


def test_a_blocked_day_says_so_first_with_reason_impact_and_whose_turn(day: Day) -> None:
    blocked = having(day, findings=pd.concat([blocking("multi"), day.rows("findings")]))
    html = page.firm(blocked)
    assert html.index("Cannot close: 1 of 4 books blocked") < html.index('id="nav"')
    top = read(html).top
    assert "Can it close? Cannot close: 1 of 4 books blocked 3 can close." in top
    assert "missing price · AMD AMD was never priced. −65,000 EUR, −8.90 bp of NAV" in top
    assert "Whose turn Market data" in top
    assert top.index("multi Cannot close") < top.index("growth Can close")
    assert "Can it close? Cannot close missing price" in read(page.book(blocked, "multi")).top
    assert "Can it close? Can close" in read(page.book(blocked, "growth")).top


def test_a_finding_about_no_book_blocks_all_and_a_waived_one_none(day: Day) -> None:
    assert {v.state for v in verdicts(having(day, findings=blocking(""))).values()} == {"blocked"}
    waived = verdicts(having(day, findings=blocking("multi", status="waived")))["multi"]
    assert (waived.state, waived.waived) == ("ready", 1)
    assert {v.state for v in verdicts(having(day, findings=blocking("multi", severity="warning"))).values()} == {
        "ready"
    }


def test_a_book_without_nav_or_not_computed_to_the_end_cannot_close(day: Day) -> None:
    nav = day.rows("nav").copy()
    failed = nav.assign(status="failed", nav=np.nan, reason="no FX rate for SEK")
    found = verdicts(having(day, nav=failed))["growth"]
    assert (found.state, found.blockers[0].reason) == ("blocked", "no FX rate for SEK")
    gone = verdicts(having(day, nav=nav[nav["book"] != "growth"]))
    assert (gone["growth"].state, gone["lowvol"].state) == ("blocked", "ready")
    unfinished = verdicts(dataclasses.replace(day, status={**day.status, "growth": "open"}))
    assert (unfinished["growth"].state, unfinished["lowvol"].state) == ("blocked", "ready")
    page_of_failed = read(page.book(having(day, nav=failed), "growth"))
    assert "no FX rate for SEK" in page_of_failed.sections["nav"]
    assert "Does not add up" not in page_of_failed.sections["nav"]


def test_a_signed_book_is_closed_and_says_what_stands_against_it(day: Day) -> None:
    closes = rows("closes", business_date=D, book="growth", version=[1, 2], status="closed", signed_by=["ann", "bob"])
    closed = dataclasses.replace(day, status={**day.status, "growth": "closed"}, closes=closes)
    assert "Signed by bob, version 2" in read(page.book(closed, "growth")).top
    assert "3 can close, 1 is closed." not in read(firm_of(day)).top
    doubted = read(page.book(having(closed, findings=blocking("growth")), "growth")).top
    assert "Closed" in doubted
    assert "This stands against a signed day." in doubted
    everything = dataclasses.replace(day, status=dict.fromkeys(BOOKS, "closed"))
    assert "Closed: 4 of 4 books signed" in read(page.firm(everything)).top


def test_the_bridge_by_hand() -> None:
    day = one_book(1000.0, 1134.5, 100.0, price_pnl=50.0, fx_pnl=-20.25, income=10.0, trading_pnl=-3.0, fees=-2.25)
    found = bridges(day).loc["a"]
    assert found[["opening", "flows", "price_pnl", "fx_pnl", "income", "trading_pnl", "fees"]].tolist() == [
        1000.0, 100.0, 50.0, -20.25, 10.0, -3.0, -2.25,
    ]  # fmt: skip
    assert (found["gap"], found["rounding"], found["closing"]) == (0.0, 0.0, 1134.5)
    for html in (page.firm(day), page.book(day, "a")):
        assert "Adds up to the cent" in read(html).sections["nav"]
    table = read(page.book(day, "a")).tables["Opening to closing NAV"]
    assert table[1:] == [
        ["Opening NAV", "1,000.00", ""], ["Flows", "+100.00", "+1,000.00"], ["Price", "+50.00", "+500.00"],
        ["FX", "−20.25", "−202.50"], ["Income", "+10.00", "+100.00"], ["Trading", "−3.00", "−30.00"],
        ["Fees", "−2.25", "−22.50"], ["Closing NAV", "1,134.50", ""],
    ]  # fmt: skip


def test_gains_are_shown_in_two_ways_for_a_book_and_for_the_firm() -> None:
    gains = {"gains": 459.0, "holding": 375.0, "trading_pnl": 84.0, "realised_market": 355.6, "outside_lots": -1.25}
    line = rows("nav_bridge", business_date=[D], book="a", carry=105.0, fees=-8.4, **gains)
    nav = rows("nav", business_date=[D], book="a", nav=2700.6, flows=0.0, status="ok", base_currency="USD")
    day = Day(D, {"a": "candidate"}, "", {"nav": nav, "nav_bridge": line})
    for html in (page.book(day, "a"), page.firm(day)):
        for figure in ("+459.00", "+375.00", "+84.00", "+355.60", f"{figures.MINUS}1.25", "+105.00"):
            assert figure in html
    bare = Day(D, {"a": "candidate"}, "", {"nav": nav})
    assert "The same gains in two ways" not in page.firm(bare)


def test_a_bridge_that_does_not_add_up_says_by_how_much() -> None:
    day = one_book(1000.0, 1100.0, 0.0, price_pnl=99.0)
    assert bridges(day).at["a", "gap"] == 1.0
    found = read(page.book(day, "a"))
    assert "Does not add up: closing NAV differs from opening + flows + P&L (a +1.00 USD)" in found.sections["nav"]
    assert ["Unexplained", "+1.00", ""] in found.tables["Opening to closing NAV"]


def test_a_first_session_starts_from_nothing() -> None:
    day = one_book(None, 1050.0, 1000.0, price_pnl=50.0)
    assert read(page.book(day, "a")).tables["Opening to closing NAV"][1] == ["Opening NAV (first session)", "0.00", ""]
    assert "Adds up to the cent" in read(page.firm(day)).sections["nav"]


AMOUNTS = st.tuples(st.integers(-(10**15), 10**15), *[st.integers(-(10**12), 10**12)] * 6)
"""Millionths of an opening NAV and of the six steps from it to the closing one."""


@given(st.lists(AMOUNTS, min_size=10, max_size=30))
@settings(max_examples=4)
def test_the_cents_that_are_shown_always_add_up(books: list[tuple[int, ...]]) -> None:
    steps = ("price_pnl", "fx_pnl", "income", "trading_pnl", "fees")
    names = [f"book {i:02d}" for i in range(len(books))]
    opening, flows, *earned = np.array(books).T / 1e6
    closing = np.array([sum(each) for each in books]) / 1e6
    nav = rows("nav", business_date=[D] * len(books), book=names, nav=closing, flows=flows, status="ok")
    pnl = rows(
        "pnl", business_date=[D] * len(books), book=names, instrument="X", **dict(zip(steps, earned, strict=True))
    )
    day = Day(D, dict.fromkeys(names, "candidate"), "", {"nav": nav, "pnl": pnl}, previous_nav=nav.assign(nav=opening))
    found = bridges(day)
    assert list(found.index) == names
    for _, book in found.iterrows():
        shown = [money(figures.money(book[c])) for c in ("opening", "flows", *steps, "rounding")]
        assert sum(shown) == money(figures.money(book["closing"]))
        assert book["gap"] == 0
        assert abs(book["rounding"]) <= 0.04


def test_the_figures_of_the_firm_add_up_across_and_down(day: Day) -> None:
    table = read(firm_of(day)).tables["Opening to closing NAV by book, in base currency"]
    head, body = table[0], table[1:]
    assert [head[2], head[-1]] == ["Opening", "Closing"]
    assert [row[0] for row in body] == [*BOOKS, "Sum", "Sum"]
    cents = {(row[0], row[1]): [money(text) for text in row[2:]] for row in body}
    for amounts in cents.values():
        assert sum(amounts[:-1]) == amounts[-1]
    for currency in ("USD", "EUR"):
        books = [amounts for (book, of), amounts in cents.items() if of == currency and book != "Sum"]
        assert [sum(column) for column in zip(*books, strict=True)] == cents["Sum", currency]


def test_hostile_names_are_text() -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    book = f"a/b {evil}"
    day = one_book(1000.0, 1050.0, 0.0, price_pnl=50.0)
    nav, pnl = (day.tables[name].assign(book=book) for name in ("nav", "pnl"))
    frames = {
        "nav": nav.assign(base_currency=evil),
        "pnl": pnl.assign(instrument=evil),
        "valuations": rows(
            "valuations",
            business_date=[D],
            book=book,
            instrument=evil,
            market_value_base=1050.0,
            currency=evil,
            status=evil,
            reason=evil,
        ),
        "findings": rows(
            "findings",
            business_date=[D],
            check=evil,
            book=book,
            instrument=evil,
            severity="blocking",
            reason=evil,
            status=evil,
        ),
        "reconciliation_breaks": rows(
            "reconciliation_breaks",
            business_date=[D],
            book=book,
            instrument=evil,
            kind=evil,
            currency=evil,
            cause=evil,
            status=evil,
            owner=evil,
        ),
        "limit_usage": rows(
            "limit_usage", business_date=[D], book=book, limit=evil, bucket=evil, status=evil, reason=evil
        ),
        "compliance_results": rows(
            "compliance_results", business_date=[D], book=book, rule=evil, bucket=evil, status=evil
        ),
        "attribution": rows("attribution", business_date=[D], book=book, segment=evil, total=0.01, allocation=0.01),
        "exposures": rows(
            "exposures",
            business_date=[D],
            book=book,
            dimension=["sector"],
            bucket=evil,
            long=1.0,
            short=0.0,
            gross=1.0,
            net=1.0,
            gross_fraction=1.0,
            net_fraction=1.0,
        ),
        "stress": rows("stress", business_date=[D], book=book, scenario=evil, pnl=-1.0, pnl_fraction=-0.1, reason=evil),
        "proposed_orders": rows(
            "proposed_orders", business_date=[D], book=book, instrument=evil, side=evil, reason=evil
        ),
        "var": rows("var", business_date=[D], book=book, method=evil, confidence=0.99, convention=evil, status=evil),
        "prices": rows("prices", business_date=[D], instrument=evil, status=evil, source=evil, reason=evil),
        "feed_outcomes": rows(
            "feed_outcomes",
            business_date=[D],
            feed=evil,
            source=evil,
            calendar=evil,
            outcome=evil,
            file=evil,
            reason=evil,
        ),
    }
    hostile = Day(
        D,
        {book: "candidate"},
        evil,
        frames,
        {"performance": rows("performance", business_date=[D], book=book, cumulative_return=0.1)},
        quarantine=rows("quarantine", file=[evil], line=1, column=evil, value=evil, reason=evil, status=evil),
        versions={evil: (1, evil)},
        orders=rows("orders", order_id=[evil], book=book, instrument=evil, side=evil, status=evil, reason=evil),
        books=rows("books", book=[book], name=evil, benchmark=evil),
        instruments=rows("instruments", instrument=[evil], name="\u202e" + evil + "\x00", currency=evil),
        limits=rows("limits", limit=[evil], measure=evil, basis="nav", owner=evil),
        rules=rows("rules", rule=[evil], kind=evil, basis="nav"),
        overrides=rows("price_overrides", override_id=[evil], instrument=evil, reason=evil, entered_by=evil),
        waivers=rows("waivers", waiver_id=[evil], check=evil, book=book, instrument=evil, reason=evil, entered_by=evil),
        waiver_requests=asked(subject=evil, reason=evil, requested_by=evil),
        waiting=asked(instrument=evil, subject=evil, reason=evil, requested_by=evil),
    )
    for html in (page.firm(hostile), page.book(hostile, book)):
        found = Reading(html)
        assert not {tag for tag, _ in found.tags} & {"script", "img"}
        assert not [a for _, a in found.tags if "onerror" in a or "src" in a]
        assert "\u202e" not in html
        assert "\x00" not in html
        links = [a["href"] for tag, a in found.tags if tag == "a" and (a["href"] or "").endswith(".html")]
        assert {unquote((link or "")[2:]) for link in links} == {"index.html", page.file_name(book)}
    assert "/" not in page.file_name(book)


def asked(**changes: object) -> pd.DataFrame:
    """A request for an override of MSFT."""
    given = {
        "id": 18, "instrument": "MSFT", "subject": "MSFT at 240 USD from 2022-12-27 to 2022-12-30",
        "reason": "no close yet", "requested_by": "cid", "requested_at": pd.Timestamp("2022-12-27T17:55Z"),
    }  # fmt: skip
    return pd.DataFrame([given | changes])


def test_an_override_is_shown_with_its_difference_until_it_ends(day: Day) -> None:
    prices = day.tables["prices"]
    is_apple = prices["instrument"] == "AAPL"
    prices = prices.assign(
        close=prices["close"].mask(is_apple, 120.0),
        market_close=prices["market_close"].mask(is_apple, 150.0),
        status=prices["status"].mask(is_apple, "override"),
    )
    held = day.tables["valuations"]
    value = held.loc[(held["book"] == "growth") & (held["instrument"] == "AAPL"), "market_value_base"].item()
    nav = day.tables["nav"].set_index("book").loc["growth", "nav"]
    terms = {"price": 120.0, "currency": "USD", "valid_from": D, "valid_to": pd.Timestamp("2022-12-30")}
    who = {"reason": "bad print", "entered_by": "ann", "approved_by": "bob"}
    overridden = dataclasses.replace(
        having(day, prices=prices),
        overrides=rows("price_overrides", override_id=["17"], instrument="AAPL", **terms, **who),
        waiting=asked(),
    )
    # The value is 120 a unit; at 150 it would be a quarter more.
    words = [figures.whole_change(-value / 4), figures.bp(-value / 4 / nav * 1e4)]
    words += ["17", "120.00", "150.00", "2022-12-30", "bad print", "ann", "bob"]
    words += ["MSFT at 240 USD from 2022-12-27 to 2022-12-30", "no close yet", "cid"]
    for html in (page.firm(overridden), page.book(overridden, "growth")):
        said = read(html).sections["overrides"]
        assert not [word for word in words if word not in said]
        assert "1 price overridden: NAV is not what the market says." in said
    assert "No price is overridden." in read(firm_of(day)).sections["overrides"]
    without = dataclasses.replace(day, waiting=asked(instrument="WMT"))
    lowvol = read(page.book(without, "lowvol")).sections["overrides"]
    assert "No price of a held instrument is overridden." in lowvol
    assert "WMT" not in lowvol, "it does not hold it"


def test_a_waiver_is_shown_until_it_ends_with_whether_it_holds(day: Day) -> None:
    waived = blocking(
        "growth", status="waived", reason="AMD was never priced.; waived until 2022-12-30 (waiver 17): why"
    )
    terms = {"valid_from": D, "valid_to": pd.Timestamp("2022-12-30"), "entered_by": "ann", "approved_by": "bob"}
    terms |= {"book": ["growth", "growth", "multi"], "check": ["missing_price", "", "feed_failed"]}
    terms |= {"break_id": ["", "b1", ""], "impact_base": [-65000.4, 99.0, np.nan], "reason": "the vendor is asked"}
    told = dataclasses.replace(
        having(day, findings=waived),
        waivers=rows("waivers", waiver_id=["17", "1", "18"], **terms),
        waiver_requests=asked(subject="waiver of fx_stale of growth"),
    )
    said = read(page.firm(told)).sections["waivers"]
    words = [
        "3 waivers in force",
        "17",
        "missing_price",
        "break b1",
        "feed_failed",
        "2022-12-30",
        "ann, bob",
        "−65,000",
    ]
    assert not [word for word in [*words, "waiver of fx_stale of growth", "no close yet", "cid"] if word not in said]
    assert (said.count("holds"), said.count("it is gone, or has grown")) == (2, 2), (
        "17 alone holds; the legend says it too"
    )
    growth = read(page.book(told, "growth")).sections["waivers"]
    assert "2 waivers in force" in growth
    assert "feed_failed" not in growth
    assert "Nothing is waived." in read(firm_of(day)).sections["waivers"]


def test_file_names() -> None:
    assert page.file_name("growth") == "growth.html"
    assert page.file_name("a/b c") == "a%2Fb%20c.html"
    assert page.file_name("index") == "%69ndex.html"
    long, other = page.file_name("基" * 300), page.file_name("基" * 299 + "金")
    assert len(long) == len(other) == 205
    assert long != other
    with pytest.raises(KeyError):
        page.book(nothing({"a": "open"}), "b")


def test_a_firm_without_anything_says_so_in_sentences() -> None:
    found = read(page.firm(nothing({})))
    assert [key for key in found.sections if key] == FIRM_SECTIONS
    assert "no book has a session on this date" in found.top
    said = found.visible
    for sentence in (
        "The firm has declared no limits.",
        "The firm has declared no compliance rules.",
        "No returns have been computed yet.",
        "No orders are proposed for this date.",
        "No table has been stored yet.",
        "No feed was expected for this date, and nothing came.",
    ):
        assert sentence in said
    book = read(page.book(nothing({"a": "candidate"}), "a"))
    assert [key for key in book.sections if key] == BOOK_SECTIONS
    assert "Not compared: no custodian file for this date (a)." in book.sections["breaks"]
    assert "The book has no benchmark" in book.sections["attribution"]
    assert not [tag for tag, a in book.tags if a.get("class") == "chart"]


def test_no_breaks_is_told_from_not_compared(day: Day) -> None:
    clean = having(day, reconciliation_breaks=tables.empty("reconciliation_breaks"))
    assert "Compared with the custodian: no breaks." in read(page.book(clean, "growth")).sections["breaks"]
    assert "no breaks" not in read(page.book(clean, "longshort")).sections["breaks"]


def test_limits_and_rules_that_were_not_evaluated_are_a_failure(day: Day) -> None:
    bare = having(day, limit_usage=tables.empty("limit_usage"), compliance_results=tables.empty("compliance_results"))
    found = read(page.firm(bare))
    assert "that is a failure, not a pass" in found.sections["limits"]
    assert "that is a failure, not a pass" in found.sections["compliance"]
    assert "Cannot be sent" in found.sections["orders"]


def test_a_book_that_its_policy_could_not_serve_is_named(day: Day) -> None:
    failed = having(
        day, portfolio_failures=rows("portfolio_failures", business_date=D, book=["lowvol"], reason="infeasible")
    )
    assert "No proposal for lowvol: infeasible" in read(page.firm(failed)).sections["orders"]
    assert "infeasible" not in read(page.book(failed, "growth")).sections["orders"]


def test_a_level_has_the_unit_that_its_limit_declares(day: Day) -> None:
    table = read(book_of(day, "multi")).tables["Limits, worst first"]
    assert [[*row[:3], row[4]] for row in table[1:]] == [
        ["single name", "long, instrument AAPL", "11.00%", "10.00%"],
        ["VaR 99", "var", "812,000 EUR", "1,000,000 EUR"],
        ["gross", "gross", "95.00%", "200.00%"],
    ]
    firm = read(firm_of(day)).tables["Limits, worst first"]
    assert {row[0]: row[3] for row in firm if row[1] == "VaR 99"}["growth"] == "812,000 USD"


def test_orders_of_a_book_in_breach_cannot_be_sent(day: Day) -> None:
    assert "was not evaluated, for multi." in read(firm_of(day)).sections["orders"]
    assert "approved orders can be sent" in read(book_of(day, "growth")).sections["orders"]


@pytest.mark.parametrize("holes", [(np.nan, np.nan), (np.inf, -np.inf)])
def test_a_missing_number_is_a_dash_with_a_reason(day: Day, holes: tuple[float, float]) -> None:
    def holed(frame: pd.DataFrame) -> pd.DataFrame:
        floats = [c for c in frame.columns if frame[c].dtype == "float64" and c != "confidence"]
        found = frame.assign(**{c: pd.NaT for c in ("opened_on",) if c in frame})
        found[floats] = np.resize(holes, (len(frame), len(floats)))  # in turn, by column and by row
        return found

    broken = dataclasses.replace(
        day,
        tables={name: holed(frame) for name, frame in day.tables.items()},
        history={name: holed(frame) for name, frame in day.history.items()},
        previous_nav=holed(day.previous_nav),
        orders=holed(day.orders),
    )
    for html in (page.firm(broken), *(page.book(broken, book) for book in day.names)):
        found = read(html)
        assert "– in " in found.visible
        assert figures.DASH in found.visible


def test_returns_link_over_the_calendar_and_a_gap_is_not_zero() -> None:
    dates = pd.DatetimeIndex(["2022-11-30", "2022-12-23", "2022-12-27"]).as_unit("us")
    past = rows("performance", business_date=dates, book="a", daily_return=[0.5, 0.1, -0.2],
                benchmark_return=[np.nan, 0.05, 0.1], cumulative_return=[0.5, 0.65, 0.32])  # fmt: skip
    books = rows("books", book=["a"], benchmark="ix")
    found = read(page.book(Day(D, {"a": "candidate"}, "", {}, {"performance": past}, books=books), "a"))
    before = [""] * 10
    assert found.tables["Calendar returns, net, in per cent"][1] == [
        "2022",
        *before,
        "+50.00",
        "−12.00",
        "+32.00",
        "–",
        "–",
    ]
    assert found.tables["Benchmark, in per cent"][1] == ["2022", *before, "–", "+15.50", "–"]
    assert "The benchmark starts at the book's level of 2022-11-30." in found.sections["performance"]


def test_the_benchmark_line_starts_at_the_level_of_the_book_after_a_gap() -> None:
    line, first = benchmark_line(np.array([0.1, 0.21, 0.331]), np.array([np.nan, np.nan, 0.5]))
    assert first == 2
    assert line.tolist() == pytest.approx([np.nan, 0.21, 0.815], nan_ok=True)
    assert benchmark_line(np.array([0.1, 0.2]), np.array([0.1, np.nan]))[1] is None


def test_pnl_is_held_against_the_var_of_the_session_before() -> None:
    dates = pd.DatetimeIndex(["2022-12-22", "2022-12-23", "2022-12-27"]).as_unit("us")
    var = rows("var", business_date=dates, book="a", method="historical", confidence=0.99, horizon_days=1,
               var=[100.0, 300.0, 10.0], status="ok")  # fmt: skip
    pnl = pd.DataFrame({"business_date": dates, "book": "a", "price_pnl": [-999.0, -150.0, -250.0], "fx_pnl": 0.0,
                        "income": 0.0, "trading_pnl": -500.0, "fees": 0.0, "total": -999.0})  # fmt: skip
    day = Day(D, {"a": "candidate"}, "", {"var": var[2:]}, {"var": var, "pnl": pnl})
    told = read(page.book(day, "a")).sections["backtest"]
    # -150 exceeds the 100 of the day before; -250 is within 300, though beyond the 10 of its own day.
    assert "exceptions: 1; 2022-12-23 −150." in told


def test_components_and_effects_that_do_not_add_up_are_told(day: Day) -> None:
    assert "Adds up: components" in read(book_of(day, "growth")).sections["components"]
    assert "Adds up, this date: effects" in read(book_of(day, "growth")).sections["attribution"]
    broken = having(day, var_components=day.rows("var_components").assign(component=1.0),
                    attribution=day.rows("attribution").assign(total=0.001))  # fmt: skip
    found = read(page.book(broken, "growth"))
    assert "Does not add up: components" in found.sections["components"]
    assert "Does not add up, this date: effects" in found.sections["attribution"]


def test_many_rows_are_cut_and_the_sum_is_over_all(day: Day) -> None:
    size = 3000
    many = rows("valuations", business_date=D, book="growth", instrument=[f"I{n:05d}" for n in range(size)],
                market_value_base=np.ones(size), currency="USD", status="ok")  # fmt: skip
    html = page.book(having(day, valuations=many), "growth")
    table = read(html).tables["Positions and cash, largest value first"]
    assert len(table) == 1 + 40 + 1
    assert table[-1][4] == "3,000.00"
    assert "40 of 3,000 rows. All: daybook show valuations" in html


def test_numbers_as_text() -> None:
    assert figures.money(1234567.891) == "1,234,567.89"
    assert figures.money(-0.004) == "0.00"
    assert figures.change(-1234.5) == "−1,234.50"
    assert figures.change(3.0) == "+3.00"
    assert figures.money(float("nan")) == figures.percent(float("inf")) == figures.compact(float("nan")) == "–"
    assert figures.quantity(1200.5) == "1,200.5"
    assert figures.quantity(100.0) == "100"
    assert figures.price(130.0) == "130.00"
    assert figures.price(0.123456) == "0.123456"
    assert figures.percent(0.12345) == "12.35%"
    assert figures.confidence(0.975) == "97.5%"
    assert figures.fraction_bp(-0.0012) == "−12.00"
    assert [figures.compact(v) for v in (0, 999.4, 999.6, 1234, 1.25e6, -2.5e9)] == [
        "0",
        "999",
        "1k",
        "1.23k",
        "1.25m",
        "−2.5bn",
    ]


@given(st.floats(-1e12, 1e12), st.floats(0, 1e12))
@settings(max_examples=100)
def test_ticks_cover_the_range_and_are_round(low: float, width: float) -> None:
    assume(width > 1e-4 * abs(low))
    at = charts.ticks(low, low + width)
    assert at[0] <= low + 1e-6 * abs(low) + 1e-9 * width
    assert at[-1] >= low + width - 1e-6 * abs(low) - 1e-9 * width
    assert 2 <= len(at) <= 9
    step = at[1] - at[0]
    lead = step / 10.0 ** np.floor(np.log10(step) + 1e-9)
    assert min(abs(lead - nice) for nice in (1, 2, 2.5, 5)) < 1e-4


def test_ticks_of_a_range_that_is_none() -> None:
    assert charts.ticks(0.0, 0.0) == [-1.0, -0.5, 0.0, 0.5, 1.0]
    with pytest.raises(ValueError, match="no axis"):
        charts.ticks(0.0, float("nan"))


def test_a_line_breaks_at_a_gap_and_a_long_one_keeps_its_extremes() -> None:
    dates = pd.bdate_range("2020-01-01", periods=5).to_numpy("datetime64[D]")
    svg = charts.line("k", "t", dates, [charts.Line("x", np.array([1.0, 2.0, np.nan, 3.0, 4.0]))], "money")
    drawn = re.search(r'<path class="line c0 main" d="([^"]*)"', svg)
    assert drawn is not None
    assert drawn[1].count("M") == 2
    assert drawn[1].count("l") == 2
    values = np.zeros(20_000)
    values[12_345], values[17_001] = 9.0, -9.0
    keep = charts._thinned(values)
    assert len(keep) < 1500
    assert {12_345, 17_001, 0, 19_999} <= set(keep.tolist())


def test_a_waterfall_ends_where_its_steps_lead() -> None:
    svg = charts.waterfall("k", "t", [("Flows", 100.0), ("Price", -40.0), ("FX", 0.0)], "USD")
    assert "In USD. Flows +100.00; Price −40.00; FX 0.00; Change +60.00." in svg
    assert svg.count('<rect class="down"') == 1
    assert charts.waterfall("k", "t", [("Flows", 0.0)], "USD").count("<rect") == 2


def test_bars_stack_away_from_zero_on_both_sides() -> None:
    svg = charts.bars("k", "t", ["a"], {"p": np.array([2.0]), "q": np.array([-1.0]), "r": np.array([1.0])}, "bp")
    spans = {
        css: (float(x), float(x) + float(width))
        for css, x, width in re.findall(r'<rect class="(c\d)" x="([\d.]+)" y="28.0" width="([\d.]+)" height="13"', svg)
    }
    assert spans["c1"][1] == pytest.approx(spans["c0"][0], abs=0.11)
    assert spans["c0"][1] == pytest.approx(spans["c2"][0], abs=0.11)
    assert "a +2.0." in svg


def test_series_are_shown_only_where_a_licence_lets_the_house_and_while_they_live(day: Day) -> None:
    known = rows(
        "alternative_data",
        instrument=["", "", "", "AAPL"],
        series=["brent", "vix", "ended", "score"],
        observed_on=pd.Timestamp("2022-12-23"),
        usable_from=pd.Timestamp("2022-12-27"),
        value=[83.125, 24.757575, 66.565656, 0.626262],
        licence=["public domain", "internal", "public domain", ""],
    )
    ended = rows("findings", business_date=[D], check="series_ended", instrument="ended", severity="info")
    html = page.firm(dataclasses.replace(having(day, findings=ended), series=known))
    assert "series" in read(html).sections
    assert "83.125" in html
    assert [value for value in ("24.757575", "66.565656", "0.626262") if value in html] == []
    assert "no licence lets the house publish the values: score AAPL, vix." in html
    assert "series" not in read(page.firm(dataclasses.replace(day, series=known.iloc[:0]))).sections


def test_what_is_late_stands_before_what_is_done_and_names_what_it_waits_for(day: Day) -> None:
    early, due, after = (pd.Timestamp(f"2022-12-27 {time}", tz="UTC") for time in ("22:10", "23:30", "23:40"))
    when = rows(
        "timeline",
        kind=["feed", "step", "step"],
        step=["prices", "prices", "nav"],
        source=["acme", "", ""],
        due_at=[due, due, due],
        done_at=pd.to_datetime([early, after, pd.NaT], utc=True),
        status=["done", "done", "late"],
        waits_for=["", "", "prices_other"],
        critical=[True, True, False],
    )
    said = read(firm_of(dataclasses.replace(day, tables={**day.tables, "timeline": when}))).sections["timeline"]
    assert "1 deadline missed and not done yet; 1 deadline met late." in said
    assert said.index("nav") < said.index("feed prices_acme")
    assert "2022-12-27 23:40" in said
    assert "prices_other" in said


def test_feeds_are_shown_worst_first_with_what_waits_for_them(day: Day) -> None:
    found = read(firm_of(day))
    assert "Feeds late or failed3of 5 feeds" in found.top
    said = found.sections["quality"]
    names = ["prices_backup", "fx_rates_ecb", "custodian_cash_cust", "prices_sample", "transactions_desk"]
    assert sorted(names, key=said.index) == names
    for words in ("failed", "missing", "values in other currencies", "1 of 4 expected did not come: multi", "75.0"):
        assert words in said, words
