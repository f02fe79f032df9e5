"""CNNs on CIFAR-10: `python integration/examples/cifar10.py [RECIPE] ...`, of recipe.py.

`sample` trains the reference network on the 2,000 images of this repository. The others read all of
CIFAR-10 under $TINYTORCH_DATA or in the cache folder, or download it: `cnn` trains the reference
network, `resnet9` a residual one, `record` one that whitens its images, in few epochs. Draws the
learning curves, the confusion matrix, the worst mistakes and the first filters under
integration/out/RECIPE/, and saves the weights there. A run that was broken off goes on when it is
started again. Exits 1 if the loss did not fall, a weight did not move, or too few of the test
images are recognized.
"""

import argparse
import os
import platform
import shutil
import statistics
import sys
import time
from pathlib import Path

from gate import passed, weights
from pictures import OUT, draw, scores
from recipe import RECIPES

from tinytorch.tensor import kernels
from tinytorch.training import (
    Checkpoint,
    CSVLog,
    StopOnNonFinite,
    predict_averaged,
    save_safetensors,
)

LOG = Path(__file__).resolve().parents[2] / "docs" / "cifar10.md"
ORIGINAL = 1017  # so many are the original pixels also where the others were stored as JPEG


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", nargs="?", choices=RECIPES, default="cnn")
    parser.add_argument("--epochs", type=positive, help="if fewer, there is no bound")
    parser.add_argument("--batches", type=positive, help="per epoch: a quick look without a bound")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", action="store_true", help="add the figures to docs/cifar10.md")
    return parser.parse_args()


def positive(text):
    """Read a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def main():
    settings = arguments()
    recipe = RECIPES[settings.recipe]
    epochs = settings.epochs or recipe.epochs
    folder = OUT / settings.recipe
    run = folder / f"run-{epochs}-{settings.batches or 'all'}-{settings.seed}"
    keep = [Checkpoint(run, keep=2), CSVLog(folder / "log.csv"), StopOnNonFinite()]
    trainer = recipe.trainer(epochs, settings.batches, settings.seed, keep)
    before = weights(trainer.model)
    history = trainer.fit(epochs, limit_batches=settings.batches)

    test = trainer.val_loader
    images, labels, scored = scores(trainer, test)
    right = scored.argmax(axis=1) == labels
    right_of_two, right_of_six = (
        predict_averaged(trainer, test, shift=shift).numpy().argmax(axis=1) == labels
        for shift in (0, 1)
    )
    print(f"of {len(right):,} test images right: {shares(right)}")
    print(f"... by the mean of the scores of each and its mirror image: {shares(right_of_two)}")
    print(f"... by that of each and both shifted by a pixel two ways: {shares(right_of_six)}")
    draw(trainer, images, labels, scored, test.dataset.classes, folder)
    save_safetensors(folder / "model.safetensors", trainer.model.state_dict())
    shutil.rmtree(run)  # a finished run does not go on
    if settings.log:
        log(settings, history, right, right_of_two)

    first, last = history["loss"][0], history["loss"][-1]
    checks = [(f"loss fell from {first:.3f} to {last:.3f}", last < first)]
    if epochs >= recipe.epochs and not settings.batches:
        reached = (right_of_two if recipe.mirrored else right).mean()
        text = f"{reached:.2%} of the test images right, {recipe.bound:.0%} wanted"
        checks.append((text, reached >= recipe.bound))
    return passed(before, trainer.model, *checks)


def shares(right):
    """The part of all images, and of the first, that is right."""
    return f"{right.mean():.2%}, of the first {ORIGINAL:,} {right[:ORIGINAL].mean():.2%}"


def log(settings, history, right, right_of_two):
    """Add the run's line to the table that ends the docs page."""
    row = [
        time.strftime("%Y-%m-%d"),
        settings.recipe,
        str(history.epochs),
        str(settings.seed),
        f"{right.mean():.2%} / {right[:ORIGINAL].mean():.2%}",
        f"{right_of_two.mean():.2%} / {right_of_two[:ORIGINAL].mean():.2%}",
        f"{statistics.median(history.seconds):.1f} s",
        f"{sum(history.seconds) / 60:.1f} min",
        f"{machine()}, {'NumPy alone' if kernels.active() == 'reference' else 'kernels'}",
    ]
    with LOG.open("a", encoding="utf-8", newline="\n") as page:
        page.write(f"| {' | '.join(row)} |\n")


def machine():
    """The processor's name, as far as the system tells, and how many cores it has."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        name = next((s.split(":")[1].strip() for s in lines if s.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores"


if __name__ == "__main__":
    sys.exit(main())
