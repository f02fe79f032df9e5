"""`assign` is the one verb that changes a value: what it takes, and what names it."""

import copy
import operator

import numpy as np
import pytest

from tinytorch.autograd import Variable, nn, no_grad
from tinytorch.tensor import (
    DTypeError,
    GradientError,
    ImmutableError,
    ShapeError,
    Tensor,
    ops,
    tensor,
)

LEAVES = [
    Variable,
    nn.Parameter,
    nn.Buffer,
    lambda data: nn.Parameter(data, requires_grad=False),
]
kinds = pytest.mark.parametrize("kind", LEAVES, ids=["Variable", "Parameter", "Buffer", "frozen"])

IN_PLACE = [
    operator.iadd,
    operator.isub,
    operator.imul,
    operator.itruediv,
    operator.ifloordiv,
    operator.imod,
    operator.ipow,
    operator.imatmul,
    operator.iand,
    operator.ior,
    operator.ixor,
]


@kinds
@pytest.mark.parametrize("change", IN_PLACE, ids=lambda change: change.__name__)
def test_augmented_assignment_to_a_leaf_names_assign(kind, change):
    leaf = kind([1.0, 2.0])
    with pytest.raises(ImmutableError, match="assign"):
        change(leaf, tensor([1.0, 2.0]))
    with no_grad(), pytest.raises(ImmutableError, match=r"x\.assign"):
        change(leaf, 2.0)


def test_the_update_that_people_write_by_hand_is_no_silent_nothing():
    model = nn.Linear(2, 1, rng=0)
    model(tensor([[1.0, 2.0]])).sum().backward()
    for parameter in model.parameters():
        with no_grad(), pytest.raises(ImmutableError, match="-="):
            parameter -= 0.1 * parameter.grad  # noqa: PLW2901 - the mistake under test
    with pytest.raises(ImmutableError, match="-="):
        model.weight -= 0.1
    assert isinstance(model.weight, nn.Parameter)


@kinds
def test_assignment_to_an_index_names_assign(kind):
    with pytest.raises(ImmutableError, match="assign"):
        kind([1.0, 2.0])[0] = 3.0


def test_augmented_assignment_to_a_result_makes_a_new_one():
    x = Variable([1.0, 2.0])
    y = before = x * 1
    y += x
    y *= 2
    assert before.tolist() == [1.0, 2.0]
    assert y.sum().backward()[x].tolist() == [4.0, 4.0]


@pytest.mark.parametrize("value", [tensor([1.0, 2.0]), np.ones(2), Variable([1.0, 2.0])])
@pytest.mark.parametrize("name", ["weight", "steps"])
def test_a_tensor_does_not_take_the_place_of_a_parameter_or_buffer(name, value):
    class Scale(nn.Module):
        def __init__(self):
            self.weight, self.steps = nn.Parameter([1.0, 1.0]), nn.Buffer([0.0, 0.0])

    scale = Scale()
    with pytest.raises(ImmutableError, match=rf"module\.{name}\.assign"):
        setattr(scale, name, value)
    assert list(scale.state_dict()) == ["weight", "steps"]
    setattr(scale, name, nn.Parameter([2.0]))
    setattr(scale, name, None)
    assert name not in scale.state_dict()


@kinds
def test_assign_never_broadcasts(kind):
    with pytest.raises(ShapeError, match="never broadcasts"):
        kind([1.0, 2.0]).assign(1.0)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (np.int64, 2.87),
        (np.int64, [2.87]),
        (np.int64, np.array(np.nan)),
        (np.int64, np.array(-np.inf, np.float16)),
        (np.int64, 1e19),
        (np.int8, np.array(300)),
        (np.uint8, -1),
        (np.uint64, np.array(-1)),
        (np.int64, np.array(2**63, np.uint64)),
        (np.bool_, 2),
        (np.bool_, np.array(0.5)),
        (np.float16, np.array(1e6, np.float32)),
        (np.float16, 70_000),
        (np.float32, np.array(1e300)),
    ],
)
def test_numbers_that_the_data_type_cannot_hold_are_refused(kind, value):
    buffer = nn.Buffer(np.ones(np.shape(value), kind))
    with pytest.raises(DTypeError, match=f"numbers that {np.dtype(kind)} can hold"):
        buffer.assign(value)
    assert buffer.data.all()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (np.int64, 3.0),
        (np.int8, np.array(-128)),
        (np.bool_, 1),
        (np.float32, np.array(0.1)),
        (np.float16, np.array(np.inf)),
        (np.float16, np.array(np.nan, np.float32)),
        (np.float16, 1 / 3),
        (np.float32, True),
        (np.float32, 2**40 + 1),
    ],
)
def test_numbers_that_fit_are_rounded_at_most(kind, value):
    buffer = nn.Buffer(np.zeros((), kind))
    buffer.assign(value)
    assert buffer.dtype == kind
    assert buffer.data == np.asarray(value).astype(kind) or np.isnan(value)


