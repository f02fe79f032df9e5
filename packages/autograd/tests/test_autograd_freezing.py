"""Frozen Parameters: constants to every op, still part of the module."""

import copy
import pickle  # noqa: TID251 - modules pass between processes by it

import numpy as np
import pytest

from tinytorch.autograd import Variable, grad, graph, nn
from tinytorch.tensor import ArgumentError, GradientError, Tensor, ops, tensor

X = tensor(np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3))


def frozen(*shape):
    return nn.Parameter(np.ones(shape, np.float32), requires_grad=False)


def test_a_parameter_learns_until_it_is_frozen():
    weight = nn.Parameter([1.0])
    assert weight.requires_grad
    weight.requires_grad = False
    assert not weight.requires_grad
    weight.requires_grad = True
    assert weight.requires_grad


def test_ops_on_frozen_parameters_alone_remember_nothing():
    weight = frozen(2)
    assert type(weight * 2) is Tensor
    assert type(weight * frozen(2)) is Tensor
    assert type(weight * tensor([1.0, 2.0])) is Tensor


@pytest.mark.parametrize(
    "product",
    [
        lambda w, x: w * x,
        lambda w, x: x * w,
        ops.mul,
        lambda w, x: ops.mul(x, w),
        lambda w, x: ops.where([True, False], w, x) * w,
    ],
)
@pytest.mark.parametrize("kind", [Variable, nn.Parameter])
def test_beside_what_learns_a_frozen_parameter_is_a_constant(product, kind):
    weight, x = frozen(2), kind([3.0, 4.0])
    gradients = product(weight, x).sum().backward()
    assert weight.grad is None
    assert list(map(id, gradients)) == [id(x)]


def test_the_walk_does_not_enter_frozen_layers():
    calls = []

    class Watched(nn.Linear):
        def forward(self, x):
            y = super().forward(x)
            calls.append(type(y))
            return y

    model = nn.Sequential(Watched(3, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1))
    model[0].requires_grad_(False)
    gradients = model(X).sum().backward()
    assert calls == [Tensor]
    assert {id(p) for p in gradients} == {id(p) for p in model[2].parameters()}


def test_gradients_pass_through_frozen_layers_to_those_below():
    model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Linear(2, 1, rng=1))
    model(X).sum().backward()
    expected = model[0].weight.grad.tolist()
    model.zero_grad()
    model[1].requires_grad_(False)
    model(X).sum().backward()
    assert model[0].weight.grad.tolist() == expected
    assert model[1].weight.grad is None


def test_what_was_recorded_before_freezing_leaves_out_the_frozen():
    weight, x = nn.Parameter([2.0]), Variable([3.0])
    loss = (weight * x).sum()
    weight.requires_grad = False
    assert loss.backward()[x].tolist() == [2.0]
    assert weight.grad is None


def test_what_was_recorded_while_frozen_does_not_go_backward_after_thawing():
    weight, x = frozen(1), Variable([3.0])
    loss = (weight * x).sum()
    weight.requires_grad = True
    with pytest.raises(GradientError, match="compute the loss again"):
        loss.backward()


def test_frozen_parameters_stay_in_the_module_and_its_state():
    model = nn.Linear(3, 2, rng=0)
    names, state = [name for name, _ in model.named_parameters()], list(model.state_dict())
    assert model.requires_grad_(False) is model
    assert [name for name, _ in model.named_parameters()] == names
    assert list(model.state_dict()) == state
    model.load_state_dict(nn.Linear(3, 2, rng=1).state_dict())
    assert model.weight.tolist() == nn.Linear(3, 2, rng=1).weight.tolist()
    assert not model.weight.requires_grad


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_frozen_too(copied):
    model = nn.Linear(3, 2, rng=0)
    model.weight.requires_grad = False
    twin = copied(model)
    assert [p.requires_grad for p in twin.parameters()] == [False, True]
    twin.weight.requires_grad = True
    assert type(twin.weight) is nn.Parameter
    assert not model.weight.requires_grad


def test_a_view_of_a_frozen_parameter_keeps_its_values():
    weight = frozen(2, 2)
    kept = weight.T
    weight.assign(np.zeros((2, 2)))
    weight.requires_grad = True
    weight.assign(np.full((2, 2), 5.0))
    assert kept.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_a_kind_of_parameter_stays_its_kind():
    class Scaled(nn.Parameter):
        __slots__ = ()

    weight = Scaled([1.0], requires_grad=False)
    assert isinstance(weight, Scaled)
    assert type(weight * 1) is Tensor
    weight.requires_grad = True
    assert type(weight) is Scaled


def test_functions_of_functions_take_a_frozen_parameter_as_a_point():
    weight = frozen(2)
    assert grad(lambda w: (w * w).sum())(weight).tolist() == [2.0, 2.0]
    assert type(grad(lambda x: (x * weight).sum())(tensor([1.0, 2.0]))) is Tensor


def test_a_summary_tells_what_is_frozen():
    model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Linear(2, 1, rng=1))
    assert "frozen" not in str(model.summary((1, 3)))
    model[0].requires_grad_(False)
    summary = model.summary((1, 3))
    assert (summary.parameters, summary.trainable) == (11, 3)
    assert str(summary).endswith("8 of 11 parameters are frozen")


def test_it_shows_that_it_is_frozen():
    assert repr(frozen(1)) == "Parameter([1.], requires_grad=False)"
    assert "%0 = Parameter (1,)" in graph.to_text(frozen(1) * Variable([1.0]))


@pytest.mark.parametrize("wrong", [None, 0, "no", 1.0])
def test_only_true_and_false_freeze(wrong):
    with pytest.raises(ArgumentError, match="requires_grad"):
        nn.Parameter([1.0]).requires_grad = wrong
    with pytest.raises(ArgumentError, match="requires_grad"):
        nn.Parameter([1.0], requires_grad=wrong)


def test_a_variable_that_is_no_parameter_names_the_way_out():
    x = Variable([1.0])
    x.requires_grad = True
    assert x.requires_grad
    with pytest.raises(GradientError, match="detach"):
        x.requires_grad = False


def test_nothing_goes_backward_from_a_frozen_parameter():
    with pytest.raises(GradientError, match="frozen"):
        frozen(1).backward()
