"""An update equation: it changes arrays in place, in blocks small enough to stay in cache."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinytorch.optim.kernels import fused
from tinytorch.tensor import kernels

BLOCK_BYTES = 1 << 17
"""One block of one array: the five or six arrays of an update share a 1 MiB second-level cache."""

FUSED_SIZE = 1 << 11
"""Elements from which a fused kernel is worth that it is compiled."""


class Workspace:
    """The scratch blocks of one optimizer: made once per dtype, used at every step."""

    def __init__(self) -> None:
        self._blocks: dict[np.dtype[Any], list[np.ndarray]] = {}

    def blocks(self, dtype: np.dtype[Any], count: int) -> list[np.ndarray]:
        """Return `count` scratch arrays (BLOCK_BYTES / itemsize,) with unspecified values."""
        blocks = self._blocks.setdefault(dtype, [])
        while len(blocks) < count:
            blocks.append(np.empty(BLOCK_BYTES // dtype.itemsize, dtype))
        return blocks[:count]


class Update:
    """An update equation over whole arrays, made by `in_place` from its reference over one block.

    Attributes:
        reference: The equation in NumPy.
        scratch: How many scratch blocks the reference wants after its arrays.
    """

    def __init__(self, reference: Callable[..., None], scratch: int) -> None:
        self.reference = reference
        self.scratch = scratch
        self.__doc__ = reference.__doc__

    def __call__(self, workspace: Workspace, *arrays: np.ndarray | None, **settings: Any) -> None:
        """Update in place, by the fused kernel if there is one that wants these arrays.

        They are the weights (any shape, C-contiguous) and, in that shape and dtype, gradient and
        state; None for state that the settings, the reference's keywords, do not need.
        """
        flat = [None if array is None else array.reshape(-1) for array in arrays]
        weights = flat[0]
        assert weights is not None
        if weights.size >= FUSED_SIZE:
            kernel = fused(self)
            if kernel is not None and _served(kernel, flat, settings):
                return
        scratch = workspace.blocks(weights.dtype, self.scratch)
        length = BLOCK_BYTES // weights.dtype.itemsize
        for start in range(0, weights.size, length):
            part = slice(start, min(start + length, weights.size))
            self.reference(
                *(None if array is None else array[part] for array in flat),
                *(block[: part.stop - start] for block in scratch),
                **settings,
            )


def _served(
    kernel: Callable[..., Any], arrays: list[np.ndarray | None], settings: dict[str, Any]
) -> bool:
    """Whether a fused kernel has done the update; one that cannot compile has changed nothing."""
    try:
        return kernel(*arrays, **settings) is not NotImplemented
    except ImportError as error:
        kernels.give_up(error)
        return False


def in_place(*, scratch: int) -> Callable[[Callable[..., None]], Update]:
    """Make an `Update` of a function over one block.

    The function takes flat arrays positionally (weights, gradient, state, then `scratch` blocks of
    unspecified values), its numbers as keywords, and writes into weights and state only.
    """
    return lambda reference: Update(reference, scratch)
