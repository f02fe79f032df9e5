"""The Checkpoint callback: saves the run as it goes, and goes on from what it finds."""

import warnings
from pathlib import Path

from tinytorch.tensor.errors import ArgumentError, FileError
from tinytorch.training._history import direction
from tinytorch.training._run import Run
from tinytorch.training._run_state import load_run_state, run_state
from tinytorch.training.callbacks.callback import Callback
from tinytorch.training.files.atomic import PathLike
from tinytorch.training.files.checkpoint import (
    clear_leftovers,
    load_checkpoint,
    remove_folder,
    save_checkpoint,
)

__all__ = ["Checkpoint", "checkpoints"]


class Checkpoint(Callback):
    """Save the run in a folder; a fit whose folder holds a checkpoint already goes on from it.

    The run that goes on ends with the same bits as one that was never broken off. A damaged
    checkpoint is named in a warning, and the one before it serves.

    Args:
        folder: The run's folder; each checkpoint is a folder in it.
        every: `"epoch"`, or a number of optimizer steps (then each epoch's end as well).
        keep: How many of the last checkpoints are kept; the best epoch's is kept besides.
        monitor: The column that tells the best epoch; val_loss if there is one, else loss.
        mode: `"min"` or `"max"`; left out, losses are best low and all else high.

    Attributes:
        best: The best epoch's checkpoint, once there is one.

    Raises:
        ArgumentError: every or keep is out of its range.
        FileError: The folder cannot be written, or all its checkpoints are damaged.
    """

    order = 100

    def __init__(
        self,
        folder: PathLike,
        every: str | int = "epoch",
        keep: int = 3,
        *,
        monitor: str | None = None,
        mode: str | None = None,
    ) -> None:
        steps = isinstance(every, int) and not isinstance(every, bool) and every >= 1
        if not (every == "epoch" or steps) or keep < 1:
            raise ArgumentError(
                "Checkpoint",
                expected='every="epoch" or a number of steps, keep of at least 1',
                got=f"every={every!r}, keep={keep}",
                fix='use Checkpoint(folder, every="epoch", keep=3)',
            )
        direction(monitor or "loss", mode)
        self.folder = Path(folder)
        self.every = every
        self.keep = keep
        self.monitor = monitor
        self.mode = mode
        self.best: Path | None = None
        self._saved = ""

    def on_setup(self, run: Run) -> None:
        """Go on from the newest checkpoint that is whole, or save the beginning."""
        self._saved = ""
        found = checkpoints(self.folder)
        if found:
            clear_leftovers(self.folder)
        for path in reversed(found):
            if path.name < _name(run) and not run.broken:
                break
            try:
                state = load_checkpoint(path)
            except FileError as error:
                warnings.warn(f"{error}\n  instead: the checkpoint before it", stacklevel=2)
                continue
            load_run_state(run, state)
            self._saved = path.name
            break
        else:
            if found:
                raise FileError(
                    "Checkpoint",
                    expected=f"a checkpoint in {self.folder} that is whole",
                    got=f"{len(found)}, all of them damaged",
                    fix="restore one from a backup, or remove the folder to start anew",
                    path=self.folder,
                )
        self._save(run)

    def on_step_end(self, run: Run) -> None:
        """Save after every so many steps."""
        if isinstance(self.every, int) and run.step % self.every == 0:
            self._save(run)

    def on_epoch_end(self, run: Run) -> None:
        """Save the epoch."""
        self._save(run)

    def on_interrupt(self, run: Run) -> str:
        """Save after Ctrl-C, and say how to go on."""
        self._save(run)
        return f"saved in {self.folder / self._saved}: the same program goes on from there"

    def _save(self, run: Run) -> None:
        """Save, unless this very state is saved already; remove what need not be kept."""
        name = _name(run)
        if name != self._saved:
            save_checkpoint(self.folder / name, **run_state(run))
            self._saved = name
        found = checkpoints(self.folder)
        self.best = self._find_best(run, found)
        for path in found[: -self.keep]:
            if path != self.best:
                remove_folder(path)

    def _find_best(self, run: Run, found: list[Path]) -> Path | None:
        history = run.history
        monitor = self.monitor or ("val_loss" if "val_loss" in history else "loss")
        if not history.epochs:
            return None
        epoch, _ = history.best(monitor, self.mode)
        end = f"-epoch-{epoch:05d}-batch-{0:07d}"
        return next((path for path in found if path.name.endswith(end)), None)


def checkpoints(folder: PathLike) -> list[Path]:
    """List the checkpoints in a run's folder, the oldest first; each suits `load_checkpoint`."""
    folder = Path(folder)
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and p.name.startswith("step-"))


def _name(run: Run) -> str:
    """Give a name that sorts by how far the run is."""
    return f"step-{run.step:09d}-epoch-{run.epoch:05d}-batch-{run.batch:07d}"
