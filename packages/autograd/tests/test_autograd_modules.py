"""Modules: the tree, its names and modes, and how it shows itself."""

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.tensor import ArgumentError, tensor

X = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


def test_names_and_order(block):
    assert [name for name, _ in block.named_parameters()] == [
        "scale",
        "first.weight",
        "first.bias",
        "parts.1.weight",
        "parts.1.bias",
    ]
    assert list(block.state_dict()) == [
        "scale",
        "count",
        "first.weight",
        "first.bias",
        "parts.1.weight",
        "parts.1.bias",
    ]
    assert [name for name, _ in block.named_children()] == ["first", "parts"]
    assert [name for name, _ in block.named_modules(prefix="net")][:2] == ["net", "net.first"]
    assert [type(m).__name__ for m in block.modules()] == [
        "Block",
        "Linear",
        "ModuleList",
        "ReLU",
        "Linear",
    ]
    assert [name for name, _ in block.named_buffers()] == ["count"]
    assert [b is block.count for b in block.buffers()] == [True]
    assert [name for name, _ in block.named_generators()] == ["rng"]


class Collected(nn.Module):
    """Holds its parts in plain lists, tuples and dicts."""

    def __init__(self):
        self.layers = [nn.Linear(2, 2, rng=0), nn.Dropout(0.5, rng=1)]
        self.heads = {"mean": nn.Linear(2, 1, bias=False, rng=2)}
        self.scales = (nn.Parameter(1.0), [nn.Parameter(2.0)])
        self.counts = [nn.Buffer(0)]
        self.words = ["a", "b"] * 50


def test_parts_in_lists_tuples_and_dicts_are_found():
    model = Collected()
    assert [name for name, _ in model.named_parameters()] == [
        "scales.0",
        "scales.1.0",
        "layers.0.weight",
        "layers.0.bias",
        "heads.mean.weight",
    ]
    assert [name for name, _ in model.named_buffers()] == ["counts.0"]
    assert [name for name, _ in model.named_generators()] == ["layers.1.rng"]
    assert [name for name, _ in model.named_children()] == ["layers.0", "layers.1", "heads.mean"]


def test_parts_in_lists_change_their_mode():
    model = Collected().eval()
    assert not model.layers[1].training


def test_parts_in_lists_are_in_the_state():
    model, other = Collected(), Collected()
    other.layers[0].weight.assign(np.zeros((2, 2)))
    other.load_state_dict(model.state_dict())
    assert other.layers[0].weight.tolist() == model.layers[0].weight.tolist()


def test_a_module_needs_no_super_init_and_a_removed_part_is_gone(block):
    del block.first
    assert "first.weight" not in block.state_dict()
    block.scale = None
    assert "scale" not in dict(block.named_parameters())


def test_shared_modules_and_parameters_count_once_but_load_by_their_first_name(block):
    block.again = block.first
    block.tied = nn.Linear(3, 3, rng=0)
    block.tied.weight = block.first.weight
    names = [name for name, _ in block.named_parameters()]
    assert len(names) == 6
    assert "tied.weight" not in names
    assert len({id(p) for p in block.parameters()}) == len(names)
    assert "tied.weight" in block.state_dict()
    block.load_state_dict(block.state_dict())


def test_a_cycle_of_modules_is_walked_once(block):
    block.first.owner = block
    assert len(list(block.modules())) == 5
    assert len(list(block.parameters())) == 5


def test_modes(block):
    assert block.eval() is block
    assert not block.training
    assert not block.parts[0].training
    assert block.train().training
    assert not block.train(False).training
    assert nn.Module.training


def test_zero_grad(block):
    block(tensor(X)).sum().backward()
    assert all(p.grad is not None for p in block.parameters())
    block.zero_grad()
    assert all(p.grad is None for p in block.parameters())


def test_a_module_without_forward_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(ArgumentError, match="Empty, which defines none"):
        Empty()(1)


def test_repr_shows_the_tree():
    text = repr(nn.Sequential(nn.Linear(3, 2, bias=False), nn.Sequential(nn.ReLU())))
    assert text == (
        "Sequential(\n  (0): Linear(3, 2, bias=False)\n  (1): Sequential(\n    (0): ReLU()\n  )\n)"
    )
    shown = [
        nn.Dropout(0.25),
        nn.LayerNorm(4),
        nn.Embedding(3, 2),
        nn.LeakyReLU(0.1),
        nn.Linear(1, 2),
    ]
    assert [repr(x) for x in shown] == [
        "Dropout(0.25)",
        "LayerNorm((4,))",
        "Embedding(3, 2)",
        "LeakyReLU(0.1)",
        "Linear(1, 2)",
    ]


def test_what_containers_hold_beside_numbers_is_found():

    model = nn.Linear(2, 1)
    model.words = {"a": 1, "b": np.float32(2)}
    model.counts = [*map(np.float64, range(5))]
    model.deep = [[1.0, [nn.Parameter([1.0])]], "text", None]
    assert [name for name, _ in model.named_parameters()] == ["weight", "bias", "deep.0.1.0"]
