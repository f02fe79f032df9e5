"""The state of a run: all that its remaining steps depend on, and nothing else."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tinytorch.tensor.errors import StateError
from tinytorch.training._history import History
from tinytorch.training._loaders import generator_states, load_generator_states, restore_loader

if TYPE_CHECKING:
    from tinytorch.training._trainer import Trainer

__all__ = ["load_run_state", "run_state"]

POSITION = ("epoch", "batch", "examples", "step", "seconds")


def run_state(trainer: "Trainer") -> dict[str, Any]:
    """Give a trainer's state.

    Within an epoch the loaders' states are those of its beginning: a resume reads the batches that
    are done once more, which gives back every random number on the way, and leaves them out.
    """
    names = [type(callback).__name__ for callback in trainer.callbacks]
    states = [callback.state_dict() for callback in trainer.callbacks]
    return {
        "model": trainer.model.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "schedule": trainer.rate.state_dict(),
        "generators": generator_states(trainer.model),
        "loaders": trainer.loaders_at_epoch_begin if trainer.batch else trainer.loader_states(),
        "position": {name: getattr(trainer, name) for name in POSITION},
        "counters": [c.state_dict() for c in (trainer.mean_loss, *trainer.metrics)],
        "history": trainer.history.to_dict(),
        "callbacks": list(zip(names, states, strict=True)),
        "seed": trainer.seed,
        "accumulate": trainer.accumulate,
    }


def load_run_state(trainer: "Trainer", state: Mapping[str, Any]) -> None:
    """Put a trainer into a state that `run_state` gave.

    Raises:
        StateError: It is the state of another run: of another seed, model or optimizer.
    """
    for name in ("seed", "accumulate"):
        if state[name] != getattr(trainer, name):
            raise StateError(
                "Trainer.load_state_dict",
                expected=f"a run with {name}={getattr(trainer, name)}",
                got=f"one with {name}={state[name]}",
                fix=f"use {name}={state[name]} to go on with it, or another folder for another run",
            )
    counters = (trainer.mean_loss, *trainer.metrics)
    if len(counters) != len(state["counters"]):
        raise StateError(
            "Trainer.load_state_dict",
            expected=f"a run with {len(trainer.metrics)} metrics",
            got=f"one with {len(state['counters']) - 1}",
            fix="give the Trainer the metrics that the run began with",
        )
    trainer.model.load_state_dict(state["model"])
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.rate.load_state_dict(state["schedule"])
    load_generator_states(trainer.model, state["generators"])
    trainer.loaders_at_epoch_begin = list(state["loaders"])
    for loader, loader_state in zip(trainer.loaders(), state["loaders"], strict=True):
        restore_loader(loader, loader_state)
    for name in POSITION:
        setattr(trainer, name, state["position"][name])
    for counter, counts in zip(counters, state["counters"], strict=True):
        counter.load_state_dict(counts)
    trainer.history = History.from_dict(state["history"])
    trainer.broken = False
    waiting = list(state["callbacks"])
    for callback in trainer.callbacks:
        for i, (name, saved) in enumerate(waiting):
            if name == type(callback).__name__:
                callback.load_state_dict(saved)
                del waiting[i]
                break
