"""Logs: the figures of a run as a CSV file, or as the event files that TensorBoard reads."""

import time
from collections.abc import Mapping
from pathlib import Path

from tinytorch.tensor import checks
from tinytorch.training._run import Run
from tinytorch.training.callbacks.callback import Callback
from tinytorch.training.files.atomic import PathLike
from tinytorch.training.files.tensorboard import EventWriter


class CSVLog(Callback):
    """Write the history to a CSV file after each epoch; a resumed run goes on in it.

    Args:
        path: The file; it is replaced in one step, so it can be read at any moment.
    """

    first_rank_only = True

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)

    def on_epoch_end(self, run: Run) -> None:
        run.history.to_csv(self.path)


class TensorBoard(Callback):
    """Write losses, metrics and learning rate to event files that TensorBoard reads.

    A resumed run adds a file of its own; figures that were written twice are the same ones.

    Args:
        folder: The folder that `tensorboard --logdir` is to show.
        every: Steps between two points of the training loss.

    Raises:
        ArgumentError: every is no whole number of at least 1.
    """

    first_rank_only = True

    def __init__(self, folder: PathLike, *, every: int = 10) -> None:
        self.folder = Path(folder)
        self.every = checks.whole("TensorBoard", "every", every, least=1)
        self._writer: EventWriter | None = None

    def on_fit_begin(self, run: Run) -> None:  # noqa: ARG002 - the hook's signature
        self._writer = EventWriter(self.folder, time.time())

    def on_step_end(self, run: Run) -> None:
        if run.step % self.every == 0:
            self._write(run, {"step/loss": run.loss_value, "step/lr": run.optimizer.lr})

    def on_epoch_end(self, run: Run) -> None:
        self._write(run, {f"epoch/{k}": v for k, v in run.history.last.items()})

    def on_fit_end(self, run: Run) -> None:  # noqa: ARG002 - the hook's signature
        if self._writer is not None:
            self._writer.close()

    def _write(self, run: Run, figures: Mapping[str, float]) -> None:
        assert self._writer is not None
        self._writer.scalars(figures, step=run.step, wall_time=time.time())
