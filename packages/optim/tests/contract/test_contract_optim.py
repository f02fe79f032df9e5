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
    adagrad_step,
    adam_step,
    adamw_step,
    clip_grad_norm,
    clip_grad_value,
    momentum_step,
    rmsprop_step,
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


def test_zero_grad_forgets_the_gradients():
    w = start()
    w.grad = gradient(w, 0)
    SGD([w]).zero_grad()
    assert w.grad is None


def test_step_with_gradients_uses_those_and_clears_grad():
    w = Variable(5.0)
    optimizer = SGD([w], lr=0.1)
    for _ in range(2):
        loss = w * w
        optimizer.step(loss.backward())
        assert w.grad is None
    assert w.item() == pytest.approx(5.0 * 0.8**2)


def test_gradients_of_the_call_go_before_grad():
    w = Variable(5.0)
    w.grad = tensor(100.0)
    SGD([w], lr=0.1).step({w: tensor(10.0)})
    assert w.item() == pytest.approx(4.0)
    assert w.grad is None


@pytest.mark.parametrize("kind", ALL)
def test_a_step_leaves_the_gradients_as_they_are(kind):
    w = start()
    w.grad = tensor(np.array([1.0, 2.0, 3.0]))
    kind([w], weight_decay=0.5).step()
    assert w.grad.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(("name", "settings"), [case[:2] for case in TORCH])
def test_each_parameter_has_a_state_of_its_own(name, settings):
    alone, beside, other = start(), start(), start()
    kind = getattr(optim, name)
    one, two = kind([alone], **settings), kind([other, beside], **settings)
    for step in range(5):
        one.step({alone: gradient(alone, step)})
        two.step({other: gradient(other, -step), beside: gradient(beside, step)})
    np.testing.assert_array_equal(values(alone), values(beside))


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
    optimizer.bind([w])
    assert optimizer.is_bound
    run(optimizer, w, [0])
    assert not np.array_equal(values(w), values(start()))


def test_an_optimizer_without_parameters_does_not_step():
    with pytest.raises(ArgumentError, match=r"step.*(?s:.*)bind"):
        Adam().step()


def test_an_optimizer_is_bound_once():
    with pytest.raises(ArgumentError, match="without parameters"):
        SGD([start()]).bind([start()])


@pytest.mark.parametrize(
    "given",
    [
        lambda model: model.parameters(),
        lambda model: list(model.parameters()),
        lambda model: model.named_parameters(),
        lambda model: [{"params": model.parameters()}],
    ],
    ids=["generator", "list", "names", "groups"],
)
def test_parameters_come_in_several_forms(given):
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=0))
    (group,) = SGD(given(model)).param_groups
    assert [id(p) for p in group["params"]] == [id(p) for p in model.parameters()]


def test_groups_have_settings_of_their_own():
    fast, slow = Variable(1.0), Variable(1.0)
    optimizer = SGD([{"params": [fast], "lr": 0.5}, {"params": [slow]}], lr=0.1)
    optimizer.step({fast: tensor(1.0), slow: tensor(1.0)})
    assert (fast.item(), slow.item()) == pytest.approx((0.5, 0.9))
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1]


def test_a_group_may_be_added_later():
    optimizer = SGD([Variable(1.0)], lr=0.1)
    optimizer.add_param_group({"params": [late := Variable(1.0)], "lr": 0.2})
    optimizer.step({late: tensor(1.0)})
    assert late.item() == pytest.approx(0.8)


def test_lr_reads_the_first_group_and_sets_all():
    optimizer = SGD([{"params": [Variable(1.0)], "lr": 0.5}, {"params": [Variable(1.0)]}])
    assert optimizer.lr == 0.5
    optimizer.lr = 0.25
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


def test_lr_may_be_set_before_there_are_parameters():
    unbound = Adam()
    unbound.lr = 0.5
    assert unbound.bind([Variable(1.0)]).lr == 0.5


def test_a_rate_out_of_range_is_refused_when_it_is_set():
    optimizer = SGD([Variable(1.0)], lr=0.1)
    with pytest.raises(ArgumentError, match="lr=-1"):
        optimizer.lr = -1
    assert optimizer.lr == 0.1


