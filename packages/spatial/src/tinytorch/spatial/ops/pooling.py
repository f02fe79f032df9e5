"""Pooling: one number for each window, the largest or the average.

For `max_pool2d` the gradient goes to the first largest element of each window. Where that lies is
fixed as long as no two elements change places, so scattering gradients there and gathering values
from there are linear and each other's derivatives. The same holds for averaging and its gradient.
"""

# ruff: noqa: ARG005 - a row of a derivative gets every operand, whether it needs it or not

from typing import Any

import numpy as np

from tinytorch.autograd import derivative
from tinytorch.spatial._geometry import Padding, Pair, window_count
from tinytorch.spatial._layout import (
    Array,
    blocks,
    channels_first,
    channels_last,
    pad_pixels,
    shifted,
)
from tinytorch.spatial._memory import room
from tinytorch.tensor import op

NO_PADDING: Padding = ((0, 0), (0, 0))


@op
def max_pool2d(
    x: Array, *, kernel_size: Pair, stride: Pair, padding: Padding = NO_PADDING
) -> Array:
    """Give the largest element of each window of each channel.

    Args:
        x: (batch, channels, height, width).
        kernel_size: (height, width) of a window.
        stride: Pixels from one window to the next, (down, right).
        padding: Minus infinity around the image, ((top, bottom), (left, right)).

    Returns:
        (batch, channels, rows, columns), channels last in memory.
    """
    count = counts(x.shape, kernel_size, stride, padding)
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
    """Send each window's gradient to its first largest element.

    Args:
        g: (batch, channels, rows, columns), one number for each window.
        x: (batch, channels, height, width), the images.
        z: (batch, channels, rows, columns), `max_pool2d` of x.
        kernel_size: As in `max_pool2d`, like the following settings.
        stride: Pixels from one window to the next.
        padding: Pixels around the image.

    Returns:
        (batch, channels, height, width), channels last in memory.
    """
    count = g.shape[2], g.shape[3]
    padded = pad_pixels(channels_last(x), padding, -np.inf)
    apart = stride[0] >= kernel_size[0] and stride[1] >= kernel_size[1]
    pixels, largest = channels_last(g), channels_last(z)
    spread = room(padded.shape, g.dtype)
    spread.fill(0)
    for images in blocks(len(x), padded[:1].nbytes):
        part = padded[images], largest[images]
        for tap, first in first_largest(*part, count, kernel_size, stride):
            target = shifted(spread[images], tap, count, stride)
            if apart:
                np.multiply(pixels[images], first, out=target)
            else:
                target += pixels[images] * first
    return channels_first(crop(spread, padding))


@op
def max_pool2d_gather(
    h: Array, x: Array, z: Array, *, kernel_size: Pair, stride: Pair, padding: Padding = NO_PADDING
) -> Array:
    """Read `h` where each window of `x` has its first largest element.

    Args:
        h: (batch, channels, height, width), the values to read.
        x: (batch, channels, height, width), the images.
        z: (batch, channels, rows, columns), `max_pool2d` of x.
        kernel_size: As in `max_pool2d`, like the following settings.
        stride: Pixels from one window to the next.
        padding: Pixels around the image.

    Returns:
        (batch, channels, rows, columns), channels last in memory.
    """
    count = z.shape[2], z.shape[3]
    padded = pad_pixels(channels_last(x), padding, -np.inf)
    values = pad_pixels(channels_last(h), padding)
    largest = channels_last(z)
    out = np.zeros(largest.shape, h.dtype)
    for tap, first in first_largest(padded, largest, count, kernel_size, stride):
        np.copyto(out, shifted(values, tap, count, stride), where=first)
    return channels_first(out)


@op
def avg_pool2d(
    x: Array, *, kernel_size: Pair, stride: Pair, padding: Padding = NO_PADDING
) -> Array:
    """Give the average of each window of each channel; padding counts as zeros.

    Args:
        x: (batch, channels, height, width).
        kernel_size: (height, width) of a window.
        stride: Pixels from one window to the next, (down, right).
        padding: Zeros around the image, ((top, bottom), (left, right)).

    Returns:
        (batch, channels, rows, columns), channels last in memory.
    """
    count = counts(x.shape, kernel_size, stride, padding)
    padded = pad_pixels(channels_last(x), padding)
    total = np.zeros((len(x), *count, x.shape[1]), x.dtype)
    for tap in np.ndindex(*kernel_size):
        total += shifted(padded, tap, count, stride)
    total /= kernel_size[0] * kernel_size[1]
    return channels_first(total)


@op
def avg_pool2d_gradient(
    g: Array, *, size: Pair, kernel_size: Pair, stride: Pair, padding: Padding = NO_PADDING
) -> Array:
    """Spread each window's gradient evenly over its elements.

    Args:
        g: (batch, channels, rows, columns).
        size: (height, width) of the images.
        kernel_size: As in `avg_pool2d`, like the following settings.
        stride: Pixels from one window to the next.
        padding: Pixels around the image.

    Returns:
        (batch, channels, height, width), channels last in memory.
    """
    count = g.shape[2], g.shape[3]
    (top, bottom), (left, right) = padding
    share = channels_last(g) / g.dtype.type(kernel_size[0] * kernel_size[1])
    spread = np.zeros((len(g), size[0] + top + bottom, size[1] + left + right, g.shape[1]), g.dtype)
    for tap in np.ndindex(*kernel_size):
        shifted(spread, tap, count, stride)[...] += share
    return channels_first(crop(spread, padding))


derivative(max_pool2d, lambda g, z, x, **s: max_pool2d_gradient(g, x, z, **s))
derivative(
    max_pool2d_gradient, lambda h, _, g, x, z, **s: max_pool2d_gather(h, x, z, **s), None, None
)
derivative(
    max_pool2d_gather, lambda g, _, h, x, z, **s: max_pool2d_gradient(g, x, z, **s), None, None
)
derivative(avg_pool2d, lambda g, z, x, **s: avg_pool2d_gradient(g, size=x.shape[2:], **s))
derivative(avg_pool2d_gradient, lambda h, z, g, size, **s: avg_pool2d(h, **s))


def counts(shape: tuple[int, ...], kernel_size: Pair, stride: Pair, padding: Padding) -> Pair:
    """How many windows lie below and beside each other."""
    rows = window_count(shape[2], kernel_size[0], stride[0], padding[0], 1)
    columns = window_count(shape[3], kernel_size[1], stride[1], padding[1], 1)
    return rows, columns


def first_largest(
    padded: Array, largest: Array, count: Pair, kernel_size: Pair, stride: Pair
) -> Any:
    """Go through the taps of the windows in reading order and say where the first largest lies.

    Yields:
        The tap, and (batch, rows, columns, channels) booleans; True at one tap of each window
        (at none if the window holds a NaN).
    """
    waiting = np.ones(largest.shape, bool)
    for tap in np.ndindex(*kernel_size):
        first = shifted(padded, tap, count, stride) == largest
        first &= waiting
        waiting ^= first
        yield tap, first


def crop(padded: Array, padding: Padding) -> Array:
    """Take the padding off (batch, height, width, channels)."""
    (top, bottom), (left, right) = padding
    return pad_pixels(padded, ((-top, -bottom), (-left, -right)))
