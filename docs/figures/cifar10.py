"""Draws the figures of the guide to CIFAR-10: `python docs/figures/cifar10.py`.

The photographs are test images of the sample; the curves are those of the log that
`nox -s cifar10` leaves in integration/out/cnn.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from _style import BLUE, GREEN, MUTED, SMALL, card, save

from tinytorch.data import CIFAR10

INTEGRATION = Path(__file__).resolve().parents[2] / "integration"
SAMPLE = INTEGRATION / "data" / "cifar10-sample"
LOG = INTEGRATION / "out" / "cnn" / "log.csv"
EACH = 10


def classes():
    """Ten test images of each class."""
    data = CIFAR10(SAMPLE, train=False)
    figure = card(4.2)
    grid = figure.subplots(len(data.classes), EACH)
    for label, row in enumerate(grid):
        chosen = np.flatnonzero(np.asarray(data.labels) == label)[:EACH]
        images = np.asarray(data.get_batch(chosen)[0])
        for axes, image in zip(row, images, strict=True):
            axes.imshow(image.transpose(1, 2, 0), interpolation="none")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        row[0].set_ylabel(data.classes[label], rotation=0, ha="right", va="center", fontsize=SMALL)
    save(figure, "cifar10-classes")


def curves():
    """Accuracy and learning rate of the run of `cnn`."""
    if not LOG.exists():
        sys.exit(f"no {LOG}: train first, `nox -s cifar10`")
    rows = list(csv.DictReader(LOG.open(encoding="utf-8")))
    epochs = [int(row["epoch"]) for row in rows]
    figure = card(4.6)
    accuracy, rate = figure.subplots(2, 1, height_ratios=(3, 2))
    for name, color, label in (
        ("accuracy", MUTED, "training images, augmented, before each step"),
        ("val_accuracy", BLUE, "test images"),
    ):
        shares = [100 * float(row[name]) for row in rows]
        accuracy.plot(epochs, shares, "o-", color=color, markersize=3.5, label=label)
    accuracy.set(xlabel="epoch", ylabel="% right", ylim=(50, 85), title="accuracy")
    accuracy.legend(fontsize=SMALL, loc="lower right")
    rates = [float(row["lr"]) for row in rows]
    rate.plot(epochs, rates, "o-", color=GREEN, markersize=3.5)
    rate.set(xlabel="epoch", ylim=(0, 0.11), title="learning rate, at its end")
    save(figure, "cifar10-run")


if __name__ == "__main__":
    classes()
    curves()
