"""Watching a module's calls, and evaluation mode for a block."""

import copy

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.tensor import ShapeError, tensor

X = tensor(np.ones((2, 3), np.float32))


def model():
    return nn.Sequential(nn.Linear(3, 2, rng=0), nn.Sequential(nn.ReLU(), nn.Dropout(0.5, rng=1)))


def test_watchers_see_every_call_from_outside_in_and_back():
    seen, watched = [], model()
    with watched.watching(
        before=lambda name, module, inputs: seen.append(("before", name, inputs[0].shape)),
        after=lambda name, module, inputs, output: seen.append(("after", name, output.shape)),
    ):
        watched(X)
    assert seen == [
        ("before", "", (2, 3)),
        ("before", "0", (2, 3)),
        ("after", "0", (2, 2)),
        ("before", "1", (2, 2)),
        ("before", "1.0", (2, 2)),
        ("after", "1.0", (2, 2)),
        ("before", "1.1", (2, 2)),
        ("after", "1.1", (2, 2)),
        ("after", "1", (2, 2)),
        ("after", "", (2, 2)),
    ]


def test_watching_ends_with_the_block_and_after_an_error():
    seen, watched = [], model()
    attributes = [list(vars(one)) for one in watched.modules()]
    with pytest.raises(ShapeError), watched.watching(after=lambda *call: seen.append(call[0])):
        watched(tensor([[1.0]]))
    assert seen == []
    watched(X)
    assert seen == []
    assert [list(vars(one)) for one in watched.modules()] == attributes


def test_blocks_nest():
    seen, watched = [], model()
    with watched.watching(before=lambda *call: seen.append("outer")):
        with watched[0].watching(before=lambda name, *call: seen.append(f"inner{name}")):
            watched[0](X)
        watched[0](X)
    assert seen == ["outer", "inner", "outer"]


def test_a_module_knows_whether_it_is_watched():
    watched = model()
    assert not watched.is_watched
    with watched.watching():
        assert watched.is_watched
        assert watched[1][0].is_watched
    assert not watched[1][0].is_watched


def test_a_module_that_is_used_twice_is_seen_twice():
    class Twice(nn.Module):
        def __init__(self):
            self.part = nn.Tanh()

        def forward(self, x, *, times=2):
            for _ in range(times):
                x = self.part(x)
            return x

    seen, watched = [], Twice()
    with watched.watching(after=lambda name, *call: seen.append(name)):
        watched(X, times=3)
    assert seen == ["part", "part", "part", ""]


def test_evaluation_restores_every_modes():
    one = model()
    one[1][0].eval()
    with nn.evaluation(one):
        assert not any(module.training for module in one.modules())
    assert [m.training for m in one.modules()] == [True, True, True, False, True]


def test_evaluation_ends_after_an_error():
    one = model()
    with pytest.raises(ZeroDivisionError), nn.evaluation(one):
        _ = 1 // 0
    assert one[1][1].training


def test_a_copy_made_in_a_block_is_not_needed_to_watch():
    watched = model()
    with watched.watching():
        twin = copy.deepcopy(watched)
    assert twin(X).shape == (2, 2)
