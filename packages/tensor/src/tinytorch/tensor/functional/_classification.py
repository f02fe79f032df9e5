"""Losses of classes, in nats: of class numbers, or of a probability for each class."""

from typing import Any

import numpy as np

from tinytorch.tensor import ops
from tinytorch.tensor._precision import in_single
from tinytorch.tensor._tensor import Tensor, as_tensor
from tinytorch.tensor.checks import fraction
from tinytorch.tensor.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError, named
from tinytorch.tensor.functional._activations import log_softmax
from tinytorch.tensor.functional._reduction import as_values, checked, mean_over, reduce
from tinytorch.tensor.types import Operand, T


@named
@in_single
def cross_entropy(
    logits: Operand[T],
    targets: Operand[T],
    weight: Operand[T] | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> T:
    """Return -log softmax(logits) of the target class, in nats.

    Args:
        logits: (batch, classes, ...), unnormalized.
        targets: (batch, ...) integers from 0 to classes - 1, or `ignore_index`; or the shape of
            `logits`, floating: a probability for each class.
        weight: (classes,) factors, or None. `"mean"` divides by the sum of those used; by the
            number of positions where targets are probabilities.
        ignore_index: Class numbers of this value count nothing, whatever their logits hold.
        reduction: `"mean"`, `"sum"` or `"none"`.
        label_smoothing: The share of each target that is spread evenly over all classes.

    Returns:
        A 0-d Tensor, or (batch, ...) for `"none"`.

    Raises:
        ShapeError: The shapes do not fit; `targets` never broadcast.
        DTypeError: `targets` are neither integers nor probabilities.
        IndexRangeError: A target is no class.
        ArgumentError: `reduction` or `label_smoothing` is out of its range, or `ignore_index` names
            a class where targets are probabilities.

    Source:
        Label smoothing: C. Szegedy et al., Rethinking the Inception Architecture, 2015.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> cross_entropy(tensor([[0.0, 0.0]]), tensor([1]))
        tensor(0.6931472)
        >>> cross_entropy(tensor([[0.0, 0.0]]), tensor([[0.9, 0.1]]))
        tensor(0.6931472)
    """
    logits = _scores(logits)
    reduction = checked(reduction)
    share = fraction("cross_entropy", "label_smoothing", label_smoothing)
    factors = _class_weights(weight, logits)
    values = as_values(targets)
    if values.dtype.kind == "f" and values.shape == logits.shape:
        if ignore_index >= 0:
            raise _class_to_ignore(ignore_index)
        each = _soft(log_softmax(logits, 1), as_tensor("cross_entropy", targets), factors, share)
        return reduce(each, reduction)
    classes, ignored = _labels(values, logits.shape, ignore_index)
    log_probabilities = log_softmax(_without(logits, ignored), 1)
    return _hard(log_probabilities, classes, ignored, factors, reduction, share)


@named
@in_single
def nll_loss(
    log_probabilities: Operand[T],
    targets: Operand[T],
    weight: Operand[T] | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> T:
    """Return minus the log-probability of the target class, in nats.

    Args:
        log_probabilities: (batch, classes, ...), from `log_softmax` along axis 1.
        targets: (batch, ...) integers from 0 to classes - 1, or `ignore_index`.
        weight: As in `cross_entropy`.
        ignore_index: As in `cross_entropy`.
        reduction: `"mean"`, `"sum"` or `"none"`.

    Returns:
        A 0-d Tensor, or (batch, ...) for `"none"`.

    Raises:
        ShapeError: The shapes do not fit.
        DTypeError: `targets` are no integers.
        IndexRangeError: A target is no class.
        ArgumentError: `reduction` is none of the three.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> nll_loss(tensor([[-1.0, -2.0]]), tensor([1]))
        tensor(2.)
    """
    scores = _scores(log_probabilities)
    reduction = checked(reduction)
    factors = _class_weights(weight, scores)
    classes, ignored = _labels(as_values(targets), scores.shape, ignore_index)
    return _hard(_without(scores, ignored), classes, ignored, factors, reduction, 0.0)


def _hard(
    log_probabilities: Any,
    classes: np.ndarray,
    ignored: np.ndarray,
    factors: np.ndarray | None,
    reduction: str,
    smoothing: float,
) -> Any:
    """Pick, weigh, smooth and reduce: what both losses of class numbers share."""
    shape, dtype = log_probabilities.shape, log_probabilities.dtype
    per_class = np.ones(shape[1], dtype) if factors is None else factors
    weights = np.where(ignored, dtype.type(0), per_class[classes])
    picked = ops.take_along_axis(log_probabilities, indices=np.expand_dims(classes, 1), axis=1)
    loss = ops.reshape(picked, shape=classes.shape) * Tensor(-(1 - smoothing) * weights)
    if smoothing:
        spread = _along_classes(-smoothing / shape[1] * per_class, len(shape))
        smooth = ops.sum(log_probabilities * Tensor(spread.astype(dtype)), axis=1)
        loss = loss + smooth * Tensor((~ignored).astype(dtype))
    if reduction == "mean":
        return mean_over(ops.sum(loss), weights.sum())
    return ops.sum(loss) if reduction == "sum" else loss


def _soft(
    log_probabilities: Any, targets: Any, factors: np.ndarray | None, smoothing: float
) -> Any:
    """The loss at each position of targets that are probabilities; 0 times log 0 is 0."""
    shape, dtype = log_probabilities.shape, log_probabilities.dtype
    if targets.dtype != dtype:
        targets = ops.astype(targets, dtype)
    if smoothing:
        targets = targets * (1 - smoothing) + smoothing / shape[1]
    if factors is not None:
        targets = targets * Tensor(_along_classes(factors, len(shape)))
    counted = ops.where(ops.equal(targets, 0), 0, log_probabilities)
    return -ops.sum(counted * targets, axis=1)


def _along_classes(factors: np.ndarray, ndim: int) -> np.ndarray:
    """A factor for each class, to be multiplied with (batch, classes, ...)."""
    return factors.reshape(-1, *[1] * (ndim - 2))


def _without(scores: Any, ignored: np.ndarray) -> Any:
    """The scores with 0 at positions that are ignored, so that what they hold goes nowhere."""
    return ops.where(np.expand_dims(ignored, 1), 0, scores) if ignored.any() else scores


def _scores(scores: Any) -> Any:
    """The logits, unless there is no batch axis or no class axis."""
    scores = as_tensor("loss", scores)
    if scores.ndim < 2:
        raise ShapeError(
            "loss",
            expected="(batch, classes, ...)",
            got=f"{scores.shape}",
            fix="expand_dims(0) for a single sample",
        )
    return scores if scores.dtype.kind == "f" else ops.astype(scores, np.float32)


def _class_weights(weight: Any, scores: Tensor) -> np.ndarray | None:
    """The factors in the data type of the scores, one for each class."""
    if weight is None:
        return None
    factors = as_values(weight).astype(scores.dtype)
    if factors.shape != (scores.shape[1],):
        raise ShapeError(
            "loss",
            expected=f"weight (classes,) = ({scores.shape[1]},)",
            got=f"weight {factors.shape}",
            fix="give one factor for each class",
        )
    return factors


def _labels(
    classes: np.ndarray, shape: tuple[int, ...], ignore_index: int
) -> tuple[np.ndarray, np.ndarray]:
    """The class numbers, 0 where they are ignored, and which of them are."""
    if classes.dtype.kind not in "iu":
        raise DTypeError(
            "loss",
            expected="integer class numbers",
            got=f"targets {classes.shape} of dtype {classes.dtype}",
            fix="targets.astype('int64'); cross_entropy also takes probabilities of shape "
            f"{shape}, the inputs' own",
        )
    wanted = (shape[0], *shape[2:])
    if classes.shape != wanted:
        raise ShapeError(
            "loss",
            expected=f"targets (batch, ...) = {wanted} for inputs (batch, classes, ...) = {shape}",
            got=f"targets {classes.shape}",
            fix="squeeze or argmax the targets: one class number each; one-hot ones as floats",
        )
    ignored = np.asarray(classes == ignore_index)
    wrong = ~ignored & ((classes < 0) | (classes >= shape[1]))
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise IndexRangeError(
            "loss",
            expected=f"class numbers from 0 to {shape[1] - 1}",
            got=f"{classes[place]} at {place}",
            fix="check the labels, or give the model more outputs",
        )
    return np.where(ignored, 0, classes).astype(np.int64, copy=False), ignored


def _class_to_ignore(ignore_index: int) -> ArgumentError:
    return ArgumentError(
        "cross_entropy",
        expected="ignore_index below 0 where targets are probabilities, which name no class",
        got=f"ignore_index={ignore_index}",
        fix="give class numbers, or leave out the positions to ignore",
    )
