"""Performance: returns of the books and of their benchmarks, and why they differ.

Belongs here: which tables returns and attribution are derived from. The formulas are in ``daybook.performance`` and
``daybook.attribution``.
"""

GROUP = "performance"
