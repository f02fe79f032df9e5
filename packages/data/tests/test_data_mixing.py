"""Mixing whole batches: labels say how much of which image there is."""

import numpy as np
import pytest

from tinytorch.data import CutMix, DataLoader, Digits, MixUp, Subset, TensorDataset
from tinytorch.tensor import Tensor, tensor
from tinytorch.tensor.errors import ArgumentError, IndexRangeError, ShapeError
from tinytorch.tensor.functional import cross_entropy

LABELS = np.arange(6)


@pytest.fixture
def images():
    """Six images, each 1 in a channel of its own and 0 elsewhere."""
    return np.eye(6, dtype=np.float32)[:, :, None, None] * np.ones((8, 10), np.float32)


@pytest.mark.parametrize("kind", [MixUp, CutMix])
class TestEveryMix:
    def test_labels_are_the_shares_of_the_images(self, kind, images):
        for seed in range(20):
            mixed, labels = kind(6)(images, LABELS, rng=seed)
            np.testing.assert_allclose(mixed.mean((2, 3)), labels, atol=1e-6)

    def test_labels_of_an_image_sum_to_1(self, kind, images):
        _, labels = kind(6)(images, LABELS, rng=0)
        np.testing.assert_allclose(labels.sum(1), 1, rtol=1e-6)
        assert (labels.shape, labels.dtype) == ((6, 6), np.float32)

    def test_shares_differ_from_batch_to_batch(self, kind, images):
        rng = np.random.default_rng(0)
        mix = kind(6)
        drawn = np.unique([mix(images, LABELS, rng=rng)[1] for _ in range(9)])
        assert len(drawn) > 10

    def test_is_determined_by_the_seed(self, kind, images):
        for one, other in zip(*(kind(6)(images, LABELS, rng=3) for _ in range(2)), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_leaves_its_input_alone(self, kind, images):
        before = images.copy()
        kind(6)(images, LABELS, rng=0)
        np.testing.assert_array_equal(images, before)

    def test_takes_bytes_and_soft_labels(self, kind, images):
        soft = np.eye(6, dtype=np.float64)
        mixed, labels = kind(6)((images * 255).astype(np.uint8), soft, rng=1)
        expected = kind(6)(images, LABELS, rng=1)
        np.testing.assert_allclose(mixed, expected[0], atol=1e-6)
        np.testing.assert_allclose(labels, expected[1], atol=1e-6)

    def test_takes_an_empty_batch(self, kind, images):
        mixed, labels = kind(6)(images[:0], LABELS[:0])
        assert (len(mixed), labels.shape) == (0, (0, 6))

    @pytest.mark.parametrize(
        ("labels", "error"),
        [(LABELS[:5], ShapeError), (LABELS / 2, ShapeError), (LABELS + 1, IndexRangeError)],
    )
    def test_labels_have_to_fit(self, kind, images, labels, error):
        with pytest.raises(error) as caught:
            kind(6)(images, labels)
        assert caught.value.operation == kind.__name__

    @pytest.mark.parametrize("wrong", [{"classes": 0}, {"classes": 2, "alpha": 0}])
    def test_settings_out_of_their_range(self, kind, wrong):
        with pytest.raises(ArgumentError) as caught:
            kind(**wrong)
        assert caught.value.operation == kind.__name__

    def test_names_itself(self, kind):
        assert repr(kind(10, alpha=0.2)) == f"{kind.__name__}(10, alpha=0.2)"


def test_a_patch_is_a_rectangle_at_one_place(images):
    mixed, _ = CutMix(6)(images, LABELS, rng=5)
    patches = mixed[np.arange(6), np.arange(6)] == 0
    moved = patches[patches.any((1, 2))]
    assert len(moved) > 1
    assert all((patch == moved[0]).all() for patch in moved)
    rows, columns = moved[0].any(1), moved[0].any(0)
    np.testing.assert_array_equal(moved[0], rows[:, None] & columns)


def test_small_alpha_hardly_mixes(images):
    shares = [MixUp(6, alpha=0.01)(images, LABELS, rng=seed)[1].max() for seed in range(20)]
    assert np.mean(np.array(shares) > 0.99) > 0.8


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_mixes_last_and_the_same_for_any_workers(workers):
    loader = DataLoader(Subset(Digits(), range(50)), 16, mix=MixUp(10), rng=0, num_workers=workers)
    batches = [(images.numpy(), labels.numpy()) for images, labels in loader]
    plain = DataLoader(Subset(Digits(), range(50)), 16, mix=MixUp(10), rng=0)
    for (images, labels), (others, expected) in zip(batches, plain, strict=True):
        np.testing.assert_array_equal(images, others.numpy())
        np.testing.assert_array_equal(labels, expected.numpy())


def test_mixed_labels_are_targets_of_cross_entropy():
    loader = DataLoader(Subset(Digits(), range(8)), 8, mix=CutMix(10), rng=0)
    ((images, labels),) = loader
    assert isinstance(images, Tensor)
    assert labels.shape == (8, 10)
    loss = cross_entropy(tensor(np.zeros((8, 10), np.float32)), labels)
    assert loss.item() == pytest.approx(np.log(10), rel=1e-5)


def test_what_is_no_pair_cannot_be_mixed():
    with pytest.raises(ArgumentError, match="of inputs and targets"):
        list(DataLoader(TensorDataset(np.zeros((2, 1, 2, 2))), mix=MixUp(10)))
