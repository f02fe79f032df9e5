"""Batches made ahead of time, in threads or in processes, and handed over in order.

A crew lives as long as the iteration over its batches. Leaving that early, by `break` or by an
error, ends it: threads finish the batch at hand, processes are killed. Both kinds have one thread
here for each worker; a process is no more than a thread that has its batches made elsewhere.
"""

import multiprocessing
import os
import queue
import reprlib
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

from tinytorch.tensor.errors import ArgumentError, TinyTorchError

Job = tuple[int, np.ndarray]
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
    return _ahead([partial(_work, make)] * workers, jobs, depth, timeout)


def in_processes(
    make: Make, jobs: Iterable[Job], workers: int, depth: int, timeout: float
) -> Iterator[Any]:
    """Yield `make(*job)` for each job in order, made by fresh processes.

    Each process gets `make`, and with it the data set, once. Args as in `in_threads`.

    Raises:
        ArgumentError: `make` cannot be sent to another process.
        WorkerError: A process died, most often because the script has no main guard; or a batch
            did not come in time.
    """
    try:
        packed = ForkingPickler.dumps(make)
    except Exception as error:
        raise _unsendable(error) from error
    crew: list[_Process] = []

    def kill() -> None:
        for process in crew:
            process.kill()

    try:
        crew.extend(_Process() for _ in range(workers))
        for process in crew:
            process.install(packed)
        del packed
        yield from _ahead([process.work for process in crew], jobs, depth, timeout, kill)
        for process in crew:
            process.dismiss()
        for process in crew:
            process.join()
    finally:
        kill()


def _ahead(
    works: Sequence[Callable[["_Waiting"], None]],
    jobs: Iterable[Job],
    depth: int,
    timeout: float,
    leave: Callable[[], None] = lambda: None,
) -> Iterator[Any]:
    """Yield the batches of `jobs` in order, made by one thread for each of `works`.

    When the iteration is left early, `leave` hurries those that still make a batch.
    """
    waiting: _Waiting = queue.SimpleQueue()
    threads = [
        threading.Thread(target=work, args=(waiting,), name=f"tinytorch-data-{number}", daemon=True)
        for number, work in enumerate(works)
    ]
    pending: deque[_Task] = deque()
    try:
        for thread in threads:
            thread.start()
        for job in jobs:
            task = _Task(job)
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


class _Task:
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


_Waiting = queue.SimpleQueue[_Task | None]


def _work(make: Make, waiting: _Waiting) -> None:
    """Make batches in this thread."""
    while (task := waiting.get()) is not None:
        if task.begin():
            task.finish(partial(make, *task.job))
        del task  # the batch belongs to whoever asked for it


class _Process:
    """A worker process, which makes batches by what is installed in it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs,), name="tinytorch-data", daemon=True
        )
        with theirs, _interrupts_held():
            try:
                self._process.start()
            except (RuntimeError, AssertionError, OSError) as error:
                raise _dead(str(error).strip().partition("\n")[0]) from error

    def install(self, packed: Any) -> None:
        """Send what makes batches."""
        try:
            self._connection.send_bytes(packed)
        except OSError as error:
            raise self._ended("at its start") from error

    def work(self, waiting: _Waiting) -> None:
        """Have batches made, the next one while the last is on its way."""
        sent: deque[_Task] = deque()
        more = True
        while more or sent:
            if more and len(sent) < 2:
                try:
                    task = waiting.get(block=not sent)
                except queue.Empty:  # nobody asks for more yet
                    pass
                else:
                    more = task is not None
                    if task is not None and task.begin():
                        sent.append(task)
                        self._send(task.job)
                    continue
            task = sent.popleft()
            task.finish(partial(self._receive, task.job[0]))
            del task

    def _send(self, job: Job) -> None:
        with suppress(OSError):  # the answer will tell
            self._connection.send(job)

    def _receive(self, number: int) -> Any:
        try:
            answer = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._ended(f"before batch {number} came") from error
        batch = ForkingPickler.loads(answer)
        if isinstance(batch, _Failure):
            batch.raise_error()
        return batch

    def dismiss(self) -> None:
        """Let the process end."""
        with suppress(OSError):
            self._connection.send_bytes(b"")

    def join(self) -> None:
        """Wait for the process to end, but not for ever."""
        self._process.join(PATIENCE)

    def kill(self) -> None:
        """End the process, whatever it is at."""
        if self._process.is_alive():
            self._process.kill()
        self.join()

    def _ended(self, when: str) -> WorkerError:
        self.join()
        return _dead(f"one ended with exit code {self._process.exitcode} {when}")


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while a process starts, which inherits that until it ignores it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # its own start would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection) -> None:
    """Make batches in a worker process until the parent says so, or is gone.

    Ctrl-C reaches all processes of a terminal; what it means is the parent's to decide.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, messages), daemon=True).start()
    make = _unpacked(messages.get())
    with suppress(OSError):  # the parent is gone
        while message := messages.get():
            connection.send_bytes(_answer(make, ForkingPickler.loads(message)))


def _receive(connection: Connection, messages: "queue.SimpleQueue[bytes]") -> None:
    """Hand the parent's messages on; without a parent end the process, whatever it is at."""
    parent = os.getppid()
    try:
        while True:
            while not connection.poll(1):
                if os.getppid() != parent:  # a sibling may hold the parent's end of the pipe open
                    os._exit(1)
            message = connection.recv_bytes()
            messages.put(message)
            if not message:
                return
    except (EOFError, OSError):
        os._exit(1)


def _unpacked(packed: bytes) -> Make:
    try:
        make: Make = ForkingPickler.loads(packed)
    except Exception as error:  # noqa: BLE001  (whatever a class's own code raises)
        unsendable = _unsendable(error)

        def make(number: int, indices: np.ndarray) -> Any:  # noqa: ARG001  (a make)
            raise unsendable

    return make


def _answer(make: Make, job: Job) -> Any:
    """Return the packed batch, or the packed error."""
    try:
        return ForkingPickler.dumps(make(*job))
    except Exception as error:  # noqa: BLE001  (it is raised again in the other process)
        return ForkingPickler.dumps(_Failure.of(error))


@dataclass
class _Failure:
    """An error on its way out of a worker process, with the notes that its class may not carry."""

    error: Exception
    notes: list[str]

    @classmethod
    def of(cls, error: Exception) -> "_Failure":
        """Pack `error`; one that cannot be sent is replaced by its text."""
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


def _unsendable(error: Exception) -> ArgumentError:
    return ArgumentError(
        "DataLoader",
        expected="a data set, transform and collate that can be sent to another process",
        got=f"{type(error).__name__}: {error}",
        fix="define classes and functions at the top of a module (no lambda), "
        "or use worker='thread'",
    )


def _dead(got: str) -> WorkerError:
    return WorkerError(
        "DataLoader",
        expected="worker processes that live",
        got=got,
        fix='put the script in a file, its own code under `if __name__ == "__main__":`; '
        "see that memory suffices (exit code -9); or use worker='thread'",
    )
