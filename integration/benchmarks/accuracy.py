"""Trains a network twice, here and in PyTorch: `nox -s bench -- accuracy`, or `... record`.

Both start from the same weights, get the same batches in the same order, and follow the recipe
`cnn` or `record` of integration/examples/recipe.py; they differ in nothing but the rounding of
their sums. Prints a Markdown table of the accuracy after each epoch and of the seconds that each
took for its steps, one of ours and one of theirs in turn; ours include the making of the batches.
Takes ten minutes or more.
"""

import argparse
import copy
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from _torch_record import Muon, torch_record
from _zoo import reference
from _zoo import theirs as zoo_of_pytorch
from recipe import RECIPES

from tinytorch.training import Averaged, Callback

SGD = ("lr", "momentum", "nesterov", "weight_decay")


class Twin(Callback):
    """A PyTorch network that learns from each batch that the Trainer's network learns from.

    Where the recipe shows averaged weights, so does this one.
    """

    def __init__(self, recipe):
        self.recipe = recipe

    def on_fit_begin(self, trainer):
        network = torch_record() if self.recipe == "record" else reference(zoo_of_pytorch())
        self.network = twin(trainer.model, network)
        self.optimizers = [
            optimizer(group, self.twins(trainer, group)) for group in trainer.optimizer.param_groups
        ]
        averages = [c for c in trainer.callbacks if isinstance(c, Averaged)]
        self.decay = averages[0].decay if averages else 0.0
        self.shown = copy.deepcopy(self.network) if averages else self.network
        smoothing = RECIPES[self.recipe].smoothing
        self.loss = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)

    def twins(self, trainer, group):
        """The PyTorch network's parameters that stand where those of a group stand."""
        pairs = zip(trainer.model.parameters(), self.network.parameters(), strict=True)
        twin_of = {id(ours): theirs for ours, theirs in pairs}
        return [twin_of[id(parameter)] for parameter in group["params"]]

    def on_epoch_begin(self, trainer):
        self.seconds = 0.0
        pairs = zip(trainer.model.parameters(), self.network.parameters(), strict=True)
        for ours, theirs in pairs:
            theirs.requires_grad = ours.requires_grad

    def on_step_end(self, trainer):
        self.ours = trainer.seconds - self.seconds
        began = time.perf_counter()
        self.network.train()
        for rule, group in zip(self.optimizers, trainer.optimizer.param_groups, strict=True):
            rule.param_groups[0]["lr"] = group["lr"]
            rule.zero_grad()
        self.loss(self.network(image(trainer.inputs)), label(trainer.targets)).backward()
        for rule in self.optimizers:
            rule.step()
        if self.shown is not self.network:
            follow(self.shown, self.network, self.decay if trainer.step > 1 else 0.0)
        self.seconds += time.perf_counter() - began

    def on_epoch_end(self, trainer):
        self.shown.eval()
        right = total = 0
        with torch.no_grad():
            for images, labels in trainer.val_loader:
                right += int((self.shown(image(images)).argmax(1) == label(labels)).sum())
                total += len(labels)
        ours = trainer.history["val_accuracy"][-1]
        print(
            f"| {trainer.epoch} | {ours:.2%} | {right / total:.2%} "
            f"| {self.ours:.1f} s | {self.seconds:.1f} s |",
            flush=True,
        )


def image(batch):
    """The images for PyTorch, in the memory format that it is fastest with."""
    return torch.tensor(batch.numpy()).to(memory_format=torch.channels_last)


def label(batch):
    return torch.tensor(batch.numpy()).long()


def optimizer(group, params):
    """The PyTorch optimizer of what stands for a group's parameters, with the group's settings."""
    names = ("lr", "momentum", "ns_steps") if "ns_steps" in group else SGD
    return (Muon if "ns_steps" in group else torch.optim.SGD)(
        params, **{name: group[name] for name in names}
    )


@torch.no_grad()
def follow(shown, network, decay):
    """Bring an average of weights and statistics one step on."""
    values = network.state_dict().values()
    for kept, value in zip(shown.state_dict().values(), values, strict=True):
        kept.copy_(torch.lerp(value, kept, decay) if value.is_floating_point() else value)


def twin(model, network):
    """The same network in PyTorch, with the same weights: both name them in the same order."""
    values = (torch.from_numpy(np.array(value)) for value in model.state_dict().values())
    network.load_state_dict(dict(zip(network.state_dict(), values, strict=True)))
    return network.to(memory_format=torch.channels_last)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", nargs="?", choices=("cnn", "record"), default="cnn")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batches", type=int, help="per epoch: a quick look")
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    recipe = RECIPES[settings.recipe]
    epochs = settings.epochs or recipe.epochs
    trainer = recipe.trainer(
        epochs,
        settings.batches,
        seed=settings.seed,
        callbacks=[Twin(settings.recipe)],
        progress=False,
    )
    print(f"seed {settings.seed}\n\n| epoch | TinyTorch | PyTorch | TinyTorch | PyTorch |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    trainer.fit(epochs, limit_batches=settings.batches)


if __name__ == "__main__":
    main()
