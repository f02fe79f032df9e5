"""Compiling with numba: once, where a folder can be written that keeps it; else in each run."""

import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from tinytorch.tensor.checks import extra

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
