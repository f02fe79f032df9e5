"""The rules: each is a pure function from weights, gradient, memory, settings and time.

A rule gives the new weights and the new memory, a dict of arrays by name. What it finds no memory
of begins at 0. Nothing that it is given changes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tinytorch.tensor import ArgumentError, checks

Memory = dict[str, Any]
Settings = dict[str, Any]
Move = Callable[[Any, Any, Memory, Settings, int], tuple[Any, Memory]]


def decayed(move: Move) -> Move:
    """The rule for a gradient that weight decay has part in."""
    return lambda w, g, memory, s, t: move(w, g + s["weight_decay"] * w, memory, s, t)


def sgd(w, g, memory, s, t):
    if not s["momentum"]:
        return w - s["lr"] * g, {}
    b = memory.get("momentum_buffer")
    b = g if b is None else s["momentum"] * b + (1 - s["dampening"]) * g
    d = g + s["momentum"] * b if s["nesterov"] else b
    return w - s["lr"] * d, {"momentum_buffer": b}


def adagrad(w, g, memory, s, t):
    v = memory.get("sum", s["initial_accumulator_value"]) + g * g
    rate = s["lr"] / (1 + (t - 1) * s["lr_decay"])
    return w - rate * g / (np.sqrt(v) + s["eps"]), {"sum": v}


def adadelta(w, g, memory, s, t):
    rho, u = s["rho"], memory.get("acc_delta", 0 * w)
    v = rho * memory.get("square_avg", 0) + (1 - rho) * g * g
    d = np.sqrt(u + s["eps"]) / np.sqrt(v + s["eps"]) * g
    return w - s["lr"] * d, {"square_avg": v, "acc_delta": rho * u + (1 - rho) * d * d}


def rmsprop(w, g, memory, s, t):
    alpha = s["alpha"]
    spread = v = alpha * memory.get("square_avg", 0) + (1 - alpha) * g * g
    memory, old = {"square_avg": v}, memory
    if s["centered"]:
        memory["grad_avg"] = a = alpha * old.get("grad_avg", 0) + (1 - alpha) * g
        spread = np.maximum(v - a * a, 0)
    b = g / (np.sqrt(spread) + s["eps"])
    if s["momentum"]:
        memory["momentum_buffer"] = b = s["momentum"] * old.get("momentum_buffer", 0) + b
    return w - s["lr"] * b, memory


def adam(w, g, memory, s, t):
    beta1, beta2 = s["betas"]
    m = beta1 * memory.get("exp_avg", 0) + (1 - beta1) * g
    most = v = beta2 * memory.get("exp_avg_sq", 0) + (1 - beta2) * g * g
    new = {"exp_avg": m, "exp_avg_sq": v}
    if s["amsgrad"]:
        new["max_exp_avg_sq"] = most = np.maximum(memory.get("max_exp_avg_sq", 0), v)
    size = np.sqrt(most) / (1 - beta2**t) ** 0.5 + s["eps"]
    return w - s["lr"] / (1 - beta1**t) * m / size, new


def adamw(w, g, memory, s, t):
    return adam(w - s["lr"] * s["weight_decay"] * w, g, memory, s, t)


@dataclass(frozen=True)
class Rule:
    """A row: the rule, its settings with their defaults, and what it remembers under which one."""

    move: Move
    defaults: Settings
    keeps: dict[str, str | None]

    def checked(self, operation: str, settings: Settings) -> Settings:
        """Return the settings as plain numbers, or raise an ArgumentError."""
        if odd := settings.keys() ^ self.defaults.keys():
            raise ArgumentError(
                operation,
                expected=f"the settings {', '.join(self.defaults)}",
                got=f"{', '.join(sorted(map(str, odd)))}, missing or unknown",
                fix="give the settings that this optimizer has",
            )
        found = {
            name: RANGES.get(name, positive)(operation, name, settings[name])
            for name in self.defaults
        }
        if found.get("nesterov") and (not found["momentum"] or found["dampening"]):
            raise ArgumentError(
                operation,
                expected="nesterov with momentum and without dampening",
                got=f"momentum={found['momentum']}, dampening={found['dampening']}",
                fix="set momentum=0.9, dampening=0",
            )
        return found

    def wanted(self, settings: Settings) -> set[str]:
        """The names of all that is remembered under these settings."""
        return {name for name, asks in self.keeps.items() if asks is None or settings[asks]}


def betas(operation: str, name: str, value: Any) -> tuple[float, ...]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ArgumentError(
            operation, expected="two numbers", got=f"{name}={value!r}", fix="betas=(0.9, 0.999)"
        )
    return tuple(below_one(operation, name, one) for one in value)


positive = partial(checks.number, least=0)
below_one = partial(checks.fraction, below_one=True)
RANGES = {"betas": betas, "alpha": below_one, "rho": below_one} | dict.fromkeys(
    ("nesterov", "centered", "amsgrad"), checks.flag
)
ADAM = {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False}
MOMENTS = {"exp_avg": None, "exp_avg_sq": None, "max_exp_avg_sq": "amsgrad"}
RULES = {
    "SGD": Rule(
        decayed(sgd),
        {"lr": 0.01, "momentum": 0, "dampening": 0, "nesterov": False, "weight_decay": 0},
        {"momentum_buffer": "momentum"},
    ),
    "Adagrad": Rule(
        decayed(adagrad),
        {"lr": 0.01, "lr_decay": 0, "weight_decay": 0, "initial_accumulator_value": 0}
        | {"eps": 1e-10},
        {"sum": None},
    ),
    "Adadelta": Rule(
        decayed(adadelta),
        {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0},
        {"square_avg": None, "acc_delta": None},
    ),
    "RMSprop": Rule(
        decayed(rmsprop),
        {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0}
        | {"momentum": 0, "centered": False},
        {"square_avg": None, "grad_avg": "centered", "momentum_buffer": "momentum"},
    ),
    "Adam": Rule(decayed(adam), ADAM, MOMENTS),
    "AdamW": Rule(adamw, ADAM | {"weight_decay": 0.01}, MOMENTS),
}
