"""Indexing ops: elements chosen by position, and their adjoints that put elements back."""

from typing import Any

import numpy as np

from tinytorch.tensor._op import op
from tinytorch.tensor._precision import HALF, SINGLE
from tinytorch.tensor.errors import IndexRangeError, ShapeError, TinyTorchError
from tinytorch.tensor.types import Array, Shape


@op
def getitem(x: Array, *, index: Any) -> Array:
    """x[index], with every kind of index that NumPy has."""
    try:
        return x[index]
    except TinyTorchError as error:  # an operand in the index that is more than its numbers
        error.rename("getitem")
        raise
    except IndexError as error:
        raise IndexRangeError(
            "getitem",
            expected=f"an index within shape {np.shape(x)}",
            got=f"[{index!r}]: {error}",
            fix="index with integers from 0, or from -1 backward, slices, integer arrays, or bool"
            " masks of this shape",
        ) from error


@op
def put_into_zeros(x: Array, *, index: Any, shape: Shape) -> Array:
    """Zeros of the given shape with x added at index: the adjoint of getitem."""
    if _is_basic(index):
        out = np.zeros(shape, x.dtype)
        out[index] = x
        return out
    out = np.zeros(shape, _to_add_in(x))
    np.add.at(out, index, x)
    return out.astype(x.dtype, copy=False)


@op
def take_along_axis(x: Array, *, indices: np.ndarray, axis: int) -> Array:
    """For each position, the element of x along axis that indices names."""
    _check_indices("take_along_axis", indices, np.shape(x), axis)
    return np.take_along_axis(x, indices, axis)


@op
def scatter_add(x: Array, values: Array, *, indices: np.ndarray, axis: int) -> Array:
    """A copy of x to which each value is added at the position along axis that indices names."""
    _check_indices("scatter_add", indices, np.shape(x), axis)
    if np.shape(values) != np.shape(indices):
        raise ShapeError(
            "scatter_add",
            expected=f"one value for each index: shape {np.shape(indices)}",
            got=f"values {np.shape(values)}",
            fix="broadcast_to the shape of the indices",
        )
    out = np.array(x, _to_add_in(x))
    where: list[Any] = list(np.indices(np.shape(indices), sparse=True))
    where[axis] = indices
    np.add.at(out, tuple(where), values)
    return out.astype(x.dtype, copy=False)


def _to_add_in(x: Array) -> np.dtype[Any]:
    """The data type in which many values may be added to one element of x."""
    return SINGLE if x.dtype is HALF else x.dtype


def _check_indices(operation: str, indices: np.ndarray, shape: Shape, axis: int) -> None:
    """Raise unless indices are integers within axis, with as many axes as the shape."""
    if not -len(shape) <= axis < len(shape) or np.ndim(indices) != len(shape):
        raise ShapeError(
            operation,
            expected=f"indices with {len(shape)} axes and an axis of shape {shape}",
            got=f"indices {np.shape(indices)}, axis={axis}",
            fix="expand_dims the indices, count axes from 0",
        )
    others = [a for a in range(len(shape)) if a != axis % len(shape)]
    if any(np.shape(indices)[a] != shape[a] for a in others):
        raise ShapeError(
            operation,
            expected=f"indices of shape {shape}, except along axis {axis}",
            got=f"indices {np.shape(indices)}",
            fix="broadcast_to the indices first",
        )
    if np.size(indices) and not (np.min(indices) >= 0 and np.max(indices) < shape[axis]):
        raise IndexRangeError(
            operation,
            expected=f"indices from 0 to {shape[axis] - 1} along axis {axis}",
            got=f"{np.min(indices)} to {np.max(indices)}",
            fix="check how the indices were made",
        )


def _is_basic(index: Any) -> bool:
    """Whether no element can be named twice: only integers, slices, Ellipsis and None."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(isinstance(p, (int, np.integer, slice, type(Ellipsis), type(None))) for p in parts)
