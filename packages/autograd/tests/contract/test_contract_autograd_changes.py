"""Step 6, what changes and what does not: no_grad, assign, a graph that serves once."""

import copy
import threading

import numpy as np
import pytest

from tinytorch.tensor import (
    DTypeError,
    GradientError,
    ImmutableError,
    ShapeError,
    Tensor,
    ops,
    tensor,
)

pytestmark = pytest.mark.step(6)
QUIET, ASSIGN, WALK = "`no_grad()`", "`.assign(value)`", "`.backward(...)`"


def test_no_grad_lets_ops_make_tensors(autograd):
    x = autograd.Variable([1.0])
    with autograd.no_grad():
        assert type(x * 2) is Tensor, f"nothing is remembered in the block  [contract: {QUIET}]"
    assert isinstance(x * 2, autograd.Variable), f"the block has ended  [contract: {QUIET}]"


def test_the_end_of_an_inner_block_does_not_end_the_outer(autograd):
    x = autograd.Variable([1.0])
    with autograd.no_grad():
        with autograd.no_grad():
            pass
        assert type(x * 2) is Tensor, f"what was before comes back  [contract: {QUIET}]"


def test_one_block_may_be_entered_again_inside_itself(autograd):
    x, block = autograd.Variable([1.0]), autograd.no_grad()
    with block, block:
        pass
    assert isinstance(x * 2, autograd.Variable), f"recording stays off  [contract: {QUIET}]"


def test_no_grad_ends_with_an_exception(autograd):
    x = autograd.Variable([1.0])
    with pytest.raises(ZeroDivisionError), autograd.no_grad():
        _ = 1 // 0
    assert isinstance(x * 2, autograd.Variable), f"it ends in any case  [contract: {QUIET}]"


def test_no_grad_decorates(autograd):
    @autograd.no_grad()
    def double(x):
        return x * 2

    x = autograd.Variable([1.0])
    assert type(double(x)) is Tensor
    assert isinstance(x * 2, autograd.Variable)


def test_no_grad_covers_generators(autograd):
    x = autograd.Variable([1.0])

    @autograd.no_grad()
    def doubles():
        while True:
            yield type(x * 2)

    steps = doubles()
    assert [next(steps), type(x * 2), next(steps)] == [Tensor, autograd.Variable, Tensor], (
        f"its body runs when it is asked, not when it is called  [contract: {QUIET}]"
    )


def test_no_grad_is_one_threads_own(autograd):
    x, seen = autograd.Variable([1.0]), []
    with autograd.no_grad():
        thread = threading.Thread(target=lambda: seen.append(type(x * 2)))
        thread.start()
        thread.join()
    assert seen == [autograd.Variable], f"other threads go on recording  [contract: {QUIET}]"


def test_assign_changes_the_array_itself(autograd):
    x = autograd.Variable([1.0, 2.0])
    array = x.data
    assert x.assign(tensor([3.0, 4.0])) is x, f"it returns the leaf  [contract: {ASSIGN}]"
    assert x.data is array, f"a new array: module and optimizer drift apart  [contract: {ASSIGN}]"
    assert x.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("value", [[5, 6], (5.0, 6.0), np.array([5.0, 6.0])])
def test_assign_converts_to_the_data_type(autograd, value):
    x = autograd.Variable([1.0, 2.0]).assign(value)
    assert (x.dtype, x.tolist()) == (np.float32, [5.0, 6.0])


def test_assign_takes_what_was_written_into_its_array(autograd):
    x = autograd.Variable([1.0])
    x.data[...] = 7
    assert x.assign(x.data).tolist() == [7.0]


def test_assign_never_broadcasts(autograd):
    with pytest.raises(ShapeError):
        autograd.Variable([1.0, 2.0]).assign([1.0])


def test_assign_refuses_what_the_data_type_cannot_hold(autograd):
    with pytest.raises(DTypeError):
        autograd.Variable(np.ones(1, np.float16)).assign([1e6])


def test_results_are_not_assigned_to(autograd):
    with pytest.raises(GradientError):
        (autograd.Variable([1.0]) * 2).assign([1.0])


def test_a_leaf_is_not_changed_by_augmented_assignment(autograd):
    x = autograd.Variable([1.0])
    with pytest.raises(ImmutableError):
        x -= 0.1
    with autograd.no_grad(), pytest.raises(ImmutableError):
        x *= 2


def test_a_graph_serves_once(autograd):
    x = autograd.Variable(2.0)
    y = x * x
    y.backward()
    with pytest.raises(GradientError):
        y.backward()


def test_a_graph_that_is_retained_serves_again(autograd, expect):
    x = autograd.Variable(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    expect(x.grad, 8.0, "retain_graph keeps the graph, and grad adds up", WALK)


def test_a_leaf_assigned_to_since_is_an_error(autograd):
    x = autograd.Variable([2.0])
    y = (x * x).sum()
    x.assign([5.0])
    with pytest.raises(GradientError):
        y.backward()


def test_a_graph_made_after_the_change_is_as_good_as_new(autograd, expect):
    x = autograd.Variable([2.0])
    x.assign([5.0])
    expect((x * x).sum().backward()[x], [10.0], "only graphs made before are stale", ASSIGN)


def test_the_other_operands_of_a_changed_leaf_are_refused_too(autograd):
    x, y = autograd.Variable([2.0]), autograd.Variable([3.0])
    z = (x * y).sum()
    y.assign([5.0])
    with pytest.raises(GradientError):
        z.backward()


@pytest.mark.parametrize("take", [lambda x, i: x[i], lambda x, i: ops.getitem(x, index=i)])
def test_an_index_that_changes_later_changes_no_gradient(autograd, expect, take):
    x, index = autograd.Variable([1.0, 2.0, 3.0]), np.array([0, 1])
    y = take(x, index).sum()
    index[:] = 2
    expect(y.backward()[x], [1.0, 1.0, 0.0], "the graph shares the caller's index", WALK)


def test_a_copied_leaf_is_a_leaf_of_its_own(autograd):
    x = autograd.Variable([1.0])
    twin = copy.deepcopy(x)
    x.assign([2.0])
    assert twin.tolist() == [1.0], "the array is shared"
    assert twin.is_leaf


def test_variables_are_not_made_of_variables(autograd):
    x = autograd.Variable([1.0])
    with pytest.raises(GradientError):
        autograd.Variable(x * 2)
