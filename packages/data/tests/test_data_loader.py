"""The loader: all items once, in an order that a seed determines, and resumable anywhere."""

import json
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.data import (
    BatchSampler,
    DataLoader,
    Digits,
    SequentialSampler,
    SimpleDataset,
    Subset,
    TensorDataset,
    WeightedSampler,
)
from tinytorch.data.transforms import Compose, Normalize, RandomCrop, RandomHorizontalFlip
from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import (
    ArgumentError,
    DTypeError,
    IndexRangeError,
    ShapeError,
    StateError,
)

AUGMENT = Compose([RandomCrop(8, padding=2), RandomHorizontalFlip(), Normalize.of(Digits)])
QUICK = settings(max_examples=40, deadline=None, derandomize=True, database=None)


@pytest.fixture(scope="module")
def digits():
    return Subset(Digits(), range(50))


def numbers(count=10):
    return TensorDataset(np.arange(count))


def seen(loader):
    """The batches of one epoch, as lists."""
    return [batch[0].tolist() for batch in loader]


def content(loader, epochs=1):
    """All bytes of some epochs."""
    return [
        tuple(part.numpy().tobytes() for part in batch) for _ in range(epochs) for batch in loader
    ]


def test_batches_are_tuples_of_tensors(digits):
    images, labels = next(iter(DataLoader(digits, batch_size=4)))
    assert isinstance(images, Tensor)
    assert isinstance(labels, Tensor)
    assert (images.shape, images.dtype) == ((4, 1, 8, 8), np.float32)
    assert (labels.shape, labels.dtype) == ((4,), np.int64)


def test_in_order_by_default():
    loader = DataLoader(numbers(5), batch_size=2)
    assert seen(loader) == seen(loader) == [[0, 1], [2, 3], [4]]
    assert len(loader) == 3
    assert seen(DataLoader(numbers(3))) == [[0], [1], [2]]


def test_drop_last_leaves_out_the_rest():
    loader = DataLoader(numbers(5), batch_size=2, drop_last=True)
    assert seen(loader) == [[0, 1], [2, 3]]
    assert len(loader) == 2


def test_an_empty_data_set_has_no_batches():
    for shuffle in (True, False):
        loader = DataLoader(TensorDataset(np.zeros((0, 2))), batch_size=4, shuffle=shuffle)
        assert len(loader) == 0
        assert list(loader) == list(loader) == []


