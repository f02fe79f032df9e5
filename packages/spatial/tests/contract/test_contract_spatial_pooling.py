"""Step 1, pooling: the largest element of each window, or the average."""

import numpy as np
import pytest

from tinytorch.tensor import ArgumentError, DTypeError, ShapeError, tensor

pytestmark = pytest.mark.step(1)
MAX, AVERAGE, ADAPTIVE = "`max_pool2d`", "`avg_pool2d`", "`adaptive_avg_pool2d`"
GRID = np.arange(16.0).reshape(1, 1, 4, 4)


def test_max_pooling_by_two(spatial, expect):
    got = spatial.max_pool2d(tensor(GRID), 2)
    mistake = "windows lie side by side: the stride is the kernel size if left out"
    expect(got, [[[[5, 7], [13, 15]]]], mistake, MAX)


def test_average_pooling_by_two(spatial, expect):
    mistake = "the sum over a window, divided by its number of pixels"
    expect(spatial.avg_pool2d(tensor(GRID), 2), [[[[2.5, 4.5], [10.5, 12.5]]]], mistake, AVERAGE)


def test_windows_may_overlap(spatial, expect):
    got = spatial.max_pool2d(tensor(GRID), 2, 1)
    expect(got, [[[[5, 6, 7], [9, 10, 11], [13, 14, 15]]]], "stride is 1 here", MAX)


def test_a_window_has_a_height_and_a_width(spatial, expect):
    expect(spatial.max_pool2d(tensor(GRID), (1, 4)), GRID[..., 3:], "(height, width)", MAX)
    got = spatial.avg_pool2d(tensor(GRID), (1, 4))
    wanted = GRID.mean(3, keepdims=True)
    expect(got, wanted, "divide by height * width of the window", AVERAGE)


def test_a_stride_has_two_directions(spatial, expect):
    got = spatial.max_pool2d(tensor(GRID), 1, (3, 1))
    expect(got, GRID[:, :, ::3], "(down, right): rows first", MAX)
    got = spatial.avg_pool2d(tensor(GRID), 1, (1, 3))
    expect(got, GRID[..., ::3], "(down, right): rows first", AVERAGE)


def test_a_stride_of_two_directions_counts_for_every_tap(spatial, expect):
    wanted = [[[[5, 7], [9, 11], [13, 15]]]]
    expect(spatial.max_pool2d(tensor(GRID), 2, (1, 2)), wanted, "(down, right)", MAX)
    wanted = np.array(wanted) - 2.5
    expect(spatial.avg_pool2d(tensor(GRID), 2, (1, 2)), wanted, "(down, right)", AVERAGE)


def test_padding_has_two_directions(spatial, expect):
    got = spatial.avg_pool2d(tensor(np.ones((1, 1, 2, 2))), 2, 2, (0, 1))
    expect(got, [[[[0.5, 0.5]]]], "(rows, columns): none above and below", AVERAGE)


def test_rows_and_columns_that_are_left_over_are_dropped(spatial, expect):
    got = spatial.max_pool2d(tensor(GRID[:, :, :3]), 2)
    expect(got, [[[[5, 7]]]], "only whole windows count", MAX)


def test_padding_never_is_the_largest(spatial, expect):
    got = spatial.max_pool2d(tensor(GRID - 100), 2, 2, 1)
    wanted = np.array([[[[0, 2, 3], [8, 10, 11], [12, 14, 15]]]]) - 100
    expect(got, wanted, "padding is minus infinity, not 0", MAX)


def test_padding_counts_as_zeros_in_an_average(spatial, expect):
    got = spatial.avg_pool2d(tensor(np.ones((1, 1, 2, 2))), 2, 2, 1)
    expect(got, np.full((1, 1, 2, 2), 0.25), "zeros around count, too", AVERAGE)


