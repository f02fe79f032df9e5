"""The distance of one distribution from another, in nats."""

import numpy as np

from tinytorch.tensor import ops
from tinytorch.tensor._precision import in_single
from tinytorch.tensor.checks import flag
from tinytorch.tensor.errors import named
from tinytorch.tensor.functional._reduction import checked, mean_over, reduce, same_shape
from tinytorch.tensor.types import Operand, T


@named
@in_single
def kl_div(
    log_probabilities: Operand[T],
    targets: Operand[T],
    reduction: str = "mean",
    log_target: bool = False,
) -> T:
    """Return targets times (log targets - log_probabilities), the Kullback-Leibler divergence.

    As PyTorch's, `"mean"` divides by all elements; `"batchmean"` gives the divergence that books
    define, averaged over the batch.

    Args:
        log_probabilities: (batch, ...), from `log_softmax`.
        targets: The same shape: probabilities; where one is 0 it counts nothing.
        reduction: `"mean"`, `"batchmean"`, `"sum"` or `"none"`.
        log_target: Whether `targets` are log-probabilities.

    Returns:
        A 0-d Tensor, or the shape of `targets` for `"none"`.

    Raises:
        ShapeError: The shapes differ.
        ArgumentError: `reduction` is none of the four, or `log_target` neither True nor False.

    Source:
        S. Kullback, R. Leibler, On Information and Sufficiency, 1951.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> halves, certain = tensor([[0.5, 0.5]]), tensor([[1.0, 0.0]])
        >>> kl_div(ops.log(halves), certain, reduction="batchmean")
        tensor(0.6931472)
    """
    if reduction != "batchmean":
        checked(reduction)
    scores, targets = same_shape(log_probabilities, targets)
    if targets.dtype.kind != "f":
        targets = ops.astype(targets, scores.dtype if scores.dtype.kind == "f" else np.float32)
    if flag("kl_div", "log_target", log_target):
        each = ops.exp(targets) * (targets - scores)
    else:
        nothing = ops.equal(targets, 0)
        information = targets * ops.log(targets + nothing)
        each = information - ops.where(nothing, 0, scores) * targets
    if reduction == "batchmean":
        return mean_over(ops.sum(each), len(each) if each.ndim else 1)
    return reduce(each, reduction)
