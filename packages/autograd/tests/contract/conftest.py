"""What the contract tests of this layer share: the layer, loaded late, and failures that teach.

A layer with one name missing fails the tests of that name alone: nothing of it is imported before a
test asks for `autograd` or `nn`.
"""

import importlib

import numpy as np
import pytest

from tinytorch.tensor import Tensor


@pytest.fixture
def autograd():
    """The layer under test."""
    return importlib.import_module("tinytorch.autograd")


@pytest.fixture
def nn(autograd):
    """Its modules."""
    return autograd.nn


def numbers(x):
    """The values of anything: a Variable, a Tensor, an array, numbers."""
    return np.asarray(x.data if isinstance(x, Tensor) else x)


@pytest.fixture
def expect():
    """Gives `expect(got, wanted, mistake, row)`: equal numbers, or what may be the mistake."""

    def expect(got, wanted, mistake, row, rtol=1e-6, atol=1e-9):
        __tracebackhide__ = True
        if got is None:
            pytest.fail(
                f"\n  expected: {wanted}\n  got:      None, no gradient at all"
                f"\n  perhaps:  {mistake}\n  contract: {row}"
            )
        got, wanted = numbers(got), numbers(wanted)
        shown, likely = "", mistake
        if got.shape != wanted.shape:
            shown, likely = f"shape {got.shape}: ", f"{mistake}; wanted is shape {wanted.shape}"
        elif np.allclose(got.astype(float), wanted.astype(float), rtol, atol, equal_nan=True):
            return
        pytest.fail(
            f"\n  expected: {np.round(wanted.astype(float), 6).tolist()}"
            f"\n  got:      {shown}{np.round(got.astype(float), 6).tolist()}"
            f"\n  perhaps:  {likely}\n  contract: {row}"
        )

    return expect


@pytest.fixture
def slopes():
    """Gives `slopes(function, *points)`: the gradients of a function by differences, in float64."""

    def slopes(function, *points, step=1e-6):
        points = [np.array(point, np.float64) for point in points]
        found = []
        for point in points:
            slope = np.zeros(point.shape)
            for element in np.ndindex(point.shape):
                middle, ends = point[element], []
                for moved in (middle + step, middle - step):
                    point[element] = moved
                    ends.append(float(numbers(function(*map(Tensor, points))).sum()))
                point[element] = middle
                slope[element] = (ends[0] - ends[1]) / (2 * step)
            found.append(slope)
        return found

    return slopes
