"""What is trained on CIFAR-10, and how: recipes that differ in a few figures and in their network.

All have crops, flips, smoothed labels, and a learning rate that follows the step.
`python integration/examples/cifar10.py RECIPE` runs them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import record

from tinytorch.autograd.nn import Module
from tinytorch.data import CIFAR10, DataLoader, transforms
from tinytorch.data.transforms import (
    Compose,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
)
from tinytorch.optim import SGD, AdamW, Optimizer
from tinytorch.optim.schedules import one_cycle
from tinytorch.spatial import CNN, ResNet9
from tinytorch.tensor.functional import cross_entropy
from tinytorch.training import Averaged, Callback, Trainer

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "cifar10-sample"


@dataclass(frozen=True)
class Recipe:
    """One way to train a network.

    Attributes:
        model: Makes the network of `rng=`.
        optimizer: Makes the optimizer of the model.
        peak: The highest learning rate, per step.
        batch_size: Images per step.
        epochs: How often the training images are seen.
        bound: The part of the test images that must be recognized in the end.
        padding: By how many pixels a crop may be off the image.
        smoothing: The part of a label that goes to all classes.
        mirrored: Whether the bound is for the mean of the scores of an image and its mirror image.
        schedule: Makes the schedule of the highest rate and `steps=`.
        padding_mode: What surrounds an image before it is cropped.
        flip: The transform that mirrors.
        callbacks: Make the callbacks that belong to the recipe.
        whitened: The first so many training images go to the model's `whiten`.
        root: The folder that holds `cifar-10-batches-bin`; None for the usual places.
    """

    model: Callable[..., Module]
    optimizer: Callable[[Module], Optimizer]
    peak: float
    batch_size: int
    epochs: int
    bound: float
    padding: int = 4
    smoothing: float = 0.1
    mirrored: bool = False
    schedule: Callable[..., Callable[[int], float]] = one_cycle
    padding_mode: str = "constant"
    flip: Callable[..., Any] = RandomHorizontalFlip
    callbacks: tuple[Callable[[], Callback], ...] = ()
    whitened: int = 0
    root: Path | None = None

    def loaders(self):
        """Loaders of `(images (batch, 3, 32, 32), labels (batch,))`.

        Returns:
            That of the training set, shuffled and augmented, and that of the test set.
        """
        normalize = Normalize(CIFAR10.mean, CIFAR10.std)
        crop = RandomCrop(32, padding=self.padding, padding_mode=self.padding_mode)
        augment = Compose([crop, self.flip(), normalize])
        train = DataLoader(
            CIFAR10(self.root), self.batch_size, shuffle=True, drop_last=True, transform=augment
        )
        return train, DataLoader(CIFAR10(self.root, train=False), 500, transform=normalize)

    def loss(self, outputs, labels):
        """The cross-entropy against smoothed labels."""
        return cross_entropy(outputs, labels, label_smoothing=self.smoothing)

    def trainer(self, epochs=None, batches=None, seed=0, callbacks=(), progress=True):
        """A Trainer of this recipe.

        Args:
            epochs: Instead of the recipe's.
            batches: Batches per epoch, if not all; for `fit(limit_batches=batches)`.
            seed: Fixes the weights, the order and the augmentation.
            callbacks, progress: See `Trainer`.
        """
        train, test = self.loaders()
        steps = (epochs or self.epochs) * min(batches or len(train), len(train))
        model = self.model(rng=np.random.default_rng(seed))
        if self.whitened:
            images, _ = train.dataset.get_batch(np.arange(self.whitened), transform=None)
            model.whiten(Normalize(CIFAR10.mean, CIFAR10.std)(images))
        return Trainer(
            model,
            self.optimizer(model),
            train,
            test,
            loss=self.loss,
            schedule=self.schedule(self.peak, steps=steps),
            callbacks=[*(make() for make in self.callbacks), *callbacks],
            seed=seed,
            progress=progress,
        )


def sgd(model):
    """Make the optimizer of `cnn` and `resnet9`."""
    return SGD(model.named_parameters(), momentum=0.9, nesterov=True, weight_decay=5e-4)


def adamw(model):
    """Make the optimizer of `sample`."""
    return AdamW(model.named_parameters(), weight_decay=0.05)


def falling(peak, steps):
    """Make a schedule that falls in a straight line from the highest rate to 0."""
    return lambda step: peak * max(1 - step / steps, 0)


RECIPES = {
    "sample": Recipe(
        CNN,
        adamw,
        peak=0.002,
        batch_size=32,
        epochs=20,
        bound=0.55,
        root=SAMPLE,
    ),
    "cnn": Recipe(CNN, sgd, peak=0.1, batch_size=64, epochs=8, bound=0.78, padding=1),
    "resnet9": Recipe(
        partial(ResNet9, width=32),
        sgd,
        peak=0.2,
        batch_size=128,
        epochs=20,
        bound=0.90,
        mirrored=True,
    ),
    "record": Recipe(
        record.Record,
        record.optimizer,
        peak=0.24,
        batch_size=2000,
        epochs=11,
        bound=0.90,
        padding=2,
        smoothing=0.2,
        schedule=falling,
        padding_mode="reflect",
        flip=lambda: transforms.AlternatingFlip(),  # noqa: PLW0108 - another data may lack it
        callbacks=(record.Filters, partial(Averaged, 0.97)),
        whitened=5000,
    ),
}
