"""A session is a fit without its steps: what is prepared, read, told and tidied up around them."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from typing import Any

from tinytorch.autograd.nn import Parameter
from tinytorch.tensor import Tensor, checks
from tinytorch.training._loaders import pairs
from tinytorch.training._run import Run
from tinytorch.training.parts.positions import restore_loader, seed_run
from tinytorch.training.session.signals import Interrupted, Signals
from tinytorch.training.session.state import load_run_state, run_state, trial
from tinytorch.training.session.together import Together


class Session(Run):
    """A run with its callbacks told, its signals heard, its epochs begun and its batches read."""

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self._signals = Signals()
        self._together = Together(self, self._signals)
        self._parameters: list[Parameter] = []

    def trial(self) -> AbstractContextManager[None]:
        """Do anything with model, optimizer and loaders; afterwards the run is as it was."""
        return trial(self)

    def state_dict(self) -> dict[str, Any]:
        """Return what the rest of the run depends on, for `save_checkpoint(folder, **state)`."""
        return run_state(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave; the next step is the one that would have come.

        Raises:
            StateError: The state is of another seed, model or optimizer.
        """
        load_run_state(self, state)

    @contextmanager
    def _session(self, epochs: int, limit_batches: int | None) -> Iterator[None]:
        """Surround a fit: what is checked and prepared before it, caught, and tidied up after."""
        self.epochs = checks.whole("Trainer.fit", "epochs", epochs, least=1)
        if limit_batches is not None:
            checks.whole("Trainer.fit", "limit_batches", limit_batches, least=1)
        self.limit_batches, self.stopped = limit_batches, ""
        self.bind()
        self.take_back()
        if self.seed is not None and self.step == self.epoch == 0:
            seed_run(self.seed, self.model, self.loaders())
        with self._signals.waiting():
            try:
                self._together.prepare()
                self._notify("on_setup")
                self._together.share()
                self.broken = False
                self.optimizer.zero_grad()
                self._notify("on_fit_begin")
                self._together.agree()
                yield
            except Interrupted:
                name = self._signals.noted
                where = f"stopped in epoch {self.epoch + 1} after batch {self.batch}"
                said = [where if name == "SIGINT" else f"{name}: {where}"]
                said += filter(None, self._notify("on_interrupt"))
                raise KeyboardInterrupt("; ".join(said)) from None
            except BaseException:
                self.broken = True
                raise
            finally:
                self._signals.noted = ""
                self._notify("on_fit_end")

    def _begin_epoch(self) -> float:
        """Prepare an epoch, or the rest of one; return the time at which it would have begun."""
        self.take_back()
        if not self.model.training:
            self.model.train()
        self._parameters = list(self.model.parameters())
        self._together.begin_epoch()
        if self.batch == 0:
            self.examples, self.seconds = 0, 0.0
            for counter in (self.mean_loss, *self.metrics):
                counter.reset()
            self.loaders_at_epoch_begin = self.loader_states()
            self.rate.before_epoch(self.epoch)
        else:
            for loader, state in zip(self.loaders(), self.loaders_at_epoch_begin, strict=True):
                restore_loader(loader, state)
        return time.perf_counter() - self.seconds

    def _groups(self) -> Iterator[list[tuple[Tensor, Tensor]]]:
        """Yield the epoch's batches, `accumulate` at a time, after those that are already done.

        No gradient is left over from step to step, in what the optimizer does not move, either.
        """
        loader, stop = self.train_loader, self.limit_batches
        batches = self._pairs("Trainer.fit", loader, self.batch, stop)
        while not self.stopped and (group := list(islice(batches, self.accumulate))):
            for parameter in self._parameters:
                parameter.grad = None
            yield group

    def _pairs(
        self, operation: str, loader: Iterable[Any], start: int = 0, stop: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Read a loader; where a signal to end has made it fail, the run ends by the signal."""
        try:
            batches = pairs(operation, loader, self.dtype, start, stop)
            yield from self._together.part(loader, batches)
        except (Exception, KeyboardInterrupt):  # of a worker that had the signal, too
            if self.world.size == 1:
                self._signals.stop_if_noted()
            raise

    def _end_epoch(self, figures: dict[str, float], seconds: float) -> None:
        self.rate.after_epoch(figures)
        self.history.append(figures, seconds)
        self.epoch += 1
        self.batch = 0

    def _notify(self, hook: str) -> list[Any]:
        return [getattr(callback, hook)(self) for callback in self.callbacks]
