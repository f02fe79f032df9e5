"""Fused kernels: each has a reference with its signature and its values, and steps aside."""

import inspect
import sys

import numpy as np
import pytest

from tinytorch.autograd import Variable
from tinytorch.optim import SGD, Adagrad, Adam, AdamW, RMSprop, _adagrad, _adam, _rmsprop, _sgd
from tinytorch.optim._update import FUSED_SIZE, Update, Workspace, in_place
from tinytorch.optim.kernels import _numba as load
from tinytorch.optim.kernels import fused
from tinytorch.tensor import from_numpy, kernels

UPDATES = [
    value
    for module in (_sgd, _adam, _rmsprop, _adagrad)
    for value in vars(module).values()
    if isinstance(value, Update)
]
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
    Adagrad(),
    Adagrad(lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.1),
]
needs_numba = pytest.mark.skipif(not kernels.installed("numba"), reason="numba is not installed")


def walk(optimizer, size, dtype, steps=4):
    rng = np.random.default_rng(0)
    w = Variable(rng.normal(size=size), dtype)
    bound = type(optimizer)([w], **optimizer.defaults)
    for _ in range(steps):
        bound.step({w: from_numpy(rng.normal(size=size).astype(dtype))})
    return w.data, bound.state_dict()["state"][0]


def test_there_is_one_update_per_file():
    assert [u.name for u in UPDATES] == ["sgd", "adam", "rmsprop", "adagrad"]
    assert all(u.__doc__ == u.reference.__doc__ for u in UPDATES)


@needs_numba
def test_every_kernel_has_a_reference_of_its_signature():
    from tinytorch.optim.kernels import numba

    updates = {u.name: u for u in UPDATES}
    assert set(numba.FUSED) == set(updates)
    for name, kernel in numba.FUSED.items():
        update = updates[name]
        reference = list(inspect.signature(update.reference).parameters.values())
        arrays = [p.name for p in reference if p.kind is p.POSITIONAL_OR_KEYWORD]
        numbers = [p.name for p in reference if p.kind is p.KEYWORD_ONLY]
        wanted = arrays[: len(arrays) - update.scratch] + numbers
        assert list(inspect.signature(kernel).parameters) == wanted


def assert_walks_alike(optimizer, size, dtype, tolerance):
    with kernels.using("numba"):
        fast, fast_state = walk(optimizer, size, dtype)
    with kernels.using("reference"):
        slow, slow_state = walk(optimizer, size, dtype)
    np.testing.assert_allclose(fast, slow, rtol=tolerance, atol=tolerance)
    assert set(fast_state) == set(slow_state)
    for name, value in fast_state.items():
        np.testing.assert_allclose(value, slow_state[name], rtol=tolerance, atol=tolerance)


@needs_numba
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_kernels_equal_their_references_before_compilation(optimizer, monkeypatch):
    """A kernel's loop is Python as well, and quick for few elements."""
    from tinytorch.optim.kernels import numba

    served = []

    def loop(name):
        served.append(name)
        return numba.FUSED[name].__wrapped__

    monkeypatch.setattr("tinytorch.optim._update.FUSED_SIZE", 1)
    monkeypatch.setattr(
        "tinytorch.optim._update.fused", lambda n: loop(n) if kernels.active() == "numba" else None
    )
    assert_walks_alike(optimizer, 5, "float64", 1e-13)
    assert len(served) == 4


@needs_numba
@pytest.mark.parametrize(
    ("optimizer", "dtype", "tolerance"),
    [
        (SGD(momentum=0.9, nesterov=True, weight_decay=0.1), "float32", 1e-5),
        (Adam(weight_decay=0.1), "float32", 1e-5),
        (Adam(), "float64", 1e-13),
        (RMSprop(weight_decay=0.1, centered=True, momentum=0.9), "float32", 1e-4),
        (Adagrad(lr_decay=0.1), "float32", 1e-5),
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
        "tinytorch.optim._update.fused", lambda name: serve if name == "double" else None
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
        assert fused("adam") is None
    assert fused("no such update") is None


@needs_numba
def test_the_active_backend_serves():
    from tinytorch.optim.kernels import numba

    with kernels.using("numba"):
        assert fused("adam") is numba.FUSED["adam"]
    half = np.ones(4, np.float16)
    assert numba.FUSED["adagrad"](half, half, half) is NotImplemented


def test_without_the_kernel_file_the_references_serve(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinytorch.optim.kernels.numba", None)
    monkeypatch.delattr("tinytorch.optim.kernels.numba", raising=False)
    monkeypatch.setattr(kernels, "active", lambda: "numba")
    load.cache_clear()
    try:
        assert fused("adam") is None
    finally:
        load.cache_clear()
