"""Tensors among NumPy's arrays: operators, ufuncs, functions, DLPack, copies."""

import copy
import enum
import pickle  # noqa: TID251 - Tensors pass between processes by it

import numpy as np
import pytest

from tinytorch.tensor import DTypeError, ShapeError, Tensor, from_numpy, ops, tensor
from tinytorch.tensor.testing import assert_close


class Color(enum.IntEnum):
    RED = 2


def test_an_array_on_either_side_gives_a_tensor_never_objects():
    array, x = np.array([[1.0], [2.0]]), tensor([3.0, 4.0])
    for result in (array * x, x * array, array - x, array @ tensor([[1.0, 2.0]]), array < x):
        assert type(result) is Tensor
        assert result.dtype != object
    assert_close(array * x, [[3, 4], [6, 8]])


def test_numpy_numbers_and_enumerations_are_weak():
    x = tensor([1.0])
    for number in (np.float64(2), np.int8(2), Color.RED, np.bool_(True)):
        assert (x * number).dtype == (number * x).dtype == np.float32
    assert (x * Color.RED).item() == 2.0


def test_lists_are_operands():
    assert (tensor([1.0, 2.0]) - [1, 2]).tolist() == [0.0, 0.0]
    assert ([1.0, 2.0] * tensor([2.0, 2.0])).tolist() == [2.0, 4.0]


def test_in_place_addition_to_an_array_refuses():
    array = np.ones(2)
    with pytest.raises(DTypeError, match="without options"):
        array += tensor([1.0, 2.0])


@pytest.mark.parametrize(
    "name",
    """add subtract multiply divide floor_divide remainder power maximum minimum equal not_equal
    less less_equal greater greater_equal logical_and logical_or""".split(),
)
def test_binary_ufuncs_are_ops(name):
    ufunc = getattr(np, name)
    x, y = np.array([1.0, 2.0, 3.0], np.float32), np.array([2.0, 2.0, 2.0], np.float32)
    for result in (ufunc(tensor(x), y), ufunc(x, tensor(y)), ufunc(tensor(x), tensor(y))):
        assert type(result) is Tensor
        assert_close(result, ufunc(x, y))


@pytest.mark.parametrize(
    "name",
    """negative exp log log1p expm1 sqrt tanh sin cos absolute sign floor ceil rint isnan isfinite
    logical_not""".split(),
)
def test_unary_ufuncs_are_ops(name):
    x = np.array([0.5, 1.5, 2.0], np.float32)
    result = getattr(np, name)(tensor(x))
    assert type(result) is Tensor
    assert_close(result, getattr(np, name)(x))


def test_matmul_ufunc_is_the_op():
    x = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    assert_close(np.matmul(x, tensor(x.T)), x @ x.T)


@pytest.mark.parametrize(
    "call",
    [
        np.square,
        np.add.reduce,
        lambda x: np.multiply.outer(x, x),
        lambda x: np.add(x, x, out=np.zeros(2)),
        lambda x: np.exp(x, where=[True, False]),
    ],
)
def test_other_ufuncs_refuse_with_a_way_out(call):
    with pytest.raises(DTypeError, match=r"np\.asarray"):
        call(tensor([1.0, 2.0]))


def test_other_functions_of_numpy_give_arrays():
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    assert np.sum(x) == 10
    assert np.mean(x, axis=0).tolist() == [2.0, 3.0]
    assert np.concatenate([x, x]).shape == (4, 2)
    assert np.concatenate([np.ones((1, 2)), x]).shape == (3, 2)
    assert type(np.stack((x, x))) is np.ndarray
    assert np.linalg.norm(x) == pytest.approx(30**0.5)
    assert np.where(x > 2, x, 0).tolist() == [[0, 0], [3, 4]]
    assert np.einsum("ij->", x) == 10
    assert np.allclose(x, x.data)
    assert np.shape(x) == (2, 2)
    assert np.ndim(x) == 2
    assert np.reshape(x, (4,)).shape == (4,)
    assert np.pad(x, [(1, 1), (0, 0)], constant_values=x[0, 0].item()).shape == (4, 2)
    np.testing.assert_array_equal(x, x.data)


def test_a_function_given_another_librarys_arrays_is_left_to_it():
    class Foreign:
        def __array_function__(self, function, types, args, kwargs):
            return "foreign"

    assert np.concatenate([tensor([1.0]), Foreign()]) == "foreign"


def test_asarray_is_a_read_only_view():
    x = tensor([1.0, 2.0])
    view = np.asarray(x)
    assert np.shares_memory(view, x.data)
    assert not view.flags.writeable
    assert x.data.flags.writeable
    assert np.asarray(x, np.float64).dtype == np.float64
    copied = np.array(x)
    assert not np.shares_memory(copied, x.data)
    assert copied.flags.writeable
    assert np.asarray(x, copy=True).dtype == np.float32
    assert np.asarray(x, dtype=np.float32, copy=False) is not None
    with pytest.raises(ValueError, match="needs a copy"):
        np.asarray(x, dtype=np.float64, copy=False)


def test_dlpack_goes_both_ways():
    x = tensor([1.0, 2.0])
    shared = np.from_dlpack(x)
    assert np.shares_memory(shared, x.data)
    assert from_numpy(np.from_dlpack(x)).tolist() == [1.0, 2.0]
    assert x.__dlpack_device__()[0] == 1


