"""Modules that hold a list or a dict of modules."""

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self, overload

from tinytorch.autograd.nn._module import Module
from tinytorch.tensor import ArgumentError, DTypeError


class ModuleList(Module):
    """A list of modules whose weights belong to the model; named `0`, `1`, ...

    Args:
        modules: The modules.

    Raises:
        DTypeError: Something is no module.

    Example:
        >>> from tinytorch.autograd.nn import Identity
        >>> len(ModuleList([Identity(), Identity()]))
        2
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self._items: list[Module] = []
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> None:
        """Add a module at the end."""
        self._items.append(_checked(type(self).__name__, module))

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._items)

    @overload
    def __getitem__(self, index: slice) -> Self: ...
    @overload
    def __getitem__(self, index: int) -> Any: ...

    def __getitem__(self, index: int | slice) -> Any:
        return self._of(self._items[index]) if isinstance(index, slice) else self._items[index]

    @classmethod
    def _of(cls, modules: Iterable[Module]) -> Self:
        return cls(modules)

    def _members(self) -> Iterator[tuple[str, Any]]:
        for name, x in super()._members():
            yield name.removeprefix("_items."), x


class ModuleDict(Module):
    """A dict of modules whose weights belong to the model; named by their keys.

    Args:
        modules: The modules by name, or None for none yet.

    Raises:
        DTypeError: Something is no module.
        ArgumentError: A key is no name: it is no text, is empty or has a dot in it.

    Example:
        >>> from tinytorch.autograd.nn import Linear
        >>> heads = ModuleDict({"age": Linear(2, 1), "size": Linear(2, 1, bias=False)})
        >>> list(heads.state_dict())
        ['age.weight', 'age.bias', 'size.weight']
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        self._items: dict[str, Module] = {}
        self.update(modules or {})

    def update(self, modules: Mapping[str, Module]) -> None:
        """Set each of the modules."""
        for name, module in modules.items():
            self[name] = module

    def __getitem__(self, name: str) -> Module:
        return self._items[name]

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(name, str) or not name or "." in name:  # type: ignore[redundant-expr]
            raise ArgumentError(
                type(self).__name__,
                expected="a name without a dot: dots join the names of a module and its part",
                got=f"{name!r}",
                fix="use letters, digits and underscores",
            )
        self._items[name] = _checked(type(self).__name__, module)

    def __delitem__(self, name: str) -> None:
        del self._items[name]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._items.keys()

    def values(self) -> ValuesView[Module]:
        """Return the modules."""
        return self._items.values()

    def items(self) -> ItemsView[str, Module]:
        """Return names and modules."""
        return self._items.items()

    def _members(self) -> Iterator[tuple[str, Any]]:
        for name, x in super()._members():
            yield name.removeprefix("_items."), x


class Sequential(ModuleList):
    """Modules, one after the other: each gets the output of the one before.

    A module may offer to compute some that follow it in one step, the same but faster: by a method
    `fuse(following)`, which returns a function of its own input and how many modules that computes.

    Args:
        *modules: In order of computation.

    Example:
        >>> from tinytorch.autograd.nn import Linear, ReLU
        >>> model = Sequential(Linear(4, 8, rng=0), ReLU(), Linear(8, 2, rng=1))
        >>> list(model.state_dict())
        ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *modules: Module) -> None:
        super().__init__(modules)

    @classmethod
    def _of(cls, modules: Iterable[Module]) -> Self:
        return cls(*modules)

    def forward(self, x: Any) -> Any:
        """Compute each module in turn; an exception gains a note that names module and shape."""
        i = 0
        while i < len(self._items):
            module: Any = self._items[i]
            compute, count = module, 1
            if hasattr(module, "fuse"):
                compute, count = module.fuse(self._items[i + 1 :])
            try:
                x = compute(x)
            except Exception as error:
                layer = f"{type(module).__name__}({module.extra_repr()})"
                given = getattr(x, "shape", type(x).__name__)
                error.add_note(f"in layer {i} of {type(self).__name__}, {layer}, given {given}")
                raise
            i += count
        return x


def _checked(operation: str, module: Any) -> Module:
    """The module, unless it is none."""
    if not isinstance(module, Module):
        raise DTypeError(
            operation,
            expected="modules",
            got=f"{module!r}",
            fix="for a plain function write a Module with a forward method",
        )
    return module
