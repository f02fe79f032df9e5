"""A list of modules that takes normalization, ReLU and pooling in one step where it can."""

from __future__ import annotations

from typing import Any

from tinytorch.autograd import nn
from tinytorch.spatial import ops as spatial_ops
from tinytorch.spatial._normalization import BatchNorm2d
from tinytorch.spatial._pooling import MaxPool2d
from tinytorch.tensor import kernels

__all__ = ["Stages"]


class Stages(nn.Sequential):
    """A `Sequential` that is faster with kernels: same modules, names and numbers.

    While training, a `BatchNorm2d` followed by a `ReLU`, and perhaps by a `MaxPool2d` of windows
    side by side, is computed by the one op `norm_relu_pool`. Without kernels, or in `eval`, each
    module computes for itself.

    Args:
        *modules: In order of computation.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> Stages(BatchNorm2d(3), nn.ReLU(), MaxPool2d(2))(zeros((1, 3, 8, 8))).shape
        (1, 3, 4, 4)
    """

    def forward(self, x: Any) -> Any:
        """Compute each module in turn, some together.

        Args:
            x: What the first module takes.

        Returns:
            What the last module gives.
        """
        modules = list(self)
        while modules:
            module, *following = modules
            window, taken = fusible(module, following)
            if taken and kernels.active() != "reference":
                x = norm_relu_pool(module, x, window)
            else:
                taken, x = 1, module(x)
            del modules[:taken]
        return x


def fusible(module: nn.Module, following: list[nn.Module]) -> tuple[tuple[int, int], int]:
    """The pooling window and number of modules that one op can compute; none: 0."""
    window = (1, 1)
    if not isinstance(module, BatchNorm2d) or not (module.training and module.weight is not None):
        return window, 0
    if not following or type(following[0]) is not nn.ReLU:
        return window, 0
    pool = following[1] if len(following) > 1 else None
    if isinstance(pool, MaxPool2d) and pool.stride == pool.kernel_size and pool.padding == (0, 0):
        return pool.kernel_size, 3
    return window, 2


def norm_relu_pool(module: Any, x: Any, window: tuple[int, int]) -> Any:
    """What the module, a ReLU and a pooling would give."""
    statistics = module.observe(x)
    return spatial_ops.norm_relu_pool(
        x, module.weight, module.bias, window=window, epsilon=module.eps, statistics=statistics
    )
