"""EarlyStopping ends a run that no longer gets better, and gives its best weights back."""

import math
from collections.abc import Mapping
from typing import Any

from tinytorch.tensor import checks
from tinytorch.tensor.errors import ArgumentError
from tinytorch.training._history import direction, show_figure
from tinytorch.training._run import Run
from tinytorch.training.callbacks.callback import Callback

KEPT = ("best", "best_epoch", "waited", "weights")


class EarlyStopping(Callback):
    """Stop when a figure has not improved for `patience` epochs, and give the best weights back.

    The best weights are there to be used, evaluated and saved; when the fit goes on, it goes on
    from the last ones, as if it had never ended. After Ctrl-C or an error the model stays where the
    run is.

    Args:
        monitor: The column of the history; `val_loss` if left out.
        patience: How many epochs without improvement are borne.
        min_delta: How much better counts as better.
        mode: `"min"` or `"max"`: whether low or high figures are best. Left out, the column's name
            tells: losses and errors are best low, shares and scores high.
        restore_best: Whether the model gets the best epoch's weights back at the end of the fit.

    Attributes:
        best: The best figure so far; NaN before the first.
        best_epoch: Its epoch, counted from 1.
        waited: Epochs without improvement since.

    Raises:
        ArgumentError: patience is below 1, min_delta below 0, the name of the column does not tell
            what is best, or the history has no such column.
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
        self.monitor = monitor
        self.patience = checks.whole("EarlyStopping", "patience", patience, least=1)
        self.min_delta = checks.number("EarlyStopping", "min_delta", min_delta, least=0)
        self.sign = direction("EarlyStopping", monitor, mode)
        self.restore_best = restore_best
        self.reset()

    def reset(self) -> None:
        self.best = math.nan
        self.best_epoch = 0
        self.waited = 0
        self.weights: Mapping[str, Any] | None = None

    def on_fit_begin(self, run: Run) -> None:
        """Stay stopped where a resumed run had stopped."""
        if self.waited >= self.patience:
            run.stop(self._reason())

    def on_epoch_end(self, run: Run) -> None:
        if self.monitor not in run.history:
            raise ArgumentError(
                "EarlyStopping",
                expected=f"one of {', '.join(run.history)}",
                got=f"monitor={self.monitor!r}",
                fix="give the Trainer a val_loader, or choose another column",
            )
        score = self.sign * run.history[self.monitor][-1]
        first = math.isnan(self.best) and not math.isnan(score)
        if first or score > self.sign * self.best + self.min_delta:
            self.best, self.best_epoch, self.waited = self.sign * score, run.epoch, 0
            if self.restore_best:
                self.weights = run.model.state_dict()
            return
        self.waited += 1
        if self.waited >= self.patience:
            run.stop(self._reason())

    def on_fit_end(self, run: Run) -> None:
        """Give the model its best weights back, if the fit came to its end."""
        if self.weights is not None and run.finished:
            run.show(self.weights)

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in KEPT}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        vars(self).update({name: state[name] for name in KEPT})

    def _reason(self) -> str:
        better = "higher" if self.sign > 0 else "lower"
        return (
            f"{self.monitor} ({better} is better) has not improved for {self.waited} epochs "
            f"(best {show_figure(self.best)} in epoch {self.best_epoch})"
        )
