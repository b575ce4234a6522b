"""Parallel work in threads: the numerical libraries release the GIL while they compute."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def run_in_threads(work: Callable[[T], R], items: Sequence[T], threads: int) -> list[R]:
    """Return `work` of each item, in the order of the items; the first error is raised.

    >>> run_in_threads(len, ["one", "three"], threads=2)
    [3, 5]
    """
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))
