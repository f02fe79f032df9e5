"""Step 8, modules and networks: first weights, shapes, states, shortcuts."""

import importlib.util
import math

import numpy as np
import pytest

from tinytorch.autograd import Variable, no_grad
from tinytorch.tensor import ArgumentError, DTypeError, Tensor, ones, tensor
from tinytorch.tensor import functional as F

pytestmark = pytest.mark.step(8)
CONV, NETWORK = "`Conv2d`", "`CNN`, `ResNet9`"


@pytest.fixture
def images(numbers):
    return lambda *shape: tensor(numbers(*shape).astype(np.float32))


def test_conv2d_holds_a_kernel_and_a_bias(spatial):
    layer = spatial.Conv2d(4, 6, (3, 2), groups=2)
    assert layer.weight.shape == (6, 2, 3, 2), f"(out, in / groups, height, width)  [{CONV}]"
    assert layer.bias.shape == (6,), f"(out,)  [{CONV}]"
    assert spatial.Conv2d(4, 6, 3, bias=False).bias is None, f"bias=False has none  [{CONV}]"


def test_conv2d_hands_its_settings_on(spatial, expect, images):
    layer, x = spatial.Conv2d(4, 6, 3, 2, 1, 2, 2, rng=0), images(2, 4, 7, 8)
    wanted = spatial.conv2d(x, layer.weight, layer.bias, 2, 1, 2, 2)
    expect(layer(x), wanted, "stride, padding, dilation, groups: in this order", CONV, 1e-6)


def test_conv2d_pads_to_the_same_size(spatial, images):
    layer = spatial.Conv2d(3, 16, kernel_size=3, padding="same")
    assert layer(images(2, 3, 5, 6)).shape == (2, 16, 5, 6), f'padding="same"  [{CONV}]'


def test_first_weights_are_uniform_within_the_values_under_a_kernel(spatial):
    layer = spatial.Conv2d(16, 64, 3, rng=0)
    bound = 1 / math.sqrt(16 * 3 * 3)
    for x in (layer.weight.data, layer.bias.data):
        largest = np.abs(x).max()
        said = f"up to 1 / sqrt(in / groups * height * width) = {bound:.4f}, here {largest:.4f}"
        assert 0.9 * bound < largest <= bound, f"{said}  [{CONV}]"
        assert x.dtype == np.float32, f"float32  [{CONV}]"
    assert abs(layer.weight.data.std() - bound / math.sqrt(3)) < 0.02 * bound, f"evenly  [{CONV}]"


@pytest.mark.parametrize("name", ["Conv2d", "ConvTranspose2d"])
def test_a_seed_repeats_the_weights(spatial, name):
    kind = getattr(spatial, name)
    one, two, other = kind(2, 3, 3, rng=1), kind(2, 3, 3, rng=1), kind(2, 3, 3, rng=2)
    assert one.weight.tolist() == two.weight.tolist(), f"the same seed  [{CONV}]"
    assert one.weight.tolist() != other.weight.tolist(), f"another seed  [{CONV}]"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Conv2d", (0, 4, 3)),
        ("Conv2d", (4, 6, 3, 1, 0, 1, 4)),
        ("Conv2d", (4, 6, 0)),
        ("ConvTranspose2d", (6, 4, 3, 1, 0, 0, 4)),
        ("MaxPool2d", (0,)),
        ("AdaptiveAvgPool2d", (0,)),
        ("BatchNorm2d", (0,)),
        ("Upsample", ()),
    ],
)
def test_wrong_settings_are_refused_when_a_module_is_made(spatial, name, arguments):
    with pytest.raises(ArgumentError):
        getattr(spatial, name)(*arguments)


def test_flatten_joins_all_but_the_batch(spatial, expect, images):
    x = images(2, 3, 2, 2)
    expect(spatial.Flatten()(x), x.data.reshape(2, 12), "(batch, the rest)", "`Flatten`")


def test_cnn_has_stages_of_four_modules_and_a_linear_layer(spatial):
    net = spatial.CNN(widths=(8, 16), image_size=8)
    kinds = [type(module).__name__ for module in net.features]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"] * 2, f"[{NETWORK}]"
    assert [type(m).__name__ for m in net.classifier] == ["Flatten", "Linear"], f"[{NETWORK}]"


def test_networks_have_the_known_numbers_of_weights(spatial):
    cnn = sum(p.size for p in spatial.CNN().parameters())
    assert cnn == 113_962, f"convolutions without bias, 3 x 3; linear with one  [{NETWORK}]"
    assert sum(p.size for p in spatial.ResNet9().parameters()) == 6_573_120, f"[{NETWORK}]"


@pytest.mark.parametrize("name", ["CNN", "ResNet9"])
def test_networks_map_images_to_scores(spatial, images, name):
    net = getattr(spatial, name)(rng=0).eval()
    with no_grad():
        y = net(images(2, 3, 32, 32))
    assert isinstance(y, Tensor), f"[{NETWORK}]"
    assert not isinstance(y, Variable), f"no_grad remembers nothing  [{NETWORK}]"
    assert y.shape == (2, 10), f"(batch, classes)  [{NETWORK}]"


