"""Pooling modules: one number for each window, by the function of the same name."""

import math

from tinytorch.autograd import nn
from tinytorch.spatial import functional
from tinytorch.spatial.functional._windows import Size
from tinytorch.tensor import checks
from tinytorch.tensor.types import Operand, T


class _Pooling(nn.Module):
    """What poolings of a given window share."""

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        name = type(self).__name__
        self.kernel_size = checks.pair(name, "kernel_size", kernel_size, 1)
        given = self.kernel_size if stride is None else stride
        self.stride = checks.pair(name, "stride", given, 1)
        self.padding = checks.pair(name, "padding", padding, 0)

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:  # noqa: ARG002
        return math.prod(output_shape) * math.prod(self.kernel_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool2d(_Pooling):
    """The largest element of each window; settings as in `max_pool2d`.

    Raises:
        ArgumentError: A size is out of range.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> MaxPool2d(2)(zeros((1, 3, 32, 32))).shape
        (1, 3, 16, 16)
    """

    def forward(self, x: Operand[T]) -> T:
        return functional.max_pool2d(x, self.kernel_size, self.stride, self.padding)


class AvgPool2d(_Pooling):
    """The average of each window; settings as in `avg_pool2d`.

    Raises:
        ArgumentError: A setting is out of range.

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
        super().__init__(kernel_size, stride, padding)
        self.count_include_pad = checks.flag("AvgPool2d", "count_include_pad", count_include_pad)

    def forward(self, x: Operand[T]) -> T:
        return functional.avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.count_include_pad
        )


class AdaptiveAvgPool2d(nn.Module):
    """Averages of as many windows as are wanted; `output_size` as in `adaptive_avg_pool2d`.

    Raises:
        ArgumentError: `output_size` is out of range.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> AdaptiveAvgPool2d(1)(zeros((1, 3, 32, 32))).shape
        (1, 3, 1, 1)
    """

    def __init__(self, output_size: Size) -> None:
        self.output_size = checks.pair("AdaptiveAvgPool2d", "output_size", output_size, 1)

    def forward(self, x: Operand[T]) -> T:
        return functional.adaptive_avg_pool2d(x, self.output_size)

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:  # noqa: ARG002
        return math.prod(input_shape)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
