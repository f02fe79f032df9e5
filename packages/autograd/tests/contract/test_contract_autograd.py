"""What upper layers rely on in the autograd layer: its public names alone.

Any implementation of the layer that passes can stand under the other layers.
"""

import copy
import subprocess
import sys
import threading

import numpy as np
import pytest

from tinytorch import autograd as layer
from tinytorch.autograd import (
    Variable,
    derivative,
    grad,
    gradcheck,
    hvp,
    jacobian,
    nn,
    no_grad,
    value_and_grad,
    vjp,
)
from tinytorch.tensor import (
    ArgumentError,
    DTypeError,
    GradientError,
    IndexRangeError,
    ShapeError,
    StateError,
    Tensor,
    op,
    ops,
    stack,
    tensor,
)
from tinytorch.tensor import functional as F

NAMES = """
Gradients Variable derivative grad gradcheck graph hvp jacobian nn no_grad value_and_grad vjp
""".split()
MODULES = """
Dropout Embedding Flatten GELU Identity LayerNorm LeakyReLU Linear LogSoftmax Module ModuleList
ReLU Sequential SiLU Sigmoid Softmax Tanh
""".split()


@pytest.mark.parametrize("name", NAMES)
def test_the_layer_has(name):
    assert hasattr(layer, name)
    assert name in layer.__all__


@pytest.mark.parametrize("name", [*MODULES, "Parameter", "Buffer", "init"])
def test_nn_has(name):
    assert hasattr(nn, name)


