"""The transforms of Winograd's algorithm, for vectors of channels."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tinytorch.spatial.kernels._numba._tile import LANES, VECTOR, load

OF_PIXELS = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
"""B' of Winograd's algorithm: from 4 pixels to 4 factors."""
OF_PRODUCTS = ((1, 1, 1, 0), (0, 1, -1, -1))
"""A' of Winograd's algorithm: from 4 products to 2 results."""


def transform(matrix):
    """Make a function that applies a matrix of 0, 1 and -1 to both axes of squares of numbers.

    The function takes flat arrays, for LANES channels at once: it reads source[begin + i * down +
    j * across + channel], and writes the transformed square to `target` likewise.
    """

    @intrinsic
    def apply(_, target, place, to_down, to_across, source, begin, down, across):
        signature = types.void(target, place, to_down, to_across, source, begin, down, across)

        def generate(context, builder, signature, arguments):
            def data(i):
                return context.make_array(signature.args[i])(context, builder, arguments[i]).data

            def at(first, row, column, i, j):
                for step, times in ((row, i), (column, j)):
                    first = builder.add(first, builder.mul(step, ir.Constant(step.type, times)))
                return first

            def combine(numbers):
                rows = []
                for coefficients in matrix:
                    total = None
                    for coefficient, number in zip(coefficients, numbers, strict=True):
                        if not coefficient:
                            continue
                        if total is None:
                            zero = ir.Constant(VECTOR, [0.0] * LANES)
                            total = number if coefficient > 0 else builder.fsub(zero, number)
                        else:
                            add = builder.fadd if coefficient > 0 else builder.fsub
                            total = add(total, number)
                    rows.append(total)
                return rows

            _, place, to_down, to_across, _, begin, down, across = arguments
            size, source, target = len(matrix[0]), data(4), data(0)
            square = [
                [load(builder, source, at(begin, down, across, i, j)) for j in range(size)]
                for i in range(size)
            ]
            columns = [combine(column) for column in zip(*square, strict=True)]
            for i, row in enumerate(zip(*columns, strict=True)):
                for j, value in enumerate(combine(row)):
                    pointer = builder.gep(target, [at(place, to_down, to_across, i, j)])
                    pointer = builder.bitcast(pointer, VECTOR.as_pointer())
                    builder.store(value, pointer, align=4)
            return context.get_dummy_value()

        return signature, generate

    return apply


transform_pixels = transform(OF_PIXELS)
transform_products = transform(OF_PRODUCTS)
transform_gradients = transform(tuple(zip(*OF_PRODUCTS, strict=True)))
