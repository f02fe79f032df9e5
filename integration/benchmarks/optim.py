"""Times one optimizer step against PyTorch's, contestants taking turns: `nox -s bench -- optim`.

Prints a Markdown table of medians in milliseconds. Without PyTorch its columns stay empty.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from tinytorch import optim
from tinytorch.autograd import Variable
from tinytorch.tensor import from_numpy, kernels

try:
    import torch
except ImportError:
    torch = None

LARGE = [(10_000_000,)]
NETWORK = [
    *[(32, 3, 3, 3), (32,), (64, 32, 3, 3), (64,), (128, 64, 3, 3), (128,)],
    *[(32,), (32,), (64,), (64,), (128,), (128,), (10, 2048), (10,)],
]
CASES = [
    ("SGD", {"lr": 1e-3}, "10 M in one array", LARGE),
    ("SGD", {"lr": 1e-3, "momentum": 0.9, "nesterov": True}, "10 M in one array", LARGE),
    ("Adam", {"lr": 1e-3}, "10 M in one array", LARGE),
    ("AdamW", {"lr": 1e-3}, "10 M in one array", LARGE),
    ("RMSprop", {"lr": 1e-3}, "10 M in one array", LARGE),
    ("Adagrad", {"lr": 1e-3}, "10 M in one array", LARGE),
    ("Adam", {"lr": 1e-3}, "CNN, 14 arrays", NETWORK),
]
WAYS = ["torch", "torch foreach", "torch fused", "reference", "kernels"]


def ours(name: str, settings: dict, arrays: list, gradients: list) -> Callable:
    """A step of our optimizer."""
    parameters = [Variable(array) for array in arrays]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = from_numpy(gradient)
    return getattr(optim, name)(parameters, **settings).step


def theirs(name: str, settings: dict, arrays: list, gradients: list, **way: bool) -> Callable:
    """A step of PyTorch's optimizer."""
    parameters = [torch.nn.Parameter(torch.tensor(array)) for array in arrays]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = torch.from_numpy(gradient)
    return getattr(torch.optim, name)(parameters, **settings, **way).step


def contestants(name: str, settings: dict, shapes: list) -> dict[str, Callable]:
    """Each way to take the step, where it exists."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    gradients = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    case = (name, settings, arrays, gradients)
    ways = {"reference": ours(*case)}
    if kernels.installed("numba"):
        ways["kernels"] = ours(*case)
    if torch is not None:
        ways["torch"] = theirs(*case)
        ways["torch foreach"] = theirs(*case, foreach=True)
        if name != "RMSprop":  # which PyTorch has not fused
            ways["torch fused"] = theirs(*case, fused=True)
    return ways


def medians(ways: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Milliseconds of each, measured in turns after two rounds of warming up."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 2):
        for way, step in ways.items():
            kernels.use("numba" if way == "kernels" else "reference")
            start = time.perf_counter()
            step()
            if number >= 2:
                times[way].append(time.perf_counter() - start)
    return {way: 1e3 * statistics.median(values) for way, values in times.items()}


def row(name: str, settings: dict, size: str, shapes: list, rounds: int) -> str:
    """One line of the table."""
    extras = ", ".join(f"{key}={value}" for key, value in settings.items() if key != "lr")
    found = medians(contestants(name, settings, shapes), rounds)
    cells = [f"{found[way]:.2f}" if way in found else "" for way in WAYS]
    rivals = [found[way] for way in ("torch", "torch foreach", "torch fused") if way in found]
    ratios = ["", ""]
    if rivals:
        ratios[0] = f"{found['reference'] / found['torch']:.2f}"
        ratios[1] = f"{found['kernels'] / min(rivals):.2f}" if "kernels" in found else ""
    name += f" ({extras})" if extras else ""
    return f"| {' | '.join([name, size, *ratios, *cells])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    head = ["optimizer", "parameters", "reference / torch", "kernels / best torch", *WAYS]
    threads = torch.get_num_threads() if torch is not None else "?"
    print(f"One step on float32, median of {rounds} in ms; PyTorch threads: {threads}.\n")
    print(f"| {' | '.join(head)} |\n| {' | '.join(['---'] * 2 + ['---:'] * (len(head) - 2))} |")
    for name, settings, size, shapes in CASES:
        print(row(name, settings, size, shapes, rounds), flush=True)


if __name__ == "__main__":
    main()
