"""Elementwise ops: one result element for each element, after broadcasting.

Every array argument has any shape; two or more broadcast by NumPy's rules.
"""

# The names are the field's, so they shadow builtins here.

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinytorch.tensor._convert import real_dtype
from tinytorch.tensor._op import op
from tinytorch.tensor.errors import ArgumentError
from tinytorch.tensor.types import Array

# Arithmetic


@op(broadcasts=True)
def add(x: Array, y: Array) -> Array:
    """x + y."""
    return x + y


@op(broadcasts=True)
def sub(x: Array, y: Array) -> Array:
    """x - y."""
    return x - y


@op(broadcasts=True)
def mul(x: Array, y: Array) -> Array:
    """x * y."""
    return x * y


@op(broadcasts=True)
def div(x: Array, y: Array) -> Array:
    """x / y; integers give float32."""
    return x / y


@op(broadcasts=True)
def pow(x: Array, y: Array) -> Array:
    """x to the power y."""
    return x**y


@op(broadcasts=True, differentiable=False)
def floor_div(x: Array, y: Array) -> Array:
    """The largest integer not above x / y."""
    return x // y


@op(broadcasts=True)
def mod(x: Array, y: Array) -> Array:
    """The remainder of floor_div, with the sign of y."""
    return x % y


@op
def neg(x: Array) -> Array:
    """-x."""
    return -x


@op
def abs(x: Array) -> Array:
    """The magnitude of x; its derivative at 0 is 0."""
    return np.abs(x)


@op(differentiable=False)
def sign(x: Array) -> Array:
    """-1, 0 or 1."""
    return np.sign(x)


# Exponentials and their relatives


@op
def exp(x: Array) -> Array:
    """e to the power x."""
    return np.exp(x)


@op
def expm1(x: Array) -> Array:
    """exp(x) - 1, accurate near 0."""
    return np.expm1(x)


@op
def log(x: Array) -> Array:
    """The natural logarithm of x."""
    return np.log(x)


@op
def log1p(x: Array) -> Array:
    """log(1 + x), accurate near 0."""
    return np.log1p(x)


@op
def sqrt(x: Array) -> Array:
    """The square root of x."""
    return np.sqrt(x)


@op
def sin(x: Array) -> Array:
    """The sine of x in radians."""
    return np.sin(x)


@op
def cos(x: Array) -> Array:
    """The cosine of x in radians."""
    return np.cos(x)


@op
def tanh(x: Array) -> Array:
    """The hyperbolic tangent of x."""
    return np.tanh(x)


@op
def sigmoid(x: Array) -> Array:
    """exp(x) / (1 + exp(x)), with all digits where x is negative; never overflows."""
    power = np.exp(np.minimum(x, 11 if x.dtype == np.float16 else 40))  # beyond, the result is 1
    return power / (1 + power)


@op
def softplus(x: Array) -> Array:
    """log(1 + exp(x)), with all digits where x is negative; never overflows."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@op
def erf(x: Array) -> Array:
    """The error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return by_element(math.erf, x)


@op
def erfc(x: Array) -> Array:
    """1 - erf(x), with all digits where x is large."""
    return by_element(math.erfc, x)


@op
def relu(x: Array) -> Array:
    """x where it is positive, else 0; its derivative at 0 is 0."""
    return np.maximum(x, 0)


@op(broadcasts=True)
def binary_cross_entropy(p: Array, target: Array) -> Array:
    """-(target log p + (1 - target) log(1 - p)), each logarithm at least -100."""
    with np.errstate(divide="ignore"):
        likely, unlikely = np.maximum(np.log(p), -100), np.maximum(np.log1p(-p), -100)
    return -(target * likely + (1 - target) * unlikely)


# Choice


@op(broadcasts=True)
def maximum(x: Array, y: Array) -> Array:
    """The larger of x and y; equal ones share the gradient."""
    return np.maximum(x, y)


@op(broadcasts=True)
def minimum(x: Array, y: Array) -> Array:
    """The smaller of x and y; equal ones share the gradient."""
    return np.minimum(x, y)


