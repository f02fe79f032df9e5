"""Derivatives of the indexing ops: choosing and putting back are each other's derivatives."""

import numpy as np

from tinytorch.autograd._table import derivative
from tinytorch.tensor import Tensor, from_numpy, ops

derivative(ops.getitem, lambda g, _z, _x, index: ops.put_into_zeros(g, index=index, shape=_x.shape))
derivative(ops.put_into_zeros, lambda g, _z, _x, index, shape: ops.getitem(g, index=index))
derivative(
    ops.take_along_axis,
    lambda g, _z, _x, indices, axis: ops.scatter_add(
        _zeros_like(_x), g, indices=indices, axis=axis
    ),
)
derivative(
    ops.scatter_add,
    lambda g, _z, _x, _values, indices, axis: g,
    lambda g, _z, _x, _values, indices, axis: ops.take_along_axis(g, indices=indices, axis=axis),
)


def _zeros_like(x: Tensor) -> Tensor:
    """Zeros of x's shape and data type."""
    return from_numpy(np.zeros(x.shape, x.dtype))
