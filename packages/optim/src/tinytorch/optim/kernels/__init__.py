"""Fused updates: one pass over memory in place of a dozen.

An update writes into several arrays, so it is no op and cannot be a kernel of one. It follows the
same choice, though: `tinytorch.tensor.kernels.active()` names the backend, and each backend is one
file here, which gives some of the `Update` objects a function with their reference's signature
(without scratch). Where there is none, the reference serves.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from tinytorch.tensor import kernels

_kernels: dict[object, Callable[..., Any]] = {}


def kernel(update: object) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the function below as the fused kernel of an update.

    Args:
        update: The `Update` whose reference it equals, up to rounding. It gets its flat arrays and
            its settings, and returns NotImplemented where it does not suit them.

    Returns:
        A decorator that returns the function.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        _kernels[update] = function
        return function

    return register


def fused(update: object) -> Callable[..., Any] | None:
    """Return the active backend's kernel of an update, or None."""
    if kernels.active() == "reference":
        return None
    _load()
    return _kernels.get(update)


@cache
def _load() -> None:
    try:
        import tinytorch.optim.kernels.numba  # noqa: F401
    except ImportError:
        return
