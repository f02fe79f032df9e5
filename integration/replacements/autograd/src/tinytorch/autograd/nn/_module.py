"""The module: a tree of attributes that is walked whenever somebody asks."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from tinytorch.autograd._changeable import as_numbers, converted
from tinytorch.autograd._variable import no_grad
from tinytorch.autograd.nn._held import Buffer, Parameter
from tinytorch.tensor import (
    ArgumentError,
    ImmutableError,
    StateError,
    Tensor,
    checks,
    ones,
    pytorch,
)

PLAIN = {int, float, bool, str, bytes, type(None)}


class Module(pytorch.Guided):
    """Something with weights: attributes, and `forward`."""

    training = True
    watchers = ()

    def __call__(self, *inputs, **settings):
        for name, before, _ in self.watchers:
            if before:
                before(name, self, inputs)
        output = self.forward(*inputs, **settings)
        for name, _, after in reversed(self.watchers):
            if after:
                after(name, self, inputs, output)
        return output

    def forward(self, *inputs, **settings):
        """Compute; each module has its own."""
        raise ArgumentError(
            type(self).__name__, expected="a method forward", got="none", fix="def forward(self, x)"
        )

    def __setattr__(self, name, value):
        before = vars(self).get(name)
        numbers = isinstance(value, Tensor | np.ndarray)
        if isinstance(before, HELD) and numbers and not isinstance(value, HELD):
            raise ImmutableError(
                f"{type(self).__name__}.{name} = ...",
                expected=f"a {type(before).__name__}, or None",
                got=f"a {type(value).__name__}",
                fix=f"module.{name}.assign(value)",
            )
        object.__setattr__(self, name, value)

    def parts(self):
        """What the attributes hold, with names."""
        return unfolded("", vars(self))

    def found(self, kind):
        """All of a kind, each once, with dotted names."""
        seen = {}
        for name, module in self.named_modules():
            for own, x in module.parts():
                if isinstance(x, kind) and seen.setdefault(id(x), (name, own)) == (name, own):
                    yield dotted(name, own), x

    def named_children(self):
        return ((name, x) for name, x in self.parts() if isinstance(x, Module))

    def children(self):
        return (x for _, x in self.named_children())

    def named_modules(self, prefix="", seen=None):
        seen = set() if seen is None else seen
        if id(self) not in seen:
            seen.add(id(self))
            yield prefix, self
            for name, child in self.named_children():
                yield from child.named_modules(dotted(prefix, name), seen)

    def modules(self):
        return (x for _, x in self.named_modules())

    def named_parameters(self):
        return self.found(Parameter)

    def parameters(self):
        return (x for _, x in self.named_parameters())

    def named_buffers(self):
        return self.found(Buffer)

    def buffers(self):
        return (x for _, x in self.named_buffers())

    def named_generators(self):
        return self.found(np.random.Generator)

    def train(self, mode=True):
        """Switch all modules of the tree; return this one."""
        mode = checks.flag("train", "mode", mode)
        for module in self.modules():
            module.training = mode
        return self

    def eval(self):
        return self.train(False)

    def requires_grad_(self, mode=True):
        for parameter in self.parameters():
            parameter.requires_grad = mode
        return self

    def apply(self, function):
        """Call a function with all modules of the tree, this one last; return it."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def zero_grad(self):
        for parameter in self.parameters():
            parameter.grad = None

    def state(self):
        """All that is kept, by name; what is shared has several."""
        return {
            dotted(name, own): x
            for name, module in self.named_modules()
            for kind in HELD
            for own, x in module.parts()
            if isinstance(x, kind)
        }

    def state_dict(self):
        return {name: Tensor(x.data) for name, x in self.state().items()}

    def load_state_dict(self, state, strict=True):
        """Assign what was saved, if all of it fits."""
        own, operation = self.state(), f"{type(self).__name__}.load_state_dict"
        if not hasattr(state, "keys"):
            raise misfit(operation, f"a {type(state).__name__}")
        given = {name: as_numbers(operation, state[name]) for name in own if name in state}
        wrong = [f"missing: {name}" for name in own if name not in state and strict]
        wrong += [f"surplus: {name}" for name in state if name not in own and strict]
        for name, array in given.items():
            if array.shape != own[name].shape:
                wrong.append(f"shape of {name}: {array.shape}, not {own[name].shape}")
            elif converted(array, own[name].dtype) is None:
                wrong.append(f"numbers of {name}: {own[name].dtype} cannot hold {array.dtype}")
        if wrong:
            raise misfit(operation, "; ".join(wrong))
        for name, array in given.items():
            own[name].assign(array)

    @contextmanager
    def watching(self, before=None, after=None):
        """In a block, call functions around each `forward` of the tree."""
        added = [(module, (name, before, after)) for name, module in self.named_modules()]
        for module, watcher in added:
            module.watchers += (watcher,)
        try:
            yield
        finally:
            for module, watcher in added:
                module.watchers = tuple(w for w in module.watchers if w is not watcher)

    @property
    def is_watched(self):
        return bool(self.watchers)

    def summary(self, input_shape):
        """Return a table of the calls of a forward pass."""
        layers = []

        def note(name, module, inputs, output):
            weights = [x for _, x in module.parts() if isinstance(x, HELD)]
            if weights or not list(module.children()):
                shapes = [np.shape(x) for x in inputs if x is not None]
                flops = module.flops(*shapes, output.shape) if hasattr(module, "flops") else None
                size = sum(x.size for x in weights if isinstance(x, Parameter))
                own = sum(x.data.nbytes for x in weights)
                layers.append(Layer(name, output.shape, size, flops, own, output.data.nbytes))

        example = input_shape if isinstance(input_shape, Tensor) else ones(input_shape)
        with evaluation(self), self.watching(after=note), no_grad():
            self(example)
        return Summary(layers, list(self.parameters()))

    def extra_repr(self):
        return ""

    def __repr__(self):
        rows = [
            f"\n({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()
        ]
        return f"{type(self).__name__}({self.extra_repr()}{''.join(rows)}{chr(10) * bool(rows)})"


