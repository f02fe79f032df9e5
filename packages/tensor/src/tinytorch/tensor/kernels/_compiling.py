"""Compiling with numba: once, where a folder can be written that keeps it; else in each run."""

import atexit
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar, overload

from tinytorch.tensor.checks import extra
from tinytorch.tensor.kernels._threads import threads_for
from tinytorch.tensor.types import Array

Function = TypeVar("Function", bound=Callable[..., Any])
_folders: set[Path] = set()
_beside: list[str] = []
_NO_MORE = "TINYTORCH_COMPILES_BESIDE"
"""Set for a process that compiles beside another, which begins no more of them."""


@overload
def njit(function: Function, /, **options: Any) -> Function: ...
@overload
def njit(**options: Any) -> Callable[[Function], Function]: ...


def njit(function: Any = None, /, **options: Any) -> Any:
    """Compile a function as `numba.njit` does, and keep the result on disk if that is possible.

    Args:
        function: The function; left out, a decorator is returned.
        **options: As in `numba.njit`, without `cache`.

    Returns:
        The compiled function.

    Raises:
        MissingExtraError: numba is not installed.
    """
    if function is None:
        return partial(njit, **options)
    with extra("kernels.njit", "tinytorch-tensor[fast]"):
        import numba
    try:
        compiled = numba.njit(function, cache=True, **options)
    except RuntimeError:  # what numba raises where no folder can be written
        say_that_each_run_compiles()
        return numba.njit(function, **options)
    _folders.add(Path(compiled.stats.cache_path))
    return compiled


@overload
def parallel(function: Callable[..., None], /, **options: Any) -> Callable[..., None]: ...
@overload
def parallel(**options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]: ...


def parallel(function: Any = None, /, **options: Any) -> Any:
    """Compile a loop over a range that threads share.

    The function takes (begin, end, *arguments), does its part of the range, and returns nothing; no
    argument that it writes to shares memory with another.

    Args:
        function: The function; left out, a decorator is returned.
        **options: As in `numba.njit`, without `cache` and `parallel`.

    Returns:
        The loop, to be called with (count, work, *arguments): range(count) is shared out among
        threads, or stays on the calling one where there is little work, see `threads_for`.

    Raises:
        MissingExtraError: numba is not installed.

    Example:
        >>> import numpy as np
        >>> from tinytorch.tensor import kernels
        >>> if kernels.installed("numba"):
        ...     @kernels.parallel
        ...     def double(begin, end, x, out):
        ...         for i in range(begin, end):
        ...             out[i] = 2 * x[i]
        ...     out = np.empty(3)
        ...     double(3, 3, np.array([1.0, 2.0, 3.0]), out)
        ...     assert out.tolist() == [2.0, 4.0, 6.0]
    """
    if function is None:
        return partial(parallel, **options)
    with extra("kernels.parallel", "tinytorch-tensor[fast]"):
        import numba

        from tinytorch.tensor.kernels._numba._sharing import sharing
    shared = njit(
        sharing(numba.njit(function, **options), function), nogil=True, no_cfunc_wrapper=True
    )

    def loop(count: int, work: int, *arguments: Any) -> None:
        threads = min(count, threads_for(work)) if count > 1 else 1
        shared(count, threads, *arguments)

    return loop


def writable(array: Array) -> Array:
    """Return an array that may be written to, itself or a copy: kernels are compiled for these.

    Args:
        array: What a kernel reads.

    Example:
        >>> import numpy as np
        >>> x = np.broadcast_to(np.float32(1), (2,))
        >>> writable(x).flags.writeable, writable(x).tolist()
        (True, [1.0, 1.0])
    """
    return array if array.flags.writeable else array.copy()


def compile_beside(module: str) -> None:
    """Name what compiles kernels that a first training step needs late, in a process of its own.

    It is run once kernels are loaded, if none are kept yet and another core is there: while the
    first step compiles what it needs first, the process fills the folder with the rest.

    Args:
        module: The module, as by `python -m`.
    """
    _beside.append(module)


def begin_to_compile() -> None:
    """Where kernels are to be kept in a folder that holds none, say so and begin with the rest."""
    missing = any(not any(folder.glob("*.nbi")) for folder in _folders)
    _folders.clear()
    if not missing or os.environ.get(_NO_MORE):
        return
    sys.stderr.write("tinytorch compiles its kernels, once: expect a slow start\n")
    if threads_for(sys.maxsize) > 1:
        for module in _beside:
            with suppress(OSError):  # the first step then compiles all of it
                process = subprocess.Popen(  # noqa: S603 - modules of these packages alone
                    [sys.executable, "-m", module],
                    env={**os.environ, _NO_MORE: "1"},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                atexit.register(_end, process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Stop a process that compiles for one that has ended."""
    process.terminate()
    process.wait()


@cache
def say_that_each_run_compiles() -> None:
    """Say once why the start is slow."""
    sys.stderr.write(
        "tinytorch compiles its kernels in each run, as no folder for them can be written: expect"
        " slow starts, or set NUMBA_CACHE_DIR to a folder that can\n"
    )
