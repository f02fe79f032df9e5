"""What any implementation of the optim layer promises, through public names alone."""

import json
import math

import numpy as np
import pytest

from tinytorch import optim
from tinytorch.autograd import Variable, nn
from tinytorch.optim import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    ReduceOnPlateau,
    RMSprop,
    adam_step,
    clip_grad_norm,
    clip_grad_value,
    schedules,
    sgd_step,
)
from tinytorch.tensor import ArgumentError, GradientError, ShapeError, StateError, tensor

ALL = [SGD, Adam, AdamW, RMSprop, Adagrad]

# 25 steps of PyTorch 2.13 from [1, -2, 0.5] in float64, with the gradient below.
TORCH = [
    ("SGD", {"lr": 0.1}, [0.158487235385, 0.0723731447957, 0.404133062932]),
    ("SGD", {"lr": 0.1, "weight_decay": 0.05}, [0.150546261587, 0.0717926181043, 0.358383011797]),
    ("SGD", {"lr": 0.1, "momentum": 0.9}, [-0.14289686428, -0.375873109743, 0.0963928991354]),
    (
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05},
        [-0.189852966078, -0.378886140709, 0.0180157563135],
    ),
    (
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3},
        [0.20731350767, 0.72218331449, 0.0310725143497],
    ),
    (
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05},
        [0.0698526796205, 0.167539065683, 0.0464734679134],
    ),
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


def gradient(w, step):
    return tensor(np.array([1.0, 5.0, 0.1]) * w.detach().numpy() + np.sin(step + np.arange(3.0)))


def run(optimizer, w, steps):
    for step in steps:
        optimizer.step({w: gradient(w, step)})


def start():
    return Variable(np.array([1.0, -2.0, 0.5]))


def values(w):
    return w.detach().numpy()


@pytest.mark.parametrize("kind", ALL)
def test_every_optimizer_is_public(kind):
    assert kind.__name__ in optim.__all__


@pytest.mark.parametrize(("name", "settings", "expected"), TORCH)
def test_25_steps_give_the_numbers_of_torch(name, settings, expected):
    w = start()
    run(getattr(optim, name)([w], **settings), w, range(25))
    np.testing.assert_allclose(values(w), expected, rtol=1e-9)


@pytest.mark.parametrize("kind", ALL)
def test_step_reads_grad_and_keeps_it(kind):
    w, other = start(), start()
    w.grad = gradient(w, 0)
    optimizer = kind([w])
    optimizer.step()
    run(kind([other]), other, [0])
    np.testing.assert_array_equal(values(w), values(other))
    assert w.grad is not None
    optimizer.zero_grad()
    assert w.grad is None


def test_step_with_gradients_uses_those_and_clears_grad():
    w = Variable(5.0)
    optimizer = SGD([w], lr=0.1)
    for _ in range(2):
        loss = w * w
        optimizer.step(loss.backward())
        assert w.grad is None
    assert w.item() == pytest.approx(5.0 * 0.8**2)


@pytest.mark.parametrize("kind", ALL)
def test_a_parabola_is_descended(kind):
    w = Variable(1.0)
    optimizer = kind([w], lr=0.1)
    for _ in range(200):
        optimizer.step((w * w).backward())
    assert abs(w.item()) < 0.15


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (2, 0)])
def test_shape_and_dtype_stay(kind, dtype, shape):
    w = Variable(np.ones(shape, dtype))
    kind([w]).step({w: tensor(np.ones(shape, dtype))})
    assert (w.shape, w.dtype) == (shape, np.dtype(dtype))


@pytest.mark.parametrize("kind", ALL)
def test_an_optimizer_may_be_bound_later(kind):
    w = start()
    optimizer = kind()
    assert not optimizer.is_bound
    with pytest.raises(ArgumentError, match=r"step.*(?s:.*)bind"):
        optimizer.step()
    optimizer.bind([w])
    assert optimizer.is_bound
    run(optimizer, w, [0])
    with pytest.raises(ArgumentError, match="without parameters"):
        optimizer.bind([w])


def test_parameters_come_as_list_generator_module_or_names():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=0))
    for params in (
        model.parameters(),
        list(model.parameters()),
        model.named_parameters(),
        [{"params": model.parameters()}],
    ):
        (group,) = SGD(params).param_groups
        assert [id(p) for p in group["params"]] == [id(p) for p in model.parameters()]


def test_groups_have_settings_of_their_own():
    fast, slow = Variable(1.0), Variable(1.0)
    optimizer = SGD([{"params": [fast], "lr": 0.5}, {"params": [slow]}], lr=0.1)
    optimizer.step({fast: tensor(1.0), slow: tensor(1.0)})
    assert (fast.item(), slow.item()) == pytest.approx((0.5, 0.9))
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1]
    optimizer.add_param_group({"params": [late := Variable(1.0)], "lr": 0.2})
    optimizer.step({late: tensor(1.0)})
    assert late.item() == pytest.approx(0.8)


def test_lr_of_all_groups_is_one_property():
    optimizer = SGD([{"params": [Variable(1.0)], "lr": 0.5}, {"params": [Variable(1.0)]}])
    assert optimizer.lr == 0.5
    optimizer.lr = 0.25
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]
    unbound = Adam()
    unbound.lr = 0.5
    assert unbound.bind([Variable(1.0)]).lr == 0.5


