"""The step of a world: each rank's gradient goes in, and that of the whole batch comes out.

Arrays are gathered in flat buckets, the last layer's first, as the backward walk finishes them;
while one bucket is on its way, the next is filled.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tinytorch.tensor import from_numpy
from tinytorch.training.distributed.world import World
from tinytorch.training.session.large_batch import LargeBatch

BUCKET_BYTES = 4 << 20

Share = tuple[np.ndarray | None, tuple[int, ...], np.dtype[Any]]  # None for zeros


class SumOfParts:
    """Puts the gradients of the ranks' parts together, and their running statistics."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._buffers: list[tuple[Any, np.ndarray]] = []
        self._kinds: list[tuple[tuple[int, ...], np.dtype[Any]]] = []
        self._buckets: list[tuple[np.ndarray, list[np.ndarray]]] = []

    def begin(self, buffers: Iterable[Any]) -> None:
        """Note what the buffers hold, which is the same on all ranks."""
        numbers = (buffer for buffer in buffers if buffer.data.dtype.kind in "iuf")
        self._buffers = [(buffer, buffer.data) for buffer in numbers]

    def finish(
        self, large: LargeBatch, parameters: Sequence[Any], loss: float, weight: float
    ) -> tuple[int, float]:
        """Give the parameters the gradient of all ranks' parts; average what buffers changed by.

        A gradient weighs what its part's mean was divided by, a buffer's change as much as the
        part has examples.

        Args:
            large: This rank's part, all of whose batches have gone backward.
            parameters: What the optimizer moves.
            loss: The loss of the last batch of this part.
            weight: What that batch weighs.

        Returns:
            How many examples the parts have together, and the loss of the last batch of all.
        """
        has = [parameter.grad is not None for parameter in parameters]
        changed = [buffer.data is not before for buffer, before in self._buffers]
        part = [large.weight, large.length, loss * weight if weight else 0.0, weight]
        total, length, losses, weights, *counts = self.world.total([*part, *has, *changed])
        mine = large.length / length if length else 0.0
        scale = large.expected / total if total else 0.0
        large.weight = large.expected = total
        learn = [p for p, count in zip(parameters, counts, strict=False) if count]
        moved = [
            pair for pair, n in zip(self._buffers, counts[len(parameters) :], strict=True) if n
        ]
        gradients: list[Share] = [
            (None if p.grad is None else p.grad.data, p.shape, p.dtype) for p in reversed(learn)
        ]
        changes: list[Share] = [
            (buffer.data.astype(np.float64) - before, buffer.shape, np.dtype(np.float64))
            for buffer, before in moved
        ]
        sums = self._sums([*gradients, *changes], [scale] * len(gradients) + [mine] * len(changes))
        for parameter in reversed(learn):
            parameter.grad = from_numpy(next(sums).astype(parameter.dtype, copy=False))
        for buffer, before in moved:
            change = next(sums)
            whole = change if before.dtype.kind == "f" else np.rint(change)
            buffer.assign((before + whole).astype(before.dtype))
        self.begin(buffer for buffer, _ in self._buffers)
        return int(length), losses / weights if weights else loss

    def _sums(self, shares: list[Share], factors: list[float]) -> Iterator[np.ndarray]:
        """Return the sums over all ranks of arrays times factors; they last until the next call."""
        kinds = [(shape, np.promote_types(dtype, np.float32)) for _, shape, dtype in shares]
        if kinds != self._kinds:
            self._kinds, self._buckets = kinds, list(_buckets(kinds))
        places = [place for _, inside in self._buckets for place in inside]
        waiting = iter(zip(shares, factors, strict=True))

        def filled() -> Iterator[np.ndarray]:
            for bucket, inside in self._buckets:
                for place, ((array, *_), factor) in zip(inside, waiting, strict=False):
                    if array is None:
                        place[...] = 0
                    else:
                        np.multiply(array, factor, out=place, dtype=place.dtype)
                yield bucket

        self.world.sum_into(filled())
        return iter(places)


def _buckets(
    kinds: list[tuple[tuple[int, ...], np.dtype[Any]]],
) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Make room: flat arrays of one data type, and the places in them, in order."""
    start = 0
    while start < len(kinds):
        dtype, lengths = kinds[start][1], [int(np.prod(kinds[start][0]))]
        end = start + 1
        while end < len(kinds) and kinds[end][1] == dtype:
            length = int(np.prod(kinds[end][0]))
            if (sum(lengths) + length) * dtype.itemsize > BUCKET_BYTES:
                break
            lengths.append(length)
            end += 1
        bucket = np.empty(sum(lengths), dtype)
        parts = np.split(bucket, np.cumsum(lengths)[:-1])
        shapes = [shape for shape, _ in kinds[start:end]]
        yield bucket, [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        start = end
