"""What is expected of delivered facts before anything is derived from them: Great Expectations suites, as data.

Belongs here: expectations on one table of facts alone, each as {type, kwargs}. Does not belong here: running them
(``resources.validator``), refusing rows (``daybook.intake``), and findings that need positions or NAV (``quality``).

Intake refuses rows one by one; these ask once more, of the whole, what stands after files, corrections and decisions.
"""

from collections.abc import Mapping
from typing import Any

from daybook.intake import terms
from daybook.market import currencies
from daybook.tables import TABLES

Expectation = dict[str, Any]
Suite = list[Expectation]

CURRENCY = "^[A-Z]{3}$"


def _expect(what: str, **kwargs: Any) -> Expectation:
    return {"type": f"expect_{what}", "kwargs": kwargs}


def _named(*columns: str) -> Suite:
    """Text that is there: missing text is empty in a frame, not null."""
    return [_expect("column_value_lengths_to_be_between", column=column, min_value=1) for column in columns]


def _given(*columns: str) -> Suite:
    return [_expect("column_values_to_not_be_null", column=column) for column in columns]


def _positive(*columns: str) -> Suite:
    """Above zero where they are given."""
    return [_expect("column_values_to_be_between", column=column, min_value=0, strict_min=True) for column in columns]


def _between(column: str, low: float, high: float | None) -> Expectation:
    return _expect("column_values_to_be_between", column=column, min_value=low, max_value=high)


def _money(*columns: str) -> Suite:
    return [_expect("column_values_to_match_regex", column=column, regex=CURRENCY) for column in columns]


def _words(table: str, *columns: str) -> Suite:
    """One of the words that intake knows; empty where the column may be left out."""
    needed = TABLES[table].required
    return [
        _expect(
            "column_values_to_be_in_set",
            column=column,
            value_set=[*terms.ONE_OF[table, column], *([] if column in needed else [""])],
        )
        for column in columns
    ]


def _not_before(later: str, earlier: str) -> Expectation:
    """``later`` is missing, or not less than ``earlier``."""
    return _expect(
        "column_pair_values_a_to_be_greater_than_b",
        column_A=later,
        column_B=earlier,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    )


def _differ(*columns: str) -> Expectation:
    return _expect("select_column_values_to_be_unique_within_record", column_list=list(columns))


def _key(table: str, *more: str) -> Suite:
    """No key twice."""
    columns = [*TABLES[table].key, *more]
    if len(columns) == 1:
        return [_expect("column_values_to_be_unique", column=columns[0])]
    return [_expect("compound_columns_to_be_unique", column_list=columns)]


