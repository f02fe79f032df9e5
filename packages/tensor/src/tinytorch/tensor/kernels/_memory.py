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
_PAGE = 2**12
"""Bytes: what parts are multiples of."""


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


class Part:
    """Some bytes of a piece of memory, which came from the allocator.

    Its array is one of the piece's buffer, so that views of it refer to it. Views of a view of the
    piece would refer to the piece.
    """

    __slots__ = ("array", "piece", "size", "start")

    def __init__(self, piece: Array, start: int, size: int) -> None:
        self.piece, self.start, self.size = piece, start, size
        self.array = np.frombuffer(piece.data, np.uint8, size, start)


class Store:
    """Parts of memory that are in use, and others, little more than were ever in use at a time.

    Parts of one piece stand side by side; where some are not in use they are joined and cut anew.

    Args:
        limit: How many bytes all may have if some are not in use.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.most = 0
        self.parts: list[Part] = []
        self.lock = Lock()

    def take(self, size: int) -> Array:
        """Return a view of so many bytes; while it, or a view of it, lives they are in use."""
        whole = -(-size // _PAGE) * _PAGE
        with self.lock:
            gap = min((gap for gap in self._gaps() if gap[0] >= whole), default=None)
            if gap is not None:
                return self._cut(gap, whole).array[:size]
            self._make_way(whole)
            self.parts.append(Part(np.empty(whole, np.uint8), 0, whole))
            return self.parts[-1].array[:size]

    def _gaps(self) -> list[tuple[int, int, int]]:
        """Parts side by side that nothing else refers to: bytes, the first, and one past."""
        gaps = []
        piece, size, first = None, 0, 0
        for i, part in enumerate(self.parts):
            unused = sys.getrefcount(part.array) == _ALONE
            if size and not (unused and part.piece is piece):
                gaps.append((size, first, i))
                size = 0
            if unused:
                if not size:
                    piece, first = part.piece, i
                size += part.size
        if size:
            gaps.append((size, first, len(self.parts)))
        return gaps

    def _cut(self, gap: tuple[int, int, int], size: int) -> Part:
        """Make of a gap's parts one of this size, and one of what is left; return the first."""
        total, first, last = gap
        part = self.parts[first]
        if part.size != size:
            fresh = [Part(part.piece, part.start, size)]
            if total > size:
                fresh.append(Part(part.piece, part.start + size, total - size))
            self.parts[first:last] = fresh
        return self.parts[first]

    def _make_way(self, size: int) -> None:
        """Let go of pieces not in use, as far as with the next one all were too much."""
        total = size + sum(part.size for part in self.parts)
        gaps = self._gaps()
        self.most = max(self.most, total - sum(gap[0] for gap in gaps))
        most = min(self.most + _SPARE_BYTES, self.limit)
        for free, first, last in reversed(gaps):
            if total > most and free == self.parts[first].piece.nbytes:
                del self.parts[first:last]
                total -= free


def _a_quarter() -> int:
    """A quarter of the machine's memory in bytes, where it tells."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    except (AttributeError, OSError, ValueError):
        return 2**30


def _count_alone() -> int:
    """What `sys.getrefcount` says of what nothing else refers to, in this version of Python."""
    arrays = [np.empty(0, np.uint8)]
    return sys.getrefcount(arrays[0])


_ALONE = _count_alone()
_store = Store(_a_quarter())
