"""Functions of functions: grad, vjp, jacobian, hvp; alone, nested, and beside other Variables."""

import numpy as np
import pytest

from tinytorch.autograd import (
    Variable,
    grad,
    gradcheck,
    hvp,
    jacobian,
    nn,
    no_grad,
    value_and_grad,
    vjp,
)
from tinytorch.tensor import ShapeError, Tensor, ops, tensor
from tinytorch.tensor.testing import assert_close


def test_grad_takes_numbers_arrays_tensors_and_variables():
    slope = grad(lambda x: (x * x).sum())
    assert slope(3.0).item() == 6.0
    assert slope(3.0).dtype == np.float32
    assert slope(np.array([1.0, 2.0])).dtype == np.float64
    assert slope(tensor([1.0, 2.0])).tolist() == [2.0, 4.0]
    assert slope([1.0, 2.0]).tolist() == [2.0, 4.0]
    x = Variable([1.0, 2.0])
    assert isinstance(slope(x), Variable)
    assert x.grad is None


def test_plain_arguments_give_plain_results():
    value, gradient = value_and_grad(lambda x: (x * x).sum())(tensor([1.0, 2.0]))
    assert type(value) is type(gradient) is Tensor


def test_grad_of_a_variable_can_go_backward():
    x = Variable(3.0)
    slope = grad(lambda v: v**3)(x)
    assert slope.item() == 27.0
    slope.backward()
    assert x.grad.item() == 18.0


def test_the_same_object_twice_is_two_arguments():
    x = Variable(3.0)
    first, second = grad(lambda a, b: a * a * b)(x, x)
    assert (first.item(), second.item()) == (18.0, 9.0)


def test_third_order():
    assert grad(grad(grad(ops.sin)))(0.0).item() == -1.0
    assert grad(grad(grad(lambda x: x**5)))(2.0).item() == 240.0


def test_perturbations_are_not_confused():
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0).item() == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0).item() == 6.0
    assert grad(lambda x: grad(lambda y: x * y * y)(x))(3.0).item() == 12.0
    assert grad(lambda x: grad(lambda y: x * x)(2.0) + x)(3.0).item() == 1.0
    assert grad(lambda x: x * grad(lambda x: x * x)(x))(3.0).item() == 12.0


def test_variables_that_the_function_closes_over_are_remembered():
    w = Variable(3.0)
    slope = grad(lambda x: w * w * x)(2.0)
    assert isinstance(slope, Variable)
    slope.backward()
    assert w.grad.item() == 6.0


def test_a_gradient_penalty_reaches_the_parameters():
    critic = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1))
    inputs = tensor([[0.5, -1.0], [2.0, 0.25]])

    def penalty(*weights):
        critic.load_state_dict(dict(zip(critic.state_dict(), weights, strict=True)))
        slope = grad(lambda x: critic(x).sum())(inputs)
        return (slope * slope).sum()

    loss = penalty(*critic.state_dict().values())
    gradients = loss.backward()
    weight = critic[0].weight
    assert gradients[weight].data.any()

    before = critic.state_dict()
    moved = {name: value.data.astype(np.float64) for name, value in before.items()}
    step = 1e-3
    ends = []
    for sign in (1, -1):
        shifted = {**moved, "0.weight": moved["0.weight"] + sign * step}
        ends.append(penalty(*shifted.values()).item())
    critic.load_state_dict(before)
    expected = (ends[0] - ends[1]) / (2 * step)
    assert gradients[weight].sum().item() == pytest.approx(expected, rel=1e-2)


def test_gradients_are_found_inside_no_grad_too():
    with no_grad():
        slope = grad(lambda x: x * x)(3.0)
        at_variable = grad(lambda x: x * x)(Variable(3.0))
    assert type(slope) is type(at_variable) is Tensor
    assert slope.item() == at_variable.item() == 6.0


def test_no_grad_ends_where_it_ended_before():
    x = Variable(1.0)
    with no_grad():
        grad(lambda v: v * v)(2.0)
        assert type(x * 2) is Tensor
    with pytest.raises(ZeroDivisionError):
        grad(lambda v: 1 / 0)(2.0)
    assert type(x * 2) is Variable


