"""The module that leaves out whole channels."""

import numpy as np

from tinytorch.autograd import nn
from tinytorch.spatial import functional
from tinytorch.tensor import checks, random
from tinytorch.tensor.types import Operand, T


class Dropout2d(nn.Module):
    """Whole channels left out at random while training; settings as in `dropout2d`.

    Attributes:
        rng: The generator; part of what a checkpoint keeps.

    Raises:
        ArgumentError: `p` is out of range.

    Example:
        >>> from tinytorch.tensor import ones
        >>> Dropout2d(0.5).eval()(ones((1, 2, 1, 1))).tolist()
        [[[[1.0]], [[1.0]]]]
    """

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | int | None = None) -> None:
        self.p = checks.fraction("Dropout2d", "p", p)
        self.rng = random.generator(rng)

    def forward(self, x: Operand[T]) -> T:
        return functional.dropout2d(x, self.p, rng=self.rng, training=self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"
