"""The gradient properties of an op's case, for `OpCase.check`; the rest is in `tinytorch.tensor`.

case.check(check_gradients)
"""

from typing import Any

import numpy as np

from tinytorch.autograd._backward import backward
from tinytorch.autograd._gradcheck import gradcheck
from tinytorch.autograd._kept import outline, read
from tinytorch.autograd._table import table
from tinytorch.autograd._variable import Variable
from tinytorch.tensor import Op, Tensor
from tinytorch.tensor.testing import OpCase, Sample

__all__ = ["check_gradients", "has_derivative"]


def has_derivative(op: Op) -> bool:
    """Return whether the table has a derivative of an op.

    Args:
        op: The op.

    Returns:
        True if a walk can pass it.

    Example:
        >>> from tinytorch.tensor import ops
        >>> has_derivative(ops.exp), has_derivative(ops.floor)
        (True, False)
    """
    return op in table


def check_gradients(case: OpCase, order: int = 2) -> None:
    """Check the derivative of an op on every sample of its case.

    - Gradients agree with central differences in float64, and so do gradients of gradients.
    - In float32 each gradient has its operand's shape and data type.
    - Rows do without the numbers that they say they do not read: `derivative`.
    - An op that declares no derivative gives plain Tensors.

    Args:
        case: The case.
        order: How often to differentiate.

    Raises:
        AssertionError: A property does not hold.
        GradientError: A gradient is wrong, or the op has no derivative.

    Example:
        >>> import numpy as np
        >>> from tinytorch.tensor import ops
        >>> check_gradients(OpCase(ops.exp, np.exp))
    """
    for one in case.samples:
        operands = case.operands(one, np.float64)
        floats = [i for i, x in enumerate(operands) if _is_float(x)]
        if not floats:
            continue
        if not case.op.differentiable:
            _check_plain(case, one)
            continue
        _check_single_precision(case, one)

        def call(*xs: Any, among: Any = operands, at: Any = floats, one: Any = one) -> Any:
            given = list(among)
            for i, x in zip(at, xs, strict=True):
                given[i] = x
            return case.op(*given, **one.settings)

        call.__name__ = case.op.name
        gradcheck(call, *[operands[i] for i in floats], order=order)


def _check_plain(case: OpCase, one: Sample) -> None:
    operands = [Variable(x) if _is_float(x) else x for x in case.operands(one)]
    result = case.op(*operands, **one.settings)
    if type(result) is not Tensor:
        raise AssertionError(f"{case.op.name}: not differentiable, yet gives {type(result)}")


def _check_single_precision(case: OpCase, one: Sample) -> None:
    operands = [Variable(x) if _is_float(x) else x for x in case.operands(one)]
    result = case.op(*operands, **one.settings)
    gradients = result.backward(np.ones(result.shape, result.dtype), retain_graph=True)
    _check_unread(case, one, result, list(gradients.values()))
    for i, x in enumerate(operands):
        if x not in gradients:
            continue
        got, wanted = (gradients[x].shape, gradients[x].dtype), (x.shape, x.dtype)
        if got != wanted:
            raise AssertionError(
                f"{case.op.name}: gradient of operand {i} is {got[1]} {got[0]}, "
                f"not {wanted[1]} {wanted[0]}; {one!r}"
            )


def _check_unread(case: OpCase, one: Sample, result: Variable, wanted: list[Tensor]) -> None:
    g = Tensor(np.ones(result.shape, result.dtype))
    bits = read(case.op, result._operands)
    result._operands = tuple(
        outline(x) if isinstance(x, Variable) and not bits >> i + 1 & 1 else x
        for i, x in enumerate(result._operands)
    )
    came = result if bits & 1 else outline(result)
    found = backward(came, g, retain=False, create_graph=False)
    for share, (_, again) in zip(wanted, found, strict=True):
        if not np.array_equal(share.data, again.data, equal_nan=True):
            raise AssertionError(
                f"{case.op.name}: a row reads what its name, with an underscore, says it does not; "
                f"{one!r}"
            )


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"
