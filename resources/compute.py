"""Who computes the tails of many books: the threads of this process, or the workers of a Dask scheduler.

Belongs here: the shards, and sending them. Does not belong here: the arithmetic (``daybook.risk.kernel``), of which no
bit depends on the shards, the workers or the threads.

A shard is a run of books with their positions; the scenario returns go to every worker once. What is held can be asked
for the tail of any confidence. Workers need this package and no other door: neither the lake nor the records.
"""

import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from daybook.risk.kernel import Codes, Floats, Ints, Tails


class Compute:
    """Where books are computed; close it, or use it in a ``with`` statement."""

    def __init__(self, scheduler: str = "") -> None:
        """Connect to the scheduler, if one is named.

        Args:
            scheduler: address of a Dask scheduler, such as ``tcp://host:8786``; "" for the threads of this process.

        Raises:
            OSError: nothing answers at the address.
        """
        self._client: Any = None
        if scheduler:
            import distributed

            connect: Any = distributed.Client
            self._client = connect(scheduler, set_as_default=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the scheduler, which forgets what was held for us."""
        if self._client is not None:
            self._client.close()

    def hold(self, indptr: "Ints", lines: "Codes", values: "Floats", returns: "Floats") -> "Held":
        """The books where they are computed: one shard a worker, of about as many positions each.

        Arguments as of ``daybook.risk.kernel.tails``.

        Raises:
            RuntimeError: the scheduler has no workers.
        """
        if self._client is None:
            return Held(None, [(indptr, lines, values)], [], returns)
        workers = sorted(self._client.scheduler_info(n_workers=-1)["workers"])
        if not workers:
            raise RuntimeError(f"{self._client.scheduler.address} has no workers: start some with `dask worker`")
        scenarios = self._client.scatter(np.ascontiguousarray(returns, np.float64), broadcast=True, hash=False)
        ends = np.searchsorted(indptr, np.linspace(0, indptr[-1], len(workers) + 1)[1:-1])
        shards = []
        for worker, (first, last) in zip(workers, pairwise([0, *ends, len(indptr) - 1]), strict=True):
            begin, end = indptr[first], indptr[last]
            part = (indptr[first : last + 1] - begin, lines[begin:end], values[begin:end])
            shards.append(self._client.scatter(part, workers=[worker], hash=False))
        return Held(self._client, shards, workers, scenarios)


class Held:
    """Books that lie where they are computed."""

    def __init__(self, client: Any, shards: list[Any], workers: list[str], returns: Any) -> None:
        self._client, self._shards, self._workers, self._returns = client, shards, workers, returns

    def tails(self, k: int) -> "Tails":
        """The ``k`` smallest P&L of each book and their scenarios, as of ``daybook.risk.kernel.tails``."""
        if self._client is None:
            return _tails(self._shards[0], self._returns, k, os.cpu_count() or 1)
        from daybook.risk.kernel import Tails

        found = self._client.gather(
            [
                self._client.submit(_tails, shard, self._returns, k, 1, workers=[worker], pure=False)
                for shard, worker in zip(self._shards, self._workers, strict=True)
            ]
        )
        pnl, scenarios = ([getattr(part, name) for part in found] for name in ("pnl", "scenarios"))
        return Tails(np.concatenate(pnl), np.concatenate(scenarios))


def _tails(shard: tuple[Any, Any, Any], returns: Any, k: int, threads: int) -> "Tails":
    """The work of one worker."""
    from daybook.risk import kernel

    return kernel.tails(*shard, returns=returns, k=k, threads=threads)
