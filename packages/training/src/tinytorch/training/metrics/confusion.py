"""The confusion matrix, and what follows from it: precision, recall and F1 of each class."""

from typing import Any

import numpy as np

from tinytorch.tensor import checks, display
from tinytorch.tensor.errors import ShapeError
from tinytorch.training.metrics.labels import predicted_classes, scores_and_labels
from tinytorch.training.metrics.metric import Metric, share_of


class ConfusionMatrix(Metric):
    """How often each class was taken for each: `matrix[true, predicted]`, counts of examples.

    An example whose label's score is NaN stands beside the diagonal.

    Args:
        classes: How many classes there are.
        name: The name in the results of `evaluate`.
        ignore_index: As in `TopK`.

    Raises:
        ArgumentError: classes is no whole number of at least 1.

    Example:
        >>> import numpy as np
        >>> metric = ConfusionMatrix(2)
        >>> metric.update(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]), np.array([0, 1, 1]))
        >>> metric.compute()
        array([[1, 0],
               [1, 1]])
    """

    def __init__(
        self, classes: int, *, name: str = "confusion", ignore_index: int | None = -100
    ) -> None:
        self.classes = checks.whole(type(self).__name__, "classes", classes, least=1)
        self.name = name
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        self.matrix = np.zeros((self.classes, self.classes), dtype=np.int64)
        self.seen = 0

    def update(self, outputs: Any, targets: Any) -> None:
        """Count one batch: outputs `(batch, classes, ...)` and targets as in `TopK.update`.

        Raises:
            ShapeError: The shapes do not fit, or there are other classes.
            ArgumentError: The labels are no integers.
            IndexRangeError: A label is no class.
        """
        kind = type(self).__name__
        scores, labels, counted = scores_and_labels(
            f"{kind}.update", outputs, targets, self.ignore_index
        )
        if scores.shape[1] != self.classes:
            raise ShapeError(
                f"{kind}.update",
                expected=f"scores (batch, {self.classes}, ...)",
                got=f"scores {scores.shape}",
                fix=f"use {kind}({scores.shape[1]})",
            )
        pairs = labels * self.classes + predicted_classes(scores, labels)
        counts = np.bincount(pairs[counted], minlength=self.matrix.size)
        self.matrix = self.matrix + counts.reshape(self.matrix.shape)
        self.seen += labels.size

    def compute(self) -> Any:
        """Return the counts, int64 `(classes, classes)`: rows are true, columns predicted."""
        return self.matrix.copy()

    def _repr_html_(self) -> str:
        """Show the counts; the darker, the larger their share of the true class."""
        counts = self.matrix
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        names = [str(k) for k in range(self.classes)]
        rows = [[name, *map(str, row)] for name, row in zip(names, counts, strict=True)]
        colors = [["", *(f"rgba(31, 119, 180, {s:.2f})" for s in row)] for row in shares]
        head = ["true \\ predicted", *names]
        return display.table(head, rows, title=repr(self), colors=colors)


class PrecisionRecallF1(ConfusionMatrix):
    """Precision, recall and F1: the plain mean over classes, or one figure per class.

    A class that is never predicted has precision 0, one that never occurs has recall 0.

    Args:
        classes: How many classes there are.
        average: `"macro"` gives numbers (each class weighs the same), None gives arrays
            `(classes,)`.
        name: A prefix of the three columns, with a `_`; none if left out.
        ignore_index: As in `TopK`.

    Raises:
        ArgumentError: classes is no whole number of at least 1, or average is another word.

    Example:
        >>> import numpy as np
        >>> metric = PrecisionRecallF1(2)
        >>> metric.update(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]), np.array([0, 1, 1]))
        >>> {name: round(value, 3) for name, value in metric.compute().items()}
        {'precision': 0.75, 'recall': 0.75, 'f1': 0.667}
    """

    def __init__(
        self,
        classes: int,
        *,
        average: str | None = "macro",
        name: str = "",
        ignore_index: int | None = -100,
    ) -> None:
        super().__init__(classes, name=name, ignore_index=ignore_index)
        self.average = checks.choice("PrecisionRecallF1", "average", average, ("macro", None))

    _repr_html_ = Metric._repr_html_

    def compute(self) -> dict[str, Any]:
        """Return `precision`, `recall` and `f1`."""
        share_of("PrecisionRecallF1", 0, int(self.matrix.sum()), self.seen)
        right = np.diag(self.matrix).astype(np.float64)
        predicted, true = self.matrix.sum(axis=0), self.matrix.sum(axis=1)
        figures = {
            "precision": right / np.maximum(predicted, 1),
            "recall": right / np.maximum(true, 1),
            "f1": 2 * right / np.maximum(predicted + true, 1),
        }
        prefix = f"{self.name}_" if self.name else ""
        if self.average is None:
            return {prefix + name: values for name, values in figures.items()}
        return {prefix + name: float(values.mean()) for name, values in figures.items()}
