"""What layers compute: functions of an input and of weights that somebody else holds."""

from typing import Any

import numpy as np

from tinytorch.tensor import ops, random
from tinytorch.tensor._convert import shape_of, whole_numbers
from tinytorch.tensor._tensor import Tensor, as_tensor
from tinytorch.tensor.checks import fraction, number
from tinytorch.tensor.errors import ShapeError, named
from tinytorch.tensor.types import Operand, T


@named
def linear(x: Operand[T], weight: Operand[T], bias: Operand[T] | None = None) -> T:
    """Return x @ weight.T + bias.

    Args:
        x: (..., features).
        weight: (outputs, features).
        bias: (outputs,) or None.

    Returns:
        (..., outputs).

    Raises:
        ShapeError: The numbers of features differ, or the bias does not fit.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> linear(tensor([1.0, 2.0]), tensor([[3.0, 4.0]]), tensor([0.5]))
        tensor([11.5])
    """
    return ops.linear(x, weight, bias)


@named
def dropout(x: Operand[T], p: float = 0.5, *, training: bool = True, rng: Any = None) -> T:
    """Set each element to 0 with probability `p` and scale the others by 1 / (1 - p).

    Args:
        x: Any shape.
        p: The probability of a zero, from 0 to 1.
        training: False gives `x` itself.
        rng: A generator, a seed or None for fresh randomness.

    Returns:
        The shape of `x`; its mean is kept.

    Raises:
        ArgumentError: `p` is out of its range.

    Source:
        N. Srivastava et al., Dropout, JMLR 15, 2014.

    Example:
        >>> from tinytorch.tensor import ones
        >>> dropout(ones(4), 0.5, rng=0)
        tensor([2., 2., 2., 0.])
    """
    p, x = fraction("dropout", "p", p), as_tensor("dropout", x)
    if not training or p == 0:
        return x
    keep = random.generator(rng).random(x.shape, dtype=np.float32) >= p
    scale = 0.0 if p == 1 else 1 / (1 - p)
    return x * Tensor(keep.astype(x.dtype) * x.dtype.type(scale))


@named
def layer_norm(
    x: Operand[T],
    normalized_shape: Any,
    weight: Operand[T] | None = None,
    bias: Operand[T] | None = None,
    eps: float = 1e-5,
) -> T:
    """Shift and scale the last axes to mean 0 and variance 1, then apply weight and bias.

    Args:
        x: (..., *normalized_shape).
        normalized_shape: The lengths of the last axes, or one length.
        weight: normalized_shape, or None.
        bias: normalized_shape, or None.
        eps: Added to the variance.

    Returns:
        The shape of `x`.

    Raises:
        ShapeError: `x` does not end in `normalized_shape`.

    Source:
        J. Ba, J. Kiros, G. Hinton, Layer Normalization, 2016.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> layer_norm(tensor([[1.0, 3.0]]), 2, eps=0.0)
        tensor([[-1.,  1.]])
    """
    tail = whole_numbers("layer_norm", normalized_shape)
    for name, value in (("x", x), ("weight", weight), ("bias", bias)):
        if value is not None and shape_of(value)[-len(tail) :] != tail:
            raise ShapeError(
                "layer_norm",
                expected=f"{name} that ends in normalized_shape {tail}",
                got=f"{name} {shape_of(value)}",
                fix="give the lengths of the last axes as normalized_shape",
            )
    x = as_tensor("layer_norm", x)
    normal = ops.normalize(x, last=len(tail), eps=number("layer_norm", "eps", eps, least=0))
    if weight is not None:
        normal = normal * weight
    return normal if bias is None else normal + bias
