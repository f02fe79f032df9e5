"""Modules without weights: pooling, upsampling and channel dropout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinytorch.autograd import nn
from tinytorch.spatial import functional
from tinytorch.spatial._geometry import Size, pair
from tinytorch.tensor import checks, random

__all__ = ["AdaptiveAvgPool2d", "AvgPool2d", "Dropout2d", "MaxPool2d", "Upsample"]


class MaxPool2d(nn.Module):
    """Give the largest element of each window.

    Args:
        kernel_size: Size of a window.
        stride: Pixels from one window to the next; the kernel size if left out.
        padding: Pixels of minus infinity on each side.

    Raises:
        ArgumentError: if a size is out of range.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> MaxPool2d(2)(zeros((1, 3, 32, 32))).shape
        (1, 3, 16, 16)
    """

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        self.kernel_size = pair("MaxPool2d", "kernel_size", kernel_size, 1)
        given = self.kernel_size if stride is None else stride
        self.stride = pair("MaxPool2d", "stride", given, 1)
        self.padding = pair("MaxPool2d", "padding", padding, 0)

    def forward(self, x: Any) -> Any:
        """Map (batch, channels, height, width) to (batch, channels, rows, columns)."""
        return functional.max_pool2d(x, self.kernel_size, self.stride, self.padding)

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:  # noqa: ARG002
        """Count the floating-point operations of one call, for `summary`."""
        return math.prod(output_shape) * math.prod(self.kernel_size)

    def extra_repr(self) -> str:
        """The arguments, for `repr`."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(nn.Module):
    """Give the average of each window.

    Args:
        kernel_size: Size of a window.
        stride: Pixels from one window to the next; the kernel size if left out.
        padding: Zeros on each side.
        count_include_pad: Count the padding as zeros.

    Raises:
        ArgumentError: if a size is out of range.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> AvgPool2d(2)(zeros((1, 3, 32, 32))).shape
        (1, 3, 16, 16)
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size = pair("AvgPool2d", "kernel_size", kernel_size, 1)
        given = self.kernel_size if stride is None else stride
        self.stride = pair("AvgPool2d", "stride", given, 1)
        self.padding = pair("AvgPool2d", "padding", padding, 0)
        self.count_include_pad = count_include_pad

    def forward(self, x: Any) -> Any:
        """Map (batch, channels, height, width) to (batch, channels, rows, columns)."""
        return functional.avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.count_include_pad
        )

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:  # noqa: ARG002
        """Count the floating-point operations of one call, for `summary`."""
        return math.prod(output_shape) * math.prod(self.kernel_size)

    def extra_repr(self) -> str:
        """The arguments, for `repr`."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(nn.Module):
    """Average windows so that the result has a wanted size, whatever the image's.

    Args:
        output_size: (rows, columns) of the result; 1 averages each channel whole.

    Raises:
        ArgumentError: if `output_size` is out of range.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> AdaptiveAvgPool2d(1)(zeros((1, 3, 32, 32))).shape
        (1, 3, 1, 1)
    """

    def __init__(self, output_size: Size) -> None:
        self.output_size = pair("AdaptiveAvgPool2d", "output_size", output_size, 1)

    def forward(self, x: Any) -> Any:
        """Map (batch, channels, height, width) to (batch, channels, rows, columns)."""
        return functional.adaptive_avg_pool2d(x, self.output_size)

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:  # noqa: ARG002
        """Count the floating-point operations of one call, for `summary`."""
        return math.prod(input_shape)

    def extra_repr(self) -> str:
        """The arguments, for `repr`."""
        return f"output_size={self.output_size}"


class Upsample(nn.Module):
    """Enlarge images.

    Args:
        scale_factor: How many times larger, a whole number for each axis; or give `size`.
        mode: "nearest" or "bilinear".
        size: (rows, columns) of the result.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> Upsample(2, mode="bilinear")(zeros((1, 3, 8, 8))).shape
        (1, 3, 16, 16)
    """

    def __init__(
        self, scale_factor: Size | None = None, mode: str = "nearest", size: Size | None = None
    ) -> None:
        self.scale_factor, self.mode, self.size = scale_factor, mode, size

    def forward(self, x: Any) -> Any:
        """Map (batch, channels, height, width) to (batch, channels, rows, columns)."""
        return functional.upsample(x, self.scale_factor, self.mode, self.size)

    def extra_repr(self) -> str:
        """The arguments, for `repr`."""
        return f"scale_factor={self.scale_factor}, mode={self.mode!r}, size={self.size}"


class Dropout2d(nn.Module):
    """Drop whole channels at random while training.

    Args:
        p: Probability that a channel is dropped, from 0 to 1.
        rng: Where the randomness comes from: a NumPy Generator or a seed.

    Raises:
        ArgumentError: if p is out of range.

    Example:
        >>> from tinytorch.tensor import ones
        >>> Dropout2d(0.5).eval()(ones((1, 2, 1, 1))).tolist()
        [[[[1.0]], [[1.0]]]]
    """

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | int | None = None) -> None:
        self.p, self.rng = checks.fraction("Dropout2d", "p", p), random.generator(rng)

    def forward(self, x: Any) -> Any:
        """Map (batch, channels, height, width) to the same shape."""
        return functional.dropout2d(x, self.p, rng=self.rng, training=self.training)

    def extra_repr(self) -> str:
        """The arguments, for `repr`."""
        return f"p={self.p}"
