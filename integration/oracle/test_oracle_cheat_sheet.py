"""Every row of the cheat sheet gives the same in PyTorch and here."""

import numpy as np
import pytest
import torch
from cheat_sheet import GIVEN, TRAINED, VALUES, functions, memory, rows, words

from tinytorch.tensor import Tensor


@pytest.fixture
def ours():
    names = {"memory": memory()}
    exec(GIVEN + functions("```python"), names)
    return names


@pytest.fixture
def theirs():
    names = {"np": np, "torch": torch, "tensor": torch.tensor, "memory": memory()}
    names |= {"F": torch.nn.functional, "nn": torch.nn}
    exec(VALUES + functions("``` {.python .torch}"), names)
    return names


def value(x):
    """Numbers, of either library, or their forms."""
    if isinstance(x, torch.Tensor):
        return x.detach().numpy()
    return x.data if isinstance(x, Tensor) else x


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.what)
def test_a_row_gives_the_same_in_pytorch_and_here(row, ours, theirs):
    got, expected = value(eval(row.ours, ours)), value(eval(row.torch, theirs))
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-6)
    assert np.shape(got) == np.shape(expected)


@pytest.mark.parametrize("statement", [there for there, _ in words()])
def test_a_word_that_changes_is_said_there_as_the_sheet_says(
    statement, theirs, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    given = (
        TRAINED[TRAINED.index("model = ") :]
        .replace(", rng=0", "")
        .replace("SGD", "torch.optim.SGD")
    )
    exec(given, theirs)
    exec(statement, theirs)
