"""The one idea: an op computes arrays, and its operands decide what else happens.

An `Op` is a name, a NumPy reference function and traits. Calling it passes through one seam,
`evaluate`, which belongs to the operands: a `Tensor` computes, and a type of an upper layer may do
more (autograd's `Variable` also remembers). An op therefore never knows about gradients.
"""

from collections.abc import Callable
from typing import Any, overload
from weakref import WeakValueDictionary

import numpy as np
from numpy import ndarray
from numpy.exceptions import AxisError

from tinytorch.tensor._tensor import Tensor, as_operand
from tinytorch.tensor.errors import ArgumentError, ShapeError, TinyTorchError

__all__ = ["Op", "op", "registry"]

FLOAT64 = np.dtype(np.float64)
WEAK = frozenset({bool, int, float, type(None)})
_registry: WeakValueDictionary[str, "Op"] = WeakValueDictionary()


class Op:
    """A named array function with one output, evaluated by its operands.

    Operands are positional: Tensors, arrays, Python numbers (which take the data type of their
    partner), or None for one that is left out. Settings are keyword-only and are no Tensors.

    Attributes:
        name: The function's name; unique among all ops.
        reference: The NumPy function that specifies the op: arrays in, one array out.
        broadcasts: Operands follow NumPy's broadcasting rules, so gradients must undo them.
        differentiable: False where a gradient has no meaning (comparisons, `argmax`, ...).
        implementation: The function in use: the reference, or a kernel (see `kernels`).
    """

    def __init__(
        self, reference: Callable[..., Any], *, broadcasts: bool, differentiable: bool
    ) -> None:
        self.name = reference.__name__
        self.reference = reference
        self.broadcasts = broadcasts
        self.differentiable = differentiable
        self.implementation = reference
        self.__doc__ = reference.__doc__
        self.__name__ = reference.__name__
        self.__qualname__ = reference.__qualname__
        self.__module__ = reference.__module__
        self.__wrapped__ = reference

    def __call__(self, *operands: Any, **settings: Any) -> Any:
        """Evaluate the op through the seam of its operands' type."""
        if len(operands) == 1 and isinstance(operands[0], Tensor):
            return operands[0].evaluate(self, operands, settings)
        evaluate = None
        for operand in operands:
            if isinstance(operand, Tensor):
                own = operand.evaluate
                if own is not evaluate and (evaluate is None or own is not Tensor.evaluate):
                    evaluate = own
            elif type(operand) not in WEAK:
                return self(*[as_operand(self.name, x) for x in operands], **settings)
        if evaluate is None:
            if all(x is None for x in operands):
                raise ArgumentError(
                    self.name,
                    expected="at least one Tensor, array or number",
                    got="none",
                    fix=f"see help(ops.{self.name})",
                )
            return self(*[x if x is None else Tensor(x) for x in operands], **settings)
        return evaluate(self, operands, settings)

    def compute(self, operands: tuple[Any, ...], settings: dict[str, Any]) -> ndarray:
        """Compute the result's array; float64 comes only from float64 arrays."""
        try:
            # Nearly all small ops come one of the first two ways; it saves a tenth of their time.
            if len(operands) == 1:
                (x,) = operands
                array: ndarray = self.implementation(
                    x.data if isinstance(x, Tensor) else x, **settings
                )
            elif len(operands) == 2 and not settings:
                x, y = operands
                array = self.implementation(
                    x.data if isinstance(x, Tensor) else x, y.data if isinstance(y, Tensor) else y
                )
            else:
                arrays = [x.data if isinstance(x, Tensor) else x for x in operands]
                array = self.implementation(*arrays, **settings)
        except TinyTorchError:
            raise
        except (ValueError, TypeError, IndexError) as error:
            raise self._explain(error, operands, settings) from error
        if type(array) is not ndarray:
            array = np.asarray(array)
        if (
            array.dtype is FLOAT64
            and "dtype" not in settings
            and FLOAT64 not in [x.dtype for x in operands if isinstance(x, Tensor)]
        ):
            array = array.astype(np.float32)
        return array

    def _explain(
        self, error: Exception, operands: tuple[Any, ...], settings: dict[str, Any]
    ) -> TinyTorchError:
        """Turn NumPy's error into one that shows the operands."""
        shapes = [np.shape(x.data) if isinstance(x, Tensor) else np.shape(x) for x in operands]
        came = ", ".join(describe(x) for x in operands)
        if settings:
            came += " with " + ", ".join(f"{k}={v!r}" for k, v in settings.items())
        kind: type[TinyTorchError] = ArgumentError
        expected, fix = "operands and settings that fit together", f"see help(ops.{self.name})"
        reason = f": {str(error).splitlines()[0]}"
        if isinstance(error, AxisError):
            kind, n, reason = AxisRangeError, len(shapes[0]), ""
            expected, fix = f"axes from {-n} to {n - 1}", "count axes from 0, or from -1 backward"
        elif isinstance(error, TypeError):
            kind = OperandTypeError
        elif isinstance(error, ValueError) and self.broadcasts and len(shapes) > 1:
            kind, reason = ShapeError, ""
            expected = "shapes that broadcast: aligned from the right, equal or 1"
            fix = "reshape or expand_dims an operand"
        elif isinstance(error, ValueError) and len(shapes) > 1:
            kind = ShapeError
        return kind(self.name, expected=expected, got=came + reason, fix=fix, shapes=shapes)

    def __repr__(self) -> str:
        """Show the op as ``<op mul>``."""
        return f"<op {self.name}>"

    def __reduce__(self) -> str:
        """Pickle and copy by name: an op is one object."""
        return self.name


