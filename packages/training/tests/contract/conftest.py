"""What the contract tests of this layer share: the layer, loaded late, and failures that teach.

A layer with one name missing fails the tests of that name alone: nothing of it is imported before a
test asks for `training`.
"""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.optim import SGD

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = (X @ RNG.normal(size=(4, 3))).argmax(axis=1)


@pytest.fixture
def training():
    """The layer under test."""
    return importlib.import_module("tinytorch.training")


@pytest.fixture
def expect():
    """Gives `expect(got, wanted, mistake, row)`: equal figures, or what may be the mistake."""

    def expect(got, wanted, mistake, row, rtol=1e-5):
        __tracebackhide__ = True
        if same(got, wanted, rtol):
            return
        pytest.fail(
            f"\n  expected: {shown(wanted)}\n  got:      {shown(got)}"
            f"\n  perhaps:  {mistake}\n  contract: {row}"
        )

    return expect


def same(got, wanted, rtol):
    """Whether numbers, arrays, texts, or dicts and lists of them are equal, but for rounding."""
    if isinstance(wanted, dict):
        return got.keys() == wanted.keys() and all(same(got[k], wanted[k], rtol) for k in wanted)
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return False
    if got.dtype.kind not in "fiub" or wanted.dtype.kind not in "fiub":
        return bool((got == wanted).all())
    return np.allclose(got.astype(float), wanted.astype(float), rtol, 1e-6, equal_nan=True)


def shown(value):
    """A value in short."""
    if isinstance(value, dict):
        return {name: shown(part) for name, part in value.items()}
    array = np.asarray(value)
    text = str(np.round(array, 6).tolist() if array.dtype.kind == "f" else array.tolist())
    return text if len(text) < 200 else f"{text[:200]} ..., shape {array.shape}"


@pytest.fixture
def data():
    """Inputs (60, 4), labels (60,) of 3 classes, and both in batches of 16, 16, 16 and 12."""

    batches = [(X[i : i + 16], Y[i : i + 16]) for i in range(0, 60, 16)]
    return SimpleNamespace(x=X, y=Y, batches=batches)


@pytest.fixture
def network():
    """Gives `network()`: the same small classifier each time, with dropout if asked for."""

    def network(dropout=0.0, seed=1):
        rng = np.random.default_rng(seed)
        layers = [nn.Linear(4, 8, rng=rng), nn.ReLU(), nn.Linear(8, 3, rng=rng)]
        return nn.Sequential(*layers, *([nn.Dropout(dropout, rng=rng)] if dropout else []))

    return network


@pytest.fixture
def make(training, data, network):
    """Gives `make(**settings)`: a silent Trainer of that classifier on those batches."""

    def make(**settings):
        given = {"model": network(), "optimizer": SGD(lr=0.1), "train_loader": data.batches}
        return training.Trainer(**{**given, "progress": False, **settings})

    return make


@pytest.fixture
def weights():
    """Gives `weights(trainer)`: all parameters and buffers in one row of numbers."""

    def weights(trainer):
        values = trainer.model.state_dict().values()
        return np.concatenate([np.asarray(value).ravel() for value in values])

    return weights


class Line(nn.Module):
    """A line through the origin: one weight, 1 at first, so that a step can be reckoned by hand."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(np.ones(1, np.float32))

    def forward(self, x):
        return x * self.weight


@pytest.fixture
def line(training):
    """Gives `line(batches, ...)`: a Trainer of one weight, 1 at first, by a mean loss w x.

    The gradient of a batch is the mean of its inputs, whatever the targets.
    """

    def line(*batches, **settings):
        loader = [(np.array(b, np.float32), np.zeros(len(b), np.float32)) for b in batches]
        given = {"loss": lambda outputs, targets: outputs.mean(), "metrics": ()}
        given |= {"optimizer": SGD(lr=0.1), "progress": False, **settings}
        optimizer = given.pop("optimizer")
        return training.Trainer(Line(), optimizer, loader, **given)

    return line


@pytest.fixture
def at():
    """Gives `at(trainer)`: where the one weight of a line is."""
    return lambda trainer: trainer.model.weight.item()
