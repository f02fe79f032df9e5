"""Loaders as the Trainer sees them: pairs of Tensors, and a position that can be gone back to.

A loader with `state_dict` and `load_state_dict` (as `DataLoader` has) says itself what its next
pass depends on. Of any other, the numpy Generators in its public attributes are kept.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from tinytorch.autograd.nn import Module
from tinytorch.tensor import Tensor, checks, from_numpy
from tinytorch.tensor.errors import ArgumentError, ShapeError, StateError


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
    """Yield batches `start` to `stop` as pairs of Tensors; there must be one at least.

    Raises:
        ArgumentError: stop is no whole number of at least 1, there is no batch, or one is no pair.
        ShapeError: Inputs and targets are not of one length.
    """
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
    """Return the first batches of a loader, or all of them.

    Raises:
        ArgumentError: limit_batches is no whole number of at least 1.
    """
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


def loader_state(loader: Any) -> Any:
    """Return what the loader's next pass depends on, for `restore_loader`.

    A pass that was left early (limit_batches) is over: a new one is begun and taken back at once,
    so that the loader in memory and one that loads the state begin the same pass.
    """
    if hasattr(loader, "state_dict"):
        iter(loader)
        state = loader.state_dict()
        loader.load_state_dict(state)
        return state
    return [generator.bit_generator.state for generator in _generators(loader)]


def restore_loader(loader: Any, state: Any) -> None:
    """Take the loader back to a state that `loader_state` gave.

    Raises:
        StateError: It is the state of a loader of another kind.
    """
    if isinstance(state, Mapping) and hasattr(loader, "load_state_dict"):
        loader.load_state_dict(state)
        return
    generators = _generators(loader)
    if hasattr(loader, "load_state_dict") or len(state) != len(generators):
        raise StateError(
            "Trainer.load_state_dict",
            expected=f"the place in the data of a {type(loader).__name__} "
            f"with {len(generators)} random generators",
            got=f"that of another loader: {type(state).__name__} of {len(state)}",
            fix="give the Trainer the loaders that the run began with",
        )
    for generator, before in zip(generators, state, strict=True):
        generator.bit_generator.state = before


def generator_states(model: Module) -> dict[str, Any]:
    """Return the states of the model's random generators (dropout), by name."""
    return {name: rng.bit_generator.state for name, rng in model.named_generators()}


def load_generator_states(model: Module, states: dict[str, Any]) -> None:
    """Take the model's random generators back to `states`.

    Raises:
        StateError: They are those of a model with other generators.
    """
    here = [name for name, _ in model.named_generators()]
    if set(here) != set(states):
        raise StateError(
            "Trainer.load_state_dict",
            expected=f"the states of the model's random generators: {', '.join(here) or 'none'}",
            got=", ".join(states) or "none",
            fix="use the model that the run began with, dropout and all",
        )
    for name, rng in model.named_generators():
        rng.bit_generator.state = states[name]


def seed_run(seed: int, model: Module, loaders: Sequence[Any]) -> None:
    """Seed whatever draws random numbers in a run: the model's generators and the loaders'.

    Each of them has random numbers of its own, so a validation loader changes nothing in training.
    """
    for_model, *for_loaders = np.random.SeedSequence(seed).spawn(1 + len(loaders))
    _seed([rng for _, rng in model.named_generators()], for_model)
    for loader, sequence in zip(loaders, for_loaders, strict=True):
        state = loader.state_dict() if hasattr(loader, "state_dict") else {}
        if "entropy" in state:
            words = sequence.generate_state(len(state["entropy"])).tolist()
            loader.load_state_dict({**state, "entropy": words})
        else:
            _seed(_generators(loader), sequence)


def _seed(generators: list[np.random.Generator], sequence: np.random.SeedSequence) -> None:
    for rng, child in zip(generators, sequence.spawn(len(generators)), strict=True):
        rng.bit_generator.state = type(rng.bit_generator)(child).state


def _generators(root: Any) -> list[np.random.Generator]:
    """Find numpy Generators in public attributes, lists and dicts, each once, in a fixed order."""
    found: list[np.random.Generator] = []
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, (str, bytes, int, float, np.ndarray, Tensor)):
            continue
        seen.add(id(value))
        if isinstance(value, np.random.Generator):
            found.append(value)
        elif isinstance(value, dict):
            waiting += reversed(value.values())
        elif isinstance(value, (list, tuple)):
            waiting += reversed(value)
        elif hasattr(value, "__dict__") and not isinstance(value, type):
            public = [v for k, v in vars(value).items() if not k.startswith("_")]
            waiting += reversed(public)
    return found
