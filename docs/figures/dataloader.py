"""Measures how many images a second come from a disk, and draws it over the number of workers.

    python docs/figures/dataloader.py                  # on 400 photographs that it writes
    python docs/figures/dataloader.py FOLDER SIZE      # on yours: FOLDER/CLASS/*.jpg, SIZE pixels

What the system keeps of the files in memory is dropped before each cold round, where it can be
(Linux); a warm round reads them from memory. The rounds take turns, and medians count.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _style import BLUE, IMAGES, ORANGE, card, save
from PIL import Image

from tinytorch.data import CIFAR10, DataLoader, ImageFolder

SAMPLE = IMAGES.parents[1] / "integration/data/cifar10-sample"
COUNT, WORKERS, ROUNDS = 400, (0, 1, 2, 4, 8), 3


def write_photographs(folder):
    """Write images of the sample, enlarged to 500 x 375, with the grain of a camera, as JPEG."""
    rng = np.random.default_rng(0)
    sample = CIFAR10(SAMPLE, download=False)
    for index in range(COUNT):
        small = Image.fromarray(sample.images[index].transpose(1, 2, 0))
        large = np.asarray(small.resize((500, 375), Image.Resampling.BICUBIC), dtype=np.float64)
        grainy = np.clip(large + rng.normal(0, 8, large.shape), 0, 255).astype(np.uint8)
        place = folder / sample.classes[sample.labels[index]]
        place.mkdir(exist_ok=True)
        with (place / f"{index}.jpg").open("wb") as file:
            Image.fromarray(grainy).save(file, "JPEG", quality=90)
            os.fsync(file.fileno())


def forget(files):
    """Let the system drop what it keeps of the files in memory."""
    for path in files:
        with Path(path).open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def rate(images, workers):
    """Images a second of one pass."""
    began = time.perf_counter()
    for _ in DataLoader(images, batch_size=32, num_workers=workers):
        pass
    return len(images) / (time.perf_counter() - began)


def measure(folder, size):
    """The median rates, cold and warm, for each number of workers."""
    images = ImageFolder(folder, size=(size, size))
    megabytes = sum(Path(path).stat().st_size for path in images.files) / 1e6
    print(f"{len(images)} images, {megabytes:.0f} MB, brought to {size} x {size}")
    began = time.process_time()
    rate(images, 0)
    each = (time.process_time() - began) / len(images)
    print(
        f"reading and decoding takes {1e3 * each:.1f} ms of a core, {1 / each:.0f} images/s at most"
    )
    rates = {}
    for _ in range(ROUNDS):
        for workers in WORKERS:
            for state in ("cold", "warm"):
                if state == "cold" and hasattr(os, "posix_fadvise"):
                    forget(images.files)
                rates.setdefault(state, {}).setdefault(workers, []).append(rate(images, workers))
    for state, found in rates.items():
        for workers, several in found.items():
            print(f"{state}, {workers} workers: {statistics.median(several):6.0f} images/s")
    return {
        state: [statistics.median(found[workers]) for workers in WORKERS]
        for state, found in rates.items()
    }


def draw(rates):
    """Lines over the number of workers."""
    figure = card(2.8)
    axes = figure.subplots()
    for (state, found), color in zip(rates.items(), (BLUE, ORANGE), strict=True):
        axes.plot(range(len(WORKERS)), found, "o-", color=color, label=f"{state} files")
    axes.set_xticks(range(len(WORKERS)), map(str, WORKERS))
    axes.set(ylim=(0, None), xlabel="num_workers, on two cores", title="images a second")
    axes.legend(loc="lower right")
    save(figure, "dataloader-disk")


if __name__ == "__main__":
    if sys.argv[1:]:
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory(dir=Path.home()) as made:
            write_photographs(Path(made))
            draw(measure(made, 64))
