"""Modules hold what PyTorch's hold, under the same names; the networks train."""

import math
from inspect import ismodule

import numpy as np
import pytest

from tinytorch import spatial
from tinytorch.autograd import nn, no_grad
from tinytorch.tensor import functional as F
from tinytorch.tensor import ones, tensor


def images(*shape, seed=0):
    return tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def test_public_names():
    for name in spatial.__all__:
        assert hasattr(spatial, name)
    public = {n for n, x in vars(spatial).items() if not (n.startswith("_") or ismodule(x))}
    assert public | {"__version__"} == set(spatial.__all__)
    assert spatial.Flatten is nn.Flatten


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (spatial.Conv2d(4, 8, (3, 2), groups=2), {"weight": (8, 2, 3, 2), "bias": (8,)}),
        (spatial.Conv2d(4, 8, 3, bias=False), {"weight": (8, 4, 3, 3)}),
        (spatial.ConvTranspose2d(4, 8, 3, groups=2), {"weight": (4, 4, 3, 3), "bias": (8,)}),
        (
            spatial.BatchNorm2d(5),
            {
                "weight": (5,),
                "bias": (5,),
                "running_mean": (5,),
                "running_var": (5,),
                "num_batches_tracked": (),
            },
        ),
        (spatial.GroupNorm(2, 4), {"weight": (4,), "bias": (4,)}),
    ],
    ids=lambda x: type(x).__name__,
)
def test_state_has_pytorch_names_and_shapes(layer, shapes):
    assert {name: x.shape for name, x in layer.state_dict().items()} == shapes
    assert list(layer.state_dict()) == list(shapes)


def test_initial_weights_are_uniform_within_the_fan_in():
    layer = spatial.Conv2d(16, 64, 3, rng=0)
    bound = 1 / math.sqrt(16 * 9)
    for x in (layer.weight.data, layer.bias.data):
        assert x.dtype == np.float32
        assert abs(x).max() <= bound
        assert abs(x).max() > 0.9 * bound
    assert abs(layer.weight.data.std() - bound / math.sqrt(3)) < 0.02 * bound


def test_seed_repeats_the_weights():
    one, two = spatial.CNN(rng=3).state_dict(), spatial.CNN(rng=3).state_dict()
    assert all((one[k].data == two[k].data).all() for k in one)
    other = spatial.CNN(rng=4).state_dict()
    assert any((one[k].data != other[k].data).any() for k in one)


def test_modules_call_their_functions():
    x = images(2, 4, 6, 6)
    conv = spatial.Conv2d(4, 8, 3, stride=2, padding=1, dilation=1, groups=2, rng=0)
    expected = spatial.conv2d(x, conv.weight, conv.bias, 2, 1, 1, 2)
    np.testing.assert_array_equal(conv(x).data, expected.data)
    up = spatial.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, rng=0)
    assert up(x).shape == (2, 6, 12, 12)
    assert spatial.Conv2d(4, 8, 3, padding="same", rng=0)(x).shape == (2, 8, 6, 6)
    assert spatial.MaxPool2d(3, 2, 1)(x).shape == (2, 4, 3, 3)
    assert spatial.AvgPool2d(2)(x).shape == (2, 4, 3, 3)
    assert spatial.AdaptiveAvgPool2d(1)(x).shape == (2, 4, 1, 1)
    assert spatial.Upsample(2)(x).shape == (2, 4, 12, 12)
    assert spatial.Upsample(size=(7, 8), mode="bilinear")(x).shape == (2, 4, 7, 8)


def test_reprs_show_the_settings():
    text = repr(spatial.CNN())
    for part in ("Conv2d(3, 32, kernel_size=(3, 3)", "BatchNorm2d(32", "MaxPool2d(kernel_size"):
        assert part in text
    for layer in (
        spatial.ConvTranspose2d(2, 3, 2),
        spatial.AvgPool2d(2),
        spatial.AdaptiveAvgPool2d(2),
        spatial.Upsample(2),
        spatial.Dropout2d(0.3),
        spatial.GroupNorm(1, 2),
    ):
        assert "2" in repr(layer) or "0.3" in repr(layer)


@pytest.mark.parametrize(
    ("net", "x"),
    [
        (spatial.CNN(widths=(8, 16), rng=0), images(16, 3, 32, 32)),
        (spatial.CNN(1, 10, (8, 16), 28, rng=0), images(16, 1, 28, 28)),
        (spatial.ResNet9(width=4, rng=0), images(16, 3, 32, 32)),
    ],
    ids=["CNN color", "CNN gray", "ResNet9"],
)
def test_networks_learn(net, x):
    targets = tensor(np.arange(len(x.data)) % 10)
    losses = []
    for _ in range(8):
        loss = F.cross_entropy(net(x), targets)
        losses.append(loss.item())
        gradients = loss.backward()
        for parameter in net.parameters():
            assert gradients[parameter].dtype == np.float32
            step = gradients[parameter].data * np.float32(0.05)
            parameter.assign(parameter.data - step)
    assert losses[-1] < 0.9 * losses[0]
    with no_grad():
        assert net.eval()(x).shape == (16, 10)


def test_reference_network_has_the_known_size():
    assert sum(p.size for p in spatial.CNN().parameters()) == 113_962
    assert sum(p.size for p in spatial.ResNet9().parameters()) == 6_573_120


def test_summary_counts_operations():
    layers = {layer.name: layer for layer in spatial.CNN(rng=0).summary((2, 3, 32, 32)).layers}
    assert layers["features.0"].flops == 2 * 2 * 32 * 32 * 32 * 27
    assert layers["features.4"].flops == 2 * 2 * 16 * 16 * 64 * 32 * 9
    assert layers["features.3"].output_shape == (2, 32, 16, 16)
    assert layers["features.3"].flops == 2 * 32 * 16 * 16 * 4
    assert layers["features.1"].flops == 2 * 2 * 32 * 32 * 32
    bias = spatial.Conv2d(2, 3, 1).summary((1, 2, 4, 4)).flops
    assert bias == 2 * 16 * 6 + 48
    assert spatial.ConvTranspose2d(2, 3, 2, 2).summary((1, 2, 4, 4)).flops == 2 * 32 * 12 + 192
    assert spatial.AdaptiveAvgPool2d(1).summary((1, 2, 4, 4)).flops == 32


def test_inference_of_one_image_does_not_depend_on_its_batch():
    net = spatial.CNN(rng=0)
    x = images(4, 3, 32, 32)
    net(x)
    net.eval()
    np.testing.assert_allclose(net(x).data[:1], net(tensor(x.data[:1])).data, atol=1e-5)


def test_feature_maps_and_filters_are_drawn():
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    conv = spatial.Conv2d(3, 10, 3, rng=0)
    figure = spatial.plot_feature_maps(conv(images(2, 3, 8, 8)), image=1, most=7)
    assert sum(bool(axes.images) for axes in figure.axes) == 7
    assert sum(bool(axes.images) for axes in spatial.plot_filters(conv).axes) == 10
    gray = spatial.Conv2d(1, 4, 3, rng=0)
    assert sum(bool(axes.images) for axes in spatial.plot_filters(gray).axes) == 4
    with pytest.raises(IndexError, match="from 0 to 0"):
        spatial.plot_feature_maps(ones((1, 2, 3, 3)), image=1)
