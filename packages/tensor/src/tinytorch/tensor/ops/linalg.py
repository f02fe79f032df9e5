"""Linear algebra: products that sum over a shared axis, computed by BLAS."""

from math import prod
from typing import Any

import numpy as np

from tinytorch.tensor._op import op
from tinytorch.tensor._precision import HALF, SINGLE
from tinytorch.tensor.errors import ShapeError
from tinytorch.tensor.types import Array

LONG = 1 << 13
"""A product that adds more terms than this may be made of parts."""
FEW = 64
"""For so few results BLAS adds one term after the other, for more in blocks."""
PART, BLOCKS = 1 << 10, 1 << 16
"""Terms of a part, for few results and for many."""
MOST = 1 << 22
"""So many elements may the parts' results have together."""


@op(broadcasts=True, ufunc=np.matmul)
def matmul(x: Array, y: Array) -> Array:
    """The matrix product: (..., n, k) by (..., k, m) is (..., n, m); vectors as in NumPy."""
    try:
        if x.ndim > 2:
            return _product(x, y)
        if x.shape[-1] > LONG and y.ndim <= 2:
            return _product_by_parts(x, y)
        return x @ y
    except (AttributeError, IndexError, ValueError) as error:
        if np.ndim(x) and np.ndim(y) and x.shape[-1] == y.shape[-min(2, y.ndim)]:
            raise
        raise ShapeError(
            "matmul",
            expected="(..., n, k) @ (..., k, m): equal inner lengths k",
            got=f"{np.shape(x)} @ {np.shape(y)}",
            fix="transpose one operand (x.T), or multiply by numbers with *",
            shapes=[np.shape(x), np.shape(y)],
        ) from error


@op
def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """x @ weight.T + bias: (..., features) by (outputs, features) is (..., outputs)."""
    axes = getattr(x, "ndim", 0), getattr(weight, "ndim", 0)
    if axes[0] < 1 or axes[1] != 2 or x.shape[-1] != weight.shape[1]:
        raise ShapeError(
            "linear",
            expected=f"x (..., features) for a weight (outputs, features) = {np.shape(weight)}",
            got=f"x {np.shape(x)}",
            fix="make the layer for the features that come, or flatten the input first",
            shapes=[np.shape(x), np.shape(weight)],
        )
    if bias is None:
        return _product(x, weight.T)
    if np.shape(bias) != weight.shape[:1]:
        raise ShapeError(
            "linear",
            expected=f"bias (outputs,) = {weight.shape[:1]}",
            got=f"bias {np.shape(bias)}",
            fix="give one bias for each output",
            shapes=[np.shape(x), weight.shape, np.shape(bias)],
        )
    product = _product(x, weight.T)
    if product.dtype != bias.dtype:
        return product + bias
    product += bias
    return product


def _product(x: Array, y: Array) -> Array:
    """The product; all rows meet one matrix at once, where NumPy would take one stack at a time.

    Not where the numbers of a row lie apart: such rows cost less as they are than in a copy.
    """
    if x.ndim < 3 or y.ndim != 2 or len(y) != x.shape[-1] or not x.size:
        return x @ y
    if x.strides[-1] != x.itemsize:
        return x @ y
    return (x.reshape(-1, len(y)) @ y).reshape(*x.shape[:-1], y.shape[1])


def _product_by_parts(x: Array, y: Array) -> Array:
    """The product of vectors or matrices, for sums so long that BLAS would lose digits in them."""
    inner = x.shape[-1]
    rows, columns = x.shape[:-1] or (1,), y.shape[1:] or (1,)
    results = rows[0] * columns[0]
    part = PART if results <= FEW or rows[0] == 1 or columns[0] == 1 else BLOCKS
    parts = min(inner // part, MOST // (results or 1))
    if parts < 2 or len(y) != inner or not x.dtype == y.dtype == SINGLE:
        return x @ y
    whole = inner // parts * parts
    left = x[..., :whole].reshape(*rows, parts, -1).swapaxes(0, 1)
    right = y[:whole].reshape(parts, -1, *columns)
    total = np.add.reduce(left @ right, axis=0, dtype=np.float64)
    if whole < inner:
        total += x[..., whole:].reshape(*rows, -1) @ y[whole:].reshape(-1, *columns)
    return total.astype(SINGLE).reshape(x.shape[:-1] + y.shape[1:])


@op
def einsum(*xs: Array, subscripts: str) -> Array:
    """The sum of products that the subscripts describe, as numpy.einsum, optimized."""
    dtype = np.result_type(*xs)
    wide: np.dtype[Any] | None = None
    if dtype == HALF:
        wide = SINGLE
    elif dtype == SINGLE and _terms(subscripts, xs) > LONG:
        wide = np.dtype(np.float64)
    if wide is None:
        return np.einsum(subscripts, *xs, optimize=True)
    return np.einsum(subscripts, *[x.astype(wide) for x in xs], optimize=True).astype(dtype)


def _terms(subscripts: str, xs: tuple[Array, ...]) -> int:
    """How many products an element of the result adds up."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    lengths: dict[str, int] = {}
    for name, x in zip(inputs.split(","), xs, strict=False):
        before, _, after = name.partition("...")
        for letter, n in (
            *zip(before, x.shape, strict=False),
            *zip(after[::-1], x.shape[::-1], strict=False),
        ):
            lengths[letter] = max(n, lengths.get(letter, 0))
    kept = output if arrow else [c for c in lengths if inputs.count(c) == 1]
    return prod(n for letter, n in lengths.items() if letter not in kept)
