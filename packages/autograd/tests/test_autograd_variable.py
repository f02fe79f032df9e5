"""Variables: what they refuse, what they share, how the graph comes and goes."""

import copy
import gc
import pickle  # noqa: TID251 - leaves pass between processes by it
import sys
import threading
import weakref

import numpy as np
import pytest

from tinytorch import autograd
from tinytorch.autograd import Gradients, Variable, graph, nn, no_grad, testing
from tinytorch.tensor import DTypeError, GradientError, ShapeError, Tensor, op, ops, tensor
from tinytorch.tensor.testing import assert_close


@pytest.mark.parametrize(
    "module", [autograd, nn, nn.init, graph, testing], ids=lambda m: m.__name__
)
def test_all_names_exist_and_are_listed_once(module):
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def test_its_testing_does_not_hide_that_of_the_layer_below():
    assert "testing" not in autograd.__all__
    assert autograd.testing is testing


def test_repr_tells_the_type_and_the_op():
    x = Variable([1.0, 2.0])
    assert repr(x) == "Variable([1., 2.])"
    assert repr(x * 2) == "Variable([2., 4.], op=mul)"
    assert repr(nn.Parameter(np.ones(1))) == "Parameter([1.], dtype=float64)"
    assert repr((x * x).backward([1.0, 1.0])) == "Gradients(1: (2,))"


@pytest.mark.parametrize(
    "data", [1, True, [1, 2], np.arange(2), tensor([1]), tensor([True])], ids=str
)
def test_integers_have_no_gradient(data):
    for kind in (Variable, nn.Parameter):
        with pytest.raises(DTypeError, match="dtype='float32'"):
            kind(data)


def test_a_variable_of_a_variable_would_lose_its_history():
    x = Variable([1.0])
    for make in (Variable, tensor, nn.Parameter, lambda v: tensor([v, v])):
        with pytest.raises(GradientError, match="detach"):
            make(x * 2)


@pytest.mark.parametrize(
    "take",
    [
        np.asarray,
        np.array,
        np.sum,
        np.mean,
        np.linalg.norm,
        np.from_dlpack,
        lambda v: v.numpy(),
        lambda v: np.asarray(v, dtype=np.float64),
        lambda v: np.concatenate([v.detach(), v]),
        lambda v: np.dot(np.ones(2), v),
        lambda v: np.stack([[v, v], [v, v]]),
        lambda v: np.array([v, v]),
        lambda v: np.einsum("i,i", v, v),
        lambda v: np.testing.assert_allclose(v, [1.0, 2.0]),
        lambda v: np.zeros(2).__setitem__(slice(None), v),
    ],
)
def test_numpy_never_takes_a_history_away_in_silence(take):
    with pytest.raises(GradientError, match="detach"):
        take(Variable([1.0, 2.0]))


def test_numpy_may_ask_for_the_shape():
    x = Variable([[1.0, 2.0]])
    assert (np.shape(x), np.ndim(x), np.size(x), np.size(x, 1)) == ((1, 2), 2, 2, 2)


@pytest.mark.parametrize("ufunc", [np.exp, np.tanh, np.sqrt, np.negative])
def test_ufuncs_keep_the_gradient(ufunc):
    x = Variable([1.0, 2.0])
    y = ufunc(x)
    assert isinstance(y, Variable)
    y.sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize(
    "call",
    [
        lambda a, v: a * v,
        lambda a, v: a + v,
        lambda a, v: a - v,
        lambda a, v: a / v,
        lambda a, v: a**v,
        lambda a, v: a @ v,
        np.multiply,
        np.minimum,
    ],
)
@pytest.mark.parametrize("array", [np.array([2.0, 3.0]), np.array([2.0, 3.0], np.float32)])
def test_an_array_on_the_left_never_loses_a_gradient(call, array):
    x = Variable([1.0, 2.0])
    result = call(array, x)
    assert isinstance(result, Variable)
    assert result.dtype == array.dtype
    result.sum().backward()
    assert x.grad.dtype == np.float32
    assert x.grad.data.any()


