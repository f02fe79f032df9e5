"""Times training on one and two ranks of one thread each: `nox -s bench -- mpi`.

Prints Markdown tables: strong scaling (the batch of the world stays) and weak scaling (that of a
rank stays), what share of a step the ranks talk and how much they say; then a model on paper of
the time of a step on up to 1,024 ranks, from the latency and bandwidth measured here and from
those of two typical clusters, drawn into the file that `--plot` names.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tinytorch.data import DataLoader, TensorDataset
from tinytorch.optim import SGD
from tinytorch.spatial import CNN, ResNet9
from tinytorch.training import Trainer
from tinytorch.training.distributed import World

NETWORKS = {"CNN": (CNN, 256, 12), "ResNet9": (lambda rng: ResNet9(width=32, rng=rng), 128, 3)}
"""How each is made, the batch of its world, and the steps of an epoch."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
CLUSTERS = {"10 Gb/s Ethernet": (30e-6, 1.1e9), "100 Gb/s InfiniBand": (2e-6, 11e9)}
"""Seconds for a message to arrive, and bytes per second, of what clusters are built with."""
RANKS = [2**i for i in range(11)]
SMALL_SUMS = 2
"""In each step: how much the parts weigh, and whether anyone has been told to end."""


class Timed:
    """Measures what a world's sums cost: seconds, waiting and packing included, and bytes."""

    def __init__(self, world):
        self.seconds = self.bytes = 0
        self._sum = world.sum_into
        if world.size > 1:
            world.sum_into = self

    def __call__(self, arrays):
        began = time.perf_counter()
        self._sum(map(self._counted, arrays))
        self.seconds += time.perf_counter() - began

    def _counted(self, array):
        self.bytes += array.nbytes
        return array


def train(world, network, batch, epochs):
    """Seconds per step of the fastest epoch after the first, seconds of talk, and bytes of it."""
    make, _, steps = NETWORKS[network]
    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch * steps, 3, 32, 32)).astype(np.float32)
    data = TensorDataset(images, rng.integers(0, 10, len(images)))
    loader = DataLoader(data, batch, rng=0, shard=(world.rank, world.size))
    trainer = Trainer(
        make(rng=0), SGD(lr=0.01, momentum=0.9), loader, metrics=(), progress=False, world=world
    )
    trainer.fit(1)
    timed = Timed(world)
    trainer.fit(1 + epochs)
    count = steps * epochs
    return {
        "step": min(trainer.history.seconds[1:]) / steps,
        "talk": timed.seconds / count,
        "bytes": timed.bytes / count,
    }


def messages(world):
    """Seconds of the smallest sum, and bytes per second of one of 4 MiB."""
    times = {}
    for length, count in ((1, 2000), (1 << 20, 60)):
        array = np.zeros(length, np.float32)
        found = []
        for _ in range(count):
            world.barrier()
            began = time.perf_counter()
            world.sum_into([array])
            found.append(time.perf_counter() - began)
        times[length] = statistics.median(found)
    return {"latency": times[1], "bandwidth": (4 << 20) / times[1 << 20]}


def work(settings):
    """Be a rank: do what the settings say; rank 0 prints the result."""
    world = World()
    if settings.pop("mpi"):
        from tinytorch.training import distributed

        world = distributed.mpi()
    result = messages(world) if settings.pop("messages", False) else train(world, **settings)
    if world.rank == 0:
        sys.stdout.write(json.dumps(result) + "\n")


