"""Draws the figures of the chapter on Tensors: `python docs/figures/tensor.py`."""

import numpy as np
from _style import BLUE, INK, MUTED, ORANGE, SKY, SMALL, board, save
from matplotlib.patches import FancyArrowPatch, Rectangle

from tinytorch.tensor import ops, tensor

SIDE = 0.36
"""Inches of one cell."""
LEFT = 1.2
"""Where the row of memory begins."""


def cells(axes, left, top, values, color, ghost=False):
    """Draw numbers in cells, the first row at `top`; ghosts are repetitions that take no memory."""
    for (row, column), value in np.ndenumerate(np.atleast_2d(values)):
        corner = left + column * SIDE, top - (row + 1) * SIDE
        first = not ghost or (ghost == "rows" and row == 0) or (ghost == "columns" and column == 0)
        look = {"facecolor": color, "alpha": 0.35} if first else {"facecolor": "none"}
        axes.add_patch(Rectangle(corner, SIDE, SIDE, edgecolor="none", **look))
        edge = {"edgecolor": INK} if first else {"edgecolor": MUTED, "ls": ":"}
        axes.add_patch(Rectangle(corner, SIDE, SIDE, facecolor="none", lw=0.9, **edge))
        center = corner[0] + SIDE / 2, corner[1] + SIDE / 2
        shade = INK if first else MUTED
        axes.text(*center, f"{value:g}", ha="center", va="center", color=shade, fontsize=9)


def label(axes, left, height, text, color=INK, **look):
    """Write beside or above cells."""
    axes.text(left, height, text, ha="left", va="center", color=color, fontsize=9, **look)


def strides():
    """One row of memory, and three Tensors that read it with steps of their own."""
    figure, axes = board(3.0)
    x = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    cells(axes, LEFT, 2.72, x.data.reshape(1, 6), ORANGE)
    label(axes, 0.25, 2.54, "24 bytes", MUTED)
    for place in range(6):
        at = LEFT + place * SIDE + SIDE / 2
        axes.text(at, 2.26, 4 * place, ha="center", va="center", color=MUTED, fontsize=SMALL)
    label(axes, LEFT + 6 * SIDE + 0.1, 2.26, "first byte", MUTED)
    views = {"x": x, "x.T": x.T, "x[:, 1]": x[:, 1]}
    for (name, view), left in zip(views.items(), (0.25, 1.8, 3.35), strict=True):
        label(axes, left, 1.88, name, family="monospace")
        column = view.data[:, None] if view.ndim == 1 else view.data
        cells(axes, left, 1.72, column, SKY)
        label(axes, left, 0.4, f"shape {view.shape}", MUTED)
        label(axes, left, 0.2, f"strides {view.data.strides}", BLUE)
    save(figure, "tensor-strides")


def broadcasting():
    """Two sums that broadcast; what is repeated is dotted."""
    figure, axes = board(3.35)
    rows = [
        (3.0, [[1, 2, 3], [4, 5, 6]], [10, 20, 30], "rows", "(2, 3)", "(3,)"),
        (1.5, [[1], [2]], [10, 20, 30], "both", "(2, 1)", "(3,)"),
    ]
    places = (0.2, 1.75, 3.3)
    for top, left_values, right_values, repeated, left_shape, right_shape in rows:
        x, y = tensor(left_values).astype("float32"), tensor(right_values).astype("float32")
        z = x + y
        wide_x, wide_y = (ops.broadcast_to(a, shape=z.shape).numpy() for a in (x, y))
        cells(axes, places[0], top, wide_x, SKY, ghost="columns" if repeated == "both" else False)
        cells(axes, places[1], top, wide_y, ORANGE, ghost="rows")
        cells(axes, places[2], top, z.numpy(), BLUE)
        middle = top - SIDE
        axes.text(1.5, middle, "+", ha="center", va="center", fontsize=13)
        axes.text(3.1, middle, "=", ha="center", va="center", fontsize=13)
        for left, shape in zip(places, (left_shape, right_shape, z.shape), strict=True):
            label(axes, left, top + 0.16, str(shape), MUTED)
        axes.add_patch(
            FancyArrowPatch(
                (2.92, top - 0.1),
                (2.92, top - 2 * SIDE + 0.05),
                arrowstyle="->",
                mutation_scale=9,
                color=MUTED,
            )
        )
    axes.add_patch(
        FancyArrowPatch(
            (0.3, 1.5 - 2 * SIDE - 0.12),
            (1.2, 1.5 - 2 * SIDE - 0.12),
            arrowstyle="->",
            mutation_scale=9,
            color=MUTED,
        )
    )
    label(axes, 0.2, 0.3, "dotted: the same number in memory, read again (stride 0)", MUTED)
    save(figure, "tensor-broadcasting")


if __name__ == "__main__":
    strides()
    broadcasting()
