"""Digits are kept: half precision adds up in float32, and long float32 sums do not wear out."""

import numpy as np
import pytest

from tinytorch.autograd import Variable
from tinytorch.spatial import (
    BatchNorm2d,
    GroupNorm,
    adaptive_avg_pool2d,
    avg_pool2d,
    batch_norm2d,
    conv2d,
    conv_transpose2d,
    group_norm,
    max_pool2d,
    ops,
    upsample,
)
from tinytorch.tensor import from_numpy, kernels

BACKENDS = ("reference", *kernels.backends())


@pytest.fixture(params=BACKENDS)
def backend(request):
    with kernels.using(request.param):
        yield request.param


def images(*shape, mean=0.0, dtype=np.float16):
    return np.random.default_rng(0).normal(mean, 1, shape).astype(dtype)


def made(kind, *arguments):
    """A function that makes a module and calls it."""

    def call(x):
        return kind(*arguments)(x)

    return call


IN_HALF = {
    "conv": lambda x: conv2d(x, np.full((2, 4, 3, 3), 2.0, x.dtype), padding=1),
    "strided": lambda x: conv2d(x, np.full((2, 2, 3, 3), 2.0, x.dtype), stride=2, groups=2),
    "transposed": lambda x: conv_transpose2d(x, np.full((4, 2, 3, 3), 2.0, x.dtype), stride=2),
    "batch norm": lambda x: batch_norm2d(x, np.ones(4, x.dtype), np.ones(4, x.dtype)),
    "batch norm of float32 weights": made(BatchNorm2d, 4),
    "batch norm in use": lambda x: batch_norm2d(
        x, running_mean=np.zeros(4, np.float32), running_var=np.ones(4, np.float32)
    ),
    "group norm": lambda x: group_norm(x, 2),
    "group norm of float32 weights": made(GroupNorm, 2, 4),
    "max pool": lambda x: max_pool2d(x, 2),
    "avg pool": lambda x: avg_pool2d(x, 16),
    "avg pool without padding": lambda x: avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "adaptive": lambda x: adaptive_avg_pool2d(x, (3, 5)),
    "adaptive to one pixel": lambda x: adaptive_avg_pool2d(x, 1),
    "bilinear": lambda x: upsample(x, size=(40, 33), mode="bilinear"),
}


@pytest.mark.parametrize("function", IN_HALF.values(), ids=IN_HALF)
def test_half_precision_gives_float32_results_rounded_once(function, backend):
    half = images(4, 4, 32, 32, mean=30.0)
    x, wide = Variable(half), Variable(half.astype(np.float32))
    y, expected = function(x), function(wide)
    assert y.dtype == np.float16
    np.testing.assert_allclose(
        y.data.astype(np.float32), expected.data, atol=2e-3 * np.abs(expected.data).max()
    )
    g = images(*y.shape)
    y.backward(from_numpy(g))
    expected.backward(from_numpy(g.astype(np.float32)))
    assert x.grad.dtype == np.float16
    bound = 4e-3 * np.abs(wide.grad.data).max()
    np.testing.assert_allclose(x.grad.data.astype(np.float32), wide.grad.data, atol=bound)


def test_statistics_of_half_precision_images_do_not_overflow(backend):
    x = images(16, 3, 64, 64, mean=2.0)
    layer = BatchNorm2d(3, momentum=1.0)
    layer(from_numpy(x))
    np.testing.assert_allclose(layer.running_mean.data, x.mean((0, 2, 3), np.float64), rtol=1e-5)
    variance = x.var((0, 2, 3), np.float64, ddof=1)
    np.testing.assert_allclose(layer.running_var.data, variance, rtol=1e-5)


def test_weight_gradients_of_half_precision_images_do_not_overflow(backend):
    x, w = images(8, 2, 64, 64), Variable(np.ones((2, 2, 1, 1), np.float16))
    b = Variable(np.zeros(2, np.float16))
    conv2d(x, w, b).backward(from_numpy(np.full((8, 2, 64, 64), 0.5, np.float16)))
    np.testing.assert_allclose(b.grad.data, 0.5 * 8 * 64 * 64, rtol=1e-3)
    np.testing.assert_allclose(
        w.grad.data[0, :, 0, 0], 0.5 * x.sum((0, 2, 3), np.float64), rtol=2e-3
    )


TENTH = float(np.float32(0.1))


def constant(*shape):
    return np.broadcast_to(np.float32(0.1), shape)


@pytest.mark.parametrize(
    "shape",
    [(2, 2, 600, 900), (1, 1, 1, 1_000_003), (1, 3, 500_009, 1), (1, 16, 40, 3000)],
    ids=str,
)
class TestLongSums:
    """A million times 0.1 is 100,000 times 1 to five digits and more, for each kind of sum."""

    def test_of_a_channel(self, shape, backend):
        x, count = constant(*shape), np.prod(shape) / shape[1]
        np.testing.assert_allclose(ops.channel_sums(x).data, TENTH * count, rtol=2e-6)
        np.testing.assert_allclose(ops.channel_sums(x, x).data, TENTH**2 * count, rtol=2e-6)

    def test_of_statistics(self, shape, backend):
        x = constant(*shape).copy()
        x[..., :-1:2, :] += 1
        x[..., :, :-1:2] += 1
        mean, variance = ops.batch_moments(x).data
        np.testing.assert_allclose(mean, x.mean((0, 2, 3), np.float64), rtol=2e-6)
        np.testing.assert_allclose(variance, x.var((0, 2, 3), np.float64), rtol=5e-6)

    def test_of_the_gradients_of_normalization(self, shape, backend):
        x = constant(*shape).copy()
        x[..., :-1:2, :] += 1
        x[..., :, :-1:2] += 1
        g = constant(*shape)
        hat = x.astype(np.float64) - x.mean((0, 2, 3), np.float64, keepdims=True)
        hat /= np.sqrt(x.var((0, 2, 3), np.float64, keepdims=True) + 1e-5)
        got = ops.batch_norm2d_weight_gradient(x, x).data
        np.testing.assert_allclose(got, (x * hat).sum((0, 2, 3)), rtol=5e-6)
        w, b = np.ones(shape[1], np.float32), np.full(shape[1], 5, np.float32)
        of_b = ops.norm_relu_pool_sums(g, x, w, b, window=(1, 1)).data[1]
        np.testing.assert_allclose(of_b, TENTH * hat.size / shape[1], rtol=2e-6)

    @pytest.mark.parametrize("depthwise", [False, True])
    def test_of_a_weight_gradient(self, shape, backend, depthwise):
        x, groups = constant(*shape), shape[1] if depthwise else 1
        got = ops.conv2d_weight_gradient(x, x, size=(1, 1), groups=groups).data
        np.testing.assert_allclose(got, TENTH**2 * np.prod(shape) / shape[1], rtol=1e-5)


def test_sums_of_pooled_gradients_keep_their_digits(backend):
    x = np.random.default_rng(0).normal(size=(2, 2, 1000, 1000)).astype(np.float32)
    w, b = np.ones(2, np.float32), np.full(2, 9, np.float32)
    g = constant(2, 2, 500, 500)
    of_b = ops.norm_relu_pool_sums(g, x, w, b, window=(2, 2)).data[1]
    np.testing.assert_allclose(of_b, TENTH * 500_000, rtol=2e-6)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 7)], ids=str)
def test_averages_of_large_windows_keep_their_digits(size, backend):
    y = adaptive_avg_pool2d(from_numpy(constant(2, 2, 800, 900)), size)
    np.testing.assert_allclose(y.data, TENTH, rtol=5e-6)
