"""Several transforms as one, and the checks that transforms share."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinytorch.data._fetch import Seeded
from tinytorch.tensor import random
from tinytorch.tensor.errors import ShapeError

Rng = np.random.Generator | int | None


class Compose:
    """Apply transforms one after the other.

    Args:
        transforms: Callables on a batch of images; those with ``random = True`` get ``rng``.

    Attributes:
        random: Whether one of them is random.

    Raises:
        ArgumentError: One of them cannot be called.

    Example:
        >>> from tinytorch.data.transforms import RandomHorizontalFlip, ToFloat
        >>> augment = Compose([RandomHorizontalFlip(), ToFloat()])
        >>> augment(np.full((2, 1, 4, 4), 255, np.uint8), rng=0).max()
        np.float32(1.0)
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        self.transforms = list(transforms)
        self._steps = [Seeded(transform) for transform in transforms]
        self.random = any(getattr(transform, "random", False) for transform in transforms)

    def __call__(self, images: Any, *, rng: Rng = None) -> Any:
        """Return the images after all transforms."""
        generator = random.generator(rng)
        for step in self._steps:
            images = step(images, generator)
        return images

    def __repr__(self) -> str:
        return f"Compose({self.transforms})"


def as_images(operation: str, images: Any) -> np.ndarray:
    """Return ``images`` as an array ``(batch, channels, height, width)``.

    Raises:
        ShapeError: They have another number of dimensions.
    """
    array = np.asarray(images)
    if array.ndim != 4:
        raise ShapeError(
            operation,
            expected="images (batch, channels, height, width)",
            got=f"shape {array.shape}",
            fix="for a single image add the batch axis: image[None]",
            shape=array.shape,
        )
    return array
