"""PyTorch beside us: both cells of each row of the table give the same."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

from tinytorch import spatial as layer
from tinytorch import tensor
from tinytorch.tensor import pytorch
from tinytorch.tensor.testing import values


@pytest.fixture
def ours():
    names = {**vars(tensor), "spatial": layer}
    exec(pytorch.given("spatial"), names)
    return names


@pytest.fixture
def theirs():
    names = {"tensor": torch.tensor, "torch": torch, "nn": torch.nn, "F": TF}
    exec(pytorch.given("spatial"), names)
    return names


def figures(x):
    """Numbers, of either library, or their forms."""
    match x:
        case torch.nn.Module():
            return {name: tuple(value.shape) for name, value in x.state_dict().items()}
        case layer.Conv2d() | layer.Conv1d() | layer.ConvTranspose2d():
            return {name: value.shape for name, value in x.state_dict().items()}
        case _:
            return values(x)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", pytorch.rows("spatial"), ids=lambda row: row.name)
def test_both_cells_of_a_row_give_the_same(row, ours, theirs):
    got, expected = figures(eval(row.ours, ours)), figures(eval(row.theirs, theirs))
    if isinstance(got, dict):
        assert got == expected
        return
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-6)
    assert np.shape(got) == np.shape(expected)
