"""Draws what each transform does to real photographs, two draws of each.

    python docs/figures/transforms.py

The photographs are those of the CIFAR-10 sample in this repository.
"""

import numpy as np
from _style import IMAGES, SMALL, card, save

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

SAMPLE = IMAGES.parents[1] / "integration" / "data" / "cifar10-sample"
CHOSEN = [1, 8, 13, 27]
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
    "Normalize.of(CIFAR10), spread over black to white": Normalize.of(CIFAR10),
}


def draw_row(axes, name, images):
    """Draw images `(batch, channels, height, width)` side by side, under their name."""
    low, high = (0, 1)
    if name.startswith("Normalize"):
        low, high = images.min(), images.max()
    shown = (images - low) / (high - low)
    framed = np.pad(shown, [(0, 0), (0, 0), (1, 1), (1, 1)], constant_values=1)
    axes.imshow(np.concatenate(list(framed.transpose(0, 2, 3, 1)), axis=1), interpolation="none")
    axes.set_axis_off()
    axes.set_title(name, family="monospace", fontsize=SMALL)


def main():
    """One row for each transform: the same photographs, each drawn twice."""
    images = np.repeat(CIFAR10(SAMPLE, download=False).images[CHOSEN], 2, axis=0)
    figure = card(7.6)
    rows = figure.subplots(len(TRANSFORMS), 1)
    for axes, (name, transform) in zip(rows, TRANSFORMS.items(), strict=True):
        if getattr(transform, "random", False):
            changed = transform(images, rng=1)
        else:
            changed = transform(images)
        draw_row(axes, name, ToFloat()(changed))
    save(figure, "transforms")


if __name__ == "__main__":
    main()
