"""The loader: a pool of threads or processes that runs one function, a batch at a time."""

from collections import deque
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from itertools import islice
from multiprocessing import get_context

import numpy as np

from tinytorch.data._forms import rows, to_tensors
from tinytorch.data._orders import BatchSampler, RandomSampler, Sampler, SequentialSampler
from tinytorch.data._sets import batch_of
from tinytorch.data.transforms import check_transform
from tinytorch.tensor import ArgumentError, StateError, checks, random
from tinytorch.tensor.errors import TinyTorchError


class WorkerError(TinyTorchError, RuntimeError):
    """A worker that died or was too slow."""


def grown(*seed):
    """A generator of its own for each seed, epoch, purpose and number."""
    return np.random.default_rng([part for one in seed for part in np.atleast_1d(one).tolist()])


def one_batch(dataset, collate, transform, mix, shard, seed, number, indices):
    """Make the batch of a number: whole, so that all parts of it draw the same."""
    batch = batch_of(dataset, indices, transform, grown(seed, 1, number), collate)
    if shard is not None:
        rank, size = shard
        cuts = [len(indices) * n // size for n in (rank, rank + 1)]
        batch = rows(batch, slice(*cuts))
    if mix is not None:
        batch = mix(*batch, rng=grown(seed, 2, number, *(shard or ())))
    return batch


class DataLoader:
    """Batches of a data set."""

    def __init__(
        self,
        dataset,
        batch_size=1,
        shuffle=False,
        drop_last=False,
        sampler=None,
        collate=None,
        transform=None,
        num_workers=0,
        prefetch=2,
        rng=None,
        worker="thread",
        timeout=0,
        mix=None,
        shard=None,
    ):
        name = "DataLoader"
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            raise refused("a data set, with length and items", type(dataset).__name__)
        shuffle = checks.flag(name, "shuffle", shuffle)
        if sampler is not None and shuffle:
            raise refused("a sampler or shuffle=True", "both")
        if isinstance(sampler, BatchSampler) and (batch_size != 1 or drop_last):
            raise refused("a BatchSampler alone", "batch_size or drop_last beside it")
        if sampler is None:
            sampler = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
        if not isinstance(sampler, BatchSampler):
            sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset, self.batches, self.collate, self.mix = dataset, sampler, collate, mix
        self.transform = transform if transform is None else check_transform(transform)
        self.num_workers = checks.whole(name, "num_workers", num_workers, 0)
        self.prefetch = checks.whole(name, "prefetch", prefetch, 1)
        self.worker = checks.choice(name, "worker", worker, ("thread", "process"))
        self.timeout = checks.number(name, "timeout", timeout, least=0)
        self.shard = shard if shard is None else checks.pair(name, "shard", shard, 0)
        if self.shard and (self.shard[0] >= self.shard[1] or rng is None):
            raise refused("a rank below the size, and rng", f"shard={shard}, rng={rng}")
        self._seed = random.generator(rng).integers(0, 2**32, 4).tolist()
        self._epoch, self._given, self._rest, self._run = 0, 0, True, 0

    @property
    def batch_size(self):
        return self.batches.batch_size

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        if not self._rest:
            self._epoch, self._given = self._epoch + 1, 0
        self._rest, self._run = False, self._run + 1
        return self._batches(self._run, self._epoch, self._given)

    def _batches(self, run, epoch, start):
        seed = [*self._seed, epoch]
        make = partial(
            one_batch, self.dataset, self.collate, self.transform, self.mix, self.shard, seed
        )
        jobs = islice(enumerate(self.batches.batches(grown(seed, 0))), start, None)
        with closing(self._ahead(make, jobs)) as batches:
            for given, batch in enumerate(batches, start + 1):
                if run == self._run:
                    self._given = given
                yield to_tensors(batch)
        if run == self._run:
            self._epoch, self._given, self._rest = epoch + 1, 0, True

    def _ahead(self, make, jobs):
        if not self.num_workers:
            yield from (make(*job) for job in jobs)
            return
        in_processes = partial(ProcessPoolExecutor, mp_context=get_context("spawn"))
        pool = (in_processes if self.worker == "process" else ThreadPoolExecutor)(self.num_workers)
        pending, waits = deque(), True
        try:
            for job in jobs:
                pending.append(pool.submit(make, *job))
                if len(pending) > self.num_workers * self.prefetch:
                    yield pending.popleft().result(self.timeout or None)
            while pending:
                yield pending.popleft().result(self.timeout or None)
        except (TimeoutError, BrokenProcessPool) as error:
            waits = False  # it may hang for ever
            raise WorkerError(
                "DataLoader",
                expected=f"a batch within timeout={self.timeout} s",
                got=f"none: {type(error).__name__}",
                fix="look at what its items wait for",
            ) from error
        finally:
            pool.shutdown(wait=waits, cancel_futures=True)

    def state_dict(self):
        """Return the seed and the position."""
        place = {"epoch": self._epoch, "given": self._given, "batches": len(self)}
        return {"entropy": list(self._seed), **place}

    def load_state_dict(self, state):
        """Go on from a position."""
        try:
            seed = [int(word) for word in state["entropy"]]
            epoch, given, batches = [int(state[name]) for name in ("epoch", "given", "batches")]
        except (KeyError, TypeError, ValueError) as error:
            raise misfit(f"{error!r}") from error
        most = batches if isinstance(self.batches.sampler, Sampler) else given
        if batches != len(self) or epoch < 0 or not 0 <= given <= most or min(seed) < 0:
            raise misfit(f"epoch {epoch}, {given} of {batches} batches")
        self._seed, self._epoch, self._given, self._rest = seed, epoch, given, True
        self._run += 1


def refused(expected, got):
    return ArgumentError("DataLoader", expected=expected, got=got, fix="choose one of them")


def misfit(got):
    return StateError(
        "DataLoader.load_state_dict",
        expected="what state_dict() of such a loader gave",
        got=got,
        fix="use the same data set and batches",
    )
