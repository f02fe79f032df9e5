"""An MLP reads the digits of MNIST: `python integration/examples/mlp_mnist.py [EPOCHS]`.

Reads the data under $TINYTORCH_DATA or in the cache folder, or downloads them. Draws the learning
curves, the confusion matrix and the worst mistakes under integration/out/mlp-mnist/.
Exits 1 below 98 % of the 10,000 test images.
"""

import sys

from gate import passed, weights
from mnist import loaders
from pictures import OUT, draw, scores

from tinytorch.autograd import nn
from tinytorch.optim import Adam
from tinytorch.optim.schedules import one_cycle
from tinytorch.training import Trainer

BOUND = 0.98


def network(rng):
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 512, rng=rng),
        nn.ReLU(),
        nn.Dropout(0.3, rng=rng),
        nn.Linear(512, 128, rng=rng),
        nn.ReLU(),
        nn.Linear(128, 10, rng=rng),
    )


def main(epochs=8):
    train, test = loaders()
    schedule = one_cycle(0.003, steps=epochs * len(train))
    trainer = Trainer(network, Adam(), train, test, schedule=schedule, seed=0)
    before = weights(trainer.model)
    trainer.fit(epochs)
    draw(trainer, *scores(trainer, test), test.dataset.classes, OUT / "mlp-mnist")
    right = trainer.history["val_accuracy"][-1]
    text = f"{right:.2%} of the test images right, {BOUND:.0%} wanted"
    return passed(before, trainer.model, (text, right >= BOUND))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
