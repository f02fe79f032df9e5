"""An optimizer's state as a dict of plain values and arrays, and back, naming each mismatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch.optim._rules import checked
from tinytorch.tensor.errors import ArgumentError, StateError

if TYPE_CHECKING:
    from tinytorch.autograd import Variable
    from tinytorch.optim._optimizer import Optimizer

State = dict[str, Any]


def pack(name: str, states: list[State], groups: list[dict[str, Any]]) -> dict[str, Any]:
    """The state dict of the optimizer class `name`; arrays are copied."""
    start = 0
    packed = []
    for group in groups:
        stop = start + len(group["params"])
        settings = {key: _plain(value) for key, value in group.items()}
        packed.append({**settings, "params": list(range(start, stop))})
        start = stop
    return {
        "optimizer": name,
        "state": [{key: _copy(value) for key, value in state.items()} for state in states],
        "param_groups": packed,
    }


def unpack(
    optimizer: Optimizer, state_dict: Mapping[str, Any]
) -> tuple[list[State], list[dict[str, Any]]]:
    """The parameters' states and the groups' settings in `state_dict`, checked against `optimizer`.

    Raises:
        StateError: Something does not match.
    """
    reader = _Reader(optimizer)
    if not isinstance(state_dict, Mapping):
        raise reader.error("a dict from state_dict()", type(state_dict).__name__)
    for key in ("state", "param_groups"):
        if not isinstance(state_dict.get(key), Sequence):
            raise reader.error(f"a list under {key!r}", f"keys {list(state_dict)}")
    kind = state_dict.get("optimizer", reader.kind)
    if kind != reader.kind:
        raise reader.error(f"the state of {reader.kind}", f"the state of {kind}")
    settings = reader.settings(state_dict["param_groups"])
    return reader.states(state_dict["state"]), settings


class _Reader:
    """Reads the parts of a state dict for one optimizer."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.kind = type(optimizer).__name__

    def error(self, expected: str, got: str) -> StateError:
        return StateError(
            f"{self.kind}.load_state_dict",
            expected=expected,
            got=got,
            fix="make the optimizer as the saved one was: same class, parameters and groups",
        )

    def settings(self, saved: Sequence[Any]) -> list[dict[str, Any]]:
        groups = self.optimizer.param_groups
        sizes = [len(group["params"]) for group in groups]
        got = [
            len(group["params"]) if isinstance(group, Mapping) and "params" in group else None
            for group in saved
        ]
        if sizes != got:
            raise self.error(
                f"{len(sizes)} groups with {sizes} parameters",
                f"{len(got)} groups with {got}",
            )
        return [self._group(index, group) for index, group in enumerate(saved)]

    def _group(self, index: int, group: Mapping[str, Any]) -> dict[str, Any]:
        values = {name: value for name, value in group.items() if name != "params"}
        if values.keys() != self.optimizer.defaults.keys():
            raise self.error(
                f"group {index} with {sorted(self.optimizer.defaults)}", f"{sorted(values)}"
            )
        try:
            values = checked(self.kind, values)
            self.optimizer.check(values)
        except ArgumentError as error:
            raise self.error(f"group {index} with good settings", str(error)) from error
        return values

    def states(self, saved: Sequence[Any]) -> list[State]:
        named = self.optimizer.named_parameters()
        if len(saved) != len(named):
            raise self.error(f"{len(named)} parameters' state", f"{len(saved)}")
        return [
            self._state(name, parameter, state)
            for (name, parameter), state in zip(named, saved, strict=True)
        ]

    def _state(self, name: str, parameter: Variable, state: Any) -> State:
        if not isinstance(state, Mapping):
            raise self.error(f"a dict for {name}", f"{type(state).__name__}")
        if not state:
            return {}
        known = {"step", *self.optimizer.buffers}
        if "step" not in state or not state.keys() <= known:
            raise self.error(f"'step' and some of {sorted(known)} for {name}", f"{sorted(state)}")
        step = state["step"]
        if not isinstance(step, (int, np.integer)) or step < 1:
            raise self.error(f"step of {name} as an integer >= 1", f"{step!r}")
        values: State = {"step": int(step)}
        for key in state.keys() - {"step"}:
            try:
                array = np.array(state[key], dtype=parameter.dtype, order="C")
            except (TypeError, ValueError):
                raise self.error(f"{key} of {name} as numbers", f"{state[key]!r:.40}") from None
            if array.shape != parameter.shape:
                raise self.error(f"{key} of {name} as {parameter.shape}", f"{array.shape}")
            values[key] = array
        return values


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value
