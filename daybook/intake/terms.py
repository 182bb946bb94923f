"""Terms: what the columns of delivered files may say, table by table.

Belongs here: enumerations, signs, roundings and needs of columns, as data. Does not belong here: applying them
(``rows``), and rules that look at more than one row (``transactions``).
"""

from collections.abc import Mapping

from daybook import tables
from daybook.ledger import day_count

LOT_METHODS = ("fifo", "lifo", "highest", "lowest", "average", "specific", "uk")
CHOICES = ("exercise", "lapse", "cash", "stock")
"""What a holder may elect where a corporate action leaves a choice."""
DIMENSIONS = ("instrument", "issuer", "sector", "country", "currency", "asset_class")
BASES = ("nav", "money", "benchmark")
GROUPED = ("parent", "strategy", "counterparty", "liquidity_bucket", "scenario")
"""Dimensions of limits beside those of exposures to instruments."""
VAR_METHODS = (*("historical", "age_weighted", "filtered", "parametric", "cornish_fisher", "monte_carlo", "factor"),)
LIQUIDITY_BUCKETS = ("highly_liquid", "moderately_liquid", "less_liquid", "illiquid")
"""Buckets of SEC rule 22e-4, fastest first."""
FLOW_KINDS = ("deposit", "withdrawal", "subscription", "redemption", "transfer_in", "transfer_out")
"""Kinds of transaction that are external flows."""
TIMINGS = ("start", "middle", "end")
TREE_LEVELS = ("sector", "industry", "country", "currency", "issuer", "asset_class", "exchange", "instrument")
"""Attributes of instruments that a tree of attribution can be made of."""
RECONCILED = (
    *("custodian_positions", "custodian_cash", "custodian_transactions", "broker_transactions", "administrator_nav"),
)
"""Facts that the books are compared with."""
COMPARED_FIELDS = (
    *("quantity", "settled", "market_value", "price", "net_amount", "trade_date", "settle_date"),
    *("nav", "units", "nav_per_unit"),
)
STEPS = ("prices", "books", "nav", "reconciliation", "risk", "pack", "close")
"""Steps of the day that may have a deadline, in their order."""
LINKINGS = ("carino", "menchero", "grap", "frongello", "davies_laker", "geometric")

UNIT_KINDS = ("buy", "sell", "transfer_in", "transfer_out", "expiry", "exercise", "assignment")
"""Kinds of transaction whose quantity is a number of units of an instrument."""
MONEY_KINDS = (
    *("deposit", "withdrawal", "dividend", "interest", "fee", "tax"),
    *("subscription", "redemption", "variation_margin"),
)
"""Kinds of transaction whose quantity is an amount of money; a negative one turns the direction round."""
TRADES = ("buy", "sell")
"""Kinds of transaction that need an open market."""

