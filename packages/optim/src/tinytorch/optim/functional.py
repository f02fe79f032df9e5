"""The equations alone: one step of one number or array, new values out, nothing kept.

They need no Variables, no modules and no data, and work on Python floats as on arrays:

    >>> w = 5.0
    >>> for _ in range(100):
    ...     w = sgd_step(w, 2 * w)
    >>> round(w, 3)
    0.663

Settings are those of the optimizers. New weights have the data type of the old ones; half precision
is computed in float32, and what the next step needs is given back so.
"""

from typing import Any, TypeVar

import numpy as np

from tinytorch.optim.given.settings import checked
from tinytorch.tensor import pytorch
from tinytorch.tensor.errors import ShapeError

__all__ = [
    "adadelta_step",
    "adagrad_step",
    "adam_step",
    "adamw_step",
    "momentum_step",
    "rmsprop_step",
    "sgd_step",
]

pytorch.point_out(__name__, "optim", "lr_scheduler", "nn.utils")

Number = TypeVar("Number", float, np.ndarray)


def sgd_step(w: Number, grad: Number, lr: float = 0.01) -> Number:
    """Return the weights after one step against the gradient.

    Args:
        w: Weights, a number or an array of any shape.
        grad: The gradient at `w`, same shape.
        lr: Learning rate, per step.

    Returns:
        The new weights: w - lr * grad.

    Raises:
        ArgumentError: A setting is out of its range.
        ShapeError: `grad` has another shape than `w`.
    """
    _check("sgd_step", w, grad, lr=lr)
    new: Number = _like(w, _wide(w) - lr * _wide(grad))
    return new


def momentum_step(
    w: Number, grad: Number, velocity: Number, lr: float = 0.01, momentum: float = 0.9
) -> tuple[Number, Number]:
    """Return weights and velocity after one step along the velocity, which gathers gradients.

    Args:
        w: As in `sgd_step`, which names the errors too.
        grad: As in `sgd_step`.
        velocity: As returned by the step before; 0 at first.
        lr: As in `SGD`.
        momentum: As in `SGD`.

    Returns:
        The new weights and velocity.

    Example:
        >>> w, velocity = 5.0, 0.0
        >>> for _ in range(100):
        ...     w, velocity = momentum_step(w, 2 * w, velocity, lr=0.05)
        >>> abs(w) < 0.1
        True
    """
    _check("momentum_step", w, grad, lr=lr, momentum=momentum)
    velocity = momentum * _wide(velocity) + _wide(grad)
    return _like(w, _wide(w) - lr * velocity), velocity


def rmsprop_step(
    w: Number, grad: Number, v: Number, lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8
) -> tuple[Number, Number]:
    """Return weights and mean square after one step along the gradient over its root.

    Args:
        w: As in `sgd_step`, which names the errors too.
        grad: As in `sgd_step`.
        v: The mean square that the step before returned; 0 at first.
        lr: As in `RMSprop`.
        alpha: As in `RMSprop`.
        eps: As in `RMSprop`.

    Returns:
        The new weights and v.

    Example:
        >>> w, v = rmsprop_step(5.0, 10.0, 0.0, lr=0.1, alpha=0.75)
        >>> round(w, 3), v
        (4.8, 25.0)
    """
    _check("rmsprop_step", w, grad, lr=lr, alpha=alpha, eps=eps)
    g = _wide(grad)
    v = alpha * _wide(v) + (1 - alpha) * g * g
    return _like(w, _wide(w) - lr * g / (v**0.5 + eps)), v


def adagrad_step(
    w: Number, grad: Number, v: Number, lr: float = 0.01, eps: float = 1e-10
) -> tuple[Number, Number]:
    """Return weights and sum of squares after one step along the gradient over its root.

    Args:
        w: As in `sgd_step`, which names the errors too.
        grad: As in `sgd_step`.
        v: The sum of squares that the step before returned; 0 at first.
        lr: As in `Adagrad`.
        eps: As in `Adagrad`.

    Returns:
        The new weights and v.

    Example:
        >>> w, v = adagrad_step(5.0, 10.0, 0.0, lr=0.1)
        >>> round(w, 3), v
        (4.9, 100.0)
    """
    _check("adagrad_step", w, grad, lr=lr, eps=eps)
    g = _wide(grad)
    v = _wide(v) + g * g
    return _like(w, _wide(w) - lr * g / (v**0.5 + eps)), v


