"""Step 7, normalization: channels, or groups of them, brought to mean 0 and variance 1."""

import numpy as np
import pytest

from tinytorch.autograd import Variable, gradcheck
from tinytorch.tensor import ArgumentError, ShapeError, tensor

pytestmark = pytest.mark.step(7)
BATCH, MODULE, GROUP = "`batch_norm2d`", "`BatchNorm2d`", "`group_norm`"


def column(v):
    return np.reshape(v, (-1, 1, 1))


def test_each_channel_gets_mean_0_and_variance_1(spatial, expect):
    x = tensor(np.array([[[[1.0, 3.0]], [[10.0, 20.0]]]]))
    got = spatial.batch_norm2d(x, eps=0.0)
    expect(got, [[[[-1, 1]], [[-1, 1]]]], "(x - mean) / root of the variance", BATCH)


def test_the_variance_is_divided_by_the_count(spatial, expect, numbers):
    x = numbers(3, 2, 2, 2)
    wanted = (x - x.mean((0, 2, 3), keepdims=True)) / x.std((0, 2, 3), keepdims=True)
    got = spatial.batch_norm2d(tensor(x), eps=0.0)
    expect(got, wanted, "over batch, rows and columns, divided by n, not by n - 1", BATCH)


def test_eps_is_added_inside_of_the_root(spatial, expect):
    x = tensor(np.array([[[[1.0, 3.0]]]]))
    got = spatial.batch_norm2d(x, eps=3.0)
    expect(got, [[[[-0.5, 0.5]]]], "1 / sqrt(variance + eps)", BATCH)


def test_a_scale_and_a_shift_follow(spatial, expect):
    x = tensor(np.array([[[[1.0, 3.0]]]]))
    got = spatial.batch_norm2d(x, tensor([2.0]), tensor([5.0]), eps=0.0)
    expect(got, [[[[3, 7]]]], "x^ * weight + bias", BATCH)


def test_given_statistics_are_used(spatial, expect):
    x, mean, variance = tensor(np.array([[[[1.0, 5.0]]]])), tensor([1.0]), tensor([12.0])
    got = spatial.batch_norm2d(x, None, None, mean, variance, 4.0)
    mistake = "(x - running_mean) / sqrt(running_var + eps): eps inside of the root"
    expect(got, [[[[0, 1]]]], mistake, BATCH)


def test_both_statistics_are_given_or_none(spatial, numbers):
    with pytest.raises(ArgumentError):
        spatial.batch_norm2d(tensor(numbers(2, 2, 2, 2)), running_mean=tensor([0.0, 0.0]))


def test_gradients_move_with_the_statistics(spatial, slopes, numbers):
    x, w, b = numbers(3, 2, 3, 2), numbers(2), numbers(2)
    mistake = "mean and variance depend on x, too: w r (g - mean(g) - x^ mean(g x^))"
    slopes(lambda *o: spatial.batch_norm2d(*o), x, w, b, mistake=mistake, row=BATCH)  # noqa: PLW0108
    slopes(lambda x: spatial.batch_norm2d(x), x, mistake=mistake, row=BATCH)  # noqa: PLW0108


def test_gradients_with_given_statistics(spatial, slopes, numbers):
    mean, variance = tensor(numbers(2)), tensor(numbers(2) ** 2)
    slopes(
        lambda *o: spatial.batch_norm2d(*o, mean, variance),
        numbers(3, 2, 3, 2),
        numbers(2),
        numbers(2),
        mistake="given statistics are constants: g * weight / sqrt(running_var + eps)",
        row=BATCH,
    )


def test_gradients_have_gradients(spatial, numbers):
    gradcheck(lambda x: spatial.batch_norm2d(x) ** 3, numbers(3, 2, 2, 2), order=2)


def test_one_step_of_the_running_averages_by_hand(spatial, expect):
    layer = spatial.BatchNorm2d(1)
    layer(tensor(np.array([[[[1.0, 3.0]]]], np.float32)))
    mistake = "running = 0.9 running + 0.1 newest, from 0"
    expect(layer.running_mean, [0.2], mistake, MODULE)
    mistake = "running = 0.9 running + 0.1 newest, from 1; the newest divided by n - 1: here 2"
    expect(layer.running_var, [1.1], mistake, MODULE)
    assert layer.num_batches_tracked.item() == 1, f"one batch went in  [{MODULE}]"


