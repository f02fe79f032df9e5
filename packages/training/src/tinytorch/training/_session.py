"""What surrounds a loop: evaluation mode that ends, and a Ctrl-C that waits for the step's end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tinytorch.autograd.nn import Module

__all__ = ["CtrlC", "evaluation_mode"]


class CtrlC:
    """Notes the first Ctrl-C while it is active, and lets the second one through at once.

    Attributes:
        pressed: Whether it was noted.
    """

    def __init__(self) -> None:
        self.pressed = False

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Be active; outside the main thread, where Python has no signals, do nothing."""
        self.pressed = False
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's protocol
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True


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
