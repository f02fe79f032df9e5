"""Step 5, transposed convolution: each pixel spread over a window."""

import numpy as np
import pytest

from tinytorch.autograd import Variable
from tinytorch.tensor import ArgumentError, ShapeError, ones, tensor

pytestmark = pytest.mark.step(5)
ROW = "`conv_transpose2d`"


def test_a_pixel_is_spread_over_a_window(spatial, expect):
    w = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    got = spatial.conv_transpose2d(tensor(np.array([[[[1.0, 10.0]]]])), tensor(w))
    expect(got, [[[[1, 12, 20], [3, 34, 40]]]], "where windows overlap they add up", ROW)


def test_a_stride_moves_the_windows_apart(spatial, expect):
    got = spatial.conv_transpose2d(tensor(np.array([[[[1.0, 2.0]]]])), ones((1, 1, 1, 2)), stride=3)
    expect(got, [[[[1, 1, 0, 2, 2]]]], "pixels of the result from window to window", ROW)


def test_padding_cuts_off(spatial, expect):
    x, w = tensor(np.arange(4.0).reshape(1, 1, 2, 2)), ones((1, 1, 3, 3))
    whole = spatial.conv_transpose2d(x, w)
    got = spatial.conv_transpose2d(x, w, padding=1)
    expect(got, whole.data[..., 1:-1, 1:-1], "padding makes the result smaller", ROW)


def test_output_padding_adds_at_the_bottom_right(spatial, expect):
    x, w = ones((1, 1, 2, 2)), ones((1, 1, 2, 2))
    got = spatial.conv_transpose2d(x, w, stride=2, output_padding=(1, 0))
    assert got.shape == (1, 1, 5, 4), f"one row more, no column  [{ROW}]"
    expect(got.data[..., :4, :], np.ones((1, 1, 4, 4)), "the rest stays in its place", ROW)


def test_output_padding_may_be_below_the_dilation(spatial):
    x, w = ones((1, 1, 4, 4)), ones((1, 1, 3, 3))
    got = spatial.conv_transpose2d(x, w, output_padding=1, dilation=2)
    assert got.shape == (1, 1, 9, 9), f"less than the stride or than the dilation  [{ROW}]"


def test_a_bias_is_added_everywhere(spatial, expect):
    got = spatial.conv_transpose2d(ones((1, 1, 1, 1)), ones((1, 2, 1, 2)), tensor([1.0, 5.0]))
    expect(got, [[[[2, 2]], [[6, 6]]]], "b[o] for the whole channel o", ROW)


OPTIONS = {
    "plain": {},
    "stride": {"stride": (2, 3), "padding": 1},
    "output padding": {"stride": 3, "output_padding": (1, 2)},
    "groups": {"groups": 2, "stride": 2},
    "dilation": {"dilation": 2, "padding": (1, 0)},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_it_is_the_gradient_of_convolution(spatial, expect, numbers, options):
    options = dict(options)
    x, w = numbers(2, 4, 3, 4), numbers(4, 4 // options.get("groups", 1), 3, 2)
    got = spatial.conv_transpose2d(tensor(x), tensor(w), **options)
    options.pop("output_padding", None)
    images = Variable(np.zeros(got.shape))
    spatial.conv2d(images, tensor(w), **options).backward(tensor(x))
    mistake = "conv_transpose2d(g, w) is conv2d's gradient with respect to its images"
    expect(got, images.grad, mistake, ROW)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_gradients_equal_differences(spatial, slopes, numbers, options):
    x, w = numbers(2, 4, 2, 3), numbers(4, 4 // options.get("groups", 1), 3, 2)
    b = numbers(w.shape[1] * options.get("groups", 1))
    mistake = f"settings {options} count on the way back, too"
    slopes(lambda *o: spatial.conv_transpose2d(*o, **options), x, w, b, mistake=mistake, row=ROW)


@pytest.mark.step(8)
def test_the_module_holds_weights_in_the_order_in_out(spatial, expect, numbers):
    up = spatial.ConvTranspose2d(4, 6, (3, 2), 2, 1, 1, 2, rng=0)
    assert up.weight.shape == (4, 3, 3, 2), f"(in, out / groups, height, width)  [{ROW}]"
    assert up.bias.shape == (6,), f"(out,)  [{ROW}]"
    x = tensor(numbers(1, 4, 3, 3).astype(np.float32))
    wanted = spatial.conv_transpose2d(x, up.weight, up.bias, 2, 1, 1, 2)
    expect(up(x), wanted, "settings are handed on in order", "`ConvTranspose2d`", 1e-6)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"output_padding": 1}, ArgumentError),
        ({"padding": 2}, ShapeError),
        ({"groups": 2}, ArgumentError),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(spatial, settings, kind):
    with pytest.raises(kind):
        spatial.conv_transpose2d(ones((1, 3, 2, 2)), ones((3, 4, 2, 2)), **settings)
