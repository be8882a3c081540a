"""Threads of the products that numpy and scipy make."""

from contextlib import AbstractContextManager
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """Return a block in which products of numpy and scipy take one thread: for solvers, which make many short ones.

    Threads of a product wait for one another without a pause. Where something else has a core, each product takes until
    that is interrupted: on two cores beside one busy process, a logistic regression of 308 rows, 384 features and 77
    classes took 25 s with two threads and 0.5 s with one. With nothing beside it, two threads were no faster in
    what was measured (`benchmarks/LOG.md`, 2026-11-30).
    """
    from scipy import linalg  # noqa: F401 (it brings a BLAS of its own, which is held to one thread once it is there)
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")
