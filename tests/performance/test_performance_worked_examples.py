"""The worked examples of docs/performance.md print what the page says."""

import doctest
from pathlib import Path


def test_every_example_of_the_page_is_what_daybook_computes():
    page = Path(__file__).parents[2] / "docs" / "performance.md"
    run = doctest.testfile(str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert run.failed == 0
