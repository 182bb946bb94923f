"""Trades that nobody has made, launched from the UI's launchpad with a date and the trades."""

from typing import Any

import dagster as dg


@dg.config_mapping(
    config_schema={
        "date": dg.Field(str, is_required=False, default_value="", description="The close; the last one if empty."),
        "trades": dg.Field(
            [
                {
                    "book": dg.Field(str),
                    "instrument": dg.Field(str, description="Its id, or CASH:<CCY> for a currency."),
                    "quantity": dg.Field(float, description="Signed: a purchase is positive."),
                    "price": dg.Field(dg.Noneable(float), is_required=False, description="The closing price if empty."),
                }
            ]
        ),
    }
)
def asked(config: dict[str, Any]) -> dict[str, Any]:
    """The config of the run: ``date`` and ``trades``."""
    return {"ops": {"hypothetical_trades": {"config": config}}}


what_if = dg.define_asset_job(
    "what_if",
    selection=dg.AssetSelection.assets("hypothetical_trades"),
    config=asked,
    description="What trades that nobody has made would do to risk, exposures, limits and rules; nothing is stored.",
)