def test_importing_the_layer_loads_no_later_one():
    code = (
        "import sys, tinytorch.autograd\n"
        "layers = {n.split('.')[1] for n in sys.modules if n.startswith('tinytorch.')}\n"
        "print(sorted(layers))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == "['autograd', 'tensor']"


# Variables and the walk.


def test_a_variable_is_a_tensor_that_remembers():
    x = Variable([1.0, 2.0])
    y = (x * 3).sum()
    assert isinstance(x, Tensor)
    assert isinstance(y, Variable)
    assert (x.is_leaf, y.is_leaf) == (True, False)
    assert x.grad is None
    assert x.dtype == np.float32


def test_backward_fills_grad_and_gives_gradients():
    x, y, other = Variable([1.0, 2.0]), Variable([3.0, 4.0]), Variable(1.0)
    gradients = (x * y * x).sum().backward()
    np.testing.assert_allclose(gradients[x].data, [6, 16])
    np.testing.assert_allclose(gradients[y].data, [1, 4])
    assert gradients[x] is x.grad or gradients[x].tolist() == x.grad.tolist()
    assert type(x.grad) is Tensor
    assert x in gradients
    assert other not in gradients
    assert {id(leaf) for leaf in gradients} == {id(x), id(y)}
    assert len(gradients) == 2
    assert gradients.get(other) is None
    with pytest.raises(KeyError):
        gradients[other]


def test_grad_adds_up_over_calls():
    x = Variable([1.0])
    for _ in range(3):
        gradients = (x * 2).sum().backward()
    assert x.grad.tolist() == [6.0]
    assert gradients[x].tolist() == [2.0]


def test_broadcasting_is_undone():
    x, y = Variable(np.ones((2, 1, 3), np.float32)), Variable(np.ones((4, 1), np.float32))
    (x * y).sum().backward()
    assert x.grad.shape == (2, 1, 3)
    assert y.grad.shape == (4, 1)
    assert x.grad.tolist() == np.full((2, 1, 3), 4.0).tolist()


def test_a_gradient_may_be_given():
    x = Variable([1.0, 2.0])
    (x * x).backward(tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2.0, 40.0]
    (x * x).backward([1.0, 1.0])
    assert x.grad.tolist() == [4.0, 44.0]


def test_a_gradient_is_needed_for_several_elements_and_must_fit():
    x = Variable([1.0, 2.0])
    with pytest.raises(ShapeError):
        (x * x).backward()
    with pytest.raises(ShapeError):
        (x * x).backward(tensor([1.0]))


def test_the_graph_serves_once_unless_retained():
    x = Variable(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8.0
    with pytest.raises(GradientError, match="retain_graph"):
        y.backward()


def test_create_graph_gives_gradients_of_gradients():
    x = Variable(3.0)
    first = (x * x * x).backward(create_graph=True)[x]
    assert isinstance(first, Variable)
    x.grad = None
    first.backward()
    assert x.grad.item() == 18.0


def test_a_leaf_goes_backward_to_itself():
    x = Variable(2.0)
    x.backward()
    assert x.grad.item() == 1.0


def test_only_float_numbers_have_gradients():
    for data in (1, [1, 2], True, np.arange(3)):
        with pytest.raises(DTypeError):
            Variable(data)
    assert Variable(1, dtype=np.float32).dtype == np.float32


def test_ops_without_derivative_give_tensors():
    x = Variable([1.0, 2.0])
    for result in (x > 1, x.argmax(), ops.floor(x), x.astype(np.int64)):
        assert type(result) is Tensor


def test_no_grad_gives_tensors_as_context_and_decorator():
    x = Variable([1.0])

    @no_grad()
    def double(value):
        return value * 2

    with no_grad():
        assert type(x * 2) is Tensor
        with no_grad():
            pass
        assert type(x * 2) is Tensor
    assert type(double(x)) is Tensor
    assert isinstance(x * 2, Variable)


def test_no_grad_ends_with_an_exception():
    x = Variable([1.0])
    with pytest.raises(ZeroDivisionError), no_grad():
        _ = 1 // 0
    assert isinstance(x * 2, Variable)


def test_no_grad_is_one_threads_own():
    x, seen = Variable([1.0]), []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(type(x * 2)))
        thread.start()
        thread.join()
    assert seen == [Variable]


def test_detach_gives_the_values():
    x = Variable([1.0])
    y = x * 2
    assert type(y.detach()) is Tensor
    assert (y.detach() * x).backward()[x].tolist() == [2.0]


def test_assign_changes_a_leaf_in_place():
    x = Variable([1.0, 2.0])
    array = x.data
    assert x.assign(tensor([3.0, 4.0])) is x
    assert x.data is array
    assert x.tolist() == [3.0, 4.0]
    x.assign([5, 6])
    assert (x.dtype, x.tolist()) == (np.float32, [5.0, 6.0])
    x.data[...] = 7
    x.assign(x.data)
    assert x.tolist() == [7.0, 7.0]
    with pytest.raises(ShapeError):
        x.assign([1.0])
    with pytest.raises(GradientError):
        (x * 2).assign([1.0, 2.0])


def test_a_leaf_assigned_to_after_recording_is_an_error():
    x = Variable([1.0])
    y = (x * x).sum()
    x.assign([5.0])
    with pytest.raises(GradientError, match="assigned to since"):
        y.backward()


def test_a_variables_array_is_not_given_away():
    x = Variable([1.0])
    for take in (np.asarray, lambda v: v.numpy(), np.sum, lambda v: np.concatenate([v, v])):
        with pytest.raises(GradientError, match="detach"):
            take(x)
    assert x.detach().numpy().tolist() == [1.0]


def test_an_array_on_the_left_keeps_the_gradient():
    x = Variable([1.0, 2.0])
    y = np.array([3.0, 4.0], np.float32) * x
    assert isinstance(y, Variable)
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 4.0]


def test_depth_is_no_limit():
    x = y = Variable(0.0)
    for _ in range(20_000):
        y = y + 1.0
    y.backward()
    assert x.grad.item() == 1.0


def test_each_result_is_visited_once():
    x = Variable(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


# An op of an upper layer.


def test_an_op_of_ones_own_gets_a_derivative():
    @op(broadcasts=True)
    def contract_area(x, y, *, scale=1.0):
        return x * y * scale

    derivative(
        contract_area,
        lambda g, z, x, y, scale=1.0: g * y * scale,
        lambda g, z, x, y, scale=1.0: g * x * scale,
    )
    x = Variable([1.0, 2.0])
    contract_area(x, 3.0, scale=2.0).sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]
    assert gradcheck(lambda a, b: contract_area(a, b, scale=0.5), [1.0, 2.0], [3.0], order=2)


def test_a_row_must_give_its_operands_shape():
    @op
    def contract_total(x):
        return x.sum()

    derivative(contract_total, lambda g, z, x: g)
    with pytest.raises(GradientError, match=r"operand 0's shape \(2,\)"):
        contract_total(Variable([1.0, 2.0])).backward()


def test_none_stands_for_an_operand_without_gradient():
    @op
    def contract_gate(mask, x):
        return mask * x

    derivative(contract_gate, None, lambda g, z, mask, x: g * mask)
    mask, x = Variable([1.0, 0.0]), Variable([2.0, 3.0])
    gradients = contract_gate(mask, x).sum().backward()
    assert mask not in gradients
    assert gradients[x].tolist() == [1.0, 0.0]


