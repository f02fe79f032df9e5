"""Images made larger."""

from typing import Any

import numpy as np

from tinytorch.spatial.functional._checks import check_images
from tinytorch.spatial.functional._windows import Size, check_fits
from tinytorch.tensor import checks, ops
from tinytorch.tensor.errors import ArgumentError
from tinytorch.tensor.types import Operand, T


def upsample(
    x: Operand[T],
    scale_factor: Size | None = None,
    mode: str = "nearest",
    size: Size | None = None,
) -> T:
    """Enlarge images.

    Args:
        x: (batch, channels, height, width).
        scale_factor: How many times larger, a whole number for each axis; or give `size`.
        mode: "nearest" repeats pixels, "bilinear" draws straight lines between pixel centers.
        size: (rows, columns) of the result.

    Returns:
        (batch, channels, rows, columns).

    Raises:
        ShapeError: The input is no batch of images, or an image is empty.
        ArgumentError: Both or neither of `scale_factor` and `size` are given, or the mode is
            unknown.
        DTypeError: The images are not of a float dtype.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> upsample(tensor([[[[1.0, 2.0]]]]), 2).tolist()
        [[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]
    """
    x = check_images("upsample", x)
    check_resizing("upsample", scale_factor, mode, size)
    check_fits("upsample", x.shape[2:])
    height, width = x.shape[2:]
    if size is not None:
        wanted = checks.pair("upsample", "size", size)
    else:
        factors = checks.pair("upsample", "scale_factor", scale_factor)
        wanted = height * factors[0], width * factors[1]
    if mode == "bilinear":
        rows = _interpolation(height, wanted[0], x.dtype)
        return resample(x, rows, _interpolation(width, wanted[1], x.dtype))
    if wanted[0] % height == 0 and wanted[1] % width == 0:
        down, right = wanted[0] // height, wanted[1] // width
        apart = ops.reshape(x, shape=(*x.shape[:3], 1, width, 1))
        repeated = ops.broadcast_to(apart, shape=(*x.shape[:3], down, width, right))
        return ops.reshape(repeated, shape=(*x.shape[:2], *wanted))
    rows = np.arange(wanted[0]) * height // wanted[0]
    columns = np.arange(wanted[1]) * width // wanted[1]
    return x[:, :, rows[:, None], columns]


def check_resizing(operation: str, scale_factor: Size | None, mode: str, size: Size | None) -> None:
    """Raise unless the mode is known, and either the factor or the size is given and in range."""
    if mode not in ("nearest", "bilinear") or (scale_factor is None) == (size is None):
        raise ArgumentError(
            operation,
            expected='one of scale_factor and size; mode "nearest" or "bilinear"',
            got=f"scale_factor={scale_factor}, size={size}, mode={mode!r}",
            fix=f'for example {operation}(scale_factor=2, mode="nearest")',
        )
    for name, setting in (("scale_factor", scale_factor), ("size", size)):
        if setting is not None:
            checks.pair(operation, name, setting, 1)


def resample(x: Any, rows: np.ndarray, columns: np.ndarray) -> Any:
    """Weigh the rows of images by one matrix and the columns by another: rows @ x @ columns.T."""
    y = ops.matmul(ops.matmul(rows, x), np.ascontiguousarray(columns.T))
    return y if y.dtype == x.dtype else ops.astype(y, dtype=x.dtype)


def _interpolation(size: int, wanted: int, dtype: np.dtype[Any]) -> np.ndarray:
    """(wanted, size): row i weighs the two pixels between whose centers the new center i lies.

    It is of float32 for half precision.
    """
    place = np.clip((np.arange(wanted) + 0.5) * size / wanted - 0.5, 0, size - 1)
    matrix: np.ndarray = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(size)))
    return matrix.astype(np.result_type(dtype, np.float32))
