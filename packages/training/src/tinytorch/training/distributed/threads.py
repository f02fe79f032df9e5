"""A world within one process, for tests and for looking on: each rank is a thread, one at a time.

Ranks take turns: one computes until it has to wait for the others. So nothing is faster, and
nothing depends on who comes first.
"""

import json
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import Any, TypeVar

import numpy as np

from tinytorch.tensor import checks
from tinytorch.training.distributed.world import World

Result = TypeVar("Result")


def in_threads(size: int, function: Callable[[World], Result]) -> list[Result]:
    """Run a function on every rank of a world of threads; one that fails ends them all.

    Args:
        size: How many ranks.
        function: What each of them does; it gets its own `World`.

    Returns:
        What the function returned, by rank.

    Raises:
        ArgumentError: size is no whole number of at least 1.

    Example:
        >>> def add(world):
        ...     numbers = np.array([world.rank, 1.0])
        ...     world.sum_into([numbers])
        ...     return numbers.tolist()
        >>> in_threads(3, add)
        [[3.0, 3.0], [3.0, 3.0], [3.0, 3.0]]
    """
    table = _Table(checks.whole("in_threads", "size", size, least=1))

    def rank(number: int) -> Result:
        with table.turn:
            try:
                return function(_Thread(number, table))
            except BaseException:
                table.meeting.abort()
                raise

    with ThreadPoolExecutor(size) as pool:
        ranks = [pool.submit(rank, number) for number in range(size)]
    errors = [error for each in ranks if (error := each.exception()) is not None]
    for error in errors:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    return [each.result() for each in ranks]


class _Table:
    """Where the ranks of one world meet, and put what the others may read."""

    def __init__(self, size: int) -> None:
        self.places: list[Any] = [None] * size
        self.turn = threading.Lock()
        self.meeting = threading.Barrier(size)


class _Thread(World):
    """A rank that is a thread."""

    def __init__(self, rank: int, table: _Table) -> None:
        self.rank = rank
        self.size = len(table.places)
        self._table = table

    def sum_into(self, arrays: Iterable[np.ndarray]) -> None:
        for array in arrays:
            array[...] = reduce(np.add, self._all(array.copy()))

    def broadcast(self, arrays: Iterable[np.ndarray]) -> None:
        for array in arrays:
            said = self._all(array.copy())[0]
            if self.rank:
                array[...] = said

    def gather(self, value: Any) -> list[Any]:
        texts = self._all(json.dumps(value, default=np.ndarray.tolist))
        return [json.loads(text) for text in texts]

    def barrier(self) -> None:
        self._table.turn.release()
        try:
            self._table.meeting.wait()
        finally:
            self._table.turn.acquire()

    def _all(self, value: Any) -> list[Any]:
        """Return what every rank puts on the table."""
        self._table.places[self.rank] = value
        self.barrier()
        found = list(self._table.places)
        self.barrier()
        return found
