"""Digits that sums keep: half precision is added in float32, long rows of float32 by parts.

NumPy adds pairwise along memory alone; across it each element is added to a running total, in the
data type of the array. Ones of half precision then stop at 2048, ones of float32 at 16,777,216.
"""

from collections.abc import Callable
from functools import wraps
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinytorch.tensor.types import Array, Axes

Function = TypeVar("Function", bound=Callable[..., Any])
HALF = np.dtype(np.float16)
SINGLE = np.dtype(np.float32)
SMALL, MEDIUM = 1 << 13, 1 << 16
"""Up to so many elements, along one axis or several, NumPy's sum is taken as it is."""
FEW, MANY = 128, 1024
"""So many may be added one after the other, where more care is cheap and where it is not."""
WIDE = 1 << 11
"""Rows of so many bytes are added where they lie, shorter ones from all over the array at once."""
plain_sum: Callable[..., Array] = np.add.reduce  # np.sum without its layers of dispatch


def in_single(function: Function) -> Function:
    """Let a function of one array or Tensor compute half precision in float32, and round once.

    Example:
        >>> @in_single
        ... def norm(x):
        ...     return (x * x).sum() ** 0.5
        >>> float(norm(np.full(4, 300, np.float16)))
        600.0
    """

    @wraps(function)
    def computed(x: Any, *others: Any, **settings: Any) -> Any:
        if getattr(x, "dtype", None) is not HALF:
            return function(x, *others, **settings)
        return function(x.astype(SINGLE), *others, **settings).astype(HALF)

    return computed  # type: ignore[return-value]


def add_up(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """Return the sum along `axis`, with the digits that the data type can hold."""
    if x.dtype is HALF:
        return plain_sum(x, axis=axis, keepdims=keepdims, dtype=SINGLE).astype(HALF)
    if x.size <= SMALL or x.dtype is not SINGLE or _is_pairwise(x, axis):
        return plain_sum(x, axis, None, None, keepdims)
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    total = _by_parts(x, axes).astype(SINGLE)
    return total if keepdims else total.squeeze(axes)


def _is_pairwise(x: Array, axis: Any) -> bool:
    """Whether NumPy adds few elements one after the other, and the others pairwise."""
    if axis.__class__ is int:
        if not -x.ndim <= axis < x.ndim:
            return True
        stride = abs(x.strides[axis])
        return bool(stride == x.itemsize) or x.shape[axis] <= (FEW if stride < WIDE else MANY)
    if x.size <= MEDIUM or (axis is None and x.flags.c_contiguous):
        return True
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    terms, run = prod(x.shape[a] for a in axes), x.itemsize
    for a in sorted((a for a in axes if x.shape[a] > 1), key=lambda a: abs(x.strides[a])):
        if abs(x.strides[a]) != run:
            break
        run *= x.shape[a]
    return bool(terms * x.itemsize <= MANY * run)


def _by_parts(x: Array, axes: tuple[int, ...]) -> Array:
    """Return the sum along `axes`, kept with length 1, in float64: float32 adds a few at a time."""
    axis = max(axes, key=lambda a: x.shape[a])
    length, wide = x.shape[axis], abs(x.strides[axis]) >= WIDE
    few = min(2 * FEW if wide else FEW, length)
    parts = length // few
    before = (slice(None),) * axis
    rows = x[(*before, slice(few * parts))]
    split = (parts, few) if wide else (few, parts)
    sums = plain_sum(rows.reshape(*x.shape[:axis], *split, *x.shape[axis + 1 :]), axis=axis + wide)
    total: Array = plain_sum(sums, axis=axes, keepdims=True, dtype=np.float64)
    if few * parts < length:
        total += _by_parts(x[(*before, slice(few * parts, None))], axes)
    return total
