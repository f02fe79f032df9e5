"""One step: which gradients it takes, what it refuses, and that a refused step changes nothing."""

import math

import numpy as np
import pytest

from tinytorch.autograd import Variable, nn
from tinytorch.optim import SGD, Adam, NonFiniteError
from tinytorch.tensor import ArgumentError, GradientError, ShapeError, tensor


def test_parameters_without_a_gradient_stay():
    x, y = Variable(1.0), Variable(1.0)
    optimizer = Adam([x, y], lr=0.1)
    x.grad = tensor(1.0)
    optimizer.step()
    assert (x.item(), y.item()) == pytest.approx((0.9, 1.0))
    assert [state.get("step") for state in optimizer.state_dict()["state"]] == [1, None]


def test_gradients_of_the_call_go_before_grad():
    x, y = Variable(1.0), Variable(1.0)
    x.grad = y.grad = tensor(100.0)
    SGD([x, y], lr=0.5).step({x: tensor(1.0)})
    assert (x.item(), y.item()) == (0.5, 1.0)
    assert x.grad is y.grad is None


def test_only_own_gradients_are_cleared():
    x, y = Variable(1.0), Variable(2.0)
    loss = x * y
    SGD([x], lr=0.5).step(loss.backward())
    assert x.item() == 0.0
    assert x.grad is None
    assert y.grad.item() == 1.0


def test_gradients_may_be_arrays_or_numbers():
    x = Variable([1.0, 2.0])
    y = Variable(1.0)
    SGD([x, y], lr=1.0).step({x: np.array([1.0, 0.0]), y: 0.5})
    assert (x.tolist(), y.item()) == ([0.0, 2.0], 0.5)


def frozen_and_free():
    frozen, free = nn.Parameter([1.0, 1.0]), nn.Parameter([1.0, 1.0])
    frozen.requires_grad = False
    return frozen, free


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_frozen_parameters_stay_and_have_no_state(kind):
    frozen, free = frozen_and_free()
    optimizer = kind([frozen, free], lr=0.5)
    optimizer.step((frozen * free).sum().backward())
    assert frozen.tolist() == [1.0, 1.0]
    assert free.tolist() == pytest.approx([0.5, 0.5])
    assert frozen.grad is free.grad is None
    assert [state.get("step") for state in optimizer.state_dict()["state"]] == [None, 1]


def test_a_gradient_that_a_frozen_parameter_still_has_is_not_used():
    frozen, free = frozen_and_free()
    optimizer = SGD([frozen, free], lr=0.5)
    frozen.grad = free.grad = tensor([1.0, 1.0])
    optimizer.step()
    assert frozen.tolist() == [1.0, 1.0]
    optimizer.step({frozen: tensor([1.0, 1.0]), free: tensor([1.0, 1.0])})
    assert frozen.tolist() == [1.0, 1.0]
    assert frozen.grad is None


def test_parameters_that_thaw_go_on_where_they_were():
    frozen, free = frozen_and_free()
    optimizer = SGD([frozen, free], lr=0.5, momentum=0.5)
    optimizer.step((frozen * free).sum().backward())
    frozen.requires_grad = True
    optimizer.step((frozen * free).sum().backward())
    assert frozen.tolist() == [0.75, 0.75]
    frozen.requires_grad = False
    optimizer.step((frozen * free).sum().backward())
    frozen.requires_grad = True
    assert frozen.tolist() == [0.75, 0.75]
    assert [state["step"] for state in optimizer.state_dict()["state"]] == [1, 3]


def test_nothing_moves_if_all_are_frozen():
    frozen, free = frozen_and_free()
    free.requires_grad = False
    with pytest.raises(GradientError, match=r"none for any of 2, 2 frozen(?s:.*)requires_grad"):
        SGD([frozen, free]).step({free: tensor([1.0, 1.0])})


def test_a_module_learns():
    model = nn.Sequential(nn.Linear(2, 8, rng=0), nn.Tanh(), nn.Linear(8, 1, rng=1))
    inputs = tensor(np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32))
    targets = inputs[:, :1] * inputs[:, 1:]
    optimizer = Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(200):
        loss = ((model(inputs) - targets) ** 2).mean()
        losses.append(loss.item())
        optimizer.step(loss.backward())
    assert losses[-1] < 0.2 * losses[0]


def test_backward_forgotten():
    optimizer = SGD([Variable(1.0), Variable(2.0)])
    with pytest.raises(GradientError, match=r"SGD.step(?s:.*)any of 2(?s:.*)loss.backward\(\)"):
        optimizer.step()


def test_gradients_of_other_variables():
    optimizer = SGD([Variable(1.0)])
    with pytest.raises(GradientError, match="computed from these") as caught:
        optimizer.step({Variable(1.0): tensor(1.0)})
    assert "call loss.backward()" not in str(caught.value)


@pytest.mark.parametrize("given", [tensor(1.0), lambda: 1.0, [tensor(1.0)]])
def test_what_backward_did_not_return(given):
    optimizer = SGD([Variable(1.0)])
    with pytest.raises(ArgumentError, match=rf"{type(given).__name__}(?s:.*)step\(loss.backward"):
        optimizer.step(given)


def test_a_gradient_of_another_shape():
    w, b = Variable(np.ones((2, 3))), Variable(np.ones(3))
    optimizer = SGD([("w", w), ("b", b)], lr=1.0)
    with pytest.raises(ShapeError, match=r"gradient of b as \(3,\)(?s:.*)\(1,\)") as caught:
        optimizer.step({w: tensor(np.ones((2, 3))), b: tensor([1.0])})
    assert caught.value.parameter == "b"
    np.testing.assert_array_equal(w.data, np.ones((2, 3)))
    assert optimizer.state_dict()["state"] == [{}, {}]


def test_values_that_are_not_finite_are_named_when_asked():
    w, b = Variable(np.ones((2, 3))), Variable(np.ones(3))
    optimizer = SGD([("w", w), ("b", b)], lr=1.0, check_finite=True)
    good = {w: tensor(np.ones((2, 3))), b: tensor(np.ones(3))}
    optimizer.step(good)
    optimizer.step(good)
    bad = np.ones((2, 3))
    bad[1, 0], bad[1, 2] = math.nan, -math.inf
    w.grad, b.grad = tensor(bad), good[b]
    with pytest.raises(NonFiniteError) as caught:
        optimizer.step()
    error = caught.value
    assert error.operation == "SGD.step"
    assert (error.parameter, error.step) == ("w", 3)
    assert error.expected == "a finite gradient for w at step 3"
    assert error.got == "nan at (1, 0), 2 of 6 values not finite"
    np.testing.assert_array_equal(b.data, np.full(3, -1.0))
    assert w.grad is not None


def test_values_that_are_not_finite_pass_when_not_asked():
    w = Variable([1.0, 1.0])
    SGD([w], lr=1.0).step({w: tensor([math.nan, 0.5])})
    assert math.isnan(w.tolist()[0])
    assert w.tolist()[1] == 0.5


def test_the_first_step_is_step_one():
    with pytest.raises(NonFiniteError, match="parameter 0 at step 1"):
        SGD([w := Variable(1.0)], check_finite=True).step({w: tensor(math.inf)})


def test_zero_grad_forgets():
    x, y = Variable(1.0), Variable(1.0)
    x.grad = tensor(1.0)
    SGD([{"params": [x]}, {"params": [y]}]).zero_grad()
    assert x.grad is y.grad is None
