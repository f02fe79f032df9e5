"""Gradients kept small: by their common norm, or value by value."""

import math

import numpy as np
import pytest

from tinytorch.autograd import Variable, nn
from tinytorch.tensor import ArgumentError, from_numpy

pytestmark = pytest.mark.step(5)
NORM, VALUE = "`clip_grad_norm`", "`clip_grad_value`"


def with_gradients(*gradients):
    variables = []
    for gradient in gradients:
        array = np.array(gradient, np.float64)
        variables.append(Variable(np.zeros_like(array)))
        variables[-1].grad = from_numpy(array)
    return variables


def gradients(variables):
    return [np.asarray(variable.grad).tolist() for variable in variables]


def test_the_norm_is_that_of_all_gradients_together(optim, expect):
    total = optim.clip_grad_norm(with_gradients([3.0, 0.0], -4.0), 100.0)
    expect(total, 5.0, "the root of the sum of all squares, over all parameters", NORM)


def test_a_large_norm_is_cut_by_one_factor(optim, expect):
    x, y = with_gradients([3.0, 0.0], -4.0)
    optim.clip_grad_norm([x, y], 2.5)
    expect(x.grad, [1.5, 0.0], "each gradient times max_norm / norm", NORM, 1e-6)
    expect(y.grad, -2.0, "each parameter was cut by a factor of its own", NORM, 1e-6)


def test_the_norm_before_is_returned(optim, expect):
    total = optim.clip_grad_norm(with_gradients([3.0, 4.0]), 1.0)
    expect(total, 5.0, "the norm before the cut, not after", NORM)


def test_a_small_norm_is_left(optim, expect):
    (x,) = with_gradients([0.3, 0.4])
    optim.clip_grad_norm([x], 1.0)
    expect(x.grad, [0.3, 0.4], "scaled up: only a norm above max_norm is cut", NORM)


@pytest.mark.parametrize(
    ("norm_type", "norm"), [(1, 7.0), (2, 5.0), (3, 91 ** (1 / 3)), (math.inf, 4.0)]
)
def test_other_norms(optim, expect, norm_type, norm):
    total = optim.clip_grad_norm(with_gradients([3.0, 0.0], -4.0), math.inf, norm_type)
    expect(total, norm, "(sum of |g|**p) ** (1 / p), with magnitudes", NORM)


@pytest.mark.parametrize("name", ["clip_grad_norm", "clip_grad_value"])
def test_gradients_are_replaced_not_written(optim, name):
    (x,) = with_gradients([3.0, -4.0])
    before = x.grad
    getattr(optim, name)([x], 1.0)
    assert before.tolist() == [3.0, -4.0], "Tensors do not change: give .grad a new one"


def test_what_has_no_gradient_or_is_frozen_has_no_part(optim, expect):
    free, frozen, bare = nn.Parameter([0.0, 0.0]), nn.Parameter([0.0]), nn.Parameter([0.0])
    frozen.requires_grad = False
    free.grad = from_numpy(np.array([3.0, 4.0], np.float32))
    frozen.grad = from_numpy(np.array([100.0], np.float32))
    total = optim.clip_grad_norm([free, frozen, bare], 1.0)
    expect(total, 5.0, "a frozen parameter's gradient was counted", NORM, 1e-6)
    assert bare.grad is None


def test_no_gradients_have_no_norm(optim):
    assert optim.clip_grad_norm([Variable(1.0)], 1.0) == 0.0


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_squares_need_not_fit_into_the_type(optim, expect, size):
    total = optim.clip_grad_norm(with_gradients([3 * size, 4 * size]), math.inf)
    expect(total / size, 5.0, "scale by the largest before squaring", NORM)


def test_a_norm_of_half_precision_is_computed_wider(optim, expect):
    w = Variable(np.zeros(70_000), "float16")
    w.grad = from_numpy(np.ones(70_000, np.float16))
    total = optim.clip_grad_norm([w], 1.0)
    expect(total, 70_000**0.5, "70,000 is infinite in float16: add up in float32", NORM, 1e-3)
    assert w.grad.dtype == np.float16


def test_what_is_not_finite_is_named_when_asked(optim):
    x, y = with_gradients([1.0], [math.nan])
    with pytest.raises(optim.NonFiniteError) as caught:
        optim.clip_grad_norm([("x", x), ("y", y)], 1.0, check_finite=True)
    assert caught.value.parameter == "y"


def test_values_are_cut_on_both_sides(optim, expect):
    (x,) = with_gradients([3.0, -4.0, 0.5])
    optim.clip_grad_value([x], 1.0)
    expect(x.grad, [1.0, -1.0, 0.5], "a limit on one side alone, or a common factor", VALUE)


@pytest.mark.parametrize(
    "call",
    [
        lambda optim, x: optim.clip_grad_norm([x], -1.0),
        lambda optim, x: optim.clip_grad_norm([x], math.nan),
        lambda optim, x: optim.clip_grad_norm([x], 1.0, 0),
        lambda optim, x: optim.clip_grad_value([x], -1.0),
    ],
    ids=["negative norm", "no number", "norm of type 0", "negative value"],
)
def test_bad_arguments_are_refused(optim, call):
    with pytest.raises(ArgumentError):
        call(optim, Variable(1.0))
