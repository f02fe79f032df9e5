"""The state of a run: all that its remaining steps depend on, and nothing else.

A run that goes on is the run that was saved, or says what differs: what cannot go on is a
StateError, what can but changes the bits is named in a warning.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tinytorch.autograd.nn import Module
from tinytorch.tensor.errors import StateError, TinyTorchError
from tinytorch.training._history import History
from tinytorch.training._run import Run
from tinytorch.training.files.regular import shown
from tinytorch.training.parts.made_of import differences
from tinytorch.training.parts.positions import (
    generator_states,
    load_generator_states,
    loader_state,
    restore_loader,
)
from tinytorch.training.session.totals import collect

VERSION = 2
PARTS = [
    "made_of",
    "model",
    "loss",
    "optimizer",
    "schedule",
    "generators",
    "loaders",
    "position",
    "metrics",
    "counters",
    "history",
    "callbacks",
    "seed",
    "accumulate",
]
POSITION = ("epoch", "batch", "examples", "step", "seconds")


def run_state(run: Run) -> dict[str, Any]:
    """Return a run's state; all ranks of its world have to ask for it.

    Within an epoch the loaders' states are those of its beginning: a resume reads the batches that
    are done once more, which gives back every random number on the way, and leaves them out.
    """
    run.bind()
    collect(run)
    return state_here(run)


def state_here(run: Run) -> dict[str, Any]:
    """Return what this rank knows of the run's state: all of it, in rank 0 after `collect`."""
    names = [type(callback).__name__ for callback in run.callbacks]
    states = [callback.state_dict() for callback in run.callbacks]
    others = {"other_generators": run.other_generators} if run.other_generators else {}
    return {
        "version": VERSION,
        "made_of": run.made_of,
        "model": run.weights(),
        "loss": run.loss.state_dict() if isinstance(run.loss, Module) else {},
        "optimizer": run.optimizer.state_dict(),
        "schedule": run.rate.state_dict(),
        "generators": generator_states(run.model),
        "loaders": run.loaders_at_epoch_begin if run.batch else run.loader_states(),
        "position": {name: getattr(run, name) for name in POSITION},
        "metrics": [metric.name for metric in run.metrics],
        "counters": [c.state_dict() for c in (run.mean_loss, *run.metrics)],
        "history": run.history.to_dict(),
        "callbacks": list(zip(names, states, strict=True)),
        "seed": run.seed,
        "accumulate": run.accumulate,
        **others,
    }


def load_run_state(run: Run, state: Mapping[str, Any]) -> None:
    """Put a run into a state that `run_state` gave, here or in an older version of TinyTorch."""
    run.bind()
    try:
        state = _upgraded(run, state)
        _check(run, state)
        changed = [
            line + (" (the saved one counts)" if line.startswith("optimizer.") else "")
            for line in differences(state["made_of"], run.made_of)
        ]
        changed += _take_up(run, state)
    except TinyTorchError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _no_state(shown(error)) from error
    if changed:
        lines = "".join(f"\n  {line}" for line in changed)
        warnings.warn(
            "Trainer: the saved run goes on with other parts than it had, and may end with other "
            f"bits than if it had never been broken off:{lines}\n"
            "way out: make it of the same parts, or give another run another folder",
            stacklevel=2,
        )


@contextmanager
def trial(run: Run) -> Iterator[None]:
    """Do anything with a run's model, optimizer and loaders; afterwards the run is as it was."""
    before = run_state(run)
    shown = run.model.state_dict() if run.is_showing else None
    modes = [(module, module.training) for module in run.model.modules()]
    try:
        yield
    finally:
        load_run_state(run, before)
        if shown is not None:
            run.show(shown)
        run.optimizer.zero_grad()
        for module, mode in modes:
            module.training = mode