def test_frozen_parameters_are_not_moved():
    frozen, free = nn.Parameter([1.0]), nn.Parameter([1.0])
    frozen.requires_grad = False
    SGD([frozen, free], lr=0.5).step((frozen * free).sum().backward())
    assert (frozen.item(), free.item()) == (1.0, 0.5)


@pytest.mark.parametrize("kind", ALL)
def test_half_precision_walks_as_float32_does(kind):
    half, single = Variable([1.0, 1.0], "float16"), Variable([1.0, 1.0], "float32")
    for w in (half, single):
        optimizer = kind([w])
        for _ in range(20):
            optimizer.step({w: tensor(np.array([0.0, 1e-3], np.float16))})
    assert half.dtype == np.float16
    np.testing.assert_array_equal(values(half), values(single).astype(np.float16))


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


def saved_after_a_step():
    optimizer = SGD([w := start()], momentum=0.9)
    run(optimizer, w, [0])
    return optimizer.state_dict()


def test_the_state_of_another_optimizer_is_refused():
    with pytest.raises(StateError, match="Adam"):
        Adam([start()]).load_state_dict(saved_after_a_step())


def test_a_state_of_other_groups_is_refused():
    with pytest.raises(StateError, match="group"):
        SGD([{"params": [start()]}, {"params": [start()]}]).load_state_dict(saved_after_a_step())


def test_a_state_of_other_shapes_is_refused():
    with pytest.raises(StateError, match=r"\(2,\)(?s:.*)\(3,\)"):
        SGD([Variable([1.0, 2.0])]).load_state_dict(saved_after_a_step())


def test_a_state_with_something_missing_is_refused():
    saved = saved_after_a_step()
    del saved["state"][0]["momentum_buffer"]
    with pytest.raises(StateError, match="momentum_buffer"):
        SGD([start()], momentum=0.9).load_state_dict(saved)


def test_an_empty_dict_is_no_state():
    with pytest.raises(StateError, match="state"):
        SGD([start()]).load_state_dict({})


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


def test_a_step_without_any_gradient_is_refused():
    with pytest.raises(GradientError, match="backward"):
        SGD([start()]).step()


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match=r"\(3,\)(?s:.*)\(2,\)"):
        SGD([w := start()]).step({w: tensor([1.0, 2.0])})


def test_parameters_without_a_gradient_stay():
    w, other = start(), start()
    SGD([w, other]).step({w: gradient(w, 0)})
    np.testing.assert_array_equal(values(other), values(start()))


def test_a_gradient_that_is_not_finite_is_named_when_asked():
    w, other = start(), start()
    optimizer = SGD([w, other], check_finite=True)
    run(optimizer, w, [0])
    with pytest.raises(GradientError, match=r"parameter 1(?s:.*)step 2"):
        optimizer.step({w: gradient(w, 0), other: tensor([1.0, math.nan, 1.0])})


@pytest.mark.step(1)
def test_a_plain_step_of_a_number_is_a_number():
    w = 5.0
    for _ in range(100):
        w = sgd_step(w, 2 * w)
    assert isinstance(w, float)
    assert w == pytest.approx(5.0 * 0.98**100)


@pytest.mark.step(1)
def test_a_plain_step_of_an_array_is_an_array():
    np.testing.assert_allclose(sgd_step(np.ones(3), np.arange(3.0), lr=0.5), [1.0, 0.5, 0.0])


@pytest.mark.step(1)
def test_the_velocity_gathers_gradients_not_steps():
    w, velocity = momentum_step(5.0, 10.0, 2.0, lr=0.1, momentum=0.5)
    assert (w, velocity) == pytest.approx((3.9, 11.0))
    w, velocity = momentum_step(5.0, 10.0, 2.0, lr=0.2, momentum=0.5)
    assert (w, velocity) == pytest.approx((2.8, 11.0))


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (lambda w, g: rmsprop_step(w, g, 2.0, 1.0, 0.5, 1.0), (4.0, 9.0)),
        (lambda w, g: adagrad_step(w, g, 9.0, 1.0, 1.0), (5.0 - 4.0 / 6.0, 25.0)),
        (lambda w, g: adam_step(w, g, 0.0, 0.0, 1, lr=0.1), (4.9, 0.4, 0.016)),
        (lambda w, g: adamw_step(w, g, 0.0, 0.0, 1, 0.1, weight_decay=0.1), (4.85, 0.4, 0.016)),
    ],
    ids=["rmsprop", "adagrad", "adam", "adamw"],
)
def test_plain_steps_return_the_weights_and_what_the_next_needs(step, expected):
    assert step(5.0, 4.0) == pytest.approx(expected)


