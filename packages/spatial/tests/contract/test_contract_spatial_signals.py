"""Step 8, signals: convolution and normalization of one axis, as images of one row."""

import numpy as np
import pytest

from tinytorch.autograd import Variable
from tinytorch.tensor import ArgumentError, ShapeError, tensor

pytestmark = pytest.mark.step(8)
CONV, MODULE, NORM = "`conv1d`", "`Conv1d`", "`BatchNorm1d`"


def test_kernels_slide_along_the_length(spatial, expect):
    x, weight = tensor([[[1.0, 2.0, 3.0, 4.0]]]), tensor([[[1.0, 10.0]]])
    expect(spatial.conv1d(x, weight), [[[21, 32, 43]]], "the kernel is not flipped", CONV)


def test_a_signal_is_an_image_of_one_row(spatial, expect, numbers):
    x, weight, bias = numbers(2, 4, 9), numbers(6, 2, 3), numbers(6)
    for settings in [(1, 0, 1, 2), (2, 1, 1, 2), (1, 2, 2, 2), (1, "same", 1, 2)]:
        stride, padding, dilation, groups = settings
        sides = padding if isinstance(padding, str) else (0, padding)
        rows = [tensor(a.reshape(*a.shape[:-1], 1, a.shape[-1])) for a in (x, weight)]
        wanted = spatial.conv2d(
            *rows, tensor(bias), (1, stride), sides, (1, dilation), groups
        ).data[:, :, 0]
        got = spatial.conv1d(tensor(x), tensor(weight), tensor(bias), *settings)
        expect(got, wanted, "stride, padding, dilation, groups: in this order", CONV)


def test_conv1d_has_gradients(spatial, slopes, numbers):
    points = numbers(1, 2, 5), numbers(3, 2, 3), numbers(3)
    slopes(spatial.conv1d, *points, mistake="built of ops that have derivatives", row=CONV)


def test_a_signal_has_three_axes(spatial, numbers):
    with pytest.raises(ShapeError):
        spatial.conv1d(tensor(numbers(3, 9)), tensor(numbers(2, 3, 3)))
    with pytest.raises(ShapeError):
        spatial.conv1d(tensor(numbers(1, 3, 9)), tensor(numbers(2, 3, 3, 3)))


def test_conv1d_holds_a_kernel_and_a_bias(spatial, expect, numbers):
    layer, x = spatial.Conv1d(4, 6, 3, 2, 1, 2, 2, rng=0), tensor(numbers(2, 4, 9))
    shapes = {name: value.shape for name, value in layer.state_dict().items()}
    assert shapes == {"weight": (6, 2, 3), "bias": (6,)}, f"(out, in / groups, length)  [{MODULE}]"
    wanted = spatial.conv1d(x, layer.weight, layer.bias, 2, 1, 2, 2)
    expect(layer(x), wanted, "stride, padding, dilation, groups: in this order", MODULE)
    assert spatial.Conv1d(4, 6, 3, bias=False).bias is None, f"bias=False has none  [{MODULE}]"
    assert np.abs(layer.weight.data).max() <= 1 / np.sqrt(2 * 3), f"as in Conv2d  [{MODULE}]"


@pytest.mark.parametrize("arguments", [(0, 1, 3), (1, 1, 0), (1, 1, (3, 3)), (1, 1, 3, 0)])
def test_conv1d_refuses_wrong_settings(spatial, arguments):
    with pytest.raises(ArgumentError):
        spatial.Conv1d(*arguments)


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5)])
def test_vectors_and_signals_are_normalized_over_the_batch(spatial, expect, numbers, shape):
    x, layer = numbers(*shape), spatial.BatchNorm1d(3, eps=0.0)
    axes = (0, *range(2, len(shape)))
    wanted = (x - x.mean(axes, keepdims=True)) / x.std(axes, keepdims=True)
    expect(layer(Variable(x)), wanted, "over all axes but the channels", NORM, 1e-6)
    assert layer.num_batches_tracked.item() == 1, f"statistics are kept  [{NORM}]"
    expect(layer.running_mean, 0.1 * x.mean(axes), "as in BatchNorm2d", NORM, 1e-6)
    layer.eval()
    after = layer(Variable(x))
    assert after.shape == shape, f"the shape of the input  [{NORM}]"


def test_images_are_none_of_its_business(spatial, numbers):
    with pytest.raises(ShapeError):
        spatial.BatchNorm1d(3)(tensor(numbers(2, 3, 4, 4)))
