"""The fully connected layer, and the table of vectors."""

import math
from typing import Any

from tinytorch.autograd._variable import Variable
from tinytorch.autograd.nn import init
from tinytorch.autograd.nn._module import Module
from tinytorch.autograd.nn._parameter import Parameter
from tinytorch.tensor import DTypeError, IndexRangeError, Tensor, checks, random
from tinytorch.tensor import functional as F
from tinytorch.tensor.types import Operand


class Linear(Module):
    """x @ weight.T + bias: (..., in_features) becomes (..., out_features).

    Args:
        in_features: The length of the input's last axis.
        out_features: The length of the output's last axis.
        bias: Whether to add a bias.
        rng: A generator, a seed or None for the first weights.

    Attributes:
        weight: (out_features, in_features), first drawn evenly within 1 / sqrt(in_features).
        bias: (out_features,), likewise, or None.

    Raises:
        ArgumentError: A number of features is not a whole number of at least 1.

    Example:
        >>> from tinytorch.tensor import ones
        >>> Linear(3, 2, rng=0)(ones(4, 3)).shape
        (4, 2)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, rng: Any = None
    ) -> None:
        inputs = checks.whole("Linear", "in_features", in_features, 1)
        outputs = checks.whole("Linear", "out_features", out_features, 1)
        rng = random.generator(rng)
        bound = 1 / math.sqrt(inputs)
        self.weight = Parameter(init.kaiming_uniform((outputs, inputs), a=math.sqrt(5), rng=rng))
        self.bias = Parameter(random.uniform(outputs, -bound, bound, rng=rng)) if bias else None

    def forward(self, x: Operand[Any]) -> Variable:
        return F.linear(x, self.weight, self.bias)

    def flops(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        """Count a multiplication and an addition for each weight, an addition for each bias."""
        outputs = math.prod(output_shape)
        return 2 * input_shape[-1] * outputs + (outputs if self.bias is not None else 0)

    def extra_repr(self) -> str:
        outputs, inputs = self.weight.shape
        return f"{inputs}, {outputs}" + ("" if self.bias is not None else ", bias=False")


class Embedding(Module):
    """A table of learned vectors, looked up by number: (...) becomes (..., embedding_dim).

    Args:
        num_embeddings: The number of vectors.
        embedding_dim: Their length.
        rng: A generator, a seed or None for the first vectors.

    Attributes:
        weight: (num_embeddings, embedding_dim), first drawn from the standard normal distribution.

    Raises:
        ArgumentError: A size is not a whole number of at least 1.

    Example:
        >>> Embedding(10, 3, rng=0)([[1, 2], [3, 4]]).shape
        (2, 2, 3)
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, *, rng: Any = None) -> None:
        vectors = checks.whole("Embedding", "num_embeddings", num_embeddings, 1)
        length = checks.whole("Embedding", "embedding_dim", embedding_dim, 1)
        self.weight = Parameter(random.normal((vectors, length), rng=rng))

    def forward(self, numbers: Operand[Any]) -> Variable:
        """Look the vectors up.

        Args:
            numbers: (...) integers from 0 to num_embeddings - 1.

        Returns:
            (..., embedding_dim).

        Raises:
            DTypeError: The numbers are no integers.
            IndexRangeError: A number is out of its range.
        """
        index = Tensor(numbers).data
        if index.dtype.kind not in "iu":
            raise DTypeError(
                "Embedding",
                expected="integers",
                got=f"dtype {index.dtype}",
                fix="numbers.astype('int64')",
            )
        if index.size and not (index.min() >= 0 and index.max() < len(self.weight)):
            raise IndexRangeError(
                "Embedding",
                expected=f"numbers from 0 to {len(self.weight) - 1}",
                got=f"{index.min()} to {index.max()}",
                fix="make the table larger, or check the numbers",
            )
        return self.weight[index]

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}"
