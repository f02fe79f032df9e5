"""Step 3, convolution: a weighted sum of the pixels under each window."""

import numpy as np
import pytest

from tinytorch.tensor import ArgumentError, DTypeError, ShapeError, ones, tensor

pytestmark = pytest.mark.step(3)
ROW = "`conv2d`"
GRID = np.arange(9.0).reshape(1, 1, 3, 3)
ZERO = (0, 0)


def test_a_kernel_of_one_tap_picks_pixels(spatial, expect):
    w = np.zeros((1, 1, 2, 2))
    w[0, 0, 0, 1] = 1
    mistake = "the kernel is not flipped: tap (0, 1) reads the pixel to the right"
    expect(spatial.conv2d(tensor(GRID), tensor(w)), [[[[1, 2], [4, 5]]]], mistake, ROW)


def test_channels_and_taps_are_added_up(spatial, expect, numbers, by_definition):
    x, w = numbers(2, 3, 5, 6), numbers(4, 3, 3, 2)
    mistake = "the sum over channels and taps of x[n, c, i + k, j + m] * w[o, c, k, m]"
    expect(spatial.conv2d(tensor(x), tensor(w)), by_definition(x, w), mistake, ROW)


def test_a_bias_is_added_to_each_channel(spatial, expect):
    got = spatial.conv2d(tensor(GRID), tensor(np.zeros((2, 1, 3, 3))), tensor([1.0, -2.0]))
    expect(got, [[[[1]], [[-2]]]], "b[o] for the whole channel o", ROW)


def test_a_stride_skips_windows(spatial, expect, numbers, by_definition):
    x, w = numbers(1, 2, 6, 7), numbers(3, 2, 2, 2)
    got = spatial.conv2d(tensor(x), tensor(w), stride=(1, 3))
    expect(got, by_definition(x, w, stride=(1, 3)), "(down, right)", ROW)
    got = spatial.conv2d(tensor(x), tensor(w), stride=2)
    expect(got, by_definition(x, w, stride=(2, 2)), "one number stands for both", ROW)


def test_padding_is_of_zeros_on_each_side(spatial, expect, numbers, by_definition):
    x, w = numbers(1, 2, 3, 4), numbers(3, 2, 2, 3)
    got = spatial.conv2d(tensor(x), tensor(w), padding=(0, 2))
    expect(got, by_definition(x, w, padding=(ZERO, (2, 2))), "(rows, columns)", ROW)
    got = spatial.conv2d(tensor(x), tensor(w), padding=1)
    expect(got, by_definition(x, w, padding=((1, 1), (1, 1))), "zeros on all sides", ROW)


def test_dilation_spreads_the_taps(spatial, expect, numbers, by_definition):
    x, w = numbers(1, 2, 6, 7), numbers(3, 2, 2, 3)
    got = spatial.conv2d(tensor(x), tensor(w), dilation=(3, 2))
    mistake = "tap (k, m) reads the pixel dilation * (k, m) away"
    expect(got, by_definition(x, w, dilation=(3, 2)), mistake, ROW)


def test_same_keeps_the_size(spatial, expect, numbers, by_definition):
    x, w = numbers(1, 1, 4, 5), numbers(1, 1, 3, 4)
    got = spatial.conv2d(tensor(x), tensor(w), padding="same")
    mistake = "an even kernel has one pixel more of padding after than before"
    expect(got, by_definition(x, w, padding=((1, 1), (1, 2))), mistake, ROW)


def test_same_counts_the_dilation(spatial, expect, numbers, by_definition):
    x, w = numbers(1, 1, 6, 6), numbers(1, 1, 3, 3)
    got = spatial.conv2d(tensor(x), tensor(w), padding="same", dilation=2)
    wanted = by_definition(x, w, padding=((2, 2), (2, 2)), dilation=(2, 2))
    expect(got, wanted, 'dilation * (kernel - 1) zeros in all for "same"', ROW)


def test_valid_pads_nothing(spatial, expect, numbers):
    x, w = tensor(numbers(1, 1, 4, 5)), tensor(numbers(1, 1, 3, 3))
    got = spatial.conv2d(x, w, padding="valid")
    expect(got, spatial.conv2d(x, w), '"valid" is no padding', ROW)


@pytest.mark.parametrize(
    ("channels", "out", "groups"), [(4, 6, 2), (4, 2, 2), (4, 4, 4), (2, 6, 2)]
)
def test_groups_do_not_mix(spatial, expect, numbers, by_definition, channels, out, groups):
    x, w = numbers(2, channels, 4, 4), numbers(out, channels // groups, 3, 3)
    got = spatial.conv2d(tensor(x), tensor(w), groups=groups)
    mistake = "result o reads the channels of group o // (out channels / groups)"
    expect(got, by_definition(x, w, groups=groups), mistake, ROW)


def test_all_settings_together(spatial, expect, numbers, by_definition):
    x, w, b = numbers(2, 4, 7, 8), numbers(6, 2, 3, 2), numbers(6)
    got = spatial.conv2d(tensor(x), tensor(w), tensor(b), (2, 1), (2, 1), (1, 2), 2)
    padding = ((2, 2), (1, 1))
    wanted = by_definition(x, w, b, (2, 1), padding, (1, 2), 2)
    expect(got, wanted, "stride, padding, dilation, groups: in this order", ROW)


def test_an_empty_batch_gives_an_empty_result(spatial):
    assert spatial.conv2d(ones((0, 2, 4, 4)), ones((3, 2, 3, 3))).shape == (0, 3, 2, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_kept_and_operands_stay(spatial, dtype):
    x, w = ones((2, 3, 5, 5), dtype=dtype), ones((4, 3, 3, 3), dtype=dtype)
    assert spatial.conv2d(x, w, None, 1, 1).dtype == dtype, f"results keep the dtype  [{ROW}]"
    assert (x.data == 1).all(), f"operands do not change  [{ROW}]"


@pytest.mark.parametrize(
    ("shape", "weight", "settings", "kind"),
    [
        ((1, 3, 8, 8), (4, 5, 3, 3), {}, ShapeError),
        ((1, 3, 2, 8), (4, 3, 3, 3), {}, ShapeError),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"dilation": 5}, ShapeError),
        ((3, 8, 8), (4, 3, 3, 3), {}, ShapeError),
        ((1, 3, 8, 8), (4, 27), {}, ShapeError),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"groups": 3}, ArgumentError),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"stride": 0}, ArgumentError),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"padding": -1}, ArgumentError),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"padding": "full"}, ArgumentError),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"padding": "same", "stride": 2}, ArgumentError),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(spatial, shape, weight, settings, kind):
    with pytest.raises(kind) as caught:
        spatial.conv2d(ones(shape), ones(weight), **settings)
    assert caught.value.operation == "conv2d"


def test_integers_are_refused(spatial):
    with pytest.raises(DTypeError):
        spatial.conv2d(ones((1, 3, 8, 8)).astype("int64"), ones((4, 3, 3, 3)))


def test_a_bias_has_a_number_for_each_result(spatial):
    with pytest.raises(ShapeError):
        spatial.conv2d(ones((1, 3, 8, 8)), ones((4, 3, 3, 3)), ones(3))
