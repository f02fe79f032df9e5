"""Losses of class numbers, in nats."""

from typing import Any

import numpy as np

from tinytorch.tensor import ops
from tinytorch.tensor._tensor import Tensor, as_tensor
from tinytorch.tensor.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError
from tinytorch.tensor.functional._activations import log_softmax
from tinytorch.tensor.functional._reduction import as_values, check_reduction, mean_over, reduce

__all__ = ["cross_entropy", "nll_loss"]


def cross_entropy(
    logits: Any,
    targets: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Give -log softmax(logits) of the target class, in nats.

    Args:
        logits: (batch, classes, ...), unnormalized.
        targets: (batch, ...) integers from 0 to classes - 1, or ``ignore_index``.
        weight: (classes,) factors, or None. ``"mean"`` divides by the sum of those used.
        ignore_index: Targets of this value count nothing.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        label_smoothing: The share of each target that is spread evenly over all classes.

    Returns:
        A 0-d Tensor, or (batch, ...) for ``"none"``.

    Raises:
        ShapeError: The shapes do not fit; ``targets`` never broadcast.
        DTypeError: ``targets`` are no integers.
        IndexRangeError: A target is no class.
        ArgumentError: ``reduction`` or ``label_smoothing`` is out of its range.

    Source:
        Label smoothing: C. Szegedy et al., Rethinking the Inception Architecture, 2015.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> cross_entropy(tensor([[0.0, 0.0]]), tensor([1]))
        tensor(0.6931472)
    """
    logits = as_tensor("cross_entropy", logits)
    check_logits("cross_entropy", logits)
    log_probabilities = log_softmax(logits, 1)
    return nll(
        "cross_entropy",
        log_probabilities,
        targets,
        weight,
        ignore_index,
        reduction,
        label_smoothing,
    )


def nll_loss(
    log_probabilities: Any,
    targets: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    """Give minus the log-probability of the target class, in nats.

    Args:
        log_probabilities: (batch, classes, ...), from `log_softmax` along axis 1.
        targets: (batch, ...) integers from 0 to classes - 1, or ``ignore_index``.
        weight: (classes,) factors, or None. ``"mean"`` divides by the sum of those used.
        ignore_index: Targets of this value count nothing.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        A 0-d Tensor, or (batch, ...) for ``"none"``.

    Raises:
        ShapeError: The shapes do not fit.
        DTypeError: ``targets`` are no integers.
        IndexRangeError: A target is no class.
        ArgumentError: ``reduction`` is none of the three.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> nll_loss(tensor([[-1.0, -2.0]]), tensor([1]))
        tensor(2.)
    """
    log_probabilities = as_tensor("nll_loss", log_probabilities)
    check_logits("nll_loss", log_probabilities)
    return nll("nll_loss", log_probabilities, targets, weight, ignore_index, reduction, 0.0)


def nll(
    operation: str,
    log_probabilities: Any,
    targets: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    """Pick, weigh, smooth and reduce: what both class losses share."""
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError(
            operation,
            expected="0 <= label_smoothing <= 1",
            got=f"label_smoothing={label_smoothing}",
            fix="use 0.1, or 0 for none",
        )
    check_reduction(operation, reduction)
    classes = as_values(targets)
    shape = np.shape(log_probabilities)
    check_targets(operation, classes, shape, ignore_index)
    ignored = classes == ignore_index
    kept = np.where(ignored, 0, classes)
    dtype = log_probabilities.dtype
    per_class = np.ones(shape[1], dtype) if weight is None else as_values(weight).astype(dtype)
    if per_class.shape != (shape[1],):
        raise ShapeError(
            operation,
            expected=f"weight (classes,) = ({shape[1]},)",
            got=f"weight {per_class.shape}",
            fix="give one factor for each class",
        )
    weights = np.where(ignored, dtype.type(0), per_class[kept])
    picked = ops.take_along_axis(log_probabilities, indices=np.expand_dims(kept, 1), axis=1)
    loss = ops.reshape(picked, shape=kept.shape) * Tensor(-(1 - label_smoothing) * weights)
    if label_smoothing:
        spread = -label_smoothing / shape[1] * per_class.reshape(-1, *[1] * (len(shape) - 2))
        smooth = ops.sum(log_probabilities * Tensor(spread.astype(dtype)), axis=1)
        loss = loss + smooth * Tensor((~ignored).astype(dtype))
    if reduction == "mean":
        return mean_over(ops.sum(loss), weights.sum())
    return reduce(operation, loss, reduction)


def check_logits(operation: str, logits: Any) -> None:
    """Raise unless there is a batch axis, a class axis and a floating dtype."""
    if np.ndim(logits) < 2:
        raise ShapeError(
            operation,
            expected="(batch, classes, ...)",
            got=f"{np.shape(logits)}",
            fix="expand_dims(0) for a single sample",
        )


def check_targets(operation: str, classes: Any, shape: Any, ignore_index: int) -> None:
    """Raise unless the targets are class numbers, one for each position."""
    if classes.dtype.kind not in "iu":
        raise DTypeError(
            operation,
            expected="integer class numbers",
            got=f"targets of dtype {classes.dtype}",
            fix="targets.astype('int64'), or use a loss for probabilities",
        )
    wanted = (shape[0], *shape[2:])
    if classes.shape != wanted:
        raise ShapeError(
            operation,
            expected=f"targets (batch, ...) = {wanted} for inputs (batch, classes, ...) = {shape}",
            got=f"targets {classes.shape}",
            fix="squeeze or argmax the targets: one class number each, not one-hot",
        )
    wrong = (classes != ignore_index) & ((classes < 0) | (classes >= shape[1]))
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise IndexRangeError(
            operation,
            expected=f"class numbers from 0 to {shape[1] - 1}",
            got=f"{classes[place]} at {place}",
            fix="check the labels, or give the model more outputs",
        )
