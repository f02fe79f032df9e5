"""The progress display: a live bar on a terminal and in a notebook, a line per epoch in a log.

It looks at the clock after each step and draws twice a second at most, so it costs next to nothing.
"""

import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from tinytorch.training._history import show_figure
from tinytorch.training._run import Run
from tinytorch.training.callbacks.callback import Callback
from tinytorch.training.callbacks.displays import Display, display_of


class Progress(Callback):
    """Show epoch, batches, examples per second, time left and the figures so far.

    On a terminal the bar needs rich (extra `progress`). A notebook has one bar for all epochs, and
    the figures of the last one. Else there are plain lines. The `Trainer` makes one by itself
    unless it is told `progress=False` or given another.

    Args:
        every: Seconds between two plain lines within an epoch.
        stream: Where to write; standard output, as it is when the fit begins, if left out.
        clock: Gives the time in seconds.
    """

    order = -100
    first_rank_only = True

    def __init__(
        self,
        *,
        every: float = 30.0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.every = every
        self.stream = stream
        self.clock = clock
        self._display: Display | None = None

    def on_fit_begin(self, run: Run) -> None:
        chosen = self.stream is not None
        self._display = display_of(self.stream or sys.stdout, chosen=chosen)
        if run.step:
            self._display.say(f"going on after epoch {run.epoch}, batch {run.batch}")

    def on_epoch_begin(self, run: Run) -> None:
        self._began = self._drawn = self._seen = self.clock()
        self._first = self._done = (run.batch, run.examples)
        title = f"epoch {run.epoch + 1}/{run.epochs}"
        self._shown.begin(title, run.batches_per_epoch, run.batch)

    def on_step_end(self, run: Run) -> None:
        self._seen = now = self.clock()
        self._done = (run.batch, run.examples)
        display = self._shown
        pause = self.every if display.pause is None else display.pause
        if now - self._drawn < pause:
            return
        self._drawn = now
        text = f"{self._speed()}  {show_figures(run.figures())}"
        total = run.batches_per_epoch
        if total and display.tells_time:
            done = run.batch - self._first[0]
            text += f"  {(total - run.batch) * (now - self._began) / done:.0f} s left"
        display.go_on(run.batch, text)

    def on_epoch_end(self, run: Run) -> None:
        self._shown.end()
        self._shown.say(
            f"epoch {run.epoch}/{run.epochs}  {run.history.seconds[-1]:.1f} s  "
            f"{self._speed()}  {show_figures(run.history.last)}"
        )

    def on_fit_end(self, run: Run) -> None:
        if self._display is None:
            return
        if run.stopped:
            self._display.say(f"stopped: {run.stopped}")
        self._display.close()
        self._display = None

    @property
    def _shown(self) -> Display:
        assert self._display is not None, "a fit begins with on_fit_begin"
        return self._display

    def _speed(self) -> str:
        """Give the training speed, without validation."""
        seconds = max(self._seen - self._began, 1e-9)
        batches, examples = (
            (done - first) / seconds for done, first in zip(self._done, self._first, strict=True)
        )
        return f"{batches:,.1f} batches/s  {examples:,.0f} examples/s"


def show_figures(figures: Mapping[str, float]) -> str:
    """Show figures in one line: `loss 0.6931  accuracy 0.5000`."""
    return "  ".join(f"{name} {show_figure(value)}" for name, value in figures.items())
