"""The kernels of the three convolution ops: they choose the algorithm for the shapes at hand."""

from itertools import product
from math import gcd

import numpy as np
from numba import get_num_threads

from tinytorch.spatial import ops
from tinytorch.spatial.kernels._numba._depthwise import depthwise, depthwise_weights
from tinytorch.spatial.kernels._numba._tile import CHANNELS, LANES, NO_PADDING, PIXELS, served
from tinytorch.spatial.kernels._numba._windows import correlate, correlate_weights
from tinytorch.spatial.kernels._numba._winograd import (
    collect_weights,
    transform_kernels,
    winograd,
    winograd_weights,
)
from tinytorch.spatial.ops._layout import channels_first, channels_last, window_count
from tinytorch.spatial.ops._memory import room
from tinytorch.tensor.kernels import kernel


@kernel(ops.conv2d)
def conv2d(x, w, b=None, *, stride=(1, 1), padding=NO_PADDING, dilation=(1, 1), groups=1):
    """Convolve by tiles, or channel by channel: float32, one group or depthwise."""
    if not served(x, w) or not mixes_all_or_none(w, groups):
        return NotImplemented
    if b is not None and b.dtype != np.float32:
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
    else:
        convolve(x, w, bias, out, stride, corner, dilation)
    return channels_first(out)


def convolve(x, w, bias, out, stride, corner, dilation, *, flipped=False):
    """Convolve by squares where they serve, and window by window."""
    if by_squares(w.shape, stride, dilation) and convolve_squares(x, w, bias, out, corner, flipped):
        return
    kernels = w.swapaxes(0, 1)[..., ::-1, ::-1] if flipped else w
    convolve_windows(x, kernels, bias, out, stride, corner, dilation)


def convolve_squares(x, w, bias, out, corner, flipped):
    """Convolve by Winograd's algorithm, and give whether the results are right: finite."""
    shape = len(bias) // CHANNELS, 16, x.shape[1], CHANNELS
    factors = np.zeros(shape, np.float32)
    transform_kernels(np.ascontiguousarray(w), factors, flipped)
    return winograd(channels_last(x), factors, bias, out, corner, get_num_threads())


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
    """Convolve with the flipped kernels, phase by phase: float32, one group or depthwise."""
    if not served(g, w) or not mixes_all_or_none(w, groups):
        return NotImplemented
    if stride != (1, 1) and not np.isfinite(w).all():
        return NotImplemented  # the reference lets no kernel meet the zeros around g
    channels = w.shape[1] * groups
    bias = np.zeros(-(-channels // CHANNELS) * CHANNELS, np.float32)
    out = room((len(g), *size, channels), np.float32)
    down, across = (
        phases(*axis) for axis in zip(size, w.shape[2:], stride, padding, dilation, strict=True)
    )
    for (rows, i, top, below), (columns, j, left, beside) in product(down, across):
        target, taps = out[:, rows, columns], w[:, :, i, j]
        part = out if stride == (1, 1) else room(target.shape, np.float32)
        if groups != 1 or not taps.size:
            part.fill(0)
        if groups != 1:
            flipped = np.ascontiguousarray(taps[:, 0, ::-1, ::-1].transpose(1, 2, 0))
            depthwise(channels_last(g), flipped, part, (1, 1), (top, left), (below, beside))
        elif taps.size:
            convolve(g, taps, bias, part, (1, 1), (top, left), (below, beside), flipped=True)
        if part is not out:
            target[...] = part
    return channels_first(out)


def phases(length, kernel_size, stride, padding, dilation):
    """The pixels that lie a stride apart meet the same taps, and g pixel after pixel: convolutions.

    Gives for each such phase along an axis its pixels, its taps, how far the first of its windows
    begins before g, and how far apart its taps are in g.
    """
    step = stride // gcd(stride, dilation)
    found = []
    for first in range(min(stride, length)):
        reached = first + padding[0]
        fitting = (i for i in range(step) if (reached - i * dilation) % stride == 0)
        begin, apart = next(fitting, kernel_size), step * dilation // stride
        count = len(range(begin, kernel_size, step))
        corner = (count - 1) * apart - (reached - begin * dilation) // stride
        found.append((slice(first, None, stride), slice(begin, None, step), corner, apart))
    return found


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
        sums = np.zeros((threads, *size, channels))
        if not depthwise_weights(images, pixels, sums, stride, corner, dilation):
            return NotImplemented
        return np.ascontiguousarray(sums.sum(axis=0).transpose(2, 0, 1)[:, None], np.float32)
    if by_squares((channels_out, channels, *size), stride, dilation):
        sums = np.zeros(
            (threads, 16, channels, -(-channels_out // CHANNELS) * CHANNELS), np.float32
        )
        winograd_weights(images, pixels, sums, corner)
        total = np.empty((channels_out, channels, *size), np.float32)
        if collect_weights(sums, total):
            return total
    depth = size[0] * size[1] * channels
    shape = -(-depth // PIXELS) * PIXELS, -(-channels_out // CHANNELS) * CHANNELS
    sums = np.zeros((threads, *shape), np.float32)
    correlate_weights(images, pixels, sums, size, stride, corner, dilation)
    total = sums.sum(axis=0)[:depth, :channels_out].reshape(*size, channels, channels_out)
    return np.ascontiguousarray(total.transpose(3, 2, 0, 1))


def mixes_all_or_none(w, groups):
    """Whether each result reads all channels, or its own one alone (depthwise).

    A depthwise kernel must be finite, as it does not meet the zeros around the image.
    """
    return groups == 1 or (groups == len(w) and w.shape[1] == 1 and np.isfinite(w).all())


def by_squares(shape, stride, dilation):
    """Whether Winograd's algorithm serves: 3 x 3 taps side by side, whole vectors of channels."""
    plain = shape[2:] == (3, 3) and stride == (1, 1) == dilation
    return plain and shape[0] % LANES == 0 == shape[1] % LANES
