"""One step: which parameters move, by which gradients and settings; seen with plain SGD."""

import math

import numpy as np
import pytest

from tinytorch.autograd import Variable, nn
from tinytorch.tensor import ArgumentError, GradientError, ShapeError, tensor

pytestmark = pytest.mark.step(2)
ROW = "`.step(gradients=None)`"


def leaves(count):
    return [Variable(float(number)) for number in range(1, count + 1)]


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW"])
def test_each_rule_makes_an_optimizer(optim, name):
    assert isinstance(getattr(optim, name)(), optim.Optimizer), "[contract: Optimizer]"


def test_a_step_moves_by_grad(optim, expect):
    (w,) = leaves(1)
    w.grad = tensor(2.0)
    optim.SGD([w], lr=0.1).step()
    expect(w.item(), 0.8, ".grad is not read", ROW, 1e-6)


def test_a_step_by_grad_keeps_it(optim):
    (w,) = leaves(1)
    w.grad = tensor(2.0)
    optim.SGD([w]).step()
    assert w.grad is not None, "step() keeps .grad: zero_grad is what clears it"


def test_a_step_by_gradients_clears_grad(optim):
    (w,) = leaves(1)
    optim.SGD([w]).step((w * w).backward())
    assert w.grad is None, "step(loss.backward()) needs no zero_grad: it clears .grad"


def test_gradients_of_the_call_go_before_grad(optim, expect):
    (w,) = leaves(1)
    w.grad = tensor(100.0)
    optim.SGD([w], lr=0.1).step({w: tensor(2.0)})
    expect(w.item(), 0.8, ".grad was used in place of the gradients given", ROW, 1e-6)


def test_a_step_leaves_the_gradient_as_it_is(optim):
    w = Variable(np.array([1.0, 2.0]))
    g = np.array([3.0, 4.0])
    w.grad = tensor(g)
    before = w.grad
    optim.SGD([w], weight_decay=0.5).step()
    assert w.grad is before
    assert w.grad.tolist() == [3.0, 4.0], "the decay was added to .grad itself"


def test_every_parameter_moves_by_its_own_gradient(optim, expect):
    x, y = leaves(2)
    optim.SGD([x, y], lr=1.0).step({x: tensor(0.25), y: tensor(0.5)})
    expect([x.item(), y.item()], [0.75, 1.5], "gradients mixed up", ROW)


def test_every_parameter_has_a_memory_of_its_own(optim, expect):
    x, y = leaves(2)
    optimizer = optim.SGD([x, y], lr=1.0, momentum=0.5)
    for _ in range(2):
        optimizer.step({x: tensor(1.0), y: tensor(10.0)})
    expect([x.item(), y.item()], [1 - 2.5, 2 - 25.0], "one velocity for all parameters", ROW)


def test_a_parameter_without_a_gradient_stays(optim, expect):
    x, y = leaves(2)
    optim.SGD([x, y], lr=1.0, weight_decay=0.5).step({x: tensor(0.25)})
    expect(y.item(), 2.0, "it moved, by decay or by another's gradient", ROW)


def test_a_frozen_parameter_stays(optim, expect):
    frozen, free = nn.Parameter(1.0), nn.Parameter(1.0)
    frozen.requires_grad = False
    optim.SGD([frozen, free], lr=0.5).step((frozen * free).backward())
    expect([frozen.item(), free.item()], [1.0, 0.5], "requires_grad is not looked at", ROW)


def test_a_step_without_any_gradient_is_refused(optim):
    with pytest.raises(GradientError):
        optim.SGD(leaves(1)).step()


def test_a_step_with_all_frozen_is_refused(optim):
    frozen = nn.Parameter(1.0)
    frozen.requires_grad = False
    with pytest.raises(GradientError):
        optim.SGD([frozen]).step({frozen: tensor(1.0)})


def test_a_gradient_of_another_shape_is_refused(optim):
    (w,) = leaves(1)
    with pytest.raises(ShapeError):
        optim.SGD([w]).step({w: tensor([1.0, 2.0])})


def test_a_step_that_is_refused_has_moved_nothing(optim, expect):
    x, y = leaves(2)
    with pytest.raises(ShapeError):
        optim.SGD([x, y]).step({x: tensor(1.0), y: tensor([1.0])})
    expect(x.item(), 1.0, "check all gradients before the first weight moves", ROW)


def test_what_backward_did_not_return_is_refused(optim):
    with pytest.raises(ArgumentError):
        optim.SGD(leaves(1)).step(tensor(1.0))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_is_named_when_asked(optim, value):
    (w,) = leaves(1)
    with pytest.raises(optim.NonFiniteError) as caught:
        optim.SGD([("w", w)], check_finite=True).step({w: tensor(value)})
    assert caught.value.parameter == "w"
    assert caught.value.step == 1
    assert isinstance(caught.value, GradientError)
    assert isinstance(caught.value, ArithmeticError)


def test_a_gradient_that_is_not_finite_passes_when_not_asked(optim):
    (w,) = leaves(1)
    optim.SGD([w]).step({w: tensor(math.nan)})
    assert math.isnan(w.item())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (2, 0)])
def test_shape_type_and_memory_stay(optim, dtype, shape):
    w = Variable(np.ones(shape), dtype)
    memory = w.data
    optim.SGD([w]).step({w: tensor(np.ones(shape, dtype))})
    assert (w.shape, w.dtype) == (shape, np.dtype(dtype))
    assert w.data is memory, "weights change in place: the module holds the same array"


