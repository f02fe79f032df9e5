"""What is trained on CIFAR-10, and how: three recipes that differ in a few figures only.

All follow one cycle of the learning rate, with crops, flips and smoothed labels.
`python integration/examples/cifar10.py RECIPE` runs them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tinytorch.autograd.nn import Module
from tinytorch.data import CIFAR10, DataLoader
from tinytorch.data.transforms import Compose, Normalize, RandomCrop, RandomHorizontalFlip
from tinytorch.optim import SGD, AdamW, Optimizer
from tinytorch.optim.schedules import one_cycle
from tinytorch.spatial import CNN, ResNet9
from tinytorch.tensor.functional import cross_entropy
from tinytorch.training import Trainer

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "cifar10-sample"


@dataclass(frozen=True)
class Recipe:
    """One way to train a network.

    Attributes:
        model: Makes the network of `rng=`.
        optimizer: Makes the optimizer.
        peak: The highest learning rate, per step.
        batch_size: Images per step.
        epochs: How often the training images are seen.
        bound: The part of the test images that must be recognized in the end.
        padding: By how many pixels a crop may be off the image.
        smoothing: The part of a label that goes to all classes.
        mirrored: Whether the bound is for the mean of the scores of an image and its mirror image.
        root: The folder that holds `cifar-10-batches-bin`; None for the usual places.
    """

    model: Callable[..., Module]
    optimizer: Callable[[], Optimizer]
    peak: float
    batch_size: int
    epochs: int
    bound: float
    padding: int = 4
    smoothing: float = 0.1
    mirrored: bool = False
    root: Path | None = None

    def loaders(self):
        """Loaders of `(images (batch, 3, 32, 32), labels (batch,))`.

        Returns:
            That of the training set, shuffled and augmented, and that of the test set.
        """
        normalize = Normalize(CIFAR10.mean, CIFAR10.std)
        crop = RandomCrop(32, padding=self.padding)
        augment = Compose([crop, RandomHorizontalFlip(), normalize])
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
        return Trainer(
            self.model,
            self.optimizer(),
            train,
            test,
            loss=self.loss,
            schedule=one_cycle(self.peak, steps=steps),
            callbacks=callbacks,
            seed=seed,
            progress=progress,
        )


sgd = partial(SGD, momentum=0.9, nesterov=True, weight_decay=5e-4)

RECIPES = {
    "sample": Recipe(
        CNN,
        partial(AdamW, weight_decay=0.05),
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
}
