"""Normalization modules: learned scale and shift, and the running statistics that `eval` uses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinytorch.autograd import nn
from tinytorch.spatial import functional
from tinytorch.spatial import ops as spatial_ops
from tinytorch.spatial._checks import check_divides, check_images, check_statistics, check_vector
from tinytorch.spatial._pooling import MaxPool2d
from tinytorch.tensor import Tensor, kernels

__all__ = ["BatchNorm2d", "GroupNorm"]


class BatchNorm2d(nn.Module):
    """Give each channel mean 0 and variance 1, then scale and shift it.

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
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = nn.Parameter(np.ones(num_features, np.float32)) if affine else None
        self.bias = nn.Parameter(np.zeros(num_features, np.float32)) if affine else None
        self.running_mean: nn.Buffer | None = None
        self.running_var: nn.Buffer | None = None
        self.num_batches_tracked: nn.Buffer | None = None
        if track_running_stats:
            self.running_mean = nn.Buffer(np.zeros(num_features, np.float32))
            self.running_var = nn.Buffer(np.ones(num_features, np.float32))
            self.num_batches_tracked = nn.Buffer(np.zeros((), np.int64))

    def forward(self, x: Any) -> Any:
        """Map (batch, num_features, height, width) to the same shape."""
        if not self.training and self.running_mean is not None:
            return functional.batch_norm2d(
                x, self.weight, self.bias, self.running_mean, self.running_var, self.eps
            )
        statistics = self.observe(x)
        return spatial_ops.batch_norm2d(
            x, self.weight, self.bias, epsilon=self.eps, statistics=statistics
        )

    def fuse(self, following: Sequence[nn.Module]) -> tuple[Callable[[Any], Any], int]:
        """Offer to compute a ReLU that follows, and a pooling after it, in one op.

        Only in training and with kernels, and not while somebody watches one of the modules.

        Args:
            following: The modules after this one.

        Returns:
            A function of this module's input, and how many modules it computes: 1 to 3.
        """
        window, count = self._fusible(following)
        watched = any("forward" in vars(module) for module in (self, *following[: count - 1]))
        if count == 1 or watched or kernels.active() == "reference":
            return self, 1
        return partial(self._norm_relu_pool, window), count

    def _fusible(self, following: Sequence[nn.Module]) -> tuple[tuple[int, int], int]:
        """The pooling window, and the number of modules, that one op computes."""
        own = type(self).forward is BatchNorm2d.forward  # a subclass may compute something else
        if not (own and self.training) or self.weight is None:
            return (1, 1), 1
        if not following or type(following[0]) is not nn.ReLU:
            return (1, 1), 1
        pool = following[1] if len(following) > 1 else None
        if type(pool) is MaxPool2d and pool.stride == pool.kernel_size and pool.padding == (0, 0):
            return pool.kernel_size, 3
        return (1, 1), 2

    def _norm_relu_pool(self, window: tuple[int, int], x: Any) -> Any:
        """What this module, a ReLU and a pooling would give."""
        statistics = self.observe(x)
        return spatial_ops.norm_relu_pool(
            x, self.weight, self.bias, window=window, epsilon=self.eps, statistics=statistics
        )

    def observe(self, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Take mean and variance of a batch into the running averages, and give them."""
        check_images("BatchNorm2d", x.shape, x.dtype)
        check_vector("BatchNorm2d", "weight", self.weight, x.shape[1])
        check_statistics("BatchNorm2d", x.shape)
        mean, variance = spatial_ops.batch_moments(x).data
        means, variances, batches = self.running_mean, self.running_var, self.num_batches_tracked
        if means is None or variances is None or batches is None:
            return mean, variance
        count = x.size // x.shape[1]
        seen = batches.assign(batches.data + 1).item()
        share = 1 / seen if self.momentum is None else self.momentum
        unbiased = variance * (count / (count - 1))
        for running, latest in ((means, mean), (variances, unbiased)):
            running.assign((1 - share) * running.data + share * latest)
        return mean, variance

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:  # noqa: ARG002
        """Count the floating-point operations of one call, for `summary`."""
        return 2 * math.prod(output_shape)

    def extra_repr(self) -> str:
        """The arguments, for `repr`."""
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class GroupNorm(nn.Module):
    """Normalize groups of channels of each image by themselves.

    Args:
        num_groups: How many groups; divides the channels.
        num_channels: Channels.
        eps: Added to the variance.
        affine: Whether there are a learned scale and shift.

    Attributes:
        weight: (num_channels,) scale, or None.
        bias: (num_channels,) shift, or None.

    Raises:
        ArgumentError: if the groups do not divide the channels.

    Source:
        Y. Wu, K. He, Group Normalization, 2018.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> GroupNorm(2, 4)(zeros((1, 4, 3, 3))).shape
        (1, 4, 3, 3)
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True
    ) -> None:
        check_divides("GroupNorm", "num_groups", num_groups, "channels", num_channels)
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = nn.Parameter(np.ones(num_channels, np.float32)) if affine else None
        self.bias = nn.Parameter(np.zeros(num_channels, np.float32)) if affine else None

    def forward(self, x: Any) -> Any:
        """Map (batch, num_channels, height, width) to the same shape."""
        return functional.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:  # noqa: ARG002
        """Count the floating-point operations of one call, for `summary`."""
        return 2 * math.prod(output_shape)

    def extra_repr(self) -> str:
        """The arguments, for `repr`."""
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}"
