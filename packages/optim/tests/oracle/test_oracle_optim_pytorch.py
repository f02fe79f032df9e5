"""PyTorch beside us: both cells of each row of the table give the same."""

import numpy as np
import pytest
import torch

from tinytorch import optim as layer
from tinytorch import tensor
from tinytorch.autograd import nn
from tinytorch.optim import schedules
from tinytorch.tensor import pytorch
from tinytorch.tensor.testing import values

STEPS = 9


@pytest.fixture
def ours():
    names = {**vars(tensor), "nn": nn, "optim": layer, "schedules": schedules}
    exec(pytorch.given("optim"), names)
    return names


@pytest.fixture
def theirs():
    names = {
        "tensor": torch.tensor,
        "torch": torch,
        "nn": torch.nn,
        "optim": torch.optim,
        "lr_scheduler": torch.optim.lr_scheduler,
    }
    exec(pytorch.given("optim"), names)
    return names


def figures(x):
    """Numbers, of either library, or their forms."""
    match x:
        case torch.optim.lr_scheduler.LRScheduler():
            return [rate(x) for _ in range(STEPS)]
        case torch.optim.Optimizer() | layer.Optimizer():
            return {key: x.defaults[key] for key in ("lr", "betas", "eps")}
        case _ if callable(x):
            return [x(step) for step in range(STEPS)]
        case _:
            return values(x)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", pytorch.rows("optim"), ids=lambda row: row.name)
def test_both_cells_of_a_row_give_the_same(row, ours, theirs):
    got, expected = figures(eval(row.ours, ours)), figures(eval(row.theirs, theirs))
    if isinstance(got, dict):
        assert got == expected
    elif got is not None:
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def rate(scheduler):
    """The rate of the next step of PyTorch's schedulers."""
    (found,) = scheduler.get_last_lr()
    scheduler.optimizer.step()
    scheduler.step()
    return found
