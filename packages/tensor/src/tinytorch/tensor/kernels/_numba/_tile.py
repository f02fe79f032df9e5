"""How the register tile of `kernels.tile` is generated, instruction by instruction.

A tile is a block of results that stays in registers while everything that goes into it streams by.
"""

from types import SimpleNamespace

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

from tinytorch.tensor.kernels import njit

WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))
LANES = 16 if WIDE else 8
"""Numbers in one vector register."""
ROWS = 8 if WIDE else 4
"""Rows of a tile."""
COLUMNS = 2 * LANES
"""Columns of a tile: two vectors. ROWS * 2 sums, 2 factors and a broadcast fill the registers."""
LEAST = np.float32(-np.inf)
"""Results may be as small as this: nothing is cut off."""
COMPILED = {"error_model": "numpy"}
"""A division by zero raises nothing, as a way out of a loop keeps it from vectors."""
INNER = {**COMPILED, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""What only compiled functions call needs no way in from Python."""
INTEGER, BITS = ir.IntType(64), ir.IntType(32)
VECTOR = ir.VectorType(ir.FloatType(), LANES)
UNDEFINED = ir.Constant(VECTOR, ir.Undefined)

OPERANDS = (
    *("out", "place", "start", "begin", "again", "least", "a", "corner", "origins", "places"),
    *("first", "taps", "stride", "run", "b", "at", "row", "lanes", "by_channel"),
)
ARRAYS = "out", "start", "a", "origins", "places", "taps", "b"
"""Those of a tile's operands that are arrays."""


@intrinsic
def tile(
    _,
    out,
    place,
    start,
    begin,
    again,
    least,
    a,
    corner,
    origins,
    places,
    first,
    taps,
    stride,
    run,
    b,
    at,
    row,
    lanes,
    by_channel,
):
    """Compute out[p, c] = start[p, c] + the sum of all a[p, k] * b[k, c].

    It computes ROWS x COLUMNS results, of which the first `lanes` columns are written. With
    `lanes` of LANES at most only half of them are computed. The start is added last, so that a long
    sum which is made of many tiles keeps its digits; what is below `least` is cut off. If
    `by_channel`, channels do not mix: a[p, k] is a row of numbers too, and each is multiplied by
    its own b[k, c].

    All arrays are flat; places are in elements. Row p of the result lies at place + places[first +
    p], of the start at begin + again * places[first + p]. Row p of a begins at corner +
    origins[first + p]; there k visits each offset in `taps`, and from it `run` elements, `stride`
    apart. Row k of b lies at `at` + k * row. Whole vectors are read, few `lanes` or not.
    """
    operands = out, place, start, begin, again, least, a, corner, origins, places, first
    signature = types.void(*operands, taps, stride, run, b, at, row, lanes, by_channel)
    apart = by_channel is not types.none

    def generate(target, builder, signature, arguments):
        kinds = dict(zip(OPERANDS, signature.args, strict=True))
        given = SimpleNamespace(**dict(zip(OPERANDS, arguments, strict=True)))

        def array(name):
            return target.make_array(kinds[name])(target, builder, getattr(given, name))

        out, start, a, origins, places, taps, b = (array(name).data for name in ARRAYS)
        place, begin, lanes = given.place, given.begin, given.lanes
        rows = [builder.add(given.first, INTEGER(p)) for p in range(ROWS)]
        origins = [builder.load(builder.gep(origins, [p])) for p in rows]
        places = [builder.load(builder.gep(places, [p])) for p in rows]
        rows = [builder.gep(a, [builder.add(given.corner, origin)]) for origin in origins]
        floor = spread(builder, given.least)
        wide, narrow, done = (
            builder.append_basic_block(name) for name in ("wide", "narrow", "done")
        )
        builder.cbranch(builder.icmp_signed(">", lanes, INTEGER(LANES)), wide, narrow)
        for block, vectors in ((wide, 2), (narrow, 1)):
            builder.position_at_end(block)
            walk = taps, array("taps").nitems, given.stride, given.run, given.at, given.row
            sums = add_products(builder, rows, b, vectors, walk, by_channel=apart)
            add = builder.add
            cells = [
                (add(begin, builder.mul(given.again, to)), add(place, to), v, total)
                for to, totals in zip(places, sums, strict=True)
                for v, total in enumerate(totals)
            ]
            whole = builder.icmp_signed(">=", lanes, INTEGER(vectors * LANES))
            with builder.if_else(whole) as branches:
                for branch, mask in zip(branches, (None, lanes), strict=True):
                    with branch:
                        for source, to, v, total in cells:
                            value = builder.fadd(total, load(builder, start, source, v))
                            below = builder.fcmp_ordered("<", value, floor)
                            value = builder.select(below, floor, value)
                            store(builder, value, out, to, v, mask)
            builder.branch(done)
        builder.position_at_end(done)
        return target.get_dummy_value()

    return signature, generate


def add_products(builder, rows, b, vectors, walk, *, by_channel):
    """Write the loops of a tile that keep `vectors` sums for each row; give them row by row."""
    taps, count, stride, run, at, row = walk
    fma = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(VECTOR, [VECTOR] * 3), f"llvm.fma.v{LANES}f32"
    )
    cells = [(p, v) for p in range(ROWS) for v in range(vectors)]
    before = builder.block
    over_taps, over_run, after_run, after = (
        builder.append_basic_block(name) for name in ("taps", "run", "next", "done")
    )
    builder.branch(over_taps)

    builder.position_at_end(over_taps)
    t, from_b = builder.phi(INTEGER), builder.phi(INTEGER)
    sums = [builder.phi(VECTOR) for _ in cells]
    from_a = builder.load(builder.gep(taps, [t]))
    builder.branch(over_run)

    builder.position_at_end(over_run)
    k, in_a, in_b = (builder.phi(INTEGER) for _ in range(3))
    inner = [builder.phi(VECTOR) for _ in cells]
    factors = [load(builder, b, in_b, v) for v in range(vectors)]
    totals = []
    for i, (p, v) in enumerate(cells):
        if by_channel:
            other = load(builder, rows[p], in_a, v)
        elif v == 0:
            other = spread(builder, builder.load(builder.gep(rows[p], [in_a])))
        totals.append(builder.call(fma, [other, factors[v], inner[i]]))
    next_k = builder.add(k, INTEGER(1))
    next_a, next_b = builder.add(in_a, stride), builder.add(in_b, row)
    builder.cbranch(builder.icmp_signed("<", next_k, run), over_run, after_run)

    builder.position_at_end(after_run)
    next_t = builder.add(t, INTEGER(1))
    builder.cbranch(builder.icmp_signed("<", next_t, count), over_taps, after)

    nothing = ir.Constant(VECTOR, [0.0] * LANES)
    for phi, value in ((t, INTEGER(0)), (from_b, at), *((s, nothing) for s in sums)):
        phi.add_incoming(value, before)
    for phi, value in ((t, next_t), (from_b, next_b), *zip(sums, totals, strict=True)):
        phi.add_incoming(value, after_run)
    for phi, value in ((k, INTEGER(0)), (in_a, from_a), (in_b, from_b)):
        phi.add_incoming(value, over_taps)
    for phi, value in ((k, next_k), (in_a, next_a), (in_b, next_b)):
        phi.add_incoming(value, over_run)
    for phi, outer, total in zip(inner, sums, totals, strict=True):
        phi.add_incoming(outer, over_taps)
        phi.add_incoming(total, over_run)
    builder.position_at_end(after)
    return [totals[p * vectors : (p + 1) * vectors] for p in range(ROWS)]


