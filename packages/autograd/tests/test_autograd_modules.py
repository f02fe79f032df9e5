"""Modules: the tree, states, copies, layers, first values, summaries."""

import copy
import math
import pickle  # noqa: TID251 - modules pass between processes by it

import numpy as np
import pytest

from tinytorch.autograd import Variable, gradcheck, nn, no_grad
from tinytorch.tensor import (
    ArgumentError,
    DTypeError,
    IndexRangeError,
    ShapeError,
    StateError,
    Tensor,
    tensor,
)
from tinytorch.tensor import functional as F
from tinytorch.tensor.testing import assert_close

X = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


class Block(nn.Module):
    """Has one of everything that a module can hold."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.scale = nn.Parameter(np.ones(3))
        self.first = nn.Linear(3, 3, rng=rng)
        self.count = nn.Buffer(np.zeros(2, np.int64))
        self.rng = rng
        self.number, self.plain = 7, tensor([1.0])
        self.parts = nn.ModuleList([nn.ReLU(), nn.Linear(3, 2, rng=rng)])

    def forward(self, x):
        x = self.first(x * self.scale)
        for part in self.parts:
            x = part(x)
        return x


def test_names_and_order():
    block = Block()
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


def test_a_module_needs_no_super_init_and_a_removed_part_is_gone():
    block = Block()
    del block.first
    assert "first.weight" not in block.state_dict()
    block.scale = None
    assert "scale" not in dict(block.named_parameters())


def test_shared_modules_and_parameters_count_once_but_load_by_their_first_name():
    block = Block()
    block.again = block.first
    block.tied = nn.Linear(3, 3, rng=0)
    block.tied.weight = block.first.weight
    names = [name for name, _ in block.named_parameters()]
    assert len(names) == 6
    assert "tied.weight" not in names
    assert len({id(p) for p in block.parameters()}) == len(names)
    assert "tied.weight" in block.state_dict()
    block.load_state_dict(block.state_dict())


def test_a_cycle_of_modules_is_walked_once():
    block = Block()
    block.first.owner = block
    assert len(list(block.modules())) == 5
    assert len(list(block.parameters())) == 5


def test_modes():
    block = Block()
    assert block.eval() is block
    assert not block.training
    assert not block.parts[0].training
    assert block.train().training
    assert not block.train(False).training
    assert nn.Module.training


def test_zero_grad():
    block = Block()
    block(tensor(X)).sum().backward()
    assert all(p.grad is not None for p in block.parameters())
    block.zero_grad()
    assert all(p.grad is None for p in block.parameters())


def test_state_dict_is_a_copy():
    block = Block()
    state = block.state_dict()
    before = state["scale"].tolist()
    block.scale.assign(np.zeros(3))
    assert state["scale"].tolist() == before
    assert {type(x) for x in state.values()} == {Tensor}
    assert state["count"].dtype == np.int64


def test_load_state_dict_keeps_arrays_and_types():
    block, array = Block(), None
    array = block.scale.data
    state = {name: x.data.astype(np.float32) for name, x in Block(1).state_dict().items()}
    state["scale"] = [1.0, 2.0, 3.0]
    block.load_state_dict(state)
    assert block.scale.data is array
    assert (block.scale.dtype, block.scale.tolist()) == (np.float64, [1.0, 2.0, 3.0])
    assert block.count.dtype == np.int64
    assert_close(block.first.weight, state["first.weight"])


def test_a_state_that_does_not_fit_lists_everything_and_changes_nothing():
    block = Block()
    before = block.state_dict()
    state = Block(1).state_dict()
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
def test_a_state_that_holds_no_numbers_changes_nothing(wrong):
    block = Block()
    before = block.state_dict()
    state = {**Block(1).state_dict(), "parts.1.bias": wrong[:2]}
    with pytest.raises(DTypeError, match="real numbers"):
        block.load_state_dict(state)
    assert all(x.tolist() == before[name].tolist() for name, x in block.state_dict().items())


def test_only_surplus_or_only_missing_is_an_error_too():
    block = Block()
    with pytest.raises(StateError, match="surplus: extra"):
        block.load_state_dict({**block.state_dict(), "extra": 1.0})
    with pytest.raises(StateError, match="missing: scale"):
        block.load_state_dict({k: v for k, v in block.state_dict().items() if k != "scale"})


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_share_nothing(copied):
    block = Block()
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


def test_a_copy_keeps_what_is_shared_within():
    block = Block()
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


# Layers.


def test_linear():
    linear = nn.Linear(3, 2, rng=0)
    expected = X @ linear.weight.data.T + linear.bias.data
    assert_close(linear(tensor(X)), expected)
    assert linear(X[0]).shape == (2,)
    assert linear(np.zeros((2, 5, 3), np.float32)).shape == (2, 5, 2)
    linear(tensor(X)).sum().backward()
    assert_close(linear.bias.grad, [4.0, 4.0])
    assert_close(linear.weight.grad, np.stack([X.sum(0)] * 2), rtol=1e-5)
    with pytest.raises(ShapeError, match="features"):
        linear(tensor([[1.0, 2.0]]))


def test_weights_are_drawn_within_their_bounds():
    linear = nn.Linear(16, 500, rng=0)
    for weights in (linear.weight.data, linear.bias.data):
        assert np.abs(weights).max() <= 0.25
        assert np.abs(weights).max() > 0.24
        assert weights.dtype == np.float32
    assert nn.Linear(2, 2).weight.tolist() != nn.Linear(2, 2).weight.tolist()
    assert nn.Linear(2, 2, rng=1).bias.tolist() == nn.Linear(2, 2, rng=1).bias.tolist()


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(0, 1),
        lambda: nn.Linear(1, -1),
        lambda: nn.Linear(1.5, 1),
        lambda: nn.Linear("3", 1),
        lambda: nn.Linear(True, 1),
        lambda: nn.Embedding(0, 1),
        lambda: nn.Embedding(1, 0),
        lambda: nn.LayerNorm(0),
        lambda: nn.LayerNorm((2, 0)),
        lambda: nn.Dropout(-0.1),
        lambda: nn.Dropout(float("nan")),
    ],
)
def test_wrong_settings(make):
    with pytest.raises(ArgumentError):
        make()


def test_embedding():
    embedding = nn.Embedding(5, 2, rng=0)
    assert embedding([[0, 4], [1, 1]]).shape == (2, 2, 2)
    assert_close(embedding(tensor(3)), embedding.weight.data[3])
    embedding([1, 1, 4]).sum().backward()
    assert embedding.weight.grad.tolist() == [[0, 0], [2, 2], [0, 0], [0, 0], [1, 1]]
    assert embedding(np.zeros((0,), np.int64)).shape == (0, 2)
    assert abs(nn.Embedding(500, 20, rng=0).weight.data.std() - 1) < 0.02
    for wrong in ([5], [-1]):
        with pytest.raises(IndexRangeError, match="0 to 4"):
            embedding(wrong)
    with pytest.raises(DTypeError, match="integers"):
        embedding([0.5])


def test_dropout_draws_anew_in_training_alone():
    dropout, x = nn.Dropout(0.5, rng=0), tensor(np.ones(100))
    assert dropout(x).tolist() != dropout(x).tolist()
    dropout.eval()
    assert dropout(x) is x
    assert nn.Dropout().p == 0.5


def test_dropout_passes_gradients_where_it_kept():
    x = Variable(np.ones(50))
    y = nn.Dropout(0.5, rng=0)(x)
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()


def test_layer_norm():
    norm = nn.LayerNorm(3)
    got = norm(tensor(X)).data
    assert_close(got.mean(axis=1), np.zeros(4), atol=1e-6)
    assert_close(got.std(axis=1), np.ones(4), rtol=1e-3)
    norm.weight.assign([1.0, 2.0, 3.0])
    norm.bias.assign([0.0, 0.0, 5.0])
    assert_close(norm(tensor(X)), got * [1, 2, 3] + [0, 0, 5], rtol=1e-4, atol=1e-5)
    assert nn.LayerNorm(3, bias=False).bias is None
    assert nn.LayerNorm((4, 3)).weight.shape == (4, 3)
    assert nn.LayerNorm(np.int64(3)).normalized_shape == (3,)
    with pytest.raises(ShapeError, match="normalized_shape"):
        norm(tensor([[1.0, 2.0]]))


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (nn.ReLU(), F.relu),
        (nn.LeakyReLU(), F.leaky_relu),
        (nn.LeakyReLU(0.3), lambda x: F.leaky_relu(x, 0.3)),
        (nn.GELU(), F.gelu),
        (nn.GELU("tanh"), lambda x: F.gelu(x, "tanh")),
        (nn.SiLU(), F.silu),
        (nn.Sigmoid(), F.sigmoid),
        (nn.Tanh(), F.tanh),
        (nn.Softmax(), F.softmax),
        (nn.Softmax(0), lambda x: F.softmax(x, 0)),
        (nn.LogSoftmax(), F.log_softmax),
        (nn.LogSoftmax(0), lambda x: F.log_softmax(x, 0)),
        (nn.Identity(), lambda x: x),
        (nn.Flatten(), lambda x: x.reshape(4, 3)),
        (nn.Flatten(0), lambda x: x.reshape(12)),
    ],
)
def test_activation_modules_are_their_functions(module, function):
    assert_close(module(tensor(X)), function(tensor(X)))


def test_sequential():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=1))
    assert_close(model(tensor(X)), model[2](model[1](model[0](tensor(X)))))
    assert isinstance(model[1:], nn.Sequential)
    assert model[-1] is model[2]
    assert list(nn.Sequential()) == []
    model.append(nn.ReLU())
    assert len(model) == 4
    model.extra = nn.Parameter([1.0])
    assert next(iter(model.state_dict())) == "extra"
    with pytest.raises(DTypeError, match="forward method"):
        nn.Sequential([nn.ReLU()])
    with pytest.raises(DTypeError, match="ModuleList"):
        nn.ModuleList([1])
    assert isinstance(nn.ModuleList([nn.ReLU()])[:1], nn.ModuleList)


def test_an_exception_in_a_layer_names_the_layer():
    model = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(4, 2, rng=0)))
    with pytest.raises(ShapeError) as caught:
        model(tensor(X))
    assert caught.value.__notes__ == [
        "in layer 0 of Sequential, Linear(4, 2), given (4, 3)",
        "in layer 1 of Sequential, Sequential(), given (4, 3)",
    ]
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the layer raises
        nn.Sequential(nn.Linear(1, 1), nn.Identity())(None)
    assert "given NoneType" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.Linear(3, 2, rng=0), (2, 3)),
        (nn.LayerNorm(3), (2, 3)),
        (nn.Sequential(nn.Linear(3, 2, rng=0), nn.Tanh(), nn.Linear(2, 1, rng=1)), (2, 3)),
        (nn.GELU(), (4,)),
        (nn.GELU("tanh"), (4,)),
        (nn.SiLU(), (4,)),
        (nn.LeakyReLU(), (4,)),
        (nn.Softmax(), (2, 3)),
    ],
)
def test_gradients_of_modules(module, shape):
    x = np.linspace(-1.9, 2.1, int(np.prod(shape))).reshape(shape)
    parameters = list(module.parameters())

    def call(inputs, *weights):
        names = [name for name, _ in module.named_parameters()]
        for name, weight in zip(names, weights, strict=True):
            owner, _, leaf = name.rpartition(".")
            vars(dict(module.named_modules())[owner])[leaf] = weight
        try:
            return module(inputs)
        finally:
            for name, parameter in zip(names, parameters, strict=True):
                owner, _, leaf = name.rpartition(".")
                vars(dict(module.named_modules())[owner])[leaf] = parameter

    gradcheck(module, x, order=2)
    if type(module) is nn.Linear:
        gradcheck(F.linear, x, *parameters, order=2)


# First values.


@pytest.mark.parametrize(
    ("draw", "deviation"),
    [
        (lambda s: nn.init.kaiming_uniform(s, rng=0), math.sqrt(2 / (50 * 9))),
        (lambda s: nn.init.kaiming_uniform(s, a=1, rng=0), math.sqrt(1 / (50 * 9))),
        (lambda s: nn.init.kaiming_normal(s, rng=0), math.sqrt(2 / (50 * 9))),
        (lambda s: nn.init.kaiming_normal(s, a=1, rng=0), math.sqrt(1 / (50 * 9))),
        (lambda s: nn.init.xavier_uniform(s, rng=0), math.sqrt(2 / (150 * 9))),
        (lambda s: nn.init.xavier_uniform(s, gain=2, rng=0), 2 * math.sqrt(2 / (150 * 9))),
        (lambda s: nn.init.xavier_normal(s, rng=0), math.sqrt(2 / (150 * 9))),
        (lambda s: nn.init.xavier_normal(s, gain=2, rng=0), 2 * math.sqrt(2 / (150 * 9))),
    ],
)
def test_first_values_have_their_deviation(draw, deviation):
    values = draw((100, 50, 3, 3))
    assert (values.shape, values.dtype) == ((100, 50, 3, 3), np.float32)
    assert values.std() == pytest.approx(deviation, rel=0.02)
    assert abs(values.mean()) < deviation / 50


def test_uniform_first_values_have_bounds():
    bound = math.sqrt(6 / (10 + 20))
    values = nn.init.xavier_uniform((20, 10), rng=0)
    assert 0.95 * bound < np.abs(values).max() <= bound


@pytest.mark.parametrize("shape", [(3, 3, 1), (2, 3, 3, 3), (5, 2, 3, 4), (4, 4, 2, 3, 3)])
def test_dirac_passes_channels_on(shape):
    weight = nn.Parameter(np.ones(shape))
    assert nn.init.dirac_(weight) is weight
    center = weight.data[(..., *[n // 2 for n in shape[2:]])]
    assert center.tolist() == np.eye(*shape[:2]).tolist()
    assert weight.data.sum() == min(shape[:2])


def test_dirac_passes_channels_on_in_each_group():
    weight = nn.init.dirac_(nn.Parameter(np.ones((6, 2, 3), np.float32)), groups=3)
    assert weight.data[:, :, 1].tolist() == np.tile(np.eye(2), (3, 1)).tolist()
    assert not weight.data[:, :, ::2].any()


@pytest.mark.parametrize(("shape", "groups"), [((3, 3), 1), ((3, 3, 3), 2), ((1,) * 6, 1)])
def test_dirac_needs_a_kernel_and_groups_that_divide(shape, groups):
    with pytest.raises(ShapeError, match="kernel axes"):
        nn.init.dirac_(nn.Parameter(np.ones(shape)), groups)


def test_first_values_of_wrong_shapes_are_errors():
    for draw in (
        nn.init.kaiming_uniform,
        nn.init.kaiming_normal,
        nn.init.xavier_uniform,
        nn.init.xavier_normal,
    ):
        for shape in ((3,), (), (2, 0)):
            with pytest.raises(ShapeError, match="outputs, inputs"):
                draw(shape)
    with pytest.raises(ArgumentError, match="finite"):
        nn.init.kaiming_uniform((2, 2), a=float("inf"))


# Summaries.


def test_a_summary_lists_layers_in_order_of_computation():
    model = nn.Sequential(
        nn.Linear(4, 8, rng=0), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2, rng=1)
    )
    summary = model.summary((5, 4))
    assert [layer.name for layer in summary.layers] == ["0", "1", "2", "3"]
    assert [layer.kind for layer in summary.layers] == ["Linear", "ReLU", "Dropout", "Linear"]
    assert [layer.output_shape for layer in summary.layers] == [(5, 8), (5, 8), (5, 8), (5, 2)]
    assert [layer.parameters for layer in summary.layers] == [40, 0, 0, 18]
    assert [layer.flops for layer in summary.layers] == [5 * 8 * 9, 40, None, 5 * 2 * 17]
    assert [layer.weight_bytes for layer in summary.layers] == [160, 0, 0, 72]
    assert [layer.output_bytes for layer in summary.layers] == [160, 160, 160, 40]
    assert (summary.parameters, summary.flops) == (58, 360 + 40 + 170)
    assert (summary.weight_bytes, summary.output_bytes) == (232, 520)
    assert repr(summary) == str(summary)
    assert "2 (Dropout)  (5, 8)" in str(summary)


def test_a_summary_leaves_the_module_as_it_is():
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Dropout(0.5, rng=0))
    model[0].eval()
    state = model[1].rng.bit_generator.state
    model.summary((1, 2))
    assert model.training
    assert not model[0].training
    assert not model[0].is_watched
    assert model[1].rng.bit_generator.state == state
    with pytest.raises(ShapeError):
        model.summary((1, 3))
    assert not model[0].is_watched
    assert model.training


def test_shared_parameters_and_repeated_layers_in_a_summary():
    class Twice(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2, bias=False, rng=0)
            self.scale = nn.Parameter(1.0)
            self.steps = nn.Buffer(np.zeros(2))

        def forward(self, x):
            return self.layer(self.layer(x)) * self.scale

        def flops(self, input_shape, output_shape):
            return math.prod(output_shape)

    summary = Twice().summary((1, 2))
    assert [layer.name for layer in summary.layers] == ["layer", "layer", ""]
    assert (summary.parameters, summary.flops) == (5, 8 + 8 + 2)
    assert summary.weight_bytes == 16 + 4 + 16
    assert "\nTwice" in str(summary)


def test_a_summary_takes_an_input_of_another_type():
    summary = nn.Embedding(1000, 300, rng=0).summary(tensor([1, 2]))
    assert summary.layers[0].output_shape == (2, 300)
    assert "1.2 MB" in str(summary)
    assert "300,000" in str(summary)


def test_a_summary_records_no_graph():
    kept = []

    class Keep(nn.Module):
        def forward(self, x):
            kept.append(x)
            return x

    nn.Sequential(nn.Linear(2, 2, rng=0), Keep()).summary((1, 2))
    assert type(kept[0]) is Tensor
    with no_grad():
        assert nn.Linear(2, 2, rng=0).summary((1, 2)).parameters == 6


def test_sizes_read_well():
    from tinytorch.autograd.nn._summary import _bytes

    shown = [_bytes(n) for n in (0, 999, 1000, 1.5e6, 2.34e9, 5e13)]
    assert shown == ["0 B", "999 B", "1 kB", "1.5 MB", "2.34 GB", "5e+04 GB"]
