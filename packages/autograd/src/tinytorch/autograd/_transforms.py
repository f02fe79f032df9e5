"""Functions of functions: from f make what computes its gradient, Jacobian or products.

The functions take Tensors and return one Tensor; where they are computed may be given as Tensors,
arrays or numbers. What is made of them can be given to any of these again.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import numpy as np

from tinytorch.autograd._backward import backward, reaches_others
from tinytorch.autograd._gradients import Gradients
from tinytorch.autograd._mode import recording
from tinytorch.autograd._variable import Variable
from tinytorch.tensor import DTypeError, ShapeError, Tensor, checks, from_numpy, ops, stack

Pullback = Callable[[Any], Any]


def vjp(function: Callable[..., Any], *inputs: Any) -> tuple[Tensor, Pullback]:
    """Compute a function; return its value, and its vector-Jacobian product as a function.

    Args:
        function: Of as many Tensors as there are inputs.
        *inputs: Where to compute; any shapes.

    Returns:
        The value, and `pullback(g)`: for `g` of the value's shape the gradient of the input, or a
        tuple of one for each of several inputs.

    Raises:
        DTypeError: The function returns no Tensor.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> value, pullback = vjp(lambda x: x * x, tensor([1.0, 2.0]))
        >>> pullback(tensor([1.0, 10.0]))
        tensor([ 2., 40.])
    """
    return pulled_back("vjp", function, inputs)


def value_and_grad(function: Callable[..., Any]) -> Callable[..., tuple[Tensor, Any]]:
    """Return the function that computes a scalar function's value and its gradient.

    Args:
        function: Its value has one element.

    Returns:
        A function of the same arguments: `(value, gradient)`; with several arguments the gradient
        is a tuple.

    Raises:
        ShapeError: When called: the value has more than one element.
        DTypeError: When called: the value is no Tensor.

    Example:
        >>> value_and_grad(lambda x: x * x)(3.0)
        (tensor(9.), tensor(6.))
    """
    return _value_and_grad("value_and_grad", function)


def grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that computes a scalar function's gradient, as in `value_and_grad`.

    Example:
        >>> grad(lambda x: x**3)(2.0), grad(grad(lambda x: x**3))(2.0)
        (tensor(12.), tensor(12.))
    """
    return _grad("grad", function)


def jacobian(function: Callable[[Any], Any]) -> Callable[[Any], Tensor]:
    """Return the function that computes all derivatives of each output by each input.

    Args:
        function: Of one Tensor.

    Returns:
        A function whose result has the shape (*value's shape, *input's shape).

    Raises:
        DTypeError: When called: the value is no Tensor.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> jacobian(lambda x: x * x)(tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """

    @wraps(function)
    def matrix(x: Any) -> Tensor:
        value, pullback = pulled_back("jacobian", function, (x,))
        shape = (*value.shape, *np.shape(x))
        if not value.size:
            return from_numpy(np.zeros(shape, value.dtype))
        basis = np.eye(value.size, dtype=value.dtype).reshape(-1, *value.shape)
        rows: Tensor = stack([pullback(Tensor(unit)) for unit in basis])
        return rows.reshape(shape)

    return matrix


def hvp(function: Callable[[Any], Any], x: Any, vector: Any) -> Tensor:
    """Return the Hessian of a scalar function, multiplied by a vector.

    Args:
        function: Of one Tensor; its value has one element.
        x: Where to compute.
        vector: The shape of `x`; so is the result.

    Raises:
        ShapeError: The value has more than one element, or the vector another shape than `x`.
        DTypeError: The value is no Tensor.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> hvp(lambda x: (x**3).sum(), tensor([1.0, 2.0]), tensor([1.0, 1.0]))
        tensor([ 6., 12.])
    """
    v = _as_tensor("hvp", vector)
    _require_shape("hvp", v, np.shape(x))
    slope = _grad("hvp", function)
    product: Tensor = _grad("hvp", lambda at: ops.sum(slope(at) * v))(x)
    return product


def pulled_back(
    operation: str, function: Callable[..., Any], inputs: tuple[Any, ...]
) -> tuple[Tensor, Pullback]:
    """Do what `vjp` does in the name of another operation."""
    with recording() as outside:
        own = [_own(operation, x, outside) for x in inputs]
        value = function(*own)
    if not isinstance(value, Tensor):
        raise DTypeError(
            operation,
            expected="a function that returns a Tensor",
            got=f"{type(value).__name__} from {getattr(function, '__name__', function)}",
            fix="compute the result with ops, and return it",
        )
    # What depends on Variables of others, given or used in the function, remembers them too.
    nested = (
        outside
        and isinstance(value, Variable)
        and (any(isinstance(x, Variable) for x in inputs) or reaches_others(value, own))
    )

    def pullback(g: Any) -> Any:
        seed = _as_tensor(operation, g)
        _require_shape(operation, seed, value.shape)
        found: Mapping[Variable, Tensor] = {}
        if isinstance(value, Variable):
            create_graph = nested or isinstance(g, Variable)
            found = Gradients(
                backward(value, seed, retain=True, create_graph=create_graph, inputs=own)
            )
        shares = [found.get(x, from_numpy(np.zeros(x.shape, x.dtype))) for x in own]
        return shares[0] if len(shares) == 1 else tuple(shares)

    return (value if nested or not isinstance(value, Variable) else value.detach()), pullback


def _value_and_grad(
    operation: str, function: Callable[..., Any]
) -> Callable[..., tuple[Tensor, Any]]:
    @wraps(function)
    def both(*inputs: Any) -> tuple[Tensor, Any]:
        value, pullback = pulled_back(operation, function, inputs)
        if value.size != 1:
            raise ShapeError(
                operation,
                expected="a function whose value has one element",
                got=f"a value of shape {value.shape}",
                fix="reduce it (sum, mean), or use jacobian or vjp",
            )
        return value, pullback(from_numpy(np.ones(value.shape, value.dtype)))

    return both


def _grad(operation: str, function: Callable[..., Any]) -> Callable[..., Any]:
    both = _value_and_grad(operation, function)

    @wraps(function)
    def gradient(*inputs: Any) -> Any:
        return both(*inputs)[1]

    return gradient


def _own(operation: str, x: Any, remembers: bool) -> Variable:
    """An input of our own: the same value, told apart from other uses of the same object."""
    if not isinstance(x, Variable):
        return Variable(_as_tensor(operation, x))
    if not (remembers and x.requires_grad):
        return Variable(x.detach())
    alias: Variable = ops.reshape(x, shape=x.shape)
    return alias


def _as_tensor(operation: str, x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else Tensor(checks.as_array(operation, x, None, copy=False))


def _require_shape(operation: str, g: Tensor, shape: tuple[int, ...]) -> None:
    if g.shape != shape:
        raise ShapeError(
            operation,
            expected=f"a vector of shape {shape}",
            got=f"shape {g.shape}",
            fix="give one number for each element",
        )
