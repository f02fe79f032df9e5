"""Activations that bend smoothly or leak: one op each, where a chain of ops would keep every step.

The gradient of each is an op as well, which computes what it needs of x again: so nothing but x is
kept for the way back. Arrays have any shape; g has that of x.
"""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from tinytorch.tensor._op import op
from tinytorch.tensor._precision import HALF, SINGLE
from tinytorch.tensor.ops.elementwise import erfc, sigmoid
from tinytorch.tensor.types import Array

__all__ = [
    "gelu",
    "gelu_gradient",
    "leaky_relu",
    "leaky_relu_gradient",
    "silu",
    "silu_gradient",
]

BLOCK = 1 << 15
"""So many elements at a time stay in cache, with all that is computed of them."""


def _in_blocks(function: Callable[..., Array]) -> Callable[..., Array]:
    """Let an elementwise function compute a few rows at a time, half precision in single.

    What it makes on its way is then small, however large the arrays are.
    """

    @wraps(function)
    def computed(*arrays: Any, **settings: Any) -> Array:
        if len(arrays) > 1:  # a number takes the data type of its partner
            dtype = np.result_type(*arrays)
            arrays = tuple(a if isinstance(a, np.ndarray) else np.asarray(a, dtype) for a in arrays)
        x = arrays[-1]
        if x.size <= BLOCK and x.dtype is not HALF:
            return function(*arrays, **settings)
        arrays = np.broadcast_arrays(*arrays)
        out = np.empty_like(arrays[-1], np.result_type(*arrays, np.float16))
        rows = max(1, BLOCK * len(out) // max(1, out.size)) if out.ndim else 1
        for first in range(0, len(out) if out.ndim else 1, rows):
            at = np.s_[first : first + rows] if out.ndim else ()
            parts = [a[at].astype(SINGLE) if a.dtype is HALF else a[at] for a in arrays]
            out[at] = function(*parts, **settings)
        return out

    return computed


@op
@_in_blocks
def leaky_relu(x: Array, *, negative_slope: float) -> Array:
    """x where it is positive, else negative_slope * x."""
    return np.where(x > 0, x, x * negative_slope)


@op(broadcasts=True)
@_in_blocks
def leaky_relu_gradient(g: Array, x: Array, *, negative_slope: float) -> Array:
    """g where x is positive, else negative_slope * g."""
    return np.where(x > 0, g, g * negative_slope)


@op
@_in_blocks
def gelu(x: Array, *, approximate: str = "none") -> Array:
    """x times the standard normal distribution function of x; "tanh" takes a curve close to it."""
    if approximate == "tanh":
        curve, _ = _tanh_curve(x)
        return x * sigmoid.reference(curve)
    return x * 0.5 * erfc.reference(x * -math.sqrt(0.5))


@op(broadcasts=True)
@_in_blocks
def gelu_gradient(g: Array, x: Array, *, approximate: str = "none") -> Array:
    """g times the slope of `gelu` at x."""
    if approximate == "tanh":
        return _gated_gradient(g, x, *_tanh_curve(x))
    density = np.exp(x * x * -0.5) * math.sqrt(0.5 / math.pi)
    return g * (0.5 * erfc.reference(x * -math.sqrt(0.5)) + x * density)


@op
@_in_blocks
def silu(x: Array) -> Array:
    """x times its sigmoid."""
    return x * sigmoid.reference(x)


@op(broadcasts=True)
@_in_blocks
def silu_gradient(g: Array, x: Array) -> Array:
    """g times the slope of `silu` at x."""
    return _gated_gradient(g, x, x, 1)


def _tanh_curve(x: Array) -> tuple[Array, Array]:
    """What stands inside of the sigmoid in the usual approximation of `gelu`, and its slope."""
    scale, squares = math.sqrt(8 / math.pi), 0.044715 * x * x
    return scale * (x + squares * x), scale * (1 + 3 * squares)


def _gated_gradient(g: Array, x: Array, curve: Array, slope: Any) -> Array:
    """g times the slope of x * sigmoid(curve)."""
    gate: Array = sigmoid.reference(curve)
    return g * gate * (1 + x * slope * sigmoid.reference(-curve))