def test_small_steps_of_half_precision_add_up(optim, expect):
    w = Variable(1.0, "float16")
    optimizer = optim.SGD([w], lr=1e-4)
    for _ in range(100):
        optimizer.step({w: tensor(1.0)})
    expect(w.item(), 0.99, "float16 rounds each step away: move a float32 copy", ROW, 1e-3)


def test_the_step_is_announced(optim):
    (w,) = leaves(1)
    loss = w * w
    optim.SGD([w]).step({w: tensor(1.0)})
    with pytest.raises(GradientError):
        loss.backward()


def test_zero_grad_forgets_the_gradients_of_all_groups(optim):
    x, y = leaves(2)
    x.grad = y.grad = tensor(1.0)
    optim.SGD([{"params": [x]}, {"params": [y]}]).zero_grad()
    assert x.grad is None
    assert y.grad is None, "the second group was forgotten"


def test_groups_have_settings_of_their_own(optim, expect):
    fast, slow = leaves(2)
    optimizer = optim.SGD([{"params": [fast], "lr": 0.5}, {"params": [slow]}], lr=0.1)
    optimizer.step({fast: tensor(1.0), slow: tensor(1.0)})
    expect([fast.item(), slow.item()], [0.5, 1.9], "one rate for all groups", "`params`", 1e-6)


def test_a_group_may_be_added_later(optim, expect):
    early, late = leaves(2)
    optimizer = optim.SGD([early], lr=0.1)
    optimizer.add_param_group({"params": [late], "lr": 0.5})
    optimizer.step({late: tensor(1.0)})
    expect(late.item(), 1.5, "the added group has its own rate", "`.add_param_group`")


def test_a_setting_may_be_changed_between_steps(optim, expect):
    (w,) = leaves(1)
    optimizer = optim.SGD([w], lr=0.1)
    optimizer.param_groups[0]["lr"] = 0.5
    optimizer.step({w: tensor(1.0)})
    expect(w.item(), 0.5, "settings are read at each step", "`.param_groups`")


def test_lr_reads_the_first_group_and_sets_all(optim):
    x, y = leaves(2)
    optimizer = optim.SGD([{"params": [x], "lr": 0.5}, {"params": [y]}], lr=0.1)
    assert optimizer.lr == 0.5
    optimizer.lr = 0.25
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


def test_lr_may_be_set_before_there_are_parameters(optim):
    optimizer = optim.SGD(lr=0.1)
    optimizer.lr = 0.5
    assert optimizer.bind(leaves(1)).lr == 0.5


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "0.1", None])
def test_a_rate_out_of_range_is_refused_when_it_is_set(optim, value):
    optimizer = optim.SGD(leaves(1), lr=0.1)
    with pytest.raises(ArgumentError):
        optimizer.lr = value
    assert optimizer.lr == 0.1


def test_an_optimizer_may_be_bound_later(optim, expect):
    optimizer = optim.SGD(lr=0.1)
    assert not optimizer.is_bound
    (w,) = leaves(1)
    optimizer.bind([w])
    assert optimizer.is_bound
    optimizer.step({w: tensor(1.0)})
    expect(w.item(), 0.9, "bind took the parameters but not the settings", "`.bind(params)`", 1e-6)


def test_an_optimizer_without_parameters_does_not_step(optim):
    with pytest.raises(optim.ParameterError):
        optim.SGD().step()


def test_an_optimizer_is_bound_once(optim):
    with pytest.raises(optim.ParameterError):
        optim.SGD(leaves(1)).bind(leaves(1))


@pytest.mark.parametrize(
    "given",
    [
        lambda model: model.parameters(),
        lambda model: list(model.parameters()),
        lambda model: model.named_parameters(),
        lambda model: [{"params": model.parameters()}],
    ],
    ids=["generator", "list", "names", "groups"],
)
def test_parameters_come_in_several_forms(optim, given):
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=0))
    (group,) = optim.SGD(given(model)).param_groups
    assert [id(p) for p in group["params"]] == [id(p) for p in model.parameters()]


@pytest.mark.parametrize(
    "params",
    [
        lambda w: [],
        lambda w: [w, w],
        lambda w: [{"params": [w]}, {"params": [w]}],
        lambda w: [w * 2],
        lambda w: [w.detach()],
        lambda w: [1.0],
        lambda w: w,
    ],
    ids=["none", "twice", "in two groups", "a result", "a Tensor", "a number", "no list"],
)
def test_what_cannot_be_optimized_is_refused(optim, params):
    with pytest.raises(optim.ParameterError):
        optim.SGD(params(Variable(1.0)))


@pytest.mark.parametrize("settings", [{"lr": -0.1}, {"momentum": -1}, {"weight_decay": math.nan}])
def test_a_setting_out_of_its_range_is_refused(optim, settings):
    with pytest.raises(ArgumentError):
        optim.SGD(leaves(1), **settings)


def test_an_unknown_setting_of_a_group_is_refused(optim):
    with pytest.raises(ArgumentError):
        optim.SGD([{"params": leaves(1), "learning_rate": 1}])


def test_two_scalars_walk_down_the_rosenbrock_valley(optim):
    x, y = Variable(-1.0), Variable(1.0)
    optimizer = optim.SGD([x, y], lr=0.002)
    for _ in range(1000):
        loss = (1 - x) ** 2 + 100 * (y - x**2) ** 2
        optimizer.step(loss.backward())
    assert loss.item() < 0.5
