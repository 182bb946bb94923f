"""A firm of one book that tracks a benchmark of three instruments, as files."""

import numpy as np
import pandas as pd

from daybook import calendars


def prices(sessions: pd.DatetimeIndex, correction: float = 0.0) -> str:
    """A file of prices of three instruments: seeded walks, the same on a session whichever are asked for."""
    every = calendars.sessions("XNYS", "2022-01-03", "2022-12-30")
    walk = np.exp(np.random.default_rng(7).normal(0, 0.01, (len(every), 3)).cumsum(axis=0)) * [50, 80, 20]
    frame = pd.DataFrame((walk + correction).round(2), every, ["AAA", "BBB", "CCC"]).loc[sessions]
    frame = frame.rename_axis("business_date").melt(ignore_index=False, var_name="instrument", value_name="close")
    return frame.assign(currency="USD").reset_index().to_csv(index=False, date_format="%Y-%m-%d")


def files() -> dict[str, str]:
    """Every file of the firm, by name; its prices are of the 75 sessions up to 2022-12-23."""
    sessions = calendars.sessions("XNYS", last="2022-12-23")[-75:]
    first = f"{sessions[0]:%Y-%m-%d}"
    return {
        f"books_{first}.csv": "book,base_currency,benchmark,strategy\nALPHA,USD,MIX,benchmark_tracking\n",
        f"instruments_{first}.csv": "instrument,asset_class,currency\n"
        + "".join(f"{name},equity,USD\n" for name in ("AAA", "BBB", "CCC")),
        f"benchmark_weights_{first}.csv": "business_date,benchmark,instrument,weight\n"
        + "".join(f"{first},MIX,{name},{weight}\n" for name, weight in (("AAA", 0.5), ("BBB", 0.3), ("CCC", 0.2))),
        f"rules_{first}.csv": "rule,valid_from,kind,book,dimension,bucket,basis,warning,threshold\n"
        f"R1,{first},max_weight,ALPHA,instrument,,nav,0.90,0.95\n",
        "prices_2022-12-23.csv": prices(sessions),
        "transactions_2022-12-23.csv": "transaction_id,book,instrument,kind,trade_date,quantity,price,currency\n"
        "T1,ALPHA,,deposit,2022-12-21,100000,,USD\nT2,ALPHA,AAA,buy,2022-12-21,100,50,USD\n",
    }
