"""Batch normalization in training: one op and its two gradients, closed under differentiation.

With the channel's mean m, variance v and r = 1 / sqrt(v + epsilon), the normalized image is x^ = (x
- m) r and the result w x^ + b. The gradient with respect to x counts that m and v move with x:

    I(g) = w r (g - mean(g) - x^ mean(g x^))

I is its own transpose, and the gradient of w, the sum of g x^, has `batch_norm2d` and I as its
derivatives; so the second derivatives need no further op.

`statistics` is (mean, variance) of x, each (channels,), where they are known already. It saves a
pass over the images and changes no result.
"""

# ruff: noqa: ARG005 - a row of a derivative gets every operand, whether it needs it or not

from typing import Any

import numpy as np

from tinytorch.autograd import derivative
from tinytorch.spatial._layout import Array, blocks, channels_first, channels_last
from tinytorch.spatial._memory import room
from tinytorch.tensor import op, ops

Statistics = tuple[Array, Array] | None
PIXELS = (0, 2, 3)
"""The axes over which a channel's statistics are taken."""


@op
def batch_norm2d(
    x: Array,
    w: Array | None = None,
    b: Array | None = None,
    *,
    epsilon: float = 1e-5,
    statistics: Statistics = None,
) -> Array:
    """Give each channel of the batch mean 0 and variance 1, then scale by w and shift by b.

    Args:
        x: (batch, channels, height, width).
        w: (channels,) or None for 1.
        b: (channels,) or None for 0.
        epsilon: Added to the variance, so that a constant channel divides by no zero.
        statistics: Mean and variance of x, if known.

    Returns:
        (batch, channels, height, width), channels last in memory.

    Source:
        S. Ioffe, C. Szegedy, Batch Normalization, 2015.
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
    """Give I(g), the gradient of `batch_norm2d` with respect to x.

    Args:
        g: (batch, channels, height, width), the incoming gradient.
        x: (batch, channels, height, width), the images.
        w: (channels,) or None for 1.
        epsilon: As in `batch_norm2d`.
        statistics: Mean and variance of x, if known.

    Returns:
        (batch, channels, height, width), channels last in memory.
    """
    mean, variance = statistics or batch_moments.reference(x)
    r = 1 / np.sqrt(variance + epsilon)
    pixels, images, count = wide(g), wide(x), g.size // g.shape[1]
    along = sum_of_products(g, x, mean) * (r * r / count)
    average = fold(pixels.sum(axis=1), x) / count
    slope, offset = repeat(along, x), repeat(average - along * mean, x)
    scale = repeat(r if w is None else r * w, x)
    out = room(pixels.shape, np.result_type(g, x, scale))
    for block in blocks(len(out), out[:1].nbytes):
        part = np.multiply(images[block], slope, out=out[block])
        np.subtract(pixels[block], part, out=part)
        part -= offset
        part *= scale
    return narrow(out, x)


@op
def batch_norm2d_weight_gradient(
    g: Array, x: Array, *, epsilon: float = 1e-5, statistics: Statistics = None
) -> Array:
    """Give the sum of g x^ for each channel, the gradient of `batch_norm2d` with respect to w.

    Args:
        g: (batch, channels, height, width), the incoming gradient.
        x: (batch, channels, height, width), the images.
        epsilon: As in `batch_norm2d`.
        statistics: Mean and variance of x, if known.

    Returns:
        (channels,).
    """
    mean, variance = statistics or batch_moments.reference(x)
    sums: Array = sum_of_products(g, x, mean) / np.sqrt(variance + epsilon)
    return sums


@op(differentiable=False)
def batch_moments(x: Array) -> Array:
    """Give mean and variance (divided by the count) of each channel.

    Args:
        x: (batch, channels, height, width).

    Returns:
        (2, channels): the means, then the variances.
    """
    count = max(1, x.size // x.shape[1])
    mean = fold(wide(x).sum(axis=1), x) / count
    return np.stack([mean, sum_of_products(None, x, mean) / count])


@op
def channel_affine(x: Array, scale: Array, shift: Array | None = None) -> Array:
    """Give x * scale + shift with one scale and one shift for each channel.

    Args:
        x: (batch, channels, height, width).
        scale: (channels,).
        shift: (channels,) or None for 0.

    Returns:
        (batch, channels, height, width), channels last in memory.
    """
    pixels, scales = wide(x), repeat(scale, x)
    if shift is None:
        return narrow(pixels * scales, x)
    out = room(pixels.shape, np.result_type(x, scale, shift))
    shifts = repeat(shift, x)
    for block in blocks(len(out), out[:1].nbytes):
        np.multiply(pixels[block], scales, out=out[block])
        out[block] += shifts
    return narrow(out, x)


def input_gradient_by_image(
    h: Any, g: Any, x: Any, w: Any, *, epsilon: float, statistics: Statistics = None
) -> Any:
    """Give the gradient of the sum of h I(g) with respect to x, in ops.

    For each channel the sum is n w r (a - p q) with a = mean(h g) - mean(h) mean(g), p = mean(h
    x^), q = mean(g x^); r and x^ depend on x.
    """
    hat = batch_norm2d(x, None, None, epsilon=epsilon, statistics=statistics)
    average_h, average_g = mean(h), mean(g)
    a = mean(h * g) - average_h * average_g
    p, q = mean(h * hat), mean(g * hat)
    squared = 1 / (ops.var(x, PIXELS, keepdims=True) + epsilon)
    total = hat * (3 * p * q - a) - q * (h - average_h) - p * (g - average_g)
    total = total * squared
    return total if w is None else total * ops.reshape(w, shape=(-1, 1, 1))


derivative(
    batch_norm2d,
    lambda g, z, x, w, b, **s: batch_norm2d_input_gradient(g, x, w, **s),
    lambda g, z, x, w, b, **s: batch_norm2d_weight_gradient(g, x, **s),
    lambda g, z, x, w, b, **s: ops.sum(g, axis=PIXELS),
)
derivative(
    batch_norm2d_input_gradient,
    lambda h, z, g, x, w, **s: batch_norm2d_input_gradient(h, x, w, **s),
    lambda h, z, g, x, w, **s: input_gradient_by_image(h, g, x, w, **s),
    lambda h, z, g, x, w, **s: ops.sum(
        h * batch_norm2d_input_gradient(g, x, None, **s), axis=PIXELS
    ),
)
derivative(
    batch_norm2d_weight_gradient,
    lambda h, z, g, x, **s: batch_norm2d(x, h, None, **s),
    lambda h, z, g, x, **s: batch_norm2d_input_gradient(g, x, h, **s),
)
derivative(
    channel_affine,
    lambda g, z, x, scale, shift: channel_affine(g, scale, None),
    lambda g, z, x, scale, shift: ops.sum(g * x, axis=PIXELS),
    lambda g, z, x, scale, shift: ops.sum(g, axis=PIXELS),
)


def mean(x: Any) -> Any:
    """Average each channel over batch and pixels: (1, channels, 1, 1)."""
    return ops.mean(x, PIXELS, keepdims=True)


def sum_of_products(g: Array | None, x: Array, mean: Array) -> Array:
    """Add up g * (x - mean) for each channel, or the squares of x - mean: (channels,)."""
    images, middle = wide(x), repeat(mean, x)
    pixels = None if g is None else wide(g)
    sums = np.zeros(images.shape[::2], images.dtype)
    for block in blocks(len(sums), images[:1].nbytes):
        centered = images[block] - middle
        factor = centered if pixels is None else pixels[block]
        np.einsum("nhk,nhk->nk", factor, centered, out=sums[block])
    return fold(sums, x)


def wide(x: Array) -> Array:
    """(batch, channels, height, width) as (batch, height, width * channels): long rows are fast."""
    pixels = channels_last(x)
    return pixels.reshape(*pixels.shape[:2], pixels.shape[2] * pixels.shape[3])


def narrow(rows: Array, like: Array) -> Array:
    """Undo `wide`: (batch, height, width * channels) as (batch, channels, height, width)."""
    batch, channels, height, width = like.shape
    return channels_first(rows.reshape(batch, height, width, channels))


def repeat(vector: Array, like: Array) -> Array:
    """(channels,) as (width * channels,), to go along the rows of `wide`."""
    return np.tile(vector, like.shape[3])


def fold(sums: Array, like: Array) -> Array:
    """Add up (batch, width * channels) to (channels,)."""
    total: Array = sums.sum(axis=0).reshape(like.shape[3], like.shape[1]).sum(axis=0)
    return total
