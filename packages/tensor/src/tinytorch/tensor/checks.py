"""What a setting may be: each check stands here once, for all layers, and gives the value back.

Each takes the operation that the user called and the setting's name, for the error, and returns the
value as a plain Python number, so that a NumPy scalar never changes a data type further down.
"""

import math
import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from tinytorch.tensor._convert import as_array
from tinytorch.tensor.errors import ArgumentError, MissingExtraError

__all__ = ["as_array", "choice", "extra", "flag", "fraction", "number", "pair", "whole"]

Word = TypeVar("Word")


def whole(operation: str, name: str, value: Any, least: int | None = None) -> int:
    """Return `value` as a whole number; True and False are none.

    Args:
        operation: Who asks, for the error.
        name: The setting's name.
        value: What came.
        least: The smallest number allowed; None for any.

    Raises:
        ArgumentError: It is no whole number, or below `least`.

    Example:
        >>> whole("conv2d", "stride", 2, least=1)
        2
    """
    try:
        found = None if _is_flag(value) else operator.index(value)
    except TypeError:
        found = None
    if found is None or (least is not None and found < least):
        bound = "" if least is None else f" of at least {least}"
        raise _wrong(
            operation,
            name,
            value,
            f"a whole number{bound}",
            f"for instance {name}={1 if least is None else max(least, 1)}",
        )
    return found


def pair(operation: str, name: str, value: Any, least: int | None = None) -> tuple[int, int]:
    """Return `value` as (vertical, horizontal); one whole number stands for both.

    Raises:
        ArgumentError: It is neither a whole number nor two of them, or one is below `least`.

    Example:
        >>> pair("conv2d", "padding", 1)
        (1, 1)
    """
    if not isinstance(value, (tuple, list)):
        both = whole(operation, name, value, least)
        return both, both
    if len(value) != 2:
        raise _wrong(
            operation,
            name,
            value,
            "one whole number, or two: (vertical, horizontal)",
            f"for instance {name}=(2, 2)",
        )
    return whole(operation, name, value[0], least), whole(operation, name, value[1], least)


def number(operation: str, name: str, value: Any, *, least: float = -math.inf) -> float:
    """Return `value` as a finite number of at least `least`; True, False and text are none.

    Raises:
        ArgumentError: It is none.

    Example:
        >>> number("SGD", "lr", 0.1, least=0)
        0.1
    """
    found = _as_float(value)
    if not math.isfinite(found) or found < least:
        bound = "" if least == -math.inf else f" of at least {least}"
        raise _wrong(
            operation, name, value, f"a finite number{bound}", f"choose {name} in that range"
        )
    return found


def fraction(operation: str, name: str, value: Any, *, below_one: bool = False) -> float:
    """Return `value` as a number from 0 to 1, which `below_one` leaves out.

    Raises:
        ArgumentError: It is none.

    Example:
        >>> fraction("dropout", "p", 0.5)
        0.5
    """
    found = _as_float(value)
    if not 0 <= found <= 1 or (below_one and found == 1):
        raise _wrong(
            operation,
            name,
            value,
            "a number from 0 to 1" + (", and below 1" if below_one else ""),
            f"for instance {name}=0.5",
        )
    return found


def flag(operation: str, name: str, value: Any) -> bool:
    """Return `value` as True or False.

    Raises:
        ArgumentError: It is neither.

    Example:
        >>> flag("SGD", "nesterov", True)
        True
    """
    if not _is_flag(value):
        raise _wrong(operation, name, value, "True or False", f"{name}=True or {name}=False")
    return bool(value)


def choice(operation: str, name: str, value: Word, among: Sequence[str | None]) -> Word:
    """Return `value` if it is one of a few.

    Raises:
        ArgumentError: It is none.

    Example:
        >>> choice("ReduceOnPlateau", "mode", "min", ("min", "max"))
        'min'
    """
    if not (value is None or isinstance(value, str)) or value not in among:
        shown = [f'"{one}"' if one else str(one) for one in among]
        raise _wrong(
            operation,
            name,
            value,
            f"{', '.join(shown[:-1])} or {shown[-1]}",
            f"for instance {name}={shown[0]}",
        )
    return value


@contextmanager
def extra(operation: str, install: str) -> Iterator[None]:
    """Surround the import of an optional dependency, where it is needed.

    Args:
        operation: Who needs it, for the error.
        install: What brings it, such as `"tinytorch-training[plot]"`.

    Raises:
        MissingExtraError: It is not installed, or cannot be imported.

    Example:
        >>> with extra("plot_filters", "tinytorch-spatial[plot]"):
        ...     import json
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            operation,
            expected=f"{error.name or 'a module'}, which {operation} needs",
            got=f"{type(error).__name__}: {error}",
            fix=f'python -m pip install "{install}"',
            module=error.name,
        ) from error


def _wrong(operation: str, name: str, value: Any, expected: str, fix: str) -> ArgumentError:
    """The error for a setting that is not what it may be."""
    return ArgumentError(
        operation,
        expected=f"{name}: {expected}",
        got=f"{name}={value!r}",
        fix=fix,
        name=name,
        value=value,
    )


def _is_flag(value: Any) -> bool:
    """Whether it is True or False, of Python or of NumPy."""
    return isinstance(value, (bool, np.bool_))


def _as_float(value: Any) -> float:
    """Return a number as a Python float, and NaN for anything else."""
    if _is_flag(value) or isinstance(value, (str, bytes)):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