class AxisRangeError(ArgumentError, IndexError):
    """An axis that the operand does not have."""


class OperandTypeError(ArgumentError, TypeError):
    """Operands or settings of a type that the op does not take."""


def describe(operand: Any) -> str:
    """Show an operand as ``float32 (2, 3)``, or a number as itself."""
    if isinstance(operand, (Tensor, ndarray)):
        return f"{operand.dtype} {tuple(operand.shape)}"
    return repr(operand)


@overload
def op(reference: Callable[..., Any], /) -> Op: ...
@overload
def op(*, broadcasts: bool = False, differentiable: bool = True) -> Callable[..., Op]: ...


def op(
    reference: Callable[..., Any] | None = None,
    /,
    *,
    broadcasts: bool = False,
    differentiable: bool = True,
) -> Op | Callable[..., Op]:
    """Make an `Op` of a NumPy function; its settings must be keyword-only.

    Args:
        reference: The function: arrays positional, settings keyword-only, one array out.
        broadcasts: The operands follow NumPy's broadcasting rules.
        differentiable: Whether a derivative has a meaning.

    Returns:
        The op, which also stands in `registry()`.

    Raises:
        ArgumentError: An op of that name exists.

    Example:
        >>> from tinytorch.tensor import op, tensor
        >>> @op(broadcasts=True)
        ... def average_of_two(x, y):
        ...     return (x + y) / 2
        >>> average_of_two(tensor([1.0, 2.0]), 4)
        tensor([2.5, 3. ])
    """

    def make(function: Callable[..., Any]) -> Op:
        made = Op(function, broadcasts=broadcasts, differentiable=differentiable)
        old = _registry.get(made.name)
        if old is not None and old.__module__ != made.__module__:
            raise ArgumentError(
                "op",
                expected="a name that no other op has",
                got=f"{made.name!r}, which {old.__module__} defines",
                fix="give the function another name",
            )
        _registry[made.name] = made
        return made

    return make if reference is None else make(reference)


def registry() -> tuple[Op, ...]:
    """Give every op made so far, in the order of making."""
    return tuple(_registry.values())
