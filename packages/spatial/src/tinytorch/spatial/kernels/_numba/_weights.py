"""The weight gradient of any convolution: tiles over the elements of windows, pixel after pixel."""

from functools import lru_cache

import numpy as np

from tinytorch.spatial.kernels._numba._tile import CHANNELS, PIXELS, pour
from tinytorch.spatial.kernels._numba._windows import inside_image, unpack
from tinytorch.spatial.ops._layout import reach
from tinytorch.tensor.kernels import parallel
from tinytorch.tensor.kernels.tile import COMPILED, LANES, LEAST, multiples, tile

CHUNK = 128
"""About how many pixels a thread adds up at a time."""
MANY = 2**17
"""Of so many weights the sums leave the core's own cache: threads share them, not the pixels."""
RUN = 32
"""Chunks whose sums are added in float32; the sums of more are added in float64."""


def correlate_weights(
    x, g, sums, kernel_size, stride, corner, dilation, groups, by_channel, shares, work
):
    """Add up x * g over all windows: sums (parts, groups and blocks, depth, row), zeros before.

    x is (batch, height, width, channels), g (batch, rows, columns, out channels); `depth` and `row`
    are whole tiles. Each part of the sums is of some pixels, and `shares` threads work on it.
    `by_channel` is True if each channel has a kernel of its own, else None.
    """
    batch, height, width, channels = x.shape
    rows, columns = g.shape[1:3]
    parts, units, depth, row = sums.shape
    covered = reach(kernel_size, dilation)
    chunk = CHUNK if units * depth * row < MANY else 4 * CHUNK
    part = min(columns, chunk)
    group = max(1, min(-(-batch // parts), chunk // (rows * columns)))
    band = min(rows, -(-chunk // columns))
    direct = inside_image(x.shape, (rows, columns), stride, corner, covered, by_channel)
    wide = width if direct else (part - 1) * stride[1] + covered[1]
    high = height if direct else (band - 1) * stride[0] + covered[0]
    inside = channels // groups if by_channel is None else 1
    elements = window_elements(kernel_size, dilation, wide, channels, inside, depth)
    pieces = direct, high, wide, group, band, part
    settings = stride, corner, groups, by_channel, shares
    sum_tiles(parts * shares, work, x, g, sums, *settings, *pieces, elements)


@parallel(**COMPILED)
def sum_tiles(
    first_worker,
    end_worker,
    x,
    g,
    sums,
    stride,
    corner,
    groups,
    by_channel,
    shares,
    direct,
    high,
    wide,
    group,
    band,
    part,
    elements,
):
    """Add up `group` images at a time, or bands of lines of one, or parts of its lines."""
    batch, height, width, channels = x.shape
    rows, columns, channels_out = g.shape[1:]
    parts, units, depth, row = sums.shape
    across, bands, runs = -(-columns // part), -(-rows // band), -(-batch // group)
    tasks = runs * bands * across
    size, step = high * wide * channels, stride[1] * channels
    blocks, inside, outside = units // groups, channels // groups, channels_out // groups
    places = multiples(depth, row)
    whole = outside % LANES == 0
    flat, flat_sums, flat_g = x.reshape(-1), sums.reshape(-1), g.reshape(-1)
    for worker in range(first_worker, end_worker):
        member, share = worker // shares, worker % shares
        begin, end = share * units // shares, (share + 1) * units // shares
        run = sums[member, begin:end].reshape(-1)
        total = np.zeros(len(run) if tasks > RUN * parts else 0)
        scratch = np.zeros(0 if direct else group * size + CHANNELS, np.float32)
        pixels = np.zeros(0 if whole else group * band * part * channels_out + CHANNELS, np.float32)
        taps = np.empty(group * band, np.int64)
        for task in range(member, tasks, parts):
            left, top = task % across * part, task // across % bands * band
            first = task // across // bands * group
            images, lines, count = (
                min(group, batch - first),
                min(band, rows - top),
                min(part, columns - left),
            )
            above, before, origin = top * stride[0] - corner[0], left * stride[1] - corner[1], 0
            if direct:
                origin = ((first * height + above) * width + before) * channels
            else:
                for i in range(images):
                    unpack(x[first + i], scratch, i * size, above, before, high, wide)
            for i in range(images):
                for y in range(lines):
                    taps[i * lines + y] = i * size + y * stride[0] * wide * channels
            arrived = ((first * rows + top) * columns + left) * channels_out
            if not whole:
                for e in range(np.uint64(images * lines * count * channels_out)):
                    pixels[e] = flat_g[np.uint64(arrived) + e]
                arrived = 0
            source, factors = flat if direct else scratch, flat_g if whole else pixels
            for unit in range(begin, end):
                channel = unit // blocks * outside + unit % blocks * CHANNELS
                lanes = min(CHANNELS, outside - unit % blocks * CHANNELS)
                at = origin + (unit // blocks * inside if by_channel is None else channel)
                place = (member * units + unit) * depth * row
                for element in range(0, depth, PIXELS):
                    tile(
                        flat_sums,
                        place,
                        flat_sums,
                        place,
                        1,
                        LEAST,
                        source,
                        at,
                        elements,
                        places,
                        element,
                        taps[: images * lines],
                        step,
                        count,
                        factors,
                        arrived + channel,
                        channels_out,
                        lanes,
                        by_channel,
                    )
            if task // parts % RUN == RUN - 1 and len(total):
                pour(run, total)
        for e in range(len(total)):
            run[e] += total[e]


@lru_cache(256)
def window_elements(kernel_size, dilation, wide, channels, inside, depth):
    """Where the elements of a window lie from its origin; the last repeats to fill a tile."""
    places = np.add.outer(
        np.arange(kernel_size[0]) * dilation[0] * wide, np.arange(kernel_size[1]) * dilation[1]
    )
    elements = np.add.outer(places * channels, np.arange(inside)).ravel()
    return np.pad(elements, (0, depth - elements.size), "edge")


@parallel(**COMPILED)
def collect(begin, end, sums, out, groups):
    """Add up the parts of the sums: the gradient (out channels, channels / groups, taps)."""
    parts, units, depth, row = sums.shape
    blocks, outside, (_, inside, taps) = units // groups, len(out) // groups, out.shape
    flat, flat_out, jump = sums.reshape(-1), out.reshape(-1), np.uint64(inside * taps)
    for unit in range(begin, end):
        channel = unit // blocks * outside + unit % blocks * CHANNELS
        lanes = np.uint64(min(CHANNELS, outside - unit % blocks * CHANNELS))
        for c in range(inside):  # channels before taps: a line of the gradient is written at once
            for tap in range(taps):
                to = np.uint64((channel * inside + c) * taps + tap)
                for part in range(parts):
                    start = np.uint64(((part * units + unit) * depth + tap * inside + c) * row)
                    place = to
                    for lane in range(lanes):
                        total = flat[start + lane]
                        flat_out[place] = total if part == 0 else flat_out[place] + total
                        place += jump
