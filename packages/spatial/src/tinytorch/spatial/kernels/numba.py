"""Numba kernels: convolution by register tiles, normalization and pooling in one pass over memory.

The heart is `tile`: a block of results that stays in registers while everything that goes into it
streams by. All three convolution ops are made of it. The rest saves memory traffic: each kernel
reads its images once or twice and writes its result once, on all threads.
"""

import weakref

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import get_num_threads, njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from tinytorch.spatial import ops
from tinytorch.spatial._geometry import window_count
from tinytorch.spatial._layout import channels_first, channels_last
from tinytorch.spatial._memory import room
from tinytorch.tensor.kernels import kernel

WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))
LANES = 16 if WIDE else 8
"""Numbers in one vector register."""
PIXELS = 8 if WIDE else 4
"""Rows of a tile: its results of one output channel."""
CHANNELS = 2 * LANES
"""Columns of a tile: two vectors. PIXELS * 2 sums, 2 factors and a broadcast fill the registers."""
NO_PADDING = ((0, 0), (0, 0))
CHUNK = 128
"""Pixels that a thread adds up at a time for the weight gradient."""
SCRATCH_BYTES = 2**18
"""What a thread unpacks at a time: it stays in the core's own cache."""
SQUARES = 64
"""Squares of 2 x 2 results that a thread computes at a time."""
OF_PIXELS = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
"""B' of Winograd's algorithm: from 4 pixels to 4 factors."""
OF_PRODUCTS = ((1, 1, 1, 0), (0, 1, -1, -1))
"""A' of Winograd's algorithm: from 4 products to 2 results."""
COMPILED = {"cache": True, "error_model": "numpy"}
"""Kept on disk; a division by zero raises nothing, as a way out of a loop keeps it from vectors."""


