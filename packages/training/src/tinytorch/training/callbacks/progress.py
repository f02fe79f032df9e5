"""The progress display: a live bar on a terminal, a line per epoch in a log, nothing when asked.

It looks at the clock after each step and draws twice a second at most, so it costs next to nothing.
"""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from tinytorch.training._history import show_figure
from tinytorch.training._run import Run
from tinytorch.training.callbacks.callback import Callback

__all__ = ["Progress"]


class Progress(Callback):
    """Show epoch, batches, examples per second, time left and the figures so far.

    The bar needs rich (extra `progress`) and a terminal; else there are plain lines. The `Trainer`
    makes one by itself unless it is told `progress=False` or given another.

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
        self._out: TextIO = sys.stdout
        self._bar: Any = None

    def on_fit_begin(self, run: Run) -> None:
        self._out = self.stream if self.stream is not None else sys.stdout
        self._bar = _make_bar(self._out) if self._out.isatty() else None
        if run.step:
            self._line(f"going on after epoch {run.epoch}, batch {run.batch}")
        if self._bar is not None:
            self._bar.start()

    def on_epoch_begin(self, run: Run) -> None:
        self._began = self._drawn = self._seen = self.clock()
        self._first = self._done = (run.batch, run.examples)
        if self._bar is not None:
            self._task = self._bar.add_task(
                f"epoch {run.epoch + 1}/{run.epochs}",
                total=run.batches_per_epoch,
                completed=run.batch,
                figures="",
            )

    def on_step_end(self, run: Run) -> None:
        self._seen = now = self.clock()
        self._done = (run.batch, run.examples)
        if now - self._drawn < (0.5 if self._bar is not None else self.every):
            return
        self._drawn = now
        text = f"{self._speed()}  {show_figures(run.figures())}"
        if self._bar is not None:
            self._bar.update(self._task, completed=run.batch, figures=text, refresh=True)
            return
        total = run.batches_per_epoch
        done = run.batch - self._first[0]
        left = f"  {(total - run.batch) * (now - self._began) / done:.0f} s left" if total else ""
        batches = f"{run.batch}/{total}" if total else str(run.batch)
        self._line(f"epoch {run.epoch + 1}/{run.epochs}  batch {batches}  {text}{left}")

    def on_epoch_end(self, run: Run) -> None:
        if self._bar is not None:
            self._bar.remove_task(self._task)
            self._bar.refresh()
        self._line(
            f"epoch {run.epoch}/{run.epochs}  {run.history.seconds[-1]:.1f} s  "
            f"{self._speed()}  {show_figures(run.history.last)}"
        )

    def on_fit_end(self, run: Run) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if run.stopped:
            self._line(f"stopped: {run.stopped}")

    def _speed(self) -> str:
        """Give the training speed, without validation."""
        seconds = max(self._seen - self._began, 1e-9)
        batches, examples = (
            (done - first) / seconds for done, first in zip(self._done, self._first, strict=True)
        )
        return f"{batches:,.1f} batches/s  {examples:,.0f} examples/s"

    def _line(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            self._out.write(text + "\n")
            self._out.flush()


def show_figures(figures: Mapping[str, float]) -> str:
    """Show figures in one line: `loss 0.6931  accuracy 0.5000`."""
    return "  ".join(f"{name} {show_figure(value)}" for name, value in figures.items())


def _make_bar(out: TextIO) -> Any:
    """Make rich's bar, drawn only when asked; None where rich is not installed."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar
    except ImportError:
        return None
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=Console(file=out),
        auto_refresh=False,
        transient=True,
    )
