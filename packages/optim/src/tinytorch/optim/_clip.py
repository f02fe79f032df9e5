"""Gradients kept small: by their common norm, or value by value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinytorch.autograd import Variable
from tinytorch.optim._errors import NonFiniteError
from tinytorch.optim._parameters import Parameters, named
from tinytorch.optim._update import Array
from tinytorch.tensor import from_numpy
from tinytorch.tensor.errors import ArgumentError


def clip_grad_norm(
    params: Parameters | Variable,
    max_norm: float,
    norm_type: float = 2.0,
    *,
    check_finite: bool = False,
) -> float:
    """Scale all gradients by one factor, so that their common norm is at most `max_norm`.

    Args:
        params: Leaf Variables or (name, Variable) pairs; those without a gradient are left out.
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
    if not max_norm >= 0:
        raise ArgumentError(
            operation, expected="max_norm >= 0", got=f"max_norm={max_norm}", fix="try 1.0"
        )
    if not norm_type > 0:
        raise ArgumentError(
            operation, expected="norm_type > 0", got=f"norm_type={norm_type}", fix="try 2.0"
        )
    found = _with_gradients(operation, params)
    norms = [_norm(gradient, norm_type) for _, _, gradient in found]
    total = max(norms, default=0.0)
    if math.isfinite(total) and total > 0:
        total *= sum((norm / total) ** norm_type for norm in norms) ** (1 / norm_type)
    total = math.nan if any(map(math.isnan, norms)) else total
    if check_finite and not math.isfinite(total):
        name, norm = next(
            (n, x) for (n, _, _), x in zip(found, norms, strict=True) if not math.isfinite(x)
        )
        raise NonFiniteError(
            operation,
            expected=f"a finite gradient for {name}",
            got=f"its norm {norm}",
            fix="lower lr, or look for log or division of 0 in the loss",
            parameter=name,
        )
    scale = max_norm / (total + 1e-6)
    if not scale >= 1:
        with np.errstate(invalid="ignore"):
            for _, parameter, gradient in found:
                parameter.grad = from_numpy(np.asarray(gradient * gradient.dtype.type(scale)))
    return total


def clip_grad_value(params: Parameters | Variable, clip_value: float) -> None:
    """Move every value of every gradient into [-clip_value, clip_value].

    Args:
        params: Leaf Variables or (name, Variable) pairs; those without a gradient are left out.
        clip_value: The greatest absolute value allowed.

    Raises:
        ArgumentError: `clip_value` is out of its range.
        ParameterError: `params` are no parameters.

    Source:
        torch.nn.utils.clip_grad_value_.
    """
    operation = "clip_grad_value"
    if not clip_value >= 0:
        raise ArgumentError(
            operation, expected="clip_value >= 0", got=f"clip_value={clip_value}", fix="try 1.0"
        )
    for _, parameter, gradient in _with_gradients(operation, params):
        parameter.grad = from_numpy(np.asarray(np.clip(gradient, -clip_value, clip_value)))


def _with_gradients(operation: str, params: Any) -> list[tuple[str, Variable, Array]]:
    entries = [params] if isinstance(params, Variable) else params
    return [
        (name, parameter, parameter.grad.data)
        for name, parameter in named(operation, entries)
        if parameter.grad is not None
    ]


def _norm(gradient: Array, norm_type: float) -> float:
    flat = gradient.ravel(order="K")
    if norm_type != 2:
        return float(np.linalg.norm(flat, norm_type)) if flat.size else 0.0
    with np.errstate(over="ignore"):
        norm = math.sqrt(np.dot(flat, flat))
    if norm in (0, math.inf):  # squares leave float32 below 1e-23 and above 1e19
        largest = float(np.max(np.abs(flat), initial=0))
        if 0 < largest < math.inf:
            norm = largest * float(np.linalg.norm(flat / largest))
    return norm
