"""How many threads a rank has: the cores of its machine are shared out among its ranks."""

import os
import sys
from contextlib import suppress

from tinytorch.training.distributed.world import World
from tinytorch.training.parts.made_of import LIMITS


def share_cores(node: World) -> None:
    """Limit this process's threads to its part of the cores of a `node`, unless the user has."""
    own = _cores()
    together = {core for cores in node.gather(sorted(own)) for core in cores}
    if node.size == 1 or any(name in os.environ for name in LIMITS):
        return
    count = max(min(len(own), len(together) // node.size), 1)
    os.environ["NUMBA_NUM_THREADS"] = str(count)  # numba, which is loaded late, and workers
    if "numba" in sys.modules:
        sys.modules["numba"].set_num_threads(count)
    with suppress(ImportError):
        from threadpoolctl import threadpool_limits

        threadpool_limits(count)  # NumPy's matrix library, which is there already


def _cores() -> set[int]:
    """Return the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return set(affinity(0)) if affinity else set(range(os.cpu_count() or 1))
