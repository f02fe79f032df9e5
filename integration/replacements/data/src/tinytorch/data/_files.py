"""Data sets in files: a list of what lies where, and a reader for each format."""

import gzip
import os
import struct
import zlib
from importlib.resources import files
from pathlib import Path

import numpy as np

from tinytorch.data._sets import ImageDataset
from tinytorch.tensor import FileError


class DamagedFileError(FileError):
    """A file that is not what it should be; `file` and `offset` tell where."""


class DownloadError(FileError):
    """A file that no server delivers: none is asked here."""


def contents(name, path, download):
    """The bytes of a file, which may lie there compressed."""
    packed = Path(f"{path}.gz")
    try:
        return gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise damaged(name, packed, 0, f"{error}") from error
    except FileNotFoundError as error:
        kind = DownloadError if download else FileError
        raise kind(
            name, expected=f"{path}", got="no such file", fix="put it there", file=path, attempts={}
        ) from error


def damaged(name, file, offset, got):
    return DamagedFileError(
        name, expected="a whole file", got=got, fix="fetch it again", file=file, offset=offset
    )


def read_idx(name, path, ndim, download=False):
    """Bytes after a head of a magic number and lengths."""
    data, size = contents(name, path, download), 4 + 4 * ndim
    if len(data) < size or data[:4] != bytes([0, 0, 8, ndim]):
        raise damaged(name, path, 0, "another head")
    shape = struct.unpack(f">{ndim}I", data[4:size])
    if len(data) != size + int(np.prod(shape)):
        raise damaged(name, path, len(data), f"{len(data)} bytes for {shape}")
    return np.frombuffer(data, np.uint8, offset=size).reshape(shape)


def checked(name, path, images, labels, classes):
    if len(labels) != len(images) or (labels >= len(classes)).any():
        raise damaged(name, path, 8, f"labels up to {labels.max()}, {len(labels)} of them")
    return images, labels


def idx_pair(name, folder, prefix, classes, download=False):
    """Images and labels of MNIST's kind."""
    images = read_idx(name, folder / f"{prefix}-images-idx3-ubyte", 3, download)
    path = folder / f"{prefix}-labels-idx1-ubyte"
    labels = read_idx(name, path, 1, download)
    return checked(name, path, images[:, None], labels, classes)


def records(name, paths, label_bytes, which, classes, download):
    """Images and labels of CIFAR's kind."""
    parts = []
    for path in paths:
        data = np.frombuffer(contents(name, path, download), np.uint8)
        if not data.size or data.size % (label_bytes + 3072):
            raise damaged(name, path, data.size, "half a record")
        rows = data.reshape(-1, label_bytes + 3072)
        pixels = rows[:, label_bytes:].reshape(-1, 3, 32, 32)
        parts.append(checked(name, path, pixels, rows[:, which], classes))
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def root_of(root):
    return Path(root or os.environ.get("TINYTORCH_DATA") or Path.home() / ".cache" / "tinytorch")


class MNIST(ImageDataset):
    """Digits by hand."""

    folder, classes = "MNIST/raw", tuple("0123456789")
    mean, std = (0.1307,), (0.3081,)

    def __init__(self, root=None, train=True, download=True, transform=None):
        prefix = "train" if train else "t10k"
        folder = root_of(root) / self.folder
        pair = idx_pair(type(self).__name__, folder, prefix, self.classes, download)
        super().__init__(*pair, transform)


class FashionMNIST(MNIST):
    """Clothes."""

    folder, mean, std = "FashionMNIST/raw", (0.2860,), (0.3530,)
    classes = (
        "top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "boot",
    )


class CIFAR10(ImageDataset):
    """Ten kinds of things in color."""

    mean, std = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
    classes = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )

    def __init__(self, root=None, train=True, download=True, transform=None):
        names = [f"data_batch_{n}" for n in range(1, 6)] if train else ["test_batch"]
        paths = [root_of(root) / "cifar-10-batches-bin" / f"{name}.bin" for name in names]
        super().__init__(*records("CIFAR10", paths, 1, 0, self.classes, download), transform)


class CIFAR100(ImageDataset):
    """A hundred kinds, in twenty groups."""

    mean, std = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)

    def __init__(self, root=None, train=True, download=True, transform=None, coarse=False):
        self.classes = tuple(f"class {n}" for n in range(20 if coarse else 100))
        path = root_of(root) / "cifar-100-binary" / f"{'train' if train else 'test'}.bin"
        which = 0 if coarse else 1
        super().__init__(*records("CIFAR100", [path], 2, which, self.classes, download), transform)


class Digits(ImageDataset):
    """Small digits, that come along."""

    classes, mean, std = MNIST.classes, (0.3053,), (0.3759,)

    def __init__(self, train=None, transform=None):
        folder = Path(str(files("tinytorch.data"))) / "digits"
        images, labels = idx_pair("Digits", folder, "digits", self.classes)
        part = slice(None) if train is None else slice(1437) if train else slice(1437, None)
        levels = (images[part].astype(np.uint16) * 255 + 8) // 16
        super().__init__(levels.astype(np.uint8), labels[part], transform)
