"""Outputs averaged over views of each image."""

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.optim import SGD
from tinytorch.tensor.errors import ArgumentError, ShapeError
from tinytorch.training import Trainer, predict_averaged

IMAGES = np.random.default_rng(0).normal(size=(5, 2, 4, 6)).astype(np.float32)


@pytest.fixture
def trainer():
    """The Trainer of a model that is not linear, so that each view has an output of its own."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3, rng=0), nn.ReLU())
    return Trainer(model, SGD(lr=0.1), [(IMAGES, np.zeros(5, int))], progress=False)


def test_the_image_alone_gives_what_predict_gives(trainer):
    averaged = predict_averaged(trainer, [IMAGES], mirror=False)
    np.testing.assert_array_equal(averaged.numpy(), trainer.predict([IMAGES]).numpy())


def test_a_mirror_image_counts_as_much_as_the_image(trainer):
    expected = trainer.predict([IMAGES]).numpy() / 2
    expected = expected + trainer.predict([IMAGES[..., ::-1].copy()]).numpy() / 2
    averaged = predict_averaged(trainer, [IMAGES[:3], IMAGES[3:]])
    np.testing.assert_allclose(averaged.numpy(), expected, rtol=1e-6)


def test_two_shifts_count_together_as_much_as_the_image(trainer):
    rows, columns = np.arange(4), np.arange(6)
    up_left = IMAGES[:, :, [1, 2, 3, 2]][..., [1, 2, 3, 4, 5, 4]]
    down_right = IMAGES[:, :, abs(rows - 1)][..., abs(columns - 1)]
    views = [(0.5, IMAGES), (0.25, up_left), (0.25, down_right)]
    expected = sum(weight * trainer.predict([view]).numpy() for weight, view in views)
    averaged = predict_averaged(trainer, [IMAGES], mirror=False, shift=1)
    np.testing.assert_allclose(averaged.numpy(), expected, rtol=1e-5)


def test_views_of_a_model_that_sums_pixels_are_weighed_to_one(trainer):
    same = np.ones_like(IMAGES)
    averaged = predict_averaged(trainer, [same], shift=2)
    np.testing.assert_allclose(averaged.numpy(), trainer.predict([same]).numpy(), rtol=1e-6)


def test_pairs_and_an_iterator_that_can_be_read_once_will_do(trainer):
    pairs = [(IMAGES, np.zeros(5, int))]
    one, other = (predict_averaged(trainer, loader).numpy() for loader in (pairs, iter(pairs)))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("loader", "settings", "error"),
    [
        ([], {}, ArgumentError),
        ([IMAGES], {"shift": -1}, ArgumentError),
        ([IMAGES], {"mirror": 1}, ArgumentError),
        ([IMAGES], {"shift": 4}, ShapeError),
        ([IMAGES[0]], {}, ShapeError),
    ],
)
def test_what_gives_no_views_is_refused(trainer, loader, settings, error):
    with pytest.raises(error) as caught:
        predict_averaged(trainer, loader, **settings)
    assert caught.value.operation == "predict_averaged"
