"""Kernels of what is done element by element: one pass, in the order of the numbers."""

import math

import numpy as np

from tinytorch.tensor import ops
from tinytorch.tensor.kernels import kernel, parallel, room_like
from tinytorch.tensor.kernels._numba._exponentials import bell, logistic, normal

MANY = 1 << 16
"""So many elements are worth waking threads for a comparison each: NumPy takes 12 us for them."""
TANH = math.sqrt(8 / math.pi), 0.044715
"""The curve inside of the usual approximation of `gelu`."""
COMPILED = {"error_model": "numpy", "fastmath": {"contract"}}
f = np.float32


@kernel(ops.erf)
def erf(x):
    """Call the C library's erf for each element, without a Python number in between."""
    return by_element(fill_erf, x) if x.dtype.char in "fd" else NotImplemented


@kernel(ops.erfc)
def erfc(x):
    """Call the C library's erfc for each element, without a Python number in between."""
    return by_element(fill_erfc, x) if x.dtype.char in "fd" else NotImplemented


@kernel(ops.add, least=MANY)
def add(x, y):
    """Add up where many numbers lie side by side, those of both in the same order, or a row."""
    if alike(x, y) and is_worth_it(x) and x.strides == y.strides:
        return by_element(fill_sum, x, y)
    return by_row(fill_row_sums, x, y)


@kernel(ops.mul, least=MANY)
def mul(x, y):
    """Multiply many numbers that lie side by side by as many in the same order, one, or a row."""
    if type(y) is float and type(x) is np.ndarray and is_worth_it(x):
        return by_element(fill_multiple, x, settings=(x.dtype.type(y),))
    if alike(x, y) and is_worth_it(x) and x.strides == y.strides:
        return by_element(fill_product, x, y)
    return by_row(fill_row_products, x, y)


@kernel(ops.relu, least=MANY)
def relu(x):
    """Cut off where many numbers lie side by side."""
    return by_element(fill_relu, x) if is_worth_it(x) else NotImplemented


@kernel(ops.relu_gradient, least=MANY)
def relu_gradient(g, z):
    """Pass on where many numbers lie side by side, those of g and z in the same order."""
    if not (alike(g, z) and is_worth_it(g) and g.strides == z.strides):
        return NotImplemented
    return by_element(fill_relu_gradient, g, z)


@kernel(ops.leaky_relu, least=MANY)
def leaky_relu(x, *, negative_slope):
    """Scale down where many numbers lie side by side."""
    if not is_worth_it(x):
        return NotImplemented
    return by_element(fill_leaky_relu, x, settings=(x.dtype.type(negative_slope),))


@kernel(ops.leaky_relu_gradient, least=MANY)
def leaky_relu_gradient(g, x, *, negative_slope):
    """Scale down where many numbers lie side by side."""
    if not (alike(g, x) and is_worth_it(g)):
        return NotImplemented
    return by_element(fill_leaky_relu_gradient, g, x, settings=(x.dtype.type(negative_slope),))


@kernel(ops.gelu)
def gelu(x, *, approximate="none"):
    """Compute all of it in registers; float64 with the C library's erfc."""
    if x.dtype.char == "d" and approximate == "none":
        return x * 0.5 * erfc(x * -math.sqrt(0.5))
    if x.dtype.char != "f":
        return NotImplemented
    if approximate == "tanh":
        return by_element(fill_gated, x, settings=tuple(map(f, TANH)))
    return by_element(fill_gelu, x)


@kernel(ops.gelu_gradient)
def gelu_gradient(g, x, *, approximate="none"):
    """Compute all of it in registers; float64 with the C library's erfc."""
    if not alike(g, x):
        return NotImplemented
    if x.dtype.char == "d" and approximate == "none":
        slope = x * np.exp(x * x * -0.5) * math.sqrt(0.5 / math.pi)
        return g * (0.5 * erfc(x * -math.sqrt(0.5)) + slope)
    if x.dtype.char != "f":
        return NotImplemented
    if approximate == "tanh":
        return by_element(fill_gated_gradient, g, x, settings=tuple(map(f, TANH)))
    return by_element(fill_gelu_gradient, g, x)


@kernel(ops.silu)
def silu(x):
    """Compute all of it in registers."""
    if x.dtype.char != "f":
        return NotImplemented
    return by_element(fill_gated, x, settings=(f(1), f(0)))


@kernel(ops.silu_gradient)
def silu_gradient(g, x):
    """Compute all of it in registers."""
    if not alike(g, x) or x.dtype.char != "f":
        return NotImplemented
    return by_element(fill_gated_gradient, g, x, settings=(f(1), f(0)))


def alike(g, x):
    """Whether both are arrays of one shape and data type."""
    return type(g) is type(x) is np.ndarray and g.dtype == x.dtype and g.shape == x.shape


def is_worth_it(x):
    """Whether threads save time on a comparison for each number: many lie side by side."""
    return x.size >= MANY and x.dtype.char in "fd" and np.empty_like(x).strides == x.strides


