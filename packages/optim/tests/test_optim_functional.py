"""Plain steps on numbers and arrays."""

import numpy as np
import pytest

from tinytorch.optim import (
    adadelta_step,
    adagrad_step,
    adam_step,
    adamw_step,
    momentum_step,
    rmsprop_step,
    sgd_step,
)
from tinytorch.tensor import ArgumentError, ShapeError

CALLS = {
    "sgd_step": sgd_step,
    "momentum_step": lambda w, g, **s: momentum_step(w, g, 0.0, **s),
    "rmsprop_step": lambda w, g, **s: rmsprop_step(w, g, 0.0, **s),
    "adagrad_step": lambda w, g, **s: adagrad_step(w, g, 0.0, **s),
    "adadelta_step": lambda w, g, **s: adadelta_step(w, g, 0.0, 0.0, **s),
    "adam_step": lambda w, g, **s: adam_step(w, g, 0.0, 0.0, 1, **s),
    "adamw_step": lambda w, g, **s: adamw_step(w, g, 0.0, 0.0, 1, **s),
}


def first(result):
    return result[0] if isinstance(result, tuple) else result


@pytest.mark.parametrize("name", CALLS)
def test_numbers_stay_python_numbers(name):
    result = CALLS[name](5, 10)
    assert all(
        type(value) is float for value in (result if isinstance(result, tuple) else [result])
    )
    assert first(result) < 5


@pytest.mark.parametrize("name", CALLS)
def test_arrays_give_new_arrays(name):
    w, g = np.ones(3, np.float32), np.ones(3, np.float32)
    result = first(CALLS[name](w, g))
    assert result.dtype == np.float32
    assert result is not w
    assert w.tolist() == g.tolist() == [1, 1, 1]


@pytest.mark.parametrize("name", CALLS)
def test_a_gradient_of_another_shape_is_refused(name):
    with pytest.raises(
        ShapeError, match=rf"{name.replace('adamw', 'adam.?')}(?s:.*)\(2,\)(?s:.*)\(3,\)"
    ):
        CALLS[name](np.ones(2), np.ones(3))
    with pytest.raises(ShapeError):
        CALLS[name](1.0, np.ones(3))


@pytest.mark.parametrize("name", CALLS)
def test_a_bad_rate_is_named(name):
    with pytest.raises(ArgumentError, match="lr=-1") as caught:
        CALLS[name](1.0, 1.0, lr=-1)
    assert caught.value.operation == name


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: momentum_step(1.0, 1.0, 0.0, momentum=-1), r"^momentum_step:(?s:.*) momentum=-1"),
        (lambda: rmsprop_step(1.0, 1.0, 0.0, alpha=1.5), r"^rmsprop_step:(?s:.*) alpha=1.5"),
        (lambda: rmsprop_step(1.0, 1.0, 0.0, eps=-1), r"^rmsprop_step:(?s:.*) eps=-1"),
        (lambda: adagrad_step(1.0, 1.0, 0.0, eps=-1), r"^adagrad_step:(?s:.*) eps=-1"),
        (lambda: adadelta_step(1.0, 1.0, 0.0, 0.0, rho=1), r"^adadelta_step:(?s:.*) rho=1"),
        (
            lambda: adam_step(1.0, 1.0, 0.0, 0.0, 1, betas=(1, 0)),
            r"^adam_step:(?s:.*) betas=\(1, 0\)",
        ),
        (lambda: adam_step(1.0, 1.0, 0.0, 0.0, 1, eps=-1), r"^adam_step:(?s:.*) eps=-1"),
        (lambda: adam_step(1.0, 1.0, 0.0, 0.0, 0), r"^adam_step:(?s:.*) step=0"),
        (lambda: adamw_step(1.0, 1.0, 0.0, 0.0, 0), r"^adamw?_step:(?s:.*) step=0"),
        (
            lambda: adamw_step(1.0, 1.0, 0.0, 0.0, 1, weight_decay=-1),
            r"^adamw?_step:(?s:.*) weight_decay=-1",
        ),
    ],
)
def test_other_bad_settings_are_named(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()


def test_sgd_step_by_hand():
    assert sgd_step(5.0, 10.0) == 5.0 - 0.01 * 10.0
    assert sgd_step(5.0, 10.0, lr=0.0) == 5.0


def test_momentum_step_by_hand():
    assert momentum_step(5.0, 10.0, 2.0, lr=0.1, momentum=0.5) == (5.0 - 0.1 * 11.0, 11.0)


def test_adagrad_step_by_hand():
    assert adagrad_step(5.0, 3.0, 16.0, lr=1.0, eps=1.0) == (5.0 - 3.0 / 6.0, 25.0)


def test_adadelta_step_by_hand():
    w, v, u = adadelta_step(5.0, 4.0, 2.0, 24.0, lr=0.5, rho=0.5, eps=1.0)
    assert (v, u) == (9.0, pytest.approx(12.0 + 0.5 * 40.0))
    assert w == pytest.approx(5.0 - 0.5 * 40.0**0.5)


def test_rmsprop_step_by_hand():
    assert rmsprop_step(5.0, 4.0, 2.0, lr=1.0, alpha=0.5, eps=1.0) == (5.0 - 4.0 / 4.0, 9.0)


def test_adam_step_by_hand():
    w, m, v = adam_step(5.0, 4.0, 2.0, 8.0, 2, lr=0.1, betas=(0.5, 0.75), eps=0.5)
    assert (m, v) == (3.0, 10.0)
    assert w == pytest.approx(5.0 - 0.1 * (3 / 0.75) / ((10 / 0.4375) ** 0.5 + 0.5))
