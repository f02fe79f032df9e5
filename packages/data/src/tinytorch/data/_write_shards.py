"""Write any data set as a folder of shards; see `ShardedDataset`."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinytorch.data._dataset import Dataset
from tinytorch.data.batches.collate import column, stack
from tinytorch.data.batches.fetch import fetch_batch
from tinytorch.data.files.places import find_root
from tinytorch.data.files.shards import (
    NUMBERS,
    Field,
    Index,
    Shard,
    file_of,
    write_array,
    write_index,
)
from tinytorch.data.files.source import Source
from tinytorch.tensor import checks
from tinytorch.tensor.errors import ArgumentError, DTypeError, FileError, ShapeError


def write_shards(dataset: Dataset, folder: str | os.PathLike[str], size: int) -> None:
    """Write a data set as a folder of shards, for `ShardedDataset`.

    Items are numbers and arrays of numbers, or tuples or dicts of them, all of one form. They are
    written as the data set gives them in a batch. Data sets of images give float32: to write their
    bytes, a quarter of it, write `TensorDataset(dataset.images, dataset.labels)`.

    Args:
        dataset: The data set.
        folder: Where to write: an empty folder, or one that is made.
        size: The items in a shard; as many are in memory at a time. A few large shards are read
            faster than many small ones: 10 to 100 MB are a good measure.

    Raises:
        ArgumentError: The data set is empty, or `size` is no whole number of at least 1.
        ShapeError: The items differ in form.
        DTypeError: The items hold something else than numbers, or differ in data type.
        FileError: The folder is not empty, or cannot be written.

    Example:
        >>> import tempfile
        >>> from tinytorch.data import ShardedDataset, TensorDataset
        >>> squares = TensorDataset(np.arange(10), np.arange(10) ** 2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_shards(squares, folder, size=4)
        ...     number, square = ShardedDataset(folder)[7]
        >>> number.item(), square.item()
        (7, 49)
    """
    size = checks.whole("write_shards", "size", size, least=1)
    place = find_root("write_shards", folder)
    with Source("write_shards", place).guarded("writable"):
        place.mkdir(parents=True, exist_ok=True)
        if any(place.iterdir()):
            raise FileError(
                "write_shards",
                expected=f"an empty folder {place}",
                got="a folder with something in it",
                fix="choose another folder, or remove what an earlier run did not finish",
                file=place,
            )
    shards: list[Shard] = []
    first: Index | None = None
    for start in range(0, len(dataset), size):
        indices = np.arange(start, min(start + size, len(dataset)))
        batch = fetch_batch("write_shards", dataset, indices)
        arrays = _fields_of(batch)
        found = _described(batch, arrays)
        first = first or found
        if found != first:
            raise _differs(first, found)
        sums = []
        for number, array in enumerate(arrays.values()):
            file = Source("write_shards", file_of(place, len(shards), number))
            with file.guarded("writable"):
                sums.append(write_array(file.file, array))
        shards.append(Shard(len(indices), tuple(sums)))
    if first is None:
        raise ArgumentError(
            "write_shards",
            expected="a data set with items",
            got=f"{type(dataset).__name__} of length 0",
            fix="look at how it was made",
        )
    with Source("write_shards", place).guarded("writable"):
        write_index(place, first._replace(shards=tuple(shards)))


def _fields_of(batch: Any) -> dict[str, np.ndarray]:
    """Return the arrays of a batch, each under its key or its place."""
    if not isinstance(batch, Mapping):
        batch = dict(enumerate(batch if isinstance(batch, tuple | list) else [batch]))
    return {str(name): _array(value) for name, value in batch.items()}


def _array(value: Any) -> np.ndarray:
    if isinstance(value, tuple | Mapping):
        return column(list(value))
    return np.asarray(stack("write_shards", value) if isinstance(value, list) else value)


def _described(batch: Any, arrays: dict[str, np.ndarray]) -> Index:
    """Describe the items of a batch in an index that has no shards."""
    for name, array in arrays.items():
        if array.dtype.kind not in NUMBERS:
            raise DTypeError(
                "write_shards",
                expected="items of numbers and arrays of numbers",
                got=f"field {name} of {array.dtype}",
                fix="turn it into numbers, for instance text into the tokens' numbers",
                dtype=array.dtype,
            )
    form = "dict" if isinstance(batch, Mapping) else "tuple"
    if not isinstance(batch, Mapping | tuple | list):
        form = "array"
    fields = [Field(name, array.dtype, array.shape[1:]) for name, array in arrays.items()]
    return Index(form, tuple(fields), ())


def _differs(first: Index, found: Index) -> DTypeError | ShapeError:
    names = [[(field.name, field.shape) for field in index.fields] for index in (first, found)]
    texts = []
    for index in (first, found):
        fields = [f"{field.name}: {field.dtype} {field.shape}" for field in index.fields]
        texts.append(f"{index.form} of {', '.join(fields)}")
    return (DTypeError if names[0] == names[1] else ShapeError)(
        "write_shards",
        expected=f"items of one form, as in the first shard: {texts[0]}",
        got=texts[1],
        fix="bring the items to one shape and data type in the data set",
    )
