"""Every table of Daybook: columns, types, units, key and meaning. The one place where a schema is written.

Belongs here: names, Arrow types, keys, defaults of input columns, and the three operations that need nothing else
(``conform``, ``empty``, ``content_hash``). Does not belong here: reading, writing, or any arithmetic on the rows.

A column is defined once, in ``COLUMNS``, and means the same in every table; a table may only narrow its meaning.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

Kind = Literal["fact", "result", "record"]

ARROW: Mapping[str, pa.DataType] = {
    "date": pa.date32(),
    "time": pa.timestamp("us", tz="UTC"),
    "text": pa.string(),
    "float": pa.float64(),
    "int": pa.int64(),
    "bool": pa.bool_(),
    "floats": pa.list_(pa.float64()),
}
PANDAS: Mapping[str, Any] = {
    "date": "datetime64[us]",
    "time": "datetime64[us, UTC]",
    "text": "str",
    "float": "float64",
    "int": "int64",
    "bool": "bool",
    "floats": "object",
}


class SchemaError(ValueError):
    """A frame does not have the columns or types that its table declares."""


@dataclass(frozen=True)
class Column:
    """A named, typed quantity with its unit and meaning."""

    name: str
    type: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """A table: what a row is, what identifies it, and where it is kept.

    ``fact``: append-only, what files and feeds delivered. ``result``: derived, replaced by ``business_date``.
    ``record``: kept in PostgreSQL. ``required`` and ``defaults`` matter for facts alone: how a delivered file may look.
    """

    name: str
    kind: Kind
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    meaning: str
    required: tuple[str, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema: what the lake stores."""
        return pa.schema([pa.field(column.name, ARROW[column.type]) for column in self.columns])


def _columns(text: str) -> dict[str, Column]:
    """Parse lines of ``name | type | unit | meaning``."""
    rows = [[part.strip() for part in line.split("|")] for line in text.strip().splitlines()]
    found = {row[0]: Column(row[0], row[1], row[2], row[3]) for row in rows}
    if len(found) < len(rows):
        raise ValueError("a column has two meanings")
    return found


