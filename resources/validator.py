"""The door to Great Expectations: a suite kept as data, run against a frame.

Belongs here: the one place that imports great_expectations. Does not belong here: what is expected
(``daybook.market.suites``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Verdict:
    """What became of a suite.

    Attributes:
        passed: whether every expectation was met.
        evaluated: how many expectations there were.
        failed: per expectation that was not met, its type, column and number of unexpected values.
    """

    passed: bool
    evaluated: int
    failed: tuple[str, ...]


def validate(name: str, suite: Sequence[Mapping[str, Any]], frame: pd.DataFrame) -> Verdict:
    """Run ``suite``, a list of {type, kwargs}, against ``frame``.

    The import costs four seconds, so it is paid only where a check runs.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    expectations = [ExpectationConfiguration(type=item["type"], kwargs=dict(item["kwargs"])) for item in suite]
    outcome = batch.validate(
        gx.ExpectationSuite(name, expectations=[config.to_domain_obj() for config in expectations]),
        result_format="SUMMARY",
    )
    failed = tuple(
        f"{r.expectation_config.type}({r.expectation_config.kwargs.get('column', '')}):"
        f" {r.result.get('unexpected_count', 'not met')}"
        for r in outcome.results
        if not r.success
    )
    return Verdict(bool(outcome.success), len(outcome.results), failed)
