"""Pooling, resizing and channel dropout against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.autograd import Variable, gradcheck
from tinytorch.spatial import (
    Dropout2d,
    adaptive_avg_pool2d,
    avg_pool2d,
    dropout2d,
    max_pool2d,
    upsample,
)
from tinytorch.tensor import tensor


def random(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def by_definition(x, kernel, stride, padding, fill, reduce):
    """Reduce each window, one at a time."""
    x = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)), constant_values=fill)
    rows, columns = ((x.shape[2 + a] - kernel[a]) // stride[a] + 1 for a in (0, 1))
    out = np.zeros((*x.shape[:2], rows, columns))
    for n, c, i, j in np.ndindex(*out.shape):
        top, left = i * stride[0], j * stride[1]
        out[n, c, i, j] = reduce(x[n, c, top : top + kernel[0], left : left + kernel[1]])
    return out


SHAPES = {
    "halves": ((2, 2), None, (0, 0)),
    "leftover": ((3, 2), None, (0, 0)),
    "overlapping": ((3, 3), (2, 2), (1, 1)),
    "sparse": ((1, 2), (3, 3), (0, 1)),
    "dense": ((2, 3), (1, 1), (1, 0)),
}


@pytest.mark.parametrize(("kernel", "stride", "padding"), SHAPES.values(), ids=SHAPES)
def test_value_is_the_definition(kernel, stride, padding):
    x = random(2, 3, 8, 7)
    for pool, fill, reduce in ((max_pool2d, -np.inf, np.max), (avg_pool2d, 0, np.mean)):
        expected = by_definition(x, kernel, stride or kernel, padding, fill, reduce)
        np.testing.assert_allclose(pool(x, kernel, stride, padding).data, expected, atol=1e-12)


@pytest.mark.parametrize(("kernel", "stride", "padding"), SHAPES.values(), ids=SHAPES)
def test_derivatives_to_second_order(kernel, stride, padding):
    x = random(2, 2, 6, 7)
    gradcheck(lambda x: max_pool2d(x, kernel, stride, padding) ** 3, x, order=2)
    gradcheck(lambda x: avg_pool2d(x, kernel, stride, padding) ** 3, x, order=2)


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    half=st.booleans(),
    batch=st.integers(0, 2),
)
def test_any_shape(size, kernel, stride, half, batch):
    padding = tuple(k // 2 * half for k in kernel)
    if any(s + 2 * p < k for s, p, k in zip(size, padding, kernel, strict=True)):
        return
    x = random(batch, 2, *size)
    images = Variable(x)
    y = max_pool2d(images, kernel, stride, padding)
    np.testing.assert_array_equal(
        y.data, by_definition(x, kernel, stride, padding, -np.inf, np.max)
    )
    y.backward(tensor(np.ones(y.shape)))
    assert images.grad.shape == x.shape
    assert images.grad.data.sum() == y.size


def test_first_of_equal_elements_gets_the_gradient():
    x = Variable(np.zeros((1, 1, 2, 2)))
    max_pool2d(x, 2).backward(tensor(np.full((1, 1, 1, 1), 3.0)))
    assert x.grad.tolist() == [[[[3.0, 0.0], [0.0, 0.0]]]]


def test_padding_is_never_the_largest():
    assert (max_pool2d(np.full((1, 1, 4, 4), -5.0), 3, 2, 1).data == -5).all()


def test_padding_gets_no_gradient_even_where_all_is_minus_infinity():
    x = Variable(np.full((1, 1, 4, 4), -np.inf))
    max_pool2d(x, 3, 2, 1).backward(tensor(np.ones((1, 1, 2, 2))))
    assert x.grad.data[0, 0].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


NAN = np.nan


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_last_nan_of_a_window_is_its_largest(dtype, padding):
    x = np.array([[NAN, 1, NAN, 2], [3, NAN, 1, 5], [1, 2, 3, NAN], [4, 2, 3, 3]], dtype)
    images = Variable(x[None, None])
    y = max_pool2d(images, 2 + padding, 2 + padding, padding)
    g = np.arange(1.0, 1 + y.size).reshape(y.shape).astype(dtype)
    y.backward(tensor(g))
    assert np.isnan(y.data).tolist() == [[[[True, True], [False, True]]]]
    expected = np.zeros((4, 4))
    expected[1, 1], expected[0, 2], expected[3, 0], expected[2, 3] = 1, 2, 3, 4
    np.testing.assert_array_equal(images.grad.data[0, 0], expected)


def test_an_infinite_gradient_reaches_the_largest_alone():
    x = Variable(np.array([[[[1.0, 2.0], [4.0, 3.0]]]]))
    max_pool2d(x, 2).backward(tensor(np.full((1, 1, 1, 1), np.inf)))
    assert x.grad.tolist() == [[[[0, 0], [np.inf, 0]]]]


def test_average_without_padding_counts_pixels_alone():
    y = avg_pool2d(np.ones((1, 1, 4, 4)), 3, 2, 1, count_include_pad=False)
    assert (y.data == 1).all()
    gradcheck(lambda x: avg_pool2d(x, 3, 2, 1, count_include_pad=False), random(1, 2, 4, 5))


@pytest.mark.parametrize("size", [1, (2, 3), (5, 1), (7, 6), (9, 8)], ids=str)
def test_adaptive_average(size):
    x = random(2, 3, 7, 6)
    rows, columns = (size, size) if isinstance(size, int) else size
    expected = np.zeros((2, 3, rows, columns))
    for i, j in np.ndindex(rows, columns):
        top, bottom = 7 * i // rows, -(-7 * (i + 1) // rows)
        left, right = 6 * j // columns, -(-6 * (j + 1) // columns)
        expected[:, :, i, j] = x[:, :, top:bottom, left:right].mean((2, 3))
    np.testing.assert_allclose(adaptive_avg_pool2d(x, size).data, expected, atol=1e-12)
    gradcheck(lambda x: adaptive_avg_pool2d(x, size), x)


def test_upsample_nearest_repeats_pixels():
    x = random(2, 3, 2, 4)
    y = upsample(x, (2, 3)).data
    np.testing.assert_array_equal(y, x.repeat(2, axis=2).repeat(3, axis=3))
    assert upsample(x, size=(3, 5)).shape == (2, 3, 3, 5)
    gradcheck(lambda x: upsample(x, 2), x, order=2)
    gradcheck(lambda x: upsample(x, size=(3, 5)), x, order=2)


def test_upsample_bilinear_draws_lines():
    y = upsample(np.array([[[[0.0, 4.0]]]]), size=(1, 4), mode="bilinear")
    assert y.tolist() == [[[[0.0, 1.0, 3.0, 4.0]]]]
    gradcheck(lambda x: upsample(x, 3, mode="bilinear"), random(1, 2, 3, 2), order=2)


def test_dropout_drops_whole_channels_and_keeps_the_mean():
    x = np.ones((64, 32, 2, 2), np.float32)
    y = dropout2d(x, 0.25, rng=0)
    assert y.dtype == np.float32
    per_channel = y.data.reshape(64, 32, 4)
    assert (per_channel == per_channel[:, :, :1]).all()
    assert abs(y.data.mean() - 1) < 0.05
    np.testing.assert_array_equal(y.data, dropout2d(x, 0.25, rng=0).data)


@pytest.mark.parametrize("p", [0, 1])
def test_dropout_of_none_and_of_all(p):
    x = np.ones((2, 3, 2, 2), np.float32)
    assert (dropout2d(x, p, rng=0) if p else dropout2d(tensor(x), p)).data.sum() == (1 - p) * x.size
    assert Dropout2d(p)(tensor(x)).data.sum() == (1 - p) * x.size


def test_dropout_module_rests_in_eval():
    layer = Dropout2d(0.5, rng=0)
    x = tensor(np.ones((4, 8, 2, 2), np.float32))
    assert (layer(x).data == 0).any()
    assert layer.eval()(x) is x
    assert [name for name, _ in layer.named_generators()] == ["rng"]
