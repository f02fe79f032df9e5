"""A callback is told where the run stands and may stop it; what it keeps, a checkpoint keeps too.

The `Trainer` calls the hooks in this order, and for each of them the callbacks by `order`, equal
ones as they were given:

    on_setup
    on_fit_begin
        on_epoch_begin
            on_gradients, on_step_end       for each optimizer step
        on_epoch_end                        for each epoch
    on_interrupt                            after Ctrl-C, at a place where the run can be saved
    on_fit_end                              after errors, too

Any hook may call `trainer.stop(reason)`: the run ends after the optimizer step, or the epoch, that
it is at.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch.tensor.errors import ArgumentError
from tinytorch.training._history import direction, show_figure
from tinytorch.training.files.atomic import PathLike
from tinytorch.training.files.tensorboard import EventWriter

if TYPE_CHECKING:
    from tinytorch.training._trainer import Trainer

__all__ = ["CSVLog", "Callback", "EarlyStopping", "TensorBoard"]


class Callback:
    """The protocol: override the hooks that you need; each gets the `Trainer`.

    Worth reading there: `epoch` and `batch` (finished ones, in the run and in the epoch), `step`
    (optimizer steps in all), `epochs` (asked for), `history`, `model`, `optimizer`, `outputs`,
    `targets`, `inputs`, `loss_value` (of the last batch).

    Attributes:
        order: Lower ones are called first; 0 unless set.

    Example:
        >>> class StopAtTenSteps(Callback):
        ...     def on_step_end(self, trainer):
        ...         if trainer.step == 10:
        ...             trainer.stop("ten steps are enough")
    """

    order: int = 0

    def on_setup(self, trainer: "Trainer") -> None:
        """Prepare, before anything else: the checkpoint is loaded here."""

    def on_fit_begin(self, trainer: "Trainer") -> None:
        """Note the beginning of a fit, at its state's place: `trainer.epoch` may not be 0."""

    def on_epoch_begin(self, trainer: "Trainer") -> None:
        """Note the beginning of an epoch, or its going on after a resume."""

    def on_gradients(self, trainer: "Trainer") -> None:
        """Look at loss and gradients before they change the weights."""

    def on_step_end(self, trainer: "Trainer") -> None:
        """Note that the optimizer has stepped."""

    def on_epoch_end(self, trainer: "Trainer") -> None:
        """Note the end of an epoch; its figures stand in `trainer.history`."""

    def on_interrupt(self, trainer: "Trainer") -> str | None:
        """Save what is worth it after Ctrl-C, and give a text that says so."""

    def on_fit_end(self, trainer: "Trainer") -> None:
        """Tidy up: the fit is done, stopped or broken off."""

    def state_dict(self) -> dict[str, Any]:
        """Give what an exact resume needs: numbers, texts, arrays, lists and dicts of them."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""


class EarlyStopping(Callback):
    """Stop when a figure has not improved for `patience` epochs, and give the best weights back.

    Args:
        monitor: The column of the history; `val_loss` if left out.
        patience: How many epochs without improvement are borne.
        min_delta: How much better counts as better.
        mode: `"min"` or `"max"`; left out, losses are best low and all else high.
        restore_best: Whether the model gets the best epoch's weights back at the end of the fit.

    Raises:
        ArgumentError: patience is below 1, min_delta below 0, or the history has no such column.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 5,
        *,
        min_delta: float = 0.0,
        mode: str | None = None,
        restore_best: bool = True,
    ) -> None:
        if patience < 1 or min_delta < 0:
            raise ArgumentError(
                "EarlyStopping",
                expected="patience of at least 1, min_delta of at least 0",
                got=f"patience={patience}, min_delta={min_delta}",
                fix="use EarlyStopping(patience=5)",
            )
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.sign = direction(monitor, mode)
        self.restore_best = restore_best
        self.best = math.nan
        self.best_epoch = 0
        self.waited = 0
        self.weights: dict[str, np.ndarray] | None = None

    def on_fit_begin(self, trainer: "Trainer") -> None:
        """Stay stopped where a resumed run had stopped."""
        if self.waited >= self.patience:
            trainer.stop(self._reason())

    def on_epoch_end(self, trainer: "Trainer") -> None:
        """Compare the epoch's figure with the best one."""
        figures = trainer.history.last
        if self.monitor not in figures:
            raise ArgumentError(
                "EarlyStopping",
                expected=f"a column to monitor, one of {', '.join(figures)}",
                got=f"monitor={self.monitor!r}",
                fix="give the Trainer a val_loader, or monitor one of these",
            )
        score = self.sign * figures[self.monitor]
        first = self.best_epoch == 0 and not math.isnan(score)
        if first or score > self.best + self.min_delta:
            self.best, self.best_epoch, self.waited = score, trainer.epoch, 0
            if self.restore_best:
                state = trainer.model.state_dict()
                self.weights = {name: np.array(value) for name, value in state.items()}
            return
        self.waited += 1
        if self.waited >= self.patience:
            trainer.stop(self._reason())

    def on_fit_end(self, trainer: "Trainer") -> None:
        """Give the model its best weights back."""
        if self.weights is not None:
            trainer.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """Give the best figure, its epoch and weights, and the epochs waited since."""
        names = ("best", "best_epoch", "waited", "weights")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up the state of another run."""
        vars(self).update(state)

    def _reason(self) -> str:
        best = show_figure(self.sign * self.best)
        return (
            f"{self.monitor} has not improved for {self.waited} epochs "
            f"(best {best} in epoch {self.best_epoch})"
        )


class CSVLog(Callback):
    """Write the history to a CSV file after each epoch; a resumed run goes on in it.

    Args:
        path: The file; it is replaced in one step, so it can be read at any moment.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)

    def on_epoch_end(self, trainer: "Trainer") -> None:
        """Write the table."""
        trainer.history.to_csv(self.path)


class TensorBoard(Callback):
    """Write losses, metrics and learning rate to event files that TensorBoard reads.

    A resumed run adds a file of its own; figures that were written twice are the same ones.

    Args:
        folder: The folder that `tensorboard --logdir` is to show.
        every: Steps between two points of the training loss.
    """

    def __init__(self, folder: PathLike, *, every: int = 10) -> None:
        if every < 1:
            raise ArgumentError(
                "TensorBoard", expected="every >= 1", got=f"every={every}", fix="use every=10"
            )
        self.folder = Path(folder)
        self.every = every
        self._writer: EventWriter | None = None

    def on_fit_begin(self, trainer: "Trainer") -> None:  # noqa: ARG002 - the hook's signature
        """Open an event file."""
        self._writer = EventWriter(self.folder, time.time())

    def on_step_end(self, trainer: "Trainer") -> None:
        """Write the loss and the learning rate of every so many steps."""
        if trainer.step % self.every == 0:
            self._write(trainer, {"step/loss": trainer.loss_value, "step/lr": trainer.optimizer.lr})

    def on_epoch_end(self, trainer: "Trainer") -> None:
        """Write the epoch's figures."""
        self._write(trainer, {f"epoch/{k}": v for k, v in trainer.history.last.items()})

    def on_fit_end(self, trainer: "Trainer") -> None:  # noqa: ARG002 - the hook's signature
        """Close the event file."""
        if self._writer is not None:
            self._writer.close()

    def _write(self, trainer: "Trainer", figures: Mapping[str, float]) -> None:
        assert self._writer is not None
        self._writer.scalars(figures, step=trainer.step, wall_time=time.time())
