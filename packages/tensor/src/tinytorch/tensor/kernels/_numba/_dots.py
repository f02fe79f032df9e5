"""Products of a few rows with the rows of a weight: float32, for a linear layer and a small batch.

BLAS copies both operands into an order of its own first, which pays once a weight meets many rows.
Here both lie as they are: a vector takes the next numbers of a row of each, and the lanes of the
sums are added up in the end.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tinytorch.tensor.kernels import parallel, room, writable
from tinytorch.tensor.kernels._numba._tile import (
    BITS,
    COMPILED,
    INTEGER,
    LANES,
    VECTOR,
    WIDE,
    among,
    load,
    vector_pointer,
)

SIDE = 4 if WIDE else 3
"""Rows of either operand at a time: SIDE**2 sums and SIDE + 1 factors are in registers."""
FEW_ROWS = 96
"""With more rows BLAS is as fast."""
LITTLE = 1 << 16
"""With fewer multiplications BLAS is done before a kernel has begun."""
MULTIPLICATIONS = 128
"""So many take as long as one element of other loops."""
LONG = 1 << 12
"""Terms of a sum that keeps its digits, as each lane adds a part of them."""
MOST_BYTES = 1 << 23
"""A larger weight comes from memory: BLAS reads it once."""
LEAST_BYTES = 1 << 20
"""A weight that one row meets: a smaller one is in the core's own cache, and BLAS is faster."""
BLOCK_BYTES = 2**15
"""Rows of a weight of so many bytes meet all others while the core has them at hand."""


