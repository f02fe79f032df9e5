"""Linear algebra: products that sum over a shared axis, computed by BLAS."""

import numpy as np

from tinytorch.tensor._op import op
from tinytorch.tensor.errors import ShapeError
from tinytorch.tensor.types import Array


@op(broadcasts=True)
def matmul(x: Array, y: Array) -> Array:
    """The matrix product: (..., n, k) by (..., k, m) is (..., n, m); vectors as in NumPy."""
    try:
        return x @ y
    except ValueError as error:
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
    if np.ndim(weight) != 2 or np.ndim(x) < 1 or x.shape[-1] != weight.shape[1]:
        raise ShapeError(
            "linear",
            expected=f"x (..., features) for a weight (outputs, features) = {np.shape(weight)}",
            got=f"x {np.shape(x)}",
            fix="make the layer for the features that come, or flatten the input first",
            shapes=[np.shape(x), np.shape(weight)],
        )
    if bias is None:
        return x @ weight.T
    if np.shape(bias) != weight.shape[:1]:
        raise ShapeError(
            "linear",
            expected=f"bias (outputs,) = {weight.shape[:1]}",
            got=f"bias {np.shape(bias)}",
            fix="give one bias for each output",
            shapes=[np.shape(x), weight.shape, np.shape(bias)],
        )
    product = x @ weight.T
    if product.dtype != bias.dtype:
        return product + bias
    product += bias
    return product


@op
def einsum(*xs: Array, subscripts: str) -> Array:
    """The sum of products that the subscripts describe, as numpy.einsum, optimized."""
    return np.einsum(subscripts, *xs, optimize=True)
