"""Checks of settings that several parts share."""

import operator
from typing import Any

from tinytorch.tensor.errors import ArgumentError


def whole(operation: str, name: str, value: Any, least: int) -> int:
    """Return ``value`` as a whole number.

    Raises:
        ArgumentError: It is none, or less than ``least``.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ArgumentError(
            operation,
            expected=f"{name}: a whole number of at least {least}",
            got=repr(value),
            fix=f"for instance {name}={least + 1}",
        )
    return number


def pair(operation: str, name: str, value: Any, least: int) -> tuple[int, int]:
    """Return ``value`` as (vertical, horizontal); a single number stands for both.

    Raises:
        ArgumentError: It is neither a whole number nor a pair of them, or less than ``least``.
    """
    if not isinstance(value, tuple | list):
        number = whole(operation, name, value, least)
        return number, number
    if len(value) != 2:
        raise ArgumentError(
            operation,
            expected=f"{name}: one whole number, or two (vertical, horizontal)",
            got=repr(value),
            fix=f"for instance {name}=({least + 1}, {least + 1})",
        )
    return whole(operation, name, value[0], least), whole(operation, name, value[1], least)


def probability(operation: str, name: str, value: float) -> float:
    """Return ``value``.

    Raises:
        ArgumentError: It is not between 0 and 1.
    """
    if not 0 <= value <= 1:
        raise ArgumentError(
            operation,
            expected=f"{name}: a number from 0 to 1",
            got=repr(value),
            fix=f"for instance {name}=0.5",
        )
    return value
