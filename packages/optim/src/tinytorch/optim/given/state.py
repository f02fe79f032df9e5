"""An optimizer's state as a dict of plain values and arrays, and back, naming each mismatch."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinytorch.autograd import Variable
from tinytorch.tensor.errors import ArgumentError, StateError

State = dict[str, Any]
"""What a parameter remembers, or a group's settings, by name."""

MASTER = "master_weights"
"""Under this name the state of weights of half precision keeps them in float32."""


def working_dtype(parameter: Variable) -> np.dtype[Any]:
    """Return the data type in which a parameter is moved: its own, and float32 at least."""
    dtype = parameter.data.dtype
    return dtype if dtype.itemsize >= 4 else np.dtype(np.float32)


def working_weights(parameter: Variable, state: dict[str, Any]) -> np.ndarray:
    """Return the array that `update` moves: the parameter's own, or its copy in float32."""
    own = parameter.data
    if own.dtype.itemsize >= 4:
        return own if own.flags.c_contiguous and own.flags.writeable else own.copy(order="C")
    if MASTER not in state:
        state[MASTER] = own.astype(np.float32, order="C")
    master: np.ndarray = state[MASTER]
    with np.errstate(over="ignore"):
        changed = master.astype(own.dtype) != own
    np.copyto(master, own, where=changed)
    return master


def pack(
    kind: str, states: list[State], groups: list[tuple[str | None, int, State]]
) -> dict[str, Any]:
    """Return the state dict of an optimizer of a kind; arrays are copied.

    A group is its rule, if that is another optimizer, its number of parameters, and its settings.
    """
    packed = []
    start = 0
    for rule, size, settings in groups:
        plain = {key: list(v) if isinstance(v, tuple) else v for key, v in settings.items()}
        named = {} if rule is None else {"rule": rule}
        packed.append({**named, **plain, "params": list(range(start, start + size))})
        start += size
    return {
        "optimizer": kind,
        "state": [
            {key: v.copy() if isinstance(v, np.ndarray) else v for key, v in state.items()}
            for state in states
        ],
        "param_groups": packed,
    }


@dataclass(frozen=True)
class Wanted:
    """A group that a state must fit.

    Attributes:
        rule: The class of the optimizer that moves it, if it is not the one that loads.
        parameters: Its parameters with their names.
        keeps: What is kept for each of them, as in `Optimizer`.
        defaults: Its settings.
        check: Returns its settings if they are good, and raises an ArgumentError otherwise.
    """

    rule: str | None
    parameters: list[tuple[str, Variable]]
    keeps: Mapping[str, str | None]
    defaults: Mapping[str, Any]
    check: Callable[[State], State]


