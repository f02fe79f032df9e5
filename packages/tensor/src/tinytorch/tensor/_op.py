"""The one idea: an op computes arrays, and its operands decide what else happens.

An `Op` is a name, a NumPy reference function and traits. Calling it passes through one seam,
`evaluate`, which belongs to the operands: a `Tensor` computes, and a type of an upper layer may do
more (autograd's `Variable` also remembers). An op therefore never knows about gradients.
"""

import sys
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature, isfunction, signature
from typing import Any, overload
from weakref import WeakValueDictionary

import numpy as np
from numpy import ndarray
from numpy.exceptions import AxisError

from tinytorch.tensor._tensor import Tensor, as_operand
from tinytorch.tensor.errors import ArgumentError, ShapeError, TinyTorchError

FLOAT64 = np.dtype(np.float64)
WEAK = frozenset({bool, int, float, type(None)})
UFUNCS: dict[np.ufunc, "Op"] = {}
"""The op of the same meaning for each of NumPy's ufuncs that has one."""
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
        self,
        name: str,
        reference: Callable[..., Any],
        *,
        broadcasts: bool,
        differentiable: bool,
        doc: str | None,
        module: str,
        operands: Signature,
    ) -> None:
        self.name = self.__name__ = self.__qualname__ = name
        self.reference = self.implementation = self.__wrapped__ = reference
        self.broadcasts = broadcasts
        self.differentiable = differentiable
        self.__doc__ = doc
        self.__module__ = module
        self.__signature__ = operands
        kinds = [x.kind for x in operands.parameters.values()]
        self._most = sys.maxsize if Parameter.VAR_POSITIONAL in kinds else len(kinds)
        self._has_settings = Parameter.KEYWORD_ONLY in kinds
        if self._has_settings and self._most < sys.maxsize:
            self._most = kinds.index(Parameter.KEYWORD_ONLY)

    def __call__(self, *operands: Any, **settings: Any) -> Any:
        """Evaluate the op through the seam of its operands' type."""
        if len(operands) > self._most or (settings and not self._has_settings):
            raise self._misused(operands, settings)
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
        if isinstance(error, TypeError):
            return self._misused(operands, settings, f": {str(error).splitlines()[0]}")
        shapes = [np.shape(x.data) if isinstance(x, Tensor) else np.shape(x) for x in operands]
        came = _call(operands, settings)
        kind: type[TinyTorchError] = ArgumentError
        expected, fix = "operands and settings that fit together", f"see help(ops.{self.name})"
        reason = f": {str(error).splitlines()[0]}"
        if isinstance(error, AxisError):
            kind, n, reason = AxisRangeError, len(shapes[0]), ""
            expected, fix = f"axes from {-n} to {n - 1}", "count axes from 0, or from -1 backward"
        elif isinstance(error, ValueError) and self.broadcasts and len(shapes) > 1:
            kind, reason = ShapeError, ""
            expected = "shapes that broadcast: aligned from the right, equal or 1"
            fix = "reshape or expand_dims an operand"
        elif isinstance(error, ValueError) and len(shapes) > 1:
            kind = ShapeError
        return kind(self.name, expected=expected, got=came + reason, fix=fix, shapes=shapes)

    def _misused(
        self, operands: tuple[Any, ...], settings: dict[str, Any], reason: str = ""
    ) -> TinyTorchError:
        """The error for operands or settings that the op does not take."""
        parameters = self.__signature__.parameters.values()
        usage = Signature([x.replace(annotation=Parameter.empty) for x in parameters])
        names = [f"{x.name}=..." for x in parameters if x.kind is Parameter.KEYWORD_ONLY]
        fix = f"see help(ops.{self.name})"
        if names and len(operands) > self._most:
            fix = f"name the settings: {self.name}(x, {', '.join(names)})"
        elif reason and self.name.startswith("bitwise") and not names:
            fix = "compare numbers first, (x > 0) & (y > 0), or astype integers or bool"
        return OperandTypeError(
            self.name,
            expected=f"{self.name}{usage}" + (": settings by keyword alone" if names else ""),
            got=_call(operands, settings) + reason,
            fix=fix,
        )

    def __repr__(self) -> str:
        """Show the op as `<op mul>`."""
        return f"<op {self.name}>"

    def __reduce__(self) -> str:
        """Pickle and copy by name: an op is one object."""
        return self.name


class AxisRangeError(ArgumentError, IndexError):
    """An axis that the operand does not have."""


class OperandTypeError(ArgumentError, TypeError):
    """Operands or settings that the op does not take."""

    problem = "operands or settings do not fit"


def _call(operands: tuple[Any, ...], settings: dict[str, Any]) -> str:
    """Show a call as `float32 (2, 3), 2.0 with axis=1`."""
    came = ", ".join(
        f"{x.dtype} {tuple(x.shape)}" if isinstance(x, (Tensor, ndarray)) else repr(x)
        for x in operands
    )
    return (
        came + (" with " if settings else "") + ", ".join(f"{k}={v!r}" for k, v in settings.items())
    )


@overload
def op(reference: Callable[..., Any], /) -> Op: ...
@overload
def op(
    *, broadcasts: bool = False, differentiable: bool = True, ufunc: np.ufunc | None = None
) -> Callable[..., Op]: ...


def op(
    reference: Callable[..., Any] | None = None,
    /,
    *,
    broadcasts: bool = False,
    differentiable: bool = True,
    ufunc: np.ufunc | None = None,
) -> Op | Callable[..., Op]:
    """Make an `Op` of a NumPy function; its settings must be keyword-only.

    Args:
        reference: The function: arrays positional, settings keyword-only, one array out.
        broadcasts: The operands follow NumPy's broadcasting rules.
        differentiable: Whether a derivative has a meaning.
        ufunc: NumPy's ufunc of the same meaning, if there is one: on Tensors it evaluates the op.

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
        made = Op(
            function.__name__,
            function,
            broadcasts=broadcasts,
            differentiable=differentiable,
            doc=function.__doc__,
            module=function.__module__,
            operands=signature(function),
        )
        return _registered(made, ufunc)

    return make if reference is None else make(reference)


def ufunc(name: str, function: np.ufunc, doc: str, *, flat: bool = False) -> Op:
    """Make an op that is one of NumPy's ufuncs; `flat` if its derivative is 0 or has no meaning."""
    names = ("x", "y")[: function.nin]
    made = Op(
        name,
        function,
        broadcasts=function.nin > 1,
        differentiable=not flat,
        doc=doc,
        module="tinytorch.tensor.ops.elementwise",
        operands=Signature([Parameter(x, Parameter.POSITIONAL_OR_KEYWORD) for x in names]),
    )
    return _registered(made, function)


def _registered(made: Op, function: np.ufunc | None) -> Op:
    """Write the op down under its name, and the ufunc whose meaning it has."""
    old = _registry.get(made.name)
    if old is not None and old.__module__ != made.__module__:
        raise ArgumentError(
            "op",
            expected="a name that no other op has",
            got=f"{made.name!r}, which {old.__module__} defines",
            fix="give the function another name",
        )
    _registry[made.name] = made
    if function is not None:
        UFUNCS[function] = made
    return made


def registry() -> tuple[Op, ...]:
    """Return every op made so far, in the order of making."""
    return tuple(_registry.values())


def own_names(package: str, names: Mapping[str, Any]) -> list[str]:
    """The public ops and functions of a package of ops, of those that its `__init__` knows."""
    return sorted(
        name
        for name, x in names.items()
        if isinstance(x, Op) or (isfunction(x) and x.__module__.startswith(f"{package}."))
        if not name.startswith("_")
    )
