"""What all losses share: no broadcasting, and three ways to reduce."""

from typing import Any

import numpy as np

from tinytorch.tensor import ops
from tinytorch.tensor._tensor import Tensor
from tinytorch.tensor.errors import ArgumentError, ShapeError

__all__ = ["as_values", "check_reduction", "reduce", "same_shape"]


def same_shape(operation: str, predictions: Any, targets: Any) -> None:
    """Raise unless the shapes agree: a loss that broadcasts is a mistake that trains."""
    if np.shape(predictions) != np.shape(targets):
        raise ShapeError(
            operation,
            expected="targets of the predictions' shape",
            got=f"predictions {np.shape(predictions)}, targets {np.shape(targets)}",
            fix="reshape one of them; a loss never broadcasts",
            shapes=[np.shape(predictions), np.shape(targets)],
        )


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
