"""Gradients kept small: by their common norm, or value by value."""

import math
from typing import Any

import numpy as np

from tinytorch.autograd import Variable
from tinytorch.optim.given.errors import NonFiniteError
from tinytorch.optim.given.parameters import Parameters, learns, named
from tinytorch.tensor import from_numpy
from tinytorch.tensor.checks import number
from tinytorch.tensor.errors import ArgumentError

BLOCK = 1 << 14
"""Squares are added up in the gradient's data type within a block, in double precision across."""


def clip_grad_norm(
    params: Parameters | Variable,
    max_norm: float,
    norm_type: float = 2.0,
    *,
    check_finite: bool = False,
) -> float:
    """Scale all gradients by one factor, so that their common norm is at most `max_norm`.

    Args:
        params: Leaf Variables or (name, Variable) pairs, such as `optimizer.named_parameters()`;
            those without a gradient, and frozen ones, are left out.
        max_norm: The greatest norm allowed; infinity only measures.
        norm_type: 2 for the Euclidean norm, math.inf for the greatest absolute value, or any p > 0.
        check_finite: Raise if the norm is not finite; otherwise NaN spreads and infinity gives
            zeros and NaN.

    Returns:
        The norm before, 0.0 if there are no gradients.

    Raises:
        ArgumentError: `max_norm` or `norm_type` is out of its range.
        ParameterError: `params` are no parameters.
        NonFiniteError: With `check_finite`, a gradient holds NaN or infinity.

    Source:
        Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks, 2013,
        algorithm 1; torch.nn.utils.clip_grad_norm_.

    Example:
        >>> from tinytorch.autograd import Variable
        >>> w = Variable([3.0, 4.0])
        >>> _ = (w * w / 2).sum().backward()
        >>> clip_grad_norm([w], 1.0)
        5.0
        >>> [round(value, 4) for value in w.grad.tolist()]
        [0.6, 0.8]
    """
    operation = "clip_grad_norm"
    max_norm = _limit(operation, "max_norm", max_norm)
    norm_type = _limit(operation, "norm_type", norm_type)
    if norm_type == 0:
        raise ArgumentError(
            operation, expected="norm_type > 0", got="norm_type=0", fix="for instance norm_type=2.0"
        )
    found = _with_gradients(operation, params)
    with np.errstate(over="ignore"):
        norms = [_norm(gradient, norm_type) for _, _, gradient in found]
        total = _norm(np.array(norms), norm_type)
    if check_finite and not math.isfinite(total):
        name, norm = next(
            ((n, x) for (n, _, _), x in zip(found, norms, strict=True) if not math.isfinite(x)),
            ("all", total),
        )
        raise NonFiniteError(
            operation,
            expected=f"a finite gradient for {name}",
            got=f"its norm {norm}",
            fix="lower lr, or look for log or division of 0 in the loss",
            parameter=name,
        )
    scale = 1.0 if max_norm == math.inf else max_norm / (total + 1e-6)
    if not scale >= 1:
        for _, parameter, gradient in found:
            parameter.grad = from_numpy(_scaled(gradient, scale))
    return total


def clip_grad_value(params: Parameters | Variable, clip_value: float) -> None:
    """Move every value of every gradient into [-clip_value, clip_value].

    Args:
        params: As in `clip_grad_norm`.
        clip_value: The greatest absolute value allowed.

    Raises:
        ArgumentError: `clip_value` is out of its range.
        ParameterError: `params` are no parameters.

    Source:
        torch.nn.utils.clip_grad_value_.
    """
    operation = "clip_grad_value"
    clip_value = _limit(operation, "clip_value", clip_value)
    for _, parameter, gradient in _with_gradients(operation, params):
        with np.errstate(over="ignore"):
            limit = gradient.dtype.type(clip_value)
        parameter.grad = from_numpy(np.asarray(np.clip(gradient, -limit, limit)))


def _with_gradients(operation: str, params: Any) -> list[tuple[str, Variable, np.ndarray]]:
    """The gradients that an optimizer of these parameters would use, each once."""
    entries = [params] if isinstance(params, Variable) else params
    names = {parameter: name for name, parameter in named(operation, entries)}
    return [
        (name, parameter, parameter.grad.data)
        for parameter, name in names.items()
        if parameter.grad is not None and learns(parameter)
    ]


def _norm(array: np.ndarray, norm_type: float) -> float:
    """The norm of an array whose squares may lie outside of what its data type holds."""
    flat = array.ravel(order="K")
    if flat.dtype.itemsize < 4:
        flat = flat.astype(np.float32)
    if norm_type == 2:
        square = sum(map(_square, _blocks(flat))) if flat.size > BLOCK else _square(flat)
        if 1e-30 < square < math.inf:  # float32 loses digits below, and float64 only far below
            return math.sqrt(square)
    sizes = np.abs(flat)
    largest = float(np.max(sizes, initial=0))
    if largest == 0 or not math.isfinite(largest) or norm_type == math.inf:
        return largest
    powers = sum(float(np.sum((part / largest) ** norm_type)) for part in _blocks(sizes))
    return float(np.float64(largest) * np.float64(powers) ** (1 / norm_type))


def _square(part: np.ndarray) -> float:
    return float(np.dot(part, part))


def _blocks(flat: np.ndarray) -> list[np.ndarray]:
    return [flat[start : start + BLOCK] for start in range(0, flat.size, BLOCK)]


def _scaled(gradient: np.ndarray, scale: float) -> np.ndarray:
    """The gradient times a number that its data type may be too small for."""
    with np.errstate(invalid="ignore"):
        if gradient.dtype.itemsize >= 4 and scale > 1e-37:
            return np.asarray(gradient * gradient.dtype.type(scale))
        return np.asarray(gradient.astype(np.float64) * scale, gradient.dtype)


def _limit(operation: str, name: str, value: Any) -> float:
    """A number of at least 0, infinity included."""
    if np.isscalar(value) and value == math.inf:
        return math.inf
    return number(operation, name, value, least=0)
