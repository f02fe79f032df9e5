"""In which order items come: a sampler turns a generator into one epoch's indices."""

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tinytorch.data.transforms._transform import Rng
from tinytorch.tensor import checks, random
from tinytorch.tensor.errors import ArgumentError


@runtime_checkable
class Sampler(Protocol):
    """What `DataLoader` asks for an order, once in each epoch.

    Any iterable of indices with a length serves in place of a sampler. It is iterated once in each
    epoch, batch by batch, and its length may be an estimate: the batches are those that come.
    """

    def __len__(self) -> int:
        """Return the number of indices in an epoch."""

    def order(self, rng: Rng = None) -> np.ndarray:
        """Return the indices of one epoch, `(items,)`."""


class Ordered:
    """Iteration over one epoch's indices, for a class that has `order`."""

    def order(self, rng: Rng = None) -> np.ndarray:
        """Return the indices of one epoch; see `Sampler`."""
        raise NotImplementedError  # pragma: no cover

    def __len__(self) -> int:
        raise NotImplementedError  # pragma: no cover

    def __repr__(self) -> str:
        settings = {name: x for name, x in vars(self).items() if isinstance(x, int)}
        shown = [f"{name}={value}" for name, value in settings.items()]
        return f"{type(self).__name__}({', '.join([f'{len(self)} items', *shown])})"

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())


def _sized(operation: str, source: Sized | int) -> Sized:
    """Return a data set as it is, since its length may change, and a number as a range."""
    if isinstance(source, Sized):
        return source
    return range(checks.whole(operation, "source", source, 0))


class SequentialSampler(Ordered):
    """The items in their own order.

    Args:
        source: The data set, or its length.

    Raises:
        ArgumentError: `source` is a number, but no whole one of at least 0.

    Example:
        >>> list(SequentialSampler(4))
        [0, 1, 2, 3]
    """

    def __init__(self, source: Sized | int) -> None:
        self._source = _sized("SequentialSampler", source)

    def __len__(self) -> int:
        return len(self._source)

    def order(self, rng: Rng = None) -> np.ndarray:  # noqa: ARG002  (there is nothing to draw)
        """Return `0, 1, 2, ...`, `(items,)`."""
        return np.arange(len(self))


class RandomSampler(Ordered):
    """The items in random order.

    Args:
        source: The data set, or its length.
        replacement: Whether an item may come again in the same epoch.
        num_samples: The indices in an epoch; by default as many as there are items. Without
            replacement a data set that has shrunk gives fewer.

    Raises:
        ArgumentError: There are no items, or more are asked for than there are.

    Example:
        >>> RandomSampler(5).order(rng=0)
        array([2, 4, 3, 0, 1])
    """

    def __init__(
        self, source: Sized | int, replacement: bool = False, num_samples: int | None = None
    ) -> None:
        self._source = _sized("RandomSampler", source)
        self.replacement = checks.flag("RandomSampler", "replacement", replacement)
        self.num_samples = num_samples
        if num_samples is None:
            return
        self.num_samples = checks.whole("RandomSampler", "num_samples", num_samples, 0)
        items = len(self._source)
        if self.num_samples > items and not (replacement and items):
            raise _too_many("RandomSampler", f"{items}, the number of items", num_samples)

    def __len__(self) -> int:
        items = len(self._source)
        if self.num_samples is None:
            return items
        return self.num_samples if self.replacement and items else min(self.num_samples, items)

    def order(self, rng: Rng = None) -> np.ndarray:
        """Return a random order, `(num_samples,)`."""
        generator = random.generator(rng)
        count = len(self)
        if self.replacement and count:
            return generator.integers(0, len(self._source), count)
        return generator.permutation(len(self._source))[:count]


class WeightedSampler(Ordered):
    """Items drawn with given weights, for instance to balance rare classes.

    Args:
        weights: One for each item, `(items,)`; they need not sum to 1.
        num_samples: The indices in an epoch; by default as many as there are items.
        replacement: Whether an item may come again in the same epoch.

    Raises:
        ArgumentError: A weight is negative or not finite, none is positive, or without replacement
            fewer are positive than are asked for.

    Example:
        >>> set(WeightedSampler([0, 1, 1]).order(rng=0).tolist())
        {1, 2}
    """

    def __init__(
        self,
        weights: Sequence[float] | np.ndarray,
        num_samples: int | None = None,
        replacement: bool = True,
    ) -> None:
        self.weights = np.asarray(weights, np.float64)
        self.replacement = checks.flag("WeightedSampler", "replacement", replacement)
        wanted = self.weights.size if num_samples is None else num_samples
        self.num_samples = checks.whole("WeightedSampler", "num_samples", wanted, 0)
        sound = self.weights.ndim == 1 and bool(np.isfinite(self.weights).all())
        positive = int((self.weights > 0).sum())
        if not sound or positive == 0 or (self.weights < 0).any():
            raise ArgumentError(
                "WeightedSampler",
                expected="weights (items,), finite, none negative, one positive at least",
                got=f"weights of shape {self.weights.shape}, {positive} positive",
                fix="for balanced classes: 1 / np.bincount(labels)[labels]",
            )
        if self.num_samples > positive and not replacement:
            most = f"{positive}, the number of positive weights"
            raise _too_many("WeightedSampler", most, wanted)

    def __len__(self) -> int:
        return self.num_samples

    def order(self, rng: Rng = None) -> np.ndarray:
        """Return the indices drawn, `(num_samples,)`."""
        share = self.weights / self.weights.sum()
        return random.generator(rng).choice(
            len(share), self.num_samples, replace=self.replacement, p=share
        )


