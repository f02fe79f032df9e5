"""Transforms that move pixels and keep their values: padding, crops and flips."""

from typing import Any, Literal, get_args

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinytorch.data.transforms._transform import Rng, as_images, as_pixel
from tinytorch.tensor import checks, random
from tinytorch.tensor.errors import ArgumentError, ShapeError

Size = int | tuple[int, int]
PaddingMode = Literal["constant", "edge", "reflect", "symmetric"]


class Pad:
    """Surround each image with a frame.

    Args:
        padding: The frame's width in pixels, or (above and below, left and right).
        value: What fills it.

    Raises:
        ArgumentError: `padding` is negative.

    Example:
        >>> Pad(1, value=9)(np.zeros((1, 1, 1, 2), np.uint8))[0, 0]
        array([[9, 9, 9, 9],
               [9, 0, 0, 9],
               [9, 9, 9, 9]], dtype=uint8)
    """

    def __init__(self, padding: Size, value: float = 0) -> None:
        self.padding = checks.pair("Pad", "padding", padding, 0)
        self.value = checks.number("Pad", "value", value)

    def __call__(self, images: Any) -> np.ndarray:
        """Return the framed images, `(batch, channels, height + 2 p, width + 2 p)`."""
        images = as_images("Pad", images)
        return _padded(images, self.padding, as_pixel("Pad", self.value, images))

    def __repr__(self) -> str:
        return f"Pad({self.padding}, value={self.value:g})"


class CenterCrop:
    """Cut the middle out of each image.

    Args:
        size: The result's height and width.

    Raises:
        ArgumentError: `size` is not positive.

    Example:
        >>> CenterCrop(2)(np.arange(16).reshape(1, 1, 4, 4))[0, 0]
        array([[ 5,  6],
               [ 9, 10]])
    """

    def __init__(self, size: Size) -> None:
        self.size = checks.pair("CenterCrop", "size", size, 1)

    def __call__(self, images: Any) -> np.ndarray:
        """Return the middles, `(batch, channels, *size)`."""
        images = as_images("CenterCrop", images)
        rows, columns = _room("CenterCrop", images, self.size)
        top, left = rows // 2, columns // 2
        middles: np.ndarray = images[:, :, top : top + self.size[0], left : left + self.size[1]]
        return middles

    def __repr__(self) -> str:
        return f"CenterCrop({self.size})"


class RandomCrop:
    """Cut a window out of each image, at a place of its own.

    Args:
        size: The window's height and width.
        padding: Pixels put around the images first, as (above and below, left and right).
        padding_mode: What those are: "constant" for zeros, "edge" for the outermost pixels,
            "reflect" or "symmetric" for the image mirrored without or with its outermost pixels.

    Raises:
        ArgumentError: `size` is not positive, `padding` negative or `padding_mode` unknown.

    Source:
        He et al., "Deep Residual Learning for Image Recognition", 2015, section 4.2 (for CIFAR-10:
        32 x 32 windows of images padded by 4).

    Example:
        >>> RandomCrop(2)(np.arange(9).reshape(1, 1, 3, 3), rng=0)[0, 0]
        array([[4, 5],
               [7, 8]])
    """

    random = True

    def __init__(
        self, size: Size, padding: Size = 0, padding_mode: PaddingMode = "constant"
    ) -> None:
        self.size = checks.pair("RandomCrop", "size", size, 1)
        self.padding = checks.pair("RandomCrop", "padding", padding, 0)
        modes = get_args(PaddingMode)
        self.padding_mode = checks.choice("RandomCrop", "padding_mode", padding_mode, modes)

    def __call__(self, images: Any, *, rng: Rng = None) -> np.ndarray:
        """Return the windows, `(batch, channels, *size)`."""
        images = as_images("RandomCrop", images)
        if any(self.padding):
            images = self._framed(images)
        rows, columns = _room("RandomCrop", images, self.size)
        generator = random.generator(rng)
        top = generator.integers(0, rows, len(images), endpoint=True)
        left = generator.integers(0, columns, len(images), endpoint=True)
        windows = sliding_window_view(images, self.size, (2, 3))
        return np.asarray(windows[np.arange(len(images)), :, top, left])

    def __repr__(self) -> str:
        mode = "" if self.padding_mode == "constant" else f", padding_mode={self.padding_mode!r}"
        return f"RandomCrop({self.size}, padding={self.padding}{mode})"

    def _framed(self, images: np.ndarray) -> np.ndarray:
        """Surround images `(batch, channels, height, width)` with the padding."""
        if self.padding_mode == "constant":
            return _padded(images, self.padding, 0)
        down, right = self.padding
        widths = ((0, 0), (0, 0), (down, down), (right, right))
        return np.pad(images, widths, self.padding_mode)