def test_shuffling_takes_another_order_in_each_epoch():
    loader = DataLoader(numbers(50), batch_size=50, shuffle=True, rng=0)
    epochs = [seen(loader)[0] for _ in range(4)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_the_seed_determines_everything(digits):
    def make(rng):
        return DataLoader(digits, batch_size=8, shuffle=True, transform=AUGMENT, rng=rng)

    assert content(make(1), 2) == content(make(1), 2)
    assert content(make(1)) != content(make(2))
    assert content(make(np.random.default_rng(1)), 2) == content(make(1), 2)
    assert content(make(None)) != content(make(None))


def test_two_loaders_of_one_generator_differ(digits):
    generator = np.random.default_rng(1)
    first, second = (DataLoader(digits, 8, shuffle=True, rng=generator) for _ in range(2))
    assert content(first) != content(second)


def test_transforms_differ_from_batch_to_batch_and_epoch_to_epoch():
    class Draw:
        random = True

        def __call__(self, batch, *, rng):
            return batch * 0 + rng.integers(0, 2**62)

    loader = DataLoader(numbers(10), batch_size=2, transform=Draw(), rng=0)
    drawn = [batch[0] for _ in range(3) for batch in seen(loader)]
    assert len(set(drawn)) == 15


def test_a_transform_that_is_not_random_gets_the_batch_alone():
    assert seen(DataLoader(numbers(3), 2, transform=lambda batch: batch + 5)) == [[5, 6], [7]]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_names_batch_and_index(workers):
    class Numbers(list):
        def __getitem__(self, index):
            if index == 5:
                raise ValueError("item 5")
            return 0, index

    loader = DataLoader(Numbers(range(10)), 2, num_workers=workers)
    batches = iter(loader)
    assert next(batches)[1].tolist() == [0, 1]
    assert next(batches)[1].tolist() == [2, 3]
    with pytest.raises(ValueError, match="item 5") as caught:
        next(batches)
    assert caught.value.__notes__ == [
        "while reading index 5 of Numbers",
        "while making batch 2 of epoch 0, indices [4, 5]",
    ]
    with pytest.raises(StopIteration):
        next(batches)


def test_an_error_in_a_large_batch_names_some_indices():
    with pytest.raises(ZeroDivisionError) as caught:
        list(DataLoader(range(100), 100, collate=lambda items: 1 / 0))
    assert caught.value.__notes__[-1].endswith("epoch 0, indices [0, 1, 2, 3, 4, 5, ...]")


def test_uneven_items_are_named_with_the_batch():
    items = [np.zeros(2), np.zeros(2), np.zeros(3)]
    with pytest.raises(ShapeError, match="item 2 of the batch") as caught:
        list(DataLoader(items, batch_size=3))
    assert caught.value.__notes__ == ["while making batch 0 of epoch 0, indices [0, 1, 2]"]


@QUICK
@given(
    st.integers(1, 20),
    st.integers(1, 4),
    st.integers(0, 60),
    st.sampled_from([0, 2]),
    st.booleans(),
)
def test_a_loaded_state_goes_on_exactly(items, size, stop, workers, drop_last):
    def make(rng, workers=0):
        return DataLoader(
            SimpleDataset(items),
            size,
            shuffle=True,
            drop_last=drop_last,
            transform=Noise(),
            num_workers=workers,
            rng=rng,
        )

    loader = make(5)
    if len(loader) == 0:
        return
    stop = stop % (3 * len(loader)) + 1
    states = [loader.state_dict()]
    stream = [(batch, states.append(loader.state_dict())) for _ in range(5) for batch in loader]
    everything = [batch[0].numpy().tobytes() for batch, _ in stream]
    resumed = make(None, workers)
    resumed.load_state_dict(json.loads(json.dumps(states[stop])))
    assert resumed.state_dict() == states[stop]
    rest = [batch[0].numpy().tobytes() for _ in range(6) for batch in resumed]
    assert rest[: len(everything) - stop] == everything[stop:]
    position = stop % len(loader) or len(loader)
    assert states[stop]["epoch"] == (stop - 1) // len(loader)
    assert states[stop]["given"] == position


class Noise:
    """Adds random numbers."""

    random = True

    def __call__(self, batch, *, rng):
        return batch + rng.normal(size=batch.shape)


def test_a_state_after_the_last_batch_has_an_empty_rest():
    loader = DataLoader(numbers(4), 2, shuffle=True, rng=0)
    batches = iter(loader)
    next(batches), next(batches)
    state = loader.state_dict()
    assert (state["epoch"], state["given"], state["batches"]) == (0, 2, 2)
    expected = seen(loader)
    resumed = DataLoader(numbers(4), 2, shuffle=True)
    resumed.load_state_dict(state)
    assert seen(resumed) == []
    assert seen(resumed) == expected


def test_a_state_after_the_epoch_starts_the_next():
    loader = DataLoader(numbers(4), 2, shuffle=True, rng=0)
    seen(loader)
    assert (loader.state_dict()["epoch"], loader.state_dict()["given"]) == (1, 0)
    resumed = DataLoader(numbers(4), 2, shuffle=True)
    resumed.load_state_dict(loader.state_dict())
    assert seen(resumed) == seen(loader)
    assert seen(resumed) == seen(loader)


def test_leaving_early_starts_the_next_epoch():
    whole, left = (DataLoader(numbers(20), 2, shuffle=True, rng=0) for _ in range(2))
    for _ in left:
        break
    assert (left.state_dict()["epoch"], left.state_dict()["given"]) == (0, 1)
    seen(whole)
    assert seen(left) == seen(whole)
    assert left.state_dict() == whole.state_dict()


def test_two_iterations_at_once_are_two_epochs():
    loader = DataLoader(numbers(6), 2, shuffle=True, rng=0)
    expected = [seen(loader) for _ in range(2)]
    loader = DataLoader(numbers(6), 2, shuffle=True, rng=0)
    pairs = [(one[0].tolist(), two[0].tolist()) for one, two in zip(loader, loader, strict=True)]
    assert [one for one, _ in pairs] == expected[0]
    assert [two for _, two in pairs] == expected[1]
    assert loader.state_dict()["epoch"] in {1, 2}


def test_an_older_iteration_does_not_move_the_position():
    loader = DataLoader(numbers(6), 2, rng=0)
    older, newer = iter(loader), iter(loader)
    next(newer)
    next(older), next(older)
    assert (loader.state_dict()["epoch"], loader.state_dict()["given"]) == (1, 1)
    assert list(older)
    assert (loader.state_dict()["epoch"], loader.state_dict()["given"]) == (1, 1)


def test_a_state_loaded_during_an_iteration_counts_for_the_next():
    loader = DataLoader(numbers(6), 2, rng=0)
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    loader.load_state_dict(state)
    next(batches)
    assert loader.state_dict() == state
    newer = iter(loader)
    list(batches)
    assert loader.state_dict() == state
    assert [batch[0].tolist() for batch in newer] == [[2, 3], [4, 5]]


def test_a_state_is_plain_and_independent():
    loader = DataLoader(numbers(6), 2)
    state = loader.state_dict()
    assert json.loads(json.dumps(state)) == state
    state["entropy"].append(1)
    assert loader.state_dict() != state
    assert all(0 <= word < 2**32 for word in loader.state_dict()["entropy"])
    words = [
        word for seed in range(9) for word in DataLoader([1], rng=seed).state_dict()["entropy"]
    ]
    assert len(words) == 4 * 9
    assert min(words) >= 0
    assert 2**31 < max(words) < 2**32
    loader.load_state_dict(loader.state_dict() | {"entropy": [0, 1, 2, 3]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": None}, "epoch are missing"),
        ({"given": 4}, "4 batches given of 3"),
        ({"given": -1}, "-1 batches given"),
        ({"epoch": -1}, "epoch -1"),
        ({"entropy": [-1]}, "seed"),
        ({"entropy": []}, "seed"),
        ({"batches": 7}, "same data set, batch_size"),
        ({"epoch": "first"}, "invalid literal"),
        ({"entropy": 5}, "not iterable"),
    ],
)
def test_a_state_that_does_not_fit(change, message):
    loader = DataLoader(numbers(6), 2, rng=0)
    before = loader.state_dict()
    state = {key: value for key, value in (before | change).items() if value is not None}
    with pytest.raises(StateError, match=message):
        loader.load_state_dict(state)
    assert loader.state_dict() == before


@pytest.mark.parametrize("settings", [{}, {"shuffle": True, "rng": 0}])
def test_a_data_set_may_grow_and_shrink_between_epochs(settings):
    data = [0, 1, 2]
    loader = DataLoader(data, batch_size=2, **settings)
    for length in (3, 8, 1, 0, 4):
        data[:] = range(length)
        assert len(loader) == -(-length // 2)
        assert sorted(number for batch in loader for number in batch.tolist()) == data


@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_data_set_gains_during_an_epoch_comes_in_the_next(workers):
    data = [0, 1, 2, 3]
    loader = DataLoader(data, batch_size=2, num_workers=workers)
    epoch = []
    for batch in loader:
        epoch.append(batch.tolist())
        data.append(4)
    assert epoch == [[0, 1], [2, 3]]
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4, 4]]


