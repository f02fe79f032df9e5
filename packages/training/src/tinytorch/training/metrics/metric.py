"""Metrics are counters: batches of any size go in, and the figure of all examples comes out."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import StateError

__all__ = ["Mean", "Metric", "as_array", "share_of"]


class Metric:
    """What the `Trainer` asks of a metric: `reset`, `update` per batch, `compute` at the end.

    A metric keeps counts in plain attributes (numbers, arrays), so that a checkpoint can hold a
    half-counted epoch. Subclasses set `name`, the column of the `History`.
    """

    name: str = "metric"

    def reset(self) -> None:
        """Forget everything counted."""
        raise NotImplementedError

    def update(self, outputs: Any, targets: Any) -> None:
        """Count one batch: outputs `(batch, ...)` and targets `(batch, ...)`."""
        raise NotImplementedError

    def compute(self) -> Any:
        """Give the figure over all that was counted: a number, a dict of numbers, or an array."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Give the counts, as a checkpoint keeps them."""
        return {k: v for k, v in vars(self).items() if isinstance(v, (int, float, np.ndarray))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up counts that `state_dict` gave."""
        vars(self).update(state)

    def __repr__(self) -> str:
        """Show the metric's name and settings."""
        return f"{type(self).__name__}(name={self.name!r})"


class Mean(Metric):
    """The mean of a figure over all examples: each batch weighs as much as it has examples.

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
        self.name = name if name is not None else getattr(function, "__name__", "mean")
        self.reset()

    def reset(self) -> None:
        """Forget everything counted."""
        self.sum = 0.0
        self.weight = 0.0

    def add(self, value: float, weight: float = 1.0) -> None:
        """Count a figure that stands for `weight` examples."""
        self.sum += float(value) * weight
        self.weight += weight

    def update(self, outputs: Any, targets: Any) -> None:
        """Count the function's figure for one batch: outputs `(batch, ...)`, targets likewise."""
        if self.function is None:
            raise StateError(
                "Mean.update",
                expected="Mean(function)",
                got="a Mean without function",
                fix="use Mean(function), or mean.add(value, weight)",
            )
        values = as_array(self.function(outputs, targets))
        count = len(as_array(targets)) if values.ndim == 0 else values.size
        self.add(float(values.mean(dtype=np.float64)), count)

    def compute(self) -> float:
        """Give the weighted mean of all that was counted."""
        return share_of(f"Mean({self.name})", self.sum, self.weight)


def as_array(values: Any) -> np.ndarray:
    """Give the ndarray under a Tensor, an array or a number; nothing is copied."""
    return values.data if isinstance(values, Tensor) else np.asarray(values)


def share_of(operation: str, part: float, whole: float) -> float:
    """Divide a count by the whole, if anything was counted.

    Raises:
        StateError: Nothing was.
    """
    if not whole:
        raise StateError(
            f"{operation}.compute",
            expected="at least one example counted",
            got="none",
            fix="call update(outputs, targets) for each batch first",
        )
    return part / whole if math.isfinite(part) else float(part)