COLUMNS = _columns("""
    business_date | date | | session of the exchange calendar that the row is about
    book | text | | a portfolio that has its own NAV
    instrument | text | | permanent internal id of a security, or CASH:<CCY>
    name | text | | display name
    base_currency | text | ISO 4217 | currency of the book's NAV
    benchmark | text | | id of the benchmark
    strategy | text | | names the declared policy that makes the book's targets
    calendar | text | MIC | exchange calendar of the book
    inception_date | date | | first date of the book
    lot_method | text | | fifo, lifo, highest, lowest, average, specific or uk
    lot_pool | text | | whose lots are matched together: book, strategy or entity
    entity | text | | legal entity that owns the book
    parent_book | text | | the book above in the hierarchy
    shorts | bool | | whether the book may hold negative positions
    custodian_account | text | | the custodian's name of the book
    asset_class | text | | equity, etf, fund, bond, future, option, forward, cash, index
    currency | text | ISO 4217 | currency of the money in the row that has no suffix _base
    exchange | text | MIC | market where the instrument trades
    sector | text | | free text; empty is Unclassified
    country | text | | country of risk
    issuer | text | | who stands behind the instrument
    multiplier | float | units | money per point of price
    lot_size | float | units | smallest quantity that a proposed order may have
    scheme | text | | isin, figi, cusip, sedol, cik or ticker
    valid_from | date | | first date on which the row holds
    valid_to | date | | last date on which the row holds; empty: still does
    value | float | | the number that was measured, compared or delivered
    parent | text | | issuer above in the group
    country_of_risk | text | | country whose risk the issuer carries
    account | text | | account at a custodian or broker
    custodian | text | | who keeps the assets
    kind | text | | kind of the row, in the words of the contract
    basis | text | | what the amount is measured on or against
    source | text | | who delivered the fact
    close | float | currency per unit | closing price
    open | float | currency per unit | opening price
    high | float | currency per unit | highest price
    low | float | currency per unit | lowest price
    volume | float | units | quantity traded
    price_basis | text | | raw, or adjusted for splits and dividends by the vendor
    observed_at | time | UTC | instant of the observation
    price | float | currency per unit | price of one unit; a bond's is clean per 100
    base | text | ISO 4217 | the currency of which one unit is priced
    quote | text | ISO 4217 | the currency in which it is priced
    rate | float | quote per base | units of quote for one unit of base; a yearly fraction in risk_free_rates
    action_id | text | | permanent id of a corporate action
    announced_date | date | | when the action was announced
    ex_date | date | | first session on which a buyer is not entitled
    record_date | date | | date of the holder register
    pay_date | date | | when the entitlement becomes cash or securities
    numerator | float | units | new units
    denominator | float | | old units of an action; what a figure is divided by, in base currency
    amount | float | currency per old unit | gross amount; of rights the price of a new unit
    new_instrument | text | | instrument delivered by the action
    cost_fraction | float | fraction | share of cost that goes to the new instrument
    withholding_rate | float | fraction | tax kept at source
    cash_in_lieu_price | float | currency per unit | price at which fractions are paid out
    status | text | | state of the row, in the words of the contract
    transaction_id | text | | permanent id of a transaction
    trade_date | date | | date of the trade
    booked_on | date | | session that books the row in place of that of trade_date, whose period was closed; else empty
    settle_date | date | | date on which cash and securities change hands
    quantity | float | units | signed position or trade quantity; positive in transactions, orders and realised
    fees | float | currency | brokerage and other fees
    taxes | float | currency | transaction taxes
    accrued_interest | float | currency | interest bought or sold with a bond
    fx_rate | float | base currency per currency | turns the row's currency into the book's
    executed_at | time | UTC | instant of the execution
    lot_id | text | | the lot that a specific sale closes
    cost | float | currency | cost with fees; negative for a short
    opened_on | date | | date on which a lot or break was opened
    counterparty | text | | who stood on the other side
    corrects | text | | transaction that this one removes or replaces
    weight | float | fraction | share of the whole; of NAV for positions
    level | float | index points | level of an index
    return_kind | text | | price, net or total
    tenor | text | | term of the rate, such as 3M
    day_count | text | | day count convention of the rate
    market_value | float | currency | value at the closing price; in nav: base currency, without cash
    balance | float | currency | cash on trade date: settled + unsettled
    nav | float | base currency | net asset value: market_value + cash + accruals
    units | float | units | fund units outstanding
    nav_per_unit | float | base currency per unit | NAV of one fund unit
    period_end | date | | end of the reporting period
    field | text | | name of the reported figure
    published_at | time | UTC | when the figure was published
    series | text | | name of the data series
    observed_on | date | | date of the observation
    usable_from | date | | first date on which the value may be used
    limit | text | | id of a limit
    measure | text | | what a limit is on: exposure, how it is spread, liquidity or a loss (docs/risk.md)
    dimension | text | | instrument, issuer, sector, country, currency, asset_class and others (docs/risk.md)
    bucket | text | | one value of the dimension; empty: each of them
    warning | float | | level at which a warning is due
    hard | float | | level that must not be passed
    owner | text | | who must act
    rule | text | | id of a compliance rule
    threshold | float | | level against which the value is compared
    known_at | time | UTC | when the source says it knew; never later than recorded_at
    recorded_at | time | UTC | when Daybook recorded the fact
    file | text | | name of the delivered file
    line | int | | line of the file, the header is line 1
    delivery | int | | sequence number of the delivery that brought the row
    settled_quantity | float | units | quantity whose settlement date has come
    cost_base | float | base currency | cost at the FX of the opening transactions
    unrealised | float | currency | market value less cost
    unrealised_base | float | base currency | base market value less base cost
    lot | text | | transaction that opened the lot
    unit_cost | float | currency per unit | cost / quantity
    pool | text | | name of the pool whose lots are matched together
    proceeds | float | currency | received, after fees; negative when a short is covered
    gain | float | currency | proceeds - cost
    gain_base | float | base currency | base proceeds - cost_base
    market_gain_base | float | base currency | gain x FX of the closing transaction
    currency_gain_base | float | base currency | gain_base - market_gain_base
    settled | float | currency | cash whose settlement date has come
    unsettled | float | currency | cash traded and not yet settled
    accrued | float | currency | receivable (+) or payable (-) income
    market_value_base | float | base currency | market value at closing FX
    exposure_base | float | base currency | economic exposure at closing FX
    price_source | text | | source of the price used
    reason | text | | why, in a sentence
    cash | float | base currency | sum of cash balances at closing FX
    accruals | float | base currency | sum of accrued at closing FX
    flows | float | base currency | external flows of the day, into the book positive
    price_pnl | float | base currency | opening quantity x change of price x closing FX
    fx_pnl | float | base currency | opening value x change of FX
    income | float | base currency | dividends and interest, net of withholding
    trading_pnl | float | base currency | traded quantity x (closing price - trade price)
    total | float | that of the parts | sum of the parts of the row
    break_id | text | | permanent id of a break
    ours | float | | what the books say
    theirs | float | | what the other side says
    difference | float | | theirs - ours
    impact_base | float | base currency | likely effect on NAV
    impact_bp | float | bp of NAV | likely effect on NAV
    cause | text | | likely cause
    daily_return | float | fraction | sum of P&L / (opening NAV + inflows)
    gross_return | float | fraction | daily_return before transactions of kind fee
    benchmark_return | float | fraction | opening weights x total returns, in base currency
    active_return | float | fraction | daily_return - benchmark_return
    cumulative_return | float | fraction | linked daily returns since inception
    method | text | | method of the figure
    segment | text | | sector, Cash or Unclassified
    portfolio_weight | float | fraction | opening weight in the book
    benchmark_weight | float | fraction | opening weight in the benchmark
    portfolio_return | float | fraction | return of the segment in the book
    allocation | float | fraction | effect of weighting the segment
    allocation_above | float | fraction | effect of weighting the nodes above, as it falls on the node
    selection | float | fraction | effect of choosing within the segment
    interaction | float | fraction | effect of both together
    currency_effect | float | fraction | effect of currency decisions
    trading | float | fraction | effect of the day's trades and fees
    scenario_set | text | | name of the scenarios
    pnl | floats | base currency | P&L by scenario, oldest first
    confidence | float | fraction | 0.99, not 99
    horizon_days | int | sessions | holding period
    var | float | base currency | minus the k-th smallest P&L
    es | float | base currency | minus the mean of the k smallest P&L
    nav_fraction | float | fraction | var / NAV
    scenarios | int | | number of scenarios used
    coverage | float | fraction | share that is there: of gross value by own history, of what a feed should bring
    convention | text | | how the figure was computed
    marginal | float | base currency per base currency | component / market value
    component | float | base currency | minus the position's P&L in the k-th scenario
    incremental | float | base currency | VaR - VaR without the position
    pnl_basis | text | | clean = price_pnl + fx_pnl + income; actual = total
    observations | int | | number of sessions that the figure rests on
    exceptions | int | | days on which the loss exceeded VaR
    kupiec_lr | float | | likelihood ratio of unconditional coverage (Kupiec 1995)
    kupiec_p | float | fraction | its p-value, chi-squared with 1 degree of freedom
    christoffersen_lr | float | | likelihood ratio of independence (Christoffersen 1998)
    christoffersen_p | float | fraction | its p-value, chi-squared with 1 degree of freedom
    zone | text | | green, yellow or red
    scenario | text | | name of the stress scenario
    pnl_fraction | float | fraction | P&L / NAV
    long | float | base currency | sum of positive exposures
    short | float | base currency | sum of negative exposures
    gross | float | base currency | long - short
    net | float | base currency | long + short
    gross_fraction | float | fraction | gross / NAV
    net_fraction | float | fraction | net / NAV
    utilisation | float | fraction | value / hard level
    target_weight | float | fraction | weight wanted
    policy | text | | policy that made the target
    side | text | | buy, sell, sell_short or buy_to_cover
    reference_price | float | currency per unit | price at which the order was sized
    column | text | | column of the file
    check | text | | name of the check
    severity | text | | info, warning or blocking
    version | int | | version of a close
    signed_by | text | | who signed
    order_id | text | | permanent id of an order
    filled | float | units | quantity executed
    execution_id | text | | permanent id of an execution
    broker | text | | who executed
    local_return | float | fraction | total return without the change of exchange rates, dividends gross
    price_return | float | fraction | price return in the instrument's currency, actions undone
    traded_quantity | float | units | signed quantity traded, in terms of the session
    consideration | float | currency | paid (-) or received (+) for trades, before fees
    external | float | currency | external money, into the book positive
    transferred_quantity | float | units | signed quantity moved in or out of the book
    fee_kind | float | currency | the part of fees that is of kind fee
    inflow | float | currency | the part of external that came in, without what went out on the same day
    transferred_in | float | units | the part of transferred_quantity that came in
    subscribed | float | currency | the part of inflow of the kind subscription
    redeemed | float | currency | the part of external that went out by the kind redemption, negative
    window_start | date | | first date of the window used
    window_end | date | | last date of the window used
    table_name | text | | table of facts that the row was delivered for
    sources | text | | sources in order of preference, the first one best, separated by spaces
    max_stale | float | sessions | age from which on a price that was carried forward blocks the close
    tolerance | float | fraction | by how much closes of two sources may differ and still mean the same price
    override_id | text | | number of the request under which the override was approved
    entered_by | text | | who asked for it
    approved_by | text | | the second person, who agreed
    market_close | float | currency per unit | closing price that an override in force stands in place of
    feed | text | | table in the name of the feed's files
    outcome | text | | complete, partial, empty, failed or missing
    rows | int | | rows taken in
    expected_rows | int | | rows of the session before, of what is expected; 0 where there were none
    whole | bool | | whether every line of the report could be read, so that what it does not list is nothing
    absent | int | | expected instruments, pairs or books that no source delivered
    cut | text | | time and place at which the rate was taken, such as LON-16:00
    period_start | date | | first date of the reporting period; empty for a figure at its end
    unit | text | | unit of the value, such as USD or shares
    form | text | | document in which the figure was reported, such as 10-K
    licence | text | | licence under which the data may be used
    first_value | float | | the value as first published
    first_published_at | time | UTC | when a figure for that period was first published
    wash_sales | bool | | whether losses that a purchase within 30 days makes void are flagged
    underlying | text | | instrument that a derivative is written on; CASH:<CCY> of a currency forward
    maturity_date | date | | last day of a bond, option, future or forward
    strike | float | currency per unit | price at which an option is exercised
    option_type | text | | call or put
    exercise_style | text | | american or european
    delivery_kind | text | | physical or cash: what an exercise or an expiry delivers
    coupon_rate | float | fraction | yearly coupon of a bond
    coupon_frequency | float | | coupons a year: 1, 2, 4 or 12; 0 for none
    issue_date | date | | date from which a bond's first coupon accrues
    election_deadline | date | | last date on which an election counts
    choices | text | | what holders may elect, separated by spaces; empty where there is nothing to elect
    default_choice | text | | what happens to holders that elect nothing
    reclaim_rate | float | fraction | part of the gross amount that the tax authority pays back of what was withheld
    choice | text | | what was elected: exercise, lapse, cash or stock
    elected_on | date | | date of the election
    share_class | text | | class of units of a book
    management_fee | float | fraction | yearly fee on net assets
    performance_fee | float | fraction | share of the gain above the high-water mark
    hurdle_rate | float | fraction | yearly return that must be passed before a performance fee is due
    crystallisation | text | | month, quarter or year: when a performance fee becomes due for good
    launch_price | float | currency per unit | NAV of one unit at the first subscription
    unit_places | float | | decimal places to which units are rounded
    price_places | float | | decimal places to which NAV per unit is rounded
    swing_threshold | float | fraction | net dealing, as a fraction of NAV, from which on the price swings
    swing_factor | float | fraction | by how much the price swings
    credit_rate | float | fraction | yearly interest on a positive balance
    debit_rate | float | fraction | yearly interest on a negative balance
    overdraft_limit | float | currency | overdraft agreed with the bank, positive
    volatility | float | fraction | standard deviation of returns, yearly where it is implied, else of a session
    term | text | | short or long: held for up to a year, or longer
    matching | text | | a lot method, or same_day, thirty_day or section_104: the rule that matched the lot
    sold_on | date | | trade date of the sale
    replacement | text | | transaction that bought the replacement
    disallowed | float | currency | part of the loss that the replacement makes void, positive
    disallowed_base | float | base currency | the same of the loss in base currency
    entitled_quantity | float | units | position at the close before ex_date
    gross_amount | float | currency | amount before tax; negative where a short owes it
    withheld | float | currency | tax kept at source
    reclaimable | float | currency | part of the tax that is claimed back
    net_amount | float | currency | money received (+) or paid or owed (-), without what is reclaimed
    new_quantity | float | units | signed units of new_instrument that the action brought
    given_quantity | float | units | signed units of instrument that the action took away
    moved_cost | float | currency | cost that went from instrument to new_instrument
    accrual_kind | text | | kind of corporate action, cash_in_lieu, reclaim, interest, variation_margin or kind of fee
    inflows | float | currency | money that settles on the day, received
    outflows | float | currency | money that settles on the day, paid; negative
    model | text | | model that made the price
    delta | float | units | change of the price per unit change of the underlying's
    spot | float | currency per unit | price of the underlying
    dividend_yield | float | fraction | continuous yearly yield of the underlying that a model assumed
    gross_value | float | base currency | value of the book before accrued fees of its share classes
    fee_payable | float | base currency | accrued and not paid yet, negative
    fee_paid | float | base currency | fees paid that had accrued before, positive
    nav_base | float | base currency | the class's part of the book's NAV
    high_water_mark | float | currency per unit | NAV per unit above which a performance fee accrues, before the hurdle
    subscriptions | float | currency | money that came in for units
    redemptions | float | currency | money that went out for units, negative
    swing_price | float | currency per unit | NAV per unit at which is dealt
    posting | int | | number of the posting within its transaction
    ledger_account | text | | account of the general ledger
    debit | float | currency | debited amount; a credit is negative
    realised_market | float | base currency | realised gains at the FX of the closing transactions
    realised_currency | float | base currency | realised gains by exchange rates
    unrealised_market | float | base currency | change of unrealised gains by prices
    unrealised_currency | float | base currency | change of unrealised gains by exchange rates
    opening | float | base currency | value at the close of the session before
    gains | float | base currency | what prices, trades and exchange rates brought
    carry | float | base currency | income and interest
    closing | float | base currency | value at the close
    holding | float | base currency | gains of what was held at the opening: price_pnl + fx_pnl
    outside_lots | float | base currency | gains that no lot shows: of cash, of trades away from the closing rate
    gap | float | base currency | what the parts do not explain; 0 by law
    fair_value_level | int | | 1 a price of the market, 2 from observable inputs, 3 otherwise (IFRS 13)
    start_of_day | float | units | position at the close of the session before, restated for the day's actions
    ordered | float | units | position if every open order is filled
    confirmed | float | units | position in the custodian's records
    projected | float | units | settled position when everything traded has settled
    notional | float | currency | what trades in futures and forwards agreed to pay (+) or receive (-), not settled yet
    discount_factor | float | fraction | value today of one unit of money at maturity
    variation | float | currency | gain of futures that moved from the future's row to its cash row
    manager | text | | who manages the book
    scaling | text | | overlapping returns over the horizon, or square_root: one session times the root of the horizon
    decay | float | fraction | weight of a session, and of its square, relative to the session after it
    volatility_model | text | | ewma, garch, gjr or egarch
    distribution | text | | normal or student_t
    degrees_of_freedom | float | | of Student's t
    paths | float | | simulated scenarios
    seed | float | | seed of the simulation
    window | float | sessions | how many sessions back the figure looks
    confidences | text | | confidences wanted, separated by spaces
    proxy | text | | instrument or risk factor whose return stands for one that is missing
    beta | float | fraction | return for one unit of return of the factor or proxy
    factor | text | | name of a risk factor
    fund | text | | fund, ETF or index future that is looked through
    participation | float | fraction | part of a day's volume that may be traded
    daily_value | float | base currency | value traded in a day, where no volume is delivered
    spread | float | fraction | bid-ask spread as a fraction of price
    impact | float | fraction | cost of trading a whole day's volume in a day, as a fraction of price
    liquidity_bucket | text | | highly_liquid, moderately_liquid, less_liquid or illiquid
    notice_days | float | sessions | between the order to redeem and its payment
    redemption_fraction | float | fraction | part of NAV that may be redeemed at once under stress
    soft | float | | level beyond which a limit needs a word from its owner
    look_through | bool | | whether funds and index futures are looked through
    worse_by | float | fraction | by how much worse, in utilisation, an acknowledged breach opens again
    answer_hours | float | hours | time in which the owner must answer a breach or a break
    proxy_coverage | float | fraction | share of gross value whose missing history a proxy stands for
    benchmark_var | float | base currency | VaR of the same NAV held in the benchmark
    weights | floats | fraction | probability of each scenario, empty where all are equal
    grouping | text | | firm, strategy, manager, entity or parent_book; of matched lines one_to_one, one_to_many or net
    member | text | | name of the group
    undiversified | float | base currency | sum of the VaR of the parts, each alone
    diversification | float | fraction | 1 - var / undiversified
    opening_var | float | base currency | VaR of the session before, as it was struck
    data_effect | float | base currency | change of VaR by facts of earlier sessions that changed since
    model_effect | float | base currency | change of VaR by what is declared of the model
    position_effect | float | base currency | change of VaR by what was traded
    market_effect | float | base currency | change of VaR by prices and by the scenarios that came and went
    closing_var | float | base currency | VaR of the session
    struck | int | | observations whose VaR is as it was struck; the others are derived again
    origin | text | | struck, reconstructed or both
    coverage_lr | float | | likelihood ratio of conditional coverage (Christoffersen 1998)
    coverage_p | float | fraction | its p-value, chi-squared with 2 degrees of freedom
    tuff_lr | float | | likelihood ratio of the time until the first exception (Kupiec 1995)
    tuff_p | float | fraction | its p-value, chi-squared with 1 degree of freedom
    tbf_lr | float | | likelihood ratio of the times between exceptions (Haas 2001)
    tbf_p | float | fraction | its p-value, chi-squared with as many degrees of freedom as exceptions
    mixed_lr | float | | likelihood ratio of the number of exceptions and of the times between them (Haas 2001)
    mixed_p | float | fraction | its p-value, chi-squared with one more degree of freedom than exceptions
    plus_factor | float | | Basel's addition to the multiplier of capital
    es_z | float | | statistic of the back-test of expected shortfall (Acerbi and Szekely 2014, test 2)
    es_p | float | fraction | probability of es_z or less, were P&L normal and VaR and ES right
    subject | text | | what is measured: an instrument, a book or a risk factor; what an act was done to
    subject_kind | text | | instrument, book or factor
    omega | float | | constant of the variance
    alpha | float | | weight of the last squared return
    gamma | float | | additional weight of the last squared loss
    persistence | float | | weight of the last variance
    log_likelihood | float | | of the fitted model
    risk_model | text | | time_series, statistical or fundamental
    exposure | float | | units of factor return in a return
    standard_error | float | | standard error of the estimate
    return_series | floats | fraction | factor returns by session, oldest first
    factor_volatility | float | fraction | volatility of a book that comes from the factor alone
    volatility_part | float | fraction | what the factor adds to the volatility of a book
    specific_volatility | float | fraction | standard deviation of a session's return that no factor explains
    r_squared | float | fraction | part of the variance that the factors explain
    loss_fraction | float | fraction | loss asked for, as a fraction of NAV
    shock | float | fraction | return of the factor in the scenario
    distance | float | | Mahalanobis distance of the scenario from no move, in standard deviations
    daily_volume | float | units | average daily volume
    days_to_liquidate | float | sessions | sessions until the position is sold at the declared participation
    liquidation_cost | float | base currency | expected cost of selling the position
    liquidated_fraction | float | fraction | part of the gross value of securities that is cash by then
    redemption_coverage | float | fraction | cash available / redemption under stress
    beta_adjusted | float | base currency | net exposure times beta to the market; 1 where none is known
    beta_coverage | float | fraction | share of gross exposure whose beta to the market is known
    notional_base | float | base currency | gross notional of derivatives and value of everything else
    headroom | float | | hard level - size of the value
    reached | text | | warning, soft or hard: the highest level reached, empty below all
    previous | float | | value of the session before
    consumed | float | | by how much the size of the value would be smaller without the trade
    breach_id | text | | permanent id of a breach
    acknowledged_by | text | | who acknowledged
    due_at | time | UTC | instant by which it is due; of a breach, until when the owner must answer
    comment | text | | what somebody said of it
    industry | text | | industry within the sector; free text; empty is Unclassified
    timing | text | | start, middle or end: when in its session a flow counts
    large_flow | float | fraction | flow, as a fraction of opening NAV, from which on large_timing holds
    large_timing | text | | timing of flows that are large
    constituent | text | | benchmark, or its published level, that a blend is made of
    rebalancing | text | | daily, month, quarter, year or none: when a blend returns to its weights
    hedge_ratio | float | fraction | part of foreign currency that is hedged
    periods_per_year | float | | sessions in a year, by which yearly figures are scaled
    target_return | float | fraction | yearly return below which a return counts as a loss (minimum acceptable return)
    levels | text | | attributes of instruments from the top of a tree down, separated by spaces
    interaction_rule | text | | shown, selection, allocation or split: where the interaction effect is put
    anchor | text | | parent or total: the benchmark return that the weight of a node is judged against
    linking | text | | method by which effects of sessions are linked over a period
    imputation | text | | portfolio or benchmark: whose return stands for a segment that the benchmark lacks
    currency_method | text | | ankrim_hensel, karnosky_singer or geometric
    hedged_return | float | fraction | return with foreign currency sold forward at its fair premium
    currency_return | float | fraction | return by change of exchange rates; of a row's whole less its local part
    period | text | | day, month, quarter, year (to date), one_year, three_years, five_years, ten_years or inception
    session_count | int | sessions | sessions of the period
    time_weighted | float | fraction | daily returns linked over the period, net of fees
    active_geometric | float | fraction | (1 + time_weighted) / (1 + benchmark_return) - 1
    money_weighted | float | fraction | internal rate of return over the whole period, not annualised
    xirr | float | fraction | internal rate of return a year
    modified_dietz | float | fraction | P&L / (opening NAV + flows weighted by time)
    simple_dietz | float | fraction | P&L / (opening NAV + half of the flows)
    linked_dietz | float | fraction | Modified Dietz of each month, and between large flows, linked
    timing_effect | float | fraction | money_weighted - time_weighted: what the timing of flows did
    annual_return | float | fraction | time_weighted a year; empty up to one year
    annual_benchmark | float | fraction | benchmark_return a year; empty up to one year
    close_date | date | | session whose close signed the figure
    signed_return | float | fraction | time_weighted, signed sessions as they were signed; empty: none is
    restated_sessions | int | sessions | signed sessions of the period that are computed otherwise now
    flow_date | date | | session of a flow
    day_weight | float | fraction | part of the period that the flow was in the book
    growth | float | fraction | time-weighted return from the flow to the end of the period
    effect | float | fraction | what the row adds to the whole
    ratio | text | | name of the ratio (docs/ratios.md)
    drawdown | float | fraction | loss from the peak, negative
    drawdown_rank | int | | 1 is the deepest
    peak_date | date | | session of the peak; empty where it is the start
    trough_date | date | | session of the lowest level
    recovered_on | date | | session on which the peak was reached again; empty: not yet
    sessions_to_trough | int | sessions | from the peak to the trough
    sessions_under_water | int | sessions | from the peak to the recovery, or to the end of the period
    node | text | | place in the tree: names from the top down, separated by ` / `; empty is the whole
    parent_node | text | | the node above; empty is the whole
    depth | int | | levels below the whole
    contribution | float | fraction | what the row added to the return of the whole
    passive_pnl | float | base currency | what the segment would have earned at the benchmark's return
    allocation_pnl | float | base currency | allocation in money
    selection_pnl | float | base currency | selection in money
    interaction_pnl | float | base currency | interaction in money
    hedge_weight | float | fraction | opening weight of currency bought (+) or sold (-) by forwards
    benchmark_hedge_weight | float | fraction | opening weight of currency bought (+) or sold (-) in the benchmark
    deposit_return | float | fraction | risk-free return in the row's currency over the session
    premium_effect | float | fraction | effect of the forward premiums of the currencies weighted
    portfolio_local_return | float | fraction | return of the row's part of the book in its own currency
    benchmark_local_return | float | fraction | return of the row's part of the benchmark in its own currency
    forward_premium | float | fraction | return of a fair forward on the currency over the session
    hedge_effect | float | fraction | effect of forwards
    portfolio_exposure | float | | units of factor return in the book
    benchmark_exposure | float | | units of factor return in the benchmark
    factor_return | float | fraction | return of the factor over the session
    average_weight | float | fraction | mean of the opening weights over the sessions of the period
    local_contribution | float | fraction | contribution without the change of exchange rates
    currency_contribution | float | fraction | contribution of the change of exchange rates
    active_weight | float | fraction | weight in the book less weight in the benchmark
    allocation_risk | float | fraction | part of active_risk that comes from weighting
    selection_risk | float | fraction | part of active_risk that comes from choosing within
    active_risk | float | fraction | part of the yearly tracking error; of the whole: tracking error
    standalone_risk | float | fraction | yearly volatility of what the row adds to the active return, by itself
    reconciliation | text | | id of a declared comparison of the books with somebody else's records
    theirs_table | text | | facts that the books are compared with, by the name of their files
    match_keys | text | | columns by which lines of both sides find each other, separated by spaces
    compared_field | text | | column of the matched lines that must agree
    tolerance_bp | float | bp of NAV | largest difference that is no break
    tolerance_fraction | float | fraction | largest difference that is no break, of the books' value
    tolerance_days | float | calendar days | largest difference of a date that is no break
    tolerance_amount | float | | largest difference that is no break, in the unit of the field
    material_bp | float | bp of NAV | one break or finding beyond this blocks the close
    material_sum_bp | float | bp of NAV | breaks beyond this in sum block the close
    material_base | float | base currency | one break beyond this blocks the close, whatever the NAV
    unexplained_bp | float | bp of NAV | unexplained P&L beyond this blocks the close; empty: beyond 50 warns
    attributed | float | base currency | P&L as the attribution in money adds it up
    moved | float | base currency | P&L as change of cash, values and accruals less flows
    explained | float | base currency | P&L on delivered prices and rates, of transactions and of actions
    unexplained | float | base currency | P&L on prices and rates in doubt, and what the administrator has otherwise
    doubted | float | base currency | unexplained P&L without sign, amount by amount
    doubted_bp | float | bp of NAV | doubted over NAV
    nav_error_bp | float | bp of NAV | error of a signed NAV beyond which it is material to investors
    closed_period | text | | what a transaction dated into a closed period does: restate, post or refuse
    reference | text | | the other side's own id of a transaction
    due_time | text | HH:MM | time of day by which something is due, local to its calendar or timezone
    due_days | float | sessions | sessions after the business date on which due_time is
    timezone | text | IANA | time zone of due_time; empty is that of the calendar
    step | text | | step of the day: a feed, or what is made of feeds
    expected_at | time | UTC | instant at which it will be done, as history has it
    done_at | time | UTC | instant at which it was done
    waits_for | text | | what must be done before, and is not
    critical | bool | | whether it lies on the path that decides when the day is done
    age | int | sessions | how long a break has been open, 1 on the first session
    party | text | | whose row it is: books, custodian or broker
    match_id | text | | names the rows of both sides that answer each other
    match_kind | text | | one_to_one, one_to_many, net, partial or none
    hypothesis_rank | int | | 1 is the likeliest
    lines_before | int | lines | lines of the custodian's statement of the book that differ from the books
    lines_after | int | lines | those that would still differ if the hypothesis were true
    residual | float | | what would be left of the difference if the hypothesis were true
    waiver_id | text | | id of a waiver
    event | int | | number of a human act, without gaps
    at | time | UTC | instant of the act
    person | text | | who acted
    act | text | | what was done
    payload | text | | all that was said, as canonical JSON
    marks | text | | short SHA-256 of each column of the act, in order: by them a changed column is named
    previous_hash | text | SHA-256 | hash of the act before
    event_hash | text | SHA-256 | hash of this act and of previous_hash
""")
FACT_COLUMNS = ("known_at", "recorded_at", "file", "line", "delivery")
"""What every fact carries. ``recorded_at`` and ``delivery`` are ours, never from a file."""
UNHASHED = frozenset({"known_at", "recorded_at", "file", "line", "delivery", "run_id"})
"""Columns that tell when and how a row arrived, not what it says."""

