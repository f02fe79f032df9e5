"""Gradients of compositions, for all shapes (hypothesis), and of every function of `functional`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.autograd import Variable, gradcheck
from tinytorch.tensor import functional as F
from tinytorch.tensor import ops, stack
from tinytorch.tensor.testing import assert_close
from tinytorch.tensor.testing.strategies import (
    arrays,
    axes,
    broadcastable_shapes,
    indices,
    shapes,
)

quick = settings(max_examples=40, deadline=None, derandomize=True, database=None)


@quick
@given(st.data(), broadcastable_shapes(2, max_side=3))
def test_gradients_have_the_operands_shapes_whatever_broadcasts(data, both):
    x, y = (Variable(data.draw(arrays(shape))) for shape in both)
    z = x * y + x - y
    gradients = z.backward(np.ones(z.shape, np.float32))
    assert gradients[x].shape == both[0]
    assert gradients[y].shape == both[1]
    spread = np.broadcast_to(y.data + 1, z.shape)
    lead = tuple(range(z.ndim - x.ndim))
    kept = tuple(a + z.ndim - x.ndim for a, n in enumerate(x.shape) if n == 1)
    expected = spread.sum(axis=(*lead, *kept), dtype=np.float64).reshape(x.shape)
    assert_close(gradients[x], expected, rtol=1e-5, atol=1e-4)


@quick
@given(st.data(), shapes(max_dims=3, max_side=3), st.booleans())
def test_reductions_give_every_element_its_share(data, shape, keepdims):
    axis = data.draw(axes(len(shape)))
    x = Variable(data.draw(arrays(shape, dtype=np.float64)))
    result = x.sum(axis=axis, keepdims=keepdims)
    weights = data.draw(arrays(result.shape, dtype=np.float64))
    gradient = result.backward(weights)[x]
    whole = weights
    if axis is not None and not keepdims:
        whole = np.expand_dims(weights, axis)
    assert_close(gradient, np.broadcast_to(whole, shape))


@quick
@given(st.data(), shapes(max_dims=3, max_side=3))
def test_indexing_counts_how_often_each_element_is_taken(data, shape):
    index = data.draw(indices(shape))
    x = Variable(np.zeros(shape))
    result = x[index]
    gradient = result.backward(np.ones(result.shape))[x]
    expected = np.zeros(shape)
    np.add.at(expected, index, 1.0)
    assert_close(gradient, expected)


@quick
@given(st.data(), shapes(min_dims=1, max_dims=2, min_side=1, max_side=3), st.integers(0, 2**32 - 1))
def test_a_random_composition_passes_gradcheck(data, shape, seed):
    steps = [ops.tanh, ops.sigmoid, ops.sin, lambda v: v * v, lambda v: v.sum(axis=0) + v]
    steps += [F.softmax, lambda v: v - v.mean(), lambda v: v[..., ::-1] * v]
    chosen = data.draw(st.lists(st.sampled_from(steps), min_size=1, max_size=3))

    def compose(x):
        for step in chosen:
            x = step(x)
        return x

    x = np.random.default_rng(seed).uniform(-1, 1, shape)
    gradcheck(compose, x, order=2, atol=1e-5)


GRID = np.linspace(-1.9, 2.1, 6).reshape(2, 3)
OTHER = np.linspace(1.3, -2.3, 6).reshape(2, 3)
SHARE = np.linspace(0.1, 0.9, 6).reshape(2, 3)
CLASSES = np.array([2, 0])

FUNCTIONS = {
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.3), GRID),
    "gelu": (F.gelu, GRID),
    "gelu, tanh": (lambda x: F.gelu(x, "tanh"), GRID),
    "silu": (F.silu, GRID),
    "softmax": (F.softmax, GRID),
    "softmax, axis 0": (lambda x: F.softmax(x, 0), GRID),
    "log_softmax": (F.log_softmax, GRID),
    "linear": (F.linear, GRID, OTHER, np.array([0.1, 0.2])),
    "dropout": (lambda x: F.dropout(x, 0.5, rng=0), GRID),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, 3, w, b), GRID, OTHER[0], OTHER[1]),
    "layer_norm, two axes": (lambda x: F.layer_norm(x, (2, 3)), GRID),
    "mse_loss": (F.mse_loss, GRID, OTHER),
    "mse_loss, none": (lambda x, y: F.mse_loss(x, y, "none"), GRID, OTHER),
    "l1_loss": (F.l1_loss, GRID, OTHER),
    "huber_loss": (lambda x, y: F.huber_loss(x, y, delta=1.45), GRID, OTHER),
    "cross_entropy": (lambda x: F.cross_entropy(x, CLASSES), GRID),
    "cross_entropy, all options": (
        lambda x: F.cross_entropy(x, [2, 1], [1.0, 2.0, 0.5], 1, "sum", 0.2),
        GRID,
    ),
    "nll_loss": (lambda x: F.nll_loss(x, CLASSES, reduction="none"), GRID),
    "binary_cross_entropy": (F.binary_cross_entropy, SHARE, SHARE[::-1]),
    "binary_cross_entropy_with_logits": (
        lambda x, t: F.binary_cross_entropy_with_logits(x, t, 2.0, "sum", [1.0, 2.0, 3.0]),
        GRID,
        SHARE,
    ),
    "mean": (lambda x: x.mean(axis=1), GRID),
    "var": (lambda x: x.var(axis=0, ddof=1), GRID),
    "std": (lambda x: x.std(), GRID),
    "stack": (lambda x, y: stack([x, y, x], axis=1), GRID, OTHER),
    "squeeze and expand": (lambda x: x.expand_dims(1).squeeze(1).flatten(), GRID),
    "swapaxes": (lambda x: x.swapaxes(0, 1) * x.T, GRID),
    "astype": (lambda x: x.astype(np.float64) * x, GRID),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_composites_pass_gradcheck_to_second_order(name):
    function, *operands = FUNCTIONS[name]
    gradcheck(function, *operands, order=2)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_composites_of_float32_give_float32_gradients(name):
    function, *operands = FUNCTIONS[name]
    variables = [Variable(x.astype(np.float32)) for x in operands]
    result = function(*variables)
    gradients = result.backward(np.ones(result.shape, result.dtype))
    for x in variables:
        assert gradients[x].dtype == np.float32
        assert gradients[x].shape == x.shape


KINKS = {
    "relu at 0": (ops.relu, [0.0], [0.0]),
    "abs at 0": (ops.abs, [0.0], [0.0]),
    "max of ties": (lambda x: x.max(), [1.0, 2.0, 2.0], [0.0, 0.5, 0.5]),
    "min of ties": (lambda x: x.min(), [1.0, 1.0, 2.0], [0.5, 0.5, 0.0]),
    "clip at its limits": (lambda x: x.clip(0.0, 1.0), [-1.0, 0.0, 1.0, 2.0], [0, 1, 1, 0]),
    "maximum with itself": (lambda x: ops.maximum(x, 2.0), [1.0, 2.0, 3.0], [0.0, 0.5, 1.0]),
    "minimum with itself": (lambda x: ops.minimum(x, 2.0), [1.0, 2.0, 3.0], [1.0, 0.5, 0.0]),
    "power 0 at 0": (lambda x: x**0, [0.0], [0.0]),
    "power 1 at 0": (lambda x: x**1, [0.0], [1.0]),
    "power 2 at 0": (lambda x: x**2, [0.0], [0.0]),
    "0 to the power": (lambda x: ops.pow(0.0, x), [2.0], [0.0]),
    "leaky_relu at 0": (lambda x: F.leaky_relu(x, 0.1), [0.0], [0.1]),
}


@pytest.mark.parametrize("name", KINKS)
def test_at_kinks_the_gradient_is_what_the_docstring_says(name):
    function, at, expected = KINKS[name]
    x = Variable(at)
    result = function(x)
    result.backward(np.ones(result.shape, np.float32))
    assert_close(x.grad, expected)


def test_a_tensor_power_at_zero_has_finite_gradients():
    x, y = Variable([0.0, 0.0, 2.0]), Variable([0.0, 2.0, 0.0])
    (x**y).sum().backward()
    assert_close(x.grad, [0.0, 0.0, 0.0])
    assert_close(y.grad, [0.0, 0.0, np.log(2.0)])


def test_a_number_raised_to_a_float64_power_has_a_float64_gradient():
    x = Variable(np.array([0.3]))
    (2.0**x).backward()
    assert_close(x.grad, [2**0.3 * np.log(2.0)], rtol=1e-14)


def test_ties_share_exactly_in_float64():
    x = Variable(np.ones(3))
    x.max().backward()
    assert_close(x.grad, [1 / 3] * 3, rtol=1e-15)
