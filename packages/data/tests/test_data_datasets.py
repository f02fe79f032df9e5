"""Data sets of arrays and of other data sets: the same items one by one and in batches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.data import (
    ConcatDataset,
    Dataset,
    Digits,
    ImageDataset,
    SimpleDataset,
    Subset,
    TensorDataset,
    random_split,
)
from tinytorch.data.transforms import Normalize, RandomBrightness, RandomCrop, RandomHorizontalFlip
from tinytorch.data.transforms._transform import Seeded
from tinytorch.tensor import Tensor, tensor
from tinytorch.tensor.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError

QUICK = settings(max_examples=50, deadline=None, derandomize=True, database=None)


class Squares:
    """A data set as a student writes it: items one by one, and nothing else."""

    def __init__(self, count, start=0):
        self.count, self.start = count, start

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        value = self.start + index
        return float(value), value * value


def images(count=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 3, 4, 4), dtype=np.uint8), np.arange(count) * 10


def made():
    pixels, labels = images()
    return {
        "arrays": TensorDataset(np.arange(12.0).reshape(6, 2), np.arange(6)),
        "images": ImageDataset(pixels, labels),
        "subset": Subset(ImageDataset(pixels, labels), [5, 0, 3, -1]),
        "subset of items": Subset(Squares(9), [8, 1, 4]),
        "both": ConcatDataset([ImageDataset(pixels, labels), ImageDataset(*images(3, seed=1))]),
        "both of items": ConcatDataset([Squares(3), Squares(4, start=10)]),
        "simple": SimpleDataset(5),
    }


@pytest.mark.parametrize("name", made())
class TestEveryDataset:
    def test_fits_the_protocol(self, name):
        assert isinstance(made()[name], Dataset)

    def test_ends_where_its_length_says(self, name):
        dataset = made()[name]
        assert len(list(dataset)) == len(dataset)
        for index in (len(dataset), -len(dataset) - 1):
            with pytest.raises(IndexRangeError, match=f"index {index}"):
                dataset[index]
            with pytest.raises(IndexRangeError) as caught:
                dataset.__getitems__([0, index])
            assert caught.value.index == index
            assert f"from {-len(dataset)} to {len(dataset) - 1}" in caught.value.expected
            with pytest.raises(IndexRangeError, match=f"index {index}"):
                dataset.__getitems__([-len(dataset), len(dataset) - 1, index])

    @pytest.mark.parametrize("wrong", [1.5, slice(0, 2), "1", [1], True])
    def test_takes_whole_numbers_only(self, name, wrong):
        dataset = made()[name]
        for take in (
            lambda: dataset[wrong],
            lambda: dataset.__getitems__([wrong]),
            lambda: Subset(dataset, [wrong]),
        ):
            with pytest.raises(DTypeError, match="flatnonzero") as caught:
                take()
            assert caught.value.dtype == np.asarray([wrong]).dtype

    def test_counts_from_the_end_for_negative_indices(self, name):
        dataset = made()[name]
        for index in range(len(dataset)):
            for one, other in zip(dataset[index], dataset[index - len(dataset)], strict=True):
                np.testing.assert_array_equal(np.asarray(one), np.asarray(other))

    def test_gives_the_same_in_a_batch_as_one_by_one(self, name):
        dataset = made()[name]
        indices = [len(dataset) - 1, 0, 0, 1, -1]
        inputs, targets = dataset.__getitems__(indices)
        for row, index in enumerate(indices):
            item = dataset[index]
            np.testing.assert_array_equal(inputs[row], np.asarray(item[0]))
            np.testing.assert_array_equal(targets[row], np.asarray(item[1]))

    def test_gives_an_empty_batch(self, name):
        if "of items" not in name and name != "both":
            inputs, targets = made()[name].__getitems__([])
            assert len(inputs) == len(targets) == 0

    def test_applies_a_transform_to_the_first_array(self, name):
        dataset = made()[name]
        plain = dataset.get_batch(np.arange(3))
        seen = []

        def transform(inputs, rng):
            seen.append(rng)
            return np.asarray(inputs, np.float32) * 0 + 1

        rng = np.random.default_rng(0)
        inputs, targets = dataset.get_batch(np.arange(3), transform=transform, rng=rng)
        assert (inputs == 1).all()
        np.testing.assert_array_equal(targets, plain[1])
        assert all(each is rng for each in seen)


def test_tensor_dataset_takes_tensors_arrays_and_lists():
    array = np.arange(6.0).reshape(3, 2)
    dataset = TensorDataset(tensor([1.0, 2.0, 3.0]), array, [4, 5, 6])
    assert len(dataset) == 3
    first, second, third = dataset[1]
    assert isinstance(first, Tensor)
    assert first.item() == 2
    np.testing.assert_array_equal(second.numpy(), [2, 3])
    assert third.item() == 5
    assert np.shares_memory(dataset.arrays[1], array)


def test_tensor_dataset_of_one_array_has_items_of_one():
    assert [len(item) for item in TensorDataset(np.arange(3))] == [1, 1, 1]
    (batch,) = TensorDataset(np.arange(3)).__getitems__([2, 0])
    assert batch.tolist() == [2, 0]


def test_tensor_dataset_wants_rows_of_one_number():
    with pytest.raises(ArgumentError, match="TensorDataset\\(inputs, targets\\)"):
        TensorDataset()
    for arrays in [(np.zeros((3, 2)), np.zeros(4)), (np.zeros(3), np.float32(1)), (5,)]:
        with pytest.raises(ShapeError, match="same number of items") as caught:
            TensorDataset(*arrays)
        assert caught.value.shapes == [np.shape(array) for array in arrays]


def test_subset_keeps_its_order_and_may_repeat():
    dataset = Subset(Squares(10), [7, 7, 2])
    assert [target for _, target in dataset] == [49, 49, 4]
    assert dataset.indices.dtype == np.int64
    nested = Subset(dataset, [2, 0])
    assert [target for _, target in nested] == [4, 49]
    with pytest.raises(IndexRangeError, match="index 10"):
        Subset(Squares(10), [1, 10])
    assert len(Subset(Squares(10), [])) == 0
    with pytest.raises(IndexRangeError, match="index 0 of an empty data set"):
        Subset(Squares(10), [])[0]


def test_concat_finds_the_part():
    dataset = ConcatDataset([Squares(2), Squares(0), Squares(1, start=5), Squares(3, start=7)])
    assert [target for _, target in dataset] == [0, 1, 25, 49, 64, 81]
    inputs, targets = dataset.__getitems__([5, 2, 0, 3, 2])
    assert targets.tolist() == [81, 25, 0, 49, 25]
    assert inputs.tolist() == [9, 5, 0, 7, 5]
    with pytest.raises(ArgumentError, match="pass a list"):
        ConcatDataset([])


def test_views_follow_data_sets_that_grow():
    first, second = [0, 1], [10, 11]
    both, chosen = ConcatDataset([first, second]), Subset(first, [-1, 0])
    first += [2]
    assert len(both) == 5
    assert list(both) == [0, 1, 2, 10, 11]
    assert both.__getitems__([2, 4, -2]).tolist() == [2, 11, 10]
    assert list(chosen) == [1, 0]


def test_concat_of_single_values():
    class Numbers(Squares):
        def __getitem__(self, index):
            return self.start + index

    dataset = ConcatDataset([Numbers(3), Numbers(3, start=10)])
    assert dataset.__getitems__([4, 0, 3]).tolist() == [11, 0, 10]


def test_random_transforms_reach_the_data_sets_underneath():
    pixels, labels = images(20)
    flip = RandomHorizontalFlip()
    dataset = ConcatDataset(
        [
            ImageDataset(pixels, labels, transform=flip),
            Subset(ImageDataset(pixels, labels, flip), range(9)),
        ]
    )
    first, second, other = (
        dataset.get_batch(np.arange(29), rng=np.random.default_rng(seed))[0] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_an_image_dataset_holds_bytes_and_gives_floats():
    pixels, labels = images()
    dataset = ImageDataset(pixels, labels.astype(np.uint8))
    assert np.shares_memory(dataset.images, pixels)
    assert not dataset.images.flags.writeable
    assert pixels.flags.writeable
    assert dataset.labels.dtype == np.int64
    image, label = dataset[2]
    assert isinstance(image, Tensor)
    assert image.dtype == np.float32
    assert type(label) is int
    np.testing.assert_array_equal(image.numpy(), (pixels[2] / 255).astype(np.float32))
    batch, batch_labels = dataset.__getitems__([1, 2])
    assert (batch.dtype, batch_labels.dtype) == (np.float32, np.int64)
    assert repr(dataset) == "ImageDataset(6 images 3x4x4, transform=None)"


def test_transforms_of_data_set_and_loader_work_on_bytes_in_turn():
    pixels, labels = images()
    seen = []

    def watch(batch):
        seen.append((batch.dtype, batch.shape))
        return batch

    dataset = ImageDataset(pixels, labels, transform=watch)
    batch, _ = dataset.get_batch(np.arange(2), transform=Seeded(watch))
    assert seen == [(np.uint8, (2, 3, 4, 4))] * 2
    assert batch.dtype == np.float32
    dataset.transform = Normalize([0.0] * 3, [1.0] * 3)
    batch, _ = dataset.get_batch(np.arange(2), transform=Seeded(watch))
    assert seen[2] == (np.float32, (2, 3, 4, 4))
    np.testing.assert_allclose(batch, pixels[:2] / 255, atol=1e-6)


def test_images_end_in_float32_whatever_a_transform_gives():
    pixels, labels = images()
    for transform in (lambda batch: batch / 255, lambda batch: tensor(batch / np.float16(255))):
        batch, _ = ImageDataset(pixels, labels, transform).get_batch(np.arange(2))
        assert batch.dtype == np.float32
        np.testing.assert_allclose(batch, pixels[:2] / 255, atol=1e-3)
    with pytest.raises(DTypeError, match="int64"):
        ImageDataset(pixels, labels, lambda batch: batch.astype(np.int64))[0]


def test_a_single_item_is_transformed_with_fresh_entropy():
    pixels, labels = images()
    dataset = ImageDataset(pixels, labels, transform=RandomBrightness(1))
    assert (dataset[0][0].numpy() != dataset[0][0].numpy()).any()
    dataset.transform = RandomCrop(2)
    assert dataset[0][0].shape == (3, 2, 2)


@pytest.mark.parametrize(
    ("pixels", "labels"),
    [((6, 4, 4), 6), ((6, 3, 4, 4), 5), ((6, 3, 4, 4), (6, 1))],
)
def test_images_and_labels_have_to_fit(pixels, labels):
    with pytest.raises(ShapeError, match=r"(?s)ImageDataset.*images\[:, None\]") as caught:
        ImageDataset(np.zeros(pixels, np.uint8), np.zeros(labels, int))
    assert caught.value.shapes[0] == pixels


def test_images_are_bytes_and_labels_whole_numbers():
    with pytest.raises(DTypeError, match="images of float64"):
        ImageDataset(np.zeros((2, 1, 2, 2)), [0, 1])
    with pytest.raises(DTypeError, match="labels of float64"):
        ImageDataset(np.zeros((2, 1, 2, 2), np.uint8), [0.5, 1])
    assert len(ImageDataset(np.zeros((0, 1, 2, 2), np.uint8), [])) == 0
    assert ImageDataset(np.zeros((1, 1, 2, 2), np.uint8), np.uint8([200])).labels.tolist() == [200]


def test_the_digits_come_with_the_package():
    digits = Digits()
    assert len(digits) == 1797
    assert digits.images.shape == (1797, 1, 8, 8)
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.unique(digits.images).size == 17
    assert (digits.images.min(), digits.images.max()) == (0, 255)
    assert digits.labels[:12].tolist() == [*range(10), 0, 1]
    original = np.rint(digits.images[0, 0] * (16 / 255)).astype(int)
    assert original[0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert digits.classes == tuple("0123456789")


def test_the_digits_in_two_parts():
    digits, train, test = Digits(), Digits(train=True), Digits(train=False)
    assert (len(train), len(test)) == (1437, 360)
    np.testing.assert_array_equal(np.concatenate([train.images, test.images]), digits.images)
    np.testing.assert_array_equal(np.concatenate([train.labels, test.labels]), digits.labels)
    assert Digits(transform=RandomCrop(4))[0][0].shape == (1, 4, 4)


def test_simple_points_are_always_the_same():
    first, second = SimpleDataset(200, classes=3), SimpleDataset(200, classes=3)
    np.testing.assert_array_equal(first.arrays[0], second.arrays[0])
    assert (SimpleDataset(200, rng=1).arrays[0] != SimpleDataset(200, rng=2).arrays[0]).any()
    points, labels = first.arrays
    assert (points.dtype, labels.dtype) == (np.float32, np.int64)
    assert set(labels.tolist()) == {0, 1, 2}
    assert SimpleDataset().arrays[0].shape == (1000, 2)
    np.testing.assert_array_equal(points, SimpleDataset(200, classes=3, rng=0).arrays[0])


def test_simple_points_lie_about_a_circle():
    points, labels = SimpleDataset(2000, features=4, classes=4, noise=0.1).arrays
    for label, center in enumerate([(1, 0), (0, 1), (-1, 0), (0, -1)]):
        cloud = points[labels == label]
        np.testing.assert_allclose(cloud.mean(0), [*center, 0, 0], atol=0.02)
        np.testing.assert_allclose(cloud.std(0), 0.1, atol=0.01)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"features": 1}, {"classes": 0}, {"noise": -0.1}])
def test_simple_points_out_of_range(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ArgumentError) as caught:
        SimpleDataset(**wrong)
    assert caught.value.operation == "SimpleDataset"
    assert caught.value.got == f"{name}={value}"


def test_simple_points_at_the_edge_of_their_range():
    assert len(SimpleDataset(n=1, features=2, classes=1, noise=0)) == 1


@QUICK
@given(st.lists(st.integers(0, 8), min_size=1, max_size=5), st.integers(0, 99))
def test_random_split_shares_everything_out(lengths, seed):
    dataset = Squares(sum(lengths))
    parts = random_split(dataset, lengths, rng=seed)
    assert [len(part) for part in parts] == lengths
    together = np.concatenate([part.indices for part in parts])
    assert sorted(together.tolist()) == list(range(len(dataset)))
    again = random_split(dataset, lengths, rng=seed)
    assert all((one.indices == two.indices).all() for one, two in zip(parts, again, strict=True))
    assert all(part.dataset is dataset for part in parts)


@pytest.mark.parametrize(
    ("count", "fractions", "lengths"),
    [
        (10, [0.8, 0.2], [8, 2]),
        (10, [0.25, 0.25, 0.5], [3, 2, 5]),
        (11, [1 / 3, 1 / 3, 1 / 3], [4, 4, 3]),
        (7, [1.0], [7]),
        (7, [0, 1], [0, 7]),
        (1, [0.9, 0.1], [1, 0]),
        (1, [0, 1], [0, 1]),
        (0, [0.5, 0.5], [0, 0]),
    ],
)
def test_random_split_by_fractions(count, fractions, lengths):
    assert [len(part) for part in random_split(Squares(count), fractions)] == lengths


def test_random_split_shuffles():
    parts = random_split(Squares(100), [50, 50], rng=0)
    assert sorted(parts[0].indices.tolist()) != list(range(50))
    other = random_split(Squares(100), [50, 50], rng=1)
    assert (parts[0].indices != other[0].indices).any()


@pytest.mark.parametrize(
    "lengths", [[5, 4], [5, 6], [11, -1], [0.5, 0.4], [1.5, -0.5], [2.5, 7.5], []]
)
def test_random_split_has_to_add_up(lengths):
    with pytest.raises(ArgumentError, match="sum to 10, or fractions that sum to 1") as caught:
        random_split(Squares(10), lengths)
    assert caught.value.lengths == lengths


@pytest.mark.parametrize("wrong", [float("nan"), "3", None, True])
def test_random_split_takes_numbers(wrong):
    with pytest.raises(ArgumentError, match="lengths") as caught:
        random_split(Squares(10), [7, wrong])
    assert caught.value.operation == "random_split"


def test_random_split_into_no_parts():
    with pytest.raises(ArgumentError):
        random_split(Squares(0), [])
