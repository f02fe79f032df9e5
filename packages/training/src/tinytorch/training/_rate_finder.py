"""The learning-rate finder: raise the rate at every step, and see when the loss turns up again.

Source: L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, section 3.3.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from tinytorch.tensor import checks
from tinytorch.tensor.errors import ArgumentError
from tinytorch.training._history import show_figure
from tinytorch.training._run import Run
from tinytorch.training._trainer import Trainer
from tinytorch.training.callbacks.callback import Callback
from tinytorch.training.files.atomic import PathLike
from tinytorch.training.pictures import drawn, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
from tinytorch.training.session.state import trial

SMOOTHING = 0.9
DIVERGED = 4.0


class RateSweep(Callback):
    """The losses that a rising learning rate gave.

    Attributes:
        rates: The learning rate of each step.
        losses: The loss before each step, in nats.
        smooth: The losses as a moving average, free of the bias of its beginning.
    """

    def __init__(self, lowest: float, highest: float, steps: int) -> None:
        self.lowest, self.highest, self.steps = lowest, highest, steps
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.smooth: list[float] = []
        self._mean = 0.0

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step: the same factor from each to the next."""
        factor: float = (self.highest / self.lowest) ** (1 / (self.steps - 1))
        return self.lowest * factor**step

    def on_step_end(self, run: Run) -> None:
        """Note a step; stop when the loss has run away."""
        if not math.isfinite(run.loss_value):
            run.stop("the loss is not finite")
            return
        self.rates.append(run.optimizer.lr)
        self.losses.append(run.loss_value)
        self._mean = SMOOTHING * self._mean + (1 - SMOOTHING) * run.loss_value
        self.smooth.append(self._mean / (1 - SMOOTHING ** len(self.losses)))
        if self.smooth[-1] > DIVERGED * min(self.smooth) or run.step == self.steps:
            run.stop("the sweep is done")

    @property
    def suggestion(self) -> float:
        """A tenth of the rate at which the smoothed loss is lowest: a good first choice."""
        if not self.losses:
            return self.lowest
        return self.rates[int(np.argmin(self.smooth))] / 10

    def plot(self, path: PathLike | None = None) -> "Figure":
        """Draw loss over learning rate, and the suggestion.

        Args:
            path: A file to write, if any.

        Returns:
            The matplotlib figure.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        figure = new_figure("RateSweep.plot", 3.4)
        axes = figure.subplots()
        axes.plot(self.rates, self.losses, alpha=0.3, label="loss")
        axes.plot(self.rates, self.smooth, label="smoothed")
        label = f"suggestion {show_figure(self.suggestion)}"
        axes.axvline(self.suggestion, color="black", linestyle=":", label=label)
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss", title="learning-rate finder")
        axes.set_ylim(min(self.losses) * 0.9, max(self.smooth[: len(self.smooth) // 2 + 1]) * 1.3)
        axes.legend(frameon=False)
        axes.grid(alpha=0.3)
        return drawn("RateSweep.plot", figure, path)


def find_learning_rate(
    trainer: Trainer, lowest: float = 1e-6, highest: float = 10.0, steps: int = 100
) -> RateSweep:
    """Train for a few steps with a rising learning rate; afterwards the run is as it was.

    Args:
        trainer: Whose model, optimizer, loss and train_loader are tried.
        lowest: The first learning rate.
        highest: The last one; the sweep ends earlier when the loss runs away.
        steps: How many steps.

    Returns:
        The sweep: `suggestion`, `rates`, `losses` and `plot()`.

    Raises:
        ArgumentError: The rates do not rise from above 0, or steps is below 3.
    """
    if not 0 < lowest < highest:
        raise ArgumentError(
            "find_learning_rate",
            expected="0 < lowest < highest",
            got=f"lowest={lowest}, highest={highest}",
            fix="use the defaults: 1e-6 to 10",
        )
    checks.whole("find_learning_rate", "steps", steps, least=3)
    sweep = RateSweep(lowest, highest, steps)
    with trial(trainer), np.errstate(all="ignore"):
        attempt = type(trainer)(
            trainer.model,
            trainer.optimizer,
            trainer.train_loader,
            loss=trainer.loss,
            metrics=(),
            schedule=sweep,
            callbacks=[sweep],
            clip_norm=trainer.clip_norm,
            accumulate=trainer.accumulate,
            progress=False,
            world=trainer.world,
        )
        attempt.fit(epochs=steps)
    return sweep
