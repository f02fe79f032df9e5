"""Kernels equal their references for any setting, any layout, and for what is not finite."""

import importlib.util
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinytorch.spatial import ops
from tinytorch.tensor import kernels

pytest.importorskip("numba", reason="the extra `fast` is not installed: no kernels to compare")

_beside = importlib.import_module("tinytorch.spatial.kernels._numba._beside")
LAYOUTS = {
    "channels first": np.ascontiguousarray,
    "channels last": lambda x: np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "every other pixel": lambda x: x.repeat(2, axis=3)[..., ::2],
    "backward": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "read only": lambda x: np.broadcast_to(x, x.shape),
}
SPECIAL = (math.nan, math.inf, -math.inf)
dtypes = st.sampled_from([np.float32, np.float32, np.float32, np.float64, np.float16])
quick = settings(max_examples=100, deadline=None)


@st.composite
def arrays(draw, shape, dtype, ties=False):
    """Numbers, some of which may not be finite, in any layout."""
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    x = rng.integers(-2, 3, shape) if ties else rng.standard_normal(shape)
    x = x.astype(dtype)
    if x.size and draw(st.integers(0, 3)) == 0:
        for value in draw(st.lists(st.sampled_from(SPECIAL), min_size=1, max_size=3)):
            x.flat[rng.integers(x.size)] = value
    return LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](x) if len(shape) == 4 else x


def pairs(least, most):
    return st.tuples(st.integers(least, most), st.integers(least, most))


def agree(op, *operands, digits=3e-5, **options):
    """What serves the op with kernels on gives what the reference gives; operands stay."""
    before = [None if x is None else x.copy() for x in operands]
    with kernels.using("numba"), np.errstate(all="ignore"):
        got, want = op.implementation(*operands, **options), op.reference(*operands, **options)
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    scale = max(1.0, float(np.abs(want[np.isfinite(want)]).max(initial=0)))
    np.testing.assert_allclose(got, want, atol=digits * scale, rtol=1e-5)
    for x, old in zip(operands, before, strict=True):
        if x is not None:
            np.testing.assert_array_equal(x, old)
    return want


@st.composite
def convolutions(draw):
    """The shapes and settings of a convolution: groups like and unlike the channels."""
    kind = draw(st.sampled_from(["one group", "vectors", "groups", "depthwise", "uneven"]))
    if kind == "one group":
        groups, inside, outside = 1, draw(st.integers(1, 70)), draw(st.integers(1, 70))
    elif kind == "vectors":
        inside, outside = (16 * draw(st.integers(1, 3)) for _ in "io")
        groups = 1
    elif kind == "groups":
        groups, inside, outside = (draw(st.integers(1, 5)) for _ in "gio")
    elif kind == "depthwise":
        groups, inside, outside = draw(st.integers(1, 70)), 1, 1
    else:
        groups, inside, outside = draw(st.integers(2, 16)), *draw(st.permutations([1, 2]))
    common = kind == "vectors" and draw(st.booleans())
    lengths = st.sampled_from([1, 2, 3, 4, 5, 7])
    kernel = (3, 3) if common else draw(st.tuples(lengths, lengths))
    stride = (1, 1) if common else draw(pairs(1, 3))
    dilation = (1, 1) if common else draw(pairs(1, 2))
    padding = draw(st.tuples(*[pairs(*draw(st.sampled_from([(0, 3), (-2, 3)])))] * 2))
    least = [
        max(1, d * (k - 1) + 1 - sum(p), sum(-n for n in p if n < 0))
        for d, k, p in zip(dilation, kernel, padding, strict=True)
    ]
    more = draw(st.sampled_from([3, 12]))
    size = tuple(n + draw(st.integers(0, more)) for n in least)
    count = tuple(
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(size, padding, dilation, kernel, stride, strict=True)
    )
    batch = draw(st.sampled_from([0, 1, 2, 3, 9, 17]))
    shapes = {
        "x": (batch, groups * inside, *size),
        "w": (groups * outside, inside, *kernel),
        "g": (batch, groups * outside, *count),
    }
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return shapes, options


@quick
@given(case=convolutions(), dtype=dtypes, data=st.data())
def test_convolution(case, dtype, data):
    shapes, options = case
    x, w = (data.draw(arrays(shapes[name], dtype), name) for name in "xw")
    b = data.draw(st.none() | arrays(shapes["w"][:1], dtype), "b")
    assert agree(ops.conv2d, x, w, b, **options).shape == shapes["g"]


@quick
@given(case=convolutions(), dtype=dtypes, relu=st.booleans(), data=st.data())
def test_convolution_normalization_and_activation_together(case, dtype, relu, data):
    shapes, options = case
    channels = shapes["w"][:1]
    x, w = (data.draw(arrays(shapes[name], dtype), name) for name in "xw")
    b, scale, shift = (data.draw(st.none() | arrays(channels, dtype), name) for name in "bst")
    mean = np.random.default_rng(0).standard_normal(channels).astype(dtype)
    known = data.draw(st.sampled_from([None, (mean, mean**2)]), "statistics")
    operands = x, w, b, scale, shift
    agree(ops.conv2d_norm_relu, *operands, digits=1e-4, statistics=known, relu=relu, **options)


