"""PyTorch's names: each row of this layer's table runs, and whoever asks for the name is told."""

import pytest

from tinytorch import autograd as layer
from tinytorch import tensor
from tinytorch.autograd import nn
from tinytorch.tensor import NameImportError, Tensor, functional, pytorch
from tinytorch.tensor.testing import assert_keyword_told, assert_told

OURS = {**vars(tensor), **vars(layer), "F": functional}
exec(pytorch.given("autograd"), OURS)
ROWS = pytorch.rows("autograd")
OWNERS = {
    "nn": [nn],
    "init": [nn.init],
    "torch": [tensor],
    "Module": [nn.ReLU()],
    "Tensor": [Tensor(1.0)],
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
        "nn.Softmax(dim=1)",
        "nn.LogSoftmax(dim=1)",
        "nn.Flatten(start_dim=1)",
        "nn.ReLU(inplace=True)",
        "nn.LeakyReLU(0.1, inplace=True)",
        "nn.Dropout(0.5, inplace=True)",
        "nn.Embedding(4, 2, padding_idx=0)",
        "nn.LayerNorm(3, elementwise_affine=False)",
        "nn.Flatten(1, end_dim=2)",
        "model.zero_grad(set_to_none=True)",
        "ones(2, requires_grad=True)",
    ],
)
def test_a_keyword_of_pytorchs_is_told(call):
    assert_keyword_told(call, OURS)


def test_an_attribute_of_ones_own_comes_first():
    module = nn.ReLU()
    module.to = "here"
    assert module.to == "here"
    assert "to" in dir(module)
    assert "cuda" not in dir(module)


def test_settings_of_ones_own_may_have_any_name():
    class Net(nn.Module):
        def __init__(self, dim, **more):
            super().__init__()
            self.dim, self.more = dim, more

    net = Net(dim=3, device="here")
    assert (net.dim, net.more) == (3, {"device": "here"})


def test_a_module_without_settings_takes_none():
    with pytest.raises(TypeError):
        nn.ReLU(5)
    with pytest.raises(TypeError):
        nn.Linear(2, 3, nothing=1)


def test_an_import_of_a_name_from_a_module_without_parts_tells_the_way():
    with pytest.raises(NameImportError) as caught:
        from tinytorch.autograd.nn.init import kaiming_normal_  # noqa: F401
    assert caught.value.operation == "tinytorch.autograd.nn.init.kaiming_normal_"
    with pytest.raises(ImportError, match="cannot import name 'kaiming_normale'"):
        from tinytorch.autograd.nn.init import kaiming_normale  # noqa: F401
