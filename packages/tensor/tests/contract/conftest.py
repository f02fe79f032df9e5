"""What the contract tests of this layer share: its parts, loaded late, and failures that teach.

A layer with one name missing fails the tests of that name alone: nothing of it is imported before a
test asks for `tensor` (the layer), `ops` or `functional`.
"""

import importlib

import numpy as np
import pytest


@pytest.fixture
def tensor():
    """The layer under test."""
    return importlib.import_module("tinytorch.tensor")


@pytest.fixture
def ops():
    """Its ops."""
    return importlib.import_module("tinytorch.tensor.ops")


@pytest.fixture
def functional():
    """Its activations and losses."""
    return importlib.import_module("tinytorch.tensor.functional")


@pytest.fixture
def expect():
    """Gives `expect(got, wanted, mistake, row)`: equal numbers, or what may be the mistake."""

    def expect(got, wanted, mistake, row, rtol=1e-5, atol=1e-7):
        __tracebackhide__ = True
        got, wanted = np.asarray(getattr(got, "data", got), float), np.asarray(wanted, float)
        if got.shape != wanted.shape or not np.allclose(got, wanted, rtol, atol, equal_nan=True):
            pytest.fail(
                f"\n  expected: {wanted.tolist()}, shape {wanted.shape}"
                f"\n  got:      {got.tolist()}, shape {got.shape}"
                f"\n  perhaps:  {mistake}\n  contract: {row}"
            )

    return expect
