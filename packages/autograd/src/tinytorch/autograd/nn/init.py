"""First values of weights: arrays drawn so that signals keep their size from layer to layer.

``shape`` is a weight's: (outputs, inputs, *kernel). ``fan_in`` is inputs times the kernel's size.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinytorch.tensor import ArgumentError, ShapeError, random

__all__ = ["kaiming_normal", "kaiming_uniform", "xavier_normal", "xavier_uniform"]


def kaiming_uniform(shape: Sequence[int], *, a: float = 0.0, rng: Any = None) -> np.ndarray:
    """Draw evenly within gain * sqrt(3 / fan_in), where gain is sqrt(2 / (1 + a^2)).

    Args:
        shape: (outputs, inputs, ...).
        a: The slope for negative inputs of the leaky ReLU that follows; sqrt(5) is PyTorch's choice
            for its layers, which gives 1 / sqrt(fan_in).
        rng: A generator, a seed or None.

    Returns:
        A float32 array of that shape.

    Raises:
        ShapeError: There are fewer than two axes.

    Source:
        K. He et al., Delving Deep into Rectifiers, 2015.

    Example:
        >>> bool(abs(kaiming_uniform((4, 6), rng=0)).max() <= 1)
        True
    """
    bound = _gain(a) * math.sqrt(3 / _fans("kaiming_uniform", shape)[0])
    return random.uniform(shape, -bound, bound, rng=rng).data


def kaiming_normal(shape: Sequence[int], *, a: float = 0.0, rng: Any = None) -> np.ndarray:
    """Draw from the normal distribution of deviation gain / sqrt(fan_in).

    Args:
        shape: (outputs, inputs, ...).
        a: As for `kaiming_uniform`.
        rng: A generator, a seed or None.

    Returns:
        A float32 array of that shape.

    Raises:
        ShapeError: There are fewer than two axes.

    Source:
        K. He et al., Delving Deep into Rectifiers, 2015.
    """
    std = _gain(a) / math.sqrt(_fans("kaiming_normal", shape)[0])
    return random.normal(shape, 0.0, std, rng=rng).data


def xavier_uniform(shape: Sequence[int], *, gain: float = 1.0, rng: Any = None) -> np.ndarray:
    """Draw evenly within gain * sqrt(6 / (fan_in + fan_out)).

    Args:
        shape: (outputs, inputs, ...).
        gain: A factor for the activation that follows.
        rng: A generator, a seed or None.

    Returns:
        A float32 array of that shape.

    Raises:
        ShapeError: There are fewer than two axes.

    Source:
        X. Glorot, Y. Bengio, Understanding the difficulty of training deep networks, 2010.
    """
    bound = gain * math.sqrt(6 / sum(_fans("xavier_uniform", shape)))
    return random.uniform(shape, -bound, bound, rng=rng).data


def xavier_normal(shape: Sequence[int], *, gain: float = 1.0, rng: Any = None) -> np.ndarray:
    """Draw from the normal distribution of deviation gain * sqrt(2 / (fan_in + fan_out)).

    Args:
        shape: (outputs, inputs, ...).
        gain: A factor for the activation that follows.
        rng: A generator, a seed or None.

    Returns:
        A float32 array of that shape.

    Raises:
        ShapeError: There are fewer than two axes.

    Source:
        X. Glorot, Y. Bengio, Understanding the difficulty of training deep networks, 2010.
    """
    std = gain * math.sqrt(2 / sum(_fans("xavier_normal", shape)))
    return random.normal(shape, 0.0, std, rng=rng).data


def _gain(a: float) -> float:
    if not math.isfinite(a):
        raise ArgumentError("init", expected="a finite slope a", got=f"a={a}", fix="use a=0")
    return math.sqrt(2 / (1 + a * a))


def _fans(operation: str, shape: Sequence[int]) -> tuple[int, int]:
    if len(shape) < 2 or 0 in shape:
        raise ShapeError(
            operation,
            expected="(outputs, inputs, ...), none of length 0",
            got=f"{tuple(shape)}",
            fix="draw biases with random.uniform, or start them at 0",
        )
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel
