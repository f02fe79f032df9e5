"""What metrics of classes read: scores and labels that fit, and the class that scores speak for."""

import math
from typing import Any

import numpy as np

from tinytorch.tensor import checks
from tinytorch.tensor.errors import ArgumentError, IndexRangeError, ShapeError


def scores_and_labels(
    operation: str, outputs: Any, targets: Any, ignore_index: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores and labels, checked against each other, and which of them count.

    Args:
        operation: Who asks, for the errors.
        outputs: Scores `(batch, classes, ...)`.
        targets: As in `TopK.update`.
        ignore_index: Labels of this value do not count; None for none.

    Returns:
        Scores `(batch, classes, ...)`, labels `(batch, ...)` as int64 (0 where they do not count),
        and booleans `(batch, ...)`.
    """
    scores, labels = values_in(operation, outputs, targets)
    if labels.shape == scores.shape and _are_shares(labels):
        labels = labels.argmax(axis=1)
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
            fix="use targets.astype('int64') for class numbers that are floats",
        )
    classes = scores.shape[1]
    counted = labels != ignore_index
    if not counted.all():
        labels = np.where(counted, labels, 0)
    if not 0 <= labels.min(initial=0) <= labels.max(initial=0) < classes:
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise IndexRangeError(
            operation,
            expected=f"labels 0 to {classes - 1}, as the outputs have that many classes",
            got=f"label {wrong}",
            fix="give the model one output per class, and number classes from 0; "
            f"ignore_index={wrong} leaves such targets out",
        )
    return scores, labels.astype(np.int64, copy=False), counted


def values_in(operation: str, *given: Any) -> list[np.ndarray]:
    """Return the values of outputs and targets; what remembers where it came from is an error."""
    return [checks.as_array(operation, x, None, copy=False) for x in given]


def predicted_classes(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the class of the highest score `(batch, ...)`; NaN is highest, and never right.

    Where a label's own score is NaN, the class after it stands for the prediction.
    """
    predicted: np.ndarray = scores.argmax(axis=1)
    if scores.size and math.isnan(scores.min()):
        lost = (predicted == labels) & np.isnan(scores_of(scores, labels))
        predicted[lost] = (labels[lost] + 1) % scores.shape[1]
    return predicted


def scores_of(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the scores of the labels themselves, `(batch, ...)`."""
    own: np.ndarray = np.take_along_axis(scores, np.expand_dims(labels, 1), axis=1).squeeze(1)
    return own


def _are_shares(targets: np.ndarray) -> bool:
    """Whether the targets are shares of two or more classes that add up to 1."""
    return (
        targets.dtype.kind == "f"
        and targets.ndim >= 2
        and targets.shape[1] >= 2
        and bool((targets >= 0).all())
        and np.allclose(targets.sum(axis=1), 1, atol=1e-2)
    )
