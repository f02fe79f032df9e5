"""Every row of the cheat sheet gives the same in NumPy and here."""

import numpy as np
import pytest
from cheat_sheet import GIVEN, TRAINED, VALUES, functions, memory, rows, words

from tinytorch.tensor import Tensor


@pytest.fixture
def ours():
    names = {"memory": memory()}
    exec(GIVEN + functions("```python"), names)
    return names


@pytest.fixture
def numpys():
    names = {"np": np, "tensor": lambda x: np.array(x, np.float32), "memory": memory()}
    exec(VALUES.replace("labels = tensor", "labels = np.array"), names)
    return names


def value(x):
    return x.data if isinstance(x, Tensor) else x


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.what)
def test_a_row_gives_the_same_in_numpy_and_here(row, ours, numpys):
    got = value(eval(row.ours, ours))
    if row.numpy != "-":
        np.testing.assert_allclose(got, eval(row.numpy, numpys), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("statement", [here for _, here in words()])
def test_a_word_that_changes_is_said_here_as_the_sheet_says(statement, ours, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(TRAINED, ours)
    exec(statement, ours)


def test_the_sheet_has_rows_enough():
    assert len(rows()) > 50
    assert len(words()) == 8
