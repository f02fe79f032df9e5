"""Samplers: which items come in an epoch, in which order, in which batches."""

import numpy as np
import pytest

from tinytorch import data
from tinytorch.tensor.errors import TinyTorchError

pytestmark = pytest.mark.step(2)


def order(sampler, rng=0):
    return np.asarray(sampler.order(rng=rng)).tolist()


def test_in_their_own_order(expect):
    expect(order(data.SequentialSampler(4)), [0, 1, 2, 3], "0, 1, 2, ...", "samplers")


def test_a_sampler_takes_a_data_set_for_its_length(expect, rows):
    expect(order(data.SequentialSampler(rows(3))), [0, 1, 2], "len(source)", "samplers")


def test_what_has_an_order_and_a_length_is_a_sampler():
    assert isinstance(data.RandomSampler(3), data.Sampler)
    assert not isinstance([2, 0, 1], data.Sampler)


def test_a_sampler_can_be_iterated(expect):
    expect(list(data.SequentialSampler(3)), [0, 1, 2], "iterating gives the order", "samplers")


def test_random_order_is_a_permutation(expect):
    came = sorted(order(data.RandomSampler(50)))
    expect(came, list(range(50)), "each item once: permutation, not integers", "RandomSampler")


def test_random_order_is_not_the_own_one():
    assert order(data.RandomSampler(50)) != list(range(50)), "shuffle [contract: RandomSampler]"


def test_random_order_is_seeded(expect):
    first, second = (order(data.RandomSampler(50), rng=3) for _ in range(2))
    expect(first, second, "draw from rng alone", "RandomSampler")


def test_random_order_goes_on_with_its_generator():
    rng = np.random.default_rng(0)
    sampler = data.RandomSampler(50)
    assert order(sampler, rng) != order(sampler, rng), "rng is used as it is [contract: samplers]"


def test_fewer_samples_are_a_part_of_a_permutation():
    came = order(data.RandomSampler(50, num_samples=20))
    assert len(set(came)) == 20, "20 items, none twice [contract: RandomSampler]"
    assert max(came) >= 20, "draw from all items, not from the first 20 [contract: RandomSampler]"


def test_with_replacement_items_come_again():
    came = order(data.RandomSampler(5, replacement=True, num_samples=100))
    assert len(came) == 100
    assert set(came) == {0, 1, 2, 3, 4}


def test_more_than_all_needs_replacement():
    with pytest.raises(TinyTorchError):
        data.RandomSampler(5, num_samples=6)


def test_the_length_is_the_number_of_indices(expect):
    came = [
        len(sampler)
        for sampler in (
            data.SequentialSampler(4),
            data.RandomSampler(4),
            data.RandomSampler(4, num_samples=3),
            data.WeightedSampler([1, 2]),
            data.WeightedSampler([1, 2], num_samples=9),
        )
    ]
    expect(came, [4, 4, 3, 2, 9], "len(sampler) == len(sampler.order())", "samplers")


def test_weights_are_shares():
    came = order(data.WeightedSampler([1, 0, 3], num_samples=4000))
    share = np.bincount(came, minlength=3) / 4000
    assert np.abs(share - [0.25, 0, 0.75]).max() < 0.03, (
        f"expected shares 0.25, 0, 0.75; came {share}; likely: the weights are not used, or not "
        "divided by their sum [contract: WeightedSampler]"
    )


def test_weights_without_replacement_draw_each_once(expect):
    came = order(data.WeightedSampler([5, 0, 1, 1], num_samples=3, replacement=False))
    expect(sorted(came), [0, 2, 3], "replace=replacement", "WeightedSampler")


def test_weights_are_drawn_with_replacement_by_default():
    came = order(data.WeightedSampler([1, 1], num_samples=9))
    assert len(came) == 9


@pytest.mark.parametrize("weights", [[0, 0], [1, -1], [1, float("nan")]])
def test_weights_that_make_no_sense_are_refused(weights):
    with pytest.raises(TinyTorchError):
        data.WeightedSampler(weights)


def cut(count, size, drop_last=False):
    sampler = data.BatchSampler(data.SequentialSampler(count), size, drop_last)
    return [np.asarray(batch).tolist() for batch in sampler]


def test_batches_cut_the_order(expect):
    expect(cut(5, 2), [[0, 1], [2, 3], [4]], "the last batch may be smaller", "BatchSampler")


def test_drop_last_leaves_out_a_smaller_batch(expect):
    expect(cut(5, 2, drop_last=True), [[0, 1], [2, 3]], "drop_last is not used", "BatchSampler")


def test_drop_last_keeps_a_last_batch_that_is_full(expect):
    expect(cut(4, 2, drop_last=True), [[0, 1], [2, 3]], "only a smaller one goes", "BatchSampler")


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6])
@pytest.mark.parametrize("drop_last", [False, True])
def test_the_length_is_the_number_of_batches(expect, count, drop_last):
    sampler = data.BatchSampler(data.SequentialSampler(count), 3, drop_last)
    came = len(sampler)
    expect(came, len(list(sampler)), "round up, with drop_last down", "BatchSampler")


def test_batches_hand_the_generator_on(expect):
    sampler = data.BatchSampler(data.RandomSampler(9), 4)
    came = np.concatenate(list(sampler.batches(rng=3))).tolist()
    expect(came, order(data.RandomSampler(9), rng=3), "sampler.order(rng)", "BatchSampler")


def test_any_iterable_of_indices_is_a_sampler(expect):
    came = [np.asarray(batch).tolist() for batch in data.BatchSampler([4, 2, 9], 2)]
    expect(came, [[4, 2], [9]], "a list of indices serves as well", "BatchSampler")


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_a_batch_holds_an_item_at_least(size):
    with pytest.raises(TinyTorchError):
        data.BatchSampler([1], size)
