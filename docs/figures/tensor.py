"""Draws the figures of the chapter on Tensors: `python docs/figures/tensor.py`."""

import numpy as np
from _style import BLUE, INK, MUTED, ORANGE, SKY, card, save
from matplotlib.patches import FancyArrowPatch, Rectangle

from tinytorch.tensor import ops, tensor

SIDE = 0.36
"""Inches of one cell."""


def board(width, height):
    """A card with axes in inches, the origin in its lower left corner, and nothing drawn."""
    figure = card(width, height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    return figure, axes


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
    figure, axes = board(7.2, 3.0)
    x = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    cells(axes, 2.5, 2.72, x.data.reshape(1, 6), ORANGE)
    label(axes, 0.25, 2.54, "memory: 24 bytes", MUTED)
    for place in range(6):
        at = 2.5 + place * SIDE + SIDE / 2
        axes.text(at, 2.26, 4 * place, ha="center", va="center", color=MUTED, fontsize=8)
    label(axes, 2.5 + 6 * SIDE + 0.12, 2.26, "first byte", MUTED)
    views = {"x": x, "x.T": x.T, "x[:, 1]": x[:, 1]}
    for (name, view), left in zip(views.items(), (0.7, 3.1, 5.3), strict=True):
        label(axes, left, 1.88, name, family="monospace")
        column = view.data[:, None] if view.ndim == 1 else view.data
        cells(axes, left, 1.72, column, SKY)
        label(axes, left, 0.4, f"shape {view.shape}", MUTED)
        label(axes, left, 0.2, f"strides {view.data.strides}", BLUE)
    save(figure, "tensor-strides")


def broadcasting():
    """Two sums that broadcast; what is repeated is dotted."""
    figure, axes = board(7.2, 3.35)
    rows = [
        (3.0, [[1, 2, 3], [4, 5, 6]], [10, 20, 30], "rows", "(2, 3)", "(3,)"),
        (1.5, [[1], [2]], [10, 20, 30], "both", "(2, 1)", "(3,)"),
    ]
    for top, left_values, right_values, repeated, left_shape, right_shape in rows:
        x, y = tensor(left_values).astype("float32"), tensor(right_values).astype("float32")
        z = x + y
        wide_x, wide_y = (ops.broadcast_to(a, shape=z.shape).numpy() for a in (x, y))
        cells(axes, 0.4, top, wide_x, SKY, ghost="columns" if repeated == "both" else False)
        cells(axes, 2.4, top, wide_y, ORANGE, ghost="rows")
        cells(axes, 4.6, top, z.numpy(), BLUE)
        middle = top - SIDE
        axes.text(1.95, middle, "+", ha="center", va="center", fontsize=13)
        axes.text(4.05, middle, "=", ha="center", va="center", fontsize=13)
        label(axes, 0.4, top + 0.16, left_shape, MUTED)
        label(axes, 2.4, top + 0.16, right_shape, MUTED)
        label(axes, 4.6, top + 0.16, str(z.shape), MUTED)
        axes.add_patch(
            FancyArrowPatch(
                (3.62, top - 0.1),
                (3.62, top - 2 * SIDE + 0.05),
                arrowstyle="->",
                mutation_scale=9,
                color=MUTED,
            )
        )
    axes.add_patch(
        FancyArrowPatch(
            (0.5, 1.5 - 2 * SIDE - 0.12),
            (1.4, 1.5 - 2 * SIDE - 0.12),
            arrowstyle="->",
            mutation_scale=9,
            color=MUTED,
        )
    )
    label(axes, 0.4, 0.3, "dotted: the same number in memory, read again (stride 0)", MUTED)
    save(figure, "tensor-broadcasting")


if __name__ == "__main__":
    strides()
    broadcasting()
