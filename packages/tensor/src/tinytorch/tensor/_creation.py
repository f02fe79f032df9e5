"""Tensors made from data, from a shape or a range."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor._convert import as_array, real_dtype, whole_numbers
from tinytorch.tensor._tensor import Tensor, wrap
from tinytorch.tensor.checks import whole
from tinytorch.tensor.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError, named


@named
def tensor(data: Any, dtype: DTypeLike | None = None) -> Tensor:
    """Make a Tensor of numbers, nested lists, an array or a Tensor; always copies.

    Args:
        data: Anything that NumPy reads as an array of real numbers. Python floats become
            float32, integers int64, booleans bool; an array keeps its data type.
        dtype: The data type to convert to.

    Returns:
        The Tensor.

    Raises:
        DTypeError: The data are not real numbers.
        ShapeError: The nested lists are ragged.

    Example:
        >>> tensor([1, 2]).dtype, tensor([1.0, 2.0]).dtype
        (dtype('int64'), dtype('float32'))
    """
    return wrap(as_array("tensor", data, dtype, copy=True))


@named
def from_numpy(array: np.ndarray) -> Tensor:
    """Make a Tensor that shares the array's memory: writing to the array changes the Tensor.

    Args:
        array: Any shape; real numbers.

    Returns:
        The Tensor.

    Raises:
        DTypeError: `array` is no ndarray of real numbers.
    """
    if not isinstance(array, np.ndarray):
        raise DTypeError(
            "from_numpy",
            expected="a numpy.ndarray",
            got=f"{type(array).__name__}",
            fix="use tensor(data), which converts and copies",
        )
    return wrap(as_array("from_numpy", array, None, copy=False))


@named
def zeros(*shape: Any, dtype: DTypeLike = np.float32) -> Tensor:
    """Make a Tensor of zeros.

    Args:
        *shape: The lengths, one by one or as one tuple.
        dtype: The data type.

    Returns:
        A Tensor of that shape.

    Example:
        >>> zeros(2, 3).shape
        (2, 3)
    """
    return wrap(np.zeros(read_shape("zeros", shape), real_dtype("zeros", dtype)))


@named
def ones(*shape: Any, dtype: DTypeLike = np.float32) -> Tensor:
    """Make a Tensor of ones: as `zeros`.

    Example:
        >>> ones(2)
        tensor([1., 1.])
    """
    return wrap(np.ones(read_shape("ones", shape), real_dtype("ones", dtype)))


@named
def full(shape: int | Sequence[int], value: Any, dtype: DTypeLike | None = None) -> Tensor:
    """Make a Tensor with `value` everywhere.

    Args:
        shape: The result's shape.
        value: A number.
        dtype: The data type; by default what `tensor` makes of `value`.

    Returns:
        A Tensor of that shape.

    Example:
        >>> full((2,), 7)
        tensor([7, 7])
    """
    number = as_array("full", value, dtype, copy=True)
    lengths = read_shape("full", (shape,))
    if number.ndim:
        raise ShapeError(
            "full",
            expected="one number",
            got=f"shape {number.shape}",
            fix="broadcast_to repeats an array",
        )
    return wrap(np.full(lengths, number, number.dtype))


@named
def arange(start: float, stop: float | None = None, step: float = 1, dtype: Any = None) -> Tensor:
    """Make the numbers from `start` up to `stop`, which is excluded.

    Args:
        start: The first number; with one argument the end, and 0 is the first.
        stop: The end.
        step: The distance; not 0.
        dtype: The data type; by default int64, or float32 if an argument is a float.

    Returns:
        (numbers,).

    Raises:
        ArgumentError: `step` is 0, or something is no number.

    Example:
        >>> arange(3), arange(0.0, 1.0, 0.5)
        (tensor([0, 1, 2]), tensor([0. , 0.5]))
    """
    if stop is None:
        start, stop = 0, start
    try:
        values = np.arange(start, stop, step)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise ArgumentError(
            "arange",
            expected="finite numbers and a step that is not 0",
            got=f"start={start!r}, stop={stop!r}, step={step!r}",
            fix="arange(start, stop, step=1)",
        ) from error
    if dtype is None:
        dtype = np.float32 if values.dtype.kind == "f" else np.int64
    return wrap(values.astype(real_dtype("arange", dtype)))


@named
def eye(n: int, m: int | None = None, dtype: DTypeLike = np.float32) -> Tensor:
    """Make the identity matrix.

    Args:
        n: The number of rows.
        m: The number of columns; by default `n`.
        dtype: The data type.

    Returns:
        (n, m).

    Example:
        >>> eye(2)
        tensor([[1., 0.],
                [0., 1.]])
    """
    rows, columns = read_shape("eye", (n, n if m is None else m))
    return wrap(np.eye(rows, columns, dtype=real_dtype("eye", dtype)))


@named
def one_hot(classes: Any, num_classes: int, dtype: DTypeLike = np.float32) -> Tensor:
    """Make a vector with a single 1 for each class number.

    Args:
        classes: (...) integers from 0 to num_classes - 1.
        num_classes: The length of the new last axis.
        dtype: The data type.

    Returns:
        (..., num_classes).

    Raises:
        DTypeError: `classes` are no integers.
        IndexRangeError: A class number is out of its range.

    Example:
        >>> one_hot([1, 0], 2)
        tensor([[0., 1.],
                [1., 0.]])
    """
    num_classes = whole("one_hot", "num_classes", num_classes, least=0)
    numbers = as_array("one_hot", classes, None, copy=True)
    dtype = real_dtype("one_hot", dtype)
    if numbers.dtype.kind not in "iu":
        raise DTypeError(
            "one_hot",
            expected="integer class numbers",
            got=f"dtype {numbers.dtype}",
            fix="classes.astype('int64')",
        )
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < num_classes):
        raise IndexRangeError(
            "one_hot",
            expected=f"class numbers from 0 to {num_classes - 1}",
            got=f"{numbers.min()} to {numbers.max()}",
            fix="give a larger num_classes, or check the labels",
        )
    return wrap((numbers[..., None] == np.arange(num_classes)).astype(dtype))


def read_shape(operation: str, shape: Any) -> tuple[int, ...]:
    """Read lengths given one by one or as one tuple."""
    lengths = whole_numbers(operation, shape[0] if len(shape) == 1 else shape)
    if any(n < 0 for n in lengths):
        raise ShapeError(
            operation, expected="lengths of 0 or more", got=f"{lengths}", fix="check the shape"
        )
    return lengths
