"""Functions of signals (batch, channels, length), which are images of one row."""

from typing import Any

from tinytorch.spatial.functional._convolution import conv2d
from tinytorch.tensor import checks, ops
from tinytorch.tensor.errors import ShapeError, named
from tinytorch.tensor.types import Operand, T


@named
def conv1d(
    x: Operand[T],
    weight: Operand[T],
    bias: Operand[T] | None = None,
    stride: int = 1,
    padding: int | str = 0,
    dilation: int = 1,
    groups: int = 1,
) -> T:
    """Slide kernels over signals: settings and errors as in `conv2d`, of one axis.

    Args:
        x: (batch, channels, length).
        weight: (out channels, channels / groups, kernel length).
        bias: (out channels,) or None.
        stride: Places from one window to the next.
        padding: Zeros on each side, or "same" to keep the length, or "valid" for none.
        dilation: Places from one tap of the kernel to the next.
        groups: As in `conv2d`.

    Returns:
        (batch, out channels, places).

    Example:
        >>> from tinytorch.tensor import ones
        >>> conv1d(ones((1, 1, 4)), ones((1, 1, 2))).tolist()
        [[[2.0, 2.0, 2.0]]]
    """
    y = conv2d(
        as_row("conv1d", "input", x, "batch, channels, length"),
        as_row("conv1d", "weight", weight, "out channels, channels / groups, kernel length"),
        bias,
        (1, checks.whole("conv1d", "stride", stride, 1)),
        padding if isinstance(padding, str) else (0, checks.whole("conv1d", "padding", padding, 0)),
        (1, checks.whole("conv1d", "dilation", dilation, 1)),
        groups,
    )
    return ops.squeeze(y, 2)


def as_row(operation: str, name: str, x: Any, axes: str) -> Any:
    """Return (first, second, length) as (first, second, 1, length)."""
    if len(x.shape) != 3:
        raise ShapeError(
            operation,
            expected=f"{name} ({axes})",
            got=f"{name} {tuple(x.shape)}",
            fix="expand_dims or reshape to three axes; images have conv2d and BatchNorm2d",
        )
    return ops.expand_dims(x, 2)
