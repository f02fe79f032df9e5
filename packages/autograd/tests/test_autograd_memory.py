"""A graph keeps the numbers that a row reads, and no others."""

import weakref

import numpy as np
import pytest

from tinytorch.autograd import Variable, derivative, graph, jacobian
from tinytorch.autograd.testing import check_gradients
from tinytorch.tensor import op, ops
from tinytorch.tensor.testing import OpCase

MANY = (256, 256)


def leaf(shape=MANY):
    return Variable(np.random.default_rng(0).standard_normal(shape))


def result(x):
    """A result whose own row reads nothing, and a reference that tells whether it is there."""
    y = x + 0.5
    return y, weakref.ref(y.data)


@pytest.mark.parametrize(
    "use",
    [
        ops.relu,
        ops.exp,
        lambda y: y + y,
        lambda y: y * 2.0,
        lambda y: y.sum(),
        lambda y: ops.softmax(y, axis=-1),
        lambda y: ops.join(y, y, axis=0),
    ],
    ids=["relu", "exp", "add", "mul by a number", "sum", "softmax", "join"],
)
def test_what_no_row_reads_goes_with_its_last_name(use):
    x = leaf()
    y, array = result(x)
    z = use(y)
    wanted = z.backward(np.ones(z.shape), retain_graph=True)[x]
    del y
    assert array() is None
    assert np.array_equal(z.backward(np.ones(z.shape))[x].data, wanted.data)


@pytest.mark.parametrize(
    "use",
    [lambda y: y * y, lambda y: ops.log(y * y), lambda y: y @ Variable(np.ones(MANY)), ops.gelu],
    ids=["mul", "log", "matmul", "gelu"],
)
def test_what_a_row_reads_stays(use):
    y, array = result(leaf())
    z = use(y)
    del y
    assert array() is not None
    z.sum().backward()
    assert array() is None


def test_what_its_own_row_reads_stays():
    x = leaf()
    y = ops.exp(x)
    array = weakref.ref(y.data)
    z = y + 1.0
    del y
    assert array() is not None
    assert np.array_equal(z.sum().backward()[x].data, np.exp(x.data))


def test_a_view_of_a_leaf_is_still_known_as_one():
    x = leaf()
    rows = x.reshape(-1).reshape(32, 2048)
    held = rows.detach()
    before = held.data.copy()
    x.assign(np.zeros(MANY))
    assert np.array_equal(held.data, before)


def test_gradients_of_gradients_do_not_need_what_went():
    x = leaf((256 * 256,))
    y = ops.relu(x + 0.5)
    g = (y * y).sum().backward(create_graph=True)[x]
    assert np.allclose(g.sum().backward()[x].data, 2.0 * (x.data > -0.5))


def test_a_jacobian_walks_to_results_that_are_not_kept():
    x = leaf((256 * 256,)).detach()
    slope = jacobian(lambda x: (x.reshape(256, 256) + 1.0).reshape(-1)[:3])(x)
    assert np.array_equal(slope.data, np.eye(3, 256 * 256))


def test_a_graph_used_up_through_one_result_is_used_up_through_another():
    y, _ = result(leaf())
    first, second = ops.relu(y), ops.relu(y)
    first.sum().backward()
    with pytest.raises(Exception, match="used up"):
        second.sum().backward()


def test_the_graph_still_tells_everything():
    x = leaf()
    text = graph.to_text(ops.relu(x + 0.5).sum(), names={"x": x})
    assert text.splitlines()[1:3] == ["%1 = add(%0, 0.5) (256, 256)", "%2 = relu(%1) (256, 256)"]


def test_a_row_that_reads_what_its_name_denies_is_found():
    @op
    def autograd_test_squared(x):
        return x * x

    derivative(autograd_test_squared, lambda g, _z, _x: g * 2 * _x)
    with pytest.raises(AssertionError, match="says it does not"):
        check_gradients(OpCase(autograd_test_squared, np.square))