@intrinsic
def tile(
    _, out, place, step, start, begin, again, a, origins, first, taps, stride, run, b, at, row
):
    """Compute PIXELS x CHANNELS results: out[p, c] = start[p, c] + the sum of a[p, k] b[k, c].

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
        initial = [
            builder.load(
                offset(start, begin, builder.mul(again, constant(p)), constant(v * LANES)), align=4
            )
            for p, v in cells
        ]
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

        for phi, value in ((t, constant(0)), (from_b, at), *zip(sums, initial, strict=True)):
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
            target_row = builder.add(place, builder.mul(step, constant(p)))
            builder.store(total, offset(out, target_row, constant(v * LANES)), align=4)
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


transform_pixels = transform(OF_PIXELS)
transform_products = transform(OF_PRODUCTS)
transform_gradients = transform(tuple(zip(*OF_PRODUCTS, strict=True)))


@njit(parallel=True, **COMPILED)
def correlate(x, weights, bias, out, kernel_size, stride, corner, dilation, threads):
    """Convolve x (batch, height, width, channels) into out (batch, rows, columns, out channels).

    `weights` are (blocks, taps and channels, CHANNELS), `bias` is (blocks * CHANNELS,); `corner` is
    how far the first window lies above and left of the image.
    """
    batch, channels = x.shape[0], x.shape[3]
    rows, columns, channels_out = out.shape[1:]
    reach = (kernel_size[0] - 1) * dilation[0] + 1, (kernel_size[1] - 1) * dilation[1] + 1
    wide = (columns - 1) * stride[1] + reach[1]
    band = rows
    while band > 1 and (
        ((band - 1) * stride[0] + reach[0]) * wide * channels * 4 > SCRATCH_BYTES
        or batch * -(-rows // band) < 2 * threads
    ):
        band = (band + 1) // 2
    bands = -(-rows // band)
    high = (band - 1) * stride[0] + reach[0]
    origins = window_origins(band, columns, stride, wide * channels, channels)
    taps, run = runs(kernel_size, dilation, wide * channels, channels)
    blocks, depth, _ = weights.shape
    flat_out, flat_weights = out.reshape(-1), weights.reshape(-1)
    for task in prange(batch * bands):
        image, top = task // bands, task % bands * band
        count = min(band, rows - top) * columns
        scratch = np.empty(high * wide * channels, np.float32)
        unpack(x[image], scratch, top * stride[0] - corner[0], -corner[1], high, wide)
        corner_tile = np.empty(PIXELS * CHANNELS, np.float32)
        begin = (image * rows + top) * columns
        for block in range(blocks):
            last = channels_out - block * CHANNELS
            for first in range(0, count, PIXELS):
                place = (begin + first) * channels_out + block * CHANNELS
                whole = first + PIXELS <= count and last >= CHANNELS
                tile(
                    flat_out if whole else corner_tile,
                    place if whole else 0,
                    channels_out if whole else CHANNELS,
                    bias,
                    block * CHANNELS,
                    0,
                    scratch,
                    origins,
                    first,
                    taps,
                    1,
                    run,
                    flat_weights,
                    block * depth * CHANNELS,
                    CHANNELS,
                )
                if not whole:
                    for p in range(min(PIXELS, count - first)):
                        for c in range(min(CHANNELS, last)):
                            flat_out[place + p * channels_out + c] = corner_tile[p * CHANNELS + c]


@njit(**COMPILED)
def window_origins(rows, columns, stride, row, channels):
    """Where each window begins in an unpacked image; the last repeats to fill a tile."""
    origins = np.empty(rows * columns + PIXELS, np.int64)
    for y in range(rows):
        for x in range(columns):
            origins[y * columns + x] = y * stride[0] * row + x * stride[1] * channels
    origins[rows * columns :] = origins[rows * columns - 1]
    return origins


@njit(**COMPILED)
def runs(kernel_size, dilation, row, channels):
    """Where runs of taps lie from the origin of a window, and how many elements each has."""
    if dilation[1] == 1:
        return np.arange(kernel_size[0]) * dilation[0] * row, kernel_size[1] * channels
    taps = np.empty(kernel_size[0] * kernel_size[1], np.int64)
    for i in range(kernel_size[0]):
        for j in range(kernel_size[1]):
            taps[i * kernel_size[1] + j] = i * dilation[0] * row + j * dilation[1] * channels
    return taps, channels


@njit(**COMPILED)
def unpack(image, scratch, top, left, high, wide):
    """Copy high x wide pixels from (top, left) of (height, width, channels), zeros outside."""
    height, width, channels = image.shape
    first, last = max(0, -left), max(0, min(wide, width - left))
    for y in range(high):
        row = scratch[y * wide * channels : (y + 1) * wide * channels]
        if 0 <= top + y < height and first < last:
            row[: first * channels] = 0
            source = image[top + y].reshape(-1)
            to, place = np.uint64(first * channels), np.uint64((first + left) * channels)
            for e in range(np.uint64((last - first) * channels)):  # see multiply_add
                row[to + e] = source[place + e]
            row[last * channels :] = 0
        else:
            row[:] = 0


@njit(parallel=True, **COMPILED)
def correlate_weights(x, g, sums, kernel_size, stride, corner, dilation):
    """Add up x * g over all windows: sums (threads, taps and channels, out channels), zeros before.

    x is (batch, height, width, channels), g (batch, rows, columns, out channels); the last two axes
    of `sums` are whole tiles.
    """
    batch, channels = x.shape[0], x.shape[3]
    rows, columns, channels_out = g.shape[1:]
    threads, depth, padded_out = sums.shape
    reach = (kernel_size[0] - 1) * dilation[0] + 1, (kernel_size[1] - 1) * dilation[1] + 1
    wide = (columns - 1) * stride[1] + reach[1]
    group = max(1, min(-(-batch // threads), CHUNK // (rows * columns)))
    band = min(rows, -(-CHUNK // columns))
    bands, groups = -(-rows // band), -(-batch // group)
    high = (band - 1) * stride[0] + reach[0]
    size = high * wide * channels
    elements = window_elements(kernel_size, dilation, wide, channels, depth)
    direct = channels_out == padded_out
    flat, flat_g = sums.reshape(-1), g.reshape(-1)
    for thread in prange(threads):
        scratch = np.empty(group * size, np.float32)
        pixels = np.empty(0 if direct else padded_out * group * band * columns, np.float32)
        taps = np.empty(group * band, np.int64)
        for task in range(thread, groups * bands, threads):
            top, first = task % bands * band, task // bands * group
            images, lines = min(group, batch - first), min(band, rows - top)
            for i in range(images):
                window = scratch[i * size : (i + 1) * size]
                unpack(x[first + i], window, top * stride[0] - corner[0], -corner[1], high, wide)
                for y in range(lines):
                    taps[i * lines + y] = i * size + y * stride[0] * wide * channels
            count, begin = images * lines * columns, (first * rows + top) * columns * channels_out
            if not direct:
                by_block(flat_g, begin, count, channels_out, pixels)
            for block in range(padded_out // CHANNELS):
                for element in range(0, depth, PIXELS):
                    place = (thread * depth + element) * padded_out + block * CHANNELS
                    tile(
                        flat,
                        place,
                        padded_out,
                        flat,
                        place,
                        padded_out,
                        scratch,
                        elements,
                        element,
                        taps[: images * lines],
                        stride[1] * channels,
                        columns,
                        flat_g if direct else pixels,
                        begin + block * CHANNELS if direct else block * count * CHANNELS,
                        channels_out if direct else CHANNELS,
                    )


@njit(**COMPILED)
def window_elements(kernel_size, dilation, wide, channels, depth):
    """Where the elements of a window lie from its origin; the last repeats to fill a tile."""
    elements = np.empty(depth, np.int64)
    count = kernel_size[0] * kernel_size[1] * channels
    for e in range(count):
        tap, c = e // channels, e % channels
        i, j = tap // kernel_size[1], tap % kernel_size[1]
        elements[e] = (i * dilation[0] * wide + j * dilation[1]) * channels + c
    elements[count:] = elements[count - 1]
    return elements


@njit(**COMPILED)
def by_block(flat, begin, count, channels, pixels):
    """Copy `count` pixels as (blocks of channels, pixels, CHANNELS), with zeros to fill."""
    place = 0
    for first in range(0, channels, CHANNELS):
        for p in range(count):
            source = begin + p * channels + first
            for c in range(min(CHANNELS, channels - first)):
                pixels[place + c] = flat[source + c]
            for c in range(channels - first, CHANNELS):
                pixels[place + c] = 0
            place += CHANNELS


@njit(**COMPILED)
def chunks(batch, down, across, threads, weights):
    """How many rows of squares, and of images, to take at a time: more for many weights."""
    squares = SQUARES if weights <= 2**14 else 2 * SQUARES if weights <= 2**16 else 4 * SQUARES
    group = max(1, min(-(-batch // threads), squares // (down * across)))
    band = min(down, -(-squares // across))
    if batch < threads:
        band = min(band, -(-down // threads))
    return band, group


@njit(parallel=True, **COMPILED)
def winograd(x, factors, bias, out, corner, threads):
    """Convolve by 3 x 3 kernels in squares of 2 x 2 results, with 16 products in place of 36.

    x is (batch, height, width, channels), `factors` (blocks, 16, channels, CHANNELS) transformed
    kernels, `bias` (blocks * CHANNELS,), out (batch, rows, columns, out channels).
    """
    batch, channels = x.shape[0], x.shape[3]
    rows, columns, channels_out = out.shape[1:]
    down, across = (rows + 1) // 2, (columns + 1) // 2
    band, group = chunks(batch, down, across, threads, channels * channels_out)
    bands, groups = -(-down // band), -(-batch // group)
    most = -(-group * band * across // PIXELS) * PIXELS
    origins = np.arange(most) * channels
    flat = factors.reshape(-1)
    nothing = np.zeros(CHANNELS, np.float32)
    for thread in prange(threads):
        scratch = np.empty((2 * band + 2) * (2 * across + 2) * channels, np.float32)
        squares = np.zeros(16 * most * channels, np.float32)
        products = np.empty(16 * most * CHANNELS, np.float32)
        edge = np.empty(4 * LANES, np.float32)
        for task in range(thread, groups * bands, threads):
            top, first = task % bands * band, task // bands * group
            images, lines = min(group, batch - first), min(band, down - top)
            count = images * lines * across
            padded = -(-count // PIXELS) * PIXELS
            for i in range(images):
                place = i * lines * across
                pixel_squares(
                    x[first + i], scratch, squares, top, lines, across, corner, place, padded
                )
            taps = np.arange(16) * padded * channels
            for block in range(len(factors)):
                for k in range(16):
                    at = (block * 16 + k) * channels * CHANNELS
                    for p in range(0, padded, PIXELS):
                        tile(
                            products,
                            (k * padded + p) * CHANNELS,
                            CHANNELS,
                            bias if k == 5 else nothing,  # it goes into all four results
                            block * CHANNELS if k == 5 else 0,
                            0,
                            squares,
                            origins,
                            p,
                            taps[k : k + 1],
                            1,
                            channels,
                            flat,
                            at,
                            CHANNELS,
                        )
                for i in range(images):
                    for y in range(lines):
                        product_squares(
                            products,
                            (i * lines + y) * across * CHANNELS,
                            padded * CHANNELS,
                            out[first + i],
                            2 * (top + y),
                            block * CHANNELS,
                            edge,
                        )


@njit(**COMPILED)
def product_squares(products, begin, step, image, line, channel, edge):
    """Compute A' m A for each square of 4 x 4 products m in a row: two lines of results."""
    rows, columns, channels = image.shape
    flat = image.reshape(-1)
    for column in range(0, columns, 2):
        whole = line + 2 <= rows and column + 2 <= columns
        to = (line * columns + column) * channels + channel
        source = begin + column // 2 * CHANNELS
        for c in range(0, min(CHANNELS, channels - channel), LANES):
            if whole:
                transform_products(
                    flat, to + c, columns * channels, channels, products, source + c, 4 * step, step
                )
            else:
                transform_products(edge, 0, 2 * LANES, LANES, products, source + c, 4 * step, step)
                for i in range(min(2, rows - line)):
                    for j in range(min(2, columns - column)):
                        place = to + (i * columns + j) * channels + c
                        flat[place : place + LANES] = edge[(2 * i + j) * LANES :][:LANES]


