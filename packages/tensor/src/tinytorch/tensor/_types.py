"""The few type names that ops share."""

from collections.abc import Sequence
from typing import Any

__all__ = ["Array", "Axes", "Shape"]

Array = Any  # an ndarray, or a Python number beside one
Axes = int | Sequence[int] | None
Shape = Sequence[int]
