"""Clipping by norm and by value."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinytorch.autograd import Variable, nn
from tinytorch.optim import SGD, NonFiniteError, ParameterError, clip_grad_norm, clip_grad_value
from tinytorch.tensor import ArgumentError, from_numpy, tensor


def with_gradients(*gradients):
    variables = []
    for gradient in gradients:
        array = np.asarray(gradient, np.float64)
        variable = Variable(np.zeros_like(array))
        variable.grad = from_numpy(array)
        variables.append(variable)
    return variables


def test_one_factor_for_all_gradients():
    x, y = with_gradients([3.0, 0.0], 4.0)
    assert clip_grad_norm([x, y], 2.5) == 5.0
    np.testing.assert_allclose(x.grad.numpy(), [1.5, 0.0], rtol=1e-6)
    np.testing.assert_allclose(y.grad.numpy(), 2.0, rtol=1e-6)


def test_small_norms_are_added_up_like_large_ones():
    for size in (1e-200, 0.1, 1.0, 1e200):
        x, y = with_gradients([3 * size, 0.0], 4 * size)
        assert clip_grad_norm([x, y], math.inf) == pytest.approx(5 * size, abs=0)


def test_small_gradients_are_left_alone():
    x, y = with_gradients([3.0, 0.0], 4.0)
    before = x.grad
    assert clip_grad_norm([x, y], 5.1) == 5.0
    assert clip_grad_norm([x, y], math.inf) == 5.0
    assert x.grad is before


def test_the_dtype_stays():
    w = Variable([3.0, 4.0])
    w.grad = tensor([3.0, 4.0])
    clip_grad_norm([w], 1.0)
    assert w.grad.dtype == np.float32
    clip_grad_value([w], 0.1)
    assert w.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("norm_type", "expected"),
    [(1, 7.0), (2, 5.0), (3, 91 ** (1 / 3)), (0.5, 7 + 2 * 12**0.5), (math.inf, 4.0)],
)
def test_norms(norm_type, expected):
    assert clip_grad_norm(with_gradients([3.0, 0.0], -4.0), math.inf, norm_type) == pytest.approx(
        expected
    )
    assert clip_grad_norm(with_gradients([[-3.0], [4.0]]), math.inf, norm_type) == pytest.approx(
        expected
    )


def test_parameters_without_gradients_are_left_out():
    x, y = with_gradients([3.0, 4.0], 1.0)
    y.grad = None
    assert clip_grad_norm([x, y], math.inf) == 5.0
    clip_grad_value([x, y], 1.0)
    assert y.grad is None
    assert clip_grad_norm([y], 1.0) == 0.0
    assert clip_grad_norm([], 1.0) == 0.0


def test_what_an_optimizer_does_not_move_has_no_part_in_the_norm():
    frozen, free = nn.Parameter([1.0, 1.0]), nn.Parameter([1.0, 1.0])
    frozen.requires_grad = False
    frozen.grad, free.grad = tensor([100.0, 0.0]), tensor([3.0, 4.0])
    optimizer = SGD([frozen, free])
    assert clip_grad_norm(optimizer.named_parameters(), 1.0) == pytest.approx(5.0)
    assert free.grad.tolist() == pytest.approx([0.6, 0.8], rel=1e-5)
    clip_grad_value(optimizer.named_parameters(), 0.7)
    assert free.grad.tolist() == pytest.approx([0.6, 0.7], rel=1e-5)
    assert frozen.grad.tolist() == [100.0, 0.0]


def test_a_parameter_that_is_given_twice_counts_once():
    (x,) = with_gradients([3.0, 4.0])
    assert clip_grad_norm([x, x], 2.5) == 5.0
    assert x.grad.tolist() == pytest.approx([1.5, 2.0])


def test_zero_and_empty_gradients():
    assert clip_grad_norm(with_gradients([0.0, 0.0]), 1.0) == 0.0
    for norm_type in (1, 2, math.inf):
        assert clip_grad_norm(with_gradients(np.zeros((0, 3)), [2.0]), 9.0, norm_type) == 2.0
    (x,) = with_gradients([3.0, 4.0])
    clip_grad_norm([x], 0.0)
    assert x.grad.tolist() == [0.0, 0.0]


def test_one_variable_pairs_and_generators_are_taken():
    (x,) = with_gradients([3.0, 4.0])
    assert clip_grad_norm(x, 9.0) == 5.0
    assert clip_grad_norm([("x", x)], 9.0) == 5.0
    assert clip_grad_norm((v for v in [x]), 9.0) == 5.0
    clip_grad_value(x, 3.5)
    assert x.grad.tolist() == [3.0, 3.5]


def test_large_float32_gradients_do_not_overflow():
    w = Variable([0.0, 0.0])
    w.grad = tensor([3e30, 4e30])
    assert clip_grad_norm([w], 1.0) == pytest.approx(5e30)
    np.testing.assert_allclose(w.grad.numpy(), [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("norm_type", [1, 2, 3, math.inf])
def test_norms_beyond_the_range_of_half_precision(norm_type):
    w = Variable(np.zeros(70_000), "float16")
    w.grad = from_numpy(np.ones(70_000, np.float16))
    expected = 70_000 ** (1 / norm_type)
    assert clip_grad_norm([w], 0.5, norm_type) == pytest.approx(expected)
    assert w.grad.dtype == np.float16
    np.testing.assert_allclose(w.grad.numpy(), np.float16(0.5 / expected), rtol=1e-3)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_gradients_are_scaled_by_factors_that_their_type_does_not_hold(dtype):
    largest = float(np.finfo(dtype).max)
    w = Variable(np.zeros(4), dtype)
    w.grad = from_numpy(np.full(4, largest / 4, dtype))
    assert clip_grad_norm([w], 1e-3) == pytest.approx(largest / 2)
    np.testing.assert_allclose(w.grad.numpy(), 5e-4, rtol=1e-3)


@pytest.mark.parametrize("norm_type", [1, 2, 3])
@pytest.mark.parametrize("size", [1e-200, 1e-161, 1e100, 1e200])
def test_powers_beyond_the_range_of_the_type(norm_type, size):
    x, y = with_gradients([3 * size, 0.0], 4 * size)
    expected = (3**norm_type + 4**norm_type) ** (1 / norm_type) * size
    assert clip_grad_norm([x, y], math.inf, norm_type) == pytest.approx(expected, rel=1e-12, abs=0)


def test_gradients_of_several_types_have_one_norm():
    half, single, double = (Variable(np.zeros(1), f"float{n}") for n in (16, 32, 64))
    half.grad = from_numpy(np.full(1, 3e4, np.float16))
    single.grad = from_numpy(np.full(1, 4e4, np.float32))
    double.grad = from_numpy(np.full(1, 1.2e5))
    variables = [half, single, double]
    assert clip_grad_norm(variables, 13.0) == pytest.approx(1.3e5, rel=1e-3)
    assert [v.grad.item() for v in variables] == pytest.approx([3.0, 4.0, 12.0], rel=1e-3)
    assert [v.grad.dtype.itemsize for v in variables] == [2, 4, 8]


def test_a_norm_of_ten_million_values_keeps_six_digits():
    w = Variable(np.zeros(1), "float32")
    w.grad = from_numpy(np.full(10_000_000, 0.1, np.float32))
    assert clip_grad_norm([w], math.inf) == pytest.approx(float(np.float32(0.1)) * 1e7**0.5, 1e-6)


def test_an_infinite_bound_only_measures():
    (x,) = with_gradients([1.0, math.inf])
    assert clip_grad_norm([x], math.inf) == math.inf
    assert x.grad.tolist() == [1.0, math.inf]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_bound_beyond_the_range_of_the_type_changes_no_value(dtype):
    w = Variable(np.zeros(2), dtype)
    w.grad = from_numpy(np.array([3.0, np.finfo(dtype).max], dtype))
    clip_grad_value([w], 1e300)
    assert w.grad.tolist() == [3.0, float(np.finfo(dtype).max)]


def test_odd_layouts_have_the_same_norm():
    for array in (np.ones((4, 6))[:, ::2], np.asfortranarray(np.ones((3, 4))), np.ones((2, 6)).T):
        assert clip_grad_norm(with_gradients(array), 1.0) == pytest.approx(math.sqrt(12))


def test_gradients_that_are_not_finite():
    x, y = with_gradients([1.0, 2.0], [math.nan, 1.0])
    assert math.isnan(clip_grad_norm([x, y], 1.0))
    assert np.isnan(x.grad.numpy()).all()
    x, y = with_gradients([1.0, 2.0], [-math.inf, 1.0])
    assert clip_grad_norm([x, y], 1.0) == math.inf
    assert x.grad.tolist() == [0.0, 0.0]
    assert math.isnan(y.grad.tolist()[0])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_gradients_that_are_not_finite_are_named_when_asked(value):
    x, y = with_gradients([1.0, 2.0], [value, 1.0])
    with pytest.raises(NonFiniteError, match=r"clip_grad_norm(?s:.*)for y(?s:.*)norm") as caught:
        clip_grad_norm([("x", x), ("y", y)], 1.0, check_finite=True)
    assert caught.value.parameter == "y"
    assert x.grad.tolist() == [1.0, 2.0]
    assert clip_grad_norm([x], 9.0, check_finite=True) == pytest.approx(math.sqrt(5))


def test_values_are_moved_into_the_range():
    x, y = with_gradients([[-3.0, 0.5]], 2.0)
    clip_grad_value([x, y], 1.0)
    assert (x.grad.tolist(), y.grad.tolist()) == ([[-1.0, 0.5]], 1.0)
    clip_grad_value([x], 0.0)
    assert x.grad.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: clip_grad_norm([x], -1), "^clip_grad_norm:(?s:.*) max_norm=-1"),
        (lambda x: clip_grad_norm([x], math.nan), " max_norm=nan"),
        (lambda x: clip_grad_norm([x], 1, 0), "^clip_grad_norm:(?s:.*) norm_type=0"),
        (lambda x: clip_grad_norm([x], "1"), " max_norm='1'"),
        (lambda x: clip_grad_norm([x], 1, "inf"), " norm_type='inf'"),
        (lambda x: clip_grad_value([x], None), " clip_value=None"),
        (lambda x: clip_grad_value([x], -1), "^clip_grad_value:(?s:.*) clip_value=-1"),
        (lambda x: clip_grad_value([x], math.nan), " clip_value=nan"),
    ],
)
def test_bad_arguments_are_named(call, text):
    with pytest.raises(ArgumentError, match=text):
        call(Variable(1.0))


@pytest.mark.parametrize("clip", [clip_grad_norm, clip_grad_value])
def test_what_is_no_parameter(clip):
    with pytest.raises(ParameterError, match=f"^{clip.__name__}:(?s:.*)parameter 0"):
        clip([tensor(1.0)], 1.0)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=9), st.floats(1e-3, 1e3))
def test_the_norm_is_bounded_afterward(values, max_norm):
    (x,) = with_gradients(values)
    before = clip_grad_norm([x], max_norm)
    after = clip_grad_norm([x], math.inf)
    assert after <= max(max_norm, 0) * (1 + 1e-9)
    assert after == pytest.approx(min(before, max_norm), rel=1e-2, abs=1e-6)
