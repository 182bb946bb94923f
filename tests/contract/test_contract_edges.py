"""Firms with nothing, or nearly nothing, and what a dividend is beside its action."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

INSTRUMENTS = "instrument,currency\nAAA,USD"
PRICES = "business_date,instrument,close\n2022-12-19,AAA,10\n2022-12-20,AAA,11"


def test_a_firm_without_books(firm):
    firm.put("instruments_2022-12-20.csv", INSTRUMENTS)
    firm.put("prices_2022-12-20.csv", PRICES)
    said = firm.eod()
    assert "2022-12-20" in said
    assert firm.show("nav").empty
    assert len(firm.show("prices", "2022-12-20")) == 1
    code, _, err = firm.daybook("close", "2022-12-20")
    assert code == 1
    assert err.startswith("daybook: ")


@pytest.mark.soak
def test_a_firm_whose_only_book_has_no_transactions(firm):
    firm.put("instruments_2022-12-20.csv", INSTRUMENTS)
    firm.put("prices_2022-12-20.csv", PRICES)
    firm.put("books_2022-12-20.csv", "book,base_currency\nB,USD")
    firm.eod("2022-12-20")
    assert firm.show("nav").empty
    assert firm.show("performance").empty


def test_a_dividend_beside_its_action(reference):
    reference.put(
        "corporate_actions_2022-12-20.csv",
        "action_id,instrument,kind,ex_date,pay_date,amount\nD1,AAA,cash_dividend,2022-12-20,2022-12-22,0.5",
    )
    reference.put(
        "transactions_2022-12-22.csv",
        """transaction_id,book,instrument,kind,trade_date,quantity,currency,action_id
        V1,ALPHA,AAA,dividend,2022-12-22,5,USD,D1
        V2,ALPHA,AAA,dividend,2022-12-22,5,USD,
        V3,ALPHA,AAA,dividend,2022-12-20,5,USD,
        V4,ALPHA,AAA,dividend,2022-12-21,5,USD,
        V5,ALPHA,,dividend,2022-12-22,5,USD,
        V6,ALPHA,BBB,dividend,2022-12-22,5,USD,""",
    )
    code, out, err = reference.daybook("ingest", *map(str, sorted(reference.inbox.iterdir())))
    assert code == 3, out + err
    assert list(reference.show("transactions")["transaction_id"]) == ["V1", "V4", "V5", "V6"]
    assert sorted(reference.waiting("transactions_2022-12-22.csv")["line"]) == [3, 4]
    # Without the action they are income, whichever came first.
    reference.put(
        "corporate_actions_2022-12-22.csv",
        "action_id,instrument,kind,ex_date,pay_date,amount,status\n"
        "D1,AAA,cash_dividend,2022-12-20,2022-12-22,0.5,cancelled",
    )
    code, out, err = reference.daybook("ingest", str(reference.inbox / "corporate_actions_2022-12-22.csv"))
    assert code == 0, out + err
    assert sorted(reference.show("transactions")["transaction_id"]) == ["V1", "V2", "V3", "V4", "V5", "V6"]


@pytest.mark.soak
def test_books_on_two_calendars(installation):
    firm = installation(DAYBOOK_CALENDARS="XNYS,XLON")
    firm.put("books_2022-12-19.csv", "book,base_currency,calendar\nNY,USD,XNYS\nLDN,GBP,XLON")
    firm.put("instruments_2022-12-19.csv", "instrument,currency,exchange\nAAA,USD,XNYS\nLLL,GBP,XLON")
    days = [f"{day:%Y-%m-%d}" for day in pd.bdate_range("2022-12-19", "2023-01-04")]
    firm.put(
        "prices_2023-01-04.csv",
        "\n".join(
            [
                "business_date,instrument,close",
                *(f"{day},AAA,{10 + i}" for i, day in enumerate(days) if day not in ("2022-12-26", "2023-01-02")),
                *(
                    f"{day},LLL,{5 + i}"
                    for i, day in enumerate(days)
                    if day not in ("2022-12-26", "2022-12-27", "2023-01-02")
                ),
            ]
        ),
    )
    firm.put(
        "fx_rates_2023-01-04.csv",
        "\n".join(["business_date,base,quote,rate", *(f"{day},GBP,USD,1.2" for day in days)]),
    )
    firm.put(
        "transactions_2023-01-04.csv",
        """transaction_id,book,instrument,kind,trade_date,quantity,price,currency
        N1,NY,,deposit,2022-12-19,1000,,USD
        N2,NY,LLL,buy,2022-12-20,10,5,GBP
        L1,LDN,,deposit,2022-12-19,1000,,GBP
        L2,LDN,AAA,buy,2022-12-27,10,15,USD""",
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "DAGSTER_"))}
    command = str(Path(sys.executable).with_name("daybook"))
    ran = subprocess.run(
        [command, "eod", "--date", "2023-01-04"],
        env=environment | firm.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    nav = firm.show("nav")
    of = nav.groupby("book")["business_date"].apply(list)
    assert of["NY"] == [day for day in days if day not in ("2022-12-26", "2023-01-02")]
    assert of["LDN"] == [day for day in days if day not in ("2022-12-26", "2022-12-27", "2023-01-02")]
    # London was closed on the 27th, on which New York traded: London's book has the trade on the 28th.
    lot = firm.row("lots", "2022-12-28", book="LDN", instrument="AAA")
    assert (lot["opened_on"], lot["quantity"]) == ("2022-12-27", 10)
    closed = firm.row("prices", "2022-12-27", instrument="LLL")
    assert (closed["status"], closed["close"]) == ("closed", 9)
    totals = firm.show("pnl").groupby(["book", "business_date"])["total"].sum()
    for book, rows in nav.groupby("book"):
        rows = rows.sort_values("business_date")
        change = rows["nav"].diff().fillna(rows["nav"]) - rows["flows"]
        assert change.to_numpy() == pytest.approx(totals[book].to_numpy(), abs=2e-6)
