"""The few type names that signatures of all layers share."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

__all__ = ["Array", "Axes", "Shape"]

Array: TypeAlias = np.ndarray[Any, Any]
"""What the reference or the kernel of an op takes and gives; elsewhere it is `np.ndarray`."""
Axes: TypeAlias = int | Sequence[int] | None
"""One axis, several, or None for all."""
Shape: TypeAlias = Sequence[int]
"""The length of each axis."""
