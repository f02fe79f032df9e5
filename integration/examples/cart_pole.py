"""Balance a pole on a cart by trial and error: `python integration/examples/cart_pole.py`.

REINFORCE: what was done in a run that went better than usual becomes likelier. Draws
integration/out/cart_pole.png. Exits 1 unless the last 100 runs hold the pole for 150 steps on
average; 200 is the most.

Source: R. Williams, Simple Statistical Gradient-Following Algorithms, 1992; the cart is that of
A. Barto, R. Sutton, C. Anderson, Neuronlike Adaptive Elements, 1983.
"""

import math
import sys

import numpy as np
from gate import passed, weights
from pictures import keep, panels

from tinytorch.autograd import nn, no_grad
from tinytorch.optim import Adam
from tinytorch.tensor.functional import log_softmax, softmax

STEPS, RUNS, SIDE_BY_SIDE = 200, 1000, 10


def moved(state, push):
    """The carts' states `(carts, 4)` a fiftieth of a second after pushes of -1 or 1, `(carts,)`."""
    _, speed, angle, turn = state.T
    sine, cosine = np.sin(angle), np.cos(angle)
    force = (10 * push + 0.05 * turn**2 * sine) / 1.1
    twist = (9.8 * sine - cosine * force) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
    gain = force - 0.05 * twist * cosine / 1.1
    return state + 0.02 * np.stack([speed, gain, turn, twist], axis=1)


def play(model, rng):
    """Let carts drive side by side.

    Returns:
        States `(steps, carts, 4)`, actions `(steps, carts)`, and whether each was still up.
    """
    state, up = rng.uniform(-0.05, 0.05, (SIDE_BY_SIDE, 4)), np.ones(SIDE_BY_SIDE, bool)
    seen = []
    while up.any() and len(seen) < STEPS:
        with no_grad():
            right = softmax(model(state.astype(np.float32))).numpy()[:, 1]
        action = (rng.random(SIDE_BY_SIDE) < right).astype(int)
        seen.append((state, action, up))
        state = moved(state, 2 * action - 1)
        up = up & (abs(state[:, 0]) < 2.4) & (abs(state[:, 2]) < math.radians(12))
    states, actions, ups = map(np.stack, zip(*seen, strict=True))
    return states.astype(np.float32), actions, ups


def advantages(ups):
    """How much longer than usual the pole stays up after a step, discounted, `(steps, carts)`."""
    returns = np.zeros(ups.shape)
    following = np.zeros(ups.shape[1])
    for step in reversed(range(len(ups))):
        following = returns[step] = ups[step] * (1 + 0.99 * following)
    return (returns - returns[ups].mean()) / (returns[ups].std() + 1e-6)


def main():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(4, 32, rng=rng), nn.Tanh(), nn.Linear(32, 2, rng=rng))
    optimizer = Adam(model.parameters(), lr=0.01)
    before, lengths = weights(model), []
    while len(lengths) < RUNS:
        states, actions, ups = play(model, rng)
        lengths += ups.sum(axis=0).tolist()
        chosen = log_softmax(model(states[ups]))[np.arange(ups.sum()), actions[ups]]
        loss = -(chosen * advantages(ups)[ups].astype(np.float32)).mean()
        optimizer.step(loss.backward())
    draw(lengths)
    mean = np.mean(lengths[-100:])
    return passed(before, model, (f"{mean:.0f} steps in the mean, 150 wanted", mean >= 150))


def draw(lengths):
    """Draw how long the pole was up in each run, and the mean of twenty."""
    figure, ((axes,),) = panels(1, 1, 2.8)
    axes.plot(lengths, ".", markersize=2, color="0.6")
    axes.plot(np.convolve(lengths, np.ones(20) / 20, "valid"))
    axes.set(xlabel="run", ylabel="steps")
    keep(figure, "cart_pole")


if __name__ == "__main__":
    sys.exit(main())
