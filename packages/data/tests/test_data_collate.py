"""From items to a batch: what stacks, how it stacks, and which error says why it does not."""

from types import MappingProxyType

import numpy as np
import pytest

from tinytorch.data._fetch import get_batch, stack, to_tensors
from tinytorch.tensor import Tensor, tensor
from tinytorch.tensor.errors import ArgumentError, ShapeError


@pytest.mark.parametrize(
    ("items", "expected", "dtype"),
    [
        ([1, 2, 3], [1, 2, 3], np.int64),
        ([1.0, 2, 3], [1, 2, 3], np.float32),
        ([1, 2.5], [1, 2.5], np.float32),
        ([True, False], [True, False], np.bool_),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]], np.int64),
        ([[1.0, 2], [3, 4]], [[1, 2], [3, 4]], np.float32),
        ([np.float64(1), np.float64(2)], [1, 2], np.float64),
        ([np.arange(2, dtype=np.uint8)] * 2, [[0, 1], [0, 1]], np.uint8),
        ([np.float16(1), np.float16(2)], [1, 2], np.float16),
        ([tensor([1.0]), tensor([2.0])], [[1], [2]], np.float32),
        ([tensor(1), tensor(2)], [1, 2], np.int64),
        ([np.str_("a"), np.str_("b")], ["a", "b"], "<U1"),
    ],
)
def test_numbers_arrays_and_tensors_stack(items, expected, dtype):
    batch = stack(items)
    assert isinstance(batch, np.ndarray)
    assert batch.dtype == dtype
    np.testing.assert_array_equal(batch, expected)


def test_tuples_and_dicts_stack_field_by_field():
    inputs, (one, two) = stack([(1.0, (2, [3])), (4.0, (5, [6]))])
    assert (inputs.tolist(), one.tolist(), two.tolist()) == ([1, 4], [2, 5], [[3], [6]])
    batch = stack([{"x": 1.5, "y": (1,)}, MappingProxyType({"y": (2,), "x": 2.5})])
    assert batch["x"].tolist() == [1.5, 2.5]
    assert batch["y"][0].tolist() == [1, 2]


@pytest.mark.parametrize("items", [["a", "bc"], [None, None], [["a"], ["b"]], [b"x"], [1 + 2j]])
def test_anything_else_stays_a_list(items):
    assert stack(items) == items


@pytest.mark.parametrize(
    ("items", "place", "expected", "got"),
    [
        ([np.zeros(2), np.zeros(2), np.zeros(3)], 2, "(2,)", "(3,)"),
        ([tensor([1.0]), tensor(1.0)], 1, "(1,)", "()"),
        ([(1, 2), (1, 2, 3)], 1, "a tuple of 2", "a tuple of 3"),
        ([(1, 2), [1, 2]], 1, "a tuple of 2", "a list of 2"),
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
        ([[[1], [2, 3]]], 0, "a list of 2", "a list of 2"),
        ([(1, np.zeros(2)), (1, np.zeros(1))], 1, "(2,)", "(1,)"),
    ],
)
def test_items_of_different_form_are_named(items, place, expected, got):
    with pytest.raises(ShapeError, match="pass collate=") as caught:
        stack(items)
    assert caught.value.item == place
    assert caught.value.expected.endswith(f"item 0 of the batch: {expected}")
    assert caught.value.got == f"item {place} of the batch: {got}"


def test_tensors_share_the_arrays_of_the_batch():
    array = np.zeros(3, np.float32)
    first, (second,), third, fourth = to_tensors((array, (np.arange(2),), ["a"], {"x": array}))
    assert isinstance(first, Tensor)
    assert np.shares_memory(first.numpy(), array)
    assert second.tolist() == [0, 1]
    assert third == ["a"]
    assert isinstance(fourth["x"], Tensor)
    words = np.array(["a"])
    assert to_tensors(words) is words
    for dtype in (np.uint8, np.bool_, np.int16, np.float64):
        assert to_tensors(np.zeros(1, dtype)).dtype == dtype


class Rows:
    """Items that are their index, once doubled."""

    def __len__(self):
        return 10

    def __getitem__(self, index):
        return index * 2.0, index


@pytest.mark.parametrize(
    "whole",
    [
        lambda indices: (indices * np.float32(2), indices),
        lambda indices: [(index * 2.0, index) for index in indices.tolist()],
    ],
)
def test_a_data_set_may_gather_whole_batches(whole):
    class Gathering(Rows):
        def __getitem__(self, index):
            raise AssertionError

        def __getitems__(self, indices):
            assert indices.dtype == np.int64
            return whole(indices)

    inputs, targets = get_batch(Gathering(), np.array([3, 1]))
    assert (inputs.tolist(), targets.tolist()) == ([6, 2], [3, 1])


def test_transform_gets_the_first_array_of_a_tuple():
    rng = np.random.default_rng(0)
    inputs, targets = get_batch(
        Rows(), np.array([3, 1]), transform=lambda array, given: (array + 1, given), rng=rng
    )
    assert inputs[0].tolist() == [7, 3]
    assert inputs[1] is rng
    assert targets.tolist() == [3, 1]


def test_transform_gets_a_batch_that_is_no_tuple():
    batch = get_batch([1.5, 2.5, 3.5], np.array([2, 0]), transform=lambda array, rng: -array)
    assert batch.tolist() == [-3.5, -1.5]
    batch = get_batch(
        [1, 2],
        np.array([1]),
        transform=lambda array, rng: array + 1,
        collate=tensor,
    )
    assert batch.tolist() == [3]


def test_transform_gets_arrays_also_from_tensors_of_a_collate():
    kinds = []
    get_batch(
        Rows(),
        np.array([1]),
        transform=lambda array, rng: kinds.append(type(array)),
        collate=lambda items: (tensor([item[0] for item in items]), 0),
    )
    get_batch(
        Rows(),
        np.array([1]),
        transform=lambda array, rng: kinds.append(type(array)),
        collate=lambda items: ([1, 2], 0),
    )
    assert kinds == [np.ndarray, np.ndarray]


@pytest.mark.parametrize("batch", [{"x": np.zeros(2)}, "text", ()])
def test_transform_needs_a_first_array(batch):
    with pytest.raises(ArgumentError, match="in collate") as caught:
        get_batch(
            [0], np.array([0]), transform=lambda array, rng: array, collate=lambda items: batch
        )
    assert caught.value.got == type(batch).__name__


def test_collate_gets_the_items_even_where_batches_could_be_gathered():
    class Both(Rows):
        def __getitems__(self, indices):
            raise AssertionError

        def get_batch(self, indices, *, transform, rng):
            raise AssertionError

    assert get_batch(Both(), np.array([1, 4]), collate=list) == [(2.0, 1), (8.0, 4)]


def test_an_error_in_an_item_names_its_index():
    class Broken(Rows):
        def __getitem__(self, index):
            if index == 7:
                raise RuntimeError("no such luck")
            return index

    with pytest.raises(RuntimeError, match="no such luck") as caught:
        get_batch(Broken(), np.array([1, 7]))
    assert caught.value.__notes__ == ["while reading index 7 of Broken"]
