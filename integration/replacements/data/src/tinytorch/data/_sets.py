"""Data sets, and the function that makes a batch of any of them."""

from typing import Protocol, runtime_checkable

import numpy as np

from tinytorch.data._forms import first_changed, joined, mapped, stacked
from tinytorch.data.transforms import ToFloat, apply, check_transform
from tinytorch.tensor import (
    ArgumentError,
    DTypeError,
    IndexRangeError,
    ShapeError,
    checks,
    from_numpy,
    random,
)


@runtime_checkable
class Dataset(Protocol):
    """Anything with a length and items."""

    def __len__(self): ...
    def __getitem__(self, index): ...


def batch_of(dataset, indices, transform=None, rng=None, collate=None):
    """Make a batch: by the data set itself, by those whose items it shows, or item by item."""
    kind = type(dataset)
    if collate is None and offers(kind, "get_batch"):
        return dataset.get_batch(indices, transform=transform, rng=rng)
    if offers(kind, "locate"):
        found = dataset.locate(indices)
        if collate is None:
            parts = [batch_of(inner, inside, transform, rng) for inner, inside, _ in found]
            return joined(parts, [rows for _, _, rows in found])
        items = [None] * len(indices)
        for inner, inside, rows in found:
            for row, item in zip(rows, items_of(inner, inside), strict=True):
                items[row] = item
        batch = items
    elif collate is None and offers(kind, "__getitems__"):
        batch = dataset.__getitems__(indices)
    else:
        batch = items_of(dataset, indices)
    if isinstance(batch, list) and (collate or kind is not list or batch):
        batch = collate(batch) if collate else mapped(stacked, *batch)
    if transform is None:
        return batch
    return first_changed(lambda inputs: apply(transform, np.asarray(inputs), rng), batch)


def offers(kind, method):
    """Whether a class has a method, and no `__getitem__` of a class derived from that one's."""
    for base in kind.__mro__:
        if method in vars(base):
            return True
        if "__getitem__" in vars(base):
            return False
    return False


def items_of(dataset, indices):
    items = []
    for index in np.asarray(indices).tolist():
        try:
            items.append(dataset[index])
        except Exception as error:
            error.add_note(f"in item {index} of the data set")
            raise
    return items


def places(name, indices, length):
    """Indices from 0, as an array."""
    found = np.asarray(indices)
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise DTypeError(
            name, expected="whole numbers", got=f"{indices!r:.60}", fix="np.flatnonzero(mask)"
        )
    found = found.astype(np.int64)
    outside = found[(found < -length) | (found >= length)]
    if outside.size:
        raise IndexRangeError(
            name, expected=f"below {length}", got=f"{outside[0]}", fix="look at len(dataset)"
        )
    return np.where(found < 0, found + length, found)


class TensorDataset:
    """Rows of arrays."""

    def __init__(self, *arrays):
        self.arrays = [np.asarray(array) for array in arrays]
        lengths = {array.shape[:1] for array in self.arrays}
        if len(lengths) != 1 or () in lengths:
            raise ShapeError(
                "TensorDataset", expected="arrays of one length", got=f"{lengths}", fix="cut them"
            )

    def __len__(self):
        return len(self.arrays[0])

    def __getitem__(self, index):
        places("TensorDataset", [index], len(self))
        return tuple(from_numpy(np.asarray(array[index])) for array in self.arrays)

    def get_batch(self, indices, *, transform=None, rng=None):
        chosen = places("TensorDataset", indices, len(self))
        first, *others = [array[chosen] for array in self.arrays]
        return (first if transform is None else apply(transform, first, rng), *others)

    def __getitems__(self, indices):
        return self.get_batch(indices)


class Shown:
    """A data set that shows the items of others, which `locate` tells."""

    def __getitem__(self, index):
        ((dataset, inside, _),) = self.locate([index])
        return dataset[int(inside[0])]

    def __getitems__(self, indices):
        return batch_of(self, np.asarray(indices))


