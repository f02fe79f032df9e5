"""The few types that signatures of all layers share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from typing_extensions import TypeVar as WithDefault

__all__ = ["Array", "Axes", "Operand", "Shape", "T", "TopK"]

Array: TypeAlias = np.ndarray[Any, Any]
"""What the reference or the kernel of an op takes and gives; elsewhere it is `np.ndarray`."""
Axes: TypeAlias = int | Sequence[int] | None
"""One axis, several, or None for all."""
Shape: TypeAlias = Sequence[int]
"""The length of each axis."""
if TYPE_CHECKING:
    T = WithDefault("T", default=Any)
else:
    T = TypeVar("T")
    """The type of a result: Variable where an operand is one, else Tensor."""
T_contra = TypeVar("T_contra", contravariant=True)


class _Evaluating(Protocol[T_contra]):
    """What evaluates ops: of several operands' types the narrowest is the result's."""

    def _gives(self, result: T_contra, /) -> None: ...


Operand: TypeAlias = _Evaluating[T] | np.ndarray | np.generic | float | Sequence[Any]
"""A Tensor, or what an op makes one of: `f(x: Operand[T], y: Operand[T]) -> T` gives a Variable
where one of the two is a Variable, else a Tensor."""


class TopK(NamedTuple, Generic[T]):
    """The k largest or smallest elements along an axis, in order.

    Attributes:
        values: The elements.
        indices: Where they stand, int64.
    """

    values: T
    indices: Any
