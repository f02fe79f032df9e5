"""Times the ground layers against NumPy, PyTorch and MyGrad: `nox -s bench -- core`.

Prints Markdown tables: the overhead of one op, a training step of a perceptron, its peak memory, a
deep chain, and the time to import, or one of them: `nox -s bench -- core step`. Contestants take
turns; figures are medians. A contestant that is not installed has no column.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from _memory import peak

from tinytorch.autograd import Variable, nn
from tinytorch.optim import SGD
from tinytorch.tensor import from_numpy, kernels
from tinytorch.tensor import functional as F

try:
    import torch
except ImportError:
    torch = None
try:
    import mygrad
except ImportError:
    mygrad = None

THREADS = os.cpu_count() or 1
BATCH = 128


def medians(ways: dict[str, Callable], rounds: int, repeats: int = 1) -> dict[str, float]:
    """Seconds of one call of each way, the ways taking turns."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 2):
        for way, call in ways.items():
            start = time.perf_counter()
            for _ in range(repeats):
                call()
            if number >= 2:
                times[way].append((time.perf_counter() - start) / repeats)
    return {way: statistics.median(values) for way, values in times.items()}


def overhead(rounds: int) -> list[str]:
    """Microseconds of small computations, where calling costs more than computing."""
    array = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)
    plain, leaf = from_numpy(array), Variable(array)
    cases: dict[str, dict[str, Callable]] = {
        "`x * x`, plain": {"NumPy": lambda: array * array, "TinyTorch": lambda: plain * plain},
        "`x * 2.0`, plain": {"NumPy": lambda: array * 2.0, "TinyTorch": lambda: plain * 2.0},
        "`x.exp()`, plain": {"NumPy": lambda: np.exp(array), "TinyTorch": plain.exp},
        "`x.sum(axis=0)`, plain": {
            "NumPy": lambda: array.sum(axis=0),
            "TinyTorch": lambda: plain.sum(axis=0),
        },
        "`x * x`, recorded": {"TinyTorch": lambda: leaf * leaf},
        "`x @ x`, recorded": {"TinyTorch": lambda: leaf @ leaf},
        "`(y * y + y).sum().backward()`": {"TinyTorch": lambda: walk(leaf)},
    }
    if torch is not None:
        theirs, parameter = torch.from_numpy(array), torch.tensor(array, requires_grad=True)
        cases["`x * x`, plain"]["PyTorch"] = lambda: theirs * theirs
        cases["`x * 2.0`, plain"]["PyTorch"] = lambda: theirs * 2.0
        cases["`x.exp()`, plain"]["PyTorch"] = theirs.exp
        cases["`x.sum(axis=0)`, plain"]["PyTorch"] = lambda: theirs.sum(axis=0)
        cases["`x * x`, recorded"]["PyTorch"] = lambda: parameter * parameter
        cases["`x @ x`, recorded"]["PyTorch"] = lambda: parameter @ parameter
        cases["`(y * y + y).sum().backward()`"]["PyTorch"] = lambda: walk(parameter)
    if mygrad is not None:
        node = mygrad.tensor(array)
        constant = mygrad.tensor(array, constant=True)
        cases["`x * x`, plain"]["MyGrad"] = lambda: constant * constant
        cases["`x * x`, recorded"]["MyGrad"] = lambda: node * node
        cases["`x @ x`, recorded"]["MyGrad"] = lambda: node @ node
        cases["`(y * y + y).sum().backward()`"]["MyGrad"] = lambda: walk(node)
    lines = table("8x8, microseconds")
    for name, ways in cases.items():
        found = medians(ways, rounds, repeats=200)
        lines.append(line(name, {way: 1e6 * value for way, value in found.items()}, "{:.2f}"))
    return lines


def walk(y) -> None:
    """Compute and go backward, the gradient forgotten before."""
    if hasattr(y, "null_grad"):
        y.null_grad()
    else:
        y.grad = None
    (y * y + y).sum().backward()


def step(rounds: int) -> list[str]:
    """Milliseconds of one training step of a perceptron: forward, backward, SGD."""
    lines = table(f"training step, batch {BATCH}, milliseconds")
    for sizes in ((784, 512, 512, 10), (64, 128, 128, 10)):
        ways = {"TinyTorch": our_step(sizes)}
        if torch is not None:
            ways["PyTorch"] = their_step(sizes)
        found = medians(ways, rounds)
        name = "MLP " + "-".join(map(str, sizes))
        lines.append(line(name, {way: 1e3 * value for way, value in found.items()}, "{:.2f}"))
    return lines


