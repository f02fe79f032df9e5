"""PyTorch's names: each row of this layer's table runs, and whoever asks for the name is told."""

import pytest

from tinytorch import optim, tensor
from tinytorch import training as layer
from tinytorch.autograd import nn
from tinytorch.tensor import pytorch
from tinytorch.tensor.testing import assert_told

OURS = {**vars(tensor), **vars(layer), "nn": nn, "optim": optim}
exec(pytorch.given("training"), OURS)
ROWS = pytorch.rows("training")
OWNERS = {"torch": [layer, tensor]}
NAMES = [row for row in ROWS if row.name.rpartition(".")[0] in OWNERS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_our_way_of_each_row_runs(row, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layer.save_safetensors("weights", OURS["model"].state_dict())
    eval(row.ours, OURS)


@pytest.mark.parametrize("row", NAMES, ids=lambda row: row.name)
def test_whoever_asks_for_the_name_is_told(row):
    assert_told(row, OWNERS)