def run(ranks, **settings):
    """Start ranks of one thread each, without MPI for 0 of them; return what rank 0 prints."""
    python = [sys.executable]
    if ranks:
        beside = Path(sys.executable).with_name("mpiexec")
        mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
        python = [mpiexec, "-n", str(ranks), sys.executable, "-m", "mpi4py"]
    text = json.dumps({"mpi": bool(ranks), **settings})
    done = subprocess.run(
        [*python, __file__, "--work", text],
        env={**os.environ, **dict.fromkeys(THREADS, "1")},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def measured(network, epochs, rounds):
    """The median of each way to train a network, all taking turns."""
    _, batch, _ = NETWORKS[network]
    ways = {
        "without MPI": (0, batch),
        "1 rank": (1, batch),
        "2 ranks, strong": (2, batch),
        "2 ranks, weak": (2, 2 * batch),
        "1 rank, half the batch": (1, batch // 2),
    }
    found = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (ranks, size) in ways.items():
            found[name].append(run(ranks, network=network, batch=size, epochs=epochs))
    return {
        name: {"batch": ways[name][1]}
        | {key: statistics.median(result[key] for result in results) for key in results[0]}
        for name, results in found.items()
    }


def table(network, figures):
    """Print how a network scales."""
    alone = figures["1 rank"]
    print(f"\n| {network} | speed | batch | ms per step | talk | KB per step |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, way in figures.items():
        speed = (way["batch"] / way["step"]) / (alone["batch"] / alone["step"])
        print(
            f"| {name} | {speed:.2f} | {way['batch']} | {way['step'] * 1e3:.1f} "
            f"| {way['talk'] / way['step']:.1%} | {way['bytes'] / 1e3:.0f} |"
        )
    overhead = alone["step"] / figures["without MPI"]["step"] - 1
    print(f"\nOne rank under MPI takes {overhead:+.1%} of the time without.")


def talk(ranks, size, latency, bandwidth):
    """Seconds of a step's sums: halving and doubling, which sends each byte twice at most."""
    if ranks == 1:
        return 0.0
    rounds = math.ceil(math.log2(ranks))
    small = SMALL_SUMS * rounds * latency
    return small + 2 * rounds * latency + 2 * (ranks - 1) / ranks * size / bandwidth


def model(network, figures, links):
    """Print the time of a step by the model; return the curves for the picture.

    Computing takes `fixed + each * examples`, as two batch sizes of one rank tell.
    """
    batch, half = figures["1 rank"], figures["1 rank, half the batch"]
    each = max(batch["step"] - half["step"], 1e-9) / (batch["batch"] - half["batch"])
    fixed = max(batch["step"] - each * batch["batch"], 0.0)
    size = figures["2 ranks, strong"]["bytes"]
    print(
        f"\n| {network} by the model, ms per step | ranks "
        + "".join(f"| {link}, strong | {link}, weak " for link in links)
        + "|"
    )
    print("| --- | ---: " + "| ---: " * 2 * len(links) + "|")
    curves = {}
    for ranks in RANKS:
        cells = []
        for link, (latency, bandwidth) in links.items():
            said = talk(ranks, size, latency, bandwidth)
            strong = fixed + each * max(batch["batch"] / ranks, 1) + said
            weak = fixed + each * batch["batch"] + said
            cells += [f"{strong * 1e3:.2f}", f"{weak * 1e3:.2f}"]
            curves.setdefault((link, "strong"), []).append(batch["step"] / strong)
            curves.setdefault((link, "weak"), []).append(ranks * batch["step"] / weak)
        print(f"|  | {ranks} | " + " | ".join(cells) + " |")
    for link, (latency, bandwidth) in links.items():
        bend = next(
            (p for p in RANKS[1:] if talk(p, size, latency, bandwidth) > each * batch["batch"] / p),
            None,
        )
        where = f"from {bend} ranks on" if bend else f"nowhere up to {RANKS[-1]} ranks"
        print(f"\nWith {link} {network} talks longer than it computes {where} (strong).")
    return curves


def draw(curves, path):
    """Draw the speed over the ranks: one panel for each network, as wide as a phone shows well."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update({"font.size": 9, "legend.fontsize": 8.5, "svg.hashsalt": "mpi"})
    figure = Figure(figsize=(4.6, 2.6 * len(curves) + 0.8), layout="constrained", facecolor="white")
    for axes, (network, lines) in zip(figure.subplots(len(curves)), curves.items(), strict=True):
        axes.plot(RANKS, RANKS, color="black", linestyle=":", label="ideal")
        colors = {}
        for (link, kind), speeds in lines.items():
            color = colors.setdefault(link, f"C{len(colors)}")
            style = "-" if kind == "weak" else "--"
            axes.plot(RANKS, speeds, style, color=color, label=f"{link}, {kind}")
        axes.set(xscale="log", yscale="log", xlabel="ranks")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,.0f}")
        axes.set_title(f"{network}: speed, 1 rank = 1", fontsize=9.5, loc="left")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", default="integration/out/mpi-model.svg")
    parser.add_argument("--work", type=json.loads, help=argparse.SUPPRESS)
    settings = parser.parse_args()
    if settings.work is not None:
        work(settings.work)
        return
    here = run(2, messages=True)
    print(
        f"Two ranks of this machine: {here['latency'] * 1e6:.1f} µs for the smallest sum, "
        f"{here['bandwidth'] / 1e9:.2f} GB/s for one of 4 MiB."
    )
    links = {"this machine": (here["latency"], here["bandwidth"]), **CLUSTERS}
    curves = {}
    for network in NETWORKS:
        figures = measured(network, settings.epochs, settings.rounds)
        table(network, figures)
        curves[network] = model(network, figures, links)
    Path(settings.plot).parent.mkdir(parents=True, exist_ok=True)
    draw(curves, settings.plot)


if __name__ == "__main__":
    main()
