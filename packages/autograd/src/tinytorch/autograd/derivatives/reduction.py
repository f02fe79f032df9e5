"""Derivatives of the reductions: what was added or chosen receives the whole gradient."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinytorch.autograd._table import derivative
from tinytorch.tensor import Tensor, ops

derivative(
    ops.sum,
    lambda g, _z, _x, axis=None, keepdims=False: ops.broadcast_to(
        _restore(g, _x, axis, keepdims), shape=_x.shape
    ),
)
derivative(ops.max, lambda g, z, x, axis=None, keepdims=False: _to_chosen(g, z, x, axis, keepdims))
derivative(ops.min, lambda g, z, x, axis=None, keepdims=False: _to_chosen(g, z, x, axis, keepdims))
derivative(
    ops.cumsum,
    lambda g, _z, _x, axis: ops.flip(ops.cumsum(ops.flip(g, axis=axis), axis=axis), axis=axis),
)
derivative(
    ops.log_softmax,
    lambda g, z, _x, axis: ops.log_softmax_gradient(g, z, axis=axis),
)
derivative(
    ops.log_softmax_gradient,
    lambda h, _y, _g, z, axis: h - ops.sum(h * ops.exp(z), axis=axis, keepdims=True),
    lambda h, _y, g, z, axis: -h * ops.exp(z) * ops.sum(g, axis=axis, keepdims=True),
)
derivative(ops.softmax, lambda g, z, _x, axis: ops.softmax_gradient(g, z, axis=axis))
derivative(
    ops.softmax_gradient,
    lambda h, _y, _g, z, axis: ops.softmax_gradient(h, z, axis=axis),
    lambda h, _y, g, z, axis: (
        h * g
        - h * ops.sum(g * z, axis=axis, keepdims=True)
        - g * ops.sum(h * z, axis=axis, keepdims=True)
    ),
)
derivative(ops.normalize, lambda g, _z, x, **s: ops.normalize_gradient(g, x, **s))
derivative(
    ops.normalize_gradient,
    lambda h, _y, _g, x, **s: ops.normalize_gradient(h, x, **s),
    lambda h, _y, g, x, last, eps: _bend_of_normalize(h, g, x, last, eps),
)


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


def _bend_of_normalize(h: Tensor, g: Tensor, x: Tensor, last: int, eps: float) -> Any:
    """The gradient of the sum of h times `normalize_gradient(g, x)` with respect to x.

    Of each row that sum is n r (a - p q) with r the scale, a the mean of what h and g deviate from
    their means, multiplied, p = mean(h z) and q = mean(g z); z and r move with x.
    """
    axes = tuple(range(-last, 0))
    z = ops.normalize(x, last=last, eps=eps)
    h, g = (y - ops.mean(y, axes, keepdims=True) for y in (h, g))
    a, p, q = (ops.mean(y, axes, keepdims=True) for y in (h * g, h * z, g * z))
    squared = 1 / (ops.var(x, axes, keepdims=True) + eps)
    return (z * (3 * p * q - a) - q * h - p * g) * squared
