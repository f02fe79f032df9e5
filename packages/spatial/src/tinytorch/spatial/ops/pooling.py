"""Pooling: one number for each window, the largest or the average.

For `max_pool2d` the gradient goes to one element of each window, as in PyTorch: to the first of the
largest, or to the last NaN if there is one. Where that lies is fixed as long as no two elements
change places, so scattering gradients there and gathering values from there are linear and each
other's derivatives. The same holds for averaging and its gradient.
"""

# ruff: noqa: ARG005 - a row gets every setting, whether it needs it or not

from collections.abc import Iterator

import numpy as np

from tinytorch.autograd import derivative
from tinytorch.spatial.ops._layout import (
    NO_PADDING,
    Padding,
    Pair,
    blocks,
    channels_first,
    channels_last,
    pad_pixels,
    precise,
    shifted,
    window_count,
)
from tinytorch.tensor import op
from tinytorch.tensor.kernels import room
from tinytorch.tensor.types import Array

__all__ = [
    "avg_pool2d",
    "avg_pool2d_gradient",
    "max_pool2d",
    "max_pool2d_gather",
    "max_pool2d_gradient",
]

RUN = 64
"""Numbers that are added one after the other; for longer sums float32 has too few digits."""


@op
def max_pool2d(
    x: Array, *, kernel_size: Pair, stride: Pair, padding: Padding = NO_PADDING
) -> Array:
    """The largest element of each window of each channel, of a padding of minus infinity too.

    x is (batch, channels, height, width), the result (batch, channels, rows, columns); `padding` is
    ((top, bottom), (left, right)).
    """
    count = _counts(x.shape, kernel_size, stride, padding)
    padded = pad_pixels(channels_last(x), padding, -np.inf)
    across = np.array(shifted(padded, (0, 0), (padded.shape[1], count[1]), (1, stride[1])))
    for j in range(1, kernel_size[1]):
        right = shifted(padded, (0, j), (padded.shape[1], count[1]), (1, stride[1]))
        np.maximum(across, right, out=across)
    largest = np.array(shifted(across, (0, 0), count, (stride[0], 1)))
    for i in range(1, kernel_size[0]):
        below = shifted(across, (i, 0), count, (stride[0], 1))
        np.maximum(largest, below, out=largest)
    return channels_first(largest)


@op
def max_pool2d_gradient(
    g: Array, x: Array, z: Array, *, kernel_size: Pair, stride: Pair, padding: Padding = NO_PADDING
) -> Array:
    """The gradient g of each window, sent to its largest element; z is `max_pool2d` of x."""
    images, largest, dtype = channels_last(x), channels_last(z), precise(g)
    bits = channels_last(g.astype(dtype, copy=False)).view(f"i{dtype.itemsize}")
    apart = stride[0] >= kernel_size[0] and stride[1] >= kernel_size[1]
    (top, bottom), (left, right) = padding
    size = x.shape[2] + top + bottom, x.shape[3] + left + right
    spread = room((len(x), *size, x.shape[1]), dtype)
    spread.fill(0)
    for block in blocks(len(x), spread[:1].nbytes):
        part = images[block], largest[block], padding, kernel_size, stride
        for tap, chosen in _chosen_taps(*part):
            target = shifted(spread[block], tap, chosen.shape[1:3], stride)
            if apart:
                np.multiply(bits[block], chosen, out=target.view(bits.dtype))
            else:
                target += (bits[block] * chosen).view(dtype)  # 0 even for what is not finite
    return channels_first(_crop(spread, padding).astype(g.dtype, copy=False))


@op
def max_pool2d_gather(
    h: Array, x: Array, z: Array, *, kernel_size: Pair, stride: Pair, padding: Padding = NO_PADDING
) -> Array:
    """The values of h, of the shape of x, where each window of x has its largest element."""
    values, largest = pad_pixels(channels_last(h), padding), channels_last(z)
    out = np.zeros(largest.shape, h.dtype)
    for tap, chosen in _chosen_taps(channels_last(x), largest, padding, kernel_size, stride):
        np.copyto(out, shifted(values, tap, z.shape[2:], stride), where=chosen)
    return channels_first(out)


