"""Convolution against its definition, in loops, and its derivatives against differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.autograd import Variable, gradcheck, no_grad
from tinytorch.spatial import conv2d, conv_transpose2d, ops
from tinytorch.tensor import tensor


def random(*shape, dtype=np.float64):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def by_definition(x, w, b, stride, padding, dilation, groups):
    """The sum that defines a convolution, one number at a time."""
    (top, bottom), (left, right) = padding
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    kernel = w.shape[2:]
    rows, columns = (
        (x.shape[2 + a] - dilation[a] * (kernel[a] - 1) - 1) // stride[a] + 1 for a in (0, 1)
    )
    out = np.zeros((len(x), len(w), rows, columns), x.dtype)
    per_group, out_per_group = w.shape[1], len(w) // groups
    for n, o, i, j in np.ndindex(*out.shape):
        first = o // out_per_group * per_group
        total = 0 if b is None else b[o]
        for c, k, m in np.ndindex(*w.shape[1:]):
            row, column = i * stride[0] + k * dilation[0], j * stride[1] + m * dilation[1]
            total += x[n, first + c, row, column] * w[o, c, k, m]
        out[n, o, i, j] = total
    return out


OPTIONS = {
    "plain": {},
    "stride": {"stride": 2},
    "stride pair": {"stride": (1, 3)},
    "padding": {"padding": 2},
    "padding pair": {"padding": (0, 2)},
    "same": {"padding": "same"},
    "same dilated": {"padding": "same", "dilation": (2, 1)},
    "valid": {"padding": "valid"},
    "dilation": {"dilation": 2, "padding": 2},
    "groups": {"groups": 2},
    "depthwise": {"groups": 4, "padding": 1},
    "all": {"stride": (2, 1), "padding": (2, 1), "dilation": (1, 2), "groups": 2},
}


def normal(kernel, stride=1, padding=0, dilation=1, groups=1):
    pairs = [(v, v) if isinstance(v, int) else v for v in (stride, dilation)]
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(pairs[1], kernel, strict=True)]
        padding = tuple((t // 2, t - t // 2) for t in total)
    elif padding == "valid":
        padding = ((0, 0), (0, 0))
    else:
        padding = (padding, padding) if isinstance(padding, int) else padding
        padding = tuple((p, p) for p in padding)
    return pairs[0], padding, pairs[1], groups


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kernel", [(3, 3), (2, 3)], ids=str)
def test_value_is_the_definition(options, kernel):
    x, b = random(2, 4, 7, 8), random(8)
    w = random(8, 4 // options.get("groups", 1), *kernel)
    y = conv2d(x, w, b, **options).data
    np.testing.assert_allclose(y, by_definition(x, w, b, *normal(kernel, **options)), atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_derivatives_to_second_order(options):
    w = random(4, 4 // options.get("groups", 1), 3, 2)
    gradcheck(lambda x, w, b: conv2d(x, w, b, **options), random(2, 4, 6, 5), w, random(4), order=2)


TRANSPOSED = {
    "plain": {},
    "stride": {"stride": 2},
    "output padding": {"stride": 3, "output_padding": (1, 2), "padding": 1},
    "groups": {"groups": 2, "stride": 2, "padding": 1},
    "dilation": {"dilation": 2, "stride": (2, 1)},
    "output padding below the dilation": {"dilation": (2, 3), "output_padding": (1, 2)},
}


@pytest.mark.parametrize("options", TRANSPOSED.values(), ids=TRANSPOSED)
def test_transposed_derivatives_to_second_order(options):
    w = random(4, 4 // options.get("groups", 1), 3, 3)
    gradcheck(
        lambda x, w, b: conv_transpose2d(x, w, b, **options),
        random(2, 4, 3, 4),
        w,
        random(4),
        order=2,
    )


@pytest.mark.parametrize("options", TRANSPOSED.values(), ids=TRANSPOSED)
def test_transposed_is_the_gradient_of_convolution(options):
    options = dict(options)
    x, w = random(2, 4, 5, 4), random(4, 4 // options.get("groups", 1), 3, 3)
    y = conv_transpose2d(x, w, **options)
    options.pop("output_padding", None)
    images = Variable(np.zeros(y.shape))
    result = conv2d(images, w, **options)  # of a larger image than needed: more windows fit
    g = np.zeros(result.shape)
    g[:, :, : x.shape[2], : x.shape[3]] = x
    result.backward(tensor(g))
    np.testing.assert_allclose(images.grad.data, y.data, atol=1e-12)


@pytest.mark.parametrize(
    ("channels", "out", "groups"), [(4, 2, 2), (6, 3, 3), (2, 4, 2), (8, 4, 4), (6, 4, 2)]
)
def test_groups_unlike_the_channels(channels, out, groups):
    x, w = random(2, channels, 5, 6, dtype=np.float32), random(out, channels // groups, 3, 3)
    images = Variable(x)
    y = conv2d(images, w.astype(np.float32), padding=1, groups=groups)
    y.backward(tensor(np.ones_like(y.data)))
    exact = Variable(x.astype(np.float64))
    conv2d(exact, w, padding=1, groups=groups).sum().backward()
    np.testing.assert_allclose(images.grad.data, exact.grad.data, atol=1e-4)


def test_operands_and_settings_of_the_op_may_be_left_out():
    x, w = Variable(random(2, 3, 5, 5)), Variable(random(4, 3, 3, 3))
    ops.conv2d(x, w).sum().backward()
    expected = Variable(x.data), Variable(w.data)
    conv2d(*expected).sum().backward()
    for got, want in zip((x, w), expected, strict=True):
        np.testing.assert_array_equal(got.grad.data, want.grad.data)


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.integers(1, 3),
    batch=st.integers(0, 3),
)
def test_any_shape(size, kernel, stride, padding, dilation, groups, batch):
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    if any(s + 2 * p < r for s, p, r in zip(size, padding, reach, strict=True)):
        return
    x, w = random(batch, 2 * groups, *size), random(3 * groups, 2, *kernel)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    images, kernels = Variable(x), Variable(w)
    y = conv2d(images, kernels, **options)
    expected = by_definition(x, w, None, *normal(kernel, **options))
    np.testing.assert_allclose(y.data, expected, atol=1e-12)
    g = random(*y.shape)
    y.backward(tensor(g))
    # <g, conv(x, w)> is linear in x and in w: the gradients give it back.
    total = (g * y.data).sum()
    assert images.grad.shape == x.shape
    np.testing.assert_allclose((images.grad.data * x).sum(), total, atol=1e-9)
    np.testing.assert_allclose((kernels.grad.data * w).sum(), total, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    x, w = Variable(random(2, 3, 5, 5, dtype=dtype)), Variable(random(4, 3, 3, 3, dtype=dtype))
    for stride in (1, 2):
        y = conv2d(x, w, None, stride)
        gradients = y.backward(tensor(np.ones(y.shape, dtype)))
        assert y.dtype == gradients[x].dtype == gradients[w].dtype == dtype


def test_operands_are_not_changed_and_need_not_be_contiguous():
    x, w = random(2, 5, 6, 3).transpose(0, 3, 2, 1), random(3, 3, 3, 4).transpose(3, 0, 1, 2)
    before = x.copy(), w.copy()
    y = conv2d(x, w, None, 1, 1).data
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(w, before[1])
    np.testing.assert_allclose(y, conv2d(before[0], before[1], None, 1, 1).data, atol=1e-12)


def test_result_has_its_channels_last_in_memory():
    y = conv2d(random(2, 3, 6, 6), random(8, 3, 3, 3)).data
    assert y.transpose(0, 2, 3, 1).flags.c_contiguous


def test_no_grad_gives_a_plain_tensor():
    with no_grad():
        y = conv2d(Variable(random(1, 1, 3, 3)), random(1, 1, 3, 3))
    assert not isinstance(y, Variable)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [((-1, 2), (0, -2)), ((-1, -1), (1, 1))], ids=str)
def test_the_input_gradient_is_the_transpose_where_padding_crops(padding, stride):
    x, w = random(2, 3, 7, 8), random(4, 3, 3, 2)
    settings = {"stride": (stride, stride), "padding": padding}
    y = ops.conv2d(x, w, **settings).data
    g = random(*y.shape)
    back = ops.conv2d_input_gradient(g, w, size=x.shape[2:], **settings).data
    assert back.shape == x.shape
    np.testing.assert_allclose((y * g).sum(), (x * back).sum())
