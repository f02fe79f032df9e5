"""Times the data layer, augmented batches against PyTorch's loader: `nox -s bench -- data`.

Prints Markdown tables, or one of them: `nox -s bench -- data shards`. Contestants take turns, and
medians count. The images are those of `$TINYTORCH_DATA`, else of the sample in this repository.
Without PyTorch its columns stay empty.
"""

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from tinytorch.data import (
    CIFAR10,
    MNIST,
    Compose,
    DataLoader,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    ShardedDataset,
    ShardSampler,
    TensorDataset,
    write_shards,
)
from tinytorch.optim import Adam
from tinytorch.spatial import CNN
from tinytorch.tensor.functional import cross_entropy

try:
    import torch
    from torch.nn import functional as torch_functional
except ImportError:
    torch = None

SAMPLE = Path(__file__).parents[1] / "data" / "cifar10-sample"
BATCH = 128


def root() -> Path:
    """The folder with CIFAR-10's files: the user's, else the sample."""
    found = Path(os.environ.get("TINYTORCH_DATA", SAMPLE))
    return found if (found / CIFAR10.folder).is_dir() else SAMPLE


def ours(dataset: CIFAR10, workers: int) -> DataLoader:
    augment = Compose([RandomCrop(32, padding=4), RandomHorizontalFlip(), Normalize.of(CIFAR10)])
    return DataLoader(
        dataset, BATCH, shuffle=True, drop_last=True, transform=augment, num_workers=workers
    )


if torch is not None:

    class PerImage(torch.utils.data.Dataset):
        """The same augmentation in PyTorch's way: one image at a time, in tensor operations."""

        def __init__(self, dataset: CIFAR10) -> None:
            self.images = torch.from_numpy(np.array(dataset.images))
            self.labels = torch.from_numpy(dataset.labels)
            self.mean = torch.tensor(CIFAR10.mean).reshape(3, 1, 1)
            self.std = torch.tensor(CIFAR10.std).reshape(3, 1, 1)

        def __len__(self) -> int:
            return len(self.labels)

        def __getitem__(self, index: int):
            image = torch_functional.pad(self.images[index], (4, 4, 4, 4))
            top, left = torch.randint(0, 9, (2,)).tolist()
            image = image[:, top : top + 32, left : left + 32]
            if torch.rand(1).item() < 0.5:
                image = image.flip(-1)
            return (image.float() / 255 - self.mean) / self.std, self.labels[index]

    def theirs(dataset: CIFAR10, workers: int):
        return torch.utils.data.DataLoader(
            PerImage(dataset),
            BATCH,
            shuffle=True,
            drop_last=True,
            num_workers=workers,
            persistent_workers=workers > 0,
        )


def rate(batches: Iterable, count: int) -> tuple[float, float]:
    """Images per second, and per second of this process's computing, of ``count`` batches."""
    stream = iter(batches)
    next(stream)
    start, computing = time.perf_counter(), time.process_time()
    for _ in range(count):
        next(stream)
    images = count * BATCH
    return images / (time.perf_counter() - start), images / (time.process_time() - computing)


def endless(loader: Iterable) -> Iterable:
    """One epoch of the loader after the other."""
    while True:
        yield from loader


