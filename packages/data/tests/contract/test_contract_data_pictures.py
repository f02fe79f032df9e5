"""Transforms that move pixels: frames, windows, mirrors and patches, each image on its own."""

import numpy as np
import pytest

from tinytorch import data
from tinytorch.tensor.errors import TinyTorchError

pytestmark = pytest.mark.step(5)

RANDOM = {
    "RandomCrop": lambda: data.RandomCrop(6),
    "RandomHorizontalFlip": lambda: data.RandomHorizontalFlip(0.5),
    "RandomVerticalFlip": lambda: data.RandomVerticalFlip(0.5),
    "RandomErasing": lambda: data.RandomErasing(3),
}
ALL = {**RANDOM, "Pad": lambda: data.Pad(1), "CenterCrop": lambda: data.CenterCrop(4)}


@pytest.mark.parametrize("name", ALL)
def test_transforms_leave_their_input_alone(expect, images, name):
    before = images.copy()
    ALL[name]()(images)
    expect(images, before, "it writes into its input: copy first", "transforms")


@pytest.mark.parametrize("name", ALL)
def test_transforms_keep_the_data_type(images, name):
    assert ALL[name]()(images).dtype == np.uint8
    assert ALL[name]()(images.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("name", ALL)
def test_a_single_image_needs_a_batch_axis(images, name):
    with pytest.raises(TinyTorchError):
        ALL[name]()(images[0])


@pytest.mark.parametrize("name", RANDOM)
def test_random_transforms_say_so(name):
    assert RANDOM[name]().random, "random = True, else no loader seeds it [contract: transforms]"


@pytest.mark.parametrize("name", RANDOM)
def test_random_transforms_are_seeded(expect, images, name):
    first, second = (RANDOM[name]()(images, rng=1) for _ in range(2))
    expect(first, second, "draw from rng alone, not from np.random", "transforms")


@pytest.mark.parametrize("name", RANDOM)
def test_other_seeds_give_other_images(images, name):
    first, second = (RANDOM[name]()(images, rng=n) for n in (1, 2))
    assert (first != second).any(), "rng is not used [contract: transforms]"


@pytest.mark.parametrize("name", RANDOM)
def test_random_transforms_take_a_generator(images, name):
    rng = np.random.default_rng(1)
    first, second = (RANDOM[name]()(images, rng=rng) for _ in range(2))
    assert (first != second).any(), "a generator is used as it is, and moves on"


@pytest.mark.parametrize("name", RANDOM)
def test_each_image_draws_on_its_own(images, name):
    same = np.repeat(images[:1], 40, axis=0)
    came = {image.tobytes() for image in RANDOM[name]()(same, rng=0)}
    assert len(came) > 1, "one draw for the whole batch: draw len(images) [contract: transforms]"


@pytest.mark.parametrize("name", RANDOM)
def test_all_channels_move_together(expect, images, name):
    same = np.repeat(images[:, :1], 3, axis=1)
    came = RANDOM[name]()(same, rng=0)
    expect(came[:, 2], came[:, 0], "one draw for all channels of an image", "transforms")


def test_a_frame_lies_all_around(expect):
    came = data.Pad(1)(np.ones((1, 1, 1, 2), np.uint8))[0, 0]
    expected = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    expect(came, expected, "as much above as below, left as right", "Pad")


def test_a_frame_of_two_widths(expect):
    came = data.Pad((0, 1), value=9)(np.ones((1, 1, 1, 2), np.uint8))[0, 0]
    expect(came, [[9, 1, 1, 9]], "(above and below, left and right)", "Pad")


def test_the_middle_is_cut_out(expect):
    came = data.CenterCrop(2)(np.arange(16).reshape(1, 1, 4, 4))[0, 0]
    expect(came, [[5, 6], [9, 10]], "as much goes above as below", "CenterCrop")


def test_the_middle_of_an_odd_rest(expect):
    came = data.CenterCrop((1, 2))(np.arange(12).reshape(1, 1, 4, 3))[0, 0]
    expect(came, [[3, 4]], "the odd pixel goes below and to the right", "CenterCrop")


def test_a_middle_has_to_fit(images):
    with pytest.raises(TinyTorchError):
        data.CenterCrop(9)(images)


def windows(image, height, width):
    """Where each window of an image begins, by its bytes."""
    return {
        image[:, top : top + height, left : left + width].tobytes(): (top, left)
        for top in range(image.shape[1] - height + 1)
        for left in range(image.shape[2] - width + 1)
    }


@pytest.mark.parametrize("size", [6, (6, 7)])
def test_a_random_crop_is_a_window(images, size):
    height, width = size if isinstance(size, tuple) else (size, size)
    cropped = data.RandomCrop(size)(images, rng=0)
    assert cropped.shape == (40, 3, height, width)
    for image, window in zip(images, cropped, strict=True):
        assert window.tobytes() in windows(image, height, width), "no window of its own image"


@pytest.mark.parametrize(("height", "width"), [(6, 6), (6, 7), (7, 6)])
def test_a_random_crop_reaches_every_place(expect, images, height, width):
    same = np.repeat(images[:1], 300, axis=0)
    cropped = data.RandomCrop((height, width))(same, rng=0)
    found = {windows(images[0], height, width).get(window.tobytes()) for window in cropped}
    wanted = {(top, left) for top in range(9 - height) for left in range(9 - width)}
    mistake = f"missing {sorted(wanted - found)}: offsets from 0 to the rest, the rest included"
    expect(sorted(found, key=str), sorted(wanted, key=str), mistake, "RandomCrop")


def test_a_random_crop_draws_down_and_right_independently():
    image = np.arange(64).reshape(1, 1, 8, 8)
    cropped = data.RandomCrop(4)(np.repeat(image, 200, axis=0), rng=0)
    places = {divmod(int(window[0, 0, 0]), 8) for window in cropped}
    assert any(top != left for top, left in places), "two draws [contract: RandomCrop]"


def test_a_random_crop_pads_with_zeros(expect):
    ones = np.ones((300, 1, 2, 2), np.uint8)
    cropped = data.RandomCrop(2, padding=2)(ones, rng=0)
    expect(sorted(set(cropped.ravel().tolist())), [0, 1], "the frame is 0", "RandomCrop")
    assert (cropped == 0).all((1, 2, 3)).any(), "windows reach the corners of the frame"
    assert (cropped == 1).all((1, 2, 3)).any(), "windows reach the image"


def test_a_random_crop_pads_by_reflection(expect):
    row = np.array([1, 2, 3], np.uint8).reshape(1, 1, 1, 3)
    wide = data.RandomCrop((1, 7), padding=(0, 2), padding_mode="reflect")(row, rng=0)
    expect(wide, np.array([3, 2, 1, 2, 3, 2, 1]).reshape(1, 1, 1, 7), "as np.pad", "RandomCrop")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("RandomHorizontalFlip", [[2, 1], [4, 3]]), ("RandomVerticalFlip", [[3, 4], [1, 2]])],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_flips_mirror(expect, name, expected, dtype):
    image = np.array([[1, 2], [3, 4]], dtype).reshape(1, 1, 2, 2)
    came = getattr(data, name)(p=1)(image)[0, 0]
    expect(came, np.array(expected, dtype), "left and right are the last axis", name)


