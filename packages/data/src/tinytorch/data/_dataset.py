"""What a data set is, and the ones made of arrays and of other data sets."""

import math
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tinytorch.data._fetch import Transform, get_batch
from tinytorch.tensor import from_numpy, random
from tinytorch.tensor.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError

__all__ = ["ConcatDataset", "Dataset", "Subset", "TensorDataset", "checked_indices", "random_split"]


@runtime_checkable
class Dataset(Protocol):
    """Anything with a length and items; `DataLoader` takes any such object.

    Two optional methods make batches fast, because a batch is then gathered in one go:

    - ``__getitems__(indices)`` gets the int64 array of a batch's indices and returns either a
      tuple of arrays that hold the whole batch, or a list of items.
    - ``get_batch(indices, *, transform, rng)`` does the same, and applies ``transform`` to the
      images itself; data sets with own transforms and those that wrap others have it.
    """

    def __len__(self) -> int:
        """Return the number of items."""

    def __getitem__(self, index: int, /) -> Any:
        """Return one item, most often a pair of input and target."""


class Batched:
    """The two optional methods of a data set, for a class that has ``get_batch``."""

    def get_batch(
        self,
        indices: np.ndarray,
        *,
        transform: Transform | None = None,
        rng: np.random.Generator | None = None,
    ) -> Any:
        """Gather one batch; see `Dataset`."""
        raise NotImplementedError  # pragma: no cover

    def __getitems__(self, indices: Sequence[int] | np.ndarray) -> Any:
        """Gather the items at ``indices``, ``(batch,)``, as a tuple of arrays."""
        return self.get_batch(np.asarray(indices))


def checked_indices(operation: str, indices: np.ndarray, length: int) -> np.ndarray:
    """Return ``indices``, ``(batch,)`` int64, after a look at their range.

    Raises:
        DTypeError: They are no whole numbers in a row.
        IndexRangeError: An index is not in ``[-length, length)``.
    """
    indices = np.asarray(indices)
    if indices.ndim != 1 or (indices.dtype.kind not in "iu" and indices.size):
        raise DTypeError(
            operation,
            expected="whole numbers (items,)",
            got=f"{indices.dtype} {indices.shape}: {indices.ravel()[:3].tolist()}",
            fix="for a mask np.flatnonzero(mask), for a slice range(start, stop)",
            dtype=indices.dtype,
        )
    indices = indices.astype(np.int64, copy=False)
    if len(indices) and not -length <= indices.min() <= indices.max() < length:
        wrong = indices[(indices < -length) | (indices >= length)][0]
        raise IndexRangeError(
            operation,
            expected=f"indices from {-length} to {length - 1}" if length else "an item",
            got=f"index {wrong}" if length else f"index {wrong} of an empty data set",
            fix="index within len(dataset)",
            index=int(wrong),
        )
    return indices


