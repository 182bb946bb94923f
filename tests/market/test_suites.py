import pytest

from daybook import tables
from daybook.market import suites
from resources.validator import validate
from tests.frames import frame

D = "2020-01-02"
VALID = "valid_from valid_to"
GOOD = {
    "books": frame("books", "book base_currency lot_method lot_pool", ("P", "USD", "fifo", "book")),
    "instruments": frame("instruments", "instrument currency lot_size", ("A", "USD", 1.0)),
    "identifiers": frame(
        "identifiers", f"instrument scheme value {VALID}", ("A", "isin", "X", D, D), ("B", "figi", "Y", D, None)
    ),
    "issuers": frame("issuers", "issuer", ("I",)),
    "accounts": frame("accounts", "account book", ("1", "P")),
    "raw_prices": frame(
        "raw_prices",
        "business_date instrument close high low volume currency",
        (D, "A", 1.0, 2.0, 2.0, 0.0, ""),
        (D, "B", 2.0, float("nan"), 3.0, 7.0, "GBX"),
    ),
    "intraday_prices": frame("intraday_prices", "observed_at instrument price", ("2020-01-02T15:00Z", "A", 1.0)),
    "raw_fx_rates": frame("raw_fx_rates", "business_date base quote rate", (D, "EUR", "USD", 1.1)),
    "corporate_actions": frame(
        "corporate_actions",
        "action_id instrument kind ex_date numerator denominator status",
        ("1", "A", "split", D, 7.0, 1.0, "confirmed"),
        ("2", "A", "rename", D, float("nan"), float("nan"), "cancelled"),
    ),
    "elections": frame("elections", "action_id book choice elected_on", ("1", "P", "exercise", D)),
    "share_classes": frame(
        "share_classes",
        f"share_class book management_fee crystallisation launch_price {VALID}",
        ("A", "P", 0.01, "year", 100.0, D, None),
    ),
    "cash_rates": frame("cash_rates", f"book credit_rate debit_rate {VALID}", ("", -0.005, 0.07, D, None)),
    "volatilities": frame("volatilities", "business_date instrument volatility", (D, "A", 0.2)),
    "transactions": frame(
        "transactions",
        "transaction_id book kind trade_date settle_date",
        ("1", "P", "buy", D, D),
        ("2", "P", "fee", D, None),
    ),
    "benchmark_weights": frame("benchmark_weights", "business_date benchmark instrument weight", (D, "X", "A", -0.1)),
    "benchmark_levels": frame("benchmark_levels", "business_date benchmark level", (D, "X", 3000.0)),
    "risk_free_rates": frame("risk_free_rates", "business_date tenor rate", (D, "3M", -0.005)),
    "custodian_positions": frame("custodian_positions", "business_date book instrument quantity", (D, "P", "A", -3.0)),
    "custodian_cash": frame("custodian_cash", "business_date book balance", (D, "P", -3.0)),
    "administrator_nav": frame("administrator_nav", "business_date book nav", (D, "P", -3.0)),
    "fundamentals": frame(
        "fundamentals",
        "instrument period_start period_end field published_at value",
        ("A", None, D, "assets", "2020-02-01T00:00Z", 0.0),
        ("A", "2019-01-01", D, "revenue", "2020-02-01T00:00Z", 0.0),
    ),
    "alternative_data": frame("alternative_data", "series observed_on value usable_from", ("vix", D, 12.0, D)),
    "limits": frame(
        "limits", f"limit measure dimension basis hard {VALID}", ("l", "var", "sector", "nav", 0.1, D, None)
    ),
    "limit_raises": frame(
        "limit_raises", f"limit hard reason owner approved_by {VALID}", ("l", 0.1, "rebalancing", "ann", "bob", D, D)
    ),
    "var_models": frame(
        "var_models", f"method horizon_days window decay {VALID}", ("filtered", 10.0, 500.0, 0.97, D, None)
    ),
    "risk_factors": frame("risk_factors", f"factor kind instrument {VALID}", ("market", "market", "A", D, None)),
    "proxies": frame("proxies", f"dimension bucket proxy beta {VALID}", ("sector", "Energy", "A", 1.1, D, None)),
    "constituents": frame("constituents", "business_date fund instrument weight", (D, "F", "A", -0.1)),
    "liquidity_rules": frame(
        "liquidity_rules", f"dimension bucket participation spread {VALID}", ("sector", "Energy", 0.2, 0.0, D, None)
    ),
    "redemption_terms": frame(
        "redemption_terms", f"book redemption_fraction notice_days {VALID}", ("", 0.1, 1.0, D, None)
    ),
    "flow_rules": frame(
        "flow_rules", f"kind timing large_flow large_timing {VALID}", ("deposit", "middle", 0.1, "start", D, None)
    ),
    "benchmark_blends": frame("benchmark_blends", f"benchmark constituent weight {VALID}", ("M", "X", 0.6, D, None)),
    "benchmark_terms": frame(
        "benchmark_terms", f"benchmark return_kind rebalancing hedge_ratio {VALID}", ("M", "price", "month", 0.5, D, D)
    ),
    "performance_rules": frame(
        "performance_rules", f"periods_per_year target_return confidence {VALID}", (252.0, 0.02, 0.95, D, None)
    ),
    "attribution_rules": frame(
        "attribution_rules", f"levels interaction_rule anchor {VALID}", ("sector instrument", "shown", "total", D, None)
    ),
    **{
        name: frame(
            name,
            "business_date book reference kind trade_date settle_date quantity price",
            (D, "P", "r", "buy", D, D, 1, 2),
        )
        for name in ("custodian_transactions", "broker_transactions")
    },
    "reconciliations": frame(
        "reconciliations",
        f"reconciliation theirs_table grouping answer_hours {VALID}",
        ("cash", "custodian_cash", "net", 24.0, D, None),
    ),
    "tolerances": frame(
        "tolerances",
        f"reconciliation compared_field tolerance_amount tolerance_fraction {VALID}",
        ("cash", "settled", 0.01, 0.0, D, None),
    ),
    "close_rules": frame("close_rules", f"material_bp closed_period {VALID}", (5.0, "post", D, None)),
    "deadlines": frame("deadlines", f"step due_time due_days {VALID}", ("nav", "18:30", 0.0, D, None)),
    "rules": frame("rules", f"rule kind dimension basis {VALID}", ("r", "prohibited", "sector", "nav", D, D)),
    "price_sources": frame("price_sources", "sources max_stale tolerance", ("x y", 0.0, 0.01)),
    "expected_feeds": frame("expected_feeds", "feed", ("prices",)),
    "price_overrides": frame(
        "price_overrides",
        f"override_id instrument price reason entered_by approved_by {VALID}",
        ("1", "A", 5.0, "why", "ann", "bob", D, D),
    ),
}
BAD = [
    ("books", "lot_method", "newest"),
    ("books", "base_currency", "usd"),
    ("instruments", "multiplier", 0.0),
    ("instruments", "lot_size", float("nan")),
    ("identifiers", "value", ""),
    ("identifiers", "valid_to", "2020-01-01"),
    ("issuers", "issuer", ""),
    ("accounts", "book", ""),
    ("raw_prices", "close", 0.0),
    ("raw_prices", "high", 1.9),
    ("raw_prices", "volume", -1.0),
    ("raw_prices", "currency", "Gbx"),
    ("raw_prices", "price_basis", "dirty"),
    ("raw_prices", "instrument", ""),
    ("intraday_prices", "price", -1.0),
    ("intraday_prices", "source", ""),
    ("raw_fx_rates", "rate", -1.0),
    ("raw_fx_rates", "quote", "EUR"),
    ("raw_fx_rates", "base", "euro"),
    ("corporate_actions", "kind", "gift"),
    ("corporate_actions", "denominator", 0.0),
    ("corporate_actions", "withholding_rate", 15.0),
    ("corporate_actions", "ex_date", None),
    ("elections", "choice", "perhaps"),
    ("elections", "book", ""),
    ("share_classes", "management_fee", 1.5),
    ("share_classes", "crystallisation", "never"),
    ("cash_rates", "debit_rate", 7.0),
    ("cash_rates", "currency", "usd"),
    ("volatilities", "volatility", 0.0),
    ("transactions", "kind", "gift"),
    ("transactions", "trade_date", None),
    ("transactions", "settle_date", "2020-01-01"),
    ("benchmark_weights", "weight", float("nan")),
    ("benchmark_levels", "level", 0.0),
    ("risk_free_rates", "rate", 5.0),
    ("custodian_positions", "quantity", float("nan")),
    ("custodian_positions", "book", ""),
    ("custodian_cash", "balance", float("nan")),
    ("custodian_cash", "currency", ""),
    ("administrator_nav", "units", -1.0),
    ("fundamentals", "value", float("nan")),
    ("fundamentals", "period_start", "2020-01-03"),
    ("alternative_data", "usable_from", "2020-01-01"),
    ("alternative_data", "series", ""),
    ("limits", "measure", "guess"),
    ("limits", "hard", float("nan")),
    ("limit_raises", "approved_by", "ann"),
    ("limit_raises", "valid_to", "2020-01-01"),
    ("var_models", "method", "guess"),
    ("var_models", "decay", 1.1),
    ("risk_factors", "kind", "luck"),
    ("proxies", "proxy", ""),
    ("constituents", "weight", float("nan")),
    ("liquidity_rules", "participation", 2.0),
    ("redemption_terms", "redemption_fraction", 1.5),
    ("flow_rules", "timing", "noon"),
    ("flow_rules", "large_flow", 0.0),
    ("benchmark_blends", "constituent", ""),
    ("benchmark_terms", "hedge_ratio", 1.5),
    ("benchmark_terms", "rebalancing", "often"),
    ("performance_rules", "periods_per_year", 0.0),
    ("performance_rules", "confidence", 95.0),
    ("attribution_rules", "linking", "hope"),
    ("attribution_rules", "levels", ""),
    ("rules", "valid_to", "2020-01-01"),
    ("rules", "kind", "wish"),
    ("price_sources", "tolerance", 5.0),
    ("price_sources", "max_stale", -1.0),
    ("expected_feeds", "feed", "gossip"),
    ("custodian_transactions", "kind", "gift"),
    ("broker_transactions", "price", 0.0),
    ("reconciliations", "theirs_table", "gossip"),
    ("reconciliations", "answer_hours", 0.0),
    ("tolerances", "compared_field", "colour"),
    ("tolerances", "tolerance_fraction", 2.0),
    ("close_rules", "closed_period", "hope"),
    ("close_rules", "material_bp", 0.0),
    ("deadlines", "step", "lunch"),
    ("deadlines", "due_time", "half past six"),
    ("price_overrides", "approved_by", "ann"),
    ("price_overrides", "price", 0.0),
]