@pytest.mark.parametrize(("name", "settings"), [case[:2] for case in TORCH])
def test_state_resumes_exactly_through_json(name, settings):
    kind = getattr(optim, name)
    w = start()
    optimizer = kind([w], **settings)
    run(optimizer, w, range(10))
    saved, at = optimizer.state_dict(), values(w).copy()
    run(optimizer, w, range(10, 20))

    arrays = [{k: v for k, v in s.items() if isinstance(v, np.ndarray)} for s in saved["state"]]
    scalars = [
        {k: v for k, v in s.items() if not isinstance(v, np.ndarray)} for s in saved["state"]
    ]
    plain = json.loads(json.dumps({**saved, "state": scalars}))
    plain["state"] = [{**s, **a} for s, a in zip(plain["state"], arrays, strict=True)]
    again = Variable(at)
    resumed = kind([again])
    resumed.load_state_dict(plain)
    run(resumed, again, range(10, 20))
    np.testing.assert_array_equal(values(again), values(w))


def test_load_state_dict_names_mismatches():
    saved = SGD([start()], momentum=0.9).state_dict()
    with pytest.raises(StateError, match="Adam"):
        Adam([start()]).load_state_dict(saved)
    with pytest.raises(StateError, match="group"):
        SGD([{"params": [start()]}, {"params": [start()]}]).load_state_dict(saved)
    optimizer = SGD([w := start()], momentum=0.9)
    run(optimizer, w, [0])
    with pytest.raises(StateError, match=r"\(2,\)(?s:.*)\(3,\)"):
        SGD([Variable([1.0, 2.0])]).load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda w: SGD([w], lr=-0.1), "lr=-0.1"),
        (lambda w: SGD([w], momentum=-1), "momentum=-1"),
        (lambda w: SGD([w], nesterov=True), "nesterov"),
        (lambda w: Adam([w], betas=(0.9, 1.0)), r"betas=\(0.9, 1.0\)"),
        (lambda w: Adam([w], eps=math.nan), "eps=nan"),
        (lambda w: RMSprop([w], alpha=1.0), "alpha=1.0"),
        (lambda w: Adagrad([w], lr_decay=-1), "lr_decay=-1"),
        (lambda w: SGD([]), "at least one"),
        (lambda w: SGD([w, w]), "once"),
        (lambda w: SGD([{"params": [w]}, {"params": [w]}]), "once"),
        (lambda w: SGD([w * 2]), "result of an op"),
        (lambda w: SGD([w.detach()]), "Tensor"),
        (lambda w: SGD([1.0]), "sgd_step"),
        (SGD, r"\[w\]"),
        (lambda w: SGD([{"params": [w], "learning_rate": 1}]), "learning_rate"),
    ],
)
def test_bad_arguments_are_named(make, text):
    with pytest.raises(ArgumentError, match=text):
        make(start())


def test_missing_and_bad_gradients():
    w, other = start(), start()
    optimizer = SGD([w, other], check_finite=True)
    with pytest.raises(GradientError, match="backward"):
        optimizer.step()
    with pytest.raises(ShapeError, match=r"\(3,\)(?s:.*)\(2,\)"):
        optimizer.step({w: tensor([1.0, 2.0])})
    optimizer.step({w: gradient(w, 0)})
    np.testing.assert_array_equal(values(other), values(start()))
    with pytest.raises(GradientError, match=r"parameter 1(?s:.*)step 2"):
        optimizer.step({w: gradient(w, 0), other: tensor([1.0, math.nan, 1.0])})


@pytest.mark.step(1)
def test_plain_functions_take_numbers_and_arrays():
    w = 5.0
    for _ in range(100):
        w = sgd_step(w, 2 * w)
    assert isinstance(w, float)
    assert w == pytest.approx(5.0 * 0.98**100)
    np.testing.assert_allclose(sgd_step(np.ones(3), np.arange(3.0), lr=0.5), [1.0, 0.5, 0.0])
    w, m, v = adam_step(5.0, 10.0, 0.0, 0.0, 1, lr=0.1)
    assert (w, m, v) == pytest.approx((4.9, 1.0, 0.1))


@pytest.mark.step(2)
def test_schedules_are_functions_of_the_step():
    assert schedules.constant(0.1)(5) == 0.1
    assert schedules.step_decay(0.1, 10)(25) == pytest.approx(0.001)
    assert schedules.exponential(0.1, 0.5)(2) == pytest.approx(0.025)
    assert schedules.cosine(0.1, 10)(5) == pytest.approx(0.05)
    assert schedules.linear_warmup(0.3, 4, 0.0)(1) == pytest.approx(0.075)
    cycle = schedules.one_cycle(0.2, 101)
    assert (cycle(0), cycle(100)) == pytest.approx((0.008, 8e-7))
    assert max(map(cycle, range(101))) == pytest.approx(0.2, rel=1e-3)
    joined = schedules.join([schedules.constant(0.1), schedules.exponential(1.0, 0.5)], at=[2])
    assert [joined(step) for step in range(4)] == [0.1, 0.1, 1.0, 0.5]


def test_reduce_on_plateau():
    optimizer = SGD(lr=0.1)
    plateau = ReduceOnPlateau(optimizer, patience=1, factor=0.5)
    rates = []
    for metric in (1.0, 0.9, 0.9, 0.9, 0.9, 0.8):
        plateau.step(metric)
        rates.append(optimizer.lr)
    assert rates == [0.1, 0.1, 0.1, 0.05, 0.05, 0.05]


def test_clipping():
    w = Variable([3.0, 4.0])
    w.grad = tensor([3.0, 4.0])
    assert clip_grad_norm([w], 10.0) == pytest.approx(5.0)
    assert w.grad.tolist() == [3.0, 4.0]
    assert clip_grad_norm([w], 1.0) == pytest.approx(5.0)
    assert w.grad.tolist() == pytest.approx([0.6, 0.8], rel=1e-5)
    clip_grad_value([w], 0.7)
    assert w.grad.tolist() == pytest.approx([0.6, 0.7], rel=1e-5)
