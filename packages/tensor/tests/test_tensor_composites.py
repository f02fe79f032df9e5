"""Composites that choose, cut and measure: parts, triangles, ranks, lengths, draws."""

import math

import numpy as np
import pytest

from tinytorch.tensor import (
    ArgumentError,
    ShapeError,
    concatenate,
    logsumexp,
    norm,
    ops,
    random,
    split,
    tensor,
    topk,
    tril,
    triu,
)
from tinytorch.tensor import functional as F
from tinytorch.tensor.testing import assert_close

X = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)
INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [(2, [2, 2, 1]), (5, [5]), (9, [5]), ([1, 4], [1, 4]), ([0, 5, 0], [0, 5, 0])],
)
@pytest.mark.parametrize("axis", [1, -2])
def test_parts_have_the_lengths_asked_for_and_join_again(lengths, sizes, axis):
    parts = split(tensor(X), lengths, axis)
    assert [part.shape[1] for part in parts] == sizes
    assert_close(concatenate(parts, axis), X)


def test_of_nothing_there_is_one_empty_part():
    assert [part.shape for part in split(tensor(X[:0]), 2)] == [(0, 5, 3)]


@pytest.mark.parametrize("lengths", [0, -1, 1.5, [2, 2], [6], [6, -1], []])
def test_lengths_that_do_not_add_up_are_refused(lengths):
    with pytest.raises((ShapeError, ArgumentError)):
        split(tensor(X), lengths, axis=1)


@pytest.mark.parametrize("k", [-4, -1, 0, 1, 2, 9])
def test_triangles_are_those_of_numpy(k):
    assert_close(tril(tensor(X), k), np.tril(X, k))
    assert_close(triu(tensor(X), k), np.triu(X, k))


@pytest.mark.parametrize("dtype", [np.bool_, np.int32, np.float16, np.float64])
def test_triangles_keep_the_data_type_and_what_is_not_finite(dtype):
    assert tril(tensor(np.ones((2, 2), dtype))).dtype == dtype
    assert triu(tensor([[INF, NAN], [INF, 1.0]])).tolist()[1] == [0.0, 1.0]


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), [1]])
@pytest.mark.parametrize("keepdims", [False, True])
def test_the_logarithm_of_a_sum_of_exponentials(axis, keepdims):
    along = tuple(axis) if isinstance(axis, list) else axis
    expected = np.log(np.exp(X).sum(along, keepdims=keepdims))
    assert_close(logsumexp(tensor(X), axis, keepdims), expected, rtol=1e-5)


def test_the_logarithm_of_a_sum_neither_overflows_nor_fails_at_infinity():
    far = tensor([[1e4, 1e4], [-1e4, -1e4], [-INF, -INF], [-INF, 2.0], [INF, 0.0]])
    expected = [1e4 + math.log(2), -1e4 + math.log(2), -INF, 2.0, INF]
    assert_close(logsumexp(far, axis=1), np.float32(expected), rtol=1e-6)
    assert math.isnan(logsumexp(tensor([NAN, 0.0])).item())


@pytest.mark.parametrize("order", [0, 1, 2, 2.5, 3, -1, INF, -INF])
@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_lengths_of_every_order(order, axis):
    moved = X.reshape(-1) if axis is None else X
    if isinstance(axis, tuple):
        moved, axis_of_numpy = np.moveaxis(X, 1, 0).reshape(5, -1), 1
    else:
        axis_of_numpy = axis
    expected = np.linalg.norm(moved, order, axis_of_numpy)
    assert_close(norm(tensor(X), order, axis), expected, rtol=1e-5)


def test_the_length_of_zeros_is_zero():
    for order in (0.5, 1, 2, 3, INF):
        assert norm(tensor([0.0, 0.0]), order).item() == 0
    assert norm(tensor(X), axis=1, keepdims=True).shape == (2, 1, 3)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_first_k_come_in_order_with_their_places(axis, largest):
    values, indices = topk(tensor(X), 2, axis, largest)
    ordered = np.sort(X, axis)
    if largest:
        ordered = np.flip(ordered, axis)
    assert_close(values, np.take(ordered, [0, 1], axis))
    assert_close(np.take_along_axis(X, indices.numpy(), axis), values)
    assert indices.dtype == np.int64


def test_equal_elements_keep_their_order_and_nan_is_largest():
    x = tensor([1.0, 2.0, NAN, 2.0])
    assert topk(x, 3).indices.tolist() == [2, 1, 3]
    assert topk(x, 4, largest=False).indices.tolist() == [0, 1, 3, 2]
    assert topk(x, 0).values.shape == (0,)
    assert x.argsort(descending=True).tolist() == [2, 1, 3, 0]


def test_positions_may_keep_their_axis():
    assert tensor(X).argmax(1, keepdims=True).shape == (2, 1, 3)
    assert ops.argmin(tensor(X), keepdims=True).shape == (1, 1, 1)


def test_draws_have_the_frequencies_of_their_weights():
    drawn = random.categorical([[1, 3, 0], [0, 0, 5]], 20_000, rng=0)
    assert drawn.shape == (20_000, 2)
    assert drawn.dtype == np.int64
    first, second = drawn.numpy().T
    assert_close(np.bincount(first, minlength=3) / 20_000, [0.25, 0.75, 0.0], atol=0.01)
    assert set(second) == {2}
    assert random.categorical(F.softmax(tensor([0.0, 9.0, 0.0])), rng=0).shape == ()


@pytest.mark.parametrize("weights", [[], 1.0, [0.0, 0.0], [-1.0, 2.0], [NAN, 1.0], [INF, 1.0]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises((ShapeError, ArgumentError)):
        random.categorical(weights)


def test_divergence_by_hand():
    halves, target = np.log(np.float32([[0.5, 0.5]])), np.float32([[0.25, 0.75]])
    each = 0.25 * math.log(0.5), 0.75 * math.log(1.5)
    assert_close(F.kl_div(halves, target, "none"), [each], rtol=1e-5)
    assert_close(F.kl_div(halves, target), sum(each) / 2, rtol=1e-5)
    assert_close(F.kl_div(halves, target, "batchmean"), sum(each), rtol=1e-5)
    assert_close(F.kl_div(halves, np.log(target), "sum", True), sum(each), rtol=1e-5)
    assert F.kl_div([[-INF, 0.0]], [[0, 1]], "sum").item() == 0
