"""Data sets: the items and the batches of arrays, of parts and of several data sets."""

import numpy as np
import pytest

from tinytorch import data
from tinytorch.tensor.errors import TinyTorchError

pytestmark = pytest.mark.step(1)


def labels(dataset):
    """The second half of each item."""
    return [np.asarray(dataset[index][1]).item() for index in range(len(dataset))]


def pairs(count=6):
    return data.TensorDataset(np.arange(count) / 2, np.arange(count) * 10)


def test_a_length_and_items_make_a_dataset(rows):
    assert isinstance(rows(), data.Dataset)


def test_an_item_is_that_row_of_each_array(expect):
    item = pairs()[3]
    expect(item, (1.5, 30), "item i is row i of every array", "TensorDataset")


def test_the_length_is_that_of_axis_0(expect):
    dataset = data.TensorDataset(np.zeros((5, 2)))
    expect(len(dataset), 5, "axis 0 counts the items", "TensorDataset")


def test_one_array_gives_items_of_one(expect):
    expect(data.TensorDataset(np.arange(3))[1], (1,), "an item is a tuple always", "TensorDataset")


def test_negative_indices_count_from_the_end(expect):
    expect(pairs()[-1], (2.5, 50), "-1 is the last item", "TensorDataset")


@pytest.mark.parametrize("index", [6, -7])
def test_an_index_outside_is_an_index_error(index):
    with pytest.raises(IndexError):
        pairs()[index]


def test_a_batch_has_its_rows_in_the_order_asked_for(expect):
    inputs, _ = pairs().__getitems__(np.array([4, 0, 2]))
    expect(inputs, [2.0, 0.0, 1.0], "indices may come in any order", "TensorDataset")


def test_a_batch_has_its_targets_in_the_order_of_its_inputs(expect):
    _, targets = pairs().__getitems__(np.array([4, 0, 2]))
    expect(targets, [40, 0, 20], "index every array alike, do not sort", "TensorDataset")


def test_a_batch_may_hold_an_item_twice(expect):
    inputs, _ = pairs().__getitems__(np.array([1, 1]))
    expect(inputs, [0.5, 0.5], "repeated indices repeat the row", "TensorDataset")


def test_arrays_are_shared():
    array = np.arange(4.0)
    dataset = data.TensorDataset(array)
    array[2] = 9
    assert np.asarray(dataset[2][0]).item() == 9, "copied [contract: TensorDataset]"


def test_arrays_of_unlike_lengths_are_refused():
    with pytest.raises(TinyTorchError):
        data.TensorDataset(np.zeros(3), np.zeros(4))


def test_an_item_of_a_subset_is_the_chosen_one(expect):
    subset = data.Subset(pairs(), [5, 1])
    expect(labels(subset), [50, 10], "item i is item indices[i] of the data set", "Subset")


def test_the_length_of_a_subset_is_that_of_its_indices(expect):
    expect(len(data.Subset(pairs(), [5, 1, 1])), 3, "len(indices), not len(dataset)", "Subset")


def test_a_subset_of_a_subset(expect):
    subset = data.Subset(data.Subset(pairs(), [5, 1, 3]), [2, 0])
    expect(labels(subset), [30, 50], "indices count within the inner subset", "Subset")


def test_the_last_of_a_subset(expect):
    subset = data.Subset(pairs(), [5, 1, 3])
    expect(subset[-1][1], 30, "-1 is the last chosen item, not that of the data set", "Subset")


@pytest.mark.parametrize("index", [2, -3])
def test_a_subset_ends(index):
    with pytest.raises(IndexError):
        data.Subset(pairs(), [5, 1])[index]


def test_a_subset_refuses_indices_outside():
    with pytest.raises(IndexError):
        data.Subset(pairs(), [6])


def test_a_subset_takes_no_mask():
    with pytest.raises(TypeError):
        data.Subset(pairs(2), np.array([True, False]))


