"""A student's beginning holds the docstrings of what is to be written, and no line of ours."""

import ast
import subprocess
import sys
import textwrap

import pytest

import start
from layers import LAYERS

RULE = '''"""Rules."""

TABLE = []


def descend(w, g, lr=0.1):
    """Return w a step further down."""
    # Against the gradient.
    return w - lr * g


def wrapped(f):
    """Return f with a name."""

    @staticmethod
    def inner():
        return f()

    return inner


def bare(x):
    return x + 1


TABLE.append(("mul", lambda g, x, y: g * y))


class Rule:
    """A rule."""

    def step(self):
        """Return the next one."""
        return 41 + 1

    def given(self):
        """Return what is given."""
        return 7
'''
STEPS = """
[[step]]
title = "one number"
write = ["descend", "bare"]
hint = "Against the gradient."
read = "the first page"

[[step]]
title = "many"
write = ["wrapped", "Rule.step", "TABLE.append(('mul'"]
hint = "Twice."
read = "the second page"
"""


@pytest.fixture
def layer(tmp_path, monkeypatch):
    """A layer of two steps, with kernels."""
    monkeypatch.setattr(start, "PACKAGES", tmp_path / "packages")
    source = tmp_path / "packages/optim/src/tinytorch/optim"
    (source / "kernels/_numba").mkdir(parents=True)
    (source / "_rule.py").write_text(RULE, encoding="utf-8")
    (source / "kernels/numba.py").write_text("FAST = 'w - lr * g'\n", encoding="utf-8")
    (source / "kernels/_numba/_more.py").write_text("FAST = 'w - lr * g'\n", encoding="utf-8")
    for name, text in (("steps.toml", STEPS), ("pyproject.toml", ""), ("LICENSE", "")):
        (tmp_path / "packages/optim" / name).write_text(text, encoding="utf-8")
    return tmp_path


def names(text):
    """A module's names after it ran."""
    found = {}
    exec(compile(text, "_rule.py", "exec"), found)
    return found


def test_what_is_to_be_written_says_so_and_the_rest_is_given(layer):
    start.start("optim", layer / "mine")
    text = (layer / "mine/src/tinytorch/optim/_rule.py").read_text(encoding="utf-8")
    found = names(text)
    for call in (
        lambda: found["descend"](1, 1),
        lambda: found["bare"](1),
        lambda: found["wrapped"](None),
        lambda: found["Rule"]().step(),
    ):
        with pytest.raises(NotImplementedError, match=r"write .*: step [12], .*; see the .* page"):
            call()
    assert found["descend"].__doc__ == "Return w a step further down."
    assert found["Rule"]().given() == 7
    assert found["TABLE"] == []
    assert "# write TABLE.append(('mul': step 2" in text
    for solution in ("w - lr * g", "Against", "inner", "x + 1", "41", "g * y"):
        assert solution not in text


def test_kernels_that_would_serve_instead_are_left_out(layer):
    start.start("optim", layer / "mine")
    left = [path.name for path in (layer / "mine").rglob("*.py")]
    assert sorted(left) == ["_rule.py", "numba.py"]
    assert not [
        path for path in (layer / "mine").rglob("*.py") if "FAST" in path.read_text("utf-8")
    ]


def test_steps_that_are_done_stay_as_they_are(layer):
    start.start("optim", layer / "mine", done=1)
    found = names((layer / "mine/src/tinytorch/optim/_rule.py").read_text(encoding="utf-8"))
    assert found["descend"](1.0, 1.0) == 0.9
    with pytest.raises(NotImplementedError):
        found["Rule"]().step()
    start.start("optim", layer / "all", done=2)
    assert (layer / "all/src/tinytorch/optim/_rule.py").read_text(encoding="utf-8") == RULE


def test_the_readme_tells_the_steps_in_order(layer):
    start.start("optim", layer / "mine")
    text = (layer / "mine/README.md").read_text(encoding="utf-8")
    assert text.index("Step 1: one number") < text.index("Step 2: many")
    assert "nox -s conform -- optim mine --step 2" in text


def test_a_folder_that_is_there_is_not_touched(layer, capsys):
    (layer / "mine").mkdir()
    with pytest.raises(SystemExit):
        start.main(["optim", str(layer / "mine")])
    assert "nothing was written" in capsys.readouterr().err
    assert not list((layer / "mine").iterdir())


def code(folder):
    """All code below a folder, as it is printed without comments."""
    files = sorted(folder.rglob("*.py"))
    return "".join(ast.unparse(ast.parse(path.read_text(encoding="utf-8"))) for path in files)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_beginning_of_each_layer_holds_no_solution(layer, tmp_path):
    start.start(layer, tmp_path / "mine")
    ours, left = code(start.PACKAGES / layer / "src"), code(tmp_path / "mine")
    for step in start.steps(layer):
        for name in step.write:
            statement = start.find(start.PACKAGES / layer / "src", name).statement
            for part in solution(statement):  # what is given may hold the same line once more
                assert left.count(part) < ours.count(part), f"{name}: {part}"


def solution(statement):
    """The longer lines of a body: what a student could copy."""
    body = statement.body if isinstance(statement, ast.FunctionDef) else [statement]
    text = "\n".join(textwrap.dedent(ast.unparse(part)) for part in body[1:] or body)
    return [line.strip() for line in text.splitlines() if len(line.strip()) > 40]


def test_a_layer_can_be_imported_before_anything_is_written(tmp_path):
    start.start("optim", tmp_path / "mine")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'mine/src')!r}); import tinytorch.optim"
    subprocess.run([sys.executable, "-c", code], check=True)
