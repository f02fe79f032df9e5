"""Signals to end wait for the end of a step: then a run can be saved, and goes on from there."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Interrupted(KeyboardInterrupt):
    """A signal to end, at a place where the run can be saved."""


class Signals:
    """Notes the first signal to end (Ctrl-C, SIGTERM, SIGHUP); a Ctrl-C after it ends at once.

    Attributes:
        noted: The signal's name; empty until one comes, and after one that ends at once.
    """

    def __init__(self) -> None:
        self.noted = ""

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Note signals; outside the main thread, where Python has none, do nothing.

        A signal that is ignored (SIGHUP under `nohup`) stays ignored.
        """
        self.noted = ""
        with ExitStack() as after:
            if threading.current_thread() is threading.main_thread():
                for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
                    before = signal.getsignal(number)
                    if before is not signal.SIG_IGN or number == signal.SIGINT:
                        signal.signal(number, self._note)
                        after.callback(signal.signal, number, before or signal.SIG_DFL)
            yield

    def stop_if_noted(self) -> None:
        """Let a signal through that has been noted, as Interrupted."""
        if self.noted:
            raise Interrupted

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's protocol
        if self.noted and number == signal.SIGINT:
            self.noted = ""
            raise KeyboardInterrupt
        self.noted = self.noted or signal.Signals(number).name
