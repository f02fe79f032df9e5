"""The one verb that changes a Tensor, `assign`, and the errors of all that only seems to.

What can be assigned to is a leaf: a Variable that a user made, a Parameter, a Buffer. It counts its
changes, so that a graph that read it before refuses to go backward with other numbers.
"""

import operator
from collections.abc import Callable
from itertools import count
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor import DTypeError, ImmutableError, ShapeError, Tensor, checks


class Assignable(Tensor):
    """A Tensor that `assign` may change."""

    __slots__ = ("_order",)

    # When it was made or last changed; results are younger than their operands.
    _order: int

    def __init__(self, data: Any, dtype: DTypeLike | None = None) -> None:
        super().__init__(data, dtype)
        self._order = next(clock)

    def assign(self, value: Any) -> Self:
        """Change the value.

        Graphs recorded before refuse to go backward with the new one.

        Args:
            value: The same shape; converted to the same data type.

        Returns:
            The object itself.

        Raises:
            ShapeError: The shapes differ.
            DTypeError: The value is no array of real numbers, or the data type cannot hold them:
                2.5 is no integer, and 1e6 no float16.
        """
        # A new array: views of the old one, and results that share its memory, keep their values.
        self.data = np.array(new_value(self, value))
        self._order = next(clock)
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        raise _by_assign("setitem", self, f"x[{index!r}] = ...")

    def __copy__(self) -> Self:
        copied: Self = self.__deepcopy__({})
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        rebuild, parts, *state = self.__reduce__()
        copied: Self = rebuild(*parts)
        for name, value in (state[0][1] if state else {}).items():
            setattr(copied, name, value)
        return copied


def new_value(target: Tensor, value: Any) -> np.ndarray:
    """Return the array that is to replace a Tensor's: of its shape and type, the same numbers."""
    array = numbers("assign", value)
    if array.shape != target.data.shape:
        raise ShapeError(
            "assign",
            expected=f"shape {target.shape}",
            got=f"shape {array.shape}",
            fix="reshape the value; assign never broadcasts",
        )
    held = held_as(array, target.data.dtype)
    if held is None:
        raise DTypeError(
            "assign",
            expected=f"numbers that {target.dtype} can hold",
            got=f"{array.dtype} {array.shape}, some of which would become others",
            fix="round or clip them first, or choose another data type for the target",
        )
    return held


def numbers(operation: str, value: Any) -> np.ndarray:
    """Return an array of real numbers in whatever shape and data type they come."""
    if isinstance(value, Tensor):
        return value.data
    with np.errstate(over="ignore"):
        array = checks.as_array(operation, value, None, copy=False)
    # Python's floats have more digits than float32 keeps.
    return array if isinstance(value, np.ndarray) else np.asarray(value)


def held_as(array: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray | None:
    """Return the array in another data type, or None if that would make other numbers of them.

    Floats may be rounded to fewer digits, but stay finite; integers and booleans stay equal.
    """
    if array.dtype == dtype:
        return array
    with np.errstate(all="ignore"):
        held = array.astype(dtype)
        if np.can_cast(array.dtype, dtype):
            return held
        same = np.isfinite(held) == np.isfinite(array) if dtype.kind == "f" else held == array
    return held if same.all() else None


def _by_assign(operation: str, target: Tensor, came: str) -> ImmutableError:
    name = type(target).__name__
    return ImmutableError(
        operation,
        expected=f"assign, the one verb that changes a {name}",
        got=f"{came} on a {name} of shape {target.shape}",
        fix="x.assign(the new value); with no_grad() around what computes it",
    )


def _augmented(symbol: str, compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Make `x += y` an error for a leaf, which would stay as it is; for a result, `x = x + y`."""

    def change(self: Any, other: Any) -> Any:
        if getattr(self, "_op", None) is None:
            raise _by_assign(symbol, self, f"x {symbol} ...")
        return compute(self, other)

    return change


for _name, _symbol in {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "matmul": "@",
    "and_": "&",
    "or_": "|",
    "xor": "^",
}.items():
    setattr(
        Assignable,
        f"__i{_name.rstrip('_')}__",
        _augmented(f"{_symbol}=", getattr(operator, _name)),
    )

clock = count()
