"""Draws which names of a file are which here: `python docs/figures/weights.py`. Needs PyTorch."""

import contextlib
import os
import sys
import tempfile
from code import InteractiveConsole
from pathlib import Path

from _style import BLUE, GREEN, IMAGES, INK, MUTED, ORANGE, SMALL, card, save
from matplotlib.patches import FancyBboxPatch

sys.path.insert(0, str(IMAGES.parents[1] / "integration"))
from documents import blocks

WIDTH, RIGHT, TITLE, LINE, GAP = 42, 58, 1.35, 1.0, 0.5


def page():
    """The names that the page's blocks have made, until the function that renames."""
    console, home = InteractiveConsole(), Path.cwd()
    text = (IMAGES.parent / "guides" / "weights.md").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None):
        os.chdir(folder)
        for block in blocks(text):
            console.runcode(compile(block.code, "weights", "exec"))
            if "renamed" in console.locals:
                break
        os.chdir(home)
    return console.locals


def draw(names):
    """The modules of the file at the left, those of the network here beside them."""
    there = dict(names["Named"]().named_modules())
    counterpart = {here: module for module, here in names["prefixes"].items()}
    colors = iter((BLUE, ORANGE, GREEN))
    figure = card(5.0)
    axes = figure.subplots()
    axes.set_axis_off()
    top = 1.4
    for x, title in ((0, "there, in the file"), (RIGHT, "here")):
        axes.text(x, 0.4, title, color=INK, fontsize=10, va="center")
    for here, module in names["ours"].named_modules():
        if not here:
            continue
        shapes = {own: array.shape for own, array in module.state_dict().items()}
        bottom = top + TITLE + LINE * len(shapes)
        color = next(colors) if shapes else MUTED
        box(axes, RIGHT, top, bottom, color, here, type(module).__name__, shapes)
        if shapes:
            other = counterpart[here]
            box(axes, 0, top, bottom, color, other, type(there[other]).__name__, shapes)
            arrow = {"arrowstyle": "<|-|>", "color": color, "linewidth": 1.4}
            middle = (top + bottom) / 2
            axes.annotate("", (RIGHT - 1, middle), (WIDTH + 1, middle), arrowprops=arrow, zorder=4)
        top = bottom + GAP
    axes.set(xlim=(-1, 101), ylim=(top, -0.4))
    save(figure, "weights-names")


def box(axes, x, top, bottom, color, name, kind, shapes):
    """A module: the name of its place, its kind, and what it holds."""
    axes.add_patch(
        FancyBboxPatch(
            (x, top),
            WIDTH,
            bottom - top,
            boxstyle="round,pad=0,rounding_size=0.3",
            mutation_aspect=0.6,
            facecolor="white",
            edgecolor=color,
            linewidth=1.4,
        )
    )
    row = top + TITLE / 2
    axes.text(x + 2, row, name, family="monospace", fontsize=9, weight="bold", va="center")
    axes.text(x + WIDTH - 2, row, kind, fontsize=SMALL, color=INK, ha="right", va="center")
    for number, (own, shape) in enumerate(shapes.items()):
        row = top + TITLE + LINE * (number + 0.4)
        axes.text(x + 2, row, own, family="monospace", fontsize=SMALL, color=INK, va="center")
        if own != "num_batches_tracked":
            size = " x ".join(map(str, shape))
            axes.text(
                x + WIDTH - 2, row, size, fontsize=SMALL, color=MUTED, ha="right", va="center"
            )


if __name__ == "__main__":
    draw(page())
