"""Parameters and groups: what is accepted, what is refused, and in which words."""

import math

import numpy as np
import pytest

from tinytorch.autograd import Variable, nn
from tinytorch.optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    NonFiniteError,
    ParameterError,
    RMSprop,
)
from tinytorch.tensor import ArgumentError, ShapeError, tensor


def leaves(count):
    return [Variable(float(i)) for i in range(count)]


def test_named_parameters_keep_their_names():
    x, y, z = leaves(3)
    optimizer = SGD([("x", x), ("y", y)])
    optimizer.add_param_group({"params": [z]})
    assert [name for name, _ in optimizer.named_parameters()] == ["x", "y", "parameter 2"]
    assert [p for _, p in optimizer.named_parameters()][2] is z


def test_groups_may_be_given_by_a_generator():
    x, y = leaves(2)
    optimizer = SGD({"params": p, "lr": r} for p, r in (([x], 0.1), ((y,), 0.2)))
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.2]
    assert optimizer.param_groups[1]["params"] == [y]


def test_group_settings_are_made_plain():
    x, y = leaves(2)
    optimizer = Adam([{"params": [x], "lr": np.float64(0.5), "betas": [0.5, np.float32(0.5)]}])
    (group,) = optimizer.param_groups
    assert group == {
        "params": [x],
        "lr": 0.5,
        "betas": (0.5, 0.5),
        "eps": 1e-8,
        "weight_decay": 0.0,
        "amsgrad": False,
    }
    assert {type(group["lr"]), *map(type, group["betas"])} == {float}
    SGD([y], lr=1, nesterov=np.bool_(False))


def test_defaults_are_those_at_the_time_of_binding():
    optimizer = SGD(lr=0.5)
    optimizer.lr = 0.25
    x, y = leaves(2)
    optimizer.bind([x])
    optimizer.lr = 0.125
    optimizer.add_param_group({"params": [y]})
    assert [g["lr"] for g in optimizer.param_groups] == [0.125, 0.125]


def test_bind_gives_the_optimizer_back():
    optimizer = SGD()
    assert optimizer.bind(leaves(1)) is optimizer


def test_add_param_group_binds_too():
    optimizer = SGD()
    optimizer.add_param_group({"params": leaves(1)})
    assert optimizer.is_bound


def test_a_failed_bind_leaves_nothing_behind():
    optimizer = SGD()
    x, y = leaves(2)
    with pytest.raises(ParameterError, match="once"):
        optimizer.bind([{"params": [x]}, {"params": [y, x]}])
    assert not optimizer.is_bound
    assert optimizer.named_parameters() == []
    optimizer.bind([x, y])
    assert len(optimizer.named_parameters()) == 2


def test_a_failed_group_leaves_the_others():
    x, y = leaves(2)
    optimizer = SGD([x])
    with pytest.raises(ParameterError):
        optimizer.add_param_group({"params": [y, x]})
    assert [p for _, p in optimizer.named_parameters()] == [x]
    optimizer.add_param_group({"params": [y]})
    assert [name for name, _ in optimizer.named_parameters()] == ["parameter 0", "parameter 1"]


def test_bound_optimizers_cannot_be_bound_again():
    with pytest.raises(ParameterError, match=r"SGD.bind(?s:.*)one with 2(?s:.*)add_param_group"):
        SGD(leaves(2)).bind(leaves(1))


