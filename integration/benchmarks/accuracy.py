"""Trains the reference CNN twice, here and in PyTorch: `nox -s bench -- accuracy`.

Both start from the same weights, get the same batches in the same order, and follow the recipe
`cnn` of integration/examples/recipe.py; they differ in nothing but the rounding of their sums.
Prints a Markdown table of the accuracy after each epoch. Takes ten minutes or more.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from recipe import RECIPES
from spatial import torch_cnn

from tinytorch.training import Callback


class Twin(Callback):
    """A PyTorch network that learns from each batch that the Trainer's network learns from."""

    def on_fit_begin(self, trainer):
        self.network = twin(trainer.model)
        (group,) = trainer.optimizer.param_groups
        settings = {name: group[name] for name in ("lr", "momentum", "nesterov", "weight_decay")}
        self.optimizer = torch.optim.SGD(self.network.parameters(), **settings)
        self.loss = torch.nn.CrossEntropyLoss(label_smoothing=RECIPES["cnn"].smoothing)

    def on_step_end(self, trainer):
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = trainer.optimizer.lr
        self.optimizer.zero_grad()
        self.loss(self.network(image(trainer.inputs)), label(trainer.targets)).backward()
        self.optimizer.step()

    def on_epoch_end(self, trainer):
        self.network.eval()
        right = total = 0
        with torch.no_grad():
            for images, labels in trainer.val_loader:
                right += int((self.network(image(images)).argmax(1) == label(labels)).sum())
                total += len(labels)
        ours = trainer.history["val_accuracy"][-1]
        print(f"| {trainer.epoch} | {ours:.2%} | {right / total:.2%} |", flush=True)


def image(batch):
    """The images for PyTorch, in the memory format that it is fastest with."""
    return torch.tensor(batch.numpy()).to(memory_format=torch.channels_last)


def label(batch):
    return torch.tensor(batch.numpy()).long()


def twin(model):
    """The same network in PyTorch, with the same weights: both name them in the same order."""
    network = torch_cnn()
    values = (torch.from_numpy(np.array(value)) for value in model.state_dict().values())
    network.load_state_dict(dict(zip(network.state_dict(), values, strict=True)))
    return network.to(memory_format=torch.channels_last)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=RECIPES["cnn"].epochs)
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    other = Twin()
    trainer = RECIPES["cnn"].trainer(
        settings.epochs, seed=settings.seed, callbacks=[other], progress=False
    )
    print(f"seed {settings.seed}\n\n| epoch | TinyTorch | PyTorch |\n| ---: | ---: | ---: |")
    trainer.fit(settings.epochs)


if __name__ == "__main__":
    main()