def test_a_ufunc_that_is_no_op_refuses():
    with pytest.raises(DTypeError, match="Variable"):
        np.square(Variable([1.0]))
    with pytest.raises(DTypeError):
        np.add(Variable([1.0]), 1, out=np.zeros(1))


def test_copies_of_leaves():
    x = Variable([1.0, 2.0])
    (x * x).sum().backward()
    for again in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert type(again) is Variable
        assert again.is_leaf
        assert again.tolist() == x.tolist()
        assert not np.shares_memory(again.data, x.data)
        assert again.grad is None
    parameter = nn.Parameter([1.0])
    assert type(pickle.loads(pickle.dumps(parameter))) is nn.Parameter


def test_results_are_not_copied():
    y = Variable([1.0]) * 2
    for take in (copy.deepcopy, pickle.dumps):
        with pytest.raises(GradientError, match="detach"):
            take(y)


def test_detach_of_a_leaf_is_a_copy_for_leaves_change():
    x = Variable([1.0])
    kept = x.detach()
    x.assign([2.0])
    assert kept.tolist() == [1.0]
    y = x * 2
    assert np.shares_memory(y.detach().data, y.data)


def test_assign_keeps_the_data_type_and_the_array():
    x = Variable([1.0, 2.0])
    array = x.data
    for value in ([3.0, 4.0], (3, 4), np.array([3.0, 4.0]), tensor([3.0, 4.0])):
        assert x.assign(value) is x
        assert x.data is array
        assert (x.dtype, x.tolist()) == (np.float32, [3.0, 4.0])
    with pytest.raises(ShapeError, match="never broadcasts"):
        x.assign(1.0)
    with pytest.raises(GradientError, match="a leaf"):
        (x + 1).assign([1.0, 2.0])


@pytest.mark.parametrize("wrong", [["a", "b"], np.array([1j, 2j]), [None, None], np.array("ab")])
def test_assign_takes_real_numbers_alone(wrong):
    for leaf in (Variable([1.0, 2.0]), nn.Parameter([1.0, 2.0]), nn.Buffer([1.0, 2.0])):
        with pytest.raises(DTypeError, match="real numbers"):
            leaf.assign(wrong)
        assert leaf.tolist() == [1.0, 2.0]
    with pytest.raises(ShapeError, match="ragged"):
        Variable([1.0, 2.0]).assign([[1.0], [1.0, 2.0]])


def test_assign_reads_numbers_in_the_leafs_own_precision():
    x = Variable(np.zeros(1))
    assert x.assign([0.1]).item() == 0.1


def test_backward_through_a_leaf_that_changed_is_an_error():
    x, y = Variable([1.0]), Variable([2.0])
    z = (x * y).sum()
    x.assign(x.data)
    with pytest.raises(GradientError, match=r"operand 0 of mul, shape \(1,\), assigned to since"):
        z.backward()
    assert (x * y).backward()[x].tolist() == [2.0]


def test_the_gradient_given_must_fit():
    x = Variable([1.0, 2.0])
    with pytest.raises(ShapeError, match="single element"):
        (x * x).backward()
    for wrong in ([1.0], 1.0, [[1.0, 1.0]]):
        with pytest.raises(ShapeError, match="a gradient of shape"):
            (x * x).backward(wrong)


def test_backward_of_one_element_of_any_shape():
    x = Variable([[2.0]])
    assert (x * x).backward()[x].tolist() == [[4.0]]


def test_a_missing_gradient_names_the_leaf():
    x, other = Variable([1.0]), nn.Parameter([[1.0, 2.0]])
    gradients = x.sum().backward()
    assert isinstance(gradients, Gradients)
    with pytest.raises(KeyError, match=r"Parameter of shape \(1, 2\)"):
        gradients[other]
    with pytest.raises(GradientError, match="the same object"):
        gradients["x"]
    assert list(gradients) == [x] or next(iter(gradients)) is x
    assert [(k is x, v.tolist()) for k, v in gradients.items()] == [(True, [1.0])]


def test_gradients_of_one_walk_do_not_change_with_the_next():
    x = Variable([1.0])
    first = (x * 2).sum().backward()
    (x * 3).sum().backward()
    assert first[x].tolist() == [2.0]
    assert x.grad.tolist() == [5.0]


