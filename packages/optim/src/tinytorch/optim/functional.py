"""The equations alone: one step of one number or array, new values out, nothing kept.

They need no Variables, no modules and no data, and work on Python floats as on arrays:

    >>> w = 5.0
    >>> for _ in range(100):
    ...     w = sgd_step(w, 2 * w)
    >>> round(w, 3)
    0.663
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tinytorch.optim._rules import checked
from tinytorch.tensor.errors import ArgumentError, ShapeError

__all__ = [
    "adagrad_step",
    "adam_step",
    "adamw_step",
    "momentum_step",
    "rmsprop_step",
    "sgd_step",
]

Number = TypeVar("Number", float, NDArray[np.floating[Any]])


def sgd_step(w: Number, grad: Number, lr: float = 0.01) -> Number:
    """One step against the gradient.

    Args:
        w: Weights, a number or an array of any shape.
        grad: The gradient at `w`, same shape.
        lr: Learning rate, per step.

    Returns:
        The new weights: w - lr * grad.

    Raises:
        ArgumentError: `lr` is out of its range.
        ShapeError: `grad` has another shape than `w`.
    """
    _check("sgd_step", w, grad, lr=lr)
    return w - lr * grad


def momentum_step(
    w: Number, grad: Number, velocity: Number, lr: float = 0.01, momentum: float = 0.9
) -> tuple[Number, Number]:
    """One step along the velocity, which gathers gradients.

    Args:
        w: Weights, a number or an array of any shape.
        grad: The gradient at `w`, same shape.
        velocity: As returned by the step before; 0 at first.
        lr: Learning rate, per step.
        momentum: How much of the velocity is kept.

    Returns:
        The new weights and velocity.

    Raises:
        ArgumentError: `lr` or `momentum` is out of its range.
        ShapeError: `grad` has another shape than `w`.

    Example:
        >>> w, velocity = 5.0, 0.0
        >>> for _ in range(100):
        ...     w, velocity = momentum_step(w, 2 * w, velocity, lr=0.05)
        >>> abs(w) < 0.1
        True
    """
    _check("momentum_step", w, grad, lr=lr, momentum=momentum)
    velocity = momentum * velocity + grad
    return w - lr * velocity, velocity


def rmsprop_step(
    w: Number, grad: Number, v: Number, lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8
) -> tuple[Number, Number]:
    """One step along the gradient over its root mean square.

    Args:
        w: Weights, a number or an array of any shape.
        grad: The gradient at `w`, same shape.
        v: The mean square that the step before returned; 0 at first.
        lr: Learning rate, per step.
        alpha: How much of v is kept.
        eps: Keeps the division finite.

    Returns:
        The new weights and v.

    Raises:
        ArgumentError: `lr`, `alpha` or `eps` is out of its range.
        ShapeError: `grad` has another shape than `w`.

    Example:
        >>> w, v = rmsprop_step(5.0, 10.0, 0.0, lr=0.1, alpha=0.75)
        >>> round(w, 3), v
        (4.8, 25.0)
    """
    _check("rmsprop_step", w, grad, lr=lr, alpha=alpha, eps=eps)
    v = alpha * v + (1 - alpha) * grad * grad
    return w - lr * grad / (v**0.5 + eps), v


def adagrad_step(
    w: Number, grad: Number, v: Number, lr: float = 0.01, eps: float = 1e-10
) -> tuple[Number, Number]:
    """One step along the gradient over the root of the sum of all squares.

    Args:
        w: Weights, a number or an array of any shape.
        grad: The gradient at `w`, same shape.
        v: The sum of squares that the step before returned; 0 at first.
        lr: Learning rate, per step.
        eps: Keeps the division finite.

    Returns:
        The new weights and v.

    Raises:
        ArgumentError: `lr` or `eps` is out of its range.
        ShapeError: `grad` has another shape than `w`.

    Example:
        >>> w, v = adagrad_step(5.0, 10.0, 0.0, lr=0.1)
        >>> round(w, 3), v
        (4.9, 100.0)
    """
    _check("adagrad_step", w, grad, lr=lr, eps=eps)
    v = v + grad * grad
    return w - lr * grad / (v**0.5 + eps), v


def adam_step(
    w: Number,
    grad: Number,
    m: Number,
    v: Number,
    step: int,
    lr: float = 0.001,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> tuple[Number, Number, Number]:
    """One step along the mean gradient over its root mean square.

    Args:
        w: Weights, a number or an array of any shape.
        grad: The gradient at `w`, same shape.
        m: The mean gradient that the step before returned; 0 at first.
        v: The mean square that the step before returned; 0 at first.
        step: The number of this step, from 1.
        lr: Learning rate, per step.
        betas: How much of m and of v is kept.
        eps: Keeps the division finite.

    Returns:
        The new weights, m and v.

    Raises:
        ArgumentError: `step`, `lr`, `betas` or `eps` is out of its range.
        ShapeError: `grad` has another shape than `w`.

    Example:
        >>> w, m, v = 5.0, 0.0, 0.0
        >>> for step in range(1, 101):
        ...     w, m, v = adam_step(w, 2 * w, m, v, step, lr=0.1)
        >>> abs(w) < 0.5
        True
    """
    _check("adam_step", w, grad, lr=lr, betas=betas, eps=eps)
    _check_step("adam_step", step)
    beta1, beta2 = betas
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad * grad
    mean = m / (1 - beta1**step)
    square = v / (1 - beta2**step)
    return w - lr * mean / (square**0.5 + eps), m, v


def adamw_step(
    w: Number,
    grad: Number,
    m: Number,
    v: Number,
    step: int,
    lr: float = 0.001,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> tuple[Number, Number, Number]:
    """Adam's step after a pull of the weights toward zero.

    Args:
        w: Weights, a number or an array of any shape.
        grad: The gradient at `w`, same shape.
        m: The mean gradient that the step before returned; 0 at first.
        v: The mean square that the step before returned; 0 at first.
        step: The number of this step, from 1.
        lr: Learning rate, per step.
        betas: How much of m and of v is kept.
        eps: Keeps the division finite.
        weight_decay: The pull, as a factor of lr * w.

    Returns:
        The new weights, m and v.

    Raises:
        ArgumentError: `step`, `lr`, `betas`, `eps` or `weight_decay` is out of its range.
        ShapeError: `grad` has another shape than `w`.

    Example:
        >>> w, m, v = adamw_step(5.0, 0.0, 0.0, 0.0, 1, lr=0.1, weight_decay=0.1)
        >>> round(w, 3)
        4.95
    """
    _check("adamw_step", w, grad, lr=lr, weight_decay=weight_decay)
    return adam_step(w - lr * weight_decay * w, grad, m, v, step, lr, betas, eps)


def _check(operation: str, w: object, grad: object, **settings: Any) -> None:
    checked(operation, settings)
    shape, got = (getattr(value, "shape", ()) for value in (w, grad))
    if shape != got:
        raise ShapeError(
            operation,
            expected=f"a gradient of shape {shape}, as the weights",
            got=f"{got}",
            fix="give the gradient the shape of the weights",
        )


def _check_step(operation: str, step: int) -> None:
    if not step >= 1:
        raise ArgumentError(
            operation, expected="step >= 1", got=f"step={step}", fix="count steps from 1", step=step
        )
