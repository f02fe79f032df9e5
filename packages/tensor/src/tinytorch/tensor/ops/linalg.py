"""Linear algebra: products that sum over a shared axis, computed by BLAS."""

import numpy as np

from tinytorch.tensor._op import op
from tinytorch.tensor._types import Array
from tinytorch.tensor.errors import ShapeError


@op(broadcasts=True)
def matmul(x: Array, y: Array) -> Array:
    """The matrix product: (..., n, k) by (..., k, m) is (..., n, m); vectors as in NumPy."""
    if np.ndim(x) == 0 or np.ndim(y) == 0 or x.shape[-1] != y.shape[-min(2, y.ndim)]:
        raise ShapeError(
            "matmul",
            expected="(..., n, k) @ (..., k, m): equal inner lengths k",
            got=f"{np.shape(x)} @ {np.shape(y)}",
            fix="transpose one operand (x.T), or multiply by numbers with *",
            shapes=[np.shape(x), np.shape(y)],
        )
    return x @ y


@op
def einsum(*xs: Array, subscripts: str) -> Array:
    """The sum of products that the subscripts describe, as numpy.einsum, optimized."""
    return np.einsum(subscripts, *xs, optimize=True)
