"""PyTorch beside us: both cells of each row of the table give the same."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

from tinytorch import autograd as layer
from tinytorch import tensor
from tinytorch.tensor import functional, pytorch
from tinytorch.tensor.testing import values

HOOKS = {f"Module.register_forward{kind}_hook" for kind in ("", "_pre")} | {"Tensor.register_hook"}
APART = {"Module.cuda", "torch.set_grad_enabled", "torch.inference_mode", *HOOKS}
"""What wants a GPU, and what gives a block, a handle or a method."""


@pytest.fixture
def ours():
    names = {**vars(tensor), **vars(layer), "F": functional}
    exec(pytorch.given("autograd"), names)
    return names


@pytest.fixture
def theirs():
    names = {"tensor": torch.tensor, "torch": torch, "nn": torch.nn, "init": torch.nn.init, "F": TF}
    exec(pytorch.given("autograd"), names)
    return names


@pytest.fixture(autouse=True)
def same_weights(ours, theirs):
    for mine, other in zip(ours["model"].parameters(), theirs["model"].parameters(), strict=True):
        mine.assign(other.detach().numpy())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "row", [r for r in pytorch.rows("autograd") if r.name not in APART], ids=lambda row: row.name
)
def test_both_cells_of_a_row_give_the_same(row, ours, theirs):
    got, expected = values(eval(row.ours, ours)), values(eval(row.theirs, theirs))
    if "rng=" in row.ours or isinstance(got, ours["nn"].Module) or got is None:
        got, expected = np.shape(got), np.shape(expected)  # drawn, or nothing but a change
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-6)
    assert np.shape(got) == np.shape(expected)
