"""Kernels of pooling: any windows, and in fewer steps those of 2 x 2 pixels side by side."""

import math

import numpy as np

from tinytorch.spatial import ops
from tinytorch.spatial.kernels._numba._tile import NO_PADDING, served
from tinytorch.spatial.ops._layout import channels_first, channels_last, window_count
from tinytorch.tensor.kernels import kernel, njit, parallel, room, threads_for, writable
from tinytorch.tensor.kernels.tile import COMPILED, INNER, LANES

RUN = 64
"""So many numbers may be added one after the other in float32."""


@njit(**INNER)
def larger(a, b):
    """The larger of two numbers, a NaN if one is."""
    return a if (a > b) | np.isnan(a) else b


@njit(**INNER)
def pool_line(above, below, out, channels):
    """Write the largest of each 2 x 2 window between two rows of pixels."""
    for k in range(len(out) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            top = larger(above[left + c], above[right + c])
            out[place + c] = larger(top, larger(below[left + c], below[right + c]))


@parallel(**COMPILED)
def pool(begin, end, x, out):
    """Write the largest of each 2 x 2 window: images (batch, height, width, channels)."""
    rows = out.shape[1]
    for line in range(begin, end):
        n, y = line // rows, line % rows
        above, below = x[n, 2 * y].reshape(-1), x[n, 2 * y + 1].reshape(-1)
        pool_line(above, below, out[n, y].reshape(-1), x.shape[3])


@njit(**INNER)
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


@parallel(**COMPILED)
def unpool(begin, end, g, x, out):
    """Write each gradient at the largest of its 2 x 2 window, zeros elsewhere."""
    rows = g.shape[1]
    for line in range(begin, end):
        n, y = line // rows, line % rows
        unpool_line(
            g[n, y].reshape(-1),
            x[n, 2 * y].reshape(-1),
            x[n, 2 * y + 1].reshape(-1),
            out[n, 2 * y].reshape(-1),
            out[n, 2 * y + 1].reshape(-1),
            x.shape[3],
        )


@parallel(**COMPILED)
def pool_windows(begin, end, x, out, kernel_size, stride, corner):
    """Write the largest of each window that begins `corner` above and left of the image."""
    _, height, width, channels = x.shape
    rows, columns = out.shape[1:3]
    flat, flat_out = x.reshape(-1), out.reshape(-1)
    for line in range(begin, end):
        n, top = line // rows, line % rows * stride[0] - corner[0]
        for column in range(columns):
            to, left = (
                np.uint64((line * columns + column) * channels),
                column * stride[1] - corner[1],
            )
            for c in range(np.uint64(channels)):
                flat_out[to + c] = -np.inf
            for y in range(max(top, 0), min(top + kernel_size[0], height)):
                for place in range(max(left, 0), min(left + kernel_size[1], width)):
                    source = np.uint64(((n * height + y) * width + place) * channels)
                    for c in range(np.uint64(channels)):
                        flat_out[to + c] = larger(flat_out[to + c], flat[source + c])


@parallel(**COMPILED)
def unpool_windows(begin, end, g, x, z, out, kernel_size, stride, corner, parts):
    """Add each gradient to the largest of its window: the first of equal ones, or the last NaN.

    Windows that overlap write to the same pixels, so a thread takes whole images, or a part of
    their channels.
    """
    _, height, width, channels = x.shape
    rows, columns = g.shape[1:3]
    none, share = np.float32(0), -(-channels // parts)
    flat, flat_g, flat_z, flat_out = x.reshape(-1), g.reshape(-1), z.reshape(-1), out.reshape(-1)
    for task in range(begin, end):
        n, channel = task // parts, task % parts * share
        count = np.uint64(max(0, min(share, channels - channel)))
        waiting = np.empty(share, np.float32)
        for pixel in range(height * width):
            to = np.uint64((n * height * width + pixel) * channels + channel)
            for c in range(count):
                flat_out[to + c] = none
        for window in range(rows * columns):
            top = window // columns * stride[0] - corner[0]
            left = window % columns * stride[1] - corner[1]
            arrived = np.uint64((n * rows * columns + window) * channels + channel)
            lost = False
            for c in range(count):
                waiting[c] = flat_g[arrived + c]
                lost |= np.isnan(flat_z[arrived + c])
            for y in range(max(top, 0), min(top + kernel_size[0], height)):
                for place in range(max(left, 0), min(left + kernel_size[1], width)):
                    to = np.uint64(((n * height + y) * width + place) * channels + channel)
                    for c in range(count):
                        chosen = flat[to + c] == flat_z[arrived + c]
                        flat_out[to + c] += waiting[c] if chosen else none
                        waiting[c] = none if chosen else waiting[c]
            if lost:
                for c in range(count):
                    last = to
                    for y in range(max(top, 0), min(top + kernel_size[0], height)):
                        for place in range(max(left, 0), min(left + kernel_size[1], width)):
                            to = np.uint64(((n * height + y) * width + place) * channels + channel)
                            last = to if np.isnan(flat[to + c]) else last
                    if np.isnan(flat_z[arrived + c]):
                        flat_out[last + c] += flat_g[arrived + c]


@parallel(**COMPILED)
def average_windows(begin, end, x, out, kernel_size, stride, corner):
    """Write the average of each window, as `pool_windows` does the largest; padding is 0."""
    _, height, width, channels = x.shape
    rows, columns = out.shape[1:3]
    size = np.float32(kernel_size[0] * kernel_size[1])
    flat, flat_out = x.reshape(-1), out.reshape(-1)
    for line in range(begin, end):
        n, top = line // rows, line % rows * stride[0] - corner[0]
        for column in range(columns):
            to, left = (
                np.uint64((line * columns + column) * channels),
                column * stride[1] - corner[1],
            )
            for c in range(np.uint64(channels)):
                flat_out[to + c] = 0
            for y in range(max(top, 0), min(top + kernel_size[0], height)):
                for place in range(max(left, 0), min(left + kernel_size[1], width)):
                    source = np.uint64(((n * height + y) * width + place) * channels)
                    for c in range(np.uint64(channels)):
                        flat_out[to + c] += flat[source + c]
            for c in range(np.uint64(channels)):
                flat_out[to + c] /= size


@parallel(**COMPILED)
def spread_averages(begin, end, g, out, kernel_size, stride, corner):
    """Add the share of each window's gradient to its pixels, row of pixels by row."""
    _, height, width, channels = out.shape
    rows, columns = g.shape[1:3]
    share = np.float32(1 / (kernel_size[0] * kernel_size[1]))
    flat_g, flat_out = g.reshape(-1), out.reshape(-1)
    for line in range(begin, end):
        n, y = line // height, line % height + corner[0]
        pixels = np.uint64(line * width * channels)
        for c in range(np.uint64(width * channels)):
            flat_out[pixels + c] = 0
        for row in range(
            max(0, -((kernel_size[0] - 1 - y) // stride[0])), min(rows, y // stride[0] + 1)
        ):
            for column in range(columns):
                arrived = np.uint64(((n * rows + row) * columns + column) * channels)
                left = column * stride[1] - corner[1]
                for place in range(max(left, 0), min(left + kernel_size[1], width)):
                    to = pixels + np.uint64(place * channels)
                    for c in range(np.uint64(channels)):
                        flat_out[to + c] += flat_g[arrived + c] * share


def halves(x, window, stride=None, padding=NO_PADDING):
    """Whether windows of 2 x 2 pixels cover the images exactly."""
    even = x.shape[2] % 2 == x.shape[3] % 2 == 0
    return window == (2, 2) == (stride or window) and padding == NO_PADDING and even


@kernel(ops.max_pool2d)
def max_pool2d(x, *, kernel_size, stride, padding=NO_PADDING):
    """Take the largest of each window: float32."""
    if not served(x):
        return NotImplemented
    images = writable(channels_last(x))
    if halves(x, kernel_size, stride, padding):
        out = room((len(x), x.shape[2] // 2, x.shape[3] // 2, x.shape[1]), np.float32)
        pool(len(out) * out.shape[1], x.size, images, out)
    else:
        out = room(pooled(x, kernel_size, stride, padding), np.float32)
        settings = kernel_size, stride, (padding[0][0], padding[1][0])
        pool_windows(len(out) * out.shape[1], x.size, images, out, *settings)
    return channels_first(out)


@kernel(ops.max_pool2d_gradient)
def max_pool2d_gradient(g, x, z, *, kernel_size, stride, padding=NO_PADDING):
    """Send gradients back to the largest of each window: float32."""
    if not served(g, x, z):
        return NotImplemented
    images, arrived = writable(channels_last(x)), writable(channels_last(g))
    out = room(images.shape, np.float32)
    if halves(x, kernel_size, stride, padding):
        unpool(len(x) * arrived.shape[1], x.size, arrived, images, out)
    else:
        parts = max(1, min(-(-threads_for(x.size) // len(x)), x.shape[1] // LANES))
        settings = kernel_size, stride, (padding[0][0], padding[1][0]), parts
        largest = writable(channels_last(z))
        unpool_windows(len(x) * parts, x.size, arrived, images, largest, out, *settings)
    return channels_first(out)


@kernel(ops.avg_pool2d)
def avg_pool2d(x, *, kernel_size, stride, padding=NO_PADDING):
    """Take the average of each window: float32, a vector of channels, no large windows."""
    if not served(x) or x.shape[1] < LANES or math.prod(kernel_size) > RUN:
        return NotImplemented
    out = room(pooled(x, kernel_size, stride, padding), np.float32)
    settings = kernel_size, stride, (padding[0][0], padding[1][0])
    images = writable(channels_last(x))
    average_windows(len(out) * out.shape[1], x.size, images, out, *settings)
    return channels_first(out)


@kernel(ops.avg_pool2d_gradient)
def avg_pool2d_gradient(g, *, size, kernel_size, stride, padding=NO_PADDING):
    """Spread gradients over their windows: float32, a vector of channels, no large windows."""
    if not served(g) or g.shape[1] < LANES or math.prod(kernel_size) > RUN:
        return NotImplemented
    out = room((len(g), *size, g.shape[1]), np.float32)
    settings = kernel_size, stride, (padding[0][0], padding[1][0])
    lines = len(out) * out.shape[1]
    spread_averages(lines, out.size, writable(channels_last(g)), out, *settings)
    return channels_first(out)


def pooled(x, *settings):
    """The shape of the windows: (batch, rows, columns, channels)."""
    counts = (
        window_count(size, kernel, stride, padding, 1)
        for size, kernel, stride, padding in zip(x.shape[2:], *settings, strict=True)
    )
    return len(x), *counts, x.shape[1]
