"""The examples that need no download pass their gates, and a gate lets nothing else through."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tinytorch.autograd import nn

EXAMPLES = Path(__file__).parent / "examples"


@pytest.mark.parametrize("name", ["perceptron", "xor"])
def test_an_example_passes_its_gate(name):
    command = [sys.executable, str(EXAMPLES / f"{name}.py")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "FAIL" not in result.stdout


def test_a_gate_stops_what_did_not_learn(capsys):
    gate = runpy.run_path(str(EXAMPLES / "gate.py"))
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1))
    before = gate["weights"](model)
    model[0].weight.assign(model[0].weight.data + 1)
    assert gate["passed"](before, model) == 1
    assert "1 of 4 weight tensors moved; 0.bias did not" in capsys.readouterr().out
    for parameter in model.parameters():
        parameter.assign(parameter.data + 1)
    assert gate["passed"](before, model) == 0
    assert gate["passed"](before, model, ("accuracy", False)) == 1
    assert gate["passed"](before, model, ("accuracy", True)) == 0
