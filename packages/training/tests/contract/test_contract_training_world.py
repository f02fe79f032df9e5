"""Many ranks: each has its part of every batch, and all have the same weights."""

import importlib.util

import numpy as np
import pytest


def test_a_rank_alone_is_a_world_of_one(training, expect):
    from tinytorch.training import distributed

    world = distributed.World()
    expect([world.rank, world.size], [0, 1], "one rank, number 0", "distributed.World")
    arrays = [np.ones(2)]
    world.sum_into(arrays)
    expect(arrays[0], [1.0, 1.0], "the sum over one rank", "distributed.World")


def test_ranks_in_threads_add_up(training, expect):
    from tinytorch.training import distributed

    def work(world):
        arrays = [np.full(2, world.rank + 1.0)]
        world.sum_into(arrays)
        return arrays[0].tolist()

    got = distributed.in_threads(2, work)
    expect(got, [[3.0, 3.0], [3.0, 3.0]], "each rank has the sum 1 + 2", "distributed.in_threads")


def test_a_world_of_mpi_is_there_or_says_what_it_needs(training, expect):
    from tinytorch.training import distributed

    if importlib.util.find_spec("mpi4py") is None:
        with pytest.raises(ImportError):
            distributed.mpi()
    else:
        expect(distributed.mpi().size, 1, "without mpiexec a rank is alone", "distributed.mpi")
