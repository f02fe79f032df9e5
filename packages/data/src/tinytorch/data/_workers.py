"""Batches made ahead of time, in threads or in processes, and handed over in order.

A pool lives as long as the iteration over its results: leaving that early, by ``break`` or by an
error, ends it and waits for its threads or processes.
"""

import multiprocessing
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

from tinytorch.tensor.errors import ArgumentError, StateError

Job = tuple[int, np.ndarray]
Make = Callable[[int, np.ndarray], Any]


def in_threads(make: Make, jobs: Iterable[Job], workers: int, depth: int) -> Iterator[Any]:
    """Yield ``make(*job)`` for each job in order, made by ``workers`` threads.

    Args:
        make: Makes a batch of its number and its indices.
        jobs: What to make.
        workers: The number of threads.
        depth: The number of batches that are made ahead.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="tinytorch-data")
    return _ahead(pool, make, jobs, depth)


def in_processes(make: Make, jobs: Iterable[Job], workers: int, depth: int) -> Iterator[Any]:
    """Yield ``make(*job)`` for each job in order, made by ``workers`` fresh processes.

    Each process gets ``make``, and with it the data set, once.

    Raises:
        ArgumentError: ``make`` cannot be sent to another process.
        StateError: A process died, most often because the script has no main guard.
    """
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_install,
        initargs=(make,),
    )
    try:
        for result in _ahead(pool, _make_here, jobs, depth):
            if isinstance(result, _Failure):
                result.raise_error()
            yield result
    except BrokenProcessPool as error:
        raise StateError(
            "DataLoader",
            expected="worker processes that live",
            got="one died while it started or worked",
            fix='put the script\'s own code under `if __name__ == "__main__":`, '
            "or use worker='thread'",
        ) from error


def _ahead(
    pool: Executor, make: Callable[..., Any], jobs: Iterable[Job], depth: int
) -> Iterator[Any]:
    pending: deque[Future[Any]] = deque()
    try:
        for job in jobs:
            pending.append(_submit(pool, make, job))
            if len(pending) > depth:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: Executor, make: Callable[..., Any], job: Job) -> Future[Any]:
    try:
        return pool.submit(make, *job)
    except BrokenProcessPool:
        raise
    except Exception as error:
        raise ArgumentError(
            "DataLoader",
            expected="a data set, transform and collate that can be sent to another process",
            got=str(error),
            fix="define functions at the top of a module (no lambda), or use worker='thread'",
        ) from error


_made_here: Make


def _install(make: Make) -> None:
    """Keep what this worker process makes batches with."""
    global _made_here  # noqa: PLW0603  (a process of a pool has no other place for it)
    _made_here = make


def _make_here(number: int, indices: np.ndarray) -> Any:
    try:
        return _made_here(number, indices)
    except Exception as error:  # noqa: BLE001  (it is raised again in the other process)
        return _Failure.of(error)


@dataclass
class _Failure:
    """An error on its way out of a worker process, with the notes that its class may not carry."""

    error: Exception
    notes: list[str]

    @classmethod
    def of(cls, error: Exception) -> "_Failure":
        """Pack ``error``; one that cannot be sent is replaced by its text."""
        notes = list(getattr(error, "__notes__", []))
        notes.append(f"in a worker process: {''.join(traceback.format_exception(error))}")
        try:
            ForkingPickler.loads(ForkingPickler.dumps(error))
        except Exception:  # noqa: BLE001  (whatever its class's own code raises)
            error = RuntimeError(f"{type(error).__name__}: {error}")
        return cls(error, notes)

    def raise_error(self) -> None:
        """Raise the error, with its notes."""
        self.error.__notes__ = self.notes
        raise self.error