def test_an_operand_left_out_reaches_the_rows():
    @op
    def contract_affine(x, bias):
        return x * 2 if bias is None else x * 2 + bias

    derivative(contract_affine, lambda g, z, x, bias: g * 2, lambda g, z, x, bias: g)
    x = Variable([1.0])
    contract_affine(x, None).backward()
    assert x.grad.tolist() == [2.0]


# Functions of functions.


def test_grad_nests():
    assert grad(lambda x: x**3)(2.0).item() == 12.0
    assert grad(grad(lambda x: x**3))(2.0).item() == 12.0
    assert grad(grad(grad(lambda x: x**4)))(2.0).item() == 48.0


def test_nested_gradients_are_not_confused():
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0).item() == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0).item() == 6.0


def test_grad_of_several_arguments_is_a_tuple():
    first, second = grad(lambda x, y: (x * x * y).sum())(tensor([1.0, 2.0]), 3.0)
    assert first.tolist() == [6.0, 12.0]
    assert second.item() == 5.0


def test_value_and_grad_vjp_jacobian_hvp():
    x = tensor([1.0, 2.0])
    value, gradient = value_and_grad(lambda v: (v * v).sum())(x)
    assert (value.item(), gradient.tolist()) == (5.0, [2.0, 4.0])
    value, pullback = vjp(lambda v: v * v, x)
    assert value.tolist() == [1.0, 4.0]
    assert pullback(tensor([1.0, 10.0])).tolist() == [2.0, 40.0]
    assert jacobian(lambda v: v * v)(x).tolist() == [[2.0, 0.0], [0.0, 4.0]]
    assert hvp(lambda v: (v**3).sum(), x, tensor([1.0, 1.0])).tolist() == [6.0, 12.0]


# Modules.


class Net(nn.Module):
    def __init__(self, rng=0):
        rng = np.random.default_rng(rng)
        self.layers = nn.Sequential(nn.Linear(3, 4, rng=rng), nn.ReLU(), nn.Dropout(0.5, rng=rng))
        self.head = nn.Linear(4, 2, bias=False, rng=rng)
        self.scale = nn.Parameter(1.0)
        self.calls = nn.Buffer(0)

    def forward(self, x):
        return self.head(self.layers(x)) * self.scale


def test_a_module_finds_what_it_holds():
    net = Net()
    names = ["scale", "layers.0.weight", "layers.0.bias", "head.weight"]
    assert [name for name, _ in net.named_parameters()] == names
    assert [name for name, _ in net.named_buffers()] == ["calls"]
    assert [name for name, _ in net.named_modules()] == [
        "",
        "layers",
        "layers.0",
        "layers.1",
        "layers.2",
        "head",
    ]
    assert [name for name, _ in net.named_generators()] == ["layers.2.rng"]
    assert list(net.children()) == [net.layers, net.head]
    assert [p.shape for p in net.parameters()] == [(), (4, 3), (4,), (2, 4)]
    assert list(net.state_dict()) == ["scale", "calls", *names[1:]]


def test_shared_parameters_are_found_once():
    net = Net()
    net.tied = net.head
    assert len(list(net.parameters())) == 4
    assert "tied.weight" not in dict(net.named_parameters())


def test_training_mode_reaches_the_whole_tree():
    net = Net()
    assert net.training
    assert net.eval() is net
    assert not any(module.training for _, module in net.named_modules())
    x = tensor(np.ones((2, 3), np.float32))
    assert net(x).tolist() == net(x).tolist()
    assert net.train() is net
    assert all(module.training for _, module in net.named_modules())


def test_zero_grad_forgets():
    net = Net()
    net(tensor(np.ones((2, 3), np.float32))).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_state_dicts_are_copies_and_load():
    net, other = Net(0), Net(1)
    state = net.state_dict()
    assert all(type(value) is Tensor for value in state.values())
    net.head.weight.assign(np.zeros((2, 4)))
    assert state["head.weight"].tolist() != net.head.weight.tolist()
    other.load_state_dict(state)
    assert other.head.weight.tolist() == state["head.weight"].tolist()
    other.load_state_dict({name: value.data for name, value in state.items()})
    state["head.weight"].data[...] = 7
    assert 7 not in other.head.weight.data


