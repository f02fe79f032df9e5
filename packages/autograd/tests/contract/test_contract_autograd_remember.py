"""Step 1, remember: a Variable computes as a Tensor does, and keeps where it came from."""

import numpy as np
import pytest

from tinytorch.tensor import DTypeError, Tensor, ops, tensor

pytestmark = pytest.mark.step(1)
ROW = "`Variable(data)`"


def test_a_variable_is_a_tensor(autograd):
    x = autograd.Variable([1.0, 2.0])
    assert isinstance(x, Tensor), f"an op takes it wherever it takes a Tensor  [contract: {ROW}]"
    assert x.shape == (2,)


def test_python_floats_become_float32(autograd):
    assert autograd.Variable([1.0]).dtype == np.float32
    assert autograd.Variable(np.ones(1)).dtype == np.float64


def test_the_data_are_copied(autograd):
    array = np.ones(2)
    x = autograd.Variable(array)
    array[:] = 5
    assert x.tolist() == [1.0, 1.0], f"the array is shared with the caller  [contract: {ROW}]"


@pytest.mark.parametrize("data", [1, [1, 2], True, np.arange(3)])
def test_only_floats_have_gradients(autograd, data):
    with pytest.raises(DTypeError):
        autograd.Variable(data)


def test_integers_can_be_converted(autograd):
    assert autograd.Variable(1, dtype=np.float32).dtype == np.float32


def test_an_op_computes_the_same_value(autograd, expect):
    x = autograd.Variable([1.0, 2.0])
    expect(x * 3 + 1, [4.0, 7.0], "evaluate computes op.compute(operands, settings)", ROW)


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x * 2,
        lambda x: 2 * x,
        lambda x: x + tensor([1.0, 1.0]),
        lambda x: tensor([1.0, 1.0]) + x,
        lambda x: np.ones(2, np.float32) * x,
        ops.sum,
        lambda x: x[0],
        lambda x: x @ x,
        lambda x: ops.where([True, False], 0.0, x),
    ],
)
def test_a_variable_among_the_operands_makes_one(autograd, compute):
    result = compute(autograd.Variable([1.0, 2.0]))
    assert isinstance(result, autograd.Variable), f"the result forgets  [contract: {ROW}]"


def test_what_is_made_by_hand_is_a_leaf(autograd):
    x = autograd.Variable([1.0])
    assert x.is_leaf, "a user made it  [contract: `.is_leaf`]"
    assert not (x * 2).is_leaf, "an op made it  [contract: `.is_leaf`]"


def test_a_leaf_begins_without_a_gradient(autograd):
    assert autograd.Variable([1.0]).grad is None
    assert (autograd.Variable([1.0]) * 2).grad is None


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x > 1,
        lambda x: x.argmax(),
        ops.floor,
        lambda x: x.astype(np.int64),
        lambda x: ops.equal(x, x),
    ],
)
def test_ops_without_derivative_make_plain_tensors(autograd, compute):
    result = compute(autograd.Variable([1.0, 2.0]))
    assert type(result) is Tensor, f"op.differentiable is False  [contract: {ROW}]"


def test_detach_is_the_value_alone(autograd, expect):
    y = autograd.Variable([1.0, 2.0]) * 2
    assert type(y.detach()) is Tensor, "it still remembers  [contract: `.detach()`]"
    assert type(y.detach() * 3) is Tensor
    expect(y.detach(), [2.0, 4.0], "the same numbers", "`.detach()`")


def test_detach_of_a_leaf_is_a_copy(autograd):
    x = autograd.Variable([1.0])
    kept = x.detach()
    x.data[...] = 5.0
    assert kept.tolist() == [1.0], "a leaf changes, a Tensor does not  [contract: `.detach()`]"


@pytest.mark.parametrize(
    "take",
    [np.asarray, np.sum, lambda v: v.numpy(), lambda v: np.concatenate([v, v]), np.from_dlpack],
)
def test_numpy_does_not_take_a_history_away(autograd, take):
    from tinytorch.tensor import GradientError

    with pytest.raises(GradientError):
        take(autograd.Variable([1.0]))
