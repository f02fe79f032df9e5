"""Functions of functions: from f make what computes its gradient, Jacobian or products."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import numpy as np

from tinytorch.autograd._backward import Gradients, backward, reaches_others
from tinytorch.autograd._mode import recording
from tinytorch.autograd._variable import Variable
from tinytorch.tensor import ShapeError, Tensor, from_numpy, ops, stack


def vjp(function: Callable[..., Any], *inputs: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Compute `function` and return its vector-Jacobian product as a function.

    Args:
        function: Takes Tensors, gives one Tensor.
        *inputs: Where to compute; Tensors, arrays or numbers of any shape.

    Returns:
        The value, and `pullback(g)`: for `g` of the value's shape the gradient of the input, or
        a tuple of one for each of several inputs.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> value, pullback = vjp(lambda x: x * x, tensor([1.0, 2.0]))
        >>> pullback(tensor([1.0, 10.0]))
        tensor([ 2., 40.])
    """
    with recording() as outside:
        own = [_own(x, outside) for x in inputs]
        value = function(*own)
    # What depends on Variables of others, given or used in the function, remembers them too.
    nested = (
        outside
        and isinstance(value, Variable)
        and (any(isinstance(x, Variable) for x in inputs) or reaches_others(value, own))
    )

    def pullback(g: Any) -> Any:
        seed = g if isinstance(g, Tensor) else Tensor(g)
        if seed.shape != value.shape:
            raise ShapeError(
                "vjp",
                expected=f"a vector of the value's shape {value.shape}",
                got=f"shape {seed.shape}",
                fix="give one number for each element of the value",
            )
        if isinstance(value, Variable):
            create_graph = nested or isinstance(g, Variable)
            found: Mapping[Variable, Tensor] = Gradients(
                backward(value, seed, retain=True, create_graph=create_graph, inputs=own)
            )
        else:
            found = {}
        shares = [found.get(x, from_numpy(np.zeros(x.shape, x.dtype))) for x in own]
        return shares[0] if len(shares) == 1 else tuple(shares)

    return (value if nested or not isinstance(value, Variable) else value.detach()), pullback


def value_and_grad(function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Return the function that gives a scalar function's value and its gradient.

    Args:
        function: Takes Tensors, gives a Tensor of one element.

    Returns:
        A function of the same arguments: `(value, gradient)`; with several arguments the gradient
        is a tuple.

    Raises:
        ShapeError: The value has more than one element.

    Example:
        >>> value_and_grad(lambda x: x * x)(3.0)
        (tensor(9.), tensor(6.))
    """

    @wraps(function)
    def both(*inputs: Any) -> tuple[Any, Any]:
        value, pullback = vjp(function, *inputs)
        if value.size != 1:
            raise ShapeError(
                "grad",
                expected="a function that gives one number",
                got=f"a value of shape {value.shape}",
                fix="reduce it (sum, mean), or use jacobian or vjp",
            )
        return value, pullback(from_numpy(np.ones(value.shape, value.dtype)))

    return both


def grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that gives a scalar function's gradient; it can be applied again.

    Args:
        function: Takes Tensors, gives a Tensor of one element.

    Returns:
        A function of the same arguments; with several the gradient is a tuple.

    Example:
        >>> grad(lambda x: x**3)(2.0), grad(grad(lambda x: x**3))(2.0)
        (tensor(12.), tensor(12.))
    """
    both = value_and_grad(function)

    @wraps(function)
    def gradient(*inputs: Any) -> Any:
        return both(*inputs)[1]

    return gradient


def jacobian(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the function that gives all derivatives of each output by each input.

    Args:
        function: Takes one Tensor, gives one Tensor.

    Returns:
        A function whose result has the shape (*value's shape, *input's shape).

    Example:
        >>> from tinytorch.tensor import tensor
        >>> jacobian(lambda x: x * x)(tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """

    @wraps(function)
    def matrix(x: Any) -> Any:
        value, pullback = vjp(function, x)
        shape = (*value.shape, *np.shape(x))
        if not value.size:
            return from_numpy(np.zeros(shape, value.dtype))
        basis = np.eye(value.size, dtype=value.dtype).reshape(-1, *value.shape)
        rows = [pullback(Tensor(unit)) for unit in basis]
        return ops.reshape(stack(rows), shape=shape)

    return matrix


def hvp(function: Callable[[Any], Any], x: Any, vector: Any) -> Any:
    """Return the Hessian of a scalar function, multiplied by a vector.

    Args:
        function: Takes one Tensor, gives a Tensor of one element.
        x: Where to compute.
        vector: The shape of `x`.

    Returns:
        The shape of `x`.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> hvp(lambda x: (x**3).sum(), tensor([1.0, 2.0]), tensor([1.0, 1.0]))
        tensor([ 6., 12.])
    """
    v = vector if isinstance(vector, Tensor) else Tensor(vector)
    return grad(lambda at: ops.sum(grad(function)(at) * v))(x)


def _own(x: Any, remembers: bool) -> Variable:
    """An input of our own: the same value, told apart from other uses of the same object."""
    if not isinstance(x, Variable):
        return Variable(x)
    if not (remembers and x.requires_grad):
        return Variable(x.detach())
    alias: Variable = ops.reshape(x, shape=x.shape)
    return alias
