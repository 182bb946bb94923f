"""What the page of the evening masks: what is another at every run, and nothing of the story."""

import pytest

from orchestration.evening import masked


@pytest.mark.parametrize(
    ("printed", "written"),
    [
        ("nav expected: 2026-11-23 05:32; it waits for prices", "nav expected: <now>; it waits for prices"),
        ("│ 2026-11-23 10:55:46 │", "│ <now>               │"),
        ("due 2022-12-28 09:30, signed for 2022-12-27", "due 2022-12-28 09:30, signed for 2022-12-27"),
        ("takes 1 min (median of 2)", "takes <n> (median of 2)"),
        ("1,441,014.00 USD in 43.6 s", "1,441,014.00 USD in <n> s"),
        ("head " + "0af3" * 16, "head <hash>"),
    ],
)
def test_only_what_changes_is_masked(printed, written):
    assert masked(printed) == written
