"""Rosenblatt's perceptron tells zeros from ones: `python integration/examples/perceptron.py`.

The oldest rule of all, "where wrong, add the example to the weights", is gradient descent on the
loss max(0, -y * score). Exits 1 unless every digit is told right, as the two classes are separable
by a plane.

Source: F. Rosenblatt, The Perceptron, 1958.
"""

import sys

import numpy as np
from gate import passed, weights

from tinytorch.autograd import nn
from tinytorch.data import Digits
from tinytorch.optim import SGD
from tinytorch.tensor.functional import relu
from tinytorch.training import Accuracy, Trainer


def rule(scores, targets):
    """The perceptron's loss; targets are 0 or 1."""
    return relu((1 - 2 * targets) * scores).mean()


def main():
    images, labels = Digits().__getitems__(np.arange(1797))
    chosen = np.asarray(labels) < 2
    inputs = np.asarray(images, np.float32)[chosen].reshape(-1, 64)
    targets = np.asarray(labels, np.float32)[chosen, None]
    batches = [(inputs[i : i + 1], targets[i : i + 1]) for i in range(len(inputs))]
    model = nn.Linear(64, 1, rng=0)
    before = weights(model)
    trainer = Trainer(
        model, SGD(lr=0.01), batches, loss=rule, metrics=(Accuracy(threshold=0.0),), progress=False
    )
    history = trainer.fit(epochs=10)
    print(history)
    right = trainer.evaluate(batches)["accuracy"]
    return passed(before, model, (f"{right:.1%} of {len(inputs)} zeros and ones right", right == 1))


if __name__ == "__main__":
    sys.exit(main())
