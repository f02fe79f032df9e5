"""Derivatives of the reductions: what was added or chosen receives the whole gradient."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinytorch.autograd._table import derivative
from tinytorch.tensor import Tensor, ops

derivative(
    ops.sum,
    lambda g, z, x, axis=None, keepdims=False: ops.broadcast_to(
        _restore(g, x, axis, keepdims), shape=x.shape
    ),
)
derivative(ops.max, lambda g, z, x, axis=None, keepdims=False: _to_chosen(g, z, x, axis, keepdims))
derivative(ops.min, lambda g, z, x, axis=None, keepdims=False: _to_chosen(g, z, x, axis, keepdims))
derivative(
    ops.cumsum,
    lambda g, z, x, axis: ops.flip(ops.cumsum(ops.flip(g, axis=axis), axis=axis), axis=axis),
)
derivative(
    ops.log_softmax,
    lambda g, z, x, axis: g - ops.exp(z) * ops.sum(g, axis=axis, keepdims=True),
)
derivative(ops.normalize, lambda g, z, x, last, eps: _to_normalized(g, z, x, last, eps))


def _restore(g: Tensor, x: Tensor, axis: Any, keepdims: bool) -> Any:
    """Return g with the axes of x, of length 1 where they were reduced."""
    if keepdims or not g.ndim:
        return g
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, Sequence) else (axis,)
    reduced = {a % x.ndim for a in axes}
    return ops.reshape(g, shape=tuple(1 if a in reduced else n for a, n in enumerate(x.shape)))


def _to_chosen(g: Tensor, z: Tensor, x: Tensor, axis: Any, keepdims: bool) -> Any:
    """Share g evenly among the elements that were chosen.

    As in PyTorch a NaN among all elements gets g; a NaN along an axis makes all of g there NaN.
    """
    if axis is None and np.isnan(z.data).all():
        chosen = ops.isnan(x)
    else:
        chosen = ops.equal(x, _restore(z, x, axis, keepdims))
    ties = ops.sum(chosen, axis=axis, keepdims=True)
    return _restore(g, x, axis, keepdims) * chosen / ties


def _to_normalized(g: Tensor, z: Tensor, x: Tensor, last: int, eps: float) -> Any:
    """Scale g as x was scaled, less what moving the mean and the variance takes away."""
    axes = tuple(range(-last, 0))
    along = ops.mean(g, axes, keepdims=True) + z * ops.mean(g * z, axes, keepdims=True)
    return (g - along) / ops.sqrt(ops.var(x, axes, keepdims=True) + eps)
