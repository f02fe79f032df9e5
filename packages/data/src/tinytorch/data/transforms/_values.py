"""Transforms of the pixels' values: to float, normalization, brightness and erased patches."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from tinytorch.data.transforms._transform import Rng, as_images, as_pixel
from tinytorch.tensor import checks, random
from tinytorch.tensor.errors import ArgumentError, DTypeError, ShapeError


class ToFloat:
    """Turn bytes 0..255 into float32 from 0 to 1; floats only change their precision.

    Raises:
        DTypeError: On use: the images are neither uint8 nor floats.

    Example:
        >>> ToFloat()(np.array([[[[0, 51, 255]]]], np.uint8))
        array([[[[0. , 0.2, 1. ]]]], dtype=float32)
    """

    def __call__(self, images: Any) -> np.ndarray:
        """Return float32 images of the same shape."""
        images = np.asarray(images)
        floats: np.ndarray
        if _steps("ToFloat", images) == 1:
            floats = images.astype(np.float32, copy=False)
        else:
            floats = np.divide(images, np.float32(255), dtype=np.float32)
        return floats

    def __repr__(self) -> str:
        return "ToFloat()"


class Normalize:
    """Shift and scale each channel to `(pixel - mean) / std`, pixels counted from 0 to 1.

    Args:
        mean: One mean per channel.
        std: One standard deviation per channel.

    Raises:
        ArgumentError: A deviation is not positive, or the lengths differ.

    Example:
        >>> half = Normalize(mean=[0.5], std=[0.5])
        >>> half(np.array([[[[0, 255]]]], np.uint8))
        array([[[[-1.,  1.]]]], dtype=float32)
    """

    def __init__(self, mean: Sequence[float] | float, std: Sequence[float] | float) -> None:
        self.mean = np.atleast_1d(np.asarray(mean, np.float64))
        self.std = np.atleast_1d(np.asarray(std, np.float64))
        fits = self.mean.shape == self.std.shape and self.mean.ndim == 1
        if not (fits and np.isfinite(self.mean).all() and np.isfinite(self.std).all()):
            fits = False
        if not fits or (self.std <= 0).any():
            raise ArgumentError(
                "Normalize",
                expected="mean and std with one finite number per channel, std positive",
                got=f"mean={mean}, std={std}",
                fix="take a data set's own: Normalize.of(CIFAR10)",
            )

    @classmethod
    def of(cls, dataset: Any) -> Self:
        """Take mean and deviation from a data set (or its class) that knows its own.

        Raises:
            ArgumentError: It does not know them.

        Example:
            >>> from tinytorch.data import CIFAR10
            >>> Normalize.of(CIFAR10)
            Normalize(mean=[0.4914, 0.4822, 0.4465], std=[0.247, 0.2435, 0.2616])
        """
        source = dataset
        while not hasattr(source, "mean") and hasattr(source, "dataset"):
            source = source.dataset
        if getattr(source, "mean", None) is None or getattr(source, "std", None) is None:
            raise ArgumentError(
                "Normalize.of",
                expected="a data set with mean and std, such as CIFAR10 or MNIST",
                got=repr(source),
                fix="give the figures: Normalize(mean, std)",
            )
        return cls(source.mean, source.std)

    def __call__(self, images: Any) -> np.ndarray:
        """Return normalized float32 images of the same shape."""
        images = as_images("Normalize", images)
        if len(self.mean) not in {1, images.shape[1]}:
            raise ShapeError(
                "Normalize",
                expected=f"images (batch, {len(self.mean)}, height, width)",
                got=f"images {images.shape}",
                fix=f"give one mean and one std per channel, {images.shape[1]} of each",
                shape=images.shape,
            )
        factor = (_steps("Normalize", images) / self.std).astype(np.float32)
        normalized: np.ndarray = np.multiply(images, factor[:, None, None], dtype=np.float32)
        normalized += (-self.mean / self.std).astype(np.float32)[:, None, None]
        return normalized

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean.tolist()}, std={self.std.tolist()})"


class RandomBrightness:
    """Make each image lighter or darker, by a factor of its own.

    Args:
        strength: Factors lie between `1 - strength` and `1 + strength`.

    Raises:
        ArgumentError: `strength` is not between 0 and 1.

    Example:
        >>> images = RandomBrightness(0.5)(np.full((3, 1, 8, 8), 0.5), rng=0)
        >>> images[:, 0, 0, 0].round(2)
        array([0.57, 0.38, 0.27], dtype=float32)
    """

    random = True

    def __init__(self, strength: float = 0.2) -> None:
        self.strength = checks.fraction("RandomBrightness", "strength", strength)

    def __call__(self, images: Any, *, rng: Rng = None) -> np.ndarray:
        """Return float32 images of the same shape, between 0 and 1."""
        floats = ToFloat()(as_images("RandomBrightness", images))
        spread = random.generator(rng).uniform(-1, 1, (len(floats), 1, 1, 1))
        lit = floats * (1 + self.strength * spread).astype(np.float32)
        return np.clip(lit, 0, 1, out=lit)

    def __repr__(self) -> str:
        return f"RandomBrightness({self.strength})"


class RandomErasing:
    """Overwrite a square patch of some of the images, at a place of its own in each.

    Args:
        size: The patch's height and width; at the border it may hang over.
        p: The probability for an image to get one.
        value: What fills it.

    Raises:
        ArgumentError: `size` is not positive, or `p` not between 0 and 1.

    Source:
        DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout",
        2017: the patch's center is drawn uniformly from all pixels.

    Example:
        >>> RandomErasing(3, p=1)(np.ones((1, 1, 4, 4), np.uint8), rng=3)[0, 0]
        array([[0, 0, 1, 1],
               [0, 0, 1, 1],
               [1, 1, 1, 1],
               [1, 1, 1, 1]], dtype=uint8)
    """

    random = True

    def __init__(self, size: int | tuple[int, int] = 8, p: float = 0.5, value: float = 0) -> None:
        self.size = checks.pair("RandomErasing", "size", size, 1)
        self.p = checks.fraction("RandomErasing", "p", p)
        self.value = checks.number("RandomErasing", "value", value)

    def __call__(self, images: Any, *, rng: Rng = None) -> np.ndarray:
        """Return the images, of the same shape, some of them with a patch."""
        images = as_images("RandomErasing", images)
        batch, _, height, width = images.shape
        generator = random.generator(rng)
        chosen = generator.random((batch, 1)) < self.p
        rows = _covered(generator.integers(0, height, (batch, 1)), height, self.size[0])
        columns = _covered(generator.integers(0, width, (batch, 1)), width, self.size[1])
        patch = (chosen & rows)[:, None, :, None] & columns[:, None, None, :]
        return np.where(patch, as_pixel("RandomErasing", self.value, images), images)

    def __repr__(self) -> str:
        return f"RandomErasing({self.size}, p={self.p}, value={self.value:g})"


def _covered(center: np.ndarray, length: int, size: int) -> np.ndarray:
    """Mark what a patch about `center`, `(batch, 1)`, covers: `(batch, length)`."""
    first = center - size // 2
    place = np.arange(length)
    return (first <= place) & (place < first + size)


def _steps(operation: str, images: np.ndarray) -> np.float32:
    """Return the factor that brings pixels to [0, 1]: 1/255 for bytes, 1 for floats."""
    if images.dtype == np.uint8:
        return np.float32(1 / 255)
    if images.dtype.kind != "f":
        raise DTypeError(
            operation,
            expected="images of uint8 in 0..255, or of floats in 0..1",
            got=str(images.dtype),
            fix="convert them: images.astype(np.uint8)",
            dtype=images.dtype,
        )
    return np.float32(1)
