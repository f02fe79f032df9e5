"""The form of a batch: which items stack, how they stack, and what says why they do not."""

from collections import OrderedDict, UserDict, defaultdict, namedtuple
from types import MappingProxyType

import numpy as np
import pytest

from tinytorch.data.batches.collate import column, join, stack, to_tensors
from tinytorch.tensor import Tensor, tensor
from tinytorch.tensor.errors import ShapeError

Pair = namedtuple("Pair", "image label")  # noqa: PYI024  (the form that has no types)


def stacked(items):
    return stack("DataLoader", items)


def objects(*values):
    return column(list(values))


@pytest.mark.parametrize(
    ("items", "expected", "dtype"),
    [
        ([1, 2, 3], [1, 2, 3], np.int64),
        ([1.0, 2, 3], [1, 2, 3], np.float32),
        ([1, 2.5], [1, 2.5], np.float32),
        ([True, False], [True, False], np.bool_),
        ([np.float64(1), np.float64(2)], [1, 2], np.float64),
        ([np.arange(2, dtype=np.uint8)] * 2, [[0, 1], [0, 1]], np.uint8),
        ([np.float16(1), np.float16(2)], [1, 2], np.float16),
        ([tensor([1.0]), tensor([2.0])], [[1], [2]], np.float32),
        ([tensor(1), tensor(2)], [1, 2], np.int64),
        ([np.str_("a"), np.str_("b")], ["a", "b"], "<U1"),
    ],
)
def test_numbers_arrays_and_tensors_stack(items, expected, dtype):
    batch = stacked(items)
    assert isinstance(batch, np.ndarray)
    assert batch.dtype == dtype
    np.testing.assert_array_equal(batch, expected)


@pytest.mark.parametrize(
    "items", [["a", "bc"], [None, None], [b"x"], [1 + 2j], [1, None], [{1}, {2}], [1, "a"]]
)
def test_anything_else_stays_as_it_is_in_a_list(items):
    assert to_tensors(stacked(items)) == items


def test_tuples_stack_field_by_field_at_any_depth():
    inputs, (one, two) = stacked([(1.0, (2, "a")), (4.0, (5, "b"))])
    assert (inputs.tolist(), one.tolist(), two.tolist()) == ([1, 4], [2, 5], ["a", "b"])


def test_a_list_is_a_form_as_a_tuple_is():
    image = np.ones((3, 2))
    batch = stacked([[image * 0, 0], [image, 1]])
    assert type(batch) is list
    images, labels = batch
    assert images.shape == (2, 3, 2)
    assert labels.tolist() == [0, 1]


@pytest.mark.parametrize("second", [np.ones((3, 2)), 5.0])
def test_fields_of_one_shape_are_not_mixed_up(second):
    first, other = stacked([[second * 0, second * 1], [second * 2, second * 3]])
    np.testing.assert_array_equal(first, [second * 0, second * 2])
    np.testing.assert_array_equal(other, [second, second * 3])


def test_a_namedtuple_keeps_its_names():
    batch = to_tensors(stacked([Pair(1.0, 0), Pair(2.0, 1)]))
    assert type(batch) is Pair
    assert (batch.image.tolist(), batch.label.tolist()) == ([1, 2], [0, 1])


@pytest.mark.parametrize("kind", [dict, OrderedDict, UserDict, MappingProxyType])
def test_a_mapping_keeps_its_class_and_order(kind):
    batch = to_tensors(stacked([kind({"y": 1, "x": 1.5}), kind({"x": 2.5, "y": 2})]))
    assert type(batch) is kind
    assert list(batch) == ["y", "x"]
    assert batch["x"].tolist() == [1.5, 2.5]
    assert batch["y"].tolist() == [1, 2]


def test_a_mapping_with_a_default_keeps_it():
    batch = stacked([defaultdict(list, x=1), defaultdict(list, x=2)])
    assert batch["x"].tolist() == [1, 2]
    assert batch["other"] == []


def test_what_items_share_is_not_changed():
    items = [OrderedDict(x=1), OrderedDict(x=2)]
    stacked(items)
    assert items == [OrderedDict(x=1), OrderedDict(x=2)]


class Labeled(tuple):
    """Cannot be made of its fields alone."""

    __slots__ = ()

    def __new__(cls, fields, name):
        return super().__new__(cls, fields)


class Frozen(UserDict):
    """Cannot be made of its fields alone, nor be copied."""

    def __init__(self, fields, name):
        super().__init__(fields)

    def __copy__(self):
        raise TypeError


