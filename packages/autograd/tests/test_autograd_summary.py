"""Summaries: a row for each layer, and the module left as it was."""

import math

import numpy as np
import pytest

from tinytorch.autograd import nn, no_grad
from tinytorch.autograd.nn._summary import _bytes
from tinytorch.tensor import ShapeError, Tensor, tensor


def test_a_summary_lists_layers_in_order_of_computation():
    model = nn.Sequential(
        nn.Linear(4, 8, rng=0), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2, rng=1)
    )
    summary = model.summary((5, 4))
    assert [layer.name for layer in summary.layers] == ["0", "1", "2", "3"]
    assert [layer.kind for layer in summary.layers] == ["Linear", "ReLU", "Dropout", "Linear"]
    assert [layer.output_shape for layer in summary.layers] == [(5, 8), (5, 8), (5, 8), (5, 2)]
    assert [layer.parameters for layer in summary.layers] == [40, 0, 0, 18]
    assert [layer.flops for layer in summary.layers] == [5 * 8 * 9, 40, None, 5 * 2 * 17]
    assert [layer.weight_bytes for layer in summary.layers] == [160, 0, 0, 72]
    assert [layer.output_bytes for layer in summary.layers] == [160, 160, 160, 40]
    assert (summary.parameters, summary.flops) == (58, 360 + 40 + 170)
    assert (summary.weight_bytes, summary.output_bytes) == (232, 520)
    assert repr(summary) == str(summary)
    assert "2 (Dropout)  (5, 8)" in str(summary)


def test_a_summary_leaves_the_module_as_it_is():
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Dropout(0.5, rng=0))
    model[0].eval()
    state = model[1].rng.bit_generator.state
    model.summary((1, 2))
    assert model.training
    assert not model[0].training
    assert not model[0].is_watched
    assert model[1].rng.bit_generator.state == state
    with pytest.raises(ShapeError):
        model.summary((1, 3))
    assert not model[0].is_watched
    assert model.training


def test_shared_parameters_and_repeated_layers_in_a_summary():
    class Twice(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2, bias=False, rng=0)
            self.scale = nn.Parameter(1.0)
            self.steps = nn.Buffer(np.zeros(2))

        def forward(self, x):
            return self.layer(self.layer(x)) * self.scale

        def flops(self, input_shape, output_shape):
            return math.prod(output_shape)

    summary = Twice().summary((1, 2))
    assert [layer.name for layer in summary.layers] == ["layer", "layer", ""]
    assert (summary.parameters, summary.flops) == (5, 8 + 8 + 2)
    assert summary.weight_bytes == 16 + 4 + 16
    assert "\nTwice" in str(summary)


def test_a_summary_takes_an_input_of_another_type():
    summary = nn.Embedding(1000, 300, rng=0).summary(tensor([1, 2]))
    assert summary.layers[0].output_shape == (2, 300)
    assert "1.2 MB" in str(summary)
    assert "300,000" in str(summary)


def test_a_summary_records_no_graph():
    kept = []

    class Keep(nn.Module):
        def forward(self, x):
            kept.append(x)
            return x

    nn.Sequential(nn.Linear(2, 2, rng=0), Keep()).summary((1, 2))
    assert type(kept[0]) is Tensor
    with no_grad():
        assert nn.Linear(2, 2, rng=0).summary((1, 2)).parameters == 6


def test_sizes_read_well():
    shown = [_bytes(n) for n in (0, 999, 1000, 1.5e6, 2.34e9, 5e13)]
    assert shown == ["0 B", "999 B", "1 kB", "1.5 MB", "2.34 GB", "5e+04 GB"]


def test_a_notebook_gets_the_table_in_html():
    model = nn.Linear(3, 2, rng=0)
    model.weight.requires_grad = False
    shown = model.summary((1, 3))._repr_html_()
    assert shown.startswith("<table>")
    assert ">total</td>" in shown
    assert "6 of 8 parameters are frozen" in shown
