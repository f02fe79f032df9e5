"""PyTorch's names: each row of this layer's table runs, and whoever asks for the name is told."""

import re

import pytest

from tinytorch import optim as layer
from tinytorch import tensor
from tinytorch.autograd import nn
from tinytorch.optim import schedules
from tinytorch.tensor import NamingError, UsageError, pytorch

OURS = {**vars(tensor), "nn": nn, "optim": layer, "schedules": schedules}
exec(pytorch.given("optim"), OURS)
ROWS = pytorch.rows("optim")
OWNERS = {"optim": [layer], "lr_scheduler": [schedules, layer], "nn.utils": [layer]}
NAMES = [row for row in ROWS if row.name.rpartition(".")[0] in OWNERS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_our_way_of_each_row_runs(row):
    eval(row.ours, OURS)


@pytest.mark.parametrize("row", NAMES, ids=lambda row: row.name)
def test_whoever_asks_for_the_name_is_told(row):
    place, _, name = row.name.rpartition(".")
    for owner in OWNERS[place]:
        assert not hasattr(owner, name)
        with pytest.raises(NamingError) as caught:
            getattr(owner, name)
        assert row.ours in caught.value.fix


@pytest.mark.parametrize(
    "call",
    [
        "optimizer.zero_grad(set_to_none=True)",
        "optim.Adam([w], fused=True)",
        "optim.SGD([w], maximize=True)",
    ],
)
def test_a_keyword_of_pytorchs_is_told(call):
    keyword = re.findall(r"(\w+)=", call)[0]
    with pytest.raises(UsageError) as caught:
        eval(call, OURS)
    assert pytorch.find(f"{keyword}=").ours in caught.value.fix
    assert caught.value.operation in call
