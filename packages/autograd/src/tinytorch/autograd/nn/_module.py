"""A module holds: Parameters, Buffers and other modules are its plain attributes.

Nothing is registered. Whoever asks walks the attributes, and lists, tuples and dicts among them,
and tells what is found apart by its type; names are the attributes' own, positions and keys, joined
by dots, as in PyTorch.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Self

import numpy as np

from tinytorch.autograd._mode import no_grad
from tinytorch.autograd.nn._parameter import HELD, Buffer, Parameter
from tinytorch.autograd.nn._state import fitting
from tinytorch.autograd.nn._summary import LayerSummary, Summary
from tinytorch.autograd.nn._watching import (
    After,
    Before,
    Watcher,
    call_watched,
    evaluation,
    watched,
)
from tinytorch.tensor import ArgumentError, ImmutableError, Tensor, checks, pytorch, zeros
from tinytorch.tensor.errors import named


class Module(pytorch.Guided):
    """The base of everything with weights: attributes in `__init__`, computation in `forward`.

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
    _watchers: tuple[Watcher, ...] = ()

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
        if self._watchers:
            return call_watched(self, self._watchers, inputs, settings)
        return self.forward(*inputs, **settings)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a Parameter or Buffer is not lost to a Tensor in its place."""
        held = isinstance(vars(self).get(name), (Parameter, Buffer))
        if held and isinstance(value, (Tensor, np.ndarray)) and not isinstance(value, HELD):
            kind = type(vars(self)[name]).__name__
            raise ImmutableError(
                f"{type(self).__name__}.{name} = ...",
                expected=f"a {kind}, or None to do without",
                got=f"a {type(value).__name__} of shape {value.shape}, which does not belong to "
                "the module's state",
                fix=f"module.{name}.assign(value), or module.{name} = nn.{kind}(value)",
            )
        object.__setattr__(self, name, value)

    def watching(
        self, before: Before | None = None, after: After | None = None
    ) -> AbstractContextManager[None]:
        """Call functions around each `forward` of this module and all below it, in a block.

        They see what passes and change nothing. Blocks can be nested.

        Args:
            before: `before(name, module, inputs)`; `name` is the dotted name (this module's is
                empty), `inputs` a tuple of the positional arguments.
            after: `after(name, module, inputs, output)`; not called where `forward` raises.

        Example:
            >>> from tinytorch.autograd.nn import Linear, ReLU, Sequential
            >>> model = Sequential(Linear(4, 3), ReLU())
            >>> def show(name, module, inputs, output):
            ...     print(repr(name), type(module).__name__, output.shape)
            >>> with model.watching(after=show):
            ...     y = model(zeros((2, 4)))
            '0' Linear (2, 3)
            '1' ReLU (2, 3)
            '' Sequential (2, 3)
        """
        return watched(self.named_modules(), before, after)

    @property
    def is_watched(self) -> bool:
        """Whether a `watching` block waits for this module's `forward`, which must then run."""
        return bool(self._watchers)

    def children(self) -> Iterator["Module"]:
        """Return the modules right below this one."""
        return (child for _, child in self.named_children())

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """Return the modules right below this one, with their names."""
        return ((name, x) for name, x in self._members() if isinstance(x, Module))

    def modules(self) -> Iterator["Module"]:
        """Return this module and all below it, each once, in the order of `named_modules`."""
        seen: set[int] = set()  # a walk of its own: names cost half as much again
        stack = [self]
        while stack:
            module = stack.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield module
                stack.extend(reversed(_modules_in(vars(module))))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """Return this module and all below it, each once, with dotted names."""
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
        """Return all Parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Return all Parameters, each once, with dotted names."""
        return self._named(Parameter)

    def buffers(self) -> Iterator[Buffer]:
        """Return all Buffers, each once."""
        return (buffer for _, buffer in self.named_buffers())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Return all Buffers, each once, with dotted names."""
        return self._named(Buffer)

    def named_generators(self) -> Iterator[tuple[str, "np.random.Generator"]]:
        """Return all random generators, each once, with dotted names."""
        return self._named(np.random.Generator)

    def train(self, mode: bool = True) -> Self:
        """Let this module and all below behave as in training."""
        training = checks.flag("train", "mode", mode)
        for module in self.modules():
            module.training = training
        return self

    def eval(self) -> Self:
        """Let this module and all below behave as in use."""
        return self.train(False)

    def requires_grad_(self, mode: bool = True) -> Self:
        """Let all Parameters of this module and below learn, or freeze them: see `Parameter`.

        Args:
            mode: False to freeze.

        Returns:
            The module itself.

        Example:
            >>> from tinytorch.autograd.nn import Linear
            >>> [p.requires_grad for p in Linear(2, 1).requires_grad_(False).parameters()]
            [False, False]
        """
        for parameter in self.parameters():
            parameter.requires_grad = mode
        return self

    def apply(self, function: Callable[["Module"], object]) -> Self:
        """Call a function with each module below, then with this one; return it.

        Args:
            function: It gets a module, its parts first; what it returns is dropped.

        Example:
            >>> from tinytorch.autograd.nn import Linear, ReLU, Sequential
            >>> def no_bias(module):
            ...     if isinstance(module, Linear):
            ...         module.bias.assign(0 * module.bias.detach())
            >>> model = Sequential(Linear(2, 1, rng=0), ReLU()).apply(no_bias)
            >>> model[0].bias.tolist()
            [0.0]
        """
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    @named
    def zero_grad(self) -> None:
        """Forget the gradients of all Parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Tensor]:
        """Return a copy of every Parameter and Buffer, by dotted name, in PyTorch's order."""
        return {name: Tensor(x.data) for name, x in self._state()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Assign to every Parameter and Buffer; nothing changes unless all fit.

        Args:
            state: Tensors or arrays by dotted name, as `state_dict` returns them.
            strict: Whether missing and surplus names are errors; what does not fit always is.

        Raises:
            StateError: Lists the missing, surplus and misshapen entries, and those whose numbers
                would become others: 2.5 is no integer, 1e6 no float16.
            DTypeError: An entry is no array of real numbers.
        """
        own = dict(self._state())
        operation = f"{type(self).__name__}.load_state_dict"
        for name, array in fitting(operation, own, state, strict).items():
            own[name].assign(array)

    def summary(self, input_shape: Any) -> Summary:
        """Return a table of the layers: output shapes, parameters, operations and bytes.

        The module is called once, in evaluation mode. A module counts its operations by a method
        `flops(input_shape, output_shape)`.

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
        layers: list[LayerSummary] = []

        def note(name: str, module: Module, inputs: tuple[Any, ...], output: Any) -> None:
            weights = [x for _, x in module._members() if isinstance(x, HELD)]
            if weights or not list(module.children()):
                kind, flops = type(module).__name__, getattr(module, "flops", None)
                layers.append(LayerSummary.of(name, kind, weights, flops, inputs, output))

        example = input_shape if isinstance(input_shape, Tensor) else zeros(input_shape)
        with evaluation(self), self.watching(after=note), no_grad():
            self(example)
        return Summary(layers, [*self.parameters(), *self.buffers()])

    def extra_repr(self) -> str:
        """Return the settings to show in the module's repr."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {child!r}" for name, child in self.named_children()]
        body = "".join("\n  " + line.replace("\n", "\n  ") for line in lines)
        return f"{type(self).__name__}({self.extra_repr()}{body}{chr(10) if body else ''})"

    def _members(self) -> Iterator[tuple[str, Any]]:
        """The attributes, by name, and what lists, tuples and dicts among them hold."""
        return _spread("", vars(self))

    def _state(self) -> Iterator[tuple[str, Parameter | Buffer]]:
        """What belongs to the state, shared objects under each of their names."""
        for name, module in self.named_modules():
            for kind in HELD:
                for key, x in module._members():
                    if isinstance(x, kind):
                        yield _dotted(name, key), x

    def _named(self, kind: type) -> Iterator[tuple[str, Any]]:
        """Everything of a kind in the tree, each object once."""
        seen: set[int] = set()
        for name, module in self.named_modules():
            for key, x in module._members():
                if isinstance(x, kind) and id(x) not in seen:
                    seen.add(id(x))
                    yield _dotted(name, key), x


def _spread(prefix: str, holder: Any) -> Iterator[tuple[str, Any]]:
    """What a container and the containers in it hold but plain values, with dotted names."""
    entries = holder.items() if isinstance(holder, dict) else enumerate(holder)
    for key, x in entries:
        if type(x) in PLAIN:
            continue
        name = _dotted(prefix, str(key))
        if not isinstance(x, CONTAINERS):
            yield name, x
        elif _is_sought_in(x):
            yield from _spread(name, x)


def _modules_in(holder: Any) -> list[Any]:
    """The modules that a container and the containers in it hold."""
    found = []
    for x in holder.values() if isinstance(holder, dict) else holder:
        if type(x) in PLAIN:
            continue
        if isinstance(x, Module):
            found.append(x)
        elif isinstance(x, CONTAINERS) and _is_sought_in(x):
            found += _modules_in(x)
    return found


def _is_sought_in(container: Any) -> bool:
    """Whether the types of what a container holds, few where it holds many numbers, matter here."""
    kinds = set(map(type, container.values() if isinstance(container, dict) else container))
    return any(issubclass(kind, SOUGHT) for kind in kinds - PLAIN)


def _dotted(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


PLAIN = frozenset({int, float, bool, str, bytes, type(None)})
CONTAINERS = (dict, list, tuple)
SOUGHT = (Module, *HELD, np.random.Generator, *CONTAINERS)
