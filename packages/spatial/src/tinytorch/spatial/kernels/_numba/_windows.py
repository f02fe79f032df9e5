"""Convolution of any kernel size, stride, dilation and grouping: tiles over the pixels of windows.

Several images, or a band of lines of one, are unpacked at a time, with zeros around them, so that a
core finds all windows in its own cache. Windows that stay inside the image are read where they are.
"""

from functools import lru_cache

import numpy as np

from tinytorch.spatial.kernels._numba._tile import CHANNELS, PIXELS
from tinytorch.spatial.ops._layout import reach
from tinytorch.tensor.kernels import njit, parallel, threads_for
from tinytorch.tensor.kernels.tile import COMPILED, INNER, LANES, tile

WINDOWS = 64
"""With fewer windows in an image, a thread takes several images at a time."""
SCRATCH_BYTES = 2**18
"""What a thread unpacks at a time: it stays in the core's own cache."""


def correlate(
    x,
    weights,
    bias,
    least,
    out,
    counts,
    grid,
    kernel_size,
    stride,
    corner,
    dilation,
    groups,
    by_channel,
    work,
):
    """Convolve x (batch, height, width, channels) into out (batch, high, wide, out channels).

    `weights` are (groups and blocks, depth, row) as `pack` makes them; `bias` is (out channels +
    CHANNELS,); results below `least` are cut off. There are `counts` windows, (down, across), whose
    results lie on a grid in out: ((first row, rows apart), (first column, columns apart)). `corner`
    is how far the first window lies above and left of the image. `by_channel` is True if each
    channel has a kernel of its own, else None.
    """
    windows = counts, stride, corner, kernel_size, dilation, groups, by_channel
    tasks, parts, found = plan(x.shape, threads_for(work), *windows)
    windows = counts, grid, stride, corner, groups, by_channel
    tiles(tasks, work, x, weights, bias, least, out, *windows, *parts, *found)


