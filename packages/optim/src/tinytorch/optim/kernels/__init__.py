"""Fused updates: one pass over memory in place of a dozen.

An update writes into several arrays, so it is no op and cannot be a kernel of one. It follows the
same choice, though: `tinytorch.tensor.kernels.active()` names the backend, each backend is one file
here, and a file maps the name of an `Update` to a function with the reference's signature (without
scratch). A backend without the file, or a file without the name, leaves the reference to serve.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from tinytorch.tensor import kernels


@cache
def _numba() -> dict[str, Callable[..., Any]]:
    try:
        from tinytorch.optim.kernels import numba
    except ImportError:
        return {}
    return numba.FUSED


def fused(name: str) -> Callable[..., Any] | None:
    """The active backend's fused kernel for the update called `name`, or None."""
    return _numba().get(name) if kernels.active() == "numba" else None
