"""Batches made ahead of time by threads, and handed over in order.

A crew lives as long as the iteration over its batches: leaving that early, by `break` or by an
error, ends it. A process worker is a thread here, too: one that has its batches made elsewhere.
"""

import queue
import reprlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from functools import partial
from typing import Any

import numpy as np

from tinytorch.tensor.errors import TinyTorchError

Job = tuple[int, np.ndarray]
"""The number of a batch, and its indices."""
Make = Callable[[int, np.ndarray], Any]
PATIENCE = 1.0
"""Seconds that a worker gets to finish what it is at when the iteration is over."""


class WorkerError(TinyTorchError, RuntimeError):
    """A worker that died, or gave no batch in time."""

    problem = "a worker failed"


def in_threads(
    make: Make, jobs: Iterable[Job], workers: int, depth: int, timeout: float
) -> Iterator[Any]:
    """Yield `make(*job)` for each job in order, made by threads.

    A thread cannot be ended: one that hangs when the iteration is over is left behind.

    Args:
        make: Makes a batch of its number and its indices.
        jobs: What to make.
        workers: The number of threads.
        depth: The number of batches that are made ahead.
        timeout: The seconds to wait for a batch; 0 for any time.

    Raises:
        WorkerError: A batch did not come in time.
    """
    return ahead([partial(_work, make)] * workers, jobs, depth, timeout)


def ahead(
    works: Sequence[Callable[["Waiting"], None]],
    jobs: Iterable[Job],
    depth: int,
    timeout: float,
    leave: Callable[[], None] = lambda: None,
) -> Iterator[Any]:
    """Yield the batches of `jobs` in order, made by one thread for each of `works`.

    When the iteration is left early, `leave` hurries those that still make a batch.
    """
    waiting: Waiting = queue.SimpleQueue()
    threads = [
        threading.Thread(target=work, args=(waiting,), name=f"tinytorch-data-{number}", daemon=True)
        for number, work in enumerate(works)
    ]
    pending: deque[Task] = deque()
    try:
        for thread in threads:
            thread.start()
        for job in jobs:
            task = Task(job)
            pending.append(task)
            waiting.put(task)
            if len(pending) > depth:
                yield pending.popleft().result(timeout)
        while pending:
            yield pending.popleft().result(timeout)
    except BaseException:
        leave()
        raise
    finally:
        for task in pending:
            task.future.cancel()
        for _ in threads:
            waiting.put(None)
        end = time.monotonic() + PATIENCE
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0))


class Task:
    """A batch that is to be made."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.future: Future[Any] = Future()

    def begin(self) -> bool:
        """Tell whether somebody will still ask for the batch."""
        return self.future.set_running_or_notify_cancel()

    def finish(self, make: Callable[[], Any]) -> None:
        """Make the batch, or keep the error for who asks for it."""
        try:
            self.future.set_result(make())
        except BaseException as error:  # noqa: BLE001  (it is raised where the batch is asked for)
            self.future.set_exception(error)

    def result(self, timeout: float) -> Any:
        """Wait for the batch."""
        if timeout and not wait([self.future], timeout).done:
            number, indices = self.job
            raise WorkerError(
                "DataLoader",
                expected=f"batch {number} within timeout={timeout} s",
                got=f"nothing yet from the items {reprlib.repr(indices.tolist())}",
                fix="look at what these items wait for, or allow more time",
                number=number,
                indices=indices,
            )
        return self.future.result()


Waiting = queue.SimpleQueue[Task | None]


def _work(make: Make, waiting: Waiting) -> None:
    """Make batches in this thread."""
    while (task := waiting.get()) is not None:
        if task.begin():
            task.finish(partial(make, *task.job))
        del task  # the batch belongs to whoever asked for it
