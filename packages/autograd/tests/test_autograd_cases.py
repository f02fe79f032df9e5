"""Every op of the tensor layer has a derivative, right to second order, or says it has none."""

import inspect

import pytest

from tinytorch.autograd import Variable, derivative
from tinytorch.autograd._table import rows_of
from tinytorch.autograd.testing import check_gradients, has_derivative
from tinytorch.tensor import ArgumentError, op, ops
from tinytorch.tensor.testing.cases import CASES

OWN = [one for one in ops.registry() if one.__module__.startswith("tinytorch.tensor.")]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_gradients_of_case_to_second_order(case):
    check_gradients(case)


def test_every_op_has_a_derivative_or_declares_none():
    assert [one.name for one in OWN if has_derivative(one) != one.differentiable] == []


@pytest.mark.parametrize("one", [one for one in OWN if one.differentiable], ids=str)
def test_rows_take_what_their_op_takes(one):
    given = inspect.signature(one).parameters.values()
    operands = [p for p in given if p.kind is not p.KEYWORD_ONLY]
    needed = {p.name: 0 for p in given if p.kind is p.KEYWORD_ONLY and p.default is p.empty}
    settings = {p.name: 0 for p in given if p.kind is p.KEYWORD_ONLY}
    rows, _ = rows_of(one, operands)
    for row in filter(None, rows):
        inspect.signature(row).bind(0, 0, *operands, **needed)
        inspect.signature(row).bind(0, 0, *operands, **settings)


def test_a_row_hears_of_operands_that_were_left_out():
    @op
    def autograd_test_scaled(x, factor=3.0, shift=None):
        return x * factor if shift is None else x * factor + shift

    derivative(
        autograd_test_scaled,
        lambda g, z, x, factor, shift: g * factor,
        lambda g, z, x, factor, shift: (g * x).sum(),
        lambda g, z, x, factor, shift: g,
    )
    x = Variable([1.0, 2.0])
    assert autograd_test_scaled(x).sum().backward()[x].tolist() == [3.0, 3.0]
    assert autograd_test_scaled(x, 2.0).sum().backward()[x].tolist() == [2.0, 2.0]
    assert autograd_test_scaled(x, 2.0, x).sum().backward()[x].tolist() == [3.0, 3.0]


def test_an_op_has_one_derivative():
    with pytest.raises(ArgumentError, match="has one") as caught:
        derivative(ops.mul, lambda g, z, x, y: g * y, lambda g, z, x, y: g * x)
    assert caught.value.operation == "derivative"


def test_an_op_that_declares_no_derivative_gets_none():
    with pytest.raises(ArgumentError, match="declared without"):
        derivative(ops.floor, lambda g, z, x: g)
