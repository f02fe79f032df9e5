"""The optimizer without its equation: groups of parameters, gradients, state that can be saved."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from tinytorch.autograd import Variable
from tinytorch.optim._errors import NonFiniteError, ParameterError
from tinytorch.optim._parameters import Parameters, entries, named
from tinytorch.optim._rules import checked
from tinytorch.optim._state import pack, unpack
from tinytorch.optim._update import Array, Workspace
from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import ArgumentError, GradientError, ShapeError


class Optimizer:
    """The base of all optimizers.

    One of your own gives `__init__`, `update`, and perhaps `buffers` and `check`.

    Attributes:
        param_groups: A list of dicts: "params" (a list of leaf Variables) and the settings of those
            ("lr", ...), which may be changed between steps.
        defaults: The settings that a group has unless it says otherwise.
        buffers: The names of the arrays that `update` may keep in a parameter's state.
        workspace: Scratch for updates made by `in_place`.
    """

    buffers: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, params: Parameters | None = None, *, check_finite: bool = False, **defaults: Any
    ) -> None:
        self.defaults = self._settings(defaults)
        self.check_finite = check_finite
        self.param_groups: list[dict[str, Any]] = []
        self.workspace = Workspace()
        self._names: dict[Variable, str] = {}
        self._state: dict[Variable, dict[str, Any]] = {}
        if params is not None:
            self.bind(params)

    def update(self, w: Array, g: Array, state: dict[str, Any], settings: dict[str, Any]) -> None:
        """Move one parameter: write into `w` and `state`, never into `g`.

        Args:
            w: The weights, any shape, C-contiguous.
            g: Their gradient, same shape and dtype, C-contiguous.
            state: What the parameter remembers: "step" (1 at the first update) and what `buffer`
                made.
            settings: The group's hyperparameters.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update(w, g, state, settings)")

    def check(self, settings: dict[str, Any]) -> None:
        """Raise an ArgumentError if settings, each in its range, contradict each other."""

    def buffer(self, state: dict[str, Any], name: str, w: Array, value: float = 0.0) -> Array:
        """The array called `name` in `state`, like `w`; filled with `value` if it is missing."""
        assert name in self.buffers, f"{type(self).__name__}.buffers does not list {name!r}"
        if name not in state:
            state[name] = np.full(w.shape, value, w.dtype)
        array: Array = state[name]
        return array

    def bind(self, params: Parameters) -> Self:
        """Give parameters to an optimizer that was made without.

        Args:
            params: Leaf Variables, (name, Variable) pairs, or groups.

        Returns:
            The optimizer itself.

        Raises:
            ParameterError: It has parameters already, or params are nothing to optimize.
            ArgumentError: A group's setting is unknown or out of its range.
        """
        operation = f"{type(self).__name__}.bind"
        if self.is_bound:
            raise ParameterError(
                operation,
                expected="an optimizer without parameters",
                got=f"one with {len(self.named_parameters())}",
                fix='make a new optimizer, or add_param_group({"params": ...})',
            )
        try:
            self._bind(params)
        except ArgumentError:
            self.param_groups = []
            raise
        return self

    def _bind(self, params: Any) -> None:
        given = entries(type(self).__name__, params)
        if given and isinstance(given[0], Mapping):
            for group in given:
                if not isinstance(group, Mapping):
                    raise ParameterError(
                        type(self).__name__,
                        expected="groups only, or parameters only",
                        got=f"a {type(group).__name__} among groups",
                        fix='put it in a group: {"params": [...]}',
                    )
                self.add_param_group(group)
        else:
            self.add_param_group({"params": given})

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters with settings of their own.

        Args:
            group: "params" and any of the optimizer's settings; the others are its defaults.

        Raises:
            ParameterError: The params are empty, no leaf Variables, or in the optimizer already.
            ArgumentError: There is no "params", or a setting is unknown or out of its range.
        """
        operation = type(self).__name__
        if "params" not in group:
            raise ArgumentError(
                operation,
                expected='a group: {"params": [...], "lr": ...}',
                got=f"keys {list(group)}",
                fix='give the parameters under "params"',
            )
        settings = {name: value for name, value in group.items() if name != "params"}
        for name in settings.keys() - self.defaults.keys():
            close = difflib.get_close_matches(str(name), self.defaults, 1)
            raise ArgumentError(
                operation,
                expected=f"settings among {', '.join(self.defaults)}",
                got=f"{name!r} in group {len(self.param_groups)}",
                fix=f"did you mean {close[0]!r}?" if close else "leave it out",
                name=name,
            )
        settings = self._settings({**self.defaults, **settings})
        known = {parameter: name for name, parameter in self.named_parameters()}
        params = []
        for name, parameter in named(operation, group["params"], len(known)):
            if parameter in known:
                raise ParameterError(
                    operation,
                    expected="each parameter once",
                    got=f"{known[parameter]} again, as {name}",
                    fix="leave it out once; it would move twice per step",
                    parameter=name,
                )
            known[parameter] = name
            params.append(parameter)
        if not params:
            raise ParameterError(
                operation,
                expected="at least one parameter",
                got="none: an empty list, or a generator that was used before",
                fix="call module.parameters() anew, or give the module some parameters",
            )
        self._names = known
        self.param_groups.append({"params": params, **settings})

    def _settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        values = checked(type(self).__name__, settings)
        self.check(values)
        return values

    @property
    def is_bound(self) -> bool:
        """Whether there is anything to optimize."""
        return bool(self.param_groups)

    @property
    def lr(self) -> float:
        """The learning rate, per step: of the first group; setting it sets every group's.

        Groups with rates of their own are scheduled one by one: `group["lr"] = schedule(step)`.
        """
        rate: float = self.param_groups[0]["lr"] if self.is_bound else self.defaults["lr"]
        return rate

    @lr.setter
    def lr(self, value: float) -> None:
        rate = checked(type(self).__name__, {"lr": value})["lr"]
        for settings in (self.defaults, *self.param_groups):
            settings["lr"] = rate

    def step(self, gradients: Mapping[Variable, Tensor] | None = None) -> None:
        """Move every parameter that has a gradient. A step that raises has moved none.

        Args:
            gradients: What `backward` returned; those are used and the parameters' `.grad` are
                cleared, so that `optimizer.step(loss.backward())` needs no `zero_grad`. None:
                `.grad` are used and kept.

        Raises:
            ParameterError: The optimizer has no parameters.
            GradientError: No parameter has a gradient.
            NonFiniteError: With `check_finite`, a gradient holds NaN or infinity.
            ShapeError: A gradient has another shape than its parameter.
            ArgumentError: `gradients` is no mapping, or a group's setting is out of its range.
        """
        operation = f"{type(self).__name__}.step"
        if not self.is_bound:
            raise ParameterError(
                operation,
                expected="parameters to move",
                got="an optimizer made without",
                fix=f"{type(self).__name__}(module.parameters()), or bind(module.parameters())",
            )
        moves = list(self._moves(operation, gradients))
        if not moves:
            raise GradientError(
                operation,
                expected="a gradient for at least one parameter",
                got=f"none for any of {len(self.named_parameters())}",
                fix=("call loss.backward() before; " if gradients is None else "")
                + "check that the loss is computed from these parameters",
            )
        for parameter, g, settings in moves:
            w = np.require(parameter.data, requirements=["C", "W"])
            state = self._state.setdefault(parameter, {"step": 0})
            state["step"] += 1
            self.update(w, g, state, settings)
            parameter.assign(w)
        if gradients is not None:
            self.zero_grad()

    def _moves(
        self, operation: str, gradients: Mapping[Variable, Tensor] | None
    ) -> Iterator[tuple[Variable, Array, dict[str, Any]]]:
        if gradients is not None and not isinstance(gradients, Mapping):
            raise ArgumentError(
                operation,
                expected="the gradients that backward returned, or nothing",
                got=type(gradients).__name__,
                fix="optimizer.step(loss.backward()), or loss.backward() and then optimizer.step()",
            )
        for group in self.param_groups:
            settings = self._settings({name: group[name] for name in self.defaults})
            for parameter in group["params"]:
                gradient = parameter.grad if gradients is None else gradients.get(parameter)
                if gradient is None:
                    continue
                name = self._names.get(parameter, "a parameter")
                g = gradient.data if isinstance(gradient, Tensor) else np.asarray(gradient)
                if g.shape != parameter.shape:
                    raise ShapeError(
                        operation,
                        expected=f"the gradient of {name} as {parameter.shape}",
                        got=f"{g.shape}",
                        fix="give the gradient the shape of its parameter",
                        parameter=name,
                    )
                if self.check_finite:
                    self._check_finite(operation, name, g)
                yield parameter, np.asarray(g, parameter.dtype, order="C"), settings

    def _check_finite(self, operation: str, name: str, g: Array) -> None:
        bad = ~np.isfinite(g)
        if not bad.any():
            return
        step = 1 + max((state["step"] for state in self._state.values()), default=0)
        position = tuple(int(i) for i in np.argwhere(bad)[0])
        raise NonFiniteError(
            operation,
            expected=f"a finite gradient for {name} at step {step}",
            got=f"{g[position]} at {position}, {int(bad.sum())} of {g.size} values not finite",
            fix="lower lr, clip with clip_grad_norm, or look for log or division of 0 in the loss",
            parameter=name,
            step=step,
        )

    def named_parameters(self) -> list[tuple[str, Variable]]:
        """All parameters in order, each with the name that messages give it."""
        parameters = [p for group in self.param_groups for p in group["params"]]
        return [(self._names.get(p, f"parameter {i}"), p) for i, p in enumerate(parameters)]

    def zero_grad(self) -> None:
        """Forget the gradients: every parameter's `.grad` becomes None."""
        for _, parameter in self.named_parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """A copy of all that the next steps depend on, but the weights.

        Returns:
            "optimizer": the class's name; "state": a list with, for each parameter in order, a dict
            of "step" and arrays in the parameter's shape (empty before its first step);
            "param_groups": the groups' settings, with "params" as positions in that list. All but
            the arrays can go into JSON.
        """
        states = [self._state.get(parameter, {}) for _, parameter in self.named_parameters()]
        return pack(type(self).__name__, states, self.param_groups)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave, maybe in another process. Arrays are copied.

        Args:
            state_dict: The state; lists may stand for tuples, Tensors for arrays.

        Raises:
            StateError: It is another optimizer's, or groups, settings, names or shapes do not
                match; nothing has changed then.
        """
        states, settings = unpack(self, state_dict)
        self._state = {
            parameter: state
            for (_, parameter), state in zip(self.named_parameters(), states, strict=True)
            if state
        }
        for group, values in zip(self.param_groups, settings, strict=True):
            group.update(values)

    def __repr__(self) -> str:
        settings = self.param_groups[0] if self.is_bound else self.defaults
        shown = ", ".join(f"{name}={settings[name]}" for name in self.defaults)
        return f"{type(self).__name__}({len(self.named_parameters())} parameters, {shown})"
