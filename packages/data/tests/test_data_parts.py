"""Loaders that share the work give, together, the batches of one loader."""

import numpy as np
import pytest

from tinytorch.data import DataLoader, Digits, SimpleDataset, Subset, TensorDataset
from tinytorch.data.transforms import (
    Compose,
    Normalize,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
)
from tinytorch.tensor.errors import ArgumentError

MOVED = [RandomCrop(8, padding=2), RandomHorizontalFlip()]
AUGMENT = Compose([*MOVED, Normalize.of(Digits), RandomErasing(3, p=0.7)])


def loader(shard=None, **settings):
    dataset = Subset(Digits(), range(50))
    given = {"batch_size": 16, "shuffle": True, "transform": AUGMENT, "rng": 0}
    return DataLoader(dataset, shard=shard, **{**given, **settings})


def whole(parts):
    """The batches of which these loaders give the parts, as arrays."""
    return [
        tuple(np.concatenate([part.numpy() for part in field]) for field in zip(*some, strict=True))
        for some in zip(*parts, strict=True)
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
@pytest.mark.parametrize(
    "settings", [{}, {"num_workers": 2}, {"drop_last": True}, {"shuffle": False}]
)
def test_the_parts_are_the_batch_with_its_order_and_augmentation(size, settings):
    one = loader(**settings)
    parts = [loader((rank, size), **settings) for rank in range(size)]
    for _ in range(2):
        expected, found = list(one), whole(parts)
        assert [len(part) for part in parts] == [len(one)] * size
        for batch, together in zip(expected, found, strict=True):
            for field, values in zip(batch, together, strict=True):
                assert values.dtype == field.dtype
                np.testing.assert_array_equal(values, field.numpy())


def test_parts_are_even_to_one_row():
    lengths = [[len(labels) for _, labels in loader((rank, 3))] for rank in range(3)]
    assert lengths == [[5, 5, 5, 0], [5, 5, 5, 1], [6, 6, 6, 1]]


def test_a_part_without_rows_has_the_form_of_the_others():
    items = [(np.zeros((2, 3), np.float32), {"label": 4})]
    image, rest = next(iter(DataLoader(items, batch_size=8, rng=0, shard=(0, 2))))
    assert (image.shape, image.dtype) == ((0, 2, 3), np.float32)
    assert (rest["label"].shape, rest["label"].dtype) == ((0,), np.int64)


def test_items_without_a_batch_of_their_own_are_parted_too():
    parts = [DataLoader(list(range(10)), batch_size=4, rng=0, shard=(rank, 2)) for rank in (0, 1)]
    assert [[batch.tolist() for batch in part] for part in parts] == [
        [[0, 1], [4, 5], [8]],
        [[2, 3], [6, 7], [9]],
    ]


def test_another_number_of_loaders_goes_on_from_the_same_state():
    one = loader()
    passing = iter(one)
    next(passing)
    state = one.state_dict()
    parts = [loader((rank, 3), rng=rank + 5) for rank in range(3)]
    for part in parts:
        part.load_state_dict(state)
    for (image, _), batch in zip(whole(parts), passing, strict=True):
        np.testing.assert_array_equal(image, batch[0].numpy())


def test_draws_that_are_not_one_for_each_row_are_everybodys():
    class Brighter:
        random = True

        def __call__(self, images, *, rng):
            return images * rng.uniform(0.5, 1.5) + rng.normal(0, 1, (len(images), 1))

    data = TensorDataset(np.ones((6, 4), np.float32))
    one = DataLoader(data, 6, transform=Brighter(), rng=3)
    parts = [DataLoader(data, 6, transform=Brighter(), rng=3, shard=(r, 2)) for r in (0, 1)]
    ((expected,),) = list(one)
    ((found,),) = whole(parts)
    np.testing.assert_array_equal(found, expected.numpy())


@pytest.mark.parametrize("shard", [3, (0,), (2, 2), (-1, 2), (0, 0), (0.5, 2), (0, 1, 2)])
def test_what_is_no_shard_is_refused(shard):
    with pytest.raises(ArgumentError) as caught:
        DataLoader(SimpleDataset(6), rng=0, shard=shard)
    assert caught.value.operation == "DataLoader"
