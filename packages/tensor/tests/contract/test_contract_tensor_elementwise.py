"""Elementwise ops, by what they compute."""

import math

import numpy as np
import pytest

pytestmark = pytest.mark.step(3)
ROW = "`ops`, elementwise"
X = np.array([-1.5, -0.5, 0.5, 2.0])
UNARY = {
    "abs": (abs, X),
    "ceil": (math.ceil, X),
    "cos": (math.cos, X),
    "erf": (math.erf, X),
    "erfc": (math.erfc, X),
    "exp": (math.exp, X),
    "expm1": (math.expm1, [*X, 1e-12]),
    "floor": (math.floor, X),
    "isfinite": (math.isfinite, [1.0, math.nan, math.inf]),
    "isnan": (math.isnan, [1.0, math.nan, math.inf]),
    "log": (math.log, abs(X)),
    "log1p": (math.log1p, [0.5, 2.0, 1e-12]),
    "logical_not": (lambda x: not x, [0.0, 2.0]),
    "neg": (lambda x: 0 - x, X),
    "relu": (lambda x: max(x, 0.0), [*X, 0.0]),
    "round": (round, [*X, 2.5]),
    "sigmoid": (lambda x: math.exp(x) / (1 + math.exp(x)), [*X, -40.0, 30.0]),
    "sign": (lambda x: int(x > 0) - int(x < 0), [*X, 0.0]),
    "sin": (math.sin, X),
    "softplus": (lambda x: math.log1p(math.exp(x)), [*X, -40.0, 30.0]),
    "sqrt": (math.sqrt, abs(X)),
    "tanh": (math.tanh, X),
}
BINARY = {
    "add": lambda x, y: x + y,
    "div": lambda x, y: x / y,
    "equal": lambda x, y: x == y,
    "floor_div": lambda x, y: math.floor(x / y),
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "logical_and": lambda x, y: bool(x and y),
    "logical_or": lambda x, y: bool(x or y),
    "maximum": max,
    "minimum": min,
    "mod": lambda x, y: x - y * math.floor(x / y),
    "mul": lambda x, y: x * y,
    "not_equal": lambda x, y: x != y,
    "pow": lambda x, y: x**y,
    "sub": lambda x, y: x - y,
}


@pytest.mark.parametrize("name", UNARY)
def test_one_operand(ops, expect, name):
    function, values = UNARY[name]
    got = getattr(ops, name)(np.array(values, np.float64))
    expect(got, [function(x) for x in values], f"the meaning of {name}", ROW, 1e-12, 0)


@pytest.mark.parametrize("name", BINARY)
def test_two_operands(ops, expect, name):
    x, y = np.array([[3.0], [0.75]]), np.array([0.75, 2.0, 4.0])
    expected = [[BINARY[name](a, b) for b in y] for a in x[:, 0]]
    got = getattr(ops, name)(x, y)
    expect(got, expected, f"the order of the operands, the meaning of {name}", ROW, 1e-12, 0)


def test_what_relu_sends_back(ops, expect):
    g, z = np.array([2.0, -3.0, math.inf, 5.0]), np.array([1.0, 0.5, 0.0, math.nan])
    expect(ops.relu_gradient(g, z), [2, -3, 0, 5], "g where z is not 0, else 0", ROW)


def test_remainders_have_the_sign_of_the_divisor(ops, expect):
    expect(ops.mod(np.array([-7.0, 7.0]), np.array([4.0, -4.0])), [1, -1], "Python's %", ROW)
    expect(ops.floor_div(np.array([-7.0]), 4), [-2], "rounded down, not to 0", ROW)


@pytest.mark.parametrize("x", [-1e4, 1e4])
def test_nothing_overflows(ops, expect, x):
    for name, wanted in (("sigmoid", float(x > 0)), ("softplus", max(x, 0))):
        got = getattr(ops, name)(np.array([x], np.float32))
        expect(got, [wanted], "exp of a large number", f"`ops.{name}`")


def test_small_probabilities_keep_their_digits(ops, expect):
    got = ops.sigmoid(np.array([-20.0], np.float32))
    expect(got, [math.exp(-20)], "1 / (1 + exp(-x)) by way of tanh loses them", ROW, 1e-5, 0)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"low": -1.0, "high": 1.0}, [-1, -0.5, 0.5, 1]),
        ({"low": 0.0}, [0, 0, 0.5, 2]),
        ({"high": 0.0}, [-1.5, -0.5, 0, 0]),
        ({}, X),
    ],
)
def test_clip(ops, expect, limits, expected):
    expect(ops.clip(X, **limits), expected, "a limit left out is none", "`ops.clip`")


def test_clip_refuses_limits_that_cross(tensor, ops):
    with pytest.raises(tensor.ArgumentError):
        ops.clip(X, low=2.0, high=1.0)


def test_where(tensor, expect):
    got = tensor.where(X > 0, X, -1.0)
    expect(got, [-1, -1, 0.5, 2], "x where the condition holds, else y", "`where`")


def test_astype(tensor):
    x = tensor.tensor([1.7, -1.7, 0.0])
    assert x.astype(np.int64).tolist() == [1, -1, 0]
    assert x.astype(bool).tolist() == [True, True, False]
    assert x.astype(np.float64).dtype == np.float64


def test_nan_is_no_integer(tensor):
    with pytest.raises(tensor.ArgumentError):
        tensor.tensor([math.nan]).astype(int)


def test_operands_are_not_written_to(ops):
    for name in UNARY:
        x = np.array([0.5, 0.25])
        getattr(ops, name)(x)
        assert x.tolist() == [0.5, 0.25], f"{name} writes to its operand [{ROW}]"