ONE_OF: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("books", "lot_method"): LOT_METHODS,
    ("books", "lot_pool"): ("book", "strategy", "entity"),
    ("raw_prices", "price_basis"): ("raw", "adjusted"),
    ("corporate_actions", "kind"): (
        *("split", "cash_dividend", "stock_dividend", "spin_off", "merger", "rights", "rename", "delisting"),
        "return_of_capital",
    ),
    ("corporate_actions", "status"): ("confirmed", "cancelled"),
    ("corporate_actions", "default_choice"): CHOICES,
    ("elections", "choice"): CHOICES,
    ("instruments", "lot_method"): LOT_METHODS,
    ("instruments", "option_type"): ("call", "put"),
    ("instruments", "exercise_style"): ("american", "european"),
    ("instruments", "delivery_kind"): ("physical", "cash"),
    ("share_classes", "crystallisation"): ("month", "quarter", "year"),
    ("share_classes", "day_count"): day_count.CONVENTIONS,
    ("cash_rates", "day_count"): day_count.CONVENTIONS,
    ("transactions", "kind"): (*UNIT_KINDS, *MONEY_KINDS, "fx", "cancel"),
    ("transactions", "lot_method"): LOT_METHODS,
    ("limits", "measure"): (
        *("long", "short", "gross", "net", "beta_adjusted", "notional", "var", "es", "drawdown", "stress_loss"),
        *("largest", "concentration", "liquidity"),
    ),
    ("limits", "dimension"): (*DIMENSIONS, *GROUPED),
    ("var_models", "method"): VAR_METHODS,
    ("limits", "method"): VAR_METHODS,
    ("var_models", "scaling"): ("overlapping", "square_root"),
    ("var_models", "volatility_model"): ("ewma", "garch", "gjr", "egarch"),
    ("var_models", "distribution"): ("normal", "student_t"),
    ("risk_factors", "kind"): ("market", "style", "sector", "currency", "rate", "commodity"),
    ("proxies", "dimension"): ("instrument", "issuer", "sector", "asset_class"),
    ("liquidity_rules", "dimension"): ("instrument", "issuer", "sector", "asset_class"),
    ("liquidity_rules", "liquidity_bucket"): LIQUIDITY_BUCKETS,
    ("limits", "basis"): BASES,
    ("flow_rules", "kind"): FLOW_KINDS,
    ("flow_rules", "timing"): TIMINGS,
    ("flow_rules", "large_timing"): TIMINGS,
    ("benchmark_terms", "return_kind"): ("price", "total"),
    ("benchmark_terms", "rebalancing"): ("daily", "month", "quarter", "year", "none"),
    ("attribution_rules", "method"): ("brinson_fachler", "brinson_hood_beebower"),
    ("attribution_rules", "interaction_rule"): ("shown", "selection", "allocation", "split"),
    ("attribution_rules", "anchor"): ("parent", "total"),
    ("attribution_rules", "linking"): LINKINGS,
    ("attribution_rules", "imputation"): ("portfolio", "benchmark"),
    ("attribution_rules", "currency_method"): ("ankrim_hensel", "karnosky_singer", "geometric"),
    ("expected_feeds", "feed"): tuple(sorted(tables.FILES)),
    ("reconciliations", "theirs_table"): RECONCILED,
    ("reconciliations", "grouping"): ("one_to_one", "one_to_many", "net"),
    ("tolerances", "compared_field"): COMPARED_FIELDS,
    ("close_rules", "closed_period"): ("restate", "post", "refuse"),
    ("deadlines", "step"): STEPS,
    ("custodian_transactions", "kind"): (*UNIT_KINDS, *MONEY_KINDS, "fx"),
    ("broker_transactions", "kind"): (*UNIT_KINDS, *MONEY_KINDS, "fx"),
    ("rules", "kind"): ("max_weight", "min_weight", "prohibited"),
    ("rules", "dimension"): DIMENSIONS,
    ("rules", "basis"): BASES,
}
"""Words that a column may hold; empty is judged by whether the column is needed."""

ASSET_CLASSES = ("equity", "etf", "fund", "bond", "future", "option", "forward", "cash", "index")
"""Asset classes that are valued in their own way, recognised in any case; others are free text."""

CURRENCIES = ("currency", "base_currency", "base", "quote")
"""Columns that hold three capital letters."""

MINOR_UNITS = (("raw_prices", "currency"), ("intraday_prices", "currency"))
"""Columns that may name a minor unit, GBX, in place of a currency."""

POSITIVE: Mapping[str, tuple[str, ...]] = {
    "raw_prices": ("close", "open", "high", "low"),
    "intraday_prices": ("price",),
    "raw_fx_rates": ("rate",),
    "price_sources": ("tolerance",),
    "benchmark_levels": ("level",),
    "corporate_actions": ("numerator", "denominator", "amount", "cash_in_lieu_price"),
    "transactions": ("price", "fx_rate"),
    "instruments": ("multiplier", "lot_size", "strike"),
    "elections": ("quantity",),
    "share_classes": ("launch_price", "swing_threshold"),
    "volatilities": ("volatility",),
    "var_models": ("window", "horizon_days", "degrees_of_freedom", "paths"),
    "liquidity_rules": ("participation", "daily_value"),
    "limits": ("horizon_days", "answer_hours"),
    "flow_rules": ("large_flow",),
    "performance_rules": ("periods_per_year",),
    "custodian_transactions": ("price",),
    "broker_transactions": ("price",),
    "reconciliations": ("answer_hours",),
    "close_rules": ("material_bp", "material_sum_bp", "material_base", "unexplained_bp", "nav_error_bp"),
}
"""Columns whose numbers are above zero where they are given."""

