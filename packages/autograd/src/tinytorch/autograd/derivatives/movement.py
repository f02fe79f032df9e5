"""Derivatives of the movement ops: the gradient moves back the way the elements came."""

from typing import Any

import numpy as np

from tinytorch.autograd._table import Row, derivative
from tinytorch.tensor import Tensor, ops

derivative(ops.reshape, lambda g, _z, _x, shape: ops.reshape(g, shape=_x.shape))
derivative(ops.transpose, lambda g, _z, _x, axes=None: ops.transpose(g, axes=_inverse(axes)))
derivative(ops.broadcast_to, lambda g, _z, _x, shape: g)
derivative(ops.pad, lambda g, _z, _x, widths, value=0: ops.getitem(g, index=_inside(_x, widths)))
derivative(ops.flip, lambda g, _z, _x, axis: ops.flip(g, axis=axis))
derivative(ops.join, each=lambda position: _part(position))


def _inverse(axes: Any) -> Any:
    """The permutation that undoes another."""
    return None if axes is None else np.argsort([a % len(axes) for a in axes]).tolist()


def _inside(x: Tensor, widths: Any) -> tuple[slice, ...]:
    """Where x lies in its padded form."""
    pairs = np.broadcast_to(widths, (x.ndim, 2)).tolist()
    return tuple(slice(before, before + n) for (before, _), n in zip(pairs, x.shape, strict=True))


def _part(position: int) -> Row:
    """The row of one operand of join: the part of the gradient where it lies."""

    def row(g: Tensor, _z: Tensor, *_xs: Tensor, axis: int = 0) -> Any:
        start = sum(x.shape[axis] for x in _xs[:position])
        index = [slice(None)] * g.ndim
        index[axis] = slice(start, start + _xs[position].shape[axis])
        return ops.getitem(g, index=tuple(index))

    return row
