"""The second half of the student quickstart: tests say of the own function what the page shows."""

import os
import re
import subprocess
import sys

import pytest
from documents import ROOT, blocks

from commands import BLOCK

PAGE = (ROOT / "docs/quickstart.md").read_text(encoding="utf-8")
SAID = [block for _, language, block in BLOCK.findall(PAGE) if language == "text"]
BODIES = [
    re.findall(r"^    [^\n]*\n", block.code, re.MULTILINE)
    for block in blocks(PAGE)
    if block.code.startswith("def sgd_step")
]
UNWRITTEN = re.compile(r"    raise NotImplementedError\(\n        'write sgd_step:[^\n]*\n    \)\n")


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """The beginning that the page makes."""
    folder = tmp_path_factory.mktemp("quickstart") / "mine"
    script = [sys.executable, str(ROOT / "tools/start.py"), "optim", str(folder)]
    subprocess.run(script, check=True)
    return folder


def answer_of_tests(mine, chosen):
    """What `conform` says of the first step's tests with this in their names."""
    command = [sys.executable, str(ROOT / "tools/conform.py"), "optim", str(mine), "--step", "1"]
    done = subprocess.run(
        [*command, "-k", chosen, "--report", str(mine / "conform.json")],
        env={**os.environ, "PYTHONPATH": str(mine / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("body", "chosen", "said"),
    [(None, "parabola", 0), (0, "parabola", 1), (1, "parabola", 2), (1, "sgd_step", 3)],
    ids=["nothing is written", "the sign is wrong", "the sign is right", "checks are missing"],
)
def test_the_answer_of_tests_what_the_page_shows(mine, body, chosen, said):
    path = mine / "src/tinytorch/optim/functional.py"
    empty = path.read_text(encoding="utf-8")
    if body is not None:
        path.write_text(UNWRITTEN.sub("".join(BODIES[body]), empty), encoding="utf-8")
    printed = answer_of_tests(mine, chosen)
    path.write_text(empty, encoding="utf-8")
    assert [line for line in SAID[said].splitlines() if line not in printed] == []


def test_the_solution_of_the_page_passes(mine):
    path = mine / "src/tinytorch/optim/functional.py"
    empty = path.read_text(encoding="utf-8")
    path.write_text(UNWRITTEN.sub("".join(BODIES[2]), empty), encoding="utf-8")
    assert "9 passed" in answer_of_tests(mine, "sgd_step")
