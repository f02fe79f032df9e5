"""ResNet-9 on CIFAR-10: `python integration/examples/resnet9.py [EPOCHS] [--width N] ...`.

Reads the data under $TINYTORCH_DATA or in the cache folder, or downloads them. Saves each epoch in
integration/out/resnet9-WIDTH/: run it again after a stop and it goes on. Draws the learning curves,
the confusion matrix and the worst mistakes there. Exits 1 below 90 % of the 10,000 test images.

`--batches N` trains on N batches per epoch only, to see that all works; it has no bound to pass.
"""

import argparse
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from gate import passed, weights

from tinytorch.data import CIFAR10, DataLoader
from tinytorch.data.transforms import Compose, Normalize, RandomCrop, RandomHorizontalFlip
from tinytorch.optim import SGD
from tinytorch.optim.schedules import one_cycle
from tinytorch.spatial import ResNet9
from tinytorch.tensor.functional import cross_entropy
from tinytorch.training import (
    Checkpoint,
    ConfusionMatrix,
    CSVLog,
    StopOnNonFinite,
    Trainer,
    plot_confusion,
    plot_mistakes,
)

OUT = Path(__file__).resolve().parents[1] / "out"
BOUND = 0.90
ORIGINAL = 1017


def arguments():
    parser = argparse.ArgumentParser(description="Train ResNet-9 on CIFAR-10.")
    parser.add_argument("epochs", type=int, nargs="?", default=20)
    parser.add_argument("--width", type=int, default=32, help="channels of the first convolution")
    parser.add_argument("--batches", type=int, help="batches per epoch, for a quick look")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def make_trainer(settings, folder):
    """The recipe: SGD with Nesterov momentum, one cycle to 0.2, batches of 128."""
    normalize = Normalize(CIFAR10.mean, CIFAR10.std)
    augment = Compose([RandomCrop(32, padding=4), RandomHorizontalFlip(), normalize])
    train = DataLoader(CIFAR10(), 128, shuffle=True, drop_last=True, transform=augment)
    test = DataLoader(CIFAR10(train=False), 500, transform=normalize)
    batches = min(len(train), settings.batches or len(train))
    return Trainer(
        partial(ResNet9, width=settings.width),
        SGD(momentum=0.9, nesterov=True, weight_decay=5e-4),
        train,
        test,
        loss=partial(cross_entropy, label_smoothing=0.1),
        schedule=one_cycle(0.2, steps=settings.epochs * batches),
        callbacks=[Checkpoint(folder, keep=2), CSVLog(folder / "log.csv"), StopOnNonFinite()],
        seed=settings.seed,
    )


def main():
    settings = arguments()
    folder = OUT / f"resnet9-{settings.width}{'-quick' if settings.batches else ''}"
    trainer = make_trainer(settings, folder)
    before = weights(trainer.model)
    trainer.fit(settings.epochs, limit_batches=settings.batches)
    test = trainer.val_loader
    images, labels = (np.concatenate([np.asarray(b[i]) for b in test]) for i in range(2))
    scores = trainer.predict(test)
    right = np.asarray(scores).argmax(axis=1) == labels
    print(f"accuracy on all {len(right)} test images: {right.mean():.2%}")
    print(f"accuracy on the first {ORIGINAL}: {right[:ORIGINAL].mean():.2%}")
    if find_spec("matplotlib") is not None:
        matrix = ConfusionMatrix(10)
        matrix.update(scores, labels)
        trainer.history.plot(folder / "curves.png")
        plot_confusion(matrix.compute(), CIFAR10.classes, folder / "confusion.png")
        plot_mistakes(images, labels, scores, CIFAR10.classes, path=folder / "mistakes.png")
    if settings.batches:
        return passed(before, trainer.model)
    text = f"{right.mean():.2%} of the test images right, {BOUND:.0%} wanted"
    return passed(before, trainer.model, (text, right.mean() >= BOUND))


if __name__ == "__main__":
    sys.exit(main())
