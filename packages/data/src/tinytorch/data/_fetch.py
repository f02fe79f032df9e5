"""From indices to a batch: gathered at once where the data set can, item by item where not."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tinytorch.tensor import Tensor, from_numpy
from tinytorch.tensor.errors import ArgumentError, ShapeError


class Transform(Protocol):
    """A transform with its randomness bound: images and a generator in, images out."""

    def __call__(self, images: Any, rng: np.random.Generator | None, /) -> Any:
        """Return the transformed images."""


class Seeded:
    """Any transform as a `Transform`: hands the generator to those that say ``random = True``.

    Args:
        transform: A callable on a batch of images, with a keyword ``rng`` if it is random.

    Raises:
        ArgumentError: It cannot be called, or is a class.
    """

    def __init__(self, transform: Callable[..., Any]) -> None:
        if isinstance(transform, type) or not callable(transform):
            raise ArgumentError(
                "transform",
                expected="a callable on a batch of images",
                got=repr(transform),
                fix="make an object of a class, for instance ToFloat(); "
                "put several in Compose([...])",
            )
        self.transform = transform

    def __call__(self, images: Any, rng: np.random.Generator | None, /) -> Any:
        if getattr(self.transform, "random", False):
            return self.transform(images, rng=rng)
        return self.transform(images)


def get_batch(
    dataset: Any,
    indices: np.ndarray,
    *,
    transform: Transform | None = None,
    rng: np.random.Generator | None = None,
    collate: Callable[[list[Any]], Any] | None = None,
) -> Any:
    """Make the batch of the items at ``indices``, ``(batch,)``.

    Args:
        dataset: The data set.
        indices: The items to take.
        transform: Applied to the batch's images, that is to its first array.
        rng: The source of the transforms' randomness.
        collate: Makes a batch of a list of items, in place of stacking them.

    Returns:
        The batch: arrays, in a tuple where the items are tuples.

    Raises:
        ShapeError: The items differ in shape.
        ArgumentError: The batch has no first array for ``transform``.
    """
    if collate is None and hasattr(dataset, "get_batch"):
        return dataset.get_batch(indices, transform=transform, rng=rng)
    if collate is None and hasattr(dataset, "__getitems__"):
        batch = dataset.__getitems__(indices)
        batch = stack(batch) if isinstance(batch, list) else batch
    else:
        batch = (collate or stack)([_item(dataset, index) for index in indices.tolist()])
    if transform is None:
        return batch
    if isinstance(batch, tuple) and batch:
        return (transform(np.asarray(batch[0]), rng), *batch[1:])
    if isinstance(batch, np.ndarray | Tensor):
        return transform(np.asarray(batch), rng)
    raise ArgumentError(
        "DataLoader",
        expected="a batch that is an array, or a tuple whose first element is, for transform",
        got=type(batch).__name__,
        fix="transform in the data set or in collate",
    )


def _item(dataset: Any, index: int) -> Any:
    try:
        return dataset[index]
    except Exception as error:
        error.add_note(f"while reading index {index} of {type(dataset).__name__}")
        raise


def stack(items: Sequence[Any]) -> Any:
    """Make one batch of several items of the same form.

    Args:
        items: Arrays, Tensors, numbers or nested lists of numbers; or tuples or dicts of those.

    Returns:
        For arrays and numbers one array, ``(batch, ...)``: Python floats become float32, integers
        int64. For tuples and dicts the same of each field. For anything else, such as strings,
        the items themselves, in a list.

    Raises:
        ShapeError: The items differ in shape, in length or in their keys.

    Example:
        >>> inputs, targets = stack([([1.0, 2.0], 0), ([3.0, 4.0], 1)])
        >>> inputs
        array([[1., 2.],
               [3., 4.]], dtype=float32)
        >>> targets
        array([0, 1])
    """
    first = items[0]
    if isinstance(first, tuple):
        if any(not isinstance(item, tuple) or len(item) != len(first) for item in items):
            raise _uneven([_form(item) for item in items])
        return tuple(stack(column) for column in zip(*items, strict=True))
    if isinstance(first, Mapping):
        if any(not isinstance(item, Mapping) or item.keys() != first.keys() for item in items):
            raise _uneven([_form(item) for item in items])
        return {key: stack([item[key] for item in items]) for key in first}
    if isinstance(first, np.ndarray | np.generic | Tensor):
        arrays = [np.asarray(item) for item in items]
        if len({array.shape for array in arrays}) > 1:
            raise _uneven([str(array.shape) for array in arrays])
        return np.stack(arrays)
    if isinstance(first, bool | int | float | list):
        try:
            array = np.asarray(items)
        except ValueError as error:
            raise _uneven([_form(item) for item in items]) from error
        narrow = {"f": np.float32, "i": np.int64, "b": np.bool_}.get(array.dtype.kind)
        if narrow is not None:
            return array.astype(narrow, copy=False)
    return list(items)


def _uneven(forms: list[str]) -> ShapeError:
    """Name the first item whose form is not that of item 0."""
    odd = next((place for place, form in enumerate(forms) if form != forms[0]), 0)
    return ShapeError(
        "DataLoader",
        expected=f"items of one form, as item 0 of the batch: {forms[0]}",
        got=f"item {odd} of the batch: {forms[odd]}",
        fix="bring the items to one shape in the data set, or pass collate=",
        item=odd,
    )


def _form(item: Any) -> str:
    """Describe an item in a few words."""
    if isinstance(item, Mapping):
        return f"a dict with the keys {list(item)}"
    if isinstance(item, tuple | list):
        return f"a {type(item).__name__} of {len(item)}"
    return f"a {type(item).__name__}"


def to_tensors(batch: Any) -> Any:
    """Wrap a batch's arrays as Tensors, which share their memory; leave everything else."""
    if isinstance(batch, np.ndarray) and batch.dtype.kind in "fiub":
        return from_numpy(batch)
    if isinstance(batch, tuple):
        return tuple(to_tensors(part) for part in batch)
    if isinstance(batch, dict):
        return {key: to_tensors(part) for key, part in batch.items()}
    return batch
