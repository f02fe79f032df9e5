"""Large arrays are used again: fresh memory costs the system more time than filling it.

Each training step needs arrays of the same sizes as the one before. `room` keeps those that it
made, and hands one out again as soon as nobody refers to it or to a view of it any more.
"""

from __future__ import annotations

import math
import sys
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

Array = np.ndarray[Any, Any]
SMALL_BYTES, LARGE_BYTES = 2**18, 2**27
"""Smaller arrays come fast from the allocator, larger ones are not kept."""
KEPT_BYTES = 2**28
"""How much is kept in all."""

_kept: list[Array] = []
_lock = Lock()


def room(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """An array of a shape and dtype whose values are whatever was there before.

    Args:
        shape: Any.
        dtype: Any.

    Returns:
        The array; nothing else refers to its memory.

    Example:
        >>> room((2, 3), "float32").shape
        (2, 3)
    """
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if not SMALL_BYTES <= size <= LARGE_BYTES:
        return np.empty(shape, kind)
    with _lock:
        found = unused(_kept, size)
        if found is None:
            found = np.empty(size, np.uint8)
            if sum(x.nbytes for x in _kept) + size > KEPT_BYTES:
                _kept.clear()  # what is in use lives on without this list
            _kept.append(found)
        return found.view(kind).reshape(shape)


def unused(arrays: list[Array], size: int) -> Array | None:
    """The first array of a size that nothing but the list refers to."""
    for array in arrays:
        if array.nbytes == size and sys.getrefcount(array) == ALONE:
            return array
    return None


def count_alone() -> int:
    """What `unused` counts for an array in a list alone; it depends on the Python version."""
    for array in [np.empty(0, np.uint8)]:
        return sys.getrefcount(array)
    raise AssertionError


ALONE = count_alone()
