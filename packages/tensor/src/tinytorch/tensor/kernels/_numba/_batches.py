"""Products of many little matrices by tiles: float32.

BLAS takes the matrices of a batch one after the other, and prepares itself for each; a matrix of
attention is done before that.
"""

from math import prod

import numpy as np

from tinytorch.tensor.kernels import parallel, room
from tinytorch.tensor.kernels._numba._tile import (
    COLUMNS,
    COMPILED,
    LANES,
    LEAST,
    ROWS,
    memory,
    multiples,
    tile,
)

MOST = 1 << 9
"""Rows and terms of a little matrix; sums of so many terms keep their digits."""
LARGE = 1 << 21
"""With so many multiplications for each matrix BLAS is as fast."""
MULTIPLICATIONS = 64
"""So many take as long as one element of other loops."""


def multiplied_little(x, y, batch):
    """The products of matrices x and y, along one or two axes of a batch, if tiles are faster."""
    (rows, terms), columns = x.shape[-2:], y.shape[-1]
    if max(rows, terms) > MOST or rows * terms * columns >= LARGE or columns < LANES:
        return NotImplemented
    if any(step % 4 for step in (*x.strides, *y.strides)):
        return NotImplemented
    out = room((*batch, rows, columns), np.float32)
    matrices = prod(batch)
    multiply_little(
        matrices,
        out.size * terms // MULTIPLICATIONS,
        *lies(x, len(batch)),
        *lies(y, len(batch)),
        out.reshape(-1),
        (rows, terms, columns, batch[-1]),
    )
    return out


def lies(x, axes):
    """The address of matrices, and the steps in numbers along two axes of a batch and their own."""
    steps = [0 if n == 1 else step // 4 for n, step in zip(x.shape, x.strides, strict=True)]
    lead = [0] * (axes + 2 - len(steps)) + steps[:-2]
    outer, inner = lead if axes == 2 else (0, *lead)
    return x.__array_interface__["data"][0], (outer, inner, *steps[-2:])


@parallel(**COMPILED)
def multiply_little(begin, end, x_address, x_steps, y_address, y_steps, out, sizes):
    """Compute products of matrices (rows, terms) and (terms, columns), one after the other.

    Steps are in numbers: along two axes of the batch, the rows and the columns of a matrix.
    """
    rows, terms, columns, inner = sizes
    x, y = memory(x_address), memory(y_address)
    x_row, x_term, y_term, y_column = x_steps[2], x_steps[3], y_steps[2], y_steps[3]
    padded = -(-rows // ROWS) * ROWS
    places, origins = multiples(padded, columns), multiples(padded, x_row)
    for r in range(rows, padded):  # what is not there is computed as the last row once more
        places[r], origins[r] = places[rows - 1], origins[rows - 1]
    start, taps = np.zeros(COLUMNS, np.float32), np.zeros(1, np.int64)
    panel = np.zeros(terms * COLUMNS, np.float32)
    laid = np.empty(0 if x_term == 1 else padded * terms, np.float32)
    for matrix in range(begin, end):
        of_x = matrix // inner * x_steps[0] + matrix % inner * x_steps[1]
        of_y = matrix // inner * y_steps[0] + matrix % inner * y_steps[1]
        corner, stride, a = of_x, 1, x
        if x_term != 1:
            for r in range(padded):
                place, source = r // ROWS * terms * ROWS + r % ROWS, of_x + min(r, rows - 1) * x_row
                origins[r] = place
                for k in range(terms):  # unsigned, as places may lie before the first
                    laid[place + k * ROWS] = x[np.uint64(source + k * x_term)]
            corner, stride, a = 0, ROWS, laid
        for column in range(0, columns, COLUMNS):
            lanes = min(COLUMNS, columns - column)
            b, at, row = y, of_y + column * y_column, y_term
            if y_column != 1 or lanes % LANES:
                for c in range(lanes):
                    for k in range(terms):
                        source = at + k * y_term + c * y_column
                        panel[k * COLUMNS + c] = y[np.uint64(source)]
                b, at, row = panel, 0, COLUMNS
            place = matrix * rows * columns + column
            for r in range(0, padded, ROWS):
                tile(
                    out,
                    place,
                    start,
                    0,
                    0,
                    LEAST,
                    a,
                    corner,
                    origins,
                    places,
                    r,
                    taps,
                    stride,
                    terms,
                    b,
                    at,
                    row,
                    lanes,
                    None,
                )
