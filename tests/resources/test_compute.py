"""Books computed by the workers of a Dask scheduler and by threads of this process, bit for bit."""

import numpy as np
import pytest

from daybook.risk import kernel
from resources.compute import Compute


@pytest.fixture(scope="module")
def scheduler():
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


def firm(books, lines=30, scenarios=300):
    draw = np.random.default_rng(books)
    counts = draw.integers(0, 20, books)
    indptr = np.r_[0, counts.cumsum()]
    where = draw.integers(0, lines, indptr[-1]), draw.normal(0, 1e6, indptr[-1])
    return indptr, *where, draw.normal(0, 0.01, (lines, scenarios))


@pytest.mark.parametrize("books", [0, 1, 2, 101])
def test_where_books_are_computed_changes_no_bit(scheduler, books):
    firm_ = firm(books)
    expected = kernel.tails(*firm_, 4)
    for address in ("", scheduler):
        with Compute(address) as compute:
            held = compute.hold(*firm_)
            found = held.tails(4)
            assert found.pnl.view(np.int64).tolist() == expected.pnl.view(np.int64).tolist()
            assert found.scenarios.tolist() == expected.scenarios.tolist()
            assert held.tails(1).pnl.tolist() == expected.pnl[:, :1].tolist()


def test_a_scheduler_without_workers_is_named():
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster,
        Compute(cluster.scheduler_address) as compute,
        pytest.raises(RuntimeError, match=f"{cluster.scheduler_address} has no workers"),
    ):
        compute.hold(*firm(3))


def test_a_scheduler_that_is_not_there_is_an_error():
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": 0.2}), pytest.raises(OSError, match=r"127\.0\.0\.1:1"):
        Compute("tcp://127.0.0.1:1")
