"""What the examples on MNIST have in common: the loaders and the pictures."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tinytorch.data import MNIST, DataLoader
from tinytorch.data.transforms import Normalize
from tinytorch.training import ConfusionMatrix, plot_confusion, plot_mistakes

OUT = Path(__file__).resolve().parents[1] / "out"


def loaders():
    """Loaders of MNIST's 60,000 training images, shuffled, and of its 10,000 test images."""
    normalize = Normalize((0.1307,), (0.3081,))
    train = DataLoader(MNIST(), batch_size=128, shuffle=True, transform=normalize)
    test = DataLoader(MNIST(train=False), batch_size=500, transform=normalize)
    return train, test


def draw(trainer, test, name):
    """Draw curves, confusion matrix and worst mistakes, if matplotlib is installed."""
    if find_spec("matplotlib") is None:
        print('no pictures: pip install "tinytorch-training[plot]"')
        return
    OUT.mkdir(exist_ok=True)
    trainer.history.plot(OUT / f"{name}-curves.png")
    images, labels = (np.concatenate([np.asarray(b[i]) for b in test]) for i in range(2))
    scores = trainer.predict(test)
    matrix = ConfusionMatrix(10)
    matrix.update(scores, labels)
    plot_confusion(matrix.compute(), test.dataset.classes, OUT / f"{name}-confusion.png")
    plot_mistakes(images, labels, scores, test.dataset.classes, path=OUT / f"{name}-mistakes.png")
    print(f"drawn: integration/out/{name}-*.png")