@pytest.mark.parametrize(
    ("items", "plain"),
    [
        ([Labeled((1,), "a"), Labeled((2,), "b")], tuple),
        ([Frozen({"x": 1}, "a"), Frozen({"x": 2}, "b")], dict),
    ],
)
def test_a_class_that_cannot_be_made_of_fields_gives_way_to_a_plain_one(items, plain):
    batch = stacked(items)
    assert type(batch) is plain
    (values,) = batch.values() if plain is dict else batch
    assert values.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("items", "place", "expected", "got"),
    [
        ([np.zeros(2), np.zeros(2), np.zeros(3)], 2, "(2,)", "(3,)"),
        ([tensor([1.0]), tensor(1.0)], 1, "(1,)", "()"),
        ([(1, 2), (1, 2, 3)], 1, "a tuple of 2", "a tuple of 3"),
        ([(1, 2), [1, 2]], 1, "a tuple of 2", "a list of 2"),
        ([[1, 2], (1, 2)], 1, "a list of 2", "a tuple of 2"),
        ([(1, 2), 5], 1, "a tuple of 2", "a int"),
        (
            [{"a": 1}, {"a": 1}, {"b": 1}],
            2,
            "a dict with the keys ['a']",
            "a dict with the keys ['b']",
        ),
        ([{"a": 1}, 3], 1, "a dict with the keys ['a']", "a int"),
        ([[1, 2], [1, 2], [1]], 2, "a list of 2", "a list of 1"),
        ([1, 2, [3]], 2, "a int", "a list of 1"),
        ([[[1], 2], [[2, 3], 2]], 1, "a list of 1", "a list of 2"),
        ([(1, np.zeros(2)), (1, np.zeros(1))], 1, "(2,)", "(1,)"),
    ],
)
def test_items_of_different_form_are_named(items, place, expected, got):
    with pytest.raises(ShapeError, match="pass collate=") as caught:
        stacked(items)
    assert caught.value.operation == "DataLoader"
    assert caught.value.item == place
    assert caught.value.expected.endswith(f"item 0 of the batch: {expected}")
    assert caught.value.got == f"item {place} of the batch: {got}"


def test_batches_are_joined_field_by_field_and_put_in_order():
    first = Pair(np.array([[1.0], [2.0]]), {"y": objects("a", None)})
    second = Pair(np.array([[3.0]]), {"y": objects("c")})
    batch = join("ConcatDataset", [first, second], np.array([2, 0, 1]))
    assert type(batch) is Pair
    assert batch.image.tolist() == [[3], [1], [2]]
    assert batch.label["y"].tolist() == ["c", "a", None]


@pytest.mark.parametrize(
    ("one", "other", "got"),
    [
        (np.zeros((2, 3)), np.zeros((1, 4)), "part 1 of the batch: rows of shape (4,)"),
        ((np.zeros(2), np.zeros(2)), (np.zeros(1),), "part 1 of the batch: a tuple of 1"),
        ({"x": np.zeros(2)}, np.zeros(2), "part 1 of the batch: a ndarray"),
        (np.zeros(2), 5, "part 1 of the batch: rows of shape None"),
    ],
)
def test_batches_of_different_form_are_not_joined(one, other, got):
    with pytest.raises(ShapeError) as caught:
        join("ConcatDataset", [one, other], np.arange(3))
    assert (caught.value.operation, caught.value.got) == ("ConcatDataset", got)


def test_tensors_share_the_arrays_of_the_batch():
    array = np.zeros(3, np.float32)
    first, (second,), [third], fourth = to_tensors((array, (array,), [array], {"x": array}))
    for each in (first, second, third, fourth["x"]):
        assert isinstance(each, Tensor)
        assert np.shares_memory(each.numpy(), array)


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_, np.int16, np.float64])
def test_tensors_keep_the_data_type(dtype):
    assert to_tensors(np.zeros(1, dtype)).dtype == dtype


@pytest.mark.parametrize("value", [np.array(["a"]), "text", 5, None, np.zeros(2, complex)])
def test_what_is_no_array_of_numbers_becomes_no_tensor(value):
    assert to_tensors(value) is value


def test_objects_that_look_like_rows_stay_whole():
    assert column([[1], [2]]).tolist() == [[1], [2]]
    assert column([np.zeros(2), np.zeros(2)]).shape == (2,)


class Numpyable:
    """An array of a library that knows NumPy."""

    def __init__(self, *values):
        self.values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return self.values


class Exchangeable:
    """An array of a library that knows DLPack."""

    def __init__(self, *values):
        self.values = np.asarray(values)

    def __dlpack__(self, **settings):
        return self.values.__dlpack__(**settings)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


@pytest.mark.parametrize("kind", [Numpyable, Exchangeable])
def test_arrays_of_other_libraries_stack(kind):
    batch, labels = to_tensors(stacked([(kind(1.0, 2.0), 0), (kind(3.0, 4.0), 1)]))
    assert isinstance(batch, Tensor)
    assert (batch.tolist(), labels.tolist()) == ([[1, 2], [3, 4]], [0, 1])


@pytest.mark.parametrize("kind", [Numpyable, Exchangeable])
def test_batches_of_other_libraries_become_tensors(kind):
    batch = to_tensors({"x": kind(1.0, 2.0)})
    assert isinstance(batch["x"], Tensor)
    assert batch["x"].tolist() == [1, 2]


def test_arrays_of_objects_stay_as_they_are():
    items = [Numpyable("a", None), Numpyable("b", None)]
    assert to_tensors(stacked(items)) == items
    arrays = [np.array([{}, 1]), np.array([2])]
    assert to_tensors(stacked(arrays))[1] is arrays[1]


def test_a_class_is_no_array():
    assert to_tensors(stacked([Numpyable, Numpyable])) == [Numpyable, Numpyable]
