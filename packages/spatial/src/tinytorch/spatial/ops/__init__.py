"""The primitives of this layer: array functions, each with its derivatives directly under it."""

from tinytorch.spatial.ops.convolution import (
    conv2d,
    conv2d_input_gradient,
    conv2d_weight_gradient,
)
from tinytorch.spatial.ops.fusion import (
    norm_relu_pool,
    norm_relu_pool_input_gradient,
    norm_relu_pool_sums,
)
from tinytorch.spatial.ops.normalization import (
    batch_moments,
    batch_norm2d,
    batch_norm2d_input_gradient,
    batch_norm2d_weight_gradient,
    channel_affine,
)
from tinytorch.spatial.ops.pooling import (
    avg_pool2d,
    avg_pool2d_gradient,
    max_pool2d,
    max_pool2d_gather,
    max_pool2d_gradient,
)
from tinytorch.spatial.ops.sums import channel_sums

__all__ = [
    "avg_pool2d",
    "avg_pool2d_gradient",
    "batch_moments",
    "batch_norm2d",
    "batch_norm2d_input_gradient",
    "batch_norm2d_weight_gradient",
    "channel_affine",
    "channel_sums",
    "conv2d",
    "conv2d_input_gradient",
    "conv2d_weight_gradient",
    "max_pool2d",
    "max_pool2d_gather",
    "max_pool2d_gradient",
    "norm_relu_pool",
    "norm_relu_pool_input_gradient",
    "norm_relu_pool_sums",
]
