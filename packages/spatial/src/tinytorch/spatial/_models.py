"""Two networks for small images: a plain stack to learn from, a residual one that learns fast."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinytorch.autograd import nn
from tinytorch.spatial._convolution import Conv2d
from tinytorch.spatial._normalization import BatchNorm2d
from tinytorch.spatial._pooling import MaxPool2d
from tinytorch.tensor import random
from tinytorch.tensor.errors import ArgumentError


class CNN(nn.Module):
    """Stages of convolution, batch normalization, ReLU and max-pooling, then one linear layer.

    It maps (batch, in_channels, image_size, image_size) to (batch, classes), one score for each
    class. Each stage halves the image and usually has twice the channels of the one before.

    Args:
        in_channels: Channels of the images: 3 if colored, 1 if gray.
        classes: How many numbers come out for each image.
        widths: Output channels of the stages.
        image_size: Height and width of the images.
        rng: Where the initial weights come from: a generator, a seed or None.

    Attributes:
        features: The stages, one after the other.
        classifier: Flatten and the linear layer.

    Raises:
        ArgumentError: The image is too small for so many stages.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> CNN()(zeros((2, 3, 32, 32))).shape
        (2, 10)
    """

    def __init__(
        self,
        in_channels: int = 3,
        classes: int = 10,
        widths: Sequence[int] = (32, 64, 128),
        image_size: int = 32,
        *,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        generator = random.generator(rng)
        left = image_size >> len(widths)
        if left < 1 or not widths:
            raise ArgumentError(
                "CNN",
                expected=f"1 to {image_size.bit_length() - 1} stages, each halving the image",
                got=f"widths={tuple(widths)}, image_size={image_size}",
                fix="use fewer widths or larger images",
                widths=tuple(widths),
                image_size=image_size,
            )
        stages: list[nn.Module] = []
        for before, width in zip((in_channels, *widths), widths, strict=False):
            stages += [*_convolve(before, width, generator), MaxPool2d(2)]
        self.features = nn.Sequential(*stages)
        head = nn.Linear(widths[-1] * left * left, classes, rng=generator)
        self.classifier = nn.Sequential(nn.Flatten(), head)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x))


class ResNet9(nn.Module):
    """Eight convolutions and one linear layer, with two shortcuts; learns in few epochs.

    It maps (batch, in_channels, 32, 32) to (batch, classes), one score for each class.

    Args:
        in_channels: As in `CNN`, like `classes` and `rng`.
        width: Output channels of the first convolution; later ones have up to 8 times as many.

    Attributes:
        features: Convolutions, residual blocks and poolings.
        classifier: Pooling to one pixel, Flatten and the linear layer, whose scores are scaled by
            1/8.

    Source:
        D. Page, How to Train Your ResNet, 2018.

    Example:
        >>> from tinytorch.tensor import zeros
        >>> ResNet9(width=8)(zeros((2, 3, 32, 32))).shape
        (2, 10)
    """

    def __init__(
        self,
        in_channels: int = 3,
        classes: int = 10,
        width: int = 64,
        *,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        generator = random.generator(rng)
        self.features = nn.Sequential(
            *_convolve(in_channels, width, generator),
            *_convolve(width, 2 * width, generator),
            MaxPool2d(2),
            _Residual(2 * width, rng=generator),
            *_convolve(2 * width, 4 * width, generator),
            MaxPool2d(2),
            *_convolve(4 * width, 8 * width, generator),
            MaxPool2d(2),
            _Residual(8 * width, rng=generator),
        )
        head = nn.Linear(8 * width, classes, bias=False, rng=generator)
        self.classifier = nn.Sequential(MaxPool2d(4), nn.Flatten(), head)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x)) * 0.125


class _Residual(nn.Module):
    """What two convolutions make of an image, added to the image itself.

    Source:
        K. He et al., Deep Residual Learning for Image Recognition, 2015.
    """

    def __init__(self, channels: int, *, rng: np.random.Generator | int | None = None) -> None:
        generator = random.generator(rng)
        self.branch = nn.Sequential(
            *_convolve(channels, channels, generator), *_convolve(channels, channels, generator)
        )

    def forward(self, x: Any) -> Any:
        return x + self.branch(x)


def _convolve(before: int, after: int, rng: np.random.Generator) -> list[nn.Module]:
    """A 3 x 3 convolution that keeps the image size, batch normalization, ReLU."""
    convolution = Conv2d(before, after, 3, padding=1, bias=False, rng=rng)
    return [convolution, BatchNorm2d(after), nn.ReLU()]
