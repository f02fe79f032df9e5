"""SGD: the first steps by hand, then many."""

import pytest

from tinytorch.tensor import ArgumentError

pytestmark = pytest.mark.step(2)
LONG = "the formulas of the contract, in their order; the steps by hand tell more"


def test_a_step_goes_against_the_gradient(walk, expect):
    at = walk("SGD", lr=0.1).step(1.0, -2.0, 0.0)
    expect(at, [0.9, -1.8, 0.5], "w = w - lr g", "SGD")


def test_the_rate_is_a_hundredth_by_default(walk, expect):
    expect(walk("SGD").step(1.0, 0.0, 0.0), [0.99, -2.0, 0.5], "lr=0.01", "SGD")


def test_decay_pulls_toward_zero(walk, expect):
    at = walk("SGD", lr=0.1, weight_decay=0.5).step(0.0, 0.0, 0.0)
    expect(at, [0.95, -1.9, 0.475], "g = g + weight_decay w: mind the sign", "SGD")


def test_the_first_velocity_is_the_gradient(walk, expect):
    at = walk("SGD", lr=0.1, momentum=0.9).step(1.0, 1.0, 1.0)
    expect(at, [0.9, -2.1, 0.4], "at the first step b = g, without any factor", "SGD")


def test_the_second_velocity_keeps_a_part_of_the_first(walk, expect):
    walk = walk("SGD", lr=0.1, momentum=0.9)
    walk.step(1.0, 1.0, 1.0)
    expect(walk.step(0.0, 0.0, 1.0), [0.81, -2.19, 0.21], "b = momentum b + g", "SGD")


def test_a_new_rate_applies_to_the_whole_velocity(walk, expect):
    walk = walk("SGD", lr=0.1, momentum=0.5)
    walk.step(1.0, 1.0, 1.0)
    walk.optimizer.lr = 1.0
    mistake = "the velocity gathers lr g; lr belongs to the step, not to the velocity"
    expect(walk.step(0.0, 0.0, 0.0), [0.4, -2.6, -0.1], mistake, "SGD")


def test_dampening_begins_with_the_second_gradient(walk, expect):
    walk = walk("SGD", lr=1.0, momentum=0.5, dampening=0.5)
    first = walk.step(1.0, 1.0, 1.0)
    expect(first, [0.0, -3.0, -0.5], "at the first step b = g, undamped", "SGD")
    second = walk.step(2.0, 2.0, 2.0)
    expect(second, [-1.5, -4.5, -2.0], "b = momentum b + (1 - dampening) g", "SGD")


def test_nesterov_steps_along_the_velocity_to_come(walk, expect):
    walk = walk("SGD", lr=1.0, momentum=0.5, nesterov=True)
    first = walk.step(1.0, 1.0, 1.0)
    expect(first, [-0.5, -3.5, -1.0], "d = g + momentum b, with the new b", "SGD")
    second = walk.step(1.0, 1.0, 1.0)
    expect(second, [-2.25, -5.25, -2.75], "d = g + momentum b, with the new b", "SGD")


def test_decay_goes_into_the_velocity(walk, expect):
    walk = walk("SGD", lr=0.1, momentum=0.5, weight_decay=1.0)
    walk.step(0.0, 0.0, 0.0)
    at = walk.step(0.0, 0.0, 0.0)
    expect(at, [0.76, -1.52, 0.38], "the decay is added to g before the velocity", "SGD")


@pytest.mark.parametrize(
    "settings",
    [{"momentum": 0.0}, {"momentum": 0.9, "dampening": 0.1}],
    ids=["no momentum", "dampening"],
)
def test_nesterov_needs_momentum_without_dampening(optim, settings):
    with pytest.raises(ArgumentError):
        optim.SGD(nesterov=True, **settings)


# 25 steps of PyTorch 2.13 from [1, -2, 0.5] in float64, by the gradients of `Walk.steps`.
TORCH = [
    ({"lr": 0.1}, [0.158487235385, 0.0723731447957, 0.404133062932]),
    ({"lr": 0.1, "weight_decay": 0.05}, [0.150546261587, 0.0717926181043, 0.358383011797]),
    ({"lr": 0.1, "momentum": 0.9}, [-0.14289686428, -0.375873109743, 0.0963928991354]),
    (
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05},
        [-0.189852966078, -0.378886140709, 0.0180157563135],
    ),
    (
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3},
        [0.20731350767, 0.72218331449, 0.0310725143497],
    ),
    (
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05},
        [0.0698526796205, 0.167539065683, 0.0464734679134],
    ),
]


@pytest.mark.parametrize(("settings", "expected"), TORCH)
def test_25_steps_give_the_numbers_of_torch(walk, expect, settings, expected):
    expect(walk("SGD", **settings).steps(range(25)), expected, LONG, "SGD")
