"""The form of a batch: tuples, lists and mappings stay, and what stands in them is merged."""

from collections.abc import Mapping

import numpy as np

from tinytorch.tensor import ShapeError, Tensor, from_numpy


def mapped(function, *batches):
    """Call a function with what stands at the same place of each batch; keep the form."""
    first = batches[0]
    kind = tuple if isinstance(first, tuple) else list if isinstance(first, list) else Mapping
    if not isinstance(first, kind):
        return function(*batches)
    if kind is Mapping:
        if any(not isinstance(x, Mapping) or x.keys() != first.keys() for x in batches):
            raise uneven(batches)
        return made(
            type(first), {key: mapped(function, *[b[key] for b in batches]) for key in first}
        )
    if any(not isinstance(x, kind) or len(x) != len(first) for x in batches):
        raise uneven(batches)
    return made(type(first), [mapped(function, *row) for row in zip(*batches, strict=True)])


def made(kind, fields):
    """An object of a class that is made of its fields, or else the plain form of it."""
    try:
        return kind._make(fields) if hasattr(kind, "_make") else kind(fields)
    except TypeError:
        return tuple(fields) if issubclass(kind, tuple) else fields


def stacked(*values):
    """Numbers or arrays of one shape as an array, anything else as an array of objects."""
    if any(
        isinstance(x, np.ndarray | np.generic | Tensor) or hasattr(x, "__array__") for x in values
    ):
        arrays = [np.asarray(x) for x in values]
        if any(x.shape != arrays[0].shape for x in arrays):
            raise uneven(arrays)
        return np.stack(arrays)
    if all(isinstance(x, bool | int | float) for x in values):
        array = np.asarray(values)
        return array.astype({"f": np.float32, "i": np.int64}.get(array.dtype.kind, array.dtype))
    return np.fromiter(values, object, len(values))


def rows(batch, places):
    """Some rows of a batch, by a slice or by numbers."""
    return mapped(lambda array: np.asarray(array)[places], batch)


def joined(batches, places):
    """One batch of several, whose rows go to the places that are told for each of them."""
    order = np.argsort(np.concatenate(places), kind="stable")

    def join(*arrays):
        arrays = [np.asarray(x) for x in arrays]
        if any(x.shape[1:] != arrays[0].shape[1:] for x in arrays):
            raise uneven(arrays)
        return np.concatenate(arrays)[order]

    return mapped(join, *batches)


def to_tensors(batch):
    """The arrays of numbers in a batch as Tensors, those of objects as lists."""

    def wrapped(x):
        if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiubO":
            return x
        return x.tolist() if x.dtype.kind == "O" else from_numpy(x)

    return mapped_arrays(wrapped, batch)


def mapped_arrays(function, batch):
    """As `mapped`, for a batch that may also be something else."""
    return mapped(function, batch) if isinstance(batch, tuple | list | Mapping) else function(batch)


def first_changed(function, batch):
    """The batch with its inputs changed: what stands first in a tuple or list, or all of it."""
    if isinstance(batch, tuple | list):
        return made(type(batch), [function(batch[0]), *batch[1:]])
    return function(batch)


def uneven(values):
    shapes = [getattr(x, "shape", type(x).__name__) for x in values]
    return ShapeError(
        "DataLoader",
        expected="items of one form and shape",
        got=f"{shapes[:4]}",
        fix="bring them to one shape, or give collate=",
    )
