"""Faster kernels for the ops of this layer, one file for each backend."""

import os
import sys
from pathlib import Path

from tinytorch.spatial import ops as spatial_ops
from tinytorch.tensor import kernels


def load() -> None:
    """Import the kernels."""
    import tinytorch.spatial.kernels.numba  # noqa: F401

    cache = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).parent)
    if not any(cache.rglob("*.nbi")):
        sys.stderr.write("tinytorch.spatial compiles its kernels, once: expect a slow start\n")


kernels.provide(
    "numba", ops=[getattr(spatial_ops, name) for name in spatial_ops.__all__], load=load
)
