"""A run on many machines: what its ranks say to each other, and who carries it."""

from tinytorch.training.distributed.communicator import mpi
from tinytorch.training.distributed.threads import in_threads
from tinytorch.training.distributed.world import World

__all__ = ["World", "in_threads", "mpi"]
