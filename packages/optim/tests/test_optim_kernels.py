"""Fused kernels: each has a reference with its signature and its values, and steps aside."""

import inspect
import sys

import numpy as np
import pytest

from tinytorch.autograd import Variable
from tinytorch.optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    RMSprop,
    _adadelta,
    _adagrad,
    _adam,
    _rmsprop,
    _sgd,
)
from tinytorch.optim._update import FUSED_SIZE, Update, Workspace, in_place
from tinytorch.optim.kernels import _kernels, _load, fused
from tinytorch.tensor import from_numpy, kernels

UPDATES = [_sgd.sgd, _adam.adam, _rmsprop.rmsprop, _adagrad.adagrad, _adadelta.adadelta]
OPTIMIZERS = [
    SGD(),
    SGD(weight_decay=0.1),
    SGD(momentum=0.9, dampening=0.5, weight_decay=0.1),
    SGD(momentum=0.9, nesterov=True),
    Adam(),
    Adam(weight_decay=0.1, amsgrad=True, betas=(0.5, 0.6)),
    AdamW(weight_decay=0.1, lr=0.1),
    RMSprop(),
    RMSprop(momentum=0.9, centered=True, weight_decay=0.1, alpha=0.5),
    RMSprop(momentum=0.9),
    RMSprop(centered=True),
    Adadelta(weight_decay=0.1, eps=0.01),
    Adagrad(),
    Adagrad(lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.1),
]
needs_numba = pytest.mark.skipif(not kernels.installed("numba"), reason="numba is not installed")


def walk(optimizer, size, dtype, steps=4, odd=()):
    """Weights and state after some steps; odd values are in weights, and then in gradients."""
    rng = np.random.default_rng(0)
    start = rng.normal(size=size)
    start[: len(odd)] = odd
    w = Variable(start, dtype)
    bound = type(optimizer)([w], **optimizer.defaults)
    for _ in range(steps):
        g = rng.normal(size=size).astype(dtype)
        g[len(odd) : 2 * len(odd)] = odd
        with np.errstate(all="ignore"):
            bound.step({w: from_numpy(g)})
    return w.data, bound.state_dict()["state"][0]


@needs_numba
@pytest.mark.parametrize("update", UPDATES, ids=lambda u: u.reference.__name__)
def test_every_update_has_a_kernel_of_its_signature(update):
    with kernels.using("numba"):
        kernel = fused(update)
    reference = list(inspect.signature(update.reference).parameters.values())
    arrays = [p.name for p in reference if p.kind is p.POSITIONAL_OR_KEYWORD]
    numbers = [p.name for p in reference if p.kind is p.KEYWORD_ONLY]
    wanted = arrays[: len(arrays) - update.scratch] + numbers
    assert list(inspect.signature(kernel).parameters) == wanted


@needs_numba
def test_every_kernel_is_that_of_an_update():
    with kernels.using("numba"):
        fused(_sgd.sgd)
    assert set(_kernels) == set(UPDATES)
    assert all(isinstance(update, Update) for update in _kernels)


def assert_walks_alike(optimizer, size, dtype, tolerance, odd=()):
    with kernels.using("numba"):
        fast, fast_state = walk(optimizer, size, dtype, odd=odd)
    with kernels.using("reference"):
        slow, slow_state = walk(optimizer, size, dtype, odd=odd)
    np.testing.assert_allclose(fast, slow, rtol=tolerance, atol=tolerance)
    assert set(fast_state) == set(slow_state)
    for name, value in fast_state.items():
        np.testing.assert_allclose(value, slow_state[name], rtol=tolerance, atol=tolerance)


@pytest.fixture
def loops(monkeypatch):
    """The kernels' loops before compilation, which are Python as well, and quick for few elements.

    Gives the list of those that served.
    """
    served = []

    def loop(update):
        if kernels.active() == "reference":
            return None
        served.append(update)
        compute = fused(update).__wrapped__
        return lambda w, *arrays, **settings: compute(0, w.size, w, *arrays, **settings)

    monkeypatch.setattr("tinytorch.optim._update.FUSED_SIZE", 1)
    monkeypatch.setattr("tinytorch.optim._update.fused", loop)
    return served