def batch(sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and classes."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((BATCH, sizes[0])).astype(np.float32)
    return inputs, rng.integers(0, sizes[-1], BATCH)


def our_step(sizes: tuple[int, ...]) -> Callable[[], None]:
    """A step with TinyTorch."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after, rng=0), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = SGD(list(model.parameters()), lr=1e-3)
    inputs, classes = (from_numpy(x) for x in batch(sizes))

    def run() -> None:
        loss = F.cross_entropy(model(inputs), classes)
        optimizer.step(loss.backward())

    return run


def their_step(sizes: tuple[int, ...]) -> Callable[[], None]:
    """The same step with PyTorch."""
    layers: list = []
    for before, after in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    inputs, classes = (torch.from_numpy(x) for x in batch(sizes))

    def run() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), classes).backward()
        optimizer.step()

    return run


def memory(_: int) -> list[str]:
    """Peak resident memory of three steps of an MLP of 3 x 4096, in a process of its own."""
    ways = {"TinyTorch": "ours"}
    if torch is not None:
        ways["PyTorch"] = "theirs"
    found = {}
    for way, name in ways.items():
        shown = subprocess.run(
            [sys.executable, __file__, "--memory-of", name],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found[way] = float(shown)
    name = "MLP 4096-4096-4096-4096, training"
    return [*table("peak memory above the imports, MB"), line(name, found, "{:.0f}")]


def memory_of(name: str) -> None:
    """Print how much the peak of this process grows by three training steps, in MB."""
    before = peak()
    run = (our_step if name == "ours" else their_step)((4096,) * 4)
    for _ in range(3):
        run()
    print(peak() - before)


def depth(rounds: int) -> list[str]:
    """Milliseconds to record a chain of 20,000 additions and go back through it."""

    def chain(x: object) -> None:
        y = x
        for _ in range(20_000):
            y = y + 1.0
        y.backward()

    def doubled(x: object) -> None:
        y = x
        for _ in range(60):
            y = y + y
        y.backward()

    lines = table("forward and backward, milliseconds")
    for name, work in (("20,000 additions", chain), ("60 times `y = y + y`", doubled)):
        ways = {"TinyTorch": lambda work=work: work(Variable(0.5))}
        if torch is not None:
            ways["PyTorch"] = lambda work=work: work(torch.tensor(0.5, requires_grad=True))
        if mygrad is not None and work is doubled:
            ways["MyGrad"] = lambda work=work: work(mygrad.tensor(0.5))
        found = medians(ways, max(rounds // 5, 3))
        lines.append(line(name, {way: 1e3 * value for way, value in found.items()}, "{:.2f}"))
    return lines


def imports(rounds: int) -> list[str]:
    """Milliseconds to start Python and import a package."""
    modules = {"NumPy": "numpy", "TinyTorch": "tinytorch.autograd"}
    modules |= {"PyTorch": "torch"} if torch is not None else {}
    modules |= {"MyGrad": "mygrad"} if mygrad is not None else {}

    def start(module: str) -> None:
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)

    ways = {way: lambda module=module: start(module) for way, module in modules.items()}
    found = medians(ways, max(rounds // 3, 3))
    name = "start and import"
    values = {way: 1e3 * value for way, value in found.items()}
    return [*table("milliseconds"), line(name, values, "{:.0f}")]


COLUMNS = ["NumPy", "TinyTorch", "PyTorch", "MyGrad"]
PARTS = {
    "small": overhead,
    "step": step,
    "memory": memory,
    "depth": depth,
    "imports": imports,
}


def table(title: str) -> list[str]:
    """The head of a table, the ratio that is judged first."""
    heads = [title, "TinyTorch / PyTorch", *COLUMNS]
    return ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]


def line(name: str, values: dict[str, float], form: str) -> str:
    """One row: the ratio, and a figure for each contestant."""
    cells = [form.format(values[way]) if way in values else "" for way in COLUMNS]
    ratio = f"{values['TinyTorch'] / values['PyTorch']:.2f}" if "PyTorch" in values else ""
    return "| " + " | ".join([name, ratio, *cells]) + " |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=("small", "step", "memory", "depth", "imports"))
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--memory-of", choices=["ours", "theirs"])
    arguments = parser.parse_args()
    if torch is not None:
        torch.set_num_threads(THREADS)
    if arguments.memory_of:
        memory_of(arguments.memory_of)
        return
    versions = [f"NumPy {np.__version__}"]
    versions += [f"PyTorch {torch.__version__}"] if torch is not None else []
    versions += [f"MyGrad {mygrad.__version__}"] if mygrad is not None else []
    print(f"{THREADS} threads, kernels: {kernels.active()}, {', '.join(versions)}")
    for part in [arguments.part] if arguments.part else PARTS:
        lines = PARTS[part](arguments.rounds)
        print(f"\n```console\nnox -s bench -- core {part}\n```\n")
        print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
