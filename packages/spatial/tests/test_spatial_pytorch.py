"""PyTorch's names: each row of this layer's table runs, and whoever asks for the name is told."""

import pytest

from tinytorch import spatial as layer
from tinytorch import tensor
from tinytorch.autograd import nn
from tinytorch.tensor import NameImportError, NamingError, functional, pytorch
from tinytorch.tensor.testing import assert_keyword_told, assert_told

OURS = {**vars(tensor), "spatial": layer}
exec(pytorch.given("spatial"), OURS)
ROWS = pytorch.rows("spatial")
OWNERS = {"nn": [nn], "F": [functional]}
NAMES = [row for row in ROWS if row.name.rpartition(".")[0] in OWNERS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_our_way_of_each_row_runs(row):
    eval(row.ours, OURS)


@pytest.mark.parametrize("row", NAMES, ids=lambda row: row.name)
def test_whoever_asks_for_the_name_is_told(row):
    assert_told(row, OWNERS)


def test_who_imports_a_layer_from_where_pytorch_has_it_is_told():
    with pytest.raises(NameImportError, match=r"spatial\.Conv2d"):
        from tinytorch.autograd.nn import Conv2d  # noqa: F401


def test_names_of_layers_below_are_told_too():
    with pytest.raises(NamingError, match=r"F\.cross_entropy"):
        _ = layer.CrossEntropyLoss
    with pytest.raises(NamingError, match="softplus"):
        _ = layer.functional.softplus


@pytest.mark.parametrize(
    "call",
    [
        "Conv2d(2, 3, 3, padding_mode='zeros')",
        "MaxPool2d(2, ceil_mode=True)",
        "Upsample(2, align_corners=True)",
        "Dropout2d(inplace=True)",
    ],
)
def test_a_keyword_of_pytorchs_is_told(call):
    assert_keyword_told(call, vars(layer))
