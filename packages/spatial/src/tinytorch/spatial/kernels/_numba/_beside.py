"""Compiles what a first training step needs late: `python -m` this module, in a process of its own.

It computes gradients of the kinds that the reference network needs. What is on disk by then serves
the process that trains.
"""

from collections.abc import Iterator

import numpy as np

from tinytorch.spatial import ops
from tinytorch.spatial.ops._layout import channels_first

ONE_PIXEL = ((1, 1), (1, 1))


def images(batch: int, channels: int, size: int) -> np.ndarray:
    """Images (batch, channels, size, size) whose channels lie side by side."""
    return channels_first(np.ones((batch, size, size, channels), np.float32))


def gradients() -> Iterator[np.ndarray]:
    """Compute one gradient after the other, those that are needed last first."""
    settings = {"size": (3, 3), "padding": ONE_PIXEL}
    yield ops.conv2d_weight_gradient.implementation(images(8, 32, 8), images(8, 3, 8), **settings)
    x, scale = images(8, 64, 8), np.ones(64, np.float32)
    yield ops.conv2d_weight_gradient.implementation(x, x, **settings)
    normalized = x, scale, scale
    norm_relu_pool = ops.norm_relu_pool_input_gradient.implementation
    yield norm_relu_pool(images(8, 64, 4), *normalized, window=(2, 2))
    yield norm_relu_pool(x, *normalized, window=(1, 1))


if __name__ == "__main__":
    for _ in gradients():
        pass
