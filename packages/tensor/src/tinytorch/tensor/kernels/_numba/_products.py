"""Kernels of thin products, which memory bounds and not arithmetic.

They are here for the sake of the others: BLAS would wake its own threads for little work, and these
then stand in the way of numba's.
"""

import numpy as np

from tinytorch.tensor import ops
from tinytorch.tensor.kernels import kernel, parallel
from tinytorch.tensor.kernels._threads import products_alone

THIN = 32
"""A product is thin if one of its lengths is at most this."""
LONG = 1 << 12
"""Sums of more terms than this lose digits in one running total: the references add by parts."""
FEW = 1 << 18
"""With so few multiplications BLAS stays in one thread by itself, and is faster."""
LITTLE = 1 << 22
"""So many multiplications take one thread less than 100 microseconds."""
ROWS, COLUMNS = 16, 512
"""The part of a thin product that one thread computes at a time."""


@kernel(ops.linear)
def linear(x, weight, bias=None):
    """Compute few outputs, each a dot product of two rows; what is little, in one thread."""
    if not (suits(x, weight) and x.flags.c_contiguous and weight.shape[0] <= THIN):
        return alone(ops.linear, x, np.transpose(weight), x, weight, bias)
    if x.shape[1] != weight.shape[1] or (bias is not None and bias.shape != weight.shape[:1]):
        return NotImplemented
    out = np.zeros((len(x), len(weight)), x.dtype)
    if bias is not None:
        if bias.dtype != x.dtype:
            return NotImplemented
        out += bias
    add_rows_by_rows(len(x), FEW, x, weight, out)
    return out


@kernel(ops.matmul)
def matmul(x, y):
    """Compute a thin product of a matrix and one with rows side by side; what is little, alone."""
    if not suits(x, y) or x.shape[1] != y.shape[0] or min(x.shape) > THIN or len(y) > LONG:
        return alone(ops.matmul, x, y, x, y)
    out = np.zeros((x.shape[0], y.shape[1]), x.dtype)
    tiles = -(-len(out) // ROWS) * -(-out.shape[1] // COLUMNS)
    add_product(tiles, FEW, x, y, out)
    return out


def alone(op, x, y, *operands):
    """What the reference gives, in one thread, if x @ y takes one no longer than waking others."""
    if not (type(x) is type(y) is np.ndarray and y.ndim == 2 <= x.ndim and x.dtype == y.dtype):
        return NotImplemented
    if x.dtype.char not in "fd" or not FEW < x.size * y.shape[1] <= LITTLE:
        return NotImplemented
    with products_alone():
        return op.reference(*operands)


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


@parallel(fastmath={"reassoc", "contract"})
def add_rows_by_rows(begin, end, x, weight, out):
    """out[i, o] += the sum over k of x[i, k] * weight[o, k]."""
    for i in range(begin, end):
        for o in range(weight.shape[0]):
            total = x.dtype.type(0)
            for k in range(x.shape[1]):
                total += x[i, k] * weight[o, k]
            out[i, o] += total


@parallel(fastmath={"contract"})
def add_product(begin, end, x, y, out):
    """out[i, c] += the sum over k of x[i, k] * y[k, c], a tile of out for each thread."""
    columns = (out.shape[1] + COLUMNS - 1) // COLUMNS
    for tile in range(begin, end):
        top, left = tile // columns * ROWS, tile % columns * COLUMNS
        for k in range(x.shape[1]):
            source = y[k, left : left + COLUMNS]
            for i in range(top, min(top + ROWS, out.shape[0])):
                factor, target = x[i, k], out[i, left : left + COLUMNS]
                for c in range(source.size):
                    target[c] += factor * source[c]
