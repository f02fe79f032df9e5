"""A world from an MPI communicator: mpi4py speaks, and whatever MPI the cluster has carries it.

One rank that fails ends them all: an uncaught exception is shown, and MPI stops the others, which
would wait for it for ever.
"""

import json
import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import numpy as np

from tinytorch.tensor import checks
from tinytorch.training.distributed.cores import share_cores
from tinytorch.training.distributed.world import World


def mpi(communicator: Any = None) -> World:
    """Return the world of the processes that `mpiexec` or the cluster's scheduler started.

    A process that was started without them is alone. Where several ranks share a machine, each
    computes with its part of the cores, unless `OMP_NUM_THREADS` or the like say otherwise.

    Args:
        communicator: An `mpi4py.MPI.Comm`; all processes if left out.

    Raises:
        MissingExtraError: mpi4py is not installed, or finds no MPI.
    """
    with checks.extra("distributed.mpi", "tinytorch-training[mpi]"):
        try:
            from mpi4py import MPI
        except RuntimeError as error:  # it is there, and the library that it loads is not
            raise ImportError(str(error), name="mpi4py") from error
    given = MPI.COMM_WORLD if communicator is None else communicator
    if given.size == 1:
        return World()
    world = _Ranks(given.Dup(), MPI)
    node = world.communicator.Split_type(MPI.COMM_TYPE_SHARED)
    share_cores(_Ranks(node, MPI))
    node.Free()
    sys.excepthook = world.end_all
    return world


class _Ranks(World):
    """The processes of an MPI communicator."""

    def __init__(self, communicator: Any, library: Any) -> None:
        self.communicator = communicator
        self.library = library
        self.rank: int = communicator.rank
        self.size: int = communicator.size

    def sum_into(self, arrays: Iterable[np.ndarray]) -> None:
        place, start = self.library.IN_PLACE, self.communicator.Iallreduce
        self.library.Request.Waitall([start(place, array) for array in arrays])

    def broadcast(self, arrays: Iterable[np.ndarray]) -> None:
        for array in arrays:
            if array.size:
                self.communicator.Bcast(array.reshape(-1).view(np.uint8), root=0)

    def gather(self, value: Any) -> list[Any]:
        text = np.frombuffer(json.dumps(value, default=np.ndarray.tolist).encode(), np.uint8)
        lengths = np.empty(self.size, np.int64)
        self.communicator.Allgather(np.array([text.size]), lengths)
        texts = np.empty(lengths.sum(), np.uint8)
        self.communicator.Allgatherv(text, [texts, lengths])
        ends = np.cumsum(lengths)
        return [json.loads(part.tobytes()) for part in np.split(texts, ends[:-1])]

    def barrier(self) -> None:
        self.communicator.Barrier()

    def end_all(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Show an exception that nobody caught, and end all ranks: `sys.excepthook`."""
        time.sleep(self.rank / self.size)  # of several that fail alike the first one tells
        sys.stderr.write(f"rank {self.rank} of {self.size} ended:\n")
        sys.__excepthook__(kind, error, trace)
        sys.stdout.flush()
        sys.stderr.flush()
        self.communicator.Abort(130 if issubclass(kind, KeyboardInterrupt) else 1)
