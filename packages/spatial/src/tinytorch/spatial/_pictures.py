"""Pictures of what a convolution sees: its feature maps and its filters (extra `plot`)."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch.spatial._convolution import Conv2d
from tinytorch.tensor import checks, display
from tinytorch.tensor.errors import DTypeError, IndexRangeError, ShapeError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH = 4.6  # inches: a phone shrinks a figure to its screen, and titles can still be read
_LETTERS = 8.5  # points of the titles


def plot_feature_maps(features: Any, image: int = 0, most: int = 32) -> "Figure":
    """Draw the channels of one image of a batch, each in its own gray scale and under its number.

    Args:
        features: (batch, channels, height, width), such as the result of a convolution.
        image: Which image of the batch.
        most: Draw that many channels at most.

    Returns:
        The matplotlib figure; `figure.savefig("maps.png")` keeps it, a notebook shows it.

    Raises:
        ShapeError: The features are no batch of images.
        IndexRangeError: The batch has no such image.
        MissingExtraError: matplotlib is not installed.
    """
    array = _values(features)
    if array.ndim != 4:
        raise ShapeError(
            "plot_feature_maps",
            expected="features (batch, channels, height, width)",
            got=f"features {array.shape}",
            fix="give the result of a convolution; features[None] makes a batch of one image",
            shape=array.shape,
        )
    if not -len(array) <= image < len(array):
        raise IndexRangeError(
            "plot_feature_maps",
            expected=f"an image from 0 to {len(array) - 1}",
            got=f"image={image}",
            fix="choose an image of the batch",
            image=image,
        )
    maps = array[image, :most]
    titles = [str(c) for c in range(len(maps))]
    return _draw("plot_feature_maps", list(maps), titles, {"cmap": "gray"})


def plot_filters(conv: Conv2d, most: int = 64) -> "Figure":
    """Draw the kernels of a convolution: in color if they read three channels, else the first.

    Args:
        conv: The convolution.
        most: Draw that many kernels at most.

    Returns:
        The matplotlib figure.

    Raises:
        DTypeError: `conv` is no Conv2d.
        MissingExtraError: matplotlib is not installed.
    """
    if not isinstance(conv, Conv2d):
        raise DTypeError(
            "plot_filters",
            expected="a Conv2d",
            got=type(conv).__name__,
            fix="give one layer, such as model.features[0]",
        )
    weight = _values(conv.weight)[:most]
    largest = float(np.abs(weight).max()) or 1.0
    titles = [str(k) for k in range(len(weight))]
    if weight.shape[1] == 3:
        colors = weight.transpose(0, 2, 3, 1) / (2 * largest) + 0.5
        return _draw("plot_filters", list(colors), titles, {})
    scale = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
    return _draw("plot_filters", list(weight[:, 0]), titles, scale)


def _draw(
    operation: str, pictures: list[np.ndarray], titles: list[str], options: dict[str, Any]
) -> "Figure":
    """Draw small pictures in a grid, about twice as wide as high, of at most eight columns."""
    columns = min(8, len(pictures), max(1, math.ceil(math.sqrt(2 * len(pictures)))))
    rows = math.ceil(len(pictures) / columns)
    with checks.extra(operation, "tinytorch-spatial[plot]"):
        from matplotlib.figure import Figure
    size = _WIDTH, (_WIDTH / columns + 0.2) * rows
    figure: Figure = display.shown(Figure(figsize=size, layout="constrained"))
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, picture, title in zip(grid, pictures, titles, strict=False):
        axes.imshow(picture, interpolation="nearest", **options)
        axes.set_title(title, fontsize=_LETTERS)
    return figure


def _values(x: Any) -> np.ndarray:
    """The array behind a Tensor, a Variable or something array-like."""
    data = getattr(x, "data", x)
    return data if isinstance(data, np.ndarray) else np.asarray(x)
