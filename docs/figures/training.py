"""Draws the figures of the chapter on training: `python docs/figures/training.py`."""

import numpy as np
from _style import BLUE, MUTED, RED, SMALL, card, save

from tinytorch.autograd import nn, no_grad
from tinytorch.data import DataLoader, Digits, Subset
from tinytorch.optim import SGD, Adam
from tinytorch.tensor.functional import cross_entropy, softmax
from tinytorch.training import Trainer, accuracy

DIGITS = Digits(train=True)


def network(rng, hidden=64, *between):
    """One hidden layer."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, hidden, rng=rng),
        nn.ReLU(),
        *between,
        nn.Linear(hidden, 10, rng=rng),
    )


def digits(items=None, batch_size=64):
    """The training images, or the first of them."""
    dataset = DIGITS if items is None else Subset(DIGITS, range(items))
    return DataLoader(dataset, batch_size=batch_size, shuffle=True, rng=0)


class Twice(nn.Module):
    """Ends in softmax, which the loss applies again."""

    def __init__(self, rng):
        super().__init__()
        self.scores = network(rng)

    def forward(self, inputs):
        """Shares of the classes."""
        return softmax(self.scores(inputs))


def fits():
    """Loss and validation loss of three networks."""
    figure = card(2.5)
    validation = DataLoader(Digits(train=False), batch_size=360)
    shown = (
        ("underfits:\n2 units", 2, None, 30),
        ("fits:\n64 units", 64, None, 30),
        ("overfits:\n100 images", 256, 100, 60),
    )
    for axes, (title, hidden, items, epochs) in zip(
        figure.subplots(1, 3, sharey=True), shown, strict=True
    ):
        trainer = Trainer(
            lambda rng, hidden=hidden: network(rng, hidden),
            Adam(lr=0.003),
            digits(items, 32),
            validation,
            seed=0,
            progress=False,
        )
        history = trainer.fit(epochs)
        for name, color in (("loss", BLUE), ("val_loss", RED)):
            axes.plot(range(1, epochs + 1), history[name], color=color, label=name)
        axes.set(ylim=(0, 2.4), xlabel="epoch", title=title)
    figure.axes[0].legend(fontsize=SMALL, loc="lower left", handlelength=1)
    save(figure, "training-fit")


def losses(clear):
    """The loss of each step of plain SGD, with gradients cleared or not."""
    model, kept = network(np.random.default_rng(0)), []
    optimizer, loader = SGD(model.parameters(), lr=0.1), digits()
    for _ in range(5):
        for inputs, targets in loader:
            loss = cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            if clear:
                optimizer.zero_grad()
            kept.append(loss.item())
    return kept


def failures():
    """Softmax twice, gradients that are not cleared, evaluation mode forgotten."""
    figure = card(2.5)
    twice, clear, mode = figure.subplots(1, 3)
    for kind, color in ((Twice, RED), (network, BLUE)):
        trainer = Trainer(kind, SGD(lr=0.1, momentum=0.9), digits(), seed=0, progress=False)
        name = {RED: "failure", BLUE: "cure"}[color]
        twice.plot(trainer.overfit()["loss"], color=color, label=name)
    twice.axhline(-np.log(np.e / (np.e + 9)), color=MUTED, linestyle=":", linewidth=1)
    twice.set(ylim=(0, 2.5), xlabel="epoch", title="softmax twice:\none batch")
    twice.legend(fontsize=SMALL, loc=(0.34, 0.24), handlelength=0.6)
    for cleared, color in ((False, RED), (True, BLUE)):
        clear.plot(losses(cleared), color=color, linewidth=1.2)
    clear.set(ylim=(0, 6), xlabel="step", title="gradients\nnot cleared")

    trainer = Trainer(
        lambda rng: network(rng, 64, nn.Dropout(0.5, rng=rng)),
        SGD(lr=0.1, momentum=0.9),
        digits(),
        seed=0,
        progress=False,
    )
    trainer.fit(epochs=10)
    inputs, targets = next(iter(DataLoader(Digits(train=False), batch_size=360)))
    with no_grad():
        mode.plot([accuracy(trainer.model(inputs), targets) for _ in range(10)], "o", color=RED)
        with nn.evaluation(trainer.model):
            right = [accuracy(trainer.model(inputs), targets) for _ in range(10)]
    mode.plot(right, "o", color=BLUE)
    mode.set(ylim=(0.7, 1), xlabel="measurement", title="mode forgotten:\naccuracy")
    save(figure, "training-failures")


if __name__ == "__main__":
    fits()
    failures()
