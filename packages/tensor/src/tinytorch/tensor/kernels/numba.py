"""Kernels in numba for the ops of this layer: those for which a benchmark pays.

Thin products are here for the sake of the others: BLAS would wake its own threads for little work,
and these then stand in the way of numba's.
"""

import math

import numpy as np
from numba import prange

from tinytorch.tensor import ops
from tinytorch.tensor.kernels import kernel, njit

THIN = 32
"""A product is thin if one of its lengths is at most this: memory bounds it, not arithmetic."""
LONG = 1 << 12
"""Sums of more terms than this lose digits in one running total: the references add by parts."""
FEW = 1 << 18
"""With so few multiplications BLAS stays in one thread by itself, and is faster."""
ROWS, COLUMNS = 16, 512
"""The part of a thin product that one thread computes at a time."""
MANY = 1 << 16
"""So many elements are worth waking threads for a comparison each: NumPy takes 12 us for them."""


@kernel(ops.erf)
def erf(x):
    """Call the C library's erf for each element, without a Python number in between."""
    return by_element(fill_erf, x)


@kernel(ops.erfc)
def erfc(x):
    """Call the C library's erfc for each element, without a Python number in between."""
    return by_element(fill_erfc, x)


@kernel(ops.relu)
def relu(x):
    """Cut off on all threads: many numbers that lie side by side, in any order of axes."""
    out = beside(x)
    if out is None:
        return NotImplemented
    fill_relu(x.ravel("K"), out.ravel("K"))
    return out


@kernel(ops.relu_gradient)
def relu_gradient(g, z):
    """Pass on in one pass on all threads: many numbers, g and z in the same order."""
    if not type(g) is type(z) is np.ndarray:
        return NotImplemented
    out = beside(g)
    if out is None or z.dtype != g.dtype or z.shape != g.shape or z.strides != g.strides:
        return NotImplemented
    fill_relu_gradient(g.ravel("K"), z.ravel("K"), out.ravel("K"))
    return out


@kernel(ops.linear)
def linear(x, weight, bias=None):
    """Compute few outputs, each a dot product of two rows."""
    if not (suits(x, weight) and x.flags.c_contiguous and weight.shape[0] <= THIN):
        return NotImplemented
    if x.shape[1] != weight.shape[1] or (bias is not None and bias.shape != weight.shape[:1]):
        return NotImplemented
    out = np.zeros((len(x), len(weight)), x.dtype)
    if bias is not None:
        if bias.dtype != x.dtype:
            return NotImplemented
        out += bias
    add_rows_by_rows(x, weight, out)
    return out


@kernel(ops.matmul)
def matmul(x, y):
    """Compute a thin product of a matrix that may be strided and one with contiguous rows."""
    if not suits(x, y) or x.shape[1] != y.shape[0] or min(x.shape) > THIN or len(y) > LONG:
        return NotImplemented
    out = np.zeros((x.shape[0], y.shape[1]), x.dtype)
    add_product(x, y, out)
    return out


@kernel(ops.normalize)
def normalize(x, *, last, eps):
    """Read each row three times while it is in cache, in place of eight passes over memory."""
    if x.dtype.char not in "fd" or not x.size or not x.flags.c_contiguous or x.ndim < last:
        return NotImplemented
    length = math.prod(x.shape[x.ndim - last :])
    if length > 16 * LONG:  # sixteen running totals, in the lanes of a vector
        return NotImplemented
    out = np.empty(x.shape, x.dtype)
    normalize_rows(x.reshape(-1, length), out.reshape(-1, length), eps)
    return out


def by_element(fill, x):
    """The result of a loop over all elements."""
    if x.dtype.char not in "fd":
        return NotImplemented
    out = np.empty(x.shape, x.dtype)
    fill(np.ascontiguousarray(x).reshape(-1), out.reshape(-1))
    return out


def beside(x):
    """Room for a result that lies in memory as x does; None where x is small or has gaps."""
    if x.size < MANY or x.dtype.char not in "fd":
        return None
    out = np.empty_like(x)
    return out if out.strides == x.strides else None


def suits(x, y):
    """Whether both are large matrices of one floating type, the second with contiguous rows."""
    return (
        type(x) is type(y) is np.ndarray
        and x.ndim == y.ndim == 2
        and len(x) * y.size > FEW
        and x.dtype == y.dtype
        and x.dtype.char in "fd"
        and y.flags.c_contiguous
    )


@njit(parallel=True)
def fill_erf(x, out):
    """out[i] = erf(x[i])."""
    for i in prange(x.size):
        out[i] = math.erf(x[i])


@njit(parallel=True)
def fill_erfc(x, out):
    """out[i] = erfc(x[i])."""
    for i in prange(x.size):
        out[i] = math.erfc(x[i])


@njit(parallel=True)
def fill_relu(x, out):
    """out[i] = x[i] where it is positive or NaN, else 0."""
    nothing = x.dtype.type(0)
    for i in prange(x.size):
        out[i] = x[i] if (x[i] > nothing) | np.isnan(x[i]) else nothing


@njit(parallel=True)
def fill_relu_gradient(g, z, out):
    """out[i] = g[i] where z[i] is not 0, else 0."""
    nothing = z.dtype.type(0)
    for i in prange(z.size):
        out[i] = nothing if z[i] == nothing else g[i]


@njit(parallel=True, fastmath={"reassoc", "contract"})
def add_rows_by_rows(x, weight, out):
    """out[i, o] += the sum over k of x[i, k] * weight[o, k]."""
    for i in prange(x.shape[0]):
        for o in range(weight.shape[0]):
            total = x.dtype.type(0)
            for k in range(x.shape[1]):
                total += x[i, k] * weight[o, k]
            out[i, o] += total


@njit(parallel=True, fastmath={"contract"})
def add_product(x, y, out):
    """out[i, c] += the sum over k of x[i, k] * y[k, c], a tile of out for each thread."""
    rows = (out.shape[0] + ROWS - 1) // ROWS
    columns = (out.shape[1] + COLUMNS - 1) // COLUMNS
    for tile in prange(rows * columns):
        top, left = tile // columns * ROWS, tile % columns * COLUMNS
        for k in range(x.shape[1]):
            source = y[k, left : left + COLUMNS]
            for i in range(top, min(top + ROWS, out.shape[0])):
                factor, target = x[i, k], out[i, left : left + COLUMNS]
                for c in range(source.size):
                    target[c] += factor * source[c]


@njit(parallel=True, fastmath={"reassoc", "contract"}, error_model="numpy")
def normalize_rows(x, out, eps):
    """out[i] = x[i] shifted and scaled to mean 0 and variance 1."""
    n = x.shape[1]
    for i in prange(x.shape[0]):
        total = x.dtype.type(0)
        for k in range(n):
            total += x[i, k]
        mean, squares = x.dtype.type(total / n), x.dtype.type(0)
        for k in range(n):
            squares += (x[i, k] - mean) * (x[i, k] - mean)
        scale = x.dtype.type(1 / math.sqrt(squares / n + eps))
        for k in range(n):
            out[i, k] = (x[i, k] - mean) * scale