NOT_NEGATIVE: Mapping[str, tuple[str, ...]] = {
    "raw_prices": ("volume",),
    "price_sources": ("max_stale",),
    "instruments": ("coupon_rate", "coupon_frequency"),
    "share_classes": ("management_fee", "hurdle_rate", "unit_places", "price_places"),
    "cash_rates": ("overdraft_limit",),
    "liquidity_rules": ("spread", "impact"),
    "redemption_terms": ("notice_days",),
    "limits": ("worse_by",),
    "var_models": ("seed",),
    "tolerances": ("tolerance_amount", "tolerance_bp", "tolerance_days"),
    "expected_feeds": ("due_days",),
    "deadlines": ("due_days",),
}
"""Columns whose numbers may be zero, never below."""

FRACTIONS: Mapping[str, tuple[str, ...]] = {
    "corporate_actions": ("withholding_rate", "reclaim_rate", "cost_fraction"),
    "share_classes": ("performance_fee", "swing_factor"),
    "price_sources": ("tolerance",),
    "limits": ("confidence",),
    "var_models": ("decay",),
    "liquidity_rules": ("participation",),
    "redemption_terms": ("redemption_fraction",),
    "benchmark_terms": ("hedge_ratio",),
    "performance_rules": ("confidence",),
    "tolerances": ("tolerance_fraction",),
}
"""Columns whose numbers lie from 0 to 1."""

CLOCKS = ("expected_feeds", "deadlines")
"""Tables with a time of day (``due_time``) and the time zone of it."""
CLOCK = "^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"
"""A time of day: 18:30."""

MATCH_KEYS = ("book", "instrument", "kind", "currency", "trade_date", "settle_date", "transaction_id")
"""Columns by which lines of transactions may find each other."""

WORDS_OF: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("attribution_rules", "levels"): TREE_LEVELS,
    ("reconciliations", "match_keys"): MATCH_KEYS,
}
"""Columns that hold several words, separated by spaces."""

WHOLE: Mapping[str, tuple[str, ...]] = {
    "var_models": ("horizon_days", "window", "paths", "seed"),
    "limits": ("horizon_days",),
    "redemption_terms": ("notice_days",),
    "expected_feeds": ("due_days",),
    "deadlines": ("due_days",),
}
"""Columns whose numbers are whole."""

COUNTABLE = 2**53
"""Up to where every whole number is a number of 64 bits of its own."""

QUANTITY_PLACES, MONEY_PLACES = 8, 6
PLACES: Mapping[str, int] = {
    **dict.fromkeys(("quantity", "settled_quantity", "units"), QUANTITY_PLACES),
    **dict.fromkeys(
        ("market_value", "balance", "nav", "net_amount", "fees", "taxes", "accrued_interest", "cost"), MONEY_PLACES
    ),
}
"""Places to which columns are rounded, half to even; all others are kept as given."""

LIMITS: Mapping[int, float] = {QUANTITY_PLACES: 9e10, MONEY_PLACES: 9e12}
"""What the ledger's 64-bit integers hold at each number of places (9.2e18 units of the last place), rounded down."""

ABSURD: Mapping[str, float] = {"future": 1e8, "option": 1e8}
"""Quantities that no one trades at once, by asset class, in contracts: four times what all of CME Group trades on an
average day (26.5 million in 2024). Units of anything else may be worth next to nothing, so that nothing short of LIMITS
is absurd: single companies have issued 10^12 shares, and a bond's units are money."""

LONGEST: Mapping[tuple[str, str], int] = {("transactions", "transaction_id"): 500}
"""Most characters of a column: PostgreSQL cannot index a key of more than 2,700 bytes, four for a character at most."""

DATED = ("business_date", "trade_date", "observed_at", "published_at", "observed_on", "elected_on")
"""Columns that may not be later than the date in the file's name."""

