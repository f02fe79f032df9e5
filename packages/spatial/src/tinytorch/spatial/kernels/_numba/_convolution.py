"""The kernels of the three convolution ops: they choose the algorithm for the shapes at hand."""

import math
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from tinytorch.spatial import ops
from tinytorch.spatial.kernels._numba._squares import PRODUCTS
from tinytorch.spatial.kernels._numba._tile import CHANNELS, NO_PADDING, PIXELS, served
from tinytorch.spatial.kernels._numba._weights import CHUNK, MANY, collect, correlate_weights
from tinytorch.spatial.kernels._numba._windows import correlate, pack
from tinytorch.spatial.kernels._numba._winograd import (
    chunks,
    collect_squares,
    transform_kernels,
    winograd,
    winograd_weights,
)
from tinytorch.spatial.ops._layout import channels_first, channels_last, window_count
from tinytorch.tensor.kernels import kernel, room, threads_for, writable
from tinytorch.tensor.kernels.tile import LANES

MOST_SUMS = 2**20
"""More sums of squares leave the core's own cache, where each thread keeps them all."""
MANY_PIXELS = 2**11
"""So many pixels are worth the way that these take to memory."""
FEW_PIXELS, MOST_TIMES = 2**9, 8
"""Fewer are not worth transformed kernels, nor are these if so much larger than images are."""
MULTIPLICATIONS = 64
"""So many of a convolution take as long as one element of other loops."""
NONE = np.empty(0, np.float32)
EVERY_PIXEL = ((0, 1), (0, 1))
"""Where results go: the first row and how far apart rows are, and the same for columns."""


@kernel(ops.conv2d)
def conv2d(x, w, b=None, *, stride=(1, 1), padding=NO_PADDING, dilation=(1, 1), groups=1):
    """Convolve by tiles: float32."""
    if not served(x, w) or (b is not None and b.dtype != np.float32):
        return NotImplemented
    return convolved(x, w, b, -np.inf, stride, padding, dilation, groups)


@kernel(ops.conv2d_norm_relu)
def conv2d_norm_relu(
    x,
    w,
    b=None,
    scale=None,
    shift=None,
    *,
    statistics=None,
    epsilon=1e-5,
    relu=True,
    stride=(1, 1),
    padding=NO_PADDING,
    dilation=(1, 1),
    groups=1,
):
    """Convolve by kernels that are scaled, and cut off what leaves the registers: float32."""
    given = [v for v in (b, scale, shift, *(statistics or ())) if v is not None]
    if not served(x, w) or any(v.dtype != np.float32 for v in given):
        return NotImplemented
    factors = NONE
    if statistics is not None:
        mean, variance = statistics
        factors = 1 / np.sqrt(variance + np.float32(epsilon))
        if scale is not None:
            factors *= scale
        if not np.isfinite(factors.sum(dtype=np.float64)):
            return NotImplemented  # it would meet the channels' sums, and not the pixels
        b = -mean * factors if b is None else (b - mean) * factors
        if shift is not None:
            b += shift
    least = 0 if relu else -np.inf
    return convolved(x, w, b, least, stride, padding, dilation, groups, factors)


def convolved(x, w, b, least, stride, padding, dilation, groups, factors=NONE):
    """Convolve by kernels times `factors`, and cut off what is below `least`."""
    counts = window_counts(x.shape[2:], w.shape[2:], stride, padding, dilation)
    out = room((len(x), *counts, len(w)), np.float32)
    bias = np.zeros(len(w) + CHANNELS, np.float32)
    if b is not None:
        bias[: len(w)] = b
    settings = stride, (padding[0][0], padding[1][0]), dilation, groups
    pixels = writable(channels_last(x))
    convolve(pixels, w, bias, out, counts, EVERY_PIXEL, *settings, least=least, factors=factors)
    return channels_first(out)


