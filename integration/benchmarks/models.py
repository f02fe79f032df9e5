"""Times networks that people train against PyTorch: `nox -s bench -- models`.

Each contestant lives in a process of its own and they take turns, with idle time between, so that
nobody's threads spin into another's turn. Prints Markdown tables: milliseconds of ours, and
PyTorch's time / ours (below 1 we are slower); medians over rounds; the geometric mean of the ratios
against the better of NCHW and channels_last.

    python integration/benchmarks/models.py --rounds 4 --only ResNet
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time

THREADS = os.environ.setdefault("TINYTORCH_BENCH_THREADS", str(min(2, os.cpu_count() or 1)))
for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{library}_NUM_THREADS", THREADS)

import numpy as np  # noqa: E402 - after the threads are set
from _memory import peak  # noqa: E402
from _zoo import MODELS, MORE, ours, theirs  # noqa: E402

OURS = ("kernels", "NumPy alone", "kernels, PyTorch first")
THEIRS = ("NCHW", "channels_last", "torch.compile")
EAGER = ("NCHW", "channels_last")
IDLE = 0.3
BUSY = "while True: pass"


def data(model, batch):
    """Random inputs and labels; the time does not depend on the values."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((batch, *model.shape), dtype=np.float32)
    return x, generator.integers(0, model.classes, batch)


def our_ways(model, batch, backend):
    """A training step and an inference of ours."""
    from tinytorch.autograd import nn, no_grad
    from tinytorch.optim import Adam
    from tinytorch.tensor import kernels, tensor
    from tinytorch.tensor.functional import cross_entropy

    if backend == "kernels, PyTorch first":
        wake_pytorch()
    kernels.use("reference" if backend == "NumPy alone" else "numba")
    x, y = map(tensor, data(model, batch))
    network = model.make(ours())
    optimizer = Adam(network.parameters())

    def train():
        optimizer.step(cross_entropy(network(x), y).backward())

    def infer():
        with nn.evaluation(network), no_grad():
            network(x)

    return {"training": train, "inference": infer}


def wake_pytorch():
    """Let PyTorch start its threads in this process."""
    import torch

    torch.set_num_threads(int(THREADS))
    images = torch.ones(8, 64, 32, 32)
    torch.nn.functional.conv2d(images, torch.ones(64, 64, 3, 3))


def their_ways(model, batch, way):
    """A training step and an inference of PyTorch's."""
    import torch

    torch.set_num_threads(int(THREADS))
    last = way != "NCHW" and model.images
    layout = torch.channels_last if last else torch.contiguous_format
    x, y = map(torch.from_numpy, data(model, batch))
    x = x.to(memory_format=layout)
    network = model.make(theirs()).to(memory_format=layout)
    optimizer = torch.optim.Adam(network.parameters())
    call = torch.compile(network) if way == "torch.compile" else network

    def train():
        network.train()
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(call(x), y).backward()
        optimizer.step()

    def infer():
        network.eval()
        with torch.no_grad():
            call(x)

    return {"training": train, "inference": infer}


def make_ways(who, name, batch):
    """A training step and an inference of a contestant."""
    make = our_ways if who in OURS else their_ways
    return make((MODELS | MORE)[name], batch, who)


def serve(who):
    """Be a contestant: read what to time, one JSON line each, and answer with milliseconds."""
    ways, known = {}, None
    for line in sys.stdin:
        asked = json.loads(line)
        name, batch, what = asked["model"], asked["batch"], asked["what"]
        try:
            if known != (name, batch):
                ways, known = make_ways(who, name, batch), (name, batch)
                for way in ways.values():
                    way()
                    way()
            average = statistics.fmean if asked["mean"] else statistics.median
            found = average(times_of(ways[what], asked["seconds"]))
        except Exception as error:  # noqa: BLE001 - a contestant that cannot leaves its column empty
            found = f"{type(error).__name__}: {error}"[:200]
        print(json.dumps(found), flush=True)


def times_of(run, seconds):
    """The times of as many runs as fit, three at least, in milliseconds."""
    times = []
    end = time.perf_counter() + seconds
    run()
    while len(times) < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - began))
    return times


def print_growth(who, name):
    """Print by how many MB two training steps let the process grow, after one of a single input."""
    make_ways(who, name, 1)["training"]()  # what is imported and compiled does not count
    before = peak()
    train = make_ways(who, name, MODELS[name].batch)["training"]
    train()
    train()
    print(peak() - before)


