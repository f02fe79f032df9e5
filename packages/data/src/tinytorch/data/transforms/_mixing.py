"""Transforms of whole batches that mix images and, in the same shares, their labels."""

from typing import Any

import numpy as np

from tinytorch.data.transforms._transform import Rng, as_images
from tinytorch.data.transforms._values import ToFloat
from tinytorch.tensor import checks, random
from tinytorch.tensor.errors import IndexRangeError, ShapeError


class _Mix:
    """Mixes each image with another one of the batch; how, a subclass tells by `mixed`."""

    def __init__(self, classes: int, alpha: float = 1.0) -> None:
        name = type(self).__name__
        self.classes = checks.whole(name, "classes", classes, 1)
        self.alpha = checks.number(name, "alpha", alpha, least=np.finfo(float).tiny)

    def mixed(
        self, images: np.ndarray, others: np.ndarray, share: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, float]:
        """Return the mixed images, and the share that the first ones have in them."""
        raise NotImplementedError  # pragma: no cover

    def __call__(self, images: Any, labels: Any, *, rng: Rng = None) -> tuple[np.ndarray, ...]:
        """Mix a batch.

        Args:
            images: `(batch, channels, height, width)`, bytes or floats.
            labels: `(batch,)` whole numbers, or shares of the classes `(batch, classes)`.
            rng: The source of randomness.

        Returns:
            Images and labels `(batch, classes)`, both float32; the labels of an image sum to 1.
        """
        name = type(self).__name__
        floats = ToFloat()(as_images(name, images))
        targets = self._shares(name, np.asarray(labels), len(floats))
        generator = random.generator(rng)
        share = generator.beta(self.alpha, self.alpha)
        order = generator.permutation(len(floats))
        pictures, share = self.mixed(floats, floats[order], share, generator)
        first, second = np.float32(share), np.float32(1 - share)
        return pictures, first * targets + second * targets[order]

    def _shares(self, operation: str, labels: np.ndarray, count: int) -> np.ndarray:
        """Return labels as shares of the classes, `(batch, classes)`, float32."""
        if labels.shape == (count, self.classes) and labels.dtype.kind == "f":
            return labels.astype(np.float32, copy=False)
        if labels.shape != (count,) or labels.dtype.kind not in "iu":
            raise ShapeError(
                operation,
                expected=f"labels ({count},) of whole numbers, or ({count}, {self.classes}) of "
                "floats",
                got=f"labels {labels.shape} of {labels.dtype}",
                fix="give the labels of the same batch",
                shape=labels.shape,
            )
        if count and not 0 <= labels.min() <= labels.max() < self.classes:
            raise IndexRangeError(
                operation,
                expected=f"labels from 0 to {self.classes - 1}",
                got=f"labels from {labels.min()} to {labels.max()}",
                fix=f"classes={labels.max() + 1}",
            )
        shares: np.ndarray = np.eye(self.classes, dtype=np.float32)[labels]
        return shares

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.classes}, alpha={self.alpha:g})"


class MixUp(_Mix):
    """Blend each image with another one of the batch, and their labels in the same shares.

    For `DataLoader(mix=)`. The share is drawn from Beta(alpha, alpha), once for a batch. The labels
    become shares of the classes, which `cross_entropy` takes for targets.

    Args:
        classes: The number of classes.
        alpha: How even the shares are: 1 for any share alike, near 0 for hardly mixed images.

    Raises:
        ArgumentError: `classes` is no whole number of at least 1, or `alpha` not positive.
        ShapeError: On use: images and labels do not fit together.
        IndexRangeError: On use: a label is not below `classes`.

    Source:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018.

    Example:
        >>> images = np.array([0, 1], np.float32).reshape(2, 1, 1, 1)
        >>> mixed, labels = MixUp(classes=2)(images, [0, 1], rng=0)
        >>> mixed.ravel().round(2)
        array([0.3, 0.7], dtype=float32)
        >>> labels.round(2)
        array([[0.7, 0.3],
               [0.3, 0.7]], dtype=float32)
    """

    def mixed(
        self,
        images: np.ndarray,
        others: np.ndarray,
        share: float,
        rng: np.random.Generator,  # noqa: ARG002  (there is nothing more to draw)
    ) -> tuple[np.ndarray, float]:
        """Return the blended images, and the share as it was drawn."""
        return np.float32(share) * images + np.float32(1 - share) * others, share


class CutMix(_Mix):
    """Put a patch of another image of the batch into each, and mix the labels by its area.

    As `MixUp`; the patch has the proportions of the image, lies at the same place in all images of
    a batch, and is cut at the border.

    Args:
        classes: As in `MixUp`.
        alpha: As in `MixUp`; the share drawn is that of the image around the patch.

    Source:
        Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
        Features", 2019.

    Example:
        >>> images = np.repeat([0.0, 1.0], 16).reshape(2, 1, 4, 4)
        >>> mixed, labels = CutMix(classes=2)(images, [0, 1], rng=2)
        >>> mixed[0, 0].mean() == labels[0, 1]
        np.True_
    """

    def mixed(
        self, images: np.ndarray, others: np.ndarray, share: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, float]:
        """Return the images with their patches, and the share of the area around them."""
        *_, height, width = images.shape
        rows = _side(rng, height, share)
        columns = _side(rng, width, share)
        pictures = images.copy()
        pictures[..., rows, columns] = others[..., rows, columns]
        area = (rows.stop - rows.start) * (columns.stop - columns.start)
        return pictures, 1 - area / (height * width)


def _side(rng: np.random.Generator, length: int, share: float) -> slice:
    """Draw which part of a side a patch covers that leaves `share` of the area."""
    size = round(length * np.sqrt(1 - share))
    start = int(rng.integers(0, length)) - size // 2
    return slice(max(start, 0), min(start + size, length))
