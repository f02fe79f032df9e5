"""The register tile that all convolution kernels are made of, and Winograd's transforms of vectors.

`tile` is a block of results that stays in registers while everything that goes into it streams by.
"""

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tinytorch.tensor.kernels import njit

WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))
LANES = 16 if WIDE else 8
"""Numbers in one vector register."""
PIXELS = 8 if WIDE else 4
"""Rows of a tile: its results of one output channel."""
CHANNELS = 2 * LANES
"""Columns of a tile: two vectors. PIXELS * 2 sums, 2 factors and a broadcast fill the registers."""
NO_PADDING = ((0, 0), (0, 0))
OF_PIXELS = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
"""B' of Winograd's algorithm: from 4 pixels to 4 factors."""
OF_PRODUCTS = ((1, 1, 1, 0), (0, 1, -1, -1))
"""A' of Winograd's algorithm: from 4 products to 2 results."""
COMPILED = {"error_model": "numpy"}
"""A division by zero raises nothing, as a way out of a loop keeps it from vectors."""


@intrinsic
def tile(
    _, out, place, step, start, begin, again, a, origins, first, taps, stride, run, b, at, row
):
    """Compute PIXELS x CHANNELS results: out[p, c] = start[p, c] + the sum of a[p, k] b[k, c].

    The start is added last, so that a long sum which is made of many tiles keeps its digits.

    All arrays are flat; places are in elements. Row p of the result lies at place + p * step, of
    the start at begin + p * again. Row p of a begins at origins[first + p]; there k visits each
    offset in `taps`, and from it `run` elements, `stride` apart. Row k of b lies at `at` + k * row.
    """
    signature = types.void(
        out, place, step, start, begin, again, a, origins, first, taps, stride, run, b, at, row
    )
    number, integer = ir.FloatType(), ir.IntType(64)
    vector = ir.VectorType(number, LANES)
    lanes = ir.VectorType(ir.IntType(32), LANES)
    cells = [(p, v) for p in range(PIXELS) for v in range(2)]

    def generate(target, builder, signature, arguments):
        def data(i):
            return target.make_array(signature.args[i])(target, builder, arguments[i]).data

        def constant(value):
            return ir.Constant(integer, value)

        def offset(pointer, *steps):
            for step in steps:
                pointer = builder.gep(pointer, [step])
            return builder.bitcast(pointer, vector.as_pointer())

        _, place, step, _, begin, again, _, _, first, _, stride, run, _, at, row = arguments
        out, start, a, origins, taps, b = (data(i) for i in (0, 3, 6, 7, 9, 12))
        count = target.make_array(signature.args[9])(target, builder, arguments[9]).nitems
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{LANES}f32"
        )
        rows = [
            builder.gep(a, [builder.load(builder.gep(origins, [builder.add(first, constant(p))]))])
            for p in range(PIXELS)
        ]
        nothing = ir.Constant(vector, [0.0] * LANES)
        before = builder.block
        over_taps, over_run, after_run, after = (
            builder.append_basic_block(name) for name in ("taps", "run", "next", "done")
        )
        builder.branch(over_taps)

        builder.position_at_end(over_taps)
        t, from_b = builder.phi(integer), builder.phi(integer)
        sums = [builder.phi(vector) for _ in cells]
        from_a = builder.load(builder.gep(taps, [t]))
        builder.branch(over_run)

        builder.position_at_end(over_run)
        k, in_a, in_b = (builder.phi(integer) for _ in range(3))
        inner = [builder.phi(vector) for _ in cells]
        factors = [builder.load(offset(b, in_b, constant(v * LANES)), align=4) for v in range(2)]
        totals = []
        for p in range(PIXELS):
            one = builder.load(builder.gep(rows[p], [in_a]))
            undefined = ir.Constant(vector, ir.Undefined)
            spread = builder.insert_element(undefined, one, ir.Constant(ir.IntType(32), 0))
            spread = builder.shuffle_vector(spread, undefined, ir.Constant(lanes, [0] * LANES))
            totals += [
                builder.call(fma, [spread, factor, inner[2 * p + v]])
                for v, factor in enumerate(factors)
            ]
        next_k = builder.add(k, constant(1))
        next_a, next_b = builder.add(in_a, stride), builder.add(in_b, row)
        builder.cbranch(builder.icmp_signed("<", next_k, run), over_run, after_run)

        builder.position_at_end(after_run)
        next_t = builder.add(t, constant(1))
        builder.cbranch(builder.icmp_signed("<", next_t, count), over_taps, after)

        for phi, value in ((t, constant(0)), (from_b, at), *((s, nothing) for s in sums)):
            phi.add_incoming(value, before)
        for phi, value in ((t, next_t), (from_b, next_b), *zip(sums, totals, strict=True)):
            phi.add_incoming(value, after_run)
        for phi, value in ((k, constant(0)), (in_a, from_a), (in_b, from_b)):
            phi.add_incoming(value, over_taps)
        for phi, value in ((k, next_k), (in_a, next_a), (in_b, next_b)):
            phi.add_incoming(value, over_run)
        for phi, outer, total in zip(inner, sums, totals, strict=True):
            phi.add_incoming(outer, over_taps)
            phi.add_incoming(total, over_run)

        builder.position_at_end(after)
        for (p, v), total in zip(cells, totals, strict=True):
            first_row = builder.mul(again, constant(p))
            from_start = builder.load(offset(start, begin, first_row, constant(v * LANES)), align=4)
            target_row = builder.add(place, builder.mul(step, constant(p)))
            result = builder.fadd(total, from_start)
            builder.store(result, offset(out, target_row, constant(v * LANES)), align=4)
        return target.get_dummy_value()

    return signature, generate


