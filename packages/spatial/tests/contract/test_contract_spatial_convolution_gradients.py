"""Step 4, the gradients of convolution: of the bias, the kernels, the images."""

import numpy as np
import pytest

from tinytorch.autograd import Variable, gradcheck
from tinytorch.tensor import tensor

pytestmark = pytest.mark.step(4)
ROW = "`conv2d`, gradients"

OPTIONS = {
    "plain": {},
    "padding": {"padding": (1, 2)},
    "same": {"padding": "same"},
    "stride": {"stride": (2, 3)},
    "stride that leaves pixels": {"stride": 2, "padding": 1},
    "dilation": {"dilation": (1, 2), "padding": 1},
    "groups": {"groups": 2},
    "depthwise": {"groups": 4, "padding": 1},
    "all": {"stride": (2, 1), "padding": (2, 1), "dilation": (1, 2), "groups": 2},
}


def test_the_bias_gets_the_sum_of_all_that_arrives(spatial, expect):
    x, w = tensor(np.ones((3, 1, 4, 4))), tensor(np.ones((2, 1, 3, 3)))
    b = Variable(np.zeros(2))
    spatial.conv2d(x, w, b).backward(tensor(np.ones((3, 2, 2, 2))))
    expect(b.grad, [12, 12], "the sum over batch, rows and columns; no mean", ROW)


def test_the_kernel_gets_what_each_tap_saw(spatial, expect):
    x, w = tensor(np.arange(16.0).reshape(1, 1, 4, 4)), Variable(np.zeros((1, 1, 2, 2)))
    spatial.conv2d(x, w).sum().backward()
    wanted = [[[[45, 54], [81, 90]]]]
    expect(w.grad, wanted, "tap (k, m) gets the sum of g[i, j] * x[i + k, j + m]", ROW)


def test_a_batch_adds_up(spatial, expect, numbers):
    x, w = numbers(1, 2, 4, 4), Variable(numbers(3, 2, 3, 3))
    one = spatial.conv2d(tensor(x), w).sum().backward()[w]
    two = spatial.conv2d(tensor(np.concatenate([x, x])), w).sum().backward()[w]
    expect(two, 2 * one.data, "the sum over the batch; no mean", ROW)


def test_a_large_batch_adds_up(spatial, expect, numbers):
    x, w = numbers(64, 8, 16, 16), Variable(numbers(4, 8, 3, 3))
    whole, *halves = (
        spatial.conv2d(tensor(part), w).sum().backward()[w].data for part in (x, x[:32], x[32:])
    )
    mistake = "what is computed in parts is the sum of all parts"
    expect(whole, halves[0] + halves[1], mistake, ROW, 1e-8)


def test_a_pixel_gets_the_taps_that_read_it(spatial, expect):
    x, w = Variable(np.zeros((1, 1, 3, 3))), tensor(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    spatial.conv2d(x, w).backward(tensor(np.array([[[[1.0, 0.0], [0.0, 0.0]]]])))
    wanted = [[[[1, 2, 0], [3, 4, 0], [0, 0, 0]]]]
    expect(x.grad, wanted, "the kernel is laid over the image where it was read", ROW)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_gradients_equal_differences(spatial, slopes, numbers, options):
    x, w, b = numbers(2, 4, 6, 5), numbers(4, 4 // options.get("groups", 1), 3, 2), numbers(4)
    mistake = f"settings {options} count on the way back, too"
    slopes(lambda *o: spatial.conv2d(*o, **options), x, w, b, mistake=mistake, row=ROW)


@pytest.mark.step(5)  # the way back from the images' gradient is written there
def test_gradients_have_gradients(spatial, numbers):
    x, w = numbers(2, 2, 4, 4), numbers(3, 2, 3, 3)
    gradcheck(lambda x, w: spatial.conv2d(x, w, padding=1) ** 2, x, w, order=2)


def test_float32_stays(spatial):
    x, w = Variable(np.ones((1, 2, 4, 4), np.float32)), Variable(np.ones((3, 2, 3, 3), np.float32))
    spatial.conv2d(x, w).sum().backward()
    assert x.grad.dtype == w.grad.dtype == np.float32, f"[{ROW}]"
