"""What upper layers, the docs and the course rely on, for any implementation of the layer."""

import numpy as np
import pytest

from tinytorch.autograd import Variable, gradcheck, no_grad
from tinytorch.spatial import (
    CNN,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Dropout2d,
    Flatten,
    GroupNorm,
    MaxPool2d,
    ResNet9,
    Upsample,
    plot_feature_maps,
    plot_filters,
)
from tinytorch.spatial import functional as F
from tinytorch.tensor import Tensor, tensor
from tinytorch.tensor.errors import TinyTorchError


def random(*shape, dtype=np.float32):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


LAYERS = {
    "conv": (Conv2d(4, 6, 3), (2, 6, 6, 6)),
    "conv same": (Conv2d(4, 6, kernel_size=3, padding="same"), (2, 6, 8, 8)),
    "conv stride": (Conv2d(4, 6, 3, stride=2, padding=1), (2, 6, 4, 4)),
    "depthwise": (Conv2d(4, 4, 3, padding=1, groups=4, bias=False), (2, 4, 8, 8)),
    "transposed": (ConvTranspose2d(4, 6, 2, stride=2), (2, 6, 16, 16)),
    "max pool": (MaxPool2d(2), (2, 4, 4, 4)),
    "avg pool": (AvgPool2d(2), (2, 4, 4, 4)),
    "adaptive": (AdaptiveAvgPool2d((1, 2)), (2, 4, 1, 2)),
    "batch norm": (BatchNorm2d(4), (2, 4, 8, 8)),
    "group norm": (GroupNorm(2, 4), (2, 4, 8, 8)),
    "dropout": (Dropout2d(0.5, rng=0), (2, 4, 8, 8)),
    "flatten": (Flatten(), (2, 256)),
    "upsample": (Upsample(2), (2, 4, 16, 16)),
}


@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_layer_gives_shape_dtype_and_gradient(layer, shape):
    x = Variable(random(2, 4, 8, 8))
    y = layer(x)
    assert y.shape == shape
    assert y.dtype == np.float32
    gradients = (y * y).sum().backward()
    assert gradients[x].shape == x.shape
    for parameter in layer.parameters():
        assert gradients[parameter].shape == parameter.shape


def test_derivatives_to_second_order():
    x, w = random(2, 2, 4, 4, dtype=np.float64), random(3, 2, 3, 3, dtype=np.float64)
    gradcheck(lambda x, w: F.conv2d(x, w, padding=1) ** 2, x, w, order=2)
    gradcheck(lambda x: F.max_pool2d(x, 2) ** 2, x, order=2)
    gradcheck(lambda x: F.batch_norm2d(x) ** 3, x, order=2)


def test_batch_norm_state_and_modes():
    layer = BatchNorm2d(4)
    names = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert list(layer.state_dict()) == names
    x = tensor(random(8, 4, 3, 3) + 2)
    for _ in range(200):
        layer(x)
    np.testing.assert_allclose(layer.running_mean.data, x.data.mean((0, 2, 3)), rtol=1e-4)
    assert layer.num_batches_tracked.item() == 200
    y = layer.eval()(x)
    assert abs(y.data.mean()) < 0.01


@pytest.mark.parametrize("network", [CNN, ResNet9])
def test_networks(network):
    net = network(rng=0).eval()
    with no_grad():
        y = net(tensor(random(2, 3, 32, 32)))
    assert isinstance(y, Tensor)
    assert not isinstance(y, Variable)
    assert y.shape == (2, 10)
    copy = network(rng=1).eval()
    copy.load_state_dict(net.state_dict())
    with no_grad():
        np.testing.assert_array_equal(y.data, copy(tensor(random(2, 3, 32, 32))).data)


def test_errors_are_value_errors_that_teach():
    with pytest.raises(TinyTorchError) as caught:
        Conv2d(3, 8, 3)(tensor(random(2, 1, 8, 8)))
    assert isinstance(caught.value, ValueError)
    for part in ("expected", "got"):
        assert part in str(caught.value)


def test_pictures():
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    conv = Conv2d(3, 8, kernel_size=3)
    plot_filters(conv)
    plot_feature_maps(conv(tensor(random(1, 3, 8, 8))))
