"""The few types that signatures of all layers share."""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeAlias

import numpy as np

from tinytorch.tensor._op import Operand, T

__all__ = ["Array", "Axes", "Operand", "Shape", "T", "TopK"]

Array: TypeAlias = np.ndarray[Any, Any]
"""What the reference or the kernel of an op takes and gives; elsewhere it is `np.ndarray`."""
Axes: TypeAlias = int | Sequence[int] | None
"""One axis, several, or None for all."""
Shape: TypeAlias = Sequence[int]
"""The length of each axis."""


class TopK(NamedTuple, Generic[T]):
    """The k largest or smallest elements along an axis, in order.

    Attributes:
        values: The elements.
        indices: Where they stand, int64.
    """

    values: T
    indices: Any
