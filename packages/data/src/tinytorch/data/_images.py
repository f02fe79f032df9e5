"""Labeled images: gathered, transformed and made float32 a batch at a time."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from tinytorch.data._dataset import Batched, checked_indices
from tinytorch.data.transforms import ToFloat
from tinytorch.data.transforms._transform import Seeded, Transform, check_transform
from tinytorch.tensor import Tensor, from_numpy
from tinytorch.tensor.errors import DTypeError, ShapeError


class LabeledImages(Batched):
    """What data sets of images share, for a class that has `gather`; see `ImageDataset`."""

    classes: tuple[str, ...] = ()
    mean: ClassVar[tuple[float, ...] | None] = None
    std: ClassVar[tuple[float, ...] | None] = None

    def __init__(self, labels: np.ndarray, transform: Callable[..., Any] | None) -> None:
        if transform is not None:
            check_transform(type(self).__name__, transform)
        self.labels = labels.astype(np.int64)
        self.transform = transform

    def gather(self, indices: np.ndarray) -> np.ndarray:
        """Return the images at `indices`, `(batch,)`, before any transform."""
        raise NotImplementedError  # pragma: no cover

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return one image `(channels, height, width)` and its label.

        A random transform draws from fresh entropy here; the loader's batches are repeatable.
        """
        images, labels = self.get_batch(np.asarray([index]))
        return from_numpy(images[0]), int(labels[0])

    def get_batch(
        self,
        indices: np.ndarray,
        *,
        transform: Transform | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gather the images and labels at `indices`, `(batch,)`.

        Returns:
            Images `(batch, channels, height, width)`, after the data set's own transform and
            then `transform`; labels `(batch,)`, int64.
        """
        indices = checked_indices(type(self).__name__, indices, len(self))
        images = self.gather(indices)
        if self.transform is not None:
            images = Seeded(self.transform)(images, rng)
        if transform is not None:
            images = transform(images, rng)
        return ToFloat()(images), self.labels[indices]


class ImageDataset(LabeledImages):
    """Images and their labels, held as uint8 and int64.

    A batch is gathered, transformed and converted as a whole. Without a transform, and after one
    that leaves bytes, images become float32 from 0 to 1; other floats become float32 as they are.

    Args:
        images: `(items, channels, height, width)`, uint8; shared, not copied.
        labels: `(items,)`, whole numbers.
        transform: A callable on a batch of images `(batch, channels, height, width)`, uint8 in.

    Attributes:
        images: All images, uint8, not to be written to.
        labels: All labels, int64.
        classes: The classes' names, where there are any.
        mean: The mean of each channel over the training images, where it is known.
        std: The standard deviation of each channel likewise.

    Raises:
        ShapeError: Images and labels do not fit together.
        DTypeError: The images are not uint8, or the labels no whole numbers.

    Example:
        >>> dataset = ImageDataset(np.full((5, 3, 2, 2), 255, np.uint8), [0, 1, 0, 1, 0])
        >>> image, label = dataset[1]
        >>> image.shape, image.numpy().max(), label
        ((3, 2, 2), np.float32(1.0), 1)
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: Sequence[int] | np.ndarray,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        images, labels = np.asarray(images), np.asarray(labels)
        name = type(self).__name__
        if images.ndim != 4 or labels.shape != images.shape[:1]:
            raise ShapeError(
                name,
                expected="images (items, channels, height, width) and labels (items,)",
                got=f"images {images.shape} and labels {labels.shape}",
                fix="reshape them; gray images have one channel: images[:, None]",
                shapes=[images.shape, labels.shape],
            )
        if images.dtype != np.uint8 or (labels.dtype.kind not in "iu" and labels.size):
            raise DTypeError(
                name,
                expected="images of uint8 from 0 to 255, and labels of whole numbers",
                got=f"images of {images.dtype} and labels of {labels.dtype}",
                fix="for other arrays there is TensorDataset",
            )
        super().__init__(labels, transform)
        self.images = images.view()
        self.images.flags.writeable = False

    def gather(self, indices: np.ndarray) -> np.ndarray:
        """Return the images at `indices`, `(batch,)`, as bytes."""
        images: np.ndarray = self.images[indices]
        return images

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.images.shape[1:]))
        return f"{type(self).__name__}({len(self):,} images {shape}, transform={self.transform})"
