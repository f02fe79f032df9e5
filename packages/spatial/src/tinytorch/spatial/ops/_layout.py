"""Channels last in memory, whatever users see.

Users see (batch, channels, height, width), memory holds (batch, height, width, channels).
With the channels last, the channels under one pixel of a window lie together, and a convolution is
matrix products without layout copies. Results are transposed views, so the next operation finds its
input laid out already.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinytorch.tensor.types import Array

Pair = tuple[int, int]
"""A number for each axis: (height, width), (down, right)."""
Padding = tuple[Pair, Pair]
"""((top, bottom), (left, right)) in pixels."""
NO_PADDING: Padding = ((0, 0), (0, 0))
CACHE_BYTES = 2**20
"""What a core keeps close: work that reads images several times goes by blocks of this size."""


def channels_last(images: Array) -> Array:
    """Return contiguous (batch, height, width, channels): a view where it can be one."""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def channels_first(pixels: Array) -> Array:
    """(batch, height, width, channels) seen as (batch, channels, height, width), never a copy."""
    return pixels.transpose(0, 3, 1, 2)


def pad_pixels(pixels: Array, padding: Padding, value: float = 0.0) -> Array:
    """Put `value` around (batch, height, width, channels); negative padding crops."""
    (top, bottom), (left, right) = padding
    if top == bottom == left == right == 0:
        return pixels
    batch, height, width, channels = pixels.shape
    if min(top, bottom, left, right) < 0:
        rows = slice(max(-top, 0), height - max(-bottom, 0))
        columns = slice(max(-left, 0), width - max(-right, 0))
        inner = ((max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0)))
        return pad_pixels(pixels[:, rows, columns], inner, value)
    padded = np.full(
        (batch, height + top + bottom, width + left + right, channels), value, pixels.dtype
    )
    padded[:, top : top + height, left : left + width] = pixels
    return padded


def window_count(size: int, kernel: int, stride: int, padding: Pair, dilation: int) -> int:
    """How many windows fit along one axis (0 or less if none fits)."""
    return (size + sum(padding) - dilation * (kernel - 1) - 1) // stride + 1


def reach(kernel_size: Pair, dilation: Pair) -> Pair:
    """How many pixels a window covers from its first to its last, (down, across)."""
    down, across = (d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True))
    return down, across


def windows(padded: Array, kernel_size: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Array:
    """All windows over (batch, height, width, channels), as a read-only view without a copy.

    They are (batch, rows, columns, kernel height, kernel width, channels).
    """
    view = sliding_window_view(padded, reach(kernel_size, dilation), axis=(1, 2))
    view = view[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return view.transpose(0, 1, 2, 4, 5, 3)


def shifted(padded: Array, tap: Pair, count: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Array:
    """The pixels that lie under one tap (row, column) of the kernel in every window.

    They are (batch, rows, columns, channels), a view; writing to it writes to `padded`.
    """
    top, left = tap[0] * dilation[0], tap[1] * dilation[1]
    bottom = top + stride[0] * (count[0] - 1) + 1
    right = left + stride[1] * (count[1] - 1) + 1
    return padded[:, top : bottom : stride[0], left : right : stride[1]]


def blocks(batch: int, bytes_per_image: int, limit: int = CACHE_BYTES) -> Iterator[slice]:
    """Cut a batch into runs of images that stay under `limit` bytes (one image at least)."""
    step = max(1, limit // max(1, bytes_per_image))
    return (slice(first, min(first + step, batch)) for first in range(0, batch, step))


def precise(*arrays: Array | None) -> np.dtype[Any]:
    """The data type to compute in: half precision has too few digits to add up in."""
    return np.result_type(np.float32, *[a.dtype for a in arrays if a is not None])
