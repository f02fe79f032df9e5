"""The examples that need no download pass their gates, and a gate lets nothing else through."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.spatial import conv2d
from tinytorch.tensor import from_numpy

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


@pytest.fixture
def whitened(monkeypatch):
    """The names of integration/examples/whitened.py."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return runpy.run_path(str(EXAMPLES / "whitened.py"))


def test_whitening_makes_patches_independent_and_equally_strong(whitened):
    rng = np.random.default_rng(0)
    mixed = np.einsum("cd,bdij->bcij", rng.normal(size=(3, 3)), rng.normal(size=(20, 3, 9, 9)))
    images = mixed.astype(np.float32)
    filters = whitened["whitening"](images, size=2, epsilon=0.0)
    answers = conv2d(from_numpy(images), from_numpy(filters)).numpy()
    rows = answers.transpose(1, 0, 2, 3).reshape(24, -1)
    identity = np.eye(12)
    expected = np.block([[identity, -identity], [-identity, identity]])
    np.testing.assert_allclose(rows @ rows.T / rows.shape[1], expected, atol=1e-3)


def test_a_convolution_hands_on_what_it_gets(whitened):
    x = from_numpy(np.random.default_rng(0).normal(size=(2, 3, 5, 5)).astype(np.float32))
    y = whitened["handing_on"](3, 8, np.random.default_rng(1))(x).detach().numpy()
    np.testing.assert_allclose(y[:, :3], x.numpy(), rtol=1e-6)
    assert y[:, 3:].any()


def test_only_what_is_to_learn_is_optimized_and_at_its_speed(whitened):
    model = whitened["Whitened"](whitened["whitening"](np.ones((1, 3, 4, 4), np.float32)))
    others, shifts = whitened["two_speeds"](model).param_groups
    assert len(others["params"]) + len(shifts["params"]) == len(list(model.parameters())) == 19
    assert {p.shape for p in shifts["params"]} == {(64,), (256,)}
    assert shifts["lr"] * shifts["weight_decay"] == pytest.approx(
        others["lr"] * others["weight_decay"]
    )
    assert "filters" in model.state_dict()
