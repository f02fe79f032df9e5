"""Batches of a data set, epoch after epoch: the same for any number of workers, and resumable.

All randomness grows from one seed (`batches/make.py`), so a position in the data is two numbers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import Any, Literal

import numpy as np

from tinytorch.data._dataset import Dataset, check_dataset
from tinytorch.data._samplers import BatchSampler, Sampler, choose_batches
from tinytorch.data.batches.collate import to_tensors
from tinytorch.data.batches.fetch import Collate
from tinytorch.data.batches.make import ORDER, MakeBatch, grown
from tinytorch.data.batches.parts import check_shard
from tinytorch.data.batches.processes import in_processes
from tinytorch.data.batches.threads import in_threads
from tinytorch.data.transforms._transform import Seeded, check_transform
from tinytorch.tensor import checks, pytorch, random
from tinytorch.tensor.errors import ArgumentError, StateError


class DataLoader(pytorch.Guided):
    """Iterate over a data set in batches of Tensors.

    Each iteration is one epoch, in another order if `shuffle`. For a given `rng` all batches
    are determined, whatever the number and kind of workers.

    Args:
        dataset: Anything with `__len__` and `__getitem__`; see `Dataset`.
        batch_size: The items in a batch.
        shuffle: Whether to draw another order for each epoch.
        drop_last: Whether to leave out a last batch that is smaller.
        sampler: The order to use instead: a `Sampler`, an iterable of indices with a length, or a
            `BatchSampler`, which also sets the batches.
        collate: Makes a batch of a list of items; by default they are stacked.
        transform: A callable on the batch's images (its first array); image data sets give it
            their uint8.
        num_workers: The workers that make batches ahead; with 0 a batch is made when asked for.
        prefetch: The batches that each worker makes ahead.
        rng: The source of all randomness; None draws a seed that `state_dict` remembers.
        worker: `"thread"`, or `"process"` for data sets that are slow in Python itself.
        timeout: The seconds to wait for a worker's batch, its start included; 0 for any time.
        mix: A callable on the inputs and targets of a whole batch with a keyword `rng`, such as
            `transforms.MixUp`; applied last.
        shard: A pair (rank, size) for one of `size` processes that divide each batch among them:
            `batch_size` and random transforms are those of the whole batch, all have the same seed,
            and a part of a small batch may have no rows.

    Raises:
        ArgumentError: A setting is out of its range, or two contradict each other. On iteration: a
            data set cannot be sent to a process.
        WorkerError: On iteration: a worker died, or a batch did not come in time.

    Example:
        >>> from tinytorch.data import Digits
        >>> loader = DataLoader(Digits(), batch_size=64, shuffle=True, rng=0)
        >>> images, labels = next(iter(loader))
        >>> images.shape, labels.shape, len(loader)
        ((64, 1, 8, 8), (64,), 29)
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        sampler: Sampler | BatchSampler | Iterable[int] | None = None,
        collate: Collate | None = None,
        transform: Callable[..., Any] | None = None,
        num_workers: int = 0,
        prefetch: int = 2,
        rng: np.random.Generator | int | None = None,
        worker: Literal["thread", "process"] = "thread",
        timeout: float = 0,
        mix: Callable[..., Any] | None = None,
        shard: tuple[int, int] | None = None,
    ) -> None:
        check_dataset("DataLoader", dataset)
        self.dataset = dataset
        self.collate = collate
        for each in (transform, mix):
            if each is not None:
                check_transform("DataLoader", each)
        self.transform, self.mix = transform, mix
        self.num_workers = checks.whole("DataLoader", "num_workers", num_workers, 0)
        self.prefetch = checks.whole("DataLoader", "prefetch", prefetch, 1)
        self.worker = checks.choice("DataLoader", "worker", worker, ("thread", "process"))
        self.timeout = checks.number("DataLoader", "timeout", timeout, least=0)
        if self.timeout and not num_workers:
            raise _refused(
                "num_workers of at least 1 beside a timeout",
                f"timeout={timeout}, num_workers=0",
                "num_workers=1: who makes a batch cannot stop waiting for it",
            )
        self.shard = check_shard("DataLoader", shard)
        if self.shard is not None and rng is None:
            raise _refused("a seed that all processes share", "rng=None", "for instance rng=0")
        self.batches = choose_batches(dataset, batch_size, shuffle, drop_last, sampler)
        self._entropy = random.generator(rng).integers(0, 2**32, 4).tolist()
        self._epoch = 0
        self._given = 0
        self._length = 0
        self._continues = True
        self._iteration = 0

    @property
    def batch_size(self) -> int:
        """The items in a batch."""
        return self.batches.batch_size

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        """Start the next epoch, or go on where a loaded state stands."""
        if not self._continues:
            self._epoch, self._given = self._epoch + 1, 0
        self._continues = False
        self._iteration += 1
        return self._run(self._iteration, self._epoch, self._given)

    def _run(self, iteration: int, epoch: int, start: int) -> Iterator[Any]:
        length = len(self)
        batches = self.batches.batches(grown(self._entropy, epoch, ORDER))
        transform = None if self.transform is None else Seeded(self.transform, epoch)
        make = MakeBatch(
            self.dataset, transform, self.collate, self.mix, self._entropy, epoch, self.shard
        )
        with closing(self._made(make, islice(enumerate(batches), start, None))) as made:
            for given, batch in enumerate(made, start + 1):
                if iteration == self._iteration:
                    self._given, self._length = given, length
                yield to_tensors(batch)
        if iteration == self._iteration:
            self._epoch, self._given, self._continues = epoch + 1, 0, True

    def _made(self, make: MakeBatch, jobs: Iterable[tuple[int, np.ndarray]]) -> Any:
        if self.num_workers == 0:
            return (make(*job) for job in jobs)
        run = in_threads if self.worker == "thread" else in_processes
        return run(make, jobs, self.num_workers, self.num_workers * self.prefetch, self.timeout)

    def state_dict(self) -> dict[str, Any]:
        """Return the position in the data, as plain numbers.

        A loader of the same settings that loads it gives exactly the batches that this one has not
        given yet, and then the same epochs.

        Example:
            >>> from tinytorch.data import SimpleDataset
            >>> loader = DataLoader(SimpleDataset(6), batch_size=2, rng=0)
            >>> batch = next(iter(loader))
            >>> state = loader.state_dict()
            >>> state["epoch"], state["given"], state["batches"]
            (0, 1, 3)
        """
        return {
            "entropy": list(self._entropy),
            "epoch": self._epoch,
            "given": self._given,
            "batches": self._length if self._given else len(self),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to the position of `state`; the next iteration continues from there.

        Args:
            state: What `state_dict` returned.

        Raises:
            StateError: It is no such state, or that of a loader with other batches.
        """
        missing = {"entropy", "epoch", "given", "batches"} - state.keys()
        if missing:
            raise _no_state(f"the keys {', '.join(sorted(missing))} are missing")
        try:
            entropy = [int(word) for word in state["entropy"]]
            epoch, given, batches = (int(state[key]) for key in ("epoch", "given", "batches"))
        except (TypeError, ValueError) as error:
            raise _no_state(str(error)) from error
        if batches != len(self):
            raise StateError(
                "DataLoader.load_state_dict",
                expected=f"the state of a loader with {len(self)} batches in an epoch",
                got=f"{batches} batches",
                fix="use the same data set, batch_size and drop_last as the saved run",
            )
        most = batches if isinstance(self.batches.sampler, Sampler) else given  # else an estimate
        if epoch < 0 or not 0 <= given <= most or min(entropy, default=-1) < 0:
            raise _no_state(f"epoch {epoch}, {given} batches given of {batches}, seed {entropy}")
        self._entropy, self._epoch, self._given = entropy, epoch, given
        self._length = batches
        self._continues = True
        self._iteration += 1

    def __repr__(self) -> str:
        return (
            f"DataLoader({self.dataset!r}, batch_size={self.batch_size}, {len(self)} batches, "
            f"{self.num_workers} workers)"
        )


def _refused(expected: str, got: str, fix: str) -> ArgumentError:
    return ArgumentError("DataLoader", expected=expected, got=got, fix=fix)


def _no_state(got: str) -> StateError:
    return StateError(
        "DataLoader.load_state_dict",
        expected="what DataLoader.state_dict returned",
        got=got,
        fix="save loader.state_dict() and load it unchanged",
    )
