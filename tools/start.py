"""A student's beginning: a layer whose steps are still to be written.

    python tools/start.py optim mine             # the package `mine`, every step unwritten
    python tools/start.py optim mine --done 3    # ... with three steps as they are in ours

`packages/<layer>/steps.toml` declares the steps: for each its title, what is to be written (see
`places`), a hint and what to read. The body of each function gives way to an error that says what
to write; a row of a table gives way to a comment. All else is given. Compiled kernels are left out:
they would serve in the place of what is unwritten.
"""

import argparse
import ast
import shutil
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

from layers import LAYERS, NAMESPACE
from places import find

PACKAGES = Path(__file__).resolve().parents[1] / "packages"


class Step(NamedTuple):
    """One step of a layer's exercise.

    Attributes:
        number: Its number, from 1.
        title: What it is about.
        write: The places to be written.
        hint: How to go about it.
        read: What to read: pages, sections, files of the layer.
        question: A question to be answered in words; empty for none.
        marks: What a good answer says, for the marker.
    """

    number: int
    title: str
    write: tuple[str, ...]
    hint: str
    read: str
    question: str = ""
    marks: str = ""


def steps(layer: str) -> list[Step]:
    """The steps of a layer, the first one first."""
    path = PACKAGES / layer / "steps.toml"
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["step"] if path.is_file() else []
    return [
        Step(number, **{**row, "write": tuple(row["write"])}) for number, row in enumerate(rows, 1)
    ]


def start(layer: str, target: Path, done: int = 0) -> None:
    """Make the package in the folder `target`, which must not be there yet.

    Args:
        layer: The layer to be written.
        target: The new folder.
        done: The number of steps that stay as they are in ours.
    """
    source = PACKAGES / layer
    target.mkdir(parents=True)
    shutil.copytree(source / "src", target / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(source / name, target / name)
    leave_out_kernels(target / "src" / NAMESPACE / layer / "kernels")
    for step in steps(layer):
        if step.number > done:
            for place in step.write:
                strip(target / "src", place, step)
    (target / "README.md").write_text(readme(layer, target.name), encoding="utf-8", newline="\n")


def leave_out_kernels(folder: Path) -> None:
    """Keep the functions of the room that registers kernels, and none of its kernels."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name == "numba.py":
            path.write_text('"""Compiled kernels: none yet."""\n', encoding="utf-8", newline="\n")


def strip(folder: Path, name: str, step: Step) -> None:
    """Put what is to be said in the place of what is to be written."""
    place = find(folder, name)
    lines = place.path.read_text(encoding="utf-8").splitlines(keepends=True)
    statement = place.statement
    said = f"write {name}: step {step.number}, {step.title}; see {step.read}"
    if isinstance(statement, ast.FunctionDef):
        body = statement.body
        first = body[1] if ast.get_docstring(statement) is not None and len(body) > 1 else body[0]
        begin = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", ()))])
        indent = " " * body[0].col_offset
        wanted = f"{indent}raise NotImplementedError(\n{indent}    {said!r}\n{indent})\n"
        if ast.get_docstring(statement) is not None:
            begin = int(body[0].end_lineno or 0) + 1
    else:
        begin, wanted = statement.lineno, f"# {said}\n"
    lines[begin - 1 : statement.end_lineno] = [wanted]
    place.path.write_text("".join(lines), encoding="utf-8", newline="\n")


def readme(layer: str, folder: str) -> str:
    """What the student reads first: the order of the steps and the commands."""
    rows = "".join(
        f"\n## Step {step.number}: {step.title}\n\nWrite "
        f"{', '.join(f'`{name}`' for name in step.write)}.\n\n{step.hint}\n\nRead {step.read}.\n\n"
        f"```console\nnox -s conform -- {layer} {folder} --step {step.number}\n```\n"
        for step in steps(layer)
    )
    return (
        f"# tinytorch-{layer}, written by you\n\n"
        "Each step is a few functions whose bodies raise `NotImplementedError` until they are\n"
        "written. Docstrings say what they compute. The tests of a step need the steps before it,\n"
        "and nothing after it. The contract, in the README of the layer, says what each name\n"
        "promises. Run the commands in the checkout of the project, with the path of this folder.\n"
        f"{rows}\n## All of it\n\n```console\nnox -s conform -- {layer} {folder}\n```\n"
    )


def main(arguments: list[str]) -> int:
    """Make the package that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("layer", choices=LAYERS)
    parser.add_argument("folder", type=Path, help="a folder that is not there yet")
    parser.add_argument("--done", type=int, default=0, help="so many steps are given")
    settings = parser.parse_args(arguments)
    if settings.folder.exists():
        parser.error(
            f"{settings.folder} is there already: nothing was written; choose another name"
        )
    start(settings.layer, settings.folder, settings.done)
    print(f"{settings.folder}: {len(steps(settings.layer))} steps, told in its README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
