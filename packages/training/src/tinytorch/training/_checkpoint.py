"""The Checkpoint callback: saves the run as it goes, and goes on from what it finds."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from tinytorch.tensor.errors import ArgumentError, FileError
from tinytorch.training._callbacks import Callback
from tinytorch.training._history import direction
from tinytorch.training.files.atomic import PathLike
from tinytorch.training.files.checkpoint import (
    clear_leftovers,
    load_checkpoint,
    remove_folder,
    save_checkpoint,
)

if TYPE_CHECKING:
    from tinytorch.training._trainer import Trainer

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

    def on_setup(self, trainer: "Trainer") -> None:
        """Go on from the newest checkpoint that is whole, or save the beginning."""
        self._saved = ""
        found = checkpoints(self.folder)
        if found:
            clear_leftovers(self.folder)
        for path in reversed(found):
            if path.name < _name(trainer) and not trainer.broken:
                break
            try:
                state = load_checkpoint(path)
            except FileError as error:
                warnings.warn(f"{error}\n  instead: the checkpoint before it", stacklevel=2)
                continue
            trainer.load_state_dict(state)
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
        self._save(trainer)

    def on_step_end(self, trainer: "Trainer") -> None:
        """Save after every so many steps."""
        if isinstance(self.every, int) and trainer.step % self.every == 0:
            self._save(trainer)

    def on_epoch_end(self, trainer: "Trainer") -> None:
        """Save the epoch."""
        self._save(trainer)

    def on_interrupt(self, trainer: "Trainer") -> str:
        """Save after Ctrl-C, and say how to go on."""
        self._save(trainer)
        return f"saved in {self.folder / self._saved}: the same program goes on from there"

    def _save(self, trainer: "Trainer") -> None:
        """Save, unless this very state is saved already; remove what need not be kept."""
        name = _name(trainer)
        if name != self._saved:
            save_checkpoint(self.folder / name, **trainer.state_dict())
            self._saved = name
        found = checkpoints(self.folder)
        self.best = self._find_best(trainer, found)
        for path in found[: -self.keep]:
            if path != self.best:
                remove_folder(path)

    def _find_best(self, trainer: "Trainer", found: list[Path]) -> Path | None:
        history = trainer.history
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


def _name(trainer: "Trainer") -> str:
    """Give a name that sorts by how far the run is."""
    return f"step-{trainer.step:09d}-epoch-{trainer.epoch:05d}-batch-{trainer.batch:07d}"
