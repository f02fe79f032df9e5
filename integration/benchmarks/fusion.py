"""Times training steps with and without `norm_relu_pool`: `nox -s bench -- fusion`.

Prints a Markdown table: for each model the median of a step where batch normalization, ReLU and
max-pooling are joined into one op, and of one where each computes for itself, taking turns.
"""

import argparse
import statistics
import time

import numpy as np

from tinytorch.autograd import nn
from tinytorch.optim import SGD
from tinytorch.spatial import CNN, AdaptiveAvgPool2d, BatchNorm2d, Conv2d, MaxPool2d
from tinytorch.tensor import from_numpy, ops
from tinytorch.tensor.functional import cross_entropy


def convolve(before, after, size=3, stride=1, groups=1):
    options = {"stride": stride, "padding": size // 2, "groups": groups, "bias": False, "rng": 0}
    return [Conv2d(before, after, size, **options), BatchNorm2d(after)]


def classify(width, *, pool=True):
    return [*([AdaptiveAvgPool2d(1)] * pool), nn.Flatten(), nn.Linear(width, 10, rng=0)]


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, before, after, stride):
        self.branch = nn.Sequential(
            *convolve(before, after, stride=stride), nn.ReLU(), *convolve(after, after)
        )
        same = stride == 1 and before == after
        self.shortcut = nn.Sequential(*([] if same else convolve(before, after, 1, stride)))

    def forward(self, x):
        return ops.relu(self.branch(x) + self.shortcut(x))


def resnet():
    blocks = []
    for before, after, stride in ((16, 16, 1), (16, 32, 2), (32, 64, 2)):
        blocks += [Block(before, after, stride), Block(after, after, 1), Block(after, after, 1)]
    return nn.Sequential(*convolve(3, 16), nn.ReLU(), *blocks, *classify(64))


def mobile():
    layers = [*convolve(3, 32), nn.ReLU()]
    for before, after, stride in ((32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2)):
        layers += [*convolve(before, before, stride=stride, groups=before), nn.ReLU()]
        layers += [*convolve(before, after, 1), nn.ReLU()]
    return nn.Sequential(*layers, *classify(256))


def vgg():
    layers, before = [], 3
    for width in (32, 64, 128):
        layers += [*convolve(before, width), nn.ReLU(), *convolve(width, width), nn.ReLU()]
        layers.append(MaxPool2d(2))
        before = width
    return nn.Sequential(*layers, *classify(2048, pool=False))


MODELS = {
    "reference CNN (128)": (lambda: CNN(rng=0), 128),
    "VGG-like (64)": (vgg, 64),
    "ResNet-20 (64)": (resnet, 64),
    "MobileNet-like (64)": (mobile, 64),
}
WAYS = {"joined": BatchNorm2d.fuse, "apart": lambda norm, _: (norm, 1)}


def stepper(make, batch, way):
    rng = np.random.default_rng(0)
    x = from_numpy(rng.normal(size=(batch, 3, 32, 32)).astype(np.float32))
    targets = from_numpy(rng.integers(0, 10, batch))
    model = make()
    optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step():
        BatchNorm2d.fuse = WAYS[way]
        began = time.perf_counter()
        optimizer.step(cross_entropy(model(x), targets).backward())
        return time.perf_counter() - began

    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    settings = parser.parse_args()
    print("| training step (batch) | gain | joined, ms | apart, ms |")
    print("| --- | ---: | ---: | ---: |")
    for name, (make, batch) in MODELS.items():
        steps = {way: stepper(make, batch, way) for way in WAYS}
        times = {way: [] for way in WAYS}
        for turn in range(settings.rounds + 2):
            for way, step in steps.items():
                seconds = step()
                if turn > 1:
                    times[way].append(seconds)
        joined, apart = (statistics.median(times[way]) * 1e3 for way in WAYS)
        print(f"| {name} | {1 - joined / apart:.0%} | {joined:.1f} | {apart:.1f} |", flush=True)


if __name__ == "__main__":
    main()