def test_a_data_set_that_shrinks_during_an_epoch_is_told():
    data = [0, 1, 2, 3]
    batches = iter(DataLoader(data, batch_size=2))
    next(batches)
    del data[3:]
    with pytest.raises(IndexRangeError, match="below 3, the number of items"):
        next(batches)


def test_a_state_counts_the_batches_of_its_own_epoch():
    data = [0, 1, 2, 3]
    loader = DataLoader(data, batch_size=2, shuffle=True, rng=0)
    batches = iter(loader)
    next(batches)
    data += [4, 5]
    state = loader.state_dict()
    assert (state["given"], state["batches"]) == (1, 2)
    (rest,) = batches
    assert loader.state_dict()["batches"] == 3
    del data[4:]
    resumed = DataLoader(data, batch_size=2, shuffle=True)
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
    assert [batch.tolist() for batch in resumed] == [rest.tolist()]


class Estimate:
    """Says another length than it gives."""

    def __len__(self):
        return 2

    def __iter__(self):
        return iter(range(5))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_those_that_come_from_a_sampler_that_estimates(workers):
    loader = DataLoader(numbers(), 2, sampler=Estimate(), num_workers=workers)
    assert len(loader) == 1
    assert seen(loader) == [[0, 1], [2, 3], [4]]


def test_a_state_behind_an_estimated_end_goes_on():
    loader = DataLoader(numbers(), 2, sampler=Estimate())
    batches = iter(loader)
    next(batches), next(batches)
    state = loader.state_dict()
    assert (state["given"], state["batches"]) == (2, 1)
    loader.load_state_dict(state)
    assert seen(loader) == [[4]]


@pytest.mark.parametrize(
    "wrong", [[[0, 1], [2, 3]], [[0, 1], [2]], [0.5, 1.7], ["a"], [True, False]]
)
def test_a_sampler_gives_whole_numbers(wrong):
    with pytest.raises(DTypeError, match="whole numbers") as caught:
        list(DataLoader(numbers(), 2, sampler=wrong))
    assert caught.value.operation == "DataLoader"


