"""What each hyperparameter may be, said once for optimizers, groups and plain functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinytorch.tensor.errors import ArgumentError


def _number(value: Any) -> float:
    """`value` as a finite Python float, which takes the dtype of the array that it meets."""
    if isinstance(value, (bool, np.bool_, str, bytes)):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _at_least_zero(value: Any) -> float:
    if (number := _number(value)) < 0:
        raise ValueError
    return number


def _fraction(value: Any) -> float:
    if not 0 <= (number := _number(value)) < 1:
        raise ValueError
    return number


def _fractions(value: Any) -> tuple[float, float]:
    first, second = value
    return _fraction(first), _fraction(second)


def _flag(value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError
    return bool(value)


_AT_LEAST_ZERO = ("a finite number >= 0", _at_least_zero)
_FLAG = ("True or False", _flag)

RULES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "lr": _AT_LEAST_ZERO,
    "momentum": _AT_LEAST_ZERO,
    "dampening": ("a finite number", _number),
    "nesterov": _FLAG,
    "weight_decay": _AT_LEAST_ZERO,
    "betas": ("two numbers in [0, 1)", _fractions),
    "eps": _AT_LEAST_ZERO,
    "amsgrad": _FLAG,
    "alpha": ("a number in [0, 1)", _fraction),
    "centered": _FLAG,
    "lr_decay": _AT_LEAST_ZERO,
    "initial_accumulator_value": _AT_LEAST_ZERO,
}


def checked(operation: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with every hyperparameter in its range and as a plain Python value.

    Args:
        operation: Who asks, for the message.
        settings: Hyperparameters by name. Names without a rule (an optimizer of your own has some)
            pass unchecked.

    Raises:
        ArgumentError: One is out of its range; it is named.
    """
    values = dict(settings)
    for name, value in settings.items():
        if name not in RULES:
            continue
        text, rule = RULES[name]
        try:
            values[name] = rule(value)
        except (TypeError, ValueError):
            raise ArgumentError(
                operation,
                expected=f"{name}: {text}",
                got=f"{name}={value!r}",
                fix=f"choose {name} in that range",
                name=name,
                value=value,
            ) from None
    return values
