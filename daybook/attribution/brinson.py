"""Brinson attribution of one segment: weighting, choosing within, and both at once.

Belongs here: the formulas and the identity of table ``attribution``. Does not belong here: the segments of a book
(``sides``, ``segments``, ``tree``), linking sessions (``linking``).

Formulas (CONTRACT 2.10), for segment s with opening weights w_p, w_b, contribution
c_p = (price_pnl + fx_pnl + income) / denominator, segment return r_b,s and benchmark return r_b:
selection = w_b (c_p / w_p - r_b,s); interaction = (w_p - w_b)(c_p / w_p - r_b,s); where w_p = 0, selection is 0 and
interaction is c_p; allocation = (w_p - w_b)(r_b,s - r_b) (Brinson and Fachler 1985, "Measuring Non-US Equity Portfolio
Performance", Journal of Portfolio Management 11(3)) or (w_p - w_b) r_b,s (Brinson, Hood and Beebower 1986,
"Determinants of Portfolio Performance", Financial Analysts Journal 42(4)). Weights on either side add up to
1, therefore the effects of all segments, and trading = (trading_pnl + fees) / denominator, add up to the active return.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

KEY = ["business_date", "book"]
BRINSON_FACHLER = "brinson_fachler"
BRINSON_HOOD_BEEBOWER = "brinson_hood_beebower"

Floats = NDArray[np.float64]


def effects(
    portfolio_weight: Floats,
    benchmark_weight: Floats,
    contribution: Floats,
    segment_return: Floats,
    benchmark_return: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Allocation, selection and interaction of segments, all arrays of one shape, fractions.

    Args:
        portfolio_weight: opening weight in the book.
        benchmark_weight: opening weight in the benchmark.
        contribution: what the segment added to the book's return.
        segment_return: return of the segment in the benchmark.
        benchmark_return: what segments are judged against: the return of the whole benchmark, or 0 for Brinson, Hood
            and Beebower.
    """
    held = portfolio_weight != 0
    own = np.divide(contribution, portfolio_weight, out=segment_return.copy(), where=held)
    allocation = (portfolio_weight - benchmark_weight) * (segment_return - benchmark_return)
    selection = benchmark_weight * (own - segment_return)
    # Equal to (w_p - w_b)(c_p / w_p - r_b,s), and to c_p where w_p = 0; but where long and short nearly cancel,
    # c_p / w_p is huge, and only this form keeps the sum of selection and interaction to the last digit.
    interaction = contribution - portfolio_weight * segment_return - selection
    return allocation, selection, interaction


def identity_gaps(attribution: pd.DataFrame, performance: pd.DataFrame) -> pd.DataFrame:
    """Books whose effects do not add up to the active return within 1e-12.

    Returns:
        business_date, book, active_return, total, gap = total - active_return; empty when all is well. A book with an
        active return and no attribution is one of them. Each method adds up by itself.
    """
    sized = attribution.assign(size=attribution["total"].abs())
    sums = sized.groupby([*KEY, "method"], as_index=False)[["total", "size"]].sum()
    both = performance.loc[performance["active_return"].notna(), [*KEY, "active_return"]].merge(
        sums, on=KEY, how="left"
    )
    both["gap"] = both["total"].fillna(0.0) - both["active_return"]
    # Effects of a thousand times the capital, of what is left of an emptied book, lose more in any sum.
    reach = 1e-12 + 1e-15 * both["size"]
    return both.loc[(both["gap"].abs() > reach) | both["total"].isna()].drop(columns="size").reset_index(drop=True)
