"""Kernels of normalization, ReLU and pooling as one op: nothing between them reaches memory."""

import numpy as np
from numba import prange

from tinytorch.spatial import ops
from tinytorch.spatial._layout import channels_first, channels_last
from tinytorch.spatial._memory import room
from tinytorch.spatial.kernels._numba._normalization import (
    as_images,
    as_rows,
    mean_and_root,
    once,
    per_channel,
    per_column,
    sums_for,
    way_back,
)
from tinytorch.spatial.kernels._numba._pooling import halves
from tinytorch.spatial.kernels._numba._tile import COMPILED, served
from tinytorch.tensor.kernels import kernel, njit


@njit(**COMPILED)
def activate_pool_line(above, below, scale, shift, out, channels):
    """Write the largest of 0 and each 2 x 2 window of scaled and shifted pixels."""
    none = np.float32(0)
    for k in range(len(out) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            s, t = scale[c], shift[c]
            top = max(above[left + c] * s + t, above[right + c] * s + t)
            low = max(below[left + c] * s + t, below[right + c] * s + t)
            largest = max(top, low)
            out[place + c] = max(largest, none)


@njit(parallel=True, **COMPILED)
def activate_pool(x, scale, shift, out):
    """Scale, shift, cut off below 0 and pool: images (batch, height, width, channels)."""
    rows = out.shape[1]
    for line in prange(len(out) * rows):
        n, y = line // rows, line % rows
        above, below = x[n, 2 * y].reshape(-1), x[n, 2 * y + 1].reshape(-1)
        activate_pool_line(above, below, scale, shift, out[n, y].reshape(-1), x.shape[3])


@njit(**COMPILED)
def pooled_sums_line(g, above, below, scale, shift, middle, plain, product):
    """Add up the gradients that pass, and each times the pixel it goes to less `middle`."""
    none, channels = np.float32(0), len(scale)
    for k in range(len(g) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            s, t = scale[c], shift[c]
            x0, x1, x2, x3 = above[left + c], above[right + c], below[left + c], below[right + c]
            v0, v1, v2, v3 = x0 * s + t, x1 * s + t, x2 * s + t, x3 * s + t
            z = max(v0, v1, v2, v3)
            arrived = g[place + c] if z > none else none
            chosen = x0 if v0 == z else (x1 if v1 == z else (x2 if v2 == z else x3))
            plain[c] += arrived
            product[c] += arrived * (chosen - middle[c])


@njit(parallel=True, **COMPILED)
def pooled_sums(g, x, scale, shift, middle, sums):
    """Add up what `sum_products` does after the way back through pooling and ReLU."""
    threads, batch = len(sums), len(g)
    for thread in prange(threads):
        total = np.zeros((2, len(scale)), np.float32)
        for n in range(thread * batch // threads, (thread + 1) * batch // threads):
            for y in range(g.shape[1]):
                above, below = x[n, 2 * y].reshape(-1), x[n, 2 * y + 1].reshape(-1)
                arrived = g[n, y].reshape(-1)
                pooled_sums_line(arrived, above, below, scale, shift, middle, total[0], total[1])
        sums[thread] = total


@njit(**COMPILED)
def pooled_gradient_line(g, above, below, scale, shift, of_g, of_x, constant, high, low):
    """Write x * of_x + constant, and add g * of_g at the first largest of each window."""
    none, channels = np.float32(0), len(scale)
    for k in range(len(g) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            s, t = scale[c], shift[c]
            x0, x1, x2, x3 = above[left + c], above[right + c], below[left + c], below[right + c]
            v0, v1, v2, v3 = x0 * s + t, x1 * s + t, x2 * s + t, x3 * s + t
            z = max(v0, v1, v2, v3)
            arrived = g[place + c] * of_g[c] if z > none else none
            first, second, third = v0 == z, v1 == z, v2 == z
            slope, rest = of_x[c], constant[c]
            high[left + c] = x0 * slope + rest + (arrived if first else none)
            high[right + c] = x1 * slope + rest + (arrived if second and not first else none)
            lone = third and not second and not first
            low[left + c] = x2 * slope + rest + (arrived if lone else none)
            low[right + c] = x3 * slope + rest + (none if third or second or first else arrived)


@njit(parallel=True, **COMPILED)
def pooled_gradient(g, x, scale, shift, of_g, of_x, constant, out):
    """Write what `combine_rows` does after the way back through pooling and ReLU."""
    rows = g.shape[1]
    for line in prange(len(g) * rows):
        n, y = line // rows, line % rows
        pooled_gradient_line(
            g[n, y].reshape(-1),
            x[n, 2 * y].reshape(-1),
            x[n, 2 * y + 1].reshape(-1),
            scale,
            shift,
            of_g,
            of_x,
            constant,
            out[n, 2 * y].reshape(-1),
            out[n, 2 * y + 1].reshape(-1),
        )


@njit(parallel=True, **COMPILED)
def activate(a, scale, shift, out):
    """Scale, shift and cut off below 0, row by row."""
    none = np.float32(0)
    for r in prange(len(a)):
        for c in range(a.shape[1]):
            value = a[r, c] * scale[c] + shift[c]
            out[r, c] = max(value, none)


@njit(parallel=True, **COMPILED)
def active_sums(g, a, scale, shift, middle, sums):
    """Add up what `sum_products` does after the way back through ReLU."""
    count, columns = a.shape
    threads, none = len(sums), np.float32(0)
    for thread in prange(threads):
        plain, product = sums[thread, 0], sums[thread, 1]
        plain[:] = 0
        product[:] = 0
        for r in range(thread * count // threads, (thread + 1) * count // threads):
            for c in range(columns):
                arrived = g[r, c] if a[r, c] * scale[c] + shift[c] > none else none
                plain[c] += arrived
                product[c] += arrived * (a[r, c] - middle[c])


@njit(parallel=True, **COMPILED)
def active_gradient(g, a, scale, shift, of_g, of_a, constant, out):
    """Write what `combine_rows` does after the way back through ReLU."""
    none = np.float32(0)
    for r in prange(len(a)):
        for c in range(a.shape[1]):
            arrived = g[r, c] if a[r, c] * scale[c] + shift[c] > none else none
            out[r, c] = arrived * of_g[c] + a[r, c] * of_a[c] + constant[c]


def suits(window, x, *others):
    """Whether all is float32, and the windows are of 1 x 1 or cover the images by 2 x 2."""
    return served(x, *others) and (window == (1, 1) or halves(x, window))


def scale_and_shift(x, w, b, epsilon, statistics):
    """What normalization multiplies by and adds, and the statistics: mean, r, scale, shift."""
    mean, r = mean_and_root(x, epsilon, statistics)
    return mean, r, r * w, b - mean * r * w


@kernel(ops.norm_relu_pool)
def norm_relu_pool(x, w, b, *, window, epsilon=1e-5, statistics=None):
    """Normalize, cut off and pool in one pass: float32, windows of 1 x 1 or 2 x 2."""
    if not suits(window, x, w, b):
        return NotImplemented
    _, _, scale, shift = scale_and_shift(x, w, b, epsilon, statistics)
    if window == (1, 1):
        rows = as_rows(x)
        out = room(rows.shape, np.float32)
        activate(rows, per_column(scale, x), per_column(shift, x), out)
        return as_images(out, x)
    out = room((len(x), x.shape[2] // 2, x.shape[3] // 2, x.shape[1]), np.float32)
    activate_pool(channels_last(x), scale, shift, out)
    return channels_first(out)


def arrived_sums(g, x, mean, scale, shift, window):
    """The sums of what arrives at the normalized images, and of it times x - mean."""
    return once(compute_arrived_sums, g, x, window, mean, scale, shift)


def compute_arrived_sums(g, x, window, mean, scale, shift):
    """The sums themselves."""
    if window == (1, 1):
        rows = as_rows(x)
        sums = sums_for(2, rows.shape[1])
        vectors = [per_column(v, x) for v in (scale, shift, mean)]
        active_sums(as_rows(g), rows, *vectors, sums)
        return per_channel(sums[:, 0], x), per_channel(sums[:, 1], x)
    sums = sums_for(2, x.shape[1])
    pooled_sums(channels_last(g), channels_last(x), scale, shift, mean, sums)
    return sums.sum(axis=0)


@kernel(ops.norm_relu_pool_input_gradient)
def norm_relu_pool_input_gradient(g, x, w, b, *, window, epsilon=1e-5, statistics=None):
    """Go back in one pass after the sums: float32, windows of 1 x 1 or 2 x 2."""
    if not suits(window, x, w, b, g):
        return NotImplemented
    mean, r, scale, shift = scale_and_shift(x, w, b, epsilon, statistics)
    sums = arrived_sums(g, x, mean, scale, shift, window)
    vectors = scale, shift, *way_back(x, mean, r, scale, *sums)
    if window == (1, 1):
        rows = as_rows(x)
        out = room(rows.shape, np.float32)
        active_gradient(as_rows(g), rows, *[per_column(v, x) for v in vectors], out)
        return as_images(out, x)
    images = channels_last(x)
    out = room(images.shape, np.float32)
    pooled_gradient(channels_last(g), images, *vectors, out)
    return channels_first(out)


@kernel(ops.norm_relu_pool_sums)
def norm_relu_pool_sums(g, x, w, b, *, window, epsilon=1e-5, statistics=None):
    """Sum in one pass: float32, windows of 1 x 1 or 2 x 2."""
    if not suits(window, x, w, b, g):
        return NotImplemented
    mean, r, scale, shift = scale_and_shift(x, w, b, epsilon, statistics)
    total, product = arrived_sums(g, x, mean, scale, shift, window)
    return np.stack([product * r, total])
