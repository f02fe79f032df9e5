"""Activations, layers and losses against their formulas, with every option."""

import math

import numpy as np
import pytest

from tinytorch.tensor import functional as F
from tinytorch.tensor import ops, tensor
from tinytorch.tensor.testing import assert_close

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 5)).astype(np.float32)
CLASSES = np.array([0, 4, 2, 2])
WEIGHT = np.array([0.5, 1.0, 2.0, 1.5, 0.25], np.float32)


def log_softmax(x, axis=1):
    x = np.asarray(x, np.float64)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


def test_activations():
    wide = X.astype(np.float64)
    normal = np.vectorize(lambda v: 0.5 * (1 + math.erf(v / math.sqrt(2))))(wide)
    cubic = np.tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3))
    x = tensor(X)
    assert_close(F.relu(x), wide * (wide > 0))
    assert_close(F.leaky_relu(x), np.where(wide > 0, wide, 0.01 * wide))
    assert_close(F.leaky_relu(x, 0.2), np.where(wide > 0, wide, 0.2 * wide))
    assert_close(F.gelu(x), wide * normal)
    assert_close(F.gelu(x, approximate="tanh"), wide * 0.5 * (1 + cubic))
    assert_close(F.silu(x), wide / (1 + np.exp(-wide)))
    assert_close(F.sigmoid(x), 1 / (1 + np.exp(-wide)))
    assert_close(F.tanh(x), np.tanh(wide))
    assert_close(F.softmax(x, axis=0), np.exp(log_softmax(X, 0)))
    assert_close(F.softmax(x), np.exp(log_softmax(X, 1)))
    assert_close(F.log_softmax(x), log_softmax(X, 1))


@pytest.mark.parametrize(
    "function",
    [F.relu, F.leaky_relu, F.gelu, F.silu, F.sigmoid, F.tanh, F.softmax, F.log_softmax],
)
def test_activations_keep_float32_and_take_lists(function):
    assert function(tensor(X)).dtype == np.float32
    assert function(tensor(X.astype(np.float64))).dtype == np.float64
    assert_close(function([[0.5, -1.0]]), function(tensor([[0.5, -1.0]])))


def test_activations_do_not_overflow():
    x = tensor([[-1e4, 0.0, 1e4]])
    for function in (F.softmax, F.log_softmax, F.sigmoid, F.tanh, F.silu, F.relu, F.gelu):
        assert np.isfinite(function(x).data).all()
    assert F.softmax(x).tolist() == [[0.0, 0.0, 1.0]]
    assert F.sigmoid(x).tolist() == [[0.0, 0.5, 1.0]]


def test_leaky_relu_at_zero_and_relu_of_nan():
    assert F.leaky_relu(tensor([0.0]), 5.0).item() == 0.0
    assert math.isnan(F.relu(tensor([math.nan])).item())


def test_linear():
    weight, bias = np.ones((2, 5), np.float32), np.array([1.0, 2.0], np.float32)
    assert_close(F.linear(tensor(X), weight), X.sum(axis=1, keepdims=True) * [[1, 1]])
    assert_close(F.linear(tensor(X), weight, bias), X.sum(axis=1, keepdims=True) + bias)
    assert F.linear(X[0], weight).shape == (2,)
    assert F.linear(np.zeros((3, 4, 5), np.float32), weight).shape == (3, 4, 2)
    assert F.linear(X, weight, np.ones(2)).dtype == np.float64


def test_dropout_keeps_the_mean_and_needs_training():
    x = tensor(np.ones((100, 100), np.float32))
    dropped = F.dropout(x, 0.25, rng=0)
    assert set(np.unique(dropped.data)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((dropped.data == 0).mean() - 0.25) < 0.02
    assert F.dropout(x, 0.25, training=False) is x
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, 1.0).sum().item() == 0.0
    assert F.dropout(x, rng=1).mean().item() == pytest.approx(1, abs=0.05)
    assert F.dropout(tensor(np.ones(3)), 0.5, rng=0).dtype == np.float64
    assert F.dropout([1.0, 1.0], 0.5, rng=0).shape == (2,)


def test_layer_norm():
    wide = X.astype(np.float64)
    mean, var = wide.mean(axis=1, keepdims=True), wide.var(axis=1, keepdims=True)
    normal = (wide - mean) / np.sqrt(var + 1e-5)
    assert_close(F.layer_norm(tensor(X), 5), normal, rtol=1e-4, atol=1e-5)
    bias = np.arange(5, dtype=np.float32)
    got = F.layer_norm(tensor(X), (5,), WEIGHT, bias)
    assert_close(got, normal * WEIGHT + bias, rtol=1e-4, atol=1e-5)
    whole = (wide - wide.mean()) / np.sqrt(wide.var() + 0.1)
    assert_close(F.layer_norm(X, (4, 5), eps=0.1), whole, rtol=1e-4, atol=1e-5)
    assert F.layer_norm(tensor(X), 5).dtype == np.float32