class Layer(NamedTuple):
    """A call of a module in a forward pass."""

    name: str
    output_shape: tuple[int, ...]
    parameters: int
    flops: int | None
    bytes: int
    output_bytes: int


class Summary:
    """The calls of a forward pass; `str` is a table."""

    def __init__(self, layers, parameters):
        self.layers, self.flops = layers, sum(layer.flops or 0 for layer in layers)
        self.parameters = sum(p.size for p in parameters)
        self.trainable = sum(p.size for p in parameters if p.requires_grad)

    def __str__(self):
        total = ("total", "", self.parameters, self.flops, "", "")
        rows = [[str(cell) for cell in row] for row in (Layer._fields, *self.layers, total)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (zip(row, widths, strict=True) for row in rows)
        text = "\n".join("  ".join(c.ljust(w) for c, w in line).rstrip() for line in lines)
        return f"{text}\n{self.trainable} of {self.parameters} parameters learn"

    __repr__ = __str__


HELD = (Parameter, Buffer)


@contextmanager
def evaluation(module):
    """In a block, all modules of a tree are in evaluation mode."""
    before = [(one, one.training) for one in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for one, training in before:
            one.training = training


def unfolded(prefix, holder):
    """What a dict or list holds, with dotted names, and what is held by those in it."""
    for key, x in holder.items() if isinstance(holder, dict) else enumerate(holder):
        name = dotted(prefix, key)
        if not isinstance(x, dict | list | tuple):
            yield name, x
        elif not PLAIN.issuperset(map(type, x.values() if isinstance(x, dict) else x)):
            yield from unfolded(name, x)


def dotted(prefix, name):
    return f"{prefix}.{name}" if prefix else str(name)


def misfit(operation, got):
    return StateError(
        operation,
        expected="the entries of this module's state, in their shapes",
        got=got,
        fix="make the module as it was when it was saved, or strict=False",
    )
