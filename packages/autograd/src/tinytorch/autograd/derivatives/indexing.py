"""Derivatives of the indexing ops: choosing and putting back are each other's derivatives."""

import numpy as np

from tinytorch.autograd._table import derivative
from tinytorch.tensor import Tensor, from_numpy, ops

derivative(ops.getitem, lambda g, z, x, index: ops.put_into_zeros(g, index=index, shape=x.shape))
derivative(ops.put_into_zeros, lambda g, z, x, index, shape: ops.getitem(g, index=index))
derivative(
    ops.take_along_axis,
    lambda g, z, x, indices, axis: ops.scatter_add(_zeros_like(x), g, indices=indices, axis=axis),
)
derivative(
    ops.scatter_add,
    lambda g, z, x, values, indices, axis: g,
    lambda g, z, x, values, indices, axis: ops.take_along_axis(g, indices=indices, axis=axis),
)


def _zeros_like(x: Tensor) -> Tensor:
    """Zeros of x's shape and data type."""
    return from_numpy(np.zeros(x.shape, x.dtype))
