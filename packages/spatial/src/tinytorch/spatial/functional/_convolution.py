"""Convolution, and its transpose."""

from typing import Any

from tinytorch.spatial import ops as spatial_ops
from tinytorch.spatial.functional._checks import (
    check_channels,
    check_images,
    check_kernel,
    check_vectors,
)
from tinytorch.spatial.functional._windows import Size, check_fits, padding_of
from tinytorch.tensor import checks, ops
from tinytorch.tensor.errors import ArgumentError, ShapeError
from tinytorch.tensor.types import Operand, T


def conv2d(
    x: Operand[T],
    weight: Operand[T],
    bias: Operand[T] | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> T:
    """Slide kernels over images: a weighted sum of the pixels under each window.

    Args:
        x: (batch, channels, height, width).
        weight: (out channels, channels / groups, kernel height, kernel width).
        bias: (out channels,) or None.
        stride: Pixels from one window to the next.
        padding: Zeros on each side, or "same" to keep the image size, or "valid" for none.
        dilation: Pixels from one tap of the kernel to the next.
        groups: Channels are split into as many groups that do not mix; `channels` of them is a
            depthwise convolution.

    Returns:
        (batch, out channels, rows, columns).

    Raises:
        ShapeError: Ranks or channels do not match, or the kernel is larger than the padded image.
        ArgumentError: A setting is out of range.
        DTypeError: The images are not of a float dtype.

    Example:
        >>> from tinytorch.tensor import ones
        >>> conv2d(ones((1, 1, 3, 3)), ones((1, 1, 2, 2))).tolist()
        [[[[4.0, 4.0], [4.0, 4.0]]]]
    """
    settings = conv2d_settings(x, weight, bias, stride, padding, dilation, groups)
    return spatial_ops.conv2d(x, weight, bias, **settings)


def conv2d_settings(
    x: Any,
    weight: Any,
    bias: Any,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
) -> dict[str, Any]:
    """Check what `conv2d` takes, and return the settings of its op."""
    groups = checks.whole("conv2d", "groups", groups)
    check_images("conv2d", x)
    axes = "out channels, channels / groups"
    out, per_group, *kernel = check_kernel("conv2d", weight, groups, axes)
    check_channels("conv2d", x, weight, per_group * groups, groups)
    check_vectors("conv2d", out, bias=bias)
    kernel_size = kernel[0], kernel[1]
    strides = checks.pair("conv2d", "stride", stride, 1)
    dilations = checks.pair("conv2d", "dilation", dilation, 1)
    paddings = padding_of("conv2d", padding, kernel_size, strides, dilations)
    check_fits("conv2d", x.shape[2:], kernel_size, strides, paddings, dilations)
    return {"stride": strides, "padding": paddings, "dilation": dilations, "groups": groups}


def conv_transpose2d(
    x: Operand[T],
    weight: Operand[T],
    bias: Operand[T] | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> T:
    """Spread each pixel over a window: the gradient of `conv2d` with respect to its images.

    Args:
        x: (batch, channels, height, width).
        weight: (channels, out channels / groups, kernel height, kernel width).
        bias: (out channels,) or None.
        stride: Pixels of the result from one window to the next.
        padding: Pixels cut off on each side of the result.
        output_padding: Rows and columns added at the bottom right, less than the stride or less
            than the dilation: which of the image sizes that a convolution maps to (height, width)
            is meant.
        groups: As in `conv2d`, like `dilation`.
        dilation: Pixels from one tap of the kernel to the next.

    Returns:
        (batch, out channels, rows, columns) with rows = (height - 1) * stride - 2 * padding
        + dilation * (kernel height - 1) + output_padding + 1.

    Raises:
        ShapeError: Ranks or channels do not match, or nothing is left of the result.
        ArgumentError: A setting is out of range.
        DTypeError: The images are not of a float dtype.

    Example:
        >>> from tinytorch.tensor import ones
        >>> conv_transpose2d(ones((1, 1, 2, 2)), ones((1, 1, 2, 2)), stride=2).shape
        (1, 1, 4, 4)
    """
    name = "conv_transpose2d"
    groups = checks.whole(name, "groups", groups)
    x = check_images(name, x)
    axes = "channels, out channels / groups"
    channels, per_group, *kernel = check_kernel(name, weight, groups, axes)
    check_channels(name, x, weight, channels, groups)
    check_vectors(name, per_group * groups, bias=bias)
    strides = checks.pair(name, "stride", stride, 1)
    dilations = checks.pair(name, "dilation", dilation, 1)
    extra = checks.pair(name, "output_padding", output_padding, 0)
    high, wide = checks.pair(name, "padding", padding, 0)
    most = tuple(max(both) - 1 for both in zip(strides, dilations, strict=True))
    if extra[0] > most[0] or extra[1] > most[1]:
        raise ArgumentError(
            name,
            expected=f"output_padding smaller than stride {strides} or than dilation {dilations}",
            got=f"output_padding {extra}",
            fix=f"use output_padding={most} at most; pad the result for more",
            output_padding=extra,
            stride=strides,
            dilation=dilations,
        )
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(
            x.shape[2:], strides, (high, wide), dilations, kernel, extra, strict=True
        )
    )
    if min(size) < 1:
        raise ShapeError(
            name,
            expected="a result of at least 1 x 1 pixel",
            got=f"images {x.shape[2:]}, kernel {tuple(kernel)}, padding {padding}: size {size}",
            fix="use less padding or a larger kernel",
            size=size,
        )
    y = spatial_ops.conv2d_input_gradient(
        x,
        weight,
        size=size,
        stride=strides,
        padding=((high, high), (wide, wide)),
        dilation=dilations,
        groups=groups,
    )
    return y if bias is None else y + ops.reshape(bias, shape=(-1, 1, 1))
