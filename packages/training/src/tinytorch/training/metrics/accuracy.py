"""Accuracy: the share of examples whose label is the best guess, or among the best."""

from typing import Any

import numpy as np

from tinytorch.tensor.errors import ArgumentError, IndexRangeError, ShapeError
from tinytorch.training.metrics.metric import Metric, as_array, share_of

__all__ = ["Accuracy", "TopK", "accuracy", "scores_and_labels"]


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
