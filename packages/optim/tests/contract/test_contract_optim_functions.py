"""One step of a number or an array by a plain function, computed by hand."""

import numpy as np
import pytest

from tinytorch.tensor import ArgumentError, ShapeError

pytestmark = pytest.mark.step(1)
ROW = "`sgd_step` to `adamw_step`"

STEPS = {
    "sgd_step": (),
    "momentum_step": (0.0,),
    "rmsprop_step": (0.0,),
    "adagrad_step": (0.0,),
    "adadelta_step": (0.0, 0.0),
    "adam_step": (0.0, 0.0, 1),
    "adamw_step": (0.0, 0.0, 1),
}
"""The functions, and what they take after weights and gradient at the first step."""


@pytest.fixture
def first(optim):
    """Gives `first(name, w, grad, **settings)`: all that a first step returns, as a tuple."""

    def first(name, w, grad, **settings):
        result = getattr(optim, name)(w, grad, *STEPS[name], **settings)
        return result if isinstance(result, tuple) else (result,)

    return first


def test_sgd_goes_against_the_gradient(optim, expect):
    expect(optim.sgd_step(5.0, 10.0), 4.9, "w + lr * grad, or another default of lr", "w - lr grad")
    expect(optim.sgd_step(5.0, -10.0, lr=0.5), 10.0, "lr is not used", "w - lr grad")


def test_a_hundred_steps_shrink_a_parabola(optim, expect):
    w = 5.0
    for _ in range(100):
        w = optim.sgd_step(w, 2 * w)
    expect(w, 5 * 0.98**100, "each step is 0.98 w for the gradient 2 w", "w - lr grad")


def test_the_velocity_gathers_whole_gradients(optim, expect):
    mistake = "(1 - momentum) * grad: the velocity is a sum, not a mean"
    _, velocity = optim.momentum_step(5.0, 10.0, 2.0, lr=0.1, momentum=0.5)
    expect(velocity, 11.0, mistake, "velocity = momentum velocity + grad")


def test_the_velocity_is_free_of_the_rate(optim, expect):
    mistake = "lr is inside of the velocity: wrong as soon as lr changes"
    w, velocity = optim.momentum_step(5.0, 10.0, 2.0, lr=0.2, momentum=0.5)
    expect([w, velocity], [5 - 0.2 * 11, 11], mistake, "w - lr velocity")


def test_rmsprop_divides_by_the_root_of_the_mean_square(optim, expect):
    w, v = optim.rmsprop_step(5.0, 4.0, 2.0, lr=1.0, alpha=0.5, eps=1.0)
    expect(v, 9.0, "v = alpha v + (1 - alpha) grad**2", ROW)
    expect(w, 5 - 4 / (3 + 1), "eps is added to the root, not under it", ROW)


def test_rmsprop_has_no_memory_of_its_own(first, expect):
    expect(
        first("rmsprop_step", 0.0, 3.0), [-0.1, 0.09], "defaults: lr=0.01, alpha=0.99", ROW, 1e-6
    )


def test_adadelta_steps_as_far_as_its_recent_steps(optim, expect):
    w, v, u = optim.adadelta_step(5.0, 4.0, 2.0, 24.0, lr=0.5, rho=0.5, eps=1.0)
    expect(v, 9.0, "v = rho v + (1 - rho) grad**2", ROW)
    expect(u, 32.0, "u = rho u + (1 - rho) d**2, with this step's d", ROW)
    expect(w, 5 - 0.5 * 40.0**0.5, "d = sqrt(u + eps) / sqrt(v + eps) grad, with the u before", ROW)


def test_adagrad_divides_by_the_root_of_the_sum_of_squares(optim, expect):
    w, v = optim.adagrad_step(5.0, 3.0, 16.0, lr=1.0, eps=1.0)
    expect(v, 25.0, "v = v + grad**2: a sum, not a mean", ROW)
    expect(w, 5 - 3 / (5 + 1), "eps is added to the root, not under it", ROW)


@pytest.mark.parametrize("grad", [1e-3, 1.0, 1e3])
def test_the_first_move_of_adam_is_lr_whatever_the_gradient(first, expect, grad):
    moved = first("adam_step", 5.0, grad, lr=0.1)[0] - 5.0
    mistake = "m / (1 - beta1**step) and v / (1 - beta2**step) undo the start from 0"
    expect(moved, -0.1, mistake, "Adam", 1e-4)


