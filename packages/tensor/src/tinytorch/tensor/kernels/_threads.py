"""How many threads compute: one number for NumPy's products, for kernels and for loaders' workers.

Each has a pool of its own. Where a machine is shared, pools of all cores stand in each other's way,
and little work takes less time on one thread than it takes to wake another.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from tinytorch.tensor.checks import whole

LITTLE = 1 << 13
"""So many elements, or fewer, are done before another thread has awoken."""
_wanted: int | None = None
_turn = Lock()


class Threads(NamedTuple):
    """How many threads are in force.

    Attributes:
        products: Those of OpenBLAS, NumPy's matrix library; None where NumPy has another.
        kernels: Those of compiled kernels that the calling thread starts; None without numba.
    """

    products: int | None
    kernels: int | None


def threads(n: int | None = None) -> Threads:
    """Set the number of threads of products, kernels and loaders' workers together, and tell it.

    There is at most one for each core that the process may use, and for kernels no more than numba
    started with: those, or `NUMBA_NUM_THREADS`. The number of kernels is that of the calling thread
    and of a first use of kernels from here on; workers that a `DataLoader` starts afterward find
    theirs in the environment.

    Args:
        n: The number, which is brought down to what there can be; None to leave all as they are.

    Returns:
        The numbers that are in force.

    Raises:
        ArgumentError: `n` is not a whole number of at least 1.

    Example:
        >>> before = threads()
        >>> threads(1).products in (1, None)
        True
        >>> _ = threads(before.products or 1)
    """
    global _wanted  # noqa: PLW0603 - the choice is the process's own
    library = openblas()
    if n is not None:
        _wanted = min(whole("kernels.threads", "n", n, 1), _cores())
        os.environ["OPENBLAS_NUM_THREADS"] = str(_wanted)
        if library is not None:
            library.set_threads(_wanted)
        apply()
    return Threads(None if library is None else library.threads(), _of_kernels())


def apply() -> None:
    """Give numba the number that was asked for, if it is there already."""
    numba = sys.modules.get("numba")
    if numba is not None and _wanted is not None:
        numba.set_num_threads(min(_wanted, numba.config.NUMBA_NUM_THREADS))


def threads_for(work: int) -> int:
    """Return how many threads to share work among: one where there is little.

    Args:
        work: About how many elements are to be computed, at a nanosecond each.
    """
    numba = sys.modules.get("numba")
    return 1 if work <= LITTLE or numba is None else int(numba.get_num_threads())


class OpenBLAS(NamedTuple):
    """NumPy's matrix library.

    Attributes:
        threads, set_threads: Tell and set how many threads it has.
        sgemm: Where its product of float32 matrices begins in memory; None where it hides that.
        whole: The type of the whole numbers that it takes.
    """

    threads: Callable[[], int]
    set_threads: Callable[[int], None]
    sgemm: int | None
    whole: type[np.integer[Any]]


@contextmanager
def products_alone() -> Iterator[None]:
    """Let OpenBLAS compute in the calling thread for the time of a block.

    Its other threads, once awake, spin for milliseconds on cores that kernels need.
    """
    library = openblas()
    if library is None:
        yield
        return
    with _turn:
        before = library.threads()
        library.set_threads(1)
        try:
            yield
        finally:
            library.set_threads(before)


def _of_kernels() -> int | None:
    """The number for kernels; numba, which takes a second to load, need not be there yet."""
    numba = sys.modules.get("numba")
    if numba is not None:
        return int(numba.get_num_threads())
    if find_spec("numba") is None:
        return None
    most = int(os.environ.get("NUMBA_NUM_THREADS") or _cores())
    return min(_wanted or most, most)


def _cores() -> int:
    """The cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@cache
def openblas() -> OpenBLAS | None:
    """Find the library that NumPy has loaded; None if it is another one."""
    for path in _libraries():
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        for prefix, wide in product(("scipy_", ""), (True, False)):
            suffix = "64_" if wide else ""
            names = "openblas_get_num_threads", "openblas_set_num_threads", "cblas_sgemm"
            count, set_count, product_of = (
                getattr(library, f"{prefix}{name}{suffix}", None) for name in names
            )
            if count and set_count:
                sgemm = product_of and ctypes.cast(product_of, ctypes.c_void_p).value
                return OpenBLAS(count, set_count, sgemm, np.int64 if wide else np.int32)
    return None


def _libraries() -> Iterator[str]:
    """The files that may be NumPy's OpenBLAS: in its wheel, or loaded from the system's folders."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs", package / ".libs"):
        yield from map(str, sorted(folder.glob("*openblas*")))
    maps = Path("/proc/self/maps")
    if maps.exists():
        lines = maps.read_text(encoding="utf-8", errors="replace").splitlines()
        yield from sorted({line.split()[-1] for line in lines if "openblas" in line})
