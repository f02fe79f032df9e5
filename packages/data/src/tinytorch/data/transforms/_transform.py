"""What a transform is: a callable on a batch of images, which may ask for more by keywords.

Those with `random = True` get `rng`, those with `placed = True` get `epoch` and `indices`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from tinytorch.tensor.errors import ArgumentError, ShapeError

Rng = np.random.Generator | int | None


class Transform(Protocol):
    """A transform with its randomness bound: images and a generator in, images out."""

    def __call__(self, images: Any, rng: np.random.Generator | None, /) -> Any:
        """Return the transformed images."""


@dataclass(frozen=True)
class Seeded:
    """Any transform as a `Transform`: hands it what it asks for.

    Attributes:
        transform: The callable.
        epoch: The epoch, counted from 0.
        indices: `(batch,)`, which items of the loader's data set the images are; None where nobody
            knows.
    """

    transform: Callable[..., Any]
    epoch: int = 0
    indices: np.ndarray | None = None

    def __call__(self, images: Any, rng: np.random.Generator | None, /) -> Any:
        settings: dict[str, Any] = {}
        if getattr(self.transform, "placed", False):
            settings = {"epoch": self.epoch, "indices": self.indices}
        if getattr(self.transform, "random", False):
            return self.transform(images, rng=rng, **settings)
        return self.transform(images, **settings)

    @property
    def placed(self) -> bool:
        """Whether the transform asks where the images stand."""
        return bool(getattr(self.transform, "placed", False))

    def at(self, indices: np.ndarray) -> "Seeded":
        """Return the same transform of these items."""
        return replace(self, indices=indices) if self.placed else self

    def of(self, rows: np.ndarray) -> "Seeded":
        """Return the same transform of these rows of the batch."""
        return self if self.indices is None else self.at(self.indices[rows])


def check_transform(operation: str, transform: Any) -> None:
    """Check that it can be called on batches of images; a class would have to be made first."""
    if isinstance(transform, type) or not callable(transform):
        raise ArgumentError(
            operation,
            expected="transform: a callable on a batch of images",
            got=repr(transform),
            fix="make an object of a class, for instance ToFloat(); put several in Compose([...])",
        )


def as_images(operation: str, images: Any) -> np.ndarray:
    """Return `images` as an array `(batch, channels, height, width)`."""
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


def as_pixel(operation: str, value: float, images: np.ndarray) -> np.ndarray:
    """Return the number `value` in the data type of `images`, if that can hold it."""
    if images.dtype == np.uint8 and value not in range(256):
        raise ArgumentError(
            operation,
            expected="value: a whole number from 0 to 255, since the images are bytes",
            got=f"value={value}",
            fix="put ToFloat() before it",
            value=value,
        )
    return np.asarray(value, images.dtype)
