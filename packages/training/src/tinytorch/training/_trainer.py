"""The training loop: `Trainer.fit` is the whole of it, and all else here serves it."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tinytorch.autograd import Variable, no_grad
from tinytorch.autograd.nn import Module, evaluation
from tinytorch.optim import clip_grad_norm
from tinytorch.tensor import Tensor, from_numpy
from tinytorch.tensor.errors import ArgumentError
from tinytorch.tensor.functional import cross_entropy
from tinytorch.training._history import History
from tinytorch.training._loaders import limited, no_batch, pairs, to_tensor
from tinytorch.training._rates import LearningRate
from tinytorch.training.callbacks.callback import Callback, check_callbacks
from tinytorch.training.callbacks.progress import Progress
from tinytorch.training.distributed.world import World
from tinytorch.training.metrics.accuracy import accuracy
from tinytorch.training.metrics.figures import as_metric, figures_of, numbers_in
from tinytorch.training.metrics.metric import Mean, weighed
from tinytorch.training.session.large_batch import LargeBatch
from tinytorch.training.session.session import Session
from tinytorch.training.session.totals import totals


class Trainer(Session):
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
        world: The ranks that train together, `distributed.mpi()`: each computes its part of every
            batch. All of them call the same methods.

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
        world: World | None = None,
    ) -> None:
        if progress and not any(isinstance(callback, Progress) for callback in callbacks):
            callbacks = [*callbacks, Progress()]
        check_callbacks(callbacks)
        super().__init__(
            model if isinstance(model, Module) else model(rng=np.random.default_rng(seed)),
            optimizer,
            train_loader,
            val_loader,
            loss,
            metrics,
            LearningRate(optimizer, schedule),
            callbacks,
            clip_norm,
            accumulate,
            seed,
            world,
        )

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
                self._together.agree()
                for group in self._groups():
                    large = LargeBatch(sum(len(targets) for _, targets in group))
                    for self.inputs, self.targets in filter(_has_rows, group):
                        self.outputs = self.model(self.inputs)
                        loss, weight = weighed(self.loss, self.outputs, self.targets)
                        large.backward(loss, weight, len(self.targets))
                        self._count(loss.item(), weight)
                    self._together.finish(large)
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
                    self._together.agree()
                if self.stopped:
                    break
                self._notify("on_validation")
                counted = totals(self.world, (self.mean_loss, *self.metrics))
                figures = numbers_in(figures_of(counted))
                if self.val_loader is not None:
                    measured = numbers_in(self.evaluate(self.val_loader, limit_batches))
                    figures |= {f"val_{name}": value for name, value in measured.items()}
                figures["lr"] = self.optimizer.lr
                self._end_epoch(figures, time.perf_counter() - began)
                self._notify("on_epoch_end")
                self._together.agree()
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
        if measured is None:
            raise ArgumentError(
                "Trainer.evaluate",
                expected="a loader",
                got="none, and a Trainer without val_loader",
                fix="use evaluate(loader), or Trainer(..., val_loader=loader)",
            )
        counters = [Mean(self.loss, name="loss"), *map(as_metric, self.metrics)]
        with evaluation(self.model), no_grad():
            for pair in self._pairs("Trainer.evaluate", measured, stop=limit_batches):
                if _has_rows(pair):
                    inputs, targets = pair
                    outputs = self.model(inputs)
                    for counter in counters:
                        counter.update(outputs, targets)
                self._together.agree()
        return figures_of(totals(self.world, counters))

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
            for batch in limited("Trainer.predict", loader, limit_batches):
                inputs = batch[0] if isinstance(batch, (tuple, list)) else batch
                outputs.append(self.model(to_tensor(inputs, self.dtype)).numpy())
        if not outputs:
            raise no_batch("Trainer.predict")
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
            kept = list(pairs("Trainer.overfit", self.train_loader, self.dtype, stop=batches))
            settings: dict[str, Any] = {
                "loss": self.loss,
                "metrics": self.metrics,
                "clip_norm": self.clip_norm,
            }
            return Trainer(self.model, self.optimizer, kept, progress=False, **settings).fit(epochs)

    def _count(self, loss: float, weight: float) -> None:
        """Count a training batch."""
        self.loss_value, self.loss_weight = loss, weight
        self.examples += len(self.targets)
        self.mean_loss.add(loss, weight)
        if isinstance(self.outputs, Variable):
            self.outputs = self.outputs.detach()
        for metric in self.metrics:
            metric.update(self.outputs, self.targets)


def _has_rows(pair: tuple[Tensor, Tensor]) -> bool:
    """Return whether a batch, or this rank's part of it, has examples."""
    return len(pair[1]) > 0
