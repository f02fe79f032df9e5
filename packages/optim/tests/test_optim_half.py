"""Half precision and mixed types: weights are moved in float32, and rounded to what they are."""

import numpy as np
import pytest

from tinytorch.autograd import Variable
from tinytorch.optim import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    RMSprop,
    adagrad_step,
    adam_step,
    adamw_step,
    momentum_step,
    rmsprop_step,
    sgd_step,
)
from tinytorch.tensor import from_numpy

EVERY = [
    SGD(momentum=0.9, nesterov=True),
    Adam(amsgrad=True),
    AdamW(),
    RMSprop(centered=True, momentum=0.9),
    Adagrad(),
]


def bound(optimizer, *variables):
    return type(optimizer)(variables, **optimizer.defaults)


def half(values):
    return from_numpy(np.array(values, np.float16))


@pytest.mark.parametrize("optimizer", EVERY, ids=lambda o: type(o).__name__)
def test_a_zero_gradient_moves_nothing_but_by_decay(optimizer):
    w = Variable([1.0, 1.0], "float16")
    moving = bound(optimizer, w)
    for _ in range(3):
        moving.step({w: half([0.0, 1.0])})
    assert w.tolist()[0] == pytest.approx(1.0, abs=1e-3)
    assert w.tolist()[1] < 1.0


@pytest.mark.parametrize("optimizer", EVERY, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("size", [6e-8, 1e-4, 1.0, 6e4])
def test_a_walk_is_that_of_float32_rounded(optimizer, size):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4)).astype(np.float16)
    ours, theirs = Variable(start), Variable(start, "float32")
    one, other = bound(optimizer, ours), bound(optimizer, theirs)
    for _ in range(5):
        g = (rng.normal(size=(3, 4)).clip(-1, 1) * size).astype(np.float16)
        one.step({ours: from_numpy(g)})
        other.step({theirs: from_numpy(g)})
    assert ours.dtype == np.float16
    np.testing.assert_array_equal(ours.data, theirs.data.astype(np.float16))


def test_steps_that_rounding_would_lose_add_up():
    w = Variable(1.0, "float16")
    optimizer = SGD([w], lr=1e-4)
    for _ in range(100):
        optimizer.step({w: half(1.0)})
    assert w.item() == pytest.approx(0.99, abs=1e-3)


def test_weights_that_are_assigned_in_between_are_taken_over():
    w = Variable([1.0, 1.0], "float16")
    optimizer = SGD([w], lr=1e-4)
    for _ in range(4):
        optimizer.step({w: half([1.0, 1.0])})
    w.assign(np.array([5.0, w.tolist()[1]], np.float16))
    for _ in range(6):
        optimizer.step({w: half([0.0, 1.0])})
    assert w.tolist() == pytest.approx([5.0, 0.999], abs=3e-4)


@pytest.mark.parametrize("optimizer", EVERY, ids=lambda o: type(o).__name__)
def test_the_state_is_single_precision_and_goes_on_exactly(optimizer):
    rng = np.random.default_rng(0)
    gradients = [half(rng.normal(size=3) * 1e-3) for _ in range(6)]
    w = Variable(rng.normal(size=3), "float16")
    first = bound(optimizer, w)
    for g in gradients[:3]:
        first.step({w: g})
    saved = first.state_dict()
    (state,) = saved["state"]
    assert {a.dtype for a in state.values() if isinstance(a, np.ndarray)} == {np.dtype("float32")}
    again = Variable(w.data)
    second = bound(optimizer, again)
    second.load_state_dict(saved)
    for g in gradients[3:]:
        first.step({w: g})
        second.step({again: g})
    np.testing.assert_array_equal(again.data, w.data)
    np.testing.assert_array_equal(
        second.state_dict()["state"][0]["master_weights"],
        first.state_dict()["state"][0]["master_weights"],
    )


@pytest.mark.parametrize("gradient", ["float16", "float32", "float64"])
@pytest.mark.parametrize("weight", ["float16", "float32", "float64"])
@pytest.mark.parametrize("optimizer", EVERY, ids=lambda o: type(o).__name__)
def test_weights_keep_their_type_whatever_the_gradient_has(optimizer, weight, gradient):
    w = Variable(np.ones(2), weight)
    bound(optimizer, w).step({w: from_numpy(np.array([0.5, 0.0], gradient))})
    assert w.dtype == np.dtype(weight)
    assert np.isfinite(w.data).all()
    assert w.tolist()[0] < 1


def test_a_gradient_of_a_wider_type_need_not_fit_into_half_precision():
    w = Variable(1.0, "float16")
    SGD([w], lr=1e-6).step({w: from_numpy(np.array(1e6))})
    assert w.item() == 0.0


def test_a_gradient_that_becomes_infinite_by_conversion_is_told():
    w = Variable(1.0, "float32")
    with (
        np.errstate(over="ignore"),
        pytest.raises(ArithmeticError, match="inf at"),
    ):
        SGD([w], check_finite=True).step({w: from_numpy(np.array(1e300))})


STEPS = {
    "sgd": lambda w, g: (sgd_step(w, g),),
    "momentum": lambda w, g: momentum_step(w, g, 0.0),
    "rmsprop": lambda w, g: rmsprop_step(w, g, 0.0),
    "adagrad": lambda w, g: adagrad_step(w, g, 0.0),
    "adam": lambda w, g: adam_step(w, g, 0.0, 0.0, 1),
    "adamw": lambda w, g: adamw_step(w, g, 0.0, 0.0, 1),
}


@pytest.mark.parametrize("name", STEPS)
def test_plain_steps_of_half_precision_are_those_of_float32(name):
    w, g = np.array([1.0, 2.0, 0.5], np.float16), np.array([0.0, 300.0, 1e-4], np.float16)
    new, *kept = STEPS[name](w, g)
    expected, *memory = STEPS[name](w.astype(np.float32), g.astype(np.float32))
    assert new.dtype == np.float16
    np.testing.assert_array_equal(new, expected.astype(np.float16))
    for ours, theirs in zip(kept, memory, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("gradient", ["float16", "float32", "float64"])
@pytest.mark.parametrize("weight", ["float16", "float32", "float64"])
def test_plain_steps_keep_the_type_of_the_weights(name, weight, gradient):
    new = STEPS[name](np.ones(2, weight), np.ones(2, gradient))[0]
    assert new.dtype == np.dtype(weight)
