"""What all kernels of images share: the tile's measures in words of convolution, small helpers."""

import numpy as np

from tinytorch.tensor.kernels import njit
from tinytorch.tensor.kernels.tile import COLUMNS, INNER, ROWS

PIXELS = ROWS
"""Rows of a tile: its results of one output channel."""
CHANNELS = COLUMNS
"""Columns of a tile: output channels of a pixel."""
NO_PADDING = ((0, 0), (0, 0))


def served(*arrays):
    """Whether the kernels take these operands: float32, and something to compute."""
    return all(a.dtype == np.float32 and a.size for a in arrays)


@njit(**INNER)
def pour(run, total):
    """Add a run's sums to the total, and begin the next run with zeros."""
    for e in range(len(run)):
        total[e] += run[e]
        run[e] = 0


@njit(**INNER)
def finite(numbers):
    """Whether there is no infinity and no NaN among float32 numbers: their exponents are full."""
    largest = np.int32(0)
    for bits in numbers.view(np.int32):
        largest = max(largest, bits & np.int32(0x7FFFFFFF))
    return largest < 0x7F800000
