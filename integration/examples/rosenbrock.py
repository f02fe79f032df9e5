"""Draws how each optimizer walks down Rosenbrock's valley.

`python integration/examples/rosenbrock.py` writes `docs/images/rosenbrock.svg` and `.png`,
or into the folder given. Needs matplotlib.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tinytorch.autograd import Variable
from tinytorch.optim import SGD, Adagrad, Adam, AdamW, RMSprop

START = (-1.5, 2.0)
STEPS = 1000
X_RANGE, Y_RANGE = (-2.0, 2.0), (-0.8, 3.2)
WALKERS = {
    "SGD": ("#0072b2", "lr 0.001", lambda params: SGD(params, lr=0.001)),
    "SGD, momentum 0.9": (
        "#56b4e9",
        "lr 0.001",
        lambda params: SGD(params, lr=0.001, momentum=0.9),
    ),
    "Adagrad": ("#cc79a7", "lr 0.5", lambda params: Adagrad(params, lr=0.5)),
    "RMSprop": ("#e69f00", "lr 0.01", lambda params: RMSprop(params, lr=0.01)),
    "Adam": ("#d55e00", "lr 0.05", lambda params: Adam(params, lr=0.05)),
    "AdamW": (
        "#009e73",
        "decay 0.1, lr 0.05",
        lambda params: AdamW(params, lr=0.05, weight_decay=0.1),
    ),
}
INK, MUTED = "#1f2328", "#6e7781"
BANDS = [str(gray) for gray in np.linspace(1.0, 0.78, 13)]


def rosenbrock(x, y):
    """A curved valley, steep across and flat along, with its floor's lowest point at (1, 1)."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def walk(make) -> np.ndarray:
    """Positions (steps + 1, 2) of the walk from START."""
    x, y = Variable(START[0], dtype="float64"), Variable(START[1], dtype="float64")
    optimizer = make([x, y])
    path = [(x.item(), y.item())]
    for _ in range(STEPS):
        loss = rosenbrock(x, y)
        optimizer.step(loss.backward())
        path.append((x.item(), y.item()))
    return np.array(path)


def draw_path(axes: Axes, name: str, color: str, path: np.ndarray, note: str) -> None:
    """The valley as bands of height, the walk, a dot at every 100th step and at the end."""
    x, y = np.meshgrid(np.linspace(*X_RANGE, 301), np.linspace(*Y_RANGE, 301))
    height = np.log10(rosenbrock(x, y) + 1e-3)
    levels = np.linspace(-3, 3.5, 14)
    axes.contourf(x, y, height, levels=levels, colors=BANDS, zorder=0)
    axes.set_rasterization_zorder(0.5)
    axes.plot(*path.T, color=color, linewidth=1.6, solid_joinstyle="round")
    axes.plot(*path[::100].T, "o", color=color, markersize=3.2)
    axes.plot(*START, "o", color="white", markeredgecolor=INK, markersize=6)
    axes.plot(1, 1, "*", color="white", markeredgecolor=INK, markersize=16)
    axes.plot(*path[-1], "o", color=color, markeredgecolor=INK, markersize=6)
    axes.set_title(name, color=color, fontsize=11, fontweight="bold", loc="left")
    axes.set_title(note, color=MUTED, fontsize=9, loc="right")
    axes.set(xlim=X_RANGE, ylim=Y_RANGE, xticks=[-2, -1, 0, 1, 2], yticks=[0, 1, 2, 3])
    axes.set_aspect("equal")


def draw_heights(axes: Axes, heights: dict[str, np.ndarray]) -> None:
    """Height over steps, one line for each optimizer, with its name at the end."""
    labels = []
    for name, height in heights.items():
        axes.semilogy(height, color=WALKERS[name][0], linewidth=1.6)
        labels.append([np.log10(height[-1]), name])
    labels.sort(key=lambda label: label[0])
    for below, label in pairwise(labels):
        label[0] = max(label[0], below[0] + 0.32)
    for position, name in labels:
        axes.text(
            STEPS * 1.02, 10**position, name, color=WALKERS[name][0], va="center", fontsize=10
        )
    axes.set_title("height f(x, y) after each step", fontsize=11, loc="left", color=INK)
    axes.set(xlim=(0, STEPS), xlabel="step")
    axes.grid(color="#d0d7de", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def draw() -> Figure:
    """All walks and their heights."""
    mpl.rcParams.update({"svg.hashsalt": "rosenbrock", "text.color": INK, "font.size": 9})
    figure = Figure(figsize=(13.5, 6.6), layout="constrained", facecolor="white")
    maps, side = figure.subfigures(1, 2, width_ratios=[8.6, 4.9])
    heights = {}
    for axes, (name, (color, note, make)) in zip(
        maps.subplots(2, 3).flat, WALKERS.items(), strict=True
    ):
        path = walk(make)
        draw_path(axes, name, color, path, note)
        heights[name] = rosenbrock(*path.T)
    draw_heights(side.subplots(), heights)
    figure.suptitle(
        f"{STEPS:,} steps from the ring toward the star on f(x, y) = (1 - x)² + 100 (y - x²)²; "
        "a dot every 100 steps",
        fontsize=12,
    )
    return figure


def main() -> None:
    images = Path(__file__).resolve().parents[2] / "docs" / "images"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=images)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    figure = draw()
    figure.savefig(folder / "rosenbrock.svg", metadata={"Date": None})
    figure.savefig(folder / "rosenbrock.png", dpi=110)
    print(f"wrote {folder / 'rosenbrock.svg'} and .png")


if __name__ == "__main__":
    main()