def spread(builder, number):
    """Write a number into all lanes of a vector."""
    kind = ir.VectorType(BITS, LANES)
    vector = builder.insert_element(UNDEFINED, number, BITS(0))
    return builder.shuffle_vector(vector, UNDEFINED, ir.Constant(kind, [0] * LANES))


def vector_pointer(builder, data, place, v):
    """Point to vector v of those that begin at a place."""
    pointer = builder.gep(builder.gep(data, [place]), [INTEGER(v * LANES)])
    return builder.bitcast(pointer, VECTOR.as_pointer())


def load(builder, data, place, v=0):
    """Load vector v of those that begin at a place."""
    return builder.load(vector_pointer(builder, data, place, v), align=4)


def store(builder, value, data, place, v=0, lanes=None):
    """Store vector v of those that begin at a place, or the part of it that is among the lanes."""
    pointer = vector_pointer(builder, data, place, v)
    if lanes is None:
        builder.store(value, pointer, align=4)
        return
    mask = among(builder, lanes, v)
    masked = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(ir.VoidType(), [VECTOR, pointer.type, BITS, mask.type]),
        f"llvm.masked.store.v{LANES}f32.p0",
    )
    builder.call(masked, [value, pointer, BITS(4), mask])


def among(builder, lanes, v=0):
    """Tell of each number of vector v whether it is among so many lanes."""
    kind = ir.VectorType(INTEGER, LANES)
    undefined = ir.Constant(kind, ir.Undefined)
    zeros = ir.Constant(ir.VectorType(BITS, LANES), [0] * LANES)
    most = builder.insert_element(undefined, lanes, BITS(0))
    most = builder.shuffle_vector(most, undefined, zeros)
    numbers = ir.Constant(kind, [v * LANES + lane for lane in range(LANES)])
    return builder.icmp_signed("<", numbers, most)


@intrinsic
def memory(_, address):
    """The array of one float32 at an address, behind which others may be read."""
    kind = types.Array(types.float32, 1, "C")

    def generate(target, builder, _, arguments):
        array = target.make_array(kind)(target, builder)
        size = ir.Constant(INTEGER, 4)
        one = cgutils.pack_array(builder, [INTEGER(1)])
        steps = cgutils.pack_array(builder, [size])
        data = builder.inttoptr(arguments[0], ir.FloatType().as_pointer())
        arrayobj.populate_array(array, data, one, steps, size, None)
        return array._getvalue()  # noqa: SLF001 - as numba itself returns a structure

    return kind(address), generate


@njit(**INNER)
def multiples(count, step):
    """0, step, 2 * step and so on."""
    places = np.empty(count, np.int64)
    for i in range(count):
        places[i] = i * step
    return places
