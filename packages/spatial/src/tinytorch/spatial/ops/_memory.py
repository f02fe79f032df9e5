"""Large arrays are used again: fresh memory costs the system more time than filling it.

Each training step needs arrays of the same sizes as the one before. `room` keeps those that it
made, and hands one out again as soon as nobody refers to it or to a view of it any more.
"""

import math
import sys
from threading import Lock

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor.types import Array

_SMALL_BYTES, _LARGE_BYTES = 2**18, 2**27
"""Smaller arrays come fast from the allocator, larger ones are not kept."""
_KEPT_BYTES = 2**28
"""How much is kept in all."""

_kept: list[Array] = []
_lock = Lock()


def room(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Return an array whose values are whatever was there before; nobody else sees its memory."""
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if not _SMALL_BYTES <= size <= _LARGE_BYTES:
        return np.empty(shape, kind)
    with _lock:
        found = _unused(_kept, size)
        if found is None:
            found = np.empty(size, np.uint8)
            if sum(x.nbytes for x in _kept) + size > _KEPT_BYTES:
                _kept.clear()  # what is in use lives on without this list
            _kept.append(found)
        return found.view(kind).reshape(shape)


def _unused(arrays: list[Array], size: int) -> Array | None:
    """The first array of a size that nothing but the list refers to."""
    for array in arrays:
        if array.nbytes == size and sys.getrefcount(array) == _ALONE:
            return array
    return None


def _count_alone() -> int:
    """What `_unused` counts for an array in a list alone; it depends on the Python version."""
    for array in [np.empty(0, np.uint8)]:
        return sys.getrefcount(array)
    raise AssertionError


_ALONE = _count_alone()