@pytest.mark.parametrize("name", ["RandomHorizontalFlip", "RandomVerticalFlip"])
def test_flips_mirror_whole_rows_of_bytes(expect, images, name):
    axis = 3 if name == "RandomHorizontalFlip" else 2
    expect(getattr(data, name)(p=1)(images), np.flip(images, axis), "the whole image", name)


@pytest.mark.parametrize("name", ["RandomHorizontalFlip", "RandomVerticalFlip"])
def test_flips_of_probability_0_do_nothing(expect, images, name):
    expect(getattr(data, name)(p=0)(images), images, "mirrored where random() < p", name)


@pytest.mark.parametrize("name", ["RandomHorizontalFlip", "RandomVerticalFlip"])
@pytest.mark.parametrize(("p", "least", "most"), [(0.5, 150, 250), (0.1, 15, 70)])
def test_flips_have_their_probability(name, p, least, most):
    images = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4).repeat(400, axis=0)
    count = (getattr(data, name)(p)(images, rng=0) != images).any((1, 2, 3)).sum()
    assert least < count < most, f"{count} of 400 mirrored with p={p} [contract: {name}]"


def test_a_patch_covers_all_channels_of_a_square():
    ones = np.ones((200, 2, 9, 9), np.uint8)
    erased = data.RandomErasing(3, p=1, value=7)(ones, rng=0)
    assert set(erased.ravel().tolist()) == {1, 7}, "value fills it [contract: RandomErasing]"
    sizes = set((erased == 7).sum((2, 3)).ravel().tolist())
    assert sizes == {4, 6, 9}, f"3 x 3, cut at the border only: {sizes} [contract: RandomErasing]"


def test_patches_have_their_probability():
    ones = np.ones((400, 1, 9, 9), np.uint8)
    count = (data.RandomErasing(3, p=0.25)(ones, rng=0) == 0).any((1, 2, 3)).sum()
    assert 60 < count < 140, f"{count} of 400 with p=0.25 [contract: RandomErasing]"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("RandomHorizontalFlip", {"p": 1.5}),
        ("RandomVerticalFlip", {"p": -0.1}),
        ("RandomCrop", {"size": 0}),
        ("Pad", {"padding": -1}),
        ("CenterCrop", {"size": 0}),
        ("RandomErasing", {"size": 0}),
    ],
)
def test_settings_out_of_their_range_are_refused(name, settings):
    with pytest.raises(TinyTorchError):
        getattr(data, name)(**settings)
