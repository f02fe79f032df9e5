"""First values of weights: arrays drawn so that signals keep their size from layer to layer.

Those that draw take the `shape` of a weight, (outputs, inputs, *kernel), none of length 0, and a
generator, a seed or None as `rng`. They return a float32 array of that shape or raise a ShapeError.
`fan_in` is inputs times the kernel's size, `fan_out` outputs times it.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinytorch.autograd._variable import Variable
from tinytorch.tensor import ShapeError, checks, pytorch, random

__all__ = ["dirac_", "kaiming_normal", "kaiming_uniform", "xavier_normal", "xavier_uniform"]

pytorch.point_out(__name__, "init")


def kaiming_uniform(shape: Sequence[int], *, a: float = 0.0, rng: Any = None) -> np.ndarray:
    """Return numbers drawn evenly within gain * sqrt(3 / fan_in); gain is sqrt(2 / (1 + a^2)).

    Args:
        shape: (outputs, inputs, ...).
        a: The slope for negative inputs of the leaky ReLU that follows; sqrt(5) is PyTorch's choice
            for its layers, which gives 1 / sqrt(fan_in).
        rng: A generator, a seed or None.

    Source:
        K. He et al., Delving Deep into Rectifiers, 2015.

    Example:
        >>> bool(abs(kaiming_uniform((4, 6), rng=0)).max() <= 1)
        True
    """
    bound = _gain("kaiming_uniform", a) * math.sqrt(3 / _fans("kaiming_uniform", shape)[0])
    return random.uniform(shape, -bound, bound, rng=rng).data


def kaiming_normal(shape: Sequence[int], *, a: float = 0.0, rng: Any = None) -> np.ndarray:
    """Return numbers of deviation gain / sqrt(fan_in), normally distributed.

    Args, source and gain are those of `kaiming_uniform`.
    """
    std = _gain("kaiming_normal", a) / math.sqrt(_fans("kaiming_normal", shape)[0])
    return random.normal(shape, 0.0, std, rng=rng).data


def xavier_uniform(shape: Sequence[int], *, gain: float = 1.0, rng: Any = None) -> np.ndarray:
    """Return numbers drawn evenly within gain * sqrt(6 / (fan_in + fan_out)).

    Args:
        shape: (outputs, inputs, ...).
        gain: A factor for the activation that follows.
        rng: A generator, a seed or None.

    Source:
        X. Glorot, Y. Bengio, Understanding the difficulty of training deep networks, 2010.
    """
    bound = gain * math.sqrt(6 / sum(_fans("xavier_uniform", shape)))
    return random.uniform(shape, -bound, bound, rng=rng).data


def xavier_normal(shape: Sequence[int], *, gain: float = 1.0, rng: Any = None) -> np.ndarray:
    """Return numbers of deviation gain * sqrt(2 / (fan_in + fan_out)), normally distributed.

    Args and source are those of `xavier_uniform`.
    """
    std = gain * math.sqrt(2 / sum(_fans("xavier_normal", shape)))
    return random.normal(shape, 0.0, std, rng=rng).data


def dirac_(weight: Variable, groups: int = 1) -> Variable:
    """Let a convolution pass its input on: 1 where a channel meets itself, 0 elsewhere.

    Args:
        weight: (outputs, inputs / groups, *kernel), with one to three kernel axes; assigned to.
        groups: The groups that the channels are in; divides the outputs.

    Returns:
        The weight itself.

    Raises:
        ShapeError: There is no kernel, or the groups do not divide the outputs.
        ArgumentError: `groups` is not a whole number of at least 1.

    Source:
        S. Zagoruyko, N. Komodakis, DiracNets, 2017; torch.nn.init.dirac_.

    Example:
        >>> from tinytorch.autograd.nn import Parameter
        >>> dirac_(Parameter(np.zeros((1, 1, 3)))).tolist()
        [[[0.0, 1.0, 0.0]]]
    """
    groups = checks.whole("dirac_", "groups", groups, 1)
    shape = weight.shape
    if not 3 <= len(shape) <= 5 or shape[0] % groups:
        raise ShapeError(
            "dirac_",
            expected=f"(outputs, inputs, one to three kernel axes), outputs divisible by {groups}",
            got=f"{shape}",
            fix="give a convolution's weight and its number of groups",
        )
    values = np.zeros(shape, weight.dtype)
    channels = shape[0] // groups
    # Of each channel the middle of its kernel, in every group.
    index: Any = (slice(None), slice(None), *[n // 2 for n in shape[2:]])
    middle = values[index]
    for one in range(min(channels, shape[1])):
        middle[one::channels, one] = 1
    return weight.assign(values)


def _gain(operation: str, a: float) -> float:
    slope = checks.number(operation, "a", a)
    return math.sqrt(2 / (1 + slope * slope))


def _fans(operation: str, shape: Sequence[int]) -> tuple[int, int]:
    if np.ndim(shape) != 1 or len(shape) < 2 or 0 in shape:
        raise ShapeError(
            operation,
            expected="(outputs, inputs, ...), none of length 0",
            got=f"{shape}",
            fix="draw biases with random.uniform, or start them at 0",
        )
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel
