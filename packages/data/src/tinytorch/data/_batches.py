"""Any batch of an epoch, made of its number alone: all that a worker needs.

All randomness grows from one seed: an epoch's order from `(seed, epoch)`, a batch's transforms
from `(seed, epoch, number of the batch)`. So it does not matter who makes a batch, or when.
"""

import reprlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinytorch.data._dataset import Dataset
from tinytorch.data._fetch import Collate, fetch_batch
from tinytorch.data.transforms._transform import Seeded

ORDER, BATCH = 0, 1


@dataclass
class MakeBatch:
    """Makes any batch of one epoch, of its number and its indices."""

    dataset: Dataset
    transform: Seeded | None
    collate: Collate | None
    entropy: list[int]
    epoch: int

    def __call__(self, number: int, indices: np.ndarray) -> Any:
        try:
            return fetch_batch(
                "DataLoader",
                self.dataset,
                indices,
                transform=self.transform,
                rng=grown(self.entropy, self.epoch, BATCH, number),
                collate=self.collate,
            )
        except Exception as error:
            error.add_note(
                f"while making batch {number} of epoch {self.epoch}, "
                f"indices {reprlib.repr(indices.tolist())}"
            )
            raise


def grown(entropy: list[int], *path: int) -> np.random.Generator:
    """Grow a generator from the seed: the same one for the same path, and no other's kin."""
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=path))
