import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook import calendars
from daybook.ledger import share_classes, units
from tests.frames import frame
from tests.ledger.classes_by_hand import books, dealt, derive, rates, terms, worth

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"]


def of(frames: dict, column: str, name: str = "A") -> list[float]:
    """A column of ``share_class_nav`` of one class, session by session."""
    rows = frames["share_class_nav"]
    return rows.loc[rows["share_class"] == name, column].tolist()


def fee(frames: dict, kind: str, column: str = "amount", name: str = "A") -> list[float]:
    rows = frames["fee_accruals"]
    return rows.loc[(rows["share_class"] == name) & (rows["accrual_kind"] == kind), column].tolist()


def launched(*values: float, money: float = 1000.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A book whose class A begins with ``money`` on the first of ``DAYS`` and is worth ``values``, day by day."""
    return worth(*zip(DAYS, values, strict=False)), dealt((DAYS[0], "A", "subscription", money))


def test_management_fee_accrues_by_the_days_since_the_session_before():
    found = derive(*launched(36500, 36500, 36500, 36500, 36500, money=36500), terms({"management_fee": 0.01}))
    # 1% of 36,500 is 1 a day on the first; over the weekend three days of what is left. Nothing on the first session.
    assert fee(found, "management_fee") == [0.0, -1.0, -0.999973, -0.999945, -2.999753]
    assert fee(found, "management_fee", "fee_payable")[-1] == pytest.approx(-5.999671)
    assert of(found, "nav") == [36500.0, 36499.0, 36498.000027, 36497.000082, 36494.000329]
    assert of(found, "units") == [365.0] * 5
    assert of(found, "nav_per_unit") == [100.0, 99.9973, 99.9945, 99.9918, 99.9836]


def test_day_count_is_the_declared_one():
    found = derive(*launched(36000, 36000, money=36000), terms({"management_fee": 0.01, "day_count": "actual/360"}))
    assert fee(found, "management_fee") == [0.0, -1.0]


def test_performance_fee_is_taken_back_until_it_crystallises():
    found = derive(*launched(1000, 1100, 1050, 990, 1010), terms({"performance_fee": 0.2}))
    assert fee(found, "performance_fee") == [0.0, -20.0, 10.0, 10.0, -2.0]
    assert fee(found, "performance_fee", "fee_payable") == [0.0, -20.0, -10.0, 0.0, -2.0]
    assert of(found, "nav") == [1000.0, 1080.0, 1040.0, 990.0, 1008.0]
    assert of(found, "high_water_mark") == [100.0] * 5


def test_what_crystallised_is_due_for_good_and_is_the_new_mark():
    days = ["2024-01-30", "2024-01-31", "2024-02-01", "2024-02-29", "2024-03-01"]
    gross = worth(*zip(days, (1000, 1100, 1000, 1090, 1120), strict=True))
    classes = terms({"performance_fee": 0.2, "crystallisation": "month", "valid_from": days[0]})
    found = derive(gross, dealt((days[0], "A", "subscription", 1000.0)), classes)
    # 20 are due at the end of January, the mark is 1,080 from then on: 1,100 less the 20. In February nothing accrues
    # below it (1,090 gross are 1,070 net); of 1,120 gross, 1,100 net, 20 are above it.
    assert fee(found, "performance_fee", "fee_payable") == [0.0, -20.0, -20.0, -20.0, -24.0]
    assert of(found, "high_water_mark") == [100.0, 108.0, 108.0, 108.0, 108.0]
    assert of(found, "nav") == [1000.0, 1080.0, 980.0, 1070.0, 1096.0]


@pytest.mark.parametrize(("kind", "at"), [("month", "2024-01-31"), ("quarter", "2024-03-28"), ("year", "2024-12-31")])
def test_a_performance_fee_crystallises_on_the_last_session_of_its_period(kind: str, at: str):
    days = calendars.sessions("XNYS", "2024-01-02", "2025-01-03")
    gross = worth(*((day, 1000.0 if day == days[0] else 1100.0) for day in days))
    classes = terms({"performance_fee": 0.2, "crystallisation": kind})
    found = derive(gross, dealt((days[0], "A", "subscription", 1000.0)), classes)["share_class_nav"]
    assert f"{found.loc[found['high_water_mark'] == 108.0, 'business_date'].min():%Y-%m-%d}" == at


def test_the_hurdle_is_simple_and_hard_and_begins_again():
    days = ["2024-01-02", "2024-07-02", "2024-12-31", "2025-07-02"]
    gross = worth(*zip(days, (1000, 1100, 1100, 1100), strict=True))
    classes = terms({"performance_fee": 0.2, "hurdle_rate": 0.0365})
    found = derive(gross, dealt((days[0], "A", "subscription", 1000.0)), classes)
    # 182 days at 0.1 a day: 18.2; another 182: 36.4. A fee on what is above alone, and the new mark is 1,087.28.
    assert fee(found, "performance_fee", "fee_payable") == [0.0, -16.36, -12.72, -12.72]
    assert of(found, "high_water_mark")[-1] == 108.728


def test_classes_share_the_gain_by_their_nav_and_the_last_takes_the_rounding():
    gross = worth((DAYS[0], 3.0), (DAYS[1], 3.000001), (DAYS[2], 3.900001))
    flows = dealt(*((DAYS[0], name, "subscription", 1.0) for name in "ABC"))
    found = derive(gross, flows, terms(*({"share_class": name} for name in "ABC")))
    assert [of(found, "nav_base", name) for name in "ABC"] == [
        [1.0, 1.0, 1.3],
        [1.0, 1.0, 1.3],
        [1.0, 1.000001, 1.300001],
    ]


def test_a_fee_is_borne_by_its_class_alone():
    gross = worth((DAYS[0], 3000.0), (DAYS[1], 3300.0))
    flows = dealt((DAYS[0], "A", "subscription", 1000.0), (DAYS[0], "B", "subscription", 2000.0))
    found = derive(gross, flows, terms({"share_class": "A", "performance_fee": 0.2}, {"share_class": "B"}))
    assert (of(found, "nav"), of(found, "nav", "B")) == ([1000.0, 1080.0], [2000.0, 2200.0])
    assert set(found["fee_accruals"]["share_class"]) == {"A"}


def test_new_money_is_dealt_at_the_nav_before_it_and_pays_nothing_for_gains_before_it():
    gross = worth((DAYS[0], 1000.0), (DAYS[1], 2280.0), (DAYS[2], 2280.0), (DAYS[3], 2500.0))
    flows = dealt((DAYS[0], "A", "subscription", 1000.0), (DAYS[1], "A", "deposit", 1080.0))
    found = derive(gross, flows, terms({"performance_fee": 0.2}))
    # 1,200 before the money: 40 accrue, 116 a unit; 1,080 buy 9.3103 units. Nothing more accrues until there is a gain.
    assert of(found, "nav_per_unit")[1] == 116.0
    assert of(found, "units") == [10.0, 19.3103, 19.3103, 19.3103]
    assert fee(found, "performance_fee") == [0.0, -40.0, 0.0, -44.0]
    assert of(found, "subscriptions") == [1000.0, 1080.0, 0.0, 0.0]


def test_the_fee_on_redeemed_units_is_due_at_once():
    gross = worth((DAYS[0], 1000.0), (DAYS[1], 1200.0 - 580.0), (DAYS[2], 520.0))
    flows = dealt((DAYS[0], "A", "subscription", 1000.0), (DAYS[1], "A", "redemption", -580.0))
    found = derive(gross, flows, terms({"performance_fee": 0.2}))
    # Half of 40 was the fee on the 5 units that left at 116; the other half is taken back when the gain is lost.
    assert of(found, "units") == [10.0, 5.0, 5.0]
    assert fee(found, "performance_fee", "fee_payable") == [0.0, -40.0, -20.0]
    assert of(found, "nav") == [1000.0, 580.0, 500.0]
    assert of(found, "redemptions") == [0.0, -580.0, 0.0]


@pytest.mark.parametrize(
    ("money", "price", "count"), [(100.0, 101.0, 10.9901), (99.0, 100.0, 10.99), (-100.0, 99.0, 8.9899)]
)
def test_the_price_swings_with_net_dealing_from_the_threshold_on(money: float, price: float, count: float):
    gross = worth((DAYS[0], 1000.0), (DAYS[1], 1000.0 + money))
    flows = dealt((DAYS[0], "A", "subscription", 1000.0), (DAYS[1], "A", "subscription", money))
    found = derive(gross, flows, terms({"swing_threshold": 0.1, "swing_factor": 0.01}))
    assert of(found, "swing_price") == [100.0, price]
    assert of(found, "nav_per_unit") == [100.0, 100.0]
    assert of(found, "units") == [10.0, count]


def test_net_dealing_is_that_of_all_classes_of_the_book():
    gross = worth((DAYS[0], 2000.0), (DAYS[1], 2000.0))
    flows = dealt((DAYS[0], "A", "subscription", 1000.0), (DAYS[0], "B", "subscription", 1000.0),
                  (DAYS[1], "A", "subscription", 500.0), (DAYS[1], "B", "redemption", -500.0))  # fmt: skip
    swing = {"swing_threshold": 0.1, "swing_factor": 0.01}
    found = derive(gross, flows, terms({"share_class": "A"} | swing, {"share_class": "B"} | swing))
    assert (of(found, "swing_price"), of(found, "swing_price", "B")) == ([100.0, 100.0], [100.0, 100.0])


def test_prices_and_units_are_rounded_half_to_even_as_declared():
    gross = worth((DAYS[0], 3000.0), (DAYS[1], 3121.25 + 100), (DAYS[2], 3221.25))
    flows = dealt((DAYS[0], "A", "subscription", 3000.0), (DAYS[1], "A", "subscription", 100.0))
    found = derive(gross, flows, terms({"launch_price": 12.0, "unit_places": 1, "price_places": 2}))
    # 3,121.25 / 250 is 12.485, which is 12.48; 100 / 12.48 is 8.01.
    assert of(found, "nav_per_unit")[1] == 12.48
    assert of(found, "units") == [250.0, 258.0, 258.0]


def test_a_payment_takes_the_payable_down_and_only_what_is_beyond_it_is_a_cost_of_its_class():
    gross = worth((DAYS[0], 2000.0), (DAYS[1], 2200.0), (DAYS[2], 2185.0), (DAYS[3], 2175.0))
    flows = dealt((DAYS[0], "A", "subscription", 1000.0), (DAYS[0], "B", "subscription", 1000.0),
                  (DAYS[2], "A", "performance_fee", 15.0), (DAYS[3], "A", "performance_fee", 10.0))  # fmt: skip
    found = derive(gross, flows, terms({"share_class": "A", "performance_fee": 0.2}, {"share_class": "B"}))
    assert fee(found, "performance_fee", "fee_paid") == [0.0, 0.0, 15.0, 5.0]
    assert fee(found, "performance_fee", "fee_payable") == [0.0, -20.0, -5.0, 0.0]
    assert of(found, "nav") == [1000.0, 1080.0, 1080.0, 1075.0]
    assert of(found, "nav", "B") == [1000.0, 1100.0, 1100.0, 1100.0]


def test_a_fee_paid_back_is_owed_again():
    gross = worth((DAYS[0], 1000.0), (DAYS[1], 1100.0), (DAYS[2], 1080.0), (DAYS[3], 1085.0))
    flows = dealt((DAYS[0], "A", "subscription", 1000.0), (DAYS[2], "A", "performance_fee", 20.0),
                  (DAYS[3], "A", "performance_fee", -5.0))  # fmt: skip
    found = derive(gross, flows, terms({"performance_fee": 0.2}))
    assert fee(found, "performance_fee", "fee_payable") == [0.0, -20.0, 0.0, -5.0]
    assert of(found, "nav")[1:] == [1080.0] * 3


def test_a_session_without_a_value_deals_and_accrues_at_the_next_one():
    gross = worth((DAYS[0], 36500.0), (DAYS[1], None, "ACME: no price"), (DAYS[2], 43800.0))
    flows = dealt((DAYS[0], "A", "subscription", 36500.0), (DAYS[1], "A", "subscription", 7300.0))
    found = derive(gross, flows, terms({"management_fee": 0.01}))
    rows = found["share_class_nav"]
    assert rows["status"].tolist() == ["ok", "failed", "ok"]
    assert rows["reason"].tolist() == ["", "ACME: no price", ""]
    assert np.isnan(of(found, "nav")[1])
    assert np.isnan(of(found, "units")[1])
    assert fee(found, "management_fee") == [0.0, 0.0, -2.0]
    assert of(found, "units")[2] == round(365 + 7300 / 99.9945, 4)
    assert found["failures"].empty


def test_a_class_in_another_currency_is_dealt_and_has_its_mark_in_that_currency():
    gross = worth((DAYS[0], 1200.0), (DAYS[1], 1500.0))
    fx = rates((DAYS[0], "EUR", "USD", 1.2), (DAYS[1], "EUR", "USD", 1.25))
    flows = dealt((DAYS[0], "A", "subscription", 1200.0))
    found = derive(gross, flows, terms({"currency": "EUR", "performance_fee": 0.2}), fx)
    # 1,500 dollars are 1,200 euros, 200 above the mark of 1,000: 40 euros are 50 dollars.
    assert of(found, "units") == [10.0, 10.0]
    assert fee(found, "performance_fee") == [0.0, -50.0]
    assert (of(found, "nav"), of(found, "nav_base")) == ([1000.0, 1160.0], [1200.0, 1450.0])
    assert (of(found, "nav_per_unit"), of(found, "high_water_mark")) == ([100.0, 116.0], [100.0, 100.0])
    missing = derive(gross, flows, terms({"currency": "EUR"}), fx.iloc[:1])["share_class_nav"]
    assert missing["reason"].tolist() == ["", "no exchange rate EUR/USD"]


def test_what_a_book_already_holds_becomes_units_at_the_launch_price():
    gross = worth((DAYS[0], 5500.0), (DAYS[1], 6500.0))
    flows = dealt((DAYS[0], "A", "opening", 0.0), (DAYS[0], "A", "subscription", 500.0))
    found = derive(gross, flows, terms({"performance_fee": 0.2, "launch_price": 10.0}, {"share_class": "B"}))
    assert of(found, "units") == [550.0, 550.0]
    assert of(found, "high_water_mark") == [10.0, 10.0]
    assert fee(found, "performance_fee") == [0.0, -200.0]


def test_all_units_go_when_all_their_money_goes_and_the_next_ones_begin_at_the_launch_price():
    gross = worth((DAYS[0], 1000.0), (DAYS[1], 0.003333), (DAYS[2], 500.003333))
    flows = dealt((DAYS[0], "A", "subscription", 1000.0), (DAYS[1], "A", "redemption", -1033.33),
                  (DAYS[2], "A", "subscription", 500.0))  # fmt: skip
    found = derive(gross, flows, terms({}))
    assert of(found, "units") == [10.0, 0.0, 5.0]
    assert of(found, "nav") == [1000.0, 0.003333, 500.003333]
    assert of(found, "swing_price") == [100.0, 103.3333, 100.0]
    assert found["share_class_nav"]["reason"].tolist() == ["", "it has no units", ""]


def test_more_units_than_there_are_cannot_be_given_up():
    gross = worth((DAYS[0], 1000.0), (DAYS[1], -100.0), (DAYS[2], -100.0))
    flows = dealt((DAYS[0], "A", "subscription", 1000.0), (DAYS[1], "A", "redemption", -1100.0))
    found = derive(gross, flows, terms({}))
    said = "share class A gives up more units than there are"
    assert found["failures"]["reason"].tolist() == [said, said]
    assert found["share_class_nav"]["status"].tolist() == ["ok", "failed", "failed"]
    assert found["fee_accruals"].empty


def test_a_dealing_without_a_place_fails_its_book_alone_from_then_on():
    gross = pd.concat([worth(*((day, 1000.0) for day in DAYS[:3]), book=name) for name in ("BAD", "FUND")])
    flows = pd.concat(
        [dealt((DAYS[0], "A", "subscription", 1000.0)), dealt((DAYS[0], "X", "subscription", 1000.0), book="BAD"),
         dealt((DAYS[1], "Y", "subscription", 5.0, "transaction t9: no such class"), book="BAD")]
    )  # fmt: skip
    found = derive(gross, flows, terms({}, {"share_class": "X", "book": "BAD"}))
    assert found["failures"][["book", "reason"]].to_numpy().tolist() == [["BAD", "transaction t9: no such class"]] * 2
    status = found["share_class_nav"].groupby("book")["status"].agg(list).to_dict()
    assert status == {"BAD": ["ok", "failed", "failed"], "FUND": ["ok"] * 3}


def test_a_book_that_changes_its_currency_fails():
    gross = pd.concat([worth((DAYS[0], 1000.0)), worth((DAYS[1], 900.0), base="EUR")])
    found = derive(gross, dealt((DAYS[0], "A", "subscription", 1000.0)), terms({}))
    assert found["failures"]["reason"].tolist() == ["the currency of the book changed from USD"]


def test_terms_hold_from_their_date_and_a_class_that_ended_bears_no_fee():
    gross = worth(*zip(DAYS, [36500.0] * 4, strict=False))
    classes = terms({"management_fee": 0.01}, {"management_fee": 0.02, "valid_from": DAYS[2], "valid_to": DAYS[2]})
    found = derive(gross, dealt((DAYS[0], "A", "subscription", 36500.0)), classes)
    assert [round(amount, 3) for amount in fee(found, "management_fee")] == [0.0, -1.0, -2.0, 0.0]
    assert of(found, "nav")[-1] == of(found, "nav")[-2]


def test_no_share_class_no_row():
    found = derive(worth(), dealt(), terms(), facts=books())
    assert all(frame.empty for frame in found.values())


@st.composite
def histories(draw):
    """A book with up to three classes over some weeks: values, flows and payments in cents."""
    days = calendars.sessions("XNYS", "2024-01-25", "2024-04-05")[: draw(st.integers(3, 30))]
    names = "ABC"[: draw(st.integers(1, 3))]
    cents = st.integers(0, 3_000_000).map(lambda c: c / 100)
    rate = st.sampled_from([0.0, 0.01, 0.2])
    classes = terms(*({
        "share_class": name, "valid_from": days[0], "management_fee": draw(rate), "performance_fee": draw(rate),
        "hurdle_rate": draw(rate), "crystallisation": draw(st.sampled_from(["month", "quarter"])),
        "swing_threshold": draw(st.sampled_from([float("nan"), 0.01])), "swing_factor": 0.005,
        "day_count": draw(st.sampled_from(["", "30/360"])),
    } for name in names))  # fmt: skip
    rows = [(days[0], name, "subscription", 50_000.0 + draw(cents)) for name in names]
    for day in draw(st.lists(st.sampled_from(list(days[1:])), max_size=8)):
        name, kind = draw(st.sampled_from(names)), draw(st.sampled_from(["subscription", "redemption", *units.FEES]))
        amount = draw(cents) / (100 if kind in units.FEES else 1)
        rows.append((day, name, kind, -amount if kind == "redemption" else amount))
    flows = dealt(*rows)
    moved = flows.groupby("business_date")[["flows", "fee_paid"]].sum().reindex(days, fill_value=0.0)
    change = np.array([0.0, *(draw(st.integers(-20, 20)) * 1000.07 for _ in days[1:])])
    gross = (change + moved["flows"] - moved["fee_paid"]).cumsum().round(6)
    unknown = {day for day in days[1:-1] if draw(st.integers(0, 9)) == 0}
    values = [(day, None, "no price") if day in unknown else (day, value) for day, value in gross.items()]
    return worth(*values), flows, classes


@settings(max_examples=15)
@given(histories())
def test_classes_add_up_payables_and_units_roll_and_a_range_is_its_sessions(history):
    gross, flows, classes = history
    found = derive(gross, flows, classes)
    nav, accrued = found["share_class_nav"], found["fee_accruals"]
    good = nav[nav["status"] == "ok"]
    owed = accrued.groupby("business_date")["fee_payable"].sum()
    whole = good.groupby("business_date")["nav_base"].sum()
    net = gross.set_index("business_date")["gross_value"].reindex(whole.index) + owed.reindex(whole.index, fill_value=0)
    assert ((whole - net).abs() < 1e-6).all()
    for _, rows in accrued.groupby(["share_class", "accrual_kind"]):
        assert np.allclose((rows["amount"] + rows["fee_paid"]).cumsum(), rows["fee_payable"], atol=1e-6)
    assert (accrued.loc[accrued["accrual_kind"] == "management_fee", ["amount", "fee_payable"]] <= 0).all(axis=None)
    for _, rows in good.groupby("share_class"):
        money = rows["subscriptions"] + rows["redemptions"]
        moved = rows["units"].diff().fillna(rows["units"])
        assert (moved[money == 0] == 0).all()
        dealing = rows[(rows["subscriptions"] == 0) | (rows["redemptions"] == 0)]
        expected = (dealing["subscriptions"] + dealing["redemptions"]) / dealing["swing_price"]
        assert np.allclose(moved[dealing.index], expected.fillna(0.0), atol=2e-4)
    last = gross["business_date"].max()
    alone = derive(gross, flows, classes, sessions=[last])
    for name, rows in alone.items():
        both = found[name][found[name]["business_date"] == last].reset_index(drop=True)
        pd.testing.assert_frame_equal(both, rows)
    shuffled = derive(gross.sample(frac=1, random_state=1), flows.sample(frac=1, random_state=2), classes[::-1])
    pd.testing.assert_frame_equal(shuffled["share_class_nav"], nav)


def test_the_identity_names_the_book_whose_classes_do_not_add_up():
    gross = pd.concat([worth((DAYS[0], 1000.0), book=name) for name in ("F", "G", "H")])
    flows = pd.concat(
        [dealt((DAYS[0], name, "subscription", 1000.0), book=book) for book, name in zip("FGH", "ABC", strict=True)]
    )
    classes = terms(*({"share_class": name, "book": book} for book, name in zip("FGH", "ABC", strict=True)))
    found = derive(gross, flows, classes)["share_class_nav"]
    nav = frame("nav", "business_date book nav status", *((DAYS[0], book, 1000.0, "ok") for book in "FGH"))
    assert share_classes.identity_gaps(found, nav).empty
    found.loc[found["book"] == "G", "nav_base"] += 0.000001
    found.loc[found["book"] == "H", ["nav_base", "status", "reason"]] = [np.nan, "failed", "no rate"]
    gaps = share_classes.identity_gaps(found, nav)
    assert gaps["book"].tolist() == ["G", "H"]
    assert gaps["reason"].tolist() == [
        "share classes are off NAV by +0.000001", "a share class has no NAV: no rate",
    ]  # fmt: skip
