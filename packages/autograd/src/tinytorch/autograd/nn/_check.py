"""Checks of settings that several modules share."""

from tinytorch.tensor import ArgumentError

__all__ = ["at_least"]


def at_least(lowest: int, operation: str, **settings: int) -> None:
    """Raise ArgumentError unless each setting is a whole number not below ``lowest``."""
    for name, value in settings.items():
        if isinstance(value, bool) or not hasattr(value, "__index__") or value < lowest:
            raise ArgumentError(
                operation,
                expected=f"{name}, a whole number of at least {lowest}",
                got=f"{name}={value!r}",
                fix=f"{operation}(..., {name}={max(lowest, 1)})",
            )