@lru_cache(256)
def plan(shape, threads, counts, stride, corner, kernel_size, dilation, groups, by_channel):
    """How many tasks there are, what each takes (see `tiles`), and its runs of taps."""
    batch, _, width, channels = shape
    covered = reach(kernel_size, dilation)
    direct = inside_image(shape, counts, stride, corner, covered, by_channel)
    wide = width if direct else (counts[1] - 1) * stride[1] + covered[1]
    group, band = portions(batch, *counts, stride[0], covered[0], wide * channels, threads)
    high = shape[1] if direct else (band - 1) * stride[0] + covered[0]
    tasks = -(-batch // group) * -(-counts[0] // band)
    found = runs(kernel_size, dilation, wide, channels, groups, by_channel)
    return tasks, (direct, high, wide, group, band), found


@parallel(**COMPILED)
def tiles(
    first_task,
    end_task,
    x,
    weights,
    bias,
    least,
    out,
    counts,
    grid,
    stride,
    corner,
    groups,
    by_channel,
    direct,
    high,
    wide,
    group,
    band,
    taps,
    step,
    run,
):
    """Convolve `group` images, or bands of lines of one, at a time: `high` x `wide` pixels each."""
    batch, height, width, channels = x.shape
    rows, columns = counts
    _, high_out, wide_out, channels_out = out.shape
    (top_out, down_out), (left_out, across_out) = grid
    size, bands = high * wide * channels, -(-rows // band)
    units, depth, row = weights.shape
    blocks, inside, outside = units // groups, channels // groups, channels_out // groups
    flat, flat_out, flat_weights = x.reshape(-1), out.reshape(-1), weights.reshape(-1)
    for task in range(first_task, end_task):
        first, top = task // bands * group, task % bands * band
        images, lines = min(group, batch - first), min(band, rows - top)
        padded = -(-images * lines * columns // PIXELS) * PIXELS
        origins, places = np.empty(padded, np.int64), np.empty(padded, np.int64)
        cells = images, lines, columns
        lay_out(origins, cells, size, stride[0] * wide * channels, stride[1] * channels)
        line, pixel = down_out * wide_out * channels_out, across_out * channels_out
        lay_out(places, cells, high_out * wide_out * channels_out, line, pixel)
        place = ((first * high_out + top_out + top * down_out) * wide_out + left_out) * channels_out
        above, begin = top * stride[0] - corner[0], 0
        scratch = np.empty(0 if direct else images * size + CHANNELS, np.float32)
        if direct:
            begin = ((first * height + above) * width - corner[1]) * channels
        else:
            for i in range(images):
                unpack(x[first + i], scratch, i * size, above, -corner[1], high, wide)
            for e in range(images * size, len(scratch)):
                scratch[e] = 0
        source = flat if direct else scratch
        for unit in range(units):
            channel = unit // blocks * outside + unit % blocks * CHANNELS
            lanes = min(CHANNELS, outside - unit % blocks * CHANNELS)
            at = begin + (unit // blocks * inside if by_channel is None else channel)
            for p in range(0, padded, PIXELS):
                tile(
                    flat_out,
                    place + channel,
                    bias,
                    channel,
                    0,
                    least,
                    source,
                    at,
                    origins,
                    places,
                    p,
                    taps,
                    step,
                    run,
                    flat_weights,
                    unit * depth * row,
                    row,
                    lanes,
                    by_channel,
                )


def inside_image(shape, counts, stride, corner, reach, by_channel):
    """Whether all windows lie inside the image; those of single channels are read by vectors."""
    for i in range(2):
        if corner[i] > 0 or (counts[i] - 1) * stride[i] + reach[i] - corner[i] > shape[1 + i]:
            return False
    return by_channel is None or shape[3] % LANES == 0


def portions(batch, rows, columns, stride, reach, line, threads):
    """How many images, or lines of windows of one, to take at a time; a line of pixels is given."""
    group = max(1, min(batch // (2 * threads), WINDOWS // (rows * columns)))
    while group > 1 and group * ((rows - 1) * stride + reach) * line * 4 > SCRATCH_BYTES:
        group = (group + 1) // 2
    band = rows
    while band > 1 and (
        group * ((band - 1) * stride + reach) * line * 4 > SCRATCH_BYTES
        or batch * -(-rows // band) < threads
    ):
        band = (band + 1) // 2
    return group, band


@lru_cache(256)
def runs(kernel_size, dilation, wide, channels, groups, by_channel):
    """Where runs of taps lie from the origin of a window, and the steps and length of each run."""
    high, across = kernel_size
    if by_channel is not None:
        return np.arange(high) * (dilation[0] * wide * channels), dilation[1] * channels, across
    if groups == 1 and dilation[1] == 1:
        return np.arange(high) * (dilation[0] * wide * channels), 1, across * channels
    taps = np.empty(high * across, np.int64)
    for i in range(high):
        for j in range(across):
            taps[i * across + j] = (i * dilation[0] * wide + j * dilation[1]) * channels
    return taps, 1, channels // groups


@njit(**INNER)
def lay_out(places, cells, image, line, pixel):
    """Where each of images x lines x columns lies; the last repeats to fill a tile."""
    images, lines, columns = cells
    place = 0
    for i in range(images):
        for y in range(lines):
            for x in range(columns):
                places[place] = i * image + y * line + x * pixel
                place += 1
    for rest in range(place, len(places)):
        places[rest] = places[place - 1]


@njit(**INNER)
def unpack(image, scratch, place, top, left, high, wide):
    """Copy high x wide pixels from (top, left) of (height, width, channels), zeros outside.

    Unsigned places cannot mean "from the end", which would keep the loops from vectors; slices
    would compile the texts of their errors.
    """
    height, width, channels = image.shape
    flat = image.reshape(-1)
    first, last = max(0, -left), max(0, min(wide, width - left))
    for y in range(high):
        to = np.uint64(place + y * wide * channels)
        inside = 0 <= top + y < height and first < last
        if not inside or last - first < wide:
            for e in range(np.uint64(wide * channels)):
                scratch[to + e] = 0
        if inside:
            to += np.uint64(first * channels)
            source = np.uint64(((top + y) * width + first + left) * channels)
            for e in range(np.uint64((last - first) * channels)):
                scratch[to + e] = flat[source + e]


@parallel(**COMPILED)
def pack(begin, end, w, factors, packed, groups, flipped):
    """Lay kernels out for the tiles: (groups and blocks of channels, taps and channels, row).

    Those of output channels are multiplied by `factors`, if there are any. `flipped` kernels are
    those of the way back: taps mirrored, input and output channels swapped.
    """
    units, _, row = packed.shape
    blocks, taps = units // groups, w.shape[2] * w.shape[3]
    flat, flat_packed = w.reshape(-1), packed.reshape(-1)
    if flipped:
        inside, outside, jump = w.shape[0] // groups, w.shape[1], np.uint64(taps)
    else:
        inside, outside, jump = w.shape[1], w.shape[0] // groups, np.uint64(w.shape[1] * taps)
    for unit in range(begin, end):
        group, first = unit // blocks, unit % blocks * CHANNELS
        lanes, channel = min(row, outside - first), np.uint64(group * outside + first)
        for c in range(inside):  # channels before taps: a line of w is read at once
            for tap in range(taps):
                place = np.uint64(((group * outside + first) * inside + c) * taps + tap)
                if flipped:
                    mirrored = (group * inside + c) * outside + first + 1
                    place = np.uint64(mirrored * taps - 1 - tap)
                to = np.uint64(((unit * taps + tap) * inside + c) * row)
                if len(factors):
                    for lane in range(np.uint64(lanes)):
                        flat_packed[to + lane] = flat[place] * factors[channel + lane]
                        place += jump
                else:
                    for lane in range(np.uint64(lanes)):
                        flat_packed[to + lane] = flat[place]
                        place += jump
                for lane in range(np.uint64(lanes), np.uint64(row)):
                    flat_packed[to + lane] = 0