def test_stepping_unbound_says_how_to_bind():
    with pytest.raises(ParameterError, match=r"Adam.step(?s:.*)Adam\(module.parameters\(\)\)"):
        Adam().step()


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (lambda x: x, r"one Variable(?s:.*)\[w\]"),
        (lambda x: nn.Linear(1, 1, rng=0), r"a module, Linear(?s:.*)module.parameters\(\)"),
        (lambda x: nn.Sequential(nn.ReLU()), r"a module, Sequential"),
        (lambda x: {"params": [x]}, "one group(?s:.*)put it in a list"),
        (lambda x: {"w": x}, r"a mapping(?s:.*)named_parameters"),
        (lambda x: "weights", "a str"),
        (lambda x: tensor([1.0]), "a Tensor(?s:.*)a list of Variables"),
        (lambda x: 3, "got: +3"),
        (lambda x: [], "at least one parameter(?s:.*)generator"),
        (lambda x: iter(()), "at least one parameter"),
        (lambda x: [{"params": []}], "at least one parameter"),
        (lambda x: nn.ReLU().parameters(), "at least one parameter"),
        (lambda x: [x, x * 2], r"parameter 1(?s:.*)result of an op, shape \(\)(?s:.*)detach"),
        (lambda x: [tensor([1.0])], r"parameter 0(?s:.*)a Tensor, shape \(1,\)(?s:.*)Variable"),
        (lambda x: [("w", 1.5)], r"as w(?s:.*)float 1.5(?s:.*)sgd_step"),
        (lambda x: [np.zeros(2)], r"ndarray array"),
        (lambda x: [x, {"params": [x]}], "group among parameters"),
        (lambda x: [{"params": [x]}, Variable(1.0)], "a Variable as group 1(?s:.*)groups only"),
        (lambda x: [("a", x), ("b", x)], "a again, as b"),
        (lambda x: [{"params": x}], r"\[w\]"),
    ],
)
def test_what_is_no_parameter(params, text):
    with pytest.raises(ParameterError, match=text) as caught:
        SGD(params(Variable(1.0)))
    assert caught.value.operation == "SGD"


def test_errors_carry_the_parameter():
    x = Variable(1.0)
    with pytest.raises(ParameterError) as caught:
        SGD([("x", x), ("y", x)])
    assert caught.value.parameter == "y"
    with pytest.raises(ParameterError) as caught:
        SGD([("z", x * 2)])
    assert caught.value.parameter == "z"


@pytest.mark.parametrize(
    ("group", "text"),
    [
        ({"lr": 0.1}, r"""keys \['lr'\](?s:.*)under "params\""""),
        ({"params": [Variable(1.0)], "learning": 1}, "'learning' in group 1(?s:.*)leave it out"),
        ({"params": [Variable(1.0)], "moment": 1}, "did you mean 'momentum'"),
        ({"params": [Variable(1.0)], "lr": -1}, "lr=-1"),
        ({"params": [Variable(1.0)], "nesterov": True}, "nesterov=True"),
    ],
)
def test_bad_groups(group, text):
    optimizer = SGD([Variable(1.0)])
    with pytest.raises(ArgumentError, match=text) as caught:
        optimizer.add_param_group(group)
    assert caught.value.operation == "SGD.add_param_group"
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        *[
            (kind, {name: value})
            for kind, names in {
                SGD: ["lr", "momentum", "weight_decay"],
                Adam: ["lr", "eps", "weight_decay"],
                AdamW: ["lr", "eps", "weight_decay"],
                RMSprop: ["lr", "eps", "weight_decay", "momentum"],
                Adadelta: ["lr", "eps", "weight_decay"],
                Adagrad: ["lr", "eps", "weight_decay", "lr_decay", "initial_accumulator_value"],
            }.items()
            for name in names
            for value in (-0.1, math.nan, math.inf, "0.1", True, None)
        ],
        *[(SGD, {"dampening": value}) for value in (math.nan, math.inf, "0", False)],
        *[(SGD, {"nesterov": value}) for value in (1, "yes", None)],
        *[(Adadelta, {"rho": value}) for value in (-0.1, 1.0, 2, math.nan)],
        *[(RMSprop, {"alpha": value}) for value in (-0.1, 1.0, 2, math.nan)],
        *[(RMSprop, {"centered": value}) for value in (1, "yes")],
        *[
            (Adam, {"betas": value})
            for value in ((0.9,), (0.9, 0.9, 0.9), (-0.1, 0.9), (0.9, 1), 0.9, (0.9, "a"))
        ],
        (Adam, {"amsgrad": 1}),
    ],
)
def test_hyperparameters_are_refused_by_name(kind, settings):
    ((name, value),) = settings.items()
    with pytest.raises(ArgumentError) as caught:
        kind(**settings)
    assert caught.value.operation == kind.__name__
    assert caught.value.expected.startswith(f"{name}: ")
    assert caught.value.got == f"{name}={value!r}"
    assert (caught.value.name, str(caught.value.value)) == (name, str(value))
    assert name in caught.value.fix


