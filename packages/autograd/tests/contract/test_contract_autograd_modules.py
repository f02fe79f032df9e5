"""Step 8, modules: found by their attributes, switched, kept and loaded by dotted names."""

import copy

import numpy as np
import pytest

from tinytorch.tensor import ImmutableError, StateError, Tensor, tensor

pytestmark = pytest.mark.step(8)
ROW = "`nn.Module`"
NAMES = ["scale", "layers.0.weight", "layers.0.bias", "head.weight"]


@pytest.fixture
def make(nn):
    """Gives `make(seed)`: a module with one of everything that a module can hold."""

    class Net(nn.Module):
        def __init__(self, seed):
            rng = np.random.default_rng(seed)
            self.layers = nn.Sequential(
                nn.Linear(3, 4, rng=rng), nn.ReLU(), nn.Dropout(0.5, rng=rng)
            )
            self.head = nn.Linear(4, 2, bias=False, rng=rng)
            self.scale = nn.Parameter(1.0)
            self.calls = nn.Buffer(0)

        def forward(self, x):
            return self.head(self.layers(x)) * self.scale

    return Net


@pytest.fixture
def net(make):
    return make(0)


def test_a_call_is_forward(nn, expect):
    class Double(nn.Module):
        def forward(self, x, *, plus=0.0):
            return x * 2 + plus

    expect(Double()(tensor([1.0]), plus=1.0), [3.0], "module(x) is module.forward(x)", ROW)


def test_parameters_have_dotted_names(net):
    assert [name for name, _ in net.named_parameters()] == NAMES, (
        f"attributes' names joined by dots, a module's own first  [contract: {ROW}]"
    )


def test_parameters_come_in_the_same_order(net):
    assert [p.shape for p in net.parameters()] == [(), (4, 3), (4,), (2, 4)]


def test_buffers_are_no_parameters(net):
    assert [name for name, _ in net.named_buffers()] == ["calls"]


def test_modules_are_found_with_names(net):
    names = [name for name, _ in net.named_modules()]
    assert names == ["", "layers", "layers.0", "layers.1", "layers.2", "head"], f"contract: {ROW}"
    assert list(net.children()) == [net.layers, net.head]


def test_a_module_that_is_used_twice_is_found_once(net):
    net.again = net.head
    assert [name for name, _ in net.named_modules()].count("again") == 0, f"contract: {ROW}"
    assert len(list(net.modules())) == 6


def test_generators_are_found(net):
    assert [name for name, _ in net.named_generators()] == ["layers.2.rng"]


def test_parts_in_lists_tuples_and_dicts_are_found(nn):
    class Listed(nn.Module):
        def __init__(self):
            self.layers = [nn.Linear(1, 1, bias=False, rng=0)]
            self.heads = {"a": (nn.Parameter(1.0), nn.Dropout(0.5, rng=0))}

    listed = Listed()
    assert [n for n, _ in listed.named_parameters()] == ["heads.a.0", "layers.0.weight"], (
        f"what plain lists and dicts hold belongs to the module  [contract: {ROW}]"
    )
    assert list(listed.state_dict()) == ["heads.a.0", "layers.0.weight"]
    assert not listed.eval().heads["a"][1].training


def test_a_shared_parameter_is_listed_once(nn):
    class Tied(nn.Module):
        def __init__(self):
            self.a = nn.Linear(2, 2, bias=False, rng=0)
            self.b = nn.Linear(2, 2, bias=False, rng=1)
            self.b.weight = self.a.weight

    tied = Tied()
    assert [name for name, _ in tied.named_parameters()] == ["a.weight"], (
        f"it would be moved twice in a step  [contract: {ROW}]"
    )
    assert list(tied.state_dict()) == ["a.weight", "b.weight"]


def test_training_is_on_at_first(net):
    assert net.training
    assert net.layers[2].training


def test_eval_reaches_the_whole_tree(net):
    assert net.eval() is net, f"it returns the module  [contract: {ROW}]"
    assert not any(module.training for _, module in net.named_modules()), (
        f"the parts' parts are switched, too  [contract: {ROW}]"
    )


def test_train_switches_back(net):
    assert net.eval().train() is net
    assert all(module.training for _, module in net.named_modules())
    assert not net.train(False).head.training


