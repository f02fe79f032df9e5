"""Compiling with numba: once, where a folder can be written that keeps it; else in each run."""

import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from tinytorch.tensor.checks import extra
from tinytorch.tensor.kernels._threads import threads_for

_folders: set[Path] = set()


def njit(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
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


def parallel(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
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
        shared(count, max(1, min(count, threads_for(work))), *arguments)

    return loop


def say_that_this_run_compiles() -> None:
    """Say so where kernels are to be kept in a folder that holds none."""
    if any(not any(folder.glob("*.nbi")) for folder in _folders):
        sys.stderr.write("tinytorch compiles its kernels, once: expect a slow start\n")
    _folders.clear()


@cache
def say_that_each_run_compiles() -> None:
    """Say once why the start is slow."""
    sys.stderr.write(
        "tinytorch compiles its kernels in each run, as no folder for them can be written: expect"
        " slow starts, or set NUMBA_CACHE_DIR to a folder that can\n"
    )
