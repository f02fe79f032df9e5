"""Channels, or groups of them, brought to mean 0 and variance 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinytorch.spatial import ops as spatial_ops
from tinytorch.spatial._checks import (
    check_divides,
    check_images,
    check_statistics,
    check_vector,
)
from tinytorch.tensor import ops


def batch_norm2d(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    running_mean: Any = None,
    running_var: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Normalize each channel, by the batch's own statistics or by given ones.

    Args:
        x: (batch, channels, height, width).
        weight: (channels,) or None for 1.
        bias: (channels,) or None for 0.
        running_mean: (channels,) to use instead of the batch's mean, with `running_var`.
        running_var: (channels,) to use instead of the batch's variance.
        eps: Added to the variance.

    Returns:
        (batch, channels, height, width).

    Raises:
        ShapeError: if shapes do not match, or a channel has a single value and so no variance.
        DTypeError: if the images are not of a float dtype.

    Source:
        S. Ioffe, C. Szegedy, Batch Normalization, 2015.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> batch_norm2d(tensor([[[[1.0, 3.0]]]]), eps=0.0).tolist()
        [[[[-1.0, 1.0]]]]
    """
    name = "batch_norm2d"
    check_images(name, x.shape, x.dtype)
    channels = x.shape[1]
    vectors = {
        "weight": weight,
        "bias": bias,
        "running_mean": running_mean,
        "running_var": running_var,
    }
    for argument, vector in vectors.items():
        check_vector(name, argument, vector, channels)
    if running_mean is None or running_var is None:
        check_statistics(name, x.shape)
        return spatial_ops.batch_norm2d(x, weight, bias, epsilon=eps)
    scale = (running_var + eps) ** -0.5
    scale = scale if weight is None else scale * weight
    shift = -running_mean * scale
    shift = shift if bias is None else shift + bias
    return spatial_ops.channel_affine(x, scale, shift)


def group_norm(
    x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Normalize groups of channels of each image by themselves: no batch statistics.

    Args:
        x: (batch, channels, height, width).
        num_groups: How many groups; divides the channels. 1 is a layer norm, `channels` an instance
            norm.
        weight: (channels,) or None for 1.
        bias: (channels,) or None for 0.
        eps: Added to the variance.

    Returns:
        (batch, channels, height, width).

    Raises:
        ShapeError: if shapes do not match.
        ArgumentError: if the groups do not divide the channels.
        DTypeError: if the images are not of a float dtype.

    Source:
        Y. Wu, K. He, Group Normalization, 2018.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> group_norm(tensor([[[[1.0, 3.0]]]]), 1, eps=0.0).tolist()
        [[[[-1.0, 1.0]]]]
    """
    check_images("group_norm", x.shape, x.dtype)
    channels = x.shape[1]
    check_divides("group_norm", "num_groups", num_groups, "channels", channels)
    check_vector("group_norm", "weight", weight, channels)
    check_vector("group_norm", "bias", bias, channels)
    precise = ops.astype(x, dtype=np.float32) if x.dtype == np.float16 else x
    size = math.prod(x.shape[1:]) // num_groups
    groups = ops.reshape(precise, shape=(x.shape[0], num_groups, size))
    y = ops.reshape(ops.normalize(groups, last=1, eps=eps), shape=x.shape)
    if weight is not None:
        y = spatial_ops.channel_affine(y, weight, bias)
    elif bias is not None:
        y = y + ops.reshape(bias, shape=(-1, 1, 1))
    return y if y.dtype == x.dtype else ops.astype(y, dtype=x.dtype)
