"""Speed and memory, measured and never tested: ``make bench``. A module for each measurement; ``timing`` is shared."""