SUITES: Mapping[str, Suite] = {
    "books": [
        *_named("book", "calendar"),
        *_money("base_currency"),
        *_words("books", "lot_method", "lot_pool"),
        *_key("books", "valid_from"),
    ],
    "instruments": [
        *_named("instrument", "asset_class", "exchange"),
        *_money("currency"),
        *_given("multiplier", "lot_size"),
        *_positive("multiplier", "lot_size"),
        *_key("instruments", "valid_from"),
    ],
    "identifiers": [
        *_named("instrument", "scheme", "value"),
        _not_before("valid_to", "valid_from"),
        *_key("identifiers"),
    ],
    "issuers": [*_named("issuer"), *_key("issuers")],
    "accounts": [*_named("account", "book"), *_key("accounts", "valid_from")],
    "raw_prices": [
        *_named("instrument", "source"),
        *_given("close"),
        *_positive("close", "open", "high", "low"),
        _between("volume", 0, None),
        _not_before("high", "low"),
        _expect("column_values_to_match_regex", column="currency", regex="|".join((CURRENCY, "^$", *currencies.MINOR))),
        *_words("raw_prices", "price_basis"),
        *_key("raw_prices"),
    ],
    "intraday_prices": [
        *_named("instrument", "source"),
        *_given("observed_at", "price"),
        *_positive("price"),
        *_key("intraday_prices"),
    ],
    "raw_fx_rates": [
        *_named("source"),
        *_money("base", "quote"),
        _differ("base", "quote"),
        *_given("rate"),
        *_positive("rate"),
        *_key("raw_fx_rates"),
    ],
    "corporate_actions": [
        *_named("action_id", "instrument"),
        *_words("corporate_actions", "kind", "status"),
        *_given("ex_date"),
        *_positive("numerator", "denominator", "cash_in_lieu_price"),
        _between("withholding_rate", 0, 1),
        _between("cost_fraction", 0, 1),
        *_key("corporate_actions"),
    ],
    "elections": [
        *_named("action_id", "book"),
        *_words("elections", "choice"),
        *_given("elected_on"),
        *_key("elections"),
    ],
    "share_classes": [
        *_named("share_class", "book"),
        *_words("share_classes", "crystallisation"),
        *_positive("launch_price"),
        # Yearly fractions: one above 1 is a fee in per cent.
        _between("management_fee", 0, 1),
        _between("performance_fee", 0, 1),
        _not_before("valid_to", "valid_from"),
        *_key("share_classes"),
    ],
    "cash_rates": [
        *_money("currency"),
        _between("credit_rate", -0.1, 1),
        _between("debit_rate", -0.1, 1),
        _not_before("valid_to", "valid_from"),
        *_key("cash_rates"),
    ],
    "volatilities": [
        *_named("instrument", "source"),
        *_given("volatility"),
        *_positive("volatility"),
        *_key("volatilities"),
    ],
    "transactions": [
        *_named("transaction_id", "book"),
        *_words("transactions", "kind", "lot_method"),
        *_given("trade_date"),
        _not_before("settle_date", "trade_date"),
    ],
    "benchmark_weights": [*_named("benchmark", "instrument"), *_given("weight"), *_key("benchmark_weights")],
    "benchmark_levels": [
        *_named("benchmark"),
        *_given("level"),
        *_positive("level"),
        *_key("benchmark_levels"),
    ],
    # A yearly fraction: one above 1 is a rate in per cent.
    "risk_free_rates": [*_money("currency"), *_given("rate"), _between("rate", -0.1, 1), *_key("risk_free_rates")],
    "custodian_positions": [*_named("book", "instrument"), *_given("quantity"), *_key("custodian_positions")],
    "custodian_cash": [*_named("book"), *_money("currency"), *_given("balance"), *_key("custodian_cash")],
    "administrator_nav": [*_named("book"), *_given("nav"), _between("units", 0, None), *_key("administrator_nav")],
    "fundamentals": [
        *_named("instrument", "field"),
        *_given("period_end", "published_at", "value"),
        _not_before("period_end", "period_start"),
        *_key("fundamentals"),
    ],
    "alternative_data": [
        *_named("series"),
        *_given("observed_on", "value"),
        _not_before("usable_from", "observed_on"),
        *_key("alternative_data"),
    ],
    "limit_raises": [
        *_named("limit", "reason", "approved_by"),
        *_given("hard", "valid_to"),
        _not_before("valid_to", "valid_from"),
        _differ("owner", "approved_by"),
        *_key("limit_raises"),
    ],
    "var_models": [
        *_words("var_models", "method", "scaling", "volatility_model", "distribution"),
        *_positive("horizon_days", "window", "paths", "degrees_of_freedom"),
        _between("decay", 0, 1),
        _not_before("valid_to", "valid_from"),
        *_key("var_models"),
    ],
    "risk_factors": [
        *_named("factor"),
        *_words("risk_factors", "kind"),
        _not_before("valid_to", "valid_from"),
        *_key("risk_factors"),
    ],
    "proxies": [
        *_named("bucket", "proxy"),
        *_words("proxies", "dimension"),
        *_given("beta"),
        _not_before("valid_to", "valid_from"),
        *_key("proxies"),
    ],
    "constituents": [*_named("fund", "instrument"), *_given("weight"), *_key("constituents")],
    "liquidity_rules": [
        *_named("bucket"),
        *_words("liquidity_rules", "dimension", "liquidity_bucket"),
        _between("participation", 0, 1),
        _between("spread", 0, None),
        _between("impact", 0, None),
        _not_before("valid_to", "valid_from"),
        *_key("liquidity_rules"),
    ],
    "redemption_terms": [
        _between("redemption_fraction", 0, 1),
        _between("notice_days", 0, None),
        _not_before("valid_to", "valid_from"),
        *_key("redemption_terms"),
    ],
    "flow_rules": [
        *_words("flow_rules", "kind", "timing", "large_timing"),
        *_positive("large_flow"),
        _not_before("valid_to", "valid_from"),
        *_key("flow_rules"),
    ],
    "benchmark_blends": [
        *_named("benchmark", "constituent"),
        *_given("weight"),
        _not_before("valid_to", "valid_from"),
        *_key("benchmark_blends"),
    ],
    "benchmark_terms": [
        *_named("benchmark"),
        *_words("benchmark_terms", "return_kind", "rebalancing"),
        _between("hedge_ratio", 0, 1),
        _not_before("valid_to", "valid_from"),
        *_key("benchmark_terms"),
    ],
    "performance_rules": [
        *_positive("periods_per_year"),
        _between("target_return", -1, 1),
        _between("confidence", 0, 1),
        _not_before("valid_to", "valid_from"),
        *_key("performance_rules"),
    ],
    "attribution_rules": [
        *_named("levels"),
        *_words(
            *("attribution_rules", "method", "interaction_rule", "anchor", "linking", "imputation", "currency_method")
        ),
        _not_before("valid_to", "valid_from"),
        *_key("attribution_rules"),
    ],
    "limits": [
        *_named("limit"),
        *_words("limits", "measure", "dimension", "basis"),
        *_given("hard"),
        _not_before("valid_to", "valid_from"),
        *_key("limits"),
    ],
    "rules": [
        *_named("rule"),
        *_words("rules", "kind", "dimension", "basis"),
        _not_before("valid_to", "valid_from"),
        *_key("rules"),
    ],
    "price_sources": [
        *_named("sources"),
        _between("max_stale", 0, None),
        _between("tolerance", 0, 1),
        _not_before("valid_to", "valid_from"),
        *_key("price_sources"),
    ],
    **{
        name: [
            *_named("book", "reference"),
            *_words(name, "kind"),
            *_positive("price"),
            _not_before("settle_date", "trade_date"),
            *_key(name),
        ]
        for name in ("custodian_transactions", "broker_transactions")
    },
    "reconciliations": [
        *_named("reconciliation"),
        *_words("reconciliations", "theirs_table", "grouping"),
        *_positive("answer_hours"),
        *_key("reconciliations"),
    ],
    "tolerances": [
        *_named("reconciliation"),
        *_words("tolerances", "compared_field"),
        *(_between(name, 0, None) for name in ("tolerance_amount", "tolerance_bp", "tolerance_days")),
        _between("tolerance_fraction", 0, 1),
        *_key("tolerances"),
    ],
    "close_rules": [
        *_words("close_rules", "closed_period"),
        *_positive("material_bp", "material_sum_bp", "material_base", "unexplained_bp", "nav_error_bp"),
        *_key("close_rules"),
    ],
    "deadlines": [
        *_words("deadlines", "step"),
        _expect("column_values_to_match_regex", column="due_time", regex=terms.CLOCK),
        _between("due_days", 0, None),
        *_key("deadlines"),
    ],
    "expected_feeds": [
        *_words("expected_feeds", "feed"),
        _not_before("valid_to", "valid_from"),
        *_key("expected_feeds"),
    ],
    "price_overrides": [
        *_named("instrument", "reason", "entered_by", "approved_by"),
        _differ("entered_by", "approved_by"),
        *_given("price", "valid_from", "valid_to"),
        *_positive("price"),
        _not_before("valid_to", "valid_from"),
        *_key("price_overrides"),
    ],
}
"""Table of facts -> what is expected of its rows."""
