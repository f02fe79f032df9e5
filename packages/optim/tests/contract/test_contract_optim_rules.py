"""Adagrad, RMSprop, Adam and AdamW: the first steps by hand, then many."""

import numpy as np
import pytest

from tinytorch.autograd import Variable

LONG = "the formulas of the contract, in their order; the steps by hand tell more"
EARLIER = pytest.mark.step(3)
ADAM = pytest.mark.step(4)


@EARLIER
@pytest.mark.parametrize("name", ["Adagrad", "RMSprop"])
def test_signs_decide_at_first(walk, expect, name):
    """The first move is the same for every size of the gradient."""
    scale = {"Adagrad": 1.0, "RMSprop": 10.0}[name]
    at = walk(name, lr=0.01).step(1e-3, -1.0, 1e3)
    wanted = [1 - 0.01 * scale, -2 + 0.01 * scale, 0.5 - 0.01 * scale]
    expect(at, wanted, "divide by the root of v, not by v; v begins with this gradient", name, 1e-4)


@EARLIER
def test_adagrad_divides_by_all_gradients_so_far(walk, expect):
    walk = walk("Adagrad", lr=1.0)
    walk.step(3.0, 0.0, 0.0)
    expect(walk.step(4.0, 0.0, 0.0), [-0.8, -2.0, 0.5], "v = v + g**2; 4 / sqrt(9 + 16)", "Adagrad")


@EARLIER
def test_adadelta_begins_with_steps_of_the_root_of_eps(walk, expect):
    at = walk("Adadelta", rho=0.0, eps=1.0).step(3.0, 0.0, 0.0)
    wanted = [1 - 3 / 10**0.5, -2.0, 0.5]
    expect(at, wanted, "d = sqrt(0 + eps) / sqrt(9 + eps) * 3: eps under both roots", "Adadelta")


@EARLIER
def test_adagrad_starts_from_its_initial_value(walk, expect):
    at = walk("Adagrad", lr=1.0, initial_accumulator_value=16.0).step(3.0, 0.0, 0.0)
    expect(at, [0.4, -2.0, 0.5], "v begins at initial_accumulator_value", "Adagrad")


@EARLIER
def test_the_rate_of_adagrad_decays_from_its_second_step(walk, expect):
    walk = walk("Adagrad", lr=1.0, lr_decay=1.0)
    first = walk.step(3.0, 0.0, 0.0).round(9)
    expect(first, [0.0, -2.0, 0.5], "1 + (t - 1) lr_decay is 1 at the first step", "Adagrad")
    second = walk.step(4.0, 0.0, 0.0)
    expect(second, [-0.4, -2.0, 0.5], "lr / (1 + (t - 1) lr_decay)", "Adagrad")


@EARLIER
@pytest.mark.parametrize("name", ["Adagrad", "RMSprop"])
def test_eps_stands_outside_of_the_root(walk, expect, name):
    settings = {"Adagrad": {}, "RMSprop": {"alpha": 0.0}}[name]
    at = walk(name, lr=1.0, eps=1.0, **settings).step(3.0, 0.0, 0.0)
    expect(at, [0.25, -2.0, 0.5], "g / (sqrt(v) + eps)", name)


@EARLIER
def test_rmsprop_forgets_old_gradients(walk, expect):
    walk = walk("RMSprop", lr=1.0, alpha=0.5, eps=0.0)
    walk.step(4.0, 1.0, 1.0)
    at = walk.step(2.0, 0.0, 0.0)[0]
    first = 1 - 4 / 8**0.5
    expect(at, first - 2 / 6**0.5, "v = alpha v + (1 - alpha) g**2", "RMSprop")


@EARLIER
def test_centered_rmsprop_takes_the_mean_out(walk, expect):
    at = walk("RMSprop", lr=1.0, alpha=0.5, eps=0.0, centered=True).step(2.0, 1.0, 1.0)[0]
    expect(at, 1 - 2 / (2 - 1) ** 0.5, "v - a**2 under the root, a the mean of g", "RMSprop")


