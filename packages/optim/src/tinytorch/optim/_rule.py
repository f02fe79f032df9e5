"""How one parameter moves: the part of an optimizer that a new equation fills in."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tinytorch.autograd import Variable
from tinytorch.optim._update import Workspace
from tinytorch.optim.given.settings import checked
from tinytorch.optim.given.state import State
from tinytorch.tensor import pytorch
from tinytorch.tensor.errors import ArgumentError


class Rule(pytorch.Guided):
    """An equation with its settings, which knows of no parameters.

    Args:
        operation: Who asks, for errors.
        defaults: The settings, by name.

    Attributes:
        defaults: The settings that parameters have unless their group says otherwise.
        keeps: The arrays that a parameter's state keeps from step to step, by name; each with the
            setting that asks for it, or None if it is always there.
        workspace: Scratch for updates made by `in_place`.
    """

    keeps: ClassVar[Mapping[str, str | None]] = {}

    def __init__(self, operation: str, defaults: State) -> None:
        self.defaults = self.check(operation, defaults)
        self.workspace = Workspace()

    def update(
        self,
        w: np.ndarray,  # noqa: ARG002 - each optimizer defines its own
        g: np.ndarray,  # noqa: ARG002
        state: State,  # noqa: ARG002
        settings: State,  # noqa: ARG002
    ) -> None:
        """Move one parameter: write into `w` and `state`, never into `g`.

        Args:
            w: The weights, any shape, C-contiguous.
            g: Their gradient, same shape and dtype, C-contiguous.
            state: What the parameter remembers: "step" (1 at the first update) and what `kept`
                made.
            settings: The group's hyperparameters.
        """
        raise ArgumentError(
            type(self).__name__,
            expected="an optimizer with an update method",
            got=f"{type(self).__name__}, which defines none",
            fix="def update(self, w, g, state, settings): ...",
        )

    def check(self, operation: str, settings: State) -> State:
        """Return settings, each as a plain value in its range.

        An optimizer whose settings may contradict each other looks at what `super().check` returns.

        Args:
            operation: Who asks, for the error.
            settings: A group's hyperparameters.

        Raises:
            ArgumentError: One is out of its range, or they contradict each other.
        """
        return checked(operation, settings)

    def admit(self, operation: str, name: str, parameter: Variable) -> None:
        """Raise a ParameterError if this rule cannot move a parameter of that name."""

    def divided(self, params: list[Any]) -> list[dict[str, Any]]:
        """Return the groups that parameters make which come without: one, of this rule."""
        return [{"params": params}]

    def kept(
        self, state: State, w: np.ndarray, settings: State, fill: float = 0.0
    ) -> list[np.ndarray | None]:
        """Return the arrays of `keeps` in order, made at their first use.

        Args:
            state: The parameter's state, where they are.
            w: The weights, whose shape and dtype they have.
            settings: The group's hyperparameters; where they do not ask for an array stands None.
            fill: What an array is filled with at first.
        """
        for name, setting in self.keeps.items():
            if name not in state and (setting is None or settings[setting]):
                state[name] = np.full(w.shape, fill, w.dtype)
        return [
            state[name] if setting is None or settings[setting] else None
            for name, setting in self.keeps.items()
        ]
