"""What a data set is, and the ones made of arrays and of other data sets."""

import math
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tinytorch.data.batches.fetch import fetch_batch, whole_indices
from tinytorch.data.transforms._transform import Transform
from tinytorch.tensor import Tensor, checks, from_numpy, random
from tinytorch.tensor.errors import ArgumentError, IndexRangeError, ShapeError


@runtime_checkable
class Dataset(Protocol):
    """Anything with a length and items; `DataLoader` takes any such object.

    Both are asked for in each epoch, so a data set may grow or shrink between two epochs. What it
    gains during an epoch comes in the next one.

    Optional methods make batches fast, because a batch is then gathered in one go:

    - `__getitems__(indices)` gets the int64 array of a batch's indices. It returns a batch, most
      often a tuple of arrays (a list in it holds one value for each item), or a list of items.
    - `get_batch(indices, *, transform, rng)` returns a batch, and applies `transform` to the
      images itself; data sets with own transforms have it.
    - `locate(indices)` is for data sets that show the items of others. It returns, for each of
      these, the data set, the indices in it, and their places among `indices`.
    """

    def __len__(self) -> int:
        """Return the number of items."""

    def __getitem__(self, index: int, /) -> Any:
        """Return one item, most often a pair of input and target."""


def check_dataset(operation: str, dataset: Any) -> None:
    """Check that it has a length and items."""
    if not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")):
        raise ArgumentError(
            operation,
            expected="a data set, which has __len__ and __getitem__",
            got=type(dataset).__name__,
            fix="make a list of what is iterated, or a class with these two methods",
        )


class Batched:
    """The methods for whole batches of a data set that has `get_batch`."""

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
        """Gather the items at `indices`, `(batch,)`, in a batch of arrays."""
        return self.get_batch(np.asarray(indices))


Place = tuple[Dataset, np.ndarray, np.ndarray]


class View(Batched):
    """A data set that shows items of others, for a class that has `locate`."""

    def locate(self, indices: np.ndarray) -> list[Place]:
        """Tell in which data sets the items at `indices`, `(batch,)`, lie; see `Dataset`."""
        raise NotImplementedError  # pragma: no cover

    def __getitem__(self, index: int) -> Any:
        ((dataset, inside, _),) = self.locate(np.asarray([index]))
        return dataset[int(inside[0])]

    def get_batch(
        self,
        indices: np.ndarray,
        *,
        transform: Transform | None = None,
        rng: np.random.Generator | None = None,
    ) -> Any:
        """Gather the batch at `indices`, `(batch,)`, from the data sets underneath."""
        return fetch_batch(type(self).__name__, self, indices, transform=transform, rng=rng)


def checked_indices(operation: str, indices: Any, length: int) -> np.ndarray:
    """Return `indices`, `(batch,)`, as int64 from 0 to `length` - 1; negative ones count back."""
    row = whole_indices(operation, indices)
    if not len(row):
        return row
    least = row.min()
    if not -length <= least <= row.max() < length:
        wrong = row[(row < -length) | (row >= length)][0]
        raise IndexRangeError(
            operation,
            expected=f"indices from {-length} to {length - 1}" if length else "an item",
            got=f"index {wrong}" if length else f"index {wrong} of an empty data set",
            fix="index within len(dataset)",
            index=int(wrong),
        )
    return row if least >= 0 else np.mod(row, length)


class TensorDataset(Batched):
    """Rows of arrays of equal length: item `i` is row `i` of each.

    Args:
        *arrays: Tensors or arrays, `(items, ...)` each; they are shared, not copied.

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

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        checked_indices("TensorDataset", [index], len(self))
        return tuple(from_numpy(np.asarray(array[index])) for array in self.arrays)

    def get_batch(
        self,
        indices: np.ndarray,
        *,
        transform: Transform | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[np.ndarray, ...]:
        """Gather rows `indices`, `(batch,)`; `transform` gets those of the first array."""
        indices = checked_indices("TensorDataset", indices, len(self))
        first, *others = (array[indices] for array in self.arrays)
        return (first if transform is None else transform(first, rng), *others)

    def __repr__(self) -> str:
        arrays = ", ".join(f"{array.dtype} {array.shape}" for array in self.arrays)
        return f"{type(self).__name__}({len(self)} items; {arrays})"


class Subset(View):
    """Chosen items of another data set.

    Args:
        dataset: The data set.
        indices: Which of its items, `(items,)`.

    Attributes:
        dataset: The data set.
        indices: The chosen indices, int64, none of them negative.

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
        self.indices = checked_indices("Subset", indices, len(dataset))

    def __len__(self) -> int:
        return len(self.indices)

    def locate(self, indices: np.ndarray) -> list[Place]:
        """Return the data set with its indices of the items at `indices`, `(batch,)`."""
        chosen = checked_indices("Subset", indices, len(self))
        return [(self.dataset, self.indices[chosen], np.arange(len(chosen)))]

    def __repr__(self) -> str:
        return f"Subset({len(self)} of {self.dataset!r})"


class ConcatDataset(View):
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

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)

    def locate(self, indices: np.ndarray) -> list[Place]:
        """Return each data set that holds some of the items at `indices`, `(batch,)`."""
        starts = np.cumsum([0, *(len(dataset) for dataset in self.datasets)])
        indices = checked_indices("ConcatDataset", indices, int(starts[-1]))
        parts = np.searchsorted(starts, indices, side="right") - 1
        places = [(part, np.flatnonzero(parts == part)) for part in np.unique(parts)]
        return [
            (self.datasets[part], indices[rows] - starts[part], rows)
            for part, rows in places or [(0, parts)]
        ]

    def __repr__(self) -> str:
        return f"ConcatDataset({len(self)} items; {', '.join(map(repr, self.datasets))})"


def random_split(
    dataset: Dataset,
    lengths: Sequence[int] | Sequence[float],
    *,
    rng: np.random.Generator | int | None = None,
) -> list[Subset]:
    """Divide a data set at random into parts that share no item.

    Args:
        dataset: The data set.
        lengths: The parts' lengths, which sum to `len(dataset)`; or fractions, which sum to 1
            (what rounding leaves over goes to the first parts, one each).
        rng: The source of randomness; a number makes the split repeatable.

    Returns:
        The parts, in the order of `lengths`.

    Raises:
        ArgumentError: The lengths do not sum to the whole, or one is negative.

    Example:
        >>> train, test = random_split(TensorDataset(np.arange(10)), [0.8, 0.2], rng=0)
        >>> len(train), len(test)
        (8, 2)
    """
    total = len(dataset)
    counts = [checks.number("random_split", "lengths", count) for count in lengths]
    whole = [int(count) for count in counts]
    if sum(whole) != total and min(counts, default=0) >= 0 and math.isclose(math.fsum(counts), 1):
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
