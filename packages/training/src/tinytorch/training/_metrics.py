"""Metrics are counters: batches of any size go in, and the figure of all examples comes out."""

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import ArgumentError, IndexRangeError, ShapeError, StateError

__all__ = [
    "Accuracy",
    "Mean",
    "Metric",
    "TopK",
    "accuracy",
    "as_array",
    "as_metric",
    "figures_of",
    "numbers_in",
    "scores_and_labels",
    "share_of",
]


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


class TopK(Metric):
    """The share of examples whose label is among the k highest scores.

    Equal scores are ranked by class number, as `argmax` does; a label whose score is NaN is wrong.

    Args:
        k: How many guesses count.
        name: The column's name; `top<k>` if left out.

    Raises:
        ArgumentError: k is below 1.

    Example:
        >>> import numpy as np
        >>> top2 = TopK(2)
        >>> top2.update(np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]), np.array([1, 2]))
        >>> top2.compute()
        0.5
    """

    def __init__(self, k: int = 5, *, name: str | None = None) -> None:
        if k < 1:
            raise ArgumentError("TopK", expected="k of at least 1", got=f"k={k}", fix="use TopK(5)")
        self.k = k
        self.name = name if name is not None else f"top{k}"
        self.reset()

    def reset(self) -> None:
        """Forget everything counted."""
        self.correct = 0
        self.total = 0

    def update(self, outputs: Any, targets: Any) -> None:
        """Count one batch: scores `(batch, classes, ...)`, labels `(batch, ...)` of integers."""
        scores, labels = scores_and_labels(type(self).__name__, outputs, targets)
        if self.k == 1:
            hits = scores.argmax(axis=1) == labels
        else:
            place = np.expand_dims(labels, 1)
            own = np.take_along_axis(scores, place, axis=1)
            classes = np.arange(scores.shape[1]).reshape((-1,) + (1,) * (scores.ndim - 2))
            ahead = (scores > own) | ((scores == own) & (classes < place))
            hits = (ahead.sum(axis=1) < self.k) & ~np.isnan(own).squeeze(1)
        self.correct += int(np.count_nonzero(hits))
        self.total += hits.size

    def compute(self) -> float:
        """Give the share of right answers among all examples counted."""
        return share_of(type(self).__name__, self.correct, self.total)


class Accuracy(TopK):
    """The share of examples whose highest score is their label's.

    Args:
        threshold: For yes-or-no models: outputs have the targets' shape, and a score above the
            threshold (0.0 for logits, 0.5 for probabilities) means yes (1).
        name: The column's name.

    Example:
        >>> import numpy as np
        >>> metric = Accuracy()
        >>> metric.update(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
        >>> metric.update(np.array([[0.3, 0.7]]), np.array([1]))
        >>> round(metric.compute(), 4)
        0.6667
    """

    def __init__(self, *, threshold: float | None = None, name: str = "accuracy") -> None:
        super().__init__(1, name=name)
        self.threshold = threshold

    def update(self, outputs: Any, targets: Any) -> None:
        """Count one batch: scores `(batch, classes, ...)` and labels `(batch, ...)` of integers.

        With a threshold both have one shape, and targets are 0 or 1.
        """
        if self.threshold is None:
            super().update(outputs, targets)
            return
        scores, labels = as_array(outputs), as_array(targets)
        if scores.shape != labels.shape:
            raise ShapeError(
                "Accuracy",
                expected="outputs and targets of one shape, as a threshold asks yes or no",
                got=f"outputs {scores.shape}, targets {labels.shape}",
                fix="reshape one of them, or leave threshold out for scores per class",
            )
        self.correct += int(np.count_nonzero((scores > self.threshold) == (labels > 0.5)))
        self.total += scores.size


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


def accuracy(outputs: Any, targets: Any) -> float:
    """Give the share of examples whose highest score is their label's.

    Args:
        outputs: Scores `(batch, classes, ...)`.
        targets: Labels `(batch, ...)` of integers.

    Returns:
        The share, 0.0 to 1.0. The `Trainer` counts it over an epoch by `Accuracy`, exactly.

    Example:
        >>> import numpy as np
        >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
        0.5
    """
    metric = Accuracy()
    metric.update(outputs, targets)
    return metric.compute()


def as_metric(metric: Any) -> Metric:
    """Make the Trainer's own counter of a metric, or of a function `(outputs, targets)`.

    Args:
        metric: A `Metric` (copied, so that two counters never share counts) or a function.

    Returns:
        A metric that has counted nothing.

    Raises:
        ArgumentError: It is neither.
    """
    if metric is accuracy:
        return Accuracy()
    if isinstance(metric, Metric):
        own = copy.deepcopy(metric)
        own.reset()
        return own
    if callable(metric) and not isinstance(metric, type):
        return Mean(metric)
    raise ArgumentError(
        "metrics",
        expected="metrics, or functions (outputs, targets) -> number",
        got=repr(metric),
        fix="give Accuracy(), not Accuracy"
        if isinstance(metric, type)
        else "use metrics=(accuracy,)",
    )


def figures_of(counters: Iterable[Metric]) -> dict[str, Any]:
    """Compute metrics: name to figure; a metric of several figures gives each its name."""
    figures: dict[str, Any] = {}
    for counter in counters:
        value = counter.compute()
        figures |= value if isinstance(value, dict) else {counter.name: value}
    return figures


def numbers_in(figures: Mapping[str, Any]) -> dict[str, float]:
    """Give those figures that are single numbers, as a history holds them."""
    return {name: float(value) for name, value in figures.items() if np.ndim(value) == 0}


def as_array(values: Any) -> np.ndarray:
    """Give the ndarray under a Tensor, an array or a number; nothing is copied."""
    return values.data if isinstance(values, Tensor) else np.asarray(values)


def scores_and_labels(operation: str, outputs: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    """Give scores `(batch, classes, ...)` and labels `(batch, ...)`, checked against each other."""
    scores, labels = as_array(outputs), as_array(targets)
    if scores.ndim < 2 or labels.shape != scores.shape[:1] + scores.shape[2:]:
        raise ShapeError(
            operation,
            expected="outputs (batch, classes, ...) and targets (batch, ...)",
            got=f"outputs {scores.shape}, targets {labels.shape}",
            fix="give one score per class; for yes-or-no outputs use Accuracy(threshold=0.0)",
        )
    if labels.dtype.kind not in "iu":
        raise ArgumentError(
            operation,
            expected="class numbers of an integer type",
            got=f"targets of {labels.dtype}",
            fix="use targets.argmax(axis=1) for one-hot rows, targets.astype('int64') for numbers",
        )
    if labels.size and not (labels.min() >= 0 and labels.max() < scores.shape[1]):
        wrong = labels[(labels < 0) | (labels >= scores.shape[1])]
        raise IndexRangeError(
            operation,
            expected=f"labels 0 to {scores.shape[1] - 1}, as the outputs have that many classes",
            got=f"label {wrong[0]}",
            fix="give the model one output per class, and number classes from 0",
        )
    return scores, labels


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
