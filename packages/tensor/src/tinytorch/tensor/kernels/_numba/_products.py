"""Products of matrices by BLAS on the threads of kernels: float32.

BLAS has threads of its own, which spin on for milliseconds after each product, on cores that other
kernels need; and it takes the matrices of a batch one after the other. So each thread of kernels
computes a part of the results, or some matrices of a batch, by a BLAS of one thread.
"""

from math import prod
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tinytorch.tensor import ops
from tinytorch.tensor.kernels import kernel, parallel, room, threads_for
from tinytorch.tensor.kernels._numba._batches import multiplied_little
from tinytorch.tensor.kernels._numba._dots import few_rows
from tinytorch.tensor.kernels._threads import openblas, products_alone

FEW = 1 << 18
"""With so few multiplications BLAS stays in one thread by itself."""
LITTLE = 1 << 23
"""So many multiplications take one thread no longer than waking another may take."""
LONG = 1 << 13
"""Sums of more terms than this lose digits: the references add them by parts."""
BY_ROWS, AS_IT_IS, TRANSPOSED = 101, 111, 112
"""How BLAS is told where the numbers of a matrix lie."""


@kernel(ops.linear)
def linear(x, weight, bias=None):
    """Multiply in parts, which begin with the bias."""
    if not type(x) is type(weight) is np.ndarray or weight.ndim != 2:
        return NotImplemented
    plain = bias is None or (bias.shape == weight.shape[:1] and bias.dtype == x.dtype)
    if plain and x.dtype == weight.dtype == np.float32 and x.ndim > 1:
        z = few_rows(x, weight, bias)
        if z is not NotImplemented:
            return z
    if x.size * len(weight) <= FEW:
        return NotImplemented
    z = multiplied(x, weight.T, bias) if plain else NotImplemented
    return alone(ops.linear, x, weight.T, x, weight, bias) if z is NotImplemented else z


@kernel(ops.matmul)
def matmul(x, y):
    """Multiply in parts."""
    if type(x) is type(y) is np.ndarray and x.size * y.size <= FEW:
        return NotImplemented
    z = multiplied(x, y)
    return alone(ops.matmul, x, y, x, y) if z is NotImplemented else z


def alone(op, x, y, *operands):
    """What the reference gives, in one thread, if x @ y takes one no longer than waking others."""
    if not (type(x) is type(y) is np.ndarray and y.ndim == 2 <= x.ndim and x.dtype == y.dtype):
        return NotImplemented
    if x.dtype.char not in "fd" or not FEW < x.size * y.shape[1] <= LITTLE:
        return NotImplemented
    with products_alone():
        return op.reference(*operands)


def multiplied(x, y, bias=None):
    """The product (..., rows, terms) @ (..., terms, columns), with the bias (columns,) added."""
    if not (type(x) is type(y) is np.ndarray and x.dtype == y.dtype == np.float32):
        return NotImplemented
    if min(x.ndim, y.ndim) < 2 or x.shape[-1] != y.shape[-2] or x.shape[-1] > LONG:
        return NotImplemented
    shape, batch, rows = x.shape[:-1], x.shape[:-2], x.shape[-2]
    terms, columns = y.shape[-2:]
    if y.ndim == 2:
        batch, rows = (), prod(shape)  # all rows meet one matrix at once
    elif batch != y.shape[:-2]:
        try:
            batch = np.broadcast_shapes(batch, y.shape[:-2])
        except ValueError:
            return NotImplemented
        shape = *batch, rows
    matrices = prod(batch)
    work = matrices * rows * terms * columns
    if matrices > 1 and work > FEW and len(batch) <= 2 and bias is None:
        z = multiplied_little(x, y, batch)
        if z is not NotImplemented:
            return z
    if work <= LITTLE or min(rows, columns) == 1 or len(batch) > 2:
        return NotImplemented
    library = openblas()
    if library is None or library.sgemm is None:
        return NotImplemented
    x, y = laid_out(x if batch else x.reshape(rows, terms)), laid_out(y)
    out = room((*shape, columns), np.float32)
    start = np.empty(0, np.float32) if bias is None else np.ascontiguousarray(bias)
    threads = threads_for(work)
    parts = 1 if matrices >= 2 * threads else threads
    sizes = rows, columns, terms, batch[1] if len(batch) == 2 else 1
    with products_alone():
        multiply(
            matrices * parts,
            work,
            library.sgemm,
            *Operand.of(x, len(batch)),
            *Operand.of(y, len(batch)),
            start,
            out.reshape(-1),
            sizes,
            parts,
            library.whole(bias is not None),
        )
    return out


