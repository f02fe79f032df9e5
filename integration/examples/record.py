"""The network and the rules of the recipe `record`: few epochs, large batches, whitened images.

Source:
    K. Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024, and its version with Muon.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinytorch import optim
from tinytorch.autograd import nn
from tinytorch.spatial import BatchNorm2d, Conv2d, MaxPool2d
from tinytorch.tensor import random
from tinytorch.training import Callback

CHANNELS = 24  # two for each of the 12 numbers of a colored patch of 2 x 2


class Record(nn.Module):
    """A whitening convolution, three blocks of two, two and three convolutions, one linear layer.

    It maps (batch, 3, 32, 32) to (batch, classes), one score for each class.

    Args:
        classes: How many numbers come out for each image.
        widths: Channels of the blocks.
        rng: Where the initial weights come from: a generator, a seed or None.

    Attributes:
        whitening: The first convolution; `whiten` sets its filters, which do not learn.
        features: SiLU, the blocks, and pooling to one pixel.
        head: The linear layer, whose scores are divided by its inputs.
    """

    def __init__(self, classes=10, widths=(64, 256, 256), *, rng=None):
        generator = random.generator(rng)
        self.whitening = Conv2d(3, CHANNELS, 2, rng=generator)
        self.whitening.weight.requires_grad = False
        blocks = []
        for before, width in zip((CHANNELS, *widths), widths, strict=False):
            blocks += [_convolution(before, width, generator), MaxPool2d(2), *_active(width)]
            blocks += [_convolution(width, width, generator), *_active(width)]
        blocks += [_convolution(width, width, generator), *_active(width)]
        self.features = nn.Sequential(nn.SiLU(), *blocks, MaxPool2d(3), nn.Flatten())
        self.head = nn.Linear(widths[-1], classes, bias=False, rng=generator)
        self.head.weight.assign(self.head.weight.data / self.head.weight.data.std())

    def forward(self, x):
        return self.head(self.features(self.whitening(x))) / self.head.weight.shape[1]

    def whiten(self, images, eps=5e-4):
        """Set the first filters so that what they make of such images is uncorrelated.

        They are the eigenvectors of the covariance of patches, each divided by the root of its
        eigenvalue, and their negatives, for the SiLU that follows.

        Args:
            images: `(images, 3, height, width)`, float32.
            eps: Added to the eigenvalues.
        """
        patches = sliding_window_view(images, (2, 2), (2, 3)).transpose(0, 2, 3, 1, 4, 5)
        patches = patches.reshape(-1, CHANNELS // 2)
        values, vectors = np.linalg.eigh(patches.T @ patches / np.float32(len(patches)))
        filters = (vectors / np.sqrt(values + eps)).T[::-1].reshape(-1, 3, 2, 2)
        self.whitening.weight.assign(np.concatenate([filters, -filters]).astype(np.float32))


class Filters(Callback):
    """Before each step all filters get the norm sqrt(outputs); whitening's bias learns at first.

    Args:
        epochs: For so long that bias learns.
    """

    def __init__(self, epochs=3):
        self.epochs = epochs

    def on_epoch_begin(self, run):
        run.model.whitening.bias.requires_grad = run.epoch < self.epochs

    def on_gradients(self, run):
        for weight in filters(run.model):
            norm = float(np.linalg.norm(weight.data))
            weight.assign(weight.data * np.float32(math.sqrt(len(weight)) / norm))


def filters(model):
    """Return the filters that learn."""
    return [p for p in model.parameters() if p.ndim == 4 and p.requires_grad]


def optimizer(model, batch=2000, decay=2e-6):
    """Make the optimizer: Muon for the filters, SGD for the biases and the head.

    The rates of the latter two are those for a loss that is summed over the batch.

    Args:
        model: A `Record`.
        batch: Images per step.
        decay: By what part of itself a weight shrinks per image at the highest rates.
    """
    biases = [p for p in model.parameters() if p.ndim == 1 and p.requires_grad]
    sgd = [
        {
            "params": params,
            "rule": optim.SGD(momentum=0.85, nesterov=True),
            "lr": rate * batch,
            "weight_decay": decay / rate,
        }
        for params, rate in ((biases, 0.053), ([model.head.weight], 0.67))
    ]
    muon = {"params": filters(model), "lr": 0.24}
    return optim.Muon([muon, *sgd], weight_decay=0.0, momentum=0.6, ns_steps=3)


def _convolution(before, after, rng):
    """A 3 x 3 convolution that keeps the image size; its first filters pass the image on."""
    convolution = Conv2d(before, after, 3, padding=1, bias=False, rng=rng)
    weight = convolution.weight.data.copy()
    weight[:before] = nn.init.dirac_(nn.Parameter(weight[:before])).data
    convolution.weight.assign(weight)
    return convolution


def _active(channels):
    """Batch normalization that learns a shift and no scale, and SiLU."""
    norm = BatchNorm2d(channels, eps=1e-12, momentum=0.4)
    norm.weight.requires_grad = False
    return norm, nn.SiLU()