class TensorDataset(Batched):
    """Rows of arrays of equal length: item ``i`` is row ``i`` of each.

    Args:
        *arrays: Tensors or arrays, ``(items, ...)`` each; they are shared, not copied.

    Raises:
        ArgumentError: No array is given.
        ShapeError: The lengths differ, or an array has no rows because it is a single number.

    Example:
        >>> dataset = TensorDataset(np.zeros((4, 2), np.float32), np.arange(4))
        >>> inputs, target = dataset[3]
        >>> inputs.shape, target.item()
        ((2,), 3)
    """

    def __init__(self, *arrays: Any) -> None:
        if not arrays:
            raise ArgumentError(
                "TensorDataset",
                expected="at least one array",
                got="none",
                fix="pass inputs and targets: TensorDataset(inputs, targets)",
            )
        self.arrays = tuple(np.asarray(array) for array in arrays)
        shapes = [array.shape for array in self.arrays]
        if any(not shape for shape in shapes) or len({shape[0] for shape in shapes}) > 1:
            raise ShapeError(
                "TensorDataset",
                expected="arrays (items, ...) with the same number of items",
                got=", ".join(map(str, shapes)),
                fix="cut the longer ones, or check that axis 0 counts the items",
                shapes=shapes,
            )

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        checked_indices("TensorDataset", np.asarray([index]), len(self))
        return tuple(from_numpy(np.asarray(array[index])) for array in self.arrays)

    def get_batch(
        self,
        indices: np.ndarray,
        *,
        transform: Transform | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[np.ndarray, ...]:
        """Gather rows ``indices``, ``(batch,)``; ``transform`` gets those of the first array."""
        indices = checked_indices("TensorDataset", indices, len(self))
        first, *others = (array[indices] for array in self.arrays)
        return (first if transform is None else transform(first, rng), *others)


class Subset(Batched):
    """Chosen items of another data set.

    Args:
        dataset: The data set.
        indices: Which of its items, ``(items,)``.

    Attributes:
        dataset: The data set.
        indices: The chosen indices, int64.

    Raises:
        DTypeError: The indices are no whole numbers.
        IndexRangeError: One of them is outside of the data set.

    Example:
        >>> odd = Subset(TensorDataset(np.arange(10)), [1, 3, 5, 7, 9])
        >>> len(odd), odd[2][0].item()
        (5, 5)
    """

    def __init__(self, dataset: Dataset, indices: Sequence[int] | np.ndarray) -> None:
        self.dataset = dataset
        self.indices = checked_indices("Subset", np.asarray(indices), len(dataset))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        checked_indices("Subset", np.asarray([index]), len(self))
        return self.dataset[int(self.indices[index])]

    def get_batch(
        self,
        indices: np.ndarray,
        *,
        transform: Transform | None = None,
        rng: np.random.Generator | None = None,
    ) -> Any:
        """Gather the batch from the data set underneath."""
        indices = self.indices[checked_indices("Subset", indices, len(self))]
        return get_batch(self.dataset, indices, transform=transform, rng=rng)


class ConcatDataset(Batched):
    """Several data sets, one after the other.

    Args:
        datasets: The data sets; their items have the same form.

    Raises:
        ArgumentError: There is none.

    Example:
        >>> both = ConcatDataset([TensorDataset(np.arange(3)), TensorDataset(np.arange(10, 15))])
        >>> len(both), both[3][0].item(), both[-1][0].item()
        (8, 10, 14)
    """

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ArgumentError(
                "ConcatDataset",
                expected="at least one data set",
                got="none",
                fix="pass a list: ConcatDataset([first, second])",
            )
        self._ends = np.cumsum([len(dataset) for dataset in self.datasets])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> Any:
        checked_indices("ConcatDataset", np.asarray([index]), len(self))
        index %= len(self)
        part = int(np.searchsorted(self._ends, index, side="right"))
        return self.datasets[part][int(index - self._ends[part]) + len(self.datasets[part])]

    def get_batch(
        self,
        indices: np.ndarray,
        *,
        transform: Transform | None = None,
        rng: np.random.Generator | None = None,
    ) -> Any:
        """Gather from each part what falls to it, and put the rows in the order asked for."""
        indices = checked_indices("ConcatDataset", indices, len(self)) % len(self)
        parts = np.searchsorted(self._ends, indices, side="right")
        batches, places = [], []
        for part in np.unique(parts):
            place = np.flatnonzero(parts == part)
            start = self._ends[part] - len(self.datasets[part])
            batches.append(
                get_batch(self.datasets[part], indices[place] - start, transform=transform, rng=rng)
            )
            places.append(place)
        order = np.argsort(np.concatenate(places))
        if isinstance(batches[0], tuple):
            return tuple(np.concatenate(columns)[order] for columns in zip(*batches, strict=True))
        return np.concatenate(batches)[order]


def random_split(
    dataset: Dataset,
    lengths: Sequence[int] | Sequence[float],
    *,
    rng: np.random.Generator | int | None = None,
) -> list[Subset]:
    """Divide a data set at random into parts that share no item.

    Args:
        dataset: The data set.
        lengths: The parts' lengths, which sum to ``len(dataset)``; or fractions, which sum to 1
            (what rounding leaves over goes to the first parts, one each).
        rng: The source of randomness; a number makes the split repeatable.

    Returns:
        The parts, in the order of ``lengths``.

    Raises:
        ArgumentError: The lengths do not sum to the whole, or one is negative.

    Example:
        >>> train, test = random_split(TensorDataset(np.arange(10)), [0.8, 0.2], rng=0)
        >>> len(train), len(test)
        (8, 2)
    """
    total = len(dataset)
    counts: list[float] = list(lengths)
    whole = [int(count) for count in counts]
    if sum(whole) != total and counts and min(counts) >= 0 and math.isclose(math.fsum(counts), 1):
        whole = [math.floor(total * fraction) for fraction in counts]
        for part in range(total - sum(whole)):
            whole[part % len(whole)] += 1
    if sum(whole) != total or min(counts, default=-1) < 0:
        raise ArgumentError(
            "random_split",
            expected=f"lengths that sum to {total}, or fractions that sum to 1",
            got=str(list(lengths)),
            fix="for instance random_split(dataset, [0.9, 0.1])",
            lengths=list(lengths),
        )
    order = random.generator(rng).permutation(total)
    return [Subset(dataset, part) for part in np.split(order, np.cumsum(whole)[:-1])]
