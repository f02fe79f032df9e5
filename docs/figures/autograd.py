"""Draws the walk of backward for the chapter on autograd: `python docs/figures/autograd.py`.

The walk is a real one: what the engine hands on at each result is written down while it runs.
"""

from unittest import mock

import numpy as np
from _style import BLUE, GRID, INK, MUTED, RED, SMALL, board, save
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from tinytorch.autograd import Variable, _backward

PLACES = {
    "x": (0.57, 1.95),
    "b": (0.57, 0.75),
    "mul": (1.75, 1.95),
    "add": (2.9, 1.35),
    "sum": (4.05, 1.35),
}
ACROSS, HEIGHT = 0.84, 0.56


def walk():
    """Go backward from sum(x * b + b); return the nodes, and who handed on what, in order."""
    x, b = Variable([1.0, 2.0, 3.0]), Variable(2.0)
    product = x * b
    total = product + b
    loss = total.sum()
    nodes = {"x": x, "b": b, "mul": product, "add": total, "sum": loss}
    names = {id(node): name for name, node in nodes.items()}
    undone, undo = [], _backward._undo  # noqa: SLF001 - the engine is what is drawn

    def noted(result, g, create_graph):
        shares = undo(result, g, create_graph)
        handed = [(names[id(operand)], share.data) for operand, share in shares]
        undone.append((names[id(result)], handed))
        return shares

    with mock.patch.object(_backward, "_undo", noted):
        loss.backward()
    return nodes, undone


def text(array):
    """Numbers as short as they can be."""
    return np.array2string(array, formatter={"float_kind": lambda v: f"{v:g}"})


def frame(number, nodes, edges, arrived, *, active=None, done=(), handing=()):
    """One picture: values in blue, what has arrived in red, what is being undone outlined."""
    figure, axes = board(2.6)
    boxes = {}
    for age, (name, node) in enumerate(nodes.items()):
        x, y = PLACES[name]
        leaf = node.is_leaf
        boxes[name] = axes.add_patch(
            FancyBboxPatch(
                (x - ACROSS / 2, y - HEIGHT / 2),
                ACROSS,
                HEIGHT,
                boxstyle=f"round,pad=0,rounding_size={0.06 if leaf else 0.25}",
                facecolor="#dbe9f6" if leaf else GRID if name in done else "white",
                edgecolor=RED if name == active else INK,
                lw=2.2 if name == active else 1,
            )
        )
        axes.text(x, y + 0.12, name, ha="center", va="center", fontsize=10, weight="bold")
        axes.text(x, y - 0.14, text(node.data), ha="center", va="center", color=BLUE)
        side, ha = (-1, "left") if leaf else (1, "right")
        above = x + side * ACROSS / 2, y + HEIGHT / 2 + 0.05
        axes.text(*above, age, ha=ha, color=MUTED, fontsize=SMALL)
        if name in arrived:
            word = "grad" if leaf and active is None else "g"
            below = y - HEIGHT / 2 - 0.17
            axes.text(
                x, below, f"{word} {text(arrived[name])}", ha="center", va="center", color=RED
            )
    for source, target in edges:
        backward = (target, source) in handing
        ends = (target, source) if backward else (source, target)
        axes.add_patch(
            FancyArrowPatch(
                *[PLACES[end] for end in ends],
                patchA=boxes[ends[0]],
                patchB=boxes[ends[1]],
                arrowstyle="-|>",
                mutation_scale=11,
                shrinkA=2,
                shrinkB=2,
                color=RED if backward else MUTED,
                lw=1.8 if backward else 1,
            )
        )
    save(figure, f"autograd-walk-{number}")


def frames():
    """The forward pass, a frame for each result that is undone, and the end."""
    nodes, undone = walk()
    edges = [("x", "mul"), ("b", "mul"), ("mul", "add"), ("b", "add"), ("add", "sum")]
    frame(1, nodes, edges, {})
    arrived = {"sum": np.float32(1)}
    done = []
    for number, (name, handed) in enumerate(undone, 2):
        before = dict(arrived)
        for operand, share in handed:
            arrived[operand] = before.get(operand, 0) + share
        handing = [(name, operand) for operand, _ in handed]
        frame(number, nodes, edges, dict(arrived), active=name, done=done, handing=handing)
        done.append(name)
    leaves = {name: nodes[name].grad.data for name in ("x", "b")}
    assert all(np.array_equal(leaves[name], arrived[name]) for name in leaves)
    frame(len(undone) + 2, nodes, edges, leaves, done=done)


if __name__ == "__main__":
    frames()