@pytest.mark.step(2)
@pytest.mark.parametrize(
    ("make", "rates"),
    [
        (lambda: schedules.constant(0.1), {0: 0.1, 5: 0.1}),
        (lambda: schedules.step_decay(0.1, 10), {9: 0.1, 10: 0.01, 25: 0.001}),
        (lambda: schedules.step_decay(0.1, [3, 5]), {2: 0.1, 3: 0.01, 4: 0.01, 5: 0.001}),
        (lambda: schedules.exponential(0.1, 0.5), {0: 0.1, 2: 0.025}),
        (lambda: schedules.cosine(0.1, 10), {0: 0.1, 5: 0.05, 10: 0.0, 99: 0.0}),
        (lambda: schedules.linear_warmup(0.3, 4, 0.0), {0: 0.0, 1: 0.075, 4: 0.3, 9: 0.3}),
        (lambda: schedules.one_cycle(0.2, 100), {0: 0.008, 29: 0.2, 99: 8e-7}),
        (
            lambda: schedules.join([lambda step: 0.1, lambda step: 0.5**step], at=[2]),
            {0: 0.1, 1: 0.1, 2: 1.0, 3: 0.5},
        ),
    ],
    ids=["constant", "interval", "milestones", "exponential", "cosine", "warmup", "cycle", "join"],
)
def test_a_schedule_is_a_function_of_the_step(make, rates):
    schedule = make()
    assert {step: schedule(step) for step in rates} == pytest.approx(rates)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: schedules.cosine(0.1, steps=0), "steps=0"),
        (lambda: schedules.step_decay(0.1, every=[5, 3]), "every"),
        (lambda: schedules.join([schedules.constant(0.1)], at=[5]), "beginning"),
    ],
)
def test_a_schedule_refuses_bad_arguments(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()


def rates_of(metrics, **settings):
    optimizer = SGD(lr=0.1)
    plateau = ReduceOnPlateau(optimizer, patience=1, factor=0.5, **settings)
    rates = []
    for metric in metrics:
        plateau.step(metric)
        rates.append(optimizer.lr)
    return rates


def test_the_rate_falls_when_the_metric_does_not():
    assert rates_of([1.0, 0.9, 0.9, 0.9, 0.9, 0.8]) == [0.1, 0.1, 0.1, 0.05, 0.05, 0.05]


def test_a_better_metric_starts_the_patience_anew():
    assert rates_of([1.0, 1.0, 0.9, 0.9, 0.9]) == [0.1, 0.1, 0.1, 0.1, 0.05]


def test_more_may_be_better():
    assert rates_of([1.0, 2.0, 3.0, 3.0, 3.0], mode="max") == [0.1, 0.1, 0.1, 0.1, 0.05]


def test_a_negative_metric_that_stays_is_no_better():
    assert rates_of([-1.0, -1.0, -1.0]) == [0.1, 0.1, 0.05]


def with_gradient(*numbers):
    w = Variable(list(numbers))
    w.grad = tensor(list(numbers))
    return w


def test_a_small_norm_is_told_and_left():
    w = with_gradient(3.0, 4.0)
    assert clip_grad_norm([w], 10.0) == pytest.approx(5.0)
    assert w.grad.tolist() == [3.0, 4.0]


def test_a_large_norm_is_cut():
    w = with_gradient(3.0, 4.0)
    assert clip_grad_norm([w], 1.0) == pytest.approx(5.0)
    assert w.grad.tolist() == pytest.approx([0.6, 0.8], rel=1e-5)


def test_values_are_cut_on_both_sides():
    w = with_gradient(3.0, -4.0, 0.5)
    clip_grad_value([w], 0.7)
    assert w.grad.tolist() == pytest.approx([0.7, -0.7, 0.5], rel=1e-5)