@dataclass(frozen=True)
class StateReader:
    """Reads state dicts for an optimizer of that class and those groups.

    Attributes:
        operation: Who asks, for the error.
        kind: The optimizer's class.
        groups: Its groups.
    """

    operation: str
    kind: str
    groups: list[Wanted]

    def read(self, state_dict: Any) -> tuple[list[State], list[State]]:
        """Return the parameters' states and the groups' settings."""
        if not isinstance(state_dict, Mapping):
            raise self._foreign(f"a {type(state_dict).__name__}")
        for key in ("state", "param_groups"):
            if key not in state_dict:
                raise self._foreign(f"no {key!r} among the keys {list(state_dict)}")
            if not _is_list(state_dict[key]):
                raise self._foreign(f"a {type(state_dict[key]).__name__} under {key!r}")
        kind = state_dict.get("optimizer", self.kind)
        if kind != self.kind:
            raise self._error(f"the state of {self.kind}", f"the state of {kind}")
        settings = self._settings(state_dict["param_groups"])
        saved = list(state_dict["state"])
        count = sum(len(group.parameters) for group in self.groups)
        if len(saved) != count:
            raise self._error(f"{count} parameters' state", f"{len(saved)}")
        rounded: list[str] = []
        states = [
            self._state(name, parameter, saved.pop(0), group.keeps, values, rounded)
            for group, values in zip(self.groups, settings, strict=True)
            for name, parameter in group.parameters
        ]
        if rounded:
            warnings.warn(
                f"{self.operation} rounds what was saved in another data type: "
                + ", ".join(rounded[:3])
                + (f" and {len(rounded) - 3} more" if len(rounded) > 3 else ""),
                stacklevel=3,
            )
        return states, settings

    def _settings(self, saved: Sequence[Any]) -> list[State]:
        sizes = [len(group.parameters) for group in self.groups]
        params: list[Any] = [g.get("params") if isinstance(g, Mapping) else None for g in saved]
        got = [len(p) if _is_list(p) else None for p in params]
        if sizes != got:
            raise self._error(
                f"{len(sizes)} groups with {sizes} parameters",
                f"{len(got)} groups with {got}",
            )
        positions = [position for group in params for position in group]
        if positions != list(range(len(positions))):
            raise self._error("parameters in the order of their positions", f"{positions}")
        return [
            self._group(index, wanted, dict(group))
            for index, (wanted, group) in enumerate(zip(self.groups, saved, strict=True))
        ]

    def _group(self, index: int, wanted: Wanted, values: State) -> State:
        del values["params"]
        if (rule := values.pop("rule", None)) != wanted.rule:
            raise self._error(f"group {index} of the rule {wanted.rule}", f"{rule}")
        if values.keys() != wanted.defaults.keys():
            raise self._error(
                f"group {index} with {sorted(wanted.defaults)}", f"{sorted(map(str, values))}"
            )
        try:
            return wanted.check(values)
        except ArgumentError as error:
            raise self._error(
                f"group {index} with {error.expected}", error.got, fix=error.fix
            ) from error

    def _state(
        self,
        name: str,
        parameter: Variable,
        state: Any,
        keeps: Mapping[str, str | None],
        settings: State,
        rounded: list[str],
    ) -> State:
        if not isinstance(state, Mapping):
            raise self._error(f"a dict for {name}", f"{type(state).__name__}")
        if not state:
            return {}
        dtype = working_dtype(parameter)
        always = ["step", *([MASTER] if dtype != parameter.dtype else [])]
        needed = {*always, *(key for key, s in keeps.items() if s is None or settings[s])}
        if not needed <= state.keys() <= {*always, *keeps}:
            raise self._error(
                f"{sorted(needed)} for {name} of {parameter.dtype}", f"{sorted(map(str, state))}"
            )
        step = state["step"]
        if isinstance(step, bool) or not isinstance(step, (int, np.integer)) or step < 1:
            raise self._error(f"step of {name} as an integer >= 1", f"{step!r:.40}")
        values: State = {"step": int(step)}
        for key in state.keys() - {"step"}:
            values[key], exact = self._array(f"{key} of {name}", state[key], parameter.shape, dtype)
            if not exact:
                rounded.append(f"{key} of {name} ({state[key].dtype} to {dtype})")
        return values

    def _array(
        self, what: str, value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> tuple[np.ndarray, bool]:
        """A copy of `value` in `dtype`, and whether that has its values to the last bit."""
        given = np.asarray(value)
        if given.dtype.kind not in "fiu":
            raise self._error(f"{what} as numbers", f"{given.dtype} {value!r:.40}")
        if given.shape != shape:
            raise self._error(f"{what} as {shape}", f"{given.shape}")
        with np.errstate(over="ignore"):
            array = np.array(given, dtype, order="C")
        if np.can_cast(given.dtype, dtype):
            return array, True
        if np.isinf(array).sum() > np.isinf(given).sum():
            raise self._error(f"{what} within the range of {dtype}", f"{given.dtype} beyond it")
        return array, not hasattr(value, "dtype") or np.array_equal(array, given, equal_nan=True)

    def _foreign(self, got: str) -> StateError:
        return self._error(
            'a dict with "state" and "param_groups"', got, "give what state_dict() returned"
        )

    def _error(
        self,
        expected: str,
        got: str,
        fix: str = "make the optimizer as the saved one was: same class, parameters and groups",
    ) -> StateError:
        return StateError(self.operation, expected=expected, got=got, fix=fix)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
