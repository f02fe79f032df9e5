"""The history is a table: one row per epoch, one column per figure; it reads like a dictionary."""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinytorch.tensor import checks, display
from tinytorch.tensor.errors import ArgumentError
from tinytorch.training.files.atomic import PathLike, write_atomically
from tinytorch.training.files.regular import RegularFile
from tinytorch.training.pictures import drawn, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_ROWS = 20
LOW_IS_BEST = re.compile(
    r".*loss|nll|errors?|err|mae|r?ms(l)?e|s?mape|deviation|distance|perplexity|ppl|[wc]er|e[ce]e|"
    r"brier|fid|divergence|kl|entropy|deviance|regret|miss|false|cost|energy"
)
HIGH_IS_BEST = re.compile(
    r"acc(uracy)?|top\d*|precision|recall|sensitivity|specificity|f\d*|fbeta|(au)?roc|auc|auprc|"
    r"ap\d*|map\d*|m?iou|jaccard|dice|kappa|mcc|correlation|r2?|psnr|ssim|bleu\d*|rouge\w?|meteor|"
    r"scores?|rewards?|returns?|ndcg|mrr|hits?|share|right|correct|likelihood|elbo"
)


class History(Mapping[str, list[float]]):
    """The figures of each epoch: `history["val_loss"]` is a list with one number per epoch.

    Losses are in nats per example, shares go from 0.0 to 1.0. Times lie apart, in `seconds`:
    two runs with one seed have equal histories, though not equal times.

    Attributes:
        seconds: How long each epoch took, validation included.

    Example:
        >>> history = History()
        >>> history.append({"loss": 0.7, "val_loss": 0.8}, seconds=1.5)
        >>> history.append({"loss": 0.4, "val_loss": 0.6}, seconds=1.4)
        >>> history["val_loss"]
        [0.8, 0.6]
        >>> history
        History of 2 epochs
          epoch      loss  val_loss
              1    0.7000    0.8000
              2    0.4000    0.6000
    """

    def __init__(self) -> None:
        self._columns: dict[str, list[float]] = {}
        self.seconds: list[float] = []

    @property
    def epochs(self) -> int:
        """How many epochs the history holds."""
        return len(self.seconds)

    @property
    def last(self) -> dict[str, float]:
        """The figures of the last epoch; empty before the first."""
        return {name: column[-1] for name, column in self._columns.items()}

    def append(self, row: Mapping[str, float], seconds: float = 0.0) -> None:
        """Add one epoch's figures; a figure that a row lacks is NaN there."""
        for name in row:
            self._columns.setdefault(name, [math.nan] * self.epochs)
        for name, column in self._columns.items():
            column.append(float(row.get(name, math.nan)))
        self.seconds.append(float(seconds))

    def best(self, name: str, mode: str | None = None) -> tuple[int, float]:
        """Find the best epoch of a column; of equal ones the first, and NaN is never best.

        Args:
            name: The column.
            mode: `"min"` or `"max"`: whether low or high figures are best. Left out, the column's
                name tells: losses and errors are best low, shares and scores high.

        Returns:
            The epoch, counted from 1, and its figure; (0, nan) where there is none.

        Raises:
            ArgumentError: There is no such column or mode, or the column's name does not tell.
        """
        if name not in self._columns:
            raise ArgumentError(
                "History.best",
                expected=f"one of the columns {', '.join(self._columns) or '(none yet)'}",
                got=repr(name),
                fix="train for an epoch first, with val_loader= for the columns val_...",
            )
        sign = direction("History.best", name, mode)
        figures = [(sign * value, -i, value) for i, value in enumerate(self[name], 1)]
        found = max((f for f in figures if not math.isnan(f[0])), default=None)
        return (-found[1], found[2]) if found else (0, math.nan)

    def to_dict(self) -> dict[str, Any]:
        """Return columns and seconds as plain lists, in which figures that JSON lacks are texts."""
        return {
            "columns": {k: [_plain(v) for v in column] for k, column in self._columns.items()},
            "seconds": list(self.seconds),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "History":
        """Make a history of what `to_dict` gave."""
        history = cls()
        history._columns = {k: [float(v) for v in c] for k, c in content["columns"].items()}
        history.seconds = [float(v) for v in content["seconds"]]
        return history

    def to_csv(self, path: PathLike | None = None) -> str:
        """Return the table as CSV, `epoch` first, `seconds` last; write it to `path` if given."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", *self._columns, "seconds"])
        rows = zip(*self._columns.values(), self.seconds, strict=True)
        writer.writerows([i, *row] for i, row in enumerate(rows, 1))
        if path is not None:
            write_atomically("History.to_csv", path, [text.getvalue().encode()])
        return text.getvalue()

    def to_json(self, path: PathLike | None = None) -> str:
        """Return the history as JSON, and write it to `path` if given; `from_json` reads it."""
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False)
        if path is not None:
            write_atomically("History.to_json", path, [text.encode()])
        return text

    @classmethod
    def from_json(cls, path: PathLike) -> "History":
        """Read a history that `to_json` wrote.

        Raises:
            FileError: The file is missing, damaged, or no history.
        """
        with RegularFile("History.from_json", Path(path)) as file:
            content = file.read(file.size)
        try:
            return cls.from_dict(json.loads(content))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise file.unusable("a file that History.to_json wrote", error) from error

    def plot(self, path: PathLike | None = None) -> "Figure":
        """Draw the learning curves: one panel below the other, training and validation together.

        Args:
            path: A file to write (`.png`, `.svg`, `.pdf`), if any.

        Returns:
            The matplotlib figure, for changes and for notebooks.

        Raises:
            MissingExtraError: matplotlib is not installed.
            ArgumentError: The history is empty.
        """
        if not self.epochs:
            raise ArgumentError(
                "History.plot",
                expected="at least one epoch",
                got="an empty history",
                fix="call trainer.fit(epochs) first",
            )
        names = [n for n in self if not (n.startswith("val_") and n[4:] in self)]
        figure = new_figure("History.plot", 2.2 * len(names))
        epochs = range(1, self.epochs + 1)
        for name, axes in zip(names, figure.subplots(len(names), squeeze=False)[:, 0], strict=True):
            marker = "o" if self.epochs == 1 else None
            axes.plot(epochs, self[name], label="training", marker=marker)
            if f"val_{name}" in self:
                axes.plot(epochs, self[f"val_{name}"], label="validation", marker=marker)
                axes.legend(frameon=False)
            axes.set(title=name, xlabel="epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(alpha=0.3)
        return drawn("History.plot", figure, path)

    def __getitem__(self, name: str) -> list[float]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __eq__(self, other: object) -> bool:
        """Compare the figures, bit for bit (NaN equals NaN); times do not count."""
        if not isinstance(other, History):
            return NotImplemented
        return bool(self.to_dict()["columns"] == other.to_dict()["columns"])

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show the table; of a long one the first and the last rows."""
        widths = {name: max(len(name), 8) for name in self}
        lines = [self._title()]
        lines += ["  epoch" + "".join(f"  {n:>{w}}" for n, w in widths.items())] * bool(self)
        for epoch, *figures in self._shown():
            if not figures:
                lines.append(f"    {epoch}")
                continue
            row = "".join(f"  {f:>{w}}" for f, w in zip(figures, widths.values(), strict=True))
            lines.append(f"  {epoch:>5}{row}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [row if row[1:] else [*row, *[""] * len(self)] for row in self._shown()]
        return display.table(["epoch", *self], rows, title=self._title())

    def _title(self) -> str:
        return f"History of {self.epochs} epoch{'' if self.epochs == 1 else 's'}"

    def _shown(self) -> Iterator[list[str]]:
        """Yield the rows as texts; in place of the middle of a long table one `...`."""
        half = SHOWN_ROWS // 2
        for i in range(self.epochs):
            if self.epochs > SHOWN_ROWS and half <= i < self.epochs - half:
                if i == half:
                    yield ["..."]
                continue
            yield [str(i + 1), *(show_figure(column[i]) for column in self.values())]


def direction(operation: str, name: str, mode: str | None) -> int:
    """Return 1 where higher figures of a column are better, -1 where lower ones are.

    `mode` is `"min"` or `"max"`; left out, the words in the column's name tell, if they are known.
    """
    mode = checks.choice(operation, "mode", mode, ("min", "max", None))
    words = name.lower().removeprefix("val_").split("_")
    if mode is None:
        low, high = (any(map(kind.fullmatch, words)) for kind in (LOW_IS_BEST, HIGH_IS_BEST))
        mode = "min" if low else "max" if high else None
    if mode is not None:
        return 1 if mode == "max" else -1
    raise ArgumentError(
        operation,
        expected="mode, as the name does not tell whether low or high figures are best",
        got=f"{name!r} and mode=None",
        fix='mode="min" where lower is better, mode="max" where higher is',
    )


def show_figure(value: float) -> str:
    """Show a figure in four digits: `0.5123`, `12.3456`, `1.0e-05`."""
    if value == 0 or 1e-3 <= abs(value) < 1e4 or not math.isfinite(value):
        return f"{value:.4f}"
    return f"{value:.1e}"


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