@pytest.mark.parametrize(
    ("loss", "each"),
    [
        (F.mse_loss, lambda d: d * d),
        (F.l1_loss, abs),
        (F.huber_loss, lambda d: np.where(abs(d) <= 1, d * d / 2, abs(d) - 0.5)),
        (
            lambda *x, **k: F.huber_loss(*x, delta=0.3, **k),
            lambda d: np.where(abs(d) <= 0.3, d * d / 2, 0.3 * (abs(d) - 0.15)),
        ),
    ],
)
def test_losses_of_numbers(loss, each):
    y = RNG.standard_normal(X.shape).astype(np.float32)
    expected = each(X.astype(np.float64) - y)
    assert_close(loss(tensor(X), y, reduction="none"), expected)
    assert_close(loss(tensor(X), y, reduction="sum"), expected.sum(), rtol=1e-5)
    assert_close(loss(tensor(X), y), expected.mean(), rtol=1e-5)
    assert_close(loss(X.tolist(), y.tolist()), expected.mean(), rtol=1e-5)


def expected_cross_entropy(x, classes, weight=None, ignore=-100, smoothing=0.0):
    log_p = log_softmax(x)
    count = x.shape[1]
    weight = np.ones(count) if weight is None else weight
    losses, weights = [], []
    for row, c in zip(log_p, classes, strict=True):
        if c == ignore:
            losses.append(0.0)
            weights.append(0.0)
            continue
        smooth = -(weight * row).sum() * smoothing / count
        losses.append(-(1 - smoothing) * weight[c] * row[c] + smooth)
        weights.append(weight[c])
    return np.array(losses), sum(weights)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("ignore", [-100, 2])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_cross_entropy(weight, ignore, smoothing):
    each, total = expected_cross_entropy(X, CLASSES, weight, ignore, smoothing)
    options = {"weight": weight, "ignore_index": ignore, "label_smoothing": smoothing}
    x = tensor(X)
    assert_close(F.cross_entropy(x, CLASSES, reduction="none", **options), each, rtol=1e-5)
    assert_close(F.cross_entropy(x, CLASSES, reduction="sum", **options), each.sum(), rtol=1e-5)
    assert_close(F.cross_entropy(x, CLASSES, **options), each.sum() / total, rtol=1e-5)
    if not smoothing:
        options.pop("label_smoothing")
        log_p = F.log_softmax(x)
        assert_close(F.nll_loss(log_p, CLASSES, **options), each.sum() / total, rtol=1e-5)
        assert_close(F.nll_loss(log_p, CLASSES, reduction="none", **options), each, rtol=1e-5)


def test_cross_entropy_of_images():
    x = RNG.standard_normal((2, 3, 4, 5)).astype(np.float32)
    classes = RNG.integers(0, 3, (2, 4, 5))
    flat = np.moveaxis(x, 1, -1).reshape(-1, 3)
    for options in ({}, {"label_smoothing": 0.2}, {"weight": [1.0, 2.0, 0.5]}):
        got = F.cross_entropy(tensor(x), classes, **options)
        assert_close(got, F.cross_entropy(tensor(flat), classes.reshape(-1), **options))
    assert F.cross_entropy(tensor(x), classes, reduction="none").shape == (2, 4, 5)


def test_the_dtype_of_a_class_loss_is_that_of_the_logits():
    assert F.cross_entropy(tensor(X), CLASSES, weight=WEIGHT.astype(np.float64)).dtype == np.float32
    assert F.cross_entropy(X.astype(np.float64), CLASSES).dtype == np.float64
    for kind in (np.int8, np.uint8, np.int32):
        assert F.cross_entropy(tensor(X), CLASSES.astype(kind)).dtype == np.float32


def test_a_batch_that_is_ignored_altogether_has_no_mean():
    got = F.cross_entropy(tensor(X), np.full(4, -100))
    assert math.isnan(got.item())
    assert F.cross_entropy(tensor(X), np.full(4, -100), reduction="sum").item() == 0.0


def test_a_certain_mistake_is_costly_and_finite():
    assert F.cross_entropy(tensor([[1e4, 0.0]]), tensor([1])).item() == 1e4


P = RNG.uniform(0.05, 0.95, (4, 5)).astype(np.float32)
T = RNG.uniform(0, 1, (4, 5)).astype(np.float32)


