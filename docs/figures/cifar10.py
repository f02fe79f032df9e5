"""Draws the figures of the guide to CIFAR-10: `python docs/figures/cifar10.py`.

It trains the recipe `sample` of integration/examples three times on the 2,000 images of this
repository: as it is, at a rate that is far too high, and without augmentation.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from _style import BLUE, GREEN, IMAGES, MUTED, ORANGE, RED, card, save

from tinytorch.data import CIFAR10, DataLoader
from tinytorch.data.transforms import Normalize

INTEGRATION = Path(__file__).resolve().parents[2] / "integration"
SAMPLE = INTEGRATION / "data" / "cifar10-sample"
EACH = 10


def classes():
    """Ten test images of each class."""
    data = CIFAR10(SAMPLE, train=False)
    figure = card(7.2, 6.6)
    grid = figure.subplots(len(data.classes), EACH)
    for label, row in enumerate(grid):
        chosen = np.flatnonzero(np.asarray(data.labels) == label)[:EACH]
        images = np.asarray(data.get_batch(chosen)[0])
        for axes, image in zip(row, images, strict=True):
            axes.imshow(image.transpose(1, 2, 0), interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        row[0].set_ylabel(data.classes[label], rotation=0, ha="right", va="center", fontsize=9)
    figure.savefig(IMAGES / "cifar10-classes.png", dpi=144, metadata={"Software": None})


def curves():
    """Accuracy of three runs on the sample."""
    sys.path.insert(0, str(INTEGRATION / "examples"))
    from recipe import RECIPES

    recipe = RECIPES["sample"]
    runs = {
        "as it is": recipe.trainer(progress=False),
        "rate 300 times as high": replace(recipe, peak=300 * recipe.peak).trainer(progress=False),
        "without augmentation": recipe.trainer(progress=False),
    }
    plain = runs["without augmentation"]
    plain.train_loader = DataLoader(
        CIFAR10(SAMPLE),
        recipe.batch_size,
        shuffle=True,
        drop_last=True,
        transform=Normalize(CIFAR10.mean, CIFAR10.std),
    )
    figure = card(7.2, 2.8)
    panels = figure.subplots(1, 3, sharey=True)
    colors = (GREEN, RED, ORANGE)
    for axes, color, (name, trainer) in zip(panels, colors, runs.items(), strict=True):
        history = trainer.fit(recipe.epochs)
        epochs = range(1, recipe.epochs + 1)
        axes.plot(epochs, history["accuracy"], color=MUTED, label="training images")
        axes.plot(epochs, history["val_accuracy"], color=color, label="test images")
        axes.axhline(0.1, color=BLUE, linewidth=0.8, linestyle=":")
        axes.set(title=name, xlabel="epoch", ylim=(0, 1))
        axes.legend(fontsize=8)
        print(name, history["accuracy"][-1], history["val_accuracy"][-1], flush=True)
    panels[0].set_ylabel("accuracy")
    save(figure, "cifar10-runs")


if __name__ == "__main__":
    classes()
    curves()
