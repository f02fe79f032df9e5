"""PyTorch's names: each row of this layer's table runs, and whoever asks for the name is told."""

import re
from pathlib import Path

import pytest

from tinytorch import spatial as layer
from tinytorch import tensor
from tinytorch.autograd import nn
from tinytorch.tensor import NamingError, functional, pytorch

TABLE = Path(layer.__file__).with_name("from_pytorch.md").read_text("utf-8")
OURS = {**vars(tensor), "spatial": layer}
exec(re.search(r"```python\n(.*?)```", TABLE, re.DOTALL)[1], OURS)
ROWS = pytorch.rows("spatial")
OWNERS = {"nn": [nn], "F": [functional]}
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


def test_names_of_layers_below_are_told_too():
    with pytest.raises(NamingError, match=r"F\.cross_entropy"):
        _ = layer.CrossEntropyLoss
    with pytest.raises(NamingError, match="softplus"):
        _ = layer.functional.softplus
