"""Convolution: three ops that are each other's derivatives.

An image x, a kernel w and a result y are tied by one trilinear form, the sum over windows of y * x
* w. Fixing two of the three gives the ops here: `conv2d` (from x and w to y),
`conv2d_input_gradient` (from y and w to x, which is also the transposed convolution) and
`conv2d_weight_gradient` (from y and x to w). Each derivative of one is another of the three.

The references unfold windows into the rows of a matrix and let one matrix product do the work, a
block of images at a time so that the unfolded copy stays in the cache; it is made anew for the
weight gradient, not kept.
"""

# ruff: noqa: ARG005 - a row gets every setting, whether it needs it or not

from typing import Any

import numpy as np

from tinytorch.autograd import derivative
from tinytorch.spatial.ops._layout import (
    NO_PADDING,
    Padding,
    Pair,
    channels_first,
    channels_last,
    pad_pixels,
    precise,
    shifted,
    windows,
)
from tinytorch.spatial.ops._matrices import as_matrix, by_group, flip_kernel, unfold
from tinytorch.spatial.ops.sums import channel_sums
from tinytorch.tensor import op
from tinytorch.tensor.kernels import room
from tinytorch.tensor.types import Array

__all__ = ["conv2d", "conv2d_input_gradient", "conv2d_weight_gradient"]

RUN = 512
"""Pixels whose products are added up before float64 takes over."""


@op
def conv2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """The sum under windows: y[n, o] = b[o] + the sum over c and taps of x[n, c] * w[o, c].

    x is (batch, channels, height, width), w (out channels, channels / groups, kernel height, kernel
    width), b (out channels,) or None, and the result (batch, out channels, rows, columns).
    `padding` is of zeros, ((top, bottom), (left, right)), and crops where it is negative; the
    settings are otherwise those of `functional.conv2d`, always for both axes.
    """
    channels_out, _, *kernel = w.shape
    dtype = precise(x, w)
    padded = pad_pixels(channels_last(x.astype(dtype, copy=False)), padding)
    under = windows(padded, (kernel[0], kernel[1]), stride, dilation)
    batch, rows, columns = under.shape[:3]
    matrix = as_matrix(w.astype(dtype, copy=False), groups)
    out = room((batch, rows, columns, channels_out), dtype)
    for images, unfolded in unfold(under, groups):
        np.matmul(unfolded, matrix, out=by_group(out[images], groups))
    if b is not None:
        out += b
    return channels_first(out.astype(np.result_type(x, w), copy=False))


@op
def conv2d_input_gradient(
    g: Array,
    w: Array,
    *,
    size: Pair,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Results spread back over the images they were computed from: the transposed convolution.

    g is (batch, out channels, rows, columns), w as in `conv2d`, `size` the (height, width) of the
    images that the result has the shape of.
    """
    channels_out, per_group, *kernel = w.shape
    if stride == (1, 1):
        around = [
            (d * (k - 1) - before, s + before - count)
            for d, k, (before, _), s, count in zip(
                dilation, kernel, padding, size, g.shape[2:], strict=True
            )
        ]
        flipped = flip_kernel(w, groups)
        spread: Array = conv2d.reference(
            g, flipped, padding=(around[0], around[1]), dilation=dilation, groups=groups
        )
        return spread
    (top, bottom), (left, right) = padding
    channels = per_group * groups
    dtype = precise(g, w)
    spread = np.zeros((len(g), size[0] + top + bottom, size[1] + left + right, channels), dtype)
    taps = w.astype(dtype, copy=False).reshape(groups, channels_out // groups, per_group, *kernel)
    pixels = channels_last(g.astype(dtype, copy=False))
    count = g.shape[2], g.shape[3]
    for i, j in np.ndindex(*kernel):
        part = (by_group(pixels, groups) @ taps[..., i, j]).swapaxes(0, 1)
        target = shifted(spread, (i, j), count, stride, dilation)
        target += part.reshape(target.shape)
    inner = pad_pixels(spread, ((-top, -bottom), (-left, -right)))
    return channels_first(np.ascontiguousarray(inner, np.result_type(g, w)))


@op
def conv2d_weight_gradient(
    g: Array,
    x: Array,
    *,
    size: Pair,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Results correlated with the windows they were computed from.

    g is (batch, out channels, rows, columns), x as in `conv2d`, `size` the (height, width) of the
    kernels that the result has the shape of.
    """
    per_group, out_per_group = x.shape[1] // groups, g.shape[1] // groups
    dtype = precise(g, x)
    padded = pad_pixels(channels_last(x.astype(dtype, copy=False)), padding)
    under = windows(padded, size, stride, dilation)[:, : g.shape[2], : g.shape[3]]
    pixels = channels_last(g.astype(dtype, copy=False))
    total = np.zeros((groups, size[0] * size[1] * per_group, out_per_group))
    for images, unfolded in unfold(under, groups):
        arrived = by_group(pixels[images], groups)
        for first in range(0, arrived.shape[1], RUN):
            run = slice(first, first + RUN)
            total += unfolded[:, run].swapaxes(1, 2) @ arrived[:, run]
    by_tap = total.astype(np.result_type(g, x)).reshape(groups, *size, per_group, out_per_group)
    return np.ascontiguousarray(by_tap.transpose(0, 4, 3, 1, 2)).reshape(-1, per_group, *size)


derivative(
    conv2d,
    lambda g, _z, _x, w, _b=None, **s: conv2d_input_gradient(g, w, size=_x.shape[2:], **s),
    lambda g, _z, x, _w, _b=None, **s: conv2d_weight_gradient(g, x, size=_w.shape[2:], **s),
    lambda g, _z, _x, _w, _b=None, **_s: channel_sums(g),
)
derivative(
    conv2d_input_gradient,
    lambda g, _z, _y, w, size, **s: conv2d(
        g, w, None, **_exactly(_y.shape[2:], size, w.shape[2:], **s)
    ),
    lambda g, _z, y, _w, size, **s: conv2d_weight_gradient(y, g, size=_w.shape[2:], **s),
)
derivative(
    conv2d_weight_gradient,
    lambda g, _z, _y, x, size, **s: conv2d(
        x, g, None, **_exactly(_y.shape[2:], x.shape[2:], size, **s)
    ),
    lambda g, _z, y, _x, size, **s: conv2d_input_gradient(y, g, size=_x.shape[2:], **s),
)


def _exactly(
    count: Pair,
    size: Pair,
    kernel_size: Pair,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> dict[str, Any]:
    """The settings under which so many windows fit: the image is cut off after the last one."""
    fitting = tuple(
        (before, (n - 1) * s + d * (k - 1) + 1 - before - length)
        for n, length, k, s, (before, _), d in zip(
            count, size, kernel_size, stride, padding, dilation, strict=True
        )
    )
    return {"stride": stride, "padding": fitting, "dilation": dilation, "groups": groups}
