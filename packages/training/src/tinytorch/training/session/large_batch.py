"""The gradient of several batches is that of one large batch, whatever their means divide by."""

from collections.abc import Iterable
from typing import Any

from tinytorch.autograd import Variable
from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import ShapeError


class LargeBatch:
    """Adds up the gradients of batches, each by its share of the mean over all of them.

    The mean of a large batch weighs each small one by what its mean was divided by: its length, or
    the weights of the targets that count. These are known one after another, so the first tells
    what the total should be, and at the end the gradient is put right if it was another.

    Args:
        length: How many examples all batches have together.

    Attributes:
        weight: What the batches so far weigh.
        expected: What the gradients that are there have been divided by.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.weight = 0.0
        self.expected = 0.0

    def backward(self, loss: Any, weight: float, length: int) -> None:
        """Add the gradient of a batch's loss; one that weighs nothing (0 / 0) has none."""
        if not (isinstance(loss, Variable) and loss.ndim == 0):
            raise _no_loss(loss)
        if not weight:
            return
        if not self.expected:
            same = length == self.length
            self.expected = weight if same else weight * self.length / length
        share = weight / self.expected
        (loss if share == 1 else loss * share).backward()
        self.weight += weight

    def finish(self, parameters: Iterable[Any]) -> None:
        """Divide the gradients by what the batches weigh."""
        if self.weight != self.expected:
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter.grad = parameter.grad * (self.expected / self.weight)


def _no_loss(loss: Any) -> ShapeError:
    got = f"a {type(loss).__name__}"
    if isinstance(loss, Tensor):
        got = f"shape {loss.shape}" if loss.ndim else "one without a gradient"
    return ShapeError(
        "Trainer.fit",
        expected="a loss () that was computed from the model's outputs",
        got=got,
        fix='use reduction="mean", and Tensor operations from outputs to loss',
    )
