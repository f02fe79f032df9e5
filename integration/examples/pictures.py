"""What a trained classifier says of test images, and pictures that matplotlib draws."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tinytorch.spatial import Conv2d, plot_filters
from tinytorch.training import ConfusionMatrix, plot_confusion, plot_mistakes

OUT = Path(__file__).resolve().parents[1] / "out"
WIDTH = 4.6  # inches: a phone shrinks a figure to its screen, and letters can still be read
LETTERS = 8.5  # points of the smallest of them


def scores(trainer, loader):
    """The images of a loader, their labels `(images,)`, the scores `(images, classes)` they get."""
    pairs = list(loader)
    images, labels = (np.concatenate([np.asarray(pair[i]) for pair in pairs]) for i in (0, 1))
    return images, labels, trainer.predict(pairs).numpy()


def draw(trainer, images, labels, scored, classes, folder):
    """Draw curves, confusion matrix, worst mistakes, and the filters of a first convolution."""
    if find_spec("matplotlib") is None:
        print('no pictures: pip install "tinytorch-training[plot]"')
        return
    folder.mkdir(parents=True, exist_ok=True)
    trainer.history.plot(folder / "curves.png")
    matrix = ConfusionMatrix(len(classes))
    matrix.update(scored, labels)
    plot_confusion(matrix.compute(), classes, folder / "confusion.png")
    plot_mistakes(images, labels, scored, classes, path=folder / "mistakes.png")
    first = next((part for part in trainer.model.modules() if isinstance(part, Conv2d)), None)
    if first is not None:
        plot_filters(first).savefig(folder / "filters.png")
    names = ", ".join(sorted(path.name for path in folder.glob("*.png")))
    print(f"drawn in {folder.parent.name}/{folder.name}: {names}")


def panels(rows, columns, height):
    """A figure, so many inches high, and its axes `(rows, columns)`."""
    from matplotlib.figure import Figure  # an extra of the layers

    figure = Figure(figsize=(WIDTH, height), dpi=120, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def show_image(axes, image, title="", **options):
    """Draw an image, `(height, width)` or `(height, width, 3)`, without a frame."""
    axes.imshow(image, **{"cmap": "gray", **options})
    axes.set_title(title, fontsize=LETTERS, loc="left")
    axes.axis("off")


def keep(figure, name):
    """Write a figure into integration/out/NAME.png."""
    OUT.mkdir(exist_ok=True)
    figure.savefig(OUT / f"{name}.png")
    print(f"drawn in {OUT.name}/{name}.png")
