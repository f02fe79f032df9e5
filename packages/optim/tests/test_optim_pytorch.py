"""PyTorch's names: each row of this layer's table runs, and whoever asks for the name is told."""

import pytest

from tinytorch import optim as layer
from tinytorch import tensor
from tinytorch.autograd import nn
from tinytorch.optim import functional, schedules
from tinytorch.tensor import pytorch
from tinytorch.tensor.testing import assert_keyword_told, assert_told

OURS = {**vars(tensor), "nn": nn, "optim": layer, "schedules": schedules}
exec(pytorch.given("optim"), OURS)
ROWS = pytorch.rows("optim")
OWNERS = {
    "optim": [layer, functional],
    "lr_scheduler": [schedules, layer, functional],
    "nn.utils": [layer, functional],
}
NAMES = [row for row in ROWS if row.name.rpartition(".")[0] in OWNERS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_our_way_of_each_row_runs(row):
    eval(row.ours, OURS)


@pytest.mark.parametrize("row", NAMES, ids=lambda row: row.name)
def test_whoever_asks_for_the_name_is_told(row):
    assert_told(row, OWNERS)


@pytest.mark.parametrize(
    "call",
    [
        "optimizer.zero_grad(set_to_none=True)",
        "optim.Adam([w], fused=True)",
        "optim.SGD([w], maximize=True)",
    ],
)
def test_a_keyword_of_pytorchs_is_told(call):
    assert_keyword_told(call, OURS)
