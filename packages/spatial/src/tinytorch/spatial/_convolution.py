"""Convolution modules: they hold a kernel and a bias, and call the function of the same name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinytorch.autograd import nn
from tinytorch.spatial import functional
from tinytorch.spatial._checks import check_divides
from tinytorch.spatial._geometry import Size, pair
from tinytorch.tensor import random
from tinytorch.tensor.errors import ArgumentError

__all__ = ["Conv2d", "ConvTranspose2d"]


class Conv2d(nn.Module):
    """Slide learned kernels over images.

    Args:
        in_channels: Channels of the images.
        out_channels: Channels of the result, one for each kernel.
        kernel_size: Height and width of the kernels.
        stride: Pixels from one window to the next.
        padding: Zeros on each side; "same" keeps the image size.
        dilation: Pixels from one tap of the kernel to the next.
        groups: Groups of channels that do not mix; `in_channels` of them is a depthwise
            convolution.
        bias: Whether each output channel has a learned shift. Needless before a batch
            normalization.
        rng: Where the initial weights come from: a NumPy Generator or a seed.

    Attributes:
        weight: (out_channels, in_channels / groups, kernel height, kernel width).
        bias: (out_channels,) or None.

    Raises:
        ArgumentError: if a size is out of range or the groups do not divide both channel numbers.

    Source:
        Initial weights as PyTorch's: uniform between plus and minus 1 / sqrt(values under a
        kernel).

    Example:
        >>> from tinytorch.tensor import zeros
        >>> Conv2d(3, 16, kernel_size=3, padding="same")(zeros((1, 3, 32, 32))).shape
        (1, 16, 32, 32)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = pair("Conv2d", "kernel_size", kernel_size, 1)
        self.stride = pair("Conv2d", "stride", stride, 1)
        self.padding = padding
        self.dilation = pair("Conv2d", "dilation", dilation, 1)
        self.groups = groups
        check_channel_numbers("Conv2d", in_channels, out_channels, groups)
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight, self.bias = initial(shape, out_channels, bias, rng)

    def forward(self, x: Any) -> Any:
        """Map (batch, in_channels, height, width) to (batch, out_channels, rows, columns)."""
        return functional.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:  # noqa: ARG002
        """Count the floating-point operations of one call, for `summary`."""
        products = math.prod(output_shape) * math.prod(self.weight.shape[1:])
        return 2 * products + (math.prod(output_shape) if self.bias is not None else 0)

    def extra_repr(self) -> str:
        """The arguments, for `repr`."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size},"
            f" stride={self.stride}, padding={self.padding!r}"
        )


class ConvTranspose2d(nn.Module):
    """Spread pixels over learned windows, to enlarge images: `Conv2d` backward.

    Args:
        in_channels: Channels of the images.
        out_channels: Channels of the result.
        kernel_size: Height and width of the windows.
        stride: How many times larger the result is.
        padding: Pixels cut off on each side of the result.
        output_padding: Rows and columns added at the bottom right of the result.
        groups: Groups of channels that do not mix.
        bias: Whether each output channel has a learned shift.
        dilation: Pixels from one tap of the window to the next.
        rng: Where the initial weights come from: a NumPy Generator or a seed.

    Attributes:
        weight: (in_channels, out_channels / groups, kernel height, kernel width).
        bias: (out_channels,) or None.

    Raises:
        ArgumentError: if a size is out of range or the groups do not divide both channel numbers.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> ConvTranspose2d(16, 3, kernel_size=2, stride=2)(zeros((1, 16, 8, 8))).shape
        (1, 3, 16, 16)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        *,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        name = "ConvTranspose2d"
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = pair(name, "kernel_size", kernel_size, 1)
        self.stride = pair(name, "stride", stride, 1)
        self.padding = pair(name, "padding", padding, 0)
        self.output_padding = pair(name, "output_padding", output_padding, 0)
        self.dilation = pair(name, "dilation", dilation, 1)
        self.groups = groups
        check_channel_numbers(name, in_channels, out_channels, groups)
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        self.weight, self.bias = initial(shape, out_channels, bias, rng)

    def forward(self, x: Any) -> Any:
        """Map (batch, in_channels, height, width) to (batch, out_channels, rows, columns)."""
        return functional.conv_transpose2d(
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        """Count the floating-point operations of one call, for `summary`."""
        products = math.prod(input_shape) * math.prod(self.weight.shape[1:])
        return 2 * products + (math.prod(output_shape) if self.bias is not None else 0)

    def extra_repr(self) -> str:
        """The arguments, for `repr`."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size},"
            f" stride={self.stride}, padding={self.padding}"
        )


def initial(
    shape: tuple[int, ...], biases: int, bias: bool, rng: np.random.Generator | int | None
) -> tuple[nn.Parameter, nn.Parameter | None]:
    """Weight and bias, uniform between plus and minus 1 / sqrt(fan in)."""
    generator = random.generator(rng)
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    weight = generator.uniform(-bound, bound, shape).astype(np.float32)
    if not bias:
        return nn.Parameter(weight), None
    shift = generator.uniform(-bound, bound, biases).astype(np.float32)
    return nn.Parameter(weight), nn.Parameter(shift)


def check_channel_numbers(operation: str, inside: int, outside: int, groups: int) -> None:
    """Raise unless channel numbers are positive and the groups divide both."""
    if min(inside, outside) < 1:
        raise ArgumentError(
            operation,
            expected="in_channels and out_channels of at least 1",
            got=f"in_channels={inside}, out_channels={outside}",
            fix="images have 3 channels if colored, 1 if gray",
            in_channels=inside,
            out_channels=outside,
        )
    check_divides(operation, "groups", groups, "in_channels", inside)
    check_divides(operation, "groups", groups, "out_channels", outside)
