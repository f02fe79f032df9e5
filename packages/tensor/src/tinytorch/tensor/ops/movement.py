"""Movement ops: the same elements in another arrangement, by a view where NumPy can."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from tinytorch.tensor._convert import shape_of
from tinytorch.tensor._op import op
from tinytorch.tensor.errors import ShapeError, named
from tinytorch.tensor.types import Array, Axes, Shape


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
def concatenate(tensors: Any, axis: int = 0) -> Any:
    """Return the tensors one after the other along an axis that they have."""
    return join(*tensors, axis=axis)


@named
def stack(tensors: Any, axis: int = 0) -> Any:
    """Return the tensors one after the other along a new axis."""
    return join(*[expand_dims(x, axis) for x in tensors], axis=axis)


@named
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Return x with two axes swapped."""
    order = list(range(len(shape_of(x))))
    try:
        order[axis1], order[axis2] = order[axis2], order[axis1]
    except IndexError:
        raise _no_such_axis("swapaxes", (axis1, axis2), shape_of(x)) from None
    return transpose(x, axes=tuple(order))


@named
def flatten(x: Any, start_axis: int = 0) -> Any:
    """Return x with all axes from start_axis on joined into one."""
    shape = shape_of(x)
    if shape and not -len(shape) <= start_axis < len(shape):
        raise _no_such_axis("flatten", start_axis, shape)
    kept = shape[: start_axis % len(shape)] if shape else ()
    rest = prod(shape[len(kept) :])
    return reshape(x, shape=(*kept, rest))


@named
def squeeze(x: Any, axis: Axes = None) -> Any:
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
def expand_dims(x: Any, axis: int) -> Any:
    """Return x with an axis of length 1 inserted at axis."""
    shape = shape_of(x)
    if not -len(shape) - 1 <= axis <= len(shape):
        raise _no_such_axis("expand_dims", axis, shape)
    axis %= len(shape) + 1
    return reshape(x, shape=(*shape[:axis], 1, *shape[axis:]))


def _no_such_axis(operation: str, axis: Any, shape: Shape) -> ShapeError:
    """The error for an axis that the shape does not have."""
    return ShapeError(
        operation,
        expected=f"an axis of shape {shape}, which has {len(shape)}",
        got=f"axis={axis}",
        fix="count axes from 0, or from -1 backward",
    )