def test_a_state_with_numbers_that_do_not_fit_changes_nothing():
    class Counted(nn.Module):
        def __init__(self):
            self.steps = nn.Buffer(0)
            self.half = nn.Parameter(np.zeros(2, np.float16))

    model = Counted()
    state = {"steps": np.array(1), "half": np.array([1e6, 1])}
    with pytest.raises(ValueError, match="other numbers: half float16 from float64") as caught:
        model.load_state_dict(state)
    assert caught.value.changed == ["half float16 from float64, which it cannot hold"]
    assert model.steps.item() == 0
    with pytest.raises(ValueError, match="other numbers: steps int64 from float64"):
        model.load_state_dict({"steps": 2.5}, strict=False)


@kinds
def test_a_shallow_copy_of_a_leaf_is_a_leaf_of_its_own(kind):
    leaf = kind([1.0, 2.0])
    again = copy.copy(leaf)
    leaf.assign([3.0, 4.0])
    assert type(again) is type(leaf)
    assert again.tolist() == [1.0, 2.0]


def test_a_shallow_copy_of_a_result_is_the_result():
    y = Variable([1.0]) * 2
    assert copy.copy(y) is y


@pytest.mark.parametrize("make", [Variable, nn.Parameter, nn.Buffer, tensor])
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x, x * 2], lambda x: [[1.0], x]])
def test_numbers_are_not_made_of_variables(make, wrap):
    with pytest.raises(GradientError, match=r"x\.detach\(\).*stack") as caught:
        make(wrap(nn.Parameter([1.0])))
    assert caught.value.operation == make.__name__


# What backward reads stays as it was when it was recorded.


@pytest.mark.parametrize(
    ("index", "changed"),
    [
        (np.array([0, 1]), [2, 2]),
        ([0, 1], [2, 0]),
        (np.array([True, False, True]), [False, True, True]),
    ],
    ids=["positions", "list", "mask"],
)
@pytest.mark.parametrize(
    "take",
    [
        lambda x, i: x[i],
        lambda x, i: x.reshape(1, 3)[0, i],
        lambda x, i: ops.getitem(x, index=i),
        lambda x, i: ops.put_into_zeros(x[:2], index=i, shape=(3,)),
    ],
    ids=["alone", "in a tuple", "as a setting", "put"],
)
def test_an_index_that_changes_later_changes_no_gradient(take, index, changed):
    x, factors, own = Variable([1.0, 2.0, 3.0]), tensor([10.0, 20.0, 30.0]), copy.deepcopy(index)
    y = take(x, own)
    (y * factors[: len(y)]).sum().backward()
    expected, x.grad = x.grad.tolist(), None
    y = take(x, own)
    loss = (y * factors[: len(y)]).sum()
    own[:] = changed
    loss.backward()
    assert x.grad.tolist() == expected


@pytest.mark.parametrize("compute", [lambda x, b: (x * b).sum(), lambda x, b: (b + x * x).sum()])
def test_a_buffer_that_changed_since_is_not_read(compute):
    buffer, x = nn.Buffer([2.0, 3.0]), Variable([1.0, 1.0])
    loss = compute(x, buffer)
    buffer.assign([7.0, 7.0])
    with pytest.raises(GradientError, match="assigned to since"):
        loss.backward()
    assert compute(x, buffer).backward()[x] is not None


def test_what_was_computed_from_a_buffer_keeps_its_value():
    buffer, x = nn.Buffer([[2.0, 3.0]]), Variable([1.0, 1.0])
    loss = (x * buffer.reshape(2)).sum()
    buffer.assign([[7.0, 7.0]])
    assert loss.backward()[x].tolist() == [2.0, 3.0]


@pytest.mark.parametrize("view", [lambda w: w.reshape(4), lambda w: w.T, lambda w: w[0]])
def test_a_view_of_a_leaf_that_leaves_the_graph_is_a_copy(view):
    weight = nn.Parameter([[1.0, 2.0], [3.0, 4.0]])
    with no_grad():
        quiet = view(weight)
    detached = view(weight).detach()
    expected = quiet.tolist()
    weight.assign(np.zeros((2, 2)))
    assert (quiet.tolist(), detached.tolist()) == (expected, expected)
    assert type(quiet) is Tensor


def test_a_result_that_is_no_view_of_a_leaf_is_not_copied():
    weight = nn.Parameter([[1.0, 2.0]])
    y = (weight * 2).T
    assert np.shares_memory(y.detach().data, y.data)


def test_a_gradient_that_is_given_is_not_shared_with_a_leaf():
    x, start = Variable([1.0]), Variable([2.0])
    x.backward(start)
    start.assign([5.0])
    assert type(x.grad) is Tensor
    assert x.grad.tolist() == [2.0]
