"""Kernels that go row by row: a row is read several times while it is in cache."""

import math

import numpy as np

from tinytorch.tensor import ops
from tinytorch.tensor.kernels import kernel, njit, parallel, room, threads_for
from tinytorch.tensor.kernels._numba._exponentials import exponential

LONG = 1 << 16
"""Rows longer than this lose digits in sixteen running totals, in the lanes of a vector."""
MANY = 1 << 16
"""So many elements are worth waking threads for an addition each."""
RUN = 32
"""Rows that are added in float32; the sums of more are added in float64."""
FEW = 1 << 14
"""With fewer elements NumPy's passes take no longer than waking threads."""
ADDING = {"error_model": "numpy", "fastmath": {"reassoc", "contract"}}
f = np.float32


@kernel(ops.sum, least=MANY)
def total(x, *, axis=None, keepdims=False):
    """Add up many rows of float32, all along the first axes; each thread takes some of them."""
    axes = (axis,) if type(axis) is int else axis
    if x.dtype != f or type(axes) is not tuple or not x.flags.c_contiguous:
        return NotImplemented
    kept = x.shape[len(axes) :]
    columns = math.prod(kept)
    if axes != tuple(range(len(axes))) or not 1 < columns <= FEW:
        return NotImplemented
    sums = np.zeros((threads_for(x.size), columns))
    add_rows(len(sums), x.size, x.reshape(-1, columns), sums)
    out = sums.sum(axis=0).astype(f)
    return out.reshape((1,) * len(axes) * keepdims + kept)


@kernel(ops.normalize)
def normalize(x, *, last, eps):
    """Read each row three times while it is in cache, in place of eight passes over memory."""
    return by_row(normalize_rows, (x,), last, x.dtype.type(eps))


@kernel(ops.normalize_gradient)
def normalize_gradient(g, x, *, last, eps):
    """Read each pair of rows three times while it is in cache."""
    return by_row(normalize_gradient_rows, (g, x), last, x.dtype.type(eps))


@kernel(ops.softmax)
def softmax(x, *, axis):
    """Read each row three times while it is in cache."""
    return along(softmax_rows, (x,), axis)


@kernel(ops.softmax_gradient)
def softmax_gradient(g, z, *, axis):
    """Read each pair of rows twice while it is in cache."""
    return along(softmax_gradient_rows, (g, z), axis)


@kernel(ops.log_softmax)
def log_softmax(x, *, axis):
    """Read each row three times while it is in cache."""
    return along(log_softmax_rows, (x,), axis)


@kernel(ops.log_softmax_gradient)
def log_softmax_gradient(g, z, *, axis):
    """Read each pair of rows twice while it is in cache."""
    return along(log_softmax_gradient_rows, (g, z), axis)


def along(fill, arrays, axis):
    """The result of a loop over rows along one axis, which must lie side by side; float32."""
    *_, x = arrays
    if not all(type(a) is np.ndarray for a in arrays) or x.dtype.char != "f":
        return NotImplemented
    if x.size < FEW or not (type(axis) is int and -x.ndim <= axis < x.ndim):
        return NotImplemented
    moved = by_row(fill, [np.moveaxis(a, axis, -1) for a in arrays], 1)
    return moved if moved is NotImplemented else np.moveaxis(moved, -1, axis)


