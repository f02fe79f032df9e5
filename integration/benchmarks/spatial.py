"""Times the spatial layer against PyTorch, MyGrad and tinygrad: `nox -s bench -- spatial`.

Prints Markdown tables, or one of them: `nox -s bench -- spatial resnet9`. Contestants take turns,
and medians count. The reference step is one Adam step of (3 x 3 convolution, batch norm, ReLU,
max-pool) x 3 with 32, 64, 128 channels and a linear layer, on 128 images of 3 x 32 x 32. Whatever
is not installed leaves its column empty.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

THREADS = os.environ.setdefault("TINYTORCH_BENCH_THREADS", str(min(2, os.cpu_count() or 1)))
for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{library}_NUM_THREADS", THREADS)

import numpy as np  # noqa: E402 - after the threads are set
from _memory import peak  # noqa: E402

from tinytorch.autograd import no_grad  # noqa: E402
from tinytorch.optim import Adam  # noqa: E402
from tinytorch.spatial import CNN, ResNet9, ops  # noqa: E402
from tinytorch.tensor import kernels, tensor  # noqa: E402
from tinytorch.tensor.functional import cross_entropy  # noqa: E402

try:
    import torch
    from torch.nn import functional as torch_functional

    torch.set_num_threads(int(THREADS))
except ImportError:
    torch = None

Ways = dict[str, Callable[[], object]]
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
WAYS = ["NumPy alone", "kernels", "torch NCHW", "torch channels_last", "MyGrad", "tinygrad"]


def images(batch: int, size: int, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Random images and labels; the time does not depend on the values."""
    generator = np.random.default_rng(0)
    pixels = generator.standard_normal((batch, channels, size, size), dtype=np.float32)
    return pixels, generator.integers(0, 10, batch)


def with_backend(backend: str, run: Callable[[], object]) -> Callable[[], object]:
    def chosen() -> None:
        with kernels.using(backend):
            run()

    return chosen