def test_cnn_takes_other_images_and_classes(spatial, images):
    net = spatial.CNN(in_channels=1, classes=7, widths=(4, 8), image_size=28, rng=0)
    assert net(images(2, 1, 28, 28)).shape == (2, 7), f"[{NETWORK}]"


@pytest.mark.parametrize(
    ("name", "settings"), [("CNN", {"widths": (4, 8)}), ("ResNet9", {"width": 4})]
)
def test_a_loaded_state_gives_the_same_scores(spatial, expect, images, name, settings):
    kind, x = getattr(spatial, name), images(2, 3, 32, 32)
    net, copy = kind(**settings, rng=0).eval(), kind(**settings, rng=1).eval()
    copy.load_state_dict(net.state_dict())
    with no_grad():
        expect(copy(x), net(x), "all weights and averages are in the state", NETWORK, 1e-6)


def test_a_seed_makes_the_same_network(spatial):
    one, two, other = (spatial.CNN(widths=(4, 8), rng=seed) for seed in (3, 3, 4))
    weights = [[p.tolist() for p in net.parameters()] for net in (one, two, other)]
    assert weights[0] == weights[1], f"[{NETWORK}]"
    assert weights[0] != weights[2], f"[{NETWORK}]"
    first, second = (one.features[i].weight.data for i in (0, 4))
    drawn = first[0, 0] * math.sqrt(3 * 9), second[0, 0] * math.sqrt(4 * 9)
    assert not np.allclose(*drawn), f"one generator draws all weights  [{NETWORK}]"


def test_cnn_is_its_modules_one_after_the_other(spatial, expect, images):
    net, x = spatial.CNN(widths=(4, 8), image_size=8, rng=0).eval(), images(2, 3, 8, 8)
    y = x
    for module in (*net.features, *net.classifier):
        y = module(y)
    expect(net(x), y, "features, then classifier", NETWORK, 1e-6)


def test_a_stage_ends_with_relu_and_pooling(spatial, images):
    net, x = spatial.CNN(widths=(4,), image_size=8, rng=0).eval(), images(2, 3, 8, 8)
    y = net.features(x)
    assert y.shape == (2, 4, 4, 4), f"each stage halves the image  [{NETWORK}]"
    assert (y.data >= 0).all(), f"ReLU leaves nothing below 0  [{NETWORK}]"


def test_a_residual_block_adds_its_branch_to_its_input(spatial, expect, images):
    net, x = spatial.ResNet9(width=4, rng=0).eval(), images(2, 3, 32, 32)
    seen = {}

    def note(name, module, inputs, output):
        seen[name] = inputs[0], output

    with net.watching(after=note):
        net(x)
    branches = [name for name in seen if name.endswith(".branch")]
    assert len(branches) == 2, f"two blocks with a `branch`  [{NETWORK}]"
    for name in branches:
        inputs, branch = seen[name]
        _, block = seen[name.removesuffix(".branch")]
        expect(block, inputs.data + branch.data, "x + branch(x)", NETWORK, 1e-5)


def test_the_scores_of_resnet9_are_scaled(spatial, expect, images):
    net, x = spatial.ResNet9(width=4, rng=0).eval(), images(2, 3, 32, 32)
    wanted = net.classifier(net.features(x)).data / 8
    expect(net(x), wanted, "the scores are scaled by 1/8", NETWORK, 1e-6)


def test_too_many_stages_are_refused(spatial):
    with pytest.raises(ArgumentError):
        spatial.CNN(widths=(8,) * 6)


def test_a_network_learns(spatial, images):
    net, x, targets = (
        spatial.CNN(widths=(8, 16), image_size=8, rng=0),
        images(20, 3, 8, 8),
        range(20),
    )
    losses = []
    for _ in range(15):
        loss = F.cross_entropy(net(x), tensor([n % 10 for n in targets]))
        losses.append(loss.item())
        gradients = loss.backward()
        for weight in net.parameters():
            weight.assign(weight.detach() - 0.1 * gradients[weight])
    assert losses[-1] < losses[0] / 2, f"from {losses[0]:.2f} to {losses[-1]:.2f}  [{NETWORK}]"


def test_the_functions_have_a_room_of_their_own(spatial):
    for name in ("conv2d", "max_pool2d", "batch_norm2d", "dropout2d", "upsample"):
        assert getattr(spatial.functional, name) is getattr(spatial, name)


@pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="the extra `plot` is not installed"
)
def test_pictures(spatial, images):
    conv = spatial.Conv2d(3, 8, kernel_size=3)
    spatial.plot_filters(conv, most=4)
    figure = spatial.plot_feature_maps(conv(images(2, 3, 8, 8)), image=1, most=5)
    assert sum(bool(axes.images) for axes in figure.axes) == 5, "`plot_feature_maps`"


def test_pictures_of_what_has_none_are_refused(spatial):
    with pytest.raises(DTypeError):
        spatial.plot_filters(spatial.MaxPool2d(2))
    with pytest.raises(IndexError):
        spatial.plot_feature_maps(ones((1, 2, 3, 3)), image=1)