ORDERED = (
    ("valid_from", "valid_to"),
    ("trade_date", "settle_date"),
    ("opened_on", "trade_date"),
    ("issue_date", "maturity_date"),
    ("period_start", "period_end"),
)
"""Pairs of dates of which the first is not later than the second, where both are given."""

ROW_DATE: Mapping[str, str] = {
    "intraday_prices": "observed_at",
    "corporate_actions": "ex_date",
    "transactions": "trade_date",
    "elections": "elected_on",
    "share_classes": "valid_from",
    "cash_rates": "valid_from",
    "fundamentals": "published_at",
    "alternative_data": "observed_on",
    "identifiers": "valid_from",
    "issuers": "valid_from",
    **dict.fromkeys(("limits", "limit_raises", "var_models", "risk_factors", "proxies"), "valid_from"),
    **dict.fromkeys(("liquidity_rules", "redemption_terms"), "valid_from"),
    **dict.fromkeys(("flow_rules", "benchmark_blends", "benchmark_terms"), "valid_from"),
    **dict.fromkeys(("performance_rules", "attribution_rules"), "valid_from"),
    **dict.fromkeys(("reconciliations", "tolerances", "close_rules", "deadlines"), "valid_from"),
    "rules": "valid_from",
    "price_sources": "valid_from",
    "expected_feeds": "valid_from",
    "books": "",
    "instruments": "",
    "accounts": "",
}
"""The date that a row is about; business_date where the table is not named, the date of delivery where it is empty."""

BY_DELIVERY = ("books", "instruments", "accounts")
"""Tables whose rows hold from the date in the file's name."""

MAY_BE_EMPTY = {
    ("limits", "book"),
    ("limit_raises", "book"),
    ("redemption_terms", "book"),
    ("flow_rules", "book"),
    ("performance_rules", "book"),
    ("attribution_rules", "book"),
    ("tolerances", "book"),
    ("close_rules", "book"),
    ("alternative_data", "instrument"),
    ("price_sources", "asset_class"),
    ("expected_feeds", "source"),
    ("cash_rates", "book"),
}
"""Parts of a key that may be empty."""

HOLD_CASH = (
    *("benchmark_weights", "constituents", "custodian_positions", "transactions", "alternative_data"),
    *("custodian_transactions", "broker_transactions"),
)
"""Tables in which CASH:<CCY> may stand in the column ``instrument``."""

SCHEMES = ("isin", "figi", "cusip", "sedol", "cik", "ticker")
"""Columns that may stand in place of ``instrument``."""

ACTION_NEEDS: Mapping[str, tuple[str, ...]] = {
    "split": ("numerator", "denominator"),
    "stock_dividend": ("numerator", "denominator"),
    "rights": ("numerator", "denominator"),
    "spin_off": ("numerator", "denominator", "new_instrument"),
    "cash_dividend": ("amount",),
    "return_of_capital": ("amount",),
}
"""What each kind of corporate action cannot do without; a merger has a choice, renames and delistings need nothing."""

DELIVERS = ("spin_off", "merger")
"""Kinds of corporate action that deliver another instrument."""

PAYS_CASH = ("cash_dividend", "return_of_capital")
"""Kinds of corporate action that post cash by themselves."""

TRANSACTION_NEEDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(TRADES, ("instrument", "quantity", "price")),
    **dict.fromkeys(UNIT_KINDS[2:], ("instrument", "quantity")),
    **dict.fromkeys(MONEY_KINDS, ("quantity", "currency")),
    "fx": ("instrument", "quantity", "price", "currency"),
    "cancel": ("corrects",),
}
"""What each kind of transaction cannot do without, beside book, kind and trade_date."""

WHOLE_TERMS: Mapping[str, tuple[str, ...]] = {
    "option": ("underlying", "maturity_date", "strike", "option_type", "exercise_style"),
    "forward": ("underlying", "maturity_date"),
}
"""Terms of an asset class of which all are needed where one is given."""

FREQUENCIES = (0, 1, 2, 4, 12)
"""Coupons a year."""

UNDOING: Mapping[str, tuple[str, str]] = {
    "transactions": ("kind", "cancel"),
    "corporate_actions": ("status", "cancelled"),
}
"""Rows that take another one back, and so need say no more than which: column and word."""
