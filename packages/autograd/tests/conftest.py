"""A module that has one of everything, for the tests of trees and of states."""

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.tensor import tensor


class Block(nn.Module):
    """Has one of everything that a module can hold."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.scale = nn.Parameter(np.ones(3))
        self.first = nn.Linear(3, 3, rng=rng)
        self.count = nn.Buffer(np.zeros(2, np.int64))
        self.rng = rng
        self.number, self.plain = 7, tensor([1.0])
        self.parts = nn.ModuleList([nn.ReLU(), nn.Linear(3, 2, rng=rng)])

    def forward(self, x):
        x = self.first(x * self.scale)
        for part in self.parts:
            x = part(x)
        return x


@pytest.fixture
def block():
    return Block()


@pytest.fixture
def other_block():
    """Of the same shapes, with other numbers."""
    return Block(1)
