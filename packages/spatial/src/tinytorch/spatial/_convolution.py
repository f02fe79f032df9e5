"""Convolution modules: they hold a kernel and a bias, and call the function of the same name."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinytorch.autograd import Variable, nn
from tinytorch.spatial import functional
from tinytorch.spatial import ops as spatial_ops
from tinytorch.spatial._normalization import BatchNorm2d
from tinytorch.spatial.functional._checks import check_divides
from tinytorch.spatial.functional._convolution import conv2d_settings
from tinytorch.spatial.functional._windows import Size, padding_of
from tinytorch.tensor import Tensor, checks, kernels, random
from tinytorch.tensor.types import Operand


class _Convolution(nn.Module):
    """What both directions share: sizes, and weights that are first drawn as in PyTorch."""

    padding: Size | str

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        padding: Size | str,
        dilation: Size,
        groups: int,
    ) -> None:
        name = type(self).__name__
        self.in_channels = checks.whole(name, "in_channels", in_channels, 1)
        self.out_channels = checks.whole(name, "out_channels", out_channels, 1)
        self.kernel_size = checks.pair(name, "kernel_size", kernel_size, 1)
        self.stride = checks.pair(name, "stride", stride, 1)
        self.dilation = checks.pair(name, "dilation", dilation, 1)
        self.padding = padding
        self.groups = checks.whole(name, "groups", groups)
        padding_of(name, padding, self.kernel_size, self.stride, self.dilation)
        check_divides(name, "groups", self.groups, "in_channels", self.in_channels)
        check_divides(name, "groups", self.groups, "out_channels", self.out_channels)

    def _draw(
        self, one: int, other: int, bias: bool, rng: np.random.Generator | int | None
    ) -> None:
        """Make the weights, uniform between plus and minus 1 / sqrt(values under a kernel)."""
        generator = random.generator(rng)
        shape = one, other // self.groups, *self.kernel_size
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = nn.Parameter(generator.uniform(-bound, bound, shape), np.float32)
        self.bias: nn.Parameter | None = None
        if checks.flag(type(self).__name__, "bias", bias):
            shift = generator.uniform(-bound, bound, self.out_channels)
            self.bias = nn.Parameter(shift, np.float32)

    def _operations(self, windows: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        products = math.prod(windows) * math.prod(self.weight.shape[1:])
        return 2 * products + (math.prod(output_shape) if self.bias is not None else 0)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        return f"{text}, stride={self.stride}, padding={self.padding!r}"


class Conv2d(_Convolution):
    """Learned kernels that slide over images; settings as in `conv2d`.

    Args:
        in_channels: Channels of the images.
        out_channels: Channels of the result, one for each kernel.
        kernel_size: Height and width of the kernels.
        bias: Whether each output channel has a learned shift. Needless before a batch
            normalization.
        rng: Where the initial weights come from: a generator, a seed or None.

    Attributes:
        weight: (out_channels, in_channels / groups, kernel height, kernel width).
        bias: (out_channels,) or None.

    Raises:
        ArgumentError: A setting is out of range, or the groups do not divide both channel numbers.

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
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups)
        self._draw(self.out_channels, self.in_channels, bias, rng)

    def forward(self, x: Operand[Any]) -> Variable:
        return functional.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def fuse(self, following: Sequence[nn.Module]) -> tuple[Callable[[Any], Any], int]:
        """Offer to a `Sequential` to compute a normalization and a ReLU that follow in one op.

        The rule: batch normalization by running statistics, ReLU or both, after training, with
        kernels on, and not while somebody watches one of them.

        Args:
            following: The modules after this one.

        Returns:
            A function of this module's input, and how many modules it computes: 1 to 3.
        """
        if self.training or self.is_watched or kernels.active() == "reference":
            return self, 1
        if type(self).forward is not Conv2d.forward:
            return self, 1
        norm, relu = (*following, None, None)[:2]
        if not (type(norm) is BatchNorm2d and norm.knows(self.out_channels)):
            norm, relu = None, norm
        if type(relu) is not nn.ReLU or relu.is_watched:
            relu = None
        count = (norm is not None) + (relu is not None)
        join = partial(self._join, norm, relu)
        return (join, 1 + count) if count else (self, 1)

    def _join(self, norm: BatchNorm2d | None, relu: nn.ReLU | None, x: Any) -> Any:
        """What this module and those that follow give, in one pass where kernels serve.

        A type that evaluates ops in a way of its own is shown the single ones.
        """
        evaluate = getattr(x, "evaluate", Tensor.evaluate)
        known = evaluate is Tensor.evaluate or evaluate is Variable.evaluate
        if not known or getattr(x, "dtype", None) != np.float32:
            for module in (self, norm, relu):
                x = x if module is None else module(x)
            return x
        settings = conv2d_settings(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )
        if norm is not None:
            settings |= {"statistics": norm.statistics(), "epsilon": norm.eps}
        scale, shift = (None, None) if norm is None else (norm.weight, norm.bias)
        return spatial_ops.conv2d_norm_relu(
            x, self.weight, self.bias, scale, shift, relu=relu is not None, **settings
        )

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:  # noqa: ARG002
        return self._operations(output_shape, output_shape)


class ConvTranspose2d(_Convolution):
    """Pixels spread over learned windows, to enlarge images; settings as in `conv_transpose2d`.

    Args:
        in_channels: As in `Conv2d`, like `out_channels`, `kernel_size`, `bias` and `rng`.

    Attributes:
        weight: (in_channels, out_channels / groups, kernel height, kernel width).
        bias: (out_channels,) or None.

    Raises:
        ArgumentError: As in `Conv2d`.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> ConvTranspose2d(16, 3, kernel_size=2, stride=2)(zeros((1, 16, 8, 8))).shape
        (1, 3, 16, 16)
    """

    padding: tuple[int, int]

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
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups)
        self.padding = checks.pair("ConvTranspose2d", "padding", padding, 0)
        self.output_padding = checks.pair("ConvTranspose2d", "output_padding", output_padding, 0)
        self._draw(self.in_channels, self.out_channels, bias, rng)

    def forward(self, x: Operand[Any]) -> Variable:
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
        return self._operations(input_shape, output_shape)
