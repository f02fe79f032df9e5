"""The one idea: an op computes arrays, and its operands decide what else happens.

An `Op` is a name, a NumPy reference function and traits. Calling it passes through one seam,
`evaluate`, which belongs to the operands: a `Tensor` computes, and a type of an upper layer may do
more (autograd's `Variable` also remembers). An op therefore never knows about gradients.
"""

import sys
from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import Any, overload
from weakref import WeakValueDictionary

import numpy as np
from numpy import ndarray

from tinytorch.tensor._explaining import explained, misused, name_taken, nothing_to_evaluate
from tinytorch.tensor.errors import TinyTorchError
from tinytorch.tensor.types import Operand, T

FLOAT64 = np.dtype(np.float64)
WEAK = frozenset({bool, int, float, type(None)})
UFUNCS: dict[np.ufunc, "Op"] = {}  # the op that means the same
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
        parameters: Signature,
        *,
        broadcasts: bool,
        differentiable: bool,
    ) -> None:
        self.name = self.__name__ = self.__qualname__ = name
        self.reference = self.implementation = self.__wrapped__ = reference
        self.broadcasts = broadcasts
        self.differentiable = differentiable
        self.__doc__ = reference.__doc__
        self.__module__ = getattr(reference, "__module__", "numpy")  # a ufunc has none in NumPy 2.1
        self.__signature__ = parameters
        kinds = [x.kind for x in parameters.parameters.values()]
        settings = kinds.count(Parameter.KEYWORD_ONLY)
        self.has_settings = settings > 0
        any_number = Parameter.VAR_POSITIONAL in kinds
        self.most_operands = sys.maxsize if any_number else len(kinds) - settings

    @overload
    def __call__(self, *operands: Operand[T] | None, **settings: Any) -> T: ...
    @overload
    def __call__(self, *operands: Any, **settings: Any) -> Any: ...

    def __call__(self, *operands: Any, **settings: Any) -> Any:
        """Evaluate the op through the seam of its operands' type."""
        if len(operands) > self.most_operands or (settings and not self.has_settings):
            raise misused(self, operands, settings)
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
                raise nothing_to_evaluate(self)
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
            raise explained(self, error, operands, settings) from error
        if type(array) is not ndarray:
            array = np.asarray(array)
        if (
            array.dtype is FLOAT64
            and "dtype" not in settings
            and FLOAT64 not in [x.dtype for x in operands if isinstance(x, Tensor)]
        ):
            array = array.astype(np.float32)
        return array

    def __repr__(self) -> str:
        """Show the op as `<op mul>`."""
        return f"<op {self.name}>"

    def __reduce__(self) -> str:
        """Pickle and copy by name: an op is one object."""
        return self.name


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
            signature(function),
            broadcasts=broadcasts,
            differentiable=differentiable,
        )
        return register(made, ufunc)

    return make if reference is None else make(reference)


def register(made: Op, ufunc: np.ufunc | None) -> Op:
    """Write the op down under its name, and as the meaning of the ufunc."""
    old = _registry.get(made.name)
    if old is not None and old.__module__ != made.__module__:
        raise name_taken(made.name, old.__module__)
    _registry[made.name] = made
    if ufunc is not None:
        UFUNCS[ufunc] = made
    return made


def registry() -> tuple[Op, ...]:
    """Return every op made so far, in the order of making."""
    return tuple(_registry.values())


from tinytorch.tensor._tensor import Tensor, as_operand  # noqa: E402 - its methods call ops
