"""XOR, which no perceptron can learn, by one hidden layer: `python integration/examples/xor.py`.

Exits 1 unless all four cases are right with a loss below 0.05.

Source: M. Minsky, S. Papert, Perceptrons, 1969; D. Rumelhart et al., Learning Representations by
Back-propagating Errors, 1986.
"""

import sys

import numpy as np
from gate import passed, weights

from tinytorch.autograd import nn
from tinytorch.optim import SGD
from tinytorch.tensor.functional import binary_cross_entropy_with_logits
from tinytorch.training import Accuracy, Trainer

CASES = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
ANSWERS = np.array([[0], [1], [1], [0]], np.float32)


def network(rng):
    return nn.Sequential(nn.Linear(2, 4, rng=rng), nn.Tanh(), nn.Linear(4, 1, rng=rng))


def main():
    trainer = Trainer(
        network,
        SGD(lr=0.5, momentum=0.9),
        [(CASES, ANSWERS)],
        loss=binary_cross_entropy_with_logits,
        metrics=(Accuracy(threshold=0.0),),
        seed=0,
        progress=False,
    )
    before = weights(trainer.model)
    print(trainer.fit(epochs=200))
    figures = trainer.evaluate([(CASES, ANSWERS)])
    return passed(
        before,
        trainer.model,
        (f"{4 * figures['accuracy']:.0f} of 4 cases right", figures["accuracy"] == 1),
        (f"loss {figures['loss']:.4f}, below 0.05 wanted", figures["loss"] < 0.05),
    )


if __name__ == "__main__":
    sys.exit(main())
