"""Whole channels left out at random."""

import numpy as np

from tinytorch.spatial.functional._checks import check_images
from tinytorch.tensor import Tensor, checks, random
from tinytorch.tensor.types import Operand, T


def dropout2d(
    x: Operand[T],
    p: float = 0.5,
    *,
    rng: np.random.Generator | int | None = None,
    training: bool = True,
) -> T:
    """Set whole channels to zero at random and scale the others up to keep the mean.

    Args:
        x: (batch, channels, height, width).
        p: Probability that a channel is dropped, from 0 to 1.
        rng: A generator, a seed or None for fresh randomness.
        training: False returns x as it is.

    Returns:
        (batch, channels, height, width).

    Raises:
        ShapeError: The input is no batch of images.
        ArgumentError: `p` is out of range.
        DTypeError: The images are not of a float dtype.

    Source:
        J. Tompson et al., Efficient Object Localization Using Convolutional Networks, 2014.

    Example:
        >>> from tinytorch.tensor import ones
        >>> sorted({v.item() for v in dropout2d(ones((1, 8, 1, 1)), rng=0).reshape(-1)})
        [0.0, 2.0]
    """
    x = check_images("dropout2d", x)
    p = checks.fraction("dropout2d", "p", p)
    if not training or p == 0:
        return x
    keep = random.generator(rng).random((*x.shape[:2], 1, 1)) >= p
    scale = 1 / (1 - p) if p < 1 else 0.0
    return x * Tensor(keep.astype(x.dtype) * x.dtype.type(scale))
