"""Step 3, broadcasting undone: a gradient has the shape of its operand."""

import numpy as np
import pytest

from tinytorch.tensor import GradientError

pytestmark = pytest.mark.step(3)
ROW = "`derivative`: broadcasting is undone by the walk"
MISTAKE = "sum g over the axes that were stretched or added in front"


@pytest.mark.parametrize(
    ("shape", "other"),
    [
        ((3,), (2, 3)),
        ((), (2, 3)),
        ((1,), (4,)),
        ((1, 3), (2, 3)),
        ((2, 1), (2, 3)),
        ((2, 1, 3), (4, 1)),
        ((1, 1), (5, 2, 3)),
        ((3, 1), (2, 3, 4)),
        ((2, 3), (2, 3)),
        ((1, 2), (0, 2)),
    ],
)
def test_a_stretched_operand_gets_the_sum(autograd, expect, shape, other):
    rng = np.random.default_rng(0)
    x, y = autograd.Variable(rng.normal(size=shape)), autograd.Variable(rng.normal(size=other))
    product = x * y
    g = rng.normal(size=product.shape)
    gradients = product.backward(g)
    for operand, partner in ((x, y), (y, x)):
        share = g * partner.data
        lead = share.ndim - operand.data.ndim
        axes = [lead + a for a, n in enumerate(operand.shape) if n == 1]
        wanted = share.sum(axis=(*range(lead), *axes), keepdims=True).reshape(operand.shape)
        expect(gradients[operand], wanted, MISTAKE, ROW)


def test_an_axis_of_length_1_that_was_not_stretched_stays(autograd, expect):
    x, y = autograd.Variable(np.ones((2, 1))), autograd.Variable(np.ones((2, 1)))
    expect((x * y).backward(np.ones((2, 1)))[x], np.ones((2, 1)), "the axis was dropped", ROW)


def test_an_op_that_does_not_broadcast_must_give_the_shape(autograd):
    from tinytorch.tensor import op

    @op
    def contract_total(x):
        return x.sum()

    autograd.derivative(contract_total, lambda g, z, x: g)
    with pytest.raises(GradientError):
        contract_total(autograd.Variable([1.0, 2.0])).backward()


def test_a_gradient_has_its_leafs_data_type(autograd):
    narrow, wide = (autograd.Variable(np.ones(2, kind)) for kind in (np.float32, np.float64))
    (narrow * wide).backward([1.0, 1.0])
    assert (narrow.grad.dtype, wide.grad.dtype) == (np.float32, np.float64)
