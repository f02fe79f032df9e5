"""The Checkpoint callback: saves the run as it goes, and goes on from what it finds."""

import math
import re
import time
import warnings
from pathlib import Path
from weakref import ref

from tinytorch.tensor.checks import whole
from tinytorch.tensor.errors import ArgumentError, FileError
from tinytorch.training._history import direction
from tinytorch.training._run import Run
from tinytorch.training.callbacks.callback import Callback
from tinytorch.training.files.atomic import PathLike, file_errors, make_folder
from tinytorch.training.files.checkpoint import load_checkpoint, save_checkpoint
from tinytorch.training.files.folders import clear_leftovers, remove_checkpoint
from tinytorch.training.files.lock import FolderLock
from tinytorch.training.session.state import load_run_state, run_state

NAME = re.compile(r"step-(\d{9,})-epoch-(\d{5,})-batch-(\d{7,})")
DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h)")
SECONDS = {"s": 1, "min": 60, "h": 3600}


class Checkpoint(Callback):
    """Save the run in a folder; a fit whose folder holds a checkpoint already goes on from it.

    The run that goes on ends with the same bits as one that was never broken off; what would change
    them (another data set, loss, rate, ...) is named in a warning. A damaged checkpoint is named in
    a warning, too, and the one before it serves. While a fit runs, no other may save in its folder.
    Of several ranks only the first reads and writes the folder; the others need not see it.

    Args:
        folder: The run's folder; each checkpoint is a folder in it.
        every: `"epoch"`; or a number of optimizer steps, or a time such as `"30s"`, `"10min"` or
            `"1.5h"` (then each epoch's end as well).
        keep: How many of the last checkpoints are kept; the best epoch's is kept besides, and
            whatever else lies in the folder.
        monitor: The column that tells the best epoch; val_loss if there is one, else loss.
        mode: `"min"` or `"max"`; left out, losses are best low and all else high.

    Attributes:
        best: The best epoch's checkpoint, once there is one.

    Raises:
        ArgumentError: every or keep is out of its range.
        FileError: The folder cannot be written, another run holds it, or all its checkpoints are
            damaged.
        StateError: The run that was saved cannot go on with this model, optimizer or seed.
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
        direction("Checkpoint", monitor or "loss", mode)
        self.folder = Path(folder)
        self.every = every
        self.keep = whole("Checkpoint", "keep", keep, least=1)
        self.monitor = monitor
        self.mode = mode
        self.best: Path | None = None
        self._steps, self._seconds = _interval(every)
        self._saved = ""
        self._saved_at = 0.0
        self._lock: FolderLock | None = None
        self._owner: ref[Run] | None = None

    def on_setup(self, run: Run) -> None:
        """Go on from the newest checkpoint that is whole."""
        self._saved = ""
        if run.world.rank == 0:
            with file_errors("Checkpoint", self.folder):
                make_folder(self.folder)
                self._lock = FolderLock("Checkpoint", self.folder)
                clear_leftovers(self.folder)
            self._load(run)
        self._owner = ref(run)

    def on_fit_begin(self, run: Run) -> None:
        """Save the beginning."""
        self._save(run)

    def on_step_end(self, run: Run) -> None:
        """Save after every so many steps, or so much time."""
        if self._steps is not None:
            due = run.step % self._steps == 0
        else:
            waited = time.monotonic() - self._saved_at
            due = self._seconds < math.inf and run.world.decide(waited >= self._seconds)
        if due:
            self._save(run)

    def on_epoch_end(self, run: Run) -> None:
        """Save the epoch."""
        self._save(run)

    def on_interrupt(self, run: Run) -> str:
        """Save after Ctrl-C, and say how to go on."""
        self._save(run)
        return f"saved in {self.folder / self._saved}: the same program goes on from there"

    def on_fit_end(self, run: Run) -> None:  # noqa: ARG002 - the hook's signature
        """Let others have the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _load(self, run: Run) -> None:
        """Load the newest checkpoint that is whole, unless the run is further already."""
        found = _found("Checkpoint", self.folder)
        for path in reversed(found):
            if _position(path.name) < (run.step, run.epoch, run.batch) and not run.broken:
                return
            try:
                state = load_checkpoint(path)
            except FileError as error:
                if "version" in error.values:  # a newer one is not damaged: nothing may go back
                    raise
                warnings.warn(f"{error}\n  instead: the checkpoint before it", stacklevel=2)
                continue
            if self._owner is not None and self._owner() is not run:
                warnings.warn(
                    f"Checkpoint: {self.folder} holds the run of another Trainer, and this one "
                    "goes on with it; for a run of its own give it a folder of its own",
                    stacklevel=2,
                )
            load_run_state(run, state)
            self._saved, self._saved_at = path.name, time.monotonic()
            return
        if found:
            raise FileError(
                "Checkpoint",
                expected=f"a checkpoint in {self.folder} that is whole",
                got=f"{len(found)}, all of them damaged",
                fix="restore one from a backup, or remove the folder to start anew",
                path=self.folder,
            )

    def _save(self, run: Run) -> None:
        """Save, unless this very state is saved already; remove what need not be kept."""
        name = _name(run)
        if run.world.decide(name != self._saved):
            state = run_state(run)
            if run.world.rank == 0:
                save_checkpoint(self.folder / name, **state)
            self._saved, self._saved_at = name, time.monotonic()
        if run.world.rank:
            return
        found = _found("Checkpoint", self.folder)
        self.best = self._find_best(run, found)
        for path in found[: -self.keep]:
            if path != self.best:
                remove_checkpoint(path)

    def _find_best(self, run: Run, found: list[Path]) -> Path | None:
        history = run.history
        monitor = self.monitor or ("val_loss" if "val_loss" in history else "loss")
        if not history.epochs:
            return None
        epoch, _ = history.best(monitor, self.mode)
        return next((path for path in found if _position(path.name)[1:] == (epoch, 0)), None)


def checkpoints(folder: PathLike) -> list[Path]:
    """List the checkpoints in a run's folder, the oldest first; each suits `load_checkpoint`.

    Args:
        folder: What a `Checkpoint` was given; folders of other names in it are passed over.

    Raises:
        FileError: The folder cannot be read.
    """
    return _found("checkpoints", Path(folder))


def _found(operation: str, folder: Path) -> list[Path]:
    with file_errors(operation, folder, "read"):
        if not folder.is_dir():
            return []
        found = [p for p in folder.iterdir() if NAME.fullmatch(p.name) and p.is_dir()]
    return sorted(found, key=lambda path: _position(path.name))


def _interval(every: str | int) -> tuple[int | None, float]:
    """Return after how many steps, and how many seconds, it is time to save."""
    if every == "epoch":
        return None, float("inf")
    if isinstance(every, str):
        found = DURATION.fullmatch(every)
        seconds = float(found[1]) * SECONDS[found[2]] if found else 0
        if not seconds:
            raise ArgumentError(
                "Checkpoint",
                expected='every="epoch", a number of steps, or a time such as "30s", "10min", "1h"',
                got=f"every={every!r}",
                fix='use Checkpoint(folder, every="10min")',
            )
        return None, seconds
    return whole("Checkpoint", "every", every, least=1), float("inf")


def _name(run: Run) -> str:
    return f"step-{run.step:09d}-epoch-{run.epoch:05d}-batch-{run.batch:07d}"


def _position(name: str) -> tuple[int, ...]:
    """Return step, epoch and batch, by which checkpoints are in order."""
    found = NAME.fullmatch(name)
    assert found is not None
    return tuple(map(int, found.groups()))
