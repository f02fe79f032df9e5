"""Where the random numbers of a loader and a model stand: positions that can be gone back to.

A loader with `state_dict` and `load_state_dict` (as `DataLoader` has) says itself what its next
pass depends on. Of any other, the numpy Generators in its public attributes are kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinytorch.autograd.nn import Module
from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import StateError


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
    """Take the loader back to a state that `loader_state` gave."""
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
    """Take the model's random generators back to `states`."""
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
