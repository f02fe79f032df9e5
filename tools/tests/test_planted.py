"""A planted mistake changes one place; a row that fits no longer is a failure, not a silence."""

import ast

import pytest

import planted
import trial
from layers import LAYERS
from places import Misfit
from planted import Mistake, mistakes, plant

MODULE = """
TABLE = {}
derivative(ops.mul, lambda g, x, y: g * y)
derivative(ops.div, lambda g, x, y: g / y)

def step(w, g, lr=0.1):
    '''Go down.'''
    return w - lr * g   # the rule

class Adam:
    lr = 0.1
    def step(self):
        self.count += 1
"""


@pytest.fixture
def layer(tmp_path, monkeypatch):
    """A layer of one file, whose path is given."""
    monkeypatch.setattr(planted, "source", lambda _: tmp_path)
    path = tmp_path / "_rule.py"
    path.write_text(MODULE, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("place", "before", "after"),
    [
        ("step", "w - lr * g", "w + lr * g"),
        ("step", "lr=0.1", "lr=0.01"),
        ("Adam.step", "self.count += 1", "pass"),
        ("derivative(ops.div", "g / y", "g * y"),
    ],
)
def test_a_mistake_changes_one_place_and_nothing_else(layer, place, before, after):
    ((path, text),) = plant(Mistake("optim", "wrong", place, before, after)).items()
    assert path == layer
    plain = ast.unparse(ast.parse(MODULE))
    assert text == plain.replace(before, after)
    assert text != plain


@pytest.mark.parametrize(
    ("place", "before", "reason"),
    [
        ("walk", "w", "walk is in no file"),
        ("step", "w * lr", "0 times"),
        ("step", "lr", "2 times"),
        ("derivative(", "g", "_rule.py, _rule.py"),
    ],
)
@pytest.mark.usefixtures("layer")
def test_a_row_that_does_not_fit_says_why(place, before, reason):
    with pytest.raises(Misfit, match=reason):
        plant(Mistake("optim", "wrong", place, before, "0"))


@pytest.mark.parametrize("layer", LAYERS)
def test_every_row_fits_its_layer(layer):
    rows = mistakes(layer)
    assert [row.name for row in rows if planted.misfit(row)] == []
    assert len({row.name for row in rows}) == len(rows)


def test_a_trial_runs_the_tests_on_the_changed_copy(tmp_path):
    test = tmp_path / "test_one.py"
    test.write_text(
        "def test_one():\n    from tinytorch.tensor import errors\n    assert errors.ONE == 1\n",
        encoding="utf-8",
    )
    file = trial.source("tensor") / "tinytorch/tensor/errors.py"
    text = file.read_text(encoding="utf-8")
    outcomes = [
        trial.try_out("tensor", {file: f"{text}\n{more}\n"}, str(test)).code
        for more in ("ONE = 1", "ONE = 2", "ONE = ")
    ]
    assert outcomes == [0, 1, 1]
    assert file.read_text(encoding="utf-8") == text
