"""The methods of a Tensor that are one call of an op, under the names that NumPy's arrays have.

Shapes and settings are said where the op or the function of that name stands. Other keywords go on
to it as well: its error says what stands for PyTorch's `dim=`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor import ops
from tinytorch.tensor._convert import whole_numbers
from tinytorch.tensor.errors import ArgumentError
from tinytorch.tensor.types import Axes

Plain = TypeVar("Plain")
"""What an op without a derivative gives: a Tensor, of a Variable too."""


class Methods(Generic[Plain]):
    """What a Tensor can be asked for."""

    __slots__ = ()

    data: np.ndarray
    if TYPE_CHECKING:

        def _gives(self, result: Any, /) -> None: ...

    def __neg__(self) -> Self:
        return ops.neg(self)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Self:
        return ops.abs(self)

    def __invert__(self) -> Plain:
        return ops.bitwise_not(self)

    @property
    def T(self) -> Self:  # noqa: N802 - NumPy's name
        """The transpose: all axes in reverse order."""
        return ops.transpose(self)

    def reshape(self, *shape: Any) -> Self:
        """Return the same elements in another shape; one length may be -1."""
        return ops.reshape(self, shape=_variadic("reshape", shape))

    def transpose(self, *axes: Any) -> Self:
        """Permute the axes; without arguments reverse them."""
        if not axes:
            return ops.transpose(self)
        order = _variadic("transpose", axes)
        if self.data.ndim > 1 and order == tuple(range(self.data.ndim)):
            raise ArgumentError(
                "transpose",
                expected="an order of the axes that changes something",
                got=f"axes {order} of shape {self.data.shape}",
                fix="swapaxes(0, 1) swaps two axes; T, or transpose(), reverses all",
            )
        return ops.transpose(self, axes=order)

    def swapaxes(self, axis1: int, axis2: int) -> Self:
        """Swap two axes."""
        return ops.swapaxes(self, axis1, axis2)

    def flatten(self, start_axis: int = 0, **other: Any) -> Self:
        """Join all axes from `start_axis` on into one."""
        return ops.flatten(self, start_axis, **other)

    def squeeze(self, axis: Axes = None, **other: Any) -> Self:
        """Drop axes of length 1: the given ones, or all."""
        return ops.squeeze(self, axis, **other)

    def expand_dims(self, axis: int) -> Self:
        """Insert an axis of length 1 at `axis`."""
        return ops.expand_dims(self, axis)

    def broadcast_to(self, shape: Sequence[int]) -> Self:
        """Repeat along new axes and axes of length 1 to fill `shape`, without a copy."""
        return ops.broadcast_to(self, shape=tuple(shape))

    # Reductions. Without an axis all elements are reduced.

    def sum(self, axis: Axes = None, keepdims: bool = False, **other: Any) -> Self:
        """Add the elements along `axis`."""
        return ops.sum(self, axis=axis, keepdims=keepdims, **other)

    def mean(self, axis: Axes = None, keepdims: bool = False, **other: Any) -> Self:
        """Average the elements along `axis`."""
        return ops.mean(self, axis, keepdims, **other)

    def max(self, axis: Axes = None, keepdims: bool = False, **other: Any) -> Self:
        """Return the largest element along `axis`; ties share the gradient."""
        return ops.max(self, axis=axis, keepdims=keepdims, **other)

    def min(self, axis: Axes = None, keepdims: bool = False, **other: Any) -> Self:
        """Return the smallest element along `axis`; ties share the gradient."""
        return ops.min(self, axis=axis, keepdims=keepdims, **other)

    def var(self, axis: Axes = None, keepdims: bool = False, ddof: int = 0, **other: Any) -> Self:
        """Return the variance along `axis`: divided by n - `ddof`, NumPy's default."""
        return ops.var(self, axis, keepdims, ddof, **other)

    def std(self, axis: Axes = None, keepdims: bool = False, ddof: int = 0, **other: Any) -> Self:
        """Return the standard deviation along `axis`."""
        return ops.std(self, axis, keepdims, ddof, **other)

    def argmax(self, axis: int | None = None, keepdims: bool = False, **other: Any) -> Plain:
        """Return the position of the first largest element along `axis`."""
        return ops.argmax(self, axis=axis, keepdims=keepdims, **other)

    def argmin(self, axis: int | None = None, keepdims: bool = False, **other: Any) -> Plain:
        """Return the position of the first smallest element along `axis`."""
        return ops.argmin(self, axis=axis, keepdims=keepdims, **other)

    def argsort(self, axis: int = -1, descending: bool = False, **other: Any) -> Plain:
        """Return the positions that put the elements in order along `axis`."""
        return ops.argsort(self, axis=axis, descending=descending, **other)

    def cumsum(self, axis: int, **other: Any) -> Self:
        """Return the running sum along `axis`."""
        return ops.cumsum(self, axis=axis, **other)

    # Elementwise functions.

    def exp(self) -> Self:
        """Return e to the power of each element."""
        return ops.exp(self)

    def log(self) -> Self:
        """Return the natural logarithm of each element."""
        return ops.log(self)

    def sqrt(self) -> Self:
        """Return the square root of each element."""
        return ops.sqrt(self)

    def tanh(self) -> Self:
        """Return the hyperbolic tangent of each element."""
        return ops.tanh(self)

    def abs(self) -> Self:
        """Return the magnitude of each element."""
        return ops.abs(self)

    def clip(self, low: Any = None, high: Any = None, **other: Any) -> Self:
        """Limit each element to the range from `low` to `high`."""
        return ops.clip(self, low=low, high=high, **other)

    def astype(self, dtype: DTypeLike) -> Any:
        """Convert the elements to `dtype`."""
        return ops.astype(self, dtype)


def _variadic(operation: str, values: tuple[Any, ...]) -> tuple[int, ...]:
    """Read `f(2, 3)` and `f((2, 3))` alike."""
    if len(values) == 1 and not isinstance(values[0], (int, np.integer)):
        values = values[0]
    return whole_numbers(operation, values)
