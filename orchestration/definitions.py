"""Code location ``daybook``: everything, assembled.

Belongs here: the list of what exists. Does not belong here: any of it.
"""

import dagster as dg

from assets import (
    attribution,
    books,
    checks,
    compliance,
    fees,
    fundamentals,
    intraday,
    limits,
    liquidity,
    market_data,
    pack,
    performance,
    portfolio,
    pricing,
    reconciliation,
    risk,
    risk_models,
    stress,
    timeline,
    trading,
    what_if,
)
from jobs import eod, orders
from jobs import intraday as within_the_day
from jobs import what_if as supposed
from orchestration.schedules import (
    eod_risk,
    history_before_close,
    market_before_close,
    page_before_open,
    tearsheets_at_month_end,
)
from resources.feeds import FeedsResource
from resources.lake_io import LakeIOManager
from resources.notifier import Notifier
from resources.settings import quiet_telemetry
from sensors import alerts, deadlines, inbox
from sensors import intraday as intraday_sensors
from sensors import orders as order_sensors

quiet_telemetry()
ROOMS = [
    market_data,
    fundamentals,
    pricing,
    books,
    fees,
    reconciliation,
    performance,
    attribution,
    risk,
    risk_models,
    stress,
    liquidity,
    limits,
    compliance,
    portfolio,
    trading,
    timeline,
    pack,
    intraday,
    what_if,
]

defs = dg.Definitions(
    assets=dg.load_assets_from_modules(ROOMS, include_specs=True),
    asset_checks=dg.load_asset_checks_from_modules([checks]),
    jobs=[
        *(eod.eod, eod.history, eod.market_history, eod.market_opening, eod.month_end, eod.next_morning, *eod.stages),
        *(within_the_day.ingest, within_the_day.intraday, orders.propose, supposed.what_if),
    ],
    schedules=[market_before_close, history_before_close, eod_risk, tearsheets_at_month_end, page_before_open],
    sensors=[
        *(inbox.inbox_files, intraday_sensors.prices_and_fills),
        *(order_sensors.propose_orders, alerts.run_failed, alerts.limits_breached, deadlines.deadlines_at_risk),
    ],
    resources={"io_manager": LakeIOManager(), "feeds": FeedsResource(), "notifier": Notifier()},
    executor=dg.in_process_executor,
)
