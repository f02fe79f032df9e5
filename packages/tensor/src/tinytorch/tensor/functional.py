"""Activations, losses and the like: ordinary functions of ops, differentiable because ops are.

Losses are in nats (`cross_entropy`, ...) or in the squared or plain unit of their inputs, and take
``reduction``: ``"mean"``, ``"sum"`` or ``"none"``. No loss broadcasts: shapes must agree.
"""

import math
from typing import Any

import numpy as np

from tinytorch.tensor import ops, random
from tinytorch.tensor._tensor import Tensor
from tinytorch.tensor.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError
from tinytorch.tensor.ops import relu, sigmoid, tanh

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dropout",
    "gelu",
    "huber_loss",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mse_loss",
    "nll_loss",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "tanh",
]


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """Give x where it is positive, else ``negative_slope`` times x.

    Args:
        x: Any shape.
        negative_slope: The factor for negative elements.

    Returns:
        The shape of ``x``.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> leaky_relu(tensor([-1.0, 2.0]), 0.1)
        tensor([-0.1,  2. ])
    """
    return ops.where(ops.greater(x, 0), x, x * negative_slope)


def gelu(x: Any, approximate: str = "none") -> Any:
    """Give x times the standard normal distribution function of x.

    Args:
        x: Any shape.
        approximate: ``"none"`` for the exact form with erf, ``"tanh"`` for the usual approximation.

    Returns:
        The shape of ``x``.

    Raises:
        ArgumentError: ``approximate`` is neither.

    Source:
        D. Hendrycks, K. Gimpel, Gaussian Error Linear Units, 2016.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> gelu(tensor([0.0, 1.0]))
        tensor([0.       , 0.8413447])
    """
    if approximate == "none":
        return x * 0.5 * (1 + ops.erf(x * math.sqrt(0.5)))
    if approximate == "tanh":
        return x * 0.5 * (1 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    raise ArgumentError(
        "gelu", expected="'none' or 'tanh'", got=repr(approximate), fix="use the exact 'none'"
    )


def silu(x: Any) -> Any:
    """Give x times its sigmoid.

    Args:
        x: Any shape.

    Returns:
        The shape of ``x``.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> silu(tensor([0.0, 2.0]))
        tensor([0.       , 1.7615942])
    """
    return x * sigmoid(x)


def softmax(x: Any, axis: int = -1) -> Any:
    """Give exp(x), scaled to sum to 1 along ``axis``; never overflows.

    Args:
        x: Any shape.
        axis: The axis of the classes.

    Returns:
        The shape of ``x``; probabilities.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> softmax(tensor([1000.0, 1000.0]))
        tensor([0.5, 0.5])
    """
    return ops.exp(log_softmax(x, axis))


def log_softmax(x: Any, axis: int = -1) -> Any:
    """Give the logarithm of softmax, in nats; never overflows.

    Args:
        x: Any shape.
        axis: The axis of the classes.

    Returns:
        The shape of ``x``; log-probabilities.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> log_softmax(tensor([0.0, 0.0]))
        tensor([-0.6931472, -0.6931472])
    """
    return ops.log_softmax(x, axis=axis)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Give x @ weight.T + bias.

    Args:
        x: (..., features).
        weight: (outputs, features).
        bias: (outputs,) or None.

    Returns:
        (..., outputs).

    Raises:
        ShapeError: The numbers of features differ, or the bias does not fit.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> linear(tensor([1.0, 2.0]), tensor([[3.0, 4.0]]), tensor([0.5]))
        tensor([11.5])
    """
    if np.ndim(weight) != 2 or np.ndim(x) < 1 or np.shape(x)[-1] != np.shape(weight)[1]:
        raise ShapeError(
            "linear",
            expected=f"x (..., features) for a weight (outputs, features) = {np.shape(weight)}",
            got=f"x {np.shape(x)}",
            fix="make the layer for the features that come, or flatten the input first",
            shapes=[np.shape(x), np.shape(weight)],
        )
    if bias is not None and np.shape(bias) != np.shape(weight)[:1]:
        raise ShapeError(
            "linear",
            expected=f"bias (outputs,) = {np.shape(weight)[:1]}",
            got=f"bias {np.shape(bias)}",
            fix="give one bias for each output",
        )
    product = ops.matmul(x, ops.transpose(weight))
    return product if bias is None else product + bias


def dropout(x: Any, p: float = 0.5, *, training: bool = True, rng: Any = None) -> Any:
    """Set each element to 0 with probability ``p`` and scale the others by 1 / (1 - p).

    Args:
        x: Any shape.
        p: The probability of a zero, from 0 to 1.
        training: False gives ``x`` itself.
        rng: A generator, a seed or None for fresh randomness.

    Returns:
        The shape of ``x``; its mean is kept.

    Raises:
        ArgumentError: ``p`` is out of its range.

    Source:
        N. Srivastava et al., Dropout, JMLR 15, 2014.

    Example:
        >>> from tinytorch.tensor import ones
        >>> dropout(ones(4), 0.5, rng=0)
        tensor([2., 2., 2., 0.])
    """
    if not 0 <= p <= 1:
        raise ArgumentError("dropout", expected="0 <= p <= 1", got=f"p={p}", fix="use p=0.5")
    if not training or p == 0:
        return x
    keep = random.generator(rng).random(np.shape(x), dtype=np.float32) >= p
    scale = 0.0 if p == 1 else 1 / (1 - p)
    return x * Tensor(keep.astype(x.dtype) * x.dtype.type(scale))


def layer_norm(
    x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Shift and scale the last axes to mean 0 and variance 1, then apply weight and bias.

    Args:
        x: (..., *normalized_shape).
        normalized_shape: The lengths of the last axes, or one length.
        weight: normalized_shape, or None.
        bias: normalized_shape, or None.
        eps: Added to the variance.

    Returns:
        The shape of ``x``.

    Raises:
        ShapeError: ``x`` does not end in ``normalized_shape``.

    Source:
        J. Ba, J. Kiros, G. Hinton, Layer Normalization, 2016.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> layer_norm(tensor([[1.0, 3.0]]), 2, eps=0.0)
        tensor([[-1.,  1.]])
    """
    tail = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    for name, value in (("x", x), ("weight", weight), ("bias", bias)):
        if value is not None and np.shape(value)[-len(tail) :] != tail:
            raise ShapeError(
                "layer_norm",
                expected=f"{name} that ends in normalized_shape {tail}",
                got=f"{name} {np.shape(value)}",
                fix="give the lengths of the last axes as normalized_shape",
            )
    axes = tuple(range(-len(tail), 0))
    centered = x - ops.mean(x, axes, keepdims=True)
    variance = ops.mean(centered * centered, axes, keepdims=True)
    normal = centered / ops.sqrt(variance + eps)
    if weight is not None:
        normal = normal * weight
    return normal if bias is None else normal + bias


def mse_loss(predictions: Any, targets: Any, reduction: str = "mean") -> Any:
    """Give the squared differences.

    Args:
        predictions: Any shape.
        targets: The same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        A 0-d Tensor, or the shape of ``predictions`` for ``"none"``.

    Raises:
        ShapeError: The shapes differ; a loss never broadcasts.
        ArgumentError: ``reduction`` is none of the three.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> mse_loss(tensor([1.0, 2.0]), tensor([1.0, 4.0]))
        tensor(2.)
    """
    same_shape("mse_loss", predictions, targets)
    difference = predictions - targets
    return reduce("mse_loss", difference * difference, reduction)


def l1_loss(predictions: Any, targets: Any, reduction: str = "mean") -> Any:
    """Give the magnitudes of the differences.

    Args:
        predictions: Any shape.
        targets: The same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        A 0-d Tensor, or the shape of ``predictions`` for ``"none"``.

    Raises:
        ShapeError: The shapes differ.
        ArgumentError: ``reduction`` is none of the three.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> l1_loss(tensor([1.0, 2.0]), tensor([1.0, 4.0]))
        tensor(1.)
    """
    same_shape("l1_loss", predictions, targets)
    return reduce("l1_loss", ops.abs(predictions - targets), reduction)


def huber_loss(predictions: Any, targets: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Give half the squared difference up to ``delta``, and a straight line beyond.

    Args:
        predictions: Any shape.
        targets: The same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        delta: Where the line begins; positive.

    Returns:
        A 0-d Tensor, or the shape of ``predictions`` for ``"none"``.

    Raises:
        ShapeError: The shapes differ.
        ArgumentError: ``reduction`` or ``delta`` is out of its range.

    Source:
        P. Huber, Robust Estimation of a Location Parameter, 1964.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> huber_loss(tensor([0.5, 3.0]), tensor([0.0, 0.0]), reduction="none")
        tensor([0.125, 2.5  ])
    """
    same_shape("huber_loss", predictions, targets)
    if not delta > 0:
        raise ArgumentError(
            "huber_loss", expected="delta > 0", got=f"delta={delta}", fix="use delta=1.0"
        )
    distance = ops.abs(predictions - targets)
    square = distance * distance * 0.5
    line = (distance - 0.5 * delta) * delta
    return reduce("huber_loss", ops.where(distance <= delta, square, line), reduction)


def cross_entropy(
    logits: Any,
    targets: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Give -log softmax(logits) of the target class, in nats.

    Args:
        logits: (batch, classes, ...), unnormalized.
        targets: (batch, ...) integers from 0 to classes - 1, or ``ignore_index``.
        weight: (classes,) factors, or None. ``"mean"`` divides by the sum of those used.
        ignore_index: Targets of this value count nothing.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        label_smoothing: The share of each target that is spread evenly over all classes.

    Returns:
        A 0-d Tensor, or (batch, ...) for ``"none"``.

    Raises:
        ShapeError: The shapes do not fit; ``targets`` never broadcast.
        DTypeError: ``targets`` are no integers.
        IndexRangeError: A target is no class.
        ArgumentError: ``reduction`` or ``label_smoothing`` is out of its range.

    Source:
        Label smoothing: C. Szegedy et al., Rethinking the Inception Architecture, 2015.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> cross_entropy(tensor([[0.0, 0.0]]), tensor([1]))
        tensor(0.6931472)
    """
    check_logits("cross_entropy", logits)
    log_probabilities = log_softmax(logits, 1)
    return nll(
        "cross_entropy",
        log_probabilities,
        targets,
        weight,
        ignore_index,
        reduction,
        label_smoothing,
    )


def nll_loss(
    log_probabilities: Any,
    targets: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    """Give minus the log-probability of the target class, in nats.

    Args:
        log_probabilities: (batch, classes, ...), from `log_softmax` along axis 1.
        targets: (batch, ...) integers from 0 to classes - 1, or ``ignore_index``.
        weight: (classes,) factors, or None. ``"mean"`` divides by the sum of those used.
        ignore_index: Targets of this value count nothing.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        A 0-d Tensor, or (batch, ...) for ``"none"``.

    Raises:
        ShapeError: The shapes do not fit.
        DTypeError: ``targets`` are no integers.
        IndexRangeError: A target is no class.
        ArgumentError: ``reduction`` is none of the three.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> nll_loss(tensor([[-1.0, -2.0]]), tensor([1]))
        tensor(2.)
    """
    check_logits("nll_loss", log_probabilities)
    return nll("nll_loss", log_probabilities, targets, weight, ignore_index, reduction, 0.0)


def binary_cross_entropy(
    probabilities: Any, targets: Any, weight: Any = None, reduction: str = "mean"
) -> Any:
    """Give -(t log p + (1 - t) log(1 - p)), in nats, each logarithm at least -100.

    Args:
        probabilities: Any shape, from 0 to 1.
        targets: The same shape, from 0 to 1.
        weight: A factor for each element, or None.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        A 0-d Tensor, or the shape of ``probabilities`` for ``"none"``.

    Raises:
        ShapeError: The shapes differ.
        ArgumentError: A probability is outside of 0 to 1, or ``reduction`` is none of the three.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> binary_cross_entropy(tensor([0.5]), tensor([1.0]))
        tensor(0.6931472)
    """
    same_shape("binary_cross_entropy", probabilities, targets)
    p, values = probabilities, as_values(probabilities)
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ArgumentError(
            "binary_cross_entropy",
            expected="probabilities from 0 to 1",
            got=f"{values.min()} to {values.max()}",
            fix="apply sigmoid first, or use binary_cross_entropy_with_logits",
        )
    tiny = float(np.exp(-100.0))
    likely = ops.log(ops.clip(p, low=tiny))
    unlikely = ops.log(ops.clip(1 - p, low=tiny))
    loss = -(likely * targets + unlikely * (1 - targets))
    return reduce("binary_cross_entropy", loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    logits: Any,
    targets: Any,
    weight: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """Give the binary cross-entropy of sigmoid(logits), in nats; never overflows.

    Args:
        logits: Any shape.
        targets: The same shape, from 0 to 1.
        weight: A factor for each element, or None.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        pos_weight: A factor for the positive part, which broadcasts, or None.

    Returns:
        A 0-d Tensor, or the shape of ``logits`` for ``"none"``.

    Raises:
        ShapeError: The shapes differ.
        ArgumentError: ``reduction`` is none of the three.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> binary_cross_entropy_with_logits(tensor([0.0]), tensor([1.0]))
        tensor(0.6931472)
    """
    same_shape("binary_cross_entropy_with_logits", logits, targets)
    # log(1 + exp(-x)) = max(-x, 0) + log1p(exp(-|x|)): no large exponent.
    softplus_minus = relu(-logits) + ops.log1p(ops.exp(-ops.abs(logits)))
    factor = 1 if pos_weight is None else (pos_weight - 1) * targets + 1
    loss = (1 - targets) * logits + factor * softplus_minus
    loss = loss if weight is None else loss * weight
    return reduce("binary_cross_entropy_with_logits", loss, reduction)


def nll(
    operation: str,
    log_probabilities: Any,
    targets: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    """Pick, weigh, smooth and reduce: what both class losses share."""
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError(
            operation,
            expected="0 <= label_smoothing <= 1",
            got=f"label_smoothing={label_smoothing}",
            fix="use 0.1, or 0 for none",
        )
    check_reduction(operation, reduction)
    classes = as_values(targets)
    shape = np.shape(log_probabilities)
    check_targets(operation, classes, shape, ignore_index)
    ignored = classes == ignore_index
    kept = np.where(ignored, 0, classes)
    dtype = log_probabilities.dtype
    per_class = np.ones(shape[1], dtype) if weight is None else as_values(weight).astype(dtype)
    if per_class.shape != (shape[1],):
        raise ShapeError(
            operation,
            expected=f"weight (classes,) = ({shape[1]},)",
            got=f"weight {per_class.shape}",
            fix="give one factor for each class",
        )
    weights = np.where(ignored, dtype.type(0), per_class[kept])
    picked = ops.take_along_axis(log_probabilities, indices=np.expand_dims(kept, 1), axis=1)
    loss = ops.reshape(picked, shape=kept.shape) * Tensor(-(1 - label_smoothing) * weights)
    if label_smoothing:
        spread = -label_smoothing / shape[1] * per_class.reshape(-1, *[1] * (len(shape) - 2))
        smooth = ops.sum(log_probabilities * Tensor(spread.astype(dtype)), axis=1)
        loss = loss + smooth * Tensor((~ignored).astype(dtype))
    if reduction == "mean":
        total = float(weights.sum())
        return ops.sum(loss) / (total if total else math.nan)
    return reduce(operation, loss, reduction)


def check_logits(operation: str, logits: Any) -> None:
    """Raise unless there is a batch axis, a class axis and a floating dtype."""
    if np.ndim(logits) < 2:
        raise ShapeError(
            operation,
            expected="(batch, classes, ...)",
            got=f"{np.shape(logits)}",
            fix="expand_dims(0) for a single sample",
        )


def check_targets(operation: str, classes: Any, shape: Any, ignore_index: int) -> None:
    """Raise unless the targets are class numbers, one for each position."""
    if classes.dtype.kind not in "iu":
        raise DTypeError(
            operation,
            expected="integer class numbers",
            got=f"targets of dtype {classes.dtype}",
            fix="targets.astype('int64'), or use a loss for probabilities",
        )
    wanted = (shape[0], *shape[2:])
    if classes.shape != wanted:
        raise ShapeError(
            operation,
            expected=f"targets (batch, ...) = {wanted} for inputs (batch, classes, ...) = {shape}",
            got=f"targets {classes.shape}",
            fix="squeeze or argmax the targets: one class number each, not one-hot",
        )
    wrong = (classes != ignore_index) & ((classes < 0) | (classes >= shape[1]))
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise IndexRangeError(
            operation,
            expected=f"class numbers from 0 to {shape[1] - 1}",
            got=f"{classes[place]} at {place}",
            fix="check the labels, or give the model more outputs",
        )


def same_shape(operation: str, predictions: Any, targets: Any) -> None:
    """Raise unless the shapes agree: a loss that broadcasts is a mistake that trains."""
    if np.shape(predictions) != np.shape(targets):
        raise ShapeError(
            operation,
            expected="targets of the predictions' shape",
            got=f"predictions {np.shape(predictions)}, targets {np.shape(targets)}",
            fix="reshape one of them; a loss never broadcasts",
            shapes=[np.shape(predictions), np.shape(targets)],
        )


def check_reduction(operation: str, reduction: str) -> None:
    """Raise unless the reduction is one of the three."""
    if reduction not in ("mean", "sum", "none"):
        raise ArgumentError(
            operation,
            expected="reduction 'mean', 'sum' or 'none'",
            got=repr(reduction),
            fix="use 'mean'",
        )


def reduce(operation: str, loss: Any, reduction: str) -> Any:
    """Average, add up, or leave the loss of each element."""
    check_reduction(operation, reduction)
    if reduction == "none":
        return loss
    return ops.mean(loss) if reduction == "mean" else ops.sum(loss)


def as_values(x: Any) -> np.ndarray:
    """The array of a Tensor, or of anything array-like."""
    return x.data if isinstance(x, Tensor) else np.asarray(x)