def _upgraded(run: Run, state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the state as this version writes it."""
    version = state.get("version", 1)
    if version > VERSION:
        raise StateError(
            "Trainer.load_state_dict",
            expected=f"a run's state of version {VERSION} or an older one",
            got=f"version {version}: a newer TinyTorch saved it",
            fix="python -m pip install --upgrade tinytorch-training",
        )
    if version == 1:  # it does not say what it was made of, and counters have settings among them
        names = [metric.name for metric in run.metrics]
        state = {"made_of": run.made_of, "metrics": names, "loss": {}, **state}
        own = [counter.state_dict() for counter in (run.mean_loss, *run.metrics)]
        pairs = zip(own, state.get("counters", ()), strict=False)
        state["counters"] = [{k: saved.get(k, 1) for k in counts} for counts, saved in pairs]
    return state


def _check(run: Run, state: Mapping[str, Any]) -> None:
    """Refuse what cannot go on, before anything has changed."""
    if missing := [name for name in PARTS if name not in state]:
        raise _no_state(f"one without {', '.join(missing)}")
    *counts, seconds = (state["position"][name] for name in POSITION)
    if not all(type(n) is int and n >= 0 for n in counts) or not seconds >= 0:
        raise _no_state(f"one at the place {shown(state['position'])}")
    for name in ("seed", "accumulate"):
        here = getattr(run, name)
        if state[name] != here:
            raise _other_run(f"{name}={here}", f"{name}={state[name]}")
    names = [metric.name for metric in run.metrics]
    counted = len(state["counters"]) - 1
    if list(state["metrics"]) != names or counted != len(names):
        saved = ", ".join(state["metrics"])
        raise _other_run(f"the metrics {', '.join(names) or '(none)'}", f"the metrics {saved}")


def _take_up(run: Run, state: Mapping[str, Any]) -> list[str]:
    """Take up the state; return what of it nobody takes up, in words."""
    run.broken = True  # until all of it is taken up
    run.load_weights(state["model"])
    if isinstance(run.loss, Module) and state["loss"]:
        run.loss.load_state_dict(state["loss"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.rate.load_state_dict(state["schedule"])
    load_generator_states(run.model, state["generators"])
    run.other_generators = state.get("other_generators", [])
    changed = _load_loaders(run, state["loaders"])
    for name in POSITION:
        setattr(run, name, state["position"][name])
    counters = (run.mean_loss, *run.metrics)
    for counter, counts in zip(counters, state["counters"], strict=True):
        counter.load_state_dict(counts)
    run.history = History.from_dict(state["history"])
    run.broken = False
    return changed + _load_callbacks(run, state["callbacks"])


def _load_loaders(run: Run, states: list[Any]) -> list[str]:
    """Go to the place in the data; a validation loader that cannot begins anew, and says so."""
    train_loader, val_loader = run.loaders()
    train_state, val_state = states
    restore_loader(train_loader, train_state)
    changed = []
    try:
        restore_loader(val_loader, val_state)
    except StateError:
        val_state = loader_state(val_loader)
        changed = ["val_loader: another one, or none; what it draws at random begins anew"]
    run.loaders_at_epoch_begin = [train_state, val_state]
    return changed


def _load_callbacks(run: Run, states: list[Any]) -> list[str]:
    """Give each callback what the first of its class has kept; name what is left over."""
    waiting = list(states)
    for callback in run.callbacks:
        for i, (name, saved) in enumerate(waiting):
            if name == type(callback).__name__:
                callback.load_state_dict(saved)
                del waiting[i]
                break
    return [f"callbacks: {name}, here nothing" for name, saved in waiting if saved]


def _other_run(here: str, saved: str) -> StateError:
    return StateError(
        "Trainer.load_state_dict",
        expected=f"a run with {here}",
        got=f"one with {saved}",
        fix=f"use {saved} to go on with it, or another folder for another run",
    )


def _no_state(got: str) -> StateError:
    return StateError(
        "Trainer.load_state_dict",
        expected="what Trainer.state_dict gave, as a Checkpoint saves it",
        got=got,
        fix="load weights alone with model.load_state_dict; another run needs another folder",
    )
