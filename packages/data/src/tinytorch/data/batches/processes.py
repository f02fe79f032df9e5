"""Batches made ahead of time by processes, each of which talks with one thread over one pipe.

A process ends when it is told to, when the iteration is left early, or when its parent is gone,
whatever it is at. Ctrl-C, which reaches all processes of a terminal, is left to the parent.
"""

import multiprocessing
import os
import queue
import signal
import threading
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from tinytorch.data.batches.threads import PATIENCE, Job, Make, Task, Waiting, WorkerError, ahead
from tinytorch.tensor.errors import ArgumentError


def in_processes(
    make: Make, jobs: Iterable[Job], workers: int, depth: int, timeout: float
) -> Iterator[Any]:
    """Yield `make(*job)` for each job in order, made by processes; the rest as in `in_threads`.

    Each process gets `make`, and with it the data set, once. One that dies is an error, most often
    because the script has no main guard.
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
        yield from ahead([process.work for process in crew], jobs, depth, timeout, kill)
        for process in crew:
            process.dismiss()
        for process in crew:
            process.join()
    finally:
        kill()


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

    def work(self, waiting: Waiting) -> None:
        """Have batches made, the next one while the last is on its way."""
        sent: deque[Task] = deque()
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
            packed = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._ended(f"before batch {number} came") from error
        batch, failure = ForkingPickler.loads(packed)
        if failure is not None:
            raise failure
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
    """Make batches in a worker process until the parent says that it is enough."""
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
        return make
    except Exception as error:  # noqa: BLE001  (whatever a class's own code raises)
        unsendable = _unsendable(error)

    def refuse(*_: Any) -> Any:
        raise unsendable

    return refuse


def _answer(make: Make, job: Job) -> Any:
    """Return, packed, the batch and no error, or no batch and the error."""
    try:
        return ForkingPickler.dumps((make(*job), None))
    except Exception as error:  # noqa: BLE001  (it is raised again in the other process)
        return ForkingPickler.dumps((None, _sendable(error)))


def _sendable(error: Exception) -> Exception:
    """Note where the error was raised; one that does not arrive as it is becomes its text."""
    error.add_note(f"in a worker process: {''.join(traceback.format_exception(error))}")
    try:
        arrived = ForkingPickler.loads(ForkingPickler.dumps(error))
        if arrived.__notes__ == error.__notes__:
            return error
    except Exception:  # noqa: BLE001, S110  (whatever its class's own code raises)
        pass
    text = RuntimeError(f"{type(error).__name__}: {error}")
    text.__notes__ = error.__notes__
    return text


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