TABLES: dict[str, Table] = {}


def _table(
    name: str,
    kind: Kind,
    key: str,
    values: str,
    meaning: str,
    required: str = "",
    defaults: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
) -> None:
    """Register a table; ``types`` overrides the type of a column here alone."""
    names = [*key.split(), *values.split(), *(FACT_COLUMNS if kind == "fact" else ())]
    columns = tuple(
        Column(column.name, (types or {}).get(column.name, column.type), column.unit, column.meaning)
        for column in (COLUMNS[n] for n in names)
    )
    needed = tuple(dict.fromkeys([*key.split(), *required.split()])) if kind == "fact" else ()
    TABLES[name] = Table(name, kind, tuple(key.split()), columns, meaning, needed, defaults or {})


# -- facts: what files and feeds deliver ------------------------------------------------------------------------------
_table(
    "books", "fact", "book",
    "name base_currency benchmark strategy calendar inception_date lot_method lot_pool entity parent_book shorts"
    " custodian_account wash_sales manager valid_from",
    "Books of the firm; a row holds from valid_from (the date in the file's name), the first also before.",
    required="base_currency",
    defaults={"calendar": "XNYS", "lot_method": "fifo", "lot_pool": "book", "shorts": "true", "wash_sales": "true"},
)  # fmt: skip
_table(
    "instruments", "fact", "instrument",
    "name asset_class currency exchange sector country issuer multiplier lot_size lot_method underlying maturity_date"
    " strike option_type exercise_style delivery_kind coupon_rate coupon_frequency day_count issue_date industry"
    " valid_from",
    "Instruments; a row holds from valid_from (the date in the file's name), the first also before.",
    required="currency",
    defaults={"asset_class": "equity", "exchange": "XNYS", "multiplier": "1", "lot_size": "1", "coupon_frequency": "0"},
)  # fmt: skip
_table(
    "identifiers", "fact", "instrument scheme exchange valid_from", "value valid_to",
    "What an instrument is called by others, and when.",
    required="value", defaults={"exchange": "XNYS"}, types={"value": "text"},
)  # fmt: skip
_table("issuers", "fact", "issuer valid_from", "parent country_of_risk", "Issuers and the groups above them.")
_table(
    "accounts", "fact", "account", "book custodian kind currency basis valid_from",
    "Accounts at custodians and brokers; resolves a column account to a book.", required="book",
)  # fmt: skip
_table(
    "raw_prices", "fact", "business_date instrument source",
    "close open high low volume currency price_basis",
    "Prices as delivered by each source; files are named prices_<date>.",
    required="close", defaults={"price_basis": "raw"},
)  # fmt: skip
_table(
    "intraday_prices", "fact", "observed_at instrument source", "business_date price currency",
    "Prices seen during a session, its early and late hours included.", required="price",
)  # fmt: skip
_table(
    "raw_fx_rates", "fact", "business_date base quote source", "rate cut",
    "Exchange rates as delivered by each source; files are named fx_rates_<date>.", required="rate",
)  # fmt: skip
_table(
    "corporate_actions", "fact", "action_id",
    "instrument kind announced_date ex_date record_date pay_date numerator denominator amount currency"
    " new_instrument cost_fraction withholding_rate reclaim_rate cash_in_lieu_price choices default_choice"
    " election_deadline status",
    "Changes of terms and distributions; a newer row with the same id replaces the older.",
    required="instrument kind ex_date",
    defaults={"withholding_rate": "0", "reclaim_rate": "0", "status": "confirmed"},
)  # fmt: skip
_table(
    "elections", "fact", "action_id book", "choice quantity elected_on",
    "What books elected where a corporate action leaves a choice; an empty quantity means the whole entitlement.",
    required="choice elected_on",
)  # fmt: skip
_table(
    "transactions", "fact", "transaction_id",
    "book instrument kind trade_date settle_date quantity price currency fees taxes accrued_interest fx_rate"
    " executed_at lot_id lot_method action_id cost opened_on account counterparty share_class corrects source"
    " booked_on",
    "The log that the books are derived from; kept in PostgreSQL, exact.",
    required="book kind trade_date", defaults={"fees": "0", "taxes": "0"},
)  # fmt: skip
_table(
    "share_classes", "fact", "share_class valid_from",
    "book currency management_fee performance_fee hurdle_rate crystallisation day_count launch_price unit_places"
    " price_places swing_threshold swing_factor valid_to",
    "Classes of units of a book and the fees that they bear.", required="book",
    defaults={"management_fee": "0", "performance_fee": "0", "hurdle_rate": "0", "crystallisation": "year",
              "launch_price": "100", "unit_places": "4", "price_places": "4", "swing_factor": "0"},
)  # fmt: skip
_table(
    "cash_rates", "fact", "book currency valid_from",
    "credit_rate debit_rate day_count overdraft_limit valid_to",
    "Interest on cash balances and overdrafts agreed; an empty book means every book.",
    defaults={"credit_rate": "0", "debit_rate": "0", "day_count": "actual/360"},
)  # fmt: skip
_table(
    "volatilities", "fact", "business_date instrument source", "volatility",
    "Implied volatilities of options, or of what they are written on.", required="volatility",
)  # fmt: skip
_table(
    "benchmark_weights", "fact", "business_date benchmark instrument", "weight",
    "Benchmark weights at the close of business_date, used from the next session on.", required="weight",
)  # fmt: skip
_table(
    "benchmark_levels", "fact", "business_date benchmark", "level return_kind currency", "Published index levels.",
    required="level",
)  # fmt: skip
_table(
    "risk_free_rates", "fact", "business_date currency tenor", "rate day_count", "Risk-free rates per year.",
    required="rate",
)  # fmt: skip
_table(
    "custodian_positions", "fact", "business_date book instrument",
    "quantity settled_quantity market_value currency account", "Positions in the custodian's records.",
    required="quantity",
)  # fmt: skip
_table(
    "custodian_cash", "fact", "business_date book currency", "balance account", "Cash in the custodian's records.",
    required="balance",
)  # fmt: skip
_table(
    "administrator_nav", "fact", "business_date book", "nav units nav_per_unit", "NAV struck by the administrator.",
    required="nav",
)  # fmt: skip
_table(
    "custodian_transactions", "fact", "business_date book source reference",
    "transaction_id instrument kind trade_date settle_date quantity price net_amount currency account",
    "Transactions in the custodian's records, booked there on business_date.", required="kind",
)  # fmt: skip
_table(
    "broker_transactions", "fact", "business_date book source reference",
    "transaction_id instrument kind trade_date settle_date quantity price net_amount currency account counterparty",
    "Transactions that a broker confirmed on business_date.", required="kind",
)  # fmt: skip
_table(
    "reconciliations", "fact", "reconciliation valid_from",
    "theirs_table source match_keys grouping owner answer_hours valid_to",
    "Comparisons of the books with others' records; what no row declares has a default (docs/control.md).",
    required="theirs_table", defaults={"grouping": "one_to_many", "answer_hours": "24"},
)  # fmt: skip
_table(
    "tolerances", "fact", "reconciliation compared_field book valid_from",
    "tolerance_amount tolerance_fraction tolerance_bp tolerance_days valid_to",
    "What is compared, and the largest differences that are no break; an empty book means every book.",
)  # fmt: skip
_table(
    "close_rules", "fact", "book valid_from",
    "material_bp material_sum_bp material_base unexplained_bp nav_error_bp closed_period valid_to",
    "What stands against closing a book, and what may still come afterwards; an empty book means every book.",
    defaults={"material_bp": "50", "material_sum_bp": "50", "nav_error_bp": "50",
              "closed_period": "restate"},
)  # fmt: skip
_table(
    "deadlines", "fact", "step valid_from", "due_time due_days timezone valid_to",
    "When steps of the day are due; feeds have theirs in expected_feeds.", required="due_time",
    defaults={"due_days": "0"},
)  # fmt: skip
_table(
    "fundamentals", "fact", "instrument period_end field published_at", "value unit period_start form",
    "Reported figures, point in time.", required="value",
)  # fmt: skip
_table(
    "alternative_data", "fact", "instrument series observed_on", "value usable_from licence",
    "Other data series with the date from which they may be used; instrument may be empty.", required="value",
)  # fmt: skip
_table(
    "limits", "fact", "limit book valid_from",
    "measure dimension bucket basis warning soft hard method confidence horizon_days look_through answer_hours worse_by"
    " valid_to owner approved_by",
    "Risk and exposure limits; an empty book means every book.", required="measure hard",
    defaults={"basis": "nav", "look_through": "false", "answer_hours": "24", "worse_by": "0.1"},
    types={"horizon_days": "float"},
)  # fmt: skip
_table(
    "limit_raises", "fact", "limit book valid_from", "soft hard valid_to reason owner approved_by",
    "Temporary levels of limits, from valid_from to valid_to; an empty book means every book.",
    required="hard valid_to reason approved_by",
)  # fmt: skip
_table(
    "var_models", "fact", "method horizon_days valid_from",
    "window scaling decay volatility_model distribution degrees_of_freedom paths seed confidences valid_to",
    "How value at risk is computed; what no row declares has a default (docs/risk.md).",
    defaults={"horizon_days": "1"}, types={"horizon_days": "float", "decay": "float"},
)  # fmt: skip
_table(
    "risk_factors", "fact", "factor valid_from", "kind instrument benchmark series currency valid_to",
    "Risk factors and where their returns come from: an instrument, the level of a benchmark, a series of alternative"
    " data, or a currency.",
    required="kind",
)  # fmt: skip
_table(
    "proxies", "fact", "dimension bucket valid_from", "proxy beta valid_to",
    "What stands for returns that an instrument does not have; an instrument's own row goes before its issuer's,"
    " sector's and asset class's.",
    required="proxy", defaults={"beta": "1"},
)  # fmt: skip
_table(
    "constituents", "fact", "business_date fund instrument", "weight",
    "What funds and index futures hold, by weight, from that session on.", required="weight",
)  # fmt: skip
_table(
    "liquidity_rules", "fact", "dimension bucket valid_from",
    "participation daily_value spread impact liquidity_bucket valid_to",
    "How fast, and at what cost, positions can be sold; an instrument's own row goes before its sector's and asset"
    " class's.",
)  # fmt: skip
_table(
    "redemption_terms", "fact", "book valid_from", "notice_days redemption_fraction valid_to",
    "What investors may ask back at once under stress; an empty book means every book.",
    required="redemption_fraction", defaults={"notice_days": "1"},
)  # fmt: skip
_table(
    "flow_rules", "fact", "book kind valid_from", "timing large_flow large_timing valid_to",
    "When in its session an external flow counts, by kind of flow; an empty book means every book.",
    required="timing",
)  # fmt: skip
_table(
    "benchmark_blends", "fact", "benchmark constituent valid_from", "weight valid_to",
    "What a blended benchmark is made of: other benchmarks, by weight, from that date on.", required="weight",
)  # fmt: skip
_table(
    "benchmark_terms", "fact", "benchmark valid_from", "return_kind rebalancing hedge_ratio valid_to",
    "How the return of a benchmark is computed; what no row declares is total, daily rebalanced and unhedged.",
    defaults={"return_kind": "total", "rebalancing": "daily", "hedge_ratio": "0"},
)  # fmt: skip
_table(
    "performance_rules", "fact", "book valid_from", "periods_per_year target_return confidence valid_to",
    "Conventions of ratios: scale of a year, minimum acceptable return, tail; an empty book means every book.",
    defaults={"periods_per_year": "252", "target_return": "0", "confidence": "0.95"},
)  # fmt: skip
_table(
    "attribution_rules", "fact", "book valid_from",
    "method levels interaction_rule anchor linking imputation currency_method valid_to",
    "How a book's active return is attributed; an empty book means every book.",
    defaults={"method": "brinson_fachler", "levels": "sector industry instrument", "interaction_rule": "shown",
              "anchor": "parent", "linking": "carino", "imputation": "portfolio", "currency_method": "karnosky_singer"},
)  # fmt: skip
_table(
    "rules", "fact", "rule valid_from", "kind book dimension bucket basis warning threshold valid_to",
    "Compliance rules; an empty book means every book.", required="kind dimension",
    defaults={"basis": "nav"},
)  # fmt: skip
_table(
    "price_sources", "fact", "asset_class valid_from", "sources max_stale tolerance valid_to",
    "How the golden price of an asset class is chosen; an empty asset class means every other one.",
    required="sources",
)  # fmt: skip
_table(
    "expected_feeds", "fact", "feed source valid_from", "calendar due_time due_days timezone valid_to",
    "Feeds that must deliver on every session of a calendar; the source is the suffix of their files.",
)  # fmt: skip
_table(
    "price_overrides", "fact", "override_id",
    "instrument price currency valid_from valid_to reason entered_by approved_by",
    "Prices that two people put in place of the market's, from valid_from to valid_to; no file delivers them.",
    required="price",
)  # fmt: skip
_table(
    "custodian_reports", "fact", "business_date book kind source", "whole",
    "Books that a custodian (position, cash, transaction) or a broker (confirmation) reported; read off the register of"
    " deliveries, no file delivers them.",
)  # fmt: skip

