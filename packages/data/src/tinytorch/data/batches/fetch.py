"""From indices to a batch: locate the items, gather and transform them, put them in order."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from tinytorch.data.batches.collate import as_array, column, is_array, join, like, stack
from tinytorch.data.transforms._transform import Seeded, Transform
from tinytorch.tensor.errors import ArgumentError, DTypeError, IndexRangeError

Collate = Callable[[list[Any]], Any]


def fetch_batch(
    operation: str,
    dataset: Any,
    indices: np.ndarray,
    *,
    transform: Transform | None = None,
    rng: np.random.Generator | None = None,
    collate: Collate | None = None,
) -> Any:
    """Make the batch of the items at `indices`, `(batch,)`: arrays, in the form of an item.

    `transform` is applied to the batch's images, that is to its first array, with randomness from
    `rng`; `collate` makes a batch of a list of items, in place of stacking them.
    """
    indices = whole_indices(operation, indices)
    if not _has(dataset.__class__, "locate"):
        whole = _gathered(operation, dataset, indices, transform, rng, collate)
        if isinstance(whole, _Items):
            return _batch(operation, whole, transform, rng, collate)
        return whole
    places = list(_located(dataset, indices, np.arange(len(indices))))
    found = [
        _gathered(operation, source, inside, _of(transform, rows), rng, collate)
        for source, inside, rows in places
    ]
    if len(found) == 1 and not isinstance(found[0], _Items):
        return found[0]
    order = np.argsort(np.concatenate([rows for _, _, rows in places]))
    if all(isinstance(part, _Items) for part in found):
        items = [item for part in found for item in part]
        return _batch(operation, [items[row] for row in order.tolist()], transform, rng, collate)
    return join(
        operation,
        [
            _batch(operation, part, _of(transform, rows), rng)
            if isinstance(part, _Items)
            else _columns(part)
            for part, (_, _, rows) in zip(found, places, strict=True)
        ],
        order,
    )


def whole_indices(operation: str, indices: Any) -> np.ndarray:
    """Return `indices`, `(batch,)`, as int64."""
    row: np.ndarray = np.asarray(indices)
    if row.ndim != 1 or (row.dtype.kind not in "iu" and row.size):
        raise DTypeError(
            operation,
            expected="whole numbers (items,)",
            got=f"{row.dtype} {row.shape}: {row.ravel()[:3].tolist()}",
            fix="for a mask np.flatnonzero(mask), for a slice range(start, stop)",
            dtype=row.dtype,
        )
    return row.astype(np.int64, copy=False)


def _of(transform: Transform | None, rows: np.ndarray) -> Transform | None:
    """Return the transform of these rows of the batch."""
    return transform.of(rows) if isinstance(transform, Seeded) else transform


class _Items(list[Any]):
    """Items that are still to be stacked."""


def _located(
    dataset: Any, indices: np.ndarray, rows: np.ndarray
) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
    """Follow data sets that show the items of others down to those that hold them.

    Yields:
        A data set, the indices of some of its items, and their rows in the batch.
    """
    if not _has(dataset.__class__, "locate"):
        yield dataset, indices, rows
        return
    for source, inside, some in dataset.locate(indices):
        yield from _located(source, inside, rows[some])


def _gathered(
    operation: str,
    dataset: Any,
    indices: np.ndarray,
    transform: Transform | None,
    rng: np.random.Generator | None,
    collate: Collate | None,
) -> Any:
    """Return a transformed batch if the data set makes whole ones, else a list of its items."""
    if collate is None and _has(dataset.__class__, "get_batch"):
        return dataset.get_batch(indices, transform=transform, rng=rng)
    if collate is None and _has(dataset.__class__, "__getitems__"):
        batch = dataset.__getitems__(indices)
        if not isinstance(batch, list):
            return _transformed(operation, batch, transform, rng)
        return _Items(batch)
    return _Items([_item(dataset, index) for index in indices.tolist()])


@lru_cache(maxsize=256)
def _has(kind: type, method: str) -> bool:
    """Tell whether a data set of this class makes batches itself.

    A subclass that overrides `__getitem__` alone does not: its items are not those of the method.
    """
    for base in kind.__mro__:
        if method in vars(base):
            return True
        if "__getitem__" in vars(base):
            return False
    return False


def _item(dataset: Any, index: int) -> Any:
    try:
        return dataset[index]
    except Exception as error:
        note = f"while reading index {index} of {type(dataset).__name__}"
        if type(error) is not IndexError or -len(dataset) <= index < len(dataset):
            error.add_note(note)
            raise
        beyond = IndexRangeError(
            type(dataset).__name__,
            expected=f"an index below {len(dataset)}, the number of items",
            got=f"index {index}",
            fix="look at the sampler; a data set may grow at any time, "
            "but shrink only between two epochs",
            index=index,
        )
        beyond.add_note(note)
        raise beyond from error


def _batch(
    operation: str,
    items: list[Any],
    transform: Transform | None,
    rng: np.random.Generator | None,
    collate: Collate | None = None,
) -> Any:
    """Make a transformed batch of items."""
    if not items:
        raise ArgumentError(
            operation,
            expected="one index at least",
            got="none",
            fix="a batch of no items has a form only where the data set has __getitems__",
        )
    batch = stack(operation, items) if collate is None else collate(items)
    return _transformed(operation, batch, transform, rng)


def _transformed(
    operation: str, batch: Any, transform: Transform | None, rng: np.random.Generator | None
) -> Any:
    """Apply `transform` to the batch's first array."""
    if transform is None:
        return batch
    if is_array(batch):
        return transform(as_array(batch), rng)
    got = type(batch).__name__
    if isinstance(batch, tuple | list) and batch:
        first, *rest = batch
        if is_array(first):
            return like(batch, [transform(as_array(first), rng), *rest])
        got += f" whose first element is a {type(first).__name__}"
    raise ArgumentError(
        operation,
        expected="a batch that is an array, or a tuple whose first element is, for transform",
        got=got,
        fix="transform in the data set or in collate",
    )


def _columns(batch: Any) -> Any:
    """Turn the lists in a data set's own batch, one value for each row, into arrays."""
    if isinstance(batch, tuple):
        return like(batch, [_columns(part) for part in batch])
    if isinstance(batch, Mapping):
        return like(batch, {key: _columns(part) for key, part in batch.items()})
    return column(batch) if isinstance(batch, list) else batch
