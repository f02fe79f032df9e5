"""The rules for one number or array: the rows of the table without their options."""

from typing import Any

import numpy as np

from tinytorch.optim._rules import RULES
from tinytorch.tensor import ShapeError, checks


def precise(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The data type to compute in: half precision is moved as float32, whole numbers as float64."""
    if dtype == np.float16:
        return np.dtype(np.float32)
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def one_step(name: str, rule: str, w: Any, grad: Any, t: int, old: dict[str, Any], **given: Any):
    """One step of a rule; give the new weights and, in the order of `old`, what is remembered."""
    row, t = RULES[rule], checks.whole(name, "step", t, least=1)
    off = {"weight_decay": 0, "momentum": 0} if "momentum" in row.defaults else {"weight_decay": 0}
    settings = row.checked(name, row.defaults | off | given)
    weights = np.asarray(w)
    kind = precise(weights.dtype)
    g = np.asarray(grad, kind)
    if g.shape != weights.shape:
        raise ShapeError(
            name,
            expected=f"a gradient of the weights' shape, {weights.shape}",
            got=f"{g.shape}",
            fix="give the gradient of these weights",
        )
    memory = {key: np.asarray(value, kind) for key, value in old.items()}
    with np.errstate(all="ignore"):
        moved, memory = row.move(weights.astype(kind), g, memory, settings, t)
        after = [memory.get(key) for key in old]
        if not isinstance(w, np.ndarray | np.generic):
            return tuple(float(one) for one in (moved, *after))
        back = kind if weights.dtype.kind != "f" else weights.dtype
        return (np.asarray(moved).astype(back), *(np.asarray(one) for one in after))


def sgd_step(w, grad, lr=0.01):
    """Return the weights after a step of `SGD`."""
    return one_step("sgd_step", "SGD", w, grad, 1, {}, lr=lr)[0]


def momentum_step(w, grad, velocity, lr=0.01, momentum=0.9):
    """Return weights and velocity after a step of `SGD` with momentum."""
    if not momentum:
        velocity = 0 * velocity + grad
        return one_step("momentum_step", "SGD", w, grad, 1, {}, lr=lr, momentum=momentum)[
            0
        ], velocity
    old = {"momentum_buffer": velocity}
    return one_step("momentum_step", "SGD", w, grad, 1, old, lr=lr, momentum=momentum)


def rmsprop_step(w, grad, v, lr=0.01, alpha=0.99, eps=1e-8):
    """Return weights and v after a step of `RMSprop`."""
    old = {"square_avg": v}
    return one_step("rmsprop_step", "RMSprop", w, grad, 1, old, lr=lr, alpha=alpha, eps=eps)


def adagrad_step(w, grad, v, lr=0.01, eps=1e-10):
    """Return weights and v after a step of `Adagrad`."""
    return one_step("adagrad_step", "Adagrad", w, grad, 1, {"sum": v}, lr=lr, eps=eps)


def adadelta_step(w, grad, v, u, lr=1.0, rho=0.9, eps=1e-6):
    """Return weights, v and u after a step of `Adadelta`."""
    old = {"square_avg": v, "acc_delta": u}
    return one_step("adadelta_step", "Adadelta", w, grad, 1, old, lr=lr, rho=rho, eps=eps)


def adam_step(w, grad, m, v, step, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    """Return weights, m and v after a step of `Adam`."""
    old = {"exp_avg": m, "exp_avg_sq": v}
    return one_step("adam_step", "Adam", w, grad, step, old, lr=lr, betas=betas, eps=eps)


def adamw_step(w, grad, m, v, step, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    """Return weights, m and v after a step of `AdamW`."""
    old, decay = {"exp_avg": m, "exp_avg_sq": v}, weight_decay
    return one_step(
        "adamw_step", "AdamW", w, grad, step, old, lr=lr, betas=betas, eps=eps, weight_decay=decay
    )
