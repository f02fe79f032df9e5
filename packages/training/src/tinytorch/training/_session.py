"""What surrounds a loop: evaluation mode that ends, and signals that wait for the step's end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from tinytorch.autograd.nn import Module

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


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

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's protocol
        if self.noted and number == signal.SIGINT:
            self.noted = ""
            raise KeyboardInterrupt
        self.noted = self.noted or signal.Signals(number).name


@contextmanager
def evaluation_mode(model: Module) -> Iterator[None]:
    """Put the model in evaluation mode; afterwards, and after errors, each module is as it was."""
    modes = [(module, module.training) for _, module in model.named_modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
