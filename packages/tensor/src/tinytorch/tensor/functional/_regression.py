"""Losses of numbers, in the unit of the predictions or its square."""

from tinytorch.tensor import ops
from tinytorch.tensor.checks import number
from tinytorch.tensor.errors import ArgumentError, named
from tinytorch.tensor.functional._reduction import reduce, same_shape
from tinytorch.tensor.types import Operand, T


@named
def mse_loss(predictions: Operand[T], targets: Operand[T], reduction: str = "mean") -> T:
    """Return the squared differences.

    Args:
        predictions: Any shape.
        targets: The same shape.
        reduction: `"mean"`, `"sum"` or `"none"`.

    Returns:
        A 0-d Tensor, or the shape of `predictions` for `"none"`.

    Raises:
        ShapeError: The shapes differ; a loss never broadcasts.
        ArgumentError: `reduction` is none of the three.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> mse_loss(tensor([1.0, 2.0]), tensor([1.0, 4.0]))
        tensor(2.)
    """
    predictions, targets = same_shape(predictions, targets)
    difference = predictions - targets
    return reduce(difference * difference, reduction)


@named
def l1_loss(predictions: Operand[T], targets: Operand[T], reduction: str = "mean") -> T:
    """Return the magnitudes of the differences: arguments and errors as in `mse_loss`.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> l1_loss(tensor([1.0, 2.0]), tensor([1.0, 4.0]))
        tensor(1.)
    """
    predictions, targets = same_shape(predictions, targets)
    return reduce(ops.abs(predictions - targets), reduction)


@named
def huber_loss(
    predictions: Operand[T],
    targets: Operand[T],
    reduction: str = "mean",
    delta: float = 1.0,
) -> T:
    """Return half the squared difference up to `delta`, and a straight line beyond.

    Args:
        predictions: As in `mse_loss`.
        targets: As in `mse_loss`.
        reduction: As in `mse_loss`.
        delta: Where the line begins; positive.

    Raises:
        ArgumentError: `delta` is out of its range; else as in `mse_loss`.

    Source:
        P. Huber, Robust Estimation of a Location Parameter, 1964.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> huber_loss(tensor([0.5, 3.0]), tensor([0.0, 0.0]), reduction="none")
        tensor([0.125, 2.5  ])
    """
    predictions, targets = same_shape(predictions, targets)
    if number("huber_loss", "delta", delta, least=0) == 0:
        raise ArgumentError("loss", expected="delta > 0", got="delta=0", fix="use delta=1.0")
    distance = ops.abs(predictions - targets)
    near, beyond = ops.clip(distance, high=delta), ops.relu(distance - delta)
    return reduce(near * near * 0.5 + beyond * delta, reduction)
