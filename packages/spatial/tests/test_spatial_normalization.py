"""Normalization against its definition; running statistics; derivatives to second order."""

import numpy as np
import pytest

from tinytorch.autograd import Variable, gradcheck
from tinytorch.spatial import BatchNorm2d, GroupNorm, batch_norm2d, group_norm, ops
from tinytorch.tensor import ShapeError, tensor


def random(*shape, dtype=np.float64):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def column(v):
    return v.reshape(-1, 1, 1)


def test_value_is_the_definition():
    x, w, b = random(4, 3, 5, 2) * 3 + 1, random(3), random(3)
    mean, std = x.mean((0, 2, 3)), np.sqrt(x.var((0, 2, 3)) + 1e-5)
    expected = (x - column(mean)) / column(std) * column(w) + column(b)
    np.testing.assert_allclose(batch_norm2d(x, w, b).data, expected, atol=1e-12)


@pytest.mark.parametrize("affine", [True, False])
def test_derivatives_to_second_order(affine):
    x, w, b = random(3, 2, 3, 2), random(2), random(2)
    if affine:
        gradcheck(lambda x, w, b: batch_norm2d(x, w, b) ** 3, x, w, b, order=2)
    else:
        gradcheck(lambda x: batch_norm2d(x) ** 3, x, order=2)


def test_derivatives_of_the_gradient_ops():
    g, x, w = random(3, 2, 3, 2), random(2, 2, 3, 3)[:, :, :, :2].repeat(2, 0)[:3], random(2)
    x = x + random(3, 2, 3, 2)
    gradcheck(
        lambda g, x, w: ops.batch_norm2d_input_gradient(g, x, w, epsilon=1e-5), g, x, w, order=2
    )
    gradcheck(lambda g, x: ops.batch_norm2d_weight_gradient(g, x, epsilon=1e-5), g, x, order=2)


def test_derivatives_with_given_statistics():
    mean, variance = random(2), random(2) ** 2
    gradcheck(
        lambda x, w, b: batch_norm2d(x, w, b, mean, variance) ** 2,
        random(3, 2, 3, 2),
        random(2),
        random(2),
        order=2,
    )


def test_known_statistics_change_nothing():
    x, w = random(4, 3, 5, 2), random(3)
    known = tuple(ops.batch_moments(x).data)
    for op, operands in (
        (ops.batch_norm2d, (x, w, None)),
        (ops.batch_norm2d_input_gradient, (x**2, x, w)),
        (ops.batch_norm2d_weight_gradient, (x**2, x)),
    ):
        one = op(*operands, epsilon=1e-5).data
        two = op(*operands, epsilon=1e-5, statistics=known).data
        np.testing.assert_array_equal(one, two)


def test_variance_survives_a_large_mean():
    x = random(64, 4, 8, 8, dtype=np.float32) + np.float32(1000)
    mean, variance = ops.batch_moments(x).data
    np.testing.assert_allclose(mean, x.mean((0, 2, 3), dtype=np.float64), rtol=1e-5)
    np.testing.assert_allclose(variance, x.var((0, 2, 3), dtype=np.float64), rtol=1e-3)


@pytest.mark.parametrize("momentum", [0.1, 0.5, None])
def test_running_statistics(momentum):
    layer = BatchNorm2d(3, momentum=momentum)
    mean, variance = np.zeros(3), np.ones(3)
    for step in range(1, 4):
        x = random(4, 3, 2, 2 + step, dtype=np.float32)
        layer(tensor(x))
        share = 1 / step if momentum is None else momentum
        mean = (1 - share) * mean + share * x.mean((0, 2, 3))
        variance = (1 - share) * variance + share * x.var((0, 2, 3), ddof=1)
    np.testing.assert_allclose(layer.running_mean.data, mean, atol=1e-6)
    np.testing.assert_allclose(layer.running_var.data, variance, rtol=1e-5)
    assert layer.num_batches_tracked.item() == 3
    before = layer.running_mean.data.copy()
    x = random(1, 3, 1, 1, dtype=np.float32)
    y = layer.eval()(tensor(x))
    expected = (x - column(mean)) / np.sqrt(column(variance) + 1e-5)
    np.testing.assert_allclose(y.data, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(layer.running_mean.data, before)


def test_what_evaluation_read_stays_though_training_goes_on():
    x, gradients = random(4, 2, 3, 3), []
    for goes_on in (False, True):
        layer, images = BatchNorm2d(2, affine=False), Variable(x)
        y = layer.eval()(images)
        if goes_on:
            layer.train()(tensor(x * 5 + 7))
        (y * y).sum().backward()
        gradients.append(images.grad.data)
    np.testing.assert_array_equal(*gradients)


def test_operands_and_settings_of_the_ops_may_be_left_out():
    x = Variable(random(3, 2, 4, 3))
    gradcheck(lambda x: ops.batch_norm2d(x) ** 3, x, order=2)
    gradcheck(lambda x, w: ops.batch_norm2d(x, w) ** 3, x, random(2), order=2)
    gradcheck(ops.batch_norm2d_input_gradient, x.data**2, x, order=2)
    gradcheck(lambda x, w: ops.channel_affine(x, w) ** 2, x, random(2), order=2)
    gradcheck(lambda g, x: ops.channel_sums(g, x) ** 2, x.data**2, x, order=2)
    gradcheck(lambda g: ops.channel_sums(g) ** 2, x, order=2)


def test_without_running_statistics_eval_uses_the_batch():
    layer = BatchNorm2d(3, affine=False, track_running_stats=False).eval()
    assert layer.state_dict() == {}
    x = random(4, 3, 2, 2, dtype=np.float32)
    np.testing.assert_allclose(layer(tensor(x)).data, batch_norm2d(x).data, atol=1e-6)


def test_one_value_for_a_channel_has_no_variance():
    with pytest.raises(ShapeError, match="more than one value"):
        BatchNorm2d(3)(tensor(np.ones((1, 3, 1, 1), np.float32)))


def test_float32_stays_and_operands_do_not_change():
    x = random(4, 3, 5, 2, dtype=np.float32)
    before = x.copy()
    layer = BatchNorm2d(3)
    images = Variable(x)
    gradients = layer(images).backward(tensor(x))
    assert {g.dtype for g in gradients.values()} == {np.dtype(np.float32)}
    assert len(gradients) == 3
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_group_norm(groups):
    x, w, b = random(2, 4, 3, 2), random(4), random(4)
    parts = x.reshape(2, groups, -1)
    normal = parts - parts.mean(2, keepdims=True)
    normal = normal / np.sqrt(parts.var(2, keepdims=True) + 1e-5)
    expected = normal.reshape(x.shape) * column(w) + column(b)
    np.testing.assert_allclose(group_norm(x, groups, w, b).data, expected, atol=1e-12)
    gradcheck(lambda x, w, b: group_norm(x, groups, w, b), x, w, b, order=2)


def test_group_norm_module_in_float32():
    y = GroupNorm(2, 4)(tensor(random(2, 4, 3, 2, dtype=np.float32)))
    assert y.dtype == np.float32
    assert GroupNorm(2, 4, affine=False).state_dict() == {}
