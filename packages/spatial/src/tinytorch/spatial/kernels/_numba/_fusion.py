"""Kernels of normalization, ReLU and pooling as one op: nothing between them reaches memory."""

import numpy as np

from tinytorch.spatial import ops
from tinytorch.spatial.kernels._numba._normalization import (
    RUN,
    as_images,
    as_rows,
    mean_and_root,
    per_channel,
    per_column,
    shared,
    sums_for,
    way_back,
)
from tinytorch.spatial.kernels._numba._pooling import halves, larger
from tinytorch.spatial.kernels._numba._tile import pour, served
from tinytorch.spatial.ops._layout import channels_first, channels_last
from tinytorch.tensor.kernels import kernel, njit, parallel, room
from tinytorch.tensor.kernels.tile import COMPILED, INNER


@njit(**INNER)
def activate_pool_line(above, below, scale, shift, out, channels):
    """Write the largest of 0 and each 2 x 2 window of scaled and shifted pixels."""
    none = np.float32(0)
    for k in range(len(out) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            s, t = scale[c], shift[c]
            top = larger(above[left + c] * s + t, above[right + c] * s + t)
            low = larger(below[left + c] * s + t, below[right + c] * s + t)
            out[place + c] = larger(larger(top, low), none)


@parallel(**COMPILED)
def activate_pool(begin, end, x, scale, shift, out):
    """Scale, shift, cut off below 0 and pool: images (batch, height, width, channels)."""
    rows = out.shape[1]
    for line in range(begin, end):
        n, y = line // rows, line % rows
        above, below = x[n, 2 * y].reshape(-1), x[n, 2 * y + 1].reshape(-1)
        activate_pool_line(above, below, scale, shift, out[n, y].reshape(-1), x.shape[3])


@njit(**INNER)
def pooled_sums_line(g, above, below, scale, shift, middle, plain, product):
    """Add up the gradients that pass, and each times the pixel it goes to less `middle`."""
    none, channels = np.float32(0), len(scale)
    for k in range(len(g) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            s, t = scale[c], shift[c]
            x0, x1, x2, x3 = above[left + c], above[right + c], below[left + c], below[right + c]
            v0, v1, v2, v3 = x0 * s + t, x1 * s + t, x2 * s + t, x3 * s + t
            z = larger(larger(v0, v1), larger(v2, v3))
            arrived = none if z <= none else g[place + c]
            chosen = x0 if v0 == z else (x1 if v1 == z else (x2 if v2 == z else x3))
            plain[c] += arrived
            product[c] += arrived * (chosen - middle[c])


@parallel(**COMPILED)
def pooled_sums(begin, end, g, x, scale, shift, middle, sums):
    """Add up what `sum_products` does after the way back through pooling and ReLU."""
    threads, rows, channels = len(sums), g.shape[1], len(scale)
    lines, step = len(g) * rows, RUN * channels
    for thread in range(begin, end):
        plain, product = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
        sums[thread] = 0
        added = 0
        for line in range(thread * lines // threads, (thread + 1) * lines // threads):
            n, y = line // rows, line % rows
            above, below = x[n, 2 * y].reshape(-1), x[n, 2 * y + 1].reshape(-1)
            arrived = g[n, y].reshape(-1)
            for first in range(0, len(arrived), step):
                part = arrived[first : first + step]
                high, low = above[2 * first :], below[2 * first :]
                pooled_sums_line(part, high, low, scale, shift, middle, plain, product)
                added += len(part)
                if added >= step:
                    pour(plain, sums[thread, 0])
                    pour(product, sums[thread, 1])
                    added = 0
        pour(plain, sums[thread, 0])
        pour(product, sums[thread, 1])


@njit(**INNER)
def pooled_gradient_line(g, above, below, scale, shift, slope, offset, high, low):
    """Write what `combine_rows` does, with g at the largest of each window."""
    none, channels = np.float32(0), len(scale)
    for k in range(len(g) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            s, t, u, v = scale[c], shift[c], slope[c], offset[c]
            x0, x1, x2, x3 = above[left + c], above[right + c], below[left + c], below[right + c]
            v0, v1, v2, v3 = x0 * s + t, x1 * s + t, x2 * s + t, x3 * s + t
            z = larger(larger(v0, v1), larger(v2, v3))
            arrived = none if z <= none else g[place + c]
            chosen = 0 if v0 == z else (1 if v1 == z else (2 if v2 == z else 3))
            high[left + c] = ((arrived if chosen == 0 else none) - x0 * u - v) * s
            high[right + c] = ((arrived if chosen == 1 else none) - x1 * u - v) * s
            low[left + c] = ((arrived if chosen == 2 else none) - x2 * u - v) * s
            low[right + c] = ((arrived if chosen == 3 else none) - x3 * u - v) * s


@parallel(**COMPILED)
def pooled_gradient(begin, end, g, x, scale, shift, slope, offset, out):
    """Write what `combine_rows` does after the way back through pooling and ReLU."""
    rows = g.shape[1]
    for line in range(begin, end):
        n, y = line // rows, line % rows
        pooled_gradient_line(
            g[n, y].reshape(-1),
            x[n, 2 * y].reshape(-1),
            x[n, 2 * y + 1].reshape(-1),
            scale,
            shift,
            slope,
            offset,
            out[n, 2 * y].reshape(-1),
            out[n, 2 * y + 1].reshape(-1),
        )


@parallel(**COMPILED)
def activate(begin, end, a, scale, shift, out):
    """Scale, shift and cut off below 0, row by row."""
    none = np.float32(0)
    for r in range(begin, end):
        for c in range(a.shape[1]):
            out[r, c] = larger(a[r, c] * scale[c] + shift[c], none)


@parallel(**COMPILED)
def active_sums(begin, end, g, a, scale, shift, middle, sums):
    """Add up what `sum_products` does after the way back through ReLU."""
    count, columns = a.shape
    threads, none = len(sums), np.float32(0)
    for thread in range(begin, end):
        plain, product = np.zeros(columns, np.float32), np.zeros(columns, np.float32)
        sums[thread] = 0
        end = (thread + 1) * count // threads
        for first in range(thread * count // threads, end, RUN):
            for r in range(first, min(first + RUN, end)):
                for c in range(columns):
                    arrived = none if a[r, c] * scale[c] + shift[c] <= none else g[r, c]
                    plain[c] += arrived
                    product[c] += arrived * (a[r, c] - middle[c])
            pour(plain, sums[thread, 0])
            pour(product, sums[thread, 1])


@parallel(**COMPILED)
def active_gradient(begin, end, g, a, scale, shift, slope, offset, out):
    """Write what `combine_rows` does after the way back through ReLU."""
    none = np.float32(0)
    for r in range(begin, end):
        for c in range(a.shape[1]):
            arrived = none if a[r, c] * scale[c] + shift[c] <= none else g[r, c]
            out[r, c] = (arrived - a[r, c] * slope[c] - offset[c]) * scale[c]


def prepared(window, x, w, b, epsilon, statistics, *others):
    """The statistics, and what normalization multiplies by and adds: mean, r, scale, shift.

    None if the kernels do not serve: all must be float32, the windows of 1 x 1 or cover the images
    by 2 x 2, and the factors finite, as a NaN is chosen by rules of its own.
    """
    if not (served(x, w, b, *others) and (window == (1, 1) or halves(x, window))):
        return None
    mean, r = mean_and_root(x, epsilon, statistics)
    scale = r * w
    shift = b - mean * scale
    return (mean, r, scale, shift) if np.isfinite(scale + shift).all() else None


@kernel(ops.norm_relu_pool)
def norm_relu_pool(x, w, b, *, window, epsilon=1e-5, statistics=None):
    """Normalize, cut off and pool in one pass: float32, windows of 1 x 1 or 2 x 2."""
    known = prepared(window, x, w, b, epsilon, statistics)
    if known is None:
        return NotImplemented
    _, _, scale, shift = known
    if window == (1, 1):
        rows = as_rows(x)
        out = room(rows.shape, np.float32)
        activate(len(rows), x.size, rows, per_column(scale, x), per_column(shift, x), out)
        return as_images(out, x)
    out = room((len(x), x.shape[2] // 2, x.shape[3] // 2, x.shape[1]), np.float32)
    lines = len(out) * out.shape[1]
    activate_pool(lines, x.size, channels_last(x), scale, shift, out)
    return channels_first(out)


def arrived_sums(g, x, mean, scale, shift, window, fresh=False):
    """The sums of what arrives at the normalized images, and of it times x - mean."""
    return shared(compute_arrived_sums, g, x, window, mean, scale, shift, fresh=fresh)


def compute_arrived_sums(g, x, window, mean, scale, shift):
    """The sums themselves."""
    if window == (1, 1):
        rows = as_rows(x)
        sums = sums_for(rows, 2, rows.shape[1])
        vectors = [per_column(v, x) for v in (scale, shift, mean)]
        active_sums(len(sums), x.size, as_rows(g), rows, *vectors, sums)
        return per_channel(sums[:, 0], x), per_channel(sums[:, 1], x)
    sums = sums_for(x, 2, x.shape[1])
    images = channels_last(x)
    pooled_sums(len(sums), x.size, channels_last(g), images, scale, shift, mean, sums)
    return sums.sum(axis=0).astype(np.float32)


@kernel(ops.norm_relu_pool_input_gradient)
def norm_relu_pool_input_gradient(g, x, w, b, *, window, epsilon=1e-5, statistics=None):
    """Go back in one pass after the sums: float32, windows of 1 x 1 or 2 x 2."""
    known = prepared(window, x, w, b, epsilon, statistics, g)
    if known is None:
        return NotImplemented
    mean, r, scale, shift = known
    sums = arrived_sums(g, x, mean, scale, shift, window, fresh=True)
    slope, offset, _ = way_back(x, mean, r, scale, *sums)
    vectors = scale, shift, slope, offset
    if window == (1, 1):
        rows = as_rows(x)
        out = room(rows.shape, np.float32)
        columns = [per_column(v, x) for v in vectors]
        active_gradient(len(rows), x.size, as_rows(g), rows, *columns, out)
        return as_images(out, x)
    images = channels_last(x)
    out = room(images.shape, np.float32)
    lines = len(g) * g.shape[2]
    pooled_gradient(lines, x.size, channels_last(g), images, *vectors, out)
    return channels_first(out)


@kernel(ops.norm_relu_pool_sums)
def norm_relu_pool_sums(g, x, w, b, *, window, epsilon=1e-5, statistics=None):
    """Sum in one pass: float32, windows of 1 x 1 or 2 x 2."""
    known = prepared(window, x, w, b, epsilon, statistics, g)
    if known is None:
        return NotImplemented
    mean, r, scale, shift = known
    total, product = arrived_sums(g, x, mean, scale, shift, window)
    return np.stack([product * r, total])