def test_a_sampler_sets_the_order():
    assert seen(DataLoader(numbers(), 2, sampler=SequentialSampler(3))) == [[0, 1], [2]]
    assert seen(DataLoader(numbers(), 2, sampler=[7, 5, 7])) == [[7, 5], [7]]
    loader = DataLoader(numbers(3), 3, sampler=WeightedSampler([0, 1, 0]), rng=0)
    assert seen(loader) == [[1, 1, 1]]
    assert len(loader) == 1


def test_a_batch_sampler_sets_the_batches():
    batches = BatchSampler([3, 1, 2], 2)
    loader = DataLoader(numbers(), sampler=batches)
    assert seen(loader) == [[3, 1], [2]]
    assert (len(loader), loader.batch_size) == (2, 2)


def test_any_sequence_is_a_data_set():
    (batch,) = DataLoader([1.5, 2.5], 2)
    assert isinstance(batch, Tensor)
    assert batch.tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 1.5}, "batch_size"),
        ({"num_workers": -1}, "num_workers"),
        ({"prefetch": 0}, "prefetch"),
        ({"prefetch": True}, "prefetch"),
        ({"shuffle": "no"}, "shuffle"),
        ({"drop_last": 2}, "drop_last"),
        ({"timeout": -1, "num_workers": 1}, "timeout"),
        ({"timeout": 5}, "num_workers of at least 1"),
        ({"worker": "fiber"}, 'worker: "thread" or "process"'),
        ({"sampler": [1], "shuffle": True}, "not both"),
        ({"sampler": iter([1])}, "list of the indices"),
        ({"sampler": BatchSampler([1], 1), "batch_size": 2}, "leave them out"),
        ({"sampler": BatchSampler([1], 1), "drop_last": True}, "leave them out"),
    ],
)
def test_settings_out_of_their_range(wrong, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        DataLoader(numbers(), **wrong)
    assert caught.value.operation == "DataLoader"


@pytest.mark.parametrize("wrong", [5, iter([1, 2]), {1, 2}])
def test_a_data_set_has_a_length_and_items(wrong):
    with pytest.raises(ArgumentError, match="__len__ and __getitem__") as caught:
        DataLoader(wrong)
    assert caught.value.got == type(wrong).__name__


def test_a_loader_describes_itself(digits):
    text = repr(DataLoader(Digits(), batch_size=10, num_workers=2))
    assert text.startswith("DataLoader(Digits(1,797 images 1x8x8")
    assert text.endswith("batch_size=10, 180 batches, 2 workers)")


def test_indices_out_of_range_are_named():
    with pytest.raises(IndexError, match="index 10"):
        list(DataLoader(numbers(), sampler=[10]))


def sharded(size, **settings):
    """The batches of each rank."""
    loaders = [
        DataLoader(numbers(20), 6, shuffle=True, rng=0, shard=(rank, size), **settings)
        for rank in range(size)
    ]
    return [seen(loader) for loader in loaders], loaders


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("workers", [0, 2])
def test_parts_together_are_the_batches_of_one_process(size, workers):
    ranks, loaders = sharded(size, num_workers=workers)
    whole = DataLoader(numbers(20), 6, shuffle=True, rng=0)
    assert [[*chain(*parts)] for parts in zip(*ranks, strict=True)] == seen(whole)
    assert [len(loader) for loader in loaders] == [len(whole)] * size


@pytest.mark.parametrize("size", [2, 4, 5])
def test_parts_of_a_batch_differ_by_one_item_at_most(size):
    ranks, _ = sharded(size, drop_last=True)
    for parts in zip(*ranks, strict=True):
        lengths = [len(part) for part in parts]
        assert max(lengths) - min(lengths) <= 1


def test_a_position_holds_for_any_number_of_processes():
    _, (first, _) = sharded(2)
    state = first.state_dict()
    whole = DataLoader(numbers(20), 6, shuffle=True, rng=5)
    whole.load_state_dict(state)
    assert sorted(chain(*seen(whole))) == list(range(20))
    assert whole.state_dict()["entropy"] == state["entropy"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shard": (2, 2), "rng": 0}, "rank below the size"),
        ({"shard": (-1, 2), "rng": 0}, "shard"),
        ({"shard": (0, 0), "rng": 0}, "rank below the size"),
        ({"shard": "01", "rng": 0}, "shard"),
        ({"shard": (0, 2)}, "a seed that all processes share"),
    ],
)
def test_a_part_is_one_of_several(settings, message):
    with pytest.raises(ArgumentError, match=message):
        DataLoader(numbers(), **settings)
