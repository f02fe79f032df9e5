"""The recipe that trains the reference network on CIFAR-10, whole or in part.

One cycle of the learning rate, weight decay, flips and crops, and smoothed labels.
`python integration/sample.py` and `python integration/cifar10.py` follow it.
"""

from functools import partial

import numpy as np

from tinytorch.data import CIFAR10, DataLoader
from tinytorch.data.transforms import Compose, Normalize, RandomCrop, RandomHorizontalFlip
from tinytorch.optim.schedules import one_cycle
from tinytorch.spatial import CNN
from tinytorch.tensor.functional import cross_entropy
from tinytorch.training import Trainer


def make_loaders(root, *, batch_size, seed):
    """Loaders of the training set (shuffled, augmented) and of the test set.

    Args:
        root: The folder that holds `cifar-10-batches-bin`; None for the usual places.
        batch_size: Images per batch.
        seed: Fixes the shuffling and the augmentation.

    Returns:
        Two loaders of `(images (batch, 3, 32, 32), labels (batch,))`.
    """
    normalize = Normalize(CIFAR10.mean, CIFAR10.std)
    augment = Compose([RandomCrop(32, padding=4), RandomHorizontalFlip(), normalize])
    train = DataLoader(
        CIFAR10(root),
        batch_size=batch_size,
        shuffle=True,
        drop_last=True,
        transform=augment,
        rng=seed,
    )
    test = DataLoader(CIFAR10(root, train=False), batch_size=500, transform=normalize)
    return train, test


def make_trainer(train, test, *, optimizer, epochs, peak, seed, callbacks=()):
    """A trainer of the reference network whose learning rate rises to `peak` and falls to 0."""
    return Trainer(
        model=CNN(rng=seed),
        optimizer=optimizer,
        train_loader=train,
        val_loader=test,
        loss=partial(cross_entropy, label_smoothing=0.1),
        schedule=one_cycle(peak, steps=epochs * len(train)),
        callbacks=callbacks,
        seed=seed,
    )


def scores(trainer, loader):
    """The scores `(images, classes)` and the labels `(images,)` of all that a loader gives."""
    labels = np.concatenate([np.asarray(labels) for _, labels in loader])
    return np.asarray(trainer.predict(loader)), labels