@needs_numba
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_kernels_equal_their_references_before_compilation(optimizer, loops):
    assert_walks_alike(optimizer, 5, "float64", 1e-13)
    assert len(loops) == 4


@needs_numba
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_kernels_send_nan_and_infinity_where_their_references_do(optimizer, loops):
    odd = (np.nan, np.inf, -np.inf, 0.0)
    with np.errstate(all="ignore"):
        assert_walks_alike(optimizer, 9, "float64", 1e-13, odd)
    assert len(loops) == 4


@needs_numba
@pytest.mark.parametrize(
    ("optimizer", "dtype", "tolerance"),
    [
        (SGD(momentum=0.9, nesterov=True, weight_decay=0.1), "float32", 1e-5),
        (Adam(weight_decay=0.1), "float32", 1e-5),
        (Adam(), "float64", 1e-13),
        (RMSprop(weight_decay=0.1, centered=True, momentum=0.9), "float32", 1e-4),
        (Adagrad(lr_decay=0.1), "float32", 1e-5),
        (Adadelta(weight_decay=0.1), "float32", 1e-4),
    ],
    ids=repr,
)
def test_compiled_kernels_equal_their_references(optimizer, dtype, tolerance):
    assert_walks_alike(optimizer, FUSED_SIZE + 1, dtype, tolerance)


@pytest.fixture
def kernel(monkeypatch):
    """A stand-in for the backend: what it is given, and what it shall return."""
    calls = []

    def serve(*arrays, **settings):
        calls.append((arrays, settings))
        return serve.result

    serve.result = None
    serve.calls = calls
    monkeypatch.setattr(
        "tinytorch.optim._update.fused", lambda update: serve if update is double else None
    )
    return serve


@in_place(scratch=1)
def double(w, b, t, *, by):
    np.multiply(w, by, out=w)


def test_a_kernel_gets_flat_arrays_and_settings_without_scratch(kernel):
    w = np.ones((2, FUSED_SIZE // 2))
    double(Workspace(), w, None, by=3.0)
    (((flat, none), settings),) = kernel.calls
    assert flat.shape == (FUSED_SIZE,)
    assert np.shares_memory(flat, w)
    assert none is None
    assert settings == {"by": 3.0}
    assert w[0, 0] == 1.0


def test_the_reference_serves_when_the_kernel_declines(kernel):
    kernel.result = NotImplemented
    w = np.ones(FUSED_SIZE)
    double(Workspace(), w, None, by=3.0)
    assert len(kernel.calls) == 1
    assert (w == 3.0).all()


def test_the_reference_serves_small_arrays(kernel):
    w = np.ones(FUSED_SIZE - 1)
    double(Workspace(), w, None, by=3.0)
    assert kernel.calls == []
    assert (w == 3.0).all()


def test_the_reference_serves_without_a_kernel():
    w = np.ones(FUSED_SIZE)
    double(Workspace(), w, None, by=3.0)
    assert (w == 3.0).all()


def test_the_choice_is_that_of_the_tensor_layer():
    with kernels.using("reference"):
        assert fused(_adam.adam) is None


@needs_numba
def test_an_update_of_ones_own_has_no_kernel():
    with kernels.using("numba"):
        assert fused(double) is None


@needs_numba
def test_kernels_decline_what_they_are_not_compiled_for():
    with kernels.using("numba"):
        half = np.ones(4, np.float16)
        assert fused(_adagrad.adagrad)(half, half, half) is NotImplemented


def test_without_the_kernel_file_the_references_serve(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinytorch.optim.kernels.numba", None)
    monkeypatch.delattr("tinytorch.optim.kernels.numba", raising=False)
    monkeypatch.setattr(kernels, "active", lambda: "numba")
    monkeypatch.setattr("tinytorch.optim.kernels._kernels", {})
    _load.cache_clear()
    try:
        assert fused(_adam.adam) is None
    finally:
        _load.cache_clear()
