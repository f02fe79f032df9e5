"""Flips that alternate from epoch to epoch, and transforms that ask where the images stand."""

import numpy as np
import pytest

from tinytorch.data import ConcatDataset, DataLoader, ImageDataset, Subset, TensorDataset
from tinytorch.data.transforms import AlternatingFlip, Compose, RandomCrop
from tinytorch.tensor.errors import ArgumentError

COUNT = 40
IMAGES = np.zeros((COUNT, 1, 1, 2), np.uint8)
IMAGES[..., 1] = 255
LABELS = np.arange(COUNT)


def mirrored(loader):
    """Return, for each item in order, whether its image is the wrong way round."""
    found = {}
    for images, labels in loader:
        found |= dict(zip(labels.tolist(), images.numpy()[:, 0, 0, 0] > 0, strict=True))
    return np.array([found[item] for item in range(COUNT)])


def items(start, stop):
    """Return the items as a list of pairs, which are read one by one."""
    return [(IMAGES[i].astype(np.float32), i) for i in range(start, stop)]


SETS = {
    "images": ImageDataset(IMAGES, LABELS),
    "arrays": TensorDataset(IMAGES, LABELS),
    "list": items(0, COUNT),
    "subset": Subset(ImageDataset(IMAGES, LABELS), range(COUNT)),
    "two sets": ConcatDataset(
        [ImageDataset(IMAGES[:15], LABELS[:15]), TensorDataset(IMAGES[15:] / 255.0, LABELS[15:])]
    ),
    "a set and a list": ConcatDataset([ImageDataset(IMAGES[:9], LABELS[:9]), items(9, COUNT)]),
    "two lists": ConcatDataset([items(0, 9), items(9, COUNT)]),
}


@pytest.mark.parametrize("name", SETS)
def test_each_image_alternates_whatever_holds_it(name):
    flip = Compose([RandomCrop((1, 2)), AlternatingFlip()])
    loader = DataLoader(SETS[name], 7, shuffle=True, transform=flip, rng=0)
    first, second, third = (mirrored(loader) for _ in range(3))
    np.testing.assert_array_equal(second, ~first)
    np.testing.assert_array_equal(third, first)
    np.testing.assert_array_equal(first, AlternatingFlip()(IMAGES, indices=LABELS)[:, 0, 0, 0] > 0)


@pytest.mark.parametrize("settings", [{"num_workers": 2}, {"shard": (0, 1)}])
def test_workers_and_shards_know_where_the_images_stand(settings):
    loaders = [
        DataLoader(SETS["images"], 7, shuffle=True, transform=AlternatingFlip(), rng=0, **more)
        for more in ({}, settings)
    ]
    for _ in range(2):
        one, other = map(mirrored, loaders)
        np.testing.assert_array_equal(one, other)


def test_about_half_are_mirrored_and_seeds_differ():
    many = np.zeros((10000, 1, 1, 2), np.uint8)
    many[..., 1] = 1
    flips = [AlternatingFlip(seed)(many, indices=np.arange(10000)) for seed in (0, 1)]
    chosen = [flipped[:, 0, 0, 0] for flipped in flips]
    assert all(4800 < mask.sum() < 5200 for mask in chosen)
    assert 4800 < (chosen[0] != chosen[1]).sum() < 5200


def test_a_resumed_loader_goes_on_with_the_same_flips():
    loader = DataLoader(SETS["images"], 7, transform=AlternatingFlip(), rng=0)
    mirrored(loader)
    other = DataLoader(SETS["images"], 7, transform=AlternatingFlip(), rng=1)
    other.load_state_dict(loader.state_dict())
    np.testing.assert_array_equal(mirrored(loader), mirrored(other))


@pytest.mark.parametrize("settings", [{}, {"indices": [1]}])
def test_images_that_stand_nowhere_are_refused(settings):
    with pytest.raises(ArgumentError, match="DataLoader") as caught:
        AlternatingFlip()(IMAGES, **settings)
    assert caught.value.operation == "AlternatingFlip"


def test_a_seed_is_a_whole_number():
    with pytest.raises(ArgumentError, match="seed"):
        AlternatingFlip(seed=-1)
