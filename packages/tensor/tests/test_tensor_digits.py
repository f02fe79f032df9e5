"""Digits: long sums and half precision keep what their data type can hold, and tails stay."""

import math

import numpy as np
import pytest

from tinytorch.tensor import einsum, from_numpy, kernels, ops, scatter_add, tensor
from tinytorch.tensor import functional as F
from tinytorch.tensor.testing import assert_close

RNG = np.random.default_rng(0)
TENTH = np.float32(0.1)

LONG = {
    "columns": ((2_000_000, 2), 0),
    "one column": ((300_000, 1), 0),
    "wide rows": ((3000, 700), 0),
    "channels last": ((8, 200, 300, 2), (0, 1, 2)),
    "short axes": ((100, 3, 100, 2, 100), (0, 2, 4)),
    "everything but a middle axis": ((5000, 3, 7), (0, 2)),
    "the axes of images": ((40, 3, 50, 60), (0, 2, 3)),
}


@pytest.mark.parametrize(("shape", "axis"), LONG.values(), ids=list(LONG))
@pytest.mark.parametrize("step", [1, -1])
def test_long_sums_keep_six_digits(shape, axis, step):
    x = from_numpy(np.full(shape, TENTH)[::step])
    terms = math.prod(shape[a] for a in np.atleast_1d(axis))
    total = np.full(x.sum(axis).shape, np.float64(TENTH) * terms)
    assert_close(x.sum(axis), total, rtol=5e-6)
    assert_close(x.mean(axis), total / terms, rtol=5e-6)
    kept = x.sum(axis, keepdims=True)
    assert kept.ndim == len(shape)
    assert_close(kept.reshape(total.shape), total, rtol=5e-6)


def test_a_sum_of_a_view_that_memory_does_not_run_along():
    x = np.full((200_000, 3), TENTH)[:, :2]
    assert_close(from_numpy(x).sum(), np.float64(TENTH) * x.size, rtol=5e-6)
    assert_close(from_numpy(x.T).sum(), np.float64(TENTH) * x.size, rtol=5e-6)


def test_long_sums_are_those_of_all_elements():
    for shape in ((9001, 2), (129, 3, 257), (1300, 600)):
        x = RNG.normal(size=shape).astype(np.float32)
        for axis in range(len(shape)):
            expected = x.astype(np.float64).sum(axis)
            assert_close(from_numpy(x).sum(axis), expected, rtol=1e-5, atol=1e-4)


def test_columns_that_are_constant_have_no_deviation():
    x = from_numpy(np.array([[100.0, -100.0]], np.float32).repeat(100_000, 0))
    assert x.std(axis=0).tolist() == [0.0, 0.0]


def test_long_products_keep_five_digits():
    x, y = np.full((500_000, 3), TENTH), np.full((500_000, 2), TENTH)
    expected = np.float64(TENTH) ** 2 * len(x)
    assert_close(from_numpy(x).T @ from_numpy(y), np.full((3, 2), expected), rtol=2e-5)
    assert_close(from_numpy(x[:, 0]) @ from_numpy(y), np.full(2, expected), rtol=2e-5)
    assert_close(from_numpy(x[:, 0]) @ from_numpy(y[:, 0]), expected, rtol=2e-5)
    odd = from_numpy(x[:20_001]).T @ from_numpy(y[:20_001, 0])
    assert_close(odd, np.full(3, np.float64(TENTH) ** 2 * 20_001), rtol=2e-5)


def test_long_thin_products_keep_five_digits_with_every_backend():
    x, y = np.full((10, 200_000), TENTH), np.full((200_000, 40), TENTH)
    expected = np.full((10, 40), np.float64(TENTH) ** 2 * 200_000)
    for backend in ("reference", *kernels.backends()):
        with kernels.using(backend):
            assert_close(from_numpy(x) @ from_numpy(y), expected, rtol=2e-5, message=backend)


@pytest.mark.parametrize("subscripts", ["ki->i", "ki,ki->i", "ki,kj->ij", "ki"])
def test_long_einsums_keep_five_digits(subscripts):
    x = np.full((300_000, 2), TENTH)
    count = subscripts.partition("->")[0].count(",") + 1
    operands = [from_numpy(x)] * count
    result = einsum(subscripts, *operands)
    terms = x.size // 2 if subscripts != "ki" else 1
    expected = np.full(result.shape, np.float64(TENTH) ** count * terms)
    assert_close(result, expected, rtol=2e-5)
    half = einsum("ki->i", from_numpy(np.ones((5000, 2), np.float16)))
    assert (half.dtype, half.tolist()) == (np.float16, [5000, 5000])


