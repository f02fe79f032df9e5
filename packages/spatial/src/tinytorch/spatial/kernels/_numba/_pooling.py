"""Kernels of max-pooling by windows of 2 x 2 side by side."""

import numpy as np
from numba import prange

from tinytorch.spatial import ops
from tinytorch.spatial.kernels._numba._tile import COMPILED, NO_PADDING, served
from tinytorch.spatial.ops._layout import channels_first, channels_last
from tinytorch.spatial.ops._memory import room
from tinytorch.tensor.kernels import kernel, njit


@njit(**COMPILED)
def larger(a, b):
    """The larger of two numbers, a NaN if one is."""
    return a if (a > b) | np.isnan(a) else b


@njit(**COMPILED)
def pool_line(above, below, out, channels):
    """Write the largest of each 2 x 2 window between two rows of pixels."""
    for k in range(len(out) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            top = larger(above[left + c], above[right + c])
            out[place + c] = larger(top, larger(below[left + c], below[right + c]))


@njit(parallel=True, **COMPILED)
def pool(x, out):
    """Write the largest of each 2 x 2 window: images (batch, height, width, channels)."""
    rows = out.shape[1]
    for line in prange(len(out) * rows):
        n, y = line // rows, line % rows
        above, below = x[n, 2 * y].reshape(-1), x[n, 2 * y + 1].reshape(-1)
        pool_line(above, below, out[n, y].reshape(-1), x.shape[3])


@njit(**COMPILED)
def unpool_line(g, above, below, out_above, out_below, channels):
    """Write each gradient at the largest of its window, zeros at the others.

    That is the first of equal ones, or the last NaN.
    """
    none = np.float32(0)
    for k in range(len(g) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            x0, x1, x2, x3 = above[left + c], above[right + c], below[left + c], below[right + c]
            z = larger(larger(x0, x1), larger(x2, x3))
            arrived = g[place + c]
            chosen = 0 if x0 == z else (1 if x1 == z else (2 if x2 == z else 3))
            if np.isnan(z):
                chosen = 3 if np.isnan(x3) else (2 if np.isnan(x2) else (1 if np.isnan(x1) else 0))
            out_above[left + c] = arrived if chosen == 0 else none
            out_above[right + c] = arrived if chosen == 1 else none
            out_below[left + c] = arrived if chosen == 2 else none
            out_below[right + c] = arrived if chosen == 3 else none


@njit(parallel=True, **COMPILED)
def unpool(g, x, out):
    """Write each gradient at the largest of its 2 x 2 window, zeros elsewhere."""
    rows = g.shape[1]
    for line in prange(len(g) * rows):
        n, y = line // rows, line % rows
        unpool_line(
            g[n, y].reshape(-1),
            x[n, 2 * y].reshape(-1),
            x[n, 2 * y + 1].reshape(-1),
            out[n, 2 * y].reshape(-1),
            out[n, 2 * y + 1].reshape(-1),
            x.shape[3],
        )


def halves(x, window, stride=None, padding=NO_PADDING):
    """Whether windows of 2 x 2 pixels cover the images exactly."""
    even = x.shape[2] % 2 == x.shape[3] % 2 == 0
    return window == (2, 2) == (stride or window) and padding == NO_PADDING and even


@kernel(ops.max_pool2d)
def max_pool2d(x, *, kernel_size, stride, padding=NO_PADDING):
    """Halve images: float32, 2 x 2 windows side by side."""
    if not served(x) or not halves(x, kernel_size, stride, padding):
        return NotImplemented
    out = room((len(x), x.shape[2] // 2, x.shape[3] // 2, x.shape[1]), np.float32)
    pool(channels_last(x), out)
    return channels_first(out)


@kernel(ops.max_pool2d_gradient)
def max_pool2d_gradient(g, x, z, *, kernel_size, stride, padding=NO_PADDING):
    """Send gradients back to images twice as large: float32, 2 x 2 windows side by side."""
    if not served(g, x, z) or not halves(x, kernel_size, stride, padding):
        return NotImplemented
    images = channels_last(x)
    out = room(images.shape, np.float32)
    unpool(channels_last(g), images, out)
    return channels_first(out)
