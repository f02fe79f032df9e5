"""Normalization modules: learned scale and shift, and the running statistics that `eval` uses."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinytorch.autograd import nn
from tinytorch.spatial import functional
from tinytorch.spatial import ops as spatial_ops
from tinytorch.spatial._pooling import MaxPool2d
from tinytorch.spatial.functional._checks import (
    check_divides,
    check_images,
    check_statistics,
    check_vectors,
)
from tinytorch.tensor import Tensor, checks, kernels


class _Normalization(nn.Module):
    """What both normalizations share: a learned scale and shift for each channel."""

    def __init__(self, channels: int, eps: float, affine: bool) -> None:
        name = type(self).__name__
        self.eps = checks.number(name, "eps", eps, least=0)
        affine = checks.flag(name, "affine", affine)
        self.weight = nn.Parameter(np.ones(channels, np.float32)) if affine else None
        self.bias = nn.Parameter(np.zeros(channels, np.float32)) if affine else None

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:  # noqa: ARG002
        return 2 * math.prod(output_shape)


class BatchNorm2d(_Normalization):
    """Each channel brought to mean 0 and variance 1, then scaled and shifted.

    While training the statistics are the batch's own, and running averages of them are kept; after
    `eval()` the running averages are used instead, so that a result does not depend on the rest of
    its batch.

    Args:
        num_features: Channels.
        eps: Added to the variance.
        momentum: Weight of the newest batch in the running averages; None averages all batches
            alike.
        affine: Whether there are a learned scale and shift.
        track_running_stats: Whether to keep running averages; without them `eval` uses the batch's
            statistics too.

    Attributes:
        weight: (num_features,) scale, or None.
        bias: (num_features,) shift, or None.
        running_mean: (num_features,).
        running_var: (num_features,), divided by one less than the count.
        num_batches_tracked: How many batches went in.

    Raises:
        ArgumentError: A setting is out of range.

    Source:
        S. Ioffe, C. Szegedy, Batch Normalization, 2015.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> BatchNorm2d(1, eps=0.0)(tensor([[[[1.0, 3.0]]]])).tolist()
        [[[[-1.0, 1.0]]]]
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        name = type(self).__name__
        self.num_features = checks.whole(name, "num_features", num_features, 1)
        super().__init__(self.num_features, eps, affine)
        if momentum is not None:
            momentum = checks.fraction(name, "momentum", momentum)
        self.momentum = momentum
        self.running_mean: nn.Buffer | None = None
        self.running_var: nn.Buffer | None = None
        self.num_batches_tracked: nn.Buffer | None = None
        if checks.flag(name, "track_running_stats", track_running_stats):
            self.running_mean = nn.Buffer(np.zeros(num_features, np.float32))
            self.running_var = nn.Buffer(np.ones(num_features, np.float32))
            self.num_batches_tracked = nn.Buffer(np.zeros((), np.int64))

    def forward(self, x: Any) -> Any:
        if not self.training and self.running_mean is not None:
            return functional.batch_norm2d(
                x, self.weight, self.bias, self.running_mean, self.running_var, self.eps
            )
        known = self._observe(x)
        return spatial_ops.batch_norm2d(
            x, self.weight, self.bias, epsilon=self.eps, statistics=known
        )

    def fuse(self, following: Sequence[nn.Module]) -> tuple[Callable[[Any], Any], int]:
        """Offer to a `Sequential` to compute a ReLU and a max-pooling that follow in one op.

        The rule: batch normalization, ReLU and perhaps max-pooling by 2 x 2, one after the other,
        in training, with kernels on, and not while somebody watches one of them.

        Args:
            following: The modules after this one.

        Returns:
            A function of this module's input, and how many modules it computes: 1 to 3.
        """
        relu, pool = (*following, None, None)[:2]
        plain = type(self).forward is BatchNorm2d.forward and self.weight is not None
        if not (plain and self.training) or kernels.active() == "reference":
            return self, 1
        if type(relu) is not nn.ReLU or self.is_watched or relu.is_watched:
            return self, 1
        count = 2 if _halves(pool) else 1
        return partial(self._join, following[:count]), 1 + count

    def knows(self, channels: int) -> bool:
        """Whether it uses running statistics of so many channels, and nobody watches."""
        in_use = not self.training and self.running_mean is not None and not self.is_watched
        return in_use and self.num_features == channels

    def statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Return copies of the running mean and variance, which later batches leave alone."""
        mean, variance = self.running_mean, self.running_var
        assert mean is not None
        assert variance is not None
        return mean.data.copy(), variance.data.copy()

    def _join(self, following: Sequence[nn.Module], x: Any) -> Any:
        """What this module and those that follow give, with less traffic where kernels serve."""
        if x.dtype != np.float32:
            for module in (self, *following):
                x = module(x)
            return x
        pooled = len(following) == 2 and x.shape[2] % 2 == x.shape[3] % 2 == 0
        y = spatial_ops.norm_relu_pool(
            x,
            self.weight,
            self.bias,
            window=(2, 2) if pooled else (1, 1),
            epsilon=self.eps,
            statistics=self._observe(x),
        )
        return y if pooled or len(following) == 1 else following[1](y)

    def _observe(self, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Take mean and variance of a batch into the running averages, and return them."""
        name, means, variances = type(self).__name__, self.running_mean, self.running_var
        check_images(name, x)
        check_vectors(name, x.shape[1], weight=self.weight, running_mean=means)
        check_statistics(name, x.shape)
        mean, variance = spatial_ops.batch_moments(x).data
        if means is None or variances is None or self.num_batches_tracked is None:
            return mean, variance
        count = x.size // x.shape[1]
        seen = self.num_batches_tracked.assign(self.num_batches_tracked.data + 1).item()
        share = 1 / seen if self.momentum is None else self.momentum
        unbiased = variance * (count / (count - 1))
        for running, latest in ((means, mean), (variances, unbiased)):
            running.assign((1 - share) * running.data + share * latest)
        return mean, variance

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class GroupNorm(_Normalization):
    """Groups of channels of each image normalized by themselves, as in `group_norm`.

    Args:
        num_groups: How many groups; divides the channels.
        num_channels: Channels.
        eps: As in `BatchNorm2d`, like `affine`.

    Attributes:
        weight: (num_channels,) scale, or None.
        bias: (num_channels,) shift, or None.

    Raises:
        ArgumentError: A setting is out of range, or the groups do not divide the channels.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> GroupNorm(2, 4)(zeros((1, 4, 3, 3))).shape
        (1, 4, 3, 3)
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True
    ) -> None:
        self.num_channels = checks.whole("GroupNorm", "num_channels", num_channels, 1)
        self.num_groups = checks.whole("GroupNorm", "num_groups", num_groups)
        check_divides("GroupNorm", "num_groups", num_groups, "channels", num_channels)
        super().__init__(num_channels, eps, affine)

    def forward(self, x: Any) -> Any:
        return functional.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}"


def _halves(module: nn.Module | None) -> bool:
    """Whether it is a max-pooling by 2 x 2, side by side, that nobody watches."""
    if type(module) is not MaxPool2d or module.is_watched:
        return False
    return module.kernel_size == module.stride == (2, 2) and module.padding == (0, 0)
