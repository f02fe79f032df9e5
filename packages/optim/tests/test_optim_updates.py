"""The equations: classes against plain functions, blocks, layouts and dtypes."""

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.autograd import Variable
from tinytorch.optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Optimizer,
    RMSprop,
    adadelta_step,
    adagrad_step,
    adam_step,
    adamw_step,
    in_place,
    momentum_step,
    rmsprop_step,
    sgd_step,
)
from tinytorch.optim._update import BLOCK_BYTES, Workspace
from tinytorch.tensor import ArgumentError, from_numpy, kernels, tensor

ALL = [SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta]
EVERYTHING = [
    SGD(momentum=0.9, nesterov=True, weight_decay=0.1),
    SGD(momentum=0.9, dampening=0.5, weight_decay=0.1),
    Adam(weight_decay=0.1, amsgrad=True),
    AdamW(weight_decay=0.1, amsgrad=True),
    RMSprop(momentum=0.9, centered=True, weight_decay=0.1),
    Adagrad(lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.1),
    Adadelta(weight_decay=0.1, eps=0.01),
]
BLOCK = BLOCK_BYTES // 8


def fresh(optimizer):
    return type(optimizer)(**optimizer.defaults)


def gradient(w, step):
    return w * 0.5 + np.sin(step + np.arange(w.size).reshape(w.shape))


def walk(optimizer, start, steps=5):
    w = Variable(start)
    optimizer.bind([w])
    for step in range(steps):
        optimizer.step({w: from_numpy(np.asarray(gradient(w.data, step)))})
    return w.detach().numpy()


def walk_by_function(start, steps, function):
    """`function(w, g, memory, number of the step) -> (w, memory)`, from memory of zeros."""
    w, memory = start, [0 * start, 0 * start]
    for step in range(steps):
        w, memory = function(w, gradient(w, step), memory, step + 1)
    return w


FUNCTIONS = {
    "sgd": (SGD(lr=0.1), lambda w, g, s, t: (sgd_step(w, g, 0.1), s)),
    "momentum": (
        SGD(lr=0.1, momentum=0.5),
        lambda w, g, s, t: (
            (out := momentum_step(w, g, s[0], 0.1, 0.5))[0],
            [out[1]],
        ),
    ),
    "rmsprop": (
        RMSprop(lr=0.1, alpha=0.5, eps=0.01),
        lambda w, g, s, t: ((out := rmsprop_step(w, g, s[0], 0.1, 0.5, 0.01))[0], [out[1]]),
    ),
    "adagrad": (
        Adagrad(lr=0.1, eps=0.01),
        lambda w, g, s, t: ((out := adagrad_step(w, g, s[0], 0.1, 0.01))[0], [out[1]]),
    ),
    "adadelta": (
        Adadelta(lr=0.1, rho=0.5, eps=0.01),
        lambda w, g, s, t: ((out := adadelta_step(w, g, *s, 0.1, 0.5, 0.01))[0], out[1:]),
    ),
    "adam": (
        Adam(lr=0.1, betas=(0.5, 0.8), eps=0.01),
        lambda w, g, s, t: ((out := adam_step(w, g, *s, t, 0.1, (0.5, 0.8), 0.01))[0], out[1:]),
    ),
    "adamw": (
        AdamW(lr=0.1, betas=(0.5, 0.8), eps=0.01, weight_decay=0.2),
        lambda w, g, s, t: (
            (out := adamw_step(w, g, *s, t, 0.1, (0.5, 0.8), 0.01, 0.2))[0],
            out[1:],
        ),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_a_class_walks_as_its_plain_function(name, shape):
    optimizer, function = FUNCTIONS[name]
    start = np.asarray(np.random.default_rng(0).normal(size=shape))
    np.testing.assert_allclose(
        walk(fresh(optimizer), start, 10), walk_by_function(start, 10, function), rtol=1e-12
    )


def test_defaults_of_plain_functions_are_those_of_the_classes():
    start = np.array([1.0, -2.0])
    for optimizer, function in [
        (SGD(), lambda w, g, s, t: (sgd_step(w, g), s)),
        (SGD(momentum=0.9), lambda w, g, s, t: ((o := momentum_step(w, g, s[0]))[0], [o[1]])),
        (RMSprop(), lambda w, g, s, t: ((o := rmsprop_step(w, g, s[0]))[0], [o[1]])),
        (Adagrad(), lambda w, g, s, t: ((o := adagrad_step(w, g, s[0]))[0], [o[1]])),
        (Adadelta(), lambda w, g, s, t: ((o := adadelta_step(w, g, *s))[0], o[1:])),
        (Adam(), lambda w, g, s, t: ((o := adam_step(w, g, *s, t))[0], o[1:])),
        (AdamW(), lambda w, g, s, t: ((o := adamw_step(w, g, *s, t))[0], o[1:])),
    ]:
        expected = walk_by_function(start, 5, function)
        np.testing.assert_allclose(walk(optimizer, start), expected, rtol=1e-13)


@pytest.mark.parametrize("optimizer", EVERYTHING, ids=repr)
@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3])
def test_blocks_make_no_difference(optimizer, size):
    start = np.random.default_rng(0).normal(size=size)
    with kernels.using("reference"):
        whole = walk(fresh(optimizer), start, 3)
        for part in (slice(0, 2), slice(BLOCK - 3, BLOCK + 3), slice(size - 2, size)):
            w = Variable(start[part])
            alone = fresh(optimizer).bind([w])
            full = start.copy()
            again = Variable(full)
            beside = fresh(optimizer).bind([again])
            for step in range(3):
                g = gradient(again.data, step)
                alone.step({w: from_numpy(g[part])})
                beside.step({again: from_numpy(g)})
            np.testing.assert_array_equal(w.data, again.data[part])
        np.testing.assert_array_equal(again.data, whole)