@pytest.mark.parametrize(
    "settings",
    [
        {"momentum": 0.0, "nesterov": True},
        {"momentum": 0.9, "dampening": 0.1, "nesterov": True},
    ],
)
def test_nesterov_needs_momentum_without_dampening(settings):
    with pytest.raises(ArgumentError, match=r"SGD(?s:.*)momentum > 0(?s:.*)momentum=0"):
        SGD(**settings)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(lr=0, momentum=0.5, nesterov=True),
        SGD(momentum=1.5, dampening=-1),
        Adam(betas=(0, 0), eps=0),
        RMSprop(alpha=0),
    ],
)
def test_corners_of_the_ranges_are_allowed(optimizer):
    assert optimizer.lr >= 0


def test_lr_is_checked_when_it_is_set():
    optimizer = SGD([Variable(1.0)], lr=0.1)
    with pytest.raises(ArgumentError, match=r"lr=nan") as caught:
        optimizer.lr = math.nan
    assert caught.value.operation == "SGD.lr"
    assert optimizer.lr == 0.1


def test_settings_changed_in_a_group_are_checked_at_the_next_step():
    w = Variable(1.0)
    optimizer = SGD([w])
    optimizer.param_groups[0]["lr"] = -1.0
    with pytest.raises(ArgumentError, match=r"lr=-1\.0") as caught:
        optimizer.step({w: tensor(1.0)})
    assert caught.value.operation == "SGD.step"
    assert w.item() == 1.0


def test_repr_tells_settings():
    assert repr(SGD(lr=0.5)) == (
        "SGD(0 parameters, lr=0.5, momentum=0.0, dampening=0.0, nesterov=False, weight_decay=0.0)"
    )
    optimizer = SGD([{"params": leaves(2), "lr": 0.25}, {"params": leaves(1)}])
    assert repr(optimizer).startswith("SGD(3 parameters, lr=0.25")


def test_groups_may_be_emptied_and_filled_anew():
    x, y = leaves(2)
    optimizer = SGD([("x", x)], lr=1.0)
    optimizer.param_groups.clear()
    assert not optimizer.is_bound
    optimizer.bind([("y", y), ("x", x)])
    assert [name for name, _ in optimizer.named_parameters()] == ["y", "x"]
    optimizer.param_groups[0]["params"].append(z := Variable(5.0))
    assert optimizer.named_parameters()[2] == ("parameter 2", z)
    optimizer.step({z: tensor(1.0)})
    assert z.item() == 4.0
    with pytest.raises(ShapeError, match="gradient of a parameter as"):
        optimizer.step({z: tensor([1.0])})


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSprop, Adagrad])
def test_gradients_are_checked_when_asked_alone(kind):
    assert not kind().check_finite
    with pytest.raises(NonFiniteError):
        kind([x := Variable(1.0)], check_finite=True).step({x: tensor(math.nan)})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"lr": -1}, "lr: a finite number of at least 0"),
        ({"dampening": "a"}, "dampening: a finite number"),
        ({"nesterov": 2}, "nesterov: True or False"),
    ],
)
def test_ranges_are_told(settings, expected):
    with pytest.raises(ArgumentError) as caught:
        SGD(**settings)
    assert caught.value.expected == expected


def test_ranges_of_fractions_are_told():
    with pytest.raises(
        ArgumentError, match="expected: betas: two numbers from 0 to 1, and below 1"
    ):
        Adam(betas=(1, 1))
    with pytest.raises(ArgumentError, match="expected: alpha: a number from 0 to 1, and below 1"):
        RMSprop(alpha=1)
