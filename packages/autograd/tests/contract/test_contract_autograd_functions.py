"""Step 7, functions of functions, gradients of gradients, and the check by differences."""

import numpy as np
import pytest

from tinytorch.tensor import ArgumentError, GradientError, ShapeError, Tensor, op, ops, tensor

pytestmark = pytest.mark.step(7)
ROW = "`grad`, `value_and_grad`, `vjp`, `jacobian`, `hvp`"
CHECK = "`gradcheck(f, *variables)`"


def test_the_gradient_of_a_cube(autograd, expect):
    expect(autograd.grad(lambda x: x**3)(2.0), 12.0, "3 x**2", ROW)


def test_gradients_nest(autograd, expect):
    grad = autograd.grad
    expect(grad(grad(lambda x: x**3))(2.0), 12.0, "6 x: the gradient remembers, too", ROW)
    expect(grad(grad(grad(lambda x: x**4)))(2.0), 48.0, "24 x", ROW)


def test_nested_functions_are_not_confused(autograd, expect):
    grad = autograd.grad
    mistake = "the x of the outer function is a constant to the inner one, and not to itself"
    expect(grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0), 1.0, mistake, ROW)
    expect(grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0), 6.0, mistake, ROW)


def test_several_arguments_give_a_tuple(autograd, expect):
    result = autograd.grad(lambda x, y: (x * x * y).sum())(tensor([1.0, 2.0]), 3.0)
    assert isinstance(result, tuple), f"one gradient for each argument  [contract: {ROW}]"
    expect(result[0], [6.0, 12.0], "2 x y", ROW)
    expect(result[1], 5.0, "the sum of x x", ROW)


def test_an_argument_without_part_gets_zeros(autograd, expect):
    _, share = autograd.grad(lambda x, y: x.sum())(tensor([1.0]), tensor([2.0, 3.0]))
    expect(share, [0.0, 0.0], "it did not matter: its gradient is 0", ROW)


def test_plain_points_give_plain_gradients(autograd):
    assert type(autograd.grad(lambda x: x * x)(3.0)) is Tensor


def test_a_gradient_at_a_variable_remembers(autograd, expect):
    x = autograd.Variable(3.0)
    slope = autograd.grad(lambda v: v**3)(x)
    expect(slope.backward()[x], 18.0, "6 x: the gradient came from x", ROW)


def test_value_and_gradient_come_together(autograd, expect):
    value, gradient = autograd.value_and_grad(lambda v: (v * v).sum())(tensor([1.0, 2.0]))
    expect(value, 5.0, "the value, first", ROW)
    expect(gradient, [2.0, 4.0], "the gradient, second", ROW)


@pytest.mark.parametrize("name", ["grad", "value_and_grad"])
def test_a_function_of_several_values_has_no_gradient(autograd, name):
    with pytest.raises(ShapeError):
        getattr(autograd, name)(lambda x: x * x)(tensor([1.0, 2.0]))


def test_a_vector_is_pulled_back(autograd, expect):
    value, pullback = autograd.vjp(lambda x: x * x, tensor([1.0, 2.0]))
    expect(value, [1.0, 4.0], "the value, first", ROW)
    expect(pullback(tensor([1.0, 10.0])), [2.0, 40.0], "the vector times the Jacobian", ROW)
    expect(pullback(tensor([0.0, 1.0])), [0.0, 4.0], "it may be called again", ROW)


def test_a_vector_has_the_shape_of_the_value(autograd):
    _, pullback = autograd.vjp(lambda x: x * x, tensor([1.0, 2.0]))
    with pytest.raises(ShapeError):
        pullback(tensor([1.0]))


def test_the_jacobian_has_a_row_for_each_output(autograd, expect):
    matrix = tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    got = autograd.jacobian(lambda x: matrix @ x)(tensor([1.0, 1.0]))
    expect(got, matrix, "of matrix @ x it is the matrix: outputs first, inputs last", ROW)


def test_the_jacobian_has_both_shapes(autograd):
    got = autograd.jacobian(lambda x: x.sum(axis=0))(tensor(np.ones((2, 3))))
    assert got.shape == (3, 2, 3), f"(*value's shape, *input's shape)  [contract: {ROW}]"


def test_the_hessian_times_a_vector(autograd, expect):
    got = autograd.hvp(lambda x: x[0] * x[0] * x[1], tensor([3.0, 5.0]), tensor([1.0, 10.0]))
    expect(got, [70.0, 6.0], "the matrix [[2 y, 2 x], [2 x, 0]] times the vector", ROW)


def test_create_graph_makes_gradients_variables(autograd, expect):
    x = autograd.Variable(3.0)
    first = (x * x * x).backward(create_graph=True)[x]
    assert isinstance(first, autograd.Variable), "rows get Variables  [contract: `.backward(...)`]"
    x.grad = None
    first.backward()
    expect(x.grad, 18.0, "6 x", "`.backward(...)`")


def test_create_graph_keeps_the_graph(autograd, expect):
    x = autograd.Variable(2.0)
    y = x * x * x
    y.backward(create_graph=True)
    expect(y.backward()[x], 12.0, "the graph was used up", "`.backward(...)`")


def test_gradcheck_is_true_for_what_is_right(autograd):
    assert autograd.gradcheck(lambda x, y: x * y, [1.0, 2.0], [3.0], order=2) is True


@pytest.mark.parametrize(
    ("rows", "element"),
    [
        ((lambda g, z, x, y: g * x, lambda g, z, x, y: g * x), 0),
        ((lambda g, z, x, y: g * y, lambda g, z, x, y: g * y), 1),
        ((lambda g, z, x, y: g * y * 1.01, lambda g, z, x, y: g * x), 0),
        ((lambda g, z, x, y: g * y, None), 1),
        ((lambda g, z, x, y: y + g * 0, lambda g, z, x, y: g * x), 0),
    ],
    ids=["first wrong", "second wrong", "a little wrong", "missing", "g forgotten"],
)
def test_gradcheck_finds_what_is_wrong(autograd, rows, element):
    @op
    def contract_wrong(x, y):
        return x * y

    autograd.derivative(contract_wrong, *rows)
    with pytest.raises(GradientError) as caught:
        autograd.gradcheck(contract_wrong, [1.5, 2.0], [4.0, 5.0])
    assert f"operand {element}" in str(caught.value), f"which operand?  [contract: {CHECK}]"


def test_gradcheck_of_second_order_finds_what_first_order_does_not(autograd):
    @op
    def contract_frozen(x):
        return x * x

    autograd.derivative(contract_frozen, lambda g, z, x: g * 2 * Tensor(np.array(x.data)))
    assert autograd.gradcheck(contract_frozen, [1.0, 2.0])
    with pytest.raises(GradientError):
        autograd.gradcheck(contract_frozen, [1.0, 2.0], order=2)


def test_gradcheck_looks_at_every_element(autograd):
    @op
    def contract_last(x):
        return x * x

    last = np.array([1.0, 1.0, 0.5])
    autograd.derivative(contract_last, lambda g, z, x: g * 2 * x * Tensor(last))
    with pytest.raises(GradientError):
        autograd.gradcheck(contract_last, [1.0, 2.0, 3.0])


def test_gradcheck_wants_something_to_check(autograd):
    with pytest.raises(ArgumentError):
        autograd.gradcheck(lambda: tensor(1.0))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_gradcheck_wants_finite_values(autograd):
    with pytest.raises(ArgumentError):
        autograd.gradcheck(ops.log, [0.0])
