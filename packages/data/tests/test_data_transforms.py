"""Transforms of whole batches: each against the obvious way to do it, image by image."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.data import (
    CIFAR10,
    DataLoader,
    Digits,
    ImageDataset,
    Subset,
    TensorDataset,
    transforms,
)
from tinytorch.data.transforms import (
    CenterCrop,
    Compose,
    Normalize,
    Pad,
    RandomBrightness,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomVerticalFlip,
    ToFloat,
)
from tinytorch.tensor.errors import ArgumentError, DTypeError, ShapeError

RANDOM = [
    RandomBrightness(0.5),
    RandomCrop(6, padding=2),
    RandomErasing(3),
    RandomHorizontalFlip(),
    RandomVerticalFlip(),
]
FIXED = [Pad(2), CenterCrop(5), ToFloat(), Normalize([0.5], [0.25])]


@pytest.fixture
def images():
    """Bytes, (batch, channels, height, width), with each image in its own range of values."""
    return np.random.default_rng(0).integers(0, 256, (40, 3, 8, 8), dtype=np.uint8)


@pytest.mark.parametrize("transform", RANDOM, ids=repr)
class TestEveryRandomTransform:
    def test_says_so(self, transform):
        assert transform.random

    def test_is_determined_by_the_seed(self, transform, images):
        first, second, other = (transform(images, rng=seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, second)
        assert (first != other).any()

    def test_takes_a_generator(self, transform, images):
        generator = np.random.default_rng(1)
        first, second = (transform(images, rng=generator) for _ in range(2))
        np.testing.assert_array_equal(first, transform(images, rng=1))
        assert (first != second).any()

    def test_draws_fresh_entropy_without_one(self, transform, images):
        assert (transform(images) != transform(images)).any()

    def test_treats_each_image_on_its_own(self, transform, images):
        same = np.repeat(images[:1], 40, axis=0)
        assert len({image.tobytes() for image in transform(same, rng=0)}) > 1

    def test_treats_all_channels_alike(self, transform, images):
        same = np.repeat(images[:, :1], 3, axis=1)
        result = transform(same, rng=0)
        np.testing.assert_array_equal(result[:, 0], result[:, 2])


@pytest.mark.parametrize("transform", [*RANDOM, *FIXED], ids=repr)
class TestEveryTransform:
    def test_leaves_its_input_alone(self, transform, images):
        before = images.copy()
        images.flags.writeable = False
        transform(images)
        np.testing.assert_array_equal(images, before)

    def test_gives_the_same_for_any_memory_layout(self, transform, images):
        seed = {"rng": 0} if getattr(transform, "random", False) else {}
        scattered = np.asfortranarray(images)
        every_other = np.repeat(images, 2, axis=3)[..., ::2]
        expected = transform(images, **seed)
        np.testing.assert_array_equal(transform(scattered, **seed), expected)
        np.testing.assert_array_equal(transform(every_other, **seed), expected)

    def test_takes_an_empty_batch(self, transform, images):
        result = transform(images[:0])
        assert result.shape == (0, *transform(images).shape[1:])

    def test_takes_floats(self, transform, images):
        result = transform(images.astype(np.float32) / 255)
        assert result.dtype == np.float32
        assert result.shape == transform(images).shape

    def test_names_itself(self, transform):
        assert repr(transform).startswith(type(transform).__name__ + "(")


@pytest.mark.parametrize(
    "transform", [each for each in [*RANDOM, *FIXED] if not isinstance(each, ToFloat)], ids=repr
)
def test_a_single_image_needs_a_batch_axis(transform, images):
    with pytest.raises(ShapeError, match=r"image\[None\]") as caught:
        transform(images[0])
    assert type(transform).__name__ in str(caught.value)
    assert caught.value.shape == (3, 8, 8)


def test_pad_surrounds_each_image(images):
    padded = Pad((1, 2), value=7)(images)
    expected = np.pad(images, ((0, 0), (0, 0), (1, 1), (2, 2)), constant_values=7)
    np.testing.assert_array_equal(padded, expected)
    assert padded.dtype == np.uint8
    np.testing.assert_array_equal(Pad(1)(images)[:, :, 0], 0)
    np.testing.assert_array_equal(Pad(0)(images), images)


@pytest.mark.parametrize("value", [0.5, -1, 256])
@pytest.mark.parametrize("kind", [Pad, RandomErasing])
def test_bytes_are_filled_with_bytes(images, kind, value):
    with pytest.raises(ArgumentError, match="ToFloat") as caught:
        kind(1, value=value)(images)
    assert caught.value.operation == kind.__name__
    assert kind(1, value=value)(ToFloat()(images)).dtype == np.float32


def test_center_crop_takes_the_middle(images):
    np.testing.assert_array_equal(CenterCrop((4, 2))(images), images[:, :, 2:6, 3:5])
    np.testing.assert_array_equal(CenterCrop((5, 7))(images), images[:, :, 1:6, 0:7])
    np.testing.assert_array_equal(CenterCrop(8)(images), images)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
@pytest.mark.parametrize(("size", "padding"), [(8, 4), (5, 0), ((3, 8), (0, 1)), ((8, 6), (2, 0))])
def test_random_crop_takes_windows_of_the_padded_image(images, size, padding, mode):
    cropped = RandomCrop(size, padding, mode)(images, rng=3)
    (height, width), (down, right) = (
        value if isinstance(value, tuple) else (value, value) for value in (size, padding)
    )
    padded = np.pad(images, ((0, 0), (0, 0), (down, down), (right, right)), mode)
    rows, columns = padded.shape[2] - height + 1, padded.shape[3] - width + 1
    generator = np.random.default_rng(3)
    tops, lefts = generator.integers(0, rows, 40), generator.integers(0, columns, 40)
    for image, source, top, left in zip(cropped, padded, tops, lefts, strict=True):
        np.testing.assert_array_equal(image, source[:, top : top + height, left : left + width])
    assert cropped.dtype == np.uint8


def test_random_crop_reaches_every_place():
    images = np.broadcast_to(np.arange(9, dtype=np.uint8).reshape(1, 1, 3, 3), (500, 1, 3, 3))
    corners = RandomCrop(2)(images, rng=0)[:, 0, 0, 0]
    values, counts = np.unique(corners, return_counts=True)
    assert values.tolist() == [0, 1, 3, 4]
    assert counts.min() > 80


@pytest.mark.parametrize("transform", [CenterCrop(9), CenterCrop((2, 9)), RandomCrop((13, 1), 2)])
def test_a_crop_has_to_fit(transform, images):
    with pytest.raises(ShapeError, match="smaller size") as caught:
        transform(images)
    height = transform.size[0]
    assert f"at least {height} x {transform.size[1]}" in caught.value.expected
    assert caught.value.got == ("12 x 12" if height == 13 else "8 x 8")


@pytest.mark.parametrize(("flip", "axis"), [(RandomHorizontalFlip, 2), (RandomVerticalFlip, 1)])
@pytest.mark.parametrize("width", [8, 7, 9, 32])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_flips_mirror_about_half_of_the_images(flip, axis, width, dtype):
    images = np.random.default_rng(1).integers(0, 256, (400, 2, 4, width)).astype(dtype)
    flipped = flip()(images, rng=5)
    chosen = np.random.default_rng(5).random(400) < 0.5
    for result, image, mirror in zip(flipped, images, chosen, strict=True):
        np.testing.assert_array_equal(result, np.flip(image, axis) if mirror else image)
    assert 150 < chosen.sum() < 250
    assert flipped.dtype == dtype
    np.testing.assert_array_equal(flip(0)(images), images)
    np.testing.assert_array_equal(flip(1)(images), np.flip(images, axis + 1))


def test_to_float_spans_zero_to_one():
    every = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    floats = ToFloat()(every)
    np.testing.assert_array_equal(
        floats, (np.arange(256) / 255).astype(np.float32).reshape(every.shape)
    )
    assert floats.dtype == np.float32
    assert ToFloat()(floats) is floats
    assert ToFloat()(floats.astype(np.float64)).dtype == np.float32


def test_normalize_counts_pixels_from_zero_to_one(images):
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([0.4, 0.5, 0.6])
    expected = (images / 255 - mean[:, None, None]) / std[:, None, None]
    normalized = Normalize(mean, std)(images)
    assert normalized.dtype == np.float32
    np.testing.assert_allclose(normalized, expected, atol=1e-6)
    floats = Normalize(mean.tolist(), tuple(std))((images / 255).astype(np.float64))
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ([0.5], [0.0]),
        ([0.5], [-1.0]),
        ([0.5, 0.5], [1.0]),
        ([np.nan], [1.0]),
        ([0.5], [np.inf]),
        ([[0.5]], [[1.0]]),
    ],
)
def test_normalize_refuses_figures_that_make_no_sense(mean, std):
    with pytest.raises(ArgumentError, match="std positive"):
        Normalize(mean, std)


def test_normalize_wants_a_mean_for_each_channel(images):
    with pytest.raises(ShapeError, match="3 of each") as caught:
        Normalize([0.5, 0.5], [1, 1])(images)
    assert caught.value.expected == "images (batch, 2, height, width)"
    assert caught.value.shape == images.shape


def test_normalize_knows_the_data_sets():
    digits = Digits()
    for source in (
        CIFAR10,
        digits,
        Digits,
        Subset(digits, [1, 2]),
        Subset(Subset(digits, [0]), [0]),
    ):
        normalize = Normalize.of(source)
        known = CIFAR10 if source is CIFAR10 else Digits
        assert normalize.mean.tolist() == list(known.mean)
        assert normalize.std.tolist() == list(known.std)


def test_the_figures_of_the_digits_are_theirs():
    digits = Digits()
    normalized = Normalize.of(digits)(digits.images)
    assert abs(normalized.mean()) < 1e-3
    assert abs(normalized.std() - 1) < 1e-3


@pytest.mark.parametrize(
    "source",
    [
        TensorDataset(np.zeros(3)),
        ImageDataset(np.zeros((1, 1, 2, 2), np.uint8), [0]),
        SimpleNamespace(mean=[0.5], std=None),
        SimpleNamespace(mean=None, std=[0.5]),
        transforms,
    ],
)
def test_normalize_of_something_else(source):
    with pytest.raises(ArgumentError, match="give the figures"):
        Normalize.of(source)


@pytest.mark.parametrize("transform", [ToFloat(), Normalize([0.5], [0.5]), RandomBrightness()])
@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.int8])
def test_pixels_are_bytes_or_floats(transform, dtype):
    with pytest.raises(DTypeError, match="or of floats") as caught:
        transform(np.zeros((1, 1, 2, 2), dtype))
    assert caught.value.dtype == dtype


def test_brightness_scales_each_image():
    images = np.full((1000, 2, 3, 3), 102, np.uint8)
    lit = RandomBrightness(0.5)(images, rng=0)
    assert lit.dtype == np.float32
    factors = lit[:, 0, 0, 0] / 0.4
    np.testing.assert_allclose(lit, np.broadcast_to(lit[:, :1, :1, :1], lit.shape))
    spread = np.random.default_rng(0).uniform(-1, 1, 1000)
    np.testing.assert_allclose(factors, 1 + 0.5 * spread, rtol=1e-5)
    assert 0.5 <= factors.min() < 0.51
    assert 1.49 < factors.max() <= 1.5
    assert abs(factors.mean() - 1) < 0.05
    np.testing.assert_array_equal(RandomBrightness(0)(images), ToFloat()(images))


def test_brightness_stays_between_zero_and_one():
    lit = RandomBrightness(1)(np.full((100, 1, 2, 2), 200, np.uint8), rng=0)
    assert lit.max() == 1
    assert lit.min() >= 0


def test_erasing_covers_one_patch(images):
    erased = RandomErasing((4, 2), p=0.5, value=9)(images, rng=1)
    generator = np.random.default_rng(1)
    chosen = generator.random((40, 1))[:, 0] < 0.5
    rows, columns = generator.integers(0, 8, (40, 1))[:, 0], generator.integers(0, 8, (40, 1))[:, 0]
    expected = images.copy()
    for image, hit, row, column in zip(expected, chosen, rows, columns, strict=True):
        if hit:
            image[:, max(row - 2, 0) : row + 2, max(column - 1, 0) : column + 1] = 9
    np.testing.assert_array_equal(erased, expected)
    assert erased.dtype == np.uint8
    np.testing.assert_array_equal(RandomErasing(3, p=0)(images), images)


def test_erasing_odd_patches_are_centered():
    erased = RandomErasing(3, p=1)(np.ones((200, 1, 5, 5), np.uint8), rng=0)
    sizes = (erased == 0).sum((1, 2, 3))
    assert sorted(set(sizes.tolist())) == [4, 6, 9]


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(st.lists(st.sampled_from([*RANDOM[1:], ToFloat()]), max_size=4), st.integers(0, 2**32))
def test_compose_is_one_after_the_other(parts, seed):
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 8, 8), dtype=np.uint8)
    both = Compose(parts)
    assert both.random == any(part in RANDOM for part in parts)
    generator = np.random.default_rng(seed)
    expected = images
    for part in parts:
        expected = part(expected, rng=generator) if part in RANDOM else part(expected)
    np.testing.assert_array_equal(both(images, rng=seed), expected)
    np.testing.assert_array_equal(Compose([both])(images, rng=seed), expected)


def test_compose_takes_any_callable(images):
    both = Compose([lambda batch: 255 - batch, ToFloat()])
    np.testing.assert_array_equal(both(images), ToFloat()(255 - images))
    assert not both.random
    assert repr(Compose([ToFloat()])) == "Compose([ToFloat()])"


@pytest.mark.parametrize("wrong", [3, ToFloat, [ToFloat()]])
@pytest.mark.parametrize(
    "take",
    [
        lambda wrong: Compose([ToFloat(), wrong]),
        lambda wrong: Digits(transform=wrong),
        lambda wrong: DataLoader([1], transform=wrong),
    ],
)
def test_a_transform_is_an_object_that_can_be_called(wrong, take):
    with pytest.raises(ArgumentError, match=r"ToFloat\(\); put several in Compose") as caught:
        take(wrong)
    assert caught.value.got == repr(wrong)


def test_settings_left_out():
    assert repr(RandomErasing()) == "RandomErasing((8, 8), p=0.5, value=0)"
    assert repr(RandomBrightness()) == "RandomBrightness(0.2)"
    assert repr(RandomHorizontalFlip()) == "RandomHorizontalFlip(p=0.5)"
    assert repr(RandomVerticalFlip()) == "RandomVerticalFlip(p=0.5)"
    assert repr(RandomCrop(8)) == "RandomCrop((8, 8), padding=(0, 0))"
    reflecting = RandomCrop(8, 2, padding_mode="reflect")
    assert repr(reflecting) == "RandomCrop((8, 8), padding=(2, 2), padding_mode='reflect')"
    assert repr(Pad(1)) == "Pad((1, 1), value=0)"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Pad(-1),
        lambda: Pad((1, -1)),
        lambda: Pad(1.5),
        lambda: CenterCrop(0),
        lambda: CenterCrop((3, 0)),
        lambda: RandomCrop("4"),
        lambda: RandomCrop((1, 2, 3)),
        lambda: RandomCrop(4, padding=-1),
        lambda: RandomCrop(4, padding_mode="mirror"),
        lambda: RandomErasing(0),
        lambda: RandomErasing(p=1.1),
        lambda: RandomHorizontalFlip(-0.1),
        lambda: RandomVerticalFlip(float("nan")),
        lambda: RandomBrightness(2),
        lambda: RandomErasing(value="black"),
        lambda: Pad(True),
    ],
)
def test_settings_out_of_their_range(make):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert caught.value.operation == make.__code__.co_names[0]


def test_settings_at_the_edge_of_their_range(images):
    assert Pad(np.int64(0))(images).shape == images.shape
    assert CenterCrop([1, 1])(images).shape == (40, 3, 1, 1)
    assert RandomErasing(1, p=1)(images).shape == images.shape
