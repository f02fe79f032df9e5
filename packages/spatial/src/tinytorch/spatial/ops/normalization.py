"""Batch normalization in training: one op and its two gradients, closed under differentiation.

With the channel's mean m, variance v and r = 1 / sqrt(v + epsilon), the normalized image is x^ = (x
- m) r and the result w x^ + b. The gradient with respect to x counts that m and v move with x:

    I(g) = w r (g - _mean(g) - x^ mean(g x^))

I is its own transpose, and the gradient of w, the sum of g x^, has `batch_norm2d` and I as its
derivatives; so the second derivatives need no further op.

`statistics` is (mean, variance) of x, each (channels,), where they are known already. It saves a
pass over the images and changes no result.
"""

from typing import Any

import numpy as np

from tinytorch.autograd import derivative
from tinytorch.spatial.ops._layout import blocks, channels_first, channels_last, precise
from tinytorch.spatial.ops.sums import channel_products, channel_sums, channel_total
from tinytorch.tensor import op, ops
from tinytorch.tensor.kernels import room
from tinytorch.tensor.types import Array

__all__ = [
    "batch_moments",
    "batch_norm2d",
    "batch_norm2d_input_gradient",
    "batch_norm2d_weight_gradient",
    "channel_affine",
]

Statistics = tuple[Array, Array] | None


@op
def batch_norm2d(
    x: Array,
    w: Array | None = None,
    b: Array | None = None,
    *,
    epsilon: float = 1e-5,
    statistics: Statistics = None,
) -> Array:
    """Each channel of the batch brought to mean 0 and variance 1, then scaled by w, shifted by b.

    x is (batch, channels, height, width) like the result, which is of its dtype; w and b are
    (channels,) or None; `epsilon` is added to the variance.
    """
    mean, variance = statistics or batch_moments.reference(x)
    scale = 1 / np.sqrt(variance + epsilon)
    if w is not None:
        scale = scale * w
    shift = -mean * scale
    if b is not None:
        shift = shift + b
    normalized: Array = channel_affine.reference(x, scale, shift)
    return normalized


@op
def batch_norm2d_input_gradient(
    g: Array,
    x: Array,
    w: Array | None = None,
    *,
    epsilon: float = 1e-5,
    statistics: Statistics = None,
) -> Array:
    """I(g), the gradient of `batch_norm2d` with respect to x, of the dtype of x."""
    mean, variance = statistics or batch_moments.reference(x)
    r = 1 / np.sqrt(variance + epsilon)
    pixels, images, count = _wide(g), _wide(x), g.size // g.shape[1]
    along = channel_products(g, x, mean) * (r * r / count)
    average = channel_total(g) / count
    slope, offset = _repeat(along, x), _repeat(average - along * mean, x)
    scale = _repeat(r if w is None else r * w, x)
    out = room(pixels.shape, precise(g, x, scale))
    for block in blocks(len(out), out[:1].nbytes):
        part = np.multiply(images[block], slope, out=out[block])
        np.subtract(pixels[block], part, out=part)
        part -= offset
        part *= scale
    return _narrow(out.astype(x.dtype, copy=False), x)


@op
def batch_norm2d_weight_gradient(
    g: Array, x: Array, *, epsilon: float = 1e-5, statistics: Statistics = None
) -> Array:
    """The sum of g x^ for each channel: the gradient of `batch_norm2d` with respect to w."""
    mean, variance = statistics or batch_moments.reference(x)
    sums: Array = channel_products(g, x, mean) / np.sqrt(variance + epsilon)
    return sums


@op(differentiable=False)
def batch_moments(x: Array) -> Array:
    """Mean and variance (divided by the count) of each channel: (2, channels), float32 at least."""
    count = max(1, x.size // x.shape[1])
    mean = channel_total(x) / count
    return np.stack([mean, channel_products(None, x, mean) / count])


@op
def channel_affine(x: Array, scale: Array, shift: Array | None = None) -> Array:
    """The images x * scale + shift, with one scale and one shift for each channel."""
    pixels, scales = _wide(x), _repeat(scale, x)
    out = room(pixels.shape, precise(x, scale, shift))
    shifts = None if shift is None else _repeat(shift, x)
    for block in blocks(len(out), out[:1].nbytes):
        np.multiply(pixels[block], scales, out=out[block])
        if shifts is not None:
            out[block] += shifts
    return _narrow(out.astype(x.dtype, copy=False), x)


def input_gradient_by_image(
    h: Any, g: Any, x: Any, w: Any, *, epsilon: float = 1e-5, statistics: Statistics = None
) -> Any:
    """The gradient of the sum of h I(g) with respect to x, in ops.

    For each channel the sum is n w r (a - p q) with a = mean(h g) - _mean(h) _mean(g), p = mean(h
    x^), q = mean(g x^); r and x^ depend on x.
    """
    hat = batch_norm2d(x, None, None, epsilon=epsilon, statistics=statistics)
    average_h, average_g = _mean(h), _mean(g)
    a = _mean(h * g) - average_h * average_g
    p, q = _mean(h * hat), _mean(g * hat)
    squared = 1 / (ops.var(x, (0, 2, 3), keepdims=True) + epsilon)
    total = hat * (3 * p * q - a) - q * (h - average_h) - p * (g - average_g)
    total = total * squared
    return total if w is None else total * ops.reshape(w, shape=(-1, 1, 1))


derivative(
    batch_norm2d,
    lambda g, _z, x, w=None, _b=None, **s: batch_norm2d_input_gradient(g, x, w, **s),
    lambda g, _z, x, _w=None, _b=None, **s: batch_norm2d_weight_gradient(g, x, **s),
    lambda g, _z, _x, _w=None, _b=None, **_s: channel_sums(g),
)
derivative(
    batch_norm2d_input_gradient,
    lambda h, _z, _g, x, w=None, **s: batch_norm2d_input_gradient(h, x, w, **s),
    lambda h, _z, g, x, w=None, **s: input_gradient_by_image(h, g, x, w, **s),
    lambda h, _z, g, x, _w=None, **s: channel_sums(h, batch_norm2d_input_gradient(g, x, None, **s)),
)
derivative(
    batch_norm2d_weight_gradient,
    lambda h, _z, _g, x, **s: batch_norm2d(x, h, None, **s),
    lambda h, _z, g, x, **s: batch_norm2d_input_gradient(g, x, h, **s),
)
derivative(
    channel_affine,
    lambda g, _z, _x, scale, _shift=None: channel_affine(g, scale, None),
    lambda g, _z, x, _scale, _shift=None: channel_sums(g, x),
    lambda g, _z, _x, _scale, _shift=None: channel_sums(g),
)


def _mean(x: Any) -> Any:
    """Average each channel over batch and pixels: (1, channels, 1, 1)."""
    return ops.mean(x, (0, 2, 3), keepdims=True)


def _wide(x: Array) -> Array:
    """(batch, channels, height, width) as (batch, height, width * channels): long rows are fast."""
    pixels = channels_last(x)
    return pixels.reshape(*pixels.shape[:2], pixels.shape[2] * pixels.shape[3])


def _narrow(rows: Array, like: Array) -> Array:
    """Undo `_wide`: (batch, height, width * channels) as (batch, channels, height, width)."""
    batch, channels, height, width = like.shape
    return channels_first(rows.reshape(batch, height, width, channels))


def _repeat(vector: Array, like: Array) -> Array:
    """(channels,) as (width * channels,), to go along the rows of `_wide`."""
    return np.tile(vector, like.shape[3])
