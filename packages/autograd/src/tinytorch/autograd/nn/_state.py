"""Whether a state fits a module: its names, its shapes, and the numbers themselves."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinytorch.autograd._assign import held_as, numbers
from tinytorch.autograd.nn._parameter import Buffer, Parameter
from tinytorch.tensor import StateError


def fitting(
    operation: str,
    own: Mapping[str, Parameter | Buffer],
    state: Mapping[str, Any],
    strict: bool,
) -> dict[str, np.ndarray]:
    """Return the arrays that a module's own entries are to be assigned, if the state fits."""
    if not isinstance(state, Mapping):
        raise StateError(
            operation,
            expected="Tensors or arrays by name, as state_dict returns them",
            got=type(state).__name__,
            fix="load_state_dict(other.state_dict())",
        )
    given = {name: numbers(operation, state[name]) for name in own if name in state}
    held = {name: held_as(array, own[name].dtype) for name, array in given.items()}
    missing = [name for name in own if name not in state] if strict else []
    surplus = [name for name in state if name not in own] if strict else []
    misshapen = [
        f"{name} {own[name].shape} from {array.shape}"
        for name, array in given.items()
        if own[name].shape != array.shape
    ]
    changed = [
        f"{name} {own[name].dtype} from {given[name].dtype}, which it cannot hold"
        for name, array in held.items()
        if array is None
    ]
    problems = {
        "missing": missing,
        "surplus": surplus,
        "wrong shape": misshapen,
        "other numbers": changed,
    }
    if any(problems.values()):
        raise StateError(
            operation,
            expected=f"the {len(own)} entries of this module, in their shapes and types",
            got="; ".join(f"{what}: {', '.join(x)}" for what, x in problems.items() if x),
            fix="build the model as it was when saved, or load_state_dict(..., strict=False)",
            missing=missing,
            surplus=surplus,
            misshapen=misshapen,
            changed=changed,
        )
    return {name: array for name, array in held.items() if array is not None}
