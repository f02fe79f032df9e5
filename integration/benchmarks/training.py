"""Times the Trainer against a loop written by hand, taking turns: `nox -s bench -- training`.

Prints two Markdown tables: what the Trainer adds to a step in microseconds (measured on a network
so small that hardly anything else is left), and the share of the reference CNN's step that this
is, with both loops timed whole as well.
"""

import argparse
import io
import statistics
import tempfile
import time

import numpy as np

from tinytorch.autograd import nn
from tinytorch.optim import Adam
from tinytorch.spatial import CNN
from tinytorch.tensor import from_numpy
from tinytorch.tensor.functional import cross_entropy
from tinytorch.training import (
    Checkpoint,
    CSVLog,
    EarlyStopping,
    Progress,
    StopOnNonFinite,
    TensorBoard,
    Trainer,
)


class Terminal(io.StringIO):
    """A stream that rich takes for a terminal."""

    def isatty(self):
        return True


def batches(count, shape):
    rng = np.random.default_rng(0)
    return [
        (
            from_numpy(rng.normal(size=shape).astype(np.float32)),
            from_numpy(rng.integers(0, 10, shape[0])),
        )
        for _ in range(count)
    ]


def by_hand(model, data):
    """Seconds per step of the loop that one would write, with the mean loss of the epoch."""
    optimizer = Adam(model.parameters())

    def epoch():
        total = 0.0
        began = time.perf_counter()
        for inputs, targets in data:
            loss = cross_entropy(model(inputs), targets)
            optimizer.step(loss.backward())
            total += loss.item()
        return (time.perf_counter() - began) / len(data)

    return epoch


def by_trainer(model, data, **settings):
    """Seconds per step of `Trainer.fit`."""
    trainer = Trainer(model, Adam(), data, **{"progress": False, **settings})

    def epoch():
        began = time.perf_counter()
        trainer.fit(trainer.epoch + 1)
        return (time.perf_counter() - began) / len(data)

    return epoch


def medians(contestants, rounds):
    """The median of each, all taking turns; the first turn warms up."""
    times = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, epoch in contestants.items():
            seconds = epoch()
            if turn:
                times[name].append(seconds)
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=40, help="steps of the CNN per turn")
    settings = parser.parse_args()

    folder = tempfile.mkdtemp()
    tiny = batches(500, (1, 4))
    ways = {
        "by hand": None,
        "Trainer, metrics=()": {"metrics": ()},
        "Trainer": {},
        "Trainer, accumulate=2, clip_norm=1": {"accumulate": 2, "clip_norm": 1.0},
        "Trainer, lines": {"callbacks": [Progress(stream=io.StringIO())]},
        "Trainer, bar": {"callbacks": [Progress(stream=Terminal())]},
        "Trainer, StopOnNonFinite": {"callbacks": [StopOnNonFinite()]},
        "Trainer, TensorBoard every 10": {"callbacks": [TensorBoard(folder)]},
    }
    contestants = {
        name: by_hand(nn.Linear(4, 10, rng=0), tiny)
        if way is None
        else by_trainer(nn.Linear(4, 10, rng=0), tiny, **way)
        for name, way in ways.items()
    }
    small = medians(contestants, settings.rounds)
    images = batches(settings.steps, (128, 3, 32, 32))
    large = medians(
        {
            "by hand": by_hand(CNN(rng=0), images),
            "Trainer": by_trainer(CNN(rng=0), images),
            "Trainer, all callbacks": by_trainer(
                CNN(rng=0),
                images,
                callbacks=[
                    Progress(stream=Terminal()),
                    StopOnNonFinite(),
                    EarlyStopping("loss", patience=10**6, restore_best=False),
                    CSVLog(f"{folder}/log.csv"),
                    TensorBoard(folder),
                    Checkpoint(f"{folder}/run", every=10**6),
                ],
            ),
        },
        settings.rounds,
    )
    step = large["by hand"]
    print("| loop | share of the CNN's step | more than by hand, µs | µs per step |")
    print("| --- | ---: | ---: | ---: |")
    for name, seconds in small.items():
        more = seconds - small["by hand"]
        print(f"| {name} | {more / step:.2%} | {more * 1e6:.0f} | {seconds * 1e6:.0f} |")
    print("\n| CNN, batch 128 | against by hand | ms per step |")
    print("| --- | ---: | ---: |")
    for name, seconds in large.items():
        print(f"| {name} | {seconds / step - 1:+.1%} | {seconds * 1e3:.1f} |")


if __name__ == "__main__":
    main()
