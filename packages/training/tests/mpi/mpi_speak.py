"""Ranks say to each other all that can be said: `mpiexec -n 3 python -m mpi4py mpi_speak.py`."""

import sys

import numpy as np

from tinytorch.training import distributed

world = distributed.mpi()
rank, size = world.rank, world.size

sums = [np.full((3, 2), rank, np.float32), np.array(rank), np.ones(1 << 20, np.float64)]
world.sum_into(sums)
total = size * (size - 1) // 2
assert (sums[0] == total).all()
assert sums[1] == total
assert (sums[2] == size).all()

said = [np.full((2, 2), rank + 5, np.int16), np.array(rank == 0), np.empty((0, 3))]
world.broadcast(said)
assert (said[0] == 5).all()
assert said[1]

assert world.gather({"rank": rank, "text": "é" * rank}) == [
    {"rank": r, "text": "é" * r} for r in range(size)
]
tree = {"whole": 2**100, "array": np.arange(6, dtype=np.float16).reshape(2, 3).T, "nan": [np.nan]}
tree["array"].setflags(write=False)
found = world.share(tree if rank == 0 else None)
assert found["whole"] == 2**100
assert (found["array"] == tree["array"]).all()
assert world.decide(rank == 0)
assert not world.decide(rank == 1)
assert world.total([1, rank]) == [size, total]
world.barrier()
if rank == 0:
    sys.stdout.write(f"all {size} ranks said all of it\n")
