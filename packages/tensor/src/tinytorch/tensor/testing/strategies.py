"""Generators for property-based tests: shapes that broadcast, Tensors, axes and indices.

They need hypothesis (`pip install "tinytorch-tensor[testing]"`), which is imported when one of
them is called.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor._creation import tensor
from tinytorch.tensor._tensor import Tensor
from tinytorch.tensor.checks import extra
from tinytorch.tensor.types import Axes

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["arrays", "axes", "broadcastable_shapes", "indices", "shapes", "tensors"]


def shapes(
    *, min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4
) -> "SearchStrategy[tuple[int, ...]]":
    """Return a strategy of shapes, those of numbers and of empty arrays among them.

    Args:
        min_dims: The fewest axes.
        max_dims: The most axes.
        min_side: The shortest axis.
        max_side: The longest axis.

    Returns:
        A strategy of tuples.
    """
    return _numpy().array_shapes(
        min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side
    )


def broadcastable_shapes(
    count: int, *, min_side: int = 0, max_side: int = 4
) -> "SearchStrategy[tuple[tuple[int, ...], ...]]":
    """Return a strategy of `count` shapes that broadcast together.

    Args:
        count: How many.
        min_side: The shortest axis.
        max_side: The longest axis.

    Returns:
        A strategy of tuples of shapes.
    """
    found = _numpy().mutually_broadcastable_shapes(
        num_shapes=count, min_side=min_side, max_side=max_side, max_dims=3
    )
    return found.map(lambda both: both.input_shapes)


def arrays(
    shape: Any, *, dtype: DTypeLike = np.float32, bound: float = 4.0
) -> "SearchStrategy[np.ndarray]":
    """Return a strategy of arrays.

    Args:
        shape: A shape, or a strategy of shapes.
        dtype: Their data type.
        bound: The largest magnitude.

    Returns:
        A strategy of arrays; floats are finite, and 0 or of a magnitude that is no denormal.
    """
    kind = np.dtype(dtype)
    if kind.kind == "f":
        numbers = _strategies().integers(-64, 64).map(lambda n: n * bound / 64)
    elif kind.kind == "b":
        numbers = _strategies().booleans()
    else:
        numbers = _strategies().integers(0 if kind.kind == "u" else -int(bound), int(bound))
    return _numpy().arrays(kind, shape, elements=numbers)


def tensors(
    shape: Any, *, dtype: DTypeLike = np.float32, bound: float = 4.0
) -> "SearchStrategy[Tensor]":
    """Return a strategy of Tensors: as `arrays`.

    Returns:
        A strategy of Tensors.
    """
    return arrays(shape, dtype=dtype, bound=bound).map(tensor)


def axes(ndim: int) -> "SearchStrategy[Axes]":
    """Return a strategy of what a reduction's `axis` may be: None, one axis, or several.

    Args:
        ndim: How many axes there are.

    Returns:
        A strategy; axes count from either end.
    """
    options = [_strategies().none()]
    if ndim:
        options.append(_strategies().integers(-ndim, ndim - 1))
        options.append(_numpy().valid_tuple_axes(ndim))
    return _strategies().one_of(options)


def indices(shape: Sequence[int]) -> "SearchStrategy[Any]":
    """Return a strategy of indices of every kind that fit a shape: slices, integers, arrays, masks.

    Args:
        shape: The shape that is indexed.

    Returns:
        A strategy of indices.
    """
    shape = tuple(shape)
    options = [
        _numpy().basic_indices(shape, allow_newaxis=True, allow_ellipsis=True),
        _numpy().arrays(np.bool_, shape),
    ]
    if shape and all(shape):
        options.append(
            _numpy().integer_array_indices(
                shape, result_shape=_numpy().array_shapes(max_dims=2, max_side=3)
            )
        )
    return _strategies().one_of(options)


def _strategies() -> Any:
    with extra("strategies", "tinytorch-tensor[testing]"):
        from hypothesis import strategies
    return strategies


def _numpy() -> Any:
    with extra("strategies", "tinytorch-tensor[testing]"):
        import hypothesis  # noqa: F401
        from hypothesis.extra import numpy
    return numpy
