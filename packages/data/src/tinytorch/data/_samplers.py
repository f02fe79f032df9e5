"""In which order items come: a sampler turns a generator into one epoch's indices."""

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Protocol, runtime_checkable

import numpy as np

from tinytorch.data._checks import whole
from tinytorch.tensor import random
from tinytorch.tensor.errors import ArgumentError

Rng = np.random.Generator | int | None


@runtime_checkable
class Sampler(Protocol):
    """What `DataLoader` asks for an order, once in each epoch.

    Any iterable of indices with a length serves in place of a sampler; it is iterated once in each
    epoch.
    """

    def __len__(self) -> int:
        """Return the number of indices in an epoch."""

    def order(self, rng: Rng = None) -> np.ndarray:
        """Return the indices of one epoch, ``(items,)``."""


class _Ordered:
    """Iteration over one epoch's indices, for a class that has ``order``."""

    def order(self, rng: Rng = None) -> np.ndarray:
        """Return the indices of one epoch; see `Sampler`."""
        raise NotImplementedError  # pragma: no cover

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())


def _count(operation: str, source: Sized | int) -> int:
    """Return a data set's length, or the number itself.

    Raises:
        ArgumentError: It is negative.
    """
    return whole(operation, "source", len(source) if isinstance(source, Sized) else source, 0)


class SequentialSampler(_Ordered):
    """The items in their own order.

    Args:
        source: The data set, or its length.

    Example:
        >>> list(SequentialSampler(4))
        [0, 1, 2, 3]
    """

    def __init__(self, source: Sized | int) -> None:
        self.count = _count("SequentialSampler", source)

    def __len__(self) -> int:
        return self.count

    def order(self, rng: Rng = None) -> np.ndarray:  # noqa: ARG002  (there is nothing to draw)
        """Return ``0, 1, 2, ...``, ``(items,)``."""
        return np.arange(self.count)


class RandomSampler(_Ordered):
    """The items in random order.

    Args:
        source: The data set, or its length.
        replacement: Whether an item may come again in the same epoch.
        num_samples: The indices in an epoch; by default as many as there are items.

    Raises:
        ArgumentError: There are no items, or more are asked for than there are.

    Example:
        >>> RandomSampler(5).order(rng=0)
        array([2, 4, 3, 0, 1])
    """

    def __init__(
        self, source: Sized | int, replacement: bool = False, num_samples: int | None = None
    ) -> None:
        self.items = _count("RandomSampler", source)
        self.replacement = replacement
        wanted = self.items if num_samples is None else num_samples
        self.count = whole("RandomSampler", "num_samples", wanted, 0)
        if self.count > self.items and not (replacement and self.items):
            raise ArgumentError(
                "RandomSampler",
                expected=f"num_samples of at most {self.items}",
                got=str(num_samples),
                fix="replacement=True lets items come again",
            )

    def __len__(self) -> int:
        return self.count

    def order(self, rng: Rng = None) -> np.ndarray:
        """Return a random order, ``(num_samples,)``."""
        generator = random.generator(rng)
        if self.replacement:
            return generator.integers(0, self.items, self.count)
        return generator.permutation(self.items)[: self.count]


class WeightedSampler(_Ordered):
    """Items drawn with given weights, for instance to balance rare classes.

    Args:
        weights: One for each item, ``(items,)``; they need not sum to 1.
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
        self.replacement = replacement
        wanted = self.weights.size if num_samples is None else num_samples
        self.count = whole("WeightedSampler", "num_samples", wanted, 0)
        sound = self.weights.ndim == 1 and bool(np.isfinite(self.weights).all())
        positive = int((self.weights > 0).sum())
        if not sound or positive == 0 or (self.weights < 0).any():
            raise ArgumentError(
                "WeightedSampler",
                expected="weights (items,), finite, none negative, one positive at least",
                got=f"weights of shape {self.weights.shape}, {positive} positive",
                fix="for balanced classes: 1 / np.bincount(labels)[labels]",
            )
        if self.count > positive and not replacement:
            raise ArgumentError(
                "WeightedSampler",
                expected=f"num_samples of at most {positive}, the number of positive weights",
                got=str(self.count),
                fix="replacement=True lets items come again",
            )

    def __len__(self) -> int:
        return self.count

    def order(self, rng: Rng = None) -> np.ndarray:
        """Return the indices drawn, ``(num_samples,)``."""
        share = self.weights / self.weights.sum()
        return random.generator(rng).choice(
            len(share), self.count, replace=self.replacement, p=share
        )


class BatchSampler:
    """A sampler's indices in batches; `DataLoader` takes one in place of a sampler.

    Args:
        sampler: A `Sampler`, or any iterable of indices with a length.
        batch_size: The indices in a batch.
        drop_last: Whether to leave out a last batch that is smaller.

    Raises:
        ArgumentError: ``batch_size`` is not positive, or ``sampler`` has no length.

    Example:
        >>> [batch.tolist() for batch in BatchSampler(SequentialSampler(5), 2)]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self, sampler: Sampler | Iterable[int], batch_size: int, drop_last: bool = False
    ) -> None:
        if not isinstance(sampler, Sized):
            raise ArgumentError(
                "DataLoader",
                expected="a sampler with a length, that can be iterated once in each epoch",
                got=type(sampler).__name__,
                fix="make a list of the indices",
            )
        self.sampler = sampler
        self.batch_size = whole("DataLoader", "batch_size", batch_size, 1)
        self.drop_last = drop_last

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def batches(self, rng: Rng = None) -> list[np.ndarray]:
        """Return the batches of one epoch, each ``(batch_size,)`` but perhaps the last."""
        if isinstance(self.sampler, Sampler):
            order = self.sampler.order(rng)
        else:
            order = np.fromiter(self.sampler, np.int64)
        size = self.batch_size
        return [order[start : start + size] for start in range(0, len(self) * size, size)]

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.batches())
