"""Kernels against references: odd sizes, foreign layouts, empty batches, float64, one image."""

import importlib
import importlib.util
import itertools

import numpy as np
import pytest

from tinytorch.autograd import Variable, gradcheck, nn
from tinytorch.spatial import CNN, BatchNorm2d, MaxPool2d, ops
from tinytorch.tensor import functional as F
from tinytorch.tensor import kernels, tensor

pytest.importorskip("numba", reason="the extra `fast` is not installed: no kernels to compare")
_convolution = importlib.import_module("tinytorch.spatial.kernels._numba._convolution")


@pytest.fixture(autouse=True)
def with_kernels():
    with kernels.using("numba"):
        yield


def random(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed + sum(shape)).standard_normal(shape).astype(dtype)


def same(op, *operands, tolerance=3e-5, **settings):
    """Compare what serves the op with its reference, and leave the operands alone."""
    before = [None if x is None else x.copy() for x in operands]
    one, two = op.implementation(*operands, **settings), op.reference(*operands, **settings)
    assert one.shape == two.shape
    assert one.dtype == two.dtype
    scale = max(1.0, float(np.abs(two).max(initial=0)))
    np.testing.assert_allclose(one, two, atol=tolerance * scale, rtol=0)
    for x, old in zip(operands, before, strict=True):
        if x is not None:
            np.testing.assert_array_equal(x, old)
    return two


