"""What users give becomes an array of real numbers, or an error that says why not."""

from operator import index
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor.errors import ArgumentError, DTypeError, GradientError, ShapeError


def as_array(operation: str, data: Any, dtype: DTypeLike | None, *, copy: bool) -> np.ndarray:
    """Convert to an ndarray of real numbers, in the machine's byte order.

    Python floats become float32, integers int64, booleans bool; arrays keep their data type.

    Args:
        operation: Who asks, for errors.
        data: Numbers, nested lists, an array or a Tensor.
        dtype: The data type to convert to, or None for the rule above.
        copy: Whether the result must not share memory with `data`.

    Raises:
        ShapeError: The nested lists are ragged.
        DTypeError: The data are not real numbers.
        GradientError: The data are Tensors that remember where they came from.
    """
    try:
        array = np.asarray(data)  # other libraries' `__array__` may know no `copy`
    except GradientError as error:
        raise GradientError(
            operation,
            expected="numbers, which have no history",
            got=error.got,
            fix="x.detach() for its values; stack([x, ...]) for one Tensor that keeps gradients",
        ) from error
    except ValueError as error:
        raise ShapeError(
            operation,
            expected="nested lists of equal lengths",
            got=f"ragged data ({error})",
            fix="pad the short rows, or make one Tensor a row",
        ) from error
    if not is_real(array.dtype):
        raise DTypeError(
            operation,
            expected="real numbers: bool, integers or floats of up to 64 bits",
            got=f"{type(data).__name__} of dtype {array.dtype}",
            fix="convert to numbers first, or give a plain list of numbers",
        )
    if dtype is not None:
        wanted = real_dtype(operation, dtype)
    elif array.dtype.kind == "f" and not has_dtype(data):
        wanted = np.dtype(np.float32)
    else:
        wanted = np.dtype(array.dtype.type)  # in the machine's byte order
    return array.astype(wanted, copy=copy and type(data) not in FRESH)


FRESH = frozenset({bool, int, float, list, tuple})
"""What NumPy makes a new array of in any case."""


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an operand, which NumPy would take long to ask of a Tensor."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def real_dtype(operation: str, dtype: Any) -> np.dtype[Any]:
    """Read the data type that a Tensor is to have."""
    wanted: np.dtype[Any] | None
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        wanted = None
    if wanted is None or not is_real(wanted):
        raise DTypeError(
            operation,
            expected="a dtype of real numbers of up to 64 bits",
            got=f"dtype={dtype!r}",
            fix="use float32, float64, int64, bool, ...",
        )
    return np.dtype(wanted.type)


def whole_numbers(operation: str, values: Any) -> tuple[int, ...]:
    """Read a shape, or the axes' order: whole numbers, or only one."""
    try:
        return (index(values),) if hasattr(values, "__index__") else tuple(map(index, values))
    except TypeError as error:
        raise WholeNumberError(
            operation,
            expected="whole numbers, one for each axis",
            got=repr(values),
            fix="give a tuple of int, or the numbers one by one",
        ) from error


class WholeNumberError(ArgumentError, TypeError):
    """Something else in place of whole numbers."""


def is_real(dtype: np.dtype[Any]) -> bool:
    """Whether a Tensor can hold it: bool, integers, floats of up to 64 bits."""
    return dtype.kind in "biuf" and dtype.itemsize <= 8


def has_dtype(data: Any) -> bool:
    """Whether the data come with a data type of their own: arrays, or lists of them."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return hasattr(data, "dtype") or hasattr(data, "__array__")
