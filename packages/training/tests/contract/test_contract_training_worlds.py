"""Worlds: what ranks say to each other, and that several of them train as one does."""

import importlib

import numpy as np
import pytest

from tinytorch.tensor import StateError

ROW = "Trainer, world"


@pytest.fixture
def distributed():
    """The part under test."""
    return importlib.import_module("tinytorch.training.distributed")


def test_a_world_of_one_leaves_all_as_it_is(distributed, expect):
    world, array = distributed.World(), np.array([1.0, 2.0])
    world.sum_into([array])
    world.broadcast([array])
    world.barrier()
    expect(array, [1, 2], "alone the sum is the array itself", "distributed.World()")
    expect([world.rank, world.size], [0, 1], "ranks count from 0", "distributed.World()")
    assert world.gather({"a": None}) == [{"a": None}]


def test_ranks_sum_hear_rank_0_and_tell_all(distributed, expect):
    def speak(world):
        total, said = np.array([world.rank, 1.0]), np.array([world.rank + 5])
        world.sum_into([total])
        world.broadcast([said])
        return [*total, *said, *world.gather(world.rank)]

    got = distributed.in_threads(3, speak)
    expect(got, [[3, 3, 5, 0, 1, 2]] * 3, "in place, on every rank", "distributed.in_threads")


@pytest.mark.parametrize("size", [2, 3])
def test_ranks_take_the_steps_of_one(distributed, expect, make, weights, size):
    def fit(world=None):
        trainer = make(world=world)
        trainer.fit(2)
        return weights(trainer), trainer.history["loss"], trainer.history["accuracy"]

    one = fit()
    for got in distributed.in_threads(size, fit):
        expect(got[0], one[0], "weigh gradients by the parts' examples", ROW, rtol=1e-3)
        expect(got[1], one[1], "add sums and weights, then divide", ROW)
        expect(got[2], one[2], "add counts, then divide", ROW)


def test_ranks_that_are_not_alike_are_refused(distributed, make):
    def fit(world):
        with pytest.raises(StateError):
            make(world=world, clip_norm=1.0 + world.rank).fit(1)

    distributed.in_threads(2, fit)