SIZES = [
    (2, 4, 8, 9, 11),
    (3, 32, 64, 8, 8),
    (1, 17, 40, 5, 30),
    (9, 16, 16, 4, 4),
    (2, 16, 48, 7, 9),
    (1, 32, 16, 21, 22),
    (5, 3, 32, 6, 7),
]
KERNELS = [(1, 1), (3, 3), (2, 3)]
OPTIONS = {
    "plain": {},
    "padding": {"padding": ((1, 1), (1, 1))},
    "uneven padding": {"padding": ((1, 2), (3, 0))},
    "stride": {"stride": (2, 1), "padding": ((1, 1), (1, 1))},
    "dilation": {"dilation": (1, 2), "padding": ((2, 2), (2, 2))},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_convolution(size, kernel, options):
    batch, channels, channels_out, *image = size
    x, w = random(batch, channels, *image), random(channels_out, channels, *kernel)
    y = same(ops.conv2d, x, w, random(channels_out), **options)
    g = random(*y.shape)
    same(ops.conv2d_weight_gradient, g, x, size=kernel, **options)
    same(ops.conv2d_input_gradient, g, w, size=tuple(image), **options)


SQUARES = [
    (9, 64, 64, 8, 8),
    (11, 24, 40, 7, 9),
    (60, 72, 32, 3, 3),
    (2, 32, 48, 17, 30),
    (33, 64, 96, 4, 5),
    (1, 40, 24, 23, 25),
    (700, 32, 32, 5, 4),
]


def by_squares(size, **options):
    """Operands of a convolution that Winograd's algorithm serves."""
    batch, channels, channels_out, *image = size
    x, w = random(batch, channels, *image), random(channels_out, channels, 3, 3)
    counts = ops.conv2d.reference(x, w, **options).shape[2:]
    rest = counts, (1, 1), (1, 1), 1
    assert _convolution.by_squares(w.shape, len(x), *rest)
    return x, w, random(channels_out)


@pytest.mark.parametrize("padding", [((1, 1), (1, 1)), ((1, 2), (3, 1))], ids=str)
@pytest.mark.parametrize("size", SQUARES, ids=str)
def test_convolution_by_squares(size, padding):
    x, w, b = by_squares(size, padding=padding)
    y = same(ops.conv2d, x, w, b, padding=padding)
    g = random(*y.shape)
    same(ops.conv2d_weight_gradient, g, x, size=(3, 3), padding=padding)
    same(ops.conv2d_input_gradient, g, w, size=x.shape[2:], padding=padding)
    moments = random(len(w)), np.abs(random(len(w))) + 1
    same(ops.conv2d_norm_relu, x, w, b, b, b, statistics=moments, padding=padding)


@pytest.mark.parametrize("what", ["x", "g", "w"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_what_is_not_finite_stays_in_its_place_by_squares(what, value):
    padding = ((1, 1), (1, 1))
    x, w, _ = by_squares((9, 32, 32, 8, 8), padding=padding)
    operands = {"x": x, "g": random(*x.shape), "w": w}
    operands[what][1, 2, 2, 2] = value
    x, g, w = operands["x"], operands["g"], operands["w"]
    for op, given, settings in (
        (ops.conv2d, (x, w), {}),
        (ops.conv2d_weight_gradient, (g, x), {"size": (3, 3)}),
        (ops.conv2d_input_gradient, (g, w), {"size": (8, 8)}),
    ):
        with np.errstate(all="ignore"):
            one = op.implementation(*given, padding=padding, **settings)
            two = op.reference(*given, padding=padding, **settings)
        np.testing.assert_array_equal(np.isfinite(one), np.isfinite(two))


@pytest.mark.parametrize(
    "shape", [(4, 3, 8, 6), (2, 40, 4, 4), (8, 32, 16, 16), (1, 5, 7, 3)], ids=str
)
def test_normalization(shape):
    x, g, w, b = random(*shape) * 2 + 1, random(*shape, seed=1), random(shape[1]), random(shape[1])
    same(ops.batch_moments, x)
    same(ops.batch_norm2d, x, w, b, epsilon=1e-5)
    same(ops.batch_norm2d, x, None, None, epsilon=1e-5)
    same(ops.batch_norm2d_input_gradient, g, x, w, epsilon=1e-5)
    same(ops.batch_norm2d_input_gradient, g, x, None, epsilon=1e-5)
    same(ops.batch_norm2d_weight_gradient, g, x, epsilon=1e-5)
    same(ops.channel_affine, x, w, b)
    same(ops.channel_affine, x, w, None)


@pytest.mark.parametrize("shape", [(4, 3, 8, 6), (2, 40, 4, 4), (2, 5, 7, 3)], ids=str)
@pytest.mark.parametrize("window", [(1, 1), (2, 2), (2, 1)], ids=str)
def test_normalization_activation_and_pooling_together(shape, window):
    x, w, b = random(*shape), random(shape[1]), random(shape[1])
    z = same(ops.norm_relu_pool, x, w, b, window=window)
    g = random(*z.shape, seed=1)
    same(ops.norm_relu_pool_input_gradient, g, x, w, b, window=window)
    same(ops.norm_relu_pool_sums, g, x, w, b, window=window)


@pytest.mark.parametrize("kernel", [(2, 2), (3, 3)], ids=str)
def test_pooling_with_many_ties(kernel):
    x = np.maximum(random(3, 5, 8, 6), 0)
    options = {"kernel_size": kernel, "stride": (2, 2)}
    z = same(ops.max_pool2d, x, tolerance=0, **options)
    g = random(*z.shape)
    same(ops.max_pool2d_gradient, g, x, z, tolerance=1e-6, **options)
    same(ops.max_pool2d_gather, random(*x.shape, seed=1), x, z, tolerance=0, **options)


def test_not_a_number_goes_through_pooling():
    x = random(1, 2, 4, 4)
    x[0, 0, 1, 1] = np.nan
    z = ops.max_pool2d(x, kernel_size=(2, 2), stride=(2, 2)).data
    assert np.isnan(z[0, 0, 0, 0])
    assert np.isnan(z).sum() == 1


def test_layout_does_not_matter():
    x, w = random(2, 6, 6, 8).transpose(0, 3, 1, 2), random(3, 3, 8, 4).transpose(3, 2, 0, 1)
    y = same(ops.conv2d, x, w, None, padding=((1, 1), (1, 1)))
    same(ops.conv2d, x[:, :, ::2], w, None)
    same(
        ops.conv2d_weight_gradient,
        y,
        np.ascontiguousarray(x),
        size=(3, 3),
        padding=((1, 1), (1, 1)),
    )
    same(ops.batch_norm2d, x[..., ::2], None, None, epsilon=1e-5)
    same(ops.max_pool2d, x[:, ::2], kernel_size=(2, 2), stride=(2, 2))


DECLINED = {
    "nothing": ((0, 3, 5, 5), np.float32, np.float32),
    "float64": ((2, 3, 5, 5), np.float64, np.float64),
    "mixed": ((2, 3, 5, 5), np.float32, np.float64),
}


@pytest.mark.parametrize(("shape", "dtype", "of_weight"), DECLINED.values(), ids=DECLINED)
def test_what_kernels_decline_the_reference_serves(shape, dtype, of_weight):
    x, w = random(*shape, dtype=dtype), random(4, 3, 3, 3, dtype=of_weight)
    y = same(ops.conv2d, x, w, None)
    same(ops.conv2d_weight_gradient, y, x, size=(3, 3))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("channels", [5, 32])
def test_depthwise_convolution(channels, kernel, options):
    x, w = random(3, channels, 7, 10), random(channels, 1, *kernel)
    y = same(ops.conv2d, x, w, random(channels), groups=channels, **options)
    g = random(*y.shape)
    same(ops.conv2d_weight_gradient, g, x, size=kernel, groups=channels, **options)
    same(ops.conv2d_input_gradient, g, w, size=(7, 10), groups=channels, **options)


@pytest.mark.parametrize(
    ("op", "operands"),
    [
        (ops.norm_relu_pool_sums, "gxww"),
        (ops.norm_relu_pool_input_gradient, "gxww"),
        (ops.batch_norm2d_input_gradient, "gxw"),
        (ops.batch_norm2d_weight_gradient, "gx"),
    ],
    ids=lambda x: getattr(x, "name", x),
)
def test_settings_count_when_sums_are_remembered(op, operands):
    x, g = random(4, 3, 4, 4), random(4, 3, 4, 4, seed=1)
    window = {"window": (1, 1)} if "relu" in op.name else {}
    for w, epsilon in itertools.product((random(3), random(3, seed=5)), (1e-5, 0.1)):
        values = {"g": g, "x": x, "w": w}
        same(op, *[values[name] for name in operands], epsilon=epsilon, **window)


def test_sums_are_not_remembered_for_images_that_changed_since():
    x, g = random(4, 3, 4, 4), random(4, 3, 4, 4, seed=1)
    w, known = random(3), tuple(ops.batch_moments.reference(x))
    for _ in range(2):
        ops.batch_norm2d_input_gradient.implementation(g, x, w, statistics=known)
        same(ops.batch_norm2d_weight_gradient, g, x, statistics=known)
        same(ops.channel_sums, g)
        x[...] = x[::-1].copy()  # of the same mean and variance
    same(ops.batch_norm2d_input_gradient, g, x, w, statistics=known)


@pytest.mark.parametrize("window", [(1, 1), (2, 2)], ids=str)
def test_derivatives_of_the_joint_op_to_second_order(window):
    operands = [random(3, 2, 4, 4, dtype=np.float64), *(random(2, dtype=np.float64) for _ in "wb")]
    settings = {"window": window, "epsilon": 1e-5}
    gradcheck(lambda *t: ops.norm_relu_pool(*t, **settings) ** 2, *operands, order=2)
    g = ops.norm_relu_pool(*operands, **settings).data
    gradcheck(lambda *t: ops.norm_relu_pool_input_gradient(*t, **settings), g, *operands, order=2)
    gradcheck(lambda *t: ops.norm_relu_pool_sums(*t, **settings), g, *operands, order=2)


def test_network_gives_the_same_numbers_with_and_without():
    x, targets = tensor(random(8, 3, 16, 16)), tensor(np.arange(8) % 10)
    results = []
    for backend in ("reference", "numba"):
        net = CNN(widths=(8, 16), image_size=16, rng=0)
        with kernels.using(backend):
            loss = F.cross_entropy(net(x), targets)
            gradients = loss.backward()
        results.append([loss, *(gradients[p] for p in net.parameters()), *net.buffers()])
    for one, two in zip(*results, strict=True):
        scale = max(1.0, float(np.abs(one.data).max()))
        np.testing.assert_allclose(one.data, two.data, atol=2e-5 * scale, rtol=0)


POOLS = {
    "halves": (MaxPool2d(2), 3),
    "overlapping": (MaxPool2d(3, 2), 2),
    "thirds": (MaxPool2d(3), 2),
    "padded": (MaxPool2d(2, padding=1), 2),
    "none": (nn.Identity(), 2),
}


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("pool", "count"), POOLS.values(), ids=POOLS)
def test_a_sequential_computes_norm_relu_and_pooling_in_one_op(pool, count, dtype, size):
    x, results = random(4, 3, size, size, dtype=dtype), []
    for backend in ("reference", "numba"):
        with kernels.using(backend):
            modules = nn.Sequential(BatchNorm2d(3), nn.ReLU(), pool)
            assert modules[0].fuse(modules[1:])[1] == (1 if backend == "reference" else count)
            images = Variable(x)
            y = modules(images)
            y.backward(tensor(np.ones_like(y.data)))
        results.append((y, images.grad, modules[0].running_var, modules[0].weight.grad))
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(one.data, two.data, atol=1e-5)


@pytest.mark.parametrize(("watched", "count"), [(0, 1), (1, 1), (2, 2)])
def test_modules_that_are_watched_compute_for_themselves(watched, count):
    modules = nn.Sequential(BatchNorm2d(3), nn.ReLU(), MaxPool2d(2))
    with modules[watched].watching():
        assert modules[0].fuse(modules[1:])[1] == count
    assert modules[0].fuse(modules[1:])[1] == 3


def test_modules_in_use_compute_for_themselves():
    modules = nn.Sequential(BatchNorm2d(3), nn.ReLU(), MaxPool2d(2)).eval()
    assert modules[0].fuse(modules[1:])[1] == 1


def test_a_subclass_with_a_forward_of_its_own_computes_for_itself():
    class Doubled(BatchNorm2d):
        def forward(self, x):
            return super().forward(x) * 2

    x, results = random(4, 3, 8, 8), []
    for kind in (BatchNorm2d, Doubled):
        with kernels.using("numba"):
            results.append(nn.Sequential(kind(3), nn.ReLU())(Variable(x)).data)
    np.testing.assert_allclose(results[1], 2 * results[0], atol=1e-5)


def test_the_kernels_are_there_unless_their_file_was_removed():
    if importlib.util.find_spec("tinytorch.spatial.kernels.numba") is None:
        pytest.skip("kernels/numba.py was removed")
    served = set(kernels.table("numba"))
    assert {ops.conv2d, ops.conv2d_input_gradient, ops.conv2d_weight_gradient} <= served
    assert {ops.batch_norm2d, ops.max_pool2d, ops.norm_relu_pool} <= served
