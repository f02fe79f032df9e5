"""Train the CNN on all of CIFAR-10, and check that it passes 75 %.

    python integration/cifar10.py [EPOCHS]

reads the data under $TINYTORCH_DATA or in the cache folder, or downloads them. Prints each epoch's
seconds and images per second, and the accuracy on all test images and on the first 1,017 (which are
the original pixels also where the others were compressed). Exits 1 below 75 %.
"""

import sys

from recipe import make_loaders, make_trainer, scores

from tinytorch.optim import SGD
from tinytorch.training import Callback

EPOCHS = 8
BOUND = 0.75
ORIGINAL = 1017


class Speed(Callback):
    """Prints what an epoch took: training alone, and with validation."""

    def on_epoch_end(self, trainer):
        images = len(trainer.train_loader) * trainer.train_loader.batch_size
        print(
            f"epoch {trainer.epoch}: training {trainer.seconds:.1f} s, "
            f"{images / trainer.seconds:,.0f} images/s; "
            f"with validation {trainer.history.seconds[-1]:.1f} s; "
            f"test accuracy {trainer.history['val_accuracy'][-1]:.2%}",
            flush=True,
        )


def main(epochs=EPOCHS):
    train, test = make_loaders(None, batch_size=128, seed=0)
    trainer = make_trainer(
        train,
        test,
        optimizer=SGD(momentum=0.9, nesterov=True, weight_decay=5e-4),
        epochs=epochs,
        peak=0.2,
        seed=0,
        callbacks=[Speed()],
    )
    trainer.fit(epochs=epochs)
    outputs, labels = scores(trainer, test)
    right = outputs.argmax(axis=1) == labels
    print(f"accuracy on all {len(right)} test images: {right.mean():.2%}")
    print(f"accuracy on the first {ORIGINAL}: {right[:ORIGINAL].mean():.2%}")
    return 0 if right.mean() >= BOUND else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
