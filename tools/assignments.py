"""A course of one layer with nbgrader: made here, collected by it, judged apart from it.

    python tools/assignments.py make optim out      # out/ is the course: source, release, gradebook
    python tools/assignments.py grade optim out     # judges out/submitted/<student>/optim/...ipynb

nbgrader makes the release, collects, keeps the points and exports them. It does not run what
students wrote: each step is tested on a package of its own, in a process of its own, without the
reference layer (see `grading`), and all of its points are given or none. What the tests said stands
in `out/feedback/<student>/<layer>.md`, and in `out/autograded/`, where nbgrader's formgrader finds
the notebooks: cells that nobody may change as they were released, and beside each written answer
the mark scheme by which it is marked by hand.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from grading import SECONDS, Lab, Verdict
from layers import LAYERS
from notebooks import notebook
from start import steps

CONFIG = """c = get_config()
c.CourseDirectory.course_id = "tinytorch-{layer}"
c.ClearSolutions.code_stub = {{"python": "raise NotImplementedError"}}
"""


def make(layer: str, course: Path) -> None:
    """Make the folder of the course, with the source, and let nbgrader make the release."""
    folder = course / "source" / layer
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(notebook(layer, str(Path(__file__).resolve().parent)), indent=1)
    (folder / f"{layer}.ipynb").write_text(text + "\n", encoding="utf-8")
    (course / "nbgrader_config.py").write_text(CONFIG.format(layer=layer), encoding="utf-8")
    nbgrader(course, "generate_assignment", layer, "--force")


def nbgrader(course: Path, *arguments: str) -> None:
    """Run a command of nbgrader in the folder of the course; it looks for alembic on the PATH."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "nbgrader", *arguments]
    subprocess.run(command, cwd=course, check=True, env={**os.environ, "PATH": path})  # noqa: S603


def grade(layer: str, course: Path, seconds: float) -> dict[str, dict[int, Verdict]]:
    """Judge what was handed in, and write the points into the gradebook.

    Returns:
        The verdicts by student and step.
    """
    verdicts = {}
    release = cells(course / f"release/{layer}/{layer}.ipynb")
    for path in sorted(course.glob(f"submitted/*/{layer}/{layer}.ipynb")):
        student = path.parent.parent.name
        lab = Lab(layer, path, seconds)
        verdicts[student] = {step.number: lab.judge(step.number) for step in steps(layer)}
        feedback(course / "feedback" / student / f"{layer}.md", verdicts[student])
        written = sheet(layer, release, answers(release, path), verdicts[student])
        target = course / f"autograded/{student}/{layer}/{layer}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    keep(layer, course, verdicts)
    return verdicts


def feedback(path: Path, verdicts: dict[int, Verdict]) -> None:
    """Write down what the tests said."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [
        f"## Step {number}: {verdict.points} points\n\n```text\n{verdict.said.strip()}\n```\n"
        for number, verdict in verdicts.items()
    ]
    path.write_text("\n".join(parts), encoding="utf-8")


def cells(path: Path) -> dict[str, Any]:
    """A notebook, its cells by grade_id; what has none is left out."""
    book = json.loads(path.read_text(encoding="utf-8"))
    known = [cell for cell in book["cells"] if "nbgrader" in cell["metadata"]]
    return {**book, "cells": {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in known}}


def answers(release: dict[str, Any], path: Path) -> dict[str, str]:
    """What a student wrote where they may, in words or code; nothing where the cell is gone."""
    own = cells(path)["cells"]
    return {
        name: "".join(own[name]["source"]) if name in own else ""
        for name, cell in release["cells"].items()
        if cell["metadata"]["nbgrader"]["solution"]
    }


def sheet(
    layer: str, release: dict[str, Any], own: dict[str, str], verdicts: dict[int, Verdict]
) -> dict[str, Any]:
    """The notebook to be marked: the release, the student's cells, what tests and schemes say."""
    shown = {name: dict(cell) for name, cell in release["cells"].items()}
    for name, source in own.items():
        shown[name]["source"] = source
    for step in steps(layer):
        said = verdicts[step.number].said
        outputs = [{"output_type": "stream", "name": "stdout", "text": said}]
        shown[f"{layer}-{step.number}"]["outputs"] = outputs
        if step.question:
            question = shown[f"{layer}-{step.number}-question"]
            question["source"] = f"{''.join(question['source'])}\n\n**Mark scheme.** {step.marks}"
    return {**release, "cells": list(shown.values())}


def keep(layer: str, course: Path, verdicts: dict[str, dict[int, Verdict]]) -> None:
    """Write the points into the gradebook of nbgrader."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.resolve() / 'gradebook.db'}") as book:
        for student, found in verdicts.items():
            book.update_or_create_student(student)
            with book.db.no_autoflush:  # which warns of what is only half made
                book.update_or_create_submission(layer, student)
            for number, verdict in found.items():
                cell: Any = book.find_grade(f"{layer}-{number}", layer, layer, student)
                cell.auto_score = verdict.points
                cell.needs_manual_grade = False
            for name, read in to_read(layer, course, student).items():
                cell = book.find_grade(name, layer, layer, student)
                cell.needs_manual_grade = read and cell.manual_score is None
        book.db.commit()


def to_read(layer: str, course: Path, student: str) -> dict[str, bool]:
    """Each written answer: whether there is anything to read that was not in the release."""
    released = cells(course / f"release/{layer}/{layer}.ipynb")
    own = answers(released, course / f"submitted/{student}/{layer}/{layer}.ipynb")
    return {
        name: own[name].strip() not in {"", "".join(cell["source"]).strip()}
        for name, cell in released["cells"].items()
        if name in own and cell["metadata"]["nbgrader"]["grade"]
    }


def main(arguments: list[str]) -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("do", choices=("make", "grade"))
    parser.add_argument("layer", choices=LAYERS)
    parser.add_argument("course", type=Path)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for the tests of a step")
    settings = parser.parse_args(arguments)
    if settings.do == "make":
        make(settings.layer, settings.course)
        return 0
    for student, found in grade(settings.layer, settings.course, settings.seconds).items():
        points = {number: verdict.points for number, verdict in found.items()}
        print(f"{student}: {sum(points.values())} points, by step {points}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
