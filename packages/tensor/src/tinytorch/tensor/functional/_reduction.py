"""What all losses share: no broadcasting, and three ways to reduce.

Errors here name the loss that the user called, since the public functions are `named`.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, overload

import numpy as np

from tinytorch.tensor import ops
from tinytorch.tensor._tensor import Tensor, as_tensor
from tinytorch.tensor.checks import choice
from tinytorch.tensor.errors import ShapeError
from tinytorch.tensor.types import Operand, T

_listener: ContextVar[list[float] | None] = ContextVar("divisors", default=None)


def same_shape(predictions: Any, targets: Any) -> tuple[Any, Any]:
    """Return both as Tensors of one shape: a loss that broadcasts is a mistake that trains."""
    predictions, targets = as_tensor("loss", predictions), as_tensor("loss", targets)
    if predictions.shape != targets.shape:
        raise ShapeError(
            "loss",
            expected="targets of the predictions' shape",
            got=f"predictions {predictions.shape}, targets {targets.shape}",
            fix="reshape one of them; a loss never broadcasts",
            shapes=[predictions.shape, targets.shape],
        )
    return predictions, targets


def weigh(loss: Any, weight: Any) -> Any:
    """Multiply by the elements' weights, which may repeat along axes but not make the loss grow."""
    if weight is None:
        return loss
    weighed = loss * as_tensor("loss", weight)
    if weighed.shape != loss.shape:
        raise ShapeError(
            "loss",
            expected=f"weight that broadcasts to the loss's shape {loss.shape}",
            got=f"weight {np.shape(weight)}",
            fix="give one factor for each element",
        )
    return weighed


def checked(reduction: str) -> str:
    """One of the three reductions, or an error."""
    return choice("loss", "reduction", reduction, ("mean", "sum", "none"))


def reduce(loss: Any, reduction: str) -> Any:
    """Average, add up, or leave the loss of each element."""
    checked(reduction)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return ops.sum(loss)
    _tell(loss.size)
    return ops.mean(loss)


@overload
def mean_over(total: float, divisor: float) -> float: ...
@overload
def mean_over(total: Operand[T], divisor: float) -> T: ...


def mean_over(total: Any, divisor: float) -> Any:
    """Return `total / divisor`, a mean that `divisors` hears of; NaN where the divisor is 0.

    Args:
        total: A sum over elements.
        divisor: What the sum is divided by: the number of elements, or the sum of their weights.

    Returns:
        The mean, of the shape of `total`.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> errors, mask = tensor([3.0, 5.0, 100.0]), tensor([1.0, 1.0, 0.0])
        >>> mean_over((errors * mask).sum(), mask.sum())
        tensor(4.)
    """
    divisor = float(divisor)
    _tell(divisor)
    return total / (divisor or math.nan)


@contextmanager
def divisors() -> Iterator[list[float]]:
    """Hear what each mean is divided by, so that the means of parts give the mean of the whole.

    A loss with `reduction="mean"` tells its divisor: the number of elements, or, of class numbers,
    the summed weights of those that are not ignored. A loss of your own tells it by `mean_over`.

    Returns:
        A context that gives a list, to which each mean within adds its divisor.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> from tinytorch.tensor.functional import mse_loss
        >>> with divisors() as heard:
        ...     loss = mse_loss(tensor([1.0, 2.0]), tensor([0.0, 0.0]))
        >>> heard
        [2.0]
    """
    heard: list[float] = []
    token = _listener.set(heard)
    try:
        yield heard
    finally:
        _listener.reset(token)


def _tell(divisor: float) -> None:
    """Make a mean's divisor known to the innermost `divisors`, if there is one."""
    heard = _listener.get()
    if heard is not None:
        heard.append(float(divisor))


def as_values(x: Any) -> np.ndarray:
    """The array of a Tensor, or of anything array-like."""
    return x.data if isinstance(x, Tensor) else np.asarray(x)
