"""Draws the parts of a solution cell: `python docs/figures/nbgrader_cells.py`."""

import sys
from textwrap import TextWrapper

from _style import BLUE, GREEN, IMAGES, INK, MUTED, ORANGE, PINK, SMALL, card, save

sys.path.insert(0, str(IMAGES.parents[1] / "tools"))
from notebooks import notebook

CELL = "optim-1-sgd_step"
SHORT = TextWrapper(56, subsequent_indent=" " * 8)


def draw():
    """The cell's own text, its long lines broken, with a band and a number for each part."""
    (cell,) = [cell for cell in notebook("optim", "tools")["cells"] if cell["id"] == CELL]
    written = "".join(cell["source"]).splitlines()
    lines = [part for line in written for part in SHORT.wrap(line) or [""]]
    bounds = [i for i, line in enumerate(lines) if '"""' in line or "###" in line]
    opened, closed, begin, end = bounds
    parts = (
        (0, 1, MUTED, "1"),
        (1, opened, BLUE, "2"),
        (opened, closed + 1, GREEN, "3"),
        (begin, begin + 1, PINK, "4"),
        (begin + 1, end, ORANGE, "cut\nout"),
        (end, end + 1, PINK, "5"),
    )
    figure = card(0.17 * len(lines) + 0.3)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, 100), ylim=(len(lines), 0))
    for first, last, color, text in parts:
        axes.axhspan(first + 0.06, last - 0.06, 0, 0.92, color=color, alpha=0.16, linewidth=0)
        axes.plot([92.5, 92.5], [first + 0.1, last - 0.1], color=color, linewidth=3)
        axes.text(94, (first + last) / 2, text, va="center", color=INK, fontsize=SMALL)
    for row, line in enumerate(lines):
        axes.text(1, row + 0.5, line, va="center", color=INK, family="monospace", fontsize=SMALL)
    save(figure, "nbgrader-cells-solution")


if __name__ == "__main__":
    draw()
