"""Where progress is shown: lines in a log, a bar on a terminal, a bar in a notebook."""

import html
import sys
from typing import Any, Protocol, TextIO


class Display(Protocol):
    """What `Progress` asks of a place: it begins, goes on with and ends the bar of each epoch."""

    pause: float | None
    """Seconds between two looks at the bar; None where each look is a line for good."""

    tells_time: bool
    """Whether it is told the time left; rich knows it."""

    def begin(self, title: str, total: int | None, done: int) -> None:
        """Begin an epoch's bar."""

    def go_on(self, done: int, text: str) -> None:
        """Show how far the epoch is."""

    def end(self) -> None:
        """Take the epoch's bar away."""

    def say(self, text: str) -> None:
        """Write a line that stays."""

    def close(self) -> None:
        """Let go of the place."""


class Lines(Display):
    """Plain lines: no bar."""

    pause = None
    tells_time = True

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def begin(self, title: str, total: int | None, done: int) -> None:  # noqa: ARG002
        self.title, self.total = title, total

    def go_on(self, done: int, text: str) -> None:
        batches = f"{done}/{self.total}" if self.total else str(done)
        self.say(f"{self.title}  batch {batches}  {text}")

    def end(self) -> None:
        pass

    def say(self, text: str) -> None:
        self.out.write(text + "\n")
        self.out.flush()

    def close(self) -> None:
        pass


class Terminal(Display):
    """The bar of rich beneath the lines, drawn only when asked."""

    pause = 0.5
    tells_time = False

    def __init__(self, bar: Any) -> None:
        self.bar = bar
        self.bar.start()

    def begin(self, title: str, total: int | None, done: int) -> None:
        self.task = self.bar.add_task(title, total=total, completed=done, figures="")

    def go_on(self, done: int, text: str) -> None:
        self.bar.update(self.task, completed=done, figures=text, refresh=True)

    def end(self) -> None:
        self.bar.remove_task(self.task)
        self.bar.refresh()

    def say(self, text: str) -> None:
        self.bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self.bar.stop()


class Notebook(Display):
    """One output of a cell, which is drawn anew: the bar, and the last line beneath it."""

    pause = 0.5
    tells_time = True

    def __init__(self, display: Any) -> None:
        self.title, self.text, self.line = "", "", ""
        self.done = 0
        self.total: int | None = 1
        self.shown: Any = display.display(self._drawn(), raw=True, display_id=True)

    def begin(self, title: str, total: int | None, done: int) -> None:
        self.title, self.total, self.done, self.text = title, total, done, ""
        self._draw()

    def go_on(self, done: int, text: str) -> None:
        self.done, self.text = done, text
        self._draw()

    def end(self) -> None:
        self.done, self.text = self.total or self.done, ""

    def say(self, text: str) -> None:
        self.line = text
        self._draw()

    def close(self) -> None:
        self._draw()

    def _draw(self) -> None:
        self.shown.update(self._drawn(), raw=True)

    def _drawn(self) -> dict[str, str]:
        """The bar in HTML, and as text for what shows no HTML."""
        batches = f"{self.done}/{self.total}" if self.total else str(self.done)
        above = f"{self.title}  {batches}  {self.text}".strip()
        full = f'value="{self.done}" max="{self.total}"' if self.total else ""
        bar = f'<progress {full} style="width: 20em"></progress> {html.escape(above)}'
        return {
            "text/html": f"<div>{bar}<br>{html.escape(self.line)}</div>",
            "text/plain": self.line or above,
        }


def display_of(out: TextIO, *, chosen: bool) -> Display:
    """Return the display that fits the stream; `chosen`: the user gave it, and wants text there."""
    if out.isatty():
        return _terminal(out) or Lines(out)
    # A notebook has loaded IPython; importing it here would cost every script a second.
    ipython = sys.modules.get("IPython")
    if ipython is None or chosen or not hasattr(ipython.get_ipython(), "kernel"):
        return Lines(out)
    return Notebook(ipython.display)


def _terminal(out: TextIO) -> Terminal | None:
    """The bar of rich; None where rich is not installed."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar
    except ImportError:
        return None
    return Terminal(
        Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=Console(file=out),
            auto_refresh=False,
            transient=True,
        )
    )