class _RandomFlip:
    """Mirrors some of the images; which way, a subclass tells by `mirrored`."""

    random = True

    def __init__(self, p: float = 0.5) -> None:
        self.p = checks.fraction(type(self).__name__, "p", p)

    def mirrored(self, images: np.ndarray) -> np.ndarray:
        """Return the images `(batch, channels, height, width)` mirrored."""
        raise NotImplementedError  # pragma: no cover

    def __call__(self, images: Any, *, rng: Rng = None) -> np.ndarray:
        """Return the images, of the same shape, some of them mirrored."""
        images = as_images(type(self).__name__, images)
        chosen = random.generator(rng).random(len(images)) < self.p
        flipped: np.ndarray = images.copy()
        flipped[chosen] = self.mirrored(images[chosen])
        return flipped

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(_RandomFlip):
    """Mirror left and right in some of the images.

    Args:
        p: The probability for an image to be mirrored.

    Raises:
        ArgumentError: `p` is not between 0 and 1.

    Example:
        >>> RandomHorizontalFlip(p=1)(np.arange(4).reshape(1, 1, 2, 2))[0, 0]
        array([[1, 0],
               [3, 2]])
    """

    def mirrored(self, images: np.ndarray) -> np.ndarray:
        """Reverse each row."""
        return _left_for_right(images)


class AlternatingFlip:
    """Mirror left and right in about half of the images, and in the next epoch in the others.

    Which images begin is drawn from `seed`. So two epochs in turn show each image both ways,
    where a coin for each would show a quarter of them twice the same. For `DataLoader(transform=)`,
    which tells the epoch and which items the images are.

    Args:
        seed: Decides which images are mirrored in the first epoch.

    Raises:
        ArgumentError: `seed` is no whole number of at least 0, or, on use, nobody tells `indices`.

    Source:
        K. Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024, section 3.6.

    Example:
        >>> flip, images = AlternatingFlip(), np.arange(2).reshape(1, 1, 1, 2)
        >>> [flip(images, epoch=epoch, indices=[7]).ravel().tolist() for epoch in (0, 1, 2)]
        [[1, 0], [0, 1], [1, 0]]
    """

    placed = True

    def __init__(self, seed: int = 0) -> None:
        self.seed = checks.whole("AlternatingFlip", "seed", seed, 0)

    def __call__(self, images: Any, *, epoch: int = 0, indices: Any = None) -> np.ndarray:
        """Return the images, of the same shape, some of them mirrored."""
        images = as_images("AlternatingFlip", images)
        if indices is None or len(indices) != len(images):
            raise ArgumentError(
                "AlternatingFlip",
                expected=f"indices: which items the {len(images)} images are",
                got="none" if indices is None else f"{len(indices)}",
                fix="give it to DataLoader(transform=...), not to the data set",
            )
        chosen = (_coins(np.asarray(indices), self.seed) + epoch) % 2 == 1
        flipped: np.ndarray = images.copy()
        flipped[chosen] = _left_for_right(images[chosen])
        return flipped

    def __repr__(self) -> str:
        return f"AlternatingFlip(seed={self.seed})"


class RandomVerticalFlip(_RandomFlip):
    """Mirror top and bottom in some of the images.

    Args and errors as in `RandomHorizontalFlip`.

    Example:
        >>> RandomVerticalFlip(p=1)(np.arange(4).reshape(1, 1, 2, 2))[0, 0]
        array([[2, 3],
               [0, 1]])
    """

    def mirrored(self, images: np.ndarray) -> np.ndarray:
        """Reverse the order of the rows."""
        return images[:, :, ::-1]


def _left_for_right(images: np.ndarray) -> np.ndarray:
    """Reverse each row; rows of bytes go eight at a time, which takes half as long."""
    if images.dtype == np.uint8 and images.shape[-1] % 8 == 0:
        eights = np.ascontiguousarray(images).view(np.uint64)
        return eights[..., ::-1].byteswap().view(np.uint8)
    return images[..., ::-1]


def _coins(indices: np.ndarray, seed: int) -> np.ndarray:
    """Return 0 or 1 for each index, the same for the same index and seed.

    Source:
        G. Steele and others, Fast Splittable Pseudorandom Number Generators, 2014 (its mix64).
    """
    x = indices.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return ((x ^ (x >> np.uint64(31))) & np.uint64(1)).astype(np.int64)


def _padded(images: np.ndarray, padding: tuple[int, int], value: Any) -> np.ndarray:
    """Surround images `(batch, channels, height, width)` with a frame of `value`."""
    batch, channels, height, width = images.shape
    down, right = padding
    shape = (batch, channels, height + 2 * down, width + 2 * right)
    padded = np.full(shape, value, images.dtype) if value else np.zeros(shape, images.dtype)
    padded[:, :, down : down + height, right : right + width] = images
    return padded


def _room(operation: str, images: np.ndarray, size: tuple[int, int]) -> tuple[int, int]:
    """Return how many rows and columns `images` have beyond `size`."""
    rows, columns = images.shape[2] - size[0], images.shape[3] - size[1]
    if rows < 0 or columns < 0:
        raise ShapeError(
            operation,
            expected=f"images of at least {size[0]} x {size[1]}, padding included",
            got=f"{images.shape[2]} x {images.shape[3]}",
            fix="choose a smaller size, or pad",
            shape=images.shape,
        )
    return rows, columns
