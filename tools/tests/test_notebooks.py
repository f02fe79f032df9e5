"""A layer's exercise becomes a notebook, and the cells of a notebook a package."""

import ast
import json

import pytest

import grading
import notebooks
import start
from places import Misfit

RULE = '''"""Rules."""


def descend(w, g, lr=0.1):
    """Return w a step further down."""
    return w - lr * g


class Rule:
    """A rule."""

    @property
    def twice(self):
        """Two times."""
        return 2
'''
STEPS = """
[[step]]
title = "one number"
write = ["descend"]
hint = "Against the gradient."
read = "the first page"
question = "Why against?"
marks = "The gradient points up."

[[step]]
title = "more"
write = ["Rule.twice"]
hint = "Two."
read = "the second page"
"""


@pytest.fixture
def layer(tmp_path, monkeypatch):
    """A layer of two steps."""
    for module in (start, notebooks, grading):
        monkeypatch.setattr(module, "PACKAGES", tmp_path / "packages")
    source = tmp_path / "packages/optim/src/tinytorch/optim"
    source.mkdir(parents=True)
    (source / "_rule.py").write_text(RULE, encoding="utf-8")
    for name, text in (("steps.toml", STEPS), ("pyproject.toml", ""), ("LICENSE", "")):
        (tmp_path / "packages/optim" / name).write_text(text, encoding="utf-8")
    return tmp_path


def ids(book):
    return [cell["metadata"]["nbgrader"]["grade_id"] for cell in book["cells"]]


def cell(book, name):
    return next(c for c in book["cells"] if c["metadata"]["nbgrader"]["grade_id"] == name)


def written(layer, number, **found):
    """The module of a package made of these cells."""
    cells = {name.replace("_", "-", 2): text for name, text in found.items()}
    notebooks.package("optim", number, cells, layer / "mine")
    return ast.parse((layer / "mine/src/tinytorch/optim/_rule.py").read_text(encoding="utf-8"))


@pytest.mark.usefixtures("layer")
def test_the_cells_of_a_step_have_names_that_stay_and_marks_around_what_is_ours():
    book = notebooks.notebook("optim", "tools")
    assert ids(book) == [
        "optim-0-head",
        "optim-0-setup",
        "optim-1-task",
        "optim-1-descend",
        "optim-1",
        "optim-1-question",
        "optim-1-answer",
        "optim-2-task",
        "optim-2-Rule-twice",
        "optim-2",
    ]
    source = cell(book, "optim-1-descend")["source"]
    head, _, rest = source.partition("    ### BEGIN SOLUTION\n")
    assert head.endswith('"""Return w a step further down."""\n')
    assert rest == "    return w - lr * g\n    ### END SOLUTION"
    assert cell(book, "optim-2-Rule-twice")["source"].startswith("# Rule.twice\n@property\ndef")
    assert cell(book, "optim-1")["metadata"]["nbgrader"]["points"] == notebooks.POINTS
    assert cell(book, "optim-1-answer")["metadata"]["nbgrader"]["solution"]
    assert len(set(ids(book))) == len(ids(book))


def test_solutions_are_read_back_and_nothing_else(layer):
    path = layer / "optim.ipynb"
    path.write_text(json.dumps(notebooks.notebook("optim", "tools")), encoding="utf-8")
    found = notebooks.solutions(path)
    assert sorted(found) == ["optim-1-descend", "optim-2-Rule-twice"]


def test_what_a_student_wrote_takes_the_place_of_ours_with_its_helpers(layer):
    half = "import math\ndef half(x):\n    return x / 2\n"
    own = f"{half}def descend(w, g, lr=1):\n    return half(w)\n"
    tree = written(layer, 1, optim_1_descend=own)
    names = [getattr(x, "name", type(x).__name__) for x in tree.body]
    assert names == ["Expr", "Import", "half", "descend", "Rule"]
    assert "half(w)" in ast.unparse(tree)
    assert "raise NotImplementedError" in ast.unparse(tree)


def test_a_method_is_put_into_its_class_and_steps_before_are_ours(layer):
    tree = written(
        layer, 2, **{"optim_2_Rule-twice": "@property\ndef twice(self):\n    return 7\n"}
    )
    text = ast.unparse(tree)
    assert "return w - lr * g" in text
    assert "    @property\n    def twice(self):\n        return 7" in text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def other(): pass", "0 functions"),
        ("def descend(: pass", "no Python"),
        ("def descend(): pass\ndef descend(): pass", "2 functions"),
        (None, "is missing"),
    ],
)
def test_a_cell_that_cannot_be_used_says_why(layer, source, said):
    found = {} if source is None else {"optim_1_descend": source}
    with pytest.raises(Misfit, match=said):
        written(layer, 1, **found)


def test_a_missing_cell_is_no_points_and_no_error(layer):
    path = layer / "optim.ipynb"
    path.write_text(json.dumps({"cells": []}), encoding="utf-8")
    verdict = grading.Lab("optim", path).judge(1)
    assert verdict.points == 0
    assert "optim-1-descend is missing" in verdict.said
