"""Movement ops: the same elements in another arrangement, by a view where NumPy can."""

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

import numpy as np

from tinytorch.tensor._convert import shape_of
from tinytorch.tensor._op import op
from tinytorch.tensor.checks import whole
from tinytorch.tensor.errors import ShapeError, named
from tinytorch.tensor.ops.elementwise import where
from tinytorch.tensor.ops.indexing import getitem
from tinytorch.tensor.types import Array, Axes, Operand, Shape, T


@op
def reshape(x: Array, *, shape: Shape) -> Array:
    """The elements in another shape; one length may be -1."""
    return x.reshape(shape)


@op
def transpose(x: Array, *, axes: Shape | None = None) -> Array:
    """The axes permuted; without axes, reversed."""
    return x.transpose(axes)


@op(broadcasts=True)
def broadcast_to(x: Array, *, shape: Shape) -> Array:
    """X repeated along new axes and axes of length 1, as a read-only view."""
    if not x.ndim and min(shape, default=0) >= 0:
        # One element everywhere: what numpy.broadcast_to gives, without its general machinery.
        return np.ndarray(shape, x.dtype, x, strides=(0,) * len(shape))
    return np.broadcast_to(x, shape)


@op
def pad(x: Array, *, widths: Any, value: float = 0) -> Array:
    """X with a border: widths is a (before, after) pair for each axis."""
    return np.pad(x, widths, constant_values=value)


@op
def flip(x: Array, *, axis: Axes) -> Array:
    """X with the order of elements reversed along one axis or several."""
    return np.flip(x, tuple(axis) if isinstance(axis, Sequence) else axis)


@op
def join(*xs: Array, axis: int = 0) -> Array:
    """The operands one after the other along an axis that they have."""
    return np.concatenate(xs, axis=axis)


@named
def concatenate(tensors: Iterable[Operand[T]], axis: int = 0) -> T:
    """Return the tensors one after the other along an axis that they have."""
    return join(*tensors, axis=axis)


@named
def stack(tensors: Iterable[Operand[T]], axis: int = 0) -> T:
    """Return the tensors one after the other along a new axis."""
    return join(*[expand_dims(x, axis) for x in tensors], axis=axis)


@named
def split(x: Operand[T], lengths: int | Sequence[int], axis: int = 0) -> list[T]:
    """Return the parts of x, one after the other along axis, as PyTorch does.

    Args:
        x: Any shape with the axis.
        lengths: The length of each part, or one length: then the last part may be shorter. (NumPy
            takes a number of parts, or where to cut.)
        axis: The axis that is cut.

    Returns:
        The parts; joined by `concatenate` they are x.

    Raises:
        ShapeError: There is no such axis, or the lengths do not add up to its own.
        ArgumentError: A length is no whole number, or is negative; one length is at least 1.

    Example:
        >>> from tinytorch.tensor import arange
        >>> split(arange(5), 2)
        [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """
    shape = shape_of(x)
    if not -len(shape) <= axis < len(shape):
        raise _no_such_axis("split", axis, shape)
    length = shape[axis]
    if not isinstance(lengths, Sequence):
        one = whole("split", "lengths", lengths, 1)
        parts = [min(one, length - start) for start in range(0, max(length, 1), one)]
    else:
        parts = [whole("split", "lengths", n, 0) for n in lengths]
    if sum(parts) != length:
        raise ShapeError(
            "split",
            expected=f"lengths that add up to {length}, that of axis {axis} of {shape}",
            got=f"lengths={lengths!r}, which add up to {sum(parts)}",
            fix="give one length for equal parts, or lengths that add up",
        )
    before = (slice(None),) * (axis % len(shape))
    ends = np.cumsum(parts).tolist()
    return [
        getitem(x, index=(*before, slice(end - n, end))) for n, end in zip(parts, ends, strict=True)
    ]


