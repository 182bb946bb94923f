import pandas as pd
import pytest

from daybook import tables
from daybook.performance import flows
from tests.frames import frame

DAY, NEXT = "2020-03-02", "2020-03-03"


def valued():
    """Flows of one book in USD: EUR at 1.1, A at 20 EUR, B at 9 USD."""
    activity = frame(
        "activity",
        "business_date book instrument currency external inflow subscribed redeemed transferred_quantity"
        " transferred_in traded_quantity consideration fees income notional",
        # 130 came in, 30 of it subscribed; 40 went out, 15 of it redeemed.
        (DAY, "b", "CASH:USD", "USD", 90.0, 130.0, 30.0, -15.0, *[0.0] * 7),
        (DAY, "b", "CASH:EUR", "EUR", 100.0, 100.0, 0.0, 0.0, *[0.0] * 7),
        # 4 of A came in, 1 went out; 5 of B went out.
        (DAY, "b", "A", "EUR", 0.0, 0.0, 0.0, 0.0, 3.0, 4.0, *[0.0] * 5),
        (DAY, "b", "B", "USD", 0.0, 0.0, 0.0, 0.0, -5.0, 0.0, *[0.0] * 5),
        (DAY, "b", "B", "EUR", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, -70.0, -1.0, 2.0, 0.0),
    )
    nav = frame("nav", "business_date book nav flows status", (DAY, "b", 1.0, 90.0 + 110.0 + 66.0 - 45.0, "ok"))
    prices = frame(
        "prices",
        "business_date instrument close currency status",
        (DAY, "A", 20.0, "EUR", "ok"),
        (DAY, "B", 9.0, "USD", "ok"),
    )
    rates = frame("fx_rates", "business_date base quote rate status", (DAY, "EUR", "USD", 1.1, "ok"))
    instruments = frame("instruments", "instrument currency", ("A", "EUR"), ("B", "USD"))
    return flows.by_kind(activity, nav, prices, instruments, rates), nav


def test_flows_by_kind_are_at_closing_rates_and_prices_and_add_up():
    found, nav = valued()
    assert found.set_index("kind")["flows"].to_dict() == {
        "deposit": pytest.approx(100.0 + 110.0),
        "redemption": -15.0,
        "subscription": 30.0,
        "transfer_in": pytest.approx(88.0),
        "transfer_out": pytest.approx(-22.0 - 45.0),
        "withdrawal": -25.0,
    }
    assert flows.identity_gaps(found, nav).empty
    off = flows.identity_gaps(found, nav.assign(flows=nav["flows"] + 0.01))
    assert off["gap"].tolist() == [-0.01]
    assert flows.identity_gaps(found.iloc[:0], nav)["gap"].tolist() == [-221.0]


def timed(rules, *rows, opening=100.0):
    moved = pd.DataFrame(list(rows), columns=["business_date", "book", "kind", "flows"])
    moved["business_date"] = pd.to_datetime(moved["business_date"]).astype("datetime64[us]")
    moved = moved.astype({"book": "str", "kind": "str", "flows": "float64"})
    before = moved[flows.KEY].drop_duplicates().assign(opening=opening)
    return flows.timed(moved, before, rules)


def test_without_rules_inflows_count_at_the_start_and_outflows_at_the_end():
    found = timed(
        tables.empty("flow_rules"),
        *[(DAY, "b", kind, 10.0 if kind in flows.INWARD else -10.0) for kind in flows.DEFAULT],
    )
    assert dict(zip(found["kind"], found["timing"], strict=True)) == flows.DEFAULT
    assert flows.counted(found)["inflow"].tolist() == [30.0]
    assert set(found["reason"]) == {""}


RULES = frame(
    "flow_rules",
    "book kind timing large_flow large_timing valid_from valid_to",
    ("", "deposit", "middle", 0.1, "start", "2020-01-01", None),
    ("own", "deposit", "end", None, "", "2020-03-03", None),
    ("", "withdrawal", "start", None, "", "2020-01-01", "2020-03-02"),
)


def test_a_large_flow_takes_the_timing_of_large_flows_and_the_book_s_own_rule_goes_first():
    found = timed(
        RULES,
        (DAY, "a", "deposit", 9.99),
        (DAY, "b", "deposit", 10.0),
        (DAY, "own", "deposit", 50.0),
        (NEXT, "own", "deposit", 50.0),
        (DAY, "a", "withdrawal", -8.0),
        (NEXT, "a", "withdrawal", -8.0),
    ).set_index(["business_date", "book", "kind"])
    day, after = pd.Timestamp(DAY), pd.Timestamp(NEXT)
    assert found["timing"].to_dict() == {
        (day, "a", "deposit"): "middle",
        (day, "a", "withdrawal"): "start",
        (day, "b", "deposit"): "start",
        (day, "own", "deposit"): "start",
        (after, "a", "withdrawal"): "end",
        (after, "own", "deposit"): "end",
    }
    assert found.loc[(day, "b", "deposit"), "reason"] == "large: at least 10% of opening nav"
    counted = flows.counted(found.reset_index()).set_index(flows.KEY)["inflow"]
    # Half of 9.99 in, 8 out at the start; large ones in full; at the end nothing.
    assert counted.tolist() == [pytest.approx(4.995 - 8.0), 10.0, 50.0, 0.0, 0.0]


def test_what_goes_out_is_large_by_its_size():
    rules = frame("flow_rules", "kind timing large_flow large_timing", ("withdrawal", "end", 0.1, "start"))
    found = timed(rules, (DAY, "a", "withdrawal", -9.99), (DAY, "b", "withdrawal", -10.0))
    assert found["timing"].tolist() == ["end", "start"]
    assert flows.is_large(found).tolist() == [False, True]


@pytest.mark.parametrize("opening", [0.0, -5.0, float("nan")])
def test_without_an_opening_nav_the_timing_is_the_contract_s(opening):
    found = timed(RULES, (DAY, "b", "deposit", 10.0), (DAY, "b", "withdrawal", -4.0), opening=opening)
    assert found["timing"].tolist() == ["start", "end"]
    assert set(found["reason"]) == {"declared, but there is no opening nav"}


def test_the_timing_in_force_is_said():
    views = pd.DataFrame({"business_date": pd.to_datetime([DAY, NEXT, NEXT]), "book": ["a", "a", "own"]})
    views = views.astype({"business_date": "datetime64[us]", "book": "str"})
    large = "deposit middle (start from 10% of opening nav)"
    assert flows.declared(views, RULES).tolist() == [
        f"{large}, withdrawal start, else in at start, out at end",
        f"{large}, else in at start, out at end",
        "deposit end, else in at start, out at end",
    ]
    assert set(flows.declared(views, tables.empty("flow_rules"))) == {"in at start, out at end"}
