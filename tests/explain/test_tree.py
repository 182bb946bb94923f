"""Trees: parts that add up, what rounding leaves and what it does not, folding, the page."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from daybook.explain import page, tree


def grown(*values, root=None, labels=None):
    made = tree.Tree()
    top = made.add(-1, "root", sum(values) if root is None else root, currency="USD")
    made.add(np.repeat(top, len(values)), labels or [f"part {at}" for at in range(len(values))], list(values))
    return made.frame()


def test_what_rounding_leaves_is_a_leaf_and_more_is_a_gap():
    fine = grown(0.333333, 0.333333, 0.333333, root=1.0)
    assert fine["label"].iloc[-1] == tree.ROUNDING
    assert (tree.gap(fine), fine["value"].iloc[-1]) == (0.0, 1e-6)
    # Three parts and the sum, each rounded once, can be off by two millionths and not by three.
    wrong = grown(0.333333, 0.333333, 0.333331, root=1.0)
    assert wrong["label"].iloc[-1] == tree.NOT_EXPLAINED
    assert tree.gap(wrong) == pytest.approx(3e-6)


def test_order_is_evidence_then_size_then_rounding():
    made = tree.Tree()
    top = made.add(-1, "root", 10.0)
    made.add(np.repeat(top, 3), ["small", "large", "negative"], [1.0, 12.0, -3.0])
    made.add(top, "price", 5.0, part=False)
    assert made.frame()["label"].tolist() == ["root", "price", "large", "negative", "small"]


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=12), st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_leaves_add_up_however_it_is_folded(micro, most):
    frame = grown(*[value / 1e6 for value in micro], root=sum(micro) / 1e6)
    assert tree.gap(frame) == 0
    folded = tree.folded(frame, most)
    assert len(folded) <= most + 3
    assert tree.micros(tree.leaves(folded)["value"]).sum() == sum(micro)
    assert tree.gap(folded) == 0


def test_folding_takes_what_is_below_with_it():
    made = tree.Tree()
    top = made.add(-1, "root", 10.0)
    parts = made.add(np.repeat(top, 4), ["a", "b", "c", "d"], [4.0, 3.0, 2.0, 1.0])
    made.add(parts, ["a1", "b1", "c1", "d1"], [4.0, 3.0, 2.0, 1.0])
    folded = tree.folded(made.frame(), 1)
    assert folded["label"].tolist() == ["root", "a", "a1", "and 3 more"]
    assert folded["value"].tolist() == [10.0, 4.0, 4.0, 6.0]
    assert folded["parent"].tolist() == [-1, 0, 1, 0]


def test_the_page_runs_nothing_and_escapes_what_files_say():
    frame = grown(1.0, 2.0, labels=["<script>alert(1)</script>", 'a "b" & c'])
    made = page.html(frame, ["signed by <ann>"])
    assert "<script" not in made
    assert "&lt;script&gt;" in made
    assert "signed by &lt;ann&gt;" in made
    assert "http" not in made
    assert made.count("<details") == made.count("</details>") == 1
    assert made.count("<li>") == made.count("</li>") == 3


def test_text_has_a_line_for_each_node():
    lines = list(page.text(grown(1.0, 2.5), 200))
    assert [line.split()[0] for line in lines] == ["3.500000", "2.500000", "1.000000"]
    assert all(len(line) <= 12 for line in page.text(grown(1.0, 2.5), 12))