class Operand(NamedTuple):
    """Where matrices lie.

    Attributes:
        address: Of the first number.
        steps: From one matrix to the next in bytes, along two axes, and within one, in numbers,
            from each row to the next, or from each column to the next if it is transposed.
        transposed: Whether the numbers of a column lie side by side.
    """

    address: int
    steps: tuple[int, int, int]
    transposed: bool

    @classmethod
    def of(cls, x, axes):
        """That of matrices that are laid out, whose batch is to have so many axes."""
        down, across = x.strides[-2:]
        steps = [0 if n == 1 else step for n, step in zip(x.shape, x.strides, strict=True)][:-2]
        outer, inner = ([0] * (axes - len(steps)) + steps + [0, 0])[:2]
        step = max(down, across) // 4
        return cls(x.__array_interface__["data"][0], (outer, inner, step), down < across)


def laid_out(x):
    """The matrices, or a copy of them whose rows BLAS can read."""
    (rows, columns), (down, across) = x.shape[-2:], x.strides[-2:]
    plain = across == 4 and down >= 4 * columns and not down % 4
    turned = down == 4 and across >= 4 * rows and not across % 4
    return x if plain or turned else x.copy()


@parallel(error_model="numpy")
def multiply(
    begin,
    end,
    sgemm,
    x,
    x_steps,
    x_turned,
    y,
    y_steps,
    y_turned,
    start,
    out,
    sizes,
    parts,
    begun,
):
    """Compute all products, each in so many parts, of its rows or its columns.

    x and y are addresses; that of `out` is taken from `out`, so that the compiler knows who writes
    there. If `begun` is 1, every row of the results begins with `start`, else with 0.
    """
    rows, columns, terms, inner = sizes
    x_down = 4 if x_turned else 4 * x_steps[2]
    y_across = 4 * y_steps[2] if y_turned else 4
    for unit in range(begin, end):
        matrix, part = unit // parts, unit % parts
        top, left, high, wide = 0, 0, rows, columns
        if rows >= columns:
            top = part * rows // parts
            high = (part + 1) * rows // parts - top
        else:
            left = part * columns // parts
            wide = (part + 1) * columns // parts - left
        from_x = x + matrix // inner * x_steps[0] + matrix % inner * x_steps[1] + top * x_down
        from_y = y + matrix // inner * y_steps[0] + matrix % inner * y_steps[1] + left * y_across
        to = (matrix * rows + top) * columns + left
        begins = start[left:]
        if begun:
            for row in range(high):
                line = out[to + row * columns :]
                for column in range(np.uint64(wide)):
                    line[column] = begins[column]
        if high and wide:
            multiply_matrices(
                sgemm,
                (TRANSPOSED if x_turned else AS_IT_IS, TRANSPOSED if y_turned else AS_IT_IS),
                (high, wide, terms),
                (from_x, from_y, out.ctypes.data + 4 * to),
                (x_steps[2], y_steps[2], columns),
                begun,
            )


@intrinsic
def multiply_matrices(_, sgemm, orders, sizes, places, steps, begun):
    """Call BLAS: results = begun * results + x @ y; `begun` is of the type that it counts in."""
    signature = types.void(sgemm, orders, sizes, places, steps, begun)

    def generate(target, builder, _, arguments):
        sgemm, *groups, begun = arguments
        order, whole, number = ir.IntType(32), begun.type, ir.FloatType()
        pointer = number.as_pointer()
        (of_x, of_y), sizes, places, (x_step, y_step, step) = (
            cgutils.unpack_tuple(builder, group) for group in groups
        )
        x, y, out = (builder.inttoptr(place, pointer) for place in places)
        of_x, of_y = (builder.trunc(given, order) for given in (of_x, of_y))
        narrow = (lambda n: n) if whole.width == 64 else (lambda n: builder.trunc(n, whole))
        call = [
            *(order(BY_ROWS), of_x, of_y),
            *(narrow(n) for n in sizes),
            *(number(1.0), x, narrow(x_step), y, narrow(y_step)),
            *(builder.sitofp(begun, number), out, narrow(step)),
        ]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in call])
        builder.call(builder.inttoptr(sgemm, kind.as_pointer()), call)
        return target.get_dummy_value()

    return signature, generate