def transform(matrix):
    """Make a function that applies a matrix of 0, 1 and -1 to both axes of squares of numbers.

    The function takes flat arrays, for LANES channels at once: it reads source[begin + i * down +
    j * across + channel], and writes the transformed square to `target` likewise.
    """

    @intrinsic
    def apply(_, target, place, to_down, to_across, source, begin, down, across):
        signature = types.void(target, place, to_down, to_across, source, begin, down, across)
        vector = ir.VectorType(ir.FloatType(), LANES)

        def generate(context, builder, signature, arguments):
            def pointer(array, first, row, column, i, j):
                struct = context.make_array(signature.args[array])
                data = struct(context, builder, arguments[array]).data
                for step, times in ((first, 1), (row, i), (column, j)):
                    data = builder.gep(data, [builder.mul(step, ir.Constant(step.type, times))])
                return builder.bitcast(data, vector.as_pointer())

            def combine(numbers):
                rows = []
                for coefficients in matrix:
                    total = None
                    for coefficient, number in zip(coefficients, numbers, strict=True):
                        if not coefficient:
                            continue
                        if total is None:
                            zero = ir.Constant(vector, [0.0] * LANES)
                            total = number if coefficient > 0 else builder.fsub(zero, number)
                        else:
                            add = builder.fadd if coefficient > 0 else builder.fsub
                            total = add(total, number)
                    rows.append(total)
                return rows

            _, place, to_down, to_across, _, begin, down, across = arguments
            size = len(matrix[0])
            square = [
                [builder.load(pointer(4, begin, down, across, i, j), align=4) for j in range(size)]
                for i in range(size)
            ]
            columns = [combine(column) for column in zip(*square, strict=True)]
            for i, row in enumerate(zip(*columns, strict=True)):
                for j, value in enumerate(combine(row)):
                    builder.store(value, pointer(0, place, to_down, to_across, i, j), align=4)
            return context.get_dummy_value()

        return signature, generate

    return apply


def served(*arrays):
    """Whether the kernels take these operands: float32, and something to compute."""
    return all(a.dtype == np.float32 and a.size for a in arrays)


@njit(**COMPILED)
def pour(run, total):
    """Add a run's sums to the total, and begin the next run with zeros."""
    for e in range(len(run)):
        total[e] += run[e]
        run[e] = 0


@njit(**COMPILED)
def finite(numbers):
    """Whether there is no infinity and no NaN among float32 numbers: their exponents are full."""
    largest = np.int32(0)
    for bits in numbers.view(np.int32):
        largest = max(largest, bits & np.int32(0x7FFFFFFF))
    return largest < 0x7F800000


transform_pixels = transform(OF_PIXELS)
transform_products = transform(OF_PRODUCTS)
transform_gradients = transform(tuple(zip(*OF_PRODUCTS, strict=True)))
