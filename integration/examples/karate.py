"""Who sided with whom, from two known members: `python integration/examples/karate.py`.

A karate club split into two; the graph convolution knows who met whom outside the club, and the
side of the two leaders only. Draws integration/out/karate.png. Exits 1 unless 31 of 34 members are
right.

Source: W. Zachary, An Information Flow Model for Conflict and Fission in Small Groups, 1977;
T. Kipf, M. Welling, Semi-Supervised Classification with Graph Convolutional Networks, 2017.
"""

import sys

import numpy as np
from gate import passed, weights
from pictures import LETTERS, keep, panels

from tinytorch.autograd import nn
from tinytorch.optim import Adam
from tinytorch.tensor.functional import cross_entropy, tanh

# Who met whom, by their numbers.
MET = """
0-1 0-2 0-3 0-4 0-5 0-6 0-7 0-8 0-10 0-11 0-12 0-13 0-17 0-19 0-21 0-31 1-2 1-3 1-7 1-13 1-17 1-19
1-21 1-30 2-3 2-7 2-8 2-9 2-13 2-27 2-28 2-32 3-7 3-12 3-13 4-6 4-10 5-6 5-10 5-16 6-16 8-30 8-32
8-33 9-33 13-33 14-32 14-33 15-32 15-33 18-32 18-33 19-33 20-32 20-33 22-32 22-33 23-25 23-27
23-29 23-32 23-33 24-25 24-27 24-31 25-31 26-29 26-33 27-33 28-31 28-33 29-32 29-33 30-32 30-33
31-32 31-33 32-33
"""
INSTRUCTOR = {*range(9), 10, 11, 12, 13, 16, 17, 19, 21}
LEADERS = [0, 33]
EDGES = [tuple(map(int, pair.split("-"))) for pair in MET.split()]
SIDES = np.array([int(member not in INSTRUCTOR) for member in range(34)])


def spread():
    """The mean over oneself and those whom one met, `(34, 34)`, scaled to be symmetric."""
    met = np.eye(34, dtype=np.float32)
    for a, b in EDGES:
        met[a, b] = met[b, a] = 1
    root = np.sqrt(met.sum(axis=1))
    return met / root[:, None] / root


class GCN(nn.Module):
    """Two layers, each of which mixes neighbors; knows of a member nothing but the number."""

    def __init__(self, rng):
        self.first = nn.Linear(34, 4, rng=rng)
        self.second = nn.Linear(4, 2, rng=rng)
        self.mix = spread()

    def forward(self, members):
        hidden = tanh(self.mix @ self.first(members))
        return self.mix @ self.second(hidden)


def main():
    model, members = GCN(np.random.default_rng(0)), np.eye(34, dtype=np.float32)
    optimizer = Adam(model.parameters(), lr=0.02, weight_decay=5e-4)
    before = weights(model)
    for _ in range(200):
        loss = cross_entropy(model(members)[LEADERS], SIDES[LEADERS])
        optimizer.step(loss.backward())
    scores = model(members).detach().numpy()
    right = scores.argmax(axis=1) == SIDES
    draw(scores, right)
    return passed(before, model, (f"{right.sum()} of 34 right, 31 wanted", right.sum() >= 31))


def draw(scores, right):
    """Draw who met whom, in the colors of their sides; from left to right what the model says;
    a black ring is a mistake.
    """
    score = scores[:, 1] - scores[:, 0]
    ranks = score.argsort().argsort()  # those of like scores stand far apart
    places = np.stack([score, ranks * 0.618 % 1], axis=1)
    figure, ((axes,),) = panels(1, 1, 4.2)
    for a, b in EDGES:
        axes.plot(*places[[a, b]].T, color="0.85", linewidth=0.6, zorder=0)
    edges = np.where(right, "white", "black")
    axes.scatter(*places.T, s=200, c=SIDES, cmap="coolwarm", edgecolors=edges, linewidths=1.5)
    for member, place in enumerate(places):
        axes.annotate(member, place, ha="center", va="center", color="white", fontsize=LETTERS)
    axes.axvline(0, color="0.5", linestyle=":")
    axes.set(xlabel="with instructor  <-  score  ->  with administrator", yticks=[])
    keep(figure, "karate")


if __name__ == "__main__":
    sys.exit(main())
