"""Faster kernels for the ops of this layer, one file for each backend."""

from tinytorch.spatial import ops as spatial_ops
from tinytorch.tensor import kernels


def load() -> None:
    """Import the kernels."""
    import tinytorch.spatial.kernels.numba  # noqa: F401


kernels.provide(
    "numba", ops=[getattr(spatial_ops, name) for name in spatial_ops.__all__], load=load
)
kernels.compile_beside("tinytorch.spatial.kernels._numba._beside")
