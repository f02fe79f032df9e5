"""Indexing ops: elements chosen by position, and their adjoints that put elements back."""

from typing import Any

import numpy as np

from tinytorch.tensor._convert import shape_of
from tinytorch.tensor._op import op
from tinytorch.tensor._precision import HALF, SINGLE
from tinytorch.tensor.checks import flag, whole
from tinytorch.tensor.errors import IndexRangeError, ShapeError, TinyTorchError, named
from tinytorch.tensor.ops.elementwise import to_discrete
from tinytorch.tensor.types import Array, Operand, Shape, T, TopK


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


@op(differentiable=False)
def argsort(x: Array, *, axis: int = -1, descending: bool = False) -> Array:
    """The positions that put x in order along axis; equal elements stay in theirs, NaN is largest.

    From the largest down if descending.
    """
    if not descending:
        return np.argsort(x, axis, kind="stable")
    upward = np.argsort(np.flip(x, axis), axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(upward, axis)


@named
def topk(x: Operand[T], k: int, axis: int = -1, largest: bool = True) -> TopK[T]:
    """Return the k largest elements along axis, the largest first, and where they stand.

    Args:
        x: Any shape with the axis. NaN counts as the largest; of equal elements the first is first.
        k: How many; at most the length of the axis.
        axis: The axis.
        largest: False for the smallest, the smallest first.

    Returns:
        `(values, indices)`, each of the shape of x with length k along the axis.

    Raises:
        ShapeError: There is no such axis, or k is larger than it.
        ArgumentError: k is no whole number of 0 or more.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> values, indices = topk(tensor([1.0, 5.0, 3.0]), 2)
        >>> values, indices
        (tensor([5., 3.]), tensor([1, 2]))
    """
    shape, k = shape_of(x), whole("topk", "k", k, 0)
    if not -len(shape) <= axis < len(shape) or k > shape[axis]:
        raise ShapeError(
            "topk",
            expected=f"an axis of shape {shape} with at least k={k} elements",
            got=f"axis={axis}",
            fix="count axes from 0, or from -1 backward; choose fewer elements",
        )
    order: Any = argsort(x, axis=axis, descending=flag("topk", "largest", largest))
    indices = np.take(order.data, np.arange(k), axis)
    return TopK(
        take_along_axis(x, indices=indices, axis=axis),
        to_discrete(indices, dtype=np.dtype(np.int64)),
    )


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