@pytest.mark.parametrize("weight", [None, WEIGHT, np.abs(X)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_binary_cross_entropy(weight, reduction):
    wide = P.astype(np.float64)
    each = -(T * np.log(wide) + (1 - T) * np.log(1 - wide)) * (1 if weight is None else weight)
    expected = {"mean": each.mean(), "sum": each.sum(), "none": each}[reduction]
    got = F.binary_cross_entropy(tensor(P), tensor(T), weight, reduction)
    assert_close(got, expected, rtol=1e-5)


@pytest.mark.parametrize("positive", [None, 2.0, WEIGHT])
@pytest.mark.parametrize("weight", [None, np.abs(X)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_binary_cross_entropy_with_logits(positive, weight, reduction):
    p = 1 / (1 + np.exp(-X.astype(np.float64)))
    factor = 1 if positive is None else positive
    each = -(factor * T * np.log(p) + (1 - T) * np.log(1 - p)) * (1 if weight is None else weight)
    expected = {"mean": each.mean(), "sum": each.sum(), "none": each}[reduction]
    got = F.binary_cross_entropy_with_logits(X, T, weight, reduction, positive)
    assert_close(got, expected, rtol=1e-5)


def test_extreme_probabilities_and_logits_stay_finite():
    assert F.binary_cross_entropy(tensor([0.0, 1.0]), tensor([1.0, 0.0])).item() == 100.0
    assert F.binary_cross_entropy(tensor([0.0, 1.0]), tensor([0.0, 1.0])).item() == 0.0
    got = F.binary_cross_entropy_with_logits(tensor([-1e4, 1e4]), tensor([1.0, 0.0]))
    assert got.item() == 1e4
    assert F.binary_cross_entropy(tensor([]), tensor([]), reduction="sum").item() == 0.0


def test_binary_cross_entropy_of_other_data_types():
    assert F.binary_cross_entropy([1, 0], [1, 1]).item() == 50.0
    half = F.binary_cross_entropy(np.zeros(1, np.float16), np.ones(1, np.float16))
    assert (half.dtype, half.item()) == (np.float16, 100.0)
    wide = F.binary_cross_entropy(np.array([1e-60]), np.array([1.0]))
    assert wide.item() == 100.0
    assert F.binary_cross_entropy(np.array([1e-40]), np.ones(1)).item() == pytest.approx(92.1, 1e-3)


def test_statistics():
    wide = X.astype(np.float64)
    for axis in (None, 0, 1, -1, (0, 1)):
        for keepdims in (False, True):
            options = {"axis": axis, "keepdims": keepdims}
            assert_close(ops.mean(X, **options), wide.mean(**options), rtol=1e-4)
            for ddof in (0, 1):
                variance = wide.var(**options, ddof=ddof)
                assert_close(ops.var(X, **options, ddof=ddof), variance, rtol=1e-4)
                assert_close(ops.std(X, **options, ddof=ddof), np.sqrt(variance), rtol=1e-4)
    assert ops.mean(X, axis=np.int64(0)).shape == (5,)
    assert ops.mean(3.0).item() == 3.0


def test_the_functions_have_the_methods_defaults():
    x = tensor(X)
    for name in ("mean", "var", "std"):
        assert_close(getattr(ops, name)(x), getattr(x, name)())
        assert_close(getattr(ops, name)(x, 0), getattr(x, name)(axis=0))
        assert getattr(ops, name)(x, 0, True).shape == (1, 5)
    for name in ("argmax", "argmin", "max", "min", "sum"):
        assert_close(getattr(ops, name)(x), getattr(x, name)())
    assert_close(ops.flatten(x), x.flatten())
    assert ops.squeeze(tensor([[1.0]])).shape == ()
    assert ops.concatenate([x, x]).shape == ops.join(x, x).shape == (8, 5)
    assert ops.stack([x, x]).shape == (2, 4, 5)
    assert_close(ops.transpose(x), X.T)
    assert ops.pad(x, widths=((1, 0), (0, 0)))[0].tolist() == [0.0] * 5


def test_edges_of_elementwise_functions():
    assert_close(ops.erf(tensor([0, 1])), [0.0, math.erf(1)])
    assert ops.erf(tensor(np.ones(1, np.float16))).dtype == np.float16
    assert tensor([1.0, 3.0]).clip(2.0, 2.0).tolist() == [2.0, 2.0]
    assert tensor([1.0, 3.0]).var(ddof=1).item() == 2.0


def test_astype():
    x = tensor([1.7, -1.7, 0.0])
    assert x.astype(np.int64).tolist() == [1, -1, 0]
    assert x.astype(bool).tolist() == [True, True, False]
    assert x.astype("float64").dtype == np.float64
    assert x.astype(np.float16).dtype == np.float16
    assert tensor([1, 0]).astype(np.float32).tolist() == [1.0, 0.0]
    assert tensor([300]).astype(np.uint8).dtype == np.uint8
