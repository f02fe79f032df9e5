"""What each hyperparameter may be, said once for optimizers, groups, schedules and functions."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tinytorch.tensor.checks import flag, fraction, number, whole
from tinytorch.tensor.errors import ArgumentError


def checked(operation: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return `settings` with every hyperparameter in its range and as a plain Python value.

    Names without a check (an optimizer of your own has some) pass unchecked.
    """
    return {
        name: CHECKS[name](operation, name, value) if name in CHECKS else value
        for name, value in settings.items()
    }


def _betas(operation: str, name: str, value: Any) -> tuple[float, float]:
    try:
        first, second = value
        return _below_one(operation, name, first), _below_one(operation, name, second)
    except (TypeError, ValueError):
        raise ArgumentError(
            operation,
            expected=f"{name}: two numbers from 0 to 1, and below 1",
            got=f"{name}={value!r}",
            fix=f"for instance {name}=(0.9, 0.999)",
            name=name,
            value=value,
        ) from None


_at_least_zero = partial(number, least=0)
_below_one = partial(fraction, below_one=True)

CHECKS: dict[str, Callable[[str, str, Any], Any]] = {
    "lr": _at_least_zero,
    "momentum": _at_least_zero,
    "dampening": number,
    "nesterov": flag,
    "weight_decay": _at_least_zero,
    "betas": _betas,
    "eps": _at_least_zero,
    "amsgrad": flag,
    "alpha": _below_one,
    "rho": _below_one,
    "centered": flag,
    "lr_decay": _at_least_zero,
    "initial_accumulator_value": _at_least_zero,
    "step": partial(whole, least=1),
}
