"""Draws four failures beside their cures, and what a batch size costs and gives.

    python docs/figures/when_training_fails.py

The second picture needs MNIST under $TINYTORCH_DATA or in the cache folder.
"""

import time

import numpy as np
from _style import BLUE, MUTED, RED, card, save

from tinytorch.autograd import nn
from tinytorch.data import MNIST, DataLoader, Digits, RandomCrop, Subset
from tinytorch.optim import SGD, Adam, schedules
from tinytorch.spatial import Conv2d, MaxPool2d
from tinytorch.tensor import kernels
from tinytorch.training import Callback, Trainer

DIGITS = Digits(train=True)


class Losses(Callback):
    """Keeps the loss of every step."""

    def __init__(self):
        self.losses = []

    def on_step_end(self, run):
        """Keep the loss."""
        self.losses.append(run.loss_value)


def network(rng):
    """One hidden layer."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64, rng=rng), nn.ReLU(), nn.Linear(64, 10, rng=rng)
    )


def cnn(rng):
    """Two convolutions."""
    return nn.Sequential(
        Conv2d(1, 16, 3, padding=1, rng=rng),
        nn.ReLU(),
        MaxPool2d(2),
        Conv2d(16, 32, 3, padding=1, rng=rng),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 10, rng=rng),
    )


def own_loss(scores, targets):
    """Cross-entropy that takes the logarithm last."""
    shares = scores.exp() / scores.exp().sum(axis=1, keepdims=True)
    return -shares[np.arange(len(targets)), targets.data].log().mean()


def run(optimizer, epochs, data=DIGITS, model=network, transform=None, **settings):
    """The history of a run, and the loss of each step."""
    loader = DataLoader(data, batch_size=64, shuffle=True, transform=transform, rng=0)
    val_loader = DataLoader(Digits(train=False), batch_size=360)
    kept = Losses()
    trainer = Trainer(
        model, optimizer, loader, val_loader, seed=0, progress=False, callbacks=[kept], **settings
    )
    with np.errstate(all="ignore"):
        return trainer.fit(epochs), kept.losses


def label(axes, x, y, text, color):
    """A word beside its line."""
    axes.text(x, y, text, color=color, fontsize=9, ha="right")


def draw():
    """Stuck, NaN, wavering, gap."""
    figure = card(7.2, 4.6)
    (stuck, nan), (wavers, gap) = figure.subplots(2, 2)

    for lr, color in ((3.0, RED), (0.1, BLUE)):
        history, _ = run(SGD(lr=lr, momentum=0.9), 10)
        stuck.plot(range(1, 11), history["loss"], color=color)
    stuck.axhline(np.log(10), color=MUTED, linewidth=0.8, linestyle=":")
    stuck.set(ylim=(0, 5.5), xlabel="epoch", title="stuck: training loss")
    label(stuck, 10, 2.75, "lr 3", RED)
    label(stuck, 10, 0.3, "lr 0.1", BLUE)

    _, losses = run(SGD(lr=1.0, momentum=0.9), 4, loss=own_loss)
    finite = int(np.argmin(np.isfinite(losses)))
    nan.plot(losses[:finite], color=RED)
    nan.plot(finite - 1, losses[finite - 1], "X", color=RED, markersize=9)
    nan.plot(run(SGD(lr=0.1, momentum=0.9), 4)[1], color=BLUE)
    nan.set(xlabel="step", ylim=(0, None), title="NaN: loss of each step")
    label(nan, finite, losses[finite - 1] + 1.05, "then NaN", RED)
    label(nan, 91, 0.4, "cross_entropy,\nlr 0.1", BLUE)

    for color, schedule in ((RED, None), (BLUE, schedules.cosine(1.4, 20 * 23))):
        history, _ = run(SGD(lr=1.4), 20, schedule=schedule)
        wavers.plot(range(1, 21), history["val_accuracy"], color=color)
    wavers.set(ylim=(0, 1.1), xlabel="epoch", title="wavers: validation accuracy")
    label(wavers, 20, 0.64, "lr 1.4", RED)
    label(wavers, 20, 0.97, "lr 1.4, falling", BLUE)

    few = Subset(DIGITS, range(300))
    for color, transform in ((RED, None), (BLUE, RandomCrop(8, padding=1))):
        history, _ = run(Adam(lr=0.01), 40, few, cnn, transform=transform)
        gap.plot(range(1, 41), history["val_loss"], color=color)
        gap.plot(range(1, 41), history["loss"], color=color, linestyle=":")
    gap.set(ylim=(0, 1.5), xlabel="epoch", title="gap: validation loss (dotted: training)")
    label(gap, 40, 0.86, "as they are", RED)
    label(gap, 40, 0.48, "shifted at random", BLUE)
    save(figure, "when-training-fails")


SIZES, EPOCHS = (8, 32, 128, 512, 2048, 8192), 3


def batch_sizes():
    """Accuracy and time over the size of a batch, at one rate and at a rate that grows with it."""
    kernels.threads(1)  # whose time does not depend on who else computes
    train, test = MNIST(), DataLoader(MNIST(train=False), batch_size=1000)
    figure = card(7.2, 2.9)
    right, cost = figure.subplots(1, 2, width_ratios=[3, 2])
    times = []
    for rule, color, text in (
        (lambda _: 0.1, RED, "lr 0.1"),
        (lambda size: 0.1 * size / 128, BLUE, "lr 0.1 size / 128"),
    ):
        accuracies = []
        for size in SIZES:
            loader = DataLoader(train, size, shuffle=True, rng=0)
            trainer = Trainer(
                digit_reader, SGD(lr=rule(size), momentum=0.9), loader, seed=0, progress=False
            )
            began = time.process_time()
            trainer.fit(EPOCHS)
            times.append((time.process_time() - began) / EPOCHS)
            accuracies.append(trainer.evaluate(test)["accuracy"])
            print(f"batch {size:5}, {text:18} {accuracies[-1]:.4f}  {times[-1]:.2f} s an epoch")
        right.plot(SIZES, accuracies, "o-", color=color, label=text)
    right.set(ylim=(0, 1.05), xlabel="batch size", title=f"right of 10,000 after {EPOCHS} epochs")
    right.legend(loc="lower center")
    cost.plot(SIZES, np.min(np.reshape(times, (2, -1)), axis=0), "o-", color=MUTED)
    cost.set(yscale="log", xlabel="batch size", title="seconds of one core an epoch")
    for axes in (right, cost):
        axes.set_xscale("log", base=2)
        axes.set_xticks(SIZES, map(str, SIZES))
    save(figure, "when-training-fails-batch")


def digit_reader(rng):
    """One hidden layer, for images of 28 x 28."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128, rng=rng), nn.ReLU(), nn.Linear(128, 10, rng=rng)
    )


if __name__ == "__main__":
    draw()
    batch_sizes()