def test_an_operand_used_twice_gets_both_gradients():
    x = Variable([3.0])
    (x * x + ops.exp(x) / ops.exp(x)).sum().backward()
    assert_close(x.grad, [6.0], atol=1e-5)


def test_only_leaves_keep_gradients():
    x = Variable([1.0])
    y = x * 2
    (y * 3).sum().backward()
    assert y.grad is None
    assert x.grad.tolist() == [6.0]


def test_a_used_up_graph_says_where():
    x = Variable(2.0)
    y = x * x
    (y + 1).backward()
    with pytest.raises(GradientError, match="used up, at mul"):
        y.backward()
    with pytest.raises(GradientError, match="retain_graph"):
        (y * 2).backward()


def test_create_graph_keeps_the_graph():
    x = Variable(2.0)
    y = x**3
    first = y.backward(create_graph=True)[x]
    second = first.backward(create_graph=True)[x]
    assert (first.item(), second.item()) == (12.0, 12.0)
    assert x.grad.item() == 24.0
    y.backward()


def test_promotion_is_undone_in_gradients():
    x = Variable(np.ones(2, np.float32))
    wide = Variable(np.ones(2, np.float64))
    (x * wide).sum().backward()
    assert (x.grad.dtype, wide.grad.dtype) == (np.float32, np.float64)
    half = Variable(np.ones(2, np.float16))
    (half * x).sum().backward()
    assert half.grad.dtype == np.float16


def test_the_type_of_operands_decides_not_a_flag():
    x = Variable([1.0, 2.0])
    assert type(x + tensor([1.0, 2.0])) is Variable
    assert type(tensor([1.0, 2.0]) + x) is Variable
    assert type(nn.Parameter([1.0]) * 2) is Variable
    assert type(nn.Parameter([1.0]) * x) is Variable
    assert type(x.detach() + 1) is Tensor
    assert type(nn.Buffer([1.0]) * 2) is Tensor
    assert type(nn.Buffer([1.0]) * x) is Variable


def test_no_grad_nests_and_is_used_again():
    x, quiet = Variable([1.0]), no_grad()
    with quiet:
        with no_grad():
            assert type(x + 1) is Tensor
        assert type(x + 1) is Tensor
    assert type(x + 1) is Variable
    with quiet:
        assert type(x + 1) is Tensor
    assert type(x + 1) is Variable


def test_a_decorated_function_keeps_its_name_and_arguments():
    @no_grad()
    def scaled(x, factor=2):
        """Scale it."""
        return x * factor

    assert (scaled.__name__, scaled.__doc__) == ("scaled", "Scale it.")
    assert scaled(Variable([1.0]), factor=3).tolist() == [3.0]


def test_threads_record_on_their_own():
    results, ready, done = [], threading.Event(), threading.Event()
    x = Variable([2.0])

    def elsewhere():
        ready.wait()
        y = (x * x).sum()
        results.append((type(y), y.backward()[x].item()))
        done.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    with no_grad():
        ready.set()
        done.wait(10)
        assert type(x * x) is Tensor
    thread.join()
    assert results == [(Variable, 4.0)]


