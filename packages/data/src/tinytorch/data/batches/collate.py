"""The form of a batch: that of its items, with an axis for the batch in front of every field."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from copy import copy
from functools import partial
from typing import Any

import numpy as np

from tinytorch.tensor import Tensor, from_numpy
from tinytorch.tensor.errors import ShapeError


def stack(operation: str, items: Sequence[Any]) -> Any:
    """Make one batch of several items of the same form.

    Args:
        operation: Who asks, for the error.
        items: Numbers, arrays of any library, or anything else; or tuples, lists and mappings of
            those.

    Returns:
        In the form of the items, one array `(batch, ...)` for each field: Python floats become
        float32, integers int64, and what does not stack, such as strings, an array of objects.

    Raises:
        ShapeError: The items differ in shape, in length or in their keys.

    Example:
        >>> inputs, targets = stack("DataLoader", [(np.ones(2), 0), (np.zeros(2), 1)])
        >>> inputs
        array([[1., 1.],
               [0., 0.]])
        >>> targets
        array([0, 1])
    """
    uneven = partial(_uneven, operation, "item")
    return _by_field(items, partial(_stacked, uneven), uneven)


def join(operation: str, batches: Sequence[Any], order: np.ndarray) -> Any:
    """Make one batch of several of the same form, its rows put in `order`, `(rows,)`.

    Raises:
        ShapeError: The batches differ in the shape of their rows, in length or in their keys.
    """
    uneven = partial(_uneven, operation, "part")
    return _by_field(batches, partial(_joined, uneven, order), uneven)


def to_tensors(batch: Any) -> Any:
    """Wrap a batch's arrays as Tensors, which share their memory; objects become a list."""
    if isinstance(batch, tuple | list):
        return like(batch, [to_tensors(part) for part in batch])
    if isinstance(batch, Mapping):
        return like(batch, {key: to_tensors(part) for key, part in batch.items()})
    if isinstance(batch, Tensor | np.generic) or not (
        isinstance(batch, np.ndarray) or is_array(batch)
    ):
        return batch
    array = as_array(batch)
    if array.dtype.kind in "fiub":
        return from_numpy(array)
    return array.tolist() if array.dtype.kind == "O" and array.ndim == 1 else batch


def without_rows(batch: Any) -> Any:
    """Return a batch of the same form and data types that has no rows."""
    return _by_field([batch], lambda parts: parts[0][:0], partial(_uneven, "DataLoader", "batch"))


def like(form: Any, fields: list[Any] | dict[Any, Any]) -> Any:
    """Return `fields` as an object of the class of `form`: of a tuple, a list or a mapping.

    A class that cannot be made of its fields alone gives way to the plain tuple, list or dict.
    """
    kind: Any = type(form)
    if kind in {tuple, list, dict}:
        return kind(fields)
    if hasattr(kind, "_make"):  # a namedtuple
        return kind._make(fields)
    try:
        if isinstance(form, MutableMapping):
            filled = copy(form)  # what else the object knows, such as a default, stays
            filled.update(fields)
            return filled
        return kind(fields)
    except TypeError:
        return tuple(fields) if isinstance(form, tuple) else fields


def is_array(value: Any) -> bool:
    """Tell whether it is an array of numbers or texts, whichever library it is from."""
    if isinstance(value, np.ndarray | np.generic | Tensor):
        return value.dtype.kind != "O"
    if hasattr(value, "__array__") and not isinstance(value, type):
        return np.asarray(value).dtype.kind != "O"
    return hasattr(value, "__dlpack__")


def as_array(value: Any) -> np.ndarray:
    """Return an array of any library as one of NumPy, which shares its memory if it can."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.from_dlpack(value)
    array: np.ndarray = np.asarray(value)
    return array


def column(values: Sequence[Any]) -> np.ndarray:
    """Return any values as an array of objects, `(rows,)`, whatever is inside of them."""
    return np.fromiter(values, object, len(values))


Refusal = Callable[[list[str]], ShapeError]


def _by_field(parts: Sequence[Any], merge: Callable[[Sequence[Any]], Any], uneven: Refusal) -> Any:
    """Merge `parts`, which have one form, field by field."""
    first = parts[0]
    if isinstance(first, tuple | list):
        kind = tuple if isinstance(first, tuple) else list
        if any(not isinstance(part, kind) or len(part) != len(first) for part in parts):
            raise uneven([_form(part) for part in parts])
        columns = zip(*parts, strict=True)
        return like(first, [_by_field(each, merge, uneven) for each in columns])
    if isinstance(first, Mapping):
        if any(not isinstance(part, Mapping) or part.keys() != first.keys() for part in parts):
            raise uneven([_form(part) for part in parts])
        fields = {key: [part[key] for part in parts] for key in first}
        return like(first, {key: _by_field(each, merge, uneven) for key, each in fields.items()})
    return merge(parts)


def _stacked(uneven: Refusal, values: Sequence[Any]) -> np.ndarray:
    first = values[0]
    if is_array(first):
        arrays = [as_array(value) for value in values]
        if len({array.shape for array in arrays}) > 1:
            raise uneven([str(array.shape) for array in arrays])
        return np.stack(arrays)
    if isinstance(first, bool | int | float):
        try:
            array = np.asarray(values)
        except ValueError as error:
            raise uneven([_form(value) for value in values]) from error
        narrow = {"f": np.float32, "i": np.int64, "b": np.bool_}.get(array.dtype.kind)
        if narrow is not None:
            return array.astype(narrow, copy=False)
    return column(values)


def _joined(uneven: Refusal, order: np.ndarray, columns: Sequence[Any]) -> np.ndarray:
    arrays = [as_array(each) for each in columns]
    rows = [array.shape[1:] if array.ndim else None for array in arrays]
    if None in rows or len(set(rows)) > 1:
        raise uneven([f"rows of shape {row}" for row in rows])
    whole: np.ndarray = np.concatenate(arrays)[order]
    return whole


def _uneven(operation: str, what: str, forms: list[str]) -> ShapeError:
    """Name the first part whose form is not that of part 0."""
    odd = next((place for place, form in enumerate(forms) if form != forms[0]), 0)
    return ShapeError(
        operation,
        expected=f"{what}s of one form, as {what} 0 of the batch: {forms[0]}",
        got=f"{what} {odd} of the batch: {forms[odd]}",
        fix="bring the items to one shape in the data set, or pass collate=",
        item=odd,
    )


def _form(item: Any) -> str:
    """Describe an item in a few words."""
    if isinstance(item, Mapping):
        return f"a {type(item).__name__} with the keys {list(item)}"
    if isinstance(item, tuple | list):
        return f"a {type(item).__name__} of {len(item)}"
    return f"a {type(item).__name__}"
