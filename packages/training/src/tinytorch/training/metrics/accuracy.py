"""Accuracy: the share of examples whose label is the best guess, or among the best."""

from typing import Any

import numpy as np

from tinytorch.tensor import checks
from tinytorch.tensor.errors import ShapeError, named
from tinytorch.tensor.functional import mean_over
from tinytorch.training.metrics.labels import (
    predicted_classes,
    scores_and_labels,
    scores_of,
    values_in,
)
from tinytorch.training.metrics.metric import Metric, share_of


class TopK(Metric):
    """The share of examples whose label is among the k highest scores.

    Equal scores are ranked by class number, and NaN above all numbers, as `argmax` does; a label
    whose own score is NaN is wrong.

    Args:
        k: How many guesses count.
        name: The column's name; `top<k>` if left out.
        ignore_index: Targets of this value do not count, as in `cross_entropy`; None for none.

    Raises:
        ArgumentError: k is no whole number of at least 1.

    Example:
        >>> import numpy as np
        >>> top2 = TopK(2)
        >>> top2.update(np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]), np.array([1, 2]))
        >>> top2.compute()
        0.5
    """

    def __init__(
        self, k: int = 5, *, name: str | None = None, ignore_index: int | None = -100
    ) -> None:
        self.k = checks.whole("TopK", "k", k, least=1)
        self.name = name if name is not None else f"top{k}"
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        self.correct = 0
        self.total = 0
        self.seen = 0

    def update(self, outputs: Any, targets: Any) -> None:
        """Count one batch.

        Args:
            outputs: Scores `(batch, classes, ...)`.
            targets: Labels `(batch, ...)` of any integer type; or shares of the classes
                `(batch, classes, ...)`, of which the greatest is the label.

        Raises:
            ShapeError: The shapes do not fit.
            ArgumentError: The labels are no integers.
            IndexRangeError: A label is no class.
        """
        operation = f"{type(self).__name__}.update"
        scores, labels, counted = scores_and_labels(operation, outputs, targets, self.ignore_index)
        if self.k == 1:
            right = predicted_classes(scores, labels) == labels
        else:
            place, own = np.expand_dims(labels, 1), scores_of(scores, labels)
            rival = np.expand_dims(own, 1)
            classes = np.arange(scores.shape[1]).reshape((-1,) + (1,) * (scores.ndim - 2))
            ahead = ~(scores <= rival) | ((scores == rival) & (classes < place))
            right = (ahead.sum(axis=1) < self.k) & ~np.isnan(own)
        self._count(right & counted, counted)

    def compute(self) -> float:
        """Return the share of right answers among all that count; NaN where none of them does."""
        return share_of(type(self).__name__, self.correct, self.total, self.seen)

    def _count(self, right: np.ndarray, counted: np.ndarray) -> None:
        self.correct += int(np.count_nonzero(right))
        self.total += int(np.count_nonzero(counted))
        self.seen += counted.size


class Accuracy(TopK):
    """The share of examples whose highest score is their label's.

    Args:
        threshold: For yes-or-no models: outputs have the targets' shape, and a score above the
            threshold (0.0 for logits, 0.5 for probabilities) means yes (1); NaN is wrong.
        name: The column's name.
        ignore_index: As in `TopK`.

    Example:
        >>> import numpy as np
        >>> metric = Accuracy()
        >>> metric.update(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
        >>> metric.update(np.array([[0.3, 0.7]]), np.array([1]))
        >>> round(metric.compute(), 4)
        0.6667
    """

    def __init__(
        self,
        *,
        threshold: float | None = None,
        name: str = "accuracy",
        ignore_index: int | None = -100,
    ) -> None:
        super().__init__(1, name=name, ignore_index=ignore_index)
        self.threshold = threshold

    def update(self, outputs: Any, targets: Any) -> None:
        """Count one batch, as in `TopK`; with a threshold, outputs and targets have one shape.

        Raises:
            ShapeError: The shapes do not fit.
            ArgumentError: Without a threshold, the labels are no integers.
            IndexRangeError: Without a threshold, a label is no class.
        """
        if self.threshold is None:
            super().update(outputs, targets)
            return
        scores, labels = values_in("Accuracy.update", outputs, targets)
        if scores.shape != labels.shape:
            raise ShapeError(
                "Accuracy.update",
                expected="outputs and targets of one shape, as a threshold asks yes or no",
                got=f"outputs {scores.shape}, targets {labels.shape}",
                fix="reshape one of them, or leave threshold out for scores per class",
            )
        counted = np.full(labels.shape, True)
        if self.ignore_index is not None:
            counted = labels != self.ignore_index
        right = (scores > self.threshold) == (labels > 0.5)
        self._count(right & counted & ~np.isnan(scores) & ~np.isnan(labels), counted)


@named
def accuracy(outputs: Any, targets: Any, ignore_index: int | None = -100) -> float:
    """Return the share of examples whose highest score is their label's.

    Args:
        outputs: Scores `(batch, classes, ...)`.
        targets: Labels `(batch, ...)` or shares of the classes, as in `TopK.update`.
        ignore_index: Targets of this value do not count; None for none.

    Returns:
        The share, 0.0 to 1.0; NaN where no target counts. The `Trainer` counts it over an epoch by
        `Accuracy`, exactly.

    Example:
        >>> import numpy as np
        >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
        0.5
    """
    metric = Accuracy(ignore_index=ignore_index)
    metric.update(outputs, targets)
    return float(mean_over(metric.correct, metric.total))
