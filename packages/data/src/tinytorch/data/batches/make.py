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
from tinytorch.data.batches.collate import without_rows
from tinytorch.data.batches.fetch import Collate, fetch_batch
from tinytorch.data.batches.parts import RowGenerator, Shard, rows_of
from tinytorch.data.transforms._transform import Seeded
from tinytorch.tensor.errors import ArgumentError

ORDER, BATCH = 0, 1


@dataclass
class MakeBatch:
    """Makes any batch of one epoch, or this shard's part of it, of its number and its indices."""

    dataset: Dataset
    transform: Seeded | None
    collate: Collate | None
    mix: Callable[..., Any] | None
    entropy: list[int]
    epoch: int
    shard: Shard | None

    def __call__(self, number: int, indices: np.ndarray) -> Any:
        """Return batch `number`, of the items at `indices`, `(batch,)`."""
        rng = grown(self.entropy, self.epoch, BATCH, number)
        if self.shard is not None:
            rows, length = rows_of(self.shard, len(indices)), len(indices)
            rng = RowGenerator.of(rng, rows, length)
            if rows.start == rows.stop:  # what no rows look like, one row tells
                return without_rows(self._made(number, indices[:1], rng))
            indices = indices[rows]
        return self._made(number, indices, rng)

    def _made(self, number: int, indices: np.ndarray, rng: np.random.Generator) -> Any:
        try:
            batch = fetch_batch(
                "DataLoader",
                self.dataset,
                indices,
                transform=None if self.transform is None else self.transform.at(indices),
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
    """Return the inputs and targets that are to be mixed."""
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    raise ArgumentError(
        "DataLoader",
        expected="batches of inputs and targets, for mix",
        got=f"a {type(batch).__name__}"
        + (f" of {len(batch)}" if hasattr(batch, "__len__") else ""),
        fix="leave mix= out, or mix in collate=",
    )
