"""One number for each window: its largest, or its average."""

from typing import Any

import numpy as np

from tinytorch.spatial import ops as spatial_ops
from tinytorch.spatial.functional._checks import check_images
from tinytorch.spatial.functional._resizing import resample
from tinytorch.spatial.functional._windows import Size, check_fits
from tinytorch.tensor import checks, ops
from tinytorch.tensor.errors import ArgumentError
from tinytorch.tensor.types import Operand, T


def max_pool2d(
    x: Operand[T], kernel_size: Size, stride: Size | None = None, padding: Size = 0
) -> T:
    """Return the largest element of each window of each channel.

    Args:
        x: (batch, channels, height, width).
        kernel_size: Size of a window.
        stride: Pixels from one window to the next; the kernel size if left out.
        padding: Pixels of minus infinity on each side, at most half the kernel.

    Returns:
        (batch, channels, rows, columns). Of equal elements the first gets the gradient, of NaNs the
        last, as in PyTorch.

    Raises:
        ShapeError: The input is no batch of images, or no window fits.
        ArgumentError: A setting is out of range.
        DTypeError: The images are not of a float dtype.

    Example:
        >>> from tinytorch.tensor import arange
        >>> max_pool2d(arange(16.0).reshape(1, 1, 4, 4), 2).tolist()
        [[[[5.0, 7.0], [13.0, 15.0]]]]
    """
    x = check_images("max_pool2d", x)
    return spatial_ops.max_pool2d(x, **_settings("max_pool2d", x, kernel_size, stride, padding))


def avg_pool2d(
    x: Operand[T],
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    count_include_pad: bool = True,
) -> T:
    """Return the average of each window of each channel.

    Args:
        x: (batch, channels, height, width).
        kernel_size: As in `max_pool2d`, like `stride`.
        stride: Pixels from one window to the next.
        padding: Zeros on each side, at most half the kernel.
        count_include_pad: Count the padding as zeros; otherwise average the pixels of the image
            alone.

    Returns:
        (batch, channels, rows, columns).

    Raises:
        ShapeError: As in `max_pool2d`, like the other errors.

    Example:
        >>> from tinytorch.tensor import arange
        >>> avg_pool2d(arange(16.0).reshape(1, 1, 4, 4), 2).tolist()
        [[[[2.5, 4.5], [10.5, 12.5]]]]
    """
    x = check_images("avg_pool2d", x)
    settings = _settings("avg_pool2d", x, kernel_size, stride, padding)
    y = spatial_ops.avg_pool2d(x, **settings)
    if checks.flag("avg_pool2d", "count_include_pad", count_include_pad) or padding == 0:
        return y
    inside = np.ones((1, 1, *x.shape[2:]), x.dtype)
    return y / spatial_ops.avg_pool2d(inside, **settings)


def adaptive_avg_pool2d(x: Operand[T], output_size: Size) -> T:
    """Average as many windows as it takes for an image of a wanted size.

    Args:
        x: (batch, channels, height, width).
        output_size: (rows, columns) of the result; 1 averages each channel whole.

    Returns:
        (batch, channels, rows, columns). Window i goes from floor(i * height / rows) to ceil((i +
        1) * height / rows).

    Raises:
        ShapeError: The input is no batch of images, or an image is empty.
        ArgumentError: `output_size` is out of range.
        DTypeError: The images are not of a float dtype.

    Example:
        >>> from tinytorch.tensor import arange
        >>> adaptive_avg_pool2d(arange(6.0).reshape(1, 1, 2, 3), 1).tolist()
        [[[[2.5]]]]
    """
    x = check_images("adaptive_avg_pool2d", x)
    wanted = checks.pair("adaptive_avg_pool2d", "output_size", output_size, 1)
    check_fits("adaptive_avg_pool2d", x.shape[2:])
    height, width = x.shape[2:]
    if wanted == (1, 1):
        return ops.mean(x, (2, 3), True)
    if height % wanted[0] == 0 and width % wanted[1] == 0:
        return avg_pool2d(x, (height // wanted[0], width // wanted[1]))
    return resample(
        x, _averaging(height, wanted[0], x.dtype), _averaging(width, wanted[1], x.dtype)
    )


def _settings(
    operation: str, x: Any, kernel_size: Size, stride: Size | None, padding: Size
) -> dict[str, Any]:
    """Check what both poolings share, and return the settings of the op."""
    kernel = checks.pair(operation, "kernel_size", kernel_size, 1)
    strides = kernel if stride is None else checks.pair(operation, "stride", stride, 1)
    high, wide = checks.pair(operation, "padding", padding, 0)
    if 2 * high > kernel[0] or 2 * wide > kernel[1]:
        raise ArgumentError(
            operation,
            expected=f"padding of at most half the kernel, {(kernel[0] // 2, kernel[1] // 2)}",
            got=f"padding {padding}, kernel {kernel}: some windows would hold nothing but padding",
            fix="use less padding or a larger kernel",
            padding=padding,
            kernel_size=kernel,
        )
    paddings = (high, high), (wide, wide)
    check_fits(operation, x.shape[2:], kernel, strides, paddings)
    return {"kernel_size": kernel, "stride": strides, "padding": paddings}


def _averaging(size: int, wanted: int, dtype: np.dtype[Any]) -> np.ndarray:
    """(wanted, size): row i averages floor(i * size / wanted) to ceil((i + 1) * size / wanted).

    It is of float32 for half precision.
    """
    window, pixel = np.arange(wanted)[:, None], np.arange(size)
    first, end = window * size // wanted, -(-(window + 1) * size // wanted)
    inside = (pixel >= first) & (pixel < end)
    matrix: np.ndarray = inside / inside.sum(axis=1, keepdims=True)
    return matrix.astype(np.result_type(dtype, np.float32))