@lru_cache(256)
def window_counts(size, kernel_size, stride, padding, dilation):
    """How many windows there are, (down, across)."""
    axes = zip(size, kernel_size, stride, padding, dilation, strict=True)
    return tuple(window_count(*axis) for axis in axes)


def convolve(
    pixels,
    w,
    bias,
    out,
    counts,
    grid,
    stride,
    corner,
    dilation,
    groups,
    *,
    least=-np.inf,
    flipped=False,
    factors=NONE,
):
    """Convolve by squares where they serve, and window by window."""
    kernels, least = writable(np.ascontiguousarray(w)), np.float32(least)
    work = len(pixels) * math.prod(counts) * w.size // MULTIPLICATIONS
    squares = by_squares(w.shape, len(pixels), counts, stride, dilation, groups)
    if squares and grid == EVERY_PIXEL:
        if len(factors):
            kernels, factors = kernels * factors[:, None, None, None], NONE
        transformed = room((blocks(out.shape[3]), PRODUCTS, pixels.shape[3], CHANNELS), np.float32)
        transform_kernels(len(transformed), w.size, kernels, transformed, flipped)
        sound = np.empty(threads_for(work), np.bool_)
        parts = chunks(out.shape, len(sound))
        winograd(len(sound), work, pixels, transformed, bias, out, corner, least, sound, *parts)
        if sound.all():
            return
    by_channel = True if groups == pixels.shape[3] == out.shape[3] else None
    if by_channel:
        kernels, groups = kernels.swapaxes(0, 1) if flipped else kernels, 1
    outside, inside = out.shape[3] // groups, 1 if by_channel else pixels.shape[3] // groups
    depth = inside * w.shape[2] * w.shape[3]
    packed = np.empty((groups * blocks(outside), depth, vectors(outside)), np.float32)
    pack(len(packed), packed.size, kernels, factors, packed, groups, flipped)
    settings = w.shape[2:], stride, corner, dilation, groups, by_channel, work
    correlate(pixels, packed, bias, least, out, counts, grid, *settings)


@kernel(ops.conv2d_input_gradient)
def conv2d_input_gradient(
    g, w, *, size, stride=(1, 1), padding=NO_PADDING, dilation=(1, 1), groups=1
):
    """Convolve with the flipped kernels, phase by phase: float32."""
    if not served(g, w):
        return NotImplemented
    if stride != (1, 1) and not np.isfinite(w).all():
        return NotImplemented  # the reference lets no kernel meet the zeros around g
    channels = w.shape[1] * groups
    out, pixels = room((len(g), *size, channels), np.float32), writable(channels_last(g))
    bias = np.zeros(channels + CHANNELS, np.float32)
    found, complete = parts_of(size, w.shape[2:], stride, padding, dilation)
    if not complete:
        out.fill(0)
    for taps, counts, grid, corner, apart in found:
        settings = (1, 1), corner, apart, groups
        convolve(pixels, w[taps], bias, out, counts, grid, *settings, flipped=True)
    return channels_first(out)


@lru_cache(256)
def parts_of(size, kernel_size, stride, padding, dilation):
    """Which taps meet which pixels, see `Phase`, along both axes, and whether all meet some."""
    axes = zip(size, kernel_size, stride, padding, dilation, strict=True)
    both = list(product(*(phases(*axis) for axis in axes)))
    found = []
    for down, across in both:
        taps = down.taps, across.taps
        if all(range(n)[some] for n, some in zip(kernel_size, taps, strict=True)):
            counts, grid = (down.pixels, across.pixels), (down.places, across.places)
            corner, apart = (down.corner, across.corner), (down.apart, across.apart)
            found.append(((slice(None), slice(None), *taps), counts, grid, corner, apart))
    return found, len(found) == len(both)


class Phase(NamedTuple):
    """The pixels along an axis that lie a stride apart: they meet the same taps.

    Attributes:
        places: The first pixel and how far apart they are.
        pixels: How many they are.
        taps: What they meet.
        corner: How far the first of their windows begins before g.
        apart: How far apart the taps are in g.
    """

    places: tuple[int, int]
    pixels: int
    taps: slice
    corner: int
    apart: int


