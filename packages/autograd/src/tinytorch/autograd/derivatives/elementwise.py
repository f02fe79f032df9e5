"""Derivatives of the elementwise ops, in the order of `tinytorch.tensor.ops.elementwise`.

g is the gradient of the result z; x and y are the operands.
"""

from math import inf, log, nan, pi, sqrt
from typing import Any

from tinytorch.autograd._table import derivative
from tinytorch.tensor import Tensor, ops

derivative(ops.add, lambda g, _z, _x, _y: g, lambda g, _z, _x, _y: g)
derivative(ops.sub, lambda g, _z, _x, _y: g, lambda g, _z, _x, _y: -g)
derivative(ops.mul, lambda g, _z, _x, y: g * y, lambda g, _z, x, _y: g * x)
derivative(ops.div, lambda g, _z, _x, y: g / y, lambda g, z, _x, y: -g * z / y)
derivative(
    ops.pow,
    lambda g, _z, x, y: g * _slope_of_power(x, y),
    lambda g, z, x, y: g * z * _log_of_base(x, y),
)
derivative(ops.mod, lambda g, _z, _x, _y: g, lambda g, _z, x, y: -g * ops.floor_div(x, y))
derivative(ops.neg, lambda g, _z, _x: -g)
derivative(ops.abs, lambda g, _z, x: g * ops.where(ops.isnan(x), 0, ops.sign(x)))

derivative(ops.exp, lambda g, z, _x: g * z)
derivative(ops.expm1, lambda g, z, _x: g * (z + 1))
derivative(ops.log, lambda g, _z, x: g / x)
derivative(ops.log1p, lambda g, _z, x: g / (x + 1))
# Infinite at 0, as in PyTorch; a zero further down makes NaN of it. ops.std has a root that is not.
derivative(ops.sqrt, lambda g, z, _x: g * 0.5 / z)
derivative(ops.sin, lambda g, _z, x: g * ops.cos(x))
derivative(ops.cos, lambda g, _z, x: -g * ops.sin(x))
derivative(ops.tanh, lambda g, z, _x: g * (1 - z * z))
derivative(ops.sigmoid, lambda g, z, x: g * z * ops.sigmoid(-x))
derivative(ops.softplus, lambda g, _z, x: g * ops.sigmoid(x))
derivative(ops.erf, lambda g, _z, x: g * ops.exp(-x * x) * (2 / sqrt(pi)))
derivative(ops.erfc, lambda g, _z, x: g * ops.exp(-x * x) * (-2 / sqrt(pi)))
derivative(ops.relu, lambda g, z, _x: ops.relu_gradient(g, z))
derivative(ops.relu_gradient, lambda h, _y, _g, z: ops.relu_gradient(h, z), None)
derivative(
    ops.binary_cross_entropy,
    lambda g, _z, p, target: g * (p - target) / ops.maximum(p * (1 - p), 1e-12),
    lambda g, _z, p, _target: g * (ops.binary_cross_entropy(p, 1) - ops.binary_cross_entropy(p, 0)),
)

derivative(ops.maximum, lambda g, _z, x, y: g * _wins(x, y), lambda g, _z, x, y: g * _wins(y, x))
derivative(ops.minimum, lambda g, _z, x, y: g * _wins(y, x), lambda g, _z, x, y: g * _wins(x, y))
derivative(ops.clip, lambda g, z, x, low=None, high=None: g * ops.equal(x, z))
derivative(
    ops.where,
    None,
    lambda g, _z, condition, _x, _y: ops.where(condition, g, 0),
    lambda g, _z, condition, _x, _y: ops.where(condition, 0, g),
)
derivative(ops.to_float, lambda g, _z, _x, dtype: ops.to_float(g, dtype=_x.dtype))


def _wins(x: Any, y: Any) -> Any:
    """1 where x is larger, 1/2 where both are equal, 0 where y is; beside NaN 1, as in PyTorch."""
    return ops.logical_not(ops.less(x, y)) - ops.equal(x, y) * 0.5


def _slope_of_power(x: Any, y: Any) -> Any:
    """y * x^(y - 1), infinite at x = 0 for y below 1; 0 where y is 0, whatever x is."""
    if not isinstance(y, Tensor):
        return y * x ** (y - 1) if y else 0
    constant = ops.logical_and(ops.equal(y, 0), ops.logical_or(ops.equal(x, 0), ops.isnan(x)))
    return y * ops.where(constant, 1, x) ** ops.where(constant, 1, y - 1)


def _log_of_base(x: Any, y: Any) -> Any:
    """log x, for x**y; 0 at x = 0, where 0**y stays 0 as y changes, unless y is negative."""
    if isinstance(x, Tensor):
        constant = ops.logical_and(ops.equal(x, 0), ops.greater_equal(y, 0))
        return ops.log(ops.where(constant, 1, x))
    if x:
        return log(x) if x > 0 else nan
    return ops.where(ops.greater_equal(y, 0), 0, -inf)
