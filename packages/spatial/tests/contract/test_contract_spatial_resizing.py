"""Step 2, resizing and dropout: images made larger, and whole channels left out."""

import numpy as np
import pytest

from tinytorch.autograd import Variable
from tinytorch.tensor import ArgumentError, tensor

pytestmark = pytest.mark.step(2)
UP, DROP = "`upsample`", "`dropout2d`"


def test_nearest_repeats_pixels(spatial, expect, numbers):
    x = numbers(2, 3, 2, 4)
    got = spatial.upsample(tensor(x), (2, 3))
    expect(got, x.repeat(2, axis=2).repeat(3, axis=3), "each pixel is repeated in place", UP)


def test_nearest_to_a_size_takes_the_pixel_at_floor(spatial, expect):
    got = spatial.upsample(tensor(np.arange(4.0).reshape(1, 1, 1, 4)), size=(1, 6))
    expect(got, [[[[0, 0, 1, 2, 2, 3]]]], "pixel floor(i * width / new width)", UP)


def test_bilinear_draws_lines_between_pixel_centers(spatial, expect):
    got = spatial.upsample(tensor(np.array([[[[0.0, 4.0]]]])), size=(1, 4), mode="bilinear")
    mistake = "new center i lies at (i + 0.5) * width / new width - 0.5, kept inside the image"
    expect(got, [[[[0, 1, 3, 4]]]], mistake, UP)


def test_bilinear_goes_both_ways(spatial, expect):
    got = spatial.upsample(tensor(np.array([[[[0.0, 4.0], [8.0, 12.0]]]])), 2, "bilinear")
    row = np.array([0, 1, 3, 4.0])
    expect(got, (row + 2 * row[:, None])[None, None], "columns as rows", UP)


def test_gradients_of_resizing(spatial, slopes, numbers):
    x = numbers(1, 2, 2, 3)
    slopes(lambda x: spatial.upsample(x, 2), x, mistake="repeated pixels add up", row=UP)
    slopes(lambda x: spatial.upsample(x, size=(5, 4)), x, mistake="used pixels add up", row=UP)
    bilinear = {"size": (5, 4), "mode": "bilinear"}
    slopes(lambda x: spatial.upsample(x, **bilinear), x, mistake="the weights again", row=UP)


def test_the_module_resizes_as_the_function(spatial, expect, numbers):
    x = tensor(numbers(1, 2, 2, 3))
    got = spatial.Upsample(size=(5, 4), mode="bilinear")(x)
    expect(got, spatial.upsample(x, None, "bilinear", (5, 4)), "settings are handed on", "Upsample")


@pytest.mark.parametrize(
    "settings", [{}, {"scale_factor": 2, "size": 4}, {"scale_factor": 2, "mode": "cubic"}], ids=str
)
def test_one_of_factor_and_size_and_a_known_mode(spatial, settings):
    with pytest.raises(ArgumentError):
        spatial.upsample(tensor(np.ones((1, 1, 2, 2))), **settings)


def test_dropout_drops_whole_channels(spatial):
    y = spatial.dropout2d(tensor(np.ones((64, 32, 2, 3))), 0.25, rng=0).data.reshape(-1, 6)
    assert (y == y[:, :1]).all(), f"all pixels of a channel live or die together  [{DROP}]"
    share = (y[:, 0] == 0).mean()
    assert abs(share - 0.25) < 0.03, f"p=0.25 is the share that is dropped, here {share}  [{DROP}]"


def test_dropout_draws_for_each_image_and_each_channel(spatial):
    dropped = spatial.dropout2d(tensor(np.ones((64, 32, 1, 1))), 0.5, rng=0).data[..., 0, 0] == 0
    assert dropped.sum(1).min() > 8, f"some channels of each image  [{DROP}]"
    assert dropped.sum(1).max() < 24, f"not all channels of an image  [{DROP}]"
    assert dropped.sum(0).max() < 50, f"not the same channels of all images  [{DROP}]"


def test_dropout_keeps_the_mean(spatial, expect):
    y = spatial.dropout2d(tensor(np.ones((4, 8, 2, 2))), 0.2, rng=0).data
    kept = np.unique(y[y != 0])
    expect(kept, [1.25], "what stays is divided by 1 - p", DROP)


def test_dropout_draws_from_the_given_generator(spatial, expect):
    x, rng = tensor(np.ones((4, 8, 2, 2))), np.random.default_rng(0)
    one, two = (spatial.dropout2d(x, 0.5, rng=0) for _ in "12")
    expect(one, two, "the same seed gives the same", DROP)
    one, two = (spatial.dropout2d(x, 0.5, rng=rng) for _ in "12")
    assert (one.data != two.data).any(), f"a generator goes on  [{DROP}]"


def test_dropout_rests_outside_of_training(spatial, expect):
    x = tensor(np.ones((4, 8, 2, 2)))
    expect(spatial.dropout2d(x, 0.5, training=False), x, "training=False returns x", DROP)
    expect(spatial.Dropout2d(0.5).eval()(x), x, "eval() returns x", "`Dropout2d`")
    assert (spatial.Dropout2d(0.5, rng=0)(x).data == 0).any(), "in training channels are dropped"


@pytest.mark.parametrize("p", [0, 1])
def test_dropout_of_none_and_of_all(spatial, expect, p):
    x = np.ones((2, 3, 2, 2))
    expect(spatial.dropout2d(tensor(x), p), (1 - p) * x, "p may be 0 and 1", DROP)


def test_dropout_gives_gradients_to_what_stays(spatial, expect):
    x = Variable(np.ones((2, 8, 2, 2)))
    y = spatial.dropout2d(x, 0.5, rng=0)
    y.sum().backward()
    expect(x.grad, y.detach(), "the gradient is scaled and dropped as x is", DROP)


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_probabilities_are_between_0_and_1(spatial, p):
    with pytest.raises(ArgumentError):
        spatial.Dropout2d(p)
