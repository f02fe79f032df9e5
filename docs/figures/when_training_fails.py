"""Draws four failures beside their cures, and what a batch size costs and gives.

    python docs/figures/when_training_fails.py

The second picture needs MNIST under $TINYTORCH_DATA or in the cache folder.
"""

import time

import numpy as np
from _style import BLUE, MUTED, RED, SMALL, card, save

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
    axes.text(x, y, text, color=color, fontsize=SMALL, ha="right")


def draw():
    """Stuck, NaN, wavering, gap."""
    figure = card(5.4)
    (stuck, nan), (wavers, gap) = figure.subplots(2, 2)

    for lr, color in ((3.0, RED), (0.1, BLUE)):
        history, _ = run(SGD(lr=lr, momentum=0.9), 10)
        stuck.plot(range(1, 11), history["loss"], color=color)
    stuck.axhline(np.log(10), color=MUTED, linewidth=0.8, linestyle=":")
    stuck.set(ylim=(0, 5.5), xlabel="epoch", title="stuck:\ntraining loss")
    label(stuck, 10, 2.75, "lr 3", RED)
    label(stuck, 10, 0.3, "lr 0.1", BLUE)

    _, losses = run(SGD(lr=1.0, momentum=0.9), 4, loss=own_loss)
    finite = int(np.argmin(np.isfinite(losses)))
    nan.plot(losses[:finite], color=RED)
    nan.plot(finite - 1, losses[finite - 1], "X", color=RED, markersize=9)
    nan.plot(run(SGD(lr=0.1, momentum=0.9), 4)[1], color=BLUE)
    nan.set(xlabel="step", xlim=(-4, 125), ylim=(-0.6, 2.6), title="NaN:\nloss of each step")
    label(nan, 122, losses[finite - 1] - 0.08, "then NaN", RED)
    label(nan, 122, -0.42, "cross_entropy, lr 0.1", BLUE)

    for color, schedule in ((RED, None), (BLUE, schedules.cosine(1.4, 20 * 23))):
        history, _ = run(SGD(lr=1.4), 20, schedule=schedule)
        wavers.plot(range(1, 21), history["val_accuracy"], color=color)
    wavers.set(ylim=(0, 1.1), xlabel="epoch", title="wavers:\nvalidation accuracy")
    label(wavers, 20, 0.45, "lr 1.4", RED)
    label(wavers, 20, 0.97, "lr 1.4, falling", BLUE)

    few = Subset(DIGITS, range(300))
    for color, transform in ((RED, None), (BLUE, RandomCrop(8, padding=1))):
        history, _ = run(Adam(lr=0.01), 40, few, cnn, transform=transform)
        gap.plot(range(1, 41), history["val_loss"], color=color)
        gap.plot(range(1, 41), history["loss"], color=color, linestyle=":")
    gap.set(ylim=(0, 1.5), xlabel="epoch", title="gap: validation loss\n(dotted: training)")
    label(gap, 40, 0.86, "as they are", RED)
    label(gap, 40, 1.05, "shifted at random", BLUE)
    save(figure, "when-training-fails")


SIZES, EPOCHS = (8, 32, 128, 512, 2048, 8192), 3
RULES = {"lr 0.1": lambda _: 0.1, "lr 0.1 size / 128": lambda size: 0.1 * size / 128}


def batch_sizes():
    """Accuracies by size of a batch, at one rate and at a rate that grows with it; and seconds."""
    kernels.threads(1)  # whose time does not depend on who else computes
    train, test = MNIST(), DataLoader(MNIST(train=False), batch_size=1000)
    times, accuracies = [], {}
    for text, rule in RULES.items():
        for size in SIZES:
            loader = DataLoader(train, size, shuffle=True, rng=0)
            trainer = Trainer(
                digit_reader, SGD(lr=rule(size), momentum=0.9), loader, seed=0, progress=False
            )
            began = time.process_time()
            trainer.fit(EPOCHS)
            times.append((time.process_time() - began) / EPOCHS)
            accuracies.setdefault(text, []).append(trainer.evaluate(test)["accuracy"])
            print(
                f"batch {size:5}, {text:18} {accuracies[text][-1]:.4f}  {times[-1]:.2f} s an epoch"
            )
    return accuracies, np.min(np.reshape(times, (2, -1)), axis=0)


def draw_batch_sizes(accuracies, times):
    """Accuracy and time over the size of a batch."""
    figure = card(4.6)
    right, cost = figure.subplots(2, 1)
    for color, (text, found) in zip((RED, BLUE), accuracies.items(), strict=True):
        right.plot(SIZES, found, "o-", color=color, label=text)
    right.set(ylim=(0, 1.05), xlabel="batch size", title=f"right of 10,000 after {EPOCHS} epochs")
    right.legend(loc="lower center")
    cost.plot(SIZES, times, "o-", color=MUTED)
    cost.set(yscale="log", xlabel="batch size", title="seconds of one core an epoch")
    cost.set_yticks((0.3, 1, 3, 10), ("0.3", "1", "3", "10"))
    cost.minorticks_off()
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
    draw_batch_sizes(*batch_sizes())