def test_evaluation_lasts_for_a_block(net, nn):
    net.layers.eval()
    with nn.evaluation(net):
        assert not net.head.training
    with pytest.raises(ZeroDivisionError), nn.evaluation(net):
        _ = 1 // 0
    assert net.training, "[contract: `nn.evaluation(module)`]"
    assert not net.layers.training, "each is as it was  [contract: `nn.evaluation(module)`]"


def test_a_function_is_applied_to_the_parts_first(net):
    seen = []
    assert net.apply(seen.append) is net, "[contract: `.apply(function)`]"
    kinds = [type(module).__name__ for module in seen]
    wanted = ["Linear", "ReLU", "Dropout", "Sequential", "Linear", "Net"]
    assert kinds == wanted, "a module after its parts  [contract: `.apply(function)`]"


def test_zero_grad_forgets(net):
    net(tensor(np.ones((2, 3), np.float32))).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters()), f"None, not zeros  [contract: {ROW}]"


def test_a_state_has_parameters_then_buffers_then_parts(net):
    assert list(net.state_dict()) == ["scale", "calls", *NAMES[1:]], f"contract: {ROW}"


def test_a_state_is_made_of_plain_tensors(net):
    assert all(type(value) is Tensor for value in net.state_dict().values())


def test_a_state_is_a_copy(net):
    state = net.state_dict()
    before = state["head.weight"].tolist()
    net.head.weight.assign(np.zeros((2, 4)))
    net.calls.assign(3)
    assert state["head.weight"].tolist() == before, f"it shares the memory  [contract: {ROW}]"
    assert state["calls"].item() == 0


@pytest.mark.parametrize("convert", [lambda value: value, lambda value: value.data])
def test_a_state_is_loaded(net, make, convert):
    other = make(1)
    array = other.head.weight.data
    other.load_state_dict({name: convert(value) for name, value in net.state_dict().items()})
    assert other.head.weight.tolist() == net.head.weight.tolist()
    assert other.head.weight.data is array, f"weights are assigned to  [contract: {ROW}]"


def test_what_is_loaded_is_a_copy(net):
    state = net.state_dict()
    net.load_state_dict(state)
    state["head.weight"].data[...] = 7
    assert 7 not in net.head.weight.data


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda state: state.pop("head.weight"), "head.weight"),
        (lambda state: state.update(extra=tensor(1.0)), "extra"),
        (lambda state: state.update(scale=tensor([1.0, 2.0])), "scale"),
        (lambda state: state.update(calls=tensor(0.5)), "calls"),
    ],
    ids=["missing", "surplus", "another shape", "another number"],
)
def test_a_state_that_does_not_fit_changes_nothing(net, change, named):
    before = net.state_dict()
    state = {name: value * 0 for name, value in before.items()}
    change(state)
    with pytest.raises(StateError) as caught:
        net.load_state_dict(state)
    assert named in str(caught.value), f"which entry?  [contract: {ROW}]"
    after = net.state_dict()
    assert all(after[name].tolist() == before[name].tolist() for name in before), (
        f"what fits was loaded before the complaint  [contract: {ROW}]"
    )


def test_a_lenient_load_takes_what_is_there(net):
    state = {"layers.0.weight": np.zeros((4, 3)), "extra": tensor(1.0)}
    net.load_state_dict(state, strict=False)
    assert not net.layers[0].weight.data.any()
    with pytest.raises(StateError):
        net.load_state_dict({"scale": tensor([1.0, 2.0])}, strict=False)


def test_a_copied_module_shares_nothing(net):
    twin = copy.deepcopy(net)
    x = tensor(np.ones((64, 3), np.float32))
    assert net(x).tolist() == twin(x).tolist(), "weights and generators are as they were"
    net.head.weight.assign(np.zeros((2, 4)))
    net.calls.assign(5)
    assert twin.head.weight.data.any()
    assert twin.calls.item() == 0


def test_buffers_are_assigned_to(nn, expect):
    buffer = nn.Buffer([1, 2])
    expect(buffer.assign(buffer + 1), [2, 3], "the Buffer itself, changed", "`nn.Buffer`")


def test_a_tensor_does_not_take_the_place_of_a_parameter(net):
    with pytest.raises(ImmutableError):
        net.head.weight = net.head.weight * 2
    with pytest.raises(ImmutableError):
        net.head.weight -= 0.1
    assert "head.weight" in net.state_dict()
