"""Activation modules, and those that only pass on: functions with a place in a list."""

import math

from tinytorch.autograd.nn._module import Module
from tinytorch.tensor import functional as F
from tinytorch.tensor import ops
from tinytorch.tensor.types import Operand, T


class ReLU(Module):
    """x where it is positive, else 0."""

    def forward(self, x: Operand[T]) -> T:
        return F.relu(x)

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:  # noqa: ARG002 - the protocol's
        """Count a comparison for each element."""
        return math.prod(output_shape)


class LeakyReLU(Module):
    """x where it is positive, else a small multiple of x: as in `leaky_relu`."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Operand[T]) -> T:
        return F.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"{self.negative_slope}"


class GELU(Module):
    """x times the normal distribution function of x: as in `gelu`."""

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, x: Operand[T]) -> T:
        return F.gelu(x, self.approximate)


class SiLU(Module):
    """x times its sigmoid."""

    def forward(self, x: Operand[T]) -> T:
        return F.silu(x)


class Sigmoid(Module):
    """1 / (1 + exp(-x))."""

    def forward(self, x: Operand[T]) -> T:
        return F.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Operand[T]) -> T:
        return F.tanh(x)


class Softmax(Module):
    """exp(x), scaled to sum to 1 along an axis: as in `softmax`."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Operand[T]) -> T:
        return F.softmax(x, self.axis)


class LogSoftmax(Module):
    """The logarithm of softmax: as in `log_softmax`."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Operand[T]) -> T:
        return F.log_softmax(x, self.axis)


class Flatten(Module):
    """All axes from one on joined: (batch, channels, height, width) becomes (batch, features).

    Args:
        start_axis: The first axis that is joined.
    """

    def __init__(self, start_axis: int = 1) -> None:
        self.start_axis = start_axis

    def forward(self, x: Operand[T]) -> T:
        return ops.flatten(x, self.start_axis)


class Identity(Module):
    """x itself: holds the place of a layer."""

    def forward(self, x: T) -> T:
        return x
