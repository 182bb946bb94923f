"""Code location ``daybook``: everything, assembled.

Belongs here: the list of what exists. Does not belong here: any of it.
"""

import warnings

import dagster as dg

warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

from assets import books, checks, compliance, market_data, pack, performance, portfolio, risk, trading  # noqa: E402
from jobs import eod, intraday, orders  # noqa: E402
from orchestration.schedules import eod_risk, history_before_close  # noqa: E402
from resources.feeds import FeedsResource  # noqa: E402
from resources.lake_io import LakeIOManager  # noqa: E402
from resources.notifier import Notifier  # noqa: E402
from resources.settings import quiet_telemetry  # noqa: E402
from sensors import alerts, inbox  # noqa: E402
from sensors import orders as order_sensors  # noqa: E402

quiet_telemetry()
ROOMS = [market_data, books, performance, risk, compliance, portfolio, trading, pack]

defs = dg.Definitions(
    assets=dg.load_assets_from_modules(ROOMS),
    asset_checks=dg.load_asset_checks_from_modules([checks]),
    jobs=[eod.eod, eod.history, eod.market_history, *eod.stages, intraday.ingest, orders.orders],
    schedules=[history_before_close, eod_risk],
    sensors=[inbox.inbox_files, order_sensors.propose_orders, alerts.run_failed],
    resources={"io_manager": LakeIOManager(), "feeds": FeedsResource(), "notifier": Notifier()},
    executor=dg.in_process_executor,
)
