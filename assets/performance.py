"""Performance: returns of the books and of their benchmarks, and why they differ.

Belongs here: which tables returns and attribution are derived from. The formulas are in ``daybook.performance`` and
``daybook.attribution``.
"""

import dagster as dg
import pandas as pd

from assets.partitions import WITH_PRIOR
from assets.sessions import RESULT, SINCE_START, sessions_of, shown

GROUP = "performance"
