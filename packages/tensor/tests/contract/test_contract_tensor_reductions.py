"""Fewer elements: sums, choices and statistics along axes."""

import numpy as np
import pytest

pytestmark = pytest.mark.step(5)
ROW = "`ops`, reductions"
X = np.random.default_rng(0).normal(size=(2, 3, 4))
AXES = [None, 0, 1, -1, (0, 2), (-1, 0), [0, 1]]


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "var", "std"])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_along_axes(tensor, expect, name, axis, keepdims):
    got = getattr(tensor.tensor(X), name)(axis=axis, keepdims=keepdims)
    along = tuple(axis) if isinstance(axis, list) else axis
    expected = getattr(X, name)(axis=along, keepdims=keepdims)
    expect(got, expected, f"axis={axis}, keepdims={keepdims}, ddof=0", ROW, 1e-12)


@pytest.mark.parametrize("name", ["var", "std"])
def test_ddof_is_taken_from_the_divisor(tensor, expect, name):
    got = getattr(tensor.tensor(X), name)(axis=1, ddof=1)
    expect(got, getattr(X, name)(axis=1, ddof=1), "squares over n - ddof", ROW, 1e-12)


def test_the_functions_divide_by_n_by_default(ops, expect):
    for name in ("var", "std"):
        got = getattr(ops, name)(X)
        expect(got, getattr(X, name)(), "n - 1 in the divisor: ddof is 0", ROW, 1e-12)


def test_too_few_elements_for_ddof(tensor):
    with pytest.raises(tensor.ArgumentError):
        tensor.tensor([1.0]).var(ddof=1)


@pytest.mark.parametrize("axis", [None, 0, -1])
def test_places_of_the_extremes(tensor, expect, axis):
    x = tensor.tensor(X)
    expect(x.argmax(axis=axis), X.argmax(axis=axis), "the place, not the value", ROW)
    expect(x.argmin(axis=axis), X.argmin(axis=axis), "the place, not the value", ROW)


def test_the_first_of_equals(tensor):
    assert tensor.tensor([1.0, 3.0, 3.0]).argmax().item() == 1


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_running_sums(tensor, expect, axis):
    expect(tensor.tensor(X).cumsum(axis), X.cumsum(axis), "along one axis", ROW, 1e-12)


def test_methods_of_the_elements(tensor, expect):
    x = tensor.tensor([0.25, 4.0])
    for name in ("exp", "log", "sqrt", "tanh", "abs"):
        expect(getattr(x, name)(), getattr(np, name)(x.numpy()), name, "`Tensor`")
    expect(x.clip(1.0, 2.0), [1, 2], "low, then high", "`Tensor`")


def test_an_empty_sum_is_0_and_an_empty_choice_an_error(tensor):
    assert tensor.zeros(0).sum().item() == 0
    with pytest.raises(tensor.ShapeError):
        tensor.zeros(0).max()


def test_an_axis_that_is_not_there(tensor):
    for name in ("sum", "mean", "max", "var", "argmax"):
        with pytest.raises(IndexError):
            getattr(tensor.tensor(X), name)(axis=3)


def test_the_mean_of_integers_is_no_integer(tensor):
    assert (tensor.tensor([1, 2]).mean().item(), tensor.tensor([1, 2]).mean().dtype) == (
        1.5,
        np.float32,
    )


def test_long_sums_keep_their_digits(tensor, expect):
    x = tensor.from_numpy(np.full((200_000, 2), 0.1, np.float32))
    expect(x.sum(axis=0), [20_000, 20_000], "one float32 for a running total", ROW, 1e-5)


def test_half_precision_adds_in_float32(tensor, expect):
    ones = tensor.from_numpy(np.ones((70_000, 1), np.float16))
    expect(ones.mean(axis=0), [1], "a total of float16 ends at 2048", ROW, 1e-3)
    few = tensor.from_numpy(np.ones((5000, 2), np.float16))
    expect(few.sum(axis=0), [5000, 5000], "a total of float16 ends at 2048", ROW, 1e-3)
