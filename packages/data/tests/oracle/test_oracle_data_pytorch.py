"""PyTorch beside us: both cells of each row of the table give the same batches."""

import numpy as np
import pytest
import torch
from torch.utils import data

from tinytorch import data as layer
from tinytorch import tensor
from tinytorch.tensor import Tensor, pytorch

APART = {
    "data.WeightedRandomSampler",
    "data.SubsetRandomSampler",
    "data.DistributedSampler",
    "data.IterableDataset",
    "data.get_worker_info",
    "data.datasets",
    "generator=",
}
"""What is drawn, what downloads, and what gives another thing there."""


@pytest.fixture
def ours():
    names = {**vars(tensor), **vars(layer)}
    exec(pytorch.given("data"), names)
    return names


@pytest.fixture
def theirs():
    names = {"tensor": torch.tensor, "torch": torch, "data": data}
    names["TensorDataset"] = data.TensorDataset
    exec(pytorch.given("data"), names)
    return names


def numbers(x):
    """All numbers of a loader, a batch or an item, one after the other."""
    if isinstance(x, (torch.Tensor, Tensor)):
        return np.asarray(x.tolist(), float).reshape(-1)
    return np.concatenate([numbers(part) for part in x])


@pytest.mark.parametrize(
    "row",
    [row for row in pytorch.rows("data") if "transforms" not in row.name + row.theirs],
    ids=lambda row: row.name,
)
def test_both_cells_of_a_row_give_the_same(row, ours, theirs):
    if row.name in APART or row.name.startswith("datasets"):
        assert eval(row.ours, ours)
        return
    got, expected = numbers(eval(row.ours, ours)), numbers(eval(row.theirs, theirs))
    np.testing.assert_allclose(got, expected)
