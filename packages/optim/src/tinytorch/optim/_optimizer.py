"""The optimizer without its equation: groups of parameters, gradients, state that can be saved."""

from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import Any, Self

import numpy as np

from tinytorch.autograd import Variable
from tinytorch.optim._rule import Rule
from tinytorch.optim.given.errors import ParameterError
from tinytorch.optim.given.moves import moves
from tinytorch.optim.given.parameters import Parameters, entries, read_group
from tinytorch.optim.given.settings import checked
from tinytorch.optim.given.state import StateReader, Wanted, pack, working_weights
from tinytorch.tensor import Tensor
from tinytorch.tensor.checks import flag
from tinytorch.tensor.errors import ArgumentError, named


class Optimizer(Rule):
    """The base of all optimizers: a rule, and the parameters that it moves.

    One of your own gives `__init__`, `update`, and perhaps `keeps` and `check`.

    Weights of half precision, whose small steps would be lost by rounding, are moved as float32:
    `update` gets a float32 copy that the state keeps (`master_weights`), with state arrays of the
    same type; the parameter is that copy, rounded. Weights assigned in between are taken over.

    Args:
        params: Leaf Variables, (name, Variable) pairs, or groups: dicts of "params" and settings of
            their own; any iterable. None to `bind` them later.
        check_finite: Raise if a gradient holds NaN or infinity, naming the parameter and the step.
        **defaults: The settings, by name.

    Attributes:
        param_groups: A list of dicts: "params" (a list of leaf Variables) and the settings of those
            ("lr", ...), which may be changed between steps. Another optimizer under "rule" moves
            the group in place of this one, with its own settings: biases by AdamW beside `Muon`.
        defaults: The settings that a group has unless it says otherwise.

    Raises:
        ArgumentError: A setting is out of its range.
        ParameterError: `params` cannot be optimized.
    """

    def __init__(
        self, params: Parameters | None = None, *, check_finite: bool = False, **defaults: Any
    ) -> None:
        operation = type(self).__name__
        super().__init__(operation, defaults)
        self.check_finite = flag(operation, "check_finite", check_finite)
        self.param_groups: list[dict[str, Any]] = []
        self._names: dict[Variable, str] = {}
        self._state: dict[Variable, dict[str, Any]] = {}
        if params is not None:
            self._bind(operation, params)

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
        operation = self._called("bind")
        if self.is_bound:
            raise ParameterError(
                operation,
                expected="an optimizer without parameters",
                got=f"one with {len(self.named_parameters())}",
                fix='make a new optimizer, or add_param_group({"params": ...})',
            )
        try:
            self._bind(operation, params)
        except ArgumentError:
            self.param_groups = []
            raise
        return self

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters with settings of their own.

        Args:
            group: "params" and any of the optimizer's settings; the others are its defaults.

        Raises:
            ParameterError: The params are empty, no leaf Variables, or in the optimizer already.
            ArgumentError: There is no "params", or a setting is unknown or out of its range.
        """
        self._add(self._called("add_param_group"), group)

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
        rate = checked(self._called("lr"), {"lr": value})["lr"]
        for settings in (self.defaults, *self.param_groups):
            settings["lr"] = rate

    def step(self, gradients: Mapping[Variable, Tensor] | None = None) -> None:
        """Move every parameter that has a gradient. A step that raises has moved none.

        Frozen parameters (`requires_grad` is False) stay as they are.

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
        operation = self._called("step")
        if not self.is_bound:
            raise ParameterError(
                operation,
                expected="parameters to move",
                got="an optimizer made without",
                fix=f"{type(self).__name__}(module.parameters()), or bind(module.parameters())",
            )
        groups = [
            (
                group["params"],
                rule.check(operation, {name: group[name] for name in rule.defaults}),
                rule.update,
            )
            for group, rule in self._rules()
        ]
        finite_at = None
        if self.check_finite:
            finite_at = 1 + max((state["step"] for state in self._state.values()), default=0)
        for parameter, g, settings, update in moves(
            operation, groups, gradients, self._names, finite_at
        ):
            state = self._state.setdefault(parameter, {"step": 0})
            state["step"] += 1
            w = working_weights(parameter, state)
            update(w, g, state, settings)
            if w is not parameter.data:
                np.copyto(parameter.data, w, casting="same_kind")
            parameter.assign(parameter.data)
        if gradients is not None:
            self.zero_grad()

    def named_parameters(self) -> list[tuple[str, Variable]]:
        """All parameters in order, each with the name that messages give it."""
        parameters = [p for group in self.param_groups for p in group["params"]]
        return [(self._names.get(p, f"parameter {i}"), p) for i, p in enumerate(parameters)]

    @named
    def zero_grad(self) -> None:
        """Forget the gradients: every parameter's `.grad` becomes None."""
        for _, parameter in self.named_parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of all that the next steps depend on, but the weights.

        Returns:
            "optimizer": the class's name; "state": a list with, for each parameter in order, a dict
            of "step" and arrays in the parameter's shape (empty before its first step);
            "param_groups": the groups' settings, with "params" as positions in that list. All but
            the arrays can go into JSON.
        """
        states = [self._state.get(parameter, {}) for _, parameter in self.named_parameters()]
        groups = [
            (
                None if rule is self else type(rule).__name__,
                len(group["params"]),
                {name: group[name] for name in rule.defaults},
            )
            for group, rule in self._rules()
        ]
        return pack(type(self).__name__, states, groups)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave, maybe in another process. Arrays are copied.

        Arrays of another floating type are converted; a warning says so where that rounds.

        Args:
            state_dict: The state; lists may stand for tuples, Tensors for arrays.

        Raises:
            StateError: It is another optimizer's, something is missing, or groups, settings, names,
                shapes or data types do not match; nothing has changed then.
        """
        operation = self._called("load_state_dict")
        parameters = self.named_parameters()
        rest = iter(parameters)
        groups = [
            Wanted(
                None if rule is self else type(rule).__name__,
                list(islice(rest, len(group["params"]))),
                rule.keeps,
                rule.defaults,
                partial(rule.check, operation),
            )
            for group, rule in self._rules()
        ]
        states, settings = StateReader(operation, type(self).__name__, groups).read(state_dict)
        self._state = {
            parameter: state
            for (_, parameter), state in zip(parameters, states, strict=True)
            if state
        }
        for group, values in zip(self.param_groups, settings, strict=True):
            group.update(values)

    def __repr__(self) -> str:
        own = (group for group, rule in self._rules() if rule is self)
        settings = next(own, self.defaults)
        shown = ", ".join(f"{name}={settings[name]}" for name in self.defaults)
        return f"{type(self).__name__}({len(self.named_parameters())} parameters, {shown})"

    def _called(self, method: str) -> str:
        """The operation's name for errors."""
        return f"{type(self).__name__}.{method}"

    def _rules(self) -> list[tuple[dict[str, Any], "Optimizer"]]:
        """The groups, each with the optimizer that moves it."""
        return [(group, group.get("rule", self)) for group in self.param_groups]

    def _bind(self, operation: str, params: Any) -> None:
        given = entries(operation, params)
        for group in given if given and isinstance(given[0], Mapping) else self.divided(given):
            self._add(operation, group)

    def _add(self, operation: str, group: Any) -> None:
        rule = group.get("rule", self) if isinstance(group, Mapping) else self
        if rule is not self and (not isinstance(rule, Optimizer) or rule.is_bound):
            raise ParameterError(
                operation,
                expected="a rule: an optimizer without parameters",
                got=f"{rule!r:.60}",
                fix='for instance {"params": biases, "rule": AdamW(lr=0.0003)}',
            )
        index, known = len(self.param_groups), self.named_parameters()
        parameters, settings = read_group(operation, group, index, known, rule.defaults)
        for name, parameter in parameters:
            rule.admit(operation, name, parameter)
        settings = rule.check(operation, settings)
        self._names = {parameter: name for name, parameter in [*known, *parameters]}
        others = {} if rule is self else {"rule": rule}
        params = [parameter for _, parameter in parameters]
        self.param_groups.append({"params": params, **others, **settings})
