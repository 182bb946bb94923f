"""The accountant's evening: overdraft and its interest, two share classes, a book that one day cannot be computed."""

import pytest

pytestmark = pytest.mark.soak

SESSIONS = [f"2022-12-{day}" for day in (12, 13, 14, 15, 16)]
AAA, FFF = (50, 50.5, 51, 52, 51), (100, 101, 100.5, 102, 102)
FUTURE = (4000, 4010, 4005, 4005, 4020)
LAST = SESSIONS[-1]


@pytest.fixture(scope="module")
def firm(installation):
    made = installation()
    made.put("books_2022-12-12.csv", "book,base_currency\nBANK,USD\nFUND,USD\nODD,USD")
    made.put(
        "instruments_2022-12-12.csv",
        """instrument,asset_class,currency,multiplier
        AAA,equity,USD,
        FFF,equity,USD,
        ESZ,future,USD,50""",
    )
    made.put(
        "cash_rates_2022-12-12.csv",
        """book,currency,valid_from,credit_rate,debit_rate,day_count,overdraft_limit
        BANK,USD,2022-12-01,0.036,0.072,actual/360,1000""",
    )
    made.put(
        "share_classes_2022-12-12.csv",
        """share_class,valid_from,book,management_fee,performance_fee,crystallisation,day_count,launch_price
        A,2022-12-12,FUND,0.0365,0,month,actual/365,100
        B,2022-12-12,FUND,0,0.2,month,actual/365,100""",
    )
    for at, day in enumerate(SESSIONS):
        made.put(
            f"prices_{day}.csv",
            f"""business_date,instrument,close,currency
            {day},AAA,{AAA[at]},USD
            {day},FFF,{FFF[at]},USD
            {day},ESZ,{FUTURE[at]},{"EUR" if at == 3 else "USD"}""",
        )
    made.put(
        f"transactions_{LAST}.csv",
        """transaction_id,book,instrument,kind,trade_date,quantity,price,currency,fees,share_class,action_id
        C1,BANK,,deposit,2022-12-12,10000,,USD,,,
        C2,BANK,AAA,buy,2022-12-12,100,50,USD,10,,
        C3,BANK,AAA,buy,2022-12-14,200,51,USD,0,,
        C4,BANK,AAA,sell,2022-12-15,150,52,USD,5,,
        F1,FUND,,subscription,2022-12-12,60000,,USD,,A,
        F2,FUND,,subscription,2022-12-12,40000,,USD,,B,
        F3,FUND,FFF,buy,2022-12-12,1000,100,USD,,,
        F4,FUND,,subscription,2022-12-15,10000,,USD,,A,
        F5,FUND,,redemption,2022-12-15,5000,,USD,,B,
        F6,FUND,,fee,2022-12-16,20,,USD,,,A:management_fee
        F7,FUND,,subscription,2022-12-16,77,,USD,,ZZ,
        F8,FUND,,subscription,2022-12-16,78,,USD,,,
        S1,ODD,,deposit,2022-12-12,100000,,USD,,,
        S2,ODD,ESZ,buy,2022-12-12,2,3990,USD,3,,""",
    )
    made.eod(LAST, code=3)
    return made


def test_cash_settles_accrues_and_is_told_to_be_overdrawn(firm):
    # 10,000 settled earn 1.00 a day, from the 14th 4,990 earn 0.499; interest of a session is that of the days before.
    found = [
        firm.row("cash", day, book="BANK")[["settled", "unsettled", "accrued", "balance"]].tolist() for day in SESSIONS
    ]
    assert found == [
        [10000, -5010, 0, 4990],
        [10000, -5010, 1, 4990],
        [4990, -10200, 2, -5210],
        [4990, -2405, 2.499, 2585],
        [-5210, 7795, 2.998, 2585],
    ]
    ladder = firm.rows("cash_ladder", "2022-12-15", book="BANK")
    assert ladder[["settle_date", "balance"]].to_numpy().tolist() == [["2022-12-16", -5210], ["2022-12-19", 2585]]
    assert set(firm.rows("findings", LAST, book="BANK")["check"]) == {"cash_overdrawn", "overdraft_limit"}


def test_share_classes_tie_to_nav_and_to_the_journal(firm):
    # The 13th: A earns 600 and owes 60,600 x 0.0365 / 365, B earns 400 and owes a fifth of them.
    day = firm.rows("share_class_nav", "2022-12-13")
    assert day[["share_class", "nav", "nav_per_unit"]].to_numpy().tolist() == [
        ["A", 60593.94, 100.9899],
        ["B", 40320.0, 100.8],
    ]
    assert firm.row("pnl", "2022-12-13", book="FUND", instrument="CASH:USD")["fees"] == -86.06
    # The 15th: 10,000 / 101.9697 and 5,000 / 101.5999, units to 4 places.
    dealt = firm.rows("share_class_nav", "2022-12-15")
    assert dealt["units"].tolist() == [698.0683, 350.7874]
    owed = 0.0
    for day in SESSIONS:
        nav, classes = firm.row("nav", day, book="FUND"), firm.rows("share_class_nav", day)
        assert classes["nav_base"].sum() == pytest.approx(nav["nav"], abs=1e-6)
        posted = firm.rows("postings", day, book="FUND", ledger_account="receivables")
        owed += posted["debit"].sum()
        assert owed == pytest.approx(nav["accruals"], abs=1e-6), day
    # Of the 20 paid all had accrued: no cost of the day.
    costs = firm.rows("postings", LAST, book="FUND", ledger_account="fees")["debit"].sum()
    assert costs == pytest.approx(-firm.row("pnl", LAST, book="FUND", instrument="CASH:USD")["fees"], abs=1e-6)
    refused = firm.waiting(f"transactions_{LAST}.csv")
    assert refused[["line", "column", "status"]].astype(str).to_numpy().tolist() == [
        ["12", "share_class", "waiting"],
        ["13", "share_class", "open"],
    ]


def test_a_price_in_another_currency_fails_that_session_alone(firm):
    status = [firm.row("nav", day, book="ODD")["status"] for day in SESSIONS]
    assert status == ["ok", "ok", "ok", "failed", "ok"]
    assert firm.row("nav", LAST, book="ODD")["nav"] == 100000 - 3 + 2 * 50 * 30
    assert firm.row("nav", SESSIONS[3], book="ODD")["reason"] == "ESZ: it is quoted in EUR and traded in USD"
    assert [firm.row("nav", day, book="BANK")["status"] for day in SESSIONS] == ["ok"] * 5
