"""A module holds: Parameters, Buffers and other modules are its plain attributes.

Nothing is registered. Whoever asks walks the attributes and tells them apart by their type; names
are the attributes' own, joined by dots, as in PyTorch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from tinytorch.autograd._variable import new_value
from tinytorch.autograd.nn._parameter import Buffer, Parameter
from tinytorch.autograd.nn._summary import Summary, summarize
from tinytorch.tensor import ArgumentError, StateError, Tensor

__all__ = ["Module"]


class Module:
    """The base of everything with weights: attributes in ``__init__``, computation in ``forward``.

    Attributes:
        training: Whether layers such as dropout behave as in training; see `train` and `eval`.

    Example:
        >>> class Scale(Module):
        ...     def __init__(self):
        ...         self.factor = Parameter(2.0)
        ...     def forward(self, x):
        ...         return x * self.factor
        >>> scale = Scale()
        >>> scale(3.0).item(), list(scale.state_dict())
        (6.0, ['factor'])
    """

    training = True

    def forward(self, *inputs: Any) -> Any:  # noqa: ARG002 - each module defines its own
        """Compute the output; each module defines its own."""
        raise ArgumentError(
            type(self).__name__,
            expected="a module with a forward method",
            got=f"{type(self).__name__}, which defines none",
            fix="def forward(self, x): ...",
        )

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        """Compute the output: `forward`."""
        return self.forward(*inputs, **settings)

    def fuse(
        self,
        following: Sequence["Module"],  # noqa: ARG002 - for those that override this
    ) -> tuple[Callable[[Any], Any], int]:
        """Offer to compute this module and some that follow it in one step: the same, faster.

        `Sequential` asks. A module that can do more than itself overrides this.

        Args:
            following: The modules after this one.

        Returns:
            A function of this module's input, and how many modules it computes: here 1.
        """
        return self, 1

    def children(self) -> Iterator["Module"]:
        """Give the modules right below this one."""
        return (child for _, child in self.named_children())

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """Give the modules right below this one, with their names."""
        return ((name, x) for name, x in self._members() if isinstance(x, Module))

    def modules(self) -> Iterator["Module"]:
        """Give this module and all below it."""
        return (module for _, module in self.named_modules())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """Give this module and all below it, each once, with dotted names."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            below = [(_dotted(name, key), child) for key, child in module.named_children()]
            stack.extend(reversed(below))

    def parameters(self) -> Iterator[Parameter]:
        """Give all Parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Give all Parameters, each once, with dotted names."""
        return self._named(Parameter)

    def buffers(self) -> Iterator[Buffer]:
        """Give all Buffers, each once."""
        return (buffer for _, buffer in self.named_buffers())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Give all Buffers, each once, with dotted names."""
        return self._named(Buffer)

    def named_generators(self) -> Iterator[tuple[str, "np.random.Generator"]]:
        """Give all random generators, each once, with dotted names."""
        return self._named(np.random.Generator)

    def train(self, mode: bool = True) -> Self:
        """Let this module and all below behave as in training."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Let this module and all below behave as in use."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all Parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Tensor]:
        """Give a copy of every Parameter and Buffer, by dotted name, in PyTorch's order."""
        state = {}
        for name, module in self.named_modules():
            for kind in (Parameter, Buffer):
                for key, x in module._members():
                    if isinstance(x, kind):
                        state[_dotted(name, key)] = Tensor(x.data)
        return state

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Assign to every Parameter and Buffer; nothing changes unless all fit.

        Args:
            state: Tensors or arrays by dotted name, as `state_dict` gives them.
            strict: Whether missing and surplus names are errors; wrong shapes always are.

        Raises:
            StateError: Lists the missing, surplus and misshapen entries.
            DTypeError: An entry is no array of real numbers.
        """
        own: dict[str, Parameter | Buffer] = {}
        for name, module in self.named_modules():
            for key, x in module._members():
                if isinstance(x, (Parameter, Buffer)):
                    own[_dotted(name, key)] = x
        values = {name: new_value(x, state[name]) for name, x in own.items() if name in state}
        missing = [name for name in own if name not in state]
        surplus = [name for name in state if name not in own]
        misshapen = [
            f"{name} {own[name].shape} from {array.shape}"
            for name, array in values.items()
            if own[name].shape != array.shape
        ]
        if misshapen or (strict and (missing or surplus)):
            parts = {"missing": missing, "surplus": surplus, "wrong shape": misshapen}
            raise StateError(
                f"{type(self).__name__}.load_state_dict",
                expected=f"the {len(own)} entries of this module, in their shapes",
                got="; ".join(f"{what}: {', '.join(x)}" for what, x in parts.items() if x),
                fix="build the model as it was when saved, or load_state_dict(..., strict=False)",
                missing=missing,
                surplus=surplus,
                misshapen=misshapen,
            )
        for name, array in values.items():
            own[name].assign(array)

    def summary(self, input_shape: Any) -> Summary:
        """Give a table of the layers: output shapes, parameters, operations and bytes.

        The module is called once, in evaluation mode. A module counts its operations by a method
        ``flops(input_shape, output_shape)``.

        Args:
            input_shape: The shape of an input, batch axis included; or an input, a Tensor.

        Returns:
            The summary; print it.

        Example:
            >>> from tinytorch.autograd.nn import Linear, ReLU, Sequential
            >>> Sequential(Linear(4, 8), ReLU(), Linear(8, 2)).summary((1, 4))
            layer       output shape  parameters  FLOPs  weights  output
            ------------------------------------------------------------
            0 (Linear)  (1, 8)                40     72    160 B    32 B
            1 (ReLU)    (1, 8)                 0      8      0 B    32 B
            2 (Linear)  (1, 2)                18     34     72 B     8 B
            ------------------------------------------------------------
            total                             58    114    232 B    72 B
        """
        return summarize(self, input_shape)

    def extra_repr(self) -> str:
        """Give the settings to show in the module's repr."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {child!r}" for name, child in self.named_children()]
        body = "".join("\n  " + line.replace("\n", "\n  ") for line in lines)
        return f"{type(self).__name__}({self.extra_repr()}{body}{chr(10) if body else ''})"

    def _members(self) -> Iterator[tuple[str, Any]]:
        """The attributes, by name; a container adds its items."""
        return iter(vars(self).items())

    def _named(self, kind: type) -> Iterator[tuple[str, Any]]:
        """Everything of a kind in the tree, each object once."""
        seen: set[int] = set()
        for name, module in self.named_modules():
            for key, x in module._members():
                if isinstance(x, kind) and id(x) not in seen:
                    seen.add(id(x))
                    yield _dotted(name, key), x


def _dotted(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
