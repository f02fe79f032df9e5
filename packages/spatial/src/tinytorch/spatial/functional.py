"""The layer's functions on images: they check what they get, say what is wrong, call one op.

Images are (batch, channels, height, width) Tensors or Variables of a float dtype, everywhere. A
size setting is one integer for both axes or a pair (height, width).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinytorch.spatial import ops as spatial_ops
from tinytorch.spatial._geometry import (
    check_images,
    output_size,
    padding_of,
    pair,
)
from tinytorch.tensor import Tensor, ops, random
from tinytorch.tensor.errors import ArgumentError, ShapeError

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "batch_norm2d",
    "conv2d",
    "conv_transpose2d",
    "dropout2d",
    "group_norm",
    "max_pool2d",
    "upsample",
]

Size = int | Sequence[int]


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Any:
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
        ShapeError: if ranks or channels do not match, or the kernel is larger than the padded
            image.
        ArgumentError: if a setting is out of range.
        DTypeError: if the images are not of a float dtype.

    Example:
        >>> from tinytorch.tensor import ones
        >>> conv2d(ones((1, 1, 3, 3)), ones((1, 1, 2, 2))).tolist()
        [[[[4.0, 4.0], [4.0, 4.0]]]]
    """
    check_images("conv2d", x.shape, x.dtype)
    check_kernel("conv2d", weight.shape, groups, out_axis=0)
    out, per_group, *kernel = weight.shape
    check_channels("conv2d", x.shape, weight.shape, per_group * groups, groups)
    check_vector("conv2d", "bias", bias, out)
    kernel_size = (kernel[0], kernel[1])
    strides = pair("conv2d", "stride", stride, 1)
    dilations = pair("conv2d", "dilation", dilation, 1)
    paddings = padding_of("conv2d", padding, kernel_size, strides, dilations)
    output_size("conv2d", x.shape[2:], kernel_size, strides, paddings, dilations)
    return spatial_ops.conv2d(
        x, weight, bias, stride=strides, padding=paddings, dilation=dilations, groups=groups
    )


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Any:
    """Spread each pixel over a window: the gradient of `conv2d` with respect to its images.

    Args:
        x: (batch, channels, height, width).
        weight: (channels, out channels / groups, kernel height, kernel width).
        bias: (out channels,) or None.
        stride: Pixels of the result from one window to the next.
        padding: Pixels cut off on each side of the result.
        output_padding: Rows and columns added at the bottom right, less than the stride: which of
            the image sizes that a convolution maps to (height, width) is meant.
        groups: Groups of channels that do not mix.
        dilation: Pixels from one tap of the kernel to the next.

    Returns:
        (batch, out channels, rows, columns) with rows = (height - 1) * stride - 2 * padding
        + dilation * (kernel height - 1) + output_padding + 1.

    Raises:
        ShapeError: if ranks or channels do not match, or nothing is left of the result.
        ArgumentError: if a setting is out of range.
        DTypeError: if the images are not of a float dtype.

    Example:
        >>> from tinytorch.tensor import ones
        >>> conv_transpose2d(ones((1, 1, 2, 2)), ones((1, 1, 2, 2)), stride=2).shape
        (1, 1, 4, 4)
    """
    name = "conv_transpose2d"
    check_images(name, x.shape, x.dtype)
    check_kernel(name, weight.shape, groups, out_axis=1)
    channels, per_group, *kernel = weight.shape
    check_channels(name, x.shape, weight.shape, channels, groups)
    check_vector(name, "bias", bias, per_group * groups)
    strides = pair(name, "stride", stride, 1)
    dilations = pair(name, "dilation", dilation, 1)
    extra = pair(name, "output_padding", output_padding, 0)
    paddings = padding_of(name, pair(name, "padding", padding, 0), strides, strides, dilations)
    if extra[0] >= strides[0] or extra[1] >= strides[1]:
        raise ArgumentError(
            name,
            expected=f"output_padding smaller than stride {strides}",
            got=f"output_padding {extra}",
            fix="use output_padding = stride - 1 at most; pad the result for more",
            output_padding=extra,
            stride=strides,
        )
    size = tuple(
        (n - 1) * s - sum(p) + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(
            x.shape[2:], strides, paddings, dilations, kernel, extra, strict=True
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
        x, weight, size=size, stride=strides, padding=paddings, dilation=dilations, groups=groups
    )
    return y if bias is None else y + ops.reshape(bias, shape=(-1, 1, 1))


def max_pool2d(x: Any, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Any:
    """Give the largest element of each window of each channel.

    Args:
        x: (batch, channels, height, width).
        kernel_size: Size of a window.
        stride: Pixels from one window to the next; the kernel size if left out.
        padding: Pixels of minus infinity on each side, at most half the kernel.

    Returns:
        (batch, channels, rows, columns). Of equal elements the first gets the gradient.

    Raises:
        ShapeError: if the input is no batch of images, or no window fits.
        ArgumentError: if a setting is out of range.
        DTypeError: if the images are not of a float dtype.

    Example:
        >>> from tinytorch.tensor import arange
        >>> max_pool2d(arange(16.0).reshape(1, 1, 4, 4), 2).tolist()
        [[[[5.0, 7.0], [13.0, 15.0]]]]
    """
    return spatial_ops.max_pool2d(x, **pool_settings("max_pool2d", x, kernel_size, stride, padding))


def avg_pool2d(
    x: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    count_include_pad: bool = True,
) -> Any:
    """Give the average of each window of each channel.

    Args:
        x: (batch, channels, height, width).
        kernel_size: Size of a window.
        stride: Pixels from one window to the next; the kernel size if left out.
        padding: Zeros on each side, at most half the kernel.
        count_include_pad: Count the padding as zeros; otherwise average the pixels of the image
            alone.

    Returns:
        (batch, channels, rows, columns).

    Raises:
        ShapeError: if the input is no batch of images, or no window fits.
        ArgumentError: if a setting is out of range.
        DTypeError: if the images are not of a float dtype.

    Example:
        >>> from tinytorch.tensor import arange
        >>> avg_pool2d(arange(16.0).reshape(1, 1, 4, 4), 2).tolist()
        [[[[2.5, 4.5], [10.5, 12.5]]]]
    """
    settings = pool_settings("avg_pool2d", x, kernel_size, stride, padding)
    y = spatial_ops.avg_pool2d(x, **settings)
    if count_include_pad or padding == 0:
        return y
    inside = np.ones((1, 1, *x.shape[2:]), x.dtype)
    return y / spatial_ops.avg_pool2d(inside, **settings)


def adaptive_avg_pool2d(x: Any, output_size: Size) -> Any:
    """Average as many windows as it takes to give an image of a wanted size.

    Args:
        x: (batch, channels, height, width).
        output_size: (rows, columns) of the result; 1 averages each channel whole.

    Returns:
        (batch, channels, rows, columns). Window i goes from floor(i * height / rows) to ceil((i +
        1) * height / rows).

    Raises:
        ShapeError: if the input is no batch of images.
        ArgumentError: if `output_size` is out of range.
        DTypeError: if the images are not of a float dtype.

    Example:
        >>> from tinytorch.tensor import arange
        >>> adaptive_avg_pool2d(arange(6.0).reshape(1, 1, 2, 3), 1).tolist()
        [[[[2.5]]]]
    """
    check_images("adaptive_avg_pool2d", x.shape, x.dtype)
    wanted = pair("adaptive_avg_pool2d", "output_size", output_size, 1)
    height, width = x.shape[2:]
    if wanted == (1, 1):
        return ops.mean(x, (2, 3), True)
    if height % wanted[0] == 0 and width % wanted[1] == 0 and height and width:
        return avg_pool2d(x, (height // wanted[0], width // wanted[1]))
    return resample(x, averaging(height, wanted[0], x.dtype), averaging(width, wanted[1], x.dtype))


def batch_norm2d(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    running_mean: Any = None,
    running_var: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Normalize each channel, by the batch's own statistics or by given ones.

    Args:
        x: (batch, channels, height, width).
        weight: (channels,) or None for 1.
        bias: (channels,) or None for 0.
        running_mean: (channels,) to use instead of the batch's mean, with `running_var`.
        running_var: (channels,) to use instead of the batch's variance.
        eps: Added to the variance.

    Returns:
        (batch, channels, height, width).

    Raises:
        ShapeError: if shapes do not match, or a channel has a single value and so no variance.
        DTypeError: if the images are not of a float dtype.

    Source:
        S. Ioffe, C. Szegedy, Batch Normalization, 2015.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> batch_norm2d(tensor([[[[1.0, 3.0]]]]), eps=0.0).tolist()
        [[[[-1.0, 1.0]]]]
    """
    name = "batch_norm2d"
    check_images(name, x.shape, x.dtype)
    channels = x.shape[1]
    vectors = {
        "weight": weight,
        "bias": bias,
        "running_mean": running_mean,
        "running_var": running_var,
    }
    for argument, vector in vectors.items():
        check_vector(name, argument, vector, channels)
    if running_mean is None or running_var is None:
        check_statistics(name, x.shape)
        return spatial_ops.batch_norm2d(x, weight, bias, epsilon=eps)
    scale = (running_var + eps) ** -0.5
    scale = scale if weight is None else scale * weight
    shift = -running_mean * scale
    shift = shift if bias is None else shift + bias
    return spatial_ops.channel_affine(x, scale, shift)


def group_norm(
    x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Normalize groups of channels of each image by themselves: no batch statistics.

    Args:
        x: (batch, channels, height, width).
        num_groups: How many groups; divides the channels. 1 is a layer norm, `channels` an instance
            norm.
        weight: (channels,) or None for 1.
        bias: (channels,) or None for 0.
        eps: Added to the variance.

    Returns:
        (batch, channels, height, width).

    Raises:
        ShapeError: if shapes do not match.
        ArgumentError: if the groups do not divide the channels.
        DTypeError: if the images are not of a float dtype.

    Source:
        Y. Wu, K. He, Group Normalization, 2018.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> group_norm(tensor([[[[1.0, 3.0]]]]), 1, eps=0.0).tolist()
        [[[[-1.0, 1.0]]]]
    """
    check_images("group_norm", x.shape, x.dtype)
    channels = x.shape[1]
    check_divides("group_norm", "num_groups", num_groups, "channels", channels)
    check_vector("group_norm", "weight", weight, channels)
    check_vector("group_norm", "bias", bias, channels)
    groups = ops.reshape(x, shape=(x.shape[0], num_groups, channels // num_groups, *x.shape[2:]))
    axes = (2, 3, 4)
    centered = groups - ops.mean(groups, axes, True)
    variance = ops.mean(centered * centered, axes, True)
    y = ops.reshape(centered * (variance + eps) ** -0.5, shape=x.shape)
    if weight is not None:
        y = y * ops.reshape(weight, shape=(-1, 1, 1))
    return y if bias is None else y + ops.reshape(bias, shape=(-1, 1, 1))


def dropout2d(
    x: Any,
    p: float = 0.5,
    *,
    rng: np.random.Generator | int | None = None,
    training: bool = True,
) -> Any:
    """Set whole channels to zero at random and scale the others up to keep the mean.

    Args:
        x: (batch, channels, height, width).
        p: Probability that a channel is dropped, at least 0 and less than 1.
        rng: Where the randomness comes from: a NumPy Generator or a seed.
        training: False gives x as it is.

    Returns:
        (batch, channels, height, width).

    Raises:
        ShapeError: if the input is no batch of images.
        ArgumentError: if p is out of range.
        DTypeError: if the images are not of a float dtype.

    Source:
        J. Tompson et al., Efficient Object Localization Using Convolutional Networks, 2014.

    Example:
        >>> from tinytorch.tensor import ones
        >>> sorted({v.item() for v in dropout2d(ones((1, 8, 1, 1)), rng=0).reshape(-1)})
        [0.0, 2.0]
    """
    check_images("dropout2d", x.shape, x.dtype)
    check_probability("dropout2d", p)
    if not training or p == 0:
        return x
    keep = random.generator(rng).random((*x.shape[:2], 1, 1)) >= p
    return x * Tensor(keep.astype(x.dtype) / x.dtype.type(1 - p))


def upsample(
    x: Any,
    scale_factor: Size | None = None,
    mode: str = "nearest",
    size: Size | None = None,
) -> Any:
    """Enlarge images.

    Args:
        x: (batch, channels, height, width).
        scale_factor: How many times larger, a whole number for each axis; or give `size`.
        mode: "nearest" repeats pixels, "bilinear" draws straight lines between pixel centers.
        size: (rows, columns) of the result.

    Returns:
        (batch, channels, rows, columns).

    Raises:
        ShapeError: if the input is no batch of images.
        ArgumentError: unless exactly one of `scale_factor` and `size` is given, or if the mode is
            unknown.
        DTypeError: if the images are not of a float dtype.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> upsample(tensor([[[[1.0, 2.0]]]]), 2).tolist()
        [[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]
    """
    check_images("upsample", x.shape, x.dtype)
    if mode not in ("nearest", "bilinear") or (scale_factor is None) == (size is None):
        raise ArgumentError(
            "upsample",
            expected='one of scale_factor and size; mode "nearest" or "bilinear"',
            got=f"scale_factor={scale_factor}, size={size}, mode={mode!r}",
            fix='for example upsample(x, 2, mode="nearest")',
        )
    height, width = x.shape[2:]
    if size is not None:
        wanted = pair("upsample", "size", size, 1)
    else:
        factors = pair("upsample", "scale_factor", scale_factor or 0, 1)
        wanted = height * factors[0], width * factors[1]
    if mode == "bilinear":
        rows = interpolation(height, wanted[0], x.dtype)
        return resample(x, rows, interpolation(width, wanted[1], x.dtype))
    if height and width and wanted[0] % height == 0 and wanted[1] % width == 0:
        down, right = wanted[0] // height, wanted[1] // width
        apart = ops.reshape(x, shape=(*x.shape[:3], 1, width, 1))
        repeated = ops.broadcast_to(apart, shape=(*x.shape[:3], down, width, right))
        return ops.reshape(repeated, shape=(*x.shape[:2], *wanted))
    rows = np.arange(wanted[0]) * height // wanted[0]
    columns = np.arange(wanted[1]) * width // wanted[1]
    return x[:, :, rows[:, None], columns]


def resample(x: Any, rows: np.ndarray, columns: np.ndarray) -> Any:
    """Weigh the rows of images by one matrix and the columns by another: rows @ x @ columns.T."""
    return ops.matmul(ops.matmul(rows, x), np.ascontiguousarray(columns.T))


def averaging(size: int, wanted: int, dtype: np.dtype[Any]) -> np.ndarray:
    """(wanted, size): row i averages floor(i * size / wanted) to ceil((i + 1) * size / wanted)."""
    window, pixel = np.arange(wanted)[:, None], np.arange(size)
    first, end = window * size // wanted, -(-(window + 1) * size // wanted)
    inside = (pixel >= first) & (pixel < end)
    matrix: np.ndarray = inside / inside.sum(axis=1, keepdims=True)
    return matrix.astype(dtype)


def interpolation(size: int, wanted: int, dtype: np.dtype[Any]) -> np.ndarray:
    """(wanted, size): row i weighs the two pixels between whose centers the new center i lies."""
    place = np.clip((np.arange(wanted) + 0.5) * size / wanted - 0.5, 0, size - 1)
    matrix: np.ndarray = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(size)))
    return matrix.astype(dtype)


def pool_settings(
    operation: str, x: Any, kernel_size: Size, stride: Size | None, padding: Size
) -> dict[str, Any]:
    """Check what both poolings share, and give the settings of the op."""
    check_images(operation, x.shape, x.dtype)
    kernel = pair(operation, "kernel_size", kernel_size, 1)
    strides = kernel if stride is None else pair(operation, "stride", stride, 1)
    paddings = padding_of(
        operation, pair(operation, "padding", padding, 0), kernel, strides, (1, 1)
    )
    if 2 * paddings[0][0] > kernel[0] or 2 * paddings[1][0] > kernel[1]:
        raise ArgumentError(
            operation,
            expected=f"padding of at most half the kernel, {(kernel[0] // 2, kernel[1] // 2)}",
            got=f"padding {padding}, kernel {kernel}: some windows would hold nothing but padding",
            fix="use less padding or a larger kernel",
            padding=padding,
            kernel_size=kernel,
        )
    output_size(operation, x.shape[2:], kernel, strides, paddings)
    return {"kernel_size": kernel, "stride": strides, "padding": paddings}


def check_kernel(operation: str, shape: tuple[int, ...], groups: int, out_axis: int) -> None:
    """Raise unless there are four axes, and groups that divide the first."""
    axes = ["out channels", "channels / groups"]
    axes = axes if out_axis == 0 else ["channels", "out channels / groups"]
    if len(shape) != 4:
        raise ShapeError(
            operation,
            expected=f"weight ({axes[0]}, {axes[1]}, kernel height, kernel width)",
            got=f"weight {shape}",
            fix="a kernel has four axes; reshape it",
            weight=shape,
        )
    check_divides(operation, "groups", groups, axes[0], shape[0])


def check_channels(
    operation: str, image: tuple[int, ...], kernel: tuple[int, ...], channels: int, groups: int
) -> None:
    """Raise unless the images have the channels that the kernel reads."""
    if image[1] != channels:
        grouped = f" in {groups} groups" if groups > 1 else ""
        hint = " (are the channels last? x.transpose(0, 3, 1, 2))" if image[3] == channels else ""
        raise ShapeError(
            operation,
            expected=f"input (batch, {channels}, height, width): weight {kernel} reads"
            f" {channels} channels{grouped}",
            got=f"input {image}, {image[1]} channels",
            fix=f"use a layer with in_channels={image[1]}, or images of {channels} channels{hint}",
            input=image,
            weight=kernel,
            groups=groups,
        )


def check_vector(operation: str, name: str, vector: Any, length: int) -> None:
    """Raise unless the vector is None or (length,)."""
    if vector is not None and tuple(vector.shape) != (length,):
        raise ShapeError(
            operation,
            expected=f"{name} ({length},), one number for each channel",
            got=f"{name} {tuple(vector.shape)}",
            fix=f"give {length} numbers, or None",
            argument=name,
        )


def check_divides(operation: str, name: str, number: int, of: str, total: int) -> None:
    """Raise unless the number of groups divides the channels."""
    if number < 1 or total % number:
        fitting = [n for n in range(1, total + 1) if total % n == 0]
        raise ArgumentError(
            operation,
            expected=f"{name} that divide the {total} {of}",
            got=f"{name}={number}",
            fix=f"use one of {', '.join(map(str, fitting[:12]))}",
            argument=name,
            value=number,
        )


def check_probability(operation: str, p: float) -> None:
    """Raise unless 0 <= p < 1."""
    if not 0 <= p < 1:
        raise ArgumentError(
            operation,
            expected="0 <= p < 1: the probability that a channel is dropped",
            got=f"p={p}",
            fix="use p=0.5, or 0 for none",
            argument="p",
            value=p,
        )


def check_statistics(operation: str, shape: tuple[int, ...]) -> None:
    """Raise unless each channel has more than one value, of which a variance can be taken."""
    if shape[0] * shape[2] * shape[3] < 2:
        raise ShapeError(
            operation,
            expected="more than one value for each channel in training, to take a variance of",
            got=f"input {shape}: batch * height * width = {shape[0] * shape[2] * shape[3]}",
            fix="use a larger batch (drop_last=True), or eval() for running statistics",
            shape=shape,
        )
