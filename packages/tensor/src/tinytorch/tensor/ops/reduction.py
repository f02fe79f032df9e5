"""Reductions: fewer elements, by adding or choosing along axes.

`axis` is one axis, several, or None for all; `keepdims` leaves length 1 in their place.
"""

from collections.abc import Sequence
from math import inf, prod
from typing import Any

import numpy as np

from tinytorch.tensor._convert import shape_of
from tinytorch.tensor._op import op
from tinytorch.tensor._precision import (
    HALF,
    MEDIUM,
    SINGLE,
    SMALL,
    add_up,
    in_single,
    plain_sum,
)
from tinytorch.tensor.checks import number
from tinytorch.tensor.errors import ArgumentError, ShapeError, named
from tinytorch.tensor.ops.elementwise import (
    abs,
    equal,
    exp,
    isfinite,
    log,
    mul,
    not_equal,
    pow,
    sub,
    to_float,
    where,
)
from tinytorch.tensor.ops.movement import reshape
from tinytorch.tensor.types import Array, Axes, Operand, T


@op
def sum(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """The sum along axis."""
    if axis.__class__ is list:
        axis = tuple(axis)
    if x.size > SMALL or x.dtype is HALF:
        return add_up(x, axis, keepdims)
    return plain_sum(x, axis=axis, keepdims=keepdims)


@op
def max(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """The largest element along axis; ties share the gradient."""
    if axis.__class__ is list:
        axis = tuple(axis)
    return np.max(_non_empty("max", x), axis=axis, keepdims=keepdims)


@op
def min(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """The smallest element along axis; ties share the gradient."""
    if axis.__class__ is list:
        axis = tuple(axis)
    return np.min(_non_empty("min", x), axis=axis, keepdims=keepdims)


@op(differentiable=False)
def argmax(x: Array, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The position of the first largest element along axis."""
    return np.argmax(_non_empty("argmax", x), axis=axis, keepdims=keepdims)


@op(differentiable=False)
def argmin(x: Array, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The position of the first smallest element along axis."""
    return np.argmin(_non_empty("argmin", x), axis=axis, keepdims=keepdims)


@op
def cumsum(x: Array, *, axis: int) -> Array:
    """The running sum along one axis."""
    if x.dtype is HALF or (x.dtype is SINGLE and x.size > MEDIUM):
        return np.cumsum(x, axis=axis, dtype=np.float64).astype(x.dtype)
    return np.cumsum(x, axis=axis)


@op
@in_single
def log_softmax(x: Array, *, axis: int) -> Array:
    """The logarithm of exp(x) scaled to sum to 1 along axis; the maximum goes first."""
    shifted = x - np.max(_non_empty("log_softmax", x), axis=axis, keepdims=True)
    return shifted - np.log(add_up(np.exp(shifted), axis, keepdims=True))


@op(broadcasts=True)
def log_softmax_gradient(g: Array, z: Array, *, axis: int) -> Array:
    """g - exp(z) times the sum of g along axis; z is a result of `log_softmax`."""
    return g - np.exp(z) * add_up(g, axis, keepdims=True)


@op
@in_single
def softmax(x: Array, *, axis: int) -> Array:
    """exp(x) scaled to sum to 1 along axis; the maximum goes first."""
    power = np.exp(x - np.max(_non_empty("softmax", x), axis=axis, keepdims=True))
    power /= add_up(power, axis, keepdims=True)
    return power


@op(broadcasts=True)
def softmax_gradient(g: Array, z: Array, *, axis: int) -> Array:
    """z times what g has more than its average, weighed by z, a result of `softmax`."""
    return z * (g - add_up(g * z, axis, keepdims=True))


@op
@in_single
def normalize(x: Array, *, last: int, eps: float) -> Array:
    """X with mean 0 and variance 1 over its last axes; eps is added to the variance."""
    axes = tuple(range(-last, 0))
    n = prod(x.shape[-last:]) or 1
    centered = x - add_up(x, axes, keepdims=True) / n
    variance = add_up(centered * centered, axes, keepdims=True) / n
    return centered / np.sqrt(variance + eps)


@op(broadcasts=True)
def normalize_gradient(g: Array, x: Array, *, last: int, eps: float) -> Array:
    """g scaled as `normalize` scales x, less what moving the mean and the variance takes away."""
    if x.dtype is HALF:
        wide = (np.asarray(a, SINGLE) for a in (g, x))
        return normalize_gradient.reference(*wide, last=last, eps=eps).astype(HALF)
    axes = tuple(range(-last, 0))
    n = prod(x.shape[-last:]) or 1
    centered = x - add_up(x, axes, keepdims=True) / n
    variance = add_up(centered * centered, axes, keepdims=True) / n + eps
    along = centered * (add_up(g * centered, axes, keepdims=True) / (n * variance))
    return (g - add_up(g, axes, keepdims=True) / n - along) / np.sqrt(variance)


@named
@in_single
def mean(x: Operand[T], axis: Axes = None, keepdims: bool = False) -> T:
    """Return the average along axis."""
    total: Any = sum(x, axis=axis, keepdims=keepdims)
    return total / _count(x, axis)


@named
@in_single
def var(x: Operand[T], axis: Axes = None, keepdims: bool = False, ddof: int = 0) -> T:
    """Return the variance along axis: squared deviations, summed and divided by n - ddof."""
    deviation: Any = sub(x, mean(x, axis, keepdims=True))
    n = _count(x, axis)
    if n - ddof <= 0:
        raise ArgumentError(
            "var",
            expected=f"more than ddof={ddof} elements along axis {axis}",
            got=f"{n}",
            fix="use ddof=0, or more elements",
        )
    return sum(deviation * deviation, axis=axis, keepdims=keepdims) / (n - ddof)


@named
@in_single
def std(x: Operand[T], axis: Axes = None, keepdims: bool = False, ddof: int = 0) -> T:
    """Return the standard deviation along axis: the square root of the variance.

    Of constants it is 0 and so is its gradient. A root taken by hand has no finite gradient at 0.
    """
    variance = var(x, axis, keepdims, ddof)
    constant = equal(variance, 0)
    return (variance + constant) ** 0.5 - constant


@named
@in_single
def logsumexp(x: Operand[T], axis: Axes = None, keepdims: bool = False) -> T:
    """Return the logarithm of the sum of exp(x) along axis; never overflows.

    Raises:
        ShapeError: There is no element.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> logsumexp(tensor([1000.0, 1000.0]))
        tensor(1000.6932)
    """
    largest = max(x, axis=axis, keepdims=True)
    shift = where(isfinite(largest), largest, 0)
    total = sum(exp(x - shift), axis=axis, keepdims=keepdims)
    nothing = equal(total, 0)
    return where(nothing, -inf, log(total + nothing)) + reshape(shift, shape=total.shape)


@named
@in_single
def norm(x: Operand[T], ord: float = 2, axis: Axes = None, keepdims: bool = False) -> T:
    """Return the length of vectors along axis: the root of order ord of the summed powers.

    Args:
        x: Any shape; of several axes the elements are one vector.
        ord: The order: 2 for the Euclidean length, 1 for the sum of magnitudes, inf for the largest
            magnitude, -inf for the smallest, 0 for how many elements are not 0, or any number.
        axis: One axis, several, or None for all.
        keepdims: Whether length 1 stays in their place.

    Returns:
        The lengths. That of zeros is 0, and so is its gradient.

    Raises:
        ArgumentError: `ord` is no number.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> norm(tensor([3.0, -4.0])), norm(tensor([3.0, -4.0]), 1)
        (tensor(5.), tensor(7.))
    """
    order = ord if ord in (inf, -inf) else number("norm", "ord", ord)
    if order == 0:
        return sum(to_float(not_equal(x, 0), dtype=np.dtype(SINGLE)), axis=axis, keepdims=keepdims)
    size = abs(x)
    if order in (inf, -inf):
        return (max if order > 0 else min)(size, axis=axis, keepdims=keepdims)
    if order == 1:
        return sum(size, axis=axis, keepdims=keepdims)
    powers = mul(x, x) if order == 2 else pow(size, order)
    total: Any = sum(powers, axis=axis, keepdims=keepdims)
    nothing = equal(total, 0)
    return (total + nothing) ** (1 / order) - nothing


def _count(x: Any, axis: Axes) -> int:
    """How many elements a reduction along axis, which exists, joins."""
    shape = shape_of(x)
    if axis is None:
        return prod(shape)
    return prod([shape[a] for a in axis]) if isinstance(axis, Sequence) else shape[axis]


def _non_empty(operation: str, x: Array) -> Array:
    """Pass x on, unless there is nothing to choose from."""
    if np.size(x) == 0:
        raise ShapeError(
            operation,
            expected="at least one element to choose from",
            got=f"shape {np.shape(x)}",
            fix="check the size first; an empty sum is 0, an empty choice has no answer",
        )
    return x