def test_a_state_that_does_not_fit_is_listed_and_changes_nothing():
    net = Net()
    before = net.state_dict()
    state = {name: value * 0 for name, value in before.items()}
    state["scale"] = tensor([1.0, 2.0])
    state["extra"] = tensor(1.0)
    del state["head.weight"]
    with pytest.raises(StateError) as caught:
        net.load_state_dict(state)
    for part in ("missing: head.weight", "surplus: extra", "scale () from (2,)"):
        assert part in str(caught.value)
    after = net.state_dict()
    assert all(after[name].tolist() == before[name].tolist() for name in before)
    del state["scale"]
    net.load_state_dict(state, strict=False)
    assert net.layers[0].weight.tolist() == np.zeros((4, 3)).tolist()


def test_a_copied_module_shares_nothing():
    net = Net()
    twin = copy.deepcopy(net)
    x = tensor(np.ones((64, 3), np.float32))
    assert net(x).tolist() == twin(x).tolist()
    net.head.weight.assign(np.zeros((2, 4)))
    net.calls.assign(5)
    assert twin.head.weight.data.any()
    assert twin.calls.item() == 0
    assert isinstance(twin.head.weight, nn.Parameter)


def test_parameters_and_buffers_assign():
    parameter, buffer = nn.Parameter([1.0]), nn.Buffer([1, 2])
    assert isinstance(parameter, Variable)
    assert not isinstance(buffer, Variable)
    assert parameter.assign([2.0]).tolist() == [2.0]
    assert buffer.assign(buffer + 1).tolist() == [2, 3]
    with pytest.raises(ShapeError):
        buffer.assign([1])


def test_linear_has_pytorchs_shapes_and_takes_rng():
    linear = nn.Linear(3, 2, rng=0)
    assert (linear.weight.shape, linear.bias.shape) == ((2, 3), (2,))
    assert nn.Linear(3, 2, rng=0).weight.tolist() == linear.weight.tolist()
    assert abs(linear.weight.data).max() <= 3**-0.5
    x = np.ones((4, 3), np.float32)
    expected = x @ linear.weight.data.T + linear.bias.data
    np.testing.assert_allclose(linear(tensor(x)).data, expected, rtol=1e-6)
    assert nn.Linear(3, 2, bias=False).bias is None
    with pytest.raises(ShapeError):
        linear(tensor([[1.0, 2.0]]))


def test_sequential_and_module_list_are_lists():
    parts = [nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 1, rng=1)]
    model = nn.Sequential(*parts)
    assert (len(model), model[0], list(model)) == (3, parts[0], parts)
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(model[:2]) == 2
    assert list(nn.ModuleList(parts)) == parts
    with pytest.raises(DTypeError):
        nn.Sequential(lambda x: x)


def test_wrong_settings_of_modules_are_errors():
    with pytest.raises(ArgumentError):
        nn.Linear(0, 2)
    with pytest.raises(ArgumentError):
        nn.Dropout(1.5)
    with pytest.raises(IndexRangeError):
        nn.Embedding(3, 2)([3])


def test_init_gives_float32_arrays():
    for name in ("kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal"):
        function = getattr(nn.init, name)
        array = function((8, 4, 3, 3), rng=0)
        assert type(array) is np.ndarray
        assert (array.shape, array.dtype) == ((8, 4, 3, 3), np.float32)
        np.testing.assert_array_equal(array, function((8, 4, 3, 3), rng=0))


def test_a_summary_counts_parameters():
    assert "total" in str(Net().eval().summary((1, 3))).lower()


def test_a_small_network_learns():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((64, 3)).astype(np.float32)
    classes = tensor((inputs.sum(axis=1) > 0).astype(np.int64))
    model = nn.Sequential(nn.Linear(3, 16, rng=rng), nn.Tanh(), nn.Linear(16, 2, rng=rng))
    losses = []
    for _ in range(50):
        loss = F.cross_entropy(model(tensor(inputs)), classes)
        losses.append(loss.item())
        gradients = loss.backward()
        for parameter in model.parameters():
            parameter.assign(parameter.data - 0.5 * gradients[parameter].data)
    assert losses[-1] < 0.3 * losses[0]


def test_gradients_flow_through_lists_of_variables():
    xs = [Variable([1.0, 2.0]), Variable([3.0, 4.0])]
    (stack(xs) * tensor([[1.0], [10.0]])).sum().backward()
    assert [x.grad.tolist() for x in xs] == [[1.0, 1.0], [10.0, 10.0]]
