"""A part of a batch: one of several loaders makes its rows alone, as if all of them were made.

Random transforms draw numbers for each row of a batch. For a part the numbers of all rows are
drawn and those of the part are handed out, so the parts together are the batch of one loader.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinytorch.tensor import checks
from tinytorch.tensor.errors import ArgumentError

Shard = tuple[int, int]


def check_shard(operation: str, shard: Any) -> Shard | None:
    """Return `(rank, size)` as plain numbers, the rank below the size, or None."""
    if shard is None:
        return None
    rank, size = checks.pair(operation, "shard", shard, 0)
    if rank >= size:
        raise ArgumentError(
            operation,
            expected="shard=(rank, size) with a rank below the size",
            got=f"shard={shard!r}",
            fix="for instance shard=(world.rank, world.size)",
        )
    return rank, size


def rows_of(shard: Shard, length: int) -> slice:
    """Return the rows of a batch of `length` that are this shard's; maybe none of them."""
    rank, size = shard
    return slice(length * rank // size, length * (rank + 1) // size)


class RowGenerator(np.random.Generator):
    """A generator that draws for a whole batch and gives the numbers of some of its rows.

    Draws of other shapes than `(rows, ...)` are those of any generator.
    """

    rows = slice(0)
    length = 0

    @classmethod
    def of(cls, rng: np.random.Generator, rows: slice, length: int) -> "RowGenerator":
        """Return a generator that draws what `rng` would, for these rows of so many."""
        made = cls(rng.bit_generator)
        made.rows, made.length = rows, length
        return made

    def random(self, size: Any = None, *settings: Any, **named: Any) -> Any:
        return self._draw(super().random, size, *settings, **named)

    def standard_normal(self, size: Any = None, *settings: Any, **named: Any) -> Any:
        return self._draw(super().standard_normal, size, *settings, **named)

    def integers(self, low: Any, high: Any = None, size: Any = None, **named: Any) -> Any:  # type: ignore[override]
        return self._draw(lambda n: super(RowGenerator, self).integers(low, high, n, **named), size)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        return self._draw(lambda n: super(RowGenerator, self).uniform(low, high, n), size)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        return self._draw(lambda n: super(RowGenerator, self).normal(loc, scale, n), size)

    def _draw(self, draw: Callable[..., Any], size: Any, *settings: Any, **named: Any) -> Any:
        shape = (size,) if isinstance(size, (int, np.integer)) else size
        if not shape or shape[0] != self.rows.stop - self.rows.start:
            return draw(size, *settings, **named)
        return draw((self.length, *shape[1:]), *settings, **named)[self.rows]
