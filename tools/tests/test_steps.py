"""A layer's exercise, step by step: what is done passes, what is next says what to write.

The second step of each layer runs here; with `STEPS=all`, as in `nox -s steps`, all of them do.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import start
from layers import LAYERS

ROOT = Path(__file__).resolve().parents[2]
READY = tuple(layer for layer in LAYERS if start.steps(layer))
"""The layers whose steps are declared."""
WANTED = os.environ.get("STEPS") == "all"
STEPS = [
    pytest.param(layer, number, id=f"{layer}-{number}")
    for layer in READY
    for number in (range(1, len(start.steps(layer)) + 2) if WANTED else [2])
]


def judge(layer, source, *options):
    """Run contract tests of a layer on a student's sources."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(source / "src"), str(ROOT / "tools")]),
        "TINYTORCH_KERNELS": "reference",
        "OPENBLAS_NUM_THREADS": "1",
    }
    tests = f"packages/{layer}/tests/contract"
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "-p", "contract_plugin", "--tb=short", *options, tests],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("layer", "number"), STEPS)
def test_what_is_done_passes_and_what_is_next_says_what_to_write(layer, number, tmp_path):
    mine = tmp_path / "mine"
    start.start(layer, mine, done=number - 1)
    if number > 1:
        before = judge(layer, mine, "--step", str(number - 1))
        assert before.returncode == 0, before.stdout
    if number <= len(start.steps(layer)):
        now = judge(layer, mine, "--only-step", str(number))
        assert now.returncode == 1, now.stdout
        assert "NotImplementedError: write" in now.stdout or ": no gradient" in now.stdout
