"""Sums over all pixels of a channel, which keep their digits however many pixels there are.

Adding a million float32 numbers one after the other loses half of their digits. So short runs are
added in the precision of the images (float32 at least), and the sums of runs in float64.
"""

from collections.abc import Callable

import numpy as np

from tinytorch.autograd import derivative
from tinytorch.spatial.ops._layout import channels_last, precise
from tinytorch.tensor import op, ops
from tinytorch.tensor.types import Array

__all__ = ["channel_sums"]

COLUMNS = 4096
"""Numbers in a row of pixels: long rows are fast to add."""
RUN = 64
"""Rows that are added one after the other."""


@op
def channel_sums(g: Array, x: Array | None = None) -> Array:
    """The sum of g, or of g * x, over each channel: (channels,), of float32 at least."""
    return channel_total(g) if x is None else channel_products(g, x)


derivative(
    channel_sums,
    lambda h, _z, _g, x=None: _over_pixels(h, _g) if x is None else _over_pixels(h, _g) * x,
    lambda h, _z, g, _x=None: _over_pixels(h, g) * g,
)


def _over_pixels(h: Array, like: Array) -> Array:
    """Repeat (channels,) over batch and pixels, in ops."""
    return ops.broadcast_to(ops.reshape(h, shape=(-1, 1, 1)), shape=like.shape)


def channel_total(x: Array) -> Array:
    """Add up each channel of (batch, channels, height, width): (channels,)."""
    return _add_up(lambda rows: np.add.reduce(rows, axis=0, dtype=precise(rows)), x)


def channel_products(g: Array | None, x: Array, middle: Array | None = None) -> Array:
    """Add up g * (x - middle) for each channel, or the squares of x - middle: (channels,)."""
    middles = np.tile(np.zeros(x.shape[1], precise(x)) if middle is None else middle, _beside(x))

    def squares(rows: Array) -> Array:
        centered = rows - middles[: rows.shape[1]]
        return np.einsum("rk,rk->k", centered, centered)

    def products(rows: Array, arrived: Array) -> Array:
        return np.einsum("rk,rk->k", arrived, rows - middles[: rows.shape[1]])

    return _add_up(squares, x) if g is None else _add_up(products, x, g)


def _add_up(run: Callable[..., Array], *images: Array) -> Array:
    """Add up what `run` makes of runs of rows, in which as many pixels lie side by side as fit."""
    channels, wide = images[0].shape[1], _beside(images[0])
    pixels = [channels_last(x).reshape(-1, channels) for x in images]
    whole = len(pixels[0]) // wide * wide
    total = _run_by_run(run, [p[:whole].reshape(-1, wide * channels) for p in pixels])
    total = total.reshape(wide, channels).sum(axis=0)
    total += _run_by_run(run, [p[whole:] for p in pixels])
    return total.astype(precise(*images))


def _run_by_run(run: Callable[..., Array], rows: list[Array]) -> Array:
    """Add up (rows, columns) to (columns,), a run at a time."""
    count, columns = rows[0].shape
    total = np.zeros(columns)
    for first in range(0, count, RUN):
        total += run(*[r[first : first + RUN] for r in rows])
    return total


def _beside(x: Array) -> int:
    """How many pixels lie side by side in a row of about `COLUMNS` numbers."""
    return max(1, COLUMNS // max(1, x.shape[1]))