# -- results: derived from facts, one partition a session -------------------------------------------------------------
_table("prices", "result", "business_date instrument",
       "close currency source status price_basis reason market_close file line",
       "Golden price of each instrument on each session.")  # fmt: skip
_table("fx_rates", "result", "business_date base quote", "rate source status reason cut",
       "Golden exchange rates.")  # fmt: skip
_table("returns", "result", "business_date instrument", "price_return local_return currency status",
       "Return of each instrument over the session, corporate actions undone.")  # fmt: skip
_table("feed_outcomes", "result", "business_date feed source",
       "calendar outcome rows expected_rows coverage absent file reason",
       "What each feed delivered that was expected, or came.")  # fmt: skip
_table("latest_fundamentals", "result", "business_date instrument field",
       "value unit period_start period_end published_at first_value first_published_at form file line",
       "The newest period's figure known at the end of the session, and as it was first published.")  # fmt: skip
_table("transfer_prices", "result", "business_date instrument", "close currency",
       "Prices at which securities came in whose cost was not stated.")  # fmt: skip
_table("lots", "result", "business_date book instrument lot",
       "opened_on quantity unit_cost cost currency cost_base pool account", "Open tax lots at the close.")  # fmt: skip
_table("realised", "result", "business_date book instrument transaction_id lot",
       "quantity proceeds cost gain currency gain_base market_gain_base currency_gain_base opened_on term matching",
       "Gains realised, one row per closing transaction and lot.")  # fmt: skip