def found(name, rows):
    return validate(name, suites.SUITES[name], tables.conform(name, rows))


def test_every_delivered_table_has_a_suite_and_each_is_tried():
    assert set(suites.SUITES) == {*tables.FILES.values(), *tables.DECIDED}
    assert set(GOOD) == set(suites.SUITES)
    assert {name for name, _, _ in BAD} == set(suites.SUITES)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_good_facts_pass(name):
    verdict = found(name, GOOD[name])
    assert verdict.passed, verdict.failed
    assert verdict.evaluated == len(suites.SUITES[name])


@pytest.mark.parametrize(("name", "column", "value"), BAD)
def test_bad_facts_fail_by_name(name, column, value):
    rows = GOOD[name].tail(1)
    typed = rows[column].dtype
    values = [value] if typed in ("str", "float64") else frame(name, column, (value,))[column].to_numpy()
    verdict = found(name, rows.assign(**{column: values}).astype({column: typed}))
    assert not verdict.passed
    assert any(column in failure for failure in verdict.failed)


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"transactions"}))
def test_a_key_twice_fails(name):
    rows = GOOD[name]
    verdict = found(name, rows.take([0, 0]).reset_index(drop=True))
    assert len(verdict.failed) == 1


def test_no_rows_meet_every_expectation():
    verdict = found("raw_prices", tables.empty("raw_prices"))
    assert verdict.passed
    assert verdict.evaluated == len(suites.SUITES["raw_prices"])


def test_every_column_named_is_one_of_the_table():
    for name, suite in suites.SUITES.items():
        for item in suite:
            kwargs = item["kwargs"]
            named = {kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs}
            assert {*named, *kwargs.get("column_list", [])} <= set(tables.TABLES[name].names)


def test_every_kind_of_the_contract_is_known():
    kinds = next(item for item in suites.SUITES["transactions"] if item["kwargs"].get("column") == "kind")
    assert len(set(kinds["kwargs"]["value_set"])) == 18
