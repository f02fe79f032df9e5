"""Random Tensors: randomness is an argument, never a hidden global state.

`rng` is NumPy's own convention: a `numpy.random.Generator`, an integer seed, or None for fresh
randomness. Whoever needs a repeatable sequence makes one generator and passes it on.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor import pytorch
from tinytorch.tensor._convert import as_array, real_dtype
from tinytorch.tensor._creation import read_shape
from tinytorch.tensor._tensor import Tensor, wrap
from tinytorch.tensor.checks import fraction, number
from tinytorch.tensor.errors import ArgumentError, DTypeError, ShapeError, named

__all__ = ["bernoulli", "categorical", "generator", "normal", "permutation", "uniform"]

pytorch.point_out(__name__, "torch")

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
def categorical(p: Any, shape: Shape = (), *, rng: Rng = None) -> Tensor:
    """Draw class numbers, each with a probability in proportion to its weight.

    Args:
        p: (..., classes) weights or probabilities, 0 or more; scaled to sum to 1. Of logits give
            `softmax(logits)`.
        shape: How many draws, in front of the other axes of `p`.
        rng: As in `normal`.

    Returns:
        (*shape, ...) int64 from 0 to classes - 1.

    Raises:
        ShapeError: There is no class.
        ArgumentError: A weight is negative or not finite, or all are 0.

    Example:
        >>> categorical([[0.0, 1.0], [1.0, 0.0]], 3, rng=0).tolist()
        [[1, 0], [1, 0], [1, 0]]
    """
    given = p.data if isinstance(p, Tensor) else p  # a draw has no gradient
    weights = as_array("categorical", given, np.float64, copy=False)
    draws = read_shape("categorical", (shape,))
    if not weights.ndim or not weights.shape[-1]:
        raise ShapeError(
            "categorical",
            expected="(..., classes), at least one class",
            got=f"p {weights.shape}",
            fix="give one weight for each class along the last axis",
        )
    limits = weights.cumsum(-1)
    total = limits[..., -1:]
    if not (weights >= 0).all() or not (np.isfinite(total) & (total > 0)).all():
        raise ArgumentError(
            "categorical",
            expected="weights of 0 or more, finite, not all 0",
            got=f"p {weights.shape} from {weights.min()} to {weights.max()}",
            fix="give probabilities: of logits softmax(logits)",
        )
    drawn = generator(rng).random((*draws, *weights.shape[:-1], 1)) * total
    drawn = np.minimum(drawn, np.nextafter(total, 0))
    return wrap(np.asarray((limits <= drawn).sum(-1)))


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
