"""Averaged weights are measured in the place of those of the moment, and may lead them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tinytorch.tensor import checks
from tinytorch.training._run import Run
from tinytorch.training.callbacks.callback import Callback


class Averaged(Callback):
    """Keep a moving average of the weights; validation and the end of the fit show it.

    The average lags behind: `average = decay * average + (1 - decay) * weights`, from the weights
    after the first step on. Training goes on from its own weights, and both are saved. Whole
    numbers among the buffers are those of the moment.

    Args:
        decay: The share of the average that stays; the average is of about `every / (1 - decay)`
            steps.
        every: Steps from one average to the next.
        lead: Whether the weights are set to each average: then training goes on from there
            (Lookahead; its paper has `every=5, decay=0.5`).

    Raises:
        ArgumentError: decay is no number from 0 to 1 and below, or every no whole number above 0.

    Source:
        B. Polyak and A. Juditsky, Acceleration of stochastic approximation by averaging, 1992;
        M. Zhang et al., Lookahead Optimizer: k steps forward, 1 step back, 2019.
    """

    order = -20

    def __init__(self, decay: float = 0.999, *, every: int = 1, lead: bool = False) -> None:
        self.decay = checks.fraction("Averaged", "decay", decay, below_one=True)
        self.every = checks.whole("Averaged", "every", every, least=1)
        self.lead = checks.flag("Averaged", "lead", lead)
        self.reset()

    def reset(self) -> None:
        self.average: dict[str, np.ndarray] = {}

    def on_fit_begin(self, run: Run) -> None:
        if self.lead and not self.average:
            self.average = {name: np.array(value.data) for name, value in _values(run)}

    def on_step_end(self, run: Run) -> None:
        if run.step % self.every and self.average:
            return
        for name, value in _values(run):
            before = self.average.get(name)
            if before is None or value.dtype.kind != "f":
                self.average[name] = np.array(value.data)
                continue
            before += (1 - self.decay) * (value.data - before)
            if self.lead:
                value.assign(before)

    def on_validation(self, run: Run) -> None:
        if self.average:
            run.show(self.average)

    def state_dict(self) -> dict[str, Any]:
        return {"average": {name: np.array(value) for name, value in self.average.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.average = {name: np.array(value) for name, value in state["average"].items()}


def _values(run: Run) -> Iterator[tuple[str, Any]]:
    """Yield Parameters and Buffers, by the names of the model's state."""
    yield from run.model.named_parameters()
    yield from run.model.named_buffers()