@named
def tril(x: Operand[T], k: int = 0) -> T:
    """Return x with zeros above a diagonal of its last two axes.

    Args:
        x: (..., rows, columns).
        k: The diagonal: 0 for the main one, above it positive, below it negative.

    Raises:
        ShapeError: There are fewer than two axes.

    Example:
        >>> from tinytorch.tensor import ones
        >>> tril(ones(2, 2))
        tensor([[1., 0.],
                [1., 1.]])
    """
    return where(np.tri(*_matrix("tril", x), whole("tril", "k", k), dtype=bool), x, _nothing(x))


@named
def triu(x: Operand[T], k: int = 0) -> T:
    """Return x with zeros below a diagonal of its last two axes: as `tril`.

    Example:
        >>> from tinytorch.tensor import ones
        >>> triu(ones(2, 2), k=1)
        tensor([[0., 1.],
                [0., 0.]])
    """
    return where(
        ~np.tri(*_matrix("triu", x), whole("triu", "k", k) - 1, dtype=bool), x, _nothing(x)
    )


@named
def swapaxes(x: Operand[T], axis1: int, axis2: int) -> T:
    """Return x with two axes swapped."""
    order = list(range(len(shape_of(x))))
    try:
        order[axis1], order[axis2] = order[axis2], order[axis1]
    except IndexError:
        raise _no_such_axis("swapaxes", (axis1, axis2), shape_of(x)) from None
    return transpose(x, axes=tuple(order))


@named
def flatten(x: Operand[T], start_axis: int = 0) -> T:
    """Return x with all axes from start_axis on joined into one."""
    shape = shape_of(x)
    if shape and not -len(shape) <= start_axis < len(shape):
        raise _no_such_axis("flatten", start_axis, shape)
    kept = shape[: start_axis % len(shape)] if shape else ()
    rest = prod(shape[len(kept) :])
    return reshape(x, shape=(*kept, rest))


@named
def squeeze(x: Operand[T], axis: Axes = None) -> T:
    """Return x without its axes of length 1: the given ones, or all."""
    shape = shape_of(x)
    if axis is None:
        return reshape(x, shape=tuple(n for n in shape if n != 1))
    axes = {a % len(shape) if -len(shape) <= a < len(shape) else a for a in np.atleast_1d(axis)}
    if any(a >= len(shape) or a < 0 or shape[a] != 1 for a in axes):
        raise ShapeError(
            "squeeze",
            expected="axes of length 1",
            got=f"axis={axis} of shape {shape}",
            fix="name only axes of length 1, or none to drop them all",
        )
    return reshape(x, shape=tuple(n for a, n in enumerate(shape) if a not in axes))


@named
def expand_dims(x: Operand[T], axis: int) -> T:
    """Return x with an axis of length 1 inserted at axis."""
    shape = shape_of(x)
    if not -len(shape) - 1 <= axis <= len(shape):
        raise _no_such_axis("expand_dims", axis, shape)
    axis %= len(shape) + 1
    return reshape(x, shape=(*shape[:axis], 1, *shape[axis:]))


def _matrix(operation: str, x: Any) -> tuple[int, int]:
    """The lengths of the last two axes."""
    shape = shape_of(x)
    if len(shape) < 2:
        raise ShapeError(
            operation,
            expected="(..., rows, columns)",
            got=f"{shape}",
            fix="expand_dims or reshape to a matrix first",
        )
    return shape[-2], shape[-1]


def _nothing(x: Any) -> bool | int:
    """The zero that changes no data type."""
    return False if getattr(x, "dtype", None) == np.bool_ else 0


def _no_such_axis(operation: str, axis: Any, shape: Shape) -> ShapeError:
    """The error for an axis that the shape does not have."""
    return ShapeError(
        operation,
        expected=f"an axis of shape {shape}, which has {len(shape)}",
        got=f"axis={axis}",
        fix="count axes from 0, or from -1 backward",
    )
