"""PyTorch beside us: both cells of each row of the table give the same."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

from tinytorch import tensor as layer
from tinytorch.tensor import functional, pytorch
from tinytorch.tensor.testing import values

RANDOM = ["randn", "randn_like", "rand", "randint", "randperm", "multinomial"]
THREADS = {"torch.set_num_threads", "torch.get_num_threads"}
APART = {"Tensor.cuda", "torch.manual_seed", *(f"torch.{name}" for name in RANDOM), *THREADS}
"""What wants a GPU, gives a generator, is drawn, or tells of threads, which both sides count."""


@pytest.fixture
def ours():
    names = {**vars(layer), "F": functional, "np": np}
    exec(pytorch.given("tensor"), names)
    return names


@pytest.fixture
def theirs():
    names = {"tensor": torch.tensor, "torch": torch, "F": TF}
    exec(pytorch.given("tensor"), names)
    return names


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "row", [r for r in pytorch.rows("tensor") if r.name not in APART], ids=lambda row: row.name
)
def test_both_cells_of_a_row_give_the_same(row, ours, theirs):
    got, expected = values(eval(row.ours, ours)), values(eval(row.theirs, theirs))
    if isinstance(got, list):
        for mine, other in zip(got, expected, strict=True):
            np.testing.assert_allclose(mine, other, rtol=2e-5, atol=1e-6)
        return
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-6)
    assert np.shape(got) == np.shape(expected)


@pytest.mark.parametrize("name", RANDOM)
def test_draws_have_the_same_shape(name, ours, theirs):
    row = pytorch.find(f"torch.{name}")
    assert eval(row.ours, ours).shape == tuple(eval(row.theirs, theirs).shape)


def test_threads_are_as_many(ours, theirs):
    before, told = layer.kernels.threads(), pytorch.find("torch.get_num_threads")
    own = torch.get_num_threads()
    row = pytorch.find("torch.set_num_threads")
    try:
        eval(row.ours, ours)
        eval(row.theirs, theirs)
        assert eval(told.ours, ours).products in (eval(told.theirs, theirs), None)
    finally:
        torch.set_num_threads(own)
        layer.kernels.threads(before.products or before.kernels or 1)
