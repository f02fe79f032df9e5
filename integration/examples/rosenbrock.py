"""Draws how each optimizer walks down Rosenbrock's valley.

`python integration/examples/rosenbrock.py` writes `rosenbrock.svg` under `integration/out/`, or
into the folder given. Needs matplotlib.
"""

import argparse
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tinytorch.autograd import Variable
from tinytorch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

START = (-1.5, 2.0)
STEPS = 1000
WIDTH, HEIGHT = 4.6, 5.8
X_RANGE, Y_RANGE = (-2.0, 2.0), (-0.8, 3.2)


class Walker(NamedTuple):
    """An optimizer as it is drawn.

    Attributes:
        color: Of its walk.
        settings: What the picture says of them.
        make: Makes it for its parameters.
    """

    color: str
    settings: str
    make: Callable[[list[Variable]], Optimizer]


WALKERS = {
    "SGD": Walker("#0072b2", "lr 0.001", lambda w: SGD(w, lr=0.001)),
    "momentum": Walker(
        "#56b4e9", "lr 0.001,\nmomentum 0.9", lambda w: SGD(w, lr=0.001, momentum=0.9)
    ),
    "Adagrad": Walker("#cc79a7", "lr 0.5", lambda w: Adagrad(w, lr=0.5)),
    "RMSprop": Walker("#e69f00", "lr 0.01", lambda w: RMSprop(w, lr=0.01)),
    "Adam": Walker("#d55e00", "lr 0.05", lambda w: Adam(w, lr=0.05)),
    "AdamW": Walker(
        "#009e73", "lr 0.05,\ndecay 0.1", lambda w: AdamW(w, lr=0.05, weight_decay=0.1)
    ),
}
INK = "#1f2328"
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


def walks() -> dict[str, np.ndarray]:
    """The positions of each walker."""
    return {name: walk(walker.make) for name, walker in WALKERS.items()}


def draw(figure: Figure, paths: dict[str, np.ndarray], after: int) -> None:
    """All walks, and the heights on them, until a number of steps."""
    maps, below = figure.subfigures(2, 1, height_ratios=[1.75, 1.0])
    for axes, (name, path) in zip(maps.subplots(2, 3).flat, paths.items(), strict=True):
        draw_path(axes, name, path[: after + 1])
    draw_heights(below.subplots(), paths, after)
    maps.suptitle(f"{after:,} steps from the ring toward the star", fontsize=10.5)


def draw_path(axes: Axes, name: str, path: np.ndarray) -> None:
    """The valley as bands of height, the walk, a dot at every 100th step and at the end."""
    color, settings, _ = WALKERS[name]
    x, y = np.meshgrid(np.linspace(*X_RANGE, 301), np.linspace(*Y_RANGE, 301))
    height = np.log10(rosenbrock(x, y) + 1e-3)
    levels = np.linspace(-3, 3.5, 14)
    axes.contourf(x, y, height, levels=levels, colors=BANDS, zorder=0)
    axes.set_rasterization_zorder(0.5)
    axes.plot(*path.T, color=color, linewidth=1.6, solid_joinstyle="round")
    axes.plot(*path[::100].T, "o", color=color, markersize=3)
    axes.plot(*START, "o", color="white", markeredgecolor=INK, markersize=5)
    axes.plot(1, 1, "*", color="white", markeredgecolor=INK, markersize=12)
    axes.plot(*path[-1], "o", color=color, markeredgecolor=INK, markersize=5.5)
    axes.text(0, 2.7, settings, ha="center", va="center", fontsize=8.5, color=INK)
    axes.set_title(name, fontsize=10, loc="center")
    axes.set(xlim=X_RANGE, ylim=Y_RANGE, xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)


def draw_heights(axes: Axes, paths: dict[str, np.ndarray], after: int) -> None:
    """Height over steps, one line for each optimizer, with its name where it ends."""
    ends = []
    for name, path in paths.items():
        height = rosenbrock(*path.T)
        axes.semilogy(height[: after + 1], color=WALKERS[name].color, linewidth=1.6)
        ends.append([np.log10(height[-1]), name])
    ends.sort()
    for lower, end in pairwise(ends):
        end[0] = max(end[0], lower[0] + 1.0)
    beside = {"transform": axes.get_yaxis_transform(), "clip_on": False}
    for position, name in ends:
        axes.plot(1.03, 10**position, "o", color=WALKERS[name].color, markersize=4.5, **beside)
        axes.text(1.055, 10**position, name, va="center", fontsize=9, color=INK, **beside)
    axes.set_title("height after each step", fontsize=10, loc="left", color=INK)
    axes.set(xlim=(0, STEPS), ylim=(1e-5, 1e3), xlabel="step")
    axes.set_yticks([1e-4, 1e-2, 1, 100], ["0.0001", "0.01", "1", "100"])
    axes.minorticks_off()
    axes.grid(color="#d0d7de", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    out = Path(__file__).resolve().parents[1] / "out"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=out)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    mpl.rcParams.update({"svg.hashsalt": "rosenbrock", "text.color": INK, "font.size": 9})
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained", facecolor="white")
    draw(figure, walks(), STEPS)
    figure.savefig(folder / "rosenbrock.svg", metadata={"Date": None})
    print(f"wrote {folder / 'rosenbrock.svg'}")


if __name__ == "__main__":
    main()