class BatchSampler:
    """A sampler's indices in batches; `DataLoader` takes one in place of a sampler.

    Args:
        sampler: A `Sampler`, or any iterable of indices with a length.
        batch_size: The indices in a batch.
        drop_last: Whether to leave out a last batch that is smaller.

    Raises:
        ArgumentError: `batch_size` is not positive, or `sampler` has no length.

    Example:
        >>> [batch.tolist() for batch in BatchSampler(SequentialSampler(5), 2)]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self, sampler: Sampler | Iterable[int], batch_size: int, drop_last: bool = False
    ) -> None:
        _check_batches("BatchSampler", sampler, batch_size, drop_last)
        self.sampler: Any = sampler
        self.batch_size = int(batch_size)
        self.drop_last = bool(drop_last)

    def __len__(self) -> int:
        """Return the number of batches in an epoch; an estimate if the sampler's length is one."""
        whole, rest = divmod(len(self.sampler), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def batches(self, rng: Rng = None) -> Iterator[np.ndarray]:
        """Yield the batches of one epoch, each `(batch_size,)` but perhaps the last."""
        if isinstance(self.sampler, Sampler):
            order = np.asarray(self.sampler.order(rng))
            size = self.batch_size
            cut = (order[start : start + size] for start in range(0, len(order), size))
        else:
            indices = iter(self.sampler)
            rows = iter(lambda: list(islice(indices, self.batch_size)), [])
            cut = (_as_array(row) for row in rows)
        return (batch for batch in cut if not self.drop_last or len(batch) == self.batch_size)

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.batches()

    def __repr__(self) -> str:
        return (
            f"BatchSampler({self.sampler!r}, batch_size={self.batch_size}, "
            f"drop_last={self.drop_last})"
        )


def choose_batches(
    dataset: Sized, batch_size: int, shuffle: bool, drop_last: bool, sampler: Any
) -> BatchSampler:
    """Return what sets a `DataLoader`'s order and batches, of the settings that say so."""
    checks.flag("DataLoader", "shuffle", shuffle)
    if sampler is not None and shuffle:
        raise ArgumentError(
            "DataLoader",
            expected="a sampler or shuffle=True, not both",
            got="both",
            fix="leave shuffle out: the sampler sets the order",
        )
    if isinstance(sampler, BatchSampler):
        if batch_size != 1 or drop_last:
            raise ArgumentError(
                "DataLoader",
                expected="no batch_size and no drop_last beside a BatchSampler",
                got=f"batch_size={batch_size}, drop_last={drop_last}",
                fix="leave them out: the BatchSampler sets the batches",
            )
        return sampler
    if sampler is None:
        sampler = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
    _check_batches("DataLoader", sampler, batch_size, drop_last)
    return BatchSampler(sampler, batch_size, drop_last)


def _check_batches(operation: str, sampler: Any, batch_size: Any, drop_last: Any) -> None:
    """Check the settings of a `BatchSampler`."""
    if not (isinstance(sampler, Sized) and isinstance(sampler, Sampler | Iterable)):
        raise ArgumentError(
            operation,
            expected="a sampler with a length, that can be iterated once in each epoch",
            got=type(sampler).__name__,
            fix="make a list of the indices",
        )
    checks.whole(operation, "batch_size", batch_size, 1)
    checks.flag(operation, "drop_last", drop_last)


def _as_array(indices: list[Any]) -> np.ndarray:
    """Return what a sampler gave as an array, of objects if it is no indices."""
    try:
        return np.asarray(indices)
    except ValueError:  # lists of unlike lengths
        return np.fromiter(indices, object)


def _too_many(operation: str, most: str, got: int) -> ArgumentError:
    return ArgumentError(
        operation,
        expected=f"num_samples of at most {most}",
        got=f"num_samples={got}",
        fix="replacement=True lets items come again",
    )
