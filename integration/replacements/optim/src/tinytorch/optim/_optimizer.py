"""The classes: what all optimizers do, and one of them for each row of the table."""

import warnings
from collections.abc import Mapping
from copy import deepcopy
from inspect import Parameter, Signature

import numpy as np

from tinytorch.autograd import Variable
from tinytorch.optim._errors import NonFiniteError, ParameterError
from tinytorch.optim._numbers import precise
from tinytorch.optim._rules import RULES
from tinytorch.tensor import ArgumentError, GradientError, ShapeError, StateError, Tensor

ONE, KEYWORD = Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY


class Optimizer:
    """Groups of parameters, and what the rule of the class remembers of each of them."""

    def __init__(self, *args, **kwargs):
        given = self.__signature__.bind(*args, **kwargs)
        given.apply_defaults()
        settings = given.arguments
        params, self.check_finite = settings.pop("params"), settings.pop("check_finite")
        self.name, self.rule = type(self).__name__, RULES[type(self).__name__]
        self.defaults = self.rule.checked(self.name, settings)
        self.param_groups, self.memory, self.names = [], {}, {}
        if params is not None:
            self.bind(params)

    @property
    def is_bound(self):
        """Whether it has parameters."""
        return bool(self.param_groups)

    @property
    def lr(self):
        """The rate of the first group."""
        return (self.param_groups[0] if self.param_groups else self.defaults)["lr"]

    @lr.setter
    def lr(self, rate):
        rate = self.rule.checked(self.name, self.defaults | {"lr": rate})["lr"]
        for group in (self.defaults, *self.param_groups):
            group["lr"] = rate

    def bind(self, params):
        """Take the parameters; return the optimizer."""
        if self.is_bound:
            raise self.refused("no parameters before", "a second bind")
        listed = self.listed(params)
        groups = listed if isinstance(listed[0], dict) else [{"params": listed}]
        names = self.names
        try:
            for group in groups:
                self.add_param_group(group)
        except Exception:
            self.param_groups, self.names = [], names
            raise
        return self

    def add_param_group(self, group):
        """Add a dict of parameters and settings of their own."""
        if not isinstance(group, dict) or "params" not in group:
            raise self.refused('groups: dicts with "params"', f"{group!r:.60}")
        own = {name: value for name, value in group.items() if name != "params"}
        settings = self.rule.checked(self.name, self.defaults | own)
        params, names = [], dict(self.names)
        for one in self.listed(group["params"]):
            name, p = one if isinstance(one, tuple) and len(one) == 2 else (None, one)
            if not isinstance(p, Variable) or not p.is_leaf:
                raise self.refused("leaf Variables", f"a {type(p).__name__}, no leaf")
            if p in names:
                raise self.refused("each parameter once", f"{names[p]} again")
            names[p] = name or f"params[{len(names)}]"
            params.append(p)
        self.names = names
        self.param_groups.append({"params": params, **settings})

    def listed(self, params):
        """What an iterable of parameters holds."""
        try:
            found = list(params)
        except TypeError:
            found = []
        if not found or isinstance(params, Tensor):
            raise self.refused("parameters", f"{params!r:.60}")
        return found

    def refused(self, expected, got):
        return ParameterError(self.name, expected=expected, got=got, fix="give model.parameters()")

    def everything(self):
        """All parameters, in order, each with its group."""
        return [(p, group) for group in self.param_groups for p in group["params"]]

    def settings(self, group):
        own = {name: value for name, value in group.items() if name != "params"}
        return self.rule.checked(self.name, own)

    def zero_grad(self):
        """Forget all gradients."""
        for p, _ in self.everything():
            p.grad = None

    def step(self, gradients=None):
        """Move all parameters: first compute where to, then go there."""
        if not self.is_bound:
            raise self.refused("parameters before a step", "none")
        if gradients is not None and not isinstance(gradients, Mapping):
            raise ArgumentError(
                f"{self.name}.step",
                expected="a mapping from parameters to gradients",
                got=type(gradients).__name__,
                fix="step(loss.backward())",
            )
        checked = {id(group): self.settings(group) for group in self.param_groups}
        moves = []
        for p, group in self.everything():
            g = p.grad if gradients is None else gradients.get(p)
            if g is not None and p.requires_grad:
                moves.append((p, *self.moved(p, self.gradient(p, g), checked[id(group)])))
        if not moves:
            raise GradientError(
                f"{self.name}.step", expected="a gradient", got="none", fix="call backward() first"
            )
        for p, weights, memory in moves:
            with np.errstate(over="ignore"):
                p.data[...] = weights
            p.assign(p.data)
            self.memory[p] = memory
        if gradients is not None:
            self.zero_grad()

    def gradient(self, p, g):
        """The gradient as an array that fits the parameter."""
        try:
            array = np.asarray(g.data if isinstance(g, Tensor) else g)
            array = array.astype(precise(p.data.dtype), copy=False)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"{self.name}.step",
                expected="Tensors, arrays or numbers as gradients",
                got=f"{g!r:.60}",
                fix="step(loss.backward())",
            ) from error
        if array.shape != p.shape:
            raise ShapeError(
                f"{self.name}.step",
                expected=f"a gradient of shape {p.shape} for {self.names[p]}",
                got=f"{array.shape}",
                fix="give the gradient of this parameter",
            )
        if self.check_finite and not np.isfinite(array).all():
            raise NonFiniteError(
                f"{self.name}.step",
                expected="finite gradients",
                got=f"NaN or infinity in that of {self.names[p]}",
                fix="lower the learning rate, or clip",
                parameter=self.names[p],
                step=1 + max((one["step"] for one in self.memory.values()), default=0),
            )
        return array

    def moved(self, p, g, settings):
        """Where a parameter goes, and what will be remembered of it."""
        old, w, kind = self.memory.get(p, {"step": 0}), p.data, precise(p.data.dtype)
        half, t = kind != w.dtype, old["step"] + 1
        if half:
            copy = old.get("master_weights", w)
            w = np.where(copy.astype(w.dtype) == w, copy, w).astype(kind)
        with np.errstate(all="ignore"):
            w, memory = self.rule.move(w, g, old, settings, t)
        if half:
            memory["master_weights"] = w
        kept = {name: value for name, value in old.items() if name in self.rule.keeps} | memory
        return w, {"step": t, **{name: np.array(one, kind) for name, one in kept.items()}}

    def state_dict(self):
        """Return a copy of all that is needed to go on."""
        order = {p: number for number, (p, _) in enumerate(self.everything())}
        groups = [
            group | {"params": [order[p] for p in group["params"]]} for group in self.param_groups
        ]
        state = [deepcopy(self.memory.get(p, {})) for p in order]
        return {"optimizer": self.name, "state": state, "param_groups": deepcopy(groups)}

    def load_state_dict(self, d):
        """Take back what `state_dict` gave."""
        try:
            ours, memory = self.state_dict(), {}
            self.insist(d.keys() == ours.keys(), f"the parts {', '.join(ours)}")
            if d["optimizer"] != self.name:
                raise self.misfit(f"a state of {self.name}", f"one of {d['optimizer']}")
            places = [group["params"] for group in ours["param_groups"]]
            self.insist(
                [list(g["params"]) for g in d["param_groups"]] == places, f"groups {places}"
            )
            self.insist(len(d["state"]) == len(ours["state"]), "a state for each parameter")
            groups = [self.settings(group) for group in d["param_groups"]]
            for group, settings, where in zip(self.param_groups, groups, places, strict=True):
                for p, i in zip(group["params"], where, strict=True):
                    if d["state"][i]:
                        memory[p] = self.fitting(p, settings, d["state"][i])
        except (ArgumentError, AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, StateError):
                raise
            raise self.misfit("what state_dict() gives", f"{error!r:.200}") from error
        self.memory = memory
        for group, settings in zip(self.param_groups, groups, strict=True):
            group.update(settings)

    def fitting(self, p, settings, state):
        """A parameter's part of a state, copied into the data types that it needs."""
        kind, half = precise(p.data.dtype), p.data.dtype == np.float16
        must = self.rule.wanted(settings) | ({"master_weights"} if half else set())
        may = must | self.rule.keeps.keys()
        self.insist(must <= state.keys() - {"step"} <= may, f"the arrays {sorted(must)}")
        self.insist(type(state["step"]) is int and state["step"] > 0, "a step of at least 1")
        copied = {"step": state["step"]}
        for name, value in state.items():
            if name != "step":
                array = np.asarray(value)
                self.insist(array.shape == p.shape, f"{name} of shape {p.shape}")
                self.insist(array.dtype.kind == "f", f"{name} of real numbers")
                copied[name] = array.astype(kind)
                if not np.array_equal(copied[name], array, equal_nan=True):
                    warnings.warn(f"{self.name}: {name} is rounded to {kind}", stacklevel=3)
        return copied

    def insist(self, condition, expected):
        if not condition:
            raise self.misfit(expected, "another state")

    def misfit(self, expected, got):
        fix = "load it into the optimizer that it was saved from"
        return StateError(f"{self.name}.load_state_dict", expected=expected, got=got, fix=fix)


def made(name):
    """The class of a row of the table."""
    own = [Parameter(key, ONE, default=value) for key, value in RULES[name].defaults.items()]
    first, last = (
        Parameter("params", ONE, default=None),
        Parameter("check_finite", KEYWORD, default=False),
    )
    return type(
        name,
        (Optimizer,),
        {"__signature__": Signature([first, *own, last]), "__module__": __name__},
    )


SGD, Adagrad, Adadelta = made("SGD"), made("Adagrad"), made("Adadelta")
RMSprop, Adam, AdamW = made("RMSprop"), made("Adam"), made("AdamW")
