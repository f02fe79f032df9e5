"""PyTorch's names: each row of the table runs, and whoever uses the name is told the row."""

import numpy as np
import pytest

from tinytorch import tensor as layer
from tinytorch.tensor import Tensor, UsageError, errors, functional, ops, pytorch
from tinytorch.tensor.testing import assert_keyword_told, assert_told

OURS = {**vars(layer), "F": functional, "np": np}
exec(pytorch.given("tensor"), OURS)
ROWS = pytorch.rows("tensor")
OWNERS = {"Tensor": [OURS["x"]], "torch": [layer, layer.random], "F": [functional]}
APART = {"Tensor.size", "Tensor.transpose"}
"""What both have, and mean differently."""
NAMES = [row for row in ROWS if row.name.partition(".")[0] in OWNERS and row.name not in APART]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_our_way_of_each_row_runs(row):
    eval(row.ours, OURS)


def test_a_name_has_one_row():
    names = [row.name for row in ROWS]
    assert sorted(names) == sorted(set(names))
    assert len(names) > 120


@pytest.mark.parametrize("row", NAMES, ids=lambda row: row.name)
def test_whoever_asks_for_the_name_is_told(row):
    assert_told(row, OWNERS)


@pytest.mark.parametrize(
    "call",
    [
        "x.sum(dim=1)",
        "x.mean(dim=1)",
        "x.max(1, keepdim=True)",
        "x.argmax(dim=1)",
        "x.var(unbiased=True)",
        "x.std(correction=1)",
        "x.squeeze(dim=0)",
        "x.flatten(start_dim=1)",
        "x.cumsum(axis=0, dim=1)",
        "x.clip(min=0)",
        "ops.sum(x, dim=1)",
        "ops.concatenate([x, x], dim=1)",
        "F.softmax(x, dim=1)",
        "F.relu(x, inplace=True)",
        "F.cross_entropy(x, target=labels)",
        "F.relu(input=x)",
        "tril(x, diagonal=1)",
        "zeros(2, device='cpu')",
    ],
)
def test_a_keyword_of_pytorchs_is_told(call):
    assert_keyword_told(call, OURS)


def test_any_other_keyword_or_name_is_an_error_as_ever():
    with pytest.raises(TypeError, match="size"):
        functional.softmax(OURS["x"], size=1)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'") as caught:
        _ = layer.nothing
    assert type(caught.value) is AttributeError
    assert not hasattr(Tensor([1.0]), "nothing")


@pytest.mark.parametrize(
    "line",
    [
        "from tinytorch.tensor import cat",
        "from tinytorch.tensor import Tensor, unsqueeze",
        "from tinytorch.tensor.functional import one_hot",
        "from tinytorch.tensor.ops import clamp",
        "from tinytorch.tensor.random import randn",
    ],
)
def test_an_import_of_a_name_of_pytorchs_tells_ours(line):
    with pytest.raises(errors.NameImportError) as caught:
        exec(line, {})
    assert pytorch.find(f"torch.{line.split()[-1]}", f"F.{line.split()[-1]}").ours in str(
        caught.value
    )


def test_other_imports_fail_as_ever():
    with pytest.raises(ImportError, match="cannot import name 'nothing'") as caught:
        exec("from tinytorch.tensor import nothing", {})
    assert type(caught.value) is ImportError


def test_size_is_a_number_that_says_what_its_call_means():
    size = OURS["x"].size
    assert (size, type(size + 0), repr(size)) == (6, int, "6")
    with pytest.raises(UsageError, match=r"x\.shape"):
        size()


def test_an_attribute_of_ones_own_comes_first():
    class Named(Tensor):
        __slots__ = ()
        unsqueeze = ops.relu

    assert Named([1.0]).unsqueeze is ops.relu
