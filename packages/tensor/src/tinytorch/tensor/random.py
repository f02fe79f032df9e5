"""Random Tensors: randomness is an argument, never a hidden global state.

`rng` is NumPy's own convention: a `numpy.random.Generator`, an integer seed, or None for fresh
randomness. Whoever needs a repeatable sequence makes one generator and passes it on.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor._convert import real_dtype
from tinytorch.tensor._creation import read_shape
from tinytorch.tensor._tensor import Tensor, wrap
from tinytorch.tensor.checks import fraction, number
from tinytorch.tensor.errors import DTypeError, named

__all__ = ["bernoulli", "generator", "normal", "permutation", "uniform"]

# Quoted here and below: NumPy loads its random module, 30 ms of start, when it is first named.
Rng: TypeAlias = "np.random.Generator | int | None"
Shape = int | Sequence[int]


@named
def generator(rng: Any = None) -> "np.random.Generator":
    """Return the generator that `rng` stands for.

    Args:
        rng: A generator (given back as it is), an integer seed, or None for fresh randomness.

    Returns:
        The generator.

    Raises:
        DTypeError: `rng` is something else.

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


@named
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
        ArgumentError: `std` is negative.
        DTypeError: `dtype` is not floating.

    Example:
        >>> normal((2,), rng=0).shape
        (2,)
    """
    std, mean = number("normal", "std", std, least=0), number("normal", "mean", mean)
    wanted = _floating("normal", dtype)
    drawn = generator(rng).standard_normal(read_shape("normal", (shape,)), _native(wanted))
    return wrap(np.asarray(drawn * std + mean).astype(wanted, copy=False))


@named
def uniform(
    shape: Shape = (),
    low: float = 0.0,
    high: float = 1.0,
    *,
    rng: Rng = None,
    dtype: DTypeLike = np.float32,
) -> Tensor:
    """Draw evenly from `low` (included) to `high` (excluded).

    Args:
        shape: The result's shape.
        low: The lower limit.
        high: The upper limit; not below `low`.
        rng: As in `normal`.
        dtype: As in `normal`.

    Returns:
        A Tensor of that shape.

    Raises:
        ArgumentError: `high` is below `low`.
        DTypeError: `dtype` is not floating.

    Example:
        >>> uniform((2, 3), -1, 1, rng=0).shape
        (2, 3)
    """
    low = number("uniform", "low", low)
    high = number("uniform", "high", high, least=low)
    wanted = _floating("uniform", dtype)
    drawn = generator(rng).random(read_shape("uniform", (shape,)), _native(wanted))
    return wrap(np.asarray(drawn * (high - low) + low).astype(wanted, copy=False))


@named
def bernoulli(p: float, shape: Shape = (), *, rng: Rng = None) -> Tensor:
    """Draw True with probability `p`.

    Args:
        p: From 0 to 1.
        shape: The result's shape.
        rng: As in `normal`.

    Returns:
        A bool Tensor of that shape.

    Raises:
        ArgumentError: `p` is out of its range.

    Example:
        >>> bernoulli(1.0, (2,)).tolist()
        [True, True]
    """
    p = fraction("bernoulli", "p", p)
    return wrap(np.asarray(generator(rng).random(read_shape("bernoulli", (shape,))) < p))


@named
def permutation(n: int, *, rng: Rng = None) -> Tensor:
    """Return the numbers from 0 to n - 1 in random order.

    Args:
        n: How many; 0 or more.
        rng: As in `normal`.

    Returns:
        (n,) int64.

    Raises:
        ShapeError: `n` is negative.

    Example:
        >>> sorted(permutation(3, rng=0).tolist())
        [0, 1, 2]
    """
    (length,) = read_shape("permutation", (n,))
    return wrap(generator(rng).permutation(length).astype(np.int64, copy=False))


def _floating(operation: str, dtype: DTypeLike) -> np.dtype[Any]:
    """The data type, which must be a floating one: rounded draws have another distribution."""
    wanted = real_dtype(operation, dtype)
    if wanted.kind != "f":
        raise DTypeError(
            operation,
            expected="a floating dtype",
            got=f"dtype={wanted}",
            fix="draw float32, then astype; or use a generator's integers",
        )
    return wanted


def _native(dtype: np.dtype[Any]) -> Any:
    """The type to draw in: NumPy's generators know float32 and float64."""
    return np.float64 if dtype == np.float64 else np.float32