@EARLIER
def test_rmsprop_gathers_momentum_after_the_division(walk, expect):
    walk = walk("RMSprop", lr=0.1, alpha=0.0, eps=0.0, momentum=0.5)
    walk.step(4.0, 1.0, 1.0)
    expect(walk.step(4.0, 1.0, 1.0)[0], 0.75, "b = momentum b + g / sqrt(v); w - lr b", "RMSprop")


@ADAM
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.8), (0.0, 0.0)])
def test_the_first_move_is_lr_whatever_the_gradient(walk, expect, name, betas):
    at = walk(name, lr=0.1, betas=betas, weight_decay=0.0).step(1e-2, -1.0, 1e2)
    mistake = "without the bias correction it is (1 - beta1) / sqrt(1 - beta2) times lr"
    expect(at, [0.9, -1.9, 0.4], mistake, name, 1e-5)


@ADAM
def test_every_parameter_counts_its_own_steps(optim, expect):
    x, y, late = (Variable(1.0) for _ in range(3))
    optimizer = optim.Adam([x, y, late], lr=0.1)
    optimizer.step({x: np.float32(4.0), y: np.float32(4.0)})
    optimizer.step({late: np.float32(4.0)})
    mistake = "t is the number of steps of this parameter, not of all together"
    expect([x.item(), y.item(), late.item()], [0.9] * 3, mistake, "Adam", 1e-6)


@ADAM
def test_the_second_move_by_hand(walk, expect):
    walk = walk("Adam", lr=0.1, betas=(0.5, 0.75), eps=0.5)
    first = walk.step(4.0, 1.0, 1.0)[0]
    expect(first, 1 - 0.1 * 4 / 4.5, "eps is added to the corrected root", "Adam")
    m, v = 0.5 * 2 + 0.5 * 1, 0.75 * 4 + 0.25 * 1
    second = first - 0.1 * (m / 0.75) / ((v / 0.4375) ** 0.5 + 0.5)
    expect(walk.step(1.0, 1.0, 1.0)[0], second, "betas swapped, or 1 - beta**t of t = 1", "Adam")


@ADAM
def test_the_decay_of_adam_is_a_part_of_the_gradient(walk, expect):
    at = walk("Adam", lr=0.1, weight_decay=1.0).step(0.0, 0.0, 0.0)
    expect(at, [0.9, -1.9, 0.4], "g = g + weight_decay w: then the first move is lr", "Adam", 1e-6)


@ADAM
def test_the_decay_of_adamw_is_none(walk, expect):
    at = walk("AdamW", lr=0.1, weight_decay=0.5).step(0.0, 0.0, 0.0)
    expect(at, [0.95, -1.9, 0.475], "w = w - lr weight_decay w, apart from m and v", "AdamW")


@ADAM
def test_adamw_decays_by_default(walk, expect):
    at = walk("AdamW", lr=1.0).step(0.0, 0.0, 0.0)
    expect(at, [0.99, -1.98, 0.495], "weight_decay=0.01", "AdamW")


@ADAM
def test_amsgrad_remembers_the_greatest_v(walk, expect):
    plain, greatest = (
        walk("Adam", lr=0.1, betas=(0.0, 0.5), amsgrad=amsgrad) for amsgrad in (False, True)
    )
    for g in (10.0, 0.1, 0.1):
        plain.step(g, g, g)
        greatest.step(g, g, g)
    v = 50.0
    wanted = 1 - 0.1 - 0.1 * 0.1 / (v / 0.75) ** 0.5 - 0.1 * 0.1 / (v / 0.875) ** 0.5
    expect(greatest.at[0], wanted, "divide by the root of the greatest v so far", "Adam", 1e-6)
    assert abs(plain.at[0] - wanted) > 1e-3, "without amsgrad v is forgotten"


