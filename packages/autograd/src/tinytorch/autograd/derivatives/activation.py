"""Derivatives of the activations that are ops, and of their gradients: x is all they need."""

from math import pi, sqrt
from typing import Any

from tinytorch.autograd._table import derivative
from tinytorch.tensor import ops

derivative(ops.gelu, lambda g, _z, x, **s: ops.gelu_gradient(g, x, **s))
derivative(
    ops.gelu_gradient,
    lambda h, _y, _g, x, **s: ops.gelu_gradient(h, x, **s),
    lambda h, _y, g, x, **s: h * g * _bend_of_gelu(x, **s),
)
derivative(ops.silu, lambda g, _z, x: ops.silu_gradient(g, x))
derivative(
    ops.silu_gradient,
    lambda h, _y, _g, x: ops.silu_gradient(h, x),
    lambda h, _y, g, x: h * g * _bend_of_gated(x, x, 1, 0),
)
derivative(ops.leaky_relu, lambda g, _z, x, **s: ops.leaky_relu_gradient(g, x, **s))
derivative(
    ops.leaky_relu_gradient, lambda h, _y, _g, x, **s: ops.leaky_relu_gradient(h, x, **s), None
)


def _bend_of_gelu(x: Any, approximate: str = "none") -> Any:
    """The second derivative of `gelu` at x."""
    if approximate == "tanh":
        scale, squares = sqrt(8 / pi), 0.044715 * x * x
        slope, bend = scale * (1 + 3 * squares), scale * 6 * 0.044715 * x
        return _bend_of_gated(x, scale * (x + squares * x), slope, bend)
    return ops.exp(x * x * -0.5) * sqrt(0.5 / pi) * (2 - x * x)


def _bend_of_gated(x: Any, curve: Any, slope: Any, bend: Any) -> Any:
    """The second derivative of x * sigmoid(curve), by the first two of the curve."""
    gate, rest = ops.sigmoid(curve), ops.sigmoid(-curve)
    return gate * rest * (2 * slope + x * (bend + slope * slope * (rest - gate)))
