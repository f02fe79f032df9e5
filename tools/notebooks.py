"""A layer's exercise as a notebook, and back: from the cells of a notebook to a package.

A notebook has, for each step, what to do, a cell for each place to be written, and a cell that is
worth the step's points. Cells are known by nbgrader's `grade_id`, which never changes: that of a
solution is `optim-1-sgd_step`, that of the points `optim-1`. Only the solutions are read back: what
a student did to any other cell does not matter.
"""

import ast
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from places import Misfit, find
from start import PACKAGES, Step, start, steps

POINTS = 5
"""What a step is worth; a written question is worth as much."""
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
HEAD = """# The exercise of {layer}

Each step is a few functions. Write them where the cells say so; their docstrings say what they
compute. Leave all other cells as they are: they are put back before grading.

`check(n)` runs the tests of step n on a package made of your cells, in a process of its own. Save
the notebook first.
"""
SETUP = """import sys

sys.path.insert(0, {tools!r})
from grading import Lab

check = Lab({layer!r}, "{layer}.ipynb").check"""
TESTS = """assert check({number})
### BEGIN HIDDEN TESTS
assert check({number}, quiet=True)
### END HIDDEN TESTS"""


def notebook(layer: str, tools: str) -> dict[str, Any]:
    """The whole exercise of a layer, with our solutions between nbgrader's marks.

    Args:
        layer: The layer.
        tools: Where the student finds the folder of this file.
    """
    cells = [
        text(f"{layer}-0-head", HEAD.format(layer=layer)),
        code(f"{layer}-0-setup", SETUP.format(layer=layer, tools=tools), locked=True),
    ]
    for step in steps(layer):
        cells += step_cells(layer, step)
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def step_cells(layer: str, step: Step) -> Iterator[dict[str, Any]]:
    """The cells of one step: what to do, what to write, what it is worth, what to explain."""
    name = f"{layer}-{step.number}"
    task = f"## Step {step.number}: {step.title}\n\n{step.hint}\n\nRead {step.read}."
    yield text(f"{name}-task", task)
    for place in step.write:
        yield code(f"{name}-{slug(place)}", with_marks(layer, place), solution=True)
    yield code(name, TESTS.format(number=step.number), locked=True, points=POINTS)
    if step.question:
        yield text(f"{name}-question", f"**Question.** {step.question}")
        scheme = f"{BEGIN}\n{step.marks}\n{END}"
        yield text(f"{name}-answer", scheme, points=POINTS)


def slug(place: str) -> str:
    """A place as part of a grade_id, which takes letters, digits, `_` and `-`."""
    return "".join(c if c.isalnum() or c in "_-" else "-" for c in place).strip("-")


def with_marks(layer: str, place: str) -> str:
    """The source of a place, its solution between the marks that nbgrader cuts at."""
    found = find(PACKAGES / layer / "src", place)
    lines = found.path.read_text(encoding="utf-8").splitlines()
    statement = found.statement
    begin = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", ()))])
    source = textwrap.dedent("\n".join(lines[begin - 1 : statement.end_lineno]))
    head = f"# {place}\n"
    if not isinstance(statement, ast.FunctionDef):
        return f"{head}{BEGIN}\n{source}\n{END}"
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    kept = int(function.body[0].end_lineno or 0)
    if ast.get_docstring(function) is None:
        kept = function.body[0].lineno - 1
    rows = source.splitlines()
    body = "\n".join(rows[kept:]) or "    pass"
    return "\n".join([head + "\n".join(rows[:kept]), f"    {BEGIN}", body, f"    {END}"])


def code(
    name: str, source: str, *, solution: bool = False, locked: bool = False, points: int = 0
) -> dict[str, Any]:
    """A code cell with nbgrader's metadata."""
    cell = _cell("code", name, source, solution=solution, locked=locked, points=points)
    return {**cell, "outputs": [], "execution_count": None}


def text(name: str, source: str, *, points: int = 0) -> dict[str, Any]:
    """A cell of words; one that is worth points is an answer, marked by hand."""
    answer = points > 0
    return _cell("markdown", name, source, solution=answer, locked=not answer, points=points)


def _cell(
    kind: str, name: str, source: str, *, solution: bool, locked: bool, points: int
) -> dict[str, Any]:
    own: dict[str, Any] = {
        "grade": points > 0,
        "grade_id": name,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points:
        own["points"] = points
    return {"cell_type": kind, "id": name, "metadata": {"nbgrader": own}, "source": source}


def solutions(path: Path) -> dict[str, str]:
    """What a notebook holds in its solution cells, by grade_id."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {
        cell["metadata"]["nbgrader"]["grade_id"]: "".join(cell["source"])
        for cell in cells
        if cell["cell_type"] == "code" and cell["metadata"].get("nbgrader", {}).get("solution")
    }


def package(layer: str, number: int, found: dict[str, str], target: Path) -> None:
    """Make a package of our steps before this one, and the student's own cells of this one.

    So a mistake in one step costs the points of that step alone.

    Args:
        layer: The layer.
        number: The step that is judged.
        found: The notebook's solutions.
        target: The package's folder, which must not be there yet.

    Raises:
        Misfit: A cell is missing, or does not hold what it should.
    """
    step = steps(layer)[number - 1]
    start(layer, target, done=number)
    for place in step.write:
        name = f"{layer}-{number}-{slug(place)}"
        if name not in found:
            raise Misfit(f"the cell {name} is missing")
        put(target / "src", place, found[name])


def put(folder: Path, name: str, source: str) -> None:
    """Put what a student wrote in the place of our own.

    Imports and helpers that stand in the cell as well go before it.
    """
    place = find(folder, name)
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise Misfit(f"the cell of {name} is no Python: {error}") from error
    own = place.statement
    if isinstance(own, ast.FunctionDef):
        written = [x for x in tree.body if isinstance(x, ast.FunctionDef) and x.name == own.name]
        if len(written) != 1:
            raise Misfit(f"the cell of {name} holds {len(written)} functions `{own.name}`")
        helpers = [x for x in tree.body if x is not written[0]]
    else:
        written, helpers = [], tree.body
    place.body[place.at : place.at + 1] = written
    top = place.tree.body
    first = next(
        (i for i, x in enumerate(top) if x is own or (written and holds(x, written[0]))), len(top)
    )
    top[first:first] = helpers
    place.path.write_text(ast.unparse(place.tree) + "\n", encoding="utf-8", newline="\n")


def holds(outer: ast.stmt, inner: ast.stmt) -> bool:
    """Whether a statement is another, or a class that holds it."""
    return outer is inner or inner in getattr(outer, "body", ())
