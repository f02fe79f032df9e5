"""Transforms of values, and data sets of images: bytes to floats, normalized, in turn."""

import numpy as np
import pytest

from tinytorch import data
from tinytorch.tensor.errors import DTypeError, TinyTorchError

pytestmark = pytest.mark.step(4)


def pixels(*values, dtype=np.uint8):
    return np.array(values, dtype).reshape(1, 1, 1, -1)


def test_bytes_become_floats_from_0_to_1(expect):
    came = data.ToFloat()(pixels(0, 51, 255))
    expect(came, pixels(0, 0.2, 1, dtype=float), "divide by 255, not 256", "ToFloat")
    assert came.dtype == np.float32


def test_floats_only_change_their_precision(expect):
    came = data.ToFloat()(pixels(0.0, 0.5, 2.0, dtype=np.float64))
    expect(came, pixels(0.0, 0.5, 2.0, dtype=float), "floats are not divided", "ToFloat")
    assert came.dtype == np.float32


def test_other_integers_are_refused():
    with pytest.raises(TypeError):
        data.ToFloat()(pixels(0, 1, dtype=np.int64))


def test_normalizing_bytes(expect):
    came = data.Normalize([0.5], [0.25])(pixels(0, 255))
    expect(came, pixels(-2.0, 2.0, dtype=float), "(pixel / 255 - mean) / std", "Normalize")
    assert came.dtype == np.float32


def test_normalizing_floats(expect):
    came = data.Normalize([0.5], [0.25])(pixels(0.0, 1.0, dtype=np.float32))
    expect(came, pixels(-2.0, 2.0, dtype=float), "(pixel - mean) / std", "Normalize")


def test_each_channel_has_its_own_mean_and_std(expect):
    came = data.Normalize([0.0, 0.5, 1.0], [1.0, 0.5, 0.25])(np.full((2, 3, 1, 2), 255, np.uint8))
    expect(came[1, :, 0, 1], [1.0, 1.0, 0.0], "axis 1 counts the channels", "Normalize")


def test_one_mean_serves_all_channels(expect):
    came = data.Normalize(0.5, 0.5)(np.full((1, 3, 1, 1), 255, np.uint8))
    expect(came[0, :, 0, 0], [1.0, 1.0, 1.0], "broadcast a single number", "Normalize")


def test_normalizing_leaves_its_input_alone(expect, images):
    floats = images.astype(np.float32) / 255
    before = floats.copy()
    data.Normalize([0.5], [0.5])(floats)
    expect(floats, before, "it writes into its input", "transforms")


@pytest.mark.parametrize(("mean", "std"), [([0.5], [0.0]), ([0.5, 0.5], [1.0]), ([0.5], [-1.0])])
def test_figures_that_make_no_sense_are_refused(mean, std):
    with pytest.raises(TinyTorchError):
        data.Normalize(mean, std)


def test_as_many_means_as_channels(images):
    with pytest.raises(TinyTorchError):
        data.Normalize([0.5, 0.5], [1, 1])(images)


def test_normalize_knows_a_data_set(expect):
    came = data.Normalize.of(data.CIFAR10)(np.zeros((1, 3, 1, 1), np.uint8))[0, :, 0, 0]
    expected = [-0.4914 / 0.2470, -0.4822 / 0.2435, -0.4465 / 0.2616]
    expect(came, np.array(expected), "mean and std of the data set, in this order", "Normalize")


def test_normalize_knows_the_data_set_of_a_subset(expect, images):
    class Known(data.ImageDataset):
        mean, std = (0.25,), (0.5,)

    subset = data.Subset(Known(images[:, :1], np.arange(40)), [1, 2])
    came = data.Normalize.of(subset)(pixels(0))
    expect(came, pixels(-0.5, dtype=float), "look into dataset.dataset", "Normalize")


def test_composed_transforms_apply_from_first_to_last(expect):
    came = data.Compose([lambda batch: batch + 1, lambda batch: batch * 10])(np.array([1, 2]))
    expect(came, [20, 30], "the last one was applied first", "Compose")


class Draw:
    """A transform that puts random numbers in the place of its input."""

    random = True

    def __call__(self, batch, *, rng):
        return np.random.default_rng(rng).integers(0, 2**40, len(batch))


def test_composed_transforms_get_the_generator(expect):
    both = data.Compose([lambda batch: batch, Draw()])
    first, second = (both(np.zeros(3), rng=5) for _ in range(2))
    expect(first, second, "hand rng on to those with random = True", "Compose")


