"""Convolution of any kernel size, stride and dilation: tiles over the pixels under each window."""

import numpy as np
from numba import prange

from tinytorch.spatial.kernels._numba._tile import CHANNELS, COMPILED, PIXELS, pour, tile
from tinytorch.tensor.kernels import njit

CHUNK = 128
"""About how many pixels a thread adds up at a time for the weight gradient."""
RUN = 32
"""Chunks whose sums are added in float32; the sums of more are added in float64."""
SCRATCH_BYTES = 2**18
"""What a thread unpacks at a time: it stays in the core's own cache."""


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
            for e in range(np.uint64((last - first) * channels)):  # see _depthwise.multiply_add
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
    part = min(columns, CHUNK)
    wide = (part - 1) * stride[1] + reach[1]
    group = max(1, min(-(-batch // threads), CHUNK // (rows * columns)))
    band = min(rows, -(-CHUNK // columns))
    parts, bands, groups = -(-columns // part), -(-rows // band), -(-batch // group)
    high = (band - 1) * stride[0] + reach[0]
    size, tasks = high * wide * channels, groups * bands * parts
    elements = window_elements(kernel_size, dilation, wide, channels, depth)
    direct = channels_out == padded_out
    flat, flat_g = sums.reshape(-1), g.reshape(-1)
    for thread in prange(threads):
        run = sums[thread].reshape(-1)
        total = np.zeros(len(run) if tasks > RUN * threads else 0)
        scratch = np.empty(group * size, np.float32)
        pixels = np.empty(0 if direct else padded_out * group * band * part, np.float32)
        taps = np.empty(group * band, np.int64)
        for task in range(thread, tasks, threads):
            left, top = task % parts * part, task // parts % bands * band
            first = task // parts // bands * group
            images, lines, across = (
                min(group, batch - first),
                min(band, rows - top),
                min(part, columns - left),
            )
            for i in range(images):
                window = scratch[i * size : (i + 1) * size]
                above, before = top * stride[0] - corner[0], left * stride[1] - corner[1]
                unpack(x[first + i], window, above, before, high, wide)
                for y in range(lines):
                    taps[i * lines + y] = i * size + y * stride[0] * wide * channels
            count = images * lines * across
            begin = ((first * rows + top) * columns + left) * channels_out
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
                        across,
                        flat_g if direct else pixels,
                        begin + block * CHANNELS if direct else block * count * CHANNELS,
                        channels_out if direct else CHANNELS,
                    )
            if task // threads % RUN == RUN - 1 and len(total):
                pour(run, total)
        for e in range(len(total)):
            run[e] += total[e]


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
