"""gradcheck rejects what is planted: wrong values, wrong shapes, missing terms, in each family."""

import numpy as np
import pytest

from tinytorch.autograd import GradcheckError, Variable, _backward, _table, derivative, gradcheck
from tinytorch.autograd.derivatives import indexing, linalg, movement, reduction
from tinytorch.autograd.testing import check_gradients
from tinytorch.tensor import ArgumentError, GradientError, Tensor, from_numpy, op, ops, tensor
from tinytorch.tensor.testing import OpCase
from tinytorch.tensor.testing.cases import CASES


def frozen(x):
    """The value alone: right at first order, missing at second."""
    return from_numpy(np.array(x.data))


def restored(g, x, axis=None, keepdims=False):
    return ops.broadcast_to(reduction._restore(g, x, axis, keepdims), shape=x.shape)


PLANTED = {
    "mul, other operand": (ops.mul, lambda g, z, x, y: g * x, lambda g, z, x, y: g * x),
    "mul, missing row": (ops.mul, lambda g, z, x, y: g * y, None),
    "sub, sign": (ops.sub, lambda g, z, x, y: g, lambda g, z, x, y: g),
    "div, sign": (ops.div, lambda g, z, x, y: g / y, lambda g, z, x, y: g * z / y),
    "exp, missing factor": (ops.exp, lambda g, z, x: g + x * 0),
    "tanh, missing square": (ops.tanh, lambda g, z, x: g * (1 - z)),
    "sigmoid, missing term": (ops.sigmoid, lambda g, z, x: g * z),
    "abs, no sign": (ops.abs, lambda g, z, x: g),
    "maximum, both win": (ops.maximum, lambda g, z, x, y: g, lambda g, z, x, y: g),
    "where, swapped": (
        ops.where,
        None,
        lambda g, z, c, x, y: ops.where(c, 0, g),
        lambda g, z, c, x, y: ops.where(c, g, 0),
    ),
    "clip, passes all": (ops.clip, lambda g, z, x, low=None, high=None: g),
    "sum, shape": (ops.sum, lambda g, z, x, axis=None, keepdims=False: g),
    "sum, scaled": (
        ops.sum,
        lambda g, z, x, axis=None, keepdims=False: restored(g, x, axis, keepdims) / x.size,
    ),
    "max, all chosen": (
        ops.max,
        lambda g, z, x, axis=None, keepdims=False: restored(g, x, axis, keepdims),
    ),
    "cumsum, not reversed": (ops.cumsum, lambda g, z, x, axis: ops.cumsum(g, axis=axis)),
    "log_softmax, missing term": (ops.log_softmax, lambda g, z, x, axis: g),
    "reshape, shape": (ops.reshape, lambda g, z, x, shape: g),
    "transpose, axes not inverted": (
        ops.transpose,
        lambda g, z, x, axes=None: ops.transpose(g, axes=axes),
    ),
    "flip, not flipped": (ops.flip, lambda g, z, x, axis: g),
    "pad, shifted": (
        ops.pad,
        lambda g, z, x, widths, value=0: ops.getitem(g, index=tuple(slice(0, n) for n in x.shape)),
    ),
    "join, one operand has none": (
        ops.join,
        movement._part(0),
        None,
        movement._part(2),
    ),
    "matmul, not transposed": (
        ops.matmul,
        lambda g, z, x, y: linalg._matmul_left(g, x, y) * 2,
        lambda g, z, x, y: linalg._matmul_right(g, x, y),
    ),
    "matmul, missing row": (
        ops.matmul,
        lambda g, z, x, y: linalg._matmul_left(g, x, y),
        None,
    ),
    "getitem, repeats lost": (
        ops.getitem,
        lambda g, z, x, index: overwritten(g, index, x.shape),
    ),
    "take_along_axis, nothing": (
        ops.take_along_axis,
        lambda g, z, x, indices, axis: indexing._zeros_like(x),
    ),
    "scatter_add, missing row": (ops.scatter_add, lambda g, z, x, v, indices, axis: g, None),
    "put_into_zeros, doubled": (
        ops.put_into_zeros,
        lambda g, z, x, index, shape: ops.getitem(g, index=index) * 2,
    ),
}

AT_SECOND_ORDER = {
    "mul": (ops.mul, lambda g, z, x, y: g * frozen(y), lambda g, z, x, y: g * frozen(x)),
    "exp": (ops.exp, lambda g, z, x: g * frozen(z)),
    "log_softmax": (
        ops.log_softmax,
        lambda g, z, x, axis: g - frozen(ops.exp(z)) * ops.sum(g, axis=axis, keepdims=True),
    ),
    "sum": (
        ops.sum,
        lambda g, z, x, axis=None, keepdims=False: frozen(restored(g, x, axis, keepdims)),
    ),
    "reshape": (ops.reshape, lambda g, z, x, shape: frozen(ops.reshape(g, shape=x.shape))),
    "matmul": (
        ops.matmul,
        lambda g, z, x, y: linalg._matmul_left(g, x, frozen(y)),
        lambda g, z, x, y: linalg._matmul_right(g, frozen(x), y),
    ),
    "getitem": (
        ops.getitem,
        lambda g, z, x, index: frozen(ops.put_into_zeros(g, index=index, shape=x.shape)),
    ),
}


def overwritten(g, index, shape):
    out = np.zeros(shape, g.dtype)
    out[index] = g.data
    return from_numpy(out)


