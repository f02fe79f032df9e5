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
_SPARE_BYTES = 2**27
"""So much is kept in any case: steps of different sizes take turns."""


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
    return _store.take(size).view(kind).reshape(shape)


def room_like(x: Array) -> Array:
    """Return an array as of `room` with the shape, data type and memory order of another."""
    fresh = np.empty_like(x)  # costs nothing until it is filled
    if not _SMALL_BYTES <= fresh.nbytes <= _LARGE_BYTES:
        return fresh
    return np.ndarray(fresh.shape, fresh.dtype, room(fresh.shape, fresh.dtype), 0, fresh.strides)


class Store:
    """Arrays of bytes that are in use, and others, little more than were ever in use at a time.

    Args:
        limit: How many bytes all may have if some are not in use.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.most = 0
        self.arrays: list[Array] = []
        self.lock = Lock()

    def take(self, size: int) -> Array:
        """Return a view of so many bytes; while it, or a view of it, lives they are in use."""
        with self.lock:
            found = self._unused(size)
            if found is None:
                self._make_way(size)
                found = np.empty(size, np.uint8)
                self.arrays.append(found)
            return found[:]

    def _unused(self, size: int) -> Array | None:
        """The first array of a size that nothing but the list refers to."""
        for array in self.arrays:
            if array.nbytes == size and sys.getrefcount(array) == _ALONE:
                return array
        return None

    def _make_way(self, size: int) -> None:
        """Let go of what is not in use, as far as with the next array all were too many."""
        unused = [sys.getrefcount(array) == _ALONE for array in self.arrays]
        total = size + sum(array.nbytes for array in self.arrays)
        spare = sum(array.nbytes for array, alone in zip(self.arrays, unused, strict=True) if alone)
        self.most = max(self.most, total - spare)
        most = min(self.most + _SPARE_BYTES, self.limit)
        kept = []
        for array, alone in zip(self.arrays, unused, strict=True):
            if alone and total > most:
                total -= array.nbytes
            else:
                kept.append(array)
        self.arrays = kept


def _a_quarter() -> int:
    """A quarter of the machine's memory in bytes, where it tells."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    except (AttributeError, OSError, ValueError):
        return 2**30


def _count_alone() -> int:
    """What `sys.getrefcount` says of an array in a list alone; it depends on Python's version."""
    for array in [np.empty(0, np.uint8)]:
        return sys.getrefcount(array)
    raise AssertionError


_ALONE = _count_alone()
_store = Store(_a_quarter())
