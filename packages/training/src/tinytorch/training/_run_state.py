"""The state of a run: all that its remaining steps depend on, and nothing else."""

from collections.abc import Mapping
from typing import Any

from tinytorch.tensor.errors import StateError
from tinytorch.training._history import History
from tinytorch.training._loaders import generator_states, load_generator_states, restore_loader
from tinytorch.training._run import Run

__all__ = ["load_run_state", "run_state"]

POSITION = ("epoch", "batch", "examples", "step", "seconds")


def run_state(run: Run) -> dict[str, Any]:
    """Return a run's state.

    Within an epoch the loaders' states are those of its beginning: a resume reads the batches that
    are done once more, which gives back every random number on the way, and leaves them out.
    """
    names = [type(callback).__name__ for callback in run.callbacks]
    states = [callback.state_dict() for callback in run.callbacks]
    return {
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "schedule": run.rate.state_dict(),
        "generators": generator_states(run.model),
        "loaders": run.loaders_at_epoch_begin if run.batch else run.loader_states(),
        "position": {name: getattr(run, name) for name in POSITION},
        "counters": [c.state_dict() for c in (run.mean_loss, *run.metrics)],
        "history": run.history.to_dict(),
        "callbacks": list(zip(names, states, strict=True)),
        "seed": run.seed,
        "accumulate": run.accumulate,
    }


def load_run_state(run: Run, state: Mapping[str, Any]) -> None:
    """Put a run into a state that `run_state` gave.

    Raises:
        StateError: It is the state of another run: of another seed, model or optimizer.
    """
    run.bind()
    for name in ("seed", "accumulate"):
        if state[name] != getattr(run, name):
            raise StateError(
                "Trainer.load_state_dict",
                expected=f"a run with {name}={getattr(run, name)}",
                got=f"one with {name}={state[name]}",
                fix=f"use {name}={state[name]} to go on with it, or another folder for another run",
            )
    counters = (run.mean_loss, *run.metrics)
    if len(counters) != len(state["counters"]):
        raise StateError(
            "Trainer.load_state_dict",
            expected=f"a run with {len(run.metrics)} metrics",
            got=f"one with {len(state['counters']) - 1}",
            fix="give the Trainer the metrics that the run began with",
        )
    run.model.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.rate.load_state_dict(state["schedule"])
    load_generator_states(run.model, state["generators"])
    run.loaders_at_epoch_begin = list(state["loaders"])
    for loader, loader_state in zip(run.loaders(), state["loaders"], strict=True):
        restore_loader(loader, loader_state)
    for name in POSITION:
        setattr(run, name, state["position"][name])
    for counter, counts in zip(counters, state["counters"], strict=True):
        counter.load_state_dict(counts)
    run.history = History.from_dict(state["history"])
    run.broken = False
    waiting = list(state["callbacks"])
    for callback in run.callbacks:
        for i, (name, saved) in enumerate(waiting):
            if name == type(callback).__name__:
                callback.load_state_dict(saved)
                del waiting[i]
                break