@pytest.fixture
def plant(monkeypatch):
    monkeypatch.setattr(_table, "table", dict(_table.table))

    def put_in_place(one, *rows):
        del _table.table[one]
        derivative(one, *rows)

    return put_in_place


def cases_of(one):
    return [case for case in CASES if case.op is one]


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_rejected(name, plant):
    one, *rows = PLANTED[name]
    plant(one, *rows)
    rejected = []
    for case in cases_of(one):
        try:
            check_gradients(case, order=1)
        except GradientError as error:
            rejected.append(error)
    assert rejected


@pytest.mark.parametrize("name", AT_SECOND_ORDER)
def test_a_fault_of_second_order_alone_is_rejected(name, plant):
    one, *rows = AT_SECOND_ORDER[name]
    plant(one, *rows)

    def composed(*xs):
        """Curved, so that ops that are linear themselves have a second derivative."""
        z = raw(*xs)
        return z * z

    def raw(*xs):
        return one(*xs, **sample.settings)

    case = cases_of(one)[0]
    sample = next(s for s in case.samples if all(x for x in s.operands))
    operands = case.operands(sample, np.float64)
    gradcheck(raw, *operands)
    with pytest.raises(GradientError):
        gradcheck(composed, *operands, order=2)


def test_a_missing_derivative_is_rejected():
    @op
    def planted_without_rows(x):
        return x * 2

    with pytest.raises(GradientError, match="a derivative for each op"):
        gradcheck(planted_without_rows, [1.0])


def test_too_few_rows_are_rejected(plant):
    plant(ops.mul, lambda g, z, x, y: g * y)
    with pytest.raises(GradientError, match="2 rows, one for each operand"):
        gradcheck(ops.mul, [1.0], [2.0])


def test_a_row_that_gives_no_tensor_is_rejected(plant):
    plant(ops.exp, lambda g, z, x: 1.0)
    with pytest.raises(GradientError, match="a Tensor as the gradient of operand 0"):
        gradcheck(ops.exp, [1.0])


def test_an_exception_in_a_row_names_op_and_operand(plant):
    plant(ops.mul, lambda g, z, x, y: g * y, lambda g, z, x, y: g / "x")
    with pytest.raises(TypeError) as caught:
        gradcheck(ops.mul, [1.0], [2.0])
    assert "in row 1 of the derivative of mul" in caught.value.__notes__[0]


def test_a_row_of_the_wrong_data_type_is_converted(plant):
    plant(ops.exp, lambda g, z, x: ops.astype(g * z, np.float64))
    x = Variable([1.0, 2.0])
    ops.exp(x).sum().backward()
    assert x.grad.dtype == np.float32


def test_an_op_that_says_it_has_no_derivative_must_give_plain_tensors():
    class Loose:
        name, differentiable, reference, broadcasts = "loose", False, np.floor, False

        def __call__(self, x):
            return x * 1.0

    with pytest.raises(AssertionError, match="not differentiable, yet gives"):
        check_gradients(OpCase(Loose(), np.floor, [*cases_of(ops.floor)[0].samples]))


def test_a_gradient_of_the_wrong_data_type_is_rejected(plant, monkeypatch):
    monkeypatch.setattr(_backward, "_fit", lambda op, i, share, operand: share)
    plant(ops.exp, lambda g, z, x: ops.astype(g * z, np.float64))
    with pytest.raises(AssertionError, match="gradient of operand 0 is float64"):
        check_gradients(cases_of(ops.exp)[0])


def test_the_error_names_operand_element_and_both_numbers():
    def wrong(x, y):
        return x * y.detach() if isinstance(y, Variable) else x * y

    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong, [1.0, 2.0], [[3.0, 4.0]])
    error = caught.value
    assert (error.position, error.element) == (1, (0, 0))
    assert "wrong: the gradient is wrong" in str(error)
    assert "by differences" in error.expected
    assert "0 for operand 1 at (0, 0)" in error.got


def test_it_gives_true_and_takes_tensors_arrays_lists_and_variables():
    assert gradcheck(ops.mul, tensor([1.0, 2.0]), np.array([[3.0], [4.0]])) is True
    assert gradcheck(ops.mul, Variable([1.0]), [2]) is True
    assert gradcheck(ops.exp, 0.5, order=2) is True


def test_the_operands_stay_as_they_are():
    x = np.array([1.0, 2.0])
    variable = Variable([1.0, 2.0])
    gradcheck(lambda a, b: a * b * b, x, variable, order=2)
    assert x.tolist() == variable.tolist() == [1.0, 2.0]
    assert variable.grad is None


def test_nothing_to_check_is_an_error():
    with pytest.raises(ArgumentError, match="at least one variable"):
        gradcheck(lambda: tensor(1.0))


def test_a_function_that_is_not_finite_is_an_error():
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(ArgumentError, match="finite values of the function"),
    ):
        gradcheck(ops.log, [-1.0])


def test_a_constant_function_passes_and_a_hidden_dependence_does_not():
    gradcheck(lambda x: tensor([1.0, 2.0]), [3.0])
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: Tensor(np.array(x.data)) * 2, [3.0])


def test_a_nan_gradient_is_rejected(plant):
    plant(ops.exp, lambda g, z, x: g * float("nan"))
    with pytest.raises(GradcheckError, match=r"got: *nan"):
        gradcheck(ops.exp, [1.0])


def test_the_seed_of_the_projection_can_be_chosen():
    assert gradcheck(ops.exp, [1.0, 2.0], rng=7)
    assert gradcheck(ops.exp, [1.0, 2.0], rng=np.random.default_rng(1))
