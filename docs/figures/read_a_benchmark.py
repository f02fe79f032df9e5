"""Draws the figure of the guide to benchmarks: `python docs/figures/read_a_benchmark.py`.

It times 600 training steps of a small network, one by one, while another process computes during
the second half.
"""

import multiprocessing
import statistics
import time

import numpy as np
from _style import BLUE, GREEN, MUTED, ORANGE, RED, SMALL, card, save

from tinytorch.optim import SGD
from tinytorch.spatial import CNN
from tinytorch.tensor import kernels, random, tensor
from tinytorch.tensor.functional import cross_entropy

STEPS = 300


def steps(count):
    """Milliseconds of so many training steps."""
    model = CNN(widths=(16, 32), rng=0)
    optimizer = SGD(model.parameters(), lr=0.01)
    images, labels = random.normal((32, 3, 32, 32), rng=0), tensor(np.arange(32) % 10)
    took = []
    for _ in range(count + 20):
        begin = time.perf_counter()
        optimizer.step(cross_entropy(model(images), labels).backward())
        took.append(1e3 * (time.perf_counter() - begin))
    return took[20:]


def disturb(until):
    """Keep cores busy."""
    a = np.ones((1500, 1500), np.float32)
    while not until.is_set():
        a @ a


def measure():
    """Milliseconds of the steps alone, and of those beside another program."""
    kernels.use("reference")
    context = multiprocessing.get_context("spawn")
    quiet, until = steps(STEPS), context.Event()
    other = context.Process(target=disturb, args=(until,))
    other.start()
    time.sleep(2)
    busy = steps(STEPS)
    until.set()
    other.join()
    return quiet, busy


def draw(quiet, busy):
    """Times one after the other, and how often each came."""
    figure = card(4.4)
    line, spread = figure.subplots(2, 1, height_ratios=(3, 2))
    line.plot(quiet + busy, ".", color=MUTED, markersize=2.5)
    line.axvline(STEPS, color=RED, linewidth=1)
    top = float(np.percentile(busy, 97))
    line.set(ylim=(0, top), xlabel="step", ylabel="ms", title="one step after the other")
    line.text(STEPS + 8, 1.03 * top, "another program starts", color=RED, fontsize=SMALL)
    bins = np.linspace(0, top, 50)
    spread.hist(quiet, bins, color=BLUE, alpha=0.8, label="alone")
    spread.hist(busy, bins, color=ORANGE, alpha=0.8, label="with the other")
    for times in (quiet, busy):
        spread.axvline(statistics.median(times), color=GREEN, linewidth=1.5)
    spread.set(xlabel="ms", title="how often; medians in green")
    spread.legend(fontsize=SMALL)
    save(figure, "read-a-benchmark-noise")


def tell(quiet, busy):
    """Print them as a table."""
    for name, times in (("alone", quiet), ("with the other", busy)):
        print(
            f"| {name} | {min(times):.1f} | {statistics.median(times):.1f} "
            f"| {statistics.mean(times):.1f} | {max(times):.1f} |"
        )


if __name__ == "__main__":
    times = measure()
    draw(*times)
    tell(*times)
