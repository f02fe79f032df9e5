"""Winograd's algorithm F(2x2, 3x3): 16 products in place of 36 for a square of four results.

Source:
    A. Lavin, S. Gray, Fast Algorithms for Convolutional Neural Networks, 2015.
"""

import numpy as np

from tinytorch.spatial.kernels._numba._squares import (
    transform_gradients,
    transform_pixels,
    transform_products,
)
from tinytorch.spatial.kernels._numba._tile import (
    CHANNELS,
    COMPILED,
    INNER,
    LANES,
    LEAST,
    PIXELS,
    finite,
    multiples,
    pour,
    tile,
)
from tinytorch.spatial.kernels._numba._weights import RUN
from tinytorch.spatial.kernels._numba._windows import unpack
from tinytorch.tensor.kernels import njit, parallel

SQUARES = 64
"""Squares of 2 x 2 results that a thread computes at a time."""
MOST = 256
"""Squares whose products are added one after the other."""


@parallel(**COMPILED)
def winograd(begin, end, x, factors, bias, out, corner, least, sound, band, group):
    """Convolve by 3 x 3 kernels in squares of 2 x 2 results, with 16 products in place of 36.

    Tells for each thread whether its results are finite: `sound` (threads,). Where one is not,
    those in its square are wrong: what is not finite cannot be subtracted again.

    x is (batch, height, width, channels), `factors` (blocks, 16, channels, CHANNELS) transformed
    kernels, `bias` (out channels + CHANNELS,), out (batch, rows, columns, out channels), of which
    nothing is below `least`.
    """
    batch, channels, threads = x.shape[0], x.shape[3], len(sound)
    down, across = (out.shape[1] + 1) // 2, (out.shape[2] + 1) // 2
    bands, groups = -(-down // band), -(-batch // group)
    most = -(-group * band * across // PIXELS) * PIXELS
    origins, places = multiples(most, channels), multiples(most, CHANNELS)
    flat = factors.reshape(-1)
    nothing = np.zeros(CHANNELS, np.float32)
    for thread in range(begin, end):
        scratch = np.empty((2 * band + 2) * (2 * across + 2) * channels, np.float32)
        squares = np.zeros(16 * most * channels, np.float32)
        products = np.empty(16 * most * CHANNELS, np.float32)
        edge = np.empty(4 * LANES, np.float32)
        sound[thread] = True
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
            taps = multiples(16, padded * channels)
            for block in range(len(factors)):
                for k in range(16):
                    at = (block * 16 + k) * channels * CHANNELS
                    for p in range(0, padded, PIXELS):
                        tile(
                            products,
                            k * padded * CHANNELS,
                            bias if k == 5 else nothing,  # it goes into all four results
                            block * CHANNELS if k == 5 else 0,
                            0,
                            LEAST,
                            squares,
                            0,
                            origins,
                            places,
                            p,
                            taps[k : k + 1],
                            1,
                            channels,
                            flat,
                            at,
                            CHANNELS,
                            CHANNELS,
                            None,
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
            for i in range(images):
                lines_out = out[first + i, 2 * top : 2 * (top + lines)].reshape(-1)
                sound[thread] &= finite(lines_out)
                if least > -np.inf:
                    for e in range(len(lines_out)):
                        lines_out[e] = max(lines_out[e], least)


@njit(**INNER)
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
                        for e in range(LANES):  # a slice would compile texts of errors as well
                            flat[place + e] = edge[(2 * i + j) * LANES + e]


@njit(**INNER)
def pixel_squares(image, scratch, squares, top, lines, across, corner, place, padded):
    """Compute B' d B for each square of 4 x 4 pixels d, two apart: (16, padded, channels)."""
    channels = image.shape[2]
    high, wide = 2 * lines + 2, 2 * across + 2
    # A literal 0 would be a type of its own, and compile `unpack` once more.
    unpack(image, scratch, np.int64(0), 2 * top - corner[0], -corner[1], high, wide)
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


@parallel(**COMPILED)
def winograd_weights(begin, end, x, g, sums, corner, band, group):
    """Add up the transformed weight gradients: sums (threads, 16, channels, out channels)."""
    batch, channels = x.shape[0], x.shape[3]
    rows, columns, channels_out = g.shape[1:]
    threads, padded_out = sums.shape[0], sums.shape[3]
    down, across = (rows + 1) // 2, (columns + 1) // 2
    bands, groups = -(-down // band), -(-batch // group)
    most = group * band * across
    elements, places = multiples(channels, 1), multiples(channels, padded_out)
    flat = sums.reshape(-1)
    tasks = groups * bands
    for thread in range(begin, end):
        run = sums[thread].reshape(-1)
        total = np.zeros(len(run) if tasks > RUN * threads else 0)
        scratch = np.empty((2 * band + 2) * (2 * across + 2) * channels, np.float32)
        arrived = np.empty(2 * band * 2 * across * channels_out, np.float32)
        squares = np.empty(16 * most * channels, np.float32)
        gradients = np.zeros(16 * most * padded_out, np.float32)
        for task in range(thread, tasks, threads):
            top, first = task % bands * band, task // bands * group
            images, lines = min(group, batch - first), min(band, down - top)
            count = images * lines * across
            for i in range(images):
                place = i * lines * across
                pixel_squares(
                    x[first + i], scratch, squares, top, lines, across, corner, place, count
                )
                unpack(
                    g[first + i], arrived, np.int64(0), 2 * top, np.int64(0), 2 * lines, 2 * across
                )
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
            for part in range(16 * -(-count // MOST)):
                k, square = part % 16, part // 16 * MOST
                taps = np.array([(k * count + square) * channels])
                for block in range(0, padded_out, CHANNELS):
                    for element in range(0, channels, PIXELS):
                        place = (thread * 16 + k) * channels * padded_out + block
                        tile(
                            flat,
                            place,
                            flat,
                            place,
                            1,
                            LEAST,
                            squares,
                            0,
                            elements,
                            places,
                            element,
                            taps,
                            channels,
                            min(MOST, count - square),
                            gradients,
                            (k * count + square) * padded_out + block,
                            padded_out,
                            CHANNELS,
                            None,
                        )
            if task // threads % RUN == RUN - 1 and len(total):
                pour(run, total)
        for e in range(len(total)):
            run[e] += total[e]


@parallel(**COMPILED)
def transform_kernels(begin, end, w, factors, flipped):
    """Compute G w G' for each kernel: (out, channels, 3, 3) to (blocks, 16, channels, CHANNELS).

    `flipped` kernels are those of the way back: taps mirrored, input and output channels swapped.
    """
    channels_out = w.shape[1] if flipped else w.shape[0]
    half = np.float32(0.5)
    for block in range(begin, end):
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


@parallel(**COMPILED)
def collect_squares(begin, end, sums, out, sound):
    """Compute G' s G of the sums s of all threads: the gradient (out channels, channels, 3, 3).

    Tells for each output whether it is finite: `sound` (out channels,); see `winograd`.
    """
    half = np.float32(0.5)
    for o in range(begin, end):
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
        sound[o] = finite(out[o].reshape(-1))


def chunks(shape, channels, threads):
    """How many rows of squares, and of images, to take at a time: more for many weights.

    The shape is that of the results, (batch, rows, columns, out channels).
    """
    batch, rows, columns, channels_out = shape
    down, across, weights = (rows + 1) // 2, (columns + 1) // 2, channels * channels_out
    squares = SQUARES if weights <= 2**14 else 2 * SQUARES if weights <= 2**16 else 4 * SQUARES
    group = max(1, min(-(-batch // threads), squares // (down * across)))
    band = min(down, -(-squares // across))
    if batch < threads:
        band = min(band, -(-down // threads))
    return band, group
