"""EarlyStopping ends a run that no longer gets better, and gives its best weights back."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinytorch.tensor.errors import ArgumentError
from tinytorch.training._history import direction, show_figure
from tinytorch.training._run import Run
from tinytorch.training.callbacks.callback import Callback

__all__ = ["EarlyStopping"]


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

    def on_fit_begin(self, run: Run) -> None:
        """Stay stopped where a resumed run had stopped."""
        if self.waited >= self.patience:
            run.stop(self._reason())

    def on_epoch_end(self, run: Run) -> None:
        """Compare the epoch's figure with the best one."""
        figures = run.history.last
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
            self.best, self.best_epoch, self.waited = score, run.epoch, 0
            if self.restore_best:
                state = run.model.state_dict()
                self.weights = {name: np.array(value) for name, value in state.items()}
            return
        self.waited += 1
        if self.waited >= self.patience:
            run.stop(self._reason())

    def on_fit_end(self, run: Run) -> None:
        """Give the model its best weights back."""
        if self.weights is not None:
            run.model.load_state_dict(self.weights)

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
