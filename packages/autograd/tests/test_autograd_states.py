"""What a module keeps: states that are copies and load, or do not fit; copies of the module."""

import copy
import pickle  # noqa: TID251 - modules pass between processes by it

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.tensor import DTypeError, ShapeError, StateError, Tensor, tensor
from tinytorch.tensor.testing import assert_close

X = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


def test_state_dict_is_a_copy(block):
    state = block.state_dict()
    before = state["scale"].tolist()
    block.scale.assign(np.zeros(3))
    assert state["scale"].tolist() == before
    assert {type(x) for x in state.values()} == {Tensor}
    assert state["count"].dtype == np.int64


def test_load_state_dict_keeps_arrays_and_types(block, other_block):
    array = None
    array = block.scale.data
    state = {name: x.data.astype(np.float32) for name, x in other_block.state_dict().items()}
    state["scale"] = [1.0, 2.0, 3.0]
    block.load_state_dict(state)
    assert block.scale.data is array
    assert (block.scale.dtype, block.scale.tolist()) == (np.float64, [1.0, 2.0, 3.0])
    assert block.count.dtype == np.int64
    assert_close(block.first.weight, state["first.weight"])


def test_a_state_that_does_not_fit_lists_everything_and_changes_nothing(block, other_block):
    before = block.state_dict()
    state = other_block.state_dict()
    del state["first.bias"], state["count"]
    state.update(extra=tensor(1.0), scale=tensor([1.0]))
    with pytest.raises(StateError) as caught:
        block.load_state_dict(state)
    assert caught.value.missing == ["count", "first.bias"]
    assert caught.value.surplus == ["extra"]
    assert caught.value.misshapen == ["scale (3,) from (1,)"]
    assert "missing: count, first.bias; surplus: extra; wrong shape: scale" in str(caught.value)
    with pytest.raises(StateError):
        block.load_state_dict(state, strict=False)
    assert all(x.tolist() == before[name].tolist() for name, x in block.state_dict().items())
    state["scale"] = tensor([4.0, 5.0, 6.0])
    block.load_state_dict(state, strict=False)
    assert block.scale.tolist() == [4.0, 5.0, 6.0]
    assert block.first.bias.tolist() == before["first.bias"].tolist()


@pytest.mark.parametrize("wrong", [["a", "b", "c"], np.array([1j] * 3), [None] * 3])
def test_a_state_that_holds_no_numbers_changes_nothing(wrong, block, other_block):
    before = block.state_dict()
    state = {**other_block.state_dict(), "parts.1.bias": wrong[:2]}
    with pytest.raises(DTypeError, match="real numbers"):
        block.load_state_dict(state)
    assert all(x.tolist() == before[name].tolist() for name, x in block.state_dict().items())


def test_only_surplus_or_only_missing_is_an_error_too(block):
    with pytest.raises(StateError, match="surplus: extra"):
        block.load_state_dict({**block.state_dict(), "extra": 1.0})
    with pytest.raises(StateError, match="missing: scale"):
        block.load_state_dict({k: v for k, v in block.state_dict().items() if k != "scale"})


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_share_nothing(copied, block):
    block(tensor(X)).sum().backward()
    block.drop = nn.Dropout(0.5, rng=3)
    twin = copied(block)
    assert twin.state_dict().keys() == block.state_dict().keys()
    for (name, mine), (_, yours) in zip(
        block.named_parameters(), twin.named_parameters(), strict=True
    ):
        assert type(yours) is nn.Parameter, name
        assert mine.tolist() == yours.tolist()
        assert not np.shares_memory(mine.data, yours.data)
    assert type(twin.count) is nn.Buffer
    assert not np.shares_memory(twin.count.data, block.count.data)
    assert twin.drop.rng is not block.drop.rng
    assert twin.drop.rng.random() == block.drop.rng.random()
    assert twin.number == 7


def test_a_copy_keeps_what_is_shared_within(block):
    block.tied = block.first.weight
    twin = copy.deepcopy(block)
    assert twin.tied is twin.first.weight


def test_buffers():
    buffer = nn.Buffer([1.0, 2.0])
    assert buffer.assign(tensor([3.0, 4.0])) is buffer
    assert buffer.assign([5, 6]).tolist() == [5.0, 6.0]
    with pytest.raises(ShapeError, match="never broadcasts"):
        buffer.assign(1.0)
    assert copy.copy(buffer) is not buffer
    assert nn.Buffer(0).dtype == np.int64
