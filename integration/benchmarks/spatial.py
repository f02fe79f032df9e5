"""Times what the spatial layer is made of: `nox -s bench -- spatial`.

Each op alone against PyTorch's, `ops`, and the step of the reference network against MyGrad and
tinygrad, `rivals`. Contestants live in processes of their own and take turns; prints Markdown
tables of medians. Whole networks against PyTorch are in `models`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from itertools import pairwise

THREADS = os.environ.setdefault("TINYTORCH_BENCH_THREADS", str(min(2, os.cpu_count() or 1)))
for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{library}_NUM_THREADS", THREADS)

import numpy as np  # noqa: E402 - after the threads are set
from _zoo import MODELS  # noqa: E402
from models import data, make_ways, times_of  # noqa: E402

REFERENCE = "reference: 32, 64, 128 channels"
WIDTHS = (32, 64, 128)
STAGES = ((3, 32, 32), (32, 64, 16), (64, 128, 8))
"""Channels, output channels and size of the reference network's images, 128 at a time."""
OPS = ("kernels", "torch channels_last", "NumPy alone")
RIVALS = ("kernels", "NumPy alone", "MyGrad", "tinygrad")
SECONDS = 0.2


def shape_of(stage):
    """How a table calls a stage."""
    channels, out, size = stage
    return f"{channels} to {out}, {size} x {size}"


def operands(channels, out, size):
    """Images whose channels lie side by side, gradients, kernels."""
    generator = np.random.default_rng(0)
    x, g = (
        generator.standard_normal((128, size, size, n), dtype=np.float32).transpose(0, 3, 1, 2)
        for n in (channels, out)
    )
    return x, g, generator.standard_normal((out, channels, 3, 3), dtype=np.float32)


def our_ops(backend, stage):
    """Each op of a stage, by what it is called."""
    from tinytorch.spatial import ops
    from tinytorch.tensor import from_numpy, kernels, ones, zeros

    kernels.use(backend)
    x, g, w = map(from_numpy, operands(*stage))
    scale, shift = ones(len(w)), zeros(len(w))
    padding, window = ((1, 1), (1, 1)), {"kernel_size": (2, 2), "stride": (2, 2)}
    z = ops.max_pool2d(g, **window)
    of_weight, of_input = {"size": (3, 3)}, {"size": stage[2:] * 2}
    return {
        "convolution": lambda: ops.conv2d(x, w, None, padding=padding),
        "its weight gradient": lambda: ops.conv2d_weight_gradient(
            g, x, padding=padding, **of_weight
        ),
        "its input gradient": lambda: ops.conv2d_input_gradient(g, w, padding=padding, **of_input),
        "batch norm": lambda: ops.batch_norm2d(g, scale, shift, epsilon=1e-5),
        "its input gradient ": lambda: ops.batch_norm2d_input_gradient(g, g, scale, epsilon=1e-5),
        "max-pool": lambda: ops.max_pool2d(g, **window),
        "its gradient": lambda: ops.max_pool2d_gradient(z, g, z, **window),
    }


def torch_ops(stage):
    """PyTorch's functions for the same, on channels-last memory."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(int(THREADS))
    aten = torch.ops.aten
    x, g, w = map(torch.from_numpy, operands(*stage))
    w = w.contiguous(memory_format=torch.channels_last)
    scale, shift = torch.ones(len(w)), torch.zeros(len(w))
    mean, rest = g.mean((0, 2, 3)), (g.var((0, 2, 3)) + 1e-5).rsqrt()
    settings = ([1, 1], [1, 1], [1, 1], False, [0, 0], 1)
    z, index = functional.max_pool2d(g, 2, return_indices=True)
    pool = ([2, 2], [2, 2], [0, 0], [1, 1], False)
    return {
        "convolution": lambda: functional.conv2d(x, w, padding=1),
        "its weight gradient": lambda: aten.convolution_backward(
            g, x, w, None, *settings, [False, True, False]
        ),
        "its input gradient": lambda: aten.convolution_backward(
            g, x, w, None, *settings, [True, False, False]
        ),
        "batch norm": lambda: functional.batch_norm(g, None, None, scale, shift, training=True),
        "its input gradient ": lambda: aten.native_batch_norm_backward(
            g, g, scale, None, None, mean, rest, True, 1e-5, [True, False, False]
        ),
        "max-pool": lambda: functional.max_pool2d(g, 2),
        "its gradient": lambda: aten.max_pool2d_with_indices_backward(z, g, *pool, index),
    }


def mygrad_step(x, y):
    """A plain training step, without batch norm's running averages, by gradient descent."""
    import mygrad
    from mygrad.nnet import batchnorm, conv_nd, max_pool, relu, softmax_crossentropy

    generator = np.random.default_rng(0)

    def weight(*shape):
        return mygrad.tensor(generator.normal(0, 0.05, shape).astype(np.float32))

    layers = []
    for inside, outside in pairwise((3, *WIDTHS)):
        scale = mygrad.tensor(np.ones(outside, np.float32))
        layers.append((weight(outside, inside, 3, 3), scale, weight(outside)))
    head = weight(WIDTHS[-1] * 16, 10)

    def run():
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


