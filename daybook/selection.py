"""The k-th smallest of many numbers, compiled.

Belongs here: selection in compiled loops, for values of any type. Does not belong here: what the figure is called
(``daybook.risk.kernel``, ``daybook.performance.kernel``). It imports numba: import it where a compiled loop is.
"""

# mypy: disable-error-code="untyped-decorator, no-any-return"

from typing import Any

from numba import njit


@njit(cache=True, nogil=True)
def kth_smallest(values: Any, count: int, k: int) -> float:
    """The k-th smallest, from 1, of the first ``count``; the k smallest stand in front (Hoare 1961, quickselect)."""
    left, right = 0, count - 1
    while left < right:
        pivot = values[(left + right) // 2]
        i, j = left, right
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            right = j
        elif k - 1 >= i:
            left = i
        else:
            break
    return values[k - 1]
