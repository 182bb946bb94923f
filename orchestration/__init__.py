"""The assembly: definitions, schedules, and the ``daybook`` command.

Every entry point (the command, the code locations, what the daemon starts) imports this package first, so what
dependencies would say to nobody's use is silenced here, once, and before any of them is imported.
"""

import warnings

for _said in (
    # Dagster's own maturity labels: the version is pinned, so no user can act on them.
    r".* is currently in (beta|preview),",
    # Intended: a range for the history, one session at a time for the rest; a job takes the smaller, as it should.
    r"Asset job \w+ materializes assets with varying BackfillPolicies",
):
    warnings.filterwarnings("ignore", message=_said)
