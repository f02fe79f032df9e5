"""Draws when batches are made and used, without and with workers: `python docs/figures/data.py`."""

import threading
import time

import numpy as np
from _style import BLUE, ORANGE, card, save

from tinytorch.data import DataLoader

BATCHES, MAKING, USING = 8, 0.04, 0.03


class Disk:
    """Batches that have to be waited for; notes who made them, and when."""

    def __init__(self):
        self.made = []

    def __len__(self):
        return BATCHES

    def __getitems__(self, indices):
        began = time.perf_counter()
        time.sleep(MAKING)
        self.made.append((threading.current_thread().name, began, time.perf_counter()))
        return (np.asarray(indices),)

    def __getitem__(self, index):
        return self.__getitems__([index])


def timeline(axes, workers):
    """Bars for each thread: batches being made, and batches being used."""
    disk, used = Disk(), []
    start = time.perf_counter()
    for _ in DataLoader(disk, batch_size=1, num_workers=workers):
        began = time.perf_counter()
        time.sleep(USING)
        used.append((began, time.perf_counter()))
    names = ["training", *(f"worker {number}" for number in range(1, workers + 1))]
    threads = sorted({name for name, _, _ in disk.made})
    for name, began, ended in disk.made:
        row = 1 + threads.index(name) if workers else 0
        axes.barh(row, ended - began, left=began - start, color=ORANGE, edgecolor="white")
    for began, ended in used:
        axes.barh(0, ended - began, left=began - start, color=BLUE, edgecolor="white")
    axes.set(
        yticks=range(len(names)), yticklabels=names, xlim=(0, 0.62), ylim=(len(names) - 0.4, -0.6)
    )
    axes.grid(visible=False, axis="y")
    axes.set_title(f"num_workers={workers}: {used[-1][1] - start:.2f} s")


def draw():
    """Three timelines over one another."""
    figure = card(3.4)
    rows = figure.subplots(3, 1, sharex=True, height_ratios=[1, 2, 3])
    for axes, workers in zip(rows, (0, 1, 2), strict=True):
        timeline(axes, workers)
    rows[-1].set_xlabel("seconds; orange: a batch is made, blue: it is used")
    save(figure, "data-workers")


if __name__ == "__main__":
    draw()
