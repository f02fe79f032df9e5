"""The examples that need no download pass their gates, and a gate lets nothing else through."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinytorch.autograd import nn

EXAMPLES = Path(__file__).parent / "examples"


@pytest.mark.parametrize(
    "name", ["perceptron", "xor", "vae", "karate", "cart_pole", "adversary", "letters"]
)
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
def record(monkeypatch):
    """The module of the recipe `record`."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return __import__("record")


def test_whitened_patches_are_uncorrelated(record):
    rng = np.random.default_rng(0)
    colors = rng.normal(size=(3, 3)).astype(np.float32)
    images = np.einsum("ij,bjhw->bihw", colors, rng.normal(size=(8, 3, 16, 16))).astype(np.float32)
    model = record.Record(rng=0)
    model.whiten(images, eps=0.0)
    model.whitening.bias.assign(np.zeros(record.CHANNELS))
    made = model.whitening(images).data[:, :12].transpose(1, 0, 2, 3).reshape(12, -1)
    np.testing.assert_allclose(made @ made.T / made.shape[1], np.eye(12), atol=1e-3)


def test_each_weight_of_the_record_has_the_rule_that_it_wants(record):
    model = record.Record(widths=(24, 24, 24), rng=0)
    groups = record.optimizer(model).param_groups
    assert [len(group["params"]) for group in groups] == [7, 8, 1]
    learning = {id(p) for p in model.parameters() if p.requires_grad}
    assert {id(p) for group in groups for p in group["params"]} == learning


def test_first_filters_of_the_record_pass_images_on(record):
    convolution = record.Record(widths=(32, 32, 32), rng=0).features[1]
    images = np.random.default_rng(0).normal(size=(2, 24, 5, 5)).astype(np.float32)
    np.testing.assert_array_equal(convolution(images).data[:, :24], images)
