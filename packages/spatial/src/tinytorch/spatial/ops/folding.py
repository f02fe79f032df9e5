"""Convolution, batch normalization and ReLU as one op, once the statistics are known.

After training a normalization is a scale and a shift for each channel, which can go into the
kernels: nothing but the result reaches memory. The reference and the derivatives are put together
from the single ops.
"""

from typing import Any

import numpy as np

from tinytorch.autograd import derivative
from tinytorch.spatial.ops._layout import NO_PADDING, Padding, Pair
from tinytorch.spatial.ops.convolution import (
    conv2d,
    conv2d_input_gradient,
    conv2d_weight_gradient,
)
from tinytorch.spatial.ops.normalization import Statistics, batch_norm2d, channel_affine
from tinytorch.spatial.ops.sums import channel_sums
from tinytorch.tensor import op, ops
from tinytorch.tensor.types import Array

__all__ = ["conv2d_norm_relu"]


@op
def conv2d_norm_relu(
    x: Array,
    w: Array,
    b: Array | None = None,
    scale: Array | None = None,
    shift: Array | None = None,
    *,
    statistics: Statistics = None,
    epsilon: float = 1e-5,
    relu: bool = True,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """What `conv2d` gives, normalized by known `statistics` and cut off below 0.

    `scale` and `shift` are those of `batch_norm2d`. Without `statistics` nothing is normalized, and
    without `relu` nothing is cut off.
    """
    y: Array = conv2d.reference(
        x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    if statistics is not None:
        y = batch_norm2d.reference(y, scale, shift, epsilon=epsilon, statistics=statistics)
    return np.maximum(y, 0) if relu else y


def _cut(g: Any, z: Any, *, relu: bool = True, **_: Any) -> Any:
    """Send gradients back through ReLU."""
    return ops.relu_gradient(g, z) if relu else g


def _back(g: Any, z: Any, scale: Any, **settings: Any) -> Any:
    """Send gradients back to what the convolution gives."""
    arrived, statistics = _cut(g, z, **settings), settings.get("statistics")
    if statistics is None:
        return arrived
    root = _root(**settings)
    return channel_affine(arrived, root if scale is None else scale * root)


def _normal(x: Any, w: Any, b: Any, **settings: Any) -> Any:
    """Compute what is scaled and shifted."""
    mean, root = settings["statistics"][0], _root(**settings)
    return channel_affine(conv2d(x, w, b, **_of_convolution(**settings)), root, -mean * root)


def _root(*, statistics: Any, epsilon: float = 1e-5, **_: Any) -> Array:
    """One over the standard deviation of each channel."""
    root: Array = 1 / np.sqrt(statistics[1] + epsilon)
    return root


def _of_convolution(**settings: Any) -> dict[str, Any]:
    """The settings of the convolution alone."""
    others = "statistics", "epsilon", "relu"
    return {name: value for name, value in settings.items() if name not in others}


derivative(
    conv2d_norm_relu,
    lambda g, z, _x, w, _b=None, scale=None, _shift=None, **s: conv2d_input_gradient(
        _back(g, z, scale, **s), w, size=_x.shape[2:], **_of_convolution(**s)
    ),
    lambda g, z, x, _w, _b=None, scale=None, _shift=None, **s: conv2d_weight_gradient(
        _back(g, z, scale, **s), x, size=_w.shape[2:], **_of_convolution(**s)
    ),
    lambda g, z, _x, _w, _b=None, scale=None, _shift=None, **s: channel_sums(
        _back(g, z, scale, **s)
    ),
    lambda g, z, x, w, b=None, _scale=None, _shift=None, **s: channel_sums(
        _cut(g, z, **s), _normal(x, w, b, **s)
    ),
    lambda g, z, _x, _w, _b=None, _scale=None, _shift=None, **s: channel_sums(_cut(g, z, **s)),
)
