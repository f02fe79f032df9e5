"""A CNN reads the digits of MNIST: `python integration/examples/cnn_mnist.py [EPOCHS]`.

Reads the data under $TINYTORCH_DATA or in the cache folder, or downloads them. Draws the learning
curves, the confusion matrix, the worst mistakes and the filters under integration/out/cnn-mnist/.
Exits 1 below 99 % of the 10,000 test images.
"""

import sys
from functools import partial

from gate import passed, weights
from mnist import loaders
from pictures import OUT, draw, scores

from tinytorch.optim import SGD
from tinytorch.optim.schedules import one_cycle
from tinytorch.spatial import CNN
from tinytorch.training import Trainer

BOUND = 0.99


def main(epochs=3):
    train, test = loaders()
    trainer = Trainer(
        partial(CNN, in_channels=1, image_size=28, widths=(16, 32, 64)),
        SGD(momentum=0.9, nesterov=True, weight_decay=5e-4),
        train,
        test,
        schedule=one_cycle(0.2, steps=epochs * len(train)),
        seed=0,
    )
    before = weights(trainer.model)
    trainer.fit(epochs)
    draw(trainer, *scores(trainer, test), test.dataset.classes, OUT / "cnn-mnist")
    right = trainer.history["val_accuracy"][-1]
    text = f"{right:.2%} of the test images right, {BOUND:.0%} wanted"
    return passed(before, trainer.model, (text, right >= BOUND))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
