"""Samplers: one epoch's indices from one generator."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.data import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SimpleDataset,
    WeightedSampler,
)
from tinytorch.tensor.errors import ArgumentError


@pytest.mark.parametrize(
    "sampler",
    [
        SequentialSampler(7),
        RandomSampler(7),
        RandomSampler(3, replacement=True, num_samples=7),
        RandomSampler(9, num_samples=7),
        WeightedSampler([1, 2, 3], num_samples=7),
        WeightedSampler(np.arange(8), num_samples=7, replacement=False),
    ],
)
def test_every_sampler(sampler):
    assert isinstance(sampler, Sampler)
    assert len(sampler) == 7
    assert len(list(sampler)) == 7
    assert all(type(index) is int for index in sampler)
    first, second = (sampler.order(rng=3) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    generator = np.random.default_rng(3)
    np.testing.assert_array_equal(sampler.order(generator), first)
    if not isinstance(sampler, SequentialSampler):
        assert any((sampler.order(generator) != first).any() for _ in range(5))


def test_samplers_take_a_data_set_for_its_length():
    dataset = SimpleDataset(5)
    assert list(SequentialSampler(dataset)) == [0, 1, 2, 3, 4]
    assert sorted(RandomSampler(dataset)) == [0, 1, 2, 3, 4]


def test_random_order_without_replacement_repeats_nothing():
    assert sorted(RandomSampler(50).order(rng=0).tolist()) == list(range(50))
    some = RandomSampler(50, num_samples=20).order(rng=0)
    assert len(set(some.tolist())) == 20
    assert some.max() > 20


def test_random_order_with_replacement_repeats():
    drawn = RandomSampler(5, replacement=True, num_samples=500).order(rng=0)
    counts = np.bincount(drawn, minlength=5)
    assert counts.min() > 70
    assert len(RandomSampler(5, replacement=True)) == 5


def test_weights_are_shares():
    drawn = WeightedSampler([1, 0, 3], num_samples=4000).order(rng=0)
    share = np.bincount(drawn, minlength=3) / 4000
    np.testing.assert_allclose(share, [0.25, 0, 0.75], atol=0.03)
    assert len(WeightedSampler([1, 2])) == 2
    once = WeightedSampler([5, 0, 1, 1], num_samples=3, replacement=False)
    assert sorted(once.order(rng=0).tolist()) == [0, 2, 3]


def test_an_empty_source():
    assert list(SequentialSampler(0)) == list(RandomSampler(0)) == []
    assert len(RandomSampler(0)) == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: SequentialSampler(-1),
        lambda: SequentialSampler(2.5),
        lambda: RandomSampler(-1),
        lambda: RandomSampler(5, num_samples=6),
        lambda: RandomSampler(5, num_samples=-1),
        lambda: RandomSampler(0, replacement=True, num_samples=1),
        lambda: WeightedSampler([]),
        lambda: WeightedSampler([0, 0]),
        lambda: WeightedSampler([1, -1]),
        lambda: WeightedSampler([1, np.nan]),
        lambda: WeightedSampler([[1, 2]]),
        lambda: WeightedSampler([1, 0, 2], num_samples=3, replacement=False),
        lambda: WeightedSampler([1, 2], num_samples=-1),
        lambda: BatchSampler(SequentialSampler(5), 0),
        lambda: BatchSampler(SequentialSampler(5), 2.0),
        lambda: BatchSampler(iter([1, 2]), 2),
        lambda: BatchSampler(5, 2),
        lambda: BatchSampler([1], 2, drop_last="no"),
        lambda: RandomSampler(5, replacement=2),
        lambda: WeightedSampler([1], replacement="yes"),
        lambda: RandomSampler(True),
    ],
)
def test_settings_out_of_their_range(make):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert caught.value.operation in make.__code__.co_names


def test_settings_at_the_edge_of_their_range():
    assert len(RandomSampler(5, num_samples=5)) == len(RandomSampler(np.int64(5))) == 5
    assert len(RandomSampler(5, num_samples=0)) == len(WeightedSampler([1], num_samples=0)) == 0
    assert len(WeightedSampler([1, 0, 2], num_samples=2, replacement=False)) == 2
    assert len(WeightedSampler([1, 0, 2], num_samples=5)) == 5


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 30), st.integers(1, 8), st.booleans())
def test_batches_cut_the_order(items, size, drop_last):
    sampler = BatchSampler(RandomSampler(items), size, drop_last)
    batches = list(sampler.batches(rng=4))
    order = RandomSampler(items).order(rng=4).tolist()
    expected = [order[start : start + size] for start in range(0, items, size)]
    if drop_last and expected and len(expected[-1]) < size:
        expected.pop()
    assert [batch.tolist() for batch in batches] == expected
    assert len(sampler) == len(expected) == len(list(sampler))


def test_samplers_follow_a_data_set_whose_length_changes():
    data = [0, 1]
    samplers = [
        SequentialSampler(data),
        RandomSampler(data),
        RandomSampler(data, replacement=True),
        RandomSampler(data, num_samples=2),
    ]
    data += [2, 3, 4]
    assert [len(sampler) for sampler in samplers] == [5, 5, 5, 2]
    assert [len(sampler.order(rng=0)) for sampler in samplers] == [5, 5, 5, 2]
    assert sorted(samplers[1]) == [0, 1, 2, 3, 4]
    del data[1:]
    assert [len(sampler) for sampler in samplers] == [1, 1, 1, 1]
    assert [list(sampler) for sampler in samplers] == [[0]] * 4
    data.clear()
    assert [list(sampler) for sampler in samplers] == [[]] * 4


def test_drawing_with_replacement_keeps_its_number():
    data = [0, 1]
    sampler = RandomSampler(data, replacement=True, num_samples=7)
    del data[1:]
    assert list(sampler) == [0] * 7
    data.clear()
    assert list(sampler) == []


class Estimate:
    """Says another length than it gives."""

    def __init__(self, says, gives):
        self.says, self.gives = says, gives

    def __len__(self):
        return self.says

    def __iter__(self):
        return iter(self.gives)


@pytest.mark.parametrize("says", [0, 3, 100])
@pytest.mark.parametrize(("drop_last", "expected"), [(False, [[3, 1], [2]]), (True, [[3, 1]])])
def test_batches_are_those_that_come_whatever_the_sampler_says(says, drop_last, expected):
    sampler = BatchSampler(Estimate(says, [3, 1, 2]), 2, drop_last)
    assert [batch.tolist() for batch in sampler] == expected


def test_a_sampler_may_give_indices_for_ever():
    batches = iter(BatchSampler(Estimate(10, itertools.count()), 2))
    assert [next(batches).tolist() for _ in range(9)][-1] == [16, 17]


def test_batches_of_any_iterable_with_a_length():
    assert [batch.tolist() for batch in BatchSampler([4, 2, 9], 2)] == [[4, 2], [9]]
    assert [batch.tolist() for batch in BatchSampler({3: "a", 5: "b"}.keys(), 1)] == [[3], [5]]
