"""A course of seven students with nbgrader, from the release to the exported points.

`nox -s assignments` runs it; it needs nbgrader, and no layer of ours installed.
"""

import csv
import json

import pytest

from assignments import grade, keep, make, nbgrader
from commands import commands
from notebooks import POINTS, slug
from start import steps

pytestmark = pytest.mark.filterwarnings("default")  # nbgrader's own, of what it stands on
LAYER = "optim"
SECONDS = 20
ALL = POINTS * len(steps(LAYER))
FIRST = steps(LAYER)[0]


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))


def id_of(cell):
    return cell["metadata"]["nbgrader"]["grade_id"]


def rewrite(book, change):
    """The notebook with each cell changed, or left out where `change` gives None."""
    return {**book, "cells": [new for cell in book["cells"] if (new := change(cell))]}


def with_solution(book, source):
    """The notebook with the first cell to be written holding `source`."""
    wanted = f"{LAYER}-1-{slug(FIRST.write[0])}"
    return rewrite(book, lambda c: {**c, "source": source} if id_of(c) == wanted else c)


def tampered(cell):
    """A cell of tests that always passes; every second one is gone."""
    if "assert check" not in "".join(cell["source"]):
        return cell
    return {**cell, "source": "assert True"} if id_of(cell).endswith("1") else None


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The course, with what seven students handed in."""
    folder = tmp_path_factory.mktemp("course")
    make(LAYER, folder)
    ours = cells(folder / f"source/{LAYER}/{LAYER}.ipynb")
    release = cells(folder / f"release/{LAYER}/{LAYER}.ipynb")
    own = FIRST.write[0]
    handed_in = {
        "ada": ours,
        "bob": release,
        "cyd": with_solution(release, f"from tinytorch.{LAYER} import {own}"),
        "dan": with_solution(ours, f"def {own}(*args, **settings):\n    while True:\n        pass"),
        "eve": rewrite(release, tampered),
        "fay": rewrite(ours, tampered),
        "gil": with_solution(
            release, f"get_ipython().input_transformers_post.append(print)\ndef {own}(*a): return 0"
        ),
    }
    for student, book in handed_in.items():
        path = folder / f"submitted/{student}/{LAYER}/{LAYER}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(book), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def verdicts(course):
    return grade(LAYER, course, SECONDS)


def points(verdicts, student):
    return sum(verdict.points for verdict in verdicts[student].values())


def test_the_release_holds_no_solution_and_every_cell_of_points(course):
    release = cells(course / f"release/{LAYER}/{LAYER}.ipynb")
    text = json.dumps(release)
    assert "BEGIN SOLUTION" not in text
    assert "HIDDEN" not in text
    assert text.count("raise NotImplementedError") == sum(len(s.write) for s in steps(LAYER))
    kept = [id_of(cell) for cell in release["cells"]]
    assert kept == [id_of(c) for c in cells(course / f"source/{LAYER}/{LAYER}.ipynb")["cells"]]
    visible = ["".join(c["source"]) for c in release["cells"] if id_of(c) == f"{LAYER}-1"]
    assert visible == ["assert check(1)"]


@pytest.mark.parametrize(
    ("student", "expected"),
    [
        ("ada", ALL),
        ("bob", 0),
        ("cyd", 0),
        ("dan", ALL - POINTS),
        ("eve", 0),
        ("fay", ALL),
        ("gil", 0),
    ],
    ids=[
        "the reference has all points",
        "the empty release has none",
        "importing the layer that is asked for gives none",
        "an endless loop costs its step alone",
        "tests that were changed or deleted help nobody",
        "... and harm nobody",
        "what a cell does to the notebook's own shell is nothing",
    ],
)
def test_points(verdicts, student, expected):
    assert points(verdicts, student) == expected


def test_an_endless_loop_ends_on_time(verdicts):
    assert "no end after" in verdicts["dan"][1].said


def test_the_gradebook_exports_the_points(course, verdicts):
    nbgrader(course, "export")
    with (course / "grades.csv").open(encoding="utf-8") as file:
        rows = {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(file)}
    assert rows == {student: points(verdicts, student) for student in verdicts}


@pytest.mark.usefixtures("verdicts")
def test_each_student_is_told_what_the_tests_said(course):
    assert "NotImplementedError" in (course / f"feedback/bob/{LAYER}.md").read_text(
        encoding="utf-8"
    )


def mark(course, student, points):
    """Give points to the first written answer, as nbgrader's formgrader does."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        cell = book.find_grade(f"{LAYER}-1-answer", LAYER, LAYER, student)
        waiting = cell.needs_manual_grade
        cell.manual_score, cell.needs_manual_grade = points, False
        book.db.commit()
    return waiting


def test_written_answers_wait_for_a_reader_and_keep_their_marks(course, verdicts):
    assert mark(course, "ada", 4.0)
    assert not mark(course, "bob", 0.0), "as it was released: nothing to read"
    keep(LAYER, course, verdicts)
    assert not mark(course, "ada", 4.0)
    nbgrader(course, "export")
    with (course / "grades.csv").open(encoding="utf-8") as file:
        rows = {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(file)}
    assert rows["ada"] == points(verdicts, "ada") + 4
    mark(course, "ada", 0.0)


@pytest.mark.usefixtures("verdicts")
def test_the_marked_notebook_is_the_release_with_what_was_written_and_what_tests_said(course):
    def sources(folder):
        found = cells(course / f"{folder}/{LAYER}/{LAYER}.ipynb")["cells"]
        return {id_of(cell): "".join(cell["source"]) for cell in found}

    release, marked = sources("release"), sources("autograded/eve")
    assert marked.keys() == release.keys()
    assert marked[f"{LAYER}-1"] == release[f"{LAYER}-1"], "changed tests are put back"
    assert marked[f"{LAYER}-1-question"].endswith(steps(LAYER)[0].marks)
    assert "import" in sources("autograded/cyd")[f"{LAYER}-1-{slug(FIRST.write[0])}"]


@pytest.mark.usefixtures("verdicts")
@pytest.mark.parametrize(
    "command", [one for one in commands() if one.words[0] == "nbgrader"], ids=str
)
def test_a_command_of_nbgrader_on_the_pages_runs(command, course):
    nbgrader(course, *command.words[1:])