def test_walks_in_several_threads_do_not_disturb_each_other():
    failures = []

    def work(seed):
        rng = np.random.default_rng(seed)
        weight = Variable(rng.standard_normal((8, 8)))
        for _ in range(20):
            x = rng.standard_normal((4, 8))
            gradient = ((x @ weight) ** 2).sum().backward()[weight]
            expected = 2 * x.T @ (x @ weight.data)
            if not np.allclose(gradient.data, expected):
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_gradients_that_threads_add_to_one_leaf_are_not_lost():
    x, start = Variable(np.ones(3)), threading.Barrier(4)
    interval = sys.getswitchinterval()

    def work():
        start.wait()
        for _ in range(200):
            (x * 1.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert x.grad.tolist() == [800.0] * 3


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Watched(Tensor):
    """A Tensor that a weak reference can follow through the graph."""

    __slots__ = ()


@pytest.mark.usefixtures("no_collector")
def test_the_graph_goes_with_the_last_reference():
    x = Variable([1.0, 2.0])
    constant = Watched([3.0, 4.0])
    middle = x * constant
    loss = (middle * middle).sum()
    watched = [weakref.ref(constant), weakref.ref(middle), weakref.ref(loss)]
    del constant, middle
    assert all(ref() is not None for ref in watched)
    del loss
    assert all(ref() is None for ref in watched)


@pytest.mark.usefixtures("no_collector")
def test_backward_frees_the_graph_though_the_loss_stays():
    x = Variable([1.0, 2.0])
    middle = x * 2
    loss = (middle * middle).sum()
    watched = weakref.ref(middle)
    del middle
    gradients = loss.backward()
    assert watched() is None
    assert gradients[x].tolist() == [8.0, 16.0]


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("create_graph", [False, True])
def test_walks_leave_no_cycles(create_graph):
    x = Variable([1.0, 2.0])
    middle = ops.exp(x)
    loss = (middle * middle).sum()
    watched = [weakref.ref(middle), weakref.ref(loss)]
    gradients = loss.backward(create_graph=create_graph)
    del middle, loss, gradients
    x.grad = None
    assert all(ref() is None for ref in watched)


@pytest.mark.usefixtures("no_collector")
def test_functions_of_functions_leave_no_cycles():
    seen = []

    def f(x):
        y = x * x
        seen.append(weakref.ref(y))
        return y.sum()

    autograd.grad(f)(tensor([1.0, 2.0]))
    autograd.hvp(f, tensor([1.0, 2.0]), tensor([1.0, 1.0]))
    assert all(ref() is None for ref in seen)


@pytest.mark.usefixtures("no_collector")
def test_a_deep_graph_is_freed_without_recursion():
    y = Variable(0.0)
    for _ in range(20_000):
        y = y + 1.0
    watched = weakref.ref(y)
    del y
    assert watched() is None


def test_depth_and_sharing_are_no_limit_for_gradients_of_gradients():
    x = y = Variable(1.0)
    for _ in range(2_000):
        y = y * 1.0
    first = (y * y).backward(create_graph=True)[x]
    x.grad = None
    first.backward()
    assert x.grad.item() == 2.0


def test_a_wide_sum_of_shared_results():
    x = Variable([1.0, 2.0])
    total = x
    for _ in range(500):
        total = total + x * 2
    total.sum().backward()
    assert x.grad.tolist() == [1001.0, 1001.0]


def test_a_row_that_is_not_needed_does_not_run():
    calls = []

    @op
    def autograd_test_product(x, y):
        return x * y

    def row_of_y(g, z, x, y):
        calls.append("y")
        return g * x

    autograd.derivative(autograd_test_product, lambda g, z, x, y: g * y, row_of_y)
    autograd_test_product(Variable([1.0]), tensor([2.0])).backward()
    assert calls == []
    autograd_test_product(Variable([1.0]), Variable([2.0])).backward()
    assert calls == ["y"]


def test_no_grad_values_do_not_hold_the_graph():
    x = Variable([1.0])
    with no_grad():
        y = x * 2
    assert type(y) is Tensor
    assert not hasattr(y, "_operands")


@pytest.mark.parametrize("kind", [Variable, nn.Parameter])
def test_the_rows_of_a_long_repr_stand_beneath_each_other(kind):
    rows = repr(kind(np.ones((2, 2, 2, 2)))).splitlines()
    assert {row.index("1.") for row in rows if "1." in row} == {len(kind.__name__) + 5}
    assert all(row == row.rstrip() for row in rows)


@pytest.mark.parametrize("gradient", [np.ones(2, np.float32), [1.0, 1.0], 1.0])
@pytest.mark.parametrize("kind", [Variable, nn.Parameter])
def test_a_gradient_is_a_tensor_or_none(kind, gradient):
    x = kind([1.0, 2.0])
    with pytest.raises(DTypeError, match=r"a Tensor of shape \(2,\), or None") as caught:
        x.grad = gradient
    assert caught.value.operation == f"{kind.__name__}.grad = ..."
    assert x.grad is None
    x.grad = tensor([3.0, 4.0])
    assert x.grad.tolist() == [3.0, 4.0]