_table("wash_sales", "result", "business_date book instrument transaction_id lot replacement",
       "sold_on quantity disallowed disallowed_base currency",
       "Losses that a purchase within 30 days of the sale makes void (US), on the session that shows it.")  # fmt: skip
_table("entitlements", "result", "business_date book instrument action_id",
       "kind entitled_quantity gross_amount withheld reclaimable net_amount currency pay_date choice new_instrument"
       " new_quantity given_quantity moved_cost",
       "What corporate actions did to each book, on the session on which the books posted it.")  # fmt: skip
_table("confirmations", "result", "business_date book instrument action_id currency", "ours theirs",
       "Dividend transactions that name a corporate action: its money so far, and what they say.")  # fmt: skip
_BOOKED = {
    "cash": ("business_date book currency", "settled unsettled accrued balance"),
    "activity": ("business_date book instrument currency",
                 "traded_quantity consideration fees income external transferred_quantity fee_kind inflow"
                 " transferred_in subscribed redeemed variation notional"),
    "accruals": ("business_date book currency accrual_kind", "amount"),
    "postings": ("business_date book transaction_id posting",
                 "kind ledger_account instrument currency debit quantity"),
    "failures": ("business_date book", "reason"),
}  # fmt: skip
"""Key and values of tables that there are twice: as the log alone gives them, and with fees of share classes."""
_table("ledger_cash", "result", *_BOOKED["cash"],
       "Cash at the close, by currency, before fees that share classes bear.")  # fmt: skip
