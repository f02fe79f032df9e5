"""What the contract tests of this layer share: the layer, loaded late, and failures that teach.

A layer with one name missing fails the tests of that name alone: nothing of it is imported before a
test asks for `optim`.
"""

import importlib

import numpy as np
import pytest

from tinytorch.autograd import Variable
from tinytorch.tensor import from_numpy


@pytest.fixture
def optim():
    """The layer under test."""
    return importlib.import_module("tinytorch.optim")


@pytest.fixture
def expect():
    """Gives `expect(got, wanted, mistake, row)`: equal numbers, or what may be the mistake."""

    def expect(got, wanted, mistake, row, rtol=1e-9, atol=1e-12):
        __tracebackhide__ = True
        got, wanted = np.asarray(got, float), np.asarray(wanted, float)
        if got.shape != wanted.shape or not np.allclose(got, wanted, rtol, atol, equal_nan=True):
            pytest.fail(
                f"\n  expected: {wanted.tolist()}\n  got:      {got.tolist()}"
                f"\n  perhaps:  {mistake}\n  contract: {row}"
            )

    return expect


class Walk:
    """Weights that an optimizer moves by gradients that depend on where they are."""

    def __init__(self, make, start=(1.0, -2.0, 0.5), **settings):
        self.w = Variable(np.array(start))
        self.optimizer = make([self.w], **settings)

    def step(self, *gradient):
        """Move by this gradient; return where the weights are then."""
        self.optimizer.step({self.w: from_numpy(np.array(gradient, float))})
        return self.at

    def steps(self, numbers):
        """Move by the gradients of a tilted, trembling bowl; return where the weights are then."""
        for number in numbers:
            self.step(*(np.array([1.0, 5.0, 0.1]) * self.at + np.sin(number + np.arange(3.0))))
        return self.at

    @property
    def at(self):
        """Where the weights are."""
        return self.w.detach().numpy()


@pytest.fixture
def walk(optim):
    """Gives `walk("Adam", lr=0.1)`: a `Walk` of that optimizer from 1, -2 and 0.5."""
    return lambda name, **settings: Walk(getattr(optim, name), **settings)
