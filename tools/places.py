"""Places in a layer's sources, named so that they outlive moves: by what stands there, not where.

A place is a function, `Class.method`, `Class.property.setter`, or the beginning of a statement of a
module as `ast.unparse` prints it, such as `derivative(ops.mul`. A folder may stand before it where
two have the name: `ops/conv2d`.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class Misfit(Exception):  # noqa: N818 - no error of a program: a table that wants mending
    """A place that is not there, or there twice."""


class Place(NamedTuple):
    """A statement in a file.

    Attributes:
        path: The file.
        tree: The whole module.
        body: The list of statements that holds the statement.
        at: Which of them it is.
    """

    path: Path
    tree: ast.Module
    body: list[ast.stmt]
    at: int

    @property
    def statement(self) -> ast.stmt:
        """What stands there."""
        return self.body[self.at]


def find(folder: Path, name: str) -> Place:
    """The one place of this name below a folder; kernels are left out.

    Raises:
        Misfit: There is none, or more than one.
    """
    return among(modules(folder), name)


def among(parsed: Iterable[tuple[Path, ast.Module]], name: str) -> Place:
    """The one place of this name in files that have been read.

    Raises:
        Misfit: There is none, or more than one.
    """
    room, _, own = name.partition("/")
    own = own if room.isidentifier() and own else name
    found = [
        Place(path, tree, body, at)
        for path, tree in parsed
        if own == name or path.parent.name == room
        for body, at in places(tree, own)
    ]
    if len(found) != 1:
        raise Misfit(f"{name} is in {', '.join(place.path.name for place in found) or 'no file'}")
    return found[0]


def modules(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    """The modules below a folder, kernels left out."""
    for path in sorted(folder.rglob("*.py")):
        if "kernels" not in path.parts:
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def places(tree: ast.Module, name: str) -> Iterator[tuple[list[ast.stmt], int]]:
    """Where `name` stands in a module: the list of statements that holds it, and its index."""
    for i, statement in enumerate(tree.body):
        match statement:
            case ast.FunctionDef(name=own) if own == name:
                yield tree.body, i
            case ast.ClassDef(name=own, body=body) if name.startswith(f"{own}."):
                for j, inner in enumerate(body):
                    if isinstance(inner, ast.FunctionDef) and f"{own}.{method(inner)}" == name:
                        yield body, j
            case ast.FunctionDef() | ast.ClassDef():
                pass
            case _ if not name.isidentifier() and ast.unparse(statement).startswith(name):
                yield tree.body, i


def method(function: ast.FunctionDef) -> str:
    """The name of a method, but of a property's setter or an overload its decorator."""
    ends = [ast.unparse(decorator) for decorator in function.decorator_list]
    return next((end for end in ends if end.endswith((".setter", "overload"))), function.name)