_table("ledger_activity", "result", *_BOOKED["activity"],
       "What was posted in the session, before fees that share classes bear.")  # fmt: skip
_table("ledger_accruals", "result", *_BOOKED["accruals"],
       "What accrued money is made of, before fees that share classes bear.")  # fmt: skip
_table("ledger_postings", "result", *_BOOKED["postings"],
       "What transactions and actions debit and credit, before fees that share classes bear.")  # fmt: skip
_table("ledger_failures", "result", *_BOOKED["failures"],
       "Books that the log alone could not give, by name.")  # fmt: skip
_table("accruals", "result", *_BOOKED["accruals"], "What the accrued money of each book is made of.")
_table("cash_ladder", "result", "business_date book currency settle_date", "inflows outflows balance",
       "Settled cash to come, by settlement date, from what is traded and entitled.")  # fmt: skip
_table("position_views", "result", "business_date book instrument",
       "start_of_day ordered quantity settled_quantity confirmed projected",
       "The same position as ordered, executed, confirmed and settled.")  # fmt: skip
_table("postings", "result", *_BOOKED["postings"],
       "The day's journal: what each transaction and action debits and credits.")  # fmt: skip
_table("activity", "result", *_BOOKED["activity"],
       "What was posted in the session, by instrument or cash row; a cost is negative.")  # fmt: skip
_table("book_failures", "result", *_BOOKED["failures"], "Books that could not be derived, by name.")
_table("positions", "result", "business_date book instrument",
       "quantity settled_quantity cost currency cost_base unrealised unrealised_base notional",
       "Positions at the close, on trade date.")  # fmt: skip
_table("cash", "result", *_BOOKED["cash"], "Cash at the close, by currency.")
_table("model_prices", "result", "business_date instrument",
       "price accrued_interest delta discount_factor currency model convention spot rate volatility dividend_yield"
       " reason",
       "Prices, accrued interest and deltas of bonds, options and forwards by model.")  # fmt: skip
_table("gross_values", "result", "business_date book", "gross_value base_currency reason",
       "Value of books with share classes before the fees that these bear.")  # fmt: skip
_table("dealings", "result", "business_date book transaction_id",
       "share_class kind flows fee_paid base_currency reason",
       "External flows of books with share classes, and payments of accrued fees, by class.")  # fmt: skip
_table("fee_accruals", "result", "business_date book share_class accrual_kind",
       "amount fee_paid fee_payable base_currency",
       "Fees that accrued in the session, negative, what was paid of them, and what is not paid yet.")  # fmt: skip
_table("share_class_nav", "result", "business_date book share_class",
       "nav nav_base units nav_per_unit swing_price high_water_mark subscriptions redemptions currency fx_rate status"
       " reason", "NAV and units of each share class.")  # fmt: skip
_table("valuations", "result", "business_date book instrument",
       "quantity price currency fx_rate market_value market_value_base accrued_interest exposure_base weight"
       " price_source fair_value_level status reason", "Value of every position and cash balance.")  # fmt: skip
_table("nav", "result", "business_date book", "nav market_value cash accruals flows status base_currency reason",
       "Net asset value of every book, in its base currency.")  # fmt: skip
_table("pnl", "result", "business_date book instrument", "price_pnl fx_pnl income trading_pnl fees total",
       "P&L since the book's previous session, in base currency.",)  # fmt: skip
_table("lot_pnl", "result", "business_date book instrument lot",
       "quantity realised_market realised_currency unrealised_market unrealised_currency income total",
       "P&L of each lot: realised and change of unrealised, by market and currency, in base currency.")  # fmt: skip
_table("nav_bridge", "result", "business_date book",
       "opening flows gains carry fees closing holding trading_pnl realised_market realised_currency unrealised_market"
       " unrealised_currency outside_lots gap",
       "From one NAV to the next: opening + flows + gains + carry + fees = closing, to the cent.")  # fmt: skip
_table("reconciliation_breaks", "result", "business_date book instrument kind currency",
       "break_id ours theirs difference impact_base impact_bp cause status opened_on owner"
       " reconciliation source age reason",
       "Differences between the books and others' records. cause is a word, reason a sentence; status and owner are"
       " what people said of it, laid over when it is read.")  # fmt: skip
_table("transaction_matches", "result", "business_date book reconciliation party source reference",
       "match_id match_kind instrument kind trade_date settle_date quantity net_amount currency status reason",
       "Transactions of the books, the custodian and the broker, and which of them answer each other.")  # fmt: skip
_table("break_hypotheses", "result", "business_date break_id hypothesis_rank",
       "book cause residual lines_before lines_after reason",
       "Explanations of breaks that were tried by replaying the book, the likeliest first.")  # fmt: skip
