"""The registry: which op has a kernel in which backend, which backend serves, and what loads it.

Nothing of a backend is imported until an op that it serves is first called. A forked child, in
which compiled kernels would hang, goes on with the references.
"""

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from mmap import mmap
from typing import Any

from numpy import ndarray

from tinytorch.tensor._op import Op
from tinytorch.tensor.errors import ArgumentError, MissingExtraError
from tinytorch.tensor.kernels._compiling import (
    begin_to_compile,
    say_that_each_run_compiles,
)
from tinytorch.tensor.kernels._threads import apply

BACKENDS = ("reference", "numba")
EXTRAS = {"numba": '"tinytorch-tensor[fast]"'}
_loaders: dict[str, list[Callable[[], object]]] = {}
_provided: dict[str, set[Op]] = {}
_kernels: dict[str, dict[Op, Callable[..., Any]]] = {}
_least: dict[Callable[..., Any], int] = {}
_active = "reference"
_stranded = False  # in a child that was forked from threads that kernels run on
_has_said = mmap(-1, 1)  # one byte, which forked children share


def provide(backend: str, *, ops: Sequence[Op], load: Callable[[], object]) -> None:
    """Say that a backend has kernels for some ops, in a file that is imported when one is needed.

    Args:
        backend: The backend's name, which is that of the library it needs.
        ops: The ops that the file has kernels for.
        load: Imports the file; called once at most.
    """
    _loaders.setdefault(backend, []).append(load)
    _provided.setdefault(backend, set()).update(ops)
    _apply()


def kernel(
    op: Op, backend: str = "numba", *, least: int = 0
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the function below as the backend's kernel of `op`.

    Args:
        op: The op whose reference it equals, up to rounding.
        backend: The backend's name.
        least: Where no operand has so many elements the reference serves, and the kernel, which
            would decline, is not asked.

    Returns:
        A decorator that returns the function.

    Raises:
        ArgumentError: No `provide` names the op, so that the kernel would never serve.
    """
    if op not in _provided.get(backend, ()):
        raise ArgumentError(
            "kernels.kernel",
            expected=f"an op that `provide` names for {backend}",
            got=repr(op),
            fix=f'add it to kernels.provide("{backend}", ops=[...], load=...)',
        )

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        _kernels.setdefault(backend, {})[op] = function
        _least[function] = least
        return function

    return register


def active() -> str:
    """Return the name of the backend in use, such as `"reference"` or `"numba"`."""
    if _stranded and _active != "reference":
        _say_that_references_serve()
        return "reference"
    return _active


def backends() -> tuple[str, ...]:
    """Return the names of the backends whose libraries are installed, beside the reference."""
    return tuple(name for name in _known() if name != "reference" and installed(name))


def table(backend: str) -> dict[Op, Callable[..., Any]]:
    """Return every kernel that the layers in use have for a backend; imports their files.

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
        backend: `"reference"`, `"numba"`, or another that `provide` names.

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
    if backend not in _known():
        raise ArgumentError(
            "kernels.use",
            expected=f"one of {', '.join(_known())}",
            got=repr(backend),
            fix='use "reference", which is always there',
        )
    if backend != "reference" and not installed(backend):
        raise MissingExtraError(
            "kernels.use",
            expected=f"{backend} installed",
            got=f"no module {backend}",
            fix=f"python -m pip install {EXTRAS.get(backend, backend)}",
        )
    _active = backend
    _apply()


@contextmanager
def using(backend: str) -> Iterator[None]:
    """Choose the backend inside a `with` block, and the one before it after the block.

    Args:
        backend: As in `use`.

    Yields:
        Nothing.
    """
    before = _active
    use(backend)
    try:
        yield
    finally:
        use(before)


def give_up(error: ImportError) -> None:
    """Let the references serve from here on, where a backend lacks what it compiles with.

    Args:
        error: What could not be imported, such as a part of Python that this user may not read.
    """
    sys.stderr.write(f"{_active} cannot compile here, the NumPy references serve: {error}\n")
    use("reference")


def installed(backend: str) -> bool:
    """Whether the backend's library can be imported."""
    return find_spec(backend) is not None


def _known() -> tuple[str, ...]:
    """The reference, numba, and what else `provide` names."""
    return tuple(dict.fromkeys((*BACKENDS, *_provided)))


def _apply() -> None:
    """Give each op the implementation of the active backend."""
    served = _provided.get(_active, set())
    for op in set().union(*_provided.values()):
        op.implementation = _implementation(op) if op in served else op.reference


def _implementation(op: Op) -> Callable[..., Any]:
    """The kernel of `op` with the reference behind it; the first call loads the backend's files."""

    def first_call(*operands: Any, **settings: Any) -> Any:
        _load(_active)
        _apply()
        return op.implementation(*operands, **settings)

    def forked_call(*operands: Any, **settings: Any) -> Any:
        _say_that_references_serve()
        op.implementation = op.reference
        return op.reference(*operands, **settings)

    if _stranded:
        return forked_call
    return first_call if _loaders.get(_active) else _with_reference(op)


def _with_reference(op: Op) -> Callable[..., Any]:
    """The kernel of `op`, and its reference where the kernel declines."""
    fast, reference = _kernels.get(_active, {}).get(op), op.reference
    if fast is None:
        return reference
    least = _least.get(fast, 0)

    def serve(*operands: Any, **settings: Any) -> Any:
        if least:
            for x in operands:
                if type(x) is ndarray and x.size >= least:
                    break
            else:
                return reference(*operands, **settings)
        try:
            result = fast(*operands, **settings)
        except OSError:  # the disk is full: what has been compiled serves, but in this run alone
            say_that_each_run_compiles()
            return reference(*operands, **settings)
        except ImportError as error:
            give_up(error)
            return reference(*operands, **settings)
        return reference(*operands, **settings) if result is NotImplemented else result

    return serve


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
    apply()
    begin_to_compile()


def _after_fork() -> None:
    """Find out whether the parent left kernels without the threads that they run on."""
    global _stranded  # noqa: PLW0603 - what happened to this process
    numba = sys.modules.get("numba")
    try:
        _stranded = numba is not None and numba.threading_layer() != "tbb"
    except ValueError:  # no thread has been started
        return
    _apply()


def _say_that_references_serve() -> None:
    """Say it once, whichever of the forked children comes first."""
    if not _has_said[0]:
        _has_said[0] = 1
        sys.stderr.write(
            "tinytorch goes on with the NumPy references in a forked process: kernels had started"
            " threads before the fork, which it lacks\n"
        )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
use(os.environ.get("TINYTORCH_KERNELS") or next(iter(backends()), "reference"))
