"""Every optimizer, schedule and clipping rule against PyTorch, option by option."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from tinytorch import optim
from tinytorch.autograd import Variable
from tinytorch.optim import schedules
from tinytorch.tensor import from_numpy

STEPS = 25
START = np.random.default_rng(0).normal(size=(3, 4))
SCALE = np.random.default_rng(1).uniform(0.1, 10.0, size=(3, 4))


def options(**choices):
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


CASES = [
    *[
        ("SGD", case)
        for case in options(
            lr=[0.01, 0.1],
            momentum=[0.0, 0.5, 0.9],
            dampening=[0.0, 0.3],
            nesterov=[False, True],
            weight_decay=[0.0, 0.05],
        )
        if not case["nesterov"] or (case["momentum"] and not case["dampening"])
    ],
    *[
        (name, case)
        for name in ("Adam", "AdamW")
        for case in options(
            lr=[0.001, 0.1],
            betas=[(0.9, 0.999), (0.5, 0.8), (0.0, 0.0)],
            eps=[1e-8, 1e-2],
            weight_decay=[0.0, 0.05],
            amsgrad=[False, True],
        )
    ],
    *[
        ("RMSprop", case)
        for case in options(
            lr=[0.01, 0.1],
            alpha=[0.99, 0.5],
            eps=[1e-8, 1e-2],
            weight_decay=[0.0, 0.05],
            momentum=[0.0, 0.9],
            centered=[False, True],
        )
    ],
    *[
        ("Adadelta", case)
        for case in options(
            lr=[1.0, 0.1], rho=[0.9, 0.5], eps=[1e-6, 1e-2], weight_decay=[0.0, 0.05]
        )
    ],
    *[
        ("Adagrad", case)
        for case in options(
            lr=[0.01, 0.1],
            lr_decay=[0.0, 0.1],
            weight_decay=[0.0, 0.05],
            initial_accumulator_value=[0.0, 0.5],
            eps=[1e-10, 1e-2],
        )
    ],
]


def gradient(w, step):
    return SCALE * w + np.sin(step + np.arange(12.0).reshape(3, 4))


def name_of(case):
    return f"{case[0]}-{','.join(f'{key}={value}' for key, value in case[1].items())}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_25_steps_equal_torch(case):
    name, settings = case
    ours, theirs = Variable(START), torch.nn.Parameter(torch.tensor(START))
    our_optimizer = getattr(optim, name)([ours], **settings)
    their_optimizer = getattr(torch.optim, name)([theirs], **settings)
    for step in range(STEPS):
        g = gradient(ours.data, step)
        our_optimizer.step({ours: from_numpy(g)})
        theirs.grad = torch.from_numpy(gradient(theirs.detach().numpy(), step))
        their_optimizer.step()
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta"])
def test_default_settings_equal_torch(name):
    theirs = getattr(torch.optim, name)([torch.nn.Parameter(torch.zeros(1))])
    ours = getattr(optim, name)()
    assert {key: theirs.defaults[key] for key in ours.defaults if key != "lr"} == {
        key: value for key, value in ours.defaults.items() if key != "lr"
    }
    assert ours.lr == (0.01 if name == "SGD" else theirs.defaults["lr"])


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("SGD", {"lr": 0.01, "momentum": 0.9}),
        ("Adam", {}),
        ("RMSprop", {"momentum": 0.9}),
        ("Adagrad", {}),
        ("Adadelta", {}),
    ],
)
def test_a_large_float32_parameter_equals_torch_with_and_without_kernels(name, settings):
    start = np.random.default_rng(2).normal(size=200_001).astype(np.float32)
    ours, theirs = Variable(start), torch.nn.Parameter(torch.tensor(start))
    our_optimizer = getattr(optim, name)([ours], **settings)
    their_optimizer = getattr(torch.optim, name)([theirs], **settings)
    for step in range(5):
        g = np.random.default_rng(step).normal(size=start.shape).astype(np.float32)
        our_optimizer.step({ours: from_numpy(g)})
        theirs.grad = torch.from_numpy(g)
        their_optimizer.step()
    np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-5, atol=1e-5)


def test_groups_skips_and_changed_settings_equal_torch():
    ours = [Variable(START), Variable(START + 1)]
    theirs = [torch.nn.Parameter(torch.tensor(w.data.copy())) for w in ours]

    def groups(params):
        return [{"params": [params[0]]}, {"params": [params[1]], "lr": 0.5, "momentum": 0.0}]

    our_optimizer = optim.SGD(groups(ours), lr=0.1, momentum=0.9)
    their_optimizer = torch.optim.SGD(groups(theirs), lr=0.1, momentum=0.9)
    for step in range(STEPS):
        if step == 10:
            for group in (*our_optimizer.param_groups, *their_optimizer.param_groups):
                group["momentum"] = 0.5
        for index, (w, t) in enumerate(zip(ours, theirs, strict=True)):
            skipped = step % 3 == index
            w.grad = None if skipped else from_numpy(gradient(w.data, step))
            t.grad = None if skipped else torch.from_numpy(gradient(t.detach().numpy(), step))
        our_optimizer.step()
        their_optimizer.step()
    for w, t in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(w.data, t.detach().numpy(), rtol=1e-9)


def torch_rates(make, steps, lr=0.3):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = make(optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(steps - 1):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


S = torch.optim.lr_scheduler
SCHEDULES = {
    "constant": (schedules.constant(0.3), lambda o: S.ConstantLR(o, 1.0), 20),
    "step": (schedules.step_decay(0.3, 7, 0.5), lambda o: S.StepLR(o, 7, 0.5), 40),
    "milestones": (
        schedules.step_decay(0.3, [3, 10, 11], 0.5),
        lambda o: S.MultiStepLR(o, [3, 10, 11], 0.5),
        20,
    ),
    "exponential": (schedules.exponential(0.3, 0.9), lambda o: S.ExponentialLR(o, 0.9), 40),
    "cosine": (schedules.cosine(0.3, 30), lambda o: S.CosineAnnealingLR(o, 30), 31),
    "cosine to 0.01": (
        schedules.cosine(0.3, 30, end=0.01),
        lambda o: S.CosineAnnealingLR(o, 30, 0.01),
        31,
    ),
    "warmup": (schedules.linear_warmup(0.3, 5), S.LinearLR, 12),
    "warmup from 0.1": (
        schedules.linear_warmup(0.3, 8, 0.1),
        lambda o: S.LinearLR(o, 0.1, total_iters=8),
        12,
    ),
    "constant factor": (
        schedules.join([schedules.constant(0.1), schedules.constant(0.3)], at=[5]),
        lambda o: S.ConstantLR(o, 1 / 3, total_iters=5),
        12,
    ),
    "join": (
        schedules.join(
            [
                schedules.linear_warmup(0.3, 5),
                schedules.exponential(0.3, 0.9),
                schedules.cosine(0.3, 10),
            ],
            at=[5, 12],
        ),
        lambda o: S.SequentialLR(
            o, [S.LinearLR(o), S.ExponentialLR(o, 0.9), S.CosineAnnealingLR(o, 10)], [5, 12]
        ),
        22,
    ),
}


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_equal_torch(name):
    ours, theirs, steps = SCHEDULES[name]
    expected = torch_rates(theirs, steps)
    np.testing.assert_allclose(
        [ours(step) for step in range(steps)], expected, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("steps", [3, 10, 97, 100])
@pytest.mark.parametrize(
    ("pct_start", "three_phase"),
    [*product([0.0, 0.2, 0.3, 0.45, 0.5], [False, True]), (0.8, False), (1.0, False)],
)
@pytest.mark.parametrize("anneal", ["cos", "linear"])
@pytest.mark.parametrize("factors", [(25.0, 1e4), (10.0, 2.0)])
def test_one_cycle_equals_torch(steps, pct_start, three_phase, anneal, factors):
    settings = {
        "pct_start": pct_start,
        "div_factor": factors[0],
        "final_div_factor": factors[1],
        "three_phase": three_phase,
    }

    def make(optimizer):
        return S.OneCycleLR(
            optimizer,
            0.3,
            total_steps=steps,
            anneal_strategy=anneal,
            cycle_momentum=False,
            **settings,
        )

    ours = schedules.one_cycle(0.3, steps, anneal=anneal, **settings)
    expected = torch_rates(make, steps)
    np.testing.assert_allclose(
        [ours(step) for step in range(steps)], expected, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize("cooldown", [0, 2])
@pytest.mark.parametrize("min_lr", [0.0, 0.01])
def test_reduce_on_plateau_equals_torch(mode, threshold_mode, cooldown, min_lr):
    settings = {
        "mode": mode,
        "threshold_mode": threshold_mode,
        "cooldown": cooldown,
        "min_lr": min_lr,
        "factor": 0.5,
        "patience": 2,
        "threshold": 0.05,
    }
    ours = optim.SGD(lr=0.3)
    theirs = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    our_plateau = optim.ReduceOnPlateau(ours, **settings)
    their_plateau = S.ReduceLROnPlateau(theirs, **settings)
    rng = np.random.default_rng(0)
    metrics = [*rng.normal(0.0, 1.0, 60), math.nan, math.nan, math.nan, -9.0, 9.0]
    if threshold_mode == "rel":
        metrics = np.abs(metrics)  # of negative ones PyTorch takes the threshold the wrong way
    for metric in metrics:
        our_plateau.step(metric)
        their_plateau.step(metric)
        assert ours.lr == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-12)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("max_norm", [0.0, 0.5, 4.0, 100.0])
def test_clip_grad_norm_equals_torch(norm_type, max_norm):
    ours, theirs = _with_gradients()
    total = optim.clip_grad_norm(ours, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert total == pytest.approx(float(expected), rel=1e-9)
    for w, t in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(w.grad.numpy(), t.grad.numpy(), rtol=1e-9)


def test_clip_grad_value_equals_torch():
    ours, theirs = _with_gradients()
    optim.clip_grad_value(ours, 0.3)
    torch.nn.utils.clip_grad_value_(theirs, 0.3)
    for w, t in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(w.grad.numpy(), t.grad.numpy())


def _with_gradients():
    ours = [Variable(START), Variable(START[0]), Variable(2.0, dtype="float64")]
    theirs = [torch.nn.Parameter(torch.tensor(w.data.copy())) for w in ours]
    for step, (w, t) in enumerate(zip(ours, theirs, strict=True)):
        g = np.asarray(np.sin(step + w.data))
        w.grad, t.grad = from_numpy(g), torch.tensor(g)
    return ours, theirs


@pytest.mark.parametrize("adjust", [None, "original", "match_rms_adamw"])
@pytest.mark.parametrize("shape", [(6, 4), (4, 6)])
@pytest.mark.parametrize("nesterov", [True, False])
def test_muon_walks_with_torch_as_far_as_bfloat16_goes(shape, nesterov, adjust):
    rng = np.random.default_rng(0)
    start = rng.normal(size=shape).astype(np.float32)
    settings = {"lr": 0.01, "momentum": 0.9, "nesterov": nesterov, "adjust_lr_fn": adjust}
    ours, theirs = Variable(start), torch.nn.Parameter(torch.tensor(start))
    our_optimizer = optim.Muon([ours], **settings)
    their_optimizer = torch.optim.Muon([theirs], **settings)
    for _ in range(5):
        g = rng.normal(size=shape).astype(np.float32)
        our_optimizer.step({ours: from_numpy(g)})
        theirs.grad = torch.from_numpy(g)
        their_optimizer.step()
    moved = np.abs(theirs.detach().numpy() - start).max()
    np.testing.assert_allclose(ours.data, theirs.detach().numpy(), atol=0.03 * moved)


def test_default_settings_of_muon_equal_torch():
    theirs = torch.optim.Muon([torch.nn.Parameter(torch.zeros(1, 1))]).defaults
    ours = optim.Muon().defaults
    assert {name: theirs[name] for name in ours} == ours
