"""Import circles among the files of a tree, those for annotations alone included."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from layers import NAMESPACE
from uses import uses

INHERENT = {("tinytorch.tensor._op", "tinytorch.tensor._tensor")}
"""An op asks its operands to evaluate it, and a Tensor's methods are ops: each needs the other."""


def arrows(source: Path) -> dict[str, set[str]]:
    """What each module below `source` imports of the others, by name."""
    files = {name_of(path.relative_to(source)): path for path in sorted(source.rglob("*.py"))}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in files.items()}
    return {
        name: {
            target
            for dotted in imported(tree, name, is_package=files[name].name == "__init__.py")
            if (target := module_in(dotted, files)) not in {None, name}
            and (name, target) not in INHERENT
        }
        for name, tree in trees.items()
    }


def circle(found: Mapping[str, set[str]]) -> list[str]:
    """The modules of one circle in the order of their imports; empty where there is none."""
    try:
        TopologicalSorter(found).prepare()
    except CycleError as error:
        return [str(name) for name in reversed(error.args[1])]
    return []


def imported(tree: ast.Module, name: str, *, is_package: bool) -> Iterator[str]:
    """The names that a module imports from its namespace; plug-ins come later."""
    for use in uses(tree, name, is_package=is_package).names:
        if not use.late and not use.dynamic and use.name.partition(".")[0] == NAMESPACE:
            yield use.name


def name_of(path: Path) -> str:
    """The name of the module in a file below the sources."""
    parts = path.with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def module_in(dotted: str, modules: Mapping[str, Path]) -> str | None:
    """The module that a dotted name leads to: `a.b` of `a.b.C`, where `a.b` is one."""
    while dotted and dotted not in modules:
        dotted = dotted.rpartition(".")[0]
    return dotted or None
