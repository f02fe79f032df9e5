"""Values and gradients against PyTorch: every option, ties, networks."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as tf

from tinytorch import spatial
from tinytorch.autograd import Variable
from tinytorch.tensor import functional as F
from tinytorch.tensor import kernels, tensor

PAIRS = [(1, 1), (2, 1), (2, 3)]


def same(function, reference, *operands, atol=1e-5):
    """Compare a result and the gradients of all operands."""
    ours = [Variable(x.detach().numpy()) for x in operands]
    theirs = [x.detach().requires_grad_() for x in operands]
    y, z = function(*ours), reference(*theirs)
    np.testing.assert_allclose(y.data, z.detach().numpy(), atol=atol, rtol=1e-4)
    g = torch.randn_like(z)
    gradients = y.backward(tensor(g.numpy()))
    expected = torch.autograd.grad(z, theirs, g)
    for own, other in zip(ours, expected, strict=True):
        scale = max(1.0, float(other.abs().max()))
        np.testing.assert_allclose(gradients[own].data, other, atol=atol * scale, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 3)], ids=str)
def test_conv2d(kernel, groups, dtype):
    torch.manual_seed(0)
    x, b = torch.randn(2, 4, 9, 11, dtype=dtype), torch.randn(8, dtype=dtype)
    w = torch.randn(8, 4 // groups, *kernel, dtype=dtype)
    for stride, padding, dilation in itertools.product(PAIRS, [0, (1, 2)], [1, (2, 1)]):
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        same(
            lambda *t: spatial.conv2d(*t, **options),  # noqa: B023
            lambda *t: tf.conv2d(*t, **options),  # noqa: B023
            x,
            w,
            b,
            atol=1e-4,
        )


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch copies, and says so
@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 4), (5, 5)], ids=str)
@pytest.mark.parametrize("dilation", [1, 2])
def test_conv2d_same(kernel, dilation):
    x, w = torch.randn(2, 3, 9, 11), torch.randn(4, 3, *kernel)
    options = {"padding": "same", "dilation": dilation}
    same(
        lambda x, w: spatial.conv2d(x, w, **options),
        lambda x, w: tf.conv2d(x, w, **options),
        x,
        w,
        atol=1e-4,
    )


@pytest.mark.parametrize(
    "channels", [(3, 32, 32), (32, 64, 16), (64, 32, 16), (48, 80, 9), (5, 7, 8)]
)
def test_conv2d_of_real_sizes(channels):
    inside, outside, size = channels
    torch.manual_seed(0)
    same(
        lambda x, w, b: spatial.conv2d(x, w, b, padding=1),
        lambda x, w, b: tf.conv2d(x, w, b, padding=1),
        torch.randn(5, inside, size, size),
        torch.randn(outside, inside, 3, 3) * 0.1,
        torch.randn(outside),
        atol=1e-4,
    )


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 2)], ids=str)
def test_conv_transpose2d(stride, groups):
    x, b = torch.randn(2, 4, 5, 6), torch.randn(6)
    w = torch.randn(4, 6 // groups, 3, 3)
    for padding, dilation, extra in itertools.product([0, 1], [1, 2], [0, 1]):
        if extra >= max(min(stride), dilation):
            continue
        options = {
            "stride": stride,
            "padding": padding,
            "output_padding": extra,
            "groups": groups,
            "dilation": dilation,
        }
        same(
            lambda *t: spatial.conv_transpose2d(*t, **options),  # noqa: B023
            lambda *t: tf.conv_transpose2d(*t, **options),  # noqa: B023
            x,
            w,
            b,
            atol=1e-4,
        )


@pytest.mark.parametrize("kernel", [(2, 2), (3, 3), (2, 3)], ids=str)
@pytest.mark.parametrize("stride", [None, (1, 1), (2, 1), (3, 3)], ids=str)
@pytest.mark.parametrize("padding", [0, 1])
def test_pooling(kernel, stride, padding):
    x = torch.randn(2, 3, 9, 11).relu()  # many ties
    for ours, theirs, options in (
        (spatial.max_pool2d, tf.max_pool2d, {}),
        (spatial.avg_pool2d, tf.avg_pool2d, {}),
        (spatial.avg_pool2d, tf.avg_pool2d, {"count_include_pad": False}),
    ):
        same(
            lambda x: ours(x, kernel, stride, padding, **options),  # noqa: B023
            lambda x: theirs(x, kernel, stride, padding, **options),  # noqa: B023
            x,
        )


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1)])
@pytest.mark.parametrize("backend", ["reference", *kernels.backends()])
def test_max_pooling_of_what_is_not_finite(kernel, stride, padding, backend):
    generator = torch.Generator().manual_seed(0)
    choice = torch.tensor([math.nan, math.inf, -math.inf, -math.inf, 0.0, 1.0])
    x = choice[torch.randint(0, 6, (4, 8, 6, 6), generator=generator)]
    with kernels.using(backend):
        same(
            lambda x: spatial.max_pool2d(x, kernel, stride, padding),
            lambda x: tf.max_pool2d(x, kernel, stride, padding),
            x,
        )


def test_batch_norm_of_half_precision_with_float32_weights():
    x = torch.randn(8, 3, 16, 16) * 2 + 3
    theirs, ours = torch.nn.BatchNorm2d(3), spatial.BatchNorm2d(3)
    expected, y = theirs(x.half()), ours(tensor(x.half().numpy()))
    assert (str(expected.dtype), y.dtype) == ("torch.float16", np.float16)
    np.testing.assert_allclose(y.detach().data, expected.detach().numpy(), atol=4e-3)
    for (_, p), (_, q) in zip(theirs.named_buffers(), ours.named_buffers(), strict=True):
        np.testing.assert_allclose(q.data, p, atol=1e-5)


@pytest.mark.parametrize("size", [1, (3, 2), (4, 5), (12, 13)], ids=str)
def test_adaptive_avg_pool2d(size):
    x = torch.randn(2, 3, 9, 11)
    same(
        lambda x: spatial.adaptive_avg_pool2d(x, size),
        lambda x: tf.adaptive_avg_pool2d(x, size),
        x,
    )


@pytest.mark.parametrize(
    "options", [{"scale_factor": 2}, {"size": (7, 13)}, {"size": (3, 4)}], ids=str
)
def test_upsample(options):
    x = torch.randn(2, 3, 5, 6)
    same(lambda x: spatial.upsample(x, **options), lambda x: tf.interpolate(x, **options), x)
    if options != {"size": (3, 4)}:
        same(
            lambda x: spatial.upsample(x, mode="bilinear", **options),
            lambda x: tf.interpolate(x, mode="bilinear", **options),
            x,
        )


@pytest.mark.parametrize("shape", [(4, 3, 5, 7), (2, 32, 8, 8), (7, 17, 3, 3)], ids=str)
def test_normalization(shape):
    torch.manual_seed(0)
    x, w, b = torch.randn(shape) * 3 + 2, torch.randn(shape[1]), torch.randn(shape[1])
    same(
        spatial.batch_norm2d,
        lambda x, w, b: tf.batch_norm(x, None, None, w, b, training=True),
        x,
        w,
        b,
        atol=2e-5,
    )
    mean, variance = torch.randn(shape[1]), torch.rand(shape[1])
    same(
        lambda x, w, b: spatial.batch_norm2d(
            x, w, b, tensor(mean.numpy()), tensor(variance.numpy())
        ),
        lambda x, w, b: tf.batch_norm(x, mean, variance, w, b),
        x,
        w,
        b,
        atol=1e-4,
    )
    same(
        lambda x, w, b: spatial.group_norm(x, 1, w, b),
        lambda x, w, b: tf.group_norm(x, 1, w, b),
        x,
        w,
        b,
        atol=1e-4,
    )


class TorchCNN(torch.nn.Module):
    """The reference network with the names of `CNN`."""

    def __init__(self):
        super().__init__()
        stages = []
        for inside, outside in ((3, 32), (32, 64), (64, 128)):
            stages += [
                torch.nn.Conv2d(inside, outside, 3, padding=1, bias=False),
                torch.nn.BatchNorm2d(outside),
                torch.nn.ReLU(),
                torch.nn.MaxPool2d(2),
            ]
        self.features = torch.nn.Sequential(*stages)
        self.classifier = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2048, 10))

    def forward(self, x):
        return self.classifier(self.features(x))


def test_cnn_loads_pytorch_weights_and_gives_its_gradients():
    torch.manual_seed(0)
    theirs, ours = TorchCNN(), spatial.CNN()
    state = theirs.state_dict()
    assert list(state) == list(ours.state_dict())
    ours.load_state_dict({name: x.numpy() for name, x in state.items()})
    x, targets = torch.randn(16, 3, 32, 32), torch.randint(0, 10, (16,))
    expected = tf.cross_entropy(theirs(x), targets)
    expected.backward()
    loss = F.cross_entropy(ours(tensor(x.numpy())), tensor(targets.numpy()))
    loss.backward()
    assert abs(loss.item() - expected.item()) < 1e-5
    for (name, p), (other, q) in zip(
        theirs.named_parameters(), ours.named_parameters(), strict=True
    ):
        assert name == other
        error = np.abs(p.grad.numpy() - q.grad.data).max() / p.grad.abs().max().item()
        assert error < 1e-4, name
    for (name, p), (other, q) in zip(theirs.named_buffers(), ours.named_buffers(), strict=True):
        assert name == other
        np.testing.assert_allclose(q.data, p, atol=1e-6)
    y = theirs.eval()(x).detach()
    np.testing.assert_allclose(ours.eval()(tensor(x.numpy())).data, y, atol=1e-5)


@pytest.mark.parametrize("padding", [0, 2, "same"])
def test_conv1d(padding):
    torch.manual_seed(0)
    x, w, b = torch.randn(2, 4, 11), torch.randn(6, 2, 3), torch.randn(6)
    for stride, dilation in [(1, 1), (1, 2), *([] if padding == "same" else [(3, 1)])]:
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": 2}
        same(
            lambda *t: spatial.conv1d(*t, **options),  # noqa: B023
            lambda *t: tf.conv1d(*t, **options),  # noqa: B023
            x,
            w,
            b,
        )


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5)])
def test_batch_norm1d(shape):
    torch.manual_seed(0)
    ours, theirs = spatial.BatchNorm1d(3), torch.nn.BatchNorm1d(3)
    for _ in range(2):
        same(ours, theirs, torch.randn(*shape))
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name].data, value, rtol=1e-5, atol=1e-6)
    same(ours.eval(), theirs.eval(), torch.randn(*shape))
