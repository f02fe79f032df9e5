"""Random Tensors: randomness is an argument, never a hidden global state.

``rng`` is NumPy's own convention: a `numpy.random.Generator`, an integer seed, or None for fresh
randomness. Whoever needs a repeatable sequence makes one generator and passes it on.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor._tensor import Tensor, wrap
from tinytorch.tensor.errors import ArgumentError, DTypeError

__all__ = ["bernoulli", "generator", "normal", "permutation", "uniform"]

Rng = np.random.Generator | int | None
Shape = int | Sequence[int]


def generator(rng: Any = None) -> np.random.Generator:
    """Give the generator that ``rng`` stands for.

    Args:
        rng: A generator (given back as it is), an integer seed, or None for fresh randomness.

    Returns:
        The generator.

    Raises:
        DTypeError: ``rng`` is something else.

    Example:
        >>> int(generator(0).integers(100))
        85
    """
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise DTypeError(
            "rng",
            expected="a numpy.random.Generator, a seed of 0 or more, or None",
            got=repr(rng),
            fix="use rng=0, or one np.random.default_rng(seed) for the whole program",
        ) from error


def normal(
    shape: Shape = (),
    mean: float = 0.0,
    std: float = 1.0,
    *,
    rng: Rng = None,
    dtype: DTypeLike = np.float32,
) -> Tensor:
    """Draw from the normal distribution.

    Args:
        shape: The result's shape.
        mean: The center.
        std: The standard deviation; 0 or more.
        rng: A generator, a seed or None.
        dtype: float32 or another floating type.

    Returns:
        A Tensor of that shape.

    Raises:
        ArgumentError: ``std`` is negative.

    Example:
        >>> normal((2,), rng=0).shape
        (2,)
    """
    if not std >= 0:
        raise ArgumentError("normal", expected="std >= 0", got=f"std={std}", fix="use std=1.0")
    drawn = generator(rng).standard_normal(shape, _native(dtype))
    return wrap(np.asarray(drawn * std + mean).astype(dtype, copy=False))


def uniform(
    shape: Shape = (),
    low: float = 0.0,
    high: float = 1.0,
    *,
    rng: Rng = None,
    dtype: DTypeLike = np.float32,
) -> Tensor:
    """Draw evenly from ``low`` (included) to ``high`` (excluded).

    Args:
        shape: The result's shape.
        low: The lower limit.
        high: The upper limit; not below ``low``.
        rng: A generator, a seed or None.
        dtype: float32 or another floating type.

    Returns:
        A Tensor of that shape.

    Raises:
        ArgumentError: ``high`` is below ``low``.

    Example:
        >>> uniform((2, 3), -1, 1, rng=0).shape
        (2, 3)
    """
    if not low <= high:
        raise ArgumentError(
            "uniform", expected="low <= high", got=f"{low}, {high}", fix="swap the limits"
        )
    drawn = generator(rng).random(shape, _native(dtype))
    return wrap(np.asarray(drawn * (high - low) + low).astype(dtype, copy=False))


def bernoulli(p: float, shape: Shape = (), *, rng: Rng = None) -> Tensor:
    """Draw True with probability ``p``.

    Args:
        p: From 0 to 1.
        shape: The result's shape.
        rng: A generator, a seed or None.

    Returns:
        A bool Tensor of that shape.

    Raises:
        ArgumentError: ``p`` is out of its range.

    Example:
        >>> bernoulli(1.0, (2,)).tolist()
        [True, True]
    """
    if not 0 <= p <= 1:
        raise ArgumentError("bernoulli", expected="0 <= p <= 1", got=f"p={p}", fix="use p=0.5")
    return wrap(np.asarray(generator(rng).random(shape) < p))


def permutation(n: int, *, rng: Rng = None) -> Tensor:
    """Give the numbers from 0 to n - 1 in random order.

    Args:
        n: How many; 0 or more.
        rng: A generator, a seed or None.

    Returns:
        (n,) int64.

    Raises:
        ArgumentError: ``n`` is negative.

    Example:
        >>> sorted(permutation(3, rng=0).tolist())
        [0, 1, 2]
    """
    if n < 0:
        raise ArgumentError("permutation", expected="n >= 0", got=f"n={n}", fix="use the length")
    return wrap(generator(rng).permutation(n).astype(np.int64, copy=False))


def _native(dtype: DTypeLike) -> Any:
    """The type to draw in: NumPy's generators know float32 and float64."""
    return np.float64 if np.dtype(dtype) == np.float64 else np.float32
