"""Commands of the pages that start processes of their own: those of MPI, with the page's script."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import blocks

from commands import commands

RANKS = "2"
"""This machine may have fewer cores than the page speaks of."""


@pytest.mark.parametrize(
    "command", [one for one in commands() if one.words[0] == "mpiexec"], ids=str
)
@pytest.mark.usefixtures("few_images")
def test_ranks_run_the_script_of_the_page(command, tmp_path):
    pytest.importorskip("mpi4py")
    beside = Path(sys.executable).with_name("mpiexec")
    program = str(beside) if beside.exists() else shutil.which("mpiexec")
    count = command.words.index("-n") + 1
    words = [*command.words[1:count], RANKS, *command.words[count + 1 :]]
    script = "\n".join(block.code for block in blocks(command.page.read_text(encoding="utf-8")))
    (tmp_path / words[-1]).write_text(script, encoding="utf-8")
    done = subprocess.run(
        [program, *(sys.executable if word == "python" else word for word in words)],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
