"""Several transforms as one."""

from collections.abc import Callable, Sequence
from typing import Any

from tinytorch.data.transforms._transform import Rng, Seeded, check_transform
from tinytorch.tensor import random


class Compose:
    """Apply transforms one after the other.

    Args:
        transforms: Callables on a batch of images; those with `random = True` get `rng`, those with
            `placed = True` get `epoch` and `indices`.

    Attributes:
        random: Whether one of them is random.
        placed: Whether one of them asks where the images stand.

    Raises:
        ArgumentError: One of them cannot be called.

    Example:
        >>> import numpy as np
        >>> from tinytorch.data.transforms import RandomHorizontalFlip, ToFloat
        >>> augment = Compose([RandomHorizontalFlip(), ToFloat()])
        >>> augment(np.full((2, 1, 4, 4), 255, np.uint8), rng=0).max()
        np.float32(1.0)
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        self.transforms = list(transforms)
        for transform in self.transforms:
            check_transform("Compose", transform)
        self.random = any(getattr(transform, "random", False) for transform in self.transforms)
        self.placed = any(getattr(transform, "placed", False) for transform in self.transforms)

    def __call__(self, images: Any, *, rng: Rng = None, epoch: int = 0, indices: Any = None) -> Any:
        """Return the images after all transforms."""
        generator = random.generator(rng)
        for transform in self.transforms:
            images = Seeded(transform, epoch, indices)(images, generator)
        return images

    def __repr__(self) -> str:
        return f"Compose({self.transforms})"
