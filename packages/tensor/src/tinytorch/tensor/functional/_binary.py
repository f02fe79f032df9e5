"""Losses of yes-or-no probabilities, in nats."""

from tinytorch.tensor import ops
from tinytorch.tensor.errors import ArgumentError, named
from tinytorch.tensor.functional._reduction import as_values, reduce, same_shape, weigh
from tinytorch.tensor.types import Operand, T


@named
def binary_cross_entropy(
    probabilities: Operand[T],
    targets: Operand[T],
    weight: Operand[T] | None = None,
    reduction: str = "mean",
) -> T:
    """Return -(t log p + (1 - t) log(1 - p)), in nats, each logarithm at least -100.

    Args:
        probabilities: Any shape, from 0 to 1.
        targets: The same shape, from 0 to 1.
        weight: A factor for each element, or None.
        reduction: `"mean"`, `"sum"` or `"none"`.

    Returns:
        A 0-d Tensor, or the shape of `probabilities` for `"none"`.

    Raises:
        ShapeError: The shapes differ.
        ArgumentError: A probability is outside of 0 to 1, or `reduction` is none of the three.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> binary_cross_entropy(tensor([0.5]), tensor([1.0]))
        tensor(0.6931472)
    """
    p, targets = same_shape(probabilities, targets)
    values = as_values(p)
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ArgumentError(
            "binary_cross_entropy",
            expected="probabilities from 0 to 1",
            got=f"{values.min()} to {values.max()}",
            fix="apply sigmoid first, or use binary_cross_entropy_with_logits",
        )
    loss = ops.binary_cross_entropy(p, targets)
    loss = weigh(loss, weight)
    return reduce(loss, reduction)


@named
def binary_cross_entropy_with_logits(
    logits: Operand[T],
    targets: Operand[T],
    weight: Operand[T] | None = None,
    reduction: str = "mean",
    pos_weight: Operand[T] | None = None,
) -> T:
    """Return the binary cross-entropy of sigmoid(logits), in nats; never overflows.

    Args:
        logits: Any shape.
        targets: As in `binary_cross_entropy`.
        weight: As in `binary_cross_entropy`.
        reduction: As in `binary_cross_entropy`.
        pos_weight: A factor for the positive part, which broadcasts, or None.

    Raises:
        ShapeError: The shapes differ.
        ArgumentError: `reduction` is none of the three.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> binary_cross_entropy_with_logits(tensor([0.0]), tensor([1.0]))
        tensor(0.6931472)
    """
    logits, targets = same_shape(logits, targets)
    positive = targets
    if pos_weight is not None:
        positive = weigh(targets, pos_weight)
    loss = positive * ops.softplus(-logits) + (1 - targets) * ops.softplus(logits)
    return reduce(weigh(loss, weight), reduction)
