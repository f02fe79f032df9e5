"""Winograd's algorithm F(4x4, 3x3): 36 products in place of 144 for a square of 16 results.

Source:
    A. Lavin, S. Gray, Fast Algorithms for Convolutional Neural Networks, 2015.
"""

import numpy as np

from tinytorch.spatial.kernels._numba._squares import (
    ALL,
    PRODUCTS,
    RESULTS,
    SIDE,
    transform_gradients,
    transform_pixels,
    transform_products,
    transform_sums,
    transform_taps,
)
from tinytorch.spatial.kernels._numba._tile import CHANNELS, PIXELS, finite, pour
from tinytorch.spatial.kernels._numba._weights import RUN
from tinytorch.spatial.kernels._numba._windows import unpack
from tinytorch.tensor.kernels import njit, parallel
from tinytorch.tensor.kernels.tile import COMPILED, INNER, LANES, LEAST, multiples, tile

SQUARES = 64
"""Squares of results that a thread computes at a time."""
MOST = 256
"""Squares whose products are added one after the other."""
BORDER = SIDE - RESULTS


@parallel(**COMPILED)
def winograd(begin, end, x, factors, bias, out, corner, least, sound, band, group):
    """Convolve by 3 x 3 kernels in squares of results, with 36 products in place of 144.

    Tells for each thread whether its results are finite: `sound` (threads,). Where one is not,
    those in its square are wrong: what is not finite cannot be subtracted again.

    x is (batch, height, width, channels), `factors` (blocks, 36, channels, CHANNELS) transformed
    kernels, `bias` (out channels + CHANNELS,), out (batch, rows, columns, out channels), of which
    nothing is below `least`.
    """
    batch, channels, threads = x.shape[0], x.shape[3], len(sound)
    down, across = -(-out.shape[1] // RESULTS), -(-out.shape[2] // RESULTS)
    bands, groups = -(-down // band), -(-batch // group)
    pixels = (RESULTS * band + BORDER) * (RESULTS * across + BORDER)
    most, row = -(-group * band * across // PIXELS) * PIXELS, whole_vectors(channels)
    origins, places = multiples(most, row), multiples(most, CHANNELS)
    flat = factors.reshape(-1)
    nothing = np.zeros(CHANNELS, np.float32)
    for thread in range(begin, end):
        scratch = np.zeros(pixels * channels + LANES, np.float32)
        squares = np.zeros(PRODUCTS * (most * row + LANES), np.float32)
        products = np.empty(PRODUCTS * (most * CHANNELS + LANES), np.float32)
        sound[thread] = True
        for task in range(thread, groups * bands, threads):
            top, first = task % bands * band, task // bands * group
            images, lines = min(group, batch - first), min(band, down - top)
            count = images * lines * across
            padded = -(-count // PIXELS) * PIXELS
            step, apart = padded * CHANNELS + LANES, padded * row + LANES
            for i in range(images):
                place = i * lines * across
                pixel_squares(
                    x[first + i], scratch, squares, top, lines, across, corner, place, apart
                )
            taps = multiples(PRODUCTS, apart)
            for block in range(len(factors)):
                for k in range(PRODUCTS):
                    at = (block * PRODUCTS + k) * channels * CHANNELS
                    for p in range(0, padded, PIXELS):
                        tile(
                            products,
                            k * step,
                            nothing,
                            0,
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
                            min(CHANNELS, out.shape[3] - block * CHANNELS),
                            None,
                        )
                for i in range(images):
                    for y in range(lines):
                        product_squares(
                            products,
                            (i * lines + y) * across * CHANNELS,
                            step,
                            bias,
                            out[first + i],
                            RESULTS * (top + y),
                            block * CHANNELS,
                        )
            for i in range(images):
                lines_out = out[first + i, RESULTS * top : RESULTS * (top + lines)].reshape(-1)
                sound[thread] &= finite(lines_out)
                if least > -np.inf:
                    for e in range(len(lines_out)):
                        lines_out[e] = max(lines_out[e], least)


@njit(**INNER)
def product_squares(products, begin, step, bias, image, line, channel):
    """Compute the results of each square of products in a row of these: lines of results."""
    rows, columns, channels = image.shape
    flat = image.reshape(-1)
    down = columns * channels
    for column in range(0, columns, RESULTS):
        to = (line * columns + column) * channels + channel
        source = begin + column // RESULTS * CHANNELS
        for c in range(0, min(CHANNELS, channels - channel), LANES):
            given = products, source + c, SIDE * step, step, bias, channel + c
            ends = rows - line, columns - column, channels - channel - c
            transform_products(flat, to + c, down, channels, *given, *ends)


@njit(**INNER)
def pixel_squares(image, scratch, squares, top, lines, across, corner, place, step):
    """Compute what squares of pixels put into the products: each of these lies a step apart."""
    channels, row = image.shape[2], whole_vectors(image.shape[2])
    high, wide = RESULTS * lines + BORDER, RESULTS * across + BORDER
    # A literal 0 would be a type of its own, and compile `unpack` once more.
    unpack(image, scratch, np.int64(0), RESULTS * top - corner[0], -corner[1], high, wide)
    for y in range(lines):
        for x in range(across):
            source = RESULTS * (y * wide + x) * channels
            to = (place + y * across + x) * row
            for c in range(0, channels, LANES):
                pixels = scratch, source + c, wide * channels, channels
                transform_pixels(squares, to + c, SIDE * step, step, *pixels, *ALL)


@parallel(**COMPILED)
def winograd_weights(begin, end, x, g, sums, corner, band, group):
    """Add up the transformed weight gradients: sums (threads, 36, channels, row).

    A row is of whole vectors; in its lanes beyond the out channels may stand anything.
    """
    batch, channels = x.shape[0], x.shape[3]
    rows, columns, channels_out = g.shape[1:]
    threads, row, row_out = len(sums), whole_vectors(channels), sums.shape[3]
    down, across = -(-rows // RESULTS), -(-columns // RESULTS)
    bands, groups = -(-down // band), -(-batch // group)
    most, pixels = group * band * across, (RESULTS * band + BORDER) * (RESULTS * across + BORDER)
    elements, places = multiples(channels, 1), multiples(channels, row_out)
    flat = sums.reshape(-1)
    tasks = groups * bands
    for thread in range(begin, end):
        run = sums[thread].reshape(-1)
        total = np.zeros(len(run) if tasks > RUN * threads else 0)
        scratch = np.zeros(pixels * channels + LANES, np.float32)
        arrived = np.zeros(RESULTS**2 * band * across * channels_out + LANES, np.float32)
        squares = np.empty(PRODUCTS * (most * row + LANES), np.float32)
        gradients = np.empty(PRODUCTS * (most * row_out + LANES), np.float32)
        for task in range(thread, tasks, threads):
            top, first = task % bands * band, task // bands * group
            images, lines = min(group, batch - first), min(band, down - top)
            count = images * lines * across
            step, apart = count * row_out + LANES, count * row + LANES
            wide = RESULTS * across
            for i in range(images):
                place = i * lines * across
                pixel_squares(
                    x[first + i], scratch, squares, top, lines, across, corner, place, apart
                )
                high, left = RESULTS * lines, np.int64(0)
                unpack(g[first + i], arrived, left, RESULTS * top, left, high, wide)
                for square in range(lines * across):
                    y, column = square // across, square % across
                    source = RESULTS * (y * wide + column) * channels_out
                    to = (place + square) * row_out
                    for c in range(0, channels_out, LANES):
                        given = arrived, source + c, wide * channels_out, channels_out
                        transform_gradients(gradients, to + c, SIDE * step, step, *given, *ALL)
            for part in range(PRODUCTS * -(-count // MOST)):
                k, square = part % PRODUCTS, part // PRODUCTS * MOST
                taps = np.array([k * apart + square * row])
                for block in range(0, row_out, CHANNELS):
                    for element in range(0, channels, PIXELS):
                        place = (thread * PRODUCTS + k) * channels * row_out + block
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
                            row,
                            min(MOST, count - square),
                            gradients,
                            k * step + square * row_out + block,
                            row_out,
                            min(CHANNELS, row_out - block),
                            None,
                        )
            if task // threads % RUN == RUN - 1 and len(total):
                pour(run, total)
        for e in range(len(total)):
            run[e] += total[e]


@parallel(**COMPILED)
def transform_kernels(begin, end, w, factors, flipped):
    """Compute what kernels put in: (out, channels, 3, 3) to (blocks, 36, channels, CHANNELS).

    `flipped` kernels are those of the way back: taps mirrored, input and output channels swapped.
    """
    channels_out, channels = (w.shape[1], len(w)) if flipped else w.shape[:2]
    flat = factors.reshape(-1)
    step = channels * CHANNELS
    for block in range(begin, end):
        taps = np.zeros(9 * CHANNELS, np.float32)
        for c in range(channels):
            for lane in range(min(CHANNELS, channels_out - block * CHANNELS)):
                o = block * CHANNELS + lane
                for tap in range(9):
                    i, j = tap // 3, tap % 3
                    value = w[c, o, 2 - i, 2 - j] if flipped else w[o, c, i, j]
                    taps[tap * CHANNELS + lane] = value
            for lane in range(0, CHANNELS, LANES):
                place = (block * PRODUCTS * channels + c) * CHANNELS + lane
                given = taps, lane, 3 * CHANNELS, CHANNELS
                transform_taps(flat, place, SIDE * step, step, *given, *ALL)


@parallel(**COMPILED)
def collect_squares(begin, end, sums, out, sound):
    """Compute the gradient (out channels, channels, 3, 3) of the sums of all threads.

    Tells for each vector of outputs whether it is finite: `sound`; see `winograd`.
    """
    threads, _, channels, row_out = sums.shape
    flat = sums.reshape(-1)
    for vector in range(begin, end):
        total, taps = np.empty(PRODUCTS * LANES, np.float32), np.empty(9 * LANES, np.float32)
        first, last = vector * LANES, min(len(out), vector * LANES + LANES)
        for c in range(channels):
            for k in range(PRODUCTS):
                for lane in range(LANES):
                    total[k * LANES + lane] = 0
                for thread in range(threads):
                    place = ((thread * PRODUCTS + k) * channels + c) * row_out + first
                    for lane in range(LANES):
                        total[k * LANES + lane] += flat[place + lane]
            transform_sums(taps, 0, 3 * LANES, LANES, total, 0, SIDE * LANES, LANES, *ALL)
            for o in range(first, last):
                for tap in range(9):
                    out[o, c, tap // 3, tap % 3] = taps[tap * LANES + o - first]
        sound[vector] = finite(out[first:last].reshape(-1))


@njit(**INNER)
def whole_vectors(channels):
    """How many numbers the vectors hold that so many channels fill."""
    return -(-channels // LANES) * LANES


def chunks(shape, threads):
    """How many rows of squares, and of images, to take at a time.

    The shape is that of the results, (batch, rows, columns, out channels).
    """
    batch, rows, columns, _ = shape
    down, across = -(-rows // RESULTS), -(-columns // RESULTS)
    group = max(1, min(-(-batch // threads), SQUARES // (down * across)))
    band = min(down, -(-SQUARES // across))
    if batch < threads:
        band = min(band, -(-down // threads))
    return band, group