def test_the_second_move_of_adam_by_hand(optim, expect):
    w, m, v = optim.adam_step(5.0, 4.0, 2.0, 8.0, 2, lr=0.1, betas=(0.5, 0.75), eps=0.5)
    expect([m, v], [3.0, 10.0], "m uses betas[0] and grad, v betas[1] and grad**2", "Adam")
    move = 0.1 * (3 / 0.75) / ((10 / 0.4375) ** 0.5 + 0.5)
    expect(
        w, 5 - move, "the corrections are 1 - beta**2 at step 2; eps is outside the root", "Adam"
    )


def test_adamw_pulls_the_weights_and_leaves_the_gradient_alone(first, expect):
    mistake = "the pull is lr * weight_decay * w, and no part of the gradient"
    w, m, v = first("adamw_step", 5.0, 0.0, lr=0.1, weight_decay=0.1)
    expect([w, m, v], [4.95, 0, 0], mistake, "AdamW")


def test_adamw_pulls_before_it_moves(first, expect):
    w = first("adamw_step", 5.0, 4.0, lr=0.1, weight_decay=0.1)[0]
    expect(w, 5 - 0.05 - 0.1, "both the pull and Adam's move", "AdamW", 1e-7)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sgd_step", [1 - 0.01]),
        ("momentum_step", [1 - 0.01, 1]),
        ("rmsprop_step", [0.9, 0.01]),
        ("adagrad_step", [0.99, 1]),
        ("adam_step", [0.999, 0.1, 0.001]),
        ("adamw_step", [0.999 - 1e-5, 0.1, 0.001]),
    ],
)
def test_defaults_are_those_of_the_contract(first, expect, name, expected):
    expect(first(name, 1.0, 1.0), expected, "a default differs", "the signature", 1e-6)


@pytest.mark.parametrize("name", STEPS)
def test_numbers_stay_numbers(first, name):
    assert {type(value) for value in first(name, 5.0, 4.0)} == {float}, "no array is needed here"


@pytest.mark.parametrize("name", STEPS)
def test_arrays_move_element_by_element(first, expect, name):
    together = first(name, np.array([5.0, 1.0]), np.array([4.0, -2.0]))[0]
    apart = [first(name, 5.0, 4.0)[0], first(name, 1.0, -2.0)[0]]
    expect(together, apart, "a mean or norm over all elements", ROW)


@pytest.mark.parametrize("name", STEPS)
def test_nothing_given_is_changed(first, name):
    w, g = np.ones(3), np.full(3, 2.0)
    assert first(name, w, g)[0] is not w, "return new weights"
    assert (w.tolist(), g.tolist()) == ([1.0] * 3, [2.0] * 3), "an argument was written to"


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_weights_keep_their_type(first, name, dtype):
    assert first(name, np.ones(2, dtype), np.ones(2, dtype))[0].dtype == np.dtype(dtype)


@pytest.mark.parametrize("name", STEPS)
def test_half_precision_is_computed_in_float32(first, expect, name):
    w, g = np.array([1.0, 1.0, 1.0]), np.array([0.0, 1e-3, 3e2])
    half = first(name, w.astype("float16"), g.astype("float16"))[0]
    single = first(name, w.astype("float32"), g.astype("float16").astype("float32"))[0]
    mistake = "eps is 0 in float16, and 300 squared infinite: compute in float32, then round"
    expect(half, single.astype("float16"), mistake, "Half precision")


@pytest.mark.parametrize("name", STEPS)
def test_a_gradient_of_another_shape_is_refused(first, name):
    with pytest.raises(ShapeError):
        first(name, np.ones(2), np.ones(3))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *[(name, {"lr": -1.0}) for name in STEPS],
        ("momentum_step", {"momentum": -1.0}),
        ("rmsprop_step", {"alpha": 1.5}),
        ("rmsprop_step", {"eps": -1.0}),
        ("adagrad_step", {"eps": float("nan")}),
        ("adam_step", {"betas": (0.9, 1.0)}),
        ("adamw_step", {"weight_decay": -1.0}),
    ],
)
def test_a_setting_out_of_its_range_is_refused(first, name, settings):
    with pytest.raises(ArgumentError):
        first(name, 1.0, 1.0, **settings)


@pytest.mark.parametrize("name", ["adam_step", "adamw_step"])
def test_steps_are_counted_from_one(optim, name):
    with pytest.raises(ArgumentError):
        getattr(optim, name)(1.0, 1.0, 0.0, 0.0, 0)