def test_dlpack_copies_what_others_could_not_take():
    x = tensor([1.0, 2.0, 3.0])
    back = np.from_dlpack(x[::-1])
    assert back.tolist() == [3.0, 2.0, 1.0]
    assert back.strides == (4,)
    spread = x[0].broadcast_to((2,))
    read_only = from_numpy(x.numpy())
    for one in (spread, read_only):
        assert one.__dlpack__() is not None
    assert np.shares_memory(np.from_dlpack(read_only), x.data)
    with pytest.raises(BufferError):
        read_only.__dlpack__(copy=False)
    assert np.from_dlpack(tensor(1.0)).shape == ()


def test_a_tensor_is_an_index_and_a_number():
    assert [10, 20, 30][tensor(1)] == 20
    assert (float(tensor([1.5])), int(tensor(2.7)), bool(tensor([0.0]))) == (1.5, 2, False)
    assert f"{tensor(1.23456):.2f}" == "1.23"
    assert f"{tensor([1.0])}" == "tensor([1.])"
    assert f"{tensor([1.0]):.1f}" == "1.0"
    assert list(range(tensor(3))) == [0, 1, 2]
    with pytest.raises(DTypeError, match="0-d integer"):
        [1][tensor(0.0)]
    with pytest.raises(DTypeError, match="0-d integer"):
        [1][tensor([0])]


def test_truth_and_numbers_need_one_element():
    for ask in (bool, float, int, lambda x: x.item()):
        with pytest.raises(ShapeError, match="one element"):
            ask(tensor([1.0, 2.0]))


def test_membership_and_length():
    x = tensor([[1.0, 2.0]])
    assert 2.0 in x
    assert 3.0 not in x
    assert len(x) == 1
    with pytest.raises(DTypeError, match="one axis"):
        len(tensor(1.0))
    with pytest.raises(DTypeError, match="one axis"):
        iter(tensor(1.0))


def test_equality_with_other_things_is_identity():
    x = tensor([1.0])
    assert (x == None) is False  # noqa: E711 - what a user may write
    assert (x == "a") is False
    assert x != "a"
    assert (x == [1.0]).tolist() == [True]


def test_the_operators_of_logic():
    x, y = tensor([True, True, False]), tensor([True, False, False])
    assert (x & y).tolist() == [True, False, False]
    assert (x | y).tolist() == [True, True, False]
    assert (~x).tolist() == [False, False, True]
    assert (True & y).tolist() == [True, False, False]
    assert (False | y).tolist() == [True, False, False]


def test_the_operators_of_bits():
    x = tensor([6, 5])
    assert (x & 3).tolist() == [2, 1]
    assert (1 | x).tolist() == [7, 5]
    assert (x ^ tensor([4, 4])).tolist() == [2, 1]
    assert (~x).tolist() == [-7, -6]
    assert (x << 2).tolist() == [24, 20]
    assert (x >> 1).tolist() == [3, 2]
    assert (1 << tensor([3])).tolist() == [8]
    assert (np.array([3], np.uint8) & tensor(np.array([6], np.uint8))).tolist() == [2]
    assert np.bitwise_xor(x, 1).tolist() == [7, 4]
    y = x
    y &= 4
    assert (x.tolist(), y.tolist()) == ([6, 5], [4, 4])
    for compute in (lambda: tensor([1.0]) & 1, lambda: ~tensor([1.0]), lambda: x | 1.5):
        with pytest.raises(TypeError, match=r"bitwise(.|\n)*compare"):
            compute()


def test_division_and_remainder():
    x = tensor([7.0, -7.0])
    assert (x // 2).tolist() == [3.0, -4.0]
    assert (x % 4).tolist() == [3.0, 1.0]
    assert (15 // x).tolist() == [2.0, -3.0]
    assert (15 % x).tolist() == [1.0, -6.0]
    assert (+x) is x
    assert ([[1.0, 0.0], [0.0, 2.0]] @ x).tolist() == [7.0, -14.0]


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (tensor(1.0), "tensor(1.)"),
        (tensor([[1, 2], [3, 4]]), "tensor([[1, 2],\n        [3, 4]])"),
        (tensor([True]), "tensor([ True])"),
        (tensor(np.ones(1)), "tensor([1.], dtype=float64)"),
        (tensor(np.ones(1, np.uint8)), "tensor([1], dtype=uint8)"),
        (tensor([]), "tensor([], shape=(0,), dtype=float32)"),
        (tensor(np.zeros((2, 0))), "tensor([], shape=(2, 0), dtype=float64)"),
    ],
)
def test_repr(x, text):
    assert repr(x) == text


def test_a_long_repr_is_shortened():
    assert len(repr(tensor(np.zeros((100, 100))))) < 1000
    assert "..." in repr(tensor(np.zeros(1000)))


def test_a_deep_copy_does_not_share_what_from_numpy_shares():
    array = np.array([1.0, 2.0])
    copied = copy.deepcopy(from_numpy(array))
    array[:] = 9
    assert copied.tolist() == [1.0, 2.0]


def test_copies():
    x = tensor([[1.0, 2.0]])
    assert copy.copy(x) is x
    strided = from_numpy(np.arange(12.0).reshape(3, 4).T[::2])
    again = pickle.loads(pickle.dumps(strided))
    assert_close(again, strided)
    assert again.data.flags.writeable
    zero = pickle.loads(pickle.dumps(tensor(3)))
    assert (zero.shape, zero.dtype, zero.item()) == ((), np.int64, 3)


def test_weak_references_and_slots():
    import weakref

    x = tensor([1.0])
    assert weakref.ref(x)() is x
    with pytest.raises(AttributeError):
        x.note = "none"


def test_views_share_memory_and_results_do_not():
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    for view in (x.T, x[0], x.reshape(4), x.expand_dims(0), ops.broadcast_to(x, shape=(2, 2, 2))):
        assert np.shares_memory(view.data, x.data)
    assert not np.shares_memory((x + 0).data, x.data)
