"""Activations, softmax, dropout and layer norm, by their formulas."""

import math

import numpy as np
import pytest

pytestmark = pytest.mark.step(7)
X = np.array([[-2.0, 0.5, 1.0], [3.0, -0.5, 0.0]])


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("relu", lambda x: max(x, 0)),
        ("leaky_relu", lambda x: x if x > 0 else 0.01 * x),
        ("gelu", lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2),
        ("silu", lambda x: x / (1 + math.exp(-x))),
        ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
        ("tanh", math.tanh),
    ],
)
def test_formulas(functional, expect, name, formula):
    got = getattr(functional, name)(X)
    expect(
        got, np.vectorize(formula, otypes=[float])(X), f"the formula of {name}", f"`{name}`", 1e-9
    )


def test_the_slope_of_leaky_relu_is_on_the_left(functional, expect):
    got = functional.leaky_relu(np.array([-2.0, 2.0]), 0.5)
    expect(got, [-1, 2], "the slope is for negative x", "`leaky_relu`")


def test_the_other_gelu(functional, expect):
    got = functional.gelu(X, "tanh")
    inner = math.sqrt(2 / math.pi) * (X + 0.044715 * X**3)
    expect(got, X / 2 * (1 + np.tanh(inner)), "sqrt(2 / pi), 0.044715 x^3", "`gelu`", 1e-9)


def test_gelu_keeps_its_digits_far_out(functional, expect):
    x = np.array([-6.0], np.float32)
    wanted = [-3.0 * math.erfc(6 / math.sqrt(2))]
    expect(functional.gelu(x), wanted, "1 + erf(x) is 0 there: use erfc", "`gelu`", 1e-4, 0)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("leaky_relu", {"negative_slope": 0.25}),
        ("gelu", {}),
        ("gelu", {"approximate": "tanh"}),
        ("silu", {}),
    ],
)
def test_what_activations_send_back(ops, functional, expect, name, settings):
    x, small = X + 0.1, 1e-6
    change = [getattr(functional, name)(x + d, **settings).numpy() for d in (small, -small)]
    wanted = 3 * (change[0] - change[1]) / (2 * small)
    got = getattr(ops, f"{name}_gradient")(np.full(x.shape, 3.0), x, **settings)
    expect(got, wanted, "g times the slope at x", f"`ops.{name}_gradient`", 1e-7)


@pytest.mark.parametrize("axis", [0, 1])
def test_what_softmax_and_its_logarithm_send_back(ops, expect, axis):
    g, small = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]]), 1e-6
    for name in ("softmax", "log_softmax"):
        z, wanted = getattr(ops, name)(X, axis=axis).numpy(), np.empty(X.shape)
        for place in np.ndindex(X.shape):
            moved = X.copy()
            moved[place] += small
            wanted[place] = ((getattr(ops, name)(moved, axis=axis).numpy() - z) * g).sum() / small
        got = getattr(ops, f"{name}_gradient")(g, z, axis=axis)
        expect(got, wanted, "its slopes along axis", f"`ops.{name}_gradient`", 1e-4)


def test_what_layer_norm_sends_back(ops, expect):
    g, small, wanted = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]]), 1e-6, np.empty(X.shape)
    z = ops.normalize(X, last=1, eps=0.1).numpy()
    for place in np.ndindex(X.shape):
        moved = X.copy()
        moved[place] += small
        wanted[place] = ((ops.normalize(moved, last=1, eps=0.1).numpy() - z) * g).sum() / small
    got = ops.normalize_gradient(g, X, last=1, eps=0.1)
    expect(got, wanted, "mean and variance move with x", "`ops.normalize_gradient`", 1e-4)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_softmax(functional, expect, axis):
    wanted = np.exp(X) / np.exp(X).sum(axis, keepdims=True)
    expect(functional.softmax(X, axis), wanted, f"sums to 1 along axis {axis}", "`softmax`")
    expect(functional.log_softmax(X, axis), np.log(wanted), "its logarithm", "`log_softmax`")


def test_softmax_runs_along_the_last_axis(functional, expect):
    wanted = np.exp(X) / np.exp(X).sum(-1, keepdims=True)
    expect(functional.softmax(X), wanted, "another axis by default", "`softmax`")
    expect(functional.log_softmax(X), np.log(wanted), "another axis by default", "`log_softmax`")


@pytest.mark.parametrize("x", [1000.0, -1000.0])
def test_softmax_never_overflows(functional, expect, x):
    both = np.array([x, x], np.float32)
    expect(functional.softmax(both), [0.5, 0.5], "subtract the maximum first", "`softmax`")
    expect(functional.log_softmax(both), [-math.log(2)] * 2, "likewise", "`log_softmax`")


def test_dropout_scales_what_it_keeps(tensor, functional):
    kept = functional.dropout(np.ones(20_000, np.float32), 0.25, rng=0).numpy()
    values = sorted(set(kept.tolist()))
    assert values == [0, float(np.float32(1 / 0.75))], "kept ones are x / (1 - p) [`dropout`]"
    share = float((kept == 0).mean())
    assert abs(share - 0.25) < 0.02, f"p is the share of zeros, not of kept ones: {share}"


def test_dropout_does_nothing_in_evaluation(functional, expect):
    expect(functional.dropout(X, 0.5, training=False), X, "evaluation keeps all", "`dropout`")
    expect(functional.dropout(X, 0.0), X, "p = 0 keeps all", "`dropout`")


def test_dropout_depends_on_rng_alone(functional):
    first, second = (functional.dropout(X, 0.5, rng=3).tolist() for _ in range(2))
    assert first == second


def test_layer_norm(functional, expect):
    mean, var = X.mean(1, keepdims=True), X.var(1, keepdims=True)
    wanted = (X - mean) / np.sqrt(var + 0.1)
    expect(
        functional.layer_norm(X, 3, eps=0.1), wanted, "last axes; eps in the root", "`layer_norm`"
    )
    weight, bias = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.0])
    got = functional.layer_norm(X, (3,), weight, bias, eps=0.1)
    expect(got, wanted * weight + bias, "times weight, plus bias", "`layer_norm`")


def test_layer_norm_over_two_axes(functional, expect):
    wanted = (X - X.mean()) / np.sqrt(X.var() + 1e-5)
    expect(functional.layer_norm(X, (2, 3)), wanted, "all named axes; eps is 1e-5", "`layer_norm`")


def test_composites_pass_through_the_seam(tensor, functional):
    class Noted(tensor.Tensor):
        @staticmethod
        def evaluate(op, operands, settings):
            return Noted(op.compute(operands, settings))

    for name in ("softmax", "gelu", "silu", "leaky_relu", "relu"):
        got = getattr(functional, name)(Noted([1.0, 2.0]))
        assert type(got) is Noted, f"{name} computes with arrays, not with ops [`functional`]"
