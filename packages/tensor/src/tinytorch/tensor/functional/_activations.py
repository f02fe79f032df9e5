"""Activations: elementwise functions of ops, and softmax."""

from tinytorch.tensor import ops
from tinytorch.tensor.checks import choice
from tinytorch.tensor.errors import named
from tinytorch.tensor.types import Operand, T


@named
def leaky_relu(x: Operand[T], negative_slope: float = 0.01) -> T:
    """Return x where it is positive, else `negative_slope` times x.

    Args:
        x: Any shape.
        negative_slope: The factor for negative elements.

    Returns:
        The shape of `x`.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> leaky_relu(tensor([-1.0, 2.0]), 0.1)
        tensor([-0.1,  2. ])
    """
    return ops.leaky_relu(x, negative_slope=negative_slope)


@named
def gelu(x: Operand[T], approximate: str = "none") -> T:
    """Return x times the standard normal distribution function of x.

    The tails keep their digits, where PyTorch's end in 0 below -5.5.

    Args:
        x: Any shape.
        approximate: `"none"` for the exact form with erf, `"tanh"` for the usual approximation.

    Returns:
        The shape of `x`.

    Raises:
        ArgumentError: `approximate` is neither.

    Source:
        D. Hendrycks, K. Gimpel, Gaussian Error Linear Units, 2016.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> gelu(tensor([0.0, 1.0]))
        tensor([0.       , 0.8413447])
    """
    choice("gelu", "approximate", approximate, ("none", "tanh"))
    return ops.gelu(x, approximate=approximate)


@named
def silu(x: Operand[T]) -> T:
    """Return x times its sigmoid.

    Args:
        x: Any shape.

    Returns:
        The shape of `x`.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> silu(tensor([0.0, 2.0]))
        tensor([0.       , 1.761594...])
    """
    return ops.silu(x)


@named
def softmax(x: Operand[T], axis: int = -1) -> T:
    """Return exp(x), scaled to sum to 1 along `axis`; never overflows.

    Args:
        x: Any shape.
        axis: The axis of the classes.

    Returns:
        The shape of `x`; probabilities.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> softmax(tensor([1000.0, 1000.0]))
        tensor([0.5, 0.5])
    """
    return ops.softmax(x, axis=axis)


@named
def log_softmax(x: Operand[T], axis: int = -1) -> T:
    """Return the logarithm of softmax, in nats; never overflows.

    Args:
        x: Any shape.
        axis: The axis of the classes.

    Returns:
        The shape of `x`; log-probabilities.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> log_softmax(tensor([0.0, 0.0]))
        tensor([-0.6931472, -0.6931472])
    """
    return ops.log_softmax(x, axis=axis)
