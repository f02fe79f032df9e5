"""Convolution with one kernel for each channel: bound by memory, so plain loops serve."""

import numpy as np
from numba import prange

from tinytorch.spatial.kernels._numba._tile import COMPILED, finite, pour
from tinytorch.tensor.kernels import njit

RUN = 64
"""Pixels whose products are added in float32; their sums are added in float64."""


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
    """Add up x * g for each channel: sums (threads, kernel height, kernel width, channels).

    Gives whether this is all: an infinity or NaN in g times the zeros around the image is not.
    """
    height, width, channels = x.shape[1:]
    rows, columns = g.shape[1:3]
    flat, flat_g, threads = x.reshape(-1), g.reshape(-1), len(sums)
    sound = np.ones(threads, np.bool_)
    for thread in prange(threads):
        run, total, added = np.zeros(sums[0].size, np.float32), sums[thread].reshape(-1), 0
        for line in range(
            thread * len(x) * rows // threads, (thread + 1) * len(x) * rows // threads
        ):
            n, y = line // rows, line % rows
            for first in range(0, columns, RUN):
                last = min(first + RUN, columns)
                for i in range(sums.shape[1]):
                    row = y * stride[0] + i * dilation[0] - corner[0]
                    if not 0 <= row < height:
                        begin, end = line * columns + first, line * columns + last
                        sound[thread] &= finite(flat_g[begin * channels : end * channels])
                        continue
                    for j in range(sums.shape[2]):
                        tap = (i * sums.shape[2] + j) * channels
                        for column in range(first, last):
                            place = column * stride[1] + j * dilation[1] - corner[1]
                            arrived = (line * columns + column) * channels
                            if 0 <= place < width:
                                source = ((n * height + row) * width + place) * channels
                                multiply_add(run, tap, flat, source, flat_g, arrived, channels)
                            else:
                                sound[thread] &= finite(flat_g[arrived : arrived + channels])
                added += last - first
                if added >= RUN:
                    pour(run, total)
                    added = 0
        pour(run, total)
    return sound.all()


@njit(**COMPILED)
def multiply_add(target, to, one, first, two, second, count):
    """Add one * two to the target, element by element, each from its place on.

    Unsigned places cannot mean "from the end", which would keep the loop from vectors.
    """
    to, first, second = np.uint64(to), np.uint64(first), np.uint64(second)
    for e in range(np.uint64(count)):
        target[to + e] += one[first + e] * two[second + e]
