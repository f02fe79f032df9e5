"""A small run that every part of the layer can be tried on: fast, seeded, with dropout in it."""

import os

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.data import DataLoader, TensorDataset
from tinytorch.optim import SGD


def make_data(count=96, seed=0):
    """Three classes that are far from linear: which of three directions is the nearest."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(count, 4)).astype(np.float32)
    targets = (inputs @ rng.normal(size=(4, 3)) + 0.5).argmax(axis=1)
    return inputs, targets


def make_model(rng=0):
    generator = np.random.default_rng(rng)
    return nn.Sequential(
        nn.Linear(4, 8, rng=generator),
        nn.ReLU(),
        nn.Dropout(0.1, rng=generator),
        nn.Linear(8, 3, rng=generator),
    )


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    """A test's machine does not lose its power; tests of flushing put their own fsync here."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def make_trainer():
    """Gives `make(**settings)`, a Trainer of 8 batches of 12, silent and seeded."""
    from tinytorch.training import Trainer  # late: a layer half written runs its contract tests

    def make(**settings):
        train = DataLoader(TensorDataset(*make_data()), batch_size=12, shuffle=True)
        val = DataLoader(TensorDataset(*make_data(30, seed=1)), batch_size=12)
        given = {
            "model": make_model,
            "optimizer": SGD(lr=0.1, momentum=0.9),
            "train_loader": train,
            "val_loader": val,
            "seed": 0,
            "progress": False,
        }
        return Trainer(**{**given, **settings})

    return make


@pytest.fixture
def weights():
    """Gives `weights(trainer)`: all parameters and buffers as bytes, to compare runs."""
    return lambda trainer: {k: np.array(v).tobytes() for k, v in trainer.model.state_dict().items()}


@pytest.fixture
def crash():
    """Gives `crash(step, order=0)`: a callback that breaks a run off after that step."""
    from tinytorch.training import Callback  # late, as above

    class Crash(Callback):
        def __init__(self, step, order=0):
            self.step, self.order = step, order

        def on_step_end(self, run):
            if run.step == self.step:
                raise RuntimeError("power cut")

    return Crash


@pytest.fixture
def names():
    """Gives `names(folder)`: what the checkpoints in a folder are called, oldest first."""
    from tinytorch.training import checkpoints  # late, as above

    return lambda folder: [path.name for path in checkpoints(folder)]
