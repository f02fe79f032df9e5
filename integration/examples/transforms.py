"""Shows what each transform does to real photographs, two draws of each.

`python integration/examples/transforms.py` writes `docs/images/transforms.png`, or into the folder
given. Needs matplotlib. The photographs are those of the CIFAR-10 sample in this repository.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tinytorch.data import (
    CIFAR10,
    CenterCrop,
    Compose,
    Normalize,
    Pad,
    RandomBrightness,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomVerticalFlip,
    ToFloat,
)

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "integration" / "data" / "cifar10-sample"
CHOSEN = [1, 4, 8, 13, 18, 27]
TRANSFORMS = {
    "as they are": ToFloat(),
    "Pad(4)": Pad(4),
    "CenterCrop(24)": CenterCrop(24),
    "RandomCrop(32, padding=4)": RandomCrop(32, padding=4),
    "RandomHorizontalFlip()": RandomHorizontalFlip(),
    "RandomVerticalFlip()": RandomVerticalFlip(),
    "RandomErasing(12, p=0.8)": RandomErasing(12, p=0.8),
    "RandomBrightness(0.6)": RandomBrightness(0.6),
    "crop, flip, erase": Compose(
        [RandomCrop(32, padding=4), RandomHorizontalFlip(), RandomErasing(12)]
    ),
    "Normalize.of(CIFAR10),\nspread over black to white": Normalize.of(CIFAR10),
}


def draw_row(axes: Axes, name: str, images: np.ndarray) -> None:
    """Draw images `(batch, channels, height, width)` side by side, after their name."""
    low, high = (0, 1)
    if name.startswith("Normalize"):
        low, high = images.min(), images.max()
    shown = (images - low) / (high - low)
    framed = np.pad(shown, [(0, 0), (0, 0), (1, 1), (1, 1)], constant_values=1)
    axes.imshow(np.concatenate(list(framed.transpose(0, 2, 3, 1)), axis=1), interpolation="nearest")
    axes.set_axis_off()
    axes.text(
        -0.01, 0.5, name, transform=axes.transAxes, ha="right", va="center", family="monospace"
    )


def draw() -> Figure:
    """One row for each transform: the same photographs, each drawn twice."""
    images = np.repeat(CIFAR10(SAMPLE, download=False).images[CHOSEN], 2, axis=0)
    figure = Figure(figsize=(13, 10.5), layout="constrained", facecolor="white")
    rows = figure.subplots(len(TRANSFORMS), 1)
    for axes, (name, transform) in zip(rows, TRANSFORMS.items(), strict=True):
        if getattr(transform, "random", False):
            changed = transform(images, rng=1)
        else:
            changed = transform(images)
        draw_row(axes, name, ToFloat()(changed))
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "images")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    draw().savefig(folder / "transforms.png", dpi=80)
    print(f"wrote {folder / 'transforms.png'}")


if __name__ == "__main__":
    main()