def by_row(fill, arrays, last, *settings):
    """The result of a loop over rows, the last axes joined, of arrays of one shape and type."""
    *_, x = arrays
    for a in arrays:
        if type(a) is not np.ndarray or a.shape != x.shape or a.dtype != x.dtype:
            return NotImplemented
        if not a.flags.c_contiguous:
            return NotImplemented
    if x.dtype.char not in "fd" or not x.size or x.ndim < last:
        return NotImplemented
    length = math.prod(x.shape[x.ndim - last :])
    if length > LONG:
        return NotImplemented
    out = room(x.shape, x.dtype)
    rows = [a.reshape(-1, length) for a in arrays]
    fill(x.size // length, x.size, *rows, *settings, out.reshape(-1, length))
    return out


@parallel(error_model="numpy")
def add_rows(begin, end, rows, sums):
    """sums[part] += rows, of which each part takes as many as others."""
    for part in range(begin, end):
        first, last = part * len(rows) // len(sums), (part + 1) * len(rows) // len(sums)
        run, total = np.empty(rows.shape[1], rows.dtype), sums[part]
        for top in range(first, last, RUN):
            for c in range(np.uint64(len(run))):
                run[c] = rows[top, c]
            for i in range(top + 1, min(top + RUN, last)):
                for c in range(np.uint64(len(run))):
                    run[c] += rows[i, c]
            for c in range(np.uint64(len(run))):
                total[c] += run[c]


@parallel(**ADDING)
def normalize_rows(begin, end, x, eps, out):
    """out[i] = x[i] shifted and scaled to mean 0 and variance 1."""
    n = x.shape[1]
    for i in range(np.uint64(begin), np.uint64(end)):
        total = x.dtype.type(0)
        for k in range(n):
            total += x[i, k]
        mean, squares = x.dtype.type(total / n), x.dtype.type(0)
        for k in range(n):
            squares += (x[i, k] - mean) * (x[i, k] - mean)
        scale = x.dtype.type(1 / math.sqrt(squares / n + eps))
        for k in range(n):
            out[i, k] = (x[i, k] - mean) * scale


@parallel(**ADDING)
def normalize_gradient_rows(begin, end, g, x, eps, out):
    """out[i] = g[i] taken back through `normalize_rows`."""
    n = x.shape[1]
    for i in range(np.uint64(begin), np.uint64(end)):
        total, arrived = x.dtype.type(0), x.dtype.type(0)
        for k in range(n):
            total += x[i, k]
            arrived += g[i, k]
        mean, average = x.dtype.type(total / n), x.dtype.type(arrived / n)
        squares, product = x.dtype.type(0), x.dtype.type(0)
        for k in range(n):
            squares += (x[i, k] - mean) * (x[i, k] - mean)
            product += g[i, k] * (x[i, k] - mean)
        variance = squares / n + eps
        scale = x.dtype.type(1 / math.sqrt(variance))
        slope = x.dtype.type(product / (n * variance))
        for k in range(n):
            out[i, k] = (g[i, k] - average - (x[i, k] - mean) * slope) * scale


@njit(inline="always", error_model="numpy")
def largest(row, scratch):
    """The largest element, by halves as vectors do; any if one is NaN, which shows in the sum."""
    n = row.size
    half = (n + 1) // 2
    for k in range(half):
        scratch[k] = max(row[k], row[n - half + k])
    while half > 1:
        n, half = half, (half + 1) // 2
        for k in range(half):
            scratch[k] = max(scratch[k], scratch[n - half + k])
    return scratch[0]


@parallel(**ADDING)
def softmax_rows(begin, end, x, out):
    """out[i] = exp(x[i]), scaled to sum to 1."""
    for i in range(np.uint64(begin), np.uint64(end)):
        most, total = largest(x[i], out[i]), f(0)
        for k in range(x.shape[1]):
            power = exponential(x[i, k] - most, f(0))
            out[i, k] = power
            total += power
        scale = f(1) / total
        for k in range(x.shape[1]):
            out[i, k] *= scale


@parallel(**ADDING)
def softmax_gradient_rows(begin, end, g, z, out):
    """out[i] = z[i] * (g[i] - the sum of g[i] * z[i])."""
    for i in range(np.uint64(begin), np.uint64(end)):
        total = f(0)
        for k in range(z.shape[1]):
            total += g[i, k] * z[i, k]
        for k in range(z.shape[1]):
            out[i, k] = z[i, k] * (g[i, k] - total)


@parallel(**ADDING)
def log_softmax_rows(begin, end, x, out):
    """out[i] = x[i] less the logarithm of the sum of exp(x[i])."""
    for i in range(np.uint64(begin), np.uint64(end)):
        most, total = largest(x[i], out[i]), f(0)
        for k in range(x.shape[1]):
            total += exponential(x[i, k] - most, f(0))
        size = f(math.log(total))
        for k in range(x.shape[1]):
            out[i, k] = x[i, k] - most - size


@parallel(**ADDING)
def log_softmax_gradient_rows(begin, end, g, z, out):
    """out[i] = g[i] - exp(z[i]) * the sum of g[i]."""
    for i in range(np.uint64(begin), np.uint64(end)):
        total = f(0)
        for k in range(z.shape[1]):
            total += g[i, k]
        for k in range(z.shape[1]):
            out[i, k] = g[i, k] - exponential(z[i, k], f(0)) * total