def adadelta_step(
    w: Number,
    grad: Number,
    v: Number,
    u: Number,
    lr: float = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
) -> tuple[Number, Number, Number]:
    """Return weights and both mean squares after one step of the size of recent steps.

    Args:
        w: As in `sgd_step`, which names the errors too.
        grad: As in `sgd_step`.
        v: The mean square of gradients that the step before returned; 0 at first.
        u: The mean square of steps that the step before returned; 0 at first.
        lr: As in `Adadelta`.
        rho: As in `Adadelta`.
        eps: As in `Adadelta`.

    Returns:
        The new weights, v and u.

    Example:
        >>> w, v, u = adadelta_step(5.0, 3.0, 16.0, 0.0, rho=0.0, eps=1.0)
        >>> round(w, 3), v
        (4.051, 9.0)
    """
    _check("adadelta_step", w, grad, lr=lr, rho=rho, eps=eps)
    g = _wide(grad)
    v = rho * _wide(v) + (1 - rho) * g * g
    d = (_wide(u) + eps) ** 0.5 / (v + eps) ** 0.5 * g
    u = rho * _wide(u) + (1 - rho) * d * d
    return _like(w, _wide(w) - lr * d), v, u


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
    """Return weights, m and v after one step along the mean gradient over its root mean square.

    Args:
        w: As in `sgd_step`, which names the errors too.
        grad: As in `sgd_step`.
        m: The mean gradient that the step before returned; 0 at first.
        v: The mean square that the step before returned; 0 at first.
        step: The number of this step, from 1.
        lr: As in `Adam`.
        betas: As in `Adam`.
        eps: As in `Adam`.

    Returns:
        The new weights, m and v.

    Example:
        >>> w, m, v = 5.0, 0.0, 0.0
        >>> for step in range(1, 101):
        ...     w, m, v = adam_step(w, 2 * w, m, v, step, lr=0.1)
        >>> abs(w) < 0.5
        True
    """
    _check("adam_step", w, grad, step=step, lr=lr, betas=betas, eps=eps)
    (beta1, beta2), g = betas, _wide(grad)
    m = beta1 * _wide(m) + (1 - beta1) * g
    v = beta2 * _wide(v) + (1 - beta2) * g * g
    mean, square = m / (1 - beta1**step), v / (1 - beta2**step)
    return _like(w, _wide(w) - lr * mean / (square**0.5 + eps)), m, v


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
    """Return weights, m and v after Adam's step and a pull of the weights toward zero before it.

    Args:
        w: As in `sgd_step`, which names the errors too.
        grad: As in `sgd_step`.
        m: As in `adam_step`.
        v: As in `adam_step`.
        step: As in `adam_step`.
        lr: As in `AdamW`, like the settings that follow.
        betas: How much of m and of v is kept.
        eps: Keeps the division finite.
        weight_decay: Pull toward zero.

    Returns:
        The new weights, m and v.

    Example:
        >>> w, m, v = adamw_step(5.0, 0.0, 0.0, 0.0, 1, lr=0.1, weight_decay=0.1)
        >>> round(w, 3)
        4.95
    """
    _check("adamw_step", w, grad, step=step, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
    pulled = _wide(w) - lr * weight_decay * _wide(w)
    new, m, v = adam_step(pulled, grad, m, v, step, lr, betas, eps)
    return _like(w, new), m, v


def _check(operation: str, w: Any, grad: Any, **settings: Any) -> None:
    checked(operation, settings)
    shape, got = np.shape(w), np.shape(grad)
    if shape != got:
        raise ShapeError(
            operation,
            expected=f"a gradient of shape {shape}, as the weights",
            got=f"{got}",
            fix="give the gradient the shape of the weights",
        )


def _wide(value: Any) -> Any:
    """The value, of half precision in float32."""
    return value.astype(np.float32) if getattr(value, "dtype", None) == np.float16 else value


def _like(w: Any, value: Any) -> Any:
    """New weights in the floating data type of the old ones."""
    dtype = getattr(w, "dtype", None)
    if dtype is None or dtype.kind != "f" or dtype == getattr(value, "dtype", dtype):
        return value
    return value.astype(dtype)
