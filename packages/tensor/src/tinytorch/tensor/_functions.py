"""Functions in NumPy's argument order over ops whose settings are keyword-only."""

from operator import index
from typing import Any

import numpy as np

from tinytorch.tensor import ops
from tinytorch.tensor._convert import as_array, shape_of
from tinytorch.tensor.errors import DTypeError, ShapeError, named
from tinytorch.tensor.types import Axes, Operand, T


@named
def einsum(subscripts: str, *tensors: Operand[T]) -> T:
    """Return the sum of products that `subscripts` describe.

    Args:
        subscripts: As in `numpy.einsum`, such as `"ij,jk->ik"`.
        *tensors: One for each comma-separated part.

    Returns:
        The axes right of the arrow, or in alphabetical order those that occur once.

    Raises:
        ShapeError: Subscripts and shapes do not fit.

    Example:
        >>> from tinytorch.tensor import eye, tensor
        >>> einsum("ij,j->i", eye(2), tensor([3.0, 4.0]))
        tensor([3., 4.])
    """
    return ops.einsum(*tensors, subscripts=subscripts)


@named
def pad(x: Operand[T], widths: Any, value: float = 0) -> T:
    """Return `x` with a border.

    Args:
        x: Any shape.
        widths: A (before, after) pair for each axis, or one pair or number for all.
        value: What the border is filled with.

    Returns:
        Each axis longer by its two widths.

    Raises:
        ShapeError: `widths` does not fit the axes.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> pad(tensor([1, 2]), (1, 0))
        tensor([0, 1, 2])
    """
    shape = shape_of(x)
    try:
        pairs = np.broadcast_to(np.array(widths), (len(shape), 2)).tolist()
        widths = tuple((index(before), index(after)) for before, after in pairs)
    except (TypeError, ValueError) as error:
        raise ShapeError(
            "pad",
            expected=f"a (before, after) pair of whole numbers for each axis of shape {shape}",
            got=f"widths={widths!r}",
            fix="give one pair for each axis, or one pair or number for all",
        ) from error
    return ops.pad(x, widths=widths, value=value)


@named
def flip(x: Operand[T], axis: Axes = None) -> T:
    """Return `x` with the order of elements reversed.

    Args:
        x: Any shape.
        axis: One axis, several, or None for all.

    Returns:
        The shape of `x`.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> flip(tensor([1, 2, 3]))
        tensor([3, 2, 1])
    """
    return ops.flip(x, axis=axis)


@named
def take_along_axis(x: Operand[T], indices: Any, axis: int) -> T:
    """Return for each position the element of `x` that `indices` names along `axis`.

    Args:
        x: Any shape.
        indices: Integers; as many axes as `x`, of equal lengths except along `axis`.
        axis: The axis that is indexed.

    Returns:
        The shape of `indices`.

    Raises:
        ShapeError: The axes do not fit.
        IndexRangeError: An index is out of its range.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> take_along_axis(tensor([[1, 2], [3, 4]]), [[1], [0]], axis=1)
        tensor([[2],
                [3]])
    """
    return ops.take_along_axis(x, indices=integers("take_along_axis", indices), axis=axis)


@named
def scatter_add(x: Operand[T], indices: Any, values: Operand[T], axis: int) -> T:
    """Return a copy of `x` with each value added where `indices` points along `axis`.

    Args:
        x: Any shape.
        indices: Integers; as many axes as `x`, of at most equal lengths except along `axis`.
        values: The shape of `indices`.
        axis: The axis that is indexed.

    Returns:
        The shape of `x`.

    Raises:
        ShapeError: The axes do not fit.
        IndexRangeError: An index is out of its range.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> scatter_add(tensor([0, 0]), [1, 1, 0], tensor([1, 2, 3]), axis=0)
        tensor([3, 3])
    """
    return ops.scatter_add(x, values, indices=integers("scatter_add", indices), axis=axis)


def integers(operation: str, indices: Any) -> np.ndarray:
    """The array of an index, which must not change while a graph remembers it."""
    array = as_array(operation, indices, None, copy=True)
    if array.dtype.kind not in "iu":
        raise DTypeError(
            operation,
            expected="integer indices",
            got=f"indices of dtype {array.dtype}",
            fix="indices.astype('int64')",
        )
    return array