_table("performance", "result", "business_date book",
       "daily_return gross_return benchmark_return active_return flows denominator cumulative_return status"
       " local_return currency_return hedged_return convention",
       "Daily time-weighted returns.")  # fmt: skip
_table("benchmark_returns", "result", "business_date benchmark base_currency calendar",
       "benchmark_return local_return currency_return hedged_return convention status",
       "Daily returns of benchmarks as books see them: in a base currency, on a calendar.")  # fmt: skip
_table("external_flows", "result", "business_date book kind", "flows timing reason",
       "External flows by kind, when in its session each counts, and the rule that made it so.")  # fmt: skip
_table("share_class_performance", "result", "business_date book share_class",
       "daily_return gross_return benchmark_return active_return cumulative_return status",
       "Daily returns of share classes, net and gross of the fees that they bear.")  # fmt: skip
_table("period_returns", "result", "business_date book period",
       "period_start period_end session_count opening closing flows total time_weighted gross_return local_return"
       " currency_return hedged_return benchmark_return active_return active_geometric signed_return restated_sessions"
       " money_weighted xirr modified_dietz simple_dietz linked_dietz timing_effect annual_return annual_benchmark"
       " convention status",
       "Time- and money-weighted returns of each book over periods that end on the date.")  # fmt: skip
_table("flow_effects", "result", "business_date book period flow_date kind", "flows day_weight growth effect",
       "Why the money-weighted return is not the time-weighted one: the effects add up to timing_effect.",
       )  # fmt: skip
_table("ratios", "result", "business_date book period ratio", "value observations convention status",
       "Ratios of risk and return, each with its convention.")  # fmt: skip
_table("drawdowns", "result", "business_date book drawdown_rank",
       "drawdown peak_date trough_date recovered_on sessions_to_trough sessions_under_water",
       "The deepest drawdowns of each book since inception.")  # fmt: skip
_table("attribution", "result", "business_date book method segment",
       "portfolio_weight benchmark_weight portfolio_return benchmark_return allocation selection interaction"
       " currency_effect trading total", "Effects that add up to the active return.")  # fmt: skip
_table("attribution_nodes", "result", "business_date book method node",
       "parent_node dimension depth portfolio_weight benchmark_weight portfolio_return benchmark_return contribution"
       " allocation allocation_above selection interaction trading total",
       "Effects by every node of the declared tree; those of the children add up to their parent's.")  # fmt: skip
_table("attribution_pnl", "result", "business_date book segment",
       "passive_pnl allocation_pnl selection_pnl interaction_pnl trading_pnl fees total",
       "The same effects in money: the totals of a book add up to its P&L, to the millionth.")  # fmt: skip
_table("currency_attribution", "result", "business_date book method currency",
       "portfolio_weight benchmark_weight hedge_weight benchmark_hedge_weight portfolio_local_return"
       " benchmark_local_return currency_return deposit_return forward_premium allocation selection interaction"
       " premium_effect currency_effect hedge_effect trading total status",
       "Effects by currency: markets, names, currencies and hedges; the totals add up to the active return.",
       )  # fmt: skip
_table("factor_attribution", "result", "business_date book method risk_model factor",
       "portfolio_exposure benchmark_exposure exposure factor_return total coverage r_squared observations"
       " convention status",
       "Active return by factor, from holdings and by regression; what no factor explains is `specific`.",
       )  # fmt: skip
_table("period_attribution", "result", "business_date book period method linking node",
       "parent_node dimension depth portfolio_weight benchmark_weight portfolio_return benchmark_return allocation"
       " allocation_above selection interaction currency_effect trading total status",
       "Effects of sessions linked over periods that end on the date; they add up to the active return.",
       )  # fmt: skip
_table("contributions", "result", "business_date book period instrument",
       "average_weight contribution local_contribution currency_contribution trading status",
       "What each holding added to the time-weighted return of a period; they add up to it.")  # fmt: skip
_table("risk_attribution", "result", "business_date book node",
       "parent_node dimension depth active_weight allocation_risk selection_risk active_risk standalone_risk coverage"
       " observations convention status",
       "Where the tracking error comes from, by the tree and the weights of the attribution.",
       )  # fmt: skip
_table("scenario_pnl", "result", "business_date book scenario_set", "pnl weights scenarios window_start window_end",
       "P&L of each book in each scenario, oldest first.")  # fmt: skip
_table("var", "result", "business_date book method confidence horizon_days",
       "var es nav_fraction benchmark_var scenarios coverage proxy_coverage convention status",
       "Value at risk and expected shortfall.")  # fmt: skip
_table("group_var", "result", "business_date grouping member method confidence horizon_days",
       "var es nav undiversified diversification currency scenarios coverage convention status",
       "Value at risk of groups of books, from the sum of their scenario vectors.")  # fmt: skip
_table("group_var_components", "result", "business_date grouping member book method confidence horizon_days",
       "component incremental", "Where the value at risk of a group comes from, by book.")  # fmt: skip
_table("var_components", "result", "business_date book instrument method confidence horizon_days",
       "marginal component incremental", "Where value at risk comes from.")  # fmt: skip
_table("var_contributions", "result", "business_date book dimension bucket method confidence horizon_days",
       "component incremental", "Where value at risk comes from, by dimension and by factor.")  # fmt: skip
_table("var_explain", "result", "business_date book method confidence horizon_days",
       "opening_var data_effect model_effect position_effect market_effect closing_var status",
       "Why value at risk is not what it was the session before.")  # fmt: skip
_table("var_backtest", "result", "business_date book method confidence horizon_days pnl_basis",
       "observations exceptions kupiec_lr kupiec_p christoffersen_lr christoffersen_p coverage_lr coverage_p tuff_lr"
       " tuff_p tbf_lr tbf_p mixed_lr mixed_p zone plus_factor es_z es_p struck origin status",
       "Past value at risk against the next session's P&L.")  # fmt: skip
_table("volatility_forecasts", "result", "business_date subject_kind subject volatility_model",
       "volatility omega alpha gamma persistence degrees_of_freedom log_likelihood observations convention status",
       "Volatility of the next session, by EWMA and the GARCH family.",
       types={"volatility": "float"})  # fmt: skip
_table("factor_returns", "result", "business_date risk_model factor",
       "return_series volatility observations window_start window_end status",
       "Returns of the factors of each risk model over its window, oldest first.")  # fmt: skip
_table("factor_exposures", "result", "business_date risk_model instrument factor", "exposure standard_error",
       "What each instrument earns for one unit of return of a factor.")  # fmt: skip
_table("specific_risks", "result", "business_date risk_model instrument",
       "specific_volatility r_squared observations status",
       "What the factors of a risk model leave unexplained.")  # fmt: skip
_table("factor_risk", "result", "business_date book risk_model factor",
       "exposure factor_volatility volatility_part coverage status",
       "Volatility of each book by factor, as a fraction of NAV; specific risk is the factor `specific`.",
       )  # fmt: skip
_table("betas", "result", "business_date subject_kind subject factor",
       "beta standard_error r_squared observations window_start window_end status",
       "Betas of instruments and books to the market, to factors and to currencies.")  # fmt: skip
_table("stress", "result", "business_date book scenario",
       "kind pnl pnl_fraction coverage proxy_coverage reason", "P&L under stress scenarios.",
       types={"pnl": "float"})  # fmt: skip
_table("stress_components", "result", "business_date book scenario instrument", "pnl basis",
       "Where the P&L under stress comes from.", types={"pnl": "float"})  # fmt: skip
_table("reverse_stress", "result", "business_date book loss_fraction factor", "shock distance pnl reason",
       "The most likely scenario that loses a given part of NAV.", types={"pnl": "float"})  # fmt: skip
_table("liquidity", "result", "business_date book instrument",
       "quantity daily_volume participation days_to_liquidate liquidation_cost liquidity_bucket basis reason",
       "How long positions take to sell, and at what cost.")  # fmt: skip
_table("liquidity_profile", "result", "business_date book horizon_days",
       "liquidated_fraction liquidation_cost redemption_fraction redemption_coverage reason",
       "What of each book is cash after so many sessions, and whether redemptions under stress can be paid.",
       )  # fmt: skip
_table("exposures", "result", "business_date book dimension bucket",
       "long short gross net gross_fraction net_fraction beta_adjusted notional_base beta_coverage",
       "Exposure of each book by dimension.")  # fmt: skip
_table("look_through_exposures", "result", "business_date book dimension bucket",
       "long short gross net gross_fraction net_fraction beta_adjusted notional_base beta_coverage coverage",
       "Exposure of each book by dimension, funds and index futures looked through.")  # fmt: skip
_table("limit_usage", "result", "business_date book limit dimension bucket",
       "measure basis value threshold utilisation headroom soft warning reached previous status reason owner",
       "Limits against what is used.")  # fmt: skip
_table("limit_consumption", "result", "business_date book limit dimension bucket transaction_id", "consumed",
       "By how much each trade of the session moved what a limit measures.")  # fmt: skip
_table("compliance_results", "result", "business_date book rule bucket",
       "status value threshold denominator cause reason", "Compliance rules against the books.")  # fmt: skip