def few_rows(x, weight, bias):
    """x @ weight.T + bias for (..., terms), (columns, terms) and (columns,), if BLAS is slower."""
    columns, terms = weight.shape
    rows = x.size // terms if terms else 0
    work = rows * terms * columns
    if rows == 1 and weight.nbytes >= LEAST_BYTES and x.shape[-1] == terms <= LONG:
        return one_row(x, weight, bias)
    if not SIDE <= rows <= FEW_ROWS or min(terms, columns) < LANES or x.shape[-1] != terms:
        return NotImplemented
    if not work > LITTLE or terms > LONG or weight.nbytes > MOST_BYTES:
        return NotImplemented
    if not (x.flags.c_contiguous and weight.flags.c_contiguous):
        return NotImplemented
    out = room((*x.shape[:-1], columns), np.float32)
    start = np.zeros(columns, np.float32) if bias is None else np.ascontiguousarray(bias)
    block = max(1, BLOCK_BYTES // (4 * terms * SIDE)) * SIDE
    operands = (writable(a).reshape(-1) for a in (x, weight, start))
    sizes = rows, columns, terms, block
    blocks = -(-columns // block)
    multiply_rows(blocks, work // MULTIPLICATIONS, *operands, out.reshape(-1), sizes)
    return out


def one_row(x, weight, bias):
    """The same where x is one row, and threads read the weight: nothing else takes time."""
    if not weight.flags.c_contiguous:
        return NotImplemented
    out = np.zeros(len(weight), np.float32)
    if bias is not None:
        out[:] = bias
    row = writable(np.ascontiguousarray(x)).reshape(-1)
    read_weight(len(weight), weight.size, row, writable(weight), out)
    return out.reshape(*x.shape[:-1], -1)


@parallel(**COMPILED, fastmath={"reassoc", "contract"})
def read_weight(begin, end, x, weight, out):
    """Add to each result the product of x and a row of the weight."""
    for row in range(begin, end):
        total = np.float32(0)
        for k in range(len(x)):
            total += x[k] * weight[row, k]
        out[row] += total


@parallel(**COMPILED)
def multiply_rows(begin, end, x, weight, start, out, sizes):
    """Compute the products of all rows of x with some blocks of rows of the weight."""
    rows, columns, terms, block = sizes
    for first in range(begin * block, min(end * block, columns), block):
        for row in range(0, rows, SIDE):
            high = min(SIDE, rows - row)
            for column in range(first, min(first + block, columns), SIDE):
                dots(
                    out,
                    row * columns + column,
                    columns,
                    start,
                    column,
                    high,
                    min(SIDE, columns - column),
                    x,
                    row * terms,
                    weight,
                    column * terms,
                    terms,
                )


@intrinsic
def dots(_, out, place, step, start, begin, high, wide, x, from_x, w, from_w, terms):
    """Compute out[p, c] = start[c] + the sum of all x[p, k] * w[c, k], for `high` x `wide` results.

    All arrays are flat: the results begin at `place`, with their rows `step` apart, the starts at
    `begin`, the rows at from_x and from_w, one directly after the other. At most SIDE x SIDE are
    computed; what is beyond `high` and `wide` is the last row once more.
    """
    signature = types.void(out, place, step, start, begin, high, wide, x, from_x, w, from_w, terms)

    def generate(target, builder, signature, arguments):
        kinds = signature.args
        (out, start, x, w) = (
            target.make_array(kinds[i])(target, builder, arguments[i]).data for i in (0, 3, 7, 9)
        )
        place, step, begin, high, wide, from_x, from_w, terms = (
            arguments[i] for i in (1, 2, 4, 5, 6, 8, 10, 11)
        )
        add, mul = builder.add, builder.mul
        down = [at_most(builder, p, high) for p in range(SIDE)]
        across = [at_most(builder, c, wide) for c in range(SIDE)]
        of_x = [add(from_x, mul(p, terms)) for p in down]
        of_w = [add(from_w, mul(c, terms)) for c in across]
        whole = mul(builder.udiv(terms, INTEGER(LANES)), INTEGER(LANES))
        sums = add_products(builder, x, of_x, w, of_w, whole)
        left = builder.sub(terms, whole)
        with_rest = builder.append_basic_block("rest")
        ready = builder.append_basic_block("ready")
        before = builder.block
        builder.cbranch(builder.icmp_signed(">", left, INTEGER(0)), with_rest, ready)
        builder.position_at_end(with_rest)
        more = fused(
            builder,
            sums,
            *(
                [part(builder, data, add(at, whole), left) for at in places]
                for data, places in ((x, of_x), (w, of_w))
            ),
        )
        builder.branch(ready)
        builder.position_at_end(ready)
        for i, (total, longer) in enumerate(zip(sums, more, strict=True)):
            both = builder.phi(VECTOR)
            both.add_incoming(total, before)
            both.add_incoming(longer, with_rest)
            sums[i] = both
        for i, total in enumerate(sums):
            p, c = down[i // SIDE], across[i % SIDE]
            first = builder.load(builder.gep(start, [add(begin, c)]))
            to = builder.gep(out, [add(place, add(mul(p, step), c))])
            builder.store(lanes_added(builder, first, total), to)
        return target.get_dummy_value()

    return signature, generate


def add_products(builder, x, of_x, w, of_w, whole):
    """Write the loop over whole vectors; give the SIDE**2 sums."""
    nothing = ir.Constant(VECTOR, [0.0] * LANES)
    before = builder.block
    loop, after = builder.append_basic_block("loop"), builder.append_basic_block("after")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(INTEGER)
    sums = [builder.phi(VECTOR) for _ in range(SIDE**2)]
    totals = fused(
        builder,
        sums,
        *(
            [load(builder, data, builder.add(at, k)) for at in places]
            for data, places in ((x, of_x), (w, of_w))
        ),
    )
    following = builder.add(k, INTEGER(LANES))
    builder.cbranch(builder.icmp_signed("<", following, whole), loop, after)
    for phi, first, value in (
        (k, INTEGER(0), following),
        *((s, nothing, t) for s, t in zip(sums, totals, strict=True)),
    ):
        phi.add_incoming(first, before)
        phi.add_incoming(value, builder.block)
    builder.position_at_end(after)
    return totals


def fused(builder, sums, xs, ws):
    """Add the products of vectors to the sums."""
    fma = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(VECTOR, [VECTOR] * 3), f"llvm.fma.v{LANES}f32"
    )
    pairs = ((x, w) for x in xs for w in ws)
    return [builder.call(fma, [x, w, s]) for s, (x, w) in zip(sums, pairs, strict=True)]


def part(builder, data, place, lanes):
    """Load the first numbers of a vector, and zeros for the others."""
    pointer, mask = vector_pointer(builder, data, place, 0), among(builder, lanes)
    masked = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(VECTOR, [pointer.type, BITS, mask.type, VECTOR]),
        f"llvm.masked.load.v{LANES}f32.p0",
    )
    return builder.call(masked, [pointer, BITS(4), mask, ir.Constant(VECTOR, [0.0] * LANES)])


def lanes_added(builder, first, vector):
    """Add all numbers of a vector to the first one, in whatever order is fast."""
    number = ir.FloatType()
    reduce = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(number, [number, VECTOR]),
        f"llvm.vector.reduce.fadd.v{LANES}f32",
    )
    return builder.call(reduce, [first, vector], fastmath=("reassoc",))


def at_most(builder, number, count):
    """The number, or the last one below the count."""
    last = builder.sub(count, INTEGER(1))
    below = builder.icmp_signed("<", INTEGER(number), count)
    return builder.select(below, INTEGER(number), last)
