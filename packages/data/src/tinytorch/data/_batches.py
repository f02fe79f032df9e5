"""Any batch of an epoch, made of its number alone: all that a worker needs.

All randomness grows from one seed: an epoch's order from `(seed, epoch)`, a batch's transforms
from `(seed, epoch, number of the batch)`. So it does not matter who makes a batch, or when.
"""

import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinytorch.data._dataset import Dataset
from tinytorch.data._fetch import Collate, fetch_batch
from tinytorch.data.transforms._transform import Seeded
from tinytorch.tensor import checks
from tinytorch.tensor.errors import ArgumentError

ORDER, BATCH = 0, 1


@dataclass
class MakeBatch:
    """Makes any batch of one epoch, of its number and its indices."""

    dataset: Dataset
    transform: Seeded | None
    collate: Collate | None
    mix: Callable[..., Any] | None
    entropy: list[int]
    epoch: int
    part: "Part | None"

    def __call__(self, number: int, indices: np.ndarray) -> Any:
        path: tuple[int, ...] = (self.epoch, BATCH, number)
        if self.part is not None:
            indices, path = self.part.of(indices), (*path, self.part.rank)
        rng = grown(self.entropy, *path)
        try:
            batch = fetch_batch(
                "DataLoader",
                self.dataset,
                indices,
                transform=self.transform,
                rng=rng,
                collate=self.collate,
            )
            return batch if self.mix is None else self.mix(*_pair(batch), rng=rng)
        except Exception as error:
            error.add_note(
                f"while making batch {number} of epoch {self.epoch}, "
                f"indices {reprlib.repr(indices.tolist())}"
            )
            raise


def grown(entropy: list[int], *path: int) -> np.random.Generator:
    """Grow a generator from the seed: the same one for the same path, and no other's kin."""
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=path))


def _pair(batch: Any) -> tuple[Any, Any]:
    """Return the inputs and targets that are to be mixed.

    Raises:
        ArgumentError: The batch is no pair of them.
    """
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    raise ArgumentError(
        "DataLoader",
        expected="batches of inputs and targets, for mix",
        got=f"a {type(batch).__name__}"
        + (f" of {len(batch)}" if hasattr(batch, "__len__") else ""),
        fix="leave mix= out, or mix in collate=",
    )


@dataclass
class Part:
    """What falls to one of several processes that divide each batch among them."""

    rank: int
    size: int

    @classmethod
    def read(cls, shard: Any) -> "Part":
        """Return the part that the setting `shard` of a `DataLoader` asks for.

        Raises:
            ArgumentError: It is no pair of a rank and a size, or the rank is not below the size.
        """
        rank, size = checks.pair("DataLoader", "shard", shard, least=0)
        if rank >= size:
            raise ArgumentError(
                "DataLoader",
                expected="shard=(rank, size) with a rank below the size",
                got=f"shard={shard!r}",
                fix="for instance shard=(world.rank, world.size)",
            )
        return cls(rank, size)

    def of(self, indices: np.ndarray) -> np.ndarray:
        """Return this process's part of a batch, `(batch,)`; parts differ by one item at most.

        Raises:
            ArgumentError: The batch is smaller than the number of processes.
        """
        count = len(indices)
        if count < self.size:
            raise ArgumentError(
                "DataLoader",
                expected=f"batches with an item at least for each of {self.size} processes",
                got=f"a batch of {count}",
                fix="drop_last=True leaves out a last batch that is smaller",
            )
        return indices[count * self.rank // self.size : count * (self.rank + 1) // self.size]