def print_memory(names):
    """Print what `print_growth` tells of kernels and both layouts, each in a process of its own."""
    print("| model (batch) | ratio | kernels, MB | NCHW, MB | channels_last, MB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in names:
        found = []
        for who in ("kernels", *EAGER):
            command = [sys.executable, __file__, "--growth", who, "--only", name]
            found.append(float(subprocess.run(command, stdout=-1, text=True, check=True).stdout))
        cells = " | ".join(f"{x:.0f}" for x in found)
        title = f"{name} ({MODELS[name].batch})"
        print(f"| {title} | {found[0] / min(found[1:]):.2f} | {cells} |", flush=True)


def print_load(names, settings):
    """Print how much slower a training step is beside busy processes, and after PyTorch's.

    Means, as a step that waits for a core is what there is to see. The ratio is to the layout that
    is faster alone.
    """
    title = f"beside {settings.beside} busy processes"
    contestants = {who: Contestant(who) for who in ("kernels", *EAGER, "kernels, PyTorch first")}
    print(
        f"| model (batch) | {title}: ratio | kernels, ms | NCHW, ms | channels_last, ms |", end=""
    )
    print(" in a process with PyTorch |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in names:
        batch = MODELS[name].batch
        alone = measure(contestants, name, batch, "training", settings, mean=True)
        busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(settings.beside)]
        try:
            rivals = {who: contestants[who] for who in ("kernels", *EAGER)}
            beside = measure(rivals, name, batch, "training", settings, mean=True)
        finally:
            for process in busy:
                process.kill()
                process.wait()
        slower = {who: beside[who] / alone[who] for who in rivals}
        cells = " | ".join(f"{alone[who]:.3g} → {beside[who]:.3g}" for who in rivals)
        ratio = slower["kernels"] / slower[min(EAGER, key=alone.get)]
        first = alone["kernels, PyTorch first"] / alone["kernels"]
        print(f"| {name} ({batch}) | {ratio:.2f} | {cells} | {first:.2f} |", flush=True)
    for contestant in contestants.values():
        contestant.end()


class Contestant:
    """The other end of `serve`: a process of its own that waits for its turn."""

    def __init__(self, who):
        command = [sys.executable, __file__, "--serve", who]
        self.process = subprocess.Popen(command, stdin=-1, stdout=-1, text=True)

    def time(self, **asked):
        """Milliseconds, or NaN where the contestant cannot."""
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '"ended"')
        time.sleep(IDLE)
        if isinstance(answer, str):
            print(f"<!-- {asked['model']}: {answer} -->", file=sys.stderr)
            return math.nan
        return answer

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def measure(contestants, name, batch, what, settings, *, mean=False):
    """The median of each contestant over the rounds, in turn; in each of the median or mean."""
    found = {who: [] for who in contestants}
    for _ in range(settings.rounds):
        for who, contestant in contestants.items():
            if len(found[who]) and math.isnan(found[who][-1]):
                continue
            asked = {"model": name, "batch": batch, "what": what, "seconds": settings.seconds}
            found[who].append(contestant.time(mean=mean, **asked))
    return {who: statistics.median(times) for who, times in found.items()}


def table(what, rows):
    """Print a table, and below it the geometric mean and the worst against the better layout."""
    print(f"\n### {what.capitalize()}\n")
    print("| model (batch) | ratio | NCHW | channels_last | torch.compile | ms | NumPy alone, ms |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    best = {}
    for name, found in rows.items():
        own = found["kernels"]
        ratios = [found.get(way, math.nan) / own for way in THEIRS]
        best[name] = min(r for r in ratios[:2] if not math.isnan(r)) if ratios[0] else math.nan
        cells = [f"{x:.2f}" if not math.isnan(x) else "" for x in (best[name], *ratios)]
        alone = found.get("NumPy alone", math.nan)
        print(f"| {name} | {' | '.join(cells)} | {own:.3g} | {alone:.3g} |")
    mean = math.exp(statistics.fmean(math.log(ratio) for ratio in best.values()))
    worst = min(best, key=best.get)
    print(f"| **geometric mean** | **{mean:.2f}** | | | | | |")
    print(f"\nThe worst: {worst}, {best[worst]:.2f}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--growth", help=argparse.SUPPRESS)
    parser.add_argument("--memory", action="store_true", help="compare memory instead of time")
    parser.add_argument("--more", action="store_true", help="other sizes, and no batch of one")
    parser.add_argument("--beside", type=int, help="compare slowdowns beside busy processes")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=1.0, help="for one turn")
    parser.add_argument("--only", default="", help="models whose names hold this")
    parser.add_argument("--without", nargs="*", default=[], help="contestants to leave out")
    settings = parser.parse_args()
    if settings.serve:
        serve(settings.serve)
        return
    if settings.growth:
        print_growth(settings.growth, settings.only)
        return
    models = MORE if settings.more else MODELS
    chosen = {name: model for name, model in models.items() if settings.only in name}
    if settings.memory:
        print_memory(chosen)
        return
    if settings.beside:
        print_load(chosen, settings)
        return
    rivals = (who for who in (*OURS[:2], *THEIRS) if who not in settings.without)
    contestants = {who: Contestant(who) for who in rivals}
    rows = {what: {} for what in ("training", "inference")}
    for name, model in chosen.items():
        for batch in (model.batch,) if settings.more else (model.batch, 1):
            for what, found in rows.items():
                title = f"{name} ({batch})"
                found[title] = measure(contestants, name, batch, what, settings)
                print(f"<!-- {what}, {title}: {found[title]} -->", file=sys.stderr, flush=True)
    for contestant in contestants.values():
        contestant.end()
    for what, found in rows.items():
        table(what, {name: row for name, row in found.items() if not name.endswith("(1)")})
        if not settings.more:
            single = {name: row for name, row in found.items() if name.endswith("(1)")}
            table(f"{what}, a batch of one", single)


if __name__ == "__main__":
    main()
