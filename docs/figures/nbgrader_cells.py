"""Draws the parts of a solution cell: `python docs/figures/nbgrader_cells.py`."""

import sys

from _style import BLUE, GREEN, IMAGES, INK, MUTED, ORANGE, PINK, card, save

sys.path.insert(0, str(IMAGES.parents[1] / "tools"))
from notebooks import notebook

CELL = "optim-1-sgd_step"


def draw():
    """The cell's own text, with a band and a word for each part."""
    (cell,) = [cell for cell in notebook("optim", "tools")["cells"] if cell["id"] == CELL]
    lines = "".join(cell["source"]).splitlines()
    bounds = [i for i, line in enumerate(lines) if '"""' in line or "###" in line]
    opened, closed, begin, end = bounds
    parts = (
        (0, 1, MUTED, "1 the place"),
        (1, opened, BLUE, "2 the signature"),
        (opened, closed + 1, GREEN, "3 the docstring: the task"),
        (begin, begin + 1, PINK, "4 the mark"),
        (begin + 1, end, ORANGE, "cut out of the release"),
        (end, end + 1, PINK, "5 the mark"),
    )
    figure = card(7.2, 0.17 * len(lines) + 0.3)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, 100), ylim=(len(lines), 0))
    for first, last, color, text in parts:
        axes.axhspan(first + 0.06, last - 0.06, 0, 0.72, color=color, alpha=0.16, linewidth=0)
        axes.plot([73, 73], [first + 0.1, last - 0.1], color=color, linewidth=3)
        axes.text(74.5, (first + last) / 2, text, va="center", color=INK, fontsize=8.5)
    for row, line in enumerate(lines):
        axes.text(1, row + 0.5, line, va="center", color=INK, family="monospace", fontsize=7.5)
    save(figure, "nbgrader-cells-solution")


if __name__ == "__main__":
    draw()
