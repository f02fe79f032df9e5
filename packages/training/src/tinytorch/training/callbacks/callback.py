"""A callback is told where the run stands and may stop it; what it keeps, a checkpoint keeps too.

The `Trainer` calls the hooks in this order, and for each of them the callbacks by `order`, equal
ones as they were given:

    on_setup
    on_fit_begin
        on_epoch_begin
            on_gradients, on_step_end       for each optimizer step
        on_validation                       after them, before figures are taken
        on_epoch_end                        for each epoch
    on_interrupt                            after Ctrl-C, at a place where the run can be saved
    on_fit_end                              after errors, too

Any hook may call `run.stop(reason)`: the run ends after the optimizer step, or the epoch, that
it is at.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from tinytorch.tensor.errors import ArgumentError
from tinytorch.training._run import Run, Token
from tinytorch.training.parts.settings import made_with


class Callback:
    """The protocol: override the hooks that you need; each gets the run, which is the `Trainer`.

    A callback that keeps something of a run has `state_dict`, `load_state_dict` and `reset`: then a
    resumed run finds it as it was, and several runs may use it.

    Worth reading in a run: `epoch` and `batch` (finished ones, in the run and in the epoch), `step`
    (optimizer steps in all), `epochs` (asked for), `history`, `model`, `optimizer`, `outputs`,
    `targets`, `inputs`, `loss_value` (of the last batch).

    Attributes:
        order: Lower ones are called first; 0 unless set.
        first_rank_only: Whether only rank 0 of a world calls it, as what writes or shows should
            be; the others are called on every rank, and what one of them stops is stopped on all.

    Example:
        >>> class StopAtTenSteps(Callback):
        ...     def on_step_end(self, run):
        ...         if run.step == 10:
        ...             run.stop("ten steps are enough")
    """

    order: int = 0
    first_rank_only: bool = False
    _token: Token | None = None
    _left: "WeakKeyDictionary[Token, Mapping[str, Any]] | None" = None

    def on_setup(self, run: Run) -> None:
        """Prepare, before anything else: the checkpoint is loaded here."""

    def on_fit_begin(self, run: Run) -> None:
        """Note the beginning of a fit, at its state's place: `run.epoch` may not be 0."""

    def on_epoch_begin(self, run: Run) -> None:
        """Note the beginning of an epoch, or its going on after a resume."""

    def on_gradients(self, run: Run) -> None:
        """Look at loss and gradients before they change the weights."""

    def on_step_end(self, run: Run) -> None:
        """Note that the optimizer has stepped."""

    def on_validation(self, run: Run) -> None:
        """Show the weights that are to be measured, if they are others than the last ones."""

    def on_epoch_end(self, run: Run) -> None:
        """Note the end of an epoch; its figures stand in `run.history`."""

    def on_interrupt(self, run: Run) -> str | None:
        """Save what is worth it after Ctrl-C, and return a text that says so."""

    def on_fit_end(self, run: Run) -> None:
        """Tidy up: the fit is done, stopped or broken off."""

    def reset(self) -> None:
        """Forget the run so far: the callback is given to another one, and begins anew there."""

    def state_dict(self) -> dict[str, Any]:
        """Return what an exact resume needs: numbers, texts, arrays, lists and dicts of them."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""

    def take_up(self, run: Run) -> None:
        """Belong to `run` from here on, at the state in which it left the callback, if it did.

        So a callback may be given to several runs, one after another or in turn, and each of them
        goes as if it had the callback to itself.
        """
        if self._token is run.token:
            return
        if self._left is None:
            self._left = WeakKeyDictionary()
        if self._token is not None:
            self._left[self._token] = self.state_dict()
            self.reset()
        self._token = run.token
        if run.token in self._left:
            self.load_state_dict(self._left.pop(run.token))

    def __repr__(self) -> str:
        return made_with(self)


def check_callbacks(callbacks: Sequence[Any]) -> None:
    """Refuse what is no callback."""
    for callback in callbacks:
        if not isinstance(callback, Callback):
            name = callback.__name__ if isinstance(callback, type) else "MyCallback"
            raise ArgumentError(
                "Trainer",
                expected="callbacks: a list of such as EarlyStopping()",
                got=repr(callback),
                fix=f"give {name}(), where class {name}(Callback)",
            )
