"""The real data sets, where `$TINYTORCH_DATA` holds them: every file, count and figure."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from tinytorch.data import CIFAR10, MNIST

ROOT = Path(os.environ.get("TINYTORCH_DATA", "/nowhere"))
needs_mnist = pytest.mark.skipif(
    not (ROOT / MNIST.folder).is_dir(), reason="TINYTORCH_DATA holds no MNIST/raw"
)
needs_cifar = pytest.mark.skipif(
    not (ROOT / CIFAR10.folder).is_dir(), reason="TINYTORCH_DATA holds no cifar-10-batches-bin"
)


@needs_mnist
def test_the_official_archives_of_mnist_have_our_sizes_and_checksums():
    for remote in [*MNIST.remotes[True], *MNIST.remotes[False]]:
        content = (ROOT / MNIST.folder / remote.name).read_bytes()
        assert len(content) == remote.size
        assert hashlib.sha256(content).hexdigest() == remote.sha256


@needs_mnist
def test_mnist_has_70000_digits():
    train, test = (MNIST(ROOT, train, download=False) for train in (True, False))
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.labels[:6].tolist() == [5, 0, 4, 1, 9, 2]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(train.labels).tolist() == counts
    assert abs(train.images.mean() / 255 - MNIST.mean[0]) < 1e-4
    assert abs(train.images.std() / 255 - MNIST.std[0]) < 1e-4


@needs_cifar
def test_cifar10_has_60000_photographs():
    train, test = (CIFAR10(ROOT, train, download=False) for train in (True, False))
    assert (len(train), len(test)) == (50_000, 10_000)
    assert np.bincount(train.labels).tolist() == [5_000] * 10
    assert np.bincount(test.labels).tolist() == [1_000] * 10
    some = train.images[::10].astype(np.float32) / 255
    np.testing.assert_allclose(some.mean((0, 2, 3)), CIFAR10.mean, atol=0.005)
    np.testing.assert_allclose(some.std((0, 2, 3)), CIFAR10.std, atol=0.005)