def test_variables_made_inside_the_function_do_not_end_the_walk():
    assert grad(lambda x: x * Variable(2.0) + Variable(1.0))(3.0).item() == 2.0


def test_shared_results_are_searched_once():
    def doubled(x):
        for _ in range(60):
            x = x + x
        return x

    assert grad(doubled)(1.0).item() == 2.0**60


def test_what_an_argument_has_no_part_in_is_zero():
    first, second = grad(lambda x, y: (x * x).sum())(tensor([1.0, 2.0]), np.ones((2, 2)))
    assert first.tolist() == [2.0, 4.0]
    assert second.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert grad(lambda x: tensor(1.0))(2.0).item() == 0.0
    assert grad(lambda x: x.detach() * 2)(2.0).item() == 0.0


def test_grad_needs_one_number():
    with pytest.raises(ShapeError, match="jacobian"):
        grad(lambda x: x * 2)(tensor([1.0, 2.0]))
    assert grad(lambda x: (x * 2).sum(axis=0, keepdims=True))(tensor([1.0, 2.0])).shape == (2,)


def test_functions_keep_their_names():
    def loss(x):
        """The loss."""
        return x

    for made in (grad(loss), value_and_grad(loss), jacobian(loss)):
        assert (made.__name__, made.__doc__) == ("loss", "The loss.")


def test_vjp_runs_more_than_once():
    x = tensor([1.0, 2.0])
    value, pullback = vjp(lambda v: v * v, x)
    assert type(value) is Tensor
    assert pullback([1.0, 0.0]).tolist() == [2.0, 0.0]
    assert pullback(np.array([0.0, 1.0], np.float32)).tolist() == [0.0, 4.0]
    with pytest.raises(ShapeError, match=r"a vector of shape \(2,\)"):
        pullback([1.0])


def test_vjp_of_several_inputs():
    _, pullback = vjp(lambda x, y: x @ y, np.ones((2, 3)), np.ones((3, 1)))
    first, second = pullback(np.ones((2, 1)))
    assert (first.shape, second.shape) == ((2, 3), (3, 1))


def test_a_variable_as_the_vector_is_remembered():
    v = Variable([1.0, 2.0])
    _, pullback = vjp(lambda x: x * x, tensor([3.0, 4.0]))
    pullback(v).sum().backward()
    assert v.grad.tolist() == [6.0, 8.0]


def test_jacobian_of_every_shape():
    matrix = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    assert_close(jacobian(lambda x: tensor(matrix) @ x)(np.ones(3, np.float32)), matrix)
    assert jacobian(lambda x: x.sum())(tensor([[1.0, 2.0]])).tolist() == [[1.0, 1.0]]
    assert jacobian(lambda x: x * tensor([1.0, 2.0]))(3.0).tolist() == [1.0, 2.0]
    assert jacobian(lambda x: x.reshape(3, 1))(np.ones(3)).shape == (3, 1, 3)
    assert jacobian(lambda x: x[:0])(tensor([1.0, 2.0])).shape == (0, 2)
    assert jacobian(lambda x: tensor([1.0, 2.0]))(tensor([1.0])).tolist() == [[0.0], [0.0]]


def test_a_jacobian_of_a_gradient_is_the_hessian():
    hessian = jacobian(grad(lambda x: (x**3).sum() + x[0] * x[1]))
    assert_close(hessian(tensor([1.0, 2.0])), [[6.0, 1.0], [1.0, 12.0]])


def test_hvp_is_the_hessian_times_a_vector():
    def f(x):
        return (x**3).sum() + x[0] * x[1]

    assert_close(hvp(f, tensor([1.0, 2.0]), [1.0, 10.0]), [16.0, 121.0])
    assert hvp(f, tensor([1.0, 2.0]), tensor([0.0, 0.0])).tolist() == [0.0, 0.0]


def test_transforms_pass_gradcheck():
    gradcheck(grad(lambda x: (ops.exp(x) * x).sum()), [0.5, -1.0])
    gradcheck(jacobian(lambda x: ops.tanh(x) * x[0]), [0.5, -1.0])
    gradcheck(lambda x: hvp(lambda v: (v**4).sum(), x, [1.0, 2.0]), [0.5, -1.0])