def test_composed_transforms_draw_one_after_the_other():
    seen = []

    class Keep(Draw):
        def __call__(self, batch, *, rng):
            seen.append(super().__call__(batch, rng=rng).tolist())
            return batch

    data.Compose([Keep(), Keep()])(np.zeros(3), rng=5)
    assert seen[0] != seen[1], "each transform began with the same seed [contract: Compose]"


def test_a_composition_is_random_if_one_of_it_is():
    assert data.Compose([lambda batch: batch, Draw()]).random
    assert not data.Compose([lambda batch: batch]).random


def test_a_class_is_no_transform():
    with pytest.raises(TinyTorchError):
        data.Compose([data.ToFloat])


def test_brightness_has_one_factor_for_each_image(images):
    floats = np.full((40, 3, 8, 8), 0.4, np.float32)
    lit = data.RandomBrightness(0.5)(floats, rng=0)
    factors = lit[:, 0, 0, 0] / np.float32(0.4)
    np.testing.assert_allclose(lit, np.broadcast_to(lit[:, :1, :1, :1], lit.shape))
    assert len(set(factors.tolist())) == 40, "a factor of its own [contract: RandomBrightness]"
    assert 0.5 <= factors.min() < 0.7
    assert 1.3 < factors.max() <= 1.5


def test_brightness_stays_between_0_and_1():
    lit = data.RandomBrightness(1)(np.full((40, 1, 2, 2), 200, np.uint8), rng=0)
    assert lit.min() >= 0
    assert lit.max() == 1


def labeled(images, **settings):
    return data.ImageDataset(images, np.arange(40), **settings)


def test_an_image_is_a_float_from_0_to_1(expect, images):
    image, label = labeled(images)[3]
    expect(np.asarray(image), images[3] / 255, "bytes / 255", "ImageDataset")
    expect(int(label), 3, "label i belongs to image i", "ImageDataset")


def test_a_batch_of_images_has_its_labels_in_order(expect, images):
    came, labels = labeled(images).__getitems__(np.array([7, 2, 30]))
    expect(came[1], images[2] / 255, "images in the order asked for", "ImageDataset")
    expect(labels, [7, 2, 30], "labels in the images' order", "ImageDataset")


def test_labels_are_int64(images):
    dataset = data.ImageDataset(images, np.arange(40, dtype=np.uint8))
    _, labels = dataset.__getitems__(np.array([1]))
    assert labels.dtype == np.int64, "labels keep the file's uint8 [contract: ImageDataset]"


def test_a_data_set_keeps_its_images_as_bytes(images):
    assert labeled(images).images.dtype == np.uint8


def test_transforms_of_data_set_and_loader_apply_in_turn_to_bytes(expect, images):
    seen = []

    def watch(batch):
        seen.append(batch.dtype.name)
        return batch + 1

    dataset = labeled(images, transform=lambda batch: batch // 2)
    batch, _ = next(iter(data.DataLoader(dataset, 2, transform=watch)))
    expect(batch, (images[:2] // 2 + 1) / 255, "the data set's own first", "ImageDataset")
    expect(seen, ["uint8"], "transforms get bytes; floats come last", "ImageDataset")


def test_images_that_are_normalized_stay_so(expect, images):
    dataset = labeled(images, transform=data.Normalize([0.5], [0.5]))
    batch, _ = dataset.__getitems__(np.array([0]))
    expect(batch[0], images[0] / 127.5 - 1, "floats are not divided again", "ImageDataset")


@pytest.mark.parametrize("labels", [39, 41])
def test_images_and_labels_are_of_one_length(images, labels):
    with pytest.raises(TinyTorchError):
        data.ImageDataset(images, np.arange(labels))


def test_images_that_are_no_bytes_are_refused():
    with pytest.raises(DTypeError):
        data.ImageDataset(np.zeros((2, 1, 2, 2), np.float32), [0, 1])


def test_images_are_shared_and_only_their_owner_may_write_to_them(images):
    dataset = data.ImageDataset(images, np.arange(40))
    assert np.shares_memory(dataset.images, images), "images are copied [contract: ImageDataset]"
    assert not dataset.images.flags.writeable, "a batch could be written over what it came from"
    assert images.flags.writeable, "the caller's array is locked [contract: ImageDataset]"


def test_a_random_transform_of_the_data_set_gets_the_loaders_generator(images):
    class Noise:
        random = True

        def __call__(self, images, *, rng):
            return images + rng.normal(size=images.shape)

    def run():
        dataset = data.ImageDataset(images, np.arange(40), transform=Noise())
        return [batch.numpy().sum() for batch, _ in data.DataLoader(dataset, 20, rng=0)]

    assert run() == run(), "rng is not handed on to the data set's own [contract: ImageDataset]"
