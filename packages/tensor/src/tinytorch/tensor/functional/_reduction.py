"""What all losses share: no broadcasting, and three ways to reduce."""

from typing import Any

import numpy as np

from tinytorch.tensor import ops
from tinytorch.tensor._tensor import Tensor, as_tensor
from tinytorch.tensor.errors import ArgumentError, ShapeError

__all__ = ["as_values", "check_reduction", "reduce", "same_shape", "weigh"]


def same_shape(operation: str, predictions: Any, targets: Any) -> tuple[Any, Any]:
    """Give both as Tensors of one shape: a loss that broadcasts is a mistake that trains."""
    predictions, targets = as_tensor(operation, predictions), as_tensor(operation, targets)
    if predictions.shape != targets.shape:
        raise ShapeError(
            operation,
            expected="targets of the predictions' shape",
            got=f"predictions {predictions.shape}, targets {targets.shape}",
            fix="reshape one of them; a loss never broadcasts",
            shapes=[predictions.shape, targets.shape],
        )
    return predictions, targets


def weigh(operation: str, loss: Any, weight: Any) -> Any:
    """Multiply by the elements' weights, which may repeat along axes but not make the loss grow."""
    if weight is None:
        return loss
    weighed = loss * as_tensor(operation, weight)
    if weighed.shape != loss.shape:
        raise ShapeError(
            operation,
            expected=f"weight that broadcasts to the loss's shape {loss.shape}",
            got=f"weight {np.shape(weight)}",
            fix="give one factor for each element",
        )
    return weighed


def check_reduction(operation: str, reduction: str) -> None:
    """Raise unless the reduction is one of the three."""
    if reduction not in ("mean", "sum", "none"):
        raise ArgumentError(
            operation,
            expected="reduction 'mean', 'sum' or 'none'",
            got=repr(reduction),
            fix="use 'mean'",
        )


def reduce(operation: str, loss: Any, reduction: str) -> Any:
    """Average, add up, or leave the loss of each element."""
    check_reduction(operation, reduction)
    if reduction == "none":
        return loss
    return ops.mean(loss) if reduction == "mean" else ops.sum(loss)


def as_values(x: Any) -> np.ndarray:
    """The array of a Tensor, or of anything array-like."""
    return x.data if isinstance(x, Tensor) else np.asarray(x)
