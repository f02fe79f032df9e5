"""From indices to a batch: gathered at once where the data set can, item by item where not."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

from tinytorch.data import ConcatDataset, DataLoader, ImageDataset, Subset, TensorDataset
from tinytorch.data.batches.fetch import fetch_batch
from tinytorch.tensor import tensor
from tinytorch.tensor.errors import ArgumentError, DTypeError, IndexRangeError

Pair = namedtuple("Pair", "image label")  # noqa: PYI024  (the form that has no types)


class Items:
    """Items that a function makes of their index."""

    def __init__(self, make, count=10, start=0):
        self.make, self.count, self.start = make, count, start

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.make(self.start + index)


def rows():
    return Items(lambda index: (index * 2.0, index))


def batch_of(dataset, indices, **settings):
    return fetch_batch("DataLoader", dataset, np.array(indices), **settings)


def plain(batch):
    """A batch with lists in place of Tensors."""
    if isinstance(batch, tuple | list):
        return (
            type(batch)._make(map(plain, batch))
            if hasattr(batch, "_make")
            else [*map(plain, batch)]
        )
    if isinstance(batch, dict):
        return type(batch)((key, plain(value)) for key, value in batch.items())
    return batch.tolist() if hasattr(batch, "tolist") else batch


@pytest.mark.parametrize(
    "whole",
    [
        lambda indices: (indices * np.float32(2), indices),
        lambda indices: [(index * 2.0, index) for index in indices.tolist()],
    ],
)
def test_a_data_set_may_gather_whole_batches(whole):
    class Gathering(Items):
        def __getitem__(self, index):
            raise AssertionError

        def __getitems__(self, indices):
            assert indices.dtype == np.int64
            return whole(indices)

    inputs, targets = batch_of(Gathering(None), [3, 1])
    assert (inputs.tolist(), targets.tolist()) == ([6, 2], [3, 1])


def test_transform_gets_the_first_array_of_a_tuple():
    rng = np.random.default_rng(0)
    inputs, targets = batch_of(
        rows(), [3, 1], transform=lambda array, given: (array + 1, given), rng=rng
    )
    assert inputs[0].tolist() == [7, 3]
    assert inputs[1] is rng
    assert targets.tolist() == [3, 1]


def test_transform_keeps_the_form_of_the_batch():
    for make in (lambda index: Pair(1.0, index), lambda index: [1.0, index]):
        batch = batch_of(Items(make), [3, 1], transform=lambda array, rng: array + 1)
        assert type(batch) is type(make(0))
        assert plain(list(batch)) == [[2, 2], [3, 1]]


def test_transform_gets_a_batch_that_is_no_tuple():
    batch = batch_of([1.5, 2.5, 3.5], [2, 0], transform=lambda array, rng: -array)
    assert batch.tolist() == [-3.5, -1.5]


def test_transform_gets_arrays_also_from_tensors_of_a_collate():
    kinds = []
    batch_of(
        rows(),
        [1],
        transform=lambda array, rng: kinds.append(type(array)),
        collate=lambda items: (tensor([item[0] for item in items]), 0),
    )
    batch_of([1], [0], transform=lambda array, rng: kinds.append(type(array)), collate=tensor)
    assert kinds == [np.ndarray, np.ndarray]


@pytest.mark.parametrize(
    ("batch", "got"),
    [
        ({"x": np.zeros(2)}, "dict"),
        ("text", "str"),
        ((), "tuple"),
        (((np.zeros(2), np.zeros(2)), 1), "tuple whose first element is a tuple"),
        ([["a"], 1], "list whose first element is a list"),
    ],
)
def test_transform_needs_a_first_array(batch, got):
    with pytest.raises(ArgumentError, match="in collate") as caught:
        batch_of([0], [0], transform=lambda array, rng: array, collate=lambda items: batch)
    assert caught.value.got == got


@pytest.mark.parametrize("item", [((1.0, 2.0), 3), "text", ("text", 3)])
def test_transform_refuses_items_without_a_first_array(item):
    with pytest.raises(ArgumentError, match="in collate"):
        list(DataLoader([item, item], 2, transform=lambda images: images))


def test_collate_gets_the_items_even_where_batches_could_be_gathered():
    class Both(Items):
        def __getitems__(self, indices):
            raise AssertionError

        def get_batch(self, indices, *, transform, rng):
            raise AssertionError

    dataset = Both(lambda index: (index, "a"))
    assert batch_of(dataset, [1, 4], collate=list) == [(1, "a"), (4, "a")]


def test_collate_gets_all_items_of_a_concatenation_at_once():
    dataset = ConcatDataset([Items(str, 3), Items(str, 3, start=3)])
    assert batch_of(dataset, [4, 0, 3], collate="".join) == "403"


@pytest.mark.parametrize("base", [TensorDataset, Subset, ImageDataset])
def test_a_subclass_that_changes_its_items_changes_the_batches(base):
    class Marked(base):
        def __getitem__(self, index):
            return -index

    arguments = {
        TensorDataset: (np.arange(4),),
        Subset: ([7, 8, 9, 10], range(4)),
        ImageDataset: (np.zeros((4, 1, 2, 2), np.uint8), range(4)),
    }
    assert batch_of(Marked(*arguments[base]), [3, 1]).tolist() == [-3, -1]
    assert batch_of(Subset(Marked(*arguments[base]), [2, 1]), [1, 0]).tolist() == [-1, -2]


def test_a_wrapper_that_hands_other_names_on_keeps_its_items():
    class Wrapper:
        def __init__(self, dataset):
            self.dataset = dataset

        def __len__(self):
            return len(self.dataset)

        def __getitem__(self, index):
            return 10 * self.dataset[index][0].item()

        def __getattr__(self, name):
            return getattr(self.dataset, name)

    assert batch_of(Wrapper(TensorDataset(np.arange(4))), [3, 1]).tolist() == [30, 10]


image = np.ones((3, 4), np.float32)
FORMS = {
    "numbers": lambda index: index,
    "pairs": lambda index: (image * index, index),
    "pairs of pairs": lambda index: ((image * index, image * -index), index),
    "dicts": lambda index: {"x": image * index, "y": index},
    "ordered dicts": lambda index: OrderedDict(y=index, x=image),
    "a dict for a label": lambda index: (image, {"y": index}),
    "lists": lambda index: [image * index, image * -index],
    "names": lambda index: Pair(image * index, index),
    "texts": lambda index: (f"text {index}", index),
    "lists of texts": lambda index: ["a", f"text {index}"],
    "nothing": lambda index: (image, None),
}


@pytest.mark.parametrize("form", FORMS)
class TestViews:
    """Data sets of other data sets give the batches of a plain one."""

    def parts(self, form):
        return [Items(FORMS[form], 3), Items(FORMS[form], 4, start=3)]

    def same(self, dataset, expected):
        (batch,) = DataLoader(dataset, len(dataset))
        (other,) = DataLoader(expected, len(expected))
        assert type(batch) is type(other)
        assert plain(batch) == plain(other)

    def test_concatenated(self, form):
        self.same(ConcatDataset(self.parts(form)), Items(FORMS[form], 7))

    def test_chosen(self, form):
        dataset = Items(FORMS[form], 7)
        self.same(Subset(dataset, [5, 0, -2]), [dataset[5], dataset[0], dataset[5]])

    def test_chosen_of_a_concatenation_of_chosen(self, form):
        first, second = self.parts(form)
        both = ConcatDataset([Subset(second, [3, 0]), ConcatDataset([first]), second])
        expected = [second[0], second[3], second[3], first[2], second[0]]
        self.same(Subset(both, [1, 0, 8, 4, 5]), expected)


@pytest.mark.parametrize("form", [form for form in FORMS if not form.startswith("lists")])
def test_parts_that_gather_batches_mix_with_those_that_do_not(form):
    class Gathering(Items):
        def __getitems__(self, indices):
            (batch,) = DataLoader([self[index] for index in indices], len(indices))
            return batch

    first, second = Gathering(FORMS[form], 3), Items(FORMS[form], 4, start=3)
    (batch,) = DataLoader(Subset(ConcatDataset([first, second]), [6, 1, 3, 0]), 4)
    (expected,) = DataLoader([second[3], first[1], second[0], first[0]], 4)
    assert plain(batch) == plain(expected)


def test_a_concatenation_transforms_as_a_plain_data_set_does():
    class Noise:
        random = True

        def __call__(self, batch, *, rng):
            return batch + rng.normal(size=batch.shape)

    def batches(dataset):
        loader = DataLoader(dataset, 4, shuffle=True, transform=Noise(), rng=0)
        return [images.tolist() for images, _ in loader]

    one, other = Items(FORMS["pairs"], 3), Items(FORMS["pairs"], 4, start=3)
    assert batches(ConcatDataset([one, other])) == batches(Items(FORMS["pairs"], 7))


def test_an_error_in_an_item_names_its_index():
    def broken(index):
        if index == 7:
            raise RuntimeError("no such luck")
        return index

    with pytest.raises(RuntimeError, match="no such luck") as caught:
        batch_of(Items(broken), [1, 7])
    assert caught.value.__notes__ == ["while reading index 7 of Items"]


def test_an_index_behind_the_end_is_told_with_the_length():
    with pytest.raises(IndexRangeError, match="shrink only between two epochs") as caught:
        batch_of([1, 2, 3], [1, 3])
    assert (caught.value.operation, caught.value.index) == ("list", 3)
    assert caught.value.expected == "an index below 3, the number of items"
    assert caught.value.__notes__ == ["while reading index 3 of list"]


def test_an_index_error_of_the_data_set_itself_stays_its_own():
    def broken(index):
        return [][index]

    with pytest.raises(IndexError) as caught:
        batch_of(Items(broken), [1])
    assert type(caught.value) is IndexError


@pytest.mark.parametrize("indices", [[[0, 1], [1, 0]], [0.5], ["a"], [True]])
def test_indices_are_whole_numbers_in_a_row(indices):
    with pytest.raises(DTypeError) as caught:
        batch_of([1, 2, 3], indices)
    assert caught.value.operation == "DataLoader"


def test_no_items_have_no_form():
    with pytest.raises(ArgumentError, match="one index at least") as caught:
        Subset([1, 2], []).__getitems__([])
    assert caught.value.operation == "Subset"
