"""Modules that hold modules by number or by name."""

from tinytorch.autograd.nn._module import Module
from tinytorch.tensor import ArgumentError, DTypeError


class Held(Module):
    """A list or dict of modules, `held`, whose names are their own."""

    def parts(self):
        return ((name.removeprefix("held."), x) for name, x in super().parts())

    def checked(self, module):
        if not isinstance(module, Module):
            raise DTypeError(
                type(self).__name__, expected="modules", got=f"{module!r:.60}", fix="write a Module"
            )
        return module

    def __len__(self):
        return len(self.held)

    def __iter__(self):
        return iter(self.held)


class ModuleList(Held):
    """Modules in a list."""

    def __init__(self, modules=()):
        self.held = [self.checked(module) for module in modules]

    def append(self, module):
        self.held.append(self.checked(module))

    def __getitem__(self, index):
        found = self.held[index]
        return self.like(found) if isinstance(index, slice) else found

    def like(self, modules):
        return type(self)(modules)


class Sequential(ModuleList):
    """Modules that hand their output on, some of them several at once."""

    def __init__(self, *modules):
        super().__init__(modules)

    def like(self, modules):
        return type(self)(*modules)

    def forward(self, x):
        rest = self.held
        while rest:
            compute, count = rest[0], 1
            if hasattr(compute, "fuse"):
                compute, count = compute.fuse(rest[1:])
            x, rest = compute(x), rest[count:]
        return x


class ModuleDict(Held):
    """Modules in a dict."""

    def __init__(self, modules=None):
        self.held = {}
        self.update(modules or {})

    def update(self, modules):
        for name, module in modules.items():
            self[name] = module

    def __setitem__(self, name, module):
        if not isinstance(name, str) or not name or "." in name:
            raise ArgumentError(
                "ModuleDict", expected="a name without dots", got=f"{name!r}", fix="use letters"
            )
        self.held[name] = self.checked(module)

    def __getitem__(self, name):
        return self.held[name]

    def __delitem__(self, name):
        del self.held[name]

    def __contains__(self, name):
        return name in self.held

    def keys(self):
        return self.held.keys()

    def values(self):
        return self.held.values()

    def items(self):
        return self.held.items()
