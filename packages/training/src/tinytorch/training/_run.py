"""A run is what callbacks, progress and files know of a training; the `Trainer` drives it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tinytorch.autograd.nn import Module, Parameter
from tinytorch.tensor import checks
from tinytorch.tensor.errors import ArgumentError
from tinytorch.training._history import History
from tinytorch.training._loaders import check_loader
from tinytorch.training._rates import LearningRate
from tinytorch.training.distributed.world import World
from tinytorch.training.metrics.figures import as_metrics, figures_of, numbers_in
from tinytorch.training.metrics.metric import Mean
from tinytorch.training.parts.made_of import made_of
from tinytorch.training.parts.positions import loader_state


class Token:
    """What tells a run from others; a copy of a run, with copies of its callbacks, has a copy."""


class Run:
    """Where a training stands: position, figures, model, optimizer and loaders.

    Attributes:
        epoch: Epochs finished in the run.
        batch: Batches finished in the epoch.
        examples: Examples seen in the epoch.
        step: Optimizer steps in the run.
        epochs: Epochs asked for.
        seconds: How long the epoch has taken so far.
        stopped: Why the fit was stopped; empty if it was not.
        broken: Whether an error broke the last fit off, maybe halfway through a step.
        inputs, targets, outputs: The last training batch, and what the model made of it.
        loss_value: The last training batch's loss.
        loss_weight: What it weighs beside those of other batches.
        history: The figures of the finished epochs.
        made_of: What the run is made of, in words, as it was when it began here.
        world: The ranks that train together; `inputs`, `targets` and `outputs` are this rank's
            part of the batch, and within an epoch losses and metrics are those of its parts.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Any,
        train_loader: Iterable[Any],
        val_loader: Iterable[Any] | None,
        loss: Callable[[Any, Any], Any],
        metrics: Iterable[Any],
        rate: LearningRate,
        callbacks: Sequence[Any],
        clip_norm: float | None,
        accumulate: int,
        seed: int | None,
        world: World | None = None,
    ) -> None:
        check_loader("train_loader", train_loader)
        if val_loader is not None:
            check_loader("val_loader", val_loader)
        if clip_norm is not None and not clip_norm > 0:
            raise ArgumentError(
                "Trainer",
                expected="clip_norm above 0, or None",
                got=f"clip_norm={clip_norm}",
                fix="try clip_norm=1.0",
            )
        self.model = model
        self.optimizer = optimizer
        self.train_loader = train_loader
        self.val_loader = val_loader
        self.loss = loss
        self.metrics = tuple(as_metrics(metrics))
        self.rate = rate
        self.world = world if world is not None else World()
        self.callbacks = [
            callback
            for callback in sorted(callbacks, key=lambda callback: callback.order)
            if self.world.rank == 0 or not callback.first_rank_only
        ]
        self.clip_norm = clip_norm
        self.accumulate = checks.whole("Trainer", "accumulate", accumulate, least=1)
        self.seed = seed
        self.token = Token()
        self.history = History()
        self.epoch = self.batch = self.examples = self.step = self.epochs = 0
        self.seconds = self.loss_value = self.loss_weight = 0.0
        self.stopped = ""
        self.broken = False
        self.inputs: Any = None
        self.targets: Any = None
        self.outputs: Any = None
        self.mean_loss = Mean(loss, name="loss")
        self.loaders_at_epoch_begin: list[Any] = []
        self.other_generators: list[dict[str, Any]] = []  # of ranks 1, 2, ...
        self.limit_batches: int | None = None
        self.made_of: dict[str, str] = {}
        self._own: Mapping[str, Any] | None = None
        self._shown: Mapping[str, Any] = {}

    def stop(self, reason: str) -> None:
        """End the fit after the step, or the epoch, that it is at; for callbacks."""
        self.stopped = reason

    @property
    def finished(self) -> bool:
        """Whether the fit came to its end: all epochs done, or stopped, and not by an error."""
        return not self.broken and (bool(self.stopped) or self.epoch >= self.epochs)

    def figures(self) -> dict[str, float]:
        """Return loss and metrics of the epoch so far, as training saw them."""
        counters = (self.mean_loss, *self.metrics)
        return numbers_in(figures_of(counters)) if self.mean_loss.seen else {}

    def loaders(self) -> tuple[Any, Any]:
        """Return both loaders; the second may be None."""
        return self.train_loader, self.val_loader

    def loader_states(self) -> list[Any]:
        """Return what the next passes of both loaders depend on."""
        return [loader_state(loader) for loader in self.loaders()]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The data type of the model's weights, which arrays are converted to."""
        return next((p.dtype for p in self.model.parameters()), np.dtype(np.float32))

    @property
    def batches_per_epoch(self) -> int | None:
        """How many batches an epoch has; None where the loader does not know."""
        try:
            length = len(self.train_loader)  # type: ignore[arg-type]
        except TypeError:
            return self.limit_batches
        return length if self.limit_batches is None else min(length, self.limit_batches)

    def bind(self) -> None:
        """Give the optimizer the model's parameters, unless it has some, and take the callbacks.

        Once, before anything moves, it is noted what the run is made of.

        Raises:
            ArgumentError: The optimizer holds none of the model's parameters.
        """
        if not self.optimizer.is_bound:
            self.optimizer.bind(self.model.named_parameters())
        held = {id(parameter) for parameter in self.moved_parameters()}
        if not any(id(parameter) in held for parameter in self.model.parameters()):
            raise ArgumentError(
                "Trainer",
                expected="an optimizer of this model's parameters",
                got="one that holds none of them",
                fix="make it of model.parameters(), or without parameters",
            )
        self.rate.bind()
        if not self.made_of:
            self.made_of = made_of(
                {
                    "model": self.model,
                    "optimizer": self.optimizer,
                    "loss": self.loss,
                    "schedule": self.rate.schedule,
                    "clip_norm": self.clip_norm,
                    "train_loader": self.train_loader,
                    "val_loader": self.val_loader,
                    "ranks": self.world.size,
                }
            )
        self.take_callbacks()

    def take_callbacks(self) -> None:
        """Have each callback at this run's state, which another run may have left."""
        for callback in self.callbacks:
            callback.take_up(self)

    def moved_parameters(self) -> list[Parameter]:
        """Return the parameters that the optimizer moves: those whose gradients count."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def weights(self) -> Mapping[str, Any]:
        """Return the model's state that training goes on from, whatever the model shows."""
        return self._own if self._own and self.is_showing else self.model.state_dict()

    def load_weights(self, weights: Mapping[str, Any]) -> None:
        """Give the model a state that training goes on from."""
        self.model.load_state_dict(weights)
        self._own, self._shown = None, {}

    def show(self, weights: Mapping[str, Any]) -> None:
        """Give the model a state to be looked at, such as its best; `take_back` undoes it.

        Training goes on from the state that the model had before, and that one is saved.
        """
        own = self.weights()
        self.model.load_state_dict(weights)
        self._own, self._shown = own, self.model.state_dict()

    @property
    def is_showing(self) -> bool:
        """Whether the model has a state that `take_back` will undo."""
        return self._own is not None and all(
            np.array_equal(value, self._shown[name], equal_nan=True)
            for name, value in self.model.state_dict().items()
        )

    def take_back(self) -> None:
        """Give the model back what it had before `show`, unless someone has changed it since."""
        if self._own:
            self.load_weights(self.weights())

    def __repr__(self) -> str:
        names = [type(part).__name__ for part in (self.model, self.optimizer)]
        return (
            f"{type(self).__name__}({', '.join(names)}; epoch {self.epoch}, batch {self.batch}, "
            f"step {self.step}; metrics {list(self.metrics)}, callbacks {self.callbacks})"
        )
