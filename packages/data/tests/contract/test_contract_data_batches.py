"""The loader: all items once in an epoch, pair by pair, in the form that they have."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

from tinytorch import data
from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import TinyTorchError

pytestmark = pytest.mark.step(3)

Pair = namedtuple("Pair", "image label")  # noqa: PYI024  (the form that has no types)


def targets(loader):
    return [np.asarray(batch[1]).tolist() for batch in loader]


def numbers(loader):
    return [np.asarray(batch).tolist() for batch in loader]


def test_batches_come_in_the_order_of_the_items(expect, rows):
    came = targets(data.DataLoader(rows(5), batch_size=2))
    expect(came, [[0, 10], [20, 30], [40]], "without shuffle 0, 1, 2, ...", "DataLoader")


def test_the_batch_size_is_one_by_default(expect, rows):
    expect(targets(data.DataLoader(rows(2))), [[0], [10]], "batch_size=1", "DataLoader")


def test_a_batch_has_the_items_along_axis_0(expect, rows):
    inputs, _ = next(iter(data.DataLoader(rows(), 2)))
    expect(inputs, [[0, 0, 0], [1, 1, 1]], "stack the items: (batch, ...)", "DataLoader")


def test_batches_are_pairs_of_tensors(rows):
    for batch in data.DataLoader(rows(), 2):
        assert all(isinstance(part, Tensor) for part in batch), "Tensors [contract: DataLoader]"


@pytest.mark.parametrize(
    ("items", "dtype"),
    [
        ([1.5, 2.5], np.float32),
        ([1, 2], np.int64),
        ([True, False], np.bool_),
        ([np.float64(1), np.float64(2)], np.float64),
        ([np.zeros(2, np.uint8)] * 2, np.uint8),
    ],
)
def test_numbers_have_the_data_types_of_tensors(expect, items, dtype):
    (batch,) = data.DataLoader(items, 2)
    expect(
        str(batch.dtype),
        np.dtype(dtype).name,
        "Python floats become float32, ints int64; arrays keep theirs",
        "DataLoader",
    )


def test_pairs_stay_pairs_when_shuffled(rows):
    for inputs, labels in data.DataLoader(rows(30), 4, shuffle=True, rng=0):
        assert (10 * np.asarray(inputs)[:, 0] == np.asarray(labels)).all(), (
            "inputs and targets of a batch belong to different items [contract: DataLoader]"
        )


def test_shuffling_gives_each_item_once(expect, rows):
    batches = targets(data.DataLoader(rows(30), 4, shuffle=True, rng=0))
    came = sorted(label for batch in batches for label in batch)
    expect(came, [10 * n for n in range(30)], "a permutation of all items", "DataLoader")


def test_shuffling_changes_the_order(rows):
    came = targets(data.DataLoader(rows(30), 30, shuffle=True, rng=0))
    assert came != [[10 * n for n in range(30)]], "shuffle is not used [contract: DataLoader]"


def test_each_epoch_has_another_order(rows):
    loader = data.DataLoader(rows(30), 30, shuffle=True, rng=0)
    first, second = targets(loader), targets(loader)
    assert first != second, "the same order in each epoch: count epochs [contract: DataLoader]"


def test_the_seed_determines_the_orders(expect, rows):
    first, second = (data.DataLoader(rows(30), 7, shuffle=True, rng=1) for _ in range(2))
    came, expected = ([targets(loader) for _ in range(3)] for loader in (first, second))
    expect(came, expected, "draw from rng alone", "DataLoader")


def test_other_seeds_give_other_orders(rows):
    first, second = (targets(data.DataLoader(rows(30), 30, shuffle=True, rng=n)) for n in (1, 2))
    assert first != second, "rng is not used [contract: DataLoader]"


def test_without_a_seed_orders_differ(rows):
    first, second = (targets(data.DataLoader(rows(30), 30, shuffle=True)) for _ in range(2))
    assert first != second, "rng=None draws fresh randomness [contract: DataLoader]"


def test_drop_last_leaves_out_a_smaller_batch(expect, rows):
    came = targets(data.DataLoader(rows(5), 2, drop_last=True))
    expect(came, [[0, 10], [20, 30]], "drop_last is not used", "DataLoader")


@pytest.mark.parametrize(("items", "size"), [(10, 3), (9, 3), (1, 5), (0, 2)])
@pytest.mark.parametrize("drop_last", [True, False])
def test_the_length_is_the_number_of_batches(expect, rows, items, size, drop_last):
    loader = data.DataLoader(rows(items), size, drop_last=drop_last)
    expect(len(loader), len(list(loader)), "round up, with drop_last down", "len(loader)")


def test_a_sampler_sets_the_order(expect, rows):
    came = targets(data.DataLoader(rows(), 2, sampler=[5, 1, 5]))
    expect(came, [[50, 10], [50]], "the sampler's indices, as they come", "DataLoader")


def test_a_batch_sampler_sets_the_batches(expect, rows):
    sampler = data.BatchSampler([5, 1, 2], 2, drop_last=True)
    expect(targets(data.DataLoader(rows(), sampler=sampler)), [[50, 10]], "", "DataLoader")


def test_a_sampler_is_seeded_by_the_loader(expect, rows):
    def epochs():
        sampler = data.WeightedSampler(np.ones(7), 20)
        loader = data.DataLoader(rows(), 20, sampler=sampler, rng=2)
        return [targets(loader) for _ in range(2)]

    first, second = epochs(), epochs()
    expect(first, second, "give sampler.order a generator grown from the seed", "DataLoader")
    assert first[0] != first[1], "the same draw in each epoch [contract: DataLoader]"


def test_collate_makes_the_batch(expect):
    came = list(data.DataLoader(["a", "b", "c"], 2, collate="".join))
    expect(came, ["ab", "c"], "collate gets the list of items", "DataLoader")


def test_a_transform_gets_the_batch_of_inputs(expect, rows):
    inputs, labels = next(iter(data.DataLoader(rows(), 2, transform=lambda batch: batch + 1)))
    expect(inputs, [[1, 1, 1], [2, 2, 2]], "transform the first array", "DataLoader")
    expect(labels, [0, 10], "and the first only", "DataLoader")


def test_a_transform_leaves_the_targets_of_arrays_alone(expect):
    dataset = data.TensorDataset(np.arange(3), np.arange(3))
    (batch,) = data.DataLoader(dataset, 3, transform=lambda inputs: inputs + 1)
    expect(batch, ([1, 2, 3], [0, 1, 2]), "transform the first array only", "DataLoader")


class Draw:
    """A transform that puts random numbers in the place of its input."""

    random = True

    def __call__(self, batch, *, rng):
        return rng.integers(0, 2**40, len(batch))


def test_mixing_comes_last_and_gets_inputs_and_targets(expect, rows):
    def mix(inputs, targets, *, rng):
        assert isinstance(rng, np.random.Generator)
        return np.asarray(inputs) * 2, np.asarray(targets) + 1

    loader = data.DataLoader(rows(), 2, transform=lambda inputs: inputs + 1, mix=mix)
    expect(next(iter(loader)), ([[2, 2, 2], [4, 4, 4]], [1, 11]), "after transform", "mix")


def test_a_random_transform_draws_anew_for_each_batch(rows):
    loader = data.DataLoader(rows(6), 2, transform=Draw(), rng=0)
    drawn = [np.asarray(batch) for _ in range(2) for batch, _ in loader]
    assert len(set(np.concatenate(drawn).tolist())) == 12, (
        "the same random numbers for several batches or epochs: grow a generator from the seed, "
        "the epoch and the batch [contract: DataLoader]"
    )


def test_a_random_transform_is_seeded(expect, rows):
    first, second = (
        [batch for batch, _ in data.DataLoader(rows(6), 2, transform=Draw(), rng=4)]
        for _ in range(2)
    )
    expect(first, second, "hand rng= to transforms with random = True", "DataLoader")


def test_a_data_set_may_gather_whole_batches(expect):
    class Squares:
        def __len__(self):
            return 4

        def __getitem__(self, index):
            raise AssertionError("item by item, though there is __getitems__")

        def __getitems__(self, indices):
            return indices / 2, indices**2

    came = list(data.DataLoader(Squares(), 2))
    expect(came, [([0, 0.5], [0, 1]), ([1, 1.5], [4, 9])], "call __getitems__", "Dataset")


def test_a_list_is_a_data_set(expect):
    expect(numbers(data.DataLoader([5, 6, 7], 2)), [[5, 6], [7]], "any sequence", "Dataset")


def test_a_data_set_may_grow_between_epochs(expect):
    items = [1, 2]
    loader = data.DataLoader(items, 2)
    items += [3]
    expect(numbers(loader), [[1, 2], [3]], "ask len(dataset) in each epoch", "Dataset")
    expect(len(loader), 2, "ask len(dataset) each time", "len(loader)")


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([(1, (2, 3)), (4, (5, 6))], [[1, 4], [[2, 5], [3, 6]]]),
        ([[1, 2], [3, 4]], [[1, 3], [2, 4]]),
        ([Pair(1, 2), Pair(3, 4)], [[1, 3], [2, 4]]),
        ([{"x": 1, "y": 2}, {"x": 3, "y": 4}], {"x": [1, 3], "y": [2, 4]}),
        ([OrderedDict(y=1), OrderedDict(y=2)], {"y": [1, 2]}),
        ([("a", None), ("b", None)], [["a", "b"], [None, None]]),
    ],
)
def test_a_batch_has_the_form_of_its_items(expect, items, expected):
    (batch,) = data.DataLoader(items, 2)
    expect(batch, expected, "stack field by field, at any depth", "DataLoader")
    kinds = (type(batch), type(items[0]))
    assert kinds[0] is kinds[1], f"{kinds[1].__name__} became {kinds[0].__name__} [DataLoader]"


def test_items_of_unlike_shapes_are_refused():
    with pytest.raises(TinyTorchError):
        list(data.DataLoader([np.zeros(2), np.zeros(3)], 2))


def test_a_batch_of_a_subset_has_the_chosen_items(expect, rows):
    came = targets(data.DataLoader(data.Subset(rows(), [5, 1, 3]), 2))
    expect(came, [[50, 10], [30]], "go through the subset's indices", "Subset")


def test_a_batch_of_a_subset_of_arrays_has_the_chosen_rows(expect):
    subset = data.Subset(data.TensorDataset(np.arange(5), np.arange(5) * 10), [4, 1, 3])
    came = targets(data.DataLoader(subset, 2))
    expect(came, [[40, 10], [30]], "the batch is taken from the whole data set", "Subset")


def test_a_batch_across_the_seam_of_a_concatenation(expect, rows):
    both = data.ConcatDataset([rows(2), data.TensorDataset(np.zeros((3, 3)), np.arange(3))])
    came = targets(data.DataLoader(both, 5, sampler=[4, 1, 0, 2, 3]))
    expect(came, [[2, 10, 0, 0, 1]], "the rows of the parts go where asked", "ConcatDataset")


def test_a_batch_across_the_seam_of_items(expect, rows):
    both = data.ConcatDataset([rows(2), rows(3)])
    came = targets(data.DataLoader(both, 5, sampler=[4, 1, 0, 2, 3]))
    expect(came, [[20, 10, 0, 0, 10]], "the items go where asked", "ConcatDataset")


def test_a_concatenation_keeps_forms(expect):
    items = [(("a", 1), {"y": 2}), (("b", 3), {"y": 4})]
    (batch,) = data.DataLoader(data.ConcatDataset([items[:1], items[1:]]), 2)
    expected = [[["a", "b"], [1, 3]], {"y": [2, 4]}]
    expect(batch, expected, "collect the items of the parts, then stack", "ConcatDataset")


def test_an_error_in_an_item_comes_out_with_its_index():
    class Broken(list):
        def __getitem__(self, index):
            if index == 3:
                raise RuntimeError("no such luck")
            return index

    batches = iter(data.DataLoader(Broken(range(5)), 2))
    next(batches)
    with pytest.raises(RuntimeError, match="no such luck") as caught:
        next(batches)
    assert any("3" in note and "2" not in note for note in caught.value.__notes__), (
        "a note names the item, not only the batch [contract: workers]"
    )


@pytest.mark.parametrize(
    "wrong",
    [{"batch_size": 0}, {"num_workers": -1}, {"prefetch": 0}, {"sampler": [0], "shuffle": True}],
)
def test_settings_out_of_their_range_are_refused(rows, wrong):
    with pytest.raises(TinyTorchError):
        data.DataLoader(rows(), **wrong)
