"""What a run is made of, in words: from equal words a saved run goes on with the very same bits.

Settings are looked at, not random numbers, which a state keeps apart; of arrays a sample, so that
large data costs nothing; of functions, and of classes outside of TinyTorch, the code.
"""

import functools
import hashlib
import os
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tinytorch.autograd import Variable
from tinytorch.autograd.nn import Buffer, Module
from tinytorch.tensor import Tensor, kernels

SAMPLE = 4096  # numbers of an array
ITEMS = 8  # of a long list
DEEPEST = 8
MOST_WORDS = 5000
NO_MATTER = {"num_workers", "prefetch", "worker", "timeout", "training", "shard"}  # change no bit
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
RANDOM = (np.random.Generator, np.random.BitGenerator, np.random.SeedSequence)
SHOWN_DIFFERENCES = 12


def made_of(parts: Mapping[str, Any]) -> dict[str, str]:
    """Describe the parts of a run, by name, and what computes it.

    Returns:
        Name to words, `train_loader.batches.batch_size` to `32`.
    """
    words: dict[str, str] = {}
    seen: set[int] = set()
    for name, part in parts.items():
        _describe(part, name, words, seen, 0)
    return {
        **words,
        "kernels": kernels.active(),
        "threads": _threads(),
        "numpy": np.__version__,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",  # sums of code are its own
    }


def differences(before: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Return a line for each name that has other words; of a part that is another one, one line."""
    lines: dict[str, str] = {}
    for name in dict.fromkeys((*before, *here)):
        old, new = before.get(name, "nothing"), here.get(name, "nothing")
        if old != new and not any(name.startswith(f"{part}.") for part in lines):
            lines[name] = f"{name}: {old}, here {new}"
    shown = list(lines.values())[:SHOWN_DIFFERENCES]
    more = len(lines) - len(shown)
    return [*shown, f"and {more} more"] if more else shown


def _describe(value: Any, name: str, words: dict[str, str], seen: set[int], depth: int) -> None:
    """Put words about a value, and about what is in it, under its name."""
    if isinstance(value, (*RANDOM, Path)) or depth > DEEPEST or len(words) > MOST_WORDS:
        return
    word = _word(value)
    if word is not None:
        words[name] = word
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    words[name] = _kind(value)
    for key, item in _inside(value):
        _describe(item, f"{name}.{key}", words, seen, depth + 1)


def _word(value: Any) -> str | None:
    """Return all that there is to say about a value that has nothing in it; else None."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, complex)):
        return repr(value)
    if isinstance(value, (str, bytes)):
        return repr(value) if len(value) < 80 else f"{value[:60]!r}... {_sum(repr(value))}"
    if isinstance(value, (Variable, Buffer)):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, (np.ndarray, Tensor)):
        array = value.data if isinstance(value, Tensor) else value
        return f"{array.dtype} {array.shape} {_sum_of_sample(array)}".rstrip()
    if isinstance(value, (type, types.BuiltinFunctionType, np.ufunc)):
        return getattr(value, "__qualname__", value.__name__)
    return None


def _kind(value: Any) -> str:
    """Return the name of a function or of a value's class, with a sum of its code."""
    if isinstance(value, types.FunctionType):
        own = value.__module__ or ""
        return value.__qualname__ + ("" if _is_ours(own) else f" {_sum(*_code(value.__code__))}")
    kind = type(value)
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return f"{kind.__qualname__} of {len(value)}"
    code = [
        text
        for base in kind.__mro__
        if base is not object and not _is_ours(base.__module__)
        for function in vars(base).values()
        if isinstance(function, types.FunctionType)
        for text in _code(function.__code__)
    ]
    return kind.__qualname__ + (f" {_sum(*code)}" if code else "")


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    """Return what a value holds, by name."""
    if isinstance(value, types.FunctionType):
        yield from _around(value)
    elif isinstance(value, types.MethodType):
        yield from (("function", value.__func__), ("self", value.__self__))
    elif isinstance(value, functools.partial):
        yield from (("function", value.func), ("arguments", value.args))
        yield from value.keywords.items()
    elif isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        places = np.linspace(0, len(value) - 1, min(len(value), ITEMS)).astype(int)
        yield from ((str(i), value[i]) for i in places)
    elif hasattr(value, "param_groups"):
        groups = value.param_groups
        for i, group in enumerate(groups):
            place = f"{i}." if len(groups) > 1 else ""
            yield from ((f"{place}{key}", x) for key, x in group.items() if key != "params")
    else:
        with suppress(Exception):  # a length that somebody else's class cannot tell
            yield "length", len(value)
        if isinstance(value, Module):  # which may keep them in a list of any name
            yield from value.named_children()
        for key, item in sorted(getattr(value, "__dict__", {}).items()):
            if not key.startswith("_") and key not in NO_MATTER and not isinstance(item, Module):
                yield key, item


def _around(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Return what a function reckons with beside its arguments: numbers, texts, other functions."""
    code = function.__code__
    around = {name: function.__globals__[name] for name in _names(code, function.__globals__)}
    around |= function.__kwdefaults__ or {}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not filled yet
            around[name] = cell.cell_contents
    around |= {str(i): value for i, value in enumerate(function.__defaults__ or ())}
    simple = (bool, int, float, str, list, tuple, types.FunctionType, functools.partial, np.ndarray)
    return ((name, value) for name, value in around.items() if isinstance(value, simple))


def _names(code: types.CodeType, known: Mapping[str, Any]) -> list[str]:
    """Return the globals that code reads, as far as they are plain numbers and texts."""
    plain = (bool, int, float, str)
    return [name for name in code.co_names if isinstance(known.get(name), plain)]


def _code(code: types.CodeType) -> Iterator[str]:
    yield from (code.co_code.hex(), *code.co_names)
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from _code(value)
        else:
            yield repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)


def _sum_of_sample(array: np.ndarray) -> str:
    if array.dtype.hasobject:
        return ""
    if array.size > SAMPLE:
        places = np.linspace(0, array.size - 1, SAMPLE).astype(np.int64)
        array = array[np.unravel_index(places, array.shape)]
    return hashlib.sha256(array.tobytes()).hexdigest()[:8]


def _sum(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _is_ours(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in {"tinytorch", "builtins"}


def _threads() -> str:
    """Return what decides into how many parts sums are split."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    limits = [f"{name}={os.environ[name]}" for name in LIMITS if name in os.environ]
    return ", ".join([f"{cores} cores", *limits])
