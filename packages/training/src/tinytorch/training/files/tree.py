"""A tree of plain values as JSON, and its arrays apart, each under the path that leads to it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import ArgumentError, DTypeError
from tinytorch.training.files.regular import shown

DEEPEST = 100
LONGEST_INTEGER = 10_000  # bits; Python reads no longer ones from text
NOT_IN_JSON = {"nan", "inf", "-inf"}


def pack(value: Any, name: str, arrays: dict[str, Any] | None, depth: int = 0) -> Any:
    """Turn a tree of None, numbers, texts, arrays, lists, tuples and dicts into what JSON can say.

    Args:
        value: The tree, or a part of it.
        name: What messages call it; arrays get names that begin with it.
        arrays: Where arrays go; None where there may be none, as in the key of a dict.
        depth: How deep in the tree it lies.
    """
    if depth > DEEPEST:
        raise ArgumentError(
            "save_checkpoint",
            expected=f"parts that are nested at most {DEEPEST} deep",
            got=f"{shown(name)}, still deeper",
            fix="look for a list or dict that holds itself, or keep the part flat",
        )
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.generic) and not isinstance(value.item(), np.generic):
        return pack(value.item(), name, arrays, depth)
    if type(value) is int and value.bit_length() <= LONGEST_INTEGER:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if isinstance(value, (np.ndarray, Tensor)) and arrays is not None:
        return {"array": _put(value, name, arrays)}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        items = [pack(v, f"{name}.{i}", arrays, depth + 1) for i, v in enumerate(value)]
        return {kind: items}
    if isinstance(value, Mapping):
        pairs = [
            [pack(k, f"{name}.{i}", None, depth + 1), pack(v, f"{name}.{k}", arrays, depth + 1)]
            for i, (k, v) in enumerate(value.items())
        ]
        return {"dict": pairs}
    raise _unknown(value, name)


def unpack(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Undo `pack`.

    Raises:
        ValueError: It is nothing that `pack` makes; KeyError and TypeError say the same.
    """
    if not isinstance(value, dict):
        if isinstance(value, list):
            raise ValueError("a list without its kind")
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return arrays[content]
    if kind == "float" and content in NOT_IN_JSON:
        return float(content)
    if kind == "dict":
        return {unpack(k, arrays): unpack(v, arrays) for k, v in content}
    if kind not in {"list", "tuple"} or not isinstance(content, list):
        raise ValueError(f"a value of the kind {kind!r}")
    items = [unpack(item, arrays) for item in content]
    return items if kind == "list" else tuple(items)


def _put(value: Any, name: str, arrays: dict[str, Any]) -> str:
    """Put an array under a name that nothing else has, nor the format for itself."""
    name = name.encode("utf-8", "backslashreplace").decode()
    while name in arrays or name == "__metadata__":
        name += "'"
    arrays[name] = value
    return name


def _unknown(value: Any, name: str) -> DTypeError:
    return DTypeError(
        "save_checkpoint",
        expected="numbers, texts, None, arrays, Tensors, and lists and dicts of these",
        got=f"{shown(name)} of type {type(value).__name__}",
        fix="give its state_dict(), or leave it out",
    )