def three():
    return data.ConcatDataset(
        [pairs(2), pairs(0), data.Subset(pairs(), [3]), data.Subset(pairs(), [5, 4])]
    )


def test_a_concatenation_has_the_items_of_its_parts_in_turn(expect):
    expect(
        labels(three()),
        [0, 10, 30, 50, 40],
        "index minus the lengths of the parts before it; the first item of a part is its own",
        "ConcatDataset",
    )


def test_the_length_of_a_concatenation_is_the_sum(expect):
    expect(len(three()), 5, "add up the lengths", "ConcatDataset")


def test_the_last_of_a_concatenation(expect):
    expect(three()[-1][1], 40, "-1 is the last item of the last part", "ConcatDataset")


@pytest.mark.parametrize("index", [5, -6])
def test_a_concatenation_ends(index):
    with pytest.raises(IndexError):
        three()[index]


def test_a_concatenation_of_none_is_refused():
    with pytest.raises(TinyTorchError):
        data.ConcatDataset([])


def split(lengths, rng=0, count=20):
    return [labels(part) for part in data.random_split(pairs(count), lengths, rng=rng)]


def test_a_split_has_the_lengths_asked_for(expect):
    came = [len(part) for part in split([12, 5, 3])]
    expect(came, [12, 5, 3], "the parts come in the order of lengths", "random_split")


def test_the_parts_of_a_split_share_no_item(expect):
    together = [label for part in split([12, 5, 3]) for label in part]
    expect(
        sorted(together),
        [10 * n for n in range(20)],
        "parts overlap or lose items: cut one permutation of all indices",
        "random_split",
    )


def test_a_split_shuffles():
    first = split([18, 2])[0]
    assert first != sorted(first), "the items are cut in their own order [contract: random_split]"


def test_a_split_draws_which_items_go_where():
    assert set(split([10, 10])[0]) != {10 * n for n in range(10)}, (
        "the first part holds the first items: draw from all [contract: random_split]"
    )


def test_a_split_is_seeded(expect):
    expect(split([12, 8], rng=3), split([12, 8], rng=3), "draw from rng alone", "random_split")


def test_other_seeds_split_otherwise():
    assert split([12, 8], rng=3) != split([12, 8], rng=4), "rng unused [contract: random_split]"


@pytest.mark.parametrize(
    ("count", "fractions", "lengths"),
    [(10, [0.8, 0.2], [8, 2]), (10, [0.25, 0.25, 0.5], [3, 2, 5]), (11, [0.5, 0.5], [6, 5])],
)
def test_a_split_by_fractions(expect, count, fractions, lengths):
    came = [len(part) for part in split(fractions, count=count)]
    expect(came, lengths, "round down; the rest goes to the first parts, one each", "random_split")


@pytest.mark.parametrize("wrong", [[5, 4], [5, 6], [11, -1], [0.5, 0.4]])
def test_a_split_has_to_add_up(wrong):
    with pytest.raises(TinyTorchError):
        split(wrong, count=10)


def test_simple_points_come_with_a_label_each():
    dataset = data.SimpleDataset(50, features=3, classes=4)
    points, targets = dataset.__getitems__(np.arange(50))
    assert (points.shape, points.dtype) == ((50, 3), np.float32)
    assert (targets.shape, targets.dtype) == ((50,), np.int64)
    assert set(targets.tolist()) == {0, 1, 2, 3}


def test_simple_points_are_always_the_same(expect):
    first, second = (data.SimpleDataset(5).__getitems__(np.arange(5)) for _ in range(2))
    expect(first, second, "the default of rng is 0", "SimpleDataset")


def test_simple_points_tell_their_cloud():
    points, targets = data.SimpleDataset(400, classes=2, noise=0.1).__getitems__(np.arange(400))
    means = np.array([points[targets == label].mean(0) for label in (0, 1)])
    assert np.abs(means - [[1, 0], [-1, 0]]).max() < 0.06, (
        "cloud k lies at the angle 2 pi k / classes of a circle [contract: SimpleDataset]"
    )
