"""A world is what the ranks of a run say to each other; alone, a rank has nothing to say.

Numbers travel as arrays and all else as JSON: nothing that arrives can run code.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tinytorch.training.files.tree import pack, unpack


class World:
    """The ranks that train one model together; this class itself is a world of one.

    Every rank has to call the same methods in the same order, with arrays of the same shapes and
    data types: each waits for the others.

    Attributes:
        rank: Which of them this one is, from 0.
        size: How many there are.

    Example:
        >>> world = World()
        >>> world.rank, world.size, world.gather("here")
        (0, 1, ['here'])
    """

    rank: int = 0
    size: int = 1

    def sum_into(self, arrays: Iterable[np.ndarray]) -> None:
        """Put into each array the sum over all ranks; on each of them the same bits.

        Args:
            arrays: Contiguous ones of numbers. They are asked for one by one, and while the next
                is being made, the last is on its way.
        """
        for _ in arrays:
            pass

    def broadcast(self, arrays: Iterable[np.ndarray]) -> None:
        """Put into each array, which is contiguous, what rank 0 has in it."""

    def gather(self, value: Any) -> list[Any]:
        """Return what each rank gave, by rank, on all of them: anything that JSON can say."""
        return [value]

    def barrier(self) -> None:
        """Wait for all ranks."""

    def share(self, value: Any) -> Any:
        """Return what rank 0 gave: a tree of plain values and arrays, as a checkpoint holds."""
        if self.size == 1:
            return value
        parts: dict[str, Any] = {}
        text = b""
        if self.rank == 0:
            tree = pack(value, "value", parts)
            arrays = {name: np.array(part, order="C") for name, part in parts.items()}
            kinds = [[name, part.dtype.str, part.shape] for name, part in arrays.items()]
            text = json.dumps([tree, kinds]).encode()
        length = np.array(len(text))
        self.broadcast([length])
        letters = np.frombuffer(text or bytes(int(length)), np.uint8).copy()
        self.broadcast([letters])
        tree, kinds = json.loads(letters.tobytes())
        if self.rank:
            arrays = {name: np.empty(shape, np.dtype(kind)) for name, kind, shape in kinds}
        self.broadcast(arrays.values())
        return unpack(tree, arrays) if self.rank else value

    def decide(self, answer: bool) -> bool:
        """Return what rank 0 answered."""
        if self.size == 1:
            return answer
        said = np.array(answer)
        self.broadcast([said])
        return bool(said)

    def total(self, numbers: Sequence[float]) -> list[float]:
        """Return the sum over all ranks of each of several numbers."""
        if self.size == 1:
            return list(numbers)
        sums = np.array(numbers, np.float64)
        self.sum_into([sums])
        return [float(n) for n in sums]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(rank {self.rank} of {self.size})"
