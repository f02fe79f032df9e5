"""Kernels: faster functions with the signature of an op's reference, one file for each backend.

A layer says which of its ops a backend serves, and how to load that file; nothing is imported until
such an op is first called. Having the backend installed is the choice: its kernels serve unless
`use("reference")` or `TINYTORCH_KERNELS=reference` turns them off. A kernel that does not suit
its operands (a data type, a layout) gives NotImplemented, and the reference serves.
"""

from tinytorch.tensor import ops
from tinytorch.tensor.kernels._compiling import compile_beside, njit, parallel, writable
from tinytorch.tensor.kernels._memory import room, room_like
from tinytorch.tensor.kernels._registry import (
    active,
    backends,
    give_up,
    installed,
    kernel,
    provide,
    table,
    use,
    using,
)
from tinytorch.tensor.kernels._threads import Threads, threads, threads_for

__all__ = [
    "Threads",
    "active",
    "backends",
    "compile_beside",
    "give_up",
    "installed",
    "kernel",
    "njit",
    "parallel",
    "provide",
    "room",
    "room_like",
    "table",
    "threads",
    "threads_for",
    "use",
    "using",
    "writable",
]


def _load_own() -> None:
    import tinytorch.tensor.kernels.numba  # noqa: F401


provide(
    "numba",
    ops=[
        ops.add,
        ops.erf,
        ops.erfc,
        ops.gelu,
        ops.gelu_gradient,
        ops.leaky_relu,
        ops.leaky_relu_gradient,
        ops.linear,
        ops.log_softmax,
        ops.log_softmax_gradient,
        ops.matmul,
        ops.mul,
        ops.normalize,
        ops.normalize_gradient,
        ops.relu,
        ops.relu_gradient,
        ops.silu,
        ops.silu_gradient,
        ops.softmax,
        ops.softmax_gradient,
        ops.sum,
    ],
    load=_load_own,
)