def test_padding_may_be_left_out_of_an_average(spatial, expect):
    got = spatial.avg_pool2d(tensor(np.ones((1, 1, 3, 2))), 2, 2, 1, count_include_pad=False)
    mistake = "count_include_pad=False divides by the pixels of the image alone"
    expect(got, np.ones((1, 1, 2, 2)), mistake, AVERAGE)


def test_channels_and_images_are_pooled_by_themselves(spatial, expect, numbers):
    x = numbers(2, 3, 4, 6)
    windows = x.reshape(2, 3, 2, 2, 3, 2)
    expect(spatial.max_pool2d(tensor(x), 2), windows.max((3, 5)), "each channel apart", MAX)
    expect(spatial.avg_pool2d(tensor(x), 2), windows.mean((3, 5)), "each channel apart", AVERAGE)


def test_adaptive_pooling_to_one_pixel_is_the_mean(spatial, expect, numbers):
    x = numbers(2, 3, 4, 5)
    got = spatial.adaptive_avg_pool2d(tensor(x), 1)
    expect(got, x.mean((2, 3), keepdims=True), "each channel's mean", ADAPTIVE)


@pytest.mark.parametrize("size", [(2, 2), (2, 3), (3, 5), (7, 4), (10, 9)], ids=str)
def test_adaptive_windows_go_from_floor_to_ceiling(spatial, expect, numbers, size):
    x = numbers(1, 2, 7, 6)
    wanted = np.zeros((1, 2, *size))
    for i, j in np.ndindex(size):
        rows = slice(7 * i // size[0], -(-7 * (i + 1) // size[0]))
        columns = slice(6 * j // size[1], -(-6 * (j + 1) // size[1]))
        wanted[:, :, i, j] = x[:, :, rows, columns].mean((2, 3))
    mistake = "window i goes from floor(i * height / rows) to ceil((i + 1) * height / rows)"
    expect(spatial.adaptive_avg_pool2d(tensor(x), size), wanted, mistake, ADAPTIVE)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("MaxPool2d", (3, 2, 1)), ("AvgPool2d", (3, 2, 1, False)), ("AdaptiveAvgPool2d", ((2, 3),))],
)
def test_modules_call_their_functions(spatial, expect, numbers, name, arguments):
    x = tensor(numbers(2, 3, 5, 6))
    functions = {
        "MaxPool2d": spatial.max_pool2d,
        "AvgPool2d": spatial.avg_pool2d,
        "AdaptiveAvgPool2d": spatial.adaptive_avg_pool2d,
    }
    wanted = functions[name](x, *arguments)
    expect(getattr(spatial, name)(*arguments)(x), wanted, "settings are handed on in order", name)


@pytest.mark.parametrize("name", ["MaxPool2d", "AvgPool2d"])
def test_windows_of_modules_lie_side_by_side(spatial, name):
    y = getattr(spatial, name)(2)(tensor(GRID))
    assert y.shape == (1, 1, 2, 2), f"the stride is the kernel size if left out  [`{name}`]"


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_the_dtype_is_kept(spatial, name):
    for dtype in ("float32", "float64"):
        assert getattr(spatial, name)(tensor(GRID).astype(dtype), 2).dtype == dtype, f"[{MAX}]"


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_a_window_larger_than_the_image_is_refused(spatial, name):
    with pytest.raises(ShapeError):
        getattr(spatial, name)(tensor(GRID), 5)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize(
    "settings", [{"kernel_size": 0}, {"kernel_size": 2, "padding": 2}], ids=str
)
def test_settings_out_of_range_are_refused(spatial, name, settings):
    with pytest.raises(ArgumentError):
        getattr(spatial, name)(tensor(GRID), **settings)


def test_images_have_a_batch_axis_and_floats(spatial):
    with pytest.raises(ShapeError):
        spatial.max_pool2d(tensor(GRID[0]), 2)
    with pytest.raises(DTypeError):
        spatial.max_pool2d(tensor(GRID).astype("int64"), 2)
