"""Batch normalization, ReLU and max-pooling as one op: the same numbers with less memory traffic.

The three together read the image once and write a quarter of it; nothing between them is kept, as
the way back computes it anew. References and derivatives are put together from the single ops.
`_spread` is the way back through pooling and ReLU: it is linear in the gradient, which it sends to
the largest element of each window unless ReLU cut that off, and `_gather` is its transpose.
"""

from typing import Any

import numpy as np

from tinytorch.autograd import derivative
from tinytorch.spatial.ops._layout import Pair
from tinytorch.spatial.ops.normalization import (
    Statistics,
    batch_norm2d,
    batch_norm2d_input_gradient,
    batch_norm2d_weight_gradient,
    input_gradient_by_image,
)
from tinytorch.spatial.ops.pooling import max_pool2d, max_pool2d_gather, max_pool2d_gradient
from tinytorch.spatial.ops.sums import channel_sums, channel_total
from tinytorch.tensor import op, ops
from tinytorch.tensor.types import Array

__all__ = ["norm_relu_pool", "norm_relu_pool_input_gradient", "norm_relu_pool_sums"]


@op
def norm_relu_pool(
    x: Array,
    w: Array,
    b: Array,
    *,
    window: Pair,
    epsilon: float = 1e-5,
    statistics: Statistics = None,
) -> Array:
    """Channels normalized as by `batch_norm2d`, cut off below 0, and the largest of each window.

    The windows lie side by side. One of (1, 1) pools nothing.
    """
    active = _activation(x, w, b, epsilon, statistics)
    pooled: Array = max_pool2d.reference(active, kernel_size=window, stride=window)
    return pooled


@op
def norm_relu_pool_input_gradient(
    g: Array,
    x: Array,
    w: Array,
    b: Array,
    *,
    window: Pair,
    epsilon: float = 1e-5,
    statistics: Statistics = None,
) -> Array:
    """The gradient of `norm_relu_pool` with respect to x."""
    arrived = _spread_arrays(g, x, w, b, window, epsilon, statistics)
    gradient: Array = batch_norm2d_input_gradient.reference(
        arrived, x, w, epsilon=epsilon, statistics=statistics
    )
    return gradient


@op
def norm_relu_pool_sums(
    g: Array,
    x: Array,
    w: Array,
    b: Array,
    *,
    window: Pair,
    epsilon: float = 1e-5,
    statistics: Statistics = None,
) -> Array:
    """The gradients of `norm_relu_pool` with respect to w and to b: (2, channels)."""
    arrived = _spread_arrays(g, x, w, b, window, epsilon, statistics)
    of_w = batch_norm2d_weight_gradient.reference(
        arrived, x, epsilon=epsilon, statistics=statistics
    )
    return np.stack([of_w, channel_total(arrived)])


def _spread(g: Any, x: Any, w: Any, b: Any, *, window: Pair, **settings: Any) -> Any:
    """Send gradients back to what was normalized, in ops."""
    active = ops.relu(batch_norm2d(x, w, b, **settings))
    z = max_pool2d(active, kernel_size=window, stride=window)
    back = max_pool2d_gradient(g, active, z, kernel_size=window, stride=window)
    return ops.where(ops.not_equal(active, 0), back, 0.0)


def _gather(h: Any, x: Any, w: Any, b: Any, *, window: Pair, **settings: Any) -> Any:
    """Read values where `_spread` sends gradients, in ops."""
    active = ops.relu(batch_norm2d(x, w, b, **settings))
    z = max_pool2d(active, kernel_size=window, stride=window)
    chosen = ops.where(ops.not_equal(active, 0), h, 0.0)
    return max_pool2d_gather(chosen, active, z, kernel_size=window, stride=window)


derivative(
    norm_relu_pool,
    lambda g, _z, x, w, b, **s: norm_relu_pool_input_gradient(g, x, w, b, **s),
    lambda g, _z, x, w, b, **s: norm_relu_pool_sums(g, x, w, b, **s)[0],
    lambda g, _z, x, w, b, **s: norm_relu_pool_sums(g, x, w, b, **s)[1],
)
derivative(
    norm_relu_pool_input_gradient,
    lambda h, _z, _g, x, w, b, window, **s: _gather(
        batch_norm2d_input_gradient(h, x, w, **s), x, w, b, window=window, **s
    ),
    lambda h, _z, g, x, w, b, window, **s: input_gradient_by_image(
        h, _spread(g, x, w, b, window=window, **s), x, w, **s
    ),
    lambda h, _z, g, x, w, b, window, **s: channel_sums(
        h, batch_norm2d_input_gradient(_spread(g, x, w, b, window=window, **s), x, None, **s)
    ),
    None,
)
derivative(
    norm_relu_pool_sums,
    lambda h, _z, _g, x, w, b, window, **s: _gather(
        batch_norm2d(x, h[0], h[1], **s), x, w, b, window=window, **s
    ),
    lambda h, _z, g, x, w, b, window, **s: batch_norm2d_input_gradient(
        _spread(g, x, w, b, window=window, **s), x, h[0], **s
    ),
    None,
    None,
)


def _activation(x: Array, w: Array, b: Array, epsilon: float, statistics: Statistics) -> Array:
    """Normalize and cut off below 0, in arrays."""
    normal: Array = batch_norm2d.reference(x, w, b, epsilon=epsilon, statistics=statistics)
    return np.maximum(normal, 0, out=normal)


def _spread_arrays(
    g: Array,
    x: Array,
    w: Array,
    b: Array,
    window: Pair,
    epsilon: float,
    statistics: Statistics,
) -> Array:
    """`_spread` in arrays."""
    active = _activation(x, w, b, epsilon, statistics)
    z = max_pool2d.reference(active, kernel_size=window, stride=window)
    back: Array = max_pool2d_gradient.reference(g, active, z, kernel_size=window, stride=window)
    return np.where(active != 0, back, back.dtype.type(0))
