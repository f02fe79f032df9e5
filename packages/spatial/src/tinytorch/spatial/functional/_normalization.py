"""Channels, or groups of them, brought to mean 0 and variance 1."""

import math
from typing import Any

import numpy as np

from tinytorch.spatial import ops as spatial_ops
from tinytorch.spatial.functional._checks import (
    check_divides,
    check_images,
    check_statistics,
    check_vectors,
)
from tinytorch.tensor import checks, ops
from tinytorch.tensor.errors import ArgumentError
from tinytorch.tensor.types import Operand, T


def batch_norm2d(
    x: Operand[T],
    weight: Operand[T] | None = None,
    bias: Operand[T] | None = None,
    running_mean: Any = None,
    running_var: Any = None,
    eps: float = 1e-5,
) -> T:
    """Normalize each channel, by the batch's own statistics or by given ones.

    Args:
        x: (batch, channels, height, width).
        weight: (channels,) or None for 1.
        bias: (channels,) or None for 0.
        running_mean: (channels,) to use instead of the batch's mean, with `running_var`.
        running_var: (channels,) to use instead of the batch's variance.
        eps: Added to the variance.

    Returns:
        (batch, channels, height, width), of the dtype of x.

    Raises:
        ShapeError: Shapes do not match, or a channel has a single value and so no variance.
        ArgumentError: One of `running_mean` and `running_var` is missing, or `eps` is negative.
        DTypeError: The images are not of a float dtype.

    Source:
        S. Ioffe, C. Szegedy, Batch Normalization, 2015.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> batch_norm2d(tensor([[[[1.0, 3.0]]]]), eps=0.0).tolist()
        [[[[-1.0, 1.0]]]]
    """
    name = "batch_norm2d"
    x = check_images(name, x)
    check_vectors(
        name,
        x.shape[1],
        weight=weight,
        bias=bias,
        running_mean=running_mean,
        running_var=running_var,
    )
    eps = checks.number(name, "eps", eps, least=0)
    if running_mean is None and running_var is None:
        check_statistics(name, x.shape)
        return spatial_ops.batch_norm2d(x, weight, bias, epsilon=eps)
    if running_mean is None or running_var is None:
        raise ArgumentError(
            name,
            expected="running_mean and running_var, or neither",
            got="one of them",
            fix="give both to use known statistics, none to use the batch's own",
        )
    scale = (running_var + eps) ** -0.5
    scale = scale if weight is None else scale * weight
    shift = -running_mean * scale
    shift = shift if bias is None else shift + bias
    return spatial_ops.channel_affine(x, scale, shift)


def group_norm(
    x: Operand[T],
    num_groups: int,
    weight: Operand[T] | None = None,
    bias: Operand[T] | None = None,
    eps: float = 1e-5,
) -> T:
    """Normalize groups of channels of each image by themselves: no batch statistics.

    Args:
        x: (batch, channels, height, width).
        num_groups: How many groups; divides the channels. 1 is a layer norm, `channels` an instance
            norm.
        weight: As in `batch_norm2d`, like `bias` and `eps`.
        bias: (channels,) or None for 0.
        eps: Added to the variance.

    Returns:
        (batch, channels, height, width).

    Raises:
        ShapeError: Shapes do not match.
        ArgumentError: The groups do not divide the channels, or `eps` is negative.
        DTypeError: The images are not of a float dtype.

    Source:
        Y. Wu, K. He, Group Normalization, 2018.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> group_norm(tensor([[[[1.0, 3.0]]]]), 1, eps=0.0).tolist()
        [[[[-1.0, 1.0]]]]
    """
    name = "group_norm"
    x = check_images(name, x)
    num_groups = checks.whole(name, "num_groups", num_groups)
    check_divides(name, "num_groups", num_groups, "channels", x.shape[1])
    check_vectors(name, x.shape[1], weight=weight, bias=bias)
    eps = checks.number(name, "eps", eps, least=0)
    precise = ops.astype(x, dtype=np.float32) if x.dtype == np.float16 else x
    size = math.prod(x.shape[1:]) // num_groups
    groups = ops.reshape(precise, shape=(x.shape[0], num_groups, size))
    y = ops.reshape(ops.normalize(groups, last=1, eps=eps), shape=x.shape)
    if weight is not None:
        y = spatial_ops.channel_affine(y, weight, bias)
    elif bias is not None:
        y = y + ops.reshape(bias, shape=(-1, 1, 1))
    return y if y.dtype == x.dtype else ops.astype(y, dtype=x.dtype)
