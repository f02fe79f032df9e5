"""Convolution, normalization and ReLU in one op, which a `Sequential` in use asks for."""

import numpy as np
import pytest

from tinytorch.autograd import Variable, gradcheck, nn
from tinytorch.spatial import BatchNorm2d, Conv2d, ops
from tinytorch.tensor import Tensor, kernels

pytest.importorskip("numba", reason="the extra `fast` is not installed: no kernels to compare")


def random(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).standard_normal(shape)


@pytest.fixture(autouse=True)
def with_kernels():
    with kernels.using("numba"):
        yield


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("normalized", [False, True])
def test_derivatives_to_second_order(normalized, relu):
    x, w, b = random(2, 2, 4, 5), random(3, 2, 2, 2), random(3)
    statistics = (random(3, seed=1), random(3, seed=2) ** 2 + 1)
    settings = {"relu": relu, "stride": (2, 1), "padding": ((1, 0), (0, 1))}
    operands = (x, w, b, random(3, seed=3), random(3, seed=4)) if normalized else (x, w, b)
    settings |= {"statistics": statistics} if normalized else {}
    gradcheck(lambda *t: ops.conv2d_norm_relu(*t, **settings) ** 2, *operands, order=2)


def trained(*following):
    """A convolution and modules after it, whose statistics are not those of the beginning."""
    model = nn.Sequential(Conv2d(3, 5, 3, padding=1, rng=0), *following)
    model(random(4, 3, 6, 6).astype(np.float32) * 3 + 1)
    return model.eval()


FOLLOWING = {
    "normalization": ([BatchNorm2d(5)], 2),
    "normalization and ReLU": ([BatchNorm2d(5), nn.ReLU()], 3),
    "normalization without a scale": ([BatchNorm2d(5, affine=False), nn.ReLU()], 3),
    "ReLU": ([nn.ReLU()], 2),
    "statistics of the batch": ([BatchNorm2d(5, track_running_stats=False), nn.ReLU()], 1),
    "another normalization first": ([nn.Identity(), BatchNorm2d(5)], 1),
    "nothing": ([], 1),
}


@pytest.mark.parametrize(("following", "count"), FOLLOWING.values(), ids=FOLLOWING)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sequential_in_use_gives_the_same_in_fewer_steps(following, count, dtype):
    model, results = trained(*following), []
    assert model[0].fuse(model[1:])[1] == count
    for backend in ("reference", "numba"):
        with kernels.using(backend):
            x = Variable(random(2, 3, 6, 6).astype(dtype))
            y = model(x)
            gradients = y.backward(np.ones_like(y.data))
            results.append([y, x.grad, *(gradients[p] for p in model.parameters())])
    for one, two in zip(*results, strict=True):
        assert one.dtype == two.dtype
        np.testing.assert_allclose(one.data, two.data, atol=1e-4)


def test_modules_in_training_compute_for_themselves():
    model = trained(BatchNorm2d(5), nn.ReLU()).train()
    assert model[0].fuse(model[1:])[1] == 1


@pytest.mark.parametrize(("watched", "count"), [(0, 1), (1, 1), (2, 2)])
def test_modules_that_are_watched_compute_for_themselves(watched, count):
    model = trained(BatchNorm2d(5), nn.ReLU())
    with model[watched].watching():
        assert model[0].fuse(model[1:])[1] == count


def test_a_type_that_evaluates_in_its_own_way_sees_single_ops():
    class Seeing(Tensor):
        @staticmethod
        def evaluate(op, operands, settings):
            return Tensor.evaluate(op, operands, settings)

    x = random(2, 3, 6, 6).astype(np.float32)
    model = trained(nn.ReLU())
    assert "op=conv2d_norm_relu" in repr(model(Tensor(x)))
    assert "op=relu" in repr(model(Seeing(x)))


def test_an_error_tells_of_the_convolution():
    model = trained(BatchNorm2d(5), nn.ReLU())
    with pytest.raises(ValueError, match="conv2d") as caught:
        model(random(2, 4, 6, 6).astype(np.float32))
    assert "in layer 0" in caught.value.__notes__[0]
