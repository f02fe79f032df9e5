"""Draws the figures of the guide to the kernels: `python docs/figures/kernels.py`."""

from _style import BLUE, GRID, INK, MUTED, ORANGE, RED, SMALL, card, save
from matplotlib.patches import Rectangle

ROWS, COLUMNS, DEPTH, LANES = 8, 32, 18, 16


def tile():
    """A tile of results: one column of pixels meets one row of weights, and all sums grow."""
    figure = card(3.3)
    axes = figure.subplots()
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set(xlim=(-1, DEPTH + COLUMNS + 5), ylim=(DEPTH + ROWS + 7, -2.5))
    left, top = DEPTH + 3, DEPTH + 3
    grid(axes, 0, top, ROWS, DEPTH)
    grid(axes, left, 0, DEPTH, COLUMNS)
    grid(axes, left, top, ROWS, COLUMNS, face="#dbe9f4")
    k = 6
    box(axes, k, top, 1, ROWS, ORANGE)
    for half in range(2):
        box(axes, left + half * LANES, k, LANES, 1, RED)
        box(axes, left + half * LANES, top, LANES, ROWS, BLUE, fill=False)
    text = {"color": INK, "fontsize": SMALL, "ha": "center", "va": "center"}
    axes.text(DEPTH / 2, top + ROWS + 2, "a: what lies\nunder 8 windows", **text)
    axes.text(left + COLUMNS / 2, -1.4, "b: weights of 32 output channels", **text)
    axes.text(left + COLUMNS / 2, top + ROWS + 2, "the tile: 256 sums,\nin 16 registers", **text)
    words = (
        "at step k\n\n8 numbers of a,\neach spread\nover a register\n\n"
        "2 registers of b\n\n16 instructions,\n256 multiply-adds"
    )
    axes.text(DEPTH / 2, DEPTH / 2 - 0.5, words, **text)
    save(figure, "kernels-tile")


def grid(axes, left, top, rows, columns, face="white"):
    """Draw cells."""
    frame = {"edgecolor": MUTED, "linewidth": 0.8}
    axes.add_patch(Rectangle((left, top), columns, rows, facecolor=face, **frame))
    for x in range(1, columns):
        axes.plot([left + x] * 2, [top, top + rows], color=GRID, linewidth=0.5)
    for y in range(1, rows):
        axes.plot([left, left + columns], [top + y] * 2, color=GRID, linewidth=0.5)


def box(axes, left, top, width, height, color, fill=True):
    """Mark cells."""
    face = color if fill else "none"
    axes.add_patch(
        Rectangle(
            (left, top), width, height, facecolor=face, edgecolor=color, linewidth=1.5, zorder=4
        )
    )


if __name__ == "__main__":
    tile()