def test_a_long_running_sum_goes_on():
    ones = np.ones(100_000, np.float32)
    assert_close(from_numpy(ones * TENTH).cumsum(0)[-1], np.float64(TENTH) * 100_000, rtol=1e-6)


HALF = np.ones(70_000, np.float16)


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda x: x.mean(), 1.0),
        (lambda x: (x / 2).sum(), 35_000.0),
        (lambda x: x.reshape(-1, 1).mean(axis=0)[0], 1.0),
        (lambda x: x[:5000].cumsum(0)[-1], 5000.0),
        (lambda x: (x * 300).var(), 0.0),
        (lambda x: scatter_add(x[:1], np.zeros(5000, np.int64), x[:5000], axis=0)[0], 5001.0),
        (
            lambda x: ops.put_into_zeros(x[:5000], index=np.zeros(5000, np.int64), shape=(1,))[0],
            5000.0,
        ),
        (lambda x: F.log_softmax(x)[0], -math.log(70_000)),
        (lambda x: F.mse_loss(x * 300, x * 0 - 300, "none").mean(), math.inf),
        (lambda x: F.mse_loss(x * 300, x * 0), math.inf),
        (lambda x: F.mse_loss(x * 200, x * 0), 40_000.0),
        (lambda x: F.cross_entropy(x.reshape(-1, 2), np.zeros(35_000, np.int64)), math.log(2)),
        (lambda x: F.binary_cross_entropy(x / 2, x), math.log(2)),
        (lambda x: F.binary_cross_entropy_with_logits(x * 0, x), math.log(2)),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_half_precision_adds_in_float32(compute, expected):
    result = compute(from_numpy(HALF))
    assert result.dtype == np.float16
    assert result.item() == pytest.approx(expected, rel=2e-3)


def test_deviations_of_half_precision_may_have_squares_that_it_cannot_hold():
    x = RNG.normal(0, 300, (2, 1000)).astype(np.float16)
    wide = x.astype(np.float64)
    assert_close(tensor(x).std(axis=1), wide.std(axis=1))
    normal = (wide - wide.mean(1, keepdims=True)) / wide.std(1, keepdims=True)
    assert_close(F.layer_norm(tensor(x), 1000), normal, atol=2e-3)


@pytest.mark.parametrize(
    ("dtype", "points", "rtol"),
    [
        (np.float32, (-5, -17, -40, -80), 1e-6),
        (np.float64, (-10, -36, -300), 1e-14),
        (np.float16, (-2, -8), 2e-3),
    ],
)
def test_sigmoid_keeps_its_digits_far_out(dtype, points, rtol):
    for x in points:
        got = F.sigmoid(tensor(np.array([x], dtype))).item()
        assert got == pytest.approx(math.exp(x) / (1 + math.exp(x)), rel=rtol)


def test_gelu_keeps_its_digits_far_out():
    for x in (-3.0, -5.5, -8.0):
        assert F.gelu(tensor([x])).item() == pytest.approx(
            0.5 * x * math.erfc(-x / math.sqrt(2)), rel=1e-4
        )


SENT = {"minus infinity": [-np.inf, 0, 1], "NaN": [np.nan] * 3, "infinity": [np.inf, 0, 0]}


@pytest.mark.parametrize("row", SENT.values(), ids=list(SENT))
@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("options", [{}, {"weight": [1.0, 2.0, 3.0]}])
def test_ignored_rows_count_nothing_whatever_they_hold(loss, row, options):
    scores = np.array([[-1, -2, -3], row], np.float32)
    alone = loss(tensor(scores[:1]), [1], **options).item()
    assert loss(tensor(scores), [1, -100], **options).item() == pytest.approx(alone)
    assert loss(tensor(scores), [1, -100], reduction="none", **options).tolist()[1] == 0


def test_ignored_rows_are_not_smoothed_either():
    scores = np.array([[1, 2, 3], [np.nan] * 3], np.float32)
    alone = F.cross_entropy(tensor(scores[:1]), [1], label_smoothing=0.1)
    both = F.cross_entropy(tensor(scores), [1, -100], label_smoothing=0.1)
    assert both.item() == pytest.approx(alone.item())
