"""Winograd's algorithm along an axis, and what applies it to both axes of squares.

Six pixels meet three taps in four results. Both are taken for polynomials: a product of these is
known by its values at as many points as it has coefficients, and a value costs one product, so that
six suffice in place of twelve. The points are 0, NEAR, -NEAR, FAR, -FAR and infinity: exact, and so
close to 1 that their powers lose few digits.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tinytorch.tensor.kernels.tile import LANES, VECTOR, load, store

RESULTS, TAPS, SIDE = 4, 3, 6
"""Along an axis of a square."""
PRODUCTS = SIDE**2
"""Of a square, where the definition takes 144."""
NEAR, FAR = 0.75, 1.5
NEAR_2, FAR_2 = NEAR**2, FAR**2
AT_0, AT_NEAR, AT_FAR = (
    1 / (NEAR_2 * FAR_2),
    1 / (2 * NEAR_2 * (NEAR_2 - FAR_2)),
    1 / (2 * FAR_2 * (FAR_2 - NEAR_2)),
)
"""One divided by the distances between a point and all others, multiplied together."""
ALL = None, 0, 0, 0, 0
"""What follows the places where a whole square is written as it is."""


def of_pixels(x0, x1, x2, x3, x4, x5):
    """What pixels put into the six products."""
    near, near_odd = x4 - FAR_2 * x2, NEAR * (x3 - FAR_2 * x1)
    far, far_odd = x4 - NEAR_2 * x2, FAR * (x3 - NEAR_2 * x1)
    zero = NEAR_2 * FAR_2 * x0 - (NEAR_2 + FAR_2) * x2 + x4
    infinity = NEAR_2 * FAR_2 * x1 - (NEAR_2 + FAR_2) * x3 + x5
    return zero, near + near_odd, near - near_odd, far + far_odd, far - far_odd, infinity


def of_products(m0, m1, m2, m3, m4, m5):
    """Four results of six products."""
    near, near_odd, far, far_odd = m1 + m2, NEAR * (m1 - m2), m3 + m4, FAR * (m3 - m4)
    return (
        m0 + near + far,
        near_odd + far_odd,
        NEAR_2 * near + FAR_2 * far,
        NEAR_2 * near_odd + FAR_2 * far_odd + m5,
    )


def of_gradients(g0, g1, g2, g3):
    """What the gradients of four results put into six products: the way back of `of_products`."""
    near, near_odd = g0 + NEAR_2 * g2, NEAR * (g1 + NEAR_2 * g3)
    far, far_odd = g0 + FAR_2 * g2, FAR * (g1 + FAR_2 * g3)
    return g0, near + near_odd, near - near_odd, far + far_odd, far - far_odd, g3


def of_taps(w0, w1, w2):
    """What taps put into the six products."""
    near, near_odd = AT_NEAR * (w0 + NEAR_2 * w2), AT_NEAR * NEAR * w1
    far, far_odd = AT_FAR * (w0 + FAR_2 * w2), AT_FAR * FAR * w1
    return AT_0 * w0, near + near_odd, near - near_odd, far + far_odd, far - far_odd, w2


def of_sums(s0, s1, s2, s3, s4, s5):
    """The gradients of three taps, of six sums of products: the way back of `of_taps`."""
    near, near_odd, far, far_odd = s1 + s2, s1 - s2, s3 + s4, s3 - s4
    return (
        AT_0 * s0 + AT_NEAR * near + AT_FAR * far,
        AT_NEAR * NEAR * near_odd + AT_FAR * FAR * far_odd,
        AT_NEAR * NEAR_2 * near + AT_FAR * FAR_2 * far + s5,
    )


class Vector:
    """Numbers of LANES channels, in code that is being written."""

    def __init__(self, builder, value):
        self.builder = builder
        self.value = value

    def __add__(self, other):
        return self._combined(self.builder.fadd, other)

    def __sub__(self, other):
        return self._combined(self.builder.fsub, other)

    def __rmul__(self, factor):
        factors = Vector(self.builder, ir.Constant(VECTOR, [factor] * LANES))
        return self._combined(self.builder.fmul, factors)

    def _combined(self, write, other):
        """Contracted: a product and a sum may become one instruction."""
        return Vector(self.builder, write(self.value, other.value, flags=["contract"]))


def transform(along_axis, length):
    """Make a function that takes squares of numbers to others, one axis after the other.

    The function takes flat arrays, for LANES channels at once: it reads source[begin + i * down +
    j * across + channel], and writes the transformed square to `target` likewise. If `bias` is not
    None, bias[first + channel] is added, and only so many rows, columns and lanes are written.
    """

    @intrinsic
    def apply(
        _,
        target,
        place,
        to_down,
        to_across,
        source,
        begin,
        down,
        across,
        bias,
        first,
        rows,
        columns,
        lanes,
    ):
        operands = target, place, to_down, to_across, source, begin, down, across
        signature = types.void(*operands, bias, first, rows, columns, lanes)
        final = bias is not types.none

        def generate(context, builder, signature, arguments):
            def data(i):
                return context.make_array(signature.args[i])(context, builder, arguments[i]).data

            def at(first, row, column, i, j):
                for step, times in ((row, i), (column, j)):
                    first = builder.add(first, builder.mul(step, ir.Constant(step.type, times)))
                return first

            _, place, to_down, to_across, _, begin, down, across, _, first, *ends, lanes = arguments
            source, target = data(4), data(0)

            def numbers(j):
                places = (at(begin, down, across, i, j) for i in range(length))
                return [Vector(builder, load(builder, source, place)) for place in places]

            added = Vector(builder, load(builder, data(8), first)) if final else None
            columns = [along_axis(*numbers(j)) for j in range(length)]
            for i, row in enumerate(zip(*columns, strict=True)):
                for j, number in enumerate(along_axis(*row)):
                    to = at(place, to_down, to_across, i, j)
                    if not final:
                        store(builder, number.value, target, to)
                        continue
                    inside = (
                        builder.icmp_signed(">", end, ir.Constant(end.type, index))
                        for end, index in zip(ends, (i, j), strict=True)
                    )
                    with builder.if_then(builder.and_(*inside)):
                        store(builder, (number + added).value, target, to, lanes=lanes)
            return context.get_dummy_value()

        return signature, generate

    return apply


transform_pixels = transform(of_pixels, SIDE)
transform_products = transform(of_products, SIDE)
transform_gradients = transform(of_gradients, RESULTS)
transform_taps = transform(of_taps, TAPS)
transform_sums = transform(of_sums, SIDE)
