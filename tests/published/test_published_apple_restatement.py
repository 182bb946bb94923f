"""Apple's fiscal 2009, as filed and as restated three months later.

Source: Apple Inc., Form 10-K filed 2009-10-27 (accession 0001193125-09-214859) and Form 10-K/A filed 2010-01-25
(0001193125-10-012091), which adopted new revenue recognition standards retrospectively; SEC EDGAR, CIK 320193. In USD
millions: net sales of fiscal 2009 36,537 and 42,905, of fiscal 2008 32,479 and 37,491; net income of 2009 5,704 and
8,235; total assets at 2008-09-27 39,572 and 36,171.
"""

import json
from dataclasses import replace
from io import BytesIO

import pandas as pd
import pytest

from daybook.market import fundamentals
from resources.settings import settings
from resources.vendors.edgar import EdgarVendor
from tests.frames import frame, sessions

FILED, AMENDED = "2009-10-27", "2010-01-25"
ACCESSION = {FILED: "0001193125-09-214859", AMENDED: "0001193125-10-012091"}
FORM = {FILED: "10-K", AMENDED: "10-K/A"}
YEARS = {2008: ("2007-09-30", "2008-09-27"), 2009: ("2008-09-28", "2009-09-26")}
SALES = {(2008, FILED): 32479, (2009, FILED): 36537, (2008, AMENDED): 37491, (2009, AMENDED): 42905}
INCOME = {(2009, FILED): 5704, (2009, AMENDED): 8235}
ASSETS = {(2008, FILED): 39572, (2008, AMENDED): 36171}


def figures(millions, instant=False):
    return [
        {
            **({} if instant else {"start": YEARS[year][0]}),
            "end": YEARS[year][1],
            "val": value * 1_000_000,
            "accn": ACCESSION[filed],
            "fy": 2009,
            "fp": "FY",
            "form": FORM[filed],
            "filed": filed,
        }
        for (year, filed), value in millions.items()
    ]


@pytest.fixture
def known(tmp_path):
    concept = {"label": "", "description": ""}
    tags = {
        "Assets": {**concept, "units": {"USD": figures(ASSETS, instant=True)}},
        "NetIncomeLoss": {**concept, "units": {"USD": figures(INCOME)}},
        "SalesRevenueNet": {**concept, "units": {"USD": figures(SALES)}},
    }
    company = {"cik": 320193, "entityName": "Apple Inc.", "facts": {"us-gaap": tags}}
    (tmp_path / "CIK0000320193.json").write_text(json.dumps(company))
    vendor = EdgarVendor(replace(settings(), edgar_data=tmp_path))
    [(_, text)] = vendor.deliver(None, vendor.last_session())
    rows = pd.read_csv(BytesIO(text)).drop(columns="cik").assign(instrument="AAPL")
    return frame("fundamentals", " ".join(rows), *rows.itertuples(index=False))


def known_on(known, field, *dates):
    found = fundamentals.latest(known, sessions(*dates))
    rows = found[found["field"] == field]
    return [
        (f"{row.business_date:%Y-%m-%d}", row.value / 1e6, row.first_value / 1e6, row.form) for row in rows.itertuples()
    ]


def test_each_day_knows_what_had_been_filed_before_it(known):
    days = ("2009-10-27", "2009-10-28", "2010-01-25", "2010-01-26")
    assert known_on(known, "us-gaap:SalesRevenueNet.12M", *days) == [
        ("2009-10-28", 36537, 36537, "10-K"),
        ("2010-01-25", 36537, 36537, "10-K"),
        ("2010-01-26", 42905, 36537, "10-K/A"),
    ]
    assert known_on(known, "us-gaap:NetIncomeLoss.12M", *days[2:]) == [
        ("2010-01-25", 5704, 5704, "10-K"),
        ("2010-01-26", 8235, 5704, "10-K/A"),
    ]
    assert known_on(known, "us-gaap:Assets", *days[2:]) == [
        ("2010-01-25", 39572, 39572, "10-K"),
        ("2010-01-26", 36171, 39572, "10-K/A"),
    ]


def test_fiscal_2008_can_be_asked_as_it_was_first_filed_and_as_it_was_restated(known):
    first = fundamentals.as_first_published(known).set_index(["field", "period_end"])["value"]
    assert first["us-gaap:SalesRevenueNet.12M", pd.Timestamp("2008-09-27")] == 32_479e6
    restated = fundamentals.as_restated(known, pd.Timestamp("2008-09-27"), pd.Timestamp("2010-02-01"))
    assert restated.set_index("field")["value"].to_dict() == {
        "us-gaap:Assets": 36_171e6,
        "us-gaap:SalesRevenueNet.12M": 37_491e6,
    }