_table("targets", "result", "business_date book instrument", "target_weight policy",
       "Weights wanted by each book's policy.")  # fmt: skip
_table("proposed_orders", "result", "business_date book instrument", "side quantity reference_price reason",
       "Target less position less open orders, in whole lots.")  # fmt: skip
_table("portfolio_failures", "result", "business_date book", "reason",
       "Books that a policy or the rounding could not serve, by name.")  # fmt: skip
_table("timeline", "result", "business_date kind step source",
       "calendar due_at expected_at done_at status waits_for critical reason",
       "What is due when, what is done, late or waits, and the path that decides when the day is done.")  # fmt: skip
_table("findings", "result", "business_date check book instrument",
       "severity reason impact_base impact_bp status", "What the day's checks found.")  # fmt: skip
_table("unexplained_pnl", "result", "business_date book",
       "total attributed moved explained unexplained doubted doubted_bp unexplained_bp status reason",
       "P&L of each book told three ways, and what of it rests on prices and rates in doubt.")  # fmt: skip
_table("intraday_positions", "result", "business_date book instrument",
       "observed_at quantity price currency fx_rate market_value market_value_base weight price_source status reason",
       "Positions now, at the newest prices of the session.")  # fmt: skip
_table("intraday_exposures", "result", "business_date book dimension bucket",
       "observed_at long short gross net gross_fraction net_fraction", "Exposures now.")  # fmt: skip
_table("intraday_limit_usage", "result", "business_date book limit dimension bucket",
       "observed_at value threshold utilisation status reason", "Limits now.")  # fmt: skip

# -- records: kept in PostgreSQL --------------------------------------------------------------------------------------
_table("quarantine", "record", "file line column", "value reason status table_name delivery recorded_at",
       "Delivered rows that were not taken in.", types={"value": "text"})  # fmt: skip
_table("closes", "record", "business_date book version", "status signed_by recorded_at reason",
       "Signed days.")  # fmt: skip
_table("orders", "record", "order_id", "business_date book instrument side quantity filled status reason",
       "Orders as their events left them.")  # fmt: skip
_table("struck_var", "record", "business_date book method confidence horizon_days",
       "var es convention recorded_at", "Value at risk as it was first struck, before the next session was known.",
       )  # fmt: skip
_table("signed_returns", "record", "business_date book close_date version",
       "daily_return gross_return benchmark_return recorded_at",
       "Returns as closes signed them; the newest signature of a session stands.")  # fmt: skip
_table("waivers", "record", "waiver_id",
       "check book instrument break_id valid_from valid_to impact_base reason entered_by approved_by recorded_at",
       "Findings and breaks that two people let stand, from valid_from to valid_to.")  # fmt: skip
_table("break_events", "record", "event",
       "break_id kind at person owner cause impact_base reason",
       "What was told and done about breaks, in order.")  # fmt: skip
_table("audit_events", "record", "event", "at person act subject reason payload marks previous_hash event_hash",
       "Every act of a person, each sealed with the one before.")  # fmt: skip
_table("breaches", "record", "breach_id",
       "business_date book limit dimension bucket reached utilisation status due_at acknowledged_by comment",
       "Limits that were reached, until they are kept again.")  # fmt: skip
_table("executions", "record", "execution_id", "order_id executed_at quantity price fees broker",
       "Fills reported by brokers.")  # fmt: skip

DECIDED = ("price_overrides",)
"""Facts that people decide by command; no file delivers them."""

READ_OFF = ("custodian_reports",)
"""Facts about deliveries, read off their register; no file delivers them, and nothing is stored."""

FILES: dict[str, str] = {
    **{
        name: name
        for name, table in TABLES.items()
        if table.kind == "fact" and not name.startswith("raw_") and name not in (*DECIDED, *READ_OFF)
    },
    "prices": "raw_prices",
    "fx_rates": "raw_fx_rates",
}
"""Table in a file's name -> table of facts that it feeds."""

SNAPSHOTS = frozenset(
    "raw_prices intraday_prices raw_fx_rates benchmark_weights benchmark_levels risk_free_rates custodian_positions"
    " custodian_cash custodian_transactions broker_transactions administrator_nav fundamentals alternative_data"
    " volatilities constituents".split()
)
"""Facts of which a newer file of the same table, date and suffix replaces the older one whole."""

DERIVED = {
    **dict.fromkeys(("books", "instruments", "accounts"), "valid_from"),
    "intraday_prices": "business_date",
    "transactions": "booked_on",
}
"""Column of facts that no file gives: the date in the file's name, the session of the instant of observation, or the
session after a closed period."""

INTRADAY = ("intraday_positions", "intraday_exposures", "intraday_limit_usage")
"""Results of a session as it goes: replaced at each refresh."""

UNSIGNED = (*INTRADAY, "timeline")
"""Results that tell when they were looked at, and are no part of what is signed."""


def empty(name: str) -> pd.DataFrame:
    """A frame of ``name`` without rows, columns typed."""
    return _blank(name).copy(deep=False)


@cache
def _blank(name: str) -> pd.DataFrame:
    """The frame that ``empty`` hands out: making one takes a millisecond, and a pack asks for hundreds."""
    return pd.DataFrame({c.name: pd.Series(dtype=PANDAS[c.type]) for c in TABLES[name].columns})


def conform(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with exactly the declared columns, in order and typed.

    Raises:
        SchemaError: a column is missing or unknown, or a value does not fit its type, or the key repeats.
    """
    table = TABLES[name]
    missing = [n for n in table.names if n not in frame.columns]
    unknown = [n for n in frame.columns if n not in table.names]
    if missing or unknown:
        raise SchemaError(f"{name}: missing columns {missing}, unknown columns {unknown}")
    try:
        typed = pd.DataFrame({c.name: _typed(frame[c.name], c.type) for c in table.columns}, copy=False)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"{name}: {error}") from error
    if table.kind == "result":
        repeated = typed.duplicated(list(table.key))
        if repeated.any():
            raise SchemaError(f"{name}: key repeats: {typed.loc[repeated, list(table.key)].iloc[0].to_dict()}")
    return typed.reset_index(drop=True)


def _typed(values: pd.Series, kind: str) -> pd.Series:
    """``values`` in the pandas type of ``kind``; empty text stands for a missing text, and -0 becomes 0."""
    if kind == "text":
        return values.astype("str").fillna("")
    if kind == "float":
        return values.astype("float64") + 0.0
    return values.astype(PANDAS[kind])


def content_hash(name: str, frame: pd.DataFrame) -> str:
    """SHA-256 of what ``frame`` says: rows sorted by key, declared columns, floats to 12 significant digits.

    Columns that tell how a row arrived (``UNHASHED``) do not count, so the same facts give the same hash.
    """
    table = TABLES[name]
    rows = frame.sort_values(list(table.key), kind="stable") if len(frame) else frame
    digest = hashlib.sha256(f"{name}:{len(rows)}".encode())
    for column in table.columns:
        if column.name not in UNHASHED:
            digest.update(column.name.encode())
            _feed(digest, rows[column.name], column.type)
    return digest.hexdigest()


def _feed(digest: "hashlib._Hash", values: pd.Series, kind: str) -> None:
    """Add one column to ``digest`` in a form that is the same on every platform."""
    if kind == "floats":
        lengths = values.map(len).to_numpy(np.int64)
        digest.update(lengths.tobytes())
        flat = np.concatenate([np.asarray(v, np.float64) for v in values]) if len(values) else np.empty(0)
        _feed(digest, pd.Series(flat), "float")
    elif kind == "float":
        mantissa, exponent = _significant(values.to_numpy(np.float64))
        digest.update(mantissa.tobytes())
        digest.update(exponent.tobytes())
    elif kind == "text":
        array = pa.array(values.fillna("").astype("str"), pa.large_string())
        encoded = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        digest.update(np.asarray(pa.compute.binary_length(encoded), np.int64).tobytes())
        digest.update("".join(encoded.to_pylist()).encode())
    elif kind == "bool":
        digest.update(values.to_numpy(bool).tobytes())
    elif kind == "int":
        digest.update(values.to_numpy(np.int64).tobytes())
    else:
        digest.update(values.to_numpy("datetime64[us]").astype(np.int64).tobytes())


def _significant(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each value as (12-digit integer mantissa, decimal exponent); missing is (-1, -9999), zero is (0, 0)."""
    missing = np.isnan(values)
    usable = np.where(missing | (values == 0), 1.0, values)
    exponent = np.floor(np.log10(np.abs(usable))).astype(np.int64) - 11
    mantissa = np.rint(usable / 10.0**exponent)
    carried = np.abs(mantissa) >= 1e12
    mantissa, exponent = np.where(carried, mantissa / 10, mantissa), np.where(carried, exponent + 1, exponent)
    mantissa = np.where(values == 0, 0, mantissa).astype(np.int64)
    exponent = np.where(values == 0, 0, exponent)
    return np.where(missing, -1, mantissa), np.where(missing, -9999, exponent)
