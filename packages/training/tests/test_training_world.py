"""What ranks say to each other arrives, in whatever form, and a rank that fails ends all."""

import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tinytorch.tensor import from_numpy
from tinytorch.tensor.errors import ArgumentError
from tinytorch.training.distributed import World, cores, in_threads
from tinytorch.training.distributed.cores import share_cores
from tinytorch.training.session import gradients
from tinytorch.training.session.large_batch import LargeBatch


def test_alone_there_is_nothing_to_say():
    world = World()
    array = np.array([1.0, 2.0])
    world.sum_into([array])
    world.broadcast([array])
    world.barrier()
    assert array.tolist() == [1, 2]
    assert (world.rank, world.size) == (0, 1)
    assert world.gather({"a": 1}) == [{"a": 1}]
    assert world.share("tree") == "tree"
    assert world.total([1, 2]) == [1, 2]
    assert world.decide(True) is True


@pytest.mark.parametrize("size", [1, 2, 5])
def test_sums_broadcasts_and_what_is_gathered(size):
    def speak(world):
        counts, shares = np.array([world.rank, 1]), np.full((2, 3), 0.5, np.float32)
        world.sum_into([counts, shares])
        said = np.array([[world.rank + 7]])
        world.broadcast([said])
        return (
            counts.tolist(),
            shares.tolist(),
            said.tolist(),
            world.gather([world.rank, "é"]),
            world.total([1, world.rank]),
            world.decide(world.rank == 0),
            world.decide(world.rank == 1),
        )

    total = sum(range(size))
    expected = (
        [total, size],
        [[size / 2] * 3] * 2,
        [[7]],
        [[rank, "é"] for rank in range(size)],
        [size, total],
        True,
        False,
    )
    assert in_threads(size, speak) == [expected] * size


def test_a_tree_arrives_on_every_rank_as_rank_0_gave_it():
    tree = {
        "whole": 2**100,
        "none": None,
        "nan": float("nan"),
        "nested": [(1, "two"), {"x": np.arange(6, dtype=np.int16).reshape(2, 3).T}],
        "empty": np.empty((0, 2), np.float32),
        "single": np.float32(0.1),
        "scalar": np.array(True),
    }

    for found in in_threads(3, lambda world: world.share(tree if world.rank == 0 else None)):
        assert found["whole"] == 2**100
        assert np.isnan(found["nan"])
        assert found["nested"][0] == (1, "two")
        np.testing.assert_array_equal(found["nested"][1]["x"], tree["nested"][1]["x"])
        assert found["nested"][1]["x"].dtype == np.int16
        assert (found["empty"].shape, found["scalar"].shape) == ((0, 2), ())


def test_a_rank_that_fails_ends_all_and_its_error_is_the_one_that_is_raised():
    def fail(world):
        if world.rank == 2:
            raise ZeroDivisionError("rank 2")
        world.barrier()

    with pytest.raises(ZeroDivisionError, match="rank 2"):
        in_threads(3, fail)


def test_a_world_has_at_least_one_rank():
    with pytest.raises(ArgumentError, match="size"):
        in_threads(0, lambda world: None)


class Learned:
    """A parameter as the sum of parts sees it."""

    def __init__(self, shape, grad, dtype=np.float32):
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.grad = None if grad is None else from_numpy(grad)


@pytest.mark.parametrize("bucket", [1, 40, 1 << 20])
def test_gradients_are_weighed_whatever_the_buckets(monkeypatch, bucket):
    monkeypatch.setattr(gradients, "BUCKET_BYTES", bucket)
    shapes = [(3, 2), (), (5,), (2, 2, 2)]
    rng = np.random.default_rng(0)
    grads = rng.normal(size=(3, 4, 8)).astype(np.float32)
    weights = [1.0, 3.0, 4.0]

    def finish(world):
        large = LargeBatch(int(weights[world.rank]))
        large.weight = large.expected = weights[world.rank]
        learned = [
            Learned(shape, grads[world.rank, i, : int(np.prod(shape))].reshape(shape))
            for i, shape in enumerate(shapes)
        ]
        idle = Learned((2,), None)
        both = Learned((2,), None if world.rank else np.array([8.0, 16.0], np.float32))
        half = Learned((1,), np.array([2.0], np.float16), np.float16)
        total = gradients.SumOfParts(world)
        for _ in range(2):
            loss = [float("nan"), 1.0, 5.0][world.rank]
            heard = total.finish(large, [*learned, idle, both, half], loss, world.rank)
            large.weight = large.expected = weights[world.rank]
            found = [np.array(p.grad.numpy()) for p in (*learned, both, half)]
            for p, shape, i in zip(learned, shapes, range(4), strict=True):
                mine = grads[world.rank, i, : int(np.prod(shape))].reshape(shape)
                p.grad = from_numpy(mine)
            both.grad = None if world.rank else both.grad.__class__(np.array([8, 16], np.float32))
            half.grad = half.grad.__class__(np.array([2.0], np.float16))
        assert idle.grad is None
        assert heard == (8, (1 * 1 + 2 * 5) / 3)
        return found

    for found in in_threads(3, finish):
        for i, shape in enumerate(shapes):
            mean = np.average(grads[:, i, : int(np.prod(shape))], axis=0, weights=weights)
            np.testing.assert_allclose(found[i], mean.reshape(shape), rtol=1e-5)
        np.testing.assert_allclose(found[4], [1.0, 2.0])
        assert found[5].dtype == np.float16
        np.testing.assert_allclose(found[5], [2.0])


@pytest.mark.parametrize(
    ("bound", "threads"),
    [
        ([range(8)] * 4, 2),
        ([range(8)] * 3, 2),
        ([range(2)] * 4, 1),
        ([[0, 1], [2, 3], [4, 5], [6, 7]], 2),
        ([[0], [1]], 1),
    ],
)
def test_ranks_of_one_machine_share_its_cores(monkeypatch, bound, threads):
    said = []
    heard = {"set_num_threads": said.append, "threadpool_limits": said.append}
    for name in ("numba", "threadpoolctl"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**heard))

    def share(world):
        monkeypatch.setattr(cores, "_cores", lambda: set(bound[world.rank]))
        share_cores(world)
        return os.environ["NUMBA_NUM_THREADS"]

    monkeypatch.setenv("NUMBA_NUM_THREADS", "7")
    monkeypatch.setattr(cores, "LIMITS", ())  # ranks that are threads have one environment
    assert in_threads(len(bound), share) == [str(threads)] * len(bound)
    assert said == [threads] * 2 * len(bound)


def test_threads_that_the_user_has_set_stay(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    in_threads(2, share_cores)
    assert "NUMBA_NUM_THREADS" not in os.environ