@op
def clip(x: Array, *, low: float | None = None, high: float | None = None) -> Array:
    """X limited to the range from low to high; the gradient passes inside and at the limits."""
    if low is not None and high is not None and low > high:
        raise ArgumentError(
            "clip",
            expected="low <= high",
            got=f"low={low}, high={high}",
            fix="swap the two limits",
        )
    return x if low is None and high is None else np.clip(x, low, high)


@op(broadcasts=True)
def where(condition: Array, x: Array, y: Array) -> Array:
    """X where the condition holds, else y."""
    return np.where(condition, x, y)


@op
def to_float(x: Array, *, dtype: np.dtype[Any]) -> Array:
    """X converted to a floating data type."""
    return np.asarray(x).astype(dtype)


@op(differentiable=False)
def to_discrete(x: Array, *, dtype: np.dtype[Any]) -> Array:
    """X converted to integers or booleans; NaN and infinity are no integers."""
    values = np.asarray(x)
    if values.dtype.kind == "f" and dtype.kind != "b" and not np.isfinite(values).all():
        raise ArgumentError(
            "astype",
            expected="finite numbers, which have an integer",
            got=f"NaN or infinity in {values.dtype} {values.shape}",
            fix="choose a number for them: where(isfinite(x), x, 0)",
        )
    return values.astype(dtype)


def astype(x: Any, dtype: Any) -> Any:
    """X converted to another data type; the gradient passes between floating ones."""
    wanted = real_dtype("astype", dtype)
    return (to_float if wanted.kind == "f" else to_discrete)(x, dtype=wanted)


# Rounding, comparison and logic: their derivatives are 0 or have no meaning


@op(differentiable=False)
def floor(x: Array) -> Array:
    """The largest integer not above x."""
    return np.floor(x)


@op(differentiable=False)
def ceil(x: Array) -> Array:
    """The smallest integer not below x."""
    return np.ceil(x)


@op(differentiable=False)
def round(x: Array) -> Array:
    """The nearest integer; halves go to the even one."""
    return np.rint(x)


@op(broadcasts=True, differentiable=False)
def equal(x: Array, y: Array) -> Array:
    """Whether x == y."""
    return np.equal(x, y)


@op(broadcasts=True, differentiable=False)
def not_equal(x: Array, y: Array) -> Array:
    """Whether x != y."""
    return np.not_equal(x, y)


@op(broadcasts=True, differentiable=False)
def less(x: Array, y: Array) -> Array:
    """Whether x < y."""
    return np.less(x, y)


@op(broadcasts=True, differentiable=False)
def less_equal(x: Array, y: Array) -> Array:
    """Whether x <= y."""
    return np.less_equal(x, y)


@op(broadcasts=True, differentiable=False)
def greater(x: Array, y: Array) -> Array:
    """Whether x > y."""
    return np.greater(x, y)


@op(broadcasts=True, differentiable=False)
def greater_equal(x: Array, y: Array) -> Array:
    """Whether x >= y."""
    return np.greater_equal(x, y)


@op(differentiable=False)
def isnan(x: Array) -> Array:
    """Whether x is not a number."""
    return np.isnan(x)


@op(differentiable=False)
def isfinite(x: Array) -> Array:
    """Whether x is neither infinite nor NaN."""
    return np.isfinite(x)


@op(broadcasts=True, differentiable=False)
def logical_and(x: Array, y: Array) -> Array:
    """Whether both x and y are true."""
    return np.logical_and(x, y)


@op(broadcasts=True, differentiable=False)
def logical_or(x: Array, y: Array) -> Array:
    """Whether x or y is true."""
    return np.logical_or(x, y)


@op(differentiable=False)
def logical_not(x: Array) -> Array:
    """Whether x is false."""
    return np.logical_not(x)


def by_element(function: Callable[[float], float], x: Array) -> Array:
    """The function of each element, where NumPy has none of its own; a kernel is 20 x faster."""
    dtype = x.dtype if x.dtype.kind == "f" else np.float64
    return np.asarray(np.frompyfunc(function, 1, 1)(x), dtype)
