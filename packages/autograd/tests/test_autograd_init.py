"""First values of weights: their deviation, their bounds, their shapes."""

import math

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.tensor import ArgumentError, ShapeError


def test_uniform_first_values_have_bounds():
    bound = math.sqrt(6 / (10 + 20))
    values = nn.init.xavier_uniform((20, 10), rng=0)
    assert 0.95 * bound < np.abs(values).max() <= bound


@pytest.mark.parametrize("shape", [(3, 3, 1), (2, 3, 3, 3), (5, 2, 3, 4), (4, 4, 2, 3, 3)])
def test_dirac_passes_channels_on(shape):
    weight = nn.Parameter(np.ones(shape))
    assert nn.init.dirac_(weight) is weight
    center = weight.data[(..., *[n // 2 for n in shape[2:]])]
    assert center.tolist() == np.eye(*shape[:2]).tolist()
    assert weight.data.sum() == min(shape[:2])


def test_dirac_passes_channels_on_in_each_group():
    weight = nn.init.dirac_(nn.Parameter(np.ones((6, 2, 3), np.float32)), groups=3)
    assert weight.data[:, :, 1].tolist() == np.tile(np.eye(2), (3, 1)).tolist()
    assert not weight.data[:, :, ::2].any()


@pytest.mark.parametrize(("shape", "groups"), [((3, 3), 1), ((3, 3, 3), 2), ((1,) * 6, 1)])
def test_dirac_needs_a_kernel_and_groups_that_divide(shape, groups):
    with pytest.raises(ShapeError, match="kernel axes"):
        nn.init.dirac_(nn.Parameter(np.ones(shape)), groups)


def test_first_values_of_wrong_shapes_are_errors():
    for draw in (
        nn.init.kaiming_uniform,
        nn.init.kaiming_normal,
        nn.init.xavier_uniform,
        nn.init.xavier_normal,
    ):
        for shape in ((3,), (), (2, 0)):
            with pytest.raises(ShapeError, match="outputs, inputs"):
                draw(shape)
    with pytest.raises(ArgumentError, match="finite"):
        nn.init.kaiming_uniform((2, 2), a=float("inf"))
