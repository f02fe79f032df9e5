"""Modules that keep signals and weights in bounds: dropout and layer normalization."""

from typing import Any

import numpy as np

from tinytorch.autograd._variable import Variable
from tinytorch.autograd.nn._module import Module
from tinytorch.autograd.nn._parameter import Parameter
from tinytorch.tensor import checks, random
from tinytorch.tensor import functional as F
from tinytorch.tensor.types import Operand, T


class Dropout(Module):
    """In training, each element is 0 with probability p and the others are scaled up.

    Args:
        p: As in `functional.dropout`, like `rng`.

    Attributes:
        rng: The generator; part of what a checkpoint keeps.

    Raises:
        ArgumentError: As in `functional.dropout`.

    Example:
        >>> from tinytorch.tensor import ones
        >>> Dropout(0.5, rng=0)(ones(4))
        tensor([2., 2., 2., 0.])
    """

    def __init__(self, p: float = 0.5, *, rng: Any = None) -> None:
        self.p = checks.fraction("Dropout", "p", p)
        self.rng = random.generator(rng)

    def forward(self, x: Operand[T]) -> T:
        return F.dropout(x, self.p, training=self.training, rng=self.rng)

    def extra_repr(self) -> str:
        return f"{self.p}"


class LayerNorm(Module):
    """The last axes shifted and scaled to mean 0 and variance 1, then by learned weights.

    Args:
        normalized_shape: As in `functional.layer_norm`, like `eps`.
        bias: Whether to add a learned bias.

    Attributes:
        weight: normalized_shape; first 1.
        bias: normalized_shape; first 0, or None.

    Raises:
        ArgumentError: A length is not a whole number of at least 1, or `eps` is negative.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> LayerNorm(2, eps=0.0)(tensor([[1.0, 3.0]])).detach()
        tensor([[-1.,  1.]])
    """

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, bias: bool = True) -> None:
        lengths = (normalized_shape,) if np.ndim(normalized_shape) == 0 else normalized_shape
        self.normalized_shape = tuple(
            checks.whole("LayerNorm", "normalized_shape", length, 1) for length in lengths
        )
        self.eps = checks.number("LayerNorm", "eps", eps, least=0)
        self.weight = Parameter(np.ones(self.normalized_shape, np.float32))
        self.bias = Parameter(np.zeros(self.normalized_shape, np.float32)) if bias else None

    def forward(self, x: Operand[Any]) -> Variable:
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}"