def augmented(dataset: CIFAR10, rounds: int) -> None:
    """Print the rates of augmented batches."""
    loaders = {
        "tinytorch, in the calling thread": (ours(dataset, 0), 200),
        "tinytorch, 1 thread ahead": (ours(dataset, 1), 200),
    }
    if torch is not None:
        torch.set_num_threads(1)
        loaders["PyTorch, in the calling process"] = (theirs(dataset, 0), 20)
        loaders["PyTorch, 2 processes ahead"] = (theirs(dataset, 2), 60)
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in loaders}
    streams = {name: endless(loader) for name, (loader, _) in loaders.items()}
    for _ in range(rounds):
        for name, (_, count) in loaders.items():
            rates[name].append(rate(streams[name], count))
    medians = {
        name: [statistics.median(column) for column in zip(*found, strict=True)]
        for name, found in rates.items()
    }
    base = medians.get("PyTorch, in the calling process", [float("nan")] * 2)
    print(f"CIFAR-10 batches of {BATCH}, cropped, flipped, normalized; median of {rounds}.")
    print("The ratios are to PyTorch in the calling process.\n")
    print("| loader | ratio | images/s | ratio, computing | images/s of computing |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, (wall, computing) in medians.items():
        cells = [f"{wall / base[0]:.1f}", f"{wall:,.0f}"]
        apart = "2 processes" in name  # whose computing this one's clock does not see
        cells += ["", ""] if apart else [f"{computing / base[1]:.1f}", f"{computing:,.0f}"]
        print(f"| {name} | {' | '.join(cells)} |")


LOAD = """
import sys, time, tracemalloc
from tinytorch.data import CIFAR10

if sys.argv[2] == "memory":
    tracemalloc.start()
start = time.perf_counter()
sets = [CIFAR10(sys.argv[1], train, download=False) for train in (True, False)]
seconds = time.perf_counter() - start
print(sum(map(len, sets)), seconds, tracemalloc.get_traced_memory()[1] / 1e6)
"""


def load(what: str) -> list[float]:
    """Images, seconds and peak megabytes of reading CIFAR-10 in a fresh process."""
    command = [sys.executable, "-c", LOAD, str(root()), what]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [float(word) for word in output.split()]


def loading(rounds: int) -> None:
    """Print how long the files take, and how much memory."""
    print("| read | images | seconds | memory at most, MB |\n| --- | ---: | ---: | ---: |")
    images, _, memory = load("memory")
    seconds = statistics.median(load("seconds")[1] for _ in range(rounds))
    print(
        f"| CIFAR-10, train and test, its folder | {images:,.0f} | {seconds:.2f} | {memory:.0f} |"
    )
    folder = root() / MNIST.folder
    files = [(remote, folder / remote.name) for pair in MNIST.remotes.values() for remote in pair]
    if not all(file.exists() for _, file in files):
        return
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for remote, file in files:
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            assert digest == remote.sha256, file
        count = len(MNIST(root(), train=True)) + len(MNIST(root(), train=False))
        times.append(time.perf_counter() - start)
    seconds = statistics.median(times)
    print(f"| MNIST, official archives with their SHA-256 | {count:,} | {seconds:.2f} | |")


def shards(dataset: CIFAR10, rounds: int) -> None:
    """Print how fast normalized batches come from files, in shuffled order, and from memory.

    The images are repeated until they are as many as in all of CIFAR-10.
    """
    count = 50_000
    images = np.resize(dataset.images, (count, *dataset.images.shape[1:]))
    memory = TensorDataset(images, np.resize(dataset.labels, count))
    with tempfile.TemporaryDirectory() as folder:
        write_shards(memory, folder, count // 16)
        files = ShardedDataset(folder)
        settings = {"batch_size": BATCH, "drop_last": True, "transform": Normalize.of(CIFAR10)}
        loaders = {
            "in memory": DataLoader(memory, shuffle=True, **settings),
            "in 16 shards, 8 of them mixed at a time": DataLoader(
                files, sampler=ShardSampler(files, 8), **settings
            ),
        }
        rates: dict[str, list[float]] = {name: [] for name in loaders}
        streams = {name: endless(loader) for name, loader in loaders.items()}
        for _ in range(rounds):
            for name, stream in streams.items():
                rates[name].append(rate(stream, 200)[0])
        medians = {name: statistics.median(found) for name, found in rates.items()}
    print("| shuffled images | of memory's | images/s |\n| --- | ---: | ---: |")
    for name, found in medians.items():
        print(f"| {name} | {found / medians['in memory']:.0%} | {found:,.0f} |")


def waiting(dataset: CIFAR10, steps: int) -> None:
    """Print which share of a training loop's time goes by in waiting for the next batch."""
    model = CNN()
    optimizer = Adam(list(model.parameters()))
    print("| training loop, CNN, batch 128 | waits for data | ms a step |")
    print("| --- | ---: | ---: |")
    for workers in (0, 1):
        batches = iter(endless(ours(dataset, workers)))
        waited, spent = [], []
        for _ in range(steps + 2):
            start = time.perf_counter()
            images, labels = next(batches)
            waited.append(time.perf_counter() - start)
            optimizer.step(cross_entropy(model(images), labels).backward())
            spent.append(time.perf_counter() - start)
        share = sum(waited[2:]) / sum(spent[2:])
        name = f"{workers} thread ahead" if workers else "batches made in between"
        print(f"| {name} | {share:.2%} | {1e3 * statistics.median(spent[2:]):.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=("batches", "reading", "shards", "waiting"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=40)
    arguments = parser.parse_args()
    dataset = CIFAR10(root(), download=False)
    parts: dict[str, Callable[[], None]] = {
        "batches": lambda: augmented(dataset, arguments.rounds),
        "reading": lambda: loading(arguments.rounds),
        "shards": lambda: shards(dataset, arguments.rounds),
        "waiting": lambda: waiting(dataset, arguments.steps),
    }
    for part in [arguments.part] if arguments.part else parts:
        print(f"\n```console\nnox -s bench -- data {part}\n```\n", flush=True)
        parts[part]()


if __name__ == "__main__":
    main()