def tinygrad_step(x, y):
    """The same step with tinygrad's Adam, compiled by its JIT."""
    from tinygrad import Context, Tensor, TinyJit
    from tinygrad import nn as tiny

    layers = []
    for inside, outside in pairwise((3, *WIDTHS)):
        layers.append(
            (tiny.Conv2d(inside, outside, 3, padding=1, bias=False), tiny.BatchNorm(outside))
        )
    head = tiny.Linear(WIDTHS[-1] * 16, 10)
    optimizer = tiny.optim.Adam(tiny.state.get_parameters([layers, head]))
    inputs, targets = Tensor(x).realize(), Tensor(y).realize()

    @TinyJit
    def step():
        z = inputs
        for convolution, norm in layers:
            z = norm(convolution(z)).relu().max_pool2d(2)
        optimizer.zero_grad()
        loss = head(z.flatten(1)).sparse_categorical_crossentropy(targets)
        loss.backward()
        optimizer.step()
        return loss.realize()

    def run():
        with Context(TRAINING=1):
            step().item()

    return run


def ways(part, who):
    """What a contestant runs, by name."""
    backend = {"kernels": "numba", "NumPy alone": "reference"}.get(who)
    if part == "ops":
        found = {}
        for stage in STAGES:
            made = our_ops(backend, stage) if backend else torch_ops(stage)
            found |= {(name, shape_of(stage)): run for name, run in made.items()}
        return found
    if backend:
        return {("step", ""): make_ways(who, REFERENCE, 128)["training"]}
    step = {"MyGrad": mygrad_step, "tinygrad": tinygrad_step}[who]
    return {("step", ""): step(*data(MODELS[REFERENCE], 128))}


def print_times(part, who):
    """Be a contestant: print the median time of each thing in milliseconds, one line for all."""
    found = []
    for name, run in ways(part, who).items():
        run()
        found.append((name, statistics.median(times_of(run, SECONDS))))
    print(json.dumps(found))


def measure(part, contestants, rounds):
    """For each thing the median of each contestant over the rounds, in turn."""
    times = {}
    for _ in range(rounds):
        for who in contestants:
            command = [sys.executable, __file__, part, "--times-of", who]
            done = subprocess.run(command, stdout=-1, stderr=-1, text=True, check=False)
            if done.returncode:
                print(f"<!-- without {who}: {done.stderr.strip().splitlines()[-1]} -->")
                continue
            for name, milliseconds in json.loads(done.stdout.splitlines()[-1]):
                times.setdefault(tuple(name), {}).setdefault(who, []).append(milliseconds)
    return {
        name: {who: statistics.median(values) for who, values in found.items()}
        for name, found in times.items()
    }


def print_ops(rounds):
    """Each op alone, and the speed of those that multiply."""
    print("**Each op alone**, 128 images, in ms; the ratio is PyTorch's time by ours\n")
    print(f"| op | channels, size | ratio | {' | '.join(OPS)} | kernels' GFLOP/s |")
    print("|---|---|---:|---:|---:|---:|---:|")
    work = {shape_of(stage): 2e-9 * 128 * 9 * np.prod(stage) * stage[2] for stage in STAGES}
    for (name, stage), found in measure("ops", OPS, rounds).items():
        cells = [f"{found[who]:.2f}" if who in found else "" for who in OPS]
        ratio = f"{found[OPS[1]] / found[OPS[0]]:.2f}" if set(OPS[:2]) <= found.keys() else ""
        multiplies = name in ("convolution", "its weight gradient", "its input gradient")
        speed = f"{1e3 * work[stage] / found['kernels']:.0f}" if multiplies else ""
        print(f"| {name.strip()} | {stage} | {ratio} | {' | '.join(cells)} | {speed} |")


def print_rivals(rounds):
    """The step of the reference network, 128 images."""
    print("**Training step of the reference network beside other small frameworks**\n")
    print("| who | ms | times ours |\n|---|---:|---:|")
    for found in measure("rivals", RIVALS, rounds).values():
        for who, milliseconds in found.items():
            print(f"| {who} | {milliseconds:.0f} | {milliseconds / found['kernels']:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("part", nargs="?", choices=("ops", "rivals"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times-of", help=argparse.SUPPRESS)
    settings = parser.parse_args()
    if settings.times_of:
        print_times(settings.part, settings.times_of)
        return
    for part, show in (("ops", print_ops), ("rivals", print_rivals)):
        if settings.part in (None, part):
            print(f"\n```console\nnox -s bench -- spatial {part}\n```\n")
            show(settings.rounds)


if __name__ == "__main__":
    main()