class Subset(Shown):
    """Chosen items."""

    def __init__(self, dataset, indices):
        self.dataset, self.indices = dataset, places("Subset", indices, len(dataset))

    def __len__(self):
        return len(self.indices)

    def locate(self, indices):
        chosen = self.indices[places("Subset", indices, len(self))]
        return [(self.dataset, chosen, np.arange(len(chosen)))]

    def __getitem__(self, index):  # as in Shown, which `offers` has to find beneath `locate`
        return super().__getitem__(index)


class ConcatDataset(Shown):
    """Several data sets in turn."""

    def __init__(self, datasets):
        self.datasets = list(datasets)
        if not self.datasets:
            raise ArgumentError(
                "ConcatDataset", expected="data sets", got="none", fix="give a list of some"
            )

    def __len__(self):
        return sum(map(len, self.datasets))

    def locate(self, indices):
        found, start = [], 0
        indices = places("ConcatDataset", indices, len(self))
        for dataset in self.datasets:
            rows = np.flatnonzero((start <= indices) & (indices < start + len(dataset)))
            if rows.size:
                found.append((dataset, indices[rows] - start, rows))
            start += len(dataset)
        return found or [(self.datasets[0], indices, indices)]

    def __getitem__(self, index):
        return super().__getitem__(index)


def random_split(dataset, lengths, *, rng=None):
    """Cut a random permutation into parts."""
    total, lengths = len(dataset), [checks.number("random_split", "lengths", n) for n in lengths]
    counts = [int(n) for n in lengths]
    if sum(counts) != total and np.isclose(sum(lengths), 1):
        counts = [int(n * total) for n in lengths]
        for extra in range(total - sum(counts)):
            counts[extra % len(counts)] += 1
    if sum(counts) != total or any(n < 0 for n in lengths):
        raise ArgumentError(
            "random_split",
            expected=f"a sum of {total}, or of 1",
            got=f"{lengths}",
            fix="[0.9, 0.1]",
        )
    order = iter(random.generator(rng).permutation(total).tolist())
    return [Subset(dataset, [next(order) for _ in range(n)]) for n in counts]


def SimpleDataset(n=1000, features=2, classes=2, noise=0.3, rng=0):  # noqa: N802
    """Make points about places on a circle."""
    draw = random.generator(rng)
    labels = draw.integers(0, checks.whole("SimpleDataset", "classes", classes, 1), n)
    points = draw.normal(0, noise, (n, checks.whole("SimpleDataset", "features", features, 2)))
    angles = 2 * np.pi * labels / classes
    points[:, :2] += np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return TensorDataset(points.astype(np.float32), labels.astype(np.int64))


class ImageDataset(TensorDataset):
    """Bytes with labels."""

    classes = mean = std = None

    def __init__(self, images, labels, transform=None):
        images, labels = np.asarray(images), np.asarray(labels)
        if images.ndim != 4 or labels.shape != images.shape[:1]:
            raise ShapeError(
                "ImageDataset",
                expected="(items, channels, height, width) and (items,)",
                got=f"{images.shape} and {labels.shape}",
                fix="reshape them",
            )
        if images.dtype != np.uint8 or (labels.size and labels.dtype.kind not in "iu"):
            raise DTypeError(
                "ImageDataset",
                expected="bytes, and whole numbers",
                got=f"{images.dtype} and {labels.dtype}",
                fix="use TensorDataset",
            )
        self.transform = transform if transform is None else check_transform(transform)
        self.images, self.labels = images.view(), labels.astype(np.int64)
        self.images.flags.writeable = False
        self.arrays = [self.images, self.labels]

    def __getitem__(self, index):
        images, labels = self.get_batch([index])
        return from_numpy(images[0]), int(labels[0])

    def get_batch(self, indices, *, transform=None, rng=None):
        chosen = places("ImageDataset", indices, len(self))
        images = self.images[chosen]
        for one in (self.transform, transform):
            images = images if one is None else apply(one, images, rng)
        return ToFloat()(images), self.labels[chosen]
