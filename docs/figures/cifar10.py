"""Draws the figures of the guide to CIFAR-10: `python docs/figures/cifar10.py`.

The photographs are test images of the sample; the curves are those of the log that
`nox -s cifar10` leaves in integration/out/cnn, and the pictures of `record` are of the log and the
weights that `nox -s cifar10 -- record` leaves.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from _style import BLUE, GREEN, IMAGES, MUTED, SMALL, card, save

from tinytorch.data import CIFAR10
from tinytorch.training import (
    ConfusionMatrix,
    History,
    load_safetensors,
    plot_confusion,
    plot_mistakes,
)

INTEGRATION = Path(__file__).resolve().parents[2] / "integration"
sys.path.insert(0, str(INTEGRATION / "examples"))
SAMPLE = INTEGRATION / "data" / "cifar10-sample"
OUT = INTEGRATION / "out"
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


def log(recipe):
    """The rows of a recipe's log, a dict of numbers for each epoch."""
    path = OUT / recipe / "log.csv"
    if not path.exists():
        sys.exit(f"no {path}: train first, `nox -s cifar10 -- {recipe}`")
    with path.open(encoding="utf-8") as lines:
        return [{name: float(row[name]) for name in row} for row in csv.DictReader(lines)]


def curves():
    """Accuracy and learning rate of the run of `cnn`."""
    rows = log("cnn")
    epochs = [row["epoch"] for row in rows]
    figure = card(4.6)
    accuracy, rate = figure.subplots(2, 1, height_ratios=(3, 2))
    for name, color, label in (
        ("accuracy", MUTED, "training images, augmented, before each step"),
        ("val_accuracy", BLUE, "test images"),
    ):
        shares = [100 * row[name] for row in rows]
        accuracy.plot(epochs, shares, "o-", color=color, markersize=3.5, label=label)
    accuracy.set(xlabel="epoch", ylabel="% right", ylim=(50, 85), title="accuracy")
    accuracy.legend(fontsize=SMALL, loc="lower right")
    rates = [row["lr"] for row in rows]
    rate.plot(epochs, rates, "o-", color=GREEN, markersize=3.5)
    rate.set(xlabel="epoch", ylim=(0, 0.11), title="learning rate, at its end")
    save(figure, "cifar10-run")


def record():
    """What training draws, of the run of `record`: curves, confusion matrix, worst mistakes."""
    from pictures import scores
    from recipe import RECIPES

    history = History()
    for row in log("record"):
        figures = {name: row[name] for name in row if name not in {"epoch", "seconds"}}
        history.append(figures, row["seconds"])
    history.plot(IMAGES / "cifar10-record-curves.png")
    trainer = RECIPES["record"].trainer(progress=False)
    weights = load_safetensors(OUT / "record" / "model.safetensors")
    trainer.model.load_state_dict(weights)
    images, labels, scored = scores(trainer, trainer.val_loader)
    matrix = ConfusionMatrix(len(CIFAR10.classes))
    matrix.update(scored, labels)
    plot_confusion(matrix.compute(), CIFAR10.classes, IMAGES / "cifar10-record-confusion.png")
    mistakes = IMAGES / "cifar10-record-mistakes.png"
    plot_mistakes(images, labels, scored, CIFAR10.classes, path=mistakes)
    print(f"wrote pictures of record, {np.mean(scored.argmax(axis=1) == labels):.2%} right")


if __name__ == "__main__":
    classes()
    curves()
    record()
