"""Loaders as the Trainer sees them: pairs of Tensors, again in each epoch."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from tinytorch.tensor import Tensor, checks, from_numpy
from tinytorch.tensor.errors import ArgumentError, ShapeError


def check_loader(name: str, loader: Any) -> None:
    """Refuse what cannot be read again in each epoch."""
    once = hasattr(loader, "__next__")
    if once or not (hasattr(loader, "__iter__") or hasattr(loader, "__getitem__")):
        raise ArgumentError(
            "Trainer",
            expected=f"{name} that can be read in each epoch anew, such as a DataLoader or a list",
            got=f"a {type(loader).__name__}" + (", which can be read once" if once else ""),
            fix="use DataLoader(dataset, batch_size=...), or list(...) of a generator",
        )


def pairs(
    operation: str, loader: Iterable[Any], dtype: Any, start: int = 0, stop: int | None = None
) -> Iterator[tuple[Any, Any]]:
    """Yield batches `start` to `stop` as pairs of Tensors; there must be one at least."""
    number = 0
    for number, batch in enumerate(limited(operation, loader, stop), 1):
        if number <= start:
            continue
        if not (isinstance(batch, (tuple, list)) and len(batch) == 2):
            raise ArgumentError(
                operation,
                expected="a loader of pairs (inputs, targets)",
                got=f"batch {number} is a {type(batch).__name__}"
                + (f" of {len(batch)}" if isinstance(batch, (tuple, list)) else ""),
                fix="give the DataLoader a collate= that makes pairs",
            )
        inputs, targets = to_tensor(batch[0], dtype), to_tensor(batch[1], dtype)
        if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) != len(targets):
            raise ShapeError(
                operation,
                expected="inputs (batch, ...) and targets (batch, ...) of one length",
                got=f"batch {number}: inputs {inputs.shape}, targets {targets.shape}",
                fix="look at the loader's collate=; a single example needs a batch axis of 1",
            )
        yield inputs, targets
    if number == 0:
        raise no_batch(operation)


def limited(operation: str, loader: Iterable[Any], limit_batches: int | None) -> Iterator[Any]:
    """Return the first batches of a loader, or all of them."""
    if limit_batches is not None:
        checks.whole(operation, "limit_batches", limit_batches, least=1)
    return islice(loader, limit_batches)


def no_batch(operation: str) -> ArgumentError:
    """Return the error of a loader that gives nothing."""
    return ArgumentError(
        operation,
        expected="at least one batch",
        got="a loader without any",
        fix="look at len(dataset); drop_last drops a data set smaller than a batch",
    )


def to_tensor(values: Any, dtype: Any) -> Tensor:
    """Return a Tensor; floats that come in an array or list get the model's data type."""
    if isinstance(values, Tensor):
        return values
    array = np.asarray(values)
    return from_numpy(array.astype(dtype, copy=False) if array.dtype.kind == "f" else array)