def by_row(fill, x, row):
    """The result of a loop over many rows, of either operand, that all meet the other, one row."""
    if not type(x) is type(row) is np.ndarray or x.dtype != row.dtype:
        return NotImplemented
    if x.ndim == 1:
        x, row = row, x
    if x.ndim < 2 or row.shape != x.shape[-1:] or not (is_worth_it(x) and x.flags.c_contiguous):
        return NotImplemented
    out = room_like(x)
    rows, results = (array.reshape(-1, len(row)) for array in (x, out))
    fill(len(rows), x.size, rows, np.ascontiguousarray(row), results)
    return out


def by_element(fill, *arrays, settings=()):
    """The result of a loop over all elements, in the order in which those of the last array lie."""
    out = room_like(arrays[-1])
    flat = []
    for x in arrays:
        if x.strides != out.strides:
            moved = room_like(out)
            moved[...] = x
            x = moved  # noqa: PLW2901 - the same numbers in the order of the result
        flat.append(x.ravel("K"))
    fill(out.size, out.size, *flat, *settings, out.ravel("K"))
    return out


@parallel
def fill_erf(begin, end, x, out):
    """out[i] = erf(x[i])."""
    for i in range(np.uint64(begin), np.uint64(end)):
        out[i] = math.erf(x[i])


@parallel
def fill_erfc(begin, end, x, out):
    """out[i] = erfc(x[i])."""
    for i in range(np.uint64(begin), np.uint64(end)):
        out[i] = math.erfc(x[i])


@parallel
def fill_sum(begin, end, x, y, out):
    """out[i] = x[i] + y[i]."""
    for i in range(np.uint64(begin), np.uint64(end)):
        out[i] = x[i] + y[i]


@parallel
def fill_product(begin, end, x, y, out):
    """out[i] = x[i] * y[i]."""
    for i in range(np.uint64(begin), np.uint64(end)):
        out[i] = x[i] * y[i]


@parallel
def fill_row_sums(begin, end, x, row, out):
    """out[i, k] = x[i, k] + row[k]."""
    for i in range(np.uint64(begin), np.uint64(end)):
        for k in range(len(row)):
            out[i, k] = x[i, k] + row[k]


@parallel
def fill_row_products(begin, end, x, row, out):
    """out[i, k] = x[i, k] * row[k]."""
    for i in range(np.uint64(begin), np.uint64(end)):
        for k in range(len(row)):
            out[i, k] = x[i, k] * row[k]


@parallel
def fill_multiple(begin, end, x, factor, out):
    """out[i] = x[i] * factor."""
    for i in range(np.uint64(begin), np.uint64(end)):
        out[i] = x[i] * factor


@parallel
def fill_relu(begin, end, x, out):
    """out[i] = x[i] where it is positive or NaN, else 0."""
    nothing = x.dtype.type(0)
    for i in range(np.uint64(begin), np.uint64(end)):
        out[i] = x[i] if (x[i] > nothing) | np.isnan(x[i]) else nothing


@parallel
def fill_relu_gradient(begin, end, g, z, out):
    """out[i] = g[i] where z[i] is not 0, else 0."""
    nothing = z.dtype.type(0)
    for i in range(np.uint64(begin), np.uint64(end)):
        out[i] = nothing if z[i] == nothing else g[i]


@parallel
def fill_leaky_relu(begin, end, x, slope, out):
    """out[i] = x[i] where it is positive, else slope * x[i]."""
    for i in range(np.uint64(begin), np.uint64(end)):
        out[i] = x[i] if x[i] > 0 else slope * x[i]


@parallel
def fill_leaky_relu_gradient(begin, end, g, x, slope, out):
    """out[i] = g[i] where x[i] is positive, else slope * g[i]."""
    for i in range(np.uint64(begin), np.uint64(end)):
        out[i] = g[i] if x[i] > 0 else slope * g[i]


@parallel(**COMPILED)
def fill_gelu(begin, end, x, out):
    """out[i] = x[i] times the normal distribution function of it."""
    for i in range(np.uint64(begin), np.uint64(end)):
        out[i] = x[i] * normal(x[i], bell(x[i]))


@parallel(**COMPILED)
def fill_gelu_gradient(begin, end, g, x, out):
    """out[i] = g[i] times the slope of `fill_gelu`."""
    for i in range(np.uint64(begin), np.uint64(end)):
        density = bell(x[i])
        out[i] = g[i] * (normal(x[i], density) + x[i] * density * f(0.3989422804014327))


@parallel(**COMPILED)
def fill_gated(begin, end, x, scale, cubic, out):
    """out[i] = x[i] times the logistic function of scale * (x[i] + cubic * x[i]^3)."""
    for i in range(np.uint64(begin), np.uint64(end)):
        v = x[i]
        gate, _ = logistic(scale * (v + cubic * v * v * v))
        out[i] = v * gate


@parallel(**COMPILED)
def fill_gated_gradient(begin, end, g, x, scale, cubic, out):
    """out[i] = g[i] times the slope of `fill_gated`."""
    for i in range(np.uint64(begin), np.uint64(end)):
        v = x[i]
        gate, rest = logistic(scale * (v + cubic * v * v * v))
        slope = scale * (f(1) + f(3) * cubic * v * v)
        out[i] = g[i] * gate * (f(1) + v * slope * rest)
