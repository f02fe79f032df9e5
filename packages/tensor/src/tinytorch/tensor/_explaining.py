"""What is said of a call that goes wrong: NumPy's error, the operands, and the way out."""

from inspect import Parameter, Signature
from typing import Any, NoReturn

import numpy as np
from numpy.exceptions import AxisError

from tinytorch.tensor._names import find
from tinytorch.tensor.errors import ArgumentError, ShapeError, TinyTorchError, UsageError


class AxisRangeError(ArgumentError, IndexError):
    """An axis that the operand does not have."""


class OperandTypeError(ArgumentError, TypeError):
    """Operands or settings that the op does not take."""

    problem = "operands or settings do not fit"


class Count(int):
    """A number of elements; calling it, as in PyTorch, tells what to write."""

    __slots__ = ()

    def __call__(self, *_: int) -> NoReturn:
        """Refuse: PyTorch's `size()` is `shape`."""
        row = find("Tensor.size")
        raise UsageError(
            "size",
            expected="size, the number of elements, without a call",
            got="size()",
            fix="x.shape" if row is None else row.way,
        )


def explained(
    op: Any, error: Exception, operands: tuple[Any, ...], settings: dict[str, Any]
) -> TinyTorchError:
    """Turn NumPy's error into one that shows the operands."""
    told = str(error).splitlines()[0]
    if isinstance(error, TypeError):
        return misused(op, operands, settings, f": {told}")
    shapes = [np.shape(x) for x in operands]
    kind: type[TinyTorchError] = ArgumentError
    expected, fix = "operands and settings that fit together", f"see help(ops.{op.name})"
    if isinstance(error, AxisError):
        kind, n, told = AxisRangeError, len(shapes[0]), ""
        expected, fix = f"axes from {-n} to {n - 1}", "count axes from 0, or from -1 backward"
    elif op.name == "pow" and _do_broadcast(shapes):
        told, expected = "", "floats, or exponents from 0 on: whole numbers have no other powers"
        fix = "convert first: x.astype('float32')"
    elif isinstance(error, ValueError) and len(shapes) > 1:
        kind = ShapeError
        if op.broadcasts:
            told, expected = "", "shapes that broadcast: aligned from the right, equal or 1"
            fix = "reshape or expand_dims an operand"
    came = shown(operands, settings) + (f": {told}" if told else "")
    return kind(op.name, expected=expected, got=came, fix=fix, shapes=shapes)


def _do_broadcast(shapes: list[tuple[int, ...]]) -> bool:
    """Whether NumPy would broadcast the shapes."""
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def misused(
    op: Any, operands: tuple[Any, ...], settings: dict[str, Any], reason: str = ""
) -> TinyTorchError:
    """The error for operands or settings that the op does not take."""
    parameters = op.__signature__.parameters.values()
    usage = Signature([x.replace(annotation=Parameter.empty) for x in parameters])
    for name, value in settings.items():
        if name not in op.__signature__.parameters and (row := find(f"{name}=")):
            came = f"{name}={value!r}"
            return UsageError(op.name, expected=f"{op.name}{usage}", got=came, fix=row.way)
    names = [f"{x.name}=..." for x in parameters if x.kind is Parameter.KEYWORD_ONLY]
    fix = f"see help(ops.{op.name})"
    if names and len(operands) > op.most_operands:
        fix = f"name the settings: {op.name}(x, {', '.join(names)})"
    elif op.name.startswith("bitwise"):
        fix = "compare numbers first, (x > 0) & (y > 0), or astype integers or bool"
    return OperandTypeError(
        op.name,
        expected=f"{op.name}{usage}" + (": settings by keyword alone" if names else ""),
        got=shown(operands, settings) + reason,
        fix=fix,
    )


def nothing_to_evaluate(op: Any) -> TinyTorchError:
    """The error for a call whose operands are all left out."""
    return ArgumentError(
        op.name,
        expected="at least one Tensor, array or number",
        got="none",
        fix=f"see help(ops.{op.name})",
    )


def name_taken(name: str, module: str) -> TinyTorchError:
    """The error for a second op of the same name, from another module."""
    return ArgumentError(
        "op",
        expected="a name that no other op has",
        got=f"{name!r}, which {module} defines",
        fix="give the function another name",
    )


def shown(operands: tuple[Any, ...], settings: dict[str, Any]) -> str:
    """Show a call as `float32 (2, 3), 2.0 with axis=1`."""
    came = ", ".join(
        f"{x.dtype} {tuple(x.shape)}" if hasattr(x, "dtype") else repr(x) for x in operands
    )
    named = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    return f"{came} with {named}" if named else came
