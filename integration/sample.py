"""Train the CNN on the CIFAR-10 sample of this repository, and check that it learns.

    python integration/sample.py

takes a minute or two on two cores, draws the learning curve and the confusion matrix under
integration/out/, and exits 1 unless the loss falls, every weight moves, and more than 55 % of the
500 test images are recognized.
"""

import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from recipe import make_loaders, make_trainer, scores

from tinytorch.optim import AdamW
from tinytorch.training import ConfusionMatrix, plot_confusion

HERE = Path(__file__).resolve().parent
SAMPLE = HERE / "data" / "cifar10-sample"
OUT = HERE / "out"
EPOCHS = 20
BOUND = 0.55


def main():
    train, test = make_loaders(SAMPLE, batch_size=32, seed=0)
    print(f"{len(train.dataset)} training and {len(test.dataset)} test images from {SAMPLE.name}")
    optimizer = AdamW(weight_decay=0.05)
    trainer = make_trainer(train, test, optimizer=optimizer, epochs=EPOCHS, peak=0.002, seed=0)
    before = {name: p.data.copy() for name, p in trainer.model.named_parameters()}

    began = time.perf_counter()
    history = trainer.fit(epochs=EPOCHS)
    seconds = time.perf_counter() - began

    after = {name: p.data for name, p in trainer.model.named_parameters()}
    still = [name for name in before if np.array_equal(before[name], after[name])]
    reached = history["val_accuracy"][-1]
    draw(trainer, history, test)
    checks = [
        (
            f"loss fell from {history['loss'][0]:.3f} to {history['loss'][-1]:.3f}",
            history["loss"][-1] < 0.8 * history["loss"][0],
        ),
        (f"{len(before) - len(still)} of {len(before)} weight tensors moved", not still),
        (f"test accuracy {reached:.1%}, more than {BOUND:.0%} wanted", reached > BOUND),
    ]
    print(f"{EPOCHS} epochs in {seconds:.1f} s")
    for text, holds in checks:
        print(f"{'ok  ' if holds else 'FAIL'} {text}")
    return 0 if all(holds for _, holds in checks) else 1


def draw(trainer, history, test):
    """Draw the learning curve and the confusion matrix, if matplotlib is installed."""
    if find_spec("matplotlib") is None:
        print("no plots: python -m pip install matplotlib")
        return
    OUT.mkdir(exist_ok=True)
    history.plot(OUT / "learning-curve.png")
    classes = test.dataset.classes
    confusion = ConfusionMatrix(len(classes))
    confusion.update(*scores(trainer, test))
    plot_confusion(confusion.compute(), classes, OUT / "confusion-matrix.png")
    print("drawn: integration/out/learning-curve.png, integration/out/confusion-matrix.png")


if __name__ == "__main__":
    sys.exit(main())