@njit(**COMPILED)
def pixel_squares(image, scratch, squares, top, lines, across, corner, place, padded):
    """Compute B' d B for each square of 4 x 4 pixels d, two apart: (16, padded, channels)."""
    channels = image.shape[2]
    high, wide = 2 * lines + 2, 2 * across + 2
    unpack(image, scratch, 2 * top - corner[0], -corner[1], high, wide)
    step = padded * channels
    for y in range(lines):
        for x in range(across):
            source = (2 * y * wide + 2 * x) * channels
            to = (place + y * across + x) * channels
            for c in range(0, channels, LANES):
                transform_pixels(
                    squares,
                    to + c,
                    4 * step,
                    step,
                    scratch,
                    source + c,
                    wide * channels,
                    channels,
                )


@njit(parallel=True, **COMPILED)
def winograd_weights(x, g, sums, corner):
    """Add up the transformed weight gradients: sums (threads, 16, channels, out channels)."""
    batch, channels = x.shape[0], x.shape[3]
    rows, columns, channels_out = g.shape[1:]
    threads, padded_out = sums.shape[0], sums.shape[3]
    down, across = (rows + 1) // 2, (columns + 1) // 2
    band, group = chunks(batch, down, across, threads, channels * channels_out)
    bands, groups = -(-down // band), -(-batch // group)
    most = group * band * across
    elements = np.arange(channels)
    flat = sums.reshape(-1)
    for thread in prange(threads):
        scratch = np.empty((2 * band + 2) * (2 * across + 2) * channels, np.float32)
        arrived = np.empty(2 * band * 2 * across * channels_out, np.float32)
        squares = np.empty(16 * most * channels, np.float32)
        gradients = np.zeros(16 * most * padded_out, np.float32)
        for task in range(thread, groups * bands, threads):
            top, first = task % bands * band, task // bands * group
            images, lines = min(group, batch - first), min(band, down - top)
            count = images * lines * across
            for i in range(images):
                place = i * lines * across
                pixel_squares(
                    x[first + i], scratch, squares, top, lines, across, corner, place, count
                )
                unpack(g[first + i], arrived, 2 * top, 0, 2 * lines, 2 * across)
                for square in range(lines * across):
                    y, column = square // across, square % across
                    source = (2 * y * 2 * across + 2 * column) * channels_out
                    for c in range(0, channels_out, LANES):
                        transform_gradients(
                            gradients,
                            (place + square) * padded_out + c,
                            4 * count * padded_out,
                            count * padded_out,
                            arrived,
                            source + c,
                            2 * across * channels_out,
                            channels_out,
                        )
            taps = np.arange(16) * count * channels
            for k in range(16):
                for block in range(0, padded_out, CHANNELS):
                    for element in range(0, channels, PIXELS):
                        place = ((thread * 16 + k) * channels + element) * padded_out + block
                        tile(
                            flat,
                            place,
                            padded_out,
                            flat,
                            place,
                            padded_out,
                            squares,
                            elements,
                            element,
                            taps[k : k + 1],
                            channels,
                            count,
                            gradients,
                            k * count * padded_out + block,
                            padded_out,
                        )


@njit(parallel=True, **COMPILED)
def transform_kernels(w, factors, flipped):
    """Compute G w G' for each kernel: (out, channels, 3, 3) to (blocks, 16, channels, CHANNELS).

    `flipped` kernels are those of the way back: taps mirrored, input and output channels swapped.
    """
    channels_out = w.shape[1] if flipped else w.shape[0]
    half = np.float32(0.5)
    for block in prange(len(factors)):
        rows = np.empty((4, 3), np.float32)
        for c in range(factors.shape[2]):
            for lane in range(min(CHANNELS, channels_out - block * CHANNELS)):
                o = block * CHANNELS + lane
                for j in range(3):
                    if flipped:
                        w0, w1, w2 = w[c, o, 2, 2 - j], w[c, o, 1, 2 - j], w[c, o, 0, 2 - j]
                    else:
                        w0, w1, w2 = w[o, c, 0, j], w[o, c, 1, j], w[o, c, 2, j]
                    rows[0, j], rows[3, j] = w0, w2
                    rows[1, j], rows[2, j] = half * (w0 + w1 + w2), half * (w0 - w1 + w2)
                for i in range(4):
                    w0, w1, w2 = rows[i]
                    factors[block, 4 * i, c, lane] = w0
                    factors[block, 4 * i + 1, c, lane] = half * (w0 + w1 + w2)
                    factors[block, 4 * i + 2, c, lane] = half * (w0 - w1 + w2)
                    factors[block, 4 * i + 3, c, lane] = w2


@njit(parallel=True, **COMPILED)
def collect_weights(sums, out):
    """Compute G' s G of the sums s of all threads: the gradient (out channels, channels, 3, 3)."""
    half = np.float32(0.5)
    for o in prange(len(out)):
        rows = np.empty((3, 4), np.float32)
        for c in range(out.shape[1]):
            for j in range(4):
                s0, s1, s2, s3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
                for thread in range(len(sums)):
                    s0 += sums[thread, j, c, o]
                    s1 += sums[thread, 4 + j, c, o]
                    s2 += sums[thread, 8 + j, c, o]
                    s3 += sums[thread, 12 + j, c, o]
                rows[0, j] = s0 + half * (s1 + s2)
                rows[1, j] = half * (s1 - s2)
                rows[2, j] = s3 + half * (s1 + s2)
            for i in range(3):
                s0, s1, s2, s3 = rows[i]
                out[o, c, i, 0] = s0 + half * (s1 + s2)
                out[o, c, i, 1] = half * (s1 - s2)
                out[o, c, i, 2] = s3 + half * (s1 + s2)


@njit(**COMPILED)
def multiply_add(target, to, one, first, two, second, count):
    """Add one * two to the target, element by element, each from its place on.

    Unsigned places cannot mean "from the end", which would keep the loop from vectors.
    """
    to, first, second = np.uint64(to), np.uint64(first), np.uint64(second)
    for e in range(np.uint64(count)):
        target[to + e] += one[first + e] * two[second + e]


@njit(parallel=True, **COMPILED)
def depthwise(x, w, out, stride, corner, dilation):
    """Convolve each channel by its own kernel: w (height, width, channels), out holds a bias."""
    height, width, channels = x.shape[1:]
    rows, columns = out.shape[1:3]
    flat, flat_w, flat_out = x.reshape(-1), w.reshape(-1), out.reshape(-1)
    for line in prange(len(x) * rows):
        n, y = line // rows, line % rows
        for i in range(w.shape[0]):
            row = y * stride[0] + i * dilation[0] - corner[0]
            if not 0 <= row < height:
                continue
            for j in range(w.shape[1]):
                tap = (i * w.shape[1] + j) * channels
                for column in range(columns):
                    place = column * stride[1] + j * dilation[1] - corner[1]
                    if 0 <= place < width:
                        source = ((n * height + row) * width + place) * channels
                        to = (line * columns + column) * channels
                        multiply_add(flat_out, to, flat, source, flat_w, tap, channels)


@njit(parallel=True, **COMPILED)
def depthwise_weights(x, g, sums, stride, corner, dilation):
    """Add up x * g for each channel: sums (threads, kernel height, kernel width, channels)."""
    height, width, channels = x.shape[1:]
    rows, columns = g.shape[1:3]
    flat, flat_g, threads = x.reshape(-1), g.reshape(-1), len(sums)
    for thread in prange(threads):
        total = np.zeros(sums[0].size, np.float32)
        for n in range(thread * len(x) // threads, (thread + 1) * len(x) // threads):
            for y in range(rows):
                for i in range(sums.shape[1]):
                    row = y * stride[0] + i * dilation[0] - corner[0]
                    if not 0 <= row < height:
                        continue
                    for j in range(sums.shape[2]):
                        tap = (i * sums.shape[2] + j) * channels
                        for column in range(columns):
                            place = column * stride[1] + j * dilation[1] - corner[1]
                            if 0 <= place < width:
                                source = ((n * height + row) * width + place) * channels
                                arrived = ((n * rows + y) * columns + column) * channels
                                multiply_add(total, tap, flat, source, flat_g, arrived, channels)
        sums[thread] = total.reshape(sums.shape[1:])


@kernel(ops.conv2d)
def conv2d(x, w, b=None, *, stride=(1, 1), padding=NO_PADDING, dilation=(1, 1), groups=1):
    """Convolve by tiles, or channel by channel: float32, one group or depthwise."""
    if not served(x, w) or (b is not None and b.dtype != np.float32):
        return NotImplemented
    if groups != 1 and not groups == x.shape[1] == w.shape[0]:
        return NotImplemented
    channels_out, _, *kernel_size = w.shape
    rows, columns = (
        window_count(*axis)
        for axis in zip(x.shape[2:], kernel_size, stride, padding, dilation, strict=True)
    )
    bias = np.zeros(-(-channels_out // CHANNELS) * CHANNELS, np.float32)
    if b is not None:
        bias[:channels_out] = b
    out = room((len(x), rows, columns, channels_out), np.float32)
    corner = padding[0][0], padding[1][0]
    if groups != 1:
        out[...] = bias[:channels_out]
        taps = np.ascontiguousarray(w[:, 0].transpose(1, 2, 0))
        depthwise(channels_last(x), taps, out, stride, corner, dilation)
    elif by_squares(w.shape, stride, dilation):
        convolve_squares(x, w, bias, out, corner, flipped=False)
    else:
        convolve_windows(x, w, bias, out, stride, corner, dilation)
    return channels_first(out)


def convolve_squares(x, w, bias, out, corner, flipped):
    """Convolve by Winograd's algorithm."""
    shape = len(bias) // CHANNELS, 16, x.shape[1], CHANNELS
    factors = np.zeros(shape, np.float32)
    transform_kernels(np.ascontiguousarray(w), factors, flipped)
    winograd(channels_last(x), factors, bias, out, corner, get_num_threads())


def convolve_windows(x, w, bias, out, stride, corner, dilation):
    """Convolve window by window."""
    channels_out, _, *kernel_size = w.shape
    depth = w.size // channels_out
    weights = np.zeros((depth, len(bias)), np.float32)
    weights[:, :channels_out] = w.transpose(2, 3, 1, 0).reshape(depth, channels_out)
    weights = np.ascontiguousarray(weights.reshape(depth, -1, CHANNELS).swapaxes(0, 1))
    settings = tuple(kernel_size), stride, corner, dilation, get_num_threads()
    correlate(channels_last(x), weights, bias, out, *settings)


@kernel(ops.conv2d_input_gradient)
def conv2d_input_gradient(
    g, w, *, size, stride=(1, 1), padding=NO_PADDING, dilation=(1, 1), groups=1
):
    """Convolve with the flipped kernels: float32, stride 1, one group or depthwise."""
    if stride != (1, 1) or not served(g, w) or (groups != 1 and not groups == len(w) == g.shape[1]):
        return NotImplemented
    corner = [
        d * (k - 1) - before
        for d, k, (before, _) in zip(dilation, w.shape[2:], padding, strict=True)
    ]
    channels = w.shape[1] * groups
    bias = np.zeros(-(-channels // CHANNELS) * CHANNELS, np.float32)
    out = room((len(g), *size, channels), np.float32)
    if groups != 1:
        out.fill(0)
        taps = np.ascontiguousarray(w[:, 0, ::-1, ::-1].transpose(1, 2, 0))
        depthwise(channels_last(g), taps, out, stride, tuple(corner), dilation)
    elif by_squares(w.shape, stride, dilation):
        convolve_squares(g, w, bias, out, tuple(corner), flipped=True)
    else:
        flipped = w.swapaxes(0, 1)[..., ::-1, ::-1]
        convolve_windows(g, flipped, bias, out, stride, tuple(corner), dilation)
    return channels_first(out)


@kernel(ops.conv2d_weight_gradient)
def conv2d_weight_gradient(
    g, x, *, size, stride=(1, 1), padding=NO_PADDING, dilation=(1, 1), groups=1
):
    """Correlate by tiles, or channel by channel: float32, one group or depthwise."""
    channels, channels_out = x.shape[1], g.shape[1]
    if not served(g, x) or (groups != 1 and not groups == channels == channels_out):
        return NotImplemented
    corner = padding[0][0], padding[1][0]
    images, pixels, threads = channels_last(x), channels_last(g), get_num_threads()
    if groups != 1:
        sums = np.zeros((threads, *size, channels), np.float32)
        depthwise_weights(images, pixels, sums, stride, corner, dilation)
        return np.ascontiguousarray(sums.sum(axis=0).transpose(2, 0, 1)[:, None])
    if by_squares((channels_out, channels, *size), stride, dilation):
        sums = np.zeros(
            (threads, 16, channels, -(-channels_out // CHANNELS) * CHANNELS), np.float32
        )
        winograd_weights(images, pixels, sums, corner)
        total = np.empty((channels_out, channels, *size), np.float32)
        collect_weights(sums, total)
        return total
    depth = size[0] * size[1] * channels
    shape = -(-depth // PIXELS) * PIXELS, -(-channels_out // CHANNELS) * CHANNELS
    sums = np.zeros((threads, *shape), np.float32)
    correlate_weights(images, pixels, sums, size, stride, corner, dilation)
    total = sums.sum(axis=0)[:depth, :channels_out].reshape(*size, channels, channels_out)
    return np.ascontiguousarray(total.transpose(3, 2, 0, 1))


@njit(parallel=True, **COMPILED)
def sum_rows(a, sums):
    """Add up the rows of a: sums (threads, columns)."""
    count, columns = a.shape
    threads = len(sums)
    for thread in prange(threads):
        total = sums[thread]
        total[:] = 0
        for r in range(thread * count // threads, (thread + 1) * count // threads):
            for c in range(columns):
                total[c] += a[r, c]


@njit(parallel=True, **COMPILED)
def sum_squares(a, middle, sums):
    """Add up the squares of the rows of a - middle: sums (threads, columns)."""
    count, columns = a.shape
    threads = len(sums)
    for thread in prange(threads):
        total = sums[thread]
        total[:] = 0
        for r in range(thread * count // threads, (thread + 1) * count // threads):
            for c in range(columns):
                centered = a[r, c] - middle[c]
                total[c] += centered * centered


@njit(parallel=True, **COMPILED)
def sum_products(g, a, middle, sums):
    """Add up the rows of g and of g * (a - middle): sums (threads, 2, columns)."""
    count, columns = a.shape
    threads = len(sums)
    for thread in prange(threads):
        plain, product = sums[thread, 0], sums[thread, 1]
        plain[:] = 0
        product[:] = 0
        for r in range(thread * count // threads, (thread + 1) * count // threads):
            for c in range(columns):
                plain[c] += g[r, c]
                product[c] += g[r, c] * (a[r, c] - middle[c])


@njit(parallel=True, **COMPILED)
def scale_rows(a, scale, shift, out):
    """Write a * scale + shift, row by row."""
    for r in prange(len(a)):
        for c in range(a.shape[1]):
            out[r, c] = a[r, c] * scale[c] + shift[c]


@njit(parallel=True, **COMPILED)
def combine_rows(g, a, of_g, of_a, shift, out):
    """Write g * of_g + a * of_a + shift, row by row."""
    for r in prange(len(a)):
        for c in range(a.shape[1]):
            out[r, c] = g[r, c] * of_g[c] + a[r, c] * of_a[c] + shift[c]


def as_rows(x):
    """(batch, channels, height, width) as long rows (batch * height, width * channels)."""
    return channels_last(x).reshape(-1, x.shape[3] * x.shape[1])


def per_column(vector, x):
    """(channels,) as (width * channels,), to go along the rows."""
    return np.tile(vector.astype(np.float32, copy=False), x.shape[3])


def per_channel(sums, x):
    """Add up (..., width * channels) over all but the channels."""
    return sums.reshape(-1, x.shape[1]).sum(axis=0)


def sums_for(*shape):
    """Room for the sums of each thread."""
    return np.empty((get_num_threads(), *shape), np.float32)


def moments(x):
    """Mean and variance of each channel, in two passes."""
    rows, count = as_rows(x), x.size // x.shape[1]
    sums = sums_for(rows.shape[1])
    sum_rows(rows, sums)
    mean = per_channel(sums, x) / np.float32(count)
    sum_squares(rows, per_column(mean, x), sums)
    return mean, per_channel(sums, x) / np.float32(count)


def products(g, x, mean):
    """The sums of g and of g * (x - mean) for each channel."""
    return once(compute_products, g, x, None, mean)


def compute_products(g, x, _, mean):
    """The sums themselves."""
    rows = as_rows(x)
    sums = sums_for(2, rows.shape[1])
    sum_products(as_rows(g), rows, per_column(mean, x), sums)
    return per_channel(sums[:, 0], x), per_channel(sums[:, 1], x)


def affine(x, scale, shift):
    """x * scale + shift by channel."""
    rows = as_rows(x)
    out = room(rows.shape, np.float32)
    scale_rows(rows, per_column(scale, x), per_column(shift, x), out)
    return as_images(out, x)


def as_images(rows, like):
    """Undo `as_rows`."""
    batch, channels, height, width = like.shape
    return channels_first(rows.reshape(batch, height, width, channels))


@kernel(ops.batch_moments)
def batch_moments(x):
    """Take mean and variance: float32."""
    return np.stack(moments(x)) if served(x) else NotImplemented


@kernel(ops.channel_affine)
def channel_affine(x, scale, shift=None):
    """Scale and shift in one pass: float32."""
    if not served(x, scale) or (shift is not None and not served(shift)):
        return NotImplemented
    return affine(x, scale, np.zeros_like(scale) if shift is None else shift)


@kernel(ops.batch_norm2d)
def batch_norm2d(x, w=None, b=None, *, epsilon=1e-5, statistics=None):
    """Normalize in one pass after the statistics: float32."""
    if not served(x):
        return NotImplemented
    mean, variance = statistics or moments(x)
    scale = 1 / np.sqrt(variance + epsilon)
    scale = scale if w is None else scale * w
    return affine(x, scale, -mean * scale if b is None else b - mean * scale)


@kernel(ops.batch_norm2d_input_gradient)
def batch_norm2d_input_gradient(g, x, w=None, *, epsilon=1e-5, statistics=None):
    """Combine g and x in one pass after their sums: float32."""
    if not served(g, x):
        return NotImplemented
    mean, variance = statistics or moments(x)
    r = 1 / np.sqrt(variance + epsilon)
    scale, count = (r if w is None else r * w), x.size // x.shape[1]
    total, product = products(g, x, mean)
    slope = product * r * r / count
    rows = as_rows(x)
    out = room(rows.shape, np.float32)
    vectors = scale, -scale * slope, scale * (mean * slope - total / count)
    combine_rows(as_rows(g), rows, *[per_column(v, x) for v in vectors], out)
    return as_images(out, x)


@kernel(ops.batch_norm2d_weight_gradient)
def batch_norm2d_weight_gradient(g, x, *, epsilon=1e-5, statistics=None):
    """Sum in one pass: float32."""
    if not served(g, x):
        return NotImplemented
    mean, variance = statistics or moments(x)
    return products(g, x, mean)[1] / np.sqrt(variance + epsilon)


@njit(**COMPILED)
def larger(a, b):
    """The larger of two numbers, a NaN if one is."""
    return a if (a > b) | np.isnan(a) else b


@njit(**COMPILED)
def pool_line(above, below, out, channels):
    """Write the largest of each 2 x 2 window between two rows of pixels."""
    for k in range(len(out) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            top = larger(above[left + c], above[right + c])
            out[place + c] = larger(top, larger(below[left + c], below[right + c]))


@njit(parallel=True, **COMPILED)
def pool(x, out):
    """Write the largest of each 2 x 2 window: images (batch, height, width, channels)."""
    rows = out.shape[1]
    for line in prange(len(out) * rows):
        n, y = line // rows, line % rows
        above, below = x[n, 2 * y].reshape(-1), x[n, 2 * y + 1].reshape(-1)
        pool_line(above, below, out[n, y].reshape(-1), x.shape[3])


@njit(**COMPILED)
def unpool_line(g, above, below, out_above, out_below, channels):
    """Write each gradient at the first largest of its window, zeros at the others."""
    none = np.float32(0)
    for k in range(len(g) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            x0, x1, x2, x3 = above[left + c], above[right + c], below[left + c], below[right + c]
            z = larger(larger(x0, x1), larger(x2, x3))
            arrived = g[place + c]
            first, second, third = x0 == z, x1 == z, x2 == z
            out_above[left + c] = arrived if first else none
            out_above[right + c] = arrived if second and not first else none
            out_below[left + c] = arrived if third and not second and not first else none
            out_below[right + c] = none if third or second or first else arrived


@njit(parallel=True, **COMPILED)
def unpool(g, x, out):
    """Write each gradient at the first largest of its 2 x 2 window, zeros elsewhere."""
    rows = g.shape[1]
    for line in prange(len(g) * rows):
        n, y = line // rows, line % rows
        unpool_line(
            g[n, y].reshape(-1),
            x[n, 2 * y].reshape(-1),
            x[n, 2 * y + 1].reshape(-1),
            out[n, 2 * y].reshape(-1),
            out[n, 2 * y + 1].reshape(-1),
            x.shape[3],
        )


def halves(x, window, stride=None, padding=NO_PADDING):
    """Whether windows of 2 x 2 pixels cover the images exactly."""
    even = x.shape[2] % 2 == x.shape[3] % 2 == 0
    return window == (2, 2) == (stride or window) and padding == NO_PADDING and even


@kernel(ops.max_pool2d)
def max_pool2d(x, *, kernel_size, stride, padding=NO_PADDING):
    """Halve images: float32, 2 x 2 windows side by side."""
    if not served(x) or not halves(x, kernel_size, stride, padding):
        return NotImplemented
    out = room((len(x), x.shape[2] // 2, x.shape[3] // 2, x.shape[1]), np.float32)
    pool(channels_last(x), out)
    return channels_first(out)


@kernel(ops.max_pool2d_gradient)
def max_pool2d_gradient(g, x, z, *, kernel_size, stride, padding=NO_PADDING):
    """Send gradients back to images twice as large: float32, 2 x 2 windows side by side."""
    if not served(g, x, z) or not halves(x, kernel_size, stride, padding):
        return NotImplemented
    images = channels_last(x)
    out = room(images.shape, np.float32)
    unpool(channels_last(g), images, out)
    return channels_first(out)


@njit(**COMPILED)
def activate_pool_line(above, below, scale, shift, out, channels):
    """Write the largest of 0 and each 2 x 2 window of scaled and shifted pixels."""
    none = np.float32(0)
    for k in range(len(out) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            s, t = scale[c], shift[c]
            top = max(above[left + c] * s + t, above[right + c] * s + t)
            low = max(below[left + c] * s + t, below[right + c] * s + t)
            largest = max(top, low)
            out[place + c] = max(largest, none)


@njit(parallel=True, **COMPILED)
def activate_pool(x, scale, shift, out):
    """Scale, shift, cut off below 0 and pool: images (batch, height, width, channels)."""
    rows = out.shape[1]
    for line in prange(len(out) * rows):
        n, y = line // rows, line % rows
        above, below = x[n, 2 * y].reshape(-1), x[n, 2 * y + 1].reshape(-1)
        activate_pool_line(above, below, scale, shift, out[n, y].reshape(-1), x.shape[3])


@njit(**COMPILED)
def pooled_sums_line(g, above, below, scale, shift, middle, plain, product):
    """Add up the gradients that pass, and each times the pixel it goes to less `middle`."""
    none, channels = np.float32(0), len(scale)
    for k in range(len(g) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            s, t = scale[c], shift[c]
            x0, x1, x2, x3 = above[left + c], above[right + c], below[left + c], below[right + c]
            v0, v1, v2, v3 = x0 * s + t, x1 * s + t, x2 * s + t, x3 * s + t
            z = max(v0, v1, v2, v3)
            arrived = g[place + c] if z > none else none
            chosen = x0 if v0 == z else (x1 if v1 == z else (x2 if v2 == z else x3))
            plain[c] += arrived
            product[c] += arrived * (chosen - middle[c])


@njit(parallel=True, **COMPILED)
def pooled_sums(g, x, scale, shift, middle, sums):
    """Add up what `sum_products` does after the way back through pooling and ReLU."""
    threads, batch = len(sums), len(g)
    for thread in prange(threads):
        total = np.zeros((2, len(scale)), np.float32)
        for n in range(thread * batch // threads, (thread + 1) * batch // threads):
            for y in range(g.shape[1]):
                above, below = x[n, 2 * y].reshape(-1), x[n, 2 * y + 1].reshape(-1)
                arrived = g[n, y].reshape(-1)
                pooled_sums_line(arrived, above, below, scale, shift, middle, total[0], total[1])
        sums[thread] = total


@njit(**COMPILED)
def pooled_gradient_line(g, above, below, scale, shift, of_g, of_x, constant, high, low):
    """Write x * of_x + constant, and add g * of_g at the first largest of each window."""
    none, channels = np.float32(0), len(scale)
    for k in range(len(g) // channels):
        left, right, place = 2 * k * channels, (2 * k + 1) * channels, k * channels
        for c in range(channels):
            s, t = scale[c], shift[c]
            x0, x1, x2, x3 = above[left + c], above[right + c], below[left + c], below[right + c]
            v0, v1, v2, v3 = x0 * s + t, x1 * s + t, x2 * s + t, x3 * s + t
            z = max(v0, v1, v2, v3)
            arrived = g[place + c] * of_g[c] if z > none else none
            first, second, third = v0 == z, v1 == z, v2 == z
            slope, rest = of_x[c], constant[c]
            high[left + c] = x0 * slope + rest + (arrived if first else none)
            high[right + c] = x1 * slope + rest + (arrived if second and not first else none)
            lone = third and not second and not first
            low[left + c] = x2 * slope + rest + (arrived if lone else none)
            low[right + c] = x3 * slope + rest + (none if third or second or first else arrived)


@njit(parallel=True, **COMPILED)
def pooled_gradient(g, x, scale, shift, of_g, of_x, constant, out):
    """Write what `combine_rows` does after the way back through pooling and ReLU."""
    rows = g.shape[1]
    for line in prange(len(g) * rows):
        n, y = line // rows, line % rows
        pooled_gradient_line(
            g[n, y].reshape(-1),
            x[n, 2 * y].reshape(-1),
            x[n, 2 * y + 1].reshape(-1),
            scale,
            shift,
            of_g,
            of_x,
            constant,
            out[n, 2 * y].reshape(-1),
            out[n, 2 * y + 1].reshape(-1),
        )


@njit(parallel=True, **COMPILED)
def activate(a, scale, shift, out):
    """Scale, shift and cut off below 0, row by row."""
    none = np.float32(0)
    for r in prange(len(a)):
        for c in range(a.shape[1]):
            value = a[r, c] * scale[c] + shift[c]
            out[r, c] = max(value, none)


@njit(parallel=True, **COMPILED)
def active_sums(g, a, scale, shift, middle, sums):
    """Add up what `sum_products` does after the way back through ReLU."""
    count, columns = a.shape
    threads, none = len(sums), np.float32(0)
    for thread in prange(threads):
        plain, product = sums[thread, 0], sums[thread, 1]
        plain[:] = 0
        product[:] = 0
        for r in range(thread * count // threads, (thread + 1) * count // threads):
            for c in range(columns):
                arrived = g[r, c] if a[r, c] * scale[c] + shift[c] > none else none
                plain[c] += arrived
                product[c] += arrived * (a[r, c] - middle[c])


@njit(parallel=True, **COMPILED)
def active_gradient(g, a, scale, shift, of_g, of_a, constant, out):
    """Write what `combine_rows` does after the way back through ReLU."""
    none = np.float32(0)
    for r in prange(len(a)):
        for c in range(a.shape[1]):
            arrived = g[r, c] if a[r, c] * scale[c] + shift[c] > none else none
            out[r, c] = arrived * of_g[c] + a[r, c] * of_a[c] + constant[c]


def scale_and_shift(x, w, b, epsilon, statistics):
    """What normalization multiplies by and adds, and the statistics: mean, r, scale, shift."""
    mean, variance = statistics or moments(x)
    r = 1 / np.sqrt(variance + epsilon)
    return mean, r, r * w, b - mean * r * w


@kernel(ops.norm_relu_pool)
def norm_relu_pool(x, w, b, *, window, epsilon=1e-5, statistics=None):
    """Normalize, cut off and pool in one pass: float32, windows of 1 x 1 or 2 x 2."""
    if not served(x, w, b) or not (window == (1, 1) or halves(x, window)):
        return NotImplemented
    _, _, scale, shift = scale_and_shift(x, w, b, epsilon, statistics)
    if window == (1, 1):
        rows = as_rows(x)
        out = room(rows.shape, np.float32)
        activate(rows, per_column(scale, x), per_column(shift, x), out)
        return as_images(out, x)
    out = room((len(x), x.shape[2] // 2, x.shape[3] // 2, x.shape[1]), np.float32)
    activate_pool(channels_last(x), scale, shift, out)
    return channels_first(out)


def arrived_sums(g, x, mean, scale, shift, window):
    """The sums of what arrives at the normalized images, and of it times x - mean."""
    return once(compute_arrived_sums, g, x, window, mean, scale, shift)


def compute_arrived_sums(g, x, window, mean, scale, shift):
    """The sums themselves."""
    if window == (1, 1):
        rows = as_rows(x)
        sums = sums_for(2, rows.shape[1])
        vectors = [per_column(v, x) for v in (scale, shift, mean)]
        active_sums(as_rows(g), rows, *vectors, sums)
        return per_channel(sums[:, 0], x), per_channel(sums[:, 1], x)
    sums = sums_for(2, x.shape[1])
    pooled_sums(channels_last(g), channels_last(x), scale, shift, mean, sums)
    return sums.sum(axis=0)


@kernel(ops.norm_relu_pool_input_gradient)
def norm_relu_pool_input_gradient(g, x, w, b, *, window, epsilon=1e-5, statistics=None):
    """Go back in one pass after the sums: float32, windows of 1 x 1 or 2 x 2."""
    if not served(g, x, w, b) or not (window == (1, 1) or halves(x, window)):
        return NotImplemented
    mean, r, scale, shift = scale_and_shift(x, w, b, epsilon, statistics)
    total, product = arrived_sums(g, x, mean, scale, shift, window)
    count = np.float32(x.size // x.shape[1])
    slope = product * r * r / count
    vectors = scale, shift, scale, -scale * slope, scale * (mean * slope - total / count)
    if window == (1, 1):
        rows = as_rows(x)
        out = room(rows.shape, np.float32)
        active_gradient(as_rows(g), rows, *[per_column(v, x) for v in vectors], out)
        return as_images(out, x)
    images = channels_last(x)
    out = room(images.shape, np.float32)
    pooled_gradient(channels_last(g), images, *vectors, out)
    return channels_first(out)


@kernel(ops.norm_relu_pool_sums)
def norm_relu_pool_sums(g, x, w, b, *, window, epsilon=1e-5, statistics=None):
    """Sum in one pass: float32, windows of 1 x 1 or 2 x 2."""
    if not served(g, x, w, b) or not (window == (1, 1) or halves(x, window)):
        return NotImplemented
    mean, r, scale, shift = scale_and_shift(x, w, b, epsilon, statistics)
    total, product = arrived_sums(g, x, mean, scale, shift, window)
    return np.stack([product * r, total])


_latest = [(lambda: None, lambda: None, None, ()), None]


def once(compute, g, x, window, *vectors):
    """Remember the latest sums: the rows of one derivative need the same ones, one after the other.

    g and x are still the same if they are still there, as Tensors do not change; weights do.
    """
    (of_g, of_x, of_window, of_vectors), sums = _latest
    known = of_g() is g and of_x() is x and of_window == window
    if not known or not all(map(np.array_equal, vectors, of_vectors)):
        sums = compute(g, x, window, *vectors)
        key = weakref.ref(g), weakref.ref(x), window, vectors
        _latest[:] = key, sums
    return sums


def by_squares(shape, stride, dilation):
    """Whether Winograd's algorithm serves: 3 x 3 taps side by side, whole vectors of channels."""
    plain = shape[2:] == (3, 3) and stride == (1, 1) == dilation
    return plain and shape[0] % LANES == 0 == shape[1] % LANES


def served(*arrays):
    """Whether the kernels take these operands: float32, and something to compute."""
    return all(a.dtype == np.float32 and a.size for a in arrays)
