"""What a Python file uses: imports wherever they stand, dynamic ones, and attributes."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from layers import NAMESPACE

DYNAMIC_IMPORTS = frozenset({"import_module", "__import__", "importorskip"})
QUESTIONS = frozenset({"find_spec"})


@dataclass(frozen=True)
class Use:
    """One dotted module or attribute that a file uses, such as `tinytorch.optim.SGD`.

    `relative` is true for `from ..x import y`, `dynamic` for `import_module("x")`, `late` for an
    import that waits until a function is called.
    """

    name: str
    line: int
    relative: bool = False
    dynamic: bool = False
    late: bool = False


@dataclass
class Uses:
    """All that one file uses, and the dynamic imports that cannot be read."""

    names: list[Use] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)


def uses(tree: ast.Module, module: str, *, is_package: bool) -> Uses:
    """Collect what a file uses, wherever it stands: in functions, branches, TYPE_CHECKING."""
    result = Uses()
    aliases: dict[str, str] = {}
    nodes = list(ast.walk(tree))
    inside = set(_inside_functions(nodes))
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                result.names.append(Use(alias.name, node.lineno, late=node in inside))
                bound = alias.asname or alias.name.partition(".")[0]
                aliases[bound] = alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package=is_package)
            for alias in node.names:
                name = base if alias.name == "*" else f"{base}.{alias.name}"
                late = node in inside
                result.names.append(Use(name, node.lineno, relative=node.level > 0, late=late))
                aliases[alias.asname or alias.name] = name
    for node in nodes:
        if isinstance(node, ast.Attribute):
            dotted = _dotted(node, aliases)
            if dotted:
                result.names.append(Use(dotted, node.lineno))
        elif isinstance(node, ast.Call) and _called(node) in DYNAMIC_IMPORTS | QUESTIONS:
            name = _read(node.args[0]) if node.args else ""
            if name:
                name = f"{module}{name}" if name.startswith(".") else name
                result.names.append(Use(name, node.lineno, dynamic=True))
            elif _called(node) in DYNAMIC_IMPORTS:
                result.unreadable.append(node.lineno)
    return result


def _inside_functions(nodes: list[ast.AST]) -> Iterator[ast.AST]:
    """All that stands in a function."""
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from ast.walk(node)


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _read(argument: ast.expr) -> str:
    """The name that a dynamic import asks for; of an f-string the part that tells the layer."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    if isinstance(argument, ast.JoinedStr) and argument.values:
        layer = re.match(rf"{NAMESPACE}\.[a-z]+(?=\.)", _read(argument.values[0]))
        return layer[0] if layer else ""
    return ""


def _absolute(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".") if is_package else module.split(".")[:-1]
    kept = package[: len(package) - (node.level - 1)]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _dotted(node: ast.Attribute, aliases: dict[str, str]) -> str | None:
    parts: list[str] = []
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    if not isinstance(inner, ast.Name):
        return None
    base = aliases.get(inner.id)
    if base is None or base.partition(".")[0] != NAMESPACE:
        return None
    return ".".join([base, *reversed(parts)])