@pytest.mark.parametrize("momentum", [0.5, None])
def test_running_averages(spatial, expect, numbers, momentum):
    layer, mean, variance = spatial.BatchNorm2d(3, momentum=momentum), np.zeros(3), np.ones(3)
    for step in range(1, 4):
        x = numbers(4, 3, 2, 2 + step)
        layer(tensor(x))
        share = 1 / step if momentum is None else momentum
        mean = (1 - share) * mean + share * x.mean((0, 2, 3))
        variance = (1 - share) * variance + share * x.var((0, 2, 3), ddof=1)
    mistake = f"momentum={momentum}: the weight of the newest; None is the plain average"
    expect(layer.running_mean, mean, mistake, MODULE, 1e-6)
    expect(layer.running_var, variance, f"{mistake}; divided by n - 1", MODULE, 1e-6)


def test_evaluation_uses_the_running_averages(spatial, expect, numbers):
    layer = spatial.BatchNorm2d(2, eps=0.5)
    layer.running_mean.assign([1.0, -2.0])
    layer.running_var.assign([3.5, 0.5])
    x = numbers(2, 2, 2, 3)
    wanted = (x - column([1, -2])) / column([2, 1])
    expect(layer.eval()(tensor(x)), wanted, "the running averages, not the batch's", MODULE)
    expect(layer.running_mean, [1, -2], "evaluation leaves them as they are", MODULE)


def test_a_single_pixel_can_be_evaluated_but_not_trained_on(spatial):
    layer, x = spatial.BatchNorm2d(3), tensor(np.ones((1, 3, 1, 1), np.float32))
    assert layer.eval()(x).shape == (1, 3, 1, 1)
    with pytest.raises(ShapeError):
        layer.train()(x)


def test_without_running_averages_evaluation_uses_the_batch(spatial, expect, numbers):
    layer = spatial.BatchNorm2d(3, affine=False, track_running_stats=False).eval()
    assert layer.state_dict() == {}, f"neither weights nor averages  [{MODULE}]"
    x = tensor(numbers(4, 3, 2, 2))
    expect(layer(x), spatial.batch_norm2d(x), "the batch's own statistics", MODULE)


def test_the_module_learns_scale_and_shift(spatial, expect, numbers):
    layer, x = spatial.BatchNorm2d(2), tensor(numbers(4, 2, 3, 3).astype(np.float32))
    layer.weight.assign([2.0, 3.0])
    layer.bias.assign([1.0, -1.0])
    wanted = spatial.batch_norm2d(x, layer.weight, layer.bias)
    expect(layer(x), wanted, "x^ * weight + bias", MODULE, 1e-6)
    layer(x).sum().backward()
    expect(layer.bias.grad, [36, 36], "the sum of what arrives at a channel", MODULE, 1e-4)


def test_the_state_has_pytorchs_names(spatial):
    names = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
    assert set(spatial.BatchNorm2d(4).state_dict()) == names, f"[{MODULE}]"


def test_float32_stays(spatial, numbers):
    x = Variable(numbers(4, 3, 2, 2).astype(np.float32))
    gradients = spatial.BatchNorm2d(3)(x).sum().backward()
    assert {g.dtype for g in gradients.values()} == {np.dtype(np.float32)}, f"[{MODULE}]"
    assert len(gradients) == 3, f"x, weight and bias  [{MODULE}]"


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_groups_of_each_image_are_normalized(spatial, expect, numbers, groups):
    x, w, b = numbers(2, 4, 3, 2), numbers(4), numbers(4)
    parts = x.reshape(2, groups, -1)
    normal = (parts - parts.mean(2, keepdims=True)) / np.sqrt(parts.var(2, keepdims=True) + 0.1)
    wanted = normal.reshape(x.shape) * column(w) + column(b)
    got = spatial.group_norm(tensor(x), groups, tensor(w), tensor(b), 0.1)
    expect(got, wanted, "over the channels of a group, in each image by itself", GROUP)


def test_gradients_of_group_norm(spatial, slopes, numbers):
    x, w, b = numbers(2, 4, 2, 2), numbers(4), numbers(4)
    group = lambda *o: spatial.group_norm(o[0], 2, *o[1:])  # noqa: E731
    slopes(group, x, w, b, mistake="each group's statistics depend on x", row=GROUP)


def test_the_module_of_group_norm(spatial, expect, numbers):
    x, layer = tensor(numbers(2, 4, 3, 2).astype(np.float32)), spatial.GroupNorm(2, 4, 0.1)
    assert set(layer.state_dict()) == {"weight", "bias"}, "`GroupNorm`"
    assert spatial.GroupNorm(2, 4, affine=False).state_dict() == {}, "`GroupNorm`"
    expect(layer(x), spatial.group_norm(x, 2, eps=0.1), "eps is handed on", "`GroupNorm`", 1e-6)


def test_groups_divide_the_channels(spatial):
    with pytest.raises(ArgumentError):
        spatial.GroupNorm(3, 8)