def phases(length, kernel_size, stride, padding, dilation):
    """Cut an axis into phases, each of which is a convolution of g, pixel after pixel."""
    step = stride // math.gcd(stride, dilation)
    found = []
    for first in range(min(stride, length)):
        reached = first + padding[0]
        fitting = (i for i in range(step) if (reached - i * dilation) % stride == 0)
        begin, apart = next(fitting, kernel_size), step * dilation // stride
        count = len(range(begin, kernel_size, step))
        corner = (count - 1) * apart - (reached - begin * dilation) // stride
        pixels, taps = len(range(first, length, stride)), slice(begin, None, step)
        found.append(Phase((first, stride), pixels, taps, corner, apart))
    return found


@kernel(ops.conv2d_weight_gradient)
def conv2d_weight_gradient(
    g, x, *, size, stride=(1, 1), padding=NO_PADDING, dilation=(1, 1), groups=1
):
    """Correlate by tiles: float32."""
    if not served(g, x):
        return NotImplemented
    channels, channels_out = x.shape[1], g.shape[1]
    corner = padding[0][0], padding[1][0]
    images, pixels = writable(channels_last(x)), writable(channels_last(g))
    total = np.empty((channels_out, channels // groups, *size), np.float32)
    work = pixels.size * total[0].size // MULTIPLICATIONS
    threads = threads_for(work)
    few = PRODUCTS * channels * channels_out <= MOST_SUMS
    pays = few or pixels.size // channels_out >= MANY_PIXELS
    if pays and by_squares(total.shape, len(images), g.shape[2:], stride, dilation, groups):
        sound = np.empty(-(-channels_out // LANES), np.bool_)
        sums = np.zeros((threads, PRODUCTS, channels, len(sound) * LANES), np.float32)
        parts = chunks(pixels.shape, threads)
        winograd_weights(threads, work, images, pixels, sums, corner, *parts)
        collect_squares(len(sound), sums.size, sums, total, sound)
        if sound.all():
            return total
    by_channel = True if groups == channels == channels_out else None
    if by_channel:
        groups = 1
    outside, inside = channels_out // groups, total.shape[1]
    depth = -(-inside * size[0] * size[1] // PIXELS) * PIXELS
    shape = groups * blocks(outside), depth, vectors(outside)
    indivisible = math.prod(shape) >= MANY or pixels.size <= CHUNK * channels_out
    parts, shares = (1, threads) if indivisible and shape[0] >= threads else (threads, 1)
    sums = np.zeros((parts, *shape), np.float32)
    settings = size, stride, corner, dilation, groups, by_channel, shares, work
    correlate_weights(images, pixels, sums, *settings)
    collect(shape[0], sums.size, sums, total.reshape(channels_out, inside, -1), groups)
    return total


@lru_cache(256)
def by_squares(shape, images, counts, stride, dilation, groups):
    """Whether Winograd's algorithm serves: 3 x 3 taps side by side, whole tiles of channels.

    It pays where many channels meet many pixels.
    """
    plain = shape[2:] == (3, 3) and stride == (1, 1) == dilation and groups == 1
    large = min(shape[:2]) >= 24 and min(counts) >= 3
    count = images * math.prod(counts)
    small = PRODUCTS * math.prod(shape[:2]) <= MOST_TIMES * count * sum(shape[:2])
    return (
        plain
        and large
        and small
        and count >= FEW_PIXELS
        and shape[0] % PIXELS == 0 == shape[1] % PIXELS
    )


def blocks(channels):
    """How many tiles lie side by side."""
    return -(-channels // CHANNELS)


def vectors(channels):
    """How long the rows of tiles are: whole vectors."""
    return min(CHANNELS, -(-channels // LANES) * LANES)
