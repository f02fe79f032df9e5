"""What the contract tests of this layer share: the layer, loaded late, and failures that teach.

A layer with one name missing fails the tests of that name alone: nothing of it is imported before a
test asks for `spatial`.
"""

import importlib

import numpy as np
import pytest

from tinytorch.autograd import Variable
from tinytorch.tensor import Tensor, tensor


@pytest.fixture
def spatial():
    """The layer under test."""
    return importlib.import_module("tinytorch.spatial")


def values(x):
    """The numbers of a Variable, a Tensor or an array."""
    return np.asarray(x.data if isinstance(x, Tensor) else x, np.float64)


@pytest.fixture
def expect():
    """Gives `expect(got, wanted, mistake, row)`: equal numbers, or what may be the mistake."""

    def expect(got, wanted, mistake, row, atol=1e-9):
        __tracebackhide__ = True
        got, wanted = values(got), values(wanted)
        if got.shape != wanted.shape:
            seen, hoped = f"shape {got.shape}", f"shape {wanted.shape}"
        elif np.allclose(got, wanted, rtol=1e-5, atol=atol, equal_nan=True):
            return
        else:
            apart = ~np.isclose(got, wanted, rtol=1e-5, atol=atol, equal_nan=True)
            at = tuple(int(i) for i in np.argwhere(apart)[0])
            whole = got.size <= 16
            seen = f"{np.round(got, 5).tolist() if whole else f'{got[at]:.6g} at {at}'}"
            hoped = f"{np.round(wanted, 5).tolist() if whole else f'{wanted[at]:.6g}'}"
            if not whole:
                seen += f", and {apart.sum()} of {got.size} numbers differ"
        pytest.fail(
            f"\n  expected: {hoped}\n  got:      {seen}\n  perhaps:  {mistake}\n  contract: {row}"
        )

    return expect


@pytest.fixture
def slopes(expect):
    """Gives `slopes(function, *points, mistake=, row=)`: gradients equal differences."""

    def slopes(function, *points, mistake, row, step=1e-6):
        __tracebackhide__ = True
        leaves = [Variable(np.array(point, np.float64)) for point in points]
        y = function(*leaves)
        g = np.random.default_rng(1).standard_normal(y.shape)
        found = y.backward(tensor(g))
        for number, leaf in enumerate(leaves):
            if leaf not in found:
                pytest.fail(
                    f"\n  expected: a gradient for operand {number}, of {leaf.shape}\n"
                    f"  got:      none\n  perhaps:  {mistake}\n  contract: {row}"
                )
            arrays = [np.array(point, np.float64) for point in points]
            slope, moved = np.zeros(leaf.shape), arrays[number]
            for place in np.ndindex(leaf.shape):
                middle, ends = moved[place], []
                for moved[place] in (middle + step, middle - step):
                    ends.append((values(function(*map(Tensor, arrays))) * g).sum())
                moved[place] = middle
                slope[place] = (ends[0] - ends[1]) / (2 * step)
            about = f"of operand {number}, shape {leaf.shape}: {mistake}"
            expect(found[leaf], slope, about, row, atol=1e-6)

    return slopes


@pytest.fixture
def numbers():
    """Gives `numbers(*shape)`: float64 numbers, the same each time."""
    return lambda *shape: np.random.default_rng(sum(shape)).standard_normal(shape)


@pytest.fixture
def by_definition():
    """Gives a convolution by its definition, one number at a time."""

    def convolve(x, w, b=None, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
        x = np.pad(x, ((0, 0), (0, 0), *padding))
        count = [
            (x.shape[2 + a] - dilation[a] * (w.shape[2 + a] - 1) - 1) // stride[a] + 1
            for a in (0, 1)
        ]
        out = np.zeros((len(x), len(w), *count))
        per_group, out_per_group = w.shape[1], len(w) // groups
        for n, o, i, j in np.ndindex(*out.shape):
            first = o // out_per_group * per_group
            for c, k, m in np.ndindex(*w.shape[1:]):
                row, column = i * stride[0] + k * dilation[0], j * stride[1] + m * dilation[1]
                out[n, o, i, j] += x[n, first + c, row, column] * w[o, c, k, m]
            out[n, o, i, j] += 0 if b is None else b[o]
        return out

    return convolve
