"""The training loop: `Trainer.fit` is the whole of it, and all else here serves it."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np

from tinytorch.autograd import Variable, no_grad
from tinytorch.autograd.nn import Module, Parameter, evaluation
from tinytorch.optim import clip_grad_norm
from tinytorch.tensor import Tensor, checks, from_numpy
from tinytorch.tensor.errors import ArgumentError, ShapeError
from tinytorch.tensor.functional import cross_entropy
from tinytorch.training._history import History
from tinytorch.training._large_batch import LargeBatch
from tinytorch.training._loaders import (
    check_loader,
    pairs,
    restore_loader,
    seed_run,
    to_tensor,
)
from tinytorch.training._rates import LearningRate
from tinytorch.training._run import Run
from tinytorch.training._run_state import load_run_state, run_state
from tinytorch.training._session import Signals
from tinytorch.training.callbacks.callback import Callback
from tinytorch.training.callbacks.progress import Progress
from tinytorch.training.metrics.accuracy import accuracy
from tinytorch.training.metrics.figures import as_metric, figures_of, numbers_in
from tinytorch.training.metrics.metric import Mean, weighed

__all__ = ["Trainer"]


class Trainer(Run):
    """Trains a model, measures it, and can be stopped and started without losing a bit.

    Args:
        model: The module to train, or a function that makes it of `rng=` (such as the class
            itself): then `seed` decides its first weights, too.
        optimizer: Made with parameters or without; without, it gets the model's.
        train_loader: Any re-iterable of `(inputs, targets)` pairs, each `(batch, ...)`, of Tensors
            or arrays: a `DataLoader`, or a list.
        val_loader: The same for validation after each epoch, if wanted.
        loss: `(outputs, targets) -> scalar`, a mean over the batch. A batch weighs what the mean
            was divided by, if the loss tells: all of `tinytorch.tensor.functional` do, within a
            function of your own, too, and `functional.mean_over` does it for your own mean. Else
            it weighs its length. A batch that weighs nothing (all ignored) teaches nothing.
        metrics: Metrics, or functions `(outputs, targets) -> number`.
        schedule: The learning rate: a function of the optimizer step (counted from 0),
            `per_epoch(a function of the epoch)`, or a `ReduceOnPlateau`. It is the rate of the
            optimizer's first group; the others keep their ratio to it.
        callbacks: See `Callback`.
        clip_norm: The largest norm that the gradient of all that the optimizer moves may have.
        accumulate: Batches per optimizer step; their gradient is that of one large batch (though
            batch normalization still sees the small ones).
        seed: Fixes shuffling, augmentation, dropout (and the first weights, see model): two runs
            are bit-identical.
        progress: Whether the run is shown (see `Progress`).

    Attributes:
        epoch, batch, step, history, ...: Where the run stands: see `Run`.

    Raises:
        ArgumentError: An argument is out of its range, a loader can be read only once, or the
            optimizer holds none of the model's parameters.

    Example:
        >>> import numpy as np
        >>> from tinytorch.autograd import nn
        >>> from tinytorch.optim import SGD
        >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
        >>> y = np.array([0, 1, 1, 1])
        >>> trainer = Trainer(nn.Linear(2, 2, rng=0), SGD(lr=0.5), [(x, y)], progress=False)
        >>> history = trainer.fit(epochs=50)
        >>> history["accuracy"][-1]
        1.0
    """

    def __init__(
        self,
        model: Module | Callable[..., Module],
        optimizer: Any,
        train_loader: Iterable[Any],
        val_loader: Iterable[Any] | None = None,
        loss: Callable[[Any, Any], Any] = cross_entropy,
        metrics: Sequence[Any] = (accuracy,),
        schedule: Any = None,
        callbacks: Sequence[Callback] = (),
        clip_norm: float | None = None,
        accumulate: int = 1,
        seed: int | None = None,
        *,
        progress: bool = True,
    ) -> None:
        _check(clip_norm is None or clip_norm > 0, "clip_norm above 0", f"clip_norm={clip_norm}")
        check_loader("train_loader", train_loader)
        if val_loader is not None:
            check_loader("val_loader", val_loader)
        made = model if isinstance(model, Module) else model(rng=np.random.default_rng(seed))
        super().__init__(
            made,
            optimizer,
            train_loader,
            val_loader,
            [as_metric(metric) for metric in metrics],
            LearningRate(optimizer, schedule),
            checks.whole("Trainer", "accumulate", accumulate, least=1),
            seed,
        )
        self.loss = loss
        self.clip_norm = clip_norm
        self.callbacks = list(callbacks)
        if progress and not any(isinstance(callback, Progress) for callback in callbacks):
            self.callbacks.append(Progress())
        self.callbacks.sort(key=lambda callback: callback.order)
        self._signals = Signals()
        self._frozen: list[Parameter] = []
        names = [metric.name for metric in (self.mean_loss, *self.metrics)]
        _check(len(set(names)) == len(names), "metrics of different names", f"{names}")

    def fit(self, epochs: int, limit_batches: int | None = None) -> History:
        """Train until the run has `epochs` epochs, those before a resume included.

        Args:
            epochs: The run's epochs in all; a run that has as many already is left as it is.
            limit_batches: At most so many batches per epoch, of either loader: a quick check.

        Returns:
            The run's history, `trainer.history`.

        Raises:
            ArgumentError: epochs or limit_batches is below 1, or a loader gives no batches.
            KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP; the step has been finished, and a
                `Checkpoint` has saved.
        """
        with self._session(epochs, limit_batches):
            while self.epoch < epochs and not self.stopped:
                began = self._begin_epoch()
                self._notify("on_epoch_begin")
                for group in self._groups():
                    large = self._begin_step(group)
                    for self.inputs, self.targets in group:
                        self.outputs = self.model(self.inputs)
                        loss, weight = weighed(self.loss, self.outputs, self.targets)
                        large.backward(self._checked(loss), weight, len(self.targets))
                        self._count(loss.item(), weight)
                    large.finish(self.moved_parameters())
                    self._notify("on_gradients")
                    if self.clip_norm is not None:
                        clip_grad_norm(self.moved_parameters(), self.clip_norm)
                    self.rate.before_step(self.step)
                    if large.weight:
                        self.optimizer.step()
                    self.optimizer.zero_grad()
                    self.step += 1
                    self.batch += len(group)
                    self.seconds = time.perf_counter() - began
                    self._notify("on_step_end")
                    self._stop_if_asked()
                if self.stopped:
                    break
                figures = self.figures()
                if self.val_loader is not None:
                    measured = self.evaluate(self.val_loader, limit_batches)
                    figures |= {
                        f"val_{name}": value for name, value in numbers_in(measured).items()
                    }
                figures["lr"] = self.optimizer.lr
                self._end_epoch(figures, time.perf_counter() - began)
                self._notify("on_epoch_end")
                self._stop_if_asked()
        return self.history

    def evaluate(
        self, loader: Iterable[Any] | None = None, limit_batches: int | None = None
    ) -> dict[str, Any]:
        """Measure the model, in evaluation mode; afterwards every module is in the mode it was in.

        Args:
            loader: Pairs `(inputs, targets)`; the val_loader if left out.
            limit_batches: At most so many of them.

        Returns:
            `{"loss": ..., "accuracy": ...}`: the mean loss and the metrics over all examples.

        Raises:
            ArgumentError: There is no loader, or it gives no batches.
        """
        measured = self.val_loader if loader is None else loader
        _check(measured is not None, "a loader", "none, and a Trainer without val_loader")
        assert measured is not None
        mean_loss, metrics = Mean(self.loss, name="loss"), [as_metric(m) for m in self.metrics]
        with evaluation(self.model), no_grad():
            for inputs, targets in self._pairs("Trainer.evaluate", measured, stop=limit_batches):
                outputs = self.model(inputs)
                for metric in (mean_loss, *metrics):
                    metric.update(outputs, targets)
                self._stop_if_asked()
        return figures_of((mean_loss, *metrics))

    def predict(self, loader: Iterable[Any], limit_batches: int | None = None) -> Tensor:
        """Compute the model's outputs in evaluation mode.

        Args:
            loader: Inputs `(batch, ...)`, or pairs of which the second is not looked at.
            limit_batches: At most so many of them.

        Returns:
            The outputs of all batches, `(examples, ...)`.

        Raises:
            ArgumentError: The loader gives no batches.
        """
        outputs = []
        with evaluation(self.model), no_grad():
            for batch in islice(loader, limit_batches):
                inputs = batch[0] if isinstance(batch, (tuple, list)) else batch
                outputs.append(self.model(to_tensor(inputs, self._dtype)).numpy())
        _check(bool(outputs), "a loader with batches", "one without any")
        return from_numpy(np.concatenate(outputs))

    def overfit(self, batches: int = 1, epochs: int = 100) -> History:
        """Try to learn a few batches by heart: a model that cannot has a mistake in it.

        The run is left as it was: weights, optimizer, random numbers and history.

        Args:
            batches: How many batches of the train_loader.
            epochs: How often they are repeated.

        Returns:
            The history of the attempt; its last loss should be near 0.
        """
        with self.trial():
            kept = list(pairs("Trainer.overfit", self.train_loader, self._dtype, stop=batches))
            attempt = Trainer(
                self.model,
                self.optimizer,
                kept,
                loss=self.loss,
                metrics=self.metrics,
                clip_norm=self.clip_norm,
                progress=False,
            )
            return attempt.fit(epochs)

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Do anything with model, optimizer and loaders; afterwards the run is as it was."""
        self.bind()
        before, shown = self.state_dict(), self._own and self.model.state_dict()
        modes = [(module, module.training) for module in self.model.modules()]
        try:
            yield
        finally:
            self.load_state_dict(before)
            if shown:
                self.show(shown)
            self.optimizer.zero_grad()
            for module, mode in modes:
                module.training = mode

    def state_dict(self) -> dict[str, Any]:
        """Return what the rest of the run depends on, for `save_checkpoint(folder, **state)`."""
        return run_state(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave; the next step is the one that would have come.

        Raises:
            StateError: The state is of another seed, model or optimizer.
        """
        load_run_state(self, state)

    @property
    def _dtype(self) -> Any:
        """The data type of the model's weights, which arrays are converted to."""
        return next((p.dtype for p in self.model.parameters()), np.dtype(np.float32))

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
                self._notify("on_setup")
                self.broken = False
                self.optimizer.zero_grad()
                self._notify("on_fit_begin")
                yield
                self._stop_if_asked()
            except _Interrupted:
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
        moved = set(map(id, self.moved_parameters()))
        self._frozen = [p for p in self.model.parameters() if id(p) not in moved]
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
        """Give the epoch's batches, `accumulate` at a time, after those that are already done."""
        loader, stop = self.train_loader, self.limit_batches
        batches = self._pairs("Trainer.fit", loader, self.batch, stop)
        while not self.stopped and (group := list(islice(batches, self.accumulate))):
            yield group

    def _begin_step(self, group: list[tuple[Tensor, Tensor]]) -> LargeBatch:
        """Prepare a step; no gradient is left over in what the optimizer does not move, either."""
        for parameter in self._frozen:
            parameter.grad = None
        return LargeBatch(sum(len(targets) for _, targets in group))

    def _pairs(
        self, operation: str, loader: Iterable[Any], start: int = 0, stop: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Read a loader; where a signal to end has made it fail, the run ends by the signal."""
        try:
            yield from pairs(operation, loader, self._dtype, start, stop)
        except (Exception, KeyboardInterrupt):  # of a worker that had the signal, too
            self._stop_if_asked()
            raise

    def _checked(self, loss: Any) -> Variable:
        """Return the loss, if gradients can come from it."""
        if isinstance(loss, Variable) and loss.ndim == 0:
            return loss
        got = f"shape {loss.shape}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
        raise ShapeError(
            "Trainer.fit",
            expected="a loss () that was computed from the model's outputs",
            got=got if not isinstance(loss, Tensor) or loss.ndim else "one without a gradient",
            fix='use reduction="mean", and Tensor operations from outputs to loss',
        )

    def _count(self, loss: float, weight: float) -> None:
        """Count a training batch."""
        self.loss_value = loss
        self.examples += len(self.targets)
        self.mean_loss.add(loss, weight)
        outputs = self.outputs
        if isinstance(outputs, Variable):
            outputs = outputs.detach()
        for metric in self.metrics:
            metric.update(outputs, self.targets)

    def _end_epoch(self, figures: dict[str, float], seconds: float) -> None:
        self.rate.after_epoch(figures)
        self.history.append(figures, seconds)
        self.epoch += 1
        self.batch = 0

    def _notify(self, hook: str) -> list[Any]:
        return [getattr(callback, hook)(self) for callback in self.callbacks]

    def _stop_if_asked(self) -> None:
        if self._signals.noted:
            raise _Interrupted


class _Interrupted(KeyboardInterrupt):
    """A signal to end, at a place where the run can be saved."""


def _check(right: bool, expected: str, got: str) -> None:
    if not right:
        raise ArgumentError("Trainer", expected=expected, got=got, fix="see help(Trainer)")
