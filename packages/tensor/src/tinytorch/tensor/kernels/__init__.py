"""Kernels: faster functions with the signature of an op's reference, one file for each backend.

A layer says which of its ops a backend serves, and how to load that file; nothing is imported until
such an op is first called. Having the backend installed is the choice: its kernels serve unless
`use("reference")` or ``TINYTORCH_KERNELS=reference`` turns them off. A kernel that does not suit
its operands (a data type, a layout) gives NotImplemented, and the reference serves.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from tinytorch.tensor import ops
from tinytorch.tensor._op import Op
from tinytorch.tensor.errors import ArgumentError, MissingExtraError

__all__ = ["active", "backends", "kernel", "provide", "table", "use", "using"]

BACKENDS = ("reference", "numba")
_loaders: dict[str, list[Callable[[], object]]] = {}
_kernels: dict[str, dict[Op, Callable[..., Any]]] = {}
_waiting: dict[Op, str] = {}
_active = "reference"


def provide(backend: str, *, ops: Sequence[Op], load: Callable[[], object]) -> None:
    """Say that a backend has kernels for some ops, in a file that is imported when one is needed.

    Args:
        backend: The backend's name, which is that of the library it needs.
        ops: The ops that the file has kernels for.
        load: Imports the file; called once at most.
    """
    _loaders.setdefault(backend, []).append(load)
    for op in ops:
        _waiting[op] = backend
    _apply()


def kernel(op: Op, backend: str = "numba") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the function below as the backend's kernel of ``op``.

    Args:
        op: The op whose reference it equals, up to rounding.
        backend: The backend's name.

    Returns:
        A decorator that gives the function back.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        _kernels.setdefault(backend, {})[op] = function
        return function

    return register


def active() -> str:
    """Give the name of the backend in use: ``"reference"`` or ``"numba"``."""
    return _active


def backends() -> tuple[str, ...]:
    """Give the names of the backends whose libraries are installed, beside the reference."""
    return tuple(name for name in BACKENDS if name != "reference" and installed(name))


def table(backend: str) -> dict[Op, Callable[..., Any]]:
    """Give every kernel that the layers in use have for a backend; imports their files.

    Args:
        backend: A name of `backends`.

    Returns:
        The kernel of each op that has one.
    """
    _load(backend)
    return dict(_kernels.get(backend, {}))


def use(backend: str) -> None:
    """Choose the backend from here on.

    Args:
        backend: ``"reference"`` or ``"numba"``.

    Raises:
        ArgumentError: There is no such backend.
        MissingExtraError: The backend is not installed.

    Example:
        >>> before = active()
        >>> use("reference")
        >>> active()
        'reference'
        >>> use(before)
    """
    global _active  # noqa: PLW0603 - the choice is the process's own
    if backend not in BACKENDS:
        raise ArgumentError(
            "kernels.use",
            expected=f"one of {', '.join(BACKENDS)}",
            got=repr(backend),
            fix='use "reference", which is always there',
        )
    if backend != "reference" and not installed(backend):
        raise MissingExtraError(
            "kernels.use",
            expected=f"{backend} installed",
            got=f"no module {backend}",
            fix='python -m pip install "tinytorch-tensor[fast]"',
        )
    _active = backend
    _apply()


@contextmanager
def using(backend: str) -> Iterator[None]:
    """Choose the backend inside a ``with`` block, and the one before it after the block.

    Args:
        backend: ``"reference"`` or ``"numba"``.

    Yields:
        Nothing.
    """
    before = _active
    use(backend)
    try:
        yield
    finally:
        use(before)


def installed(backend: str) -> bool:
    """Whether the backend's library can be imported."""
    return find_spec(backend) is not None


def _apply() -> None:
    """Give each op the implementation of the active backend."""
    for op in _waiting:
        op.implementation = op.reference if _active == "reference" else _dispatcher(op)


def _dispatcher(op: Op) -> Callable[..., Any]:
    """The kernel of ``op`` with the reference behind it; loads the backend's files at first use."""

    def first_call(*operands: Any, **settings: Any) -> Any:
        _load(_active)
        for waiting in _waiting:
            waiting.implementation = _with_reference(waiting)
        return op.implementation(*operands, **settings)

    return first_call if _loaders.get(_active) else _with_reference(op)


def _load(backend: str) -> None:
    """Import the backend's files that are not imported yet; without one the references serve."""
    for load in _loaders.pop(backend, []):
        try:
            load()
        except ImportError as error:
            removed = isinstance(error, ModuleNotFoundError) and error.name
            if removed and removed.endswith(f".kernels.{backend}"):
                continue  # a layer whose kernel file was removed
            warnings.warn(
                f"{backend} kernels cannot be loaded, the NumPy references serve: {error}",
                stacklevel=2,
            )


def _with_reference(op: Op) -> Callable[..., Any]:
    """The kernel of ``op``, and its reference where the kernel declines."""
    fast, reference = _kernels.get(_active, {}).get(op), op.reference
    if fast is None:
        return reference

    def serve(*operands: Any, **settings: Any) -> Any:
        result = fast(*operands, **settings)
        return reference(*operands, **settings) if result is NotImplemented else result

    return serve


def _choose() -> str:
    """The backend to begin with: what the environment says, else what is installed."""
    wanted = os.environ.get("TINYTORCH_KERNELS", "")
    if wanted:
        use(wanted)
    elif installed("numba"):
        use("numba")
    return _active


def _load_own() -> None:
    import tinytorch.tensor.kernels.numba  # noqa: F401


_choose()
provide("numba", ops=[ops.erf, ops.erfc, ops.linear, ops.matmul, ops.normalize], load=_load_own)
