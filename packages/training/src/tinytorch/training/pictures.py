"""Pictures of what a model gets wrong: the confusion matrix, and the worst mistakes."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch.tensor import checks, display
from tinytorch.tensor.errors import ShapeError
from tinytorch.training.files.atomic import PathLike, file_errors
from tinytorch.training.metrics.labels import predicted_classes, scores_and_labels, scores_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["drawn", "new_figure", "plot_confusion", "plot_mistakes"]

_WIDTH = 4.6  # inches: a phone shrinks a picture to its screen, and letters can still be read
_LETTERS = 8.5  # points of the smallest of them


def plot_confusion(
    matrix: Any, classes: Sequence[str] | None = None, path: PathLike | None = None
) -> "Figure":
    """Draw a confusion matrix: colors are shares of the true class, numbers are counts.

    Args:
        matrix: Counts `(classes, classes)`: rows are true, columns predicted.
        classes: The classes' names; numbers if left out.
        path: A file to write, if any.

    Returns:
        The matplotlib figure.

    Raises:
        ShapeError: The matrix is not square.
        MissingExtraError: matplotlib is not installed.
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ShapeError(
            "plot_confusion",
            expected="counts (classes, classes)",
            got=f"shape {counts.shape}",
            fix="use ConfusionMatrix(classes) as a metric, and what evaluate gives",
        )
    names = list(classes) if classes is not None else [str(i) for i in range(len(counts))]
    size = max(_WIDTH, 0.34 * len(names) + 1.2)
    figure = new_figure("plot_confusion", size, size)
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.grid(visible=False)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if shares[row, column] > 0.5 else "black"
            text = axes.text(column, row, str(count), ha="center", va="center", color=color)
            text.set_fontsize(_LETTERS)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=_LETTERS)
    axes.set_yticks(range(len(names)), names, fontsize=_LETTERS)
    share = np.trace(counts) / max(int(counts.sum()), 1)
    axes.set(xlabel="predicted", ylabel="true", title=f"{share:.1%} of {counts.sum():,} right")
    return drawn("plot_confusion", figure, path)


def plot_mistakes(
    images: Any,
    labels: Any,
    scores: Any,
    classes: Sequence[str] | None = None,
    count: int = 24,
    path: PathLike | None = None,
) -> "Figure":
    """Draw the images that the model gets wrong with the greatest confidence, the worst first.

    Args:
        images: `(batch, channels, height, width)` with 1 or 3 channels; each is stretched to the
            full range of brightness, so normalized images look right, too.
        labels: The true classes, integers `(batch,)`; -100 where there is none.
        scores: The model's outputs, logits `(batch, classes)`.
        classes: The classes' names; numbers if left out.
        count: How many at most.
        path: A file to write, if any.

    Returns:
        The matplotlib figure; each image has its true class, and what the model said and how sure
        it was.

    Raises:
        ShapeError: The three do not fit together.
        IndexRangeError: A label is no class.
        MissingExtraError: matplotlib is not installed.
    """
    pixels = np.asarray(images)
    logits, truth, counted = scores_and_labels("plot_mistakes", scores, labels, -100)
    if not (pixels.ndim == 4 and pixels.shape[1] in {1, 3} and pixels.shape[:1] == truth.shape):
        raise ShapeError(
            "plot_mistakes",
            expected="images (batch, 1 or 3, height, width), labels (batch,), "
            "scores (batch, classes)",
            got=f"images {pixels.shape}, labels {truth.shape}, scores {logits.shape}",
            fix="give all three for the same examples",
        )
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    said = predicted_classes(logits, truth)
    sure = scores_of(shares, said)
    wrong = np.flatnonzero((said != truth) & counted)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:count]
    columns = min(4, max(len(worst), 1))
    rows = math.ceil(max(len(worst), 1) / columns)
    figure = new_figure("plot_mistakes", 1.7 * rows + 0.3, _WIDTH / 4 * columns)
    names = classes if classes is not None else [str(i) for i in range(logits.shape[1])]
    for place, axes in enumerate(figure.subplots(rows, columns, squeeze=False).ravel()):
        axes.axis("off")
        if place < len(worst):
            i = worst[place]
            image = pixels[i].transpose(1, 2, 0)
            low, high = image.min(), image.max()
            axes.imshow(((image - low) / max(high - low, 1e-12)).squeeze(), cmap="gray")
            text = f"{names[truth[i]]}\nnot {names[said[i]]}\n({sure[i]:.0%})"
            axes.set_title(text, fontsize=_LETTERS)
    figure.suptitle(
        f"{len(wrong):,} mistakes in {np.count_nonzero(counted):,}; the surest ones", fontsize=10
    )
    return drawn("plot_mistakes", figure, path)


def new_figure(operation: str, height: float, width: float = _WIDTH) -> "Figure":
    """Return an empty matplotlib figure, in inches, that a notebook shows.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with checks.extra(operation, "tinytorch-training[plot]"):
        from matplotlib.figure import Figure
    return display.shown(Figure(figsize=(width, height), dpi=120, layout="constrained"))


def drawn(operation: str, figure: "Figure", path: PathLike | None) -> "Figure":
    """Return a figure that is done, and write it if there is a path.

    Raises:
        FileError: It cannot be written.
    """
    if path is not None:
        with file_errors(operation, Path(path)):
            figure.savefig(path)
    return figure