# 25 steps of PyTorch 2.13 from [1, -2, 0.5] in float64, by the gradients of `Walk.steps`.
TORCH = [
    ("Adam", {"lr": 0.1}, [-0.165106686102, 0.0535716352204, 0.273895971129]),
    ("Adam", {"lr": 0.1, "betas": (0.5, 0.8)}, [0.0760006878573, -0.0565811238374, 0.384843108579]),
    (
        "Adam",
        {"lr": 0.1, "eps": 0.01, "weight_decay": 0.05},
        [-0.168916461799, 0.0517379665367, 0.230082450826],
    ),
    (
        "Adam",
        {"lr": 0.1, "betas": (0.5, 0.8), "amsgrad": True},
        [0.100631011681, -0.343806651942, 0.383443137778],
    ),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.05}, [-0.161067570791, 0.108409313198, 0.240719860519]),
    (
        "AdamW",
        {"lr": 0.1, "betas": (0.5, 0.8), "weight_decay": 0.05, "amsgrad": True},
        [0.0893466252437, -0.287193728776, 0.343960463862],
    ),
    ("RMSprop", {"lr": 0.1}, [0.282228388745, 0.0718831573768, 0.147687570474]),
    (
        "RMSprop",
        {"lr": 0.1, "alpha": 0.5, "weight_decay": 0.05},
        [0.203385165162, 0.0498879567425, 0.355640212946],
    ),
    (
        "RMSprop",
        {"lr": 0.1, "eps": 0.01, "momentum": 0.9},
        [0.757033282434, -0.181297620162, 0.586416358446],
    ),
    (
        "RMSprop",
        {"lr": 0.1, "alpha": 0.5, "centered": True},
        [0.157222898364, 0.0749278194698, 0.338499826769],
    ),
    (
        "RMSprop",
        {"lr": 0.1, "alpha": 0.5, "momentum": 0.9, "centered": True, "weight_decay": 0.05},
        [-2.58576396023, 0.101547107834, 0.137060477889],
    ),
    ("Adadelta", {}, [0.941894985285, -1.90905700359, 0.496314355976]),
    (
        "Adadelta",
        {"lr": 0.5, "rho": 0.5, "eps": 0.01, "weight_decay": 0.05},
        [0.233854741345, 0.0265795396392, 0.385806113732],
    ),
    ("Adagrad", {"lr": 0.1}, [0.456033180672, -1.20354983271, 0.429529956485]),
    (
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.05},
        [0.60130396993, -1.48663287561, 0.423641023031],
    ),
    (
        "Adagrad",
        {"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 0.01},
        [0.478376132684, -1.20450845437, 0.442229013072],
    ),
]


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [pytest.param(*case, marks=ADAM if case[0].startswith("Adam") else EARLIER) for case in TORCH],
)
def test_25_steps_give_the_numbers_of_torch(walk, expect, name, settings, expected):
    expect(walk(name, **settings).steps(range(25)), expected, LONG, name)


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        pytest.param("Adadelta", {"lr": 1.0, "rho": 0.9, "eps": 1e-6}, marks=EARLIER),
        pytest.param("Adagrad", {"lr": 0.01, "eps": 1e-10}, marks=EARLIER),
        pytest.param("RMSprop", {"lr": 0.01, "alpha": 0.99, "eps": 1e-8}, marks=EARLIER),
        pytest.param("Adam", {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8}, marks=ADAM),
        pytest.param(
            "AdamW",
            {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
            marks=ADAM,
        ),
    ],
)
def test_defaults_are_those_of_the_contract(walk, expect, name, defaults):
    left_out, given = walk(name), walk(name, **defaults)
    for number in range(3):
        left_out.steps([number])
        given.steps([number])
    expect(left_out.at, given.at, "a default differs", f"the signature of {name}")


@pytest.mark.parametrize(
    "name",
    [
        *(pytest.param(name, marks=EARLIER) for name in ("Adagrad", "RMSprop")),
        *(pytest.param(name, marks=ADAM) for name in ("Adam", "AdamW")),
    ],
)
def test_half_precision_walks_as_float32_does(optim, expect, name):
    half, single = Variable([1.0, 1.0], "float16"), Variable([1.0, 1.0], "float32")
    for w in (half, single):
        optimizer = getattr(optim, name)([w])
        for _ in range(20):
            optimizer.step({w: np.array([0.0, 1e-3], np.float16)})
    mistake = "eps is 0 in float16, and small steps are rounded away: move a float32 copy"
    expect(half.data, single.data.astype(np.float16), mistake, "Half precision")
