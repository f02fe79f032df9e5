"""The few types that signatures of all layers share."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

__all__ = ["Array", "Axes", "Shape", "TopK"]

Array: TypeAlias = np.ndarray[Any, Any]
"""What the reference or the kernel of an op takes and gives; elsewhere it is `np.ndarray`."""
Axes: TypeAlias = int | Sequence[int] | None
"""One axis, several, or None for all."""
Shape: TypeAlias = Sequence[int]
"""The length of each axis."""


class TopK(NamedTuple):
    """The k largest or smallest elements along an axis, in order.

    Attributes:
        values: The elements.
        indices: Where they stand, int64.
    """

    values: Any
    indices: Any
