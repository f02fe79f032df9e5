"""Large arrays are used again: fresh memory costs the system more time than filling it.

Each training step needs arrays of the same sizes as the one before. `room` keeps those that it
made, and hands one out again as soon as nobody refers to it or to a view of it any more.
"""

import math
import os
import sys
from threading import Lock

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor.types import Array

_SMALL_BYTES, _LARGE_BYTES = 2**18, 2**30
"""Smaller arrays come fast from the allocator, larger ones are not kept."""

_kept: list[Array] = []
_lock = Lock()


def room(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Return an array whose values are whatever was there before; nobody else sees its memory.

    Args:
        shape: The length of each axis.
        dtype: What NumPy takes for a data type.
    """
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if not _SMALL_BYTES <= size <= _LARGE_BYTES:
        return np.empty(shape, kind)
    with _lock:
        found = _unused(_kept, size)
        if found is None:
            found = np.empty(size, np.uint8)
            if _fits(size):
                _kept.append(found)
        return found.view(kind).reshape(shape)


def room_like(x: Array) -> Array:
    """Return an array as of `room` with the shape, data type and memory order of another."""
    fresh = np.empty_like(x)  # costs nothing until it is filled
    if not _SMALL_BYTES <= fresh.nbytes <= _LARGE_BYTES:
        return fresh
    return np.ndarray(fresh.shape, fresh.dtype, room(fresh.shape, fresh.dtype), 0, fresh.strides)


def _unused(arrays: list[Array], size: int) -> Array | None:
    """The first array of a size that nothing but the list refers to."""
    for array in arrays:
        if array.nbytes == size and sys.getrefcount(array) == _ALONE:
            return array
    return None


def _an_eighth() -> int:
    """How much is kept in all, in use or not: an eighth of the machine's memory, where it tells."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 8
    except (AttributeError, OSError, ValueError):
        return 2**30


def _fits(size: int) -> bool:
    """Whether so many bytes more can be kept, where need be instead of others that nobody uses."""
    total = size + sum(array.nbytes for array in _kept)
    kept = []
    for array in _kept:
        if total > _KEPT_BYTES and sys.getrefcount(array) == _ALONE:
            total -= array.nbytes
        else:
            kept.append(array)
    if total <= _KEPT_BYTES:
        _kept[:] = kept
    return total <= _KEPT_BYTES


def _count_alone() -> int:
    """What `_unused` counts for an array in a list alone; it depends on the Python version."""
    for array in [np.empty(0, np.uint8)]:
        return sys.getrefcount(array)
    raise AssertionError


_ALONE = _count_alone()
_KEPT_BYTES = _an_eighth()
