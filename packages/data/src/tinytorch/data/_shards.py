"""Data that do not fit in memory: a folder of shards, mapped into memory as they are asked for."""

import itertools
import mmap
import os
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from tinytorch.data._dataset import Batched, checked_indices
from tinytorch.data._samplers import Ordered
from tinytorch.data.files.places import find_root
from tinytorch.data.files.shards import (
    check_file,
    file_of,
    map_array,
    read_index,
)
from tinytorch.data.files.source import Source
from tinytorch.data.transforms._transform import Rng, Seeded, Transform, check_transform
from tinytorch.tensor import checks, from_numpy, random

MOST_MAPPED = 128
KEPT_BYTES = 1 << 28
FAULT_BYTES = 1 << 20  # the most that systems map in with the first byte that is touched

_Arrays = tuple[tuple[np.ndarray, mmap.mmap], ...]


class ShardedDataset(Batched):
    """The items in a folder that `write_shards` has written; only what is asked for is read.

    Shards are mapped into memory, so what was read lately is as fast as memory, and the system
    takes back what it needs. No more than about 256 MB of it count as this process's at a time.
    Where the data are larger than memory, `ShardSampler` shuffles so that the disk is read in
    order.

    Args:
        folder: The folder.
        transform: A callable on a batch of the first field, `(batch, ...)`, such as `Normalize`.

    Attributes:
        folder: The folder.
        lengths: The items in each shard, `(shards,)`, int64.

    Raises:
        FileError: The folder holds no shards, or it cannot be read.
        DamagedFileError: The index, or on reading a shard, is not what it should be.
    """

    def __init__(
        self, folder: str | os.PathLike[str], transform: Callable[..., Any] | None = None
    ) -> None:
        if transform is not None:
            check_transform("ShardedDataset", transform)
        self.folder = find_root("ShardedDataset", folder)
        self.transform = transform
        self._index = read_index("ShardedDataset", self.folder)
        self.lengths = np.array([shard.items for shard in self._index.shards], np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])
        self._mapped: OrderedDict[int, _Arrays] = OrderedDict()
        self._touched = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: int) -> Any:
        """Return one item, in the form that was written, of Tensors."""
        arrays = self._gather(np.asarray([index]), None, None)
        return self._formed([from_numpy(np.asarray(array[0])) for array in arrays])

    def get_batch(
        self,
        indices: np.ndarray,
        *,
        transform: Transform | None = None,
        rng: np.random.Generator | None = None,
    ) -> Any:
        """Gather the items at `indices`, `(batch,)`, in a batch of arrays.

        `transform` gets the first field, after the data set's own transform.
        """
        return self._formed(self._gather(indices, transform, rng))

    def verify(self) -> None:
        """Read every file and compare its checksum, which reading items does not do.

        Raises:
            FileError: A file cannot be read.
            DamagedFileError: A file is not what was written.
        """
        for number, shard in enumerate(self._index.shards):
            for field, sha256 in enumerate(shard.sha256):
                check_file(self._source(number, field), sha256)

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to a worker process without what is mapped into this one's memory."""
        return type(self), (self.folder, self.transform)

    def __repr__(self) -> str:
        return f"ShardedDataset({len(self):,} items in {len(self.lengths)} shards)"

    def _gather(
        self, indices: np.ndarray, transform: Transform | None, rng: np.random.Generator | None
    ) -> list[Any]:
        """Return each field of the items at `indices`, `(batch, ...)`, the first transformed."""
        indices = checked_indices("ShardedDataset", indices, len(self))
        shards = np.searchsorted(self._starts, indices, side="right") - 1
        order = np.argsort(shards, kind="stable")
        bounds = np.flatnonzero(np.diff(shards[order], prepend=-1, append=len(self.lengths)))
        groups = [order[start:end] for start, end in itertools.pairwise(bounds)]
        mapped = [self._arrays(int(shards[rows[0]])) for rows in groups]
        inside = indices - self._starts[shards]
        batch = [
            np.empty((len(indices), *field.shape), field.dtype) for field in self._index.fields
        ]
        touched = 0
        for rows, arrays in zip(groups, mapped, strict=True):
            for whole, (array, memory) in zip(batch, arrays, strict=True):
                whole[rows] = part = array[inside[rows]]
                touched += min(len(memory), part.nbytes + FAULT_BYTES * len(rows))
        self._forget(touched)
        if self.transform is not None:
            batch[0] = Seeded(self.transform)(batch[0], rng)
        if transform is not None:
            batch[0] = transform(batch[0], rng)
        return batch

    def _arrays(self, shard: int) -> _Arrays:
        """Return the fields of a shard; the last ones asked for stay mapped."""
        with self._lock:
            found = self._mapped.pop(shard, None) or tuple(
                map_array(self._source(shard, number), field, self._index.shards[shard].items)
                for number, field in enumerate(self._index.fields)
            )
            self._mapped[shard] = found
            if len(self._mapped) > MOST_MAPPED:
                self._mapped.popitem(last=False)
            return found

    def _forget(self, touched: int) -> None:
        """Give memory back to the system after so many bytes; what it keeps is found again fast."""
        with self._lock:
            self._touched += touched
            if self._touched <= KEPT_BYTES or not hasattr(mmap, "MADV_DONTNEED"):
                return
            self._touched = 0
            maps = [memory for arrays in self._mapped.values() for _, memory in arrays]
            if sum(map(len, maps)) > KEPT_BYTES:
                for memory in maps:
                    memory.madvise(mmap.MADV_DONTNEED)

    def _source(self, shard: int, field: int) -> Source:
        return Source("ShardedDataset", file_of(self.folder, shard, field))

    def _formed(self, arrays: list[Any]) -> Any:
        if self._index.form == "array":
            return arrays[0]
        if self._index.form == "tuple":
            return tuple(arrays)
        names = [field.name for field in self._index.fields]
        return dict(zip(names, arrays, strict=True))


class ShardSampler(Ordered):
    """A random order that goes through a few shards at a time, for data larger than memory.

    The shards come in random order, so many at a time, and their items are mixed.

    Args:
        dataset: The data set.
        shards: How many are mixed; they fit in memory together. All of them make every order as
            likely as any other.

    Raises:
        ArgumentError: `shards` is no whole number of at least 1.
    """

    def __init__(self, dataset: ShardedDataset, shards: int = 8) -> None:
        self.dataset = dataset
        self.shards = checks.whole("ShardSampler", "shards", shards, least=1)

    def __len__(self) -> int:
        return len(self.dataset)

    def order(self, rng: Rng = None) -> np.ndarray:
        """Return the indices of one epoch, `(items,)`."""
        generator = random.generator(rng)
        lengths = self.dataset.lengths
        items = np.split(np.arange(len(self)), np.cumsum(lengths)[:-1])
        shards = generator.permutation(len(lengths))
        mixed = [
            generator.permutation(np.concatenate([items[shard] for shard in some]))
            for some in np.split(shards, range(self.shards, len(shards), self.shards))
        ]
        return np.concatenate(mixed)