def our_step(model, x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    optimizer, inputs, targets = Adam(model.parameters()), tensor(x), tensor(y)
    return lambda: optimizer.step(cross_entropy(model(inputs), targets).backward())


def our_inference(model, x: np.ndarray) -> Callable[[], object]:
    inputs = tensor(x)
    model.eval()

    def run() -> None:
        with no_grad():
            model(inputs)

    return run


if torch is not None:
    nn = torch.nn

    def torch_block(inside: int, outside: int) -> list:
        convolution = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        return [convolution, nn.BatchNorm2d(outside), nn.ReLU()]

    def torch_cnn(widths: tuple[int, ...] = (32, 64, 128), size: int = 32) -> nn.Module:
        stages = []
        for inside, outside in zip((3, *widths), widths, strict=False):
            stages += [*torch_block(inside, outside), nn.MaxPool2d(2)]
        left = size >> len(widths)
        return nn.Sequential(*stages, nn.Flatten(), nn.Linear(widths[-1] * left * left, 10))

    class Residual(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            blocks = torch_block(channels, channels) + torch_block(channels, channels)
            self.branch = nn.Sequential(*blocks)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.branch(x)

    class Scale(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 0.125

    def torch_resnet9() -> nn.Module:
        return nn.Sequential(
            *torch_block(3, 64),
            *torch_block(64, 128),
            nn.MaxPool2d(2),
            Residual(128),
            *torch_block(128, 256),
            nn.MaxPool2d(2),
            *torch_block(256, 512),
            nn.MaxPool2d(2),
            Residual(512),
            nn.MaxPool2d(4),
            nn.Flatten(),
            nn.Linear(512, 10, bias=False),
            Scale(),
        )

    def torch_step(model: nn.Module, x: np.ndarray, y: np.ndarray, last: bool) -> Callable:
        layout = torch.channels_last if last else torch.contiguous_format
        model = model.to(memory_format=layout)
        inputs, targets = torch.from_numpy(x).to(memory_format=layout), torch.from_numpy(y)
        optimizer = torch.optim.Adam(model.parameters())

        def run() -> None:
            optimizer.zero_grad()
            torch_functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()

        return run

    def torch_inference(model: nn.Module, x: np.ndarray, last: bool) -> Callable:
        layout = torch.channels_last if last else torch.contiguous_format
        model, inputs = model.to(memory_format=layout).eval(), torch.from_numpy(x)
        inputs = inputs.to(memory_format=layout)

        def run() -> None:
            with torch.no_grad():
                model(inputs)

        return run


def mygrad_step(x: np.ndarray, y: np.ndarray, widths: tuple[int, ...]) -> Callable | None:
    """A plain training step, without batch norm's running averages, by gradient descent."""
    try:
        import mygrad
        from mygrad.nnet import batchnorm, conv_nd, max_pool, relu, softmax_crossentropy
    except ImportError:
        return None
    generator = np.random.default_rng(0)

    def weight(*shape: int) -> object:
        return mygrad.tensor(generator.normal(0, 0.05, shape).astype(np.float32))

    layers = []
    for inside, outside in zip((3, *widths), widths, strict=False):
        scale = mygrad.tensor(np.ones(outside, np.float32))
        layers.append((weight(outside, inside, 3, 3), scale, weight(outside)))
    head = weight(widths[-1] * (x.shape[2] >> len(widths)) ** 2, 10)

    def run() -> None:
        z = mygrad.tensor(x, constant=True)
        for w, scale, shift in layers:
            z = conv_nd(z, w, stride=1, padding=1)
            z = relu(batchnorm(z, gamma=scale, beta=shift, eps=1e-5))
            z = max_pool(z, (2, 2), 2)
        loss = softmax_crossentropy(z.reshape(len(x), -1) @ head, y)
        loss.backward()
        for parameter in (*(p for layer in layers for p in layer), head):
            parameter.data -= 0.01 * parameter.grad

    return run


def tinygrad_step(x: np.ndarray, y: np.ndarray, widths: tuple[int, ...]) -> Callable | None:
    """The same step with tinygrad's Adam, compiled by its JIT."""
    try:
        from tinygrad import Context, Tensor, TinyJit
        from tinygrad import nn as tiny
    except ImportError:
        return None
    layers = []
    for inside, outside in zip((3, *widths), widths, strict=False):
        layers.append(
            (tiny.Conv2d(inside, outside, 3, padding=1, bias=False), tiny.BatchNorm(outside))
        )
    head = tiny.Linear(widths[-1] * (x.shape[2] >> len(widths)) ** 2, 10)
    optimizer = tiny.optim.Adam(tiny.state.get_parameters([layers, head]))
    inputs, targets = Tensor(x).realize(), Tensor(y).realize()

    @TinyJit
    def step() -> object:
        z = inputs
        for convolution, norm in layers:
            z = norm(convolution(z)).relu().max_pool2d(2)
        optimizer.zero_grad()
        loss = head(z.flatten(1)).sparse_categorical_crossentropy(targets)
        loss.backward()
        optimizer.step()
        return loss.realize()

    def run() -> None:
        with Context(TRAINING=1):
            step().item()

    return run


def steps(our_model, torch_model, batch: int, size: int, *, rivals: tuple[int, ...] = ()) -> Ways:
    """A training step of each contestant."""
    x, y = images(batch, size)
    ways = {"NumPy alone": with_backend("reference", our_step(our_model(), x, y))}
    if kernels.installed("numba"):
        ways["kernels"] = with_backend("numba", our_step(our_model(), x, y))
    if torch is not None:
        ways["torch NCHW"] = torch_step(torch_model(), x, y, last=False)
        ways["torch channels_last"] = torch_step(torch_model(), x, y, last=True)
    if rivals:
        others = {"MyGrad": mygrad_step(x, y, rivals), "tinygrad": tinygrad_step(x, y, rivals)}
        ways |= {name: run for name, run in others.items() if run is not None}
    return ways


def inferences(our_model, torch_model, batch: int, size: int) -> Ways:
    """Inference by each contestant."""
    x, _ = images(batch, size)
    ways = {"NumPy alone": with_backend("reference", our_inference(our_model(), x))}
    if kernels.installed("numba"):
        ways["kernels"] = with_backend("numba", our_inference(our_model(), x))
    if torch is not None:
        ways["torch NCHW"] = torch_inference(torch_model(), x, last=False)
        ways["torch channels_last"] = torch_inference(torch_model(), x, last=True)
    return ways


def single_ops(channels: int, out: int, size: int) -> dict[str, tuple[Ways, float]]:
    """Each op of a stage alone, and the work of those that multiply, in GFLOP."""
    generator = np.random.default_rng(0)

    def pixels(*shape: int) -> np.ndarray:
        last = generator.standard_normal((shape[0], *shape[2:], shape[1]), dtype=np.float32)
        return last.transpose(0, 3, 1, 2)

    x, g = pixels(128, channels, size, size), pixels(128, out, size, size)
    w = generator.standard_normal((out, channels, 3, 3), dtype=np.float32)
    scale, shift = np.ones(out, np.float32), np.zeros(out, np.float32)
    padding, window = ((1, 1), (1, 1)), {"kernel_size": (2, 2), "stride": (2, 2)}
    z = ops.max_pool2d(g, **window).data
    work = 2e-9 * 128 * size * size * channels * out * 9
    plain = {
        "convolution": (lambda: ops.conv2d(x, w, None, padding=padding), work),
        "its weight gradient": (
            lambda: ops.conv2d_weight_gradient(g, x, size=(3, 3), padding=padding),
            work,
        ),
        "its input gradient": (
            lambda: ops.conv2d_input_gradient(g, w, size=(size, size), padding=padding),
            work,
        ),
        "batch norm": (lambda: ops.batch_norm2d(g, scale, shift, epsilon=1e-5), 0),
        "its input gradient ": (
            lambda: ops.batch_norm2d_input_gradient(g, g, scale, epsilon=1e-5),
            0,
        ),
        "max-pool": (lambda: ops.max_pool2d(g, **window), 0),
        "its gradient": (lambda: ops.max_pool2d_gradient(z, g, z, **window), 0),
    }
    ways: dict[str, tuple[Ways, float]] = {}
    for name, (run, gflop) in plain.items():
        ways[name] = ({"NumPy alone": with_backend("reference", run)}, gflop)
        if kernels.installed("numba"):
            ways[name][0]["kernels"] = with_backend("numba", run)
    if torch is not None:
        add_torch_ops(ways, x, w, g, scale, shift, z)
    return ways


def add_torch_ops(ways, x, w, g, scale, shift, z) -> None:
    """PyTorch's functions for the same, on channels-last memory."""
    aten = torch.ops.aten
    tx, tg, tz, ts, tb = (torch.from_numpy(a) for a in (x, g, z, scale, shift))
    tw = torch.from_numpy(w).contiguous(memory_format=torch.channels_last)
    mean, rest = tg.mean((0, 2, 3)), (tg.var((0, 2, 3)) + 1e-5).rsqrt()
    settings = ([1, 1], [1, 1], [1, 1], False, [0, 0], 1)
    _, index = torch_functional.max_pool2d(tg, 2, return_indices=True)
    pool = ([2, 2], [2, 2], [0, 0], [1, 1], False)
    runs = {
        "convolution": lambda: torch_functional.conv2d(tx, tw, padding=1),
        "its weight gradient": lambda: aten.convolution_backward(
            tg, tx, tw, None, *settings, [False, True, False]
        ),
        "its input gradient": lambda: aten.convolution_backward(
            tg, tx, tw, None, *settings, [True, False, False]
        ),
        "batch norm": lambda: torch_functional.batch_norm(tg, None, None, ts, tb, training=True),
        "its input gradient ": lambda: aten.native_batch_norm_backward(
            tg, tg, ts, None, None, mean, rest, True, 1e-5, [True, False, False]
        ),
        "max-pool": lambda: torch_functional.max_pool2d(tg, 2),
        "its gradient": lambda: aten.max_pool2d_with_indices_backward(tz, tg, *pool, index),
    }
    for name, run in runs.items():
        ways[name][0]["torch channels_last"] = run


def medians(ways: Ways, rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """Milliseconds of each, measured in turns after two rounds of warming up."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 2):
        for name, run in ways.items():
            start = clock()
            run()
            if number >= 2:
                times[name].append(clock() - start)
    return {name: 1e3 * statistics.median(values) for name, values in times.items()}


def ratio(found: dict[str, float], theirs: str, ours: str) -> str:
    return f"{found[theirs] / found[ours]:.2f}" if {theirs, ours} <= found.keys() else ""


def table(title: str, what: str) -> None:
    head = [what, "NumPy / NCHW", "kernels / NCHW", "kernels / channels_last", *WAYS]
    print(f"\n**{title}**\n\n| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}")


def row(name: str, found: dict[str, float]) -> None:
    cells = [f"{found[way]:.1f}" if way in found else "" for way in WAYS]
    ratios = [
        ratio(found, "torch NCHW", "NumPy alone"),
        ratio(found, "torch NCHW", "kernels"),
        ratio(found, "torch channels_last", "kernels"),
    ]
    print(f"| {name} | {' | '.join([*ratios, *cells])} |", flush=True)


def print_ops(rounds: int, clock: Callable[[], float]) -> None:
    """Each op alone, with the speed of those that multiply next to a large matrix product's."""
    a = np.random.default_rng(0).standard_normal((1500, 1500), dtype=np.float32)
    fastest = 2e-9 * 1500**3 / medians({"": lambda: a @ a}, rounds, clock)[""] * 1e3
    ways = ["NumPy alone", "kernels", "torch channels_last"]
    print(
        f"\n**Each op alone**, in ms; a 1500 x 1500 matrix product runs at {fastest:.0f} GFLOP/s\n"
    )
    print(f"| op | channels, size | {' | '.join(ways)} | kernels' GFLOP/s |")
    print("|---|---|---:|---:|---:|---:|")
    for channels, out, size in ((3, 32, 32), (32, 64, 16), (64, 128, 8)):
        for name, (contestants, work) in single_ops(channels, out, size).items():
            found = medians(contestants, rounds, clock)
            cells = [f"{found[way]:.2f}" if way in found else "" for way in ways]
            speed = f"{1e3 * work / found['kernels']:.0f}" if work and "kernels" in found else ""
            shape = f"{channels} to {out}, {size} x {size}"
            print(f"| {name} | {shape} | {' | '.join(cells)} | {speed} |", flush=True)


def print_memory() -> None:
    """The largest memory of a process that trains, less what it took to import the library."""
    print("\n**Peak memory of five reference steps**, in MB above the imports\n")
    print("| who | MB |\n|---|---:|")
    for who in WAYS[:4]:
        if ("torch" in who and torch is None) or (
            who == "kernels" and not kernels.installed("numba")
        ):
            continue
        command = [sys.executable, __file__, "--memory-of", who]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"| {who} | {result.stdout.strip()} |", flush=True)


def print_memory_of(who: str) -> None:
    small = steps(CNN, torch_cnn if torch else None, 2, 32)[who]
    small()
    before = peak()
    step = steps(CNN, torch_cnn if torch else None, 128, 32)[who]
    for _ in range(5):
        step()
    print(f"{peak() - before:.0f}")


def by_width(rounds: int, clock: Callable[[], float], quick: bool) -> None:
    table("Training step, batch 128, 3 x 32 x 32", "widths")
    for widths in ((32, 64, 128), (16, 32, 64), (64, 128, 256))[: 1 if quick else 3]:

        def ours(widths: tuple[int, ...] = widths) -> CNN:
            return CNN(widths=widths, rng=0)

        def theirs(widths: tuple[int, ...] = widths) -> object:
            return torch_cnn(widths)

        ways = steps(ours, theirs, 128, 32, rivals=widths)
        row(", ".join(map(str, widths)), medians(ways, rounds, clock))


def inference(rounds: int, clock: Callable[[], float], quick: bool) -> None:
    table("Inference (eval, no_grad)", "batch")
    for batch in (128,) if quick else (1, 32, 128, 512):
        ways = inferences(CNN, torch_cnn if torch else None, batch, 32)
        row(str(batch), medians(ways, rounds, clock))


def by_batch(rounds: int, clock: Callable[[], float]) -> None:
    table("Training step of the reference network", "batch")
    for batch in (1, 32, 512):
        row(str(batch), medians(steps(CNN, torch_cnn if torch else None, batch, 32), rounds, clock))


def by_size(rounds: int, clock: Callable[[], float]) -> None:
    table("Training step, 16 images", "image size")
    for size in (64, 128, 224):

        def large(size: int = size) -> CNN:
            return CNN(image_size=size, rng=0)

        def torch_large(size: int = size) -> object:
            return torch_cnn(size=size)

        row(str(size), medians(steps(large, torch_large, 16, size), max(3, rounds // 3), clock))


def resnet9(rounds: int, clock: Callable[[], float]) -> None:
    table("Training step of ResNet9", "batch")
    ways = steps(ResNet9, torch_resnet9 if torch else None, 64, 32)
    row("64", medians(ways, max(3, rounds // 3), clock))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "part",
        nargs="?",
        choices=("widths", "inference", "batches", "sizes", "resnet9", "ops", "memory"),
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="the reference step and inference")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: on a busy machine")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    rounds, clock, quick = options.rounds, CLOCKS[options.clock], options.quick
    if options.memory_of:
        print_memory_of(options.memory_of)
        return
    print(f"float32, {THREADS} threads, medians of {rounds} ({options.clock} time) in ms.")
    parts: dict[str, Callable[[], None]] = {
        "widths": lambda: by_width(rounds, clock, quick),
        "inference": lambda: inference(rounds, clock, quick),
        "batches": lambda: by_batch(rounds, clock),
        "sizes": lambda: by_size(rounds, clock),
        "resnet9": lambda: resnet9(rounds, clock),
        "ops": lambda: print_ops(rounds, clock),
        "memory": print_memory,
    }
    for part in [options.part] if options.part else list(parts)[: 2 if quick else None]:
        print(f"\n```console\nnox -s bench -- spatial {part}\n```", flush=True)
        parts[part]()


if __name__ == "__main__":
    main()
