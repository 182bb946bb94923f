"""The assembly: definitions, schedules, and the ``daybook`` command.

Every entry point (the command, the code locations, what the daemon starts) imports this package first, so what
dependencies would say to nobody's use is silenced here, and how they use the machine is said, once, and before any of
them is imported.
"""

import os
import warnings

# A product split over threads adds up in another order: figures would differ in their last digit from one machine to
# the next. Threads that wait for each other's share of a small matrix also took 25 of the 93 s that a first day costs.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

for _said in (
    # Dagster's own maturity labels: the version is pinned, so no user can act on them.
    r".* is currently in (beta|preview),",
    # Intended: a range for the history, one session at a time for the rest; a job takes the smaller, as it should.
    r"Asset job \w+ materializes assets with varying BackfillPolicies",
):
    warnings.filterwarnings("ignore", message=_said)
