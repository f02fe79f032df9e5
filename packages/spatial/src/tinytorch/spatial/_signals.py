"""Modules for signals (batch, channels, length), which are images of one row."""

from typing import Any

import numpy as np

from tinytorch.autograd import Variable, nn
from tinytorch.spatial import functional
from tinytorch.spatial._convolution import _Convolution
from tinytorch.spatial._normalization import BatchNorm2d
from tinytorch.spatial.functional._signals import as_row
from tinytorch.tensor import checks, ops
from tinytorch.tensor.types import Operand


class Conv1d(_Convolution):
    """Learned kernels that slide over signals; settings as in `conv1d`.

    Args:
        in_channels: Channels of the signals.
        out_channels: Channels of the result, one for each kernel.
        kernel_size: The length of the kernels.
        bias: As in `Conv2d`, like `rng`.

    Attributes:
        weight: (out_channels, in_channels / groups, kernel length).
        bias: (out_channels,) or None.

    Raises:
        ArgumentError: As in `Conv2d`.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> Conv1d(3, 8, kernel_size=5, padding="same")(zeros((2, 3, 16))).shape
        (2, 8, 16)
    """

    padding: int | str

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int | str = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        along = {"kernel_size": kernel_size, "stride": stride, "dilation": dilation}
        size, step, spread = (
            (1, checks.whole("Conv1d", name, value, 1)) for name, value in along.items()
        )
        zeros: Any = padding
        if not isinstance(padding, str):
            zeros = (0, checks.whole("Conv1d", "padding", padding, 0))
        super().__init__(in_channels, out_channels, size, step, zeros, spread, groups)
        self.padding = padding
        self._draw(self.out_channels, self.in_channels, bias, rng)
        self.weight = nn.Parameter(self.weight.detach()[:, :, 0])

    def forward(self, x: Operand[Any]) -> Variable:
        settings = self.stride[1], self.padding, self.dilation[1], self.groups
        return functional.conv1d(x, self.weight, self.bias, *settings)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size[1]}"
        return f"{text}, stride={self.stride[1]}, padding={self.padding!r}"

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:  # noqa: ARG002
        return self._operations(output_shape, output_shape)


class BatchNorm1d(BatchNorm2d):
    """Each channel of signals, or of vectors, normalized over the batch; all as in `BatchNorm2d`.

    It takes (batch, num_features) or (batch, num_features, length).

    Example:
        >>> from tinytorch.tensor import tensor
        >>> BatchNorm1d(1, eps=0.0)(tensor([[1.0], [3.0]])).tolist()
        [[-1.0], [1.0]]
    """

    def forward(self, x: Any) -> Any:
        signals = ops.expand_dims(x, 2) if len(x.shape) == 2 else x
        rows = as_row("BatchNorm1d", "input", signals, "batch, channels[, length]")
        return ops.reshape(super().forward(rows), shape=tuple(x.shape))