@op
def avg_pool2d(
    x: Array, *, kernel_size: Pair, stride: Pair, padding: Padding = NO_PADDING
) -> Array:
    """The average of each window of each channel; padding counts as zeros."""
    count = _counts(x.shape, kernel_size, stride, padding)
    padded = pad_pixels(channels_last(x), padding)
    high, dtype = padded.shape[1], precise(x) if max(kernel_size) <= RUN else np.float64
    out = room((len(x), *count, x.shape[1]), x.dtype)
    for block in blocks(len(x), padded[:1].nbytes):
        part = padded[block]
        across = np.array(shifted(part, (0, 0), (high, count[1]), (1, stride[1])), dtype)
        for j in range(1, kernel_size[1]):
            across += shifted(part, (0, j), (high, count[1]), (1, stride[1]))
        total = np.array(shifted(across, (0, 0), count, (stride[0], 1)))
        for i in range(1, kernel_size[0]):
            total += shifted(across, (i, 0), count, (stride[0], 1))
        np.divide(total, kernel_size[0] * kernel_size[1], out=out[block], casting="same_kind")
    return channels_first(out)


@op
def avg_pool2d_gradient(
    g: Array, *, size: Pair, kernel_size: Pair, stride: Pair, padding: Padding = NO_PADDING
) -> Array:
    """The gradient g of each window, spread evenly over its elements; `size` is the images'."""
    count = g.shape[2], g.shape[3]
    (top, bottom), (left, right) = padding
    dtype, pixels = precise(g), channels_last(g)
    high, wide = size[0] + top + bottom, size[1] + left + right
    spread = room((len(g), high, wide, g.shape[1]), g.dtype)
    for block in blocks(len(g), spread[:1].nbytes):
        share = pixels[block] / dtype.type(kernel_size[0] * kernel_size[1])
        across = np.zeros((len(share), count[0], wide, g.shape[1]), dtype)
        for j in range(kernel_size[1]):
            shifted(across, (0, j), count, (1, stride[1]))[...] += share
        total = np.zeros((len(share), high, wide, g.shape[1]), dtype)
        for i in range(kernel_size[0]):
            shifted(total, (i, 0), (count[0], wide), (stride[0], 1))[...] += across
        spread[block] = total
    return channels_first(_crop(spread, padding))


derivative(max_pool2d, lambda g, z, x, **s: max_pool2d_gradient(g, x, z, **s))
derivative(
    max_pool2d_gradient, lambda h, _y, _g, x, z, **s: max_pool2d_gather(h, x, z, **s), None, None
)
derivative(
    max_pool2d_gather, lambda g, _y, _h, x, z, **s: max_pool2d_gradient(g, x, z, **s), None, None
)
derivative(avg_pool2d, lambda g, _z, _x, **s: avg_pool2d_gradient(g, size=_x.shape[2:], **s))
derivative(avg_pool2d_gradient, lambda h, _z, _g, size, **s: avg_pool2d(h, **s))


def _counts(shape: tuple[int, ...], kernel_size: Pair, stride: Pair, padding: Padding) -> Pair:
    """How many windows lie below and beside each other."""
    rows = window_count(shape[2], kernel_size[0], stride[0], padding[0], 1)
    columns = window_count(shape[3], kernel_size[1], stride[1], padding[1], 1)
    return rows, columns


def _chosen_taps(
    images: Array, largest: Array, padding: Padding, kernel_size: Pair, stride: Pair
) -> Iterator[tuple[Pair, Array]]:
    """Go through the taps of the windows and say in which windows each is the chosen element.

    `images` is (batch, height, width, channels), `largest` (batch, rows, columns, channels). Yields
    each tap with booleans of the shape of `largest`; each window is True at one tap.
    """
    count = largest.shape[1], largest.shape[2]
    padded = pad_pixels(images, padding, np.nan)  # which equals nothing
    taps = list(np.ndindex(*kernel_size))
    last = None
    if np.isnan(largest.max(initial=-np.inf)):
        last = np.full(largest.shape, -1)
        values = pad_pixels(images, padding)
        for number, tap in enumerate(taps):
            last[np.isnan(shifted(values, tap, count, stride))] = number
    waiting = np.ones(largest.shape, bool)
    for number, tap in enumerate(taps):
        chosen = shifted(padded, tap, count, stride) == largest
        chosen &= waiting
        waiting ^= chosen
        yield tap, chosen if last is None else chosen | (last == number)


def _crop(padded: Array, padding: Padding) -> Array:
    """Take the padding off (batch, height, width, channels)."""
    (top, bottom), (left, right) = padding
    return pad_pixels(padded, ((-top, -bottom), (-left, -right)))
