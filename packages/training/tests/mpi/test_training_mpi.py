"""Real processes under MPI: equal to one, resumable, and ended by a fault of any of them."""

import json
import os
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

HERE = Path(__file__).parent
SECONDS = 10
"""All ranks have ended so long after one was struck."""


def command(size, script, *arguments):
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    python = [sys.executable, "-m", "mpi4py", str(HERE / script), *arguments]
    return [mpiexec, "-n", str(size), *python]


def start(size, script, *arguments):
    """Run ranks of one thread each to their end; return the exit code and what they wrote."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        command(size, script, *arguments),
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS * 6,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def run(size, place, **settings):
    """Return the result of a run that comes to its end."""
    result = place / "result.json"
    code, said = start(size, "mpi_run.py", json.dumps({"result": str(result), **settings}))
    assert code == 0, said
    return json.loads(result.read_text())


@cache
def whole(size, dropout=0.0):
    """The result of a run that nothing breaks off."""
    with TemporaryDirectory() as folder:
        return run(size, Path(folder), dropout=dropout)


def broken(size, folder, **settings):
    """Run until a fault ends all ranks, soon after it struck; return what they wrote."""
    given = {"result": str(folder / "none"), "folder": str(folder), **settings}
    code, said = start(size, "mpi_run.py", json.dumps(given))
    assert code != 0
    if "fault" in settings:
        assert time.time() - float((folder / "struck").read_text()) < SECONDS
    assert not (folder / "none").exists()
    return said


def test_ranks_say_all_that_can_be_said():
    for size in (1, 2, 3):
        code, said = start(size, "mpi_speak.py")
        assert (code, said) == (0, f"all {size} ranks said all of it\n")


@pytest.mark.parametrize("size", [2, 3])
def test_ranks_train_as_one_does_to_rounding(size):
    one, many = whole(1), whole(size)
    assert many["size"] == size
    assert many["history"]["accuracy"] == one["history"]["accuracy"]
    np.testing.assert_allclose(many["history"]["val_loss"], one["history"]["val_loss"], rtol=1e-4)
    for name, values in one["weights"].items():
        np.testing.assert_allclose(many["weights"][name], values, rtol=1e-3, atol=1e-5)


def test_two_runs_have_the_same_bits(tmp_path):
    assert run(3, tmp_path, dropout=0.2)["bits"] == whole(3, dropout=0.2)["bits"]


@pytest.mark.parametrize("rank", [0, 1])
def test_the_error_of_one_rank_ends_all_and_is_shown_once(tmp_path, rank):
    said = broken(2, tmp_path, fault=["raise", rank, 5])
    assert said.count("ZeroDivisionError: the fault of this rank") == 1
    assert f"rank {rank} of 2 ended" in said
    assert said.count("Traceback") == 1


@pytest.mark.parametrize(("kind", "rank"), [("SIGKILL", 0), ("SIGKILL", 2), ("SIGINT", 1)])
def test_a_run_that_is_broken_off_within_an_epoch_ends_with_the_same_bits(tmp_path, kind, rank):
    said = broken(3, tmp_path, dropout=0.2, fault=[kind, rank, 10])
    if kind == "SIGINT":
        assert "stopped in epoch 2 after batch 3; saved in" in said
        assert said.count("Traceback") == 1
    again = run(3, tmp_path, dropout=0.2, folder=str(tmp_path))
    assert again["bits"] == whole(3, dropout=0.2)["bits"]
    assert again["history"] == whole(3, dropout=0.2)["history"]
    assert [path.name for path in tmp_path.glob("of-rank-*")] == ["of-rank-0"]


def test_two_ranks_go_on_from_the_checkpoint_of_three(tmp_path):
    broken(3, tmp_path, fault=["SIGKILL", 1, 10])
    found = run(2, tmp_path, folder=str(tmp_path))
    assert found["history"]["accuracy"] == whole(1)["history"]["accuracy"]
    for name, values in whole(1)["weights"].items():
        np.testing.assert_allclose(found["weights"][name], values, rtol=1e-3, atol=1e-5)


def test_ranks_that_differ_are_refused_at_the_start(tmp_path):
    said = broken(3, tmp_path, wider=4)
    assert "in rank 0 model.0.bias: float32 (8,), in rank 2 float32 (12,)" in said
    assert said.count("Traceback") == 1
