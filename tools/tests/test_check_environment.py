"""A namespace that someone hides is named, with the file that hides it."""

import subprocess
import sys
from pathlib import Path

import pytest

from layers import LAYERS

SCRIPT = Path(__file__).resolve().parents[1] / "check_environment.py"


def check(*arguments, path):
    """Run the check in a Python that sees `path` before everything else."""
    result = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={"PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout


def test_our_namespace_passes(tmp_path):
    assert check(path=tmp_path) == (0, "")


def test_a_foreign_package_of_the_name_is_named_with_its_place_and_the_way_out(tmp_path):
    (tmp_path / "tinytorch").mkdir()
    (tmp_path / "tinytorch/__init__.py").touch()
    code, said = check(path=tmp_path)
    assert code == 1
    assert str(tmp_path / "tinytorch/__init__.py") in said
    assert "uninstall" in said


@pytest.mark.parametrize("layer", LAYERS[:-1])
def test_layers_that_another_does_not_declare_are_named(layer, tmp_path):
    code, said = check(layer, path=tmp_path)
    assert code == 1
    assert "tinytorch.training is here, undeclared" in said


def test_the_uppermost_layer_brings_all(tmp_path):
    assert check(LAYERS[-1], path=tmp_path) == (0, "")
