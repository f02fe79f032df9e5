"""Step 6, the gradients of pooling: where what arrives at a window goes."""

import numpy as np
import pytest

from tinytorch.autograd import Variable, gradcheck
from tinytorch.tensor import tensor

pytestmark = pytest.mark.step(6)
MAX, AVERAGE = "`max_pool2d`, gradients", "`avg_pool2d`, gradients"
SETTINGS = [(2, None, 0), (3, 2, 1), ((2, 3), (3, 1), 0), (2, 1, 1)]


def gradient(function, x, g):
    x = Variable(np.array(x, float)[None, None])
    function(x).backward(tensor(np.array(g, float)[None, None]))
    return x.grad.data[0, 0]


def test_the_largest_gets_it_all(spatial, expect):
    got = gradient(lambda x: spatial.max_pool2d(x, 2), [[1, 2], [4, 3]], [[7]])
    expect(got, [[0, 0], [7, 0]], "the others get nothing", MAX)


def test_of_equal_elements_the_first_gets_it(spatial, expect):
    got = gradient(lambda x: spatial.max_pool2d(x, 2), [[0, 5], [5, 5]], [[7]])
    expect(got, [[0, 7], [0, 0]], "one element alone: the first in reading order", MAX)


def test_overlapping_windows_add_up(spatial, expect):
    got = gradient(lambda x: spatial.max_pool2d(x, 2, 1), [[0, 1, 0], [0, 9, 0]], [[3, 4]])
    expect(got, [[0, 0, 0], [0, 7, 0]], "an element may be the largest of several windows", MAX)


def test_padding_gets_nothing(spatial, expect):
    got = gradient(lambda x: spatial.max_pool2d(x, 2, 2, 1), [[-1, -2], [-3, -4]], [[1, 2], [3, 4]])
    expect(got, [[1, 2], [3, 4]], "all of it reaches the image", MAX)


def test_of_nans_the_last_gets_it(spatial, expect):
    nan = np.nan
    got = gradient(lambda x: spatial.max_pool2d(x, 2), [[nan, 5], [nan, 1]], [[7]])
    expect(got, [[0, 0], [7, 0]], "a NaN is the largest, the last of several, as in PyTorch", MAX)


def test_an_average_spreads_it_evenly(spatial, expect):
    got = gradient(lambda x: spatial.avg_pool2d(x, (1, 2)), [[1, 2, 3, 4]], [[8, 2]])
    expect(got, [[4, 4, 1, 1]], "each gets what arrives / the number of pixels", AVERAGE)


@pytest.mark.parametrize(("kernel", "stride", "padding"), SETTINGS)
def test_gradients_equal_differences(spatial, slopes, numbers, kernel, stride, padding):
    x = numbers(2, 2, 5, 6)
    pool = lambda x: spatial.max_pool2d(x, kernel, stride, padding)  # noqa: E731
    slopes(pool, x, mistake="settings count on the way back, too", row=MAX)
    average = lambda x: spatial.avg_pool2d(x, kernel, stride, padding)  # noqa: E731
    slopes(average, x, mistake="settings count on the way back, too", row=AVERAGE)


@pytest.mark.parametrize("size", [1, (2, 3), (4, 5)], ids=str)
def test_gradients_of_adaptive_averages(spatial, slopes, numbers, size):
    pool = lambda x: spatial.adaptive_avg_pool2d(x, size)  # noqa: E731
    row = "`adaptive_avg_pool2d`"
    slopes(pool, numbers(1, 2, 4, 6), mistake="windows may overlap and add up", row=row)


def test_gradients_have_gradients(spatial, numbers):
    x = numbers(2, 2, 4, 4)
    gradcheck(lambda x: spatial.max_pool2d(x, 2) ** 3, x, order=2)
    gradcheck(lambda x: spatial.avg_pool2d(x, 2) ** 3, x, order=2)
