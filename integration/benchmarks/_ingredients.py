"""What each ingredient of the recipe `record` is worth: its PyTorch version, trained without each.

    python integration/benchmarks/_ingredients.py --seeds 4 --widths 80 256 256

Runs on a GPU if PyTorch has one, in bfloat16, where a run takes seconds; on two cores it takes an
hour. Prints a Markdown table: means over the seeds of the accuracy on all test images.
"""

import argparse
import copy
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import record
from _torch_record import Muon, torch_record
from accuracy import SGD, follow, twin
from recipe import RECIPES

from tinytorch.data import CIFAR10
from tinytorch.data.transforms import Normalize

RECIPE = RECIPES["record"]
DECAY = 0.97
WITHOUT = (
    "nothing",
    "averaged weights",
    "whitening",
    "first filters that pass on",
    "a bias of whitening that stops",
    "norms of filters",
    "flips that alternate",
    "crops",
    "smoothed labels",
    "short averages of statistics",
)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def run(without, seed, widths, epochs, data):
    """The accuracy of one run, the shown weights being averages unless these are left out."""
    images, labels, test_images, test_labels = data
    random = torch.Generator(DEVICE).manual_seed(seed)
    network, optimizers = start(without, seed, widths)
    shown = copy.deepcopy(network)
    steps = epochs * (len(images) // RECIPE.batch_size)
    mirrored = coins(len(images), random)
    smoothing = 0 if without == "smoothed labels" else RECIPE.smoothing
    for step in range(steps):
        epoch, batch = divmod(step, steps // epochs)
        if not batch:
            order = torch.randperm(len(images), generator=random, device=DEVICE)
            if without == "flips that alternate":
                mirrored = coins(len(images), random)
            elif epoch:
                mirrored = ~mirrored
            learns = epoch < 3 or without == "a bias of whitening that stops"
            network.whitening.bias.requires_grad = learns
        chosen = order[batch * RECIPE.batch_size :][: RECIPE.batch_size]
        pad = 0 if without == "crops" else RECIPE.padding
        x = augmented(images[chosen], mirrored[chosen], pad, random)
        loss = functional.cross_entropy(out(network, x), labels[chosen], label_smoothing=smoothing)
        for rule, highest in optimizers:
            rule.zero_grad()
            rule.param_groups[0]["lr"] = highest * (1 - step / steps)
        loss.backward()
        for rule, _ in optimizers:
            rule.step()
        follow(shown, network, DECAY if step and without != "averaged weights" else 0.0)
    shown.eval()
    with torch.no_grad():
        parts = zip(test_images.split(2000), test_labels.split(2000), strict=True)
        right = sum(int((out(shown, x).argmax(1) == y).sum()) for x, y in parts)
    return right / len(test_labels)


def start(without, seed, widths):
    """The network with its first weights, and pairs of an optimizer and its highest rate."""
    model = record.Record(widths=widths, rng=np.random.default_rng(seed))
    if without != "whitening":
        first, _ = CIFAR10().get_batch(np.arange(RECIPE.whitened), transform=None)
        model.whiten(Normalize(CIFAR10.mean, CIFAR10.std)(first))
    rules = record.optimizer(model, RECIPE.batch_size)
    network = twin(model, torch_record(widths)).to(DEVICE)
    pairs = list(zip(model.parameters(), network.parameters(), strict=True))
    twin_of = {id(ours): theirs for ours, theirs in pairs}
    for ours, theirs in pairs:
        theirs.requires_grad = ours.requires_grad
    if without == "whitening":
        network.whitening.weight.requires_grad = True
    with torch.no_grad():
        for module in network.features.modules():
            if isinstance(module, torch.nn.BatchNorm2d) and "statistics" in without:
                module.momentum = 0.1
            if isinstance(module, torch.nn.Conv2d) and "first filters" in without:
                module.reset_parameters()
    optimizers = []
    for group in rules.param_groups:
        params = [twin_of[id(p)] for p in group["params"]]
        if "ns_steps" in group:
            if without == "whitening":
                params.append(network.whitening.weight)
            settings = {name: group[name] for name in ("lr", "momentum", "ns_steps")}
            rule = Muon(params, **settings, rescale=without != "norms of filters")
        else:
            rule = torch.optim.SGD(params, **{name: group[name] for name in SGD})
        optimizers.append((rule, group["lr"]))
    return network, optimizers


def coins(count, random):
    return torch.rand(count, generator=random, device=DEVICE) < 0.5


def augmented(images, mirrored, pad, random):
    """Some images mirrored, and each moved by up to `pad` pixels."""
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    if not pad:
        return images
    size = images.shape[-1]
    moves = torch.randint(0, 2 * pad + 1, (2, len(images), 1), generator=random, device=DEVICE)
    rows, columns = moves + torch.arange(size, device=DEVICE)
    each = torch.arange(len(images), device=DEVICE)[:, None, None]
    framed = functional.pad(images, (pad,) * 4, mode=RECIPE.padding_mode)
    return framed.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def out(network, images):
    """The scores, on a GPU in bfloat16."""
    with torch.autocast(DEVICE, torch.bfloat16, enabled=DEVICE == "cuda"):
        return network(images.contiguous(memory_format=torch.channels_last)).float()


def read(train, limit):
    """The images, normalized, and labels of a set."""
    dataset = CIFAR10(train=train)
    images, labels = dataset.get_batch(np.arange(limit or len(dataset)), transform=None)
    images = Normalize(CIFAR10.mean, CIFAR10.std)(images)
    return torch.from_numpy(images).to(DEVICE), torch.from_numpy(labels).long().to(DEVICE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--widths", type=int, nargs=3, default=(64, 256, 256))
    parser.add_argument("--limit", type=int, help="so many images of either set: a quick look")
    settings = parser.parse_args()
    data = *read(True, settings.limit), *read(False, settings.limit)
    print("| without | accuracy | difference |\n| --- | ---: | ---: |")
    for without in WITHOUT:
        runs = [
            run(without, seed, tuple(settings.widths), settings.epochs, data)
            for seed in range(settings.seeds)
        ]
        mean = 100 * sum(runs) / len(runs)
        if without == "nothing":
            whole = mean
        print(f"| {without} | {mean:.2f} % | {mean - whole:+.2f} |", flush=True)


if __name__ == "__main__":
    main()
