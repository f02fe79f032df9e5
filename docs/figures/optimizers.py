"""Draws the figures of the chapter on optimizers: `python docs/figures/optimizers.py`."""

import sys

import numpy as np
from _style import BLUE, COLORS, IMAGES, INK, MUTED, RED, SMALL, card, save

from tinytorch.optim import schedules, sgd_step

sys.path.insert(0, str(IMAGES.parents[1] / "integration" / "examples"))
import rosenbrock

RATES = [0.1, 0.4, 0.5, 0.9, 1.0, 1.1]
STEPS = 12
VALLEY_STEPS = [10, 50, 200, 500, 1000]
CURVATURES = np.array([1.0, 25.0])


def walk(w, gradient, lr, steps):
    """The places of a walk from `w`, its beginning included."""
    places = [w]
    for _ in range(steps):
        w = sgd_step(w, gradient(w), lr=lr)
        places.append(w)
    return np.array(places)


def parabola(number, lr):
    """One frame: steps on the parabola w² from 5, and w after each step."""
    places = walk(5.0, lambda w: 2 * w, lr, STEPS)
    figure = card(2.7)
    valley, time = figure.subplots(1, 2)
    line = np.linspace(-8, 8, 161)
    valley.plot(line, line**2, color=MUTED, linewidth=1)
    valley.plot(places, places**2, "o-", color=BLUE, markersize=4, linewidth=1)
    valley.plot(*(5, 25), "o", color=RED, markersize=6)
    valley.set(xlim=(-8, 8), ylim=(-3, 64), xticks=[-5, 0, 5], xlabel="w", title="L = w²")
    time.axhline(0, color=MUTED, linewidth=0.8)
    time.plot(places, "o-", color=BLUE, markersize=4)
    time.set(
        xlim=(-0.3, STEPS + 0.3),
        ylim=(-20, 20),
        xlabel="step",
        title=f"lr {lr}: w, times {1 - 2 * lr:.1f}\nat each step".replace("-", "−"),
    )
    save(figure, f"optimizers-parabola-{number}")


def ravine():
    """Three rates in a valley that is 25 times steeper across than along."""
    figure = card(2.4)
    x, y = np.meshgrid(np.linspace(-5, 11, 201), np.linspace(-2.4, 2.4, 121))
    height = (CURVATURES[0] * x**2 + CURVATURES[1] * y**2) / 2
    for axes, lr in zip(figure.subplots(1, 3, sharey=True), (0.02, 0.077, 0.082), strict=True):
        places = walk(np.array([10.0, 1.0]), lambda w: CURVATURES * w, lr, 25)
        axes.contour(x, y, height, levels=[0.5, 2, 6, 14, 26, 42, 62], colors="#c0c7ce")
        axes.plot(*places.T, "o-", color=BLUE, markersize=2.5, linewidth=1)
        axes.plot(0, 0, "*", color="white", markeredgecolor=INK, markersize=13)
        axes.set(xlim=(-2, 11), ylim=(-2.4, 2.4), title=f"lr {lr}", xlabel="a")
        axes.grid(visible=False)
    figure.axes[0].set_ylabel("b")
    save(figure, "optimizers-ravine")


def valley():
    """Frames: six optimizers in Rosenbrock's valley, after more and more steps."""
    paths = rosenbrock.walks()
    for number, after in enumerate(VALLEY_STEPS):
        figure = card(rosenbrock.HEIGHT)
        rosenbrock.draw(figure, paths, after)
        save(figure, f"optimizers-rosenbrock-{number}")


def rates():
    """Six schedules of 100 steps."""
    shown = {
        "constant(0.1)": schedules.constant(0.1),
        "step_decay(0.1, every=30)": schedules.step_decay(0.1, every=30),
        "exponential(0.1, 0.97)": schedules.exponential(0.1, 0.97),
        "cosine(0.1, 100)": schedules.cosine(0.1, 100),
        "join(linear_warmup, cosine)": schedules.join(
            [schedules.linear_warmup(0.1, 10), schedules.cosine(0.1, 90)], at=[10]
        ),
        "one_cycle(0.1, 100)": schedules.one_cycle(0.1, 100),
    }
    figure = card(4.4)
    panels = figure.subplots(3, 2, sharex=True, sharey=True)
    for axes, color, (name, schedule) in zip(panels.flat, COLORS, shown.items(), strict=True):
        axes.plot([schedule(step) for step in range(100)], color=color)
        axes.set_title(name, family="monospace", fontsize=SMALL)
    for axes in panels[-1]:
        axes.set_xlabel("step")
    save(figure, "optimizers-schedules")


if __name__ == "__main__":
    for number, lr in enumerate(RATES):
        parabola(number, lr)
    ravine()
    valley()
    rates()
