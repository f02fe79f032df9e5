"""Metrics are counters: batches of any size go in, and the figure of all examples comes out."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinytorch.tensor import display
from tinytorch.tensor.errors import StateError
from tinytorch.tensor.functional import divisors
from tinytorch.training.parts.settings import made_with, settings_of


class Metric:
    """What the `Trainer` asks of a metric: `reset`, `update` per batch, `compute` at the end.

    A metric keeps counts in plain attributes (numbers, arrays), so that a checkpoint can hold a
    half-counted epoch; arguments of its constructor are settings, under attributes of the same
    names. Subclasses set `name`, the column of the `History`.
    """

    name: str = "metric"

    def reset(self) -> None:
        """Forget everything counted."""
        raise NotImplementedError

    def update(self, outputs: Any, targets: Any) -> None:
        """Count one batch: outputs `(batch, ...)` and targets `(batch, ...)`."""
        raise NotImplementedError

    def compute(self) -> Any:
        """Return the figure over all that was counted: a number, a dict of numbers, or an array."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return the counts without the settings, as a checkpoint keeps them."""
        settings = {"name", *settings_of(self)}
        return {
            name: value
            for name, value in vars(self).items()
            if name not in settings and isinstance(value, (int, float, np.ndarray))
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up counts that `state_dict` gave.

        Raises:
            StateError: They are the counts of another metric.
        """
        own = self.state_dict()
        if state.keys() != own.keys():
            raise StateError(
                f"{type(self).__name__}.load_state_dict",
                expected=f"the counts {', '.join(own) or '(none)'}",
                got=f"{', '.join(state) or 'none'}",
                fix="load what state_dict() of a metric of the same class gave",
            )
        vars(self).update(state)

    def __repr__(self) -> str:
        return made_with(self)

    def _repr_html_(self) -> str:
        """Show the figures so far; a dash where nothing was counted."""
        try:
            found = self.compute()
        except StateError:
            found = "-"
        figures = found if isinstance(found, dict) else {self.name: found}
        rows = [[name, _short(figure)] for name, figure in figures.items()]
        return display.table(["metric", "so far"], rows, title=repr(self))


class Mean(Metric):
    """The mean of a figure over all examples: each batch weighs as much as it has examples.

    The figure may be a loss with `reduction="mean"`: a batch then weighs what its mean was divided
    by (ignored targets do not count, class weights do), see `tinytorch.tensor.functional.divisors`.

    Args:
        function: `(outputs, targets) -> figure`, a number (the batch's mean) or an array (one
            figure per example). Needed only where `update` is used.
        name: The column's name; the function's if left out.

    Example:
        >>> mean = Mean()
        >>> mean.add(2.0, weight=3)
        >>> mean.add(6.0)
        >>> mean.compute()
        3.0
    """

    def __init__(
        self, function: Callable[[Any, Any], Any] | None = None, *, name: str | None = None
    ) -> None:
        self.function = function
        self.name = name if name is not None else _name_of(function)
        self.reset()

    def reset(self) -> None:
        self.sum = 0.0
        self.weight = 0.0
        self.seen = 0

    def add(self, value: float, weight: float = 1.0) -> None:
        """Count a figure that stands for `weight` examples; where that is 0, it may be NaN."""
        if weight:
            self.sum += float(value) * weight
            self.weight += weight
        self.seen += 1

    def update(self, outputs: Any, targets: Any) -> None:
        """Count the function's figure for one batch: outputs `(batch, ...)`, targets likewise.

        Raises:
            StateError: There is no function.
        """
        if self.function is None:
            raise StateError(
                "Mean.update",
                expected="Mean(function)",
                got="a Mean without function",
                fix="use Mean(function), or mean.add(value, weight)",
            )
        figure, weight = weighed(self.function, outputs, targets)
        values = np.asarray(figure)
        self.add(float(values.mean(dtype=np.float64)), values.size if values.ndim else weight)

    def compute(self) -> float:
        """Return the weighted mean of all that was counted; NaN where all of it weighs nothing."""
        return share_of(f"Mean({self.name})", self.sum, self.weight, self.seen)


def weighed(function: Callable[[Any, Any], Any], outputs: Any, targets: Any) -> tuple[Any, float]:
    """Compute a loss or another mean over a batch, and how much it weighs beside other batches.

    That is what the mean was divided by if it tells (see `divisors`); the length of the batch, if
    not, or if several means in it were divided by different numbers.
    """
    with divisors() as heard:
        figure = function(outputs, targets)
    return figure, heard[0] if len(set(heard)) == 1 else float(len(targets))


def share_of(operation: str, part: float, whole: float, seen: int) -> float:
    """Divide a count by the whole; NaN where something was seen, and nothing of it counts."""
    if not seen:
        raise StateError(
            f"{operation}.compute",
            expected="at least one example counted",
            got="none",
            fix="call update(outputs, targets) for each batch first",
        )
    if not whole:
        return math.nan
    return part / whole if math.isfinite(part) else float(part)


def _short(figure: Any) -> str:
    return f"{figure:.4g}" if isinstance(figure, float) else str(figure)


def _name_of(function: Any) -> str:
    """Return a function's name, that of a `functools.partial` being its function's."""
    return str(getattr(getattr(function, "func", function), "__name__", "mean"))