@quick
@given(case=convolutions(), dtype=dtypes, data=st.data())
def test_input_gradient_of_convolution(case, dtype, data):
    shapes, options = case
    g, w = (data.draw(arrays(shapes[name], dtype), name) for name in "gw")
    size = shapes["x"][2:]
    assert agree(ops.conv2d_input_gradient, g, w, size=size, **options).shape == shapes["x"]


@quick
@given(case=convolutions(), dtype=dtypes, data=st.data())
def test_weight_gradient_of_convolution(case, dtype, data):
    shapes, options = case
    g, x = (data.draw(arrays(shapes[name], dtype), name) for name in "gx")
    size = shapes["w"][2:]
    assert agree(ops.conv2d_weight_gradient, g, x, size=size, **options).shape == shapes["w"]


@st.composite
def poolings(draw):
    """The shapes and settings of a pooling, those that the kernels serve among them."""
    common = draw(st.booleans())
    kernel = (2, 2) if common else draw(pairs(1, 4))
    stride = kernel if common else draw(pairs(1, 4))
    padding = tuple((draw(st.integers(0, k // 2)) * (not common),) * 2 for k in kernel)
    count = draw(pairs(1, 5))
    size = tuple(
        max(1, (n - 1) * s + k - sum(p) + draw(st.integers(0, s - 1)) * (not common))
        for n, s, k, p in zip(count, stride, kernel, padding, strict=True)
    )
    shape = (draw(st.integers(0, 3)), draw(st.integers(1, 70)), *size)
    return shape, {"kernel_size": kernel, "stride": stride, "padding": padding}


@quick
@given(case=poolings(), dtype=dtypes, data=st.data())
def test_max_pooling(case, dtype, data):
    shape, options = case
    x = data.draw(arrays(shape, dtype, ties=True), "x")
    z = agree(ops.max_pool2d, x, digits=0, **options)
    g = data.draw(arrays(z.shape, dtype), "g")
    agree(ops.max_pool2d_gradient, g, x, z, digits=1e-6, **options)
    h = data.draw(arrays(shape, dtype), "h")
    agree(ops.max_pool2d_gather, h, x, z, digits=0, **options)


@quick
@given(case=poolings(), dtype=dtypes, data=st.data())
def test_average_pooling(case, dtype, data):
    shape, options = case
    z = agree(ops.avg_pool2d, data.draw(arrays(shape, dtype), "x"), **options)
    g = data.draw(arrays(z.shape, dtype), "g")
    agree(ops.avg_pool2d_gradient, g, size=shape[2:], **options)


@st.composite
def images(draw):
    """Shapes with more than one value for each channel."""
    return (
        draw(st.integers(2, 4)),
        draw(st.integers(1, 70)),
        draw(st.integers(1, 9)),
        draw(st.integers(1, 9)),
    )


@quick
@given(shape=images(), dtype=dtypes, data=st.data())
def test_normalization(shape, dtype, data):
    x, g = (data.draw(arrays(shape, dtype), name) for name in "xg")
    assume(not np.array_equal(x, g))  # of x itself the gradient is 0, up to rounding
    w, b = (data.draw(st.none() | arrays(shape[1:2], dtype), name) for name in "wb")
    moments = tuple(agree(ops.batch_moments, x))
    known = {"statistics": data.draw(st.sampled_from([None, moments]), "statistics")}
    agree(ops.batch_norm2d, x, w, b, digits=1e-4, **known)
    agree(ops.batch_norm2d_input_gradient, g, x, w, digits=1e-3, **known)
    agree(ops.batch_norm2d_weight_gradient, g, x, digits=1e-3, **known)
    agree(ops.channel_sums, g, None)
    agree(ops.channel_sums, g, x)
    if w is not None:
        agree(ops.channel_affine, x, w, b)


@quick
@given(
    shape=images(),
    window=st.sampled_from([(1, 1), (2, 2), (2, 1)]),
    dtype=dtypes,
    data=st.data(),
)
def test_normalization_activation_and_pooling_together(shape, window, dtype, data):
    shape = (*shape[:2], *(n * k for n, k in zip(shape[2:], window, strict=True)))
    x, w, b = (
        data.draw(arrays(s, dtype), name)
        for s, name in zip((shape, shape[1:2], shape[1:2]), "xwb", strict=True)
    )
    z = agree(ops.norm_relu_pool, x, w, b, window=window, digits=1e-4)
    g = data.draw(arrays(z.shape, dtype), "g")
    agree(ops.norm_relu_pool_input_gradient, g, x, w, b, window=window, digits=1e-3)
    agree(ops.norm_relu_pool_sums, g, x, w, b, window=window, digits=1e-3)


def test_every_kernel_is_compared():
    if importlib.util.find_spec("tinytorch.spatial.kernels.numba") is None:
        pytest.skip("kernels/numba.py was removed")
    served = {op.name for op in kernels.table("numba") if op.__module__.startswith(ops.__name__)}
    assert served <= set(ops.__all__)


def test_what_compiles_beside_a_first_step_computes_what_that_needs():
    shapes = [z.shape for z in _beside.gradients()]
    assert shapes == [(32, 3, 3, 3), (64, 64, 3, 3), (8, 64, 8, 8), (8, 64, 8, 8)]