@pytest.mark.parametrize("optimizer", EVERYTHING, ids=repr)
def test_layout_makes_no_difference(optimizer):
    start = np.random.default_rng(0).normal(size=(4, 6))
    expected = walk(fresh(optimizer), start)
    for w in (
        Variable(np.asfortranarray(start)),
        Variable(start.T.copy().T),
    ):
        bound = fresh(optimizer).bind([w])
        for step in range(5):
            g = gradient(w.data, step)
            odd = np.repeat(g, 2, axis=1)[:, ::2] if step % 2 else np.asfortranarray(g)
            bound.step({w: from_numpy(odd)})
        np.testing.assert_array_equal(w.data, expected)


def test_a_parameter_in_fortran_order_is_moved():
    w = Variable([[1.0, 2.0], [3.0, 4.0]])
    w.data = np.asfortranarray(w.data)
    SGD([w], lr=1.0).step({w: tensor([[1.0, 0.0], [0.0, 2.0]])})
    assert w.data.tolist() == [[0.0, 2.0], [3.0, 2.0]]


@pytest.mark.parametrize("optimizer", EVERYTHING, ids=repr)
def test_gradients_are_never_written(optimizer):
    w = Variable([1.0, 2.0])
    g = np.array([3.0, 4.0], np.float32)
    bound = fresh(optimizer).bind([w])
    for _ in range(3):
        bound.step({w: from_numpy(g)})
    assert g.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("optimizer", EVERYTHING, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_and_state_keep_the_dtype_and_the_memory(optimizer, dtype):
    w = Variable(np.ones((2, 3)), dtype)
    memory = w.data
    bound = fresh(optimizer).bind([w])
    for _ in range(2):
        bound.step({w: from_numpy(np.ones((2, 3)))})
    assert w.data is memory
    assert w.dtype == np.dtype(dtype)
    (state,) = bound.state_dict()["state"]
    assert state.pop("step") == 2
    assert {(a.dtype, a.shape) for a in state.values()} == {(np.dtype(dtype), (2, 3))}


def test_numpy_settings_do_not_widen_float32():
    w = Variable(np.ones(3), "float32")
    optimizer = SGD([w], lr=np.float64(0.1), momentum=np.float64(0.9))
    optimizer.param_groups[0]["lr"] = np.float64(0.2)
    optimizer.step({w: tensor([1.0, 1.0, 1.0])})
    assert w.dtype == np.float32
    np.testing.assert_array_equal(w.data, np.float32(1) - np.float32(0.2))


def test_centered_rmsprop_stays_finite_for_constant_gradients():
    w = Variable(np.ones(1000), "float32")
    optimizer = RMSprop([w], lr=1e-3, centered=True, alpha=0.9)
    g = from_numpy(np.random.default_rng(0).normal(size=1000).astype(np.float32))
    for _ in range(200):
        optimizer.step({w: g})
    assert np.isfinite(w.data).all()


@given(
    start=st.lists(st.floats(-10, 10), min_size=1, max_size=5),
    lr=st.floats(1e-4, 0.1),
    kind=st.sampled_from(ALL),
)
@settings(deadline=None, max_examples=50)
def test_the_first_step_goes_against_the_gradient(start, lr, kind):
    w = Variable(np.array(start))
    g = np.where(np.arange(len(start)) % 2, 1.0, -2.0)
    kind([w], lr=lr).step({w: from_numpy(g)})
    moved = w.data - np.array(start) * (1 - lr * kind().defaults.get("weight_decay", 0))
    assert np.all(np.sign(moved) == -np.sign(g))


def test_scratch_is_kept_between_steps():
    workspace = Workspace()
    first = workspace.blocks(np.dtype("float32"), 2)
    assert [b.nbytes for b in first] == [BLOCK_BYTES] * 2
    again = workspace.blocks(np.dtype("float32"), 2)
    assert all(a is b for a, b in zip(first, again, strict=True))
    assert workspace.blocks(np.dtype("float64"), 1)[0].dtype == np.float64
    assert len(workspace.blocks(np.dtype("float32"), 1)) == 1
    assert len(workspace._blocks[np.dtype("float32")]) == 2


def test_an_optimizer_of_your_own():
    @in_place(scratch=1)
    def sign(w, g, t, *, lr):
        np.subtract(w, np.multiply(np.sign(g, out=t), lr, out=t), out=w)

    class SignSGD(Optimizer):
        def __init__(self, params=None, lr=0.1, sharpness=1.0):
            super().__init__(params, lr=lr, sharpness=sharpness)

        def update(self, w, g, state, settings):
            sign(self.workspace, w, g, lr=settings["lr"] * settings["sharpness"])

    w = Variable([1.0, 1.0, 1.0])
    SignSGD([w], sharpness=5.0).step({w: tensor([2.0, -3.0, 0.0])})
    assert w.tolist() == [0.5, 1.5, 1.0]
    SignSGD([w]).step({w: tensor([np.nan, 1.0, 1.0])})
    assert np.isnan(w.tolist()[0])


def test_an_optimizer_without_an_update_says_so():
    w = Variable(1.0)
    with pytest.raises(ArgumentError, match=r"^Optimizer:(?s:.*)def update"):
        Optimizer([w], lr=0.1).step({w: tensor(1.0)})


def test_an_optimizer_keeps_arrays_if_a_setting_asks_for_them():
    class Heavy(Optimizer):
        keeps: ClassVar = {"count": None, "velocity": "momentum"}

        def __init__(self, params=None, momentum=0.0):
            super().__init__(params, momentum=momentum)

        def update(self, w, g, state, settings):
            count, velocity = self.kept(state, w, settings, fill=5.0)
            count += 1
            if velocity is not None:
                velocity += g

    w, v = Variable([1.0, 1.0]), Variable([1.0, 1.0])
    optimizer = Heavy([{"params": [w]}, {"params": [v], "momentum": 0.5}])
    for _ in range(2):
        optimizer.step({w: tensor([2.0, 3.0]), v: tensor([2.0, 3.0])})
    plain, heavy = optimizer.state_dict()["state"]
    assert set(plain) == {"step", "count"}
    assert plain["count"].tolist() == [7.0, 7.0]
    assert heavy["velocity"].tolist() == [9.0, 11.0]


def test_momentum_that_begins_later_begins_with_the_gradient():
    w = Variable(np.zeros(1))
    optimizer = SGD([w], lr=1.0)
    optimizer.step({w: tensor([1.0])})
    assert w.tolist() == [-1.0]
    optimizer.param_groups[0].update(momentum=0.5, dampening=0.5)
    optimizer.step({w: tensor([1.0])})
    assert w.tolist() == [-2.0]
    optimizer.step({w: tensor([3.0])})
    assert w.tolist() == [-4.0]
